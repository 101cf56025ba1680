"""A right answer passes, whatever its style: in a notebook's process, and in the grader's."""

import pytest

from socketlab import check, project
from socketlab.exercises import all_exercises, find

from . import right
from .helpers import ours

ANSWERS = right.answers()
EACH = [
    pytest.param(exercise, text, id=f"{exercise} {style}")
    for exercise, styles in ANSWERS.items()
    for style, text in styles.items()
]


def test_each_exercise_has_answers_of_six_people():
    assert {spec.id for spec in all_exercises()} == ANSWERS.keys()
    assert not [exercise for exercise, styles in ANSWERS.items() if len(styles) < 6]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("exercise, text", EACH)
def test_a_right_answer_passes_in_any_style(exercise, text):
    setup = project.setup_cell(project.PROJECT / "solutions", exercise)
    namespace = {"__name__": "answer"}
    exec(compile(setup, "<setup>", "exec"), namespace)
    exec(compile(text, f"<answer {exercise}>", "exec"), namespace)
    check(exercise, *(namespace[name] for name in find(exercise).names))


class Guess(list):
    """Somebody's own kind of list."""


PREDICTED = [spec.id for spec in all_exercises() if spec.kind == "predict"]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("exercise", PREDICTED)
@pytest.mark.parametrize("kind", [tuple, Guess])
def test_a_right_prediction_passes_as_any_sequence(exercise, kind):
    guesses = (getattr(ours(exercise), name) for name in find(exercise).names)
    check(exercise, *(one if isinstance(one, str) else kind(one) for one in guesses))
