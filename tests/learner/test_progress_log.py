"""The learner's progress, our solutions, the stub that comes back."""

import os

import pytest
from nbformat import v4

from socketlab import check, hint, progress, project, solution
from socketlab.exercises import UnknownError, all_chapters, all_exercises, find
from socketlab.kernels import execute
from socketlab.learner import api, progress_log, terminal
from socketlab.learner.course import MANIFEST
from socketlab.learner.progress_log import NAME

from ..exercises.helpers import ours


@pytest.fixture(autouse=True)
def new_program():
    """Each test begins as a program does: with nothing in memory."""
    progress_log._unwritten.clear()
    progress_log._say_once.cache_clear()


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A learner's course; the working directory is that of a chapter's exercises."""
    (tmp_path / MANIFEST).write_text("{}")
    here = tmp_path / "exercises" / "03_tcp_server"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    return tmp_path


def test_what_passes_is_noted_once(course):
    for _ in range(2):
        check("03.1", ours("03.1").ActivatedServer, part="address")
    assert (course / NAME).read_text().split("\n") == ["03.1 passed address", ""]


def test_hints_are_noted(course, capsys):
    hint("03.1")
    assert progress_log.events() == {("03.1", "hint 1")}


@pytest.mark.parametrize("spoilt", ["03.1 passed addr", "\x00\xff", "nonsense\n\n"])
def test_a_spoilt_file_loses_nothing_else(course, spoilt):
    """As after a crash in mid-write: the lines before it and after it count."""
    (course / NAME).write_text("03.1 passed close\n" + spoilt)
    progress_log.note("03.1", "passed adopted")
    assert {("03.1", "passed close"), ("03.1", "passed adopted")} <= progress_log.events()


def test_outside_a_course_it_is_kept_until_the_program_ends(course, tmp_path_factory, monkeypatch):
    """No file is written there, and a course knows nothing of it."""
    outside = tmp_path_factory.mktemp("outside")
    monkeypatch.chdir(outside)
    progress_log.note("03.1", "passed close")
    assert list(outside.iterdir()) == []
    assert progress_log.events() == {("03.1", "passed close")}
    assert progress_log.events(course) == set()


def test_hints_go_on_after_a_restart_of_the_kernel(course):
    """And after one from a terminal: the progress file knows which have been shown."""
    for number in (1, 2):
        cell = v4.new_code_cell('from socketlab import hint\nhint("03.1")')
        execute(v4.new_notebook(cells=[cell]), resources={"metadata": {"path": os.getcwd()}})
        assert cell.outputs[0].text.startswith(f"Hint {number} of 3 for 03.1: ")
    assert terminal.run("hint", "03.1", course.parent) == 0
    assert ("03.1", "hint 3") in progress_log.events()


def test_the_next_hint_follows_the_last_one_shown(course, capsys):
    """Whichever was asked for by its number, and whatever else the file says."""
    (course / NAME).write_text("03.1 hint\n03.1 hint two\n03.1 hint 99\n03.2 hint 3\n")
    for asked in ((), (3,), (1,), ()):
        hint("03.1", *asked)
    shown = [line[:11] for line in capsys.readouterr().out.splitlines()]
    assert shown == ["Hint 1 of 3", "Hint 3 of 3", "Hint 1 of 3", "Hint 3 of 3"]


def test_our_solution_comes_after_success(course, capsys):
    with pytest.raises(api.UnavailableError, match="comes when yours passes"):
        solution("03.1")
    for part in find("03.1").checks:
        progress_log.note("03.1", f"passed {part}")
    solution("03.1")
    told = capsys.readouterr().out
    assert told.startswith("def handed_over():")
    assert "SOLUTION" not in told


def test_our_solution_comes_for_who_gives_up_and_that_is_noted(course, capsys):
    solution("03.1", give_up=True)
    assert "class ActivatedServer" in capsys.readouterr().out
    assert ("03.1", "gave up") in progress_log.events()
    row = next(row for row in api.state() if row["id"] == "03.1")
    assert row["gave up"] and row["earned"] == 0


def test_what_was_earned_is_counted_by_points(course):
    progress_log.note("03.1", "passed address")
    row = next(row for row in api.state() if row["id"] == "03.1")
    assert (row["earned"], row["points"]) == (2, 13)


def test_progress_shows_the_course_at_a_glance(course, capsys):
    """A line for each chapter with places, and for each exercise, with its points."""
    progress_log.note("03.1", "passed address")
    progress_log.note("03", "passed address")
    progress()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 + len(all_chapters()) + len(all_exercises())
    assert any(line.startswith("03        1/7  TCPServer") for line in lines)
    assert any(line.startswith("03.1     2/13  build ") for line in lines)


def test_a_reset_makes_its_cell_the_stub_and_loses_no_answer():
    """In a real kernel, however often: it's one stub, in the cell where it was asked for."""
    before = "from socketlab import reset\n1 + 1"
    answer = "class ActivatedServer:\n    mine = True"
    cells = [v4.new_code_cell(text) for text in (before, answer, 'reset("3.1")', "reset(3.1)")]
    asked = []

    def note(execute_reply, **_):
        asked.extend(execute_reply["content"]["payload"])

    execute(v4.new_notebook(cells=cells), on_cell_executed=note)
    for cell in cells[2:]:
        printed = "".join(output.get("text", "") for output in cell.outputs)
        assert "This cell is the stub of 03.1 now." in printed
        assert printed.endswith(f"as you last ran it:\n\n{answer}\n")
    assert [(one["source"], one["replace"]) for one in asked] == [("set_next_input", True)] * 2
    assert all("raise NotImplementedError" in one["text"] for one in asked)


