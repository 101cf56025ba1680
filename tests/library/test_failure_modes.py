"""What goes wrong around a server, and what becomes of ours and of the standard library's.

`python -m tools.failure_modes` prints the table. Where ours is said to do better, this proves it.
"""

import os

import pytest

from tools.failure_modes import FAILURE_MODES, MODULES, outcome

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="Some of them need Linux."),
    pytest.mark.timeout(120),
]


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("name", FAILURE_MODES)
def test_a_failure_mode_ends_as_the_table_says(name, module):
    assert outcome(name, module) == FAILURE_MODES[name].expected(module)
