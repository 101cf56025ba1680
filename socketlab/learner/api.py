"""What a learner calls: check, hint, solution, reset, progress."""

import inspect
import re
import traceback as tracebacks
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from types import FrameType
from typing import Any

from .. import project
from ..checks.case import CannotCheckError, Failure
from ..checks.core import Check, Exercise, fair_attempt, message, points_in_words
from ..exercises import UnknownError, all_chapters, all_exercises, find, find_chapter
from ..notebook.run_history import runs_behind
from ..output import SentenceError, say
from . import own_module, places, progress_log, route
from .own_package import left_of
from .stubs import complete
from .success import Success, show

_failing: defaultdict[str, list[str]] = defaultdict(list)
"""For each exercise, the checks that failed in this kernel and haven't passed since, in order."""


class UnavailableError(SentenceError):
    """What was asked for is not to be had, or not yet; the text says why."""


def solution(exercise: object = None, give_up: bool = False) -> None:
    """Print our solution, once the check has passed, or with `give_up=True`, which is noted.

    Raises UnavailableError before that, UnknownError for an unknown exercise.
    """
    wanted = find(exercise)
    here = project.PROJECT
    is_whole = project.is_installed(here) or (here / "pyproject.toml").is_file()
    if is_whole and not (here / "solutions").is_dir():
        told = f"This course comes without our solutions. hint({wanted.id!r}) helps."
        raise UnavailableError(told)
    text = project.answer_cell(project.PROJECT / "solutions", wanted.id)
    if give_up:
        progress_log.note(wanted.id, "gave up")
    elif not passed(wanted):
        raise UnavailableError(
            f"Our solution of {wanted.id} comes when yours passes: check({wanted.id!r}) first. "
            f"hint({wanted.id!r}) helps. To see it all the same: solution({wanted.id!r}, "
            "give_up=True), which your progress will mention."
        )
    say(complete(text))


def passed(exercise: Exercise) -> bool:
    """Tell whether every part has passed, in this kernel or before."""
    return not left_of(exercise)


def reset(exercise: object = None) -> None:
    """Make the cell that calls this the exercise's stub again, and print the answer that it was.

    Outside a notebook the stub is printed. UnknownError for an unknown exercise.
    """
    from IPython.core.getipython import get_ipython

    wanted = find(exercise)
    stub = project.answer_cell(project.PROJECT / "exercises", wanted.id)
    shell = get_ipython()
    if shell is None:
        say(stub)
        return
    shell.set_next_input(stub, replace=True)
    say(
        f"This cell is the stub of {wanted.id} now. Is an answer left in another cell? Delete that."
    )
    if old := _last_answer(wanted, shell.user_ns.get("In", [])[:-1]):
        say(f"Your answer, as you last ran it:\n\n{old}")


def _last_answer(exercise: Exercise, ran: list[str]) -> str:
    """Return the last cell, of those that ran, that defines a name of the exercise."""
    names = "|".join(exercise.names)
    defines = re.compile(
        rf"^(?:class|def|async def)\s+(?:{names})\b|^(?:{names})\s*=", re.MULTILINE
    )
    return next((text for text in reversed(ran) if defines.search(text)), "")


def state() -> list[dict[str, Any]]:
    """Return a row for each exercise: id, title, kind, level, points and what was done."""
    noted = progress_log.events()
    rows = []
    for exercise in all_exercises():
        mine = {event for name, event in noted if name == exercise.id}
        done = [check for check in exercise.checks.values() if f"passed {check.name}" in mine]
        rows.append(
            {
                "id": exercise.id,
                "title": exercise.title,
                "kind": exercise.kind,
                "level": exercise.level,
                "points": sum(check.points for check in exercise.checks.values()),
                "earned": sum(check.points for check in done),
                "gave up": "gave up" in mine,
            }
        )
    return rows


def progress() -> None:
    """Print tables of the chapters' places and of the exercises, and what was done of them."""
    lines = [f"{'':5} {'places':>7}  chapter"]
    for chapter in all_chapters():
        count = len(chapter.checks)
        written = f"{count - len(left_of(chapter))}/{count}"
        lines.append(f"{chapter.id:5} {written:>7}  {chapter.title}")
    lines += ["", f"{'':5} {'points':>7}  {'kind':12}  {'level':5}  title"]
    for row in state():
        points = f"{row['earned']}/{row['points']}"
        told = f"{row['title']}{'  (solution seen)' if row['gave up'] else ''}"
        lines.append(f"{row['id']:5} {points:>7}  {row['kind']:12}  {'*' * row['level']:5}  {told}")
    say("\n".join(lines))


