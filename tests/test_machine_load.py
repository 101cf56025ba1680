"""Whether the machine is too busy for time limits to be fair."""

import hashlib
import os
import subprocess
import sys
import threading

import pytest

from socketlab import CheckFailedError, check, machine_load
from socketlab.checks import core
from socketlab.checks.case import Failure
from socketlab.exercises import find
from socketlab.machine_load import Stopwatch
from tests import PROGRAM_SECONDS
from tests.conformance.helpers import until


def test_a_crowd_at_the_processors_is_noticed():
    watch = Stopwatch()
    crowd = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(3 * os.cpu_count())
    ]
    try:
        until(watch.is_busy, 20)
    finally:
        for one in crowd:
            one.kill()
            one.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how long a thread waited")
def test_a_fair_clock_stands_still_while_others_have_the_processor(in_a_crowd):
    asleep, computing, others = in_a_crowd(
        """
        import time
        from socketlab.machine_load import fair_time

        def seconds(function):
            began = fair_time()
            function()
            return fair_time() - began

        def computes(end=time.monotonic() + 2):
            while time.monotonic() < end:
                pass

        asleep = seconds(lambda: time.sleep(0.5))
        computing = seconds(computes)
        print(asleep, computing, 2 - computing)
        """
    ).split()
    assert float(asleep) > 0.4 and float(computing) < float(others)


@pytest.mark.parametrize(
    "waited, is_busy", [([10.0, 10.1], False), ([10.0, 10.9], True), ([None, None], True)]
)
def test_it_is_busy_when_programs_waited_for_a_good_part_of_the_time(monkeypatch, waited, is_busy):
    """Where the kernel says nothing of that, a load average has to do."""
    monkeypatch.setattr(machine_load, "_waited", iter(waited).__next__)
    monkeypatch.setattr(machine_load.time, "monotonic", iter([0.0, 1.0]).__next__)
    monkeypatch.setattr(machine_load.os, "getloadavg", lambda: (3.0 * os.cpu_count(), 0, 0))
    assert Stopwatch().is_busy() is is_busy


def test_a_machine_without_these_figures_is_not_busy(monkeypatch, tmp_path):
    monkeypatch.setattr(machine_load, "_PRESSURE", tmp_path / "cpu")
    monkeypatch.delattr(machine_load.os, "getloadavg")
    assert not Stopwatch().is_busy()


@pytest.mark.parametrize("is_busy, tries", [(True, 2), (False, 1)])
def test_a_check_that_failed_on_a_busy_machine_is_made_once_more(monkeypatch, is_busy, tries):
    """And what is right then is right."""
    made = []

    def attempt(*_):
        made.append(1)
        return None if len(made) == 2 else Failure("a", "too late", "b", "c")

    monkeypatch.setattr(core, "attempt", attempt)
    monkeypatch.setattr(Stopwatch, "is_busy", lambda self: is_busy)
    if is_busy:
        check("03.1", part="address")
    else:
        with pytest.raises(CheckFailedError):
            check("03.1", part="address")
    assert len(made) == tries


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_an_answer_leaves_does_not_hide_what_was_wrong_with_it(monkeypatch):
    """Its endless thread makes the machine busy, and a second try would only ask for a restart."""
    monkeypatch.setattr(Stopwatch, "is_busy", lambda self: True)
    left = []

    def computes():
        hashlib.pbkdf2_hmac("sha256", b"", b"", 12_000_000)  # no exception ends that

    def run(bench, web):
        left.append(threading.Thread(target=computes, daemon=True))
        left[-1].start()
        bench.case("a", "b", "c").fail("wrong")

    part = core.Check("only", 1, "", (run,))
    assert core.fair_attempt(find("01.2"), part, (print,), {}).got == "wrong"
    for thread in left:
        thread.join(PROGRAM_SECONDS)
        assert not thread.is_alive()
