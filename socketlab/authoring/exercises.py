"""Make `exercises/` from `solutions/`: `python -m socketlab.authoring.exercises`."""

import os
import shutil
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


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
        return [
            _put(made, exercises / made.relative_to(release))
            for made in sorted(release.rglob("*.ipynb"))
        ]


_leftovers = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__", ".*")


def nbgrader(course: Path) -> Any:
    """Return nbgrader's API for the course below `course`, its database there as well."""
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
    return NbGraderAPI(config=config)


def _generate_assignment(course: Path, chapter: str) -> None:
    result = nbgrader(course).generate_assignment(chapter)
    if not result["success"]:
        raise RuntimeError(result.get("log") or result.get("error"))


def _put(made: Path, target: Path) -> Path:
    # Renamed into place: an interrupted run leaves the old file or the new one, never a half.
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(f".{target.name}.new")
    shutil.copyfile(made, half)
    half.replace(target)
    return target


if __name__ == "__main__":
    for written in generate(ROOT / "solutions", ROOT / "exercises"):
        print("wrote", written.relative_to(ROOT))
