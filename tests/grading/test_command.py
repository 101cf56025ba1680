"""`socketlab grade` as a teacher meets it: a notebook or a class, a page, and what goes wrong."""

import contextlib
import csv
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from socketlab.__main__ import JOBS_PER_CPU, main
from socketlab.checks.case import Failure
from socketlab.grading import classroom, hidden, similarity, trial
from socketlab.grading.archives import is_printable
from socketlab.grading.grade import Grade, Result, ungraded
from socketlab.grading.page import page
from socketlab.grading.results import write_all
from socketlab.grading.similarity import Pair

PROJECT = Path(__file__).parents[2]
CHAPTER = "01_sockets"
SOLUTION = PROJECT / "solutions" / CHAPTER / f"{CHAPTER}.ipynb"


def hand_in(folder, student, chapter=CHAPTER, source=SOLUTION):
    path = folder / student / chapter / f"{chapter}.ipynb"
    path.parent.mkdir(parents=True)
    shutil.copy(source, path)


def grade(*arguments):
    return main(["grade", *map(str, arguments)])


def rows(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_one_notebook_is_graded(tmp_path, capfd):
    """It belongs to whom its folders say."""
    hand_in(tmp_path, "ada")
    assert grade(tmp_path / "ada" / CHAPTER / f"{CHAPTER}.ipynb", "--out", tmp_path / "out") == 0
    [row] = rows(tmp_path / "out" / "grades.csv")
    assert (row["student_id"], row["assignment"]) == ("ada", CHAPTER)
    assert row["score"] == row["max_score"] != "0"
    assert rows(tmp_path / "out" / "alike.csv") == []
    said = capfd.readouterr().out
    assert re.search(rf"{CHAPTER} +│ 1 +│ 1 ", said)
    assert str(tmp_path / "out" / "grades.csv") in " ".join(said.split())


def test_the_same_command_again_finds_what_is_done(tmp_path, capfd, monkeypatch):
    """Any number of times, and after a line of the journal was cut off in the middle."""
    hand_in(tmp_path / "class", "ada")
    hand_in(tmp_path / "class", "bob")
    command = (tmp_path / "class", "--out", tmp_path / "out")
    assert grade(*command) == 0
    grades = (tmp_path / "out" / "grades.csv").read_text()
    journal = tmp_path / "out" / "journal.jsonl"
    assert grade(*command) == grade(*command) == 0
    journal.write_text(journal.read_text().rstrip()[:-100])
    assert grade(*command) == grade(*command) == 0
    assert (tmp_path / "out" / "grades.csv").read_text() == grades
    monkeypatch.setattr(trial, "run", None)  # nothing is graded any more
    assert grade(*command) == 0


def test_two_answers_alike_are_said(tmp_path, capfd):
    """With the table's name; the rest stands there."""
    text = "\n".join(f"    def m{n}(self): return self.{chr(97 + n)}(1, {n}, [])" for n in range(9))
    cells = [{"cell_type": "code", "source": f"class relay:\n{text}"}]
    for student in ("ada", "bob"):
        path = tmp_path / "class" / student / CHAPTER / "a.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"cells": cells}))
    grade(tmp_path / "class", "--out", tmp_path / "out")
    assert "Answers alike: 1, to be looked at" in " ".join(capfd.readouterr().out.split())
    [row] = rows(tmp_path / "out" / "alike.csv")
    assert row["how alike"] == "100%"


def test_what_is_not_there_is_told(tmp_path, capfd):
    """No folder, an empty one, one with other notebooks."""
    assert grade(tmp_path / "none") == 2
    assert "none is no folder, zip or notebook" in capfd.readouterr().err
    assert grade(tmp_path) == 2
    assert f"There is no <student>/<chapter>/<notebook>.ipynb in {tmp_path}." in (
        capfd.readouterr().err
    )
    (tmp_path / "homework.ipynb").write_text("{}")
    (tmp_path / "bob").mkdir()
    (tmp_path / "bob" / "notes.ipynb").write_text("{}")
    assert grade(tmp_path) == 2
    error = capfd.readouterr().err
    assert "no path says whose they are: bob/notes.ipynb, homework.ipynb" in error


def test_a_wrong_chapter_is_told_and_the_rest_graded(tmp_path, capfd):
    """The status says that something is not done."""
    hand_in(tmp_path / "class", "ada")
    hand_in(tmp_path / "class", "bob", "chapter1")
    assert grade(tmp_path / "class", "--out", tmp_path / "out") == 1
    said = " ".join(capfd.readouterr().out.split())
    assert "Not graded: bob chapter1. 'chapter1' is no chapter with exercises, such as" in said
    scores = {row["student_id"]: row["score"] for row in rows(tmp_path / "out" / "grades.csv")}
    assert scores["ada"] and not scores["bob"]


def test_the_capstone_is_left_out(tmp_path, capfd):
    """It has no checks. Nor are two notebooks for one chapter passed over in silence."""
    hand_in(tmp_path / "class", "ada")
    hand_in(tmp_path / "class", "ada", "12_capstone")
    shutil.copy(SOLUTION, tmp_path / "class" / "ada" / CHAPTER / "again.ipynb")
    assert grade(tmp_path / "class", "--out", tmp_path / "out") == 0
    error = capfd.readouterr().err
    assert "Left out, as it has no checks: 12_capstone" in error
    assert "ada has handed in 2 notebooks of 01_sockets. Each is graded." in error
    assert "Take one away: ada/01_sockets/01_sockets.ipynb, ada/01_sockets/again.ipynb" in error
    assert len(rows(tmp_path / "out" / "grades.csv")) == 2


@pytest.mark.parametrize("out", ["file", "file/below", "grades"])
def test_an_out_that_cannot_be_written_is_told(out, tmp_path, capfd):
    """Before a minute is spent on grading."""
    (tmp_path / "file").write_text("mine")
    (tmp_path / "grades" / "journal.jsonl").mkdir(parents=True)
    hand_in(tmp_path / "class", "ada")
    assert grade(tmp_path / "class", "--out", tmp_path / out) == 2
    assert f"Grades cannot be written to {tmp_path / out}: " in capfd.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"


def test_a_full_disk_is_told(tmp_path, capfd, monkeypatch):
    """When the tables are written."""

    def full(*_):
        raise OSError(28, "No space left on device")

    hand_in(tmp_path / "class", "ada")
    monkeypatch.setattr(classroom, "write_all", full)
    assert grade(tmp_path / "class", "--out", tmp_path / "out") == 2
    assert "cannot be written to" in capfd.readouterr().err


@pytest.mark.parametrize("jobs", ["0", "-1", "many"])
def test_a_number_of_jobs_that_cannot_be_is_told(jobs, tmp_path, capfd):
    """By the parser, before anything is read."""
    assert grade(tmp_path, f"--jobs={jobs}") == 2
    error = capfd.readouterr().err
    assert f"{jobs!r} is no number of programs" in error
    assert "For help: socketlab grade --help" in error


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="No program is tied here.")
def test_the_number_of_jobs_follows_the_processors_that_we_may_use():
    tie = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])"
    program = f"{tie}; from socketlab.__main__ import main; main(['grade', '--help'])"
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=True)
    assert f"({JOBS_PER_CPU})" in run.stdout


