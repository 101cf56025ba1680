"""Checks of a teacher's own, in a file that no student sees: classroom/hidden_example.py is one.

    @hidden_check("03.1", topic="long messages", points=2)
    def long_messages(TCPServer): ...

A student who fails it is told the topic and the points, nothing else.
"""

import json
import traceback
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from .. import project
from ..checks.core import Check, Exercise
from ..exercises import all_exercises, find
from .answer_cells import cells_for
from .grade import HiddenChecks, Result
from .notebook_cells import cells_of
from .submissions import Submission

_found: ContextVar[list[tuple[str, Check]] | None] = ContextVar("_found", default=None)
"""Where the file that is being loaded puts its checks."""


class HiddenChecksError(Exception):
    """A file of hidden checks that cannot be used; the text says why."""


def hidden_check(
    exercise: str, *, topic: str, points: int
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the decorated function to the checks of an exercise; its parameters name the answers.

    LookupError for an unknown exercise, ValueError for points or a topic that cannot be.
    """
    wanted, name = find(exercise), f"hidden: {topic}"
    if not isinstance(points, int) or points < 1:
        raise ValueError(f"points must be a whole number, 1 or more, not {points!r}.")

    def register(run: Callable[..., None]) -> Callable[..., None]:
        check = Check(name, points, "A check of your teacher's.", (run,), topic)
        if unknown := [one for one in check.names if one not in wanted.names]:
            names = " and ".join(wanted.names)
            raise ValueError(f"the answers of {exercise} are called {names}, not {unknown[0]}.")
        found = _found.get()
        if found is not None:  # else the file is only imported
            if (wanted.id, name) in [(number, one.name) for number, one in found]:
                raise ValueError(f"{exercise} has two hidden checks with the topic {topic!r}.")
            found.append((wanted.id, check))
        return run

    return register


def load(source: str, name: str = "hidden checks") -> HiddenChecks:
    """Return the checks in the text of a file. HiddenChecksError if it can't be used.

    It is no module that could be imported: so its functions run here, never with the student's
    code, and their source is not sent anywhere.
    """
    try:
        checks = _load(source)
    except (Exception, SystemExit) as error:
        raise HiddenChecksError(f"{name} cannot be used: {_told(error)}") from error
    if source and not checks:
        raise HiddenChecksError(f"{name} cannot be used: no @hidden_check is in it.")
    return checks


@cache
def _load(source: str) -> HiddenChecks:
    found: list[tuple[str, Check]] = []
    token = _found.set(found)
    try:
        exec(compile(source, _FILE, "exec"), {"__name__": "hidden"})
    finally:
        _found.reset(token)
    return {number: [check for other, check in found if other == number] for number, _ in found}


_FILE = "<hidden checks>"


def _told(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    lines = [one.lineno for one in frames if one.filename == _FILE]
    where = f" (line {lines[-1]})" if lines else ""  # a SyntaxError's text has the line
    return f"{type(error).__name__}: {error}{where}"


def read(path: Path | None) -> str:
    """Return the text of a file of hidden checks, or nothing.

    HiddenChecksError if it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8") if path else ""
    except OSError as error:
        raise HiddenChecksError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise HiddenChecksError(f"{path} cannot be read: it is no text in UTF-8.") from error


def trials(checks: HiddenChecks) -> Iterator[tuple[Exercise, str, Submission]]:
    """Yield each exercise with hidden checks, twice: with our solution, and left blank."""
    for number in checks:
        exercise = find(number)
        for folder in ("solutions", "exercises"):
            for path in (project.PROJECT / folder).glob(f"{number[:2]}_*/*.ipynb"):
                cells = cells_for(
                    exercise, list(all_exercises()), cells_of(path.read_text("utf-8"))
                )
                code = [{"cell_type": "code", "source": cell.source} for cell in cells]
                text = json.dumps({"cells": code})
                yield exercise, folder, Submission(folder, path.parent.name, text)


def judge_trial(exercise: Exercise, folder: str, results: list[Result]) -> None:
    """Look at a trial. HiddenChecksError where a check fails our solution, or nobody."""
    for result in results:
        if result.exercise != exercise.id or not result.topic:
            continue
        name = f"The hidden check {result.topic!r} of {exercise.id}"
        if folder == "solutions" and not result.points:
            raise HiddenChecksError(f"{name} turns our own solution down:\n{result.whole_message}")
        if folder == "exercises" and result.points:
            raise HiddenChecksError(f"{name} lets the blank exercise pass: nobody could fail it.")
