"""Each fault still applies; `python -m tools.library_faults` tells which of them are noticed."""

import pytest

from tools.library_faults import MODULES, faults_of

FAULTS = [fault for module in MODULES for fault in faults_of(module)]


@pytest.mark.parametrize("module", MODULES)
def test_there_are_enough_faults(module):
    """At least 60 faults a module, no two of one name, all of them in its source."""
    faults = faults_of(module)
    assert sum(fault.applies for fault in faults) >= 60
    assert len({str(fault) for fault in faults}) == len(faults)
    left_out = [str(fault) for fault in faults if not fault.applies]
    assert not left_out


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.applies], ids=str)
def test_a_fault_is_a_change_that_compiles(fault):
    """A fault changes the source, and what comes out is still Python."""
    assert fault.text != fault.source.read_text()
    compile(fault.text, fault.source, "exec")
