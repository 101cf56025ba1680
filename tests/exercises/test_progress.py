"""The learner's progress, our solutions, the stub that comes back."""

import pytest

from socketlab import answers, check, hint, logbook, progress, solution
from socketlab.checks.core import exercises, find
from socketlab.course import MANIFEST
from socketlab.logbook import NAME


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A learner's course; the working directory is that of a chapter's exercises."""
    (tmp_path / MANIFEST).write_text("{}")
    here = tmp_path / "exercises" / "03_tcp_server"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.setattr(find("03.1"), "passed", set())
    monkeypatch.setattr(find("03.1"), "hints_told", 0)
    return tmp_path


def test_what_passes_is_noted_once(course):
    from minisocketserver import TCPServer

    for _ in range(2):
        check("03.1", TCPServer, part="close")
    assert (course / NAME).read_text().split("\n") == ["03.1 passed close", ""]


def test_hints_are_noted(course, capsys):
    hint("03.1")
    assert logbook.events() == {("03.1", "hint 1")}


@pytest.mark.parametrize("spoilt", ["03.1 passed addr", "\x00\xff", "nonsense\n\n"])
def test_a_spoilt_file_loses_nothing_else(course, spoilt):
    """As after a crash in mid-write: the lines before it and after it count."""
    (course / NAME).write_text("03.1 passed close\n" + spoilt)
    logbook.note("03.1", "passed restart")
    assert {("03.1", "passed close"), ("03.1", "passed restart")} <= logbook.events()


def test_outside_a_course_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    logbook.note("03.1", "passed close")
    assert list(tmp_path.iterdir()) == []
    assert logbook.events() == set()


def test_our_solution_comes_after_success(course, capsys):
    with pytest.raises(answers.NotNow, match="comes when yours passes"):
        solution("03.1")
    for part in find("03.1").parts:
        logbook.note("03.1", f"passed {part}")
    solution("03.1")
    told = capsys.readouterr().out
    assert told.startswith("class TCPServer(BaseServer):")
    assert "SOLUTION" not in told


def test_our_solution_comes_for_who_gives_up_and_that_is_noted(course, capsys):
    solution("03.1", give_up=True)
    assert "class TCPServer" in capsys.readouterr().out
    assert ("03.1", "gave up") in logbook.events()
    row = next(row for row in answers.state() if row["id"] == "03.1")
    assert row["gave up"] and row["earned"] == 0


def test_what_was_earned_is_counted_by_points(course):
    logbook.note("03.1", "passed address")
    row = next(row for row in answers.state() if row["id"] == "03.1")
    assert (row["earned"], row["points"]) == (2, 13)


def test_progress_shows_the_course_at_a_glance(course, capsys):
    """A line for each exercise, with its points."""
    logbook.note("03.1", "passed address")
    progress()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(exercises())
    assert any(line.startswith("03.1     2/13  build ") for line in lines)


def test_a_reset_in_a_notebook_makes_a_new_cell(course, monkeypatch, capsys):
    """The old answer stays where it is."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    cells = []
    monkeypatch.setattr(shell, "set_next_input", cells.append)
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: shell)
    answers.reset("03.1")
    assert "raise NotImplementedError" in cells[0]
    assert "new cell below" in capsys.readouterr().out


def test_where_the_folders_are_missing_it_is_told(course, monkeypatch, tmp_path):
    monkeypatch.setattr(answers, "PROJECT", tmp_path)
    with pytest.raises(answers.NotNow, match="Is the project's folder complete"):
        solution("03.1", give_up=True)
