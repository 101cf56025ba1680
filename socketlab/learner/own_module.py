"""A chapter's module in the learner's own package: written down once each place has passed."""

import ast
import inspect
import linecache
import socketserver
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from types import FunctionType, ModuleType
from typing import Any

from ..checks.core import Exercise, fair_attempt
from ..checks.ownership import first_borrowed
from ..files import write
from ..notebook.run_history import Runs
from ..output import listed, say
from ..ship.planks import PLANKS
from . import progress_log
from .own_package import NAME, left_of, library_parts, module_file, write_first
from .places import is_on_loan

HEAD = '''"""{title}: written by hand, in chapter {chapter}."""

'''


def keep(
    chapter: Exercise, namespace: dict[str, Any], runs: Runs | None, is_expected: bool
) -> None:
    """Write what a chapter's cells define into the course's package, if each place has passed.

    Says what is written, and why nothing is, if it `is_expected`: in the middle of a chapter that
    runs again its classes are half built. Nothing is written outside a course, or of what isn't
    the learner's.
    """
    course = progress_log.course()
    if course is None or runs is None or not chapter.own or left_of(chapter):
        return
    if not namespace.keys() >= chapter.own.keys():  # this kernel hasn't come so far yet
        return
    given, names = {name: namespace[name] for name in chapter.own}, listed([*chapter.own])
    name, whose = first_borrowed(given, chapter.own)
    fails = (one for one in chapter.checks if not _passes(chapter, one, namespace))
    lent = (one for one in chapter.checks if is_on_loan(chapter, one, given))
    if name:
        told = f"{name} stays on loan: it is {whose}."
    elif borrowed := next(lent, ""):
        told = f"{names}: not written down, because {borrowed} is on loan."
    elif failing := next(fails, ""):
        told = f"{names}: not written down, because {failing} no longer passes."
    else:
        told, is_expected = _written_down(course, chapter, given, names, runs), True
    if told and is_expected:
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
            f"{names}: can't be written down from the cells as they ran. Run the chapter from its "
            "first cell to this one, then check again."
        )
    path = module_file(course, chapter.topic)
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


def write_module(course: Path, chapter: Exercise, text: str) -> None:
    """Write a chapter's module into the package of a course. Raises OSError."""
    write(module_file(course, chapter.topic), text.encode())
    write_first(course)


def _defines(text: str, given: dict[str, Any]) -> bool:
    """Tell whether a module with this text defines the same classes as the cells did."""
    module = ModuleType(f"{NAME}.{NAME}")
    package, module.__package__ = ModuleType(NAME), NAME
    vars(package).update({name: getattr(socketserver, name, None) for name in PLANKS})
    vars(package).update(library_parts())
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
