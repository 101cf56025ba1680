"""The same faults on the standard library: where ours is said to do better, this one fails."""

import os

import pytest

from .faults import FAULTS, NAMES, THERE, outcome

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="Some faults need Linux."),
    pytest.mark.timeout(100),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_fault(name):
    """The fault has the outcome that is written beside it."""
    assert outcome(name, THERE) == FAULTS[name].there
