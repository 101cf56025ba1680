"""`make bench` makes its pages, and the README quotes them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "RESULTS.md"
linux = pytest.mark.skipif(sys.platform != "linux", reason="The benchmarks use epoll and /proc.")


def tables(page):
    """Return the rows of each table of a page, without its two head lines."""
    found = re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE)
    return [[row.strip("| ").split(" | ") for row in table.splitlines()[2:]] for table in found]


def figures(row):
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\.?\d*", row)]


@linux
def test_a_quick_run_measures_each_thing_once(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "--quick", "--out", tmp_path]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert run.returncode == 0, run.stderr
    page = (tmp_path / "RESULTS.md").read_text()
    assert "0 answered wrongly, 0 lost" in page.replace("\n", " ")
    goals, pairs, work, rest = tables(page)
    assert [row[0] for row in goals] == [
        "the slowest drop-in, `TCPServer`, and its counterpart",
        "`shutdown()` there and here",
    ]
    assert [row[1] for row in pairs] == ["echo, 2", "bulk, 2"]
    assert [row[1] for row in work] == ["bare", "`socketserver.ThreadingTCPServer`", "pool"]
    assert len(rest) == 4
    for row in [*goals, *pairs, *work]:
        for cell in row[1:]:
            assert all(figure > 0 for figure in figures(cell)), row
    assert "<svg" in (tmp_path / "growth.svg").read_text()


def test_the_readme_quotes_the_results():
    goals, *_ = tables(RESULTS.read_text())
    assert goals in tables((ROOT / "README.md").read_text())
    date = re.search(r"\d{4}-\d\d-\d\d, CPython \S+, \d+ cores", RESULTS.read_text())[0]
    assert date in (ROOT / "README.md").read_text()
