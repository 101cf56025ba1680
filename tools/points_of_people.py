"""Grade many people's notebooks by kernel, nbgrader and `socketlab grade`: the same points?

    python -m tools.points_of_people [--nbgrader] [CHAPTER ...]

A notebook has for each exercise one of the right answers, or in its turn a slip of a person's or
a blank cell, and around them what people do besides. To add a style, add a row to STYLES; to add
an answer, see tests/exercises/right.
"""

import argparse
import tempfile
from pathlib import Path

import nbformat

from socketlab.authoring.exercises import chapters, read
from socketlab.exercises import all_exercises
from socketlab.kernels import execute
from socketlab.learner.stubs import complete
from socketlab.project import PROJECT, answer_cell
from tests.exercises import right

from . import points_of_three, sample_class, solution_faults
from .points_of_three import points

NUMBERS = range(20)
"""Those of each chapter's notebooks."""

ANSWER = "{answer}"
STYLES = {
    "plain": ([], ANSWER, []),
    "a comment that asks": ([], "{answer}\n\n# is that all?", ["# what if the port is taken?"]),
    "timed": ([], "%%time\n{answer}", ["%timeit -n 1 -r 1 sum(range(9))"]),
    "a plot and a shell": (["%matplotlib inline\n!echo hello", "%pip --version"], ANSWER, []),
    "annotations of the future": (["from __future__ import annotations"], ANSWER, []),
    "a time limit for all": (["import socket\nsocket.setdefaulttimeout(5)"], ANSWER, []),
    "awaits": (["import asyncio\nawait asyncio.sleep(0.01)"], ANSWER, []),
    "tries that failed": (["1 / 0", "import nothing_like_this"], ANSWER, ["assert False"]),
    "names once more below": ([], ANSWER, ["{names} = {blanks}"]),
    "names once more above": (["{names} = {blanks}"], ANSWER, []),
    "line ends of Windows": ([], "{windows}", ["x = 1\r\nx"]),
    "run from a text": ([], "exec({quoted})", []),
    "bound by globals()": ([], "{answer}\nglobals().update(HERE=True)", ["assert HERE"]),
    "leaves the program": ([], "{answer}\nimport sys\nsys.exit()", []),
    "help": (["import socketserver\nsocketserver.TCPServer?"], ANSWER, ["print?"]),
    "all of a module below": ([], ANSWER, ["from socket import *\nfrom time import *"]),
    "a demonstration that waits": (["import time\ntime.sleep(1)"], ANSWER, ["time.sleep(1)"]),
    "a file written and imported": (
        ["%%writefile of_mine.py\nNUMBER = 5", "from of_mine import NUMBER"],
        "assert NUMBER == 5\n{answer}",
        [],
    ),
    "much printed": (["print('x' * 5000)"], "print('defining')\n{answer}\nprint('defined')", []),
    "text of Python's and IPython's": (
        ["TEXT = '''\n%cd /\n!ls\nwhat?\n'''\nREST = (\n    7\n    % 4\n)"],
        "%%capture\n{answer}",
        ["In[-1], Out"],
    ),
}


def people(chapter, numbers):
    """Return notebooks of a chapter, the same ones each time, by the name of the student."""
    return {f"person{number:02}": notebook(chapter, number) for number in numbers}


def style(number):
    return list(STYLES)[number % len(STYLES)]


