"""A check worth its points notices a fault in one line."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from socketlab.exercises import all_exercises

from .more_faults import CHAPTERS, EXPLAINED, more_mutants
from .mutants import SURVIVORS, mutants, notices, unchanged

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("spec", all_exercises(), ids=lambda spec: spec.id)
def test_faults_in_a_solution_are_noticed(spec):
    """All but those that are explained, and these are few; our solution itself is let through.

    Each gets a second try: on a busy machine a right answer may be late, and a fault may need more
    time to show.
    """
    assert not (notices(unchanged(spec)) and notices(unchanged(spec), 2.0))
    made = list(mutants(spec))
    with ThreadPoolExecutor(4) as pool:  # they wait more than they work
        noticed = pool.map(lambda mutant: notices(mutant) or notices(mutant, 2.0), made)
        alive = {mutant.fault for mutant, told in zip(made, noticed, strict=True) if not told}
    explained = {fault for exercise, fault in SURVIVORS if exercise == spec.id}
    assert alive <= explained  # on a busy machine even a right answer may come too late
    assert explained <= {mutant.fault for mutant in made}
    assert len(made) >= 3


def test_the_faults_not_noticed_are_one_in_twenty_at_the_most():
    count = sum(len(list(mutants(spec))) for spec in all_exercises())
    assert len(SURVIVORS) <= count / 20


@pytest.mark.parametrize("spec", all_exercises(), ids=lambda spec: spec.id)
def test_the_explained_faults_of_other_kinds_are_still_made(spec):
    """So that no explanation outlives the line it is about; more_faults itself tries them."""
    explained = {fault for exercise, fault in EXPLAINED if exercise == spec.id}
    if spec.id[:2] in CHAPTERS:
        assert explained <= {mutant.fault for mutant in more_mutants(spec)}
