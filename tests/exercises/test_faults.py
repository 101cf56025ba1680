"""A check worth its points notices a fault in one line."""

import pytest

from socketlab.exercises import all_exercises
from tools.solution_faults import (
    EXPLAINED,
    faults_in,
    is_noticed,
    more_kinds,
    unchanged,
    unnoticed,
)

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("spec", all_exercises(), ids=lambda spec: spec.id)
def test_faults_in_a_solution_are_noticed(spec):
    """All but those that are explained, and these are few; our solution itself is let through.

    That gets a second try, too: on a busy machine a right answer may be late.
    """
    assert not (is_noticed(unchanged(spec)) and is_noticed(unchanged(spec), 2.0))
    faults = list(faults_in(spec))
    explained = {name for exercise, name in EXPLAINED if exercise == spec.id}
    assert {fault.name for fault in unnoticed(faults)} <= explained
    assert explained <= {fault.name for fault in faults}
    assert len(faults) >= 3


def test_the_faults_not_noticed_are_one_in_twenty_at_the_most():
    count = sum(len(list(faults_in(spec))) for spec in all_exercises())
    assert len(EXPLAINED) <= count / 20


@pytest.mark.parametrize("spec", all_exercises(), ids=lambda spec: spec.id)
def test_the_explained_faults_of_more_kinds_are_still_made(spec):
    """So that no explanation outlives the line it is about; `--more` tries them all."""
    explained = {name for exercise, name in more_kinds.EXPLAINED if exercise == spec.id}
    assert explained <= {fault.name for fault in more_kinds.faults_in(spec)}