def test_an_unknown_executor_is_told(tmp_path, capfd):
    """Dask is the one that there is, where somebody runs it."""
    dask = pytest.importorskip("dask")
    pytest.importorskip("distributed")
    hand_in(tmp_path / "class", "ada")
    out = ("--out", tmp_path / "out")
    assert grade(tmp_path / "class", *out, "--executor", "slurm://x") == 2
    assert "'slurm://x' is no executor. There is: dask://HOST:PORT" in capfd.readouterr().err
    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
        assert grade(tmp_path / "class", *out, "--executor", "dask://127.0.0.1:1") == 2
    assert "No Dask scheduler answers at 127.0.0.1:1: " in capfd.readouterr().err


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(tmp_path):
    """All is over soon, without a traceback; the same command then does the rest."""
    hand_in(tmp_path / "class", "ada")
    endless = {"cell_type": "code", "source": "import time\n\nweb = time.sleep(60)"}
    stuck = tmp_path / "class" / "bob" / CHAPTER / "a.ipynb"
    stuck.parent.mkdir(parents=True)
    stuck.write_text(json.dumps({"cells": [endless]}))
    out = tmp_path / "out"
    journal = out / "journal.jsonl"
    command = [sys.executable, "-m", "socketlab", "grade", tmp_path / "class", "--out", out]
    running = subprocess.Popen(
        command, cwd=PROJECT, stderr=subprocess.PIPE, encoding="utf-8", start_new_session=True
    )
    until = time.monotonic() + 60
    while not (journal.exists() and "ada" in journal.read_text()):
        assert running.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does
    _, error = running.communicate(timeout=30)
    assert running.returncode == 2 and "Traceback" not in error
    assert "Interrupted. What is graded is kept: the same command goes on there." in error
    shutil.copy(SOLUTION, stuck)
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, timeout=60)
    assert len(journal.read_text().split("\n{")) == 2
    assert len(rows(out / "grades.csv")) == 2


