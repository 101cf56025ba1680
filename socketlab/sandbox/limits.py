"""What a student process, and what it starts, may use; a process sets itself such limits."""

import os
import resource
import sys
from dataclasses import dataclass

from .host_limits import lower, processes_of


@dataclass(frozen=True)
class Limits:
    """What a student process, and what it starts, may use.

    cpu_seconds: computing time of each process (whole seconds) and, on Linux, of all.
    seconds: time until everything is ended.
    memory: bytes of address space of each process, of which a thread takes about 1 MB; on Linux,
        as many bytes of memory of all.
    processes: processes and threads at a time.
    children: processes at a time: on Linux, more end everything, for a fork bomb slows all.
    open_files: descriptors of each process.
    disk: bytes in the work folder, as many in /tmp, and in a single file.
    output: bytes that are kept of stdout, and as many of stderr; what comes after is dropped.
    """

    cpu_seconds: int = 3
    seconds: float = 10
    memory: int = 1 << 30
    processes: int = 128
    children: int = 60
    open_files: int = 512
    disk: int = 32 << 20
    output: int = 1 << 16

    def set_here(self, isolated: bool) -> None:
        """Set this process what the kernel limits: getrlimit(2). What is lower already stays.

        `isolated` tells that it is alone among the processes of its user.
        """
        processes = self.processes + (0 if isolated else processes_of(os.getuid()))
        if sys.platform != "linux":
            processes = resource.RLIM_INFINITY  # all that the user runs counts; we can't count it
        lower("CPU", self.cpu_seconds, self.cpu_seconds + 1)  # SIGXCPU may be caught
        lower("AS", self.memory, self.memory)
        lower("NPROC", processes, processes)
        lower("NOFILE", self.open_files, self.open_files)
        lower("FSIZE", self.disk, self.disk)
        lower("CORE", 0, 0)
