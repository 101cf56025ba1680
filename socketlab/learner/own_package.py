"""The learner's own package, `course/myserver/`: what they wrote, in files that run without us.

A module for each chapter whose places are all written. What isn't theirs yet is on loan, in the
package from the standard library, and in the chapters from minisocketserver, with which they were
made.
"""

import ast
import importlib
import inspect
import linecache
import socketserver
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent
from types import FunctionType, ModuleType
from typing import Any

import minisocketserver

from ..checks.core import Exercise, fair_attempt
from ..checks.ownership import first_borrowed, listed
from ..exercises import all_chapters
from ..files import write
from ..notebook.run_history import Runs
from ..output import say
from ..ship.beside import Beside
from ..ship.beside import beside as laid_beside
from ..ship.planks import PLANKS, Ship, assemble
from . import progress_log

NAME = "myserver"

HEAD = '''"""{title}: written by hand, in chapter {chapter}."""

'''
FIRST = '''"""My own socketserver: {yours} of its {all} classes are mine, the rest is on loan."""

'''


@dataclass
class Own:
    """The classes that are the learner's own, and for each of the others why it is on loan."""

    classes: dict[str, type] = field(default_factory=dict)
    on_loan: dict[str, str] = field(default_factory=dict)


def is_written(chapter: Exercise, folder: Path | None = None) -> bool:
    """Tell whether every place of a chapter has passed, in the course one works in or `folder`."""
    return not open_places(chapter, folder)


def open_places(chapter: Exercise, folder: Path | None = None) -> list[str]:
    """Return the names of a chapter's places that have not passed yet."""
    noted = progress_log.events(folder)
    return [name for name in chapter.checks if (chapter.id, f"passed {name}") not in noted]


def keep(chapter: Exercise, place: str, namespace: dict[str, Any], runs: Runs | None) -> None:
    """Write what a chapter's cells define into the course's package, if each place has passed.

    Says what came of it, once `place` is the last one: in a chapter that is run again, its classes
    are half built before. Nothing is written outside a course, or of what isn't the learner's.
    """
    course = progress_log.course()
    if course is None or runs is None or not chapter.own or not is_written(chapter):
        return
    given, names = {name: namespace[name] for name in chapter.own}, listed([*chapter.own])
    name, whose = first_borrowed(given, chapter.own)
    fails = (one for one in chapter.checks if not _passes(chapter, one, namespace))
    if name:
        told = f"{name} stays on loan: it is {whose}."
    elif failing := next(fails, ""):
        told = f"{names} isn't written down: as it is now, it no longer passes {failing}."
    else:
        told = _written_down(course, chapter, given, names, runs)
        place = [*chapter.checks][-1] if told else place
    if told and place == [*chapter.checks][-1]:
        say(f"  {told}")


def _passes(chapter: Exercise, place: str, namespace: dict[str, Any]) -> bool:
    return fair_attempt(chapter, chapter.checks[place], (), namespace) is None


def _written_down(
    course: Path, chapter: Exercise, given: dict[str, Any], names: str, runs: Runs
) -> str:
    """Write a chapter's module; return what to say of it, "" where it was as it is."""
    text = text_of(chapter, [run.source for run in runs.done if not run.trouble])
    if not _defines(text, given):
        return (
            f"Your {names} can't be written down from the cells as they ran. Run the chapter from "
            "its first cell to this one, then check again."
        )
    path = course / NAME / f"{chapter.topic}.py"
    try:
        if path.is_file() and path.read_text("utf-8") == text:
            return ""
        write_module(course, chapter, text)
    except OSError as error:
        return f"{course / NAME} can't be written to ({error.strerror or error})."
    return f"{names}: yours now, in {NAME}/{path.name} ({len(text.splitlines())} lines)."


def text_of(chapter: Exercise, cells: list[str]) -> str:
    """Return the module with what these cells of a chapter have built."""
    from .own_source import module_text  # it needs IPython, which a kernel has loaded

    head = HEAD.format(title=chapter.title, chapter=chapter.id)
    return head + module_text(tuple(chapter.own), cells)


def write_module(course: Path, chapter: Exercise, text: str) -> Path:
    """Write a chapter's module into the package of a course; return its path. Raises OSError."""
    path = course / NAME / f"{chapter.topic}.py"
    write(path, text.encode())
    write_first(course)
    return path


def _defines(text: str, given: dict[str, Any]) -> bool:
    """Tell whether a module with this text defines the same classes as the cells did."""
    module = ModuleType(f"{NAME}.{NAME}")
    package, module.__package__ = ModuleType(NAME), NAME
    vars(package).update({name: getattr(socketserver, name, None) for name in PLANKS})
    before = sys.modules.get(NAME)
    sys.modules[NAME] = package
    linecache.cache[NAME] = len(text), None, text.splitlines(keepends=True), NAME
    try:
        exec(compile(text, NAME, "exec"), vars(module))
        mine = {name: list(_forms(vars(module)[name])) for name in given}
        return mine == {name: list(_forms(given[name])) for name in given}
    except Exception:  # a name that no cell defines, a base of another kind, a method without text
        return False
    finally:
        del sys.modules[NAME]
        if before is not None:
            sys.modules[NAME] = before


def _forms(value: Any) -> Iterator[str]:
    """Yield the methods of a class, or a function, in a form that knows no lines or comments."""
    match value:
        case type():
            for name in sorted(vars(value)):
                yield from (f"{name} {form}" for form in _forms(vars(value)[name]))
        case property():
            yield from (form for one in (value.fget, value.fset) for form in _forms(one))
        case staticmethod() | classmethod():
            yield from _forms(value.__func__)
        case FunctionType():
            yield ast.dump(ast.parse(dedent(inspect.getsource(value))))


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
    head = FIRST.format(yours=len(mine), all=len(names))
    listed = "".join(f'    "{name}",\n' for name in names)
    text = head + "\n".join(lines) + f"\n\n__all__ = [\n{listed}]\n"
    write(course / NAME / "__init__.py", text.encode())


def written(course: Path) -> list[str]:
    """Return the names of the planks that are in the package of a course."""
    return [
        name
        for name, topic in _topics().items()
        if hasattr(socketserver, name) and (course / NAME / f"{topic}.py").is_file()
    ]


def _topics() -> dict[str, str]:
    """Return for each plank that a chapter has places for the name of its module."""
    topics = {name: chapter.topic for chapter in all_chapters() for name in chapter.own}
    return {name: topics[name] for name in PLANKS if name in topics}


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
    chapter_of = {name: chapter for chapter in all_chapters() for name in chapter.own}
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
    return found


class OwnClassError(Exception):
    """A class isn't the learner's; the text says why, in words that follow its name."""


def _load(chapter: Exercise | None, name: str, course: Path) -> type:
    if chapter is None:
        raise OwnClassError("no chapter builds it")
    if not (course / NAME / f"{chapter.topic}.py").is_file():
        left = open_places(chapter, course)
        done = len(chapter.checks) - len(left)
        raise OwnClassError(f"{done} of {len(chapter.checks)} places of chapter {chapter.id}")
    try:
        found = getattr(importlib.import_module(f"{NAME}.{chapter.topic}"), name)
    except BaseException as error:  # whatever a file of the learner's does
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
    for name in names:
        if mine is None:
            say(f"{name}: from minisocketserver")
        elif name in mine.classes:
            say(f"{name}: yours")
        else:
            say(f"{name}: on loan ({mine.on_loan.get(name, 'no chapter builds it')})")
    found = tuple(
        mine.classes[name] if mine and name in mine.classes else getattr(minisocketserver, name)
        for name in names
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
