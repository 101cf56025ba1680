"""The exercises from a terminal, on a learner's own notebooks."""

import json

import nbformat
import pytest

from socketlab.__main__ import main
from socketlab.exercises import find
from socketlab.learner.course import refresh
from socketlab.learner.lab import progress
from socketlab.learner.terminal import run
from socketlab.project import PROJECT, answer_cell
from tests.front_ends import colab


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with a learner's course in it."""
    for folder in ("exercises", "notebooks"):
        (tmp_path / folder).symlink_to(PROJECT / folder)
    refresh(tmp_path, tmp_path / "course")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def notebook(project):
    return project / "course" / "exercises" / "03_tcp_server" / "exercises_03_tcp_server.ipynb"


def write_answer(project, source):
    book = nbformat.read(notebook(project), as_version=4)
    next(cell for cell in book.cells if cell.id == "answer-03-2").source = source
    nbformat.write(book, notebook(project))


def test_check_runs_the_learners_notebook(project, capsys):
    """A blank answer fails every check, a right one passes each."""
    assert run("check", "03.2", project) == 1
    assert capsys.readouterr().out.count("✗ 03.2 ") == len(find("03.2").checks)
    write_answer(project, answer_cell(PROJECT / "solutions", "03.2"))
    assert run("check", "03.2", project) == 0
    assert capsys.readouterr().out.count("✓ 03.2 ") == len(find("03.2").checks)
    assert run("list", folder=project) == 0
    assert "03.2      5/5" in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_notebook_copied_in_under_the_old_name_counts(project, capsys, encoding):
    """Perhaps by an editor on Windows, which puts a mark before the text."""
    solution = answer_cell(PROJECT / "solutions", "03.2")
    write_answer(project, solution)
    old = notebook(project).with_name("03_tcp_server.ipynb")
    notebook(project).rename(old)
    blank = PROJECT / "exercises" / "03_tcp_server" / "03_tcp_server.ipynb"
    notebook(project).write_bytes(blank.read_bytes())
    old.write_text(old.read_text("utf-8"), encoding)
    assert run("check", "03.2", project) == 0
    assert run("reset", "03.2", project) == 0
    assert "Your answer before the reset" in old.read_text("utf-8")


def test_hints_go_on_where_they_were(project, capsys):
    for number in (1, 2, 3, 3):
        assert run("hint", "03.1", project) == 0
        assert f"Hint {number} of 3" in capsys.readouterr().out


def test_reset_brings_the_stub_back_and_keeps_the_answer(project, capsys):
    stub = answer_cell(PROJECT / "exercises", "03.2")
    write_answer(project, "my answer")
    assert run("reset", "03.2", project) == 0
    cells = nbformat.read(notebook(project), as_version=4).cells
    place = [cell.id for cell in cells].index("answer-03-2")
    assert cells[place].source == stub
    assert cells[place + 1].cell_type == "raw"
    assert cells[place + 1].source.endswith("my answer")
    assert "Reload Notebook from Disk" in capsys.readouterr().out


def test_doctor_tells_what_there_is(project, capsys):
    assert run("doctor", folder=project) == 0
    assert "Unix sockets: " in capsys.readouterr().out


@pytest.mark.parametrize(
    "words, told",
    [
        (["check", "3.9"], "There is no exercise '3.9'. There are: "),
        (["hint"], "Which exercise? For example: socketlab hint 03.1"),
        (["reset", "03.1", "03.2"], "Which exercise?"),
    ],
)
def test_a_slip_gets_a_sentence(words, told, capsys):
    assert main(words) == 1
    assert told in capsys.readouterr().err


def test_without_a_course_it_is_told_how_to_get_one(tmp_path, capsys):
    assert run("check", "03.1", tmp_path) == 1
    assert "Start the course once: make lab" in capsys.readouterr().err


def by_another_kernel(book):
    book["metadata"]["kernelspec"]["name"] = "conda-env-net-py"
    return json.dumps(book)


def with_gaps(book):
    book["cells"] += [{"cell_type": "code", "source": None}, {"cell_type": "markdown"}, {}]
    return json.dumps(book)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("save", [colab, by_another_kernel, with_gaps])
def test_notebooks_of_other_front_ends_are_checked_and_reset(project, capsys, save, encoding):
    """Whatever they keep where."""
    write_answer(project, answer_cell(PROJECT / "solutions", "03.2"))
    book = json.loads(notebook(project).read_bytes())
    notebook(project).write_bytes(save(book).encode(encoding))
    assert run("check", "03.2", project) == 0
    assert run("reset", "03.2", project) == 0
    book = json.loads(notebook(project).read_bytes())
    sources = ["".join(cell.get("source") or "") for cell in book["cells"]]
    place = sources.index(answer_cell(PROJECT / "exercises", "03.2"))
    assert sources[place + 1].startswith("Your answer before the reset:")


@pytest.mark.parametrize(
    "text", ["{}", "[]", "null", '{"cells": null}', '{"cells": [5]}', "[" * 9999, "\xff\xfe"]
)
def test_what_is_no_notebook_gets_a_sentence_from_every_command(project, capsys, text):
    """No traceback, and what to do: the file keeps its place and is named."""
    notebook(project).write_text(text, "latin-1")
    for chapter in (project / "course" / "notebooks").glob("*.ipynb"):
        chapter.write_text(text, "latin-1")
    for command in ("check", "reset"):
        assert run(command, "03.2", project) == 1
        error = capsys.readouterr().err
        assert str(notebook(project)) in error and "rename it" in error
    assert run("hint", "03.2", project) == run("list", folder=project) == 0
    assert progress(project) == 0
    assert "Chapters run to their end: 0 of 12" in capsys.readouterr().out
    refresh(project, project / "course")
    assert notebook(project).read_text("latin-1") == text


def test_a_notebook_that_cannot_be_read_is_told(project, capsys):
    notebook(project).write_text("{")
    assert run("check", "03.1", project) == 1
    assert "cannot be read" in capsys.readouterr().err