def notebook(chapter, number):
    above, around, below = STYLES[style(number)]
    made = read("exercises", chapter)
    mine = [spec for spec in all_exercises() if spec.id[:2] == chapter[:2]]
    names = [name for spec in mine for name in spec.names]
    fields = {"names": ", ".join(names), "blanks": ", ".join(["None"] * len(names))}
    slip = mine[number // 3 % len(mine)].id if number % 3 == 2 else ""
    for spec in mine:
        [cell] = [cell for cell in made.cells if cell.id == f"answer-{spec.id.replace('.', '-')}"]
        if spec.id == slip and number % 2:
            continue  # left blank
        text = wrong(spec, number) if spec.id == slip else whole(spec, number)
        windows = text.replace("\n", "\r\n")
        fields |= {"answer": text, "windows": windows, "quoted": repr(text)}
        cell.source = filled(around, fields)
    first = next(place for place, cell in enumerate(made.cells) if cell.id.startswith("answer-"))
    made.cells[first:first] = [nbformat.v4.new_code_cell(filled(one, fields)) for one in above]
    made.cells += [nbformat.v4.new_code_cell(filled(one, fields)) for one in below]
    return made


def filled(text, fields):
    for name, value in fields.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def whole(spec, number):
    """Return a right answer: ours, or one of somebody else's."""
    texts = [answer_cell(PROJECT / "solutions", spec.id), *right.answers()[spec.id].values()]
    return complete(texts[number % len(texts)])


def wrong(spec, number):
    """Return our solution with one fault in it."""
    made = solution_faults.faults_in(spec)
    faults = [one for one in made if (spec.id, one.name) not in solution_faults.EXPLAINED]
    return faults[number * 7 % len(faults)].source


def by_kernel(notebooks):
    """Return the checks that each person passes in a kernel, emptied for each, and what it says."""
    begin = (
        "%reset -f\nget_ipython().compile.reset_compiler_flags()\n"
        "import socket, sys\nsocket.setdefaulttimeout(None)\nsys.modules.pop('of_mine', None)"
    )
    cells, asked = [], []
    for student, one in notebooks.items():
        cells.append(nbformat.v4.new_code_cell(begin))
        for cell in one.cells:
            if cell.cell_type == "code":
                cells.append(nbformat.v4.new_code_cell(cell.source))
                called = points_of_three.CHECK.findall(cell.source)
                asked += [(student, *pair, cells[-1]) for pair in called]
    with tempfile.TemporaryDirectory() as folder:
        together = nbformat.v4.new_notebook(cells=cells)
        execute(together, allow_errors=True, resources={"metadata": {"path": folder}})
    passed, told = {student: set() for student in notebooks}, {}
    for student, exercise, part, cell in asked:
        said = "\n".join(one.get("text", one.get("evalue", "")) for one in cell.outputs)
        told[student, exercise, part] = said
        if "✓" in said:
            passed[student].add((exercise, part))
    return passed, told


def by_command(notebooks, chapter, folder):
    """Return the checks that each passes by `socketlab grade`, and what the pages say."""
    sample_class.grade(folder / "submitted", folder / "out")
    passed, told = {}, {}
    for student in notebooks:
        passed[student] = sample_class.passed(folder / "out", student, chapter)
        for test in sample_class.results(folder / "out", student, chapter):
            exercise, _, part = test["name"].partition(" ")
            told[student, exercise, part] = test.get("output", "")
    return passed, told


def by_nbgrader(chapter, folder):
    """Return the checks that each passes by nbgrader, in the same folder."""
    points_of_three.as_course(folder, chapter)
    return points_of_three.by_nbgrader(folder, chapter, sample_class.DEADLINE)


def differences(ways, told):
    """Return each check about which the ways differ: who passed it where, what the other says."""
    (_, graded), *others = ways.items()
    found = []
    for name, passed in others:
        for student in graded:
            for exercise, part in sorted(graded[student] ^ passed.get(student, set())):
                ways_of_it = ("grader", name)
                where, other = ways_of_it[:: 1 if (exercise, part) in graded[student] else -1]
                said = told.get(other, {}).get((student, exercise, part), "")
                found.append(f"{student} {exercise} {part}: only by {where}; {other}: {said}")
    return found


def compare(chapter, numbers=NUMBERS, with_nbgrader=False):
    """Return what each way gives to the people of a chapter, and the differences."""
    notebooks = people(chapter, numbers)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sample_class.hand_in(folder / "submitted", chapter, notebooks)
        ways, told = {}, {}
        ways["grader"], told["grader"] = by_command(notebooks, chapter, folder)
        ways["kernel"], told["kernel"] = by_kernel(notebooks)
        if with_nbgrader:
            ways["nbgrader"] = by_nbgrader(chapter, folder)
    return ways, differences(ways, told)


def main():
    parser = argparse.ArgumentParser(
        prog="python -m tools.points_of_people", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--nbgrader", action="store_true", help="by nbgrader, too")
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", type=sample_class.chapter)
    options = parser.parse_args()
    for chapter in options.chapters or chapters():
        ways, found = compare(chapter, with_nbgrader=options.nbgrader)
        sums = {way: sum(map(points, passed.values())) for way, passed in ways.items()}
        row = " | ".join(f"{way} {won}" for way, won in sums.items())
        print(f"| {chapter} | {len(NUMBERS)} notebooks | {row} | {len(found)} differ |", flush=True)
        for one in found:
            print(f"    {one}", flush=True)


if __name__ == "__main__":
    main()
