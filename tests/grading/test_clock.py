"""A judge's clock."""

import os
import subprocess
import sys
import threading
import time

import pytest

from socketlab.grading import clock
from socketlab.grading.clock import LATE, NAP, Clock


@pytest.fixture
def ticking():
    made = Clock()
    made.start()
    return made


def test_an_alarm_rings_once(ticking):
    rung = []
    with ticking.alarm(0.05, lambda: rung.append(time.monotonic()), rounds=1):
        started = time.monotonic()
        time.sleep(0.3)
    assert len(rung) == 1 and rung[0] - started >= 0.05


def test_no_alarm_after_the_end(ticking):
    rung = threading.Event()
    for _ in range(3):
        with ticking.alarm(0.05, rung.set, rounds=1):
            pass
    assert not rung.wait(0.2)


def test_on_a_busy_machine_there_is_more_time(ticking, monkeypatch):
    """As often as was said, and not more often."""
    monkeypatch.setattr(clock, "LATE", 0)  # whatever the machine, it is late
    rung = threading.Event()
    with ticking.alarm(0.2, rung.set, rounds=2):
        assert not rung.wait(0.3)
        assert rung.wait(5)


def test_late_is_what_wakes_up_late_on_average(ticking, monkeypatch):
    until = time.monotonic() + 5
    while ticking.naps < 3 and time.monotonic() < until:
        time.sleep(0.01)
    naps = ticking.naps
    monkeypatch.setattr(clock.time, "sleep", lambda _: threading.Event().wait(NAP + 20 * LATE))
    while ticking.naps < naps + 4 and time.monotonic() < until:
        threading.Event().wait(NAP)
    assert ticking.is_late(naps + 1)
    assert not ticking.is_late(ticking.naps + 1), "nobody has looked yet"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how many want to run")
def test_late_is_who_runs_in_a_crowd(ticking, monkeypatch):
    """Even if it wakes up in time: whoever computes there is late."""
    monkeypatch.setattr(clock, "LATE", 10)
    command = [sys.executable, "-c", "while True: pass"]
    crowd = [subprocess.Popen(command) for _ in range(6 * os.cpu_count())]
    try:
        until = time.monotonic() + 20
        while not ticking.is_late(max(0, ticking.naps - 5)) and time.monotonic() < until:
            time.sleep(NAP)
        assert ticking.is_late(max(0, ticking.naps - 5))
    finally:
        for one in crowd:
            one.kill()
            one.wait()
