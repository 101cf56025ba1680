"""A class graded by the command: the points, and what a second run finds."""

import contextlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from socketlab.grading import classroom
from socketlab.grading.grade import ungraded
from socketlab.grading.judge import NotJudgedError
from socketlab.sandbox.sandbox import SandboxError
from tools.interrupted_grading import grade_and_kill, left
from tools.points_of_three import by_check, by_command, differences, open_class
from tools.sample_class import grade, graded, hand_in_samples

from ..conformance.helpers import until

PATIENCE = 50
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot fork")
CHAPTER = "03_tcp_server"


# `python -m tools.points_of_three` takes all chapters, and nbgrader with them.
@pytest.mark.timeout(900)
def test_the_command_and_check_agree_in_each_check(tmp_path):
    open_class(tmp_path, CHAPTER)
    graded, checked = by_command(tmp_path, CHAPTER), by_check(tmp_path, CHAPTER)
    assert not differences(graded, checked)
    assert not graded["blank"]
    assert graded["blank"] < graded["half"] < graded["full"]


@pytest.mark.timeout(900)
def test_a_killed_grader_leaves_nothing_and_the_next_one_ends_with_the_same_table(tmp_path):
    hand_in_samples(tmp_path / "class", 12, ["01_sockets", "03_tcp_server", "04_udp_server"])
    whole = grade(tmp_path / "class", tmp_path / "whole")
    before = traces()
    had = grade_and_kill(tmp_path / "class", tmp_path / "killed", after=3)
    made = traces() - before
    assert had
    assert not left(had, PATIENCE)  # some would stay for ever
    until(lambda: not made & traces(), PATIENCE)
    done = graded(tmp_path / "killed")
    assert done < 12
    assert grade(tmp_path / "class", tmp_path / "killed") == whole
    assert graded(tmp_path / "killed") == 12  # nobody was graded twice


def traces():
    """Return the mounts and temporary folders that there are."""
    folders = {str(path) for path in Path(tempfile.gettempdir()).glob("student-*")}
    mounts = Path("/proc/self/mounts")
    return folders | {*(mounts.read_text(encoding="utf-8").splitlines() if mounts.exists() else ())}


@pytest.fixture
def folder(tmp_path):
    hand_in_samples(tmp_path / "class", 2, [CHAPTER])
    return tmp_path


def grade_class(folder):
    settings = classroom.Settings(jobs=2)
    return classroom.grade_class(folder / "class", folder / "out", settings)


@pytest.fixture
def judged(monkeypatch):
    """Give full points to everybody at once; return the students so judged."""
    students = []

    def immediately(submissions, secret):
        for place, submission in submissions.items():
            students.append(submission.student)
            grade = ungraded(submission, "")
            for result in grade.results:
                result.points = result.max_points
            yield place, grade

    monkeypatch.setattr(classroom, "_judges", lambda *_: contextlib.nullcontext(immediately))
    return students


def hand_in_anew(folder):
    path = next(folder.glob("class/student01/*/*.ipynb"))
    path.write_text(path.read_text().replace("TCPServer", "TCPServer ", 1))


def scores(folder):
    rows = (folder / "out" / "grades.csv").read_text().splitlines()[1:]
    return {row.split(",")[3]: row.split(",")[9] for row in rows}


def test_a_second_run_judges_nobody_again(folder, judged):
    grade_class(folder)
    assert judged == ["student00", "student01"]
    table = (folder / "out" / "grades.csv").read_text()
    grade_class(folder)
    assert len(judged) == 2
    assert (folder / "out" / "grades.csv").read_text() == table


@pytest.mark.parametrize("torn", [b'{"key": "half a li', b"\n", b'{"key": "\xc3'])
def test_a_torn_line_costs_only_what_stood_in_it(folder, judged, torn):
    grade_class(folder)
    journal = folder / "out" / "journal.jsonl"
    first, second = journal.read_bytes().splitlines()
    journal.write_bytes(first + b"\n" + torn)
    for _ in range(3):
        grade_class(folder)
    assert len(judged) == 3
    assert json.loads(second) in [json.loads(line) for line in whole_lines(journal)]


def whole_lines(journal):
    for line in journal.read_bytes().splitlines():
        with contextlib.suppress(ValueError):
            json.loads(line)
            yield line


def test_other_checks_judge_everybody_anew(folder, judged, monkeypatch):
    grade_class(folder)
    journal = folder / "out" / "journal.jsonl"
    journal.write_text(journal.read_text().replace('"seconds"', '"a name of another version"'))
    monkeypatch.setattr(classroom, "fingerprint", lambda secret: "another version")
    grade_class(folder)
    assert len(judged) == 4


def test_another_python_judges_everybody_anew(folder, judged, monkeypatch):
    """An answer may pass on one and fail on another."""
    grade_class(folder)
    monkeypatch.setattr("sys.version_info", (3, 99, *sys.version_info[2:]))
    grade_class(folder)
    assert len(judged) == 4


@pytest.mark.parametrize("name", ["checks/core.py", "exercises/tcp_server.toml"])
def test_a_changed_check_or_number_of_points_is_another_version(tmp_path, name):
    package = tmp_path / "socketlab"
    shutil.copytree(classroom.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    before = classroom.fingerprint("", package)
    assert before == classroom.fingerprint("")
    (package / name).write_bytes((package / name).read_bytes() + b"\n")
    assert classroom.fingerprint("", package) != before


def test_a_changed_submission_is_judged_anew_and_alone(folder, judged):
    grade_class(folder)
    hand_in_anew(folder)
    grade_class(folder)
    assert judged == ["student00", "student01", "student01"]


def test_a_grading_that_fails_leaves_no_old_grade_of_a_new_notebook(folder, judged, monkeypatch):
    grade_class(folder)
    old = scores(folder)
    hand_in_anew(folder)

    def fails(*_):
        raise SandboxError("no sandbox today")

    monkeypatch.setattr(classroom, "_judges", fails)
    with pytest.raises(SandboxError):
        grade_class(folder)
    assert scores(folder) == {**old, "student01": ""}
    assert "Not graded" in (folder / "out" / "feedback" / "student01.html").read_text()
    told = folder / "out" / "gradescope" / "student01" / CHAPTER / "results.json"
    assert "score" not in json.loads(told.read_text())


def test_one_that_cannot_be_judged_does_not_spoil_the_others(folder, judged, monkeypatch):
    """It is tried once more, at the end; and by the next command."""
    judges = classroom._judges

    @contextlib.contextmanager
    def broken(*arguments):
        with judges(*arguments) as immediately:
            yield lambda *asked: (
                (place, NotJudgedError("its judge was killed") if place == 0 else outcome)
                for place, outcome in immediately(*asked)
            )

    monkeypatch.setattr(classroom, "_judges", broken)
    first, second = grade_class(folder)
    assert "its judge was killed" in first.trouble
    assert second.points
    assert judged == ["student00", "student01", "student00"]
    monkeypatch.setattr(classroom, "_judges", judges)
    grade_class(folder)
    assert judged[3:] == ["student00"]
    assert all(scores(folder).values())


def test_a_table_is_written_whole_or_not_at_all(folder, judged, monkeypatch):
    grade_class(folder)
    table = (folder / "out" / "grades.csv").read_text()
    hand_in_anew(folder)
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("no room")))
    with pytest.raises(classroom.WriteError):
        grade_class(folder)
    assert (folder / "out" / "grades.csv").read_text() == table
