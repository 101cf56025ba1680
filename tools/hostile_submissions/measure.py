"""Grade a row of the table in a process of its own, and measure what it takes and leaves."""

import json
import os
import re
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import psutil

from socketlab.exercises import all_exercises
from socketlab.grading import judge, trial
from socketlab.grading.submissions import Submission
from socketlab.sandbox import forkserver, namespaces
from socketlab.sandbox.sandbox import Sandbox

from .rows import CHAPTER, full


@dataclass
class Measured:
    """What came of a row. `left` counts processes of the student's and of the grader's.

    `ports` counts sockets, of any kind, that a process of the grader's holds and did not before,
    or that one of those left holds. Not only bound ones: /proc/net/tcp does not list who is bound
    and does not listen. Sockets of other programs on this machine do not count. `things` counts
    files, keys and shared memory that bear the student's name, or did not exist before.
    """

    points: dict
    told: dict
    trouble: str
    seconds: float
    left: int
    ports: int
    descriptors: int
    peak_memory: int
    things: int = 0

    def differences(self, row):
        """Say in what it differs from what is right; nothing, where it holds."""
        found = []
        for exercise, most in full(row.chapter).items():
            wanted = row.points.get(exercise, most)
            if (points := self.points.get(exercise)) != wanted:
                told = f"\n{self.told[exercise][:800]}" if self.told.get(exercise) else ""
                found.append(f"{exercise}: {points} points, not {wanted}{told}")
        for exercise, pattern in row.told.items():
            told = self.told.get(exercise, "")
            if not re.search(pattern, told):
                found.append(f"{exercise} does not tell {pattern!r}, but:\n{told[:800]}")
        said = "\n".join(self.told.values())
        if (
            "Traceback" in said
            or "the grader failed" in said
            or max(map(len, said.split("\n"))) > 400
        ):
            found.append(f"no message for a student:\n{said[:2000]}")
        if self.left or self.ports or self.descriptors:
            counts = f"{self.left} processes, {self.ports} ports, {self.descriptors} descriptors"
            found.append(f"{counts} left")
        if self.things:
            found.append(f"{self.things} files, keys or pieces of shared memory left")
        return found


class _OneSandbox:
    """Holds the sandbox of a process: of the level that was asked for last."""

    def __init__(self):
        self._open = None

    def at(self, level):
        """Return a sandbox of this level; without one, of any."""
        if self._open is None or self._open.level != (level or self._open.level):
            if self._open is not None:
                self._open.__exit__()
            # Who loses its parent becomes our child, whatever its session or its program.
            namespaces.prctl(namespaces.PR_SET_CHILD_SUBREAPER, 1)
            self._open = Sandbox(level, preload=trial.PRELOAD).__enter__()
            all_exercises()
        return self._open


@cache
def _of_this_process():
    return _OneSandbox()


def measure(text, level=None, chapter=CHAPTER):
    """Grade a notebook in a process made for it, as a worker of `socketlab grade` does."""
    sandbox = _of_this_process().at(level)
    before, things = _sockets(), _things()
    read_end, write_end = os.pipe()
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        # However that ends: else it would go on as one more worker, and take what is the others'.
        forkserver._quit_after(lambda: _tell(write_end, text, chapter, sandbox))
    os.close(write_end)
    with open(read_end, encoding="utf-8") as pipe:
        told = pipe.read()
    _, status, used = os.wait4(pid, 0)
    if status:
        raise RuntimeError("the grading raised an error, which stands above")
    facts = json.loads(told)
    seconds = time.monotonic() - started
    left = _left(lambda: _processes(sandbox))
    ports = len(_sockets() - before)
    memory = used.ru_maxrss * 1024
    left_behind = _left(lambda: len(_things() - things))
    return Measured(
        **facts,
        seconds=seconds,
        left=left,
        ports=ports,
        peak_memory=memory,
        things=left_behind,
    )


def _things():
    """Return what can outlive a process: files where all may write, keys, shared memory."""
    found = {
        str(file)
        for folder in ("/tmp", "/var/tmp", "/dev/shm")
        for file in Path(folder).glob("mallory*")
    }
    for path in ("/proc/keys", "/proc/sysvipc/shm", "/proc/sysvipc/msg"):
        with suppress(OSError):
            lines = Path(path).read_text("utf-8", "replace").splitlines()
            found |= {f"{path} {line}" for line in lines if "mallory" in line}
            found |= {f"{path} {line.split()[1]}" for line in lines if "sysvipc" in path}
    return found


def _tell(descriptor, text, chapter, sandbox):
    with open(descriptor, "w", encoding="utf-8") as pipe:
        json.dump(_graded(text, chapter, sandbox), pipe)


def _graded(text, chapter, sandbox):
    before = len(os.listdir("/proc/self/fd"))
    grade = judge.grade(Submission("mallory", chapter, text), sandbox)
    points, told = {}, {}
    for result in grade.results:
        points[result.exercise] = points.get(result.exercise, 0) + result.points
        failed = [result.message] if not result.points else []
        told.setdefault(result.exercise, []).extend([*result.notes, *failed])
    told = {one: "\n".join(dict.fromkeys(lines)) for one, lines in told.items()}
    descriptors = len(os.listdir("/proc/self/fd")) - before
    return {"points": points, "told": told, "trouble": grade.trouble, "descriptors": descriptors}


def _left(count):
    """Return what is counted last, once that is nothing or half a minute is over.

    Supervisors end when they have told how the student ended, and another row, graded beside this
    one, still has its files.
    """
    deadline = time.monotonic() + 30
    while (number := count()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return number


def _processes(sandbox):
    """Count the processes that are left but the fork server, which waits for the next one."""
    server = sandbox._forkserver.pid
    for child in psutil.Process().children():
        if child.pid != server:
            with suppress(ChildProcessError):
                os.waitpid(child.pid, os.WNOHANG)
    return sum(one.pid != server for one in psutil.Process().children(recursive=True))


def _sockets():
    """Return the inodes of all sockets that this process, or one that descends from it, holds."""
    found = set()
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        with suppress(OSError):
            for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
                with suppress(OSError):
                    found.add(os.readlink(descriptor))
    return {name for name in found if name.startswith("socket:")}


def workers(count):
    """Return a pool of processes to call `measure` in."""
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"))
