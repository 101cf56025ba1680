"""The queue of trials: each in a process of its own, and none outlives who asked for it."""

import os
import signal
import sys
import time

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell

from socketlab.grading import budget, judge, trial
from socketlab.grading.grade import Grade
from socketlab.grading.judge import (
    MOST_PER_CPU,
    TURNS_PER_CPU,
    Notebook,
    NotJudgedError,
    Turns,
)
from socketlab.grading.submissions import Submission
from socketlab.grading.trial import Task
from socketlab.machine_load import processors
from socketlab.project import PROJECT
from socketlab.sandbox.sandbox import Sandbox, SandboxError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="tried on Linux only")
CHAPTER = "03_tcp_server"
SOLUTION = (PROJECT / "solutions" / CHAPTER / f"{CHAPTER}.ipynb").read_text("utf-8")
STUDENTS = ("ada", "bob", "eve")


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(preload=trial.PRELOAD) as sandbox:
        yield sandbox


def grades(sandbox, students=STUDENTS):
    """Yield the student and the outcome of each of some solutions, as they come."""
    handed_in = {number: Submission(one, CHAPTER, SOLUTION) for number, one in enumerate(students)}
    for number, outcome in judge.grades(handed_in, sandbox):
        yield students[number], outcome


def instead(monkeypatch, student, happens, applies=lambda task: True):
    """Let the trials of a student come to this, in place of what they are."""
    run = trial.run

    def replaced(task, *more):
        is_meant = task.submission.student == student and applies(task)
        return happens() if is_meant else run(task, *more)

    monkeypatch.setattr(trial, "run", replaced)


def dies():
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_judge_that_dies_costs_its_own_notebook_alone(sandbox, monkeypatch):
    """As when the system is short of memory: who is not judged has no points, and no 0."""
    instead(monkeypatch, "bob", dies)
    students = [*STUDENTS, *["bob"] * MOST_PER_CPU * len(processors()), "joe"]
    came = dict(grades(sandbox, students))
    assert isinstance(came["bob"], NotJudgedError) and "ended by signal 9" in str(came["bob"])
    for name in ("ada", "eve", "joe"):  # who dies with a turn keeps nobody from having it
        assert came[name].points == came[name].max_points


def test_right_answers_are_tried_once_and_together(sandbox, monkeypatch, tmp_path):
    run = trial.run

    def noted(task, *more):
        (tmp_path / "tried").open("a").write(f"{' '.join(task.exercises)}\n")
        return run(task, *more)

    monkeypatch.setattr(trial, "run", noted)
    [(_, came)] = grades(sandbox, ["ada"])
    assert came.points == came.max_points
    assert (tmp_path / "tried").read_text() == "03.1 03.2 03.3 03.4\n"


ALL = {"03.1": 6, "03.2": 4, "03.3": 4, "03.4": 5}


@pytest.mark.parametrize(
    ("reached", "passed", "tasks"),
    [
        (["03.1", "03.2", "03.3", "03.4"], {}, ["03.1 6", "03.2 4", "03.3 4", "03.4 5"]),
        (["03.1", "03.2", "03.3", "03.4"], {**ALL, "03.2": 1}, ["03.2 4"]),
        (["03.1"], {"03.1": 4}, ["03.1 1", "03.1 1", "03.2 03.3 03.4 0"]),
        (["03.1", "03.2"], {"03.1": 6, "03.2": 3}, ["03.2 1", "03.3 03.4 0"]),
        (["03.1", "03.2"], {"03.1": 5, "03.2": 4}, ["03.1 6", "03.3 03.4 0"]),
        ([], {}, ["03.1 6", "03.2 4", "03.3 4", "03.4 5"]),
    ],
    ids=["none passed", "a failure", "stuck", "stuck later", "dead between two", "no cell ran"],
)
def test_what_is_left_is_tried_alone_and_what_was_not_reached_together(reached, passed, tasks):
    notebook = Notebook(0, Submission("ada", CHAPTER, SOLUTION), {})
    assert {number: len(one.checks) for number, one in notebook.exercises.items()} == ALL
    for number, count in passed.items():
        for name in list(notebook.exercises[number].checks)[:count]:
            notebook.results[number, name] = None
    left = notebook.tasks_after(
        Task(notebook.submission, tuple(ALL)), reached, is_done=len(reached) == len(ALL)
    )
    assert [f"{' '.join(one.exercises)} {len(one.checks)}" for one in left] == tasks


