"""What the learner has done in exercises and chapters: plain text, a line for each event.

    03.1 passed address
    03.1 hint 1
    03.1 gave up
    06 done

It lies beside the learner's notebooks, in `course/`. Lines are only ever added, so a crash can
spoil the last one at the most, and a line that makes no sense is passed over.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from .course import MANIFEST

NAME = "progress.txt"


def course() -> Path | None:
    """Return the learner's `course/` that the working directory lies in, None elsewhere."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / MANIFEST).exists()), None)


def note(exercise: str, event: str, folder: Path | None = None) -> None:
    """Add a line such as `03.1 passed address`, once. Without a `course/` nothing is kept.

    `folder` is the learner's `course/`, by default the one that one works in.
    """
    folder = folder or course()
    if folder is None or (exercise, event) in events(folder):
        return
    path = folder / NAME
    whole = not path.exists() or path.read_bytes()[-1:] in (b"", b"\n")
    line = f"{'' if whole else os.linesep}{exercise} {event}{os.linesep}"
    with path.open("ab") as file:
        file.write(line.encode())


def events(folder: Path | None = None) -> set[tuple[str, str]]:
    """Return what was noted in `folder`, by default the course one works in: (exercise, event)."""
    folder = folder or course()
    return set() if folder is None else set(_read(folder / NAME))


def _read(path: Path) -> Iterator[tuple[str, str]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # not there yet, or not to be read: nothing is known, and nothing breaks
        return
    for line in text.splitlines():
        exercise, space, event = line.partition(" ")
        if space:
            yield exercise, event
