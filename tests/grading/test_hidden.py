"""Hidden checks: made in the checker, told by topic, and tried before a class is."""

import json
import re
import sys
from pathlib import Path

import pytest

from socketlab.__main__ import main
from socketlab.exercises import find
from socketlab.grading import budget, hidden
from socketlab.sandbox.sandbox import Sandbox

PROJECT = Path(__file__).parents[2]
EXAMPLE = PROJECT / "classroom" / "hidden_example.py"
SOLUTION = PROJECT / "solutions" / "03_tcp_server" / "03_tcp_server.ipynb"

TIRES = """
class ActivatedServer(ActivatedServer):
    visits = 0

    def verify_request(self, request, client_address):
        self.visits += 1
        return self.visits <= 10
"""


def answer(folder, student, more=""):
    """Hand in our solution of 03.1, with something added."""
    cells = json.loads(SOLUTION.read_text(encoding="utf-8"))["cells"]
    wanted = [cell for cell in cells if cell["id"] in ("setup", "answer-03-1")]
    wanted[-1]["source"] = "".join(wanted[-1]["source"]) + more
    path = folder / student / "03_tcp_server" / "a.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"cells": wanted}), encoding="utf-8")


def grade(folder, checks):
    return main(["grade", str(folder / "class"), "--out", str(folder / "out"), "--hidden", checks])


def points(folder):
    """Return the points of each student's hidden check."""
    rows = (folder / "out" / "hidden.csv").read_text(encoding="utf-8").splitlines()
    return {row.split(",")[0]: row.split(",")[3] for row in rows if ",03.1," in row}


def test_a_right_answer_passes_and_a_wrong_one_is_told_the_topic_only(tmp_path, capfd):
    """The teacher gets the whole message, in a table of his own."""
    answer(tmp_path / "class", "ada")
    answer(tmp_path / "class", "bob", TIRES)
    assert grade(tmp_path, str(EXAMPLE)) == 0
    assert points(tmp_path) == {"ada": "2", "bob": "0"}
    assert "twenty clients" in (tmp_path / "out" / "hidden.csv").read_text(encoding="utf-8")
    theirs = [*tmp_path.glob("out/feedback/*"), *tmp_path.glob("out/gradescope/*/*/*")]
    assert len(theirs) == 4
    for file in theirs:
        text = file.read_text(encoding="utf-8")
        assert "many visitors" in text
        for secret in ("twenty", "boat", "capitals", "made for more", "Shout"):
            assert secret not in text, file


def test_grades_without_hidden_checks_leave_no_table_of_them(tmp_path, capfd):
    """An old table must not look new."""
    answer(tmp_path / "class", "ada")
    assert grade(tmp_path, str(EXAMPLE)) == 0
    assert main(["grade", str(tmp_path / "class"), "--out", str(tmp_path / "out")]) == 0
    assert not (tmp_path / "out" / "hidden.csv").exists()


def test_a_refused_check_leaves_the_grades_as_they_were(tmp_path, capfd):
    """Nobody is graded, and nobody's grade is taken away."""
    answer(tmp_path / "class", "ada")
    assert grade(tmp_path, str(EXAMPLE)) == 0
    before = (tmp_path / "out" / "grades.csv").read_text(encoding="utf-8")
    (tmp_path / "checks.py").write_text(BEGIN, encoding="utf-8")
    assert grade(tmp_path, str(tmp_path / "checks.py")) == 2
    assert "lets the blank exercise pass" in capfd.readouterr().err
    assert (tmp_path / "out" / "grades.csv").read_text(encoding="utf-8") == before


