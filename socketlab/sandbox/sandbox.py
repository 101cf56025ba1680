"""Run student code in a process of its own, with limits, out of sight of everything else."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self
from weakref import WeakSet

from ..processes import named_error, start
from ..python_path import search_path
from . import LEVELS, host_limits, landlock, seccomp
from .limits import Limits

_MODULES = """
    asyncio concurrent.futures ctypes http.client http.server json logging.handlers multiprocessing
    queue random selectors socketserver ssl struct subprocess tempfile threading traceback
    unittest.mock urllib.request weakref xmlrpc.client xmlrpc.server
    minisocketserver minisocketserver.beyond
"""
PRELOAD = tuple(_MODULES.split())
"""What students and checks import: the fork server has it ready. Nothing here knows an answer."""

_PROGRAM = f"import sys; sys.path[:0] = [sys.argv.pop()]; from {__package__} import forkserver; "
_PROGRAM += "forkserver.main(*sys.argv[1:])"
_START = 30.0


class SandboxError(Exception):
    """Student code cannot be run here; the text says why."""


@dataclass(frozen=True)
class Ending:
    """How a student process ended.

    `reason` is "ended" (by itself), "time", "cpu", "children", "memory", "disk", "killed" (by
    us) or "trouble" (of ours); `status` its exit status, or minus the number of the signal that
    ended it.
    """

    reason: str
    status: int
    words: str
    seconds: float
    cpu_seconds: float
    peak_memory: int


class StudentProcess:
    """A student process: made by `Sandbox.start`, to be closed by `close` or a `with` block."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.socket, self._theirs = socket.socketpair()
        self._control, self._supervisor = socket.socketpair()
        self._out, self._err = (tempfile.TemporaryFile() for _ in range(2))  # noqa: SIM115
        self._listening = threading.Lock()
        self._received = b""
        self._work = ""
        self._ending: Ending | None = None
        self._killed_before = host_limits.killed_for_memory()

    def hand_over(self, channel: socket.socket, request: dict[str, Any]) -> None:
        """Have the fork server at the other end of `channel` start it."""
        theirs = (self._supervisor, self._theirs, self._out, self._err)
        with self._supervisor, self._theirs:
            socket.send_fds(channel, [b"+"], [one.fileno() for one in theirs])
        self._control.settimeout(_START)
        self._control.sendall(json.dumps(request).encode() + b"\n")

    def stdout(self) -> str:
        """Return what it has printed so far, up to the limit."""
        return self._text(self._out.fileno())

    def stderr(self) -> str:
        """Return what it has written to stderr so far, up to the limit."""
        return self._text(self._err.fileno())

    def _text(self, descriptor: int) -> str:
        return os.pread(descriptor, self.limits.output, 0).decode(errors="replace")

    @property
    def work(self) -> Path:
        """Its work folder, as we see it, while it runs. It is the student's: links lead astray."""
        while not self._work and self._ending is None and self._listen(_START):
            pass
        if not self._work:
            why = self._ending.words if self._ending else "It did not start in time."
            raise SandboxError(f"The student process has no work folder. {why}")
        return Path(self._work)

    def wait(self, timeout: float) -> Ending | None:
        """Return how it ended; None if it has not, within `timeout` seconds."""
        while self._ending is None and self._listen(timeout):
            pass
        return self._ending

    def kill(self) -> Ending:
        """End it and everything it has started; return how it ended."""
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)
        ending = self.wait(_START)
        if ending is None:
            raise SandboxError(f"A student process was not gone after {_START:g} seconds.")
        return ending

    def usage(self) -> tuple[float, int]:
        """Return the CPU seconds and the peak of memory in bytes, once it has ended."""
        if self._ending is None:
            raise SandboxError("What a process has used is known when it has ended.")
        return self._ending.cpu_seconds, self._ending.peak_memory

    def close(self) -> None:
        """End it, if it runs, and give back all that it held here."""
        try:
            self.kill()
        finally:
            for one in (self.socket, self._control, self._out, self._err):
                one.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _listen(self, timeout: float) -> bool:
        """Take the supervisor's next words; False when none came in time."""
        with self._listening:
            if self._ending is not None:
                return True  # another thread has heard it
            self._control.settimeout(timeout)
            try:
                data = self._control.recv(1 << 16)
            except TimeoutError:
                return False
            self._received += data
            *lines, self._received = self._received.split(b"\n")
            if not data:
                lines.append(b'{"reason": "trouble", "trouble": "its supervisor was killed"}')
            for line in lines:
                facts = json.loads(line)
                if "work" in facts:
                    self._work = facts["work"]
                else:
                    self._ending = self._judge(**facts)
            return True

    def _judge(
        self,
        reason: str,
        trouble: str,
        status: int = 0,
        seconds: float = 0,
        cpu_seconds: float = 0,
        peak_memory: int = 0,
    ) -> Ending:
        most = self.limits
        said = self.stderr().strip()
        error = named_error(said)
        is_killed = reason == "ended" and -status == signal.SIGKILL
        if is_killed and host_limits.killed_for_memory() > self._killed_before:
            reason, trouble = "trouble", "the machine was short of memory, and killed it"
        if reason == "trouble":
            words = f"It could not be run: {trouble}."
        elif reason == "time":
            words = f"It was not done after {most.seconds:g} seconds, and was ended."
        elif reason == "cpu":
            words = f"It computed for more than {most.cpu_seconds} seconds, and was ended."
        elif reason == "children":
            words = f"It started more than {most.children} processes, and was ended."
        elif reason == "memory":
            words = f"Its processes took more than the {_mega(most.memory)} they may use together."
        elif reason == "disk":
            words = f"It wrote more than {_mega(most.disk)} to its folder, and was ended."
        elif reason == "killed":
            words = "It ran until the grader ended it."
        elif status == 0:
            words = "It ended by itself."
        elif status == 1 and error.startswith("MemoryError"):
            words = f"It asked for more memory than the {_mega(most.memory)} it may use."
        elif status > 0:
            words = f"It ended with {error if status == 1 and error else f'exit status {status}.'}"
        elif -status == signal.SIGXCPU or cpu_seconds >= most.cpu_seconds:
            words = f"It computed for more than {most.cpu_seconds} seconds, and was ended."
        elif -status == signal.SIGKILL:
            words = "It was killed, by itself."
        else:
            words = f"It was ended by signal {-status} ({signal.strsignal(-status)})."
        return Ending(reason, status, words, seconds, cpu_seconds, peak_memory)


