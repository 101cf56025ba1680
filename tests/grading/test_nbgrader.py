"""A teacher who grades with nbgrader gives the points that `check` gives."""

import pytest

from socketlab.exercises import find
from tools.points_of_three import DEADLINE, by_check, by_nbgrader, exported, open_class, points
from tools.sample_class import half

pytestmark = pytest.mark.thorough


# Two chapters stand for all: `python -m tools.points_of_three` takes each.
@pytest.mark.parametrize("chapter", ["04_udp_server", "06_threading_mixin"])
@pytest.mark.timeout(4 * DEADLINE)
def test_three_students_get_the_points_that_check_gives(chapter, tmp_path):
    """The whole path of a class: generate, hand in, autograde, export."""
    open_class(tmp_path, chapter)
    passed = by_check(tmp_path, chapter)
    won = {student: points(checks) for student, checks in passed.items()}
    right, wrong = (sum(part.points for part in find(one).checks.values()) for one in half(chapter))
    assert right < won["half"] < right + wrong < won["full"]
    assert won["blank"] == 0
    assert by_nbgrader(tmp_path, chapter) == passed
    assert exported(tmp_path) == won
