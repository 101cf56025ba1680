"""What the learner has done in exercises and chapters: plain text, a line for each event.

    03.1 passed address
    03.1 hint 1
    03.1 gave up
    06 done

It lies beside the learner's notebooks, in `course/`. Lines are only ever added, so a crash can
spoil the last one at the most, and a line that makes no sense is passed over. Where there is no
`course/`, or its file can't be written, events are kept in memory until the program ends.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from .course import MANIFEST

NAME = "progress.txt"

_unwritten: defaultdict[Path | None, set[tuple[str, str]]] = defaultdict(set)
"""The events that no file has taken, for each `course/`, or None where there isn't one."""


def course() -> Path | None:
    """Return the learner's `course/` that the working directory lies in, None elsewhere."""
    try:
        here = Path.cwd()
    except OSError:
        _say_once("Your progress isn't kept: the folder that this program works in is gone.")
        return None
    folders = (here, *here.parents)
    return next((folder for folder in folders if os.path.exists(folder / MANIFEST)), None)


@cache
def _say_once(sentence: str) -> None:
    print(sentence)  # on stdout: a cell that writes to stderr gets no points from nbgrader


def note(exercise: str, event: str, folder: Path | None = None) -> None:
    """Add a line such as `03.1 passed address`, once.

    `folder` is the learner's `course/`, by default the one that one works in. Where the file
    cannot be written, a sentence says so, once: no check and no hint fails for it.
    """
    folder = folder or course()
    if folder is None:
        _unwritten[folder].add((exercise, event))
    elif (exercise, event) not in _read(folder / NAME):
        try:
            _add(folder / NAME, exercise, event)
        except OSError as error:
            _unwritten[folder].add((exercise, event))
            why = error.strerror or error
            _say_once(f"Your progress isn't kept: {folder / NAME} can't be written ({why}).")


def _add(path: Path, exercise: str, event: str) -> None:
    whole = not path.exists() or path.read_bytes()[-1:] in (b"", b"\n")
    line = f"{'' if whole else os.linesep}{exercise} {event}{os.linesep}"
    with path.open("ab") as file:
        file.write(line.encode())


def events(folder: Path | None = None) -> set[tuple[str, str]]:
    """Return what was noted in `folder`, by default the course one works in: (exercise, event)."""
    folder = folder or course()
    written = _read(folder / NAME) if folder else ()
    return _unwritten[folder].union(written)


def _read(path: Path) -> Iterator[tuple[str, str]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # not there yet, or not to be read: nothing is known, and nothing breaks
        return
    for line in text.splitlines():
        exercise, space, event = line.partition(" ")
        if space:
            yield exercise, event
