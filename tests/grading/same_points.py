"""A class of three, check by check: by `socketlab grade`, by `check`, and by nbgrader.

python -m tests.grading.same_points [CHAPTER...]
"""

import json
import multiprocessing
import shutil
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat

from socketlab.exercises import all_exercises
from tests.exercises import nbgrader
from tests.exercises.test_notebooks import CHAPTERS, ROOT

from .interrupted import grade
from .samples import handed_in, sample

STUDENTS = nbgrader.STUDENTS


def open_class(folder, chapter):
    """Let the three students hand in, in a folder that is a course of nbgrader's as well."""
    as_course(folder, chapter)
    for student in STUDENTS:
        path = handed_in(folder / "submitted", chapter, student)
        path.parent.mkdir(parents=True)
        nbformat.write(sample(chapter, student), path)


def as_course(folder, chapter):
    """Make of a folder with submissions a course of nbgrader's."""
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    shutil.copytree(ROOT / "solutions" / chapter, folder / "solutions" / chapter)


def by_command(folder, chapter):
    """Return the checks that each student passed."""
    grade(folder / "submitted", folder / "out")
    passed = {}
    for student in STUDENTS:
        told = folder / "out" / "gradescope" / student / chapter / "results.json"
        tests = json.loads(told.read_text())["tests"]
        passed[student] = {tuple(one["name"].split(" ", 1)) for one in tests if one["score"]}
    return passed


def by_check(folder, chapter):
    """Return the same of notebooks whose cells are run one after the other."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, max_tasks_per_child=1) as pool:
        paths = [handed_in(folder / "submitted", chapter, student) for student in STUDENTS]
        passed = pool.map(nbgrader.passed, paths, timeout=nbgrader.DEADLINE)
        return dict(zip(STUDENTS, passed, strict=True))


def by_nbgrader(folder, chapter, deadline=nbgrader.DEADLINE):
    """Return the same by nbgrader, from its gradebook."""
    nbgrader.nbgrader(folder, "generate_assignment", chapter)
    nbgrader.nbgrader(folder, "autograde", chapter, deadline=deadline)
    return in_gradebook(folder, chapter)


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


def differences(passed, passed_too):
    """Return who passed a check in one way only."""
    return [
        (student, *name, "only one way" if name in passed[student] else "only the other")
        for student in STUDENTS
        for name in sorted(passed[student] ^ passed_too[student])
    ]


def points(passed):
    parts = {
        (one.id, part.name): part.points for one in all_exercises() for part in one.checks.values()
    }
    return " / ".join(str(sum(parts[name] for name in passed[student])) for student in STUDENTS)


def main():
    print(f"Points of: {' / '.join(STUDENTS)}\n")
    print("| chapter | `socketlab grade` | `check` | nbgrader | checks that differ |")
    print("|---|---:|---:|---:|---|")
    for chapter in sys.argv[1:] or CHAPTERS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            open_class(folder, chapter)
            graded, *others = (way(folder, chapter) for way in (by_command, by_check, by_nbgrader))
        found = [one for other in others for one in differences(graded, other)]
        told = "; ".join(" ".join(one) for one in found) or "none"
        print(f"| {chapter} | {' | '.join(map(points, (graded, *others)))} | {told} |", flush=True)


if __name__ == "__main__":
    main()
