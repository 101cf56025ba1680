"""Exercises and their checks: what is asked, what an answer gets, hints."""

import inspect
import re
import tempfile
import tomllib
import traceback as tracebacks
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from ..machine_load import Stopwatch
from ..notebook.run_history import FIRST, Runs, runs_behind
from ..notebook.tracebacks import describe
from ..output import listed
from ..remote.link import Checker
from .bench import Bench, bench_at
from .case import CannotCheckError, Case, CaseError, Failure
from .ownership import first_borrowed
from .predictions import compare
from .records import is_disturbed
from .slips import likely_slip

BENCH = "bench"
"""The parameter by which a check asks for its Bench."""

Run = TypeVar("Run", bound=Callable[..., Any])


@dataclass(frozen=True)
class Check:
    """One check of an exercise: a name, its points, and the functions that try the answer in turn.

    Each of them asks for what it needs by the names of its parameters: `bench`, and answers.
    `topic`: all that a student is told who fails it, where the check is a teacher's hidden one.
    """

    name: str
    points: int
    praise: str
    steps: tuple[Callable[..., Any], ...]
    topic: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The answers that it tries."""
        asked = [name for step in self.steps for name in _parameters(step)]
        return tuple(name for name in dict.fromkeys(asked) if name != BENCH)

    def try_on(self, bench: Bench, answers: dict[str, Any]) -> None:
        """Try the answers. CaseError for what is not right yet."""
        for step in self.steps:
            _call(step, {BENCH: bench, **answers})


@dataclass(frozen=True, kw_only=True)
class Prediction(Check):
    """A check that lays its answer beside what a real run gave.

    Its one step is named after the answer, makes the run, and returns what came; it may ask for the
    `case`, too. `misread` has what may have led to another answer, as `compare` wants it.
    """

    expected: str
    why: str
    misread: Any
    beside: str = "a real run"
    compare: Callable[[Case, Any, Any, Any], None] = compare

    @property
    def names(self) -> tuple[str, ...]:
        """The answer that it tries."""
        return tuple(step.__name__ for step in self.steps)

    def try_on(self, bench: Bench, answers: dict[str, Any]) -> None:
        """Lay the answer beside the run. CaseError where they differ."""
        [run], [(name, guess)] = self.steps, answers.items()
        case = bench.case(f"{name}, beside {self.beside}", self.expected, self.why)
        real = _call(run, {BENCH: bench, "case": case, **answers})
        self.compare(case, guess, real, self.misread)


@cache
def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)


def _call(function: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    """Call a function with those of the values that its parameters are named after."""
    return function(**{name: values[name] for name in _parameters(function)})


Kind = Literal["build", "use", "find the bug", "predict", "chapter"]


@dataclass(frozen=True)
class Exercise:
    """An exercise: the names that the learner defines, three hints, and checks.

    Of the kind "chapter" it is what the learner writes in a chapter itself: each check belongs to
    one place in it and has no points. `topic` is the chapter's. `hints_of` has hints for single
    checks: in a chapter for each of them, in an exercise for those where they help.
    `level` is 1 (a few lines), 2, or 3 (some thought). `own` has, for each class that the learner
    is to build, the methods to be written in it. The steps of the `checks` are added while the
    exercise's module is imported, and what a learner has done in it is kept elsewhere: one exercise
    serves everyone who asks for it.
    """

    id: str
    title: str
    kind: Kind
    level: int
    names: tuple[str, ...]
    hints: tuple[str, ...]
    checks: dict[str, Check]
    own: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    hints_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    topic: str = ""

    def check(self, name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Register the decorated function as a check, or as its next step where there is one."""

        def register(step: Callable[..., None]) -> Callable[..., None]:
            before = self.checks[name]
            self.checks[name] = replace(before, steps=(*before.steps, step))
            return step

        return register

    def prediction(self, name: str, **table: Any) -> Callable[[Run], Run]:
        """Register the decorated function as the real run of a prediction; see Prediction."""

        def register(run: Run) -> Run:
            listed = self.checks[name]
            self.checks[name] = Prediction(name, listed.points, listed.praise, (run,), **table)
            return run

        return register