def test_a_dead_worker_is_told(tmp_path, capfd, monkeypatch):
    """As when the system is short of memory: it costs its own grade, which is no 0."""
    for student in ("ada", "bob"):
        hand_in(tmp_path / "class", student)
    run = trial.run

    def dies(task, *more):
        if task.submission.student == "ada":
            os.kill(os.getpid(), signal.SIGKILL)
        return run(task, *more)

    monkeypatch.setattr(trial, "run", dies)
    assert grade(tmp_path / "class", "--out", tmp_path / "out") == 1
    said = " ".join(capfd.readouterr().out.split())
    assert "Not graded: ada 01_sockets." in said and "ended by signal 9 (Killed)" in said
    scores = {row["student_id"]: row["score"] for row in rows(tmp_path / "out" / "grades.csv")}
    assert scores["ada"] == "" and scores["bob"] == max_score(tmp_path / "out")


def max_score(out):
    return rows(out / "grades.csv")[0]["max_score"]


def everything(folder):
    return [folder, *folder.rglob("*")]


def is_private(path):
    mode = path.stat().st_mode
    return stat.S_IMODE(mode) == (0o700 if path.is_dir() else 0o600)


HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "ada;=1+1", "\uff1d1"]


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_all_that_is_written_belongs_to_its_owner_alone(umask, tmp_path, judged, capfd):
    """With hidden checks, too; and when the folders were there, with wider modes."""
    for name in ("ada", "bob"):
        hand_in(tmp_path / "class", name, "03_tcp_server")
    hidden = PROJECT / "classroom" / "hidden_example.py"
    command = (tmp_path / "class", "--out", tmp_path / "out", "--hidden", hidden)
    before = os.umask(umask)
    try:
        assert grade(*command) == 0
        names = {path.name for path in everything(tmp_path / "out")}
        assert {"grades.csv", "hidden.csv", "alike.csv", "journal.jsonl", "ada.html"} <= names
        assert all(map(is_private, everything(tmp_path / "out")))
        for path in everything(tmp_path / "out"):
            path.chmod(0o777 if path.is_dir() else 0o666)
        assert grade(*command) == 0
    finally:
        os.umask(before)
    assert all(map(is_private, everything(tmp_path / "out")))
    assert "Other users could see into" in capfd.readouterr().err


def test_an_empty_folder_that_is_open_to_others_is_made_private(tmp_path, judged, capfd):
    hand_in(tmp_path / "class", "ada")
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o777)
    assert grade(tmp_path / "class", "--out", tmp_path / "out") == 0
    assert all(map(is_private, everything(tmp_path / "out")))


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o755, 0o750])
def test_a_folder_that_others_can_use_is_refused(mode, tmp_path, judged, capfd):
    """Such as /tmp: it may be meant for more than grades."""
    hand_in(tmp_path / "class", "ada")
    (tmp_path / "out" / "theirs").mkdir(parents=True)
    (tmp_path / "out").chmod(mode)
    assert grade(tmp_path / "class", "--out", tmp_path / "out") == 2
    assert "other users can use that folder. Name a new one" in capfd.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["theirs"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="Only root can give.")
def test_a_folder_that_belongs_to_somebody_else_is_refused(tmp_path, judged, capfd):
    hand_in(tmp_path / "class", "ada")
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 54321, 54321)
    (tmp_path / "out").symlink_to(tmp_path / "theirs")
    for out in ("theirs", "out"):
        assert grade(tmp_path / "class", "--out", tmp_path / out) == 2
        assert "the folder belongs to another user" in capfd.readouterr().err


def test_no_spreadsheet_finds_a_formula(tmp_path, judged):
    """Nor one behind a semicolon, where spreadsheets in many countries begin a field."""
    for name in HOSTILE:
        hand_in(tmp_path / "class", name)
    assert grade(tmp_path / "class", "--out", tmp_path / "out") == 0
    formula = re.compile("[-=+@\t\r\uff1d]")
    for line in csv.reader((tmp_path / "out" / "grades.csv").read_text().splitlines()):
        assert not [cell for cell in line if any(map(formula.match, cell.split(";")))]
    results = [
        Result("03.1", "hidden: x", 0, 2, failure=Failure(name, "=2", name, "-x"), topic=f"={name}")
        for name in HOSTILE
    ]
    pairs = [Pair("03_tcp_server", "03.1", (HOSTILE[0], "-x"), 5, 5, "f(-1)")]
    write_all([Grade(name, CHAPTER, results) for name in HOSTILE], tmp_path / "out")
    similarity.write(pairs, tmp_path / "out")
    for table in ("hidden.csv", "alike.csv"):
        with (tmp_path / "out" / table).open(newline="") as file:
            cells = [cell for line in csv.reader(file) for cell in line]
        assert len(cells) > 10
        for cell in cells:
            assert not any(map(formula.match, re.split("[;\n]", cell))), cell


