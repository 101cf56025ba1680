"""Kernel, nbgrader and `socketlab grade` give the same points, over many people's notebooks.

These are a part of them, with each style in a few chapters. All of them, as that takes long:

    python -m tools.points_of_people --nbgrader
"""

import pytest

from socketlab.authoring.exercises import chapters
from tools import points_of_people as people

CHAPTERS = chapters()

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_kernel_and_the_grader_give_everyone_the_same_points(chapter):
    numbers = people.NUMBERS[CHAPTERS.index(chapter) % 4 :: 4]
    ways, found = people.compare(chapter, numbers)
    assert len(ways["grader"]) == len(ways["kernel"]) == len(numbers)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("chapter", ["01_sockets", "06_threading_mixin"])
def test_nbgrader_gives_them_too(chapter):
    _, found = people.compare(chapter, people.NUMBERS[:3], with_nbgrader=True)
    assert not found, "\n".join(found)
