"""Cells written for IPython get the same points from `socketlab grade` as from a kernel."""

import ast
import os

import pytest

from socketlab.cells import MOST_WORK, Reader, parse
from socketlab.checks.core import find
from socketlab.grading.submissions import UNSEEN, cells_of

from . import styles
from .test_submissions import notebook


@pytest.mark.thorough
@pytest.mark.timeout(300)
def test_a_kernel_and_the_grader_agree_about_every_style(tmp_path):
    """Check by check, for each row of the table; where the kernel can't, ours still can."""
    names = list(styles.ROWS)
    told, graded = styles.by_kernel(names), styles.by_command(names, tmp_path)
    assert told["plain"] == set(find(styles.EXERCISE).parts)
    if not has_terminals():
        told |= dict.fromkeys(styles.COMMANDS, told["plain"])
    assert {name: graded[name] for name in names} == {name: told[name] for name in names}


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
