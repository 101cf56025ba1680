"""Every chapter's solution gets all points from the judge, and its blank exercises none."""

import pytest

from socketlab.authoring.exercises import chapters
from socketlab.grading import judge, trial
from socketlab.grading.submissions import Submission
from socketlab.project import PROJECT
from socketlab.sandbox.sandbox import Sandbox

CHAPTERS = chapters()


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(preload=trial.PRELOAD) as sandbox:
        yield sandbox


def graded(folder, chapter, sandbox):
    text = (PROJECT / folder / chapter / f"{chapter}.ipynb").read_text(encoding="utf-8")
    return judge.grade(Submission("ada", chapter, text), sandbox)


def test_there_are_eleven_chapters():
    """So that the tests below miss none."""
    assert len(CHAPTERS) == 11


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_solution_gets_all_points(chapter, sandbox):
    """From the outside, as from within the notebook."""
    grade = graded("solutions", chapter, sandbox)
    missed = [result.message for result in grade.results if result.points != result.max_points]
    assert not missed and not grade.trouble and grade.max_points > 20


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_blank_exercise_gets_no_point(chapter, sandbox):
    """Check by check, each with a message."""
    grade = graded("exercises", chapter, sandbox)
    assert grade.max_points > 20
    assert not [result for result in grade.results if result.points or "✗" not in result.message]
