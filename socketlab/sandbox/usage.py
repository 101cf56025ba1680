"""What all processes of one student use together, as looks at /proc show: proc(5)."""

import os
import resource
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")


def of_namespace() -> list[int]:
    """Return all processes of the pid namespace whose /proc we see."""
    return [int(one) for one in os.listdir(_PROC) if one.isdigit()]


def below(pid: int) -> Iterator[int]:
    """Yield the children of a process, and theirs. The orphans, too, if it is their reaper."""
    with suppress(OSError):
        for thread in (_PROC / str(pid) / "task").iterdir():
            for child in (thread / "children").read_text(encoding="ascii").split():
                yield int(child)
                yield from below(int(child))


def deleted_files(pids: Iterable[int]) -> int:
    """Return the bytes on disk of files that have no name any more, and are still open."""
    sizes = {}
    for pid in pids:
        with suppress(OSError):
            for entry in (_PROC / str(pid) / "fd").iterdir():
                with suppress(OSError):
                    found = entry.stat()
                    if stat.S_ISREG(found.st_mode) and not found.st_nlink:
                        sizes[found.st_dev, found.st_ino] = found.st_blocks * 512
    return sum(sizes.values())


class Usage:
    """Adds up what the processes of a student use, from one look to the next.

    A process that has begun and ended between two looks is never seen, and a chain of such could
    compute without end: the kernel forgets their times if their parents don't ask for them. So it
    is with them as with any sampling profiler: where a look finds a process that is new, and it
    computes, others like it have computed since the last look.
    """

    def __init__(self) -> None:
        self.processes = 0
        self.estimate = 0.0
        """Seconds that processes have probably computed which no look has seen."""
        self._rss: dict[int, int] = {}
        self._ticks: dict[tuple[int, str], int] = {}
        self._looked = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds computed. An estimate counts half, as it may be too high."""
        return sum(self._ticks.values()) / os.sysconf("SC_CLK_TCK") + self.estimate / 2

    def look(self, pids: Iterable[int]) -> None:
        """Look at these processes, which are all that the student has now."""
        now = time.monotonic()
        since = now - self._looked if self._ticks else 0.0
        self._looked = now
        self._rss.clear()
        self.processes = 0
        for pid in list(pids):  # who follows a chain for long sees many, of which one is there
            with suppress(OSError):
                told = (_PROC / str(pid) / "stat").read_text(encoding="utf-8")
                fields = told.rpartition(")")[2].split()
                self.processes += fields[0] != "Z"  # one that has ended takes up no room
                if (pid, fields[19]) not in self._ticks:
                    self.estimate += since * _share(pid)
                self._ticks[pid, fields[19]] = int(fields[11]) + int(fields[12])
                self._rss[pid] = int(fields[21]) * resource.getpagesize()

    def has_more_memory(self, most: int) -> bool:
        """Tell whether those of the last look have more bytes of memory, all together.

        What they share, as forks do, counts once. To ask for that takes long, so only if need be.
        """
        return sum(self._rss.values()) > most and sum(map(_proportional, self._rss)) > most


def _share(pid: int) -> float:
    """Return on how many processors a process that has just begun computes.

    Of one that wants to, the part of its time so far in which it could: proc_pid_schedstat(5).
    """
    share = 0.0
    with suppress(OSError):
        for thread in (_PROC / str(pid) / "task").iterdir():
            if (thread / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "R":
                ran, waited = (thread / "schedstat").read_text(encoding="ascii").split()[:2]
                share += int(ran) / (int(ran) + int(waited) or 1)
    return share


def _proportional(pid: int) -> int:
    """Return the bytes of memory of a process; of what it shares with others, its part."""
    with suppress(OSError, StopIteration):
        lines = (_PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii").splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return 0
