"""Grade a class of three by `socketlab grade`, by `check` and by nbgrader: the same points?

    python -m tools.points_of_three [CHAPTER ...]

The full student hands in our solution. The half one has answered two exercises, the second of
them wrongly. The blank one has answered nothing. nbgrader is run as a teacher runs it, on a copy
of the course; `check` is called by running the same cells without nbgrader.
"""

import argparse
import csv
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path

import nbformat

from socketlab.authoring.exercises import chapters
from socketlab.exercises import all_exercises, find
from socketlab.files import short_tempdir
from socketlab.kernels import on_files
from socketlab.project import PROJECT

from . import sample_class
from .sample_class import STUDENTS, handed_in, sample

CHECK = re.compile(r'^check\("(.+)", part="(.+)"\)$', re.MULTILINE)
DEADLINE = 300
"""Seconds until a command of nbgrader's, or a notebook run by `check`, has failed."""


def open_class(folder, chapter):
    """Let the three students hand in, in a folder that is a course of nbgrader's as well."""
    as_course(folder, chapter)
    notebooks = {student: sample(chapter, student) for student in STUDENTS}
    sample_class.hand_in(folder / "submitted", chapter, notebooks)


def as_course(folder, chapter):
    """Make of a folder with submissions a course of nbgrader's."""
    shutil.copy(PROJECT / "nbgrader_config.py", folder)
    shutil.copytree(PROJECT / "solutions" / chapter, folder / "solutions" / chapter)


# The three ways. Each returns the checks that each student passed.


def by_command(folder, chapter):
    """Grade by `socketlab grade`."""
    sample_class.grade(folder / "submitted", folder / "out")
    return {student: sample_class.passed(folder / "out", student, chapter) for student in STUDENTS}


def by_check(folder, chapter):
    """Run the cells of each notebook one after the other, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, max_tasks_per_child=1) as pool:
        paths = [handed_in(folder / "submitted", chapter, student) for student in STUDENTS]
        return dict(zip(STUDENTS, pool.map(_passed, paths, timeout=DEADLINE), strict=True))


def _passed(path):
    found = set()
    namespace = {"__name__": "__main__"}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        # A cell that fails keeps nobody from running the next one.
        with suppress(Exception), redirect_stdout(StringIO()):
            exec(compile(cell.source, cell.id, "exec"), namespace)
            found.update(CHECK.findall(cell.source))
    return found


def by_nbgrader(folder, chapter, deadline=DEADLINE):
    """Grade by nbgrader, and read its gradebook."""
    nbgrader(folder, "generate_assignment", chapter)
    nbgrader(folder, "autograde", chapter, deadline=deadline)
    return in_gradebook(folder, chapter)


def nbgrader(folder, *words, deadline=DEADLINE):
    """Run a command of nbgrader's."""
    # It calls `alembic`, which is beside Python even where PATH lacks it.
    path = os.pathsep.join((sysconfig.get_path("scripts"), os.environ["PATH"]))
    python_path = os.pathsep.join((str(PROJECT), os.environ.get("PYTHONPATH", "")))
    with tempfile.TemporaryDirectory(dir=short_tempdir()) as place:
        files = [f"--KernelManager.{name}={value}" for name, value in on_files(place).items()]
        run = subprocess.run(
            [sys.executable, "-m", "nbgrader", *words, *files],
            cwd=folder,
            env={**os.environ, "PATH": path, "PYTHONPATH": python_path},
            capture_output=True,
            encoding="utf-8",
            timeout=deadline,
        )
    assert run.returncode == 0, run.stderr


def in_gradebook(folder, chapter):
    """Return the checks that each student passed, as nbgrader has written them down."""
    from nbgrader.api import Gradebook

    names = {
        f"check-{exercise.id}-{part}".replace(".", "-").replace(" ", "-"): (exercise.id, part)
        for exercise in all_exercises()
        for part in exercise.checks
    }
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as gradebook:
        return {
            one.student.id: {names[cell.name] for cell in one.notebooks[0].grades if cell.score}
            for one in gradebook.assignment_submissions(chapter)
        }


def exported(folder):
    """Return the points of each student, as nbgrader exports them."""
    nbgrader(folder, "export")
    with open(folder / "grades.csv", encoding="utf-8", newline="") as file:
        return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}


# What came of them


def points(passed):
    """Return the points for these checks."""
    return sum(find(exercise).checks[part].points for exercise, part in passed)


def differences(passed, passed_too):
    """Return who passed a check in one way only."""
    return [
        (student, *name, "only one way" if name in passed[student] else "only the other")
        for student in STUDENTS
        for name in sorted(passed[student] ^ passed_too[student])
    ]


def main():
    parser = argparse.ArgumentParser(
        prog="python -m tools.points_of_three", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", type=sample_class.chapter)
    names = parser.parse_args().chapters or chapters()
    print(f"Points of: {' / '.join(STUDENTS)}\n")
    print("| chapter | `socketlab grade` | `check` | nbgrader | checks that differ |")
    print("|---|---:|---:|---:|---|")
    for chapter in names:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            open_class(folder, chapter)
            graded, *others = (way(folder, chapter) for way in (by_command, by_check, by_nbgrader))
        found = [one for other in others for one in differences(graded, other)]
        cells = [
            " / ".join(str(points(way[student])) for student in STUDENTS)
            for way in (graded, *others)
        ]
        told = "; ".join(" ".join(one) for one in found) or "none"
        print(f"| {chapter} | {' | '.join(cells)} | {told} |", flush=True)


if __name__ == "__main__":
    main()
