"""Each chapter obeys the rules, and its code is the library's."""

import ast
import shutil

import nbformat.v4 as v4
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from socketlab.__main__ import main
from socketlab.authoring.chapters import (
    chapters,
    execute,
    library_modules,
    read,
    refresh,
    source_differences,
    write,
)
from socketlab.authoring.lint import code_cells, lint, tags
from socketlab.learner.stubs import complete

by_name = pytest.mark.parametrize("chapter", chapters(), ids=lambda path: path.stem)


@by_name
def test_a_chapter_obeys_the_rules(chapter):
    assert lint(read(chapter), chapter.stem) == []


@by_name
def test_a_chapter_s_code_is_the_library_s(chapter):
    assert source_differences(chapter) == []


@by_name
def test_refreshing_an_up_to_date_chapter_changes_nothing(chapter, tmp_path):
    copy = tmp_path / chapter.name
    shutil.copy(chapter, copy)
    refresh(copy)
    assert read(copy) == read(chapter)


@pytest.mark.parametrize(
    "chapter", [path for path in chapters() if library_modules(path)], ids=lambda path: path.stem
)
def test_changed_lines_are_found_named_and_refreshed(chapter, tmp_path):
    """Each plank gets one more statement in its last method; the methods' names are told."""
    original, notebook = read(chapter), read(chapter)
    changed = []
    for cell in code_cells(notebook):
        if "plank" in tags(cell) and "def " in cell.source:
            changed.append(cell.source.rsplit("def ", 1)[1].split("(")[0])
            *_, last = complete(cell.source).splitlines()
            margin = last[: len(last) - len(last.lstrip())]
            cell.source = f"{complete(cell.source)}\n{margin}print('changed')"
    copy = tmp_path / chapter.name
    write(copy, notebook)
    found = source_differences(copy)
    assert len(found) == len(changed)
    for name in changed:
        assert any(f".{name}" in sentence and "differs" in sentence for sentence in found), name
    refresh(copy)
    assert source_differences(copy) == []
    texts = [[complete(cell.source) for cell in code_cells(one)] for one in (read(copy), original)]
    assert texts[0] == texts[1]


def test_chapters_that_share_a_package_build_the_modules_they_have_begun():
    built = {
        path.stem[:2]: {module.stem for module in library_modules(path)} for path in chapters()
    }
    assert built["00"] == set() and built["03"] == {"tcp_server"}
    assert built["10"] == {"drain", "open_requests", "pool"}
    assert built["11"] == {"dual_stack", "limits", "tls"}


def test_executing_writes_outputs_and_nothing_volatile(tmp_path):
    original = chapters()[0]
    copy = tmp_path / original.name
    shutil.copy(original, copy)
    execute(copy)
    assert [c.outputs for c in code_cells(read(copy))] == [
        c.outputs for c in code_cells(read(original))
    ]
    assert read(copy).metadata == read(original).metadata


def test_a_widget_is_shown_and_not_stored(tmp_path):
    """A stored one would have lost its model; the picture beside it stays."""
    source = "from socketlab import play\nplay(lambda clients=1: clients, clients=(1, 3))"
    copy = tmp_path / "42_widget.ipynb"
    write(copy, v4.new_notebook(cells=[v4.new_code_cell(source)]))
    execute(copy)
    [cell] = code_cells(read(copy))
    assert [output.data for output in cell.outputs] == [{"text/plain": "1"}]


def test_the_command_names_an_unknown_chapter(capsys):
    assert main(["author", "lint", "99_nothing"]) == 2
    assert "There is no chapter 99_nothing. The chapters are 00_target" in capsys.readouterr().err


def test_the_command_finds_nothing_in_the_committed_chapters(capsys):
    assert main(["author", "lint"]) == 0
    assert capsys.readouterr().out == ""


@by_name
def test_an_assertion_does_nothing_but_look(chapter):
    """With PYTHONOPTIMIZE no assertion runs, so what a chapter does must not stand in one."""
    does = {"recv", "recvfrom", "send", "sendall", "read", "readline", "connect", "answer_within"}
    for cell in code_cells(read(chapter)):
        plain = TransformerManager().transform_cell(cell.source)
        for node in ast.walk(ast.parse(plain)):
            if isinstance(node, ast.Assert):
                calls = [one.func for one in ast.walk(node.test) if isinstance(one, ast.Call)]
                names = {getattr(call, "attr", getattr(call, "id", "")) for call in calls}
                assert not names & does, ast.unparse(node)
