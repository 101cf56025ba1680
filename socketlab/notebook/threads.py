"""An end for threads of a learner's that compute without one."""

import ctypes
import sys
import threading
import time
from collections.abc import Collection, Iterable

from ..machine_load import Stopwatch
from .tracebacks import _line, _since

SAMPLE = 0.1
"""Seconds for which it is looked whether a thread computes."""
_COMPUTES = 0.005
"""Seconds of a processor that one which only waits does not take in that time."""
_LOOKS = 10
"""So often it is looked: on a busy machine one that computes may have to wait for a processor."""
_TRIES = 30
"""So often a thread is told to end; on a busy machine it may hear of it late."""


def end_busy(known: Collection[threading.Thread]) -> str:
    """End the threads started since `known` that compute in a learner's code; tell where one did.

    They get a SystemExit, again and again, since a bare `except` may catch it.
    """
    busy = computing(_since(known))
    frames = sys._current_frames()
    lines = {one: _line(frames[one.ident]) for one in busy if one.ident in frames}
    theirs = [one for one, line in lines.items() if line]
    for _ in range(_TRIES):
        end_thread(*theirs)
        for one in theirs:
            one.join(SAMPLE / len(theirs))
    return next((lines[one] for one in theirs), "")


def end_thread(*threads: threading.Thread) -> None:
    """Raise SystemExit in threads, as soon as they are in Python code."""
    for thread in threads:
        if thread.is_alive() and thread.ident:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)
            )


def computing(threads: Iterable[threading.Thread]) -> list[threading.Thread]:
    """Return those of these threads that compute now, rather than wait."""
    watch = Stopwatch()
    before = {one: _used(one) for one in threads}
    for _ in range(_LOOKS):
        time.sleep(SAMPLE)
        more = [one for one, used in before.items() if _used(one) - used > _COMPUTES]
        if more or not watch.is_busy():
            break
    return [one for one in more if one.is_alive()]


def _used(thread: threading.Thread) -> float:
    """Return the seconds of a processor that a thread has taken; where unknown, all there is."""
    if thread.ident is None or not thread.is_alive():
        return 0.0
    if not hasattr(time, "pthread_getcpuclockid"):  # macOS, Windows
        return time.monotonic()
    try:
        return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
    except OSError:  # it has just ended
        return 0.0
