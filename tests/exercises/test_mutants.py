"""A check worth its points notices a fault in one line."""

import pytest

from socketlab.checks.core import exercises

from .mutants import SURVIVORS, mutants, notices, unchanged


@pytest.mark.parametrize("spec", exercises(), ids=lambda spec: spec.id)
def test_faults_in_a_solution_are_noticed(spec):
    """All but those that are explained, and these are few; our solution itself is let through."""
    assert not notices(unchanged(spec))
    made = list(mutants(spec))
    alive = {mutant.fault for mutant in made if not notices(mutant)}
    explained = {fault for exercise, fault in SURVIVORS if exercise == spec.id}
    assert alive == explained
    assert len(made) >= 3


def test_the_faults_not_noticed_are_one_in_twenty_at_the_most():
    count = sum(len(list(mutants(spec))) for spec in exercises())
    assert len(SURVIVORS) <= count / 20
