"""The places in a chapter where the learner writes: blank in their edition, or ours, on loan."""

import linecache
from typing import Any

from .. import project
from ..checks.core import Exercise
from ..output import SentenceError, say
from . import progress_log
from .stubs import blanks, complete, files_of, stubs_among


def place_id(chapter: str, name: str) -> str:
    """Return the id of the cell in which a place is, such as "write-03-two-steps"."""
    return f"write-{chapter}-{name.replace(' ', '-')}"


def our_cell(chapter: Exercise, name: str) -> str:
    """Return our text of a place's cell. MissingCellError where our chapters are not at hand."""
    return complete(_marked(chapter, name))


def _marked(chapter: Exercise, name: str) -> str:
    return project.chapter_cell(chapter.id, place_id(chapter.id, name))


def first_blank(chapter: Exercise, name: str, answers: dict[str, Any]) -> str:
    """Return the name of the place to write first: this one if it's blank, or another; or ""."""
    stubs = stubs_among(answers)
    if not stubs:
        return ""
    order = [name, *(other for other in chapter.checks if other != name)]
    return next((one for one in order if blanks(_marked(chapter, one)) & stubs), name)


class OpenPlaceError(SentenceError):
    """Nothing has been written in a place yet; the text says what to do."""


def open_place(chapter: Exercise, name: str, asked_for: str) -> OpenPlaceError:
    """Return what `check` raises where a place is still blank, perhaps not the one asked for."""
    asked = f'"{chapter.id}", part="{name}"'
    first = f"{chapter.id} {name}: this one is for you to write, above, in place of the raise."
    if name != asked_for:
        first = f"{chapter.id} {asked_for}: first write {name}, further up, which is still blank."
    return OpenPlaceError(
        f"✎ {first}\n"
        f"  A nudge:    hint({asked})\n"
        f"  Read on:    borrow({asked}) puts our lines there, on loan. Come back whenever you like."
    )


def lend(chapter: Exercise, name: str, namespace: dict[str, Any]) -> None:
    """Run our cell of a place in the notebook, and say that it is on loan."""
    source, file = our_cell(chapter, name), _file(chapter, name)
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(source, file, "exec"), namespace)
    say_on_loan(chapter, name)


def say_on_loan(chapter: Exercise, name: str) -> None:
    """Say that the lines in a place are ours."""
    told = "ours, on loan. To make it yours, write the cell above and run both."
    say(f"✎ {chapter.id} {name}: {told}")


def _file(chapter: Exercise, name: str) -> str:
    return f"<{chapter.id} {name}, on loan>"


def is_on_loan(chapter: Exercise, name: str, answers: dict[str, Any]) -> bool:
    """Tell whether any of the answers has our lines for a place in it."""
    return _file(chapter, name) in files_of(answers)


def is_borrowed(chapter: Exercise, name: str) -> bool:
    """Tell whether the learner has asked for our lines in this place."""
    return (chapter.id, f"borrowed {name}") in progress_log.events()
