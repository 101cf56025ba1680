"""A right answer keeps its points, whichever front end has saved it."""

import json

import pytest

from socketlab.grading import judge, trial
from socketlab.grading.submissions import Submission
from socketlab.project import PROJECT
from socketlab.sandbox.sandbox import Sandbox
from tests.front_ends import FRONT_ENDS


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(preload=trial.PRELOAD) as sandbox:
        yield sandbox


@pytest.mark.parametrize("chapter", ["03_tcp_server", "08_handlers"])
@pytest.mark.parametrize("save", FRONT_ENDS, ids=lambda save: save.__name__)
def test_all_points_whoever_saved_it(save, chapter, sandbox):
    book = json.loads((PROJECT / "solutions" / chapter / f"{chapter}.ipynb").read_text("utf-8"))
    grade = judge.grade(Submission("ada", chapter, save(book)), sandbox)
    missed = [result.message for result in grade.results if result.points != result.max_points]
    assert not missed and not grade.trouble and grade.max_points > 20
