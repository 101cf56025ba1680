"""hint() is about the check that failed last, where that has hints."""

from collections import defaultdict

import pytest

from socketlab import check, hint
from socketlab.checks.core import load
from socketlab.exercises import all_exercises, find
from socketlab.learner import api, progress_log
from socketlab.learner.api import CheckFailedError


@pytest.fixture(autouse=True)
def fresh_kernel(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(api, "_failing", defaultdict(list))
    monkeypatch.setattr(progress_log, "_unwritten", defaultdict(set))


def fail(exercise, part):
    with pytest.raises(CheckFailedError):
        check(exercise, *[None for _ in find(exercise).names], part=part)


def said(capsys, *asked, **more):
    hint(*asked, **more)
    return capsys.readouterr().out


def test_the_check_that_failed_has_hints_of_its_own(capsys):
    """One after the other, and the last again; the log knows which ones were read."""
    fail("07.1", "at once")
    shown = [said(capsys, "07.1") for _ in range(3)]
    numbers = ["Hint 1 of 2", "Hint 2 of 2", "Hint 2 of 2"]
    for text, number in zip(shown, numbers, strict=True):
        assert text.startswith(f"{number} for 07.1 at once: ")
    assert progress_log.events() == {("07.1", "hint at once 1"), ("07.1", "hint at once 2")}


def test_the_last_failure_counts_until_that_check_passes(capsys, monkeypatch):
    fail("07.1", "home")
    fail("07.1", "at work")
    assert "for 07.1 at work: " in said(capsys, "07.1")
    monkeypatch.setattr(api, "fair_attempt", lambda *_: None)
    check("07.1", object(), part="at work")
    assert "Hint 1 of 2 for 07.1 home: " in said(capsys, "07.1")
    check("07.1", object(), part="home")
    capsys.readouterr()
    assert said(capsys, "07.1").startswith("Hint 1 of 3 for 07.1: ")


def test_a_failed_check_without_hints_leaves_those_of_the_exercise(capsys):
    fail("07.4", "told")
    assert said(capsys, "07.4").startswith("Hint 1 of 3 for 07.4: ")


def test_one_may_ask_for_any_hint(capsys):
    """By the check's name, or by a number for the whole exercise."""
    fail("07.1", "at once")
    assert said(capsys, "07.1", part="no result").startswith("Hint 1 of 2 for 07.1 no result: ")
    assert said(capsys, "07.1", 2, "no result").startswith("Hint 2 of 2 for 07.1 no result: ")
    assert said(capsys, "07.1", 1).startswith("Hint 1 of 3 for 07.1: ")
    assert "07.1 has no part 'nonsense'. There are: home, at once" in said(
        capsys, "07.1", part="nonsense"
    )


def test_an_exercise_lists_hints_for_single_checks(tmp_path):
    """The table `hints_of`, beside the exercise's own list; lines are joined, as in that."""
    (tmp_path / "knots.toml").write_text(
        '["12.1"]\ntitle = "Knots"\nkind = "use"\nlevel = 1\nnames = ["tie"]\n'
        'checks = [["tight", 1, "It holds."]]\nhints = ["Rope.", "Loop.", "Pull."]\n'
        '["12.1".hints_of]\ntight = ["""\nWhich end\nis loose?\n""", "Pull that."]\n'
    )
    knots = load(str(tmp_path / "knots.py"))["12.1"]
    assert knots.hints == ("Rope.", "Loop.", "Pull.")
    assert knots.hints_of == {"tight": ("Which end is loose?", "Pull that.")}


def test_hints_for_a_check_begin_with_a_nudge():
    """Two or three of them."""
    for exercise in all_exercises():
        assert {len(hints) for hints in exercise.hints_of.values()} <= {2, 3}, exercise.id
