"""Exercises and their checks: what is asked, what an answer gets, hints."""

import inspect
import re
import tempfile
import tomllib
import traceback as tracebacks
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from ..busy import Stopwatch
from ..notebook.runs import FIRST, Runs, runs_behind
from ..notebook.tracebacks import describe
from .own import first_borrowed, listed
from .place import there
from .room import disturbed, room
from .step import CannotCheck, NotYet, Step


@dataclass(frozen=True)
class Check:
    """One check of an exercise: a name, its points, and the function that tries the answer.

    `run` asks for answers by the names of its parameters, so no other can be missing. `topic`:
    all that a student is told who fails it, where the check is a teacher's hidden one.
    """

    name: str
    points: int
    praise: str
    run: Callable[..., None]
    topic: str = ""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The answers that it tries."""
        return tuple(inspect.signature(self.run).parameters)


Kind = Literal["build", "use", "find the bug", "predict"]


@dataclass
class Exercise:
    """An exercise: the names that the learner defines, three hints, and checks.

    `level` is 1 (a few lines), 2, or 3 (some thought). `own` has, for each class that the learner
    is to build, the methods to be written in it. `listed` has the name, the points and the praise
    of each check, in order.
    """

    id: str
    title: str
    kind: Kind
    level: int
    names: tuple[str, ...]
    hints: tuple[str, ...]
    listed: list[tuple[str, int, str]]
    own: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    checks: dict[str, Check] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)
    hints_told: int = 0

    def check(self, name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Register the decorated function: it gets answers by name, and fails through a `Step`."""
        [(points, praise)] = [(one[1], one[2]) for one in self.listed if one[0] == name]

        def register(run: Callable[..., None]) -> Callable[..., None]:
            self.checks[name] = Check(name, points, praise, run)
            return run

        return register


def load(module: str) -> dict[str, Exercise]:
    """Return the exercises that the text file beside a module describes: NAME.toml, NAME.py."""
    text = Path(module).with_suffix(".toml").read_text(encoding="utf-8")
    return {number: _exercise(number, **about) for number, about in tomllib.loads(text).items()}


def _exercise(id: str, checks: list[Any], hints: list[str], **about: Any) -> Exercise:
    about["names"] = tuple(about["names"])
    about["own"] = {name: tuple(methods) for name, methods in about.get("own", {}).items()}
    told = tuple(" ".join(hint.split()) for hint in hints)
    return Exercise(id, hints=told, listed=checks, **about)


def fair_attempt(
    spec: Exercise, check: Check, answers: tuple[Any, ...], namespace: Mapping[str, Any]
) -> NotYet | None:
    """Try the answers; once more where they failed on a machine too busy for our time limits.

    What fails twice is told as it failed first: an answer may keep things from one try to the next.
    """
    watch = Stopwatch()
    not_yet = attempt(spec, check, answers, namespace)
    if not_yet is not None and watch.is_busy() and not disturbed():
        return not_yet if attempt(spec, check, answers, namespace) else None
    return not_yet


def attempt(
    spec: Exercise, check: Check, answers: tuple[Any, ...], namespace: Mapping[str, Any]
) -> NotYet | None:
    """Try the answers, or the names they have in `namespace`; return what is not right yet.

    CannotCheck where this machine lacks what the check needs.
    """
    runs = None if answers else runs_behind(namespace)
    try:
        _want_current(check.names, runs)
        with room():
            given = dict(_given(spec, check.names, answers, namespace, runs))
            _want_own(spec, given)
            check.run(**given)
    except NotYet as not_yet:
        return not_yet if runs is None else _with_cells_to_run(not_yet, runs)
    except CannotCheck:
        raise
    except (Exception, SystemExit) as error:  # the answer lacks what the check took for granted
        if isinstance(error, OSError) and _raised_in(tempfile.__file__, error):
            told = f"There is no room for temporary files here: {error.strerror or error}. "
            raise CannotCheck(f"{told}Set TMPDIR to a folder that you may write to.") from error
        step = Step(
            called=f"the check {check.name!r} of {' and '.join(spec.names)}",
            expected="an answer with the names and methods that the task asks for",
            why="The check, like any program, uses an answer through its attributes and methods.",
        )
        failure = NotYet(step, describe(error))
        failure.__cause__ = error
        return failure
    return None


