"""Make `exercises/` from `solutions/`: `socketlab author exercises`.

The metadata of the solutions is brought up to date first.
"""

import os
import re
import shutil
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

import nbformat

from .. import files
from ..exercises import all_exercises, find
from ..project import PROJECT


def chapters() -> list[str]:
    """Return the chapters that have exercises with checks, such as "03_tcp_server"."""
    with_checks = {exercise.id[:2] for exercise in all_exercises()}
    folders = sorted((PROJECT / "solutions").iterdir())
    return [folder.name for folder in folders if folder.name[:2] in with_checks]


def read(folder: str | Path, chapter: str) -> Any:
    """Return a chapter's notebook from `solutions` or `exercises`, the project's or another's."""
    path = PROJECT / folder / chapter / f"{chapter}.ipynb"
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def scored(notebook: Any) -> list[Any]:
    """Return the cells for which there are points."""
    return [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]


def annotate(path: Path) -> None:
    """Write nbgrader's metadata into a solution notebook: by the cells' ids, and our points.

    `answer-03-1` is an answer, `check-03-1-...` is a scored check and calls
    `check("03.1", part="...")`, other code cells belong to us. LookupError where a check is
    called that does not exist.
    """
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    for cell in notebook.cells:
        cell.metadata.pop("nbgrader", None)
        if cell.cell_type == "code":
            cell.metadata["nbgrader"] = _grading(cell)
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


def _grading(cell: Any) -> dict[str, Any]:
    is_answer, is_check = (cell.id.startswith(prefix) for prefix in ("answer-", "check-"))
    grading = {"grade": is_check, "grade_id": cell.id, "locked": not is_answer}
    if is_check:
        exercise, part = re.findall(r'"([^"]+)"', cell.source)
        grading["points"] = find(exercise).checks[part].points
    return grading | {"schema_version": 3, "solution": is_answer, "task": False}


def generate(solutions: Path, exercises: Path) -> list[Path]:
    """Write each solution notebook, its answers taken out by nbgrader, below `exercises`.

    Returns the files written. Raises RuntimeError, with nbgrader's own words, when it refuses a
    notebook; nothing is written then.
    """
    with tempfile.TemporaryDirectory() as course:
        shutil.copytree(solutions, Path(course, "source"), ignore=_leftovers)
        for chapter in sorted(path.name for path in Path(course, "source").iterdir()):
            _generate_assignment(Path(course), chapter)
        release = Path(course, "release")
        written = []
        for made in sorted(release.rglob("*.ipynb")):
            target = exercises / made.relative_to(release)
            files.write(target, made.read_bytes())
            written.append(target)
        return written


_leftovers = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__", ".*")


def _generate_assignment(course: Path, chapter: str) -> None:
    # Imported here, so that the bench works without nbgrader.
    from nbgrader.apps import NbGraderAPI  # type: ignore[import-untyped]
    from traitlets.config import Config

    # nbgrader calls the program `alembic`, which is beside Python even where PATH lacks it.
    scripts = sysconfig.get_path("scripts")
    if scripts not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join((scripts, os.environ["PATH"]))
    config = Config()
    config.CourseDirectory.root = str(course)
    config.CourseDirectory.db_url = f"sqlite:///{course / 'gradebook.db'}"
    result = NbGraderAPI(config=config).generate_assignment(chapter)
    if not result["success"]:
        raise RuntimeError(result.get("log") or result.get("error"))


def make() -> int:
    """Make all exercises anew, and say so; return the exit status."""
    for solution in sorted(PROJECT.glob("solutions/*/*.ipynb")):
        annotate(solution)
    for written in generate(PROJECT / "solutions", PROJECT / "exercises"):
        print("wrote", written.relative_to(PROJECT))
    return 0