def test_an_answer_that_comes_too_late_does_not_count_because_another_needs_it(sandbox):
    """Mended below its last check, in a cell that runs for the next exercise."""
    notebook = nbformat.reads(SOLUTION, 4)
    [answer] = [cell for cell in notebook.cells if cell.id == "answer-03-1"]
    [needs_it] = [cell for cell in notebook.cells if cell.id == "answer-03-2"]
    mended = new_code_cell(answer.source)
    answer.source = answer.source.replace("listener.set_inheritable(False)", "pass")
    needs_it.source = f"ActivatedServer\n{needs_it.source}"
    notebook.cells.insert(notebook.cells.index(needs_it), mended)
    came = judge.grade(Submission("ada", CHAPTER, nbformat.writes(notebook)), sandbox)
    assert [one.check for one in came.results if not one.points] == ["children"]


def test_what_others_try_already_is_not_tried_again():
    """As after a second trial of some together, while the first one's rest still runs."""
    notebook = Notebook(0, Submission("ada", CHAPTER, SOLUTION), {})
    task = Task(notebook.submission, ("03.3", "03.4"))
    assert {one.exercises for one in notebook.tasks_after(task, ["03.3"], False)} == {
        ("03.3",),
        ("03.4",),
    }


def test_where_all_together_cannot_be_tried_each_is_alone(sandbox, monkeypatch):
    instead(monkeypatch, "ada", dies, lambda task: task.is_together)
    [(_, came)] = grades(sandbox, ["ada"])
    assert came.points == came.max_points


def test_a_judge_that_hangs_is_ended(sandbox, monkeypatch):
    """What it was about has no points: it was the answer that kept it busy."""
    for name in ("CHECK_SECONDS", "CELLS_END_SECONDS"):
        monkeypatch.setattr(budget, name, 0.1)
    instead(monkeypatch, "ada", lambda: time.sleep(120))
    [(_, came)] = grades(sandbox, ["ada"])
    assert isinstance(came, Grade) and came.points == 0
    assert {one.failure.got for one in came.results} == {"the checking program ended"}


@pytest.mark.parametrize(("filled", "kind"), [(0.75, Grade), (0.25, NotJudgedError)])
def test_what_a_judge_lacks_is_the_answers_doing_only_where_it_was_sent_much(
    sandbox, monkeypatch, filled, kind
):
    def lacks(*_):
        sent = bytearray(int(filled * budget.JUDGE_MEMORY))
        raise SandboxError(f"can't start new thread beside {len(sent)} bytes")

    monkeypatch.setattr(trial, "_try", lacks)
    [(_, came)] = grades(sandbox, ["ada"])
    assert isinstance(came, kind)


def test_trials_end_with_who_asks_for_them(sandbox, monkeypatch):
    before = psutil.Process().children()
    instead(monkeypatch, "eve", lambda: time.sleep(120))
    coming = grades(sandbox)
    assert {next(coming)[0], next(coming)[0]} == {"ada", "bob"}
    coming.close()
    assert psutil.Process().children() == before


@pytest.mark.parametrize(("running", "for_each"), [(1, MOST_PER_CPU), (1000, TURNS_PER_CPU)])
def test_turns(running, for_each, monkeypatch):
    """As many for each processor as for any other, and more while one is idle."""
    monkeypatch.setattr("socketlab.machine_load.Crowd.count", lambda _: running)
    turns = Turns()
    taken = 0
    while turns.take():
        taken += 1
    assert taken == for_each * len(processors())
    turns.give()
    assert (turns.take(), turns.take()) == (True, False)
    turns.close()
