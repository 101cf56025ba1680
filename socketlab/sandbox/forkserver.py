"""The clean parent: a Python that knows no answers, and forks a process for each student.

It is started once, by fork and exec, so that nothing of the grader's memory is in it; then a
student costs a fork. The grader sends it four descriptors for each: a control socket, the
student's socket, and two files for output. All else goes through the control socket, as lines
of JSON, between the grader and the supervisor, the process that looks after this one student.
"""

import errno
import fcntl
import gc
import importlib
import json
import os
import random
import resource
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from . import landlock, namespaces, seccomp
from .host_limits import NOBODY
from .limits import Limits
from .usage import Usage, below, deleted_files, of_namespace

LINUX = sys.platform == "linux"
_BETWEEN_LOOKS = (0.1, 0.3)
"""Seconds, by chance: nobody can know when not to be seen."""
_CHUNK = 1 << 16
_MOST_FILES, _MOST_DEEP = 10_000, 100
"""Files in a work folder that nothing else limits, and folders in folders."""
_OPEN_TO_ALL = ("/tmp", "/var/tmp", "/dev/shm")
_GONE = 20.0
"""Seconds in which all that a student has started is gone once it is killed."""


def main(descriptor: str, paths: str, preload: str) -> None:
    """Serve the grader at the other end of the socket `descriptor`, until it is gone."""
    # Not PR_SET_PDEATHSIG: that would follow the end of the thread that started us.
    grader = os.getppid()
    channel = socket.socket(fileno=int(descriptor))
    os.environ.clear()
    os.environ.update(PATH="/usr/local/bin:/usr/bin:/bin", LANG="C.UTF-8")
    sys.path[:] = json.loads(paths)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # supervisors leave no zombies
    threading.stack_size(1 << 20)  # address space for a hundred threads
    try:
        for name in json.loads(preload):
            module, _, function = name.partition(":")
            loaded = importlib.import_module(module)
            if function:
                getattr(loaded, function)()
        visible = namespaces.visible(("minisocketserver", "socketlab")) if LINUX else []
    except Exception as error:
        channel.sendall(f"{type(error).__name__}: {error}".encode())
        return
    gc.collect()
    gc.freeze()  # a collection in a child would copy every page
    channel.sendall(b"\n")
    channel.settimeout(1)
    while os.getppid() == grader:
        with suppress(TimeoutError):
            message, descriptors, _, _ = socket.recv_fds(channel, 1, 4)
            if not message:
                os._exit(0)  # at once: to take all modules down would take longer
            try:
                _start_supervisor(channel, visible, descriptors)
            finally:
                for one in descriptors:
                    os.close(one)


def _start_supervisor(
    channel: socket.socket, visible: list[tuple[str, str]], descriptors: list[int]
) -> None:
    """Fork a supervisor. If that cannot be, tell the judge: one student alone has the trouble."""
    for one in descriptors:
        os.set_inheritable(one, False)  # else the student's init would have them
    try:
        control, theirs, out, err = descriptors
        if os.fork() == 0:
            channel.close()
            _quit_after(Supervisor(visible, control, theirs, out, err).run)
    except ValueError:  # the kernel has dropped some; who has the other ends will see
        pass
    except OSError as error:
        told = {"reason": "trouble", "trouble": f"no process for it: {namespaces.reason(error)}"}
        with suppress(OSError):
            os.write(descriptors[0], json.dumps(told).encode() + b"\n")


def nothing(_: socket.socket) -> None:
    """Do nothing: what a sandbox tries at first, to see whether it works."""


def _quit_after(function: Callable[[], Any]) -> NoReturn:
    """Call the function and end this process, with exit status 1 if it raised."""
    status = 1
    try:
        function()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


