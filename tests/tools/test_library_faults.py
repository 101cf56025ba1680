"""The faults can be made; `python -m tools.library_faults` says which of them are noticed."""

from pathlib import Path

import pytest

import minisocketserver
from tools.library_faults import MODULES, faults_of, mutants, notice

SAMPLE = 60
"""One fault in so many is tried here: all of them take half an hour."""


@pytest.mark.parametrize("module", MODULES)
def test_there_are_enough_faults(module):
    """At least 60 faults a module, no two of one name, all of them in its source."""
    faults = faults_of(module)
    assert sum(fault.applies for fault in faults) >= 60
    assert len({str(fault) for fault in faults}) == len(faults)
    left_out = [str(fault) for fault in faults if not fault.applies]
    assert not left_out


@pytest.mark.parametrize("module", MODULES)
def test_a_fault_is_a_change_that_compiles(module):
    """A fault changes the source, and what comes out is still Python."""
    for fault in faults_of(module):
        assert fault.text != fault.source.read_text(), fault
        compile(fault.text, fault.source, "exec")


def test_what_is_explained_is_still_made():
    """So that no explanation outlives the line it is about, and explanations stay few."""
    made = {
        f"{path.name}: {name}"
        for path in Path(minisocketserver.__file__).parent.glob("*.py")
        for name, _ in mutants.mutants(path.read_text())
    }
    assert mutants.EQUIVALENT.keys() <= made
    assert len(mutants.EQUIVALENT) <= len(made) / 8


@pytest.mark.thorough
@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", faults_of("minisocketserver")[::SAMPLE], ids=str)
def test_the_conformance_suite_notices_a_fault(fault):
    assert notice(fault, "minisocketserver")
