"""Each TCP class under load; `python -m tests.library.load` prints the table.

Forking takes 1,000 short connections here, to be quick, and 10,000 there, as the others do.
"""

import sys

import pytest

from .load import CLASSES, HELD, measure_elsewhere

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="Counts in /proc; its client needs epoll."),
    pytest.mark.timeout(300),
]


@pytest.mark.parametrize("name", CLASSES)
def test_every_request_is_answered_once_and_nothing_is_left(name):
    """Short connections from 100 clients at once, and 1,000 held open, lose nothing."""
    requests = 1000 if "Forking" in name else 10_000
    counts = measure_elsewhere(name, requests)
    all_answered = {"answered": requests, "wrong": 0, "lost": 0}
    assert counts["short"] == {"sent": requests, **all_answered}
    assert counts["held"] == {"sent": HELD, **all_answered, "answered": HELD}
    assert counts["left"] == []