class CheckFailedError(AssertionError):
    """An answer is not right yet; the text is the whole message to the learner."""

    asked_for_traceback = False

    def _render_traceback_(self) -> list[str]:
        """Tell IPython what to show in place of its own traceback."""
        cause = self.__cause__ if self.asked_for_traceback else None
        return [str(self), *(tracebacks.format_exception(cause) if cause else ())]


def check(
    exercise: object, *answers: Any, part: str | None = None, traceback: bool = False
) -> None:
    """Try an answer over real sockets; raise CheckFailedError, with a message, if it is not right.

    `exercise` is the number of one, such as "03.1", or of a chapter, such as "03": then a part is
    one of the places to write in it, and OpenPlaceError is raised for the first that is blank.

    `answers` are the objects to try; without them the names that the exercise asks for are
    looked up where `check` is called, so that a name not defined yet is told in a sentence.
    `part` names one check of the exercise, otherwise all are made, up to the first that fails.
    `traceback=True` shows where an exception came from. UnknownError for an unknown name;
    CannotCheckError where this machine lacks what a check needs; in a chapter that's only said.
    """
    # Each part has a scored cell of its own, and the cell raises or does not. The other way to
    # partial credit, a cell that returns its points, would make nbgrader read the cell's text
    # output as a number: points would then depend on what a display shows.
    wanted = find_chapter(exercise) or find(exercise)
    namespace = _globals_of(inspect.currentframe())
    for one in _parts(wanted, part):
        if wanted.kind == "chapter" and not answers and _is_lent(wanted, one, namespace):
            continue
        try:
            failure = fair_attempt(wanted, one, answers, namespace)
        except CannotCheckError as lack:
            if wanted.kind != "chapter":
                raise
            say(f"✎ {wanted.id} {one.name}: not checked. {lack}")  # a chapter can be read on
            continue
        if failure is not None:
            if wanted.kind == "chapter" and not answers:
                slip = places.slip_in_the_cell(wanted, one.name, runs_behind(namespace))
                failure = replace(failure, why=slip or failure.why)
            _note_outcome(wanted, one, passed=False)
            raise failed(wanted, one, failure, traceback)
        _note_outcome(wanted, one, passed=True)
        is_new = one.name in left_of(wanted)
        progress_log.note(wanted.id, f"passed {one.name}")
        success = _success(wanted, one, is_counted=not answers)
        is_card = show(success, progress_log.course() is not None)
        if wanted.kind == "chapter" and not answers:
            is_expected = is_new or one.name == [*wanted.checks][-1]
            own_module.keep(wanted, namespace, runs_behind(namespace), is_expected)
        if not answers and not is_card:
            _say_what_is_next(wanted, success)
        if (course := progress_log.course()) is not None:
            with suppress(OSError):  # it's made anew at the next start as well
                route.write_start_page(project.PROJECT, course)


def _note_outcome(exercise: Exercise, check: Check, passed: bool) -> None:
    failing = _failing[exercise.id]
    _failing[exercise.id] = [name for name in failing if name != check.name]
    if not passed:
        _failing[exercise.id].append(check.name)


def _globals_of(frame: FrameType | None) -> dict[str, Any]:
    """Return the names that the caller of a function sees, whose own frame is given."""
    return frame.f_back.f_globals if frame and frame.f_back else {}


def _success(wanted: Exercise, part: Check, is_counted: bool) -> Success:
    """Return what to show of a part that has passed; without a count for answers passed by hand."""
    points = points_in_words(part.points) if part.points else ""
    success = Success(f"{wanted.id} {part.name}", part.praise, points)
    if not is_counted:
        return success
    left = left_of(wanted)
    if wanted.kind == "chapter":
        success.of, success.done = len(wanted.checks), len(wanted.checks) - len(left)
        success.so_far = f"Written in this chapter: {success.done} of {success.of}."
        success.following = f"{left[0]}." if left else ""
    else:
        success.of = sum(one.points for one in wanted.checks.values())
        success.done = success.of - sum(wanted.checks[name].points for name in left)
        success.so_far = f"Points so far in {wanted.id}: {success.done} of {success.of}."
        success.following = f"{left[0]}." if left else _next_exercise(wanted)
    return success


def _next_exercise(wanted: Exercise) -> str:
    """Return the number and title of the first exercise after one that hasn't passed yet."""
    after = (one for one in all_exercises() if one.id > wanted.id and not passed(one))
    return next((f"{one.id} {one.title}." for one in after), "")


def _say_what_is_next(wanted: Exercise, success: Success) -> None:
    """Say in a course how far the learner has come with this, and what follows."""
    if progress_log.course() is None:
        return
    if wanted.kind == "chapter":
        say(success.more())
    elif success.done == success.of:
        say(replace(success, so_far=f"All of {wanted.id} has passed.").more())