def test_no_name_steers_the_terminal(tmp_path, judged, capfd):
    """Those of students, files, folders and zips, in all that is said about them."""
    bad = "\x1b[31m\x9b\u202e\n"
    for path in (f"a{bad}/03_tcp_server.ipynb", f"b/{bad}.pdf", f"c/x{bad}.ipynb", f"{bad}.zip"):
        (tmp_path / "class" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "class" / path).write_text("{}")
    for name in ("one", f"two{bad}"):
        path = tmp_path / "class" / "ada" / CHAPTER / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SOLUTION, path)
    (tmp_path / "class" / f"link{bad}").symlink_to(tmp_path)
    assert grade(tmp_path / "class", "--out", tmp_path / "out") == 1
    said = capfd.readouterr()
    for text in (said.out, said.err):
        assert not [line for line in text.splitlines() if not is_printable(line)]
    assert "ada has handed in 2 notebooks" in said.err


@pytest.fixture
def judged(monkeypatch):
    """Give full points to all at once: how they come about is tested elsewhere."""

    def immediately(submissions, secret):
        checks = hidden.load(secret)
        for place, submission in submissions.items():
            graded = ungraded(submission, submission.trouble, checks)
            for one in graded.results:
                is_blank = submission.student == "exercises"  # our hidden checks are tried on it
                one.points = 0 if is_blank else one.max_points
            yield place, graded

    monkeypatch.setattr(classroom, "_judges", lambda *_: contextlib.nullcontext(immediately))


FAILED = Failure("serve(<b>)", "nothing: at all", "an echo", "A server & its client.")


def result(check, points=0, **more):
    return Result("01.1", check, points, 2, **more)


def test_a_page_tells_what_passed_what_failed_and_where_to_go_on():
    """Titles and hints come from the exercise; everything is escaped."""
    grade = Grade("ada <3", CHAPTER)
    grade.results = [
        result("both ways", 2, praise="A <free> port.", notes=["Cell 'a < b' failed"]),
        result("every byte", failure=FAILED, notes=["Cell 'a < b' failed"]),
        result("broken off", failure=FAILED),
        result("hidden: twenty", failure=replace(FAILED, got="secret"), topic="twenty"),
    ]
    text = page(grade.student, [grade, Grade("ada <3", "02_base_server", trouble="No <JSON>.")])
    assert "<h1>ada &lt;3</h1>" in text and "<h2>01_sockets <span>2 of 8 points</span>" in text
    assert "<h3>01.1 A relay <span>2 of 8 points</span></h3>" in text
    assert "✓ <strong>both ways</strong>: A &lt;free&gt; port.</li>" in text
    assert text.count("Cell &#39;a &lt; b&#39; failed") == 1
    # One cause, told once.
    assert "✗ <strong>every byte, broken off</strong>: 0 of 4 points" in text
    assert "<dt>Called</dt><dd>serve(&lt;b&gt;)</dd><dt>Got</dt><dd>nothing: at all</dd>" in text
    assert "✗ <strong>hidden: twenty</strong>: 0 of 2 points</li>" in text
    assert "secret" not in text
    assert [number for number in "123" if f"<summary>Hint {number}</summary>" in text] == [*"123"]
    assert "<strong>Not graded.</strong> No &lt;JSON&gt;." in text


def test_a_page_with_all_points_has_no_hints():
    """Who needs none is not told of them."""
    full = Grade("ada", CHAPTER, [result("both ways", 2, praise="Yes.")])
    assert "Hint" not in page("ada", [full])


def test_pages_are_written_under_the_students_names(tmp_path):
    """A page for each, with all chapters."""
    chapters = (CHAPTER, "02_base_server")
    write_all([Grade(name, one) for name in ("ada", "b & c") for one in chapters], tmp_path)
    assert {path.name for path in (tmp_path / "feedback").iterdir()} == {"ada.html", "b & c.html"}
    text = (tmp_path / "feedback" / "b & c.html").read_text(encoding="utf-8")
    assert text.count("<h2>") == 2
