"""A teacher who grades with nbgrader gives the points that `check` gives."""

import pytest

from socketlab.exercises import find

from .nbgrader import DEADLINE, by_check, by_nbgrader, half, open_course

pytestmark = pytest.mark.thorough


# Two chapters stand for all: `python -m tests.exercises.nbgrader` takes each.
@pytest.mark.parametrize("chapter", ["04_udp_server", "06_threading_mixin"])
@pytest.mark.timeout(4 * DEADLINE)
def test_three_students_get_the_points_that_check_gives(chapter, tmp_path):
    """The whole path of a class: generate, hand in, autograde, export."""
    open_course(tmp_path, chapter)
    points = by_check(tmp_path, chapter)
    right, wrong = (sum(part.points for part in find(one).checks.values()) for one in half(chapter))
    assert right < points["half"] < right + wrong < points["full"]
    assert points["blank"] == 0
    assert by_nbgrader(tmp_path, chapter) == points
