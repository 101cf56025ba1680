"""Each common mistake is made by some wrong answer, and named to the learner."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOURCES = "".join(path.read_text() for path in HERE.glob("test_*.py") if path != Path(__file__))


@pytest.mark.parametrize("row", range(1, 26))
def test_a_wrong_answer_makes_this_mistake(row):
    """The row's name is the test's own, where `helpers.message` sees the message."""
    assert re.search(rf'"learners-{row}[-"]', SOURCES)