def _mega(size: int) -> str:
    return f"{size / (1 << 20):g} MB"


class Sandbox:
    """Starts student processes, at the highest level that the system has; a context manager.

    `level` asks for one level and no other. `preload` names further modules to import beforehand,
    or, as "module:function", what to call there. May be used from several threads.
    """

    def __init__(
        self,
        level: str | None = None,
        limits: Limits | None = None,
        preload: Sequence[str] = (),
    ) -> None:
        if not hasattr(os, "fork"):
            raise SandboxError("Grading needs Linux or macOS: Windows cannot fork processes.")
        if level not in (None, *LEVELS):
            raise SandboxError(f"There is no level {level!r}. There are: {', '.join(LEVELS)}.")
        self.limits = limits or Limits()
        self._asked = level
        self._preload = [*PRELOAD, *preload]
        self._students: WeakSet[StudentProcess] = WeakSet()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        wanted = {"cpu_seconds": self.limits.cpu_seconds + 1, "data": host_limits.DATA}
        if short := host_limits.shortage(asdict(self.limits) | wanted):
            raise SandboxError(short)
        self.most, what = host_limits.room_for_students(self.limits.processes)
        if self.most == 0:
            needed = self.limits.processes + host_limits.MINE + host_limits.REST
            raise SandboxError(
                f"{what}. Grading needs room for {needed} more. Raise that limit, then grade again."
            )
        try:
            self._start_forkserver()
            self.level, self.why_not_higher = self._highest()
        except OSError as error:
            self.__exit__()
            raise SandboxError(f"The sandbox did not start: {error.strerror}.") from error
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start_forkserver(self) -> None:
        """Start a Python that has nothing of ours: neither settings (-I) nor the environment."""
        self._channel, theirs = socket.socketpair()
        self._open.callback(self._channel.close)
        told = [
            json.dumps(search_path(sys.path)),
            json.dumps(self._preload),
            str(Path(__file__).parents[2]),
        ]
        # By default each thread reserves 64 MB for malloc, all of which counts as memory.
        environment = {"MALLOC_ARENA_MAX": "2"}
        if "LD_LIBRARY_PATH" in os.environ:  # some Pythons do not find themselves without it
            environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
        with theirs:
            self._forkserver = start(
                *("-I", "-c", _PROGRAM, str(theirs.fileno()), *told),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=environment,
                cwd="/",  # what students see of their init must not lead to another folder
            )
        self._open.callback(self._stop_forkserver)
        self._channel.settimeout(_START)
        if (said := self._channel.recv(4096)) != b"\n":
            why = said.decode(errors="replace") or f"{sys.executable} ended."
            raise SandboxError(f"The sandbox did not start: {why}")

    def _stop_forkserver(self) -> None:
        self._channel.close()  # by which it ends
        try:
            self._forkserver.wait(_START)
        except subprocess.TimeoutExpired:  # itself alone: supervisors still end their students
            self._forkserver.kill()
            self._forkserver.wait(_START)

    def __exit__(self, *_: object) -> None:
        with self._open:
            for student in self._students:
                student.kill()

    def _highest(self) -> tuple[str, str]:
        if self._asked == "process":
            return "process", "It was asked for."
        if sys.platform != "linux":
            return "process", "Only Linux has namespaces."
        self.level = "namespaces"
        with self.start("socketlab.sandbox.forkserver:nothing") as student:
            ending = student.wait(_START)
        if ending is not None and ending.reason == "ended" and ending.status == 0:
            return "namespaces", ""
        why = ending.words if ending else "It did not end."
        if self._asked == "namespaces":
            raise SandboxError(f"The level 'namespaces' is not to be had here. {why}")
        return "process", why

    def start(
        self,
        function: str,
        netns_pid: int | None = None,
        files: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> StudentProcess:
        """Call `function`, "package.module:name", in a new process, with a socket to us.

        The process joins the network of the process `netns_pid`, which has called
        `namespaces.enter_network`; without, it has one of its own. `files` are written to its
        work folder, which is its current one: names without a folder, and texts.
        """
        for name in files or {}:
            if Path(name).name != name or name in ("", ".."):
                raise ValueError(f"{name!r} is no plain file name.")
        try:
            student = StudentProcess(limits or self.limits)
        except OSError as error:
            raise SandboxError(f"A student process needs more: {error.strerror}.") from error
        request = {
            "function": function,
            "level": self.level,
            "judge": netns_pid,
            "files": dict(files or {}),
            "limits": asdict(student.limits),
        }
        try:
            student.hand_over(self._channel, request)
        except OSError as error:
            student.close()
            raise SandboxError(f"The sandbox has stopped: {error.strerror}.") from error
        self._students.add(student)
        return student


def examined() -> str:
    """Return what this system offers for grading: the level, what it does, why not a higher one."""
    try:
        with Sandbox() as sandbox:
            why = f"\n  Why not namespaces: {sandbox.why_not_higher}" * bool(sandbox.why_not_higher)
            calls = seccomp.why_not()
            calls = f"not refused: {calls}" if calls else "refused"
            if sandbox.level == "process":
                has = landlock.version()
                why += f"\n  Writing to other folders: {'refused' if has else 'not refused'}."
                why += f" Signals: {'refused' if has >= 6 else 'not refused'}."
            why += f"\n  System calls that no answer needs: {calls}."
            return f"level {sandbox.level}: {LEVELS[sandbox.level]}{why}"
    except SandboxError as trouble:
        return str(trouble)
