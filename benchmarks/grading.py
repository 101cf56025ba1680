"""Grading, side by side: `python -m benchmarks.grading`.

Two classes of fifty hand in one exercise: in the first one all is right, in the second one there
are wrong answers, some of which keep a client waiting, and blank ones. They are graded in one run
by `socketlab grade`, by nbgrader and by otter-grader, which is installed for this run into an
environment of its own. Each does what its manual says for a folder of notebooks on one machine.
nbgrader has no option for more than one process, and is timed with one and with two side by side.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nbformat

from socketlab.exercises import all_exercises, find
from socketlab.grading import judge, trial
from socketlab.grading.submissions import Submission
from socketlab.machine_load import processors
from socketlab.sandbox.sandbox import Sandbox

ROOT = Path(__file__).parents[1]
CHAPTER, EXERCISE = "03_tcp_server", "03.1"
PLACE = EXERCISE.replace(".", "-")
STUDENTS = 50
DEADLINE = 60
"""Seconds that an endless loop is given."""

WRONG = (
    ("str(os.getpid())", "os.getpid()"),
    ("listener.set_inheritable(False)", "pass"),
    ("self.server_address = listener.getsockname()", "pass"),
    ("self.socket.close()", "pass"),
)
LOOP = "while True:\n    pass\n\n"


@dataclass
class Figures:
    """What a grader took, in seconds.

    Either class; the median submission of the second, alone; a single submission by the command,
    with all that it starts; and, beyond that, a submission that loops for ever.
    """

    name: str
    right: float
    mixed: float
    alone: float
    single: float
    loop: float


def notebook(folder, wrong=("", ""), before=""):
    """Return the chapter's notebook with this one exercise in it."""
    made = nbformat.read(ROOT / folder / CHAPTER / f"{CHAPTER}.ipynb", as_version=4)
    made.cells = [cell for cell in made.cells if cell.id == "setup" or PLACE in cell.id]
    for cell in made.cells:
        if cell.id == f"answer-{PLACE}":
            assert wrong[0] in cell.source
            cell.source = before + cell.source.replace(*wrong)
    return made


def looping(where):
    """Return a right answer with an endless loop: in its cell, or in a function."""
    if where == "cell":
        return notebook("solutions", before=LOOP)
    call = "listener = handed_over()"
    return notebook("solutions", (call, f"while True:\n            pass\n        {call}"))


def right():
    """Return the notebooks of the first class."""
    return [notebook("solutions") for _ in range(STUDENTS)]


