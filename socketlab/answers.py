"""What is there besides the check: our solution, the stub brought back, what was done."""

import re
from pathlib import Path
from typing import Any

from . import logbook
from .checks.core import Exercise, exercises, find
from .notebooks import cell_id, cells
from .pythons import say

PROJECT = Path(__file__).parents[1]


class NotNow(Exception):
    """What was asked for is not to be had, or not yet; the text says why."""

    def _render_traceback_(self) -> list[str]:
        """Tell IPython what to show in place of its own traceback."""
        return [str(self)]


def solution(exercise: object = None, give_up: bool = False) -> None:
    """Print our solution, once the check has passed, or with `give_up=True`, which is noted.

    Raises NotNow before that, UnknownError for an unknown exercise.
    """
    spec = find(exercise)
    if (PROJECT / "pyproject.toml").is_file() and not (PROJECT / "solutions").is_dir():
        told = f"This course comes without our solutions. hint({spec.id!r}) helps."
        raise NotNow(told)
    text = cell(PROJECT / "solutions", spec)
    if give_up:
        logbook.note(spec.id, "gave up")
    elif not passed(spec):
        raise NotNow(
            f"Our solution of {spec.id} comes when yours passes: check({spec.id!r}) first. "
            f"hint({spec.id!r}) helps. To see it all the same: solution({spec.id!r}, "
            "give_up=True), which your progress will mention."
        )
    say("\n".join(line for line in text.splitlines() if "### " not in line))


def passed(spec: Exercise) -> bool:
    """Tell whether every part has passed, in this kernel or, by the progress file, before."""
    noted = {event for name, event in logbook.events() if name == spec.id}
    return all(name in spec.passed or f"passed {name}" in noted for name in spec.parts)


def reset(exercise: object = None) -> None:
    """Make the cell that calls this the exercise's stub again, and print the answer that it was.

    Outside a notebook the stub is printed. UnknownError for an unknown exercise.
    """
    from IPython.core.getipython import get_ipython

    spec = find(exercise)
    stub = cell(PROJECT / "exercises", spec)
    shell = get_ipython()
    if shell is None:
        say(stub)
        return
    shell.set_next_input(stub, replace=True)
    say(f"This cell is the stub of {spec.id} now. Is an answer left in another cell? Delete that.")
    if old := _last_answer(spec, shell.user_ns.get("In", [])[:-1]):
        say(f"Your answer, as you last ran it:\n\n{old}")


def _last_answer(spec: Exercise, ran: list[str]) -> str:
    """Return the last cell, of those that ran, that defines a name of the exercise."""
    names = "|".join(spec.names)
    defines = re.compile(
        rf"^(?:class|def|async def)\s+(?:{names})\b|^(?:{names})\s*=", re.MULTILINE
    )
    return next((text for text in reversed(ran) if defines.search(text)), "")


def cell(folder: Path, spec: Exercise) -> str:
    """Return the text of an exercise's answer cell, from `solutions` or `exercises`.

    Raises NotNow where the project's folder is not at hand.
    """
    for path in folder.glob(f"{spec.id[:2]}_*/*.ipynb"):
        for one in cells(path.read_bytes()):
            if cell_id(one) == f"answer-{spec.id.replace('.', '-')}":
                return str(one["source"])
    raise NotNow(f"{folder} has no answer cell for {spec.id}. Is the project's folder complete?")


def state() -> list[dict[str, Any]]:
    """Return a row for each exercise: id, title, kind, level, points and what was done."""
    noted = logbook.events()
    rows = []
    for spec in exercises():
        mine = {event for name, event in noted if name == spec.id}
        done = [part for part in spec.parts.values() if f"passed {part.name}" in mine]
        rows.append(
            {
                "id": spec.id,
                "title": spec.title,
                "kind": spec.kind,
                "level": spec.level,
                "points": sum(part.points for part in spec.parts.values()),
                "earned": sum(part.points for part in done),
                "gave up": "gave up" in mine,
            }
        )
    return rows


def progress() -> None:
    """Print a table of the exercises, and what was done of them."""
    lines = [f"{'':5} {'points':>7}  {'kind':12}  {'level':5}  title"]
    for row in state():
        points = f"{row['earned']}/{row['points']}"
        told = f"{row['title']}{'  (solution seen)' if row['gave up'] else ''}"
        lines.append(f"{row['id']:5} {points:>7}  {row['kind']:12}  {'*' * row['level']:5}  {told}")
    say("\n".join(lines))