def load(module: str) -> dict[str, Exercise]:
    """Return the exercises that the text file beside a module describes: NAME.toml, NAME.py."""
    text = Path(module).with_suffix(".toml").read_text(encoding="utf-8")
    topic = Path(module).stem
    return {
        number: _exercise(number, topic=topic, **about)
        for number, about in tomllib.loads(text).items()
    }


def _exercise(id: str, checks: list[Any], hints: Any, **about: Any) -> Exercise:
    about["names"] = tuple(about["names"])
    about["own"] = {name: tuple(methods) for name, methods in about.get("own", {}).items()}
    hints_of = about.pop("hints_of", {})
    if isinstance(hints, dict):  # a chapter's, for each place
        hints_of, hints, about["level"] = hints, (), 1
        checks = [(name, 0, praise) for name, praise in checks]
    about["hints_of"] = {name: _on_one_line(texts) for name, texts in hints_of.items()}
    listed = {name: Check(name, points, praise, ()) for name, points, praise in checks}
    return Exercise(id, hints=_on_one_line(hints), checks=listed, **about)


def _on_one_line(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(" ".join(text.split()) for text in texts)


def fair_attempt(
    exercise: Exercise,
    check: Check,
    answers: tuple[Any, ...],
    namespace: Mapping[str, Any],
    link: Checker | None = None,
) -> Failure | None:
    """Try the answers; once more where they failed on a machine too busy for our time limits.

    What fails twice is told as it failed first: an answer may keep things from one try to the next.
    """
    watch = Stopwatch()
    failure = attempt(exercise, check, answers, namespace, link)
    if failure is not None and watch.is_busy() and (link or not is_disturbed()):
        return failure if attempt(exercise, check, answers, namespace, link) else None
    return failure


def attempt(
    exercise: Exercise,
    check: Check,
    answers: tuple[Any, ...],
    namespace: Mapping[str, Any],
    link: Checker | None = None,
) -> Failure | None:
    """Try the answers, or the names they have in `namespace`; return what is not right yet.

    With a `link` they live at its other end. CannotCheckError where this machine lacks what the
    check needs.
    """
    runs = None if answers else runs_behind(namespace)
    if answers:
        namespace = dict(zip(exercise.names, answers, strict=True))
    try:
        _want_current(check.names, runs)
        with bench_at(link) as bench:
            given = {name: _given(bench, name, namespace, runs) for name in check.names}
            if exercise.kind != "predict":
                _want_callable(bench, given)
                _want_own(bench, exercise, given)
                check.try_on(bench, given)
            else:  # a prediction is laid beside a run in which nothing is the learner's
                with bench.here() as here:
                    check.try_on(here, given)
    except CaseError as error:
        return _in_a_notebook(error.failure, check, namespace, runs)
    except CannotCheckError:
        raise
    except (Exception, SystemExit) as error:  # the answer lacks what the check took for granted
        if isinstance(error, OSError) and _raised_in(tempfile.__file__, error):
            told = f"There is no room for temporary files here: {error.strerror or error}. "
            told += "Set TMPDIR to a folder that you may write to."
            raise CannotCheckError(told) from error
        failure = Failure(
            called=f"what the check {check.name!r} tries",
            got=describe(error),
            expected="an answer with the names and methods that the task asks for",
            why="The check, like any program, uses an answer through its attributes and methods.",
            cause=error,
        )
        return _in_a_notebook(failure, check, namespace, runs)
    return None


def _raised_in(file: str, error: BaseException) -> bool:
    *_, (frame, _) = tracebacks.walk_tb(error.__traceback__)
    return frame.f_code.co_filename == file


def _want_current(names: tuple[str, ...], runs: Runs | None) -> None:
    """Fail where the kernel has an earlier definition than the cell as it last ran."""
    name, ended = runs.stale(names) if runs else ("", "")
    if name:
        raise CaseError(
            Failure(
                called=f"your {name}",
                got=ended,
                expected=f"a cell that runs to its end and defines {name}, as its last run",
                why="The kernel still has an earlier version, which is not what your cell says "
                "now. Run the cell again when it is right, then the check.",
            )
        )


def _in_a_notebook(
    failure: Failure, check: Check, namespace: Mapping[str, Any], runs: Runs | None
) -> Failure:
    """Say what to write, or which cells to run, where the error itself says what is missing."""
    if runs is None:
        return failure
    classes = [one for one in map(namespace.get, check.names) if isinstance(one, type)]
    text = "\n".join(run.source for run in runs.done)
    if slip := likely_slip(failure.got, classes, namespace, text):
        return replace(failure, why=slip)
    lacking = re.search(r"NameError: name '(\w+)' is not defined", failure.got)
    if lacking is None or runs.is_known(lacking[1]) or FIRST in failure.got:
        return failure
    name = lacking[1]
    if name == "self":
        told = "self is known only inside a method that has it as its first parameter. "
        return replace(failure, why=f"{told}Is this line indented as far as the method's others?")
    why = (
        f"Does a cell above define {name}? Then {FIRST}. Or is it part of something? Then that "
        f"comes first, with a dot: self.{name} for an attribute or a method, or a module's name."
    )
    return replace(failure, why=why)


def _given(bench: Bench, name: str, namespace: Mapping[str, Any], runs: Runs | None) -> Any:
    """Return the answer of this name; a blank one fails."""
    case = _definition(bench, name)
    try:
        answer = namespace[name]
    except KeyError:
        words = runs.missing(name) if runs else ""
        case.fail(f"there is no {name} yet{words and f': {words}'}")
    if answer is None or answer is ...:
        case.fail(f"{name} is {answer!r} (still blank)")
    return answer


def _want_callable(bench: Bench, given: dict[str, Any]) -> None:
    for name, answer in given.items():
        if not bench.there(callable, answer):
            _definition(bench, name).fail(f"{name} is {answer!r}")


def _definition(bench: Bench, name: str) -> Case:
    return bench.case(
        called=f"your {name}",
        expected=f"a definition of {name}, in a cell that ran to its end",
        why="Without it there is nothing to try. An error in its cell leaves the name unset.",
    )


def _want_own(bench: Bench, exercise: Exercise, given: dict[str, Any]) -> None:
    """Fail where an answer is the very class that it is to replace."""
    asked = dict(exercise.own)
    if exercise.kind == "chapter":  # in the middle of it, not all methods are written yet
        asked = dict.fromkeys(asked, ())
    found = bench.there(first_borrowed, given, asked) if asked else None
    if type(found) is tuple and any(found):  # a tuple of texts, whatever was sent in its place
        name, got = map(str, found)
        methods = f" with {listed(exercise.own[name])}" if exercise.own.get(name) else ""
        bench.case(
            called=f"your {name}",
            expected=f"a class of your own{methods}, written by you",
            why=f"That {name} is a fine one; this exercise is about writing your own. You may "
            "build on what you have written before, and on the library's other classes.",
        ).fail(got)


def message(exercise: str, check: str, points: int, failure: Failure) -> str:
    """Return what a learner is told, in less than twelve lines; `points` are those not won."""
    in_chapter = "." not in exercise
    hint = f'hint("{exercise}", part="{check}")' if in_chapter else f'hint("{exercise}")'
    return "\n".join(
        (
            f"✗ {exercise} {check}: not yet"
            + (f", 0 of {points_in_words(points)}." if points else "."),
            f"  Called:    {one_line(failure.called)}",
            f"  Got:       {one_line(failure.got)}",
            f"  Expected:  {one_line(failure.expected)}",
            f"  Why:       {one_line(failure.why)}",
            f"  A hint:    {hint}",
        )
    )


def points_in_words(number: int) -> str:
    """Return "1 point", "2 points"."""
    return f"{number} point{'s' if number != 1 else ''}"


def one_line(text: str) -> str:
    """Return the text in one line, and the beginning of a long one."""
    text = " ".join(text.split())
    return text if len(text) <= 300 else text[:297] + "..."
