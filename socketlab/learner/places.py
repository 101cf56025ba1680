"""The places in a chapter where the learner writes: blank in their edition, or ours, on loan."""

import linecache
from typing import Any

from .. import project
from ..checks.core import Exercise
from ..notebook.run_history import Runs
from ..output import SentenceError, say
from . import progress_log
from .stubs import (
    begun_among,
    blank,
    blanks,
    complete,
    files_of,
    functions_in,
    stubs_among,
)


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


def open_place(
    chapter: Exercise, name: str, asked_for: str, answers: dict[str, Any], runs: Runs | None
) -> OpenPlaceError:
    """Return what `check` raises where a place is still blank, perhaps not the one asked for."""
    asked = f'"{chapter.id}", part="{name}"'
    first = f"{chapter.id} {name}: this one is for you to write, in the cell above."
    marked = _marked(chapter, name)
    if name != asked_for:
        first = f"{chapter.id} {asked_for}: first write {name}, further up, which is still blank."
    elif slip := slip_in_the_cell(chapter, name, runs):
        first += f" {slip}"
    elif begun := begun_among(answers, blank(marked)) & blanks(marked):
        methods = " and ".join(f"{one}()" for one in sorted(begun))
        first = f"{chapter.id} {name}: you have begun {methods}, in the cell above. "
        first += "A finished answer takes the place of raise NotImplementedError() and of the "
        first += "comment above it."
    return OpenPlaceError(
        f"✎ {first}\n"
        f"  A nudge:    hint({asked})\n"
        f"  Read on:    borrow({asked}) puts our lines there, on loan. Come back whenever you like."
    )


def slip_in_the_cell(chapter: Exercise, name: str, runs: Runs | None) -> str:
    """Return in what a place's cell, as it ran last, is not the cell we gave; or ""."""
    here = place_id(chapter.id, name)
    mine = [run for run in runs.done if run.cell == here] if runs else []
    if not mine or mine[-1].trouble:
        return ""
    ours, theirs = _marked(chapter, name), mine[-1].source
    lost = [one for one in ours.splitlines() if one.startswith("@reopen") and one not in theirs]
    if lost:
        return f"Without {lost[0]} above it, a class loses what it had. Run the cells above again."
    found = functions_in(theirs)
    if missing := blanks(ours) - found:
        now = " and ".join(sorted(found)) or "no function"
        return f"Your cell defines {now}, and not {' and '.join(sorted(missing))}."
    return ""


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
