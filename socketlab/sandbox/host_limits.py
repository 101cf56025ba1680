"""What the system lets us have: enough of it to be fair to an answer, and never more than before.

Where the machine has too little, a right answer fails. So the grader asks first.
"""

import errno
import os
import resource
import sys
from pathlib import Path

SCARCE = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.ENOSPC, errno.EDQUOT}
"""Errors by which the system says that it has no more of something."""

NOBODY = 65534
"""The user and group that student code seems to be, or is: by custom, who owns nothing."""
STUDENTS = range(65000, NOBODY)
"""Users, and their groups, that root has students run as, one each: Debian keeps them free."""

MINE = 16
"""Processes and threads of ours that stand beside each student process, at the most."""
REST = 32
"""Those of the grader itself."""
DATA = 256 << 20
"""Bytes of data in which a judge, and the answer that it judges, have room."""

FILES = 64
"""Files and sockets that a judge opens at a time, at the most: those of the clients of a check."""

_CPU = ("CPU", "-t", "seconds of computing time for each process", 1)
_WANTED = {
    "cpu_seconds": _CPU,
    "memory": ("AS", "-v", "KB of address space", 1 << 10),
    "data": ("DATA", "-d", "KB of data", 1 << 10),
    "open_files": ("NOFILE", "-n", "open files", 1),
    "disk": ("FSIZE", "-f", "KB in a file", 1 << 10),
}


def lower(name: str, soft: int, hard: int) -> None:
    """Set this process a limit, such as "CPU"; one that is lower already stays."""
    number = getattr(resource, f"RLIMIT_{name}", None)
    if number is None:  # not every system knows every one
        return
    _, most = resource.getrlimit(number)
    resource.setrlimit(number, (_least(soft, most), _least(hard, most)))


def _least(*limits: int) -> int:
    return min(
        (one for one in limits if one != resource.RLIM_INFINITY), default=resource.RLIM_INFINITY
    )


def shortage(wanted: dict[str, int]) -> str:
    """Make sure of what a student may use; return a sentence on what there is too little of.

    Our own soft limits are raised to what is wanted, as far as the hard ones allow it.
    """
    for key, (name, option, what, unit) in _WANTED.items():
        number = getattr(resource, f"RLIMIT_{name}", None)
        if number is None:
            continue
        soft, hard = resource.getrlimit(number)
        if _least(wanted[key], hard) < wanted[key]:
            return (
                f"This terminal allows {hard // unit} {what} (ulimit {option}), and grading needs "
                f"{wanted[key] // unit}. Raise that limit, then grade again."
            )
        if _least(wanted[key], soft) < wanted[key]:
            resource.setrlimit(number, (wanted[key], hard))
    return ""


def data_used() -> int:
    """Return the bytes of data that this process has; 0 where the system doesn't say: proc(5)."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="utf-8").split()[5]
    except OSError:
        return 0
    return int(pages) * resource.getpagesize()


def want_files(count: int) -> None:
    """Raise OSError unless this process may open so many more files."""
    opened: list[int] = []
    try:
        for _ in range(count):
            opened.append(os.open(os.devnull, os.O_RDONLY))
    finally:
        for one in opened:
            os.close(one)


def room_for_students(processes: int) -> tuple[int | None, str]:
    """Return how many students, of so many processes each, may run at once, and what limits that.

    None where nothing does.
    """
    rooms = [*_room_of_user(), *_room_in_groups()]
    if not rooms:
        return None, ""
    free, what = min(rooms)
    return max(0, free - REST) // (processes + MINE), what


def _room_of_user() -> list[tuple[int, str]]:
    """Say how many more processes the user may have whom students run as: getrlimit(2)."""
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    if hard == resource.RLIM_INFINITY or sys.platform != "linux":
        return []  # elsewhere we cannot count them
    resource.setrlimit(resource.RLIMIT_NPROC, (hard, hard))
    used = processes_of(os.getuid()) if os.getuid() else 0  # root's students are new users
    what = f"This user may have {hard} processes and threads (ulimit -u) and has {used}"
    return [(hard - used, what)]


def processes_of(user: int) -> int:
    """Count the processes of a user, threads too, as the kernel does."""
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid == user:
                count += len(os.listdir(process / "task"))
        except OSError:  # it has ended meanwhile
            pass
    return count


def _room_in_groups() -> list[tuple[int, str]]:
    """Say how many more processes our control groups may have, as in a container: cgroups(7)."""
    rooms = []
    for folder in _groups("pids"):
        try:
            most, used = (
                (folder / f"pids.{name}").read_text(encoding="utf-8") for name in ("max", "current")
            )
            what = f"This container may have {int(most)} processes and threads and has {int(used)}"
            rooms.append((int(most) - int(used), what))
        except (OSError, ValueError):  # the root of all has none; "max" is no number
            pass
    return rooms


def _groups(controller: str) -> list[Path]:
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers in ("", controller):
            root = Path("/sys/fs/cgroup", controllers)
            folder = root / path.lstrip("/")
            found += [one for one in (folder, *folder.parents) if one.is_relative_to(root)]
    return found


def killed_for_memory() -> int:
    """Return how many processes the kernel has killed so far because memory was short."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
