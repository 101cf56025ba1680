"""The cells of a notebook that count for an exercise."""

from ..cell_names import UNSEEN
from ..checks.core import Exercise
from .notebook_cells import Cell


def cells_for(
    exercise: Exercise, others: list[Exercise], cells: list[Cell], common: bool = True
) -> list[Cell]:
    """Return the cells of an exercise: its own, the common ones if asked for, and what these use.

    A cell belongs to the exercises whose names it defines, wherever it stands and whatever its
    metadata say. Below the last check of a whole answer it has come too late for a kernel to
    judge it, and counts only where the answer lacks something. Cells of other exercises are left
    out, so that an error there costs nothing here.
    """
    mine = set(exercise.names)
    foreign = {name for other in others if other is not exercise for name in other.names} - mine
    end = _end_of_answer(exercise, cells)
    usable = [c for c in cells if not c.asks and not (c.number > end and c.binds & mine)]
    in_time = [cell for cell in usable if cell.number <= end]
    mine.add(UNSEEN)
    chosen = {c.number: c for c in in_time if c.binds & mine or (common and not c.binds & foreign)}
    while True:
        used = frozenset().union(*(cell.uses for cell in chosen.values()))
        bound = frozenset().union(*(cell.binds for cell in chosen.values()))
        for place in (in_time, usable):
            lacking = used - bound
            more = {c.number: c for c in place if c.number not in chosen and c.binds & lacking}
            if more:
                break
        else:
            return [chosen[number] for number in sorted(chosen)]
        chosen |= more


def _end_of_answer(exercise: Exercise, cells: list[Cell]) -> int:
    """Return the number of the last cell in which an answer can be: it ends with its last check.

    If something is still lacking there, it ends with the notebook.
    """
    last_check = max((cell.number for cell in cells if exercise.id in cell.checks), default=0)
    above = frozenset().union(*(cell.binds for cell in cells if cell.number <= last_check))
    is_whole = set(exercise.names) <= above
    return last_check if is_whole else max((cell.number for cell in cells), default=0)


def defined_again(exercise: Exercise, cells: list[Cell]) -> list[str]:
    """Return a sentence for each name of an exercise that more than one cell defines."""
    end = _end_of_answer(exercise, cells)
    told = []
    for name in exercise.names:
        for cell in [cell for cell in cells if name in cell.binds and not cell.asks][1:]:
            is_late = cell.number > end
            counts = "what is above the check counts" if is_late else "the last one counts"
            told.append(
                f"You define {name} again in the cell that begins with {cell.begins!r}: {counts}."
            )
    return told
