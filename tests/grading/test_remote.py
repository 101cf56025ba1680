"""The link between a checker and a student's process."""

import os
import tempfile
import threading
import time
from pathlib import Path

import pytest

from socketlab.checks import room
from socketlab.checks.place import seen, there
from socketlab.checks.room import Records, here

from ..exercises.conftest import far

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@pytest.fixture(autouse=True)
def another_process():
    with far({}):
        yield


def test_a_real_run_beside_a_prediction_is_made_by_the_checker():
    """In a room of its own: the student's process hears nothing of it."""
    with room.room():
        theirs = room.records
        with here():
            assert there(os.getpid) == os.getpid()
            assert type(room.records) is Records
            room.records.note_error(ValueError("in the run"))
        assert room.records is theirs
        assert not theirs.errors
        assert there(os.getpid) != os.getpid()


def test_a_file_that_was_made_there_is_seen_here():
    folder = there(tempfile.mkdtemp)
    there(os.mkdir, f"{folder}/inside")
    assert os.listdir(seen(folder)) == ["inside"]
    there(os.removedirs, f"{folder}/inside")
    assert not Path(folder).exists()


def test_a_thread_there_ends_with_the_one_here_even_if_its_error_is_kept():
    kept = []

    def fail():
        try:
            there(os.stat, "/no such file")
        except OSError as error:
            kept.append(error)

    thread = threading.Thread(target=fail)
    before = there(threading.active_count)
    thread.start()
    thread.join()
    assert kept
    end = time.monotonic() + 5
    while there(threading.active_count) > before and time.monotonic() < end:
        time.sleep(0.005)
    assert there(threading.active_count) == before


def test_a_fork_there_leaves_the_connection_alone():
    """A child clears what belongs to its parent's other threads, and closes its copies."""
    forked = threading.Event()
    pids = [there(os.getpid)]

    def call_before_and_after():
        pids.append(there(os.getpid))
        ready.set()
        forked.wait(5)
        pids.append(there(os.getpid))

    ready = threading.Event()
    thread = threading.Thread(target=call_before_and_after)
    thread.start()
    ready.wait(5)
    there(_fork)
    forked.set()
    thread.join(5)
    assert pids == pids[:1] * 3


def _fork():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
