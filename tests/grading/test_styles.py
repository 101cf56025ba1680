"""Cells written for IPython get the same points from `socketlab grade` as from a kernel."""

import ast
import csv
import os

import nbformat
import pytest

from socketlab.cells import MOST_WORK, Reader, parse
from socketlab.exercises import find
from socketlab.grading.submissions import UNSEEN, cells_for, cells_of, defined_again

from . import styles
from .interrupted import grade
from .samples import handed_in, sample
from .test_submissions import notebook


@pytest.mark.thorough
@pytest.mark.timeout(300)
def test_a_kernel_and_the_grader_agree_about_every_style(tmp_path):
    """Check by check, for each row of the table; where the kernel can't, ours still can."""
    names = list(styles.ROWS)
    told, graded = styles.by_kernel(names), styles.by_command(names, tmp_path)
    assert told["plain"] == set(find(styles.EXERCISE).checks)
    if not has_terminals():
        told |= dict.fromkeys(styles.COMMANDS, told["plain"])
    assert {name: graded[name] for name in names} == {name: told[name] for name in names}


WITHOUT_END = {
    "sleeps": "import time\ntime.sleep(60)",
    "waits": "import asyncio\nawait asyncio.sleep(60)",
    "computes": "while True:\n    pass",
    "serves": "import socketserver\n"
    "with socketserver.TCPServer(('127.0.0.1', 0), None) as s:\n    s.serve_forever()",
}
NEEDS_AN_UNSEEN_NAME = "{answer}\n    limit = LIMIT"


@pytest.mark.thorough
@pytest.mark.timeout(120)
@pytest.mark.parametrize("demonstration", WITHOUT_END.values(), ids=WITHOUT_END)
def test_only_the_cell_that_does_not_end_is_left_out(demonstration, tmp_path, monkeypatch):
    """The page names it; what other cells define is there, even by ways that only a run tells."""
    row = [demonstration, "globals().update(LIMIT=5)", NEEDS_AN_UNSEEN_NAME]
    in_the_answer = [f"{{answer}}\n{demonstration}"]
    rows = {"above": row, "within": in_the_answer, "below": ["{answer}", styles.CHECKS, row[0]]}
    monkeypatch.setattr(styles, "ROWS", rows)
    every = set(find(styles.EXERCISE).checks)
    assert styles.by_command(rows, tmp_path) == dict.fromkeys(rows, every)
    pages = [path.read_text("utf-8") for path in sorted((tmp_path / "out").glob("feedback/*"))]
    begins = demonstration.partition("\n")[0].replace("'", "&#x27;")
    named = [
        f"begins with &#x27;{begins}&#x27; did not run to its end: it " in one for one in pages
    ]
    assert len(pages) == 3 and named[0] and not named[2]


@pytest.mark.thorough
@pytest.mark.timeout(120)
def test_a_time_limit_for_all_sockets_is_the_answer_s_own(tmp_path):
    """It doesn't reach the lines between a check and the answer."""
    chapters = ("01_sockets", "02_base_server", "03_tcp_server", "04_udp_server")
    for chapter in chapters:
        whole = sample(chapter, "full")
        cell = nbformat.v4.new_code_cell("import socket\nsocket.setdefaulttimeout(0.3)")
        whole.cells.insert(0, cell)
        path = handed_in(tmp_path / "submitted", chapter, "ada")
        path.parent.mkdir(parents=True)
        nbformat.write(whole, path)
    rows = list(csv.DictReader(grade(tmp_path / "submitted", tmp_path / "out").splitlines()))
    lost = [row for row in rows if row["score"] != row["max_score"]]
    assert len(rows) == len(chapters) and not lost


def test_what_is_below_the_last_check_has_come_too_late():
    """A star import in another exercise's cell, above all; what the answer lacks comes along."""
    exercise, others = find("03.1"), [find(f"03.{number}") for number in range(1, 5)]
    answer, check = "class TCPServer:\n    size = helper()", 'check("03.1")'
    below = ["from socket import *\ndef visit(): pass", "while True: pass", "def helper(): pass"]
    cells = cells_of(notebook("import socket", answer, check, *below))
    assert [cell.number for cell in cells_for(exercise, others, cells)] == [1, 2, 6]
    twice = cells_of(notebook(answer, "TCPServer = 1", check, "TCPServer = 2"))
    assert defined_again(exercise, twice) == [
        "You define TCPServer again in the cell that begins with 'TCPServer = 1': the last one "
        "counts.",
        "You define TCPServer again in the cell that begins with 'TCPServer = 2': what is above "
        "the check counts.",
    ]


def has_terminals():
    """Tell whether a kernel can run commands: it does so in a terminal, which a chroot may lack."""
    try:
        ends = os.openpty()
    except OSError:
        return False
    for end in ends:
        os.close(end)
    return True


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("\n\n  \nx = 1\n", ["", "", "", "x = 1"]),
        ("    x = 1\n    y = 2", ["x = 1", "y = 2"]),
        ("if x:\n    %cd \\\n    /tmp\ny = 2", ["if x:", ..., "", "y = 2"]),
        ("x = !ls \\\n -l \\\n -a\ny = 2", [..., "", "", "y = 2"]),
        ("x = 1\n%time y = 2\n!ls\nz?", ["x = 1", ..., ..., ...]),
    ],
)
def test_a_line_keeps_its_number(source, lines):
    """So that a message can quote the line that the learner has written."""
    read = Reader().transform_cell(source).splitlines()
    pairs = zip(read, lines, strict=True)
    assert all(wanted in (..., line) for line, wanted in pairs)


@pytest.mark.parametrize(
    ("source", "python"),
    [
        ("%%time\nclass A: pass", "class A:\n    pass"),
        ("%%capture --no-stderr out\n%%time\na = 1", "a = 1\nout = ..."),
        ("if 1:\n    %time a = 1", "if 1:\n    a = 1"),
        ("%prun -q -l 5 a = 1", "a = 1"),
    ],
)
def test_what_a_magic_runs_is_the_cell_s_code(source, python):
    """Names bound there are the notebook's."""
    assert ast.unparse(parse(source)) == python


def test_no_cell_keeps_the_grader_busy():
    """IPython reads a cell again for each magic in it, and tries all places for a `?`."""
    for source in (
        "!x\n" * 300_000,
        "a" * 1_000_000 + " ?",
        "%%time\n" * 1000,
        "%%time\n" * 9 + "?",
    ):
        [cell] = cells_of(notebook(source))
        assert cell.number == 1
    assert MOST_WORK < 10_000_000


@pytest.mark.parametrize(
    ("source", "binds"),
    [
        ("def f():\n    global A\n    A = 1", {"f", "A"}),
        ("match x:\n    case [a, *b]: pass\n    case {'k': c, **d}: pass", {"a", "b", "c", "d"}),
        ("from mine import *", {UNSEEN}),
        ("%run mine.py", {UNSEEN}),
        ("globals()['A'] = 1", {UNSEEN}),
        ("%%writefile there/mine.py\nA = 1", {"mine.py"}),
        ("%%timeit\nA = 1", set()),
        ("if __name__ == '__main__': pass", set()),
    ],
)
def test_the_names_a_cell_binds(source, binds):
    """Those that only a run can tell are noted as such: no such cell is left out."""
    [cell] = cells_of(notebook(source))
    assert cell.binds == binds
