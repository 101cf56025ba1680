"""A check that has failed does not keep the learner waiting for what will not end."""

import os
import threading
import time

import pytest

from socketlab.checks import room
from socketlab.checks.step import NotYet, Step

from . import conftest

STEP = Step(called="a server", expected="an answer", why="It is what servers are for.")


class Stuck:
    """Neither stops nor closes until it is let go."""

    def __init__(self):
        self.let_go = threading.Event()

    def serve_forever(self):
        self.let_go.wait()

    shutdown = server_close = serve_forever


def test_a_failed_check_does_not_wait_for_the_server_to_stop(monkeypatch):
    monkeypatch.setattr(room, "PATIENCE", 30.0)
    server = Stuck()
    begun = time.monotonic()
    with pytest.raises(NotYet, match="no answer"), room.serving(STEP, server):
        STEP.fail("no answer")
    server.let_go.set()
    assert time.monotonic() - begun < 20


# They are ended from outside, which pytest reports.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_many_threads_left_over_are_not_waited_for_one_by_one():
    let_go = threading.Event()
    threads = [threading.Thread(target=let_go.wait, daemon=True) for _ in range(200)]
    begun = time.monotonic()
    with room.room():
        for thread in threads:
            thread.start()
    took = time.monotonic() - begun
    let_go.set()
    for thread in threads:
        thread.join(20)
    assert took < len(threads) * room.MOMENT / 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_what_was_recorded_in_another_process_is_not_asked_once_that_has_ended():
    before = room.records
    with conftest.far({}), room.room():
        assert room.records is not before
    assert room.records is before
