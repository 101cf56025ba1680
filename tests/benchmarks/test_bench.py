"""`make bench` makes its pages, and the README quotes them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import measure, report
from tests import PROGRAM_SECONDS

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "RESULTS.md"
linux = pytest.mark.skipif(sys.platform != "linux", reason="The benchmarks use epoll and /proc.")


def tables(page):
    """Return the rows of each table of a page, without its two head lines."""
    found = re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE)
    return [[row.strip("| ").split(" | ") for row in table.splitlines()[2:]] for table in found]


def figures(row):
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\.?\d*", row)]


@pytest.mark.thorough
@linux
def test_a_quick_run_measures_each_thing_once(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "--quick", "--out", tmp_path]
    run = subprocess.run(
        command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=PROGRAM_SECONDS
    )
    assert run.returncode == 0, run.stderr
    page = (tmp_path / "RESULTS.md").read_text()
    assert "0 answered wrongly, 0 lost" in page.replace("\n", " ")
    goals, pairs, work, rest = tables(page)
    assert [row[0] for row in goals] == [
        "the slowest drop-in, `TCPServer`, and its counterpart",
        "`shutdown()` there and here",
    ]
    assert [row[1] for row in pairs] == ["echo, 2", "bulk, 2", "echo, 2"]
    assert pairs[-1][0] == "`socketserver.TCPServer` and itself"
    assert [row[1] for row in work] == ["bare", "`socketserver.ThreadingTCPServer`", "pool"]
    assert len(rest) == 4
    assert "of 2 starts" in goals[0][-1]
    assert all(re.fullmatch("[012] of 2", row[-1]) for row in pairs)
    for row in [*(row[:-1] for row in (*goals, *pairs)), *work]:
        for cell in row[1:]:
            assert all(figure > 0 for figure in figures(cell)), row
    assert "<svg" in (tmp_path / "growth.svg").read_text()


def rates(*numbers):
    return [{"rate": number} for number in numbers]


def runs(lost, starts=15):
    """Return the two rates of each start, of which the first is the lower one in so many."""
    return [rates(*[98] * lost, *[103] * (starts - lost)), rates(*[100] * starts)]


@pytest.mark.parametrize(
    ("lost", "verdict"),
    [
        (7, "yes: slower in 7 of 15 starts"),
        (8, "level: slower in 8 of 15 starts, which two alike may be"),
        (12, "level: slower in 12 of 15 starts, which two alike may be"),
        (13, "no: slower in 13 of 15 starts"),
    ],
)
def test_the_drop_in_that_is_slower_in_most_starts_is_told(lost, verdict):
    taken = {
        ("minisocketserver.TCPServer", "socketserver.TCPServer", "echo"): runs(2),
        ("minisocketserver.UDPServer", "socketserver.UDPServer", "echo"): runs(lost),
        ("minisocketserver.TCPServer", "bare", "echo"): runs(15),
        ("socketserver.TCPServer", "socketserver.TCPServer", "echo"): runs(14),
    }
    row = report.slowest_row(taken, 15)
    assert row[0] == "the slowest drop-in, `UDPServer`, and its counterpart"
    assert row[-1] == verdict


def test_a_start_is_judged_by_the_median_of_its_rounds():
    us, them = [90, 110, 120, 80, 80, 120], [100] * 6
    assert report.lost_starts(us, them, starts=2) == 1
    assert report.lost_starts(us, them, starts=6) == 3


@pytest.mark.parametrize(("lost", "chance"), [(0, 1), (8, 0.5), (15, 2**-15)])
def test_how_probable_it_is_to_lose_so_often(lost, chance):
    assert report.tosses(lost, 15) == chance


def test_the_servers_of_a_pair_are_started_anew(monkeypatch):
    """Each start has processes of its own, and who is asked first changes from round to round."""
    asked, closed = [], []

    class Server:
        def __init__(self, name, work, folder):
            self.close = lambda: closed.append(self)

        def load(self, clients, seconds):
            asked.append(self)
            return {"rate": len(asked)}

    monkeypatch.setattr(measure, "ServerProcess", Server)
    first, second = measure.in_turns(["same", "same"], "echo", 1, 0.1, rounds=2, starts=3)
    assert len(first) == len(second) == 6
    assert len(set(closed)) == 6
    order = [asked[at : at + 6] for at in (0, 6, 12)]
    for a, b, *rest in order:
        assert rest == [b, a, a, b]
    assert [figure["rate"] for figure in first] == [4, 5, 10, 11, 16, 17]


def test_the_readme_quotes_the_results():
    goals, *_ = tables(RESULTS.read_text())
    assert goals in tables((ROOT / "README.md").read_text())
    date = re.search(r"\d{4}-\d\d-\d\d, CPython \S+, \d+ cores", RESULTS.read_text())[0]
    assert date in (ROOT / "README.md").read_text()
