"""`socketlab collect`: notebooks out of the homes of a hub, into a folder for `socketlab grade`."""

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .. import project
from . import private_files
from .archives import is_printable, printable
from .home_folders import Found, HomeError, read_home

MOST_NAMED = 3
"""So many files that were left out are named, for each reason."""


@dataclass
class Outcome:
    """What came of one home: the notebooks taken, and what was left out, with the reasons."""

    student: str
    taken: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    left: dict[str, list[str]] = field(default_factory=dict)
    is_missing: bool = False
    """Whether something is missing that the student may have handed in."""

    def leave(self, name: str, why: str, is_missing: bool = True) -> None:
        self.left.setdefault(why, []).append(name)
        self.is_missing |= is_missing

    def lines(self) -> list[str]:
        """Return what a teacher should know, with no sign that steers a terminal."""
        some = ", ".join(self.taken) if len(self.taken) < 4 else _count(len(self.taken), "notebook")
        lines = [f"{self.student}: {some}"]
        if not self.taken:
            lines = [f"{self.student}: nothing"]
        for why, names in self.left.items():
            shown = ", ".join(filter(None, names[:MOST_NAMED]))
            more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
            lines.append(f"  left out: {shown}{more}{': ' * bool(shown)}{why}")
        if self.removed:
            lines.append(f"  no longer there, so taken away here: {', '.join(self.removed)}")
        return [printable(line) for line in lines]


def run(homes: Sequence[Path], out: Path, chapters: Sequence[str] | None = None) -> int:
    """Collect these chapters, or all; return the exit status: 0 if no student's work is missing."""
    if not hasattr(os, "fork"):
        print("Homes are collected on Linux or macOS, where they are.", file=sys.stderr)
        return 2
    known = sorted(path.name for path in (project.PROJECT / "exercises").glob("[0-9][0-9]_*"))
    if unknown := sorted({*(chapters or ())} - {*known}):
        told = f"{unknown[0]!r} is no chapter with exercises. There are: {', '.join(known)}."
        print(told, file=sys.stderr)
        return 2
    here = out.resolve()
    real = [home.resolve() for home in homes]
    if any(here in (home, *home.parents) or home in here.parents for home in real):
        print("Homes and --out lie in one another. Collect into another folder.", file=sys.stderr)
        return 2
    try:
        private_files.own_folder(out, marks=filter(is_name, map(_student, homes)))
        outcomes = collect(homes, chapters or known, out)
    except OSError as error:
        shown = printable(str(out))
        print(f"Nothing can be collected into {shown}: {error.strerror}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted. The same command begins once more.", file=sys.stderr)
        return 2
    missing = [printable(one.student) for one in outcomes if one.is_missing]
    count = sum(len(one.taken) for one in outcomes)
    told = f"{_count(count, 'notebook')} of {_count(len(outcomes), 'student')}"
    print(f"{told}: {printable(str(out))}")
    if missing:
        print(f"Something is missing of: {', '.join(missing)}", file=sys.stderr)
    return 1 if missing else 0


def collect(homes: Iterable[Path], chapters: Sequence[str], out: Path) -> list[Outcome]:
    """Copy the chapters' notebooks from each home into `out`, say what came, and return that.

    Each student's folder then holds what the student has now. OSError if `out` can't be written.
    """
    outcomes: list[Outcome] = []
    for home in homes:
        outcome = Outcome(_student(home))
        if not is_name(outcome.student):
            outcome.leave("", "its name can't be that of a student's folder here")
        elif outcome.student in {one.student for one in outcomes}:
            outcome.leave("", "there was another home with this name before it")
        else:
            _collect(home, chapters, out, outcome)
        outcomes.append(outcome)
        print("\n".join(outcome.lines()), flush=True)
    return outcomes


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _student(home: Path) -> str:
    return home.absolute().name


def _collect(home: Path, chapters: Sequence[str], out: Path, outcome: Outcome) -> None:
    mine = out / outcome.student
    for chapter in chapters:
        # One that stays empty is told when grading.
        private_files.folder(mine / chapter, within=out)
    try:
        for found in read_home(home, chapters):
            _take(found, mine, out, outcome)
    except HomeError as trouble:
        stays = "; what was collected before stays" if any(mine.glob("*/*.ipynb")) else ""
        outcome.leave("", f"{trouble}{stays}")
        return
    for chapter in chapters:
        if not any(name.startswith(f"{chapter}/") for name in outcome.taken):
            outcome.is_missing = True
        outcome.removed += _remove_others(mine, chapter, outcome.taken)


def _take(found: Found, mine: Path, out: Path, outcome: Outcome) -> None:
    name = "/".join(filter(None, [found.chapter, found.name]))
    if found.trouble:
        outcome.leave(name, found.trouble, found.is_work)
    elif not is_name(found.name):
        outcome.leave(name, "its name has signs that can't be shown, or is too long")
    else:
        private_files.write(mine / found.chapter / found.name, found.content, within=out)
        outcome.taken.append(name)


def _remove_others(mine: Path, chapter: str, taken: Iterable[str]) -> list[str]:
    """Take away what an earlier run has left of a chapter, and a half-written file."""
    removed = []
    for path in sorted((mine / chapter).iterdir()):
        name = f"{chapter}/{path.name}"
        is_ours = path.name.endswith(".ipynb") or path.name == private_files.PART
        if is_ours and name not in taken and not path.is_dir():
            path.unlink()
            removed += [name] * (path.name != private_files.PART)
    return removed


def is_name(text: str) -> bool:
    """Tell whether a home's or notebook's name can be that of a file that is seen and shown."""
    return is_printable(text) and text[:1] not in ("", ".") and len(os.fsencode(text)) < 200