def _parts(wanted: Exercise, part: str | None) -> list[Check]:
    if part is None:
        return [*wanted.checks.values()]
    if part not in wanted.checks:
        raise UnknownError(
            f"{wanted.id} has no part {part!r}. There are: {', '.join(wanted.checks)}."
        )
    return [wanted.checks[part]]


def _is_lent(chapter: Exercise, check: Check, namespace: dict[str, Any]) -> bool:
    """Tell whether the lines in a place are ours, on loan: in a blank one, once it's borrowed.

    OpenPlaceError where it isn't.
    """
    answers = {name: namespace.get(name) for name in check.names}
    if places.is_on_loan(chapter, check.name, answers):
        places.say_on_loan(chapter, check.name)
        return True
    for _ in chapter.checks:
        blank = places.first_blank(chapter, check.name, answers)
        if not blank:
            break
        if not places.is_borrowed(chapter, blank):
            runs = runs_behind(namespace)
            raise places.open_place(chapter, blank, check.name, answers, runs)
        places.lend(chapter, blank, namespace)
        if blank == check.name:
            return True
        answers = {name: namespace.get(name) for name in check.names}
    return False


def borrow(chapter: object, part: str = "") -> None:
    """Put our lines in one place of a chapter, on loan, so that the chapter can be read on.

    The place counts as the learner's once their own lines pass its check. UnknownError for a
    chapter without places, or an unknown one; UnavailableError where the cells above have not run.
    """
    wanted = find_chapter(chapter)
    if wanted is None:
        known = ", ".join(one.id for one in all_chapters())
        raise UnknownError(f"Nothing is to be written in chapter {chapter!r}. It is in: {known}.")
    [check] = _parts(wanted, part)
    namespace = _globals_of(inspect.currentframe())
    try:
        places.lend(wanted, check.name, namespace)
    except NameError as error:
        told = f"Our lines need {error.name}, which no cell has defined: run the cells above first."
        raise UnavailableError(told) from None
    progress_log.note(wanted.id, f"borrowed {check.name}")


def failed(exercise: Exercise, check: Check, failure: Failure, traceback: bool) -> CheckFailedError:
    """Return what `check` raises."""
    report = CheckFailedError(message(exercise.id, check.name, check.points, failure))
    report.asked_for_traceback = traceback
    report.__cause__ = failure.cause if traceback else None
    return report


def hint(exercise: object = None, number: int | None = None, part: str | None = None) -> None:
    """Print the next hint for an exercise: a nudge first, nearly the answer last.

    It's about the check that failed last, if that has hints, and about the whole exercise
    otherwise. `part` names a check to ask about. `number`, 1 to 3, asks for one particular hint, of
    the whole exercise where there's no `part`. In a chapter, `part` names the place; without it,
    it's the first that isn't written yet. Where there is no such exercise or hint, print what there
    is: a learner who asks for help gets no error.
    """
    try:
        wanted = find_chapter(exercise) or find(exercise)
        about, hints = _hints_for(wanted, part, number)
    except UnknownError as unknown:
        say(f'{unknown} Ask with its number, as in hint("03.1").')
        return
    if number is None:
        number = _next_hint(about, len(hints))
    if number not in range(1, len(hints) + 1):
        say(f"{about} has the hints 1 to {len(hints)}, not {number!r}.")
        return
    progress_log.note(wanted.id, f"{_hint_event(about)}{number}")
    say(f"Hint {number} of {len(hints)} for {about}: {hints[number - 1]}")


def _hints_for(
    exercise: Exercise, part: str | None, number: int | None
) -> tuple[str, tuple[str, ...]]:
    """Return what the hints are about, "03.1" or "03 address", and the hints."""
    if part is not None:
        asked = [check.name for check in _parts(exercise, part)]
    elif exercise.kind == "chapter":
        asked = left_of(exercise) or [*exercise.checks]
    else:
        asked = _failing[exercise.id][::-1] if number is None else []
    for name in asked:
        if name in exercise.hints_of:
            return f"{exercise.id} {name}", exercise.hints_of[name]
    return exercise.id, exercise.hints


def _next_hint(about: str, last: int) -> int:
    number, noted = about.partition(" ")[0], progress_log.events()
    shown = [n for n in range(1, last + 1) if (number, f"{_hint_event(about)}{n}") in noted]
    return min(max(shown, default=0) + 1, last)


def _hint_event(about: str) -> str:
    """Return how the log calls a hint for "03.1", or for the check "03 address"."""
    place = about.partition(" ")[2]
    return f"hint {place} " if place else "hint "
