"""The exercises: a module for each chapter, and nothing else."""

import re
from functools import cache
from importlib import import_module
from pathlib import Path

from ..checks.core import Exercise, load
from ..output import SentenceError

MODULES = tuple(
    f"{__package__}.{path.stem}"
    for path in sorted(Path(__file__).parent.glob("*.py"))
    if path.stem != "__init__"
)


class UnknownError(SentenceError, LookupError):
    """There is no exercise, check or hint of this name; the text says which ones there are."""


def all_exercises() -> tuple[Exercise, ...]:
    """Return all exercises, in the order of the course."""
    return tuple(one for one in _all() if one.kind != "chapter")


def all_chapters() -> tuple[Exercise, ...]:
    """Return what there is to write in the chapters themselves, in the order of the course."""
    return tuple(one for one in _all() if one.kind == "chapter")


@cache
def _all() -> tuple[Exercise, ...]:
    found: dict[str, Exercise] = {}
    for module in MODULES:
        found |= import_module(module).EXERCISES
    for exercise in found.values():
        assert all(check.steps for check in exercise.checks.values()), exercise.id
        assert exercise.hints_of.keys() <= exercise.checks.keys(), exercise.id
    return tuple(found[number] for number in sorted(found))


@cache
def as_listed() -> tuple[Exercise, ...]:
    """Return all of these as the text files list them: each check has its name, and no steps.

    That's quick, and enough to say what there is, since no module with checks is imported.
    """
    found: dict[str, Exercise] = {}
    for path in Path(__file__).parent.glob("*.toml"):
        found |= load(str(path))
    return tuple(found[number] for number in sorted(found))


def find_chapter(chapter: object) -> Exercise | None:
    """Return what there is to write in the chapter called "03", "3" or 3; None if nothing is."""
    number = re.fullmatch(r"\s*(\d{1,2})\s*", str(chapter))
    known = {one.id: one for one in all_chapters()}
    return known.get(f"{int(number[1]):02}") if number else None


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
