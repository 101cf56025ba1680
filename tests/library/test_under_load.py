"""Each TCP class under load; `python -m tools.library_under_load` prints the table.

A fork takes longer than a request. To be quick, the forking classes have fewer of both here, unless
LOAD=full is in the environment; the command gives them as many as the others.
"""

import os
import sys

import pytest

from tools.library_under_load import CLASSES, HELD, measure_elsewhere

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(sys.platform != "linux", reason="Counts in /proc; its client needs epoll."),
    pytest.mark.timeout(900),
]


@pytest.mark.parametrize("name", CLASSES)
def test_every_request_is_answered_once_and_nothing_is_left(name):
    """Short connections from 100 clients at once, and many held open, lose nothing."""
    requests, connections = 10_000, HELD
    if "Forking" in name and os.environ.get("LOAD") != "full":
        requests, connections = 300, 100
    counts = measure_elsewhere(name, requests, connections)
    fine = {"wrong": 0, "lost": 0}
    assert counts["short"] == {"sent": requests, "answered": requests, **fine}
    assert counts["held"] == {"sent": connections, "answered": connections, **fine}
    assert counts["left"] == []
