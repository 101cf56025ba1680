"""`make bench` makes its pages, and the README quotes them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import measure, report

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
    assert [row[1] for row in pairs] == ["echo, 2", "bulk, 2", "echo, 2"]
    assert pairs[-1][0] == "`socketserver.TCPServer` and itself"
    assert [row[1] for row in work] == ["bare", "`socketserver.ThreadingTCPServer`", "pool"]
    assert len(rest) == 4
    for row in [*goals, *pairs, *work]:
        for cell in row[1:]:
            assert all(figure > 0 for figure in figures(cell)), row
    assert "<svg" in (tmp_path / "growth.svg").read_text()


def rates(*numbers):
    return [{"rate": number} for number in numbers]


@pytest.mark.parametrize(
    ("slowest", "verdict"),
    [
        (101, "yes"),
        (98, "not told from chance: a server and itself differ by up to 0.030"),
        (96, "no: a server and itself differ by 0.030 at the most"),
    ],
)
def test_a_drop_in_is_held_against_what_chance_does(slowest, verdict):
    """The farthest of the medians of a class and itself counts, on whichever side of 1 it is."""
    pairs = {
        ("minisocketserver.TCPServer", "socketserver.TCPServer", "echo"): (104, 100),
        ("minisocketserver.UDPServer", "socketserver.UDPServer", "echo"): (slowest, 100),
        ("minisocketserver.TCPServer", "bare", "echo"): (50, 100),
        ("socketserver.TCPServer", "socketserver.TCPServer", "echo"): (99, 100),
        ("socketserver.UDPServer", "socketserver.UDPServer", "echo"): (103, 100),
    }
    taken = {pair: [rates(n) for n in numbers] for pair, numbers in pairs.items()}
    row = report.slowest_row(taken)
    assert row[0] == "the slowest drop-in, `UDPServer`, and its counterpart"
    assert row[-1] == verdict


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
