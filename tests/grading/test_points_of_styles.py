"""Cells written for IPython get the same points from `socketlab grade` as from a kernel."""

import csv
import os

import nbformat
import pytest

from socketlab.exercises import find
from tools import points_of_styles as styles
from tools.sample_class import grade, handed_in, sample


@pytest.mark.thorough
@pytest.mark.timeout(900)
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
    begins = demonstration.partition("\n")[0].replace("'", "&#39;")
    named = [f"begins with &#39;{begins}&#39; did not run to its end: it " in one for one in pages]
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


def has_terminals():
    """Tell whether a kernel can run commands: it does so in a terminal, which a chroot may lack."""
    try:
        ends = os.openpty()
    except OSError:
        return False
    for end in ends:
        os.close(end)
    return True