def mixed():
    """Yield the notebooks of the second class: of ten, five right, four wrong, one blank."""
    for number in range(STUDENTS):
        place = number % 10
        if place == 9:
            yield notebook("exercises")
        else:
            yield notebook("solutions", WRONG[place // 2] if place % 2 else ("", ""))


def hand_in(notebooks, folder):
    """Lay the notebooks out as they are collected."""
    for number, one in enumerate(notebooks):
        path = folder / f"student{number:02}" / CHAPTER / f"{CHAPTER}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(one, path)
    return folder


def timed(words, folder, deadline=1800.0, **variables):
    """Return the seconds that a command took; inf if it was not done in time."""
    path = os.pathsep.join((str(Path(words[0]).parent), os.environ["PATH"]))
    python_path = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
    started = time.monotonic()
    process = subprocess.Popen(
        words,
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": python_path, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=deadline)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()
        return float("inf")
    if process.returncode:
        raise RuntimeError(f"{words}: {said}")
    return time.monotonic() - started


def in_halves(one_half, folders):
    """Call for both folders at the same time, one for each core; return the seconds."""
    started = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one_half, folders))
    return time.monotonic() - started


def ours(folder):
    """Grade with `socketlab grade`."""

    def run(name, notebooks):
        hand_in(notebooks, folder / name)
        words = [sys.executable, "-m", "socketlab", "grade", folder / name]
        return timed([*words, "--out", folder / f"{name}-grades"], folder)

    start = statistics.median(run(f"nothing{n}", [nothing()]) for n in range(5))
    single = statistics.median(run(f"single{n}", [notebook("solutions")]) for n in range(5))
    print(f"socketlab grade: {start:.2f} s to start")
    for where in ("cell", "function"):
        spent = run(where, [looping(where)]) - start
        print(f"socketlab grade: {spent:.1f} s for an endless loop in a {where}")
    classes = run("right", right()), run("mixed", mixed())
    return [Figures("`socketlab grade`", *classes, alone(), single, spent)]


def nothing():
    """Return a notebook without code."""
    made = notebook("exercises")
    made.cells = []
    return made


def alone():
    """Return the median seconds that the class takes one by one, in a grader that has started."""
    all_exercises()
    with Sandbox(preload=trial.PRELOAD) as sandbox:
        took = []
        for one in mixed():
            started = time.monotonic()
            judge.grade(Submission("somebody", CHAPTER, nbformat.writes(one)), sandbox)
            took.append(time.monotonic() - started)
    return statistics.median(took)


def nbgraders(folder):
    """Grade with nbgrader, in one process, and in two at a time."""

    def course(name, notebooks):
        made = folder / name
        source = made / "solutions" / CHAPTER / f"{CHAPTER}.ipynb"
        source.parent.mkdir(parents=True)
        shutil.copy(ROOT / "nbgrader_config.py", made)
        nbformat.write(notebook("solutions"), source)
        hand_in(notebooks, made / "submitted")
        timed([sys.executable, "-m", "nbgrader", "generate_assignment", CHAPTER], made)
        return made

    def grade(made, deadline=1800.0):
        words = [sys.executable, "-m", "nbgrader", "autograde", CHAPTER]
        return timed(words, made, deadline)

    one = statistics.median(grade(course(f"single{n}", [notebook("solutions")])) for n in range(3))
    loop = grade(course("loop", [looping("cell")]), DEADLINE) - one
    few = grade(course("few", [notebook("solutions") for _ in range(6)]))
    classes = ("right", right()), ("mixed", [*mixed()])
    in_one = [grade(course(name, made)) for name, made in classes]
    in_two = [
        in_halves(grade, [course(f"{name}{n}", made[n::2]) for n in range(2)])
        for name, made in classes
    ]
    rest = (few - one) / 5, one, loop
    return [Figures("nbgrader", *in_one, *rest), Figures("nbgrader, two processes", *in_two, *rest)]


def otters(folder):
    """Grade with `otter run`, which takes one notebook at a time, two of them at a time."""
    python = folder / "venv" / "bin" / "python"
    venv.create(python.parents[1], with_pip=True)
    timed([python, "-m", "pip", "install", "--quiet", "otter-grader", "ipykernel"], folder)
    otter = python.with_name("otter")
    (folder / "tests").mkdir()
    (folder / "tests" / "q1.py").write_text(
        f"OK_FORMAT = True\ntest = {otter_test()!r}\n", encoding="utf-8"
    )
    timed([otter, "generate", "--tests-dir", "tests"], folder)

    def grade(handed_in, deadline=1800.0):
        started = time.monotonic()
        for path in sorted(handed_in.glob("*/*/*.ipynb")):
            words = [otter, "run", "-a", folder / "autograder.zip", "-o", path.parent, path]
            if timed(words, folder, deadline) == float("inf"):
                return float("inf")
        return time.monotonic() - started

    one = statistics.median(
        grade(hand_in([notebook("solutions")], folder / f"single{n}")) for n in range(3)
    )
    loop = grade(hand_in([looping("cell")], folder / "loop"), DEADLINE) - one
    classes = [
        in_halves(grade, [hand_in(made[n::2], folder / f"{name}{n}") for n in range(2)])
        for name, made in (("right", right()), ("mixed", [*mixed()]))
    ]
    return [Figures("otter-grader, two processes", *classes, one, one, loop)]


def otter_test():
    """Return the same checks in the format of otter-grader's tests."""
    hush = ">>> import contextlib, io\n>>> from socketlab import check\n"
    hush += ">>> with contextlib.redirect_stdout(io.StringIO()):\n"
    parts = find(EXERCISE).checks.values()
    cases = [
        {"code": f"{hush}...     check({EXERCISE!r}, part={part.name!r})\n", "points": part.points}
        for part in parts
    ]
    return {"name": "q1", "points": None, "suites": [{"cases": cases, "type": "doctest"}]}


def main():
    """Print the table."""
    load = os.getloadavg()[0]
    print(f"{len(processors())} cores, load before the run {load:.1f}\n")
    figures = []
    for grader in (ours, nbgraders, otters):
        with tempfile.TemporaryDirectory() as folder:
            try:
                figures += grader(Path(folder))
            except (OSError, RuntimeError) as error:
                last = str(error).strip().splitlines()[-1]
                print(f"{grader.__name__} could not be had: {last}")
    print("\n" + table(figures))


def table(figures):
    """Return the table in Markdown; "times" is how much longer than ours it took."""
    ours = figures[0]
    head = [f"{STUDENTS} of {EXERCISE}", "right, a minute", "times", "mixed, a minute", "times"]
    rows = [[*head, "alone", "single", "loop"], ["---", *["---:"] * 7]]
    for one in figures:
        loop = f"{one.loop:.1f} s" if one.loop < DEADLINE else f"over {DEADLINE} s"
        rates = [f"{60 * STUDENTS / took:,.0f}" for took in (one.right, one.mixed)]
        times = f"{one.right / ours.right:.1f}", f"{one.mixed / ours.mixed:.1f}"
        rows.append([one.name, rates[0], times[0], rates[1], times[1]])
        rows[-1] += [f"{one.alone:.2f} s", f"{one.single:.2f} s", loop]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    main()
