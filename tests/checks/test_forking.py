"""Answers that fork, away from the kernel: in a new Python, or where they live already."""

import linecache
import os
import threading
import time

import pytest

from socketlab.checks import forking as module
from socketlab.checks.bench import Bench
from socketlab.checks.case import CannotCheckError, CaseError
from socketlab.checks.forking import (
    Output,
    away,
    end_children,
    in_parent,
    left,
    next_ended,
    real_run,
)
from socketlab.checks.records import Records
from socketlab.notebook.running import overdue

from ..exercises.far import far
from ..exercises.helpers import impatient

if not hasattr(os, "fork"):
    pytest.skip("this system cannot fork", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


def tried(trial, *answers, link=None):
    bench = Bench(link, link.call(Records) if link else Records())
    return away(bench.case("a trial", "what is right", "It is a test."), trial, *answers)


@pytest.fixture(params=["near", "far"])
def attempt(request):
    """Make a trial as in a notebook, and as the grader does."""

    def make(trial, *answers):
        if request.param == "near":
            return tried(trial, *answers)
        with far({"answers": answers}) as checker:
            return tried(trial, *checker.namespace()["answers"], link=checker)

    return make


@pytest.fixture
def came(attempt):
    """Return what a trial that must fail has told."""

    def make(trial, *answers):
        with pytest.raises(CaseError) as caught:
            attempt(trial, *answers)
        return caught.value.got

    return make


def test_the_answer_runs_in_another_process_and_the_trial_here(attempt):
    def trial(case, notes, answer):
        assert case.bench.is_elsewhere
        return os.getpid(), answer(), case.bench.there(os.getpid)

    here, answered, theirs = attempt(trial, os.getpid)
    assert here == os.getpid()
    assert answered == theirs != here


def fork_and_return():
    if os.fork() == 0:
        return "child"
    os.wait()
    return "parent"


def fork_and_fail():
    if os.fork() == 0:
        raise ValueError("lost")
    os.wait()


@pytest.mark.parametrize(
    "answer, how", [(fork_and_return, "process_request returned"), (fork_and_fail, "ValueError")]
)
def test_a_child_that_comes_back_is_told_whatever_the_trial_says(came, answer, how):
    def trial(case, notes, answer):
        case.want(case.bench.there(in_parent, notes, answer) == "child", "something else")

    told = came(trial, answer)
    assert told.startswith(f"a child came back into the program of its parent ({how}")


def test_a_line_of_a_cell_is_told(came):
    source = "def answer():\n    return 1 // 0\n"
    linecache.cache["<a cell>"] = (len(source), None, source.splitlines(True), "<a cell>")
    made = {"__name__": "__main__"}
    exec(compile(source, "<a cell>", "exec"), made)
    told = came(lambda case, notes, answer: answer(), made["answer"])
    assert told.endswith("in answer(), line 2 of your code: return 1 // 0")


def test_what_goes_wrong_over_there_fails_the_step(came):
    assert came(lambda case, notes, answer: answer(), lambda: 1 // 0).startswith("ZeroDivisionE")


def test_a_program_that_ends_is_told(came):
    told = came(lambda case, notes, answer: answer(), lambda: os._exit(3))
    assert told == "the program of the server ended before the check"


def test_an_endless_answer_is_told_with_its_place(came, monkeypatch):
    impatient(monkeypatch)
    told = came(lambda case, notes, answer: answer(), wait_for_ever)
    assert told.startswith("nothing within 2 seconds; it's at line")


def wait_for_ever():
    end = time.monotonic() + 20
    while time.monotonic() < end:
        time.sleep(0.01)


def leave_somebody():
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    return pid


def test_no_process_is_left(attempt):
    pid = attempt(lambda case, notes, answer: answer(), leave_somebody)
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(pid)


def test_the_next_trial_finds_no_children_of_this_one():
    """A student's process may see several."""
    with far({"answer": leave_somebody}) as checker:
        answer = checker.namespace()["answer"]
        tried(lambda case, notes, answer: answer(), answer, link=checker)
        assert checker.call(left) == ()


def alive(pid):
    psutil = pytest.importorskip("psutil")
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_what_cannot_travel_is_told():
    with pytest.raises(CaseError, match="it cannot be taken to another Python"):
        tried(lambda case, notes, answer: None, threading.Lock())


def test_children_are_told_and_ended(attempt):
    def trial(case, notes, answer):
        answer()
        states = case.bench.there(left)
        case.bench.there(end_children)
        with pytest.raises(ChildProcessError):
            case.bench.there(next_ended, 1)
        return len(states), case.bench.there(left)

    assert attempt(trial, leave_somebody) == (1, ())


def test_an_output_in_a_file_has_a_buffer_that_a_fork_copies(attempt):
    def trial(case, notes, answer):
        with case.bench.there(Output) as output:
            answer()
        return output.text

    assert attempt(trial, prints_and_forks) == "child\nbefore\nbefore\nparent\n"


def prints_and_forks():
    print("before")
    if os.fork() == 0:
        os.write(1, b"child\n")
        print(end="", flush=True)
        os._exit(0)
    os.wait()
    print("parent")


def test_a_real_run_is_made_once(monkeypatch):
    assert real_run(os.getpid) == real_run(os.getpid) != os.getpid()
    monkeypatch.setattr(module, "fresh", None)
    assert real_run(os.getpid)


def test_a_new_python_that_is_late_is_not_held_against_the_answer(monkeypatch):
    def late(seconds, call, what):
        raise overdue(seconds, what)

    monkeypatch.setattr(module, "within", late)
    with pytest.raises(CannotCheckError, match="for a new Python; it never came"):
        tried(lambda case, notes, answer: answer, fork_and_return)
