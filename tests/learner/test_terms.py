"""The index of terms: what the chapters set in bold, each once, where it's introduced."""

import pytest
from nbformat import v4, write

from socketlab.learner import terms
from socketlab.learner.lab import hand_out
from socketlab.project import PROJECT

FIRST = """\
# 01 Sockets

**What will happen?** A port is a **number**. See **the [port](02_b.ipynb)** below.

- One end of a pair is a **pipe** end.
"""
SECOND = "# 02 Base\n\n**Your turn.** Once more the **Pipe**.\n\n**What will happen** now?"


@pytest.fixture
def notebooks(tmp_path):
    for name, text in (("01_a", FIRST), ("02_b", SECOND)):
        book = v4.new_notebook(cells=[v4.new_markdown_cell(text), v4.new_code_cell("a = 2**3**2")])
        write(book, tmp_path / f"{name}.ipynb")
    return tmp_path


def test_each_term_once_with_the_sentence_that_introduces_it(notebooks):
    found = [(term.word, term.sentence, term.chapter) for term in terms.terms(notebooks)]
    assert found == [
        ("number", "A port is a **number**.", "01_a.ipynb"),
        ("pipe", "One end of a pair is a **pipe** end.", "01_a.ipynb"),
        ("the [port](02_b.ipynb)", "See **the [port](02_b.ipynb)** below.", "01_a.ipynb"),
    ]


def test_the_page_links_to_the_chapters(notebooks):
    page = terms.page(notebooks, "notebooks/")
    assert "- **pipe**: One end of a pair is a pipe end. [01 Sockets](notebooks/01_a.ipynb)" in page
    assert "See the [port](notebooks/02_b.ipynb) below." in page


def test_the_course_has_one_with_what_professionals_say(tmp_path):
    """Words that a learner will meet at work are in the chapters, and so in the index."""
    assert hand_out(PROJECT, tmp_path / "course") == 0
    page = (tmp_path / "course" / "notebooks" / terms.NAME).read_text("utf-8")
    for word in ("kernel", "file descriptor", "self-pipe trick", "deadlock", "copy-on-write"):
        assert f"- **{word}**: " in page
