"""Calls in processes of their own: none harms another, and none outlives who asked for it."""

import os
import signal
import sys
import time

import psutil
import pytest

from socketlab.grading import parallel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="tried on Linux only")
SECONDS = 120


def test_a_dead_call_harms_no_other():
    def work(number):
        if number % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    came = dict(parallel.each(work, {number: (number,) for number in range(6)}, 2))
    assert [came[number] for number in (0, 2, 4)] == [0, 2, 4]
    assert all("was ended by signal 9 (Killed)" in str(came[number]) for number in (1, 3, 5))


def test_calls_end_with_who_asks_for_them():
    before = psutil.Process().children()
    calls = parallel.each(lambda number: number or time.sleep(SECONDS), {0: (0,), 1: (1,)}, 2)
    assert next(calls) == (1, 1)
    calls.close()
    assert psutil.Process().children() == before
