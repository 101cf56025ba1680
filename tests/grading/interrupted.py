"""Grade a class twice, and a third time with a grader killed in the middle.

python -m tests.grading.interrupted [SUBMISSIONS]
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.exercises.test_notebooks import ROOT

from .samples import hand_in

DEADLINE = 1800
GONE_WITHIN = 2.0
"""Seconds after which nothing of a killed grader is left, if the machine has nothing else to do."""


def command(handed_in, out, *options):
    return [sys.executable, "-m", "socketlab", "grade", handed_in, "--out", out, *options]


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}


def grade(handed_in, out, *options):
    """Grade to the end; return what the table holds."""
    run = subprocess.run(
        command(handed_in, out, *options),
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return (out / "grades.csv").read_text()


def grade_and_kill(handed_in, out, after):
    """Kill the grader once `after` submissions are graded; return the processes it had."""
    with subprocess.Popen(
        command(handed_in, out),
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as grader:
        deadline = time.monotonic() + DEADLINE
        while graded(out) < after:
            assert time.monotonic() < deadline and grader.poll() is None
            time.sleep(0.01)
        had = psutil.Process(grader.pid).children(recursive=True)
        os.kill(grader.pid, signal.SIGKILL)
    return had


def graded(out):
    journal = out / "journal.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def left(had, seconds):
    """Return those of the processes that are still there after so many seconds."""
    _, alive = psutil.wait_procs(had, seconds)
    return alive


def lost(out, student, chapter):
    """Return what a student was told of the checks that failed."""
    told = json.loads((out / "gradescope" / student / chapter / "results.json").read_text())
    return [one["output"] for one in told["tests"] if not one["score"]]


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hand_in(folder / "class", count)
        tables = []
        for out in ("first", "second"):
            started = time.monotonic()
            tables.append(grade(folder / "class", folder / out))
            print(f"{out}: {count} submissions in {time.monotonic() - started:.0f} s", flush=True)
        had = grade_and_kill(folder / "class", folder / "third", count // 2)
        here = left(had, GONE_WITHIN)
        print(f"third: killed with {graded(folder / 'third')} graded and {len(had)} processes,")
        print(f"of which {len(here)} are left after {GONE_WITHIN:g} s", *here, flush=True)
        tables.append(grade(folder / "class", folder / "third"))
        print(f"equal tables: {tables[0] == tables[1] == tables[2]}")
        rows = zip(*(table.splitlines() for table in tables), strict=True)
        for row in rows:
            if len({*row}) > 1:
                chapter, _, _, student, *_ = row[0].split(",")
                for out in ("first", "second", "third"):
                    print(f"{out}: {student} {chapter}", *lost(folder / out, student, chapter))
    return 0 if len({*tables}) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
