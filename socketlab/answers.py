"""What is there besides the check: our solution, the stub brought back, what was done."""

from pathlib import Path
from typing import Any

from . import logbook
from .checks.core import Exercise, exercises, find
from .notebooks import cell_id, cells

PROJECT = Path(__file__).parents[1]


class NotNow(Exception):
    """What was asked for is not to be had, or not yet; the text says why."""

    def _render_traceback_(self) -> list[str]:
        """Tell IPython what to show in place of its own traceback."""
        return [str(self)]


def solution(exercise: str, give_up: bool = False) -> None:
    """Print our solution, once the check has passed, or with `give_up=True`, which is noted.

    Raises NotNow before that, LookupError for an unknown exercise.
    """
    spec = find(exercise)
    text = cell(PROJECT / "solutions", spec)
    if give_up:
        logbook.note(exercise, "gave up")
    elif not passed(spec):
        raise NotNow(
            f"Our solution of {exercise} comes when yours passes: check({exercise!r}) first. "
            f"hint({exercise!r}) helps. To see it all the same: solution({exercise!r}, "
            "give_up=True), which your progress will mention."
        )
    print("\n".join(line for line in text.splitlines() if "### " not in line))


def passed(spec: Exercise) -> bool:
    """Tell whether every part has passed, in this kernel or, by the progress file, before."""
    noted = {event for name, event in logbook.events() if name == spec.id}
    return all(name in spec.passed or f"passed {name}" in noted for name in spec.parts)


def reset(exercise: str) -> None:
    """Put the exercise's stub into a new cell below; the old answer stays where it is.

    Outside a notebook the stub is printed. LookupError for an unknown exercise.
    """
    from IPython.core.getipython import get_ipython

    stub = cell(PROJECT / "exercises", find(exercise))
    shell = get_ipython()
    if shell is None:
        print(stub)
    else:
        shell.set_next_input(stub)
        print(f"The stub of {exercise} is in a new cell below. Your old answer stays above.")


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
    print(f"{'':5} {'points':>7}  {'kind':12}  {'level':5}  title")
    for row in state():
        points = f"{row['earned']}/{row['points']}"
        told = f"{row['title']}{'  (solution seen)' if row['gave up'] else ''}"
        print(f"{row['id']:5} {points:>7}  {row['kind']:12}  {'*' * row['level']:5}  {told}")
