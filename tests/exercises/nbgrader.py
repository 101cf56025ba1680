"""A class of three, graded by nbgrader and by `check`.

    python -m tests.exercises.nbgrader [CHAPTER...]

The full student hands in our solution. The half one has answered two exercises, the second of
them wrongly. The blank one has answered nothing. nbgrader is run as a teacher runs it, on a copy
of the course; `check` is called by running the same cells without nbgrader.
"""

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

from socketlab.exercises import find
from socketlab.files import short_tempdir
from socketlab.kernels import on_files

from .test_notebooks import CHAPTERS, ROOT, read, scored

CHECK = re.compile(r'^check\("(.+)", part="(.+)"\)$', re.MULTILINE)
STUDENTS = ("full", "half", "blank")
DEADLINE = 300
"""Seconds until a command, or a notebook run by `check`, has failed."""

WRONG = {
    "01.3": (".sendall(line", ".send(line"),
    "02.2": ("self.visitors < self.limit", "self.visitors <= self.limit"),
    "03.3": ("allow_reuse_address = True", "allow_reuse_address = False"),
    "04.2": ("% 8", "// 8"),
    "05.2": ("self.send_error(404)", "self.send_response(404)"),
    "06.2": ("number <= self.server.seats", "number < self.server.seats"),
    "07.3": ('print("the shop is open", flush=True)', 'print("the shop is open")'),
    "08.3": ("if len(letter) < size:", "if not letter:"),
    "09.3": (".encode()", '.encode("latin-1")'),
    "10.4": ("max_connections = 3", "max_connections = 2"),
}
"""What the half student's second answer has in place of ours."""


def answers(chapter, student):
    """Return the notebook that a student hands in."""
    if student == "full":
        return read("solutions", chapter)
    notebook = read("exercises", chapter)
    if student == "half":
        solved = {cell.id: cell.source for cell in read("solutions", chapter).cells}
        right, wrong = half(chapter)
        for cell in notebook.cells:
            if cell.id == answer_id(right):
                cell.source = solved[cell.id]
            elif cell.id == answer_id(wrong):
                ours, theirs = WRONG[wrong]
                assert ours in solved[cell.id]
                cell.source = solved[cell.id].replace(ours, theirs)
    return notebook


def half(chapter):
    """Return the exercises that the half student has answered: rightly, wrongly."""
    number = chapter[:2]
    [wrong] = [exercise for exercise in WRONG if exercise.startswith(number)]
    return f"{number}.1", wrong


def answer_id(exercise):
    return f"answer-{exercise.replace('.', '-')}"


def open_course(folder, chapter):
    """Make a course with our configuration, and let the three students hand in a chapter."""
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    shutil.copytree(ROOT / "solutions" / chapter, folder / "solutions" / chapter)
    for student in STUDENTS:
        path = handed_in(folder, chapter, student)
        path.parent.mkdir(parents=True)
        nbformat.write(answers(chapter, student), path)


def handed_in(folder, chapter, student):
    return folder / "submitted" / student / chapter / f"{chapter}.ipynb"


def by_nbgrader(folder, chapter):
    """Return the points of each student, as nbgrader exports them."""
    for words in (["generate_assignment", chapter], ["autograde", chapter], ["export"]):
        nbgrader(folder, *words)
    with open(folder / "grades.csv", encoding="utf-8", newline="") as file:
        return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}


def nbgrader(folder, *words, deadline=DEADLINE):
    # It calls `alembic`, which is beside Python even where PATH lacks it.
    path = os.pathsep.join((sysconfig.get_path("scripts"), os.environ["PATH"]))
    python_path = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
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


def by_check(folder, chapter):
    """Return the points of each student, each notebook run in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, context, max_tasks_per_child=1) as pool:
        paths = [handed_in(folder, chapter, student) for student in STUDENTS]
        return dict(zip(STUDENTS, pool.map(earned, paths, timeout=DEADLINE), strict=True))


def earned(path):
    """Run a notebook's cells one after the other; return the points of the checks that pass."""
    return sum(find(exercise).checks[part].points for exercise, part in passed(path))


def passed(path):
    """Run a notebook's cells one after the other; return the checks that pass."""
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


def main():
    print(f"| chapter | {' | '.join(STUDENTS)} | points there are | `check` gives |")
    print(f"|---|{'---:|' * (len(STUDENTS) + 2)}")
    for chapter in sys.argv[1:] or CHAPTERS:
        with tempfile.TemporaryDirectory() as course:
            open_course(Path(course), chapter)
            graded, checked = (give(Path(course), chapter) for give in (by_nbgrader, by_check))
        most = sum(cell.metadata.nbgrader.points for cell in scored(read("solutions", chapter)))
        same = "the same" if graded == checked else [*checked.values()]
        points = [f"{graded[student]:g}" for student in STUDENTS]
        print(f"| {chapter} | {' | '.join(points)} | {most} | {same} |", flush=True)


if __name__ == "__main__":
    main()
