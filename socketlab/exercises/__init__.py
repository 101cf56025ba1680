"""The exercises: a module for each chapter, and nothing else."""

import re
from functools import cache
from importlib import import_module
from pathlib import Path

from ..checks.core import Exercise
from ..output import SentenceError

MODULES = tuple(
    f"{__package__}.{path.stem}"
    for path in sorted(Path(__file__).parent.glob("*.py"))
    if path.stem != "__init__"
)


class UnknownError(SentenceError, LookupError):
    """There is no exercise, check or hint of this name; the text says which ones there are."""


@cache
def all_exercises() -> tuple[Exercise, ...]:
    """Return all exercises, in the order of the course."""
    found: dict[str, Exercise] = {}
    for module in MODULES:
        found |= import_module(module).EXERCISES
    for exercise in found.values():
        assert [*exercise.checks] == [name for name, *_ in exercise.listed], exercise.id
    return tuple(found[number] for number in sorted(found))


def find(exercise: object) -> Exercise:
    """Return the exercise called "03.1", "3.1" or 3.1. UnknownError for any other name."""
    known = {exercise.id: exercise for exercise in all_exercises()}
    number = re.fullmatch(r"\s*(\d{1,2})(?:\.(\d))?\s*", str(exercise))
    chapter = f"{int(number[1]):02}" if number else ""
    if number and f"{chapter}.{number[2]}" in known:
        return known[f"{chapter}.{number[2]}"]
    mine = [one for one in known if one[:2] == chapter]
    asked = "Which exercise?" if exercise in ("", None) else f"There is no exercise {exercise!r}."
    if mine and number and number[2] is None:
        asked = f"Which exercise of chapter {chapter}?"
    raise UnknownError(f"{asked} There are: {', '.join(mine or known)}.")