def test_where_the_folders_are_missing_it_is_told(course, monkeypatch, tmp_path):
    monkeypatch.setattr(project, "PROJECT", tmp_path)
    with pytest.raises(project.MissingCellError, match="Is the project's folder complete"):
        solution("03.1", give_up=True)


@pytest.mark.parametrize("asked", ["3.1", 3.1, " 03.1 "])
def test_a_number_that_can_only_mean_one_thing_is_understood(course, capsys, asked):
    hint(asked)
    assert "Hint 1 of 3 for 03.1" in capsys.readouterr().out
    assert progress_log.events() == {("03.1", "hint 1")}
    assert find(asked) is find("03.1")


@pytest.mark.parametrize(
    "asked, says",
    [
        ((), "Which exercise? There are: 01.1, "),
        (("12",), "There is no exercise '12'. There are: 01.1, "),
        ((12,), "There is no exercise 12. There are: 01.1, "),
        (("3.9",), "There is no exercise '3.9'. There are: 03.1, 03.2, 03.3, 03.4."),
        (("tcp",), "There is no exercise 'tcp'. There are: 01.1, "),
        (("03.1", 9), "03.1 has the hints 1 to 3, not 9."),
        (("03.1", "2"), "03.1 has the hints 1 to 3, not '2'."),
    ],
)
def test_who_asks_for_help_gets_no_error(course, capsys, asked, says):
    hint(*asked)
    assert says in capsys.readouterr().out
    assert not progress_log.events()


@pytest.mark.parametrize(
    "call", ['check("12")', "solution()", 'reset("tcp")', 'check("3.1", part=1)']
)
def test_a_slip_in_a_notebook_is_a_sentence_and_no_traceback(call):
    cells = [v4.new_code_cell(f"from socketlab import check, reset, solution\n{call}")]
    execute(v4.new_notebook(cells=cells), allow_errors=True)
    [output] = cells[0].outputs
    assert output.ename == "UnknownError"
    [line] = output.traceback
    assert "There are: " in line


@pytest.mark.parametrize("asked", ["09", 9])
def test_a_chapter_has_more_than_one_solution(course, asked):
    with pytest.raises(UnknownError, match=r"of chapter 09\? There are: 09.1, 09.2, 09.3, 09.4."):
        solution(asked)


def unwritable(course):
    (course / NAME).touch()
    (course / NAME).chmod(0o400)


def a_folder(course):
    (course / NAME).mkdir()


def no_room(course):
    resource = pytest.importorskip("resource")
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))


def gone(course):
    for folder in (course / "exercises" / "03_tcp_server", course / "exercises"):
        folder.rmdir()


@pytest.mark.parametrize("trouble", [unwritable, a_folder, no_room, gone])
def test_a_progress_that_cannot_be_kept_costs_no_tick(course, capsys, trouble):
    """It is said once, in a sentence, and on stdout; this kernel still knows what has passed."""
    mine = [getattr(ours("03.4"), name) for name in find("03.4").names]

    if trouble is unwritable and os.access("/etc/shadow", os.W_OK):
        pytest.skip("root may write to any file")
    trouble(course)
    try:
        for part in ("option", "endings"):
            check("03.4", *mine, part=part)
            hint("03.4")
        progress()
    finally:
        if trouble is no_room:
            import resource

            resource.setrlimit(
                resource.RLIMIT_FSIZE, resource.getrlimit(resource.RLIMIT_FSIZE)[1:] * 2
            )
    told = capsys.readouterr()
    assert told.out.count("✓ 03.4") == 2
    assert "Hint 1 of 3" in told.out and "Hint 2 of 3" in told.out
    earned = sum(find("03.4").checks[part].points for part in ("option", "endings"))
    assert f"03.4      {earned}/6  predict " in told.out
    assert told.out.count("Your progress isn't kept: ") == 1
    assert told.err == ""


def test_what_comes_next_is_said_once_an_exercise_has_passed(course, capsys, monkeypatch):
    monkeypatch.setattr(api, "fair_attempt", lambda *_: None)
    wanted = find("03.2")
    for name in wanted.checks:
        check("03.2", part=name)
    *_, last = capsys.readouterr().out.splitlines()
    assert last == "  All of 03.2 has passed. Next: 03.3 A cell you can run again."
