"""A check that has passed: a card for a person, lines for a program."""

import os

import nbformat
import pytest

from socketlab import kernels
from socketlab.exercises import find
from socketlab.learner.course import refresh
from socketlab.learner.success import Success
from socketlab.project import PROJECT, answer_cell, setup_cell


@pytest.fixture
def course(tmp_path):
    refresh(PROJECT, tmp_path / "course")
    return tmp_path / "course"


def shown(folder, last, **environment):
    """Run our answer to 03.2 and a cell below it; return that cell's outputs."""
    solutions = PROJECT / "solutions"
    sources = [setup_cell(solutions, "03.2"), answer_cell(solutions, "03.2"), last]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in sources])
    options = {"resources": {"metadata": {"path": str(folder)}}}
    if environment:
        options["env"] = os.environ | environment
    kernels.execute(book, **options)
    return book.cells[-1].outputs


ALL = 'from socketlab import check\n\ncheck("03.2")'


def test_in_a_course_each_part_has_a_card(course):
    *others, last = shown(course / "notebooks", ALL)
    assert others and all(out.output_type == "display_data" for out in [*others, last])
    html, text = last.data["text/html"], last.data["text/plain"]
    assert "background:#d8efe6" in html and "✓ 03.2 " in html and "<progress" in html
    assert text.startswith("✓ 03.2 ") and "Points so far in 03.2: " in text
    points = html.partition("Points so far in 03.2: ")[2].partition(".")[0]
    assert len(set(points.split(" of "))) == 1, "all points have been earned"
    assert "Next: 03.3 " in text and "Next: 03.3 " in html


def test_a_card_says_which_part_is_next(course):
    first, second, *_ = find("03.2").checks
    [card] = shown(course / "notebooks", f'{ALL[:-1]}, part="{first}")')
    assert f"Next: {second}." in card.data["text/plain"]


def test_where_a_program_runs_the_notebook_it_gets_lines(course, tmp_path):
    outputs = shown(course / "notebooks", ALL, NBGRADER_EXECUTION="autograde")
    outputs += shown(tmp_path, ALL)  # outside a course
    assert {out.output_type for out in outputs} == {"stream"}
    assert "✓ 03.2 " in outputs[0].text


def test_what_a_learner_named_is_only_text():
    html = Success("03 <b>", "A <i>free</i> port.")._repr_mimebundle_()["text/html"]
    assert "&lt;b&gt;" in html and "&lt;i&gt;" in html and "<progress" not in html
