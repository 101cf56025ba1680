"""What goes wrong around a server, and what becomes of ours.

The faults stand in `faults.py`, each with what is expected of both modules; `test_faults_there.py`
runs them on the standard library. `as-there` in a name says that both are expected to do the same.
"""

import os

import pytest

from .faults import FAULTS, HERE, NAMES, outcome

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="Some faults need Linux."),
    pytest.mark.timeout(100),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_fault(name):
    """The fault has the outcome that is written beside it."""
    assert outcome(name, HERE) == FAULTS[name].here
