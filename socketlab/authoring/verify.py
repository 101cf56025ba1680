"""Try the exercises after a change: `socketlab author verify 03_tcp_server`.

Two things must be true of each chapter: our solution passes each check, and the blank exercise
fails each. Both notebooks run in a kernel, as a learner's would.
"""

import os
import re
import sys
from pathlib import Path
from typing import Any

from nbclient.exceptions import CellTimeoutError, DeadKernelError

from ..exercises import all_exercises
from ..kernels import execute
from ..project import PROJECT
from .exercises import chapters, read

SECONDS = 30
"""So long may a cell run."""

REFRESH = "socketlab author exercises"


def broken(chapter: str, project: Path = PROJECT) -> list[str]:
    """Run a chapter's notebooks; return a paragraph for each promise that isn't kept."""
    solved, blank = (read(project / folder, chapter) for folder in ("solutions", "exercises"))
    if _checks(solved).keys() != _checks(blank).keys():
        return [f"exercises/{chapter} is older than solutions/{chapter}. Run: {REFRESH}"]
    told = _uncalled(chapter, solved)
    for folder, notebook in (("solutions", solved), ("exercises", blank)):
        try:
            _run(notebook, project)
        except (CellTimeoutError, DeadKernelError) as error:
            why = str(error).strip().partition("\n")[0]
            told.append(f"{folder}/{chapter} doesn't run to its end. {why}")
    for cell in solved.cells:
        if (said := _error(cell)) and cell.id not in _checks(solved):
            told.append(f"In solutions/{chapter}, the cell {cell.id!r} ends in an error.\n{said}")
    for place, name in _checks(solved).items():
        if said := _error(_cell(solved, place)):
            told.append(f"Our solution must pass {name}, and doesn't.\n{said}")
    for place, name in _checks(blank).items():
        kind = _error_name(_cell(blank, place))
        if kind is None and _cell(blank, place).execution_count:
            told.append(f"The blank exercise must fail {name}, and passes: so would anybody.")
        elif kind not in (None, "CheckFailedError"):
            said = _error(_cell(blank, place))
            told.append(f"On the blank exercise, {name} breaks where it should fail.\n{said}")
    return told


def _run(notebook: Any, project: Path) -> None:
    path = os.pathsep.join(filter(None, [str(project), os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": path}
    execute(notebook, environment, allow_errors=True, timeout=SECONDS)


def _checks(notebook: Any) -> dict[str, str]:
    """Return by their ids the cells that check an answer: "03.1 address"."""
    found = {}
    for cell in notebook.cells:
        if cell.id.startswith("check-"):
            found[cell.id] = " ".join(re.findall(r'"([^"]+)"', cell.source))
    return found


def _uncalled(chapter: str, notebook: Any) -> list[str]:
    called = set(_checks(notebook).values())
    return [
        f"{exercise.id} has a check {part!r} that no cell of solutions/{chapter} calls. Add one: "
        f'check("{exercise.id}", part="{part}")'
        for exercise in all_exercises()
        if exercise.id[:2] == chapter[:2]
        for part in exercise.checks
        if f"{exercise.id} {part}" not in called
    ]


def _cell(notebook: Any, place: str) -> Any:
    return next(cell for cell in notebook.cells if cell.id == place)


def _errors(cell: Any) -> list[Any]:
    return [output for output in cell.get("outputs", ()) if output.output_type == "error"]


def _error_name(cell: Any) -> str | None:
    """Return the name of the exception in which a cell ended, if it did."""
    return next((str(output.ename) for output in _errors(cell)), None)


def _error(cell: Any) -> str:
    """Return what a learner would see of the error in which a cell ended, if it did."""
    lines = (line for output in _errors(cell) for line in output.traceback)
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(lines))


def keep(names: list[str]) -> int:
    """Try these chapters, or all; return the exit status: 1 where a promise is broken."""
    known = chapters()
    if unknown := [name for name in names if name not in known]:
        told = f"{unknown[0]!r} is no chapter with checks. There are: {', '.join(known)}."
        print(told, file=sys.stderr)
        return 2
    status = 0
    for chapter in names or known:
        if trouble := broken(chapter):
            status = 1
            print(f"{chapter}:", *trouble, sep="\n\n", end="\n\n", flush=True)
        else:
            kept = "our solution passes each check, the blank exercise fails each."
            print(f"{chapter}: {kept}", flush=True)
    return status
