"""Kernel, nbgrader and `socketlab grade` give the same points, over many people's notebooks."""

from datetime import date

import pytest

from tests.exercises.test_notebooks import CHAPTERS

from . import people


@pytest.mark.thorough
@pytest.mark.timeout(600)
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_kernel_and_the_grader_give_everyone_the_same_points(chapter):
    ways, found = people.compare(chapter)
    assert len(ways["grader"]) == len(ways["kernel"]) == people.COUNT
    assert not found


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_nbgrader_gives_them_too():
    """To a few, of another chapter each day; `-m tests.grading.people --nbgrader` asks for all."""
    chapter = CHAPTERS[date.today().toordinal() % len(CHAPTERS)]
    _, found = people.compare(chapter, count=3, with_nbgrader=True)
    assert not found