BEGIN = """
import os
from socketlab.grading.hidden import hidden_check

@hidden_check("03.1", topic="words", points=2)
def words(bench, ActivatedServer):
    case = bench.case("called", "expected", "why")
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def f(:", r"SyntaxError.*line 1"),
        (BEGIN + "raise KeyError('here')", r"KeyError: 'here' \(line 8\)"),
        (BEGIN.replace("03.1", "03.9"), "no exercise '03.9'"),
        (BEGIN.replace("points=2", "points=0"), "1 or more, not 0"),
        (BEGIN + BEGIN, "two hidden checks with the topic 'words'"),
        ("import sys; sys.exit('bye')", "SystemExit: bye"),
        ("x = 1", "no @hidden_check is in it"),
        (BEGIN + "    case.want(False, 'nothing')", "turns our own solution down:(.|\n)*nothing"),
        (BEGIN + "    no_such_name()", "turns our own solution down:(.|\n)*no_such_name"),
        (
            BEGIN.replace("(bench, ActivatedServer)", "(server)"),
            "are called ActivatedServer, not server",
        ),
        (BEGIN, "lets the blank exercise pass"),
    ],
)
def test_a_file_that_cannot_be_used_gets_a_sentence(text, told, tmp_path, capfd):
    """Nobody is graded by it, and none of its checks stays."""
    answer(tmp_path / "class", "ada")
    checks = tmp_path / "checks.py"
    checks.write_text(text)
    before = dict(find("03.1").checks)
    assert grade(tmp_path, str(checks)) == 2
    error = capfd.readouterr().err
    assert re.search(told, error) and "Traceback" not in error
    assert not (tmp_path / "out" / "grades.csv").exists()
    assert find("03.1").checks == before


def test_a_missing_file_gets_a_sentence(tmp_path, capfd):
    """And so does what is no text."""
    answer(tmp_path / "class", "ada")
    assert grade(tmp_path, str(tmp_path / "none.py")) == 2
    assert "none.py cannot be read: No such file" in capfd.readouterr().err
    (tmp_path / "picture.py").write_bytes(b"\xff\xfe\x00")
    assert grade(tmp_path, str(tmp_path / "picture.py")) == 2
    assert "no text in UTF-8" in capfd.readouterr().err


SPY = r"""
import os
import re
import sys


class ActivatedServer(ActivatedServer):
    heard = []

    @classmethod
    def search(cls, pattern):
        wanted = re.compile(pattern)
        return [*cls.in_memory(wanted), *cls.in_files(wanted)]

    @classmethod
    def in_memory(cls, wanted):
        # All of it: what gc knows, what modules hold, what the link has received.
        with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb") as memory:
            for line in maps:
                start, end = (int(one, 16) for one in line.split()[0].split("-"))
                if line.split()[1].startswith("rw"):
                    if wanted.search(cls.content(memory, start, end)):
                        yield "memory"

    @classmethod
    def content(cls, memory, start, end):
        try:
            memory.seek(start)
            return memory.read(end - start)
        except OSError:  # from glibc 2.42 on, a thread's stack has guard pages in its mapping
            if end - start <= 4096:
                return b""
            middle = (start + end) // 2 // 4096 * 4096
            return cls.content(memory, start, middle) + cls.content(memory, middle, end)

    @staticmethod
    def in_files(wanted):
        for folder, folders, files in os.walk("/"):
            if folder in ("/proc", "/sys", "/dev", "/usr", sys.prefix, sys.base_prefix):
                folders[:] = files[:] = []
            for file in files:
                path = os.path.join(folder, file)
                if os.path.isfile(path) and os.access(path, os.R_OK):
                    with open(path, "rb") as opened:
                        if wanted.search(opened.read()):
                            yield path
"""

LOOK = (
    BEGIN
    + r"""
    # The purple-otter of this comment is in the file's text alone.
    from minisocketserver import BaseRequestHandler

    class Handler(BaseRequestHandler):
        def handle(self):
            self.request.sendall(str(os.getpid()).encode())
            case.fail("a message with a purple-otter")  # which its server handles

    server = case.call(ActivatedServer, ("127.0.0.1", 0), Handler)
    with case.serving(server):
        pid = case.talk(server.server_address, b"?")
    case.want(int(pid) == os.getpid(), f"a handler that ran in {pid}, not here")
    case.want(bench.there(os.getpid) != os.getpid(), "an answer that ran here")
    found = list(ActivatedServer.search(b"purpl[e]-otter"))
    case.want(not found, f"the file's text in {found}")
    ActivatedServer.heard.append("a green-heron")
    case.want(list(ActivatedServer.search(b"gree[n]-heron")), "a search that never finds anything")
"""
)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_students_process_finds_nothing_of_the_file(tmp_path, capfd, monkeypatch):
    """Not in its memory, nor in its files, though it can search: what it is sent, it finds."""
    with Sandbox() as sandbox:
        if sandbox.level != "namespaces":
            pytest.skip("without namespaces a student reads the files that its user can read")
    monkeypatch.setattr(hidden, "trials", lambda checks: ())  # our own solution has no search
    for limit in ("PROCESS_CPU", "CHECKS_CPU"):  # a search computes more than an answer may
        monkeypatch.setattr(budget, limit, 20)
    answer(tmp_path / "class", "spy", SPY)
    checks = tmp_path / "checks.py"
    checks.write_text(LOOK)
    assert grade(tmp_path, str(checks)) == 0
    table = (tmp_path / "out" / "hidden.csv").read_text(encoding="utf-8")
    assert points(tmp_path) == {"spy": "2"}, table
