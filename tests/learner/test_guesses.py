"""Guesses are kept before the run, and remembered at the end of the chapter."""

import json
from itertools import pairwise

import nbformat
import pytest

from socketlab import predict, surprises
from socketlab.learner import progress_log
from socketlab.learner.course import refresh
from socketlab.learner.edition import ASKS, edition, folded
from socketlab.project import PROJECT


@pytest.fixture
def folder(tmp_path, monkeypatch):
    refresh(PROJECT, tmp_path / "course")
    monkeypatch.chdir(tmp_path / "course" / "notebooks")
    return tmp_path / "course"


def test_the_first_guess_is_kept_and_what_surprised_is_said_at_the_end(folder, capsys):
    surprises("03")
    assert "kept no guesses" in capsys.readouterr().out
    predict("03", 2)
    assert 'predict("03", 2, "…") keeps it' in capsys.readouterr().out
    predict("03", 2, "it\n waits")
    assert "Your guess: it waits" in capsys.readouterr().out
    predict("03", 2, "it does not")
    assert "Your guess: it waits" in capsys.readouterr().out
    predict("03", 10, "nothing", surprised=False)
    predict("03", 2, surprised=True)
    capsys.readouterr()
    surprises("03")
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "2 guesses: 1 came true, 1 surprised you."
    assert said[1] == "  2: you thought: it waits"
    assert ("03", "guess 2 it waits") in progress_log.events(folder)
    predict("04", 1, "it hangs")
    capsys.readouterr()
    surprises("04")
    said = capsys.readouterr().out
    assert said == ("1 guess: 0 came true, 0 surprised you, and you haven't said how 1 came out.\n")


def test_each_prediction_of_a_chapter_has_a_cell_for_a_guess(folder):
    for path in sorted(folder.glob("notebooks/[0-9]*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        guesses = [cell.source for cell in cells if cell.id.startswith("predict-")]
        number, asked = path.name[:2], 0
        for cell, below in pairwise(cells):
            if cell.cell_type == "markdown" and ASKS in cell.source and below.cell_type == "code":
                asked += 1
                assert below.source == f'predict("{number}", {asked})'
        assert asked and len(guesses) == asked + 1, path.name
        assert f'surprises("{number}")' in guesses


@pytest.mark.parametrize(
    ("text", "told", "left"),
    [
        ("It waits.\n\nSo long.", "It waits.\n\nSo long.", ""),
        ("It waits.\n\n## Next\n\nMore.", "It waits.", "## Next\n\nMore."),
        ("It waits.\n\nAsk for less:", "It waits.", "Ask for less:"),
        ("It says:", "It says:", ""),
        ("It waits.\n\n**Your turn.** Write.", "It waits.", "**Your turn.** Write."),
        (f"It waits.\n\n{ASKS} And now?", "It waits.", f"{ASKS} And now?"),
        ("See:\n\n```\n# text\n```\n\n## Next", "See:\n\n```\n# text\n```", "## Next"),
    ],
)
def test_an_explanation_is_folded_and_nothing_else(text, told, left):
    begin = "<details><summary>What happened, and why</summary>\n\n"
    assert folded(text) == f"{begin}{told}\n\n</details>\n\n{left}".rstrip()


@pytest.mark.parametrize("text", ["## Next\n\nMore.", "**Your turn.** Write."])
def test_where_nothing_is_explained_nothing_is_folded(text):
    assert folded(text) == text


def test_the_same_notebook_twice_is_the_same_edition():
    content = next(PROJECT.glob("notebooks/03_*.ipynb")).read_bytes()
    assert edition(content, {}, "03") == edition(content, {}, "03")
    assert json.loads(edition(b'{"cells": 3}', {}, "03")) == {"cells": 3}