class Supervisor:
    """Looks after one student process: starts it, keeps its output, ends it, tells how it ended."""

    def __init__(
        self, visible: list[tuple[str, str]], control: int, theirs: int, out: int, err: int
    ) -> None:
        self.visible = visible
        self.control = socket.socket(fileno=control)
        self.theirs = theirs
        self.files = {"out": out, "err": err}
        self.pipes: dict[str, tuple[int, int]] = {}
        self.room: dict[str, int] = {}
        self.trouble = b""
        self.init = 0
        self.group = self.student = 0
        self.user: int | None = None
        self.keeps_user: socket.socket | None = None
        self.status = 0
        self.usage: resource.struct_rusage | None = None
        self.folder = ""
        self.has_begun = False
        self.together = Usage()

    def run(self) -> None:
        """Keep the student from start to end."""
        with self.control.makefile(encoding="utf-8") as lines:
            self.request: dict[str, Any] = json.loads(lines.readline())
        self.limits = Limits(**self.request["limits"])
        self.isolated = self.request["level"] == "namespaces"
        self.room = dict.fromkeys(self.files, self.limits.output)
        started = time.monotonic()
        reason = "trouble"
        try:
            self._start()
            reason = self._watch(started + self.limits.seconds)
        except OSError as error:
            self.trouble = namespaces.reason(error).encode()
        finally:
            self._end(reason, started)

    def _start(self) -> None:
        self.pipes = {name: os.pipe() for name in ("out", "err", "trouble")}
        is_root = LINUX and namespaces.can_change_user()
        user, self.keeps_user = namespaces.take_user() if is_root else (NOBODY, None)
        self.user = user if is_root else None
        if self.isolated:
            is_root = namespaces.isolate(self.request["judge"])
            self._start_init()
        else:
            self.folder = tempfile.mkdtemp(prefix="student-")
            if shutil.disk_usage(self.folder).free < self.limits.disk:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.folder)
            if LINUX:
                namespaces.prctl(namespaces.PR_SET_CHILD_SUBREAPER, 1)
        self.bell, ringer = socket.socketpair()
        ringer.setblocking(False)
        signal.set_wakeup_fd(ringer.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.ringer = ringer
        self.group = self.student = os.fork()
        if self.student == 0:
            self._become_student(user if is_root else None)
        os.close(self.theirs)
        for _, write in self.pipes.values():
            os.close(write)

    def _start_init(self) -> None:
        """Start the namespace's first process; with it, all others die: pid_namespaces(7).

        A fork of this Python would cost three times as much. As it ignores SIGCHLD, like us, its
        orphans leave no zombies; and should we be killed, its input ends, and it with it.
        """
        theirs, self.lifeline = os.pipe()
        self.echo, echo = os.pipe()
        actions = [(os.POSIX_SPAWN_DUP2, theirs, 0), (os.POSIX_SPAWN_DUP2, echo, 1)]
        program = shutil.which("cat") or "/bin/cat"
        self.init = os.posix_spawn(program, ["init"], {}, file_actions=actions)
        os.close(theirs)
        os.close(echo)
        os.write(self.lifeline, b"!")

    def _watch(self, deadline: float) -> str:
        """Handle what happens until there is a reason to end; return that."""
        ready = selectors.DefaultSelector()
        for name, (read, _) in self.pipes.items():
            ready.register(read, selectors.EVENT_READ, name)
        ready.register(self.bell, selectors.EVENT_READ, "child")
        ready.register(self.control, selectors.EVENT_READ, "grader")
        next_look = 0.0
        while (left := deadline - (now := time.monotonic())) > 0:
            found = [key for key, _ in ready.select(max(0, min(left, next_look - now)))]
            for key in sorted(found, key=lambda key: key.data == "child"):  # its end is told last
                if key.data == "grader":
                    return "killed"
                if key.data == "child":
                    self.bell.recv(64)
                    if self._reap(os.WNOHANG):
                        return "ended"
                elif not self._take(key.data):
                    ready.unregister(key.fileobj)
                    if key.data == "trouble" and not self.trouble:
                        self.has_begun = True
                        self._tell(work=self.folder or f"/proc/{os.getpid()}/root/work")
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + random.uniform(*_BETWEEN_LOOKS)
                if excess := self._excess():
                    return excess
        return "time"

    def _reap(self, options: int) -> bool:
        """Take the exit status of the student process, if it has ended; let go of its orphans."""
        while self.student:  # init has its own orphans, and is waited for at the end
            pid, status, usage = os.wait4(self.student if self.isolated else -1, options)
            if pid == self.student:
                self.student, self.status, self.usage = 0, os.waitstatus_to_exitcode(status), usage
                return True
            if pid == 0:
                break
        return False

    def _take(self, name: str) -> bool:
        """Read from one of the student's pipes, keep what there is room for; False at its end."""
        data = os.read(self.pipes[name][0], _CHUNK)
        if name == "trouble":
            self.trouble += data
        elif kept := data[: self.room[name]]:
            self.room[name] -= len(kept)
            os.write(self.files[name], kept)
        return bool(data)

    def _disk_is_full(self) -> bool:
        """Tell whether a work folder that nothing else limits has outgrown its limit."""
        if not self.folder:
            return False
        used, files = sum(_size(entry.path) for entry in self._left_elsewhere()), 0
        if LINUX:
            used += deleted_files(below(os.getpid()))
        for place, folders, names in os.walk(self.folder):
            used += sum(_size(os.path.join(place, name)) for name in (*folders, *names))
            files += len(folders) + len(names)
            if used > self.limits.disk or files > _MOST_FILES or place.count("/") > _MOST_DEEP:
                return True
        return False

    def _left_elsewhere(self) -> list[os.DirEntry[str]]:
        """Return what is the student's in folders that all may write to, if that can be told."""
        found = []
        for folder in _OPEN_TO_ALL if self.user not in (None, NOBODY) else ():
            for entry in os.scandir(folder) if os.path.isdir(folder) else ():
                with suppress(OSError):  # it has gone meanwhile
                    if entry.stat(follow_symlinks=False).st_uid == self.user:
                        found.append(entry)
        return [one for one in found if one.path != self.folder]

    def _excess(self) -> str:
        """Tell what all its processes have too much of."""
        most = self.limits
        if not self.has_begun:  # nothing of its own has run, and nobody knows where it works
            return ""
        if self._disk_is_full():
            return "disk"
        if LINUX:
            self.together.look(of_namespace() if self.isolated else below(os.getpid()))
            if self.together.processes > most.children:
                return "children"
            if self.together.seconds > most.cpu_seconds:
                return "cpu"
            if self.together.has_more_memory(most.memory):
                return "memory"
        return ""

    def _end(self, reason: str, started: float) -> None:
        seconds = time.monotonic() - started
        if self.init:
            os.kill(self.init, signal.SIGKILL)
        if self.student:  # it may not have got as far as to lead a group
            os.kill(self.student, signal.SIGKILL)
            self._reap(0)
        if self.init:
            os.waitpid(self.init, 0)  # returns when all in its namespace are gone
        elif self.group:
            _kill_group_and_children(self.group)
        if self.folder:
            _remove(self.folder)
            for entry in self._left_elsewhere():
                _remove(entry.path)
        for name, (read, _) in self.pipes.items() if self.usage else ():
            os.set_blocking(read, False)  # without Linux, somebody may have got away with the other
            with suppress(BlockingIOError):
                for _ in range(16):  # no pipe holds more
                    self._take(name)
        self._tell(
            reason="trouble" if self.trouble else reason,
            status=self.status,
            trouble=self.trouble.decode(errors="replace"),
            seconds=seconds,
            cpu_seconds=self.usage.ru_utime + self.usage.ru_stime if self.usage else 0,
            peak_memory=self.usage.ru_maxrss * (1024 if LINUX else 1) if self.usage else 0,
        )

    def _tell(self, **facts: Any) -> None:
        with suppress(OSError):  # nobody is there any more
            self.control.sendall(json.dumps(facts).encode() + b"\n")

    def _become_student(self, user: int | None) -> NoReturn:
        """Go on as the student's process: as `user`, or as who we are, without what root may."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        work = self.folder or "/work"
        try:
            os.setsid()  # Linux shares processors between sessions: 100 processes get one share
            if self.isolated:
                os.read(self.echo, 1)  # by then init has found its libraries, in the old root
                owner = NOBODY if user is None else user
                namespaces.change_root(self.visible, self.limits.disk, owner)
                namespaces.become_nobody(user)
            elif user is not None:
                os.chown(work, user, user)
                _change_user(user)
            if LINUX:
                namespaces.prctl(namespaces.PR_SET_PDEATHSIG, signal.SIGKILL)
            os.chdir(work)
            for name, text in self.request["files"].items():
                Path(name).write_text(text, encoding="utf-8")
            self.limits.set_here(self.isolated)
            if LINUX:
                if not self.isolated:
                    landlock.write_only_to(work)
                seccomp.forget_keys()
                seccomp.refuse_calls()
        except OSError as error:
            os.write(self.pipes["trouble"][1], namespaces.reason(error).encode())
            os._exit(1)
        mine = _keep_only(
            os.open(os.devnull, os.O_RDONLY),
            self.pipes["out"][1],
            self.pipes["err"][1],
            self.theirs,
        )
        os.environ.update(HOME=work, TMPDIR=self.folder or "/tmp")
        tempfile.tempdir = None
        _quit_after(lambda: _run(self.request["function"], mine))


def _run(function: str, descriptor: int) -> None:
    module, name = function.split(":")
    getattr(importlib.import_module(module), name)(socket.socket(fileno=descriptor))


def _keep_only(*descriptors: int) -> int:
    """Make these descriptors 0, 1, 2 and so on, and close all others; return the last number."""
    high = [fcntl.fcntl(one, fcntl.F_DUPFD, 10) for one in descriptors]
    for number, one in enumerate(high):
        os.dup2(one, number, inheritable=number <= 2)
    os.closerange(len(high), 1 << 16)
    return len(high) - 1


def _change_user(user: int) -> None:
    """Stop being root. To read all files is kept only where Python is in a folder closed to others.

    Else nothing could be imported any more.
    """
    closed = any(not folder.stat().st_mode & 1 for folder in Path(os.__file__).parents)
    namespaces.prctl(namespaces.PR_SET_KEEPCAPS, 1)
    namespaces.change_user(user)
    namespaces.keep_capabilities(namespaces.CAP_DAC_READ_SEARCH if closed else 0)


def _size(path: str) -> int:
    """Return the bytes on disk of a file or folder, without what is in it."""
    with suppress(OSError):  # it has gone meanwhile
        return os.lstat(path).st_blocks * 512
    return 0


def _remove(folder: str) -> None:
    """Remove a file or a folder, even if that is deeper than Python can go, or closed."""
    with suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
        if os.path.lexists(folder):
            with suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run([*command, folder], stderr=subprocess.DEVNULL, timeout=_GONE)


def _kill_group_and_children(group: int) -> None:
    """Kill the student's group, and those that left it: orphans become this process's children."""
    with suppress(ProcessLookupError, PermissionError):  # nobody is left, or only zombies
        os.killpg(group, signal.SIGKILL)
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    end = time.monotonic() + _GONE
    with suppress(ChildProcessError):
        while time.monotonic() < end:
            for child in children.read_text(encoding="utf-8").split() if children.exists() else ():
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(int(child), signal.SIGKILL)
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.001)
