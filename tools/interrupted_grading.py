"""Grade a class twice, and a third time with a grader killed in the middle: the same table?

python -m tools.interrupted_grading [SUBMISSIONS]
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from .sample_class import DEADLINE, command, environment, grade, graded, hand_in_samples, results

GONE_WITHIN = 2.0
"""Seconds after which nothing of a killed grader is left, if the machine has nothing else to do."""


def grade_and_kill(submissions, out, after):
    """Kill the grader once `after` submissions are graded; return the processes it had."""
    with subprocess.Popen(
        command(submissions, out),
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


def left(had, seconds):
    """Return those of the processes that are still there after so many seconds."""
    _, alive = psutil.wait_procs(had, seconds)
    return alive


def failures(out, student, chapter):
    """Return what a student reads about the checks that failed."""
    return [test["output"] for test in results(out, student, chapter) if not test["score"]]


def main():
    parser = argparse.ArgumentParser(
        prog="python -m tools.interrupted_grading", description=__doc__.partition("\n")[0]
    )
    parser.add_argument(
        "count", nargs="?", type=int, default=200, metavar="SUBMISSIONS", help="default: 200"
    )
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hand_in_samples(folder / "class", count)
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
        for row in zip(*(table.splitlines() for table in tables), strict=True):
            if len({*row}) > 1:
                chapter, _, _, student, *_ = row[0].split(",")
                for out in ("first", "second", "third"):
                    print(f"{out}: {student} {chapter}", *failures(folder / out, student, chapter))
    return 0 if len({*tables}) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
