"""Print the exercises in figures: by chapter, and how long each check takes.

    python -m tools.exercise_figures [course|latency]

course: for each chapter its exercises by kind, points, checks, what the blank notebook and our
solution score, and the one-line faults noticed. latency: for each exercise how long its checks take
in a kernel, on our solution, and on our solution with an endless loop in its longest function.

What wrong answers are told: `MESSAGES=messages.txt python -m pytest tests/exercises -k learners`.
"""

import argparse
import ast
import statistics
from collections import Counter
from datetime import datetime

from socketlab.authoring.exercises import chapters, read, scored
from socketlab.checks.core import Kind
from socketlab.exercises import all_exercises
from socketlab.kernels import execute

from .solution_faults import faults_in, unnoticed

KINDS = Kind.__args__
TIMED = {"allow_errors": True, "record_timing": True}


def earned(folder, chapter):
    """Run a notebook; return its points."""
    cells = scored(execute(read(folder, chapter), allow_errors=True))
    return sum(cell.metadata.nbgrader.points for cell in cells if not is_failed(cell))


def is_failed(cell):
    return any(output.output_type == "error" for output in cell.outputs)


def seconds(cell):
    times = cell.metadata.execution
    begun, replied = (
        datetime.fromisoformat(times[name])
        for name in ("iopub.execute_input", "shell.execute_reply")
    )
    return (replied - begun).total_seconds()


def noticed(specs):
    """Return how many faults in our solutions of these exercises are noticed, and of how many."""
    faults = [fault for spec in specs for fault in faults_in(spec)]
    return len(faults) - len(unnoticed(faults)), len(faults)


def of(chapter):
    return [spec for spec in all_exercises() if spec.id[:2] == chapter[:2]]


def course():
    print(f"| chapter | {' | '.join(KINDS)} | points | checks | blank | solution | faults |")
    print(f"|---|{'---:|' * (len(KINDS) + 5)}")
    for chapter in chapters():
        specs = of(chapter)
        kinds = Counter(spec.kind for spec in specs)
        parts = [part for spec in specs for part in spec.checks.values()]
        blank, full = (earned(folder, chapter) for folder in ("exercises", "solutions"))
        found, made = noticed(specs)
        cells = [kinds[kind] for kind in KINDS]
        cells += [sum(part.points for part in parts), len(parts), blank, full, f"{found}/{made}"]
        print(f"| {chapter} | {' | '.join(map(str, cells))} |", flush=True)


def latency():
    print("| exercise | checks | median | worst | with an endless loop in | worst |")
    print("|---|---:|---:|---:|---|---:|")
    everything = []
    for chapter in chapters():
        solved = execute(read("solutions", chapter), **TIMED)
        for spec in of(chapter):
            took = [seconds(cell) for cell in checks(solved, spec)]
            everything += took
            cells = [spec.id, len(took), f"{statistics.median(took):.2f} s", f"{max(took):.2f} s"]
            print(f"| {' | '.join(map(str, cells + endless(chapter, spec)))} |", flush=True)
    print(f"\nAll {len(everything)}: median {statistics.median(everything):.2f} s,", end=" ")
    print(f"worst {max(everything):.2f} s.")


def checks(notebook, spec):
    return [cell for cell in scored(notebook) if f'"{spec.id}"' in cell.source]


def endless(chapter, spec):
    """Return the function that never ends now, and the seconds of the slowest check."""
    if spec.kind == "predict":
        return ["", ""]
    notebook = read("solutions", chapter)
    cells = {cell.id: cell for cell in notebook.cells}
    answer = cells[f"answer-{spec.id.replace('.', '-')}"]
    name, answer.source = never_ends(answer.source)
    notebook.cells = [cells["setup"], answer, *checks(notebook, spec)]
    tried = checks(execute(notebook, **TIMED), spec)
    assert any(map(is_failed, tried)), f"{spec.id} passes, and {name} never ends"
    return [f"`{name}`", f"{max(map(seconds, tried)):.2f} s"]


def never_ends(source):
    """Put an endless loop into the longest function; return that function's name, and all."""
    tree = ast.parse(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    longest = max(functions, key=lambda node: node.end_lineno - node.lineno)
    longest.body[:0] = ast.parse("while True: pass").body
    return longest.name, ast.unparse(tree)


def main():
    tables = {"course": course, "latency": latency}
    parser = argparse.ArgumentParser(
        prog="python -m tools.exercise_figures", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("table", nargs="?", choices=tables, help="default: both")
    name = parser.parse_args().table
    for table in [tables[name]] if name else tables.values():
        table()


if __name__ == "__main__":
    main()
