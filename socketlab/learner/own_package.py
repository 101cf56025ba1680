"""The learner's own package, `course/myserver/`: what they wrote, in files that run without us.

A module for each chapter whose places are all written. What isn't theirs yet is on loan, in the
package from the standard library, and in the chapters from minisocketserver, with which they were
made.
"""

import importlib
import re
import socketserver
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import minisocketserver
from minisocketserver import beyond
from minisocketserver.beyond.open_requests import OpenRequestsMixIn

from ..checks.core import Exercise
from ..exercises import as_listed
from ..files import write
from ..output import say
from ..ship.beside import Beside
from ..ship.beside import beside as laid_beside
from ..ship.planks import PLANKS, Ship, assemble
from . import progress_log

NAME = "myserver"

FIRST = '''"""My own socketserver: {yours} of its {all} classes are mine, the rest is on loan."""

'''


@dataclass
class Own:
    """The classes that are the learner's own, and for each of the others why it is on loan.

    `parts` are those beyond the standard library.
    """

    classes: dict[str, type] = field(default_factory=dict)
    parts: dict[str, type] = field(default_factory=dict)
    on_loan: dict[str, str] = field(default_factory=dict)


def left_of(wanted: Exercise, folder: Path | None = None) -> list[str]:
    """Return the checks of a chapter, or an exercise, that have not passed yet.

    In the course one works in, or the one in `folder`.
    """
    noted = progress_log.events(folder)
    return [name for name in wanted.checks if (wanted.id, f"passed {name}") not in noted]


def write_first(course: Path) -> None:
    """Write the package's first file: whose each class is. Raises OSError."""
    mine, topics = written(course), _topics()
    names = [name for name in PLANKS if hasattr(socketserver, name)]
    lines = [
        f"from .{topics[name]} import {name}"
        if name in mine
        else f"from socketserver import {name}  # on loan"
        for name in names
    ]
    lines += _shared(course)
    head = FIRST.format(yours=len(mine), all=len(names))
    listed = "".join(f'    "{name}",\n' for name in names)
    text = head + "\n".join(lines) + f"\n\n__all__ = [\n{listed}]\n"
    write(course / NAME / "__init__.py", text.encode())


def _shared(course: Path) -> list[str]:
    """Return an import for each part beyond the standard library on which a later one is built."""
    parts = {
        chapter.topic: module_file(course, chapter.topic).read_text("utf-8")
        for chapter in parts_of().values()
        if module_file(course, chapter.topic).is_file()
    }
    return [
        f"from .{chapter.topic} import {name}"
        if chapter.topic in parts
        else f"from {library_parts()[name].__module__} import {name}  # on loan"
        for name, chapter in parts_of().items()
        if any(
            re.search(rf"^from \. import .*\b{name}\b", text, re.MULTILINE)
            for topic, text in parts.items()
            if topic != chapter.topic
        )
    ]


def module_file(course: Path, topic: str) -> Path:
    """Return where a chapter's module is in the package of a course, if there is one."""
    return course / NAME / f"{topic}.py"


def written(course: Path) -> list[str]:
    """Return the names of the planks that are in the package of a course."""
    return [
        name
        for name, topic in _topics().items()
        if hasattr(socketserver, name) and module_file(course, topic).is_file()
    ]


def _topics() -> dict[str, str]:
    """Return for each plank that a chapter has places for the name of its module."""
    return {name: chapter.topic for name, chapter in _chapters().items()}


def _chapters() -> dict[str, Exercise]:
    """Return for each plank, in their order, the chapter that has places for it."""
    found = {name: one for one in as_listed() if one.kind == "chapter" for name in one.own}
    return {name: found[name] for name in PLANKS if name in found}


def parts_of() -> dict[str, Exercise]:
    """Return for each class beyond the standard library the chapter that has places for it."""
    chapters = [one for one in as_listed() if one.kind == "chapter"]
    return {name: one for one in chapters for name in one.own if name not in PLANKS}


def library_parts() -> dict[str, Any]:
    """Return the library's own classes beyond the standard library, by name."""
    there = vars(beyond) | {"OpenRequestsMixIn": OpenRequestsMixIn}
    return {name: there[name] for name in parts_of()}