def _raised_in(file: str, error: BaseException) -> bool:
    *_, (frame, _) = tracebacks.walk_tb(error.__traceback__)
    return frame.f_code.co_filename == file


def _want_current(names: tuple[str, ...], runs: Runs | None) -> None:
    """Fail where the kernel has an earlier definition than the cell as it last ran."""
    name, came = runs.stale(names) if runs else ("", "")
    if name:
        Step(
            called=f"your {name}",
            expected=f"a cell that runs to its end and defines {name}, as its last run",
            why="The kernel still has an earlier version, which is not what your cell says now. "
            "Run the cell again when it is right, then the check.",
        ).fail(came)


def _with_cells_to_run(not_yet: NotYet, runs: Runs) -> NotYet:
    """Say which cells to run where the answer lacks a name that no cell of this kernel defined."""
    lacking = re.search(r"NameError: name '(\w+)' is not defined", not_yet.came)
    if lacking is None or runs.is_known(lacking[1]) or FIRST in not_yet.came:
        return not_yet
    step = replace(not_yet.step, why=f"Does a cell above define {lacking[1]}? Then {FIRST}.")
    return NotYet(step, not_yet.came)


def _given(
    spec: Exercise,
    names: tuple[str, ...],
    answers: tuple[Any, ...],
    namespace: Mapping[str, Any],
    runs: Runs | None,
) -> Iterator[tuple[str, Any]]:
    """Yield the answers with their names, looked up if none was passed; a blank one fails."""
    if answers:
        namespace = dict(zip(spec.names, answers, strict=True))
    for name in names:
        step = Step(
            called=f"your {name}",
            expected=f"a definition of {name}, in a cell that ran to its end",
            why="Without it there is nothing to try. An error in its cell leaves the name unset.",
        )
        try:
            answer = namespace[name]
        except KeyError:
            words = runs.missing(name) if runs else ""
            step.fail(f"there is no {name} yet{words and f': {words}'}")
        if answer is None or answer is ...:
            step.fail(f"{name} is {answer!r} (still blank)")
        if spec.kind != "predict" and not there(callable, answer):
            step.fail(f"{name} is {answer!r}")
        yield name, answer


def _want_own(spec: Exercise, named: dict[str, Any]) -> None:
    """Fail where an answer is the very class that it is to replace."""
    found = there(first_borrowed, named, dict(spec.own)) if spec.own else None
    if type(found) is tuple and any(found):  # a tuple of texts, whatever was sent in its place
        name, came = map(str, found)
        methods = f" with {listed(spec.own[name])}" if spec.own.get(name) else ""
        Step(
            called=f"your {name}",
            expected=f"a class of your own{methods}, written by you",
            why=f"That {name} is a fine one; this exercise is about writing your own. You may "
            "build on what you have written before, and on the library's other classes.",
        ).fail(came)


def message(spec: Exercise, check: Check, not_yet: NotYet) -> str:
    """Return what a learner is told, in less than twelve lines."""
    step = not_yet.step
    if check.topic:
        return f"✗ {spec.id}: 0 of {points_in_words(check.points)} for {check.topic}."
    return "\n".join(
        (
            f"✗ {spec.id} {check.name}: not yet, 0 of {points_in_words(check.points)}.",
            f"  Called:    {_one_line(step.called)}",
            f"  Came:      {_one_line(not_yet.came)}",
            f"  Expected:  {_one_line(step.expected)}",
            f"  Why:       {_one_line(step.why)}",
            f'  A hint:    hint("{spec.id}")',
        )
    )


def points_in_words(number: int) -> str:
    return f"{number} point{'s' if number != 1 else ''}"


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 300 else text[:297] + "..."
