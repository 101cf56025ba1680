"""Cells are read as IPython reads them."""

import ast

import pytest

from socketlab.cells import Reader, parse


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
