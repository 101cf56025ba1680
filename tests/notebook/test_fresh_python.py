"""A function in a new Python: what it prints, what it returns, and what it leaves."""

import os
import sys
import threading
import time

import pytest

from socketlab import ServerError, reopen
from socketlab.notebook.fresh_python import fresh

pytestmark = pytest.mark.usefixtures("nothing_left")
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="The system cannot fork.")


def test_it_prints_and_returns(capsys):
    def add(a, b):
        print("adding")
        return a + b

    assert fresh(add, 2, 3) == 5
    assert capsys.readouterr() == ("adding\n", "")


def test_it_is_another_process_with_one_thread():
    assert fresh(lambda: (os.getpid() != os.getppid(), threading.active_count())) == (True, 1)
    assert fresh(os.getpid) != os.getpid()


def test_its_output_is_buffered_whatever_the_environment_says(capsys, monkeypatch):
    def prints_and_is_cut_off():
        print("lost")
        os._exit(0)

    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    with pytest.raises(ServerError, match="before it returned"):
        fresh(prints_and_is_cut_off)
    assert capsys.readouterr().out == ""


def test_it_knows_what_the_notebook_has_defined():
    """Classes that grew by reopen and use super() travel whole, as in a chapter."""
    code = (
        "class Base:\n    def name(self): return 'base'\n"
        "class Grown(Base): pass\n"
        "@reopen(Grown)\nclass Grown:\n    def name(self): return 'grown from ' + super().name()\n"
        "def ask(): return Grown().name()\n"
    )
    notebook = {"reopen": reopen, "__name__": "__main__"}
    exec(code, notebook)
    assert fresh(notebook["ask"]) == "grown from base"


def test_it_gets_copies():
    seen = []
    assert fresh(lambda: seen.append(1) or len(seen)) == 1
    assert seen == []


def test_an_exception_is_told_in_a_sentence(capsys):
    def fails():
        print("so far")
        raise ValueError("a bug")

    with pytest.raises(ServerError, match=r"^fails\(\) ended with ValueError: a bug$"):
        fresh(fails)
    assert capsys.readouterr() == ("so far\n", "")


def test_an_exit_without_a_word_is_told():
    with pytest.raises(ServerError, match="ended with exit status 3"):
        fresh(lambda: os._exit(3))


def test_warnings_reach_the_notebook(capsys):
    fresh(lambda: print("take care", file=sys.stderr))
    assert capsys.readouterr() == ("", "take care\n")


def test_it_has_a_deadline(capsys):
    def waits():
        print("waiting", flush=True)
        time.sleep(60)

    begin = time.monotonic()
    with pytest.raises(ServerError, match=r"waits\(\) was not done after 0.7 seconds"):
        fresh(waits, deadline=0.7)
    assert time.monotonic() - begin < 10
    assert "waiting" in (capsys.readouterr().out or "waiting")  # a slow start prints nothing


def test_a_thread_that_does_not_end_keeps_it_waiting():
    """Python itself waits for threads that are no daemons; so does fresh."""

    def leaves(daemon):
        threading.Thread(target=time.sleep, args=(60,), daemon=daemon).start()

    fresh(leaves, True)
    with pytest.raises(ServerError, match="not done"):
        fresh(leaves, False, deadline=1.5)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rsplit(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@forks
@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="There is no /proc here.")
@pytest.mark.parametrize("parent_waits", [False, True])
def test_no_process_is_left(parent_waits, tmp_path):
    def forks(note):
        pid = os.fork()
        if pid == 0:
            time.sleep(60)
            os._exit(0)
        note.write_text(str(pid))
        time.sleep(60 * parent_waits)

    note = tmp_path / "child"
    if parent_waits:
        with pytest.raises(ServerError, match="not done"):
            fresh(forks, note, deadline=2)
    else:
        fresh(forks, note)
    pid = int(note.read_text())
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(pid)


@forks
def test_a_child_that_comes_back_hands_nothing_in():
    def both():
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
        return "parent" if pid else "child"

    assert fresh(both) == "parent"


@forks
def test_a_fork_beside_a_waiting_thread_does_not_warn(capsys):
    def forks():
        threading.Thread(target=time.sleep, args=(0.2,)).start()
        if os.fork() == 0:
            os._exit(0)
        os.wait()

    fresh(forks)
    assert capsys.readouterr().err == ""


def test_an_error_is_named_though_more_lines_follow():
    """Its text may have several, and notes come after it: some are Python's own."""

    def fails():
        error = ValueError("first\nsecond")
        error.add_note("noted")
        raise error

    with pytest.raises(ServerError, match=r"^fails\(\) ended with ValueError: first$"):
        fresh(fails)
