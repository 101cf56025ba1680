"""The exercises in figures: `python -m tests.exercises.report`.

First a table: for each chapter its exercises by kind, points, checks, what the blank notebook and
our solution score, and the mutants noticed. Then how long the checks take in a kernel.

What wrong answers are told: `MESSAGES=messages.txt python -m pytest tests/exercises -k learners`.
"""

import statistics
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from nbclient import NotebookClient

from socketlab.checks.core import Kind, exercises

from .mutants import mutants, notices
from .test_notebooks import CHAPTERS, failure, read, scored

KINDS = Kind.__args__


def run(folder, chapter):
    """Run a notebook; return points earned, and the seconds of each scored cell."""
    notebook = read(folder, chapter)
    NotebookClient(notebook, timeout=30, allow_errors=True, record_timing=True).execute()
    earned = sum(
        cell.metadata.nbgrader.points for cell in scored(notebook) if failure(cell) is None
    )
    return earned, [seconds(cell) for cell in scored(notebook)]


def seconds(cell):
    times = cell.metadata.execution
    begun, replied = (
        datetime.fromisoformat(times[name])
        for name in ("iopub.execute_input", "shell.execute_reply")
    )
    return (replied - begun).total_seconds()


def noticed(specs):
    """Return how many mutants of these exercises there are, and how many are noticed."""
    made = [mutant for spec in specs for mutant in mutants(spec)]
    with ThreadPoolExecutor(4) as pool:
        return sum(pool.map(notices, made)), len(made)


def main():
    print(f"| chapter | {' | '.join(KINDS)} | points | checks | blank | solution | mutants |")
    print(f"|---|{'---:|' * (len(KINDS) + 5)}")
    latencies = []
    for chapter in CHAPTERS:
        specs = [spec for spec in exercises() if spec.id[:2] == chapter[:2]]
        kinds = Counter(spec.kind for spec in specs)
        parts = [part for spec in specs for part in spec.parts.values()]
        blank, _ = run("exercises", chapter)
        full, took = run("solutions", chapter)
        latencies += took
        found, made = noticed(specs)
        cells = [kinds[kind] for kind in KINDS]
        cells += [sum(part.points for part in parts), len(parts), blank, full, f"{found}/{made}"]
        print(f"| {chapter} | {' | '.join(map(str, cells))} |", flush=True)
    print(f"\nA check takes {statistics.median(latencies):.2f} s in a kernel (median of")
    print(f"{len(latencies)}), {max(latencies):.2f} s at the worst.")


if __name__ == "__main__":
    main()
