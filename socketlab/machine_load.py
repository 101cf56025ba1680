"""Whether programs on this machine have to wait for a processor."""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

_PRESSURE = Path("/proc/pressure/cpu")
_OUR_SCHEDULING = Path("/proc/self/schedstat")
_WAITED = 0.25
"""Share of the time in which some program waited, from which on a time limit is not fair."""
_CROWD = 2.0
"""Programs for each processor that want to run, from which on it is not fair."""


def processors() -> list[int]:
    """Return the numbers of the processors that we may use."""
    if sys.platform == "linux":
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def fair_time() -> float:
    """Return the seconds of a clock that stands still while our main thread waits for a processor.

    Linux counts how long a thread was ready and had to wait: proc_pid_schedstat(5). Elsewhere it
    is the plain time.
    """
    waited = 0
    with suppress(OSError):
        waited = int(_OUR_SCHEDULING.read_text("ascii").split()[1])
    return time.monotonic() - waited / 1e9


class Stopwatch:
    """Tell, from when it is made, how busy the machine is.

    Linux counts the time in which some program was ready to run and had to wait (PSI, in
    Documentation/accounting/psi.rst of the kernel). Elsewhere the load average has to do.
    """

    def __init__(self) -> None:
        self._started, self._waited = time.monotonic(), _waited()

    def is_busy(self) -> bool:
        """Tell whether the machine has been too busy, so far, for a time limit to be fair."""
        waited = _waited()
        if waited is None or self._waited is None:
            return hasattr(os, "getloadavg") and os.getloadavg()[0] / (os.cpu_count() or 1) > _CROWD
        return waited - self._waited > _WAITED * (time.monotonic() - self._started)


def _waited() -> float | None:
    """Return the seconds, since the machine's start, in which some program has waited."""
    try:
        some = _PRESSURE.read_text("ascii").partition("\n")[0]
        return int(some.rpartition("total=")[2]) / 1_000_000
    except (OSError, ValueError):  # another system, an old Linux, or a container that hides it
        return None


class Crowd:
    """Counts the threads that want to run, on the whole machine: proc_loadavg(5).

    Its file is kept open, so that it can count where no further one can be opened.
    """

    def __init__(self) -> None:
        self._load = os.open("/proc/loadavg", os.O_RDONLY) if sys.platform == "linux" else None

    def count(self) -> int:
        """Return how many there are, this one among them; 0 where the system doesn't say."""
        if self._load is None:
            return 0
        return int(os.pread(self._load, 100, 0).split()[3].partition(b"/")[0])

    def close(self) -> None:
        """Close the file."""
        if self._load is not None:
            os.close(self._load)
