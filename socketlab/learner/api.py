"""What a learner calls: check, hint, solution, reset, progress."""

import inspect
import re
import traceback as tracebacks
from typing import Any

from .. import project
from ..checks.case import Failure
from ..checks.core import Check, Exercise, fair_attempt, message, points_in_words
from ..exercises import UnknownError, all_exercises, find
from ..output import SentenceError, say
from . import progress_log


class UnavailableError(SentenceError):
    """What was asked for is not to be had, or not yet; the text says why."""


def solution(exercise: object = None, give_up: bool = False) -> None:
    """Print our solution, once the check has passed, or with `give_up=True`, which is noted.

    Raises UnavailableError before that, UnknownError for an unknown exercise.
    """
    spec = find(exercise)
    if (project.PROJECT / "pyproject.toml").is_file() and not (
        project.PROJECT / "solutions"
    ).is_dir():
        told = f"This course comes without our solutions. hint({spec.id!r}) helps."
        raise UnavailableError(told)
    text = project.answer_cell(project.PROJECT / "solutions", spec.id)
    if give_up:
        progress_log.note(spec.id, "gave up")
    elif not passed(spec):
        raise UnavailableError(
            f"Our solution of {spec.id} comes when yours passes: check({spec.id!r}) first. "
            f"hint({spec.id!r}) helps. To see it all the same: solution({spec.id!r}, "
            "give_up=True), which your progress will mention."
        )
    say("\n".join(line for line in text.splitlines() if "### " not in line))


def passed(spec: Exercise) -> bool:
    """Tell whether every part has passed, in this kernel or, by the progress file, before."""
    noted = {event for name, event in progress_log.events() if name == spec.id}
    return all(name in spec.passed or f"passed {name}" in noted for name in spec.checks)


def reset(exercise: object = None) -> None:
    """Make the cell that calls this the exercise's stub again, and print the answer that it was.

    Outside a notebook the stub is printed. UnknownError for an unknown exercise.
    """
    from IPython.core.getipython import get_ipython

    spec = find(exercise)
    stub = project.answer_cell(project.PROJECT / "exercises", spec.id)
    shell = get_ipython()
    if shell is None:
        say(stub)
        return
    shell.set_next_input(stub, replace=True)
    say(f"This cell is the stub of {spec.id} now. Is an answer left in another cell? Delete that.")
    if old := _last_answer(spec, shell.user_ns.get("In", [])[:-1]):
        say(f"Your answer, as you last ran it:\n\n{old}")


def _last_answer(spec: Exercise, ran: list[str]) -> str:
    """Return the last cell, of those that ran, that defines a name of the exercise."""
    names = "|".join(spec.names)
    defines = re.compile(
        rf"^(?:class|def|async def)\s+(?:{names})\b|^(?:{names})\s*=", re.MULTILINE
    )
    return next((text for text in reversed(ran) if defines.search(text)), "")


def state() -> list[dict[str, Any]]:
    """Return a row for each exercise: id, title, kind, level, points and what was done."""
    noted = progress_log.events()
    rows = []
    for spec in all_exercises():
        mine = {event for name, event in noted if name == spec.id}
        done = [part for part in spec.checks.values() if f"passed {part.name}" in mine]
        rows.append(
            {
                "id": spec.id,
                "title": spec.title,
                "kind": spec.kind,
                "level": spec.level,
                "points": sum(part.points for part in spec.checks.values()),
                "earned": sum(part.points for part in done),
                "gave up": "gave up" in mine,
            }
        )
    return rows


def progress() -> None:
    """Print a table of the exercises, and what was done of them."""
    lines = [f"{'':5} {'points':>7}  {'kind':12}  {'level':5}  title"]
    for row in state():
        points = f"{row['earned']}/{row['points']}"
        told = f"{row['title']}{'  (solution seen)' if row['gave up'] else ''}"
        lines.append(f"{row['id']:5} {points:>7}  {row['kind']:12}  {'*' * row['level']:5}  {told}")
    say("\n".join(lines))


class CheckFailed(AssertionError):
    """An answer is not right yet; the text is the whole message to the learner."""

    asked_for_traceback = False

    def _render_traceback_(self) -> list[str]:
        """Tell IPython what to show in place of its own traceback."""
        cause = self.__cause__ if self.asked_for_traceback else None
        return [str(self), *(tracebacks.format_exception(cause) if cause else ())]


def check(
    exercise: object, *answers: Any, part: str | None = None, traceback: bool = False
) -> None:
    """Try an answer over real sockets; raise CheckFailed, with a message, if it is not right.

    `answers` are the objects to try; without them the names that the exercise asks for are
    looked up where `check` is called, so that a name not defined yet is told in a sentence.
    `part` names one check of the exercise, otherwise all are made, up to the first that fails.
    `traceback=True` shows where an exception came from. UnknownError for an unknown name;
    CannotCheckError where this machine lacks what a check needs.
    """
    # Each part has a scored cell of its own, and the cell raises or does not. The other way to
    # partial credit, a cell that returns its points, would make nbgrader read the cell's text
    # output as a number: points would then depend on what a display shows.
    spec = find(exercise)
    if part is not None and part not in spec.checks:
        raise UnknownError(f"{spec.id} has no part {part!r}. There are: {', '.join(spec.checks)}.")
    frame = inspect.currentframe()
    namespace = frame.f_back.f_globals if frame and frame.f_back else {}
    for one in spec.checks.values() if part is None else [spec.checks[part]]:
        failure = fair_attempt(spec, one, answers, namespace)
        if failure is not None:
            raise failed(spec, one, failure, traceback)
        spec.passed.add(one.name)
        progress_log.note(spec.id, f"passed {one.name}")
        say(f"✓ {spec.id} {one.name}: {points_in_words(one.points)}. {one.praise}")


def failed(spec: Exercise, part: Check, failure: Failure, traceback: bool) -> CheckFailed:
    """Return what `check` raises."""
    report = CheckFailed(message(spec.id, part.name, part.points, failure))
    report.asked_for_traceback = traceback
    report.__cause__ = failure.cause if traceback else None
    return report


def hint(exercise: object = None, number: int | None = None) -> None:
    """Print the next hint for an exercise: a nudge first, nearly the answer last.

    `number`, 1 to 3, asks for that one. Where there is no such exercise or hint, print what there
    is: who asks for help gets no error.
    """
    try:
        spec = find(exercise)
    except UnknownError as unknown:
        say(f'{unknown} Ask with its number, as in hint("03.1").')
        return
    last = len(spec.hints)
    if number is not None and number not in range(1, last + 1):
        say(f"{spec.id} has the hints 1 to {last}, not {number!r}.")
        return
    spec.hints_told = number or min(spec.hints_told + 1, last)
    progress_log.note(spec.id, f"hint {spec.hints_told}")
    say(f"Hint {spec.hints_told} of {last} for {spec.id}: {spec.hints[spec.hints_told - 1]}")