def own(course: Path, troubles: Mapping[str, str] | None = None) -> Own:
    """Load the learner's classes from the package of a course; it is in `sys.modules` then.

    Those in `troubles` are left out, with the reason that it has for them. A module that can't be
    imported takes none of the others along.
    """
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[name]
    package = sys.modules[NAME] = ModuleType(NAME)
    package.__path__ = [str(course / NAME)]
    if find_spec("cloudpickle"):  # other Pythons, which get the classes, don't find the package
        import cloudpickle  # type: ignore[import-untyped]

        cloudpickle.register_pickle_by_value(package)
    found = Own()
    chapter_of = _chapters()
    importlib.invalidate_caches()
    for name in [name for name in PLANKS if hasattr(socketserver, name)]:
        try:
            if why_not := (troubles or {}).get(name):
                raise OwnClassError(why_not)
            found.classes[name] = _load(chapter_of.get(name), name, course)
            setattr(package, name, found.classes[name])
        except OwnClassError as why:
            found.on_loan[name] = str(why)
            setattr(package, name, getattr(minisocketserver, name))
    for name, chapter in parts_of().items():
        try:
            found.parts[name] = _load(chapter, name, course)
        except OwnClassError as why:
            found.on_loan[name] = str(why)
        setattr(package, name, found.parts.get(name, library_parts()[name]))
    return found


class OwnClassError(Exception):
    """A class isn't the learner's; the text says why, in words that follow its name."""


def _load(chapter: Exercise | None, name: str, course: Path) -> type:
    if chapter is None:
        raise OwnClassError("no chapter builds it")
    if not module_file(course, chapter.topic).is_file():
        left = left_of(chapter, course)
        done = len(chapter.checks) - len(left)
        raise OwnClassError(f"{done} of {len(chapter.checks)} places of chapter {chapter.id}")
    try:
        found = getattr(importlib.import_module(f"{NAME}.{chapter.topic}"), name)
    except (Exception, SystemExit) as error:  # whatever a file of the learner's does
        told = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise OwnClassError(f"{NAME}/{chapter.topic}.py ends in {told}") from error
    if not isinstance(found, type):
        raise OwnClassError(f"{NAME}/{chapter.topic}.py has something else by this name")
    return found


def planks(*names: str) -> Any:
    """Return classes that earlier chapters have built, and say whose they are.

    In a course, they are the learner's own where those have passed, else minisocketserver's, on
    loan. One name gives a class, several give a tuple. AttributeError for a name that no chapter
    builds or this system lacks.
    """
    course = progress_log.course()
    mine = own(course) if course else None
    written = mine.classes | mine.parts if mine else {}
    library = library_parts()
    for name in names:
        if mine is None:
            say(f"{name}: from minisocketserver")
        elif name in written:
            say(f"{name}: yours")
        else:
            say(f"{name}: on loan ({mine.on_loan.get(name, 'no chapter builds it')})")
    found = tuple(
        written.get(name) or library.get(name) or getattr(minisocketserver, name) for name in names
    )
    return found[0] if len(found) == 1 else found


def your_ship(chapter: str) -> Ship:
    """Return `socketserver` as it is after the chapter "03": each plank yours, or on loan.

    In a course, those are yours that you have written; the complete edition has the library's.
    """
    course = progress_log.course()
    mine = own(course).classes if course else vars(minisocketserver)
    built = [name for name, number in PLANKS.items() if number <= chapter and name in mine]
    return assemble(**{name: mine[name] for name in built})


def beside(name: str) -> Beside:
    """Lay a plank beside Python's own, method by method, and say what differs and why.

    In a course, both texts are shown as soon as the learner has written theirs.
    """
    course = progress_log.course()
    if course is None:
        return laid_beside(name)
    mine = own(course)
    if name in mine.classes:
        return laid_beside(name, mine.classes[name])
    note = f"{name} is on loan ({mine.on_loan.get(name)}). Once it's yours, both texts are here."
    return laid_beside(name, note=note)
