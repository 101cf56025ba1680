"""A judge's clock: alarms, and whether the machine is too busy for its time to be fair.

A learner's kernel asks the Stopwatch in machine_load instead. That would call every class busy:
among so many trials some program always waits, though not for long.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from ..machine_load import Crowd
from .budget import BUSY_ROUNDS

NAP, LONG_NAP = 0.02, 0.1
"""Seconds between two looks; the long one while only the end of something is waited for."""
LATE = 0.003
"""Seconds by which it wakes up too late on average, where the machine is too busy."""
CROWD = 4.0
"""Threads for each processor that want to run, on average, where the machine is too busy.

Who sleeps most of the time is woken soon even there. Who computes, or forks, waits for the others.
"""


@dataclass(eq=False)
class _Alarm:
    """`ring` is to be called at the time `end`; `since` is the number of naps when it was set."""

    ring: Callable[[], Any]
    rounds: int
    seconds: float
    end: float
    since: int


class Clock(threading.Thread):
    """Takes naps, notes how late and in what crowd it wakes up, and rings alarms.

    It ends with the process.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.nap = NAP
        self._delays: list[float] = []
        self._crowds: list[float] = []
        self._alarms: list[_Alarm] = []
        self._busy = threading.Lock()
        self._crowd = Crowd()
        self._processors = os.cpu_count() or 1

    @property
    def naps(self) -> int:
        """The number of naps so far."""
        return len(self._delays)

    def is_late(self, since: int) -> bool:
        """Tell whether the machine has been too busy since there were so many naps."""
        delay, crowd = (fmean(noted[since:] or [0]) for noted in (self._delays, self._crowds))
        return delay >= LATE or crowd >= CROWD

    @contextmanager
    def alarm(
        self, seconds: float, ring: Callable[[], Any], rounds: int = BUSY_ROUNDS
    ) -> Iterator[None]:
        """Call `ring`, in this thread, if the `with` block has not ended after so many seconds.

        On a machine that is too busy it has as many more, `rounds` times at the most.
        """
        alarm = _Alarm(ring, rounds, seconds, time.monotonic() + seconds, self.naps)
        with self._busy:
            self._alarms.append(alarm)
        try:
            yield
        finally:
            with self._busy:
                if alarm in self._alarms:
                    self._alarms.remove(alarm)

    def run(self) -> None:
        while True:
            slept = time.monotonic()
            nap = self.nap
            time.sleep(nap)
            now = time.monotonic()
            self._crowds.append(self._crowd.count() / self._processors)
            self._delays.append(now - slept - nap)
            with self._busy:
                for alarm in [one for one in self._alarms if one.end <= now]:
                    self._look_at(alarm, now)

    def _look_at(self, alarm: _Alarm, now: float) -> None:
        alarm.rounds -= 1
        if alarm.rounds and self.is_late(alarm.since):
            alarm.end, alarm.since = now + alarm.seconds, self.naps
        else:
            self._alarms.remove(alarm)
            alarm.ring()
