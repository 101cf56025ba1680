"""Answers that fork, tried where this does no harm: never in a notebook's kernel.

A student's process of the grader may fork. From a notebook the answers are taken to a new Python.
The trial itself is made here in either case, and judges through a link what happens there.
"""

import functools
import io
import linecache
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import types
from collections import ChainMap
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..notebook.fresh_python import fresh
from ..notebook.running import ServerError, within
from ..notebook.tracebacks import describe, whereabouts
from ..processes import end, start_function
from ..remote.link import Checker, Service
from ..remote.messages import LinkBrokenError
from .bench import Bench
from .case import NEW_PYTHON, PATIENCE, CannotCheckError, Case, CaseError, soon

DEADLINE = 5 * PATIENCE
"""Seconds a new Python has to start, or for a whole real run."""


def away(case: Case, trial: Callable[..., Any], *answers: Any, patience: float = 2) -> Any:
    """Return `trial(case, notes, *answers)`, with the answers where they may fork.

    It has `patience` times PATIENCE seconds.

    The trial's case has its bench there. `notes` are the `Notes` of the process there, to be given
    to a server. What goes wrong fails the case, above all a child that came back from `in_parent`.
    """
    can_fork = case.bench.there(hasattr, os, "fork")
    case.want(can_fork, "this system cannot fork; Linux, macOS and Binder can")
    try:
        with _where_they_may_fork(case, answers) as (bench, theirs):
            notes = bench.there(Notes)
            moved = replace(case, bench=replace(bench, reports=notes))
            try:
                return _in_time(moved, lambda: trial(moved, notes, *theirs), patience * PATIENCE)
            finally:
                told = notes.came_back()
                case.want(not told, f"a child came back into the program of its parent ({told})")
    except (CaseError, CannotCheckError):
        raise
    except LinkBrokenError as broken:
        case.fail("the program of the server ended before the check", broken)
    except Exception as error:
        case.fail(describe(error), error)


def _in_time(case: Case, call: Callable[[], Any], seconds: float) -> Any:
    known = case.bench.there(threading.enumerate)
    try:
        return within(seconds, call, case.called)
    except ServerError as trouble:
        stands = case.bench.there(whereabouts, known)
        case.fail(f"nothing within {seconds:g} seconds{stands}", trouble)


@contextmanager
def _where_they_may_fork(
    case: Case, answers: tuple[Any, ...]
) -> Iterator[tuple[Bench, tuple[Any, ...]]]:
    bench = case.bench
    if bench.is_elsewhere:
        try:
            yield bench, answers
        finally:
            with suppress(LinkBrokenError):
                bench.there(end_children)
        return
    cells = {
        name: (len("".join(entry[2])), None, entry[2], name)
        for name, entry in list(linecache.cache.items())
        if len(entry) == 4 and not Path(name).exists()
    }
    try:
        luggage = _packed((cells, answers))
    except Exception as error:
        case.fail(f"{describe(error)}: it cannot be taken to another Python", error)
    with _new_python() as link:
        try:
            theirs = within(NEW_PYTHON, lambda: link.call(unpack, luggage), "a new Python")
        except ServerError as late:
            raise CannotCheckError(f"{late} Is the machine busy? Then check again.") from late
        yield bench.at(link), theirs


def _packed(value: Any) -> bytes:
    """Pickle `value` with the learner's functions, which keep the names of their cells.

    From 3.1.3 on, cloudpickle gives all code one file name, by which no line is found again.
    """
    import cloudpickle  # type: ignore[import-untyped]  # only the chapters need it

    reduced = cloudpickle.Pickler.dispatch_table[types.CodeType]
    by_name = {types.CodeType: lambda code: (_named, (code.co_filename, *reduced(code)))}
    table = {"dispatch_table": ChainMap(by_name, cloudpickle.Pickler.dispatch_table)}
    with io.BytesIO() as file:
        type("Pickler", (cloudpickle.Pickler,), table)(file).dump(value)
        return file.getvalue()


def _named(filename: str, make: Callable[..., types.CodeType], args: Any) -> types.CodeType:
    return make(*args).replace(co_filename=filename)


@contextmanager
def _new_python() -> Iterator[Checker]:
    """Start a new Python that is at our service; in the end none of its processes is left."""
    here, remote = socket.socketpair()
    null = dict.fromkeys(("stdout", "stderr"), subprocess.DEVNULL)
    with here:
        with remote:
            number = remote.fileno()
            process = start_function(serve, number, pass_fds=[number], **null)
        link = Checker(here)
        hands = threading.Thread(target=link.serve, daemon=True)
        hands.start()
        try:
            yield link
        finally:
            end(process)
            with suppress(OSError):
                here.shutdown(socket.SHUT_RDWR)
            hands.join()


def serve(descriptor: int) -> None:
    """Be at the service of the checker: what the new Python runs."""
    Service(socket.socket(fileno=descriptor), {}).serve()


def unpack(luggage: bytes) -> tuple[Any, ...]:
    """Return the answers that were brought here, with the lines of the learner's code."""
    import cloudpickle

    cells, answers = cloudpickle.loads(luggage)
    linecache.cache.update(cells)
    return tuple(answers)


@functools.cache
def real_run(function: Callable[..., Any], *args: Any) -> Any:
    """Return `function(*args)` from a new Python of our own, to lay beside a prediction.

    It has nothing of the learner's in it and comes out the same each time: once is enough.
    """
    try:
        return fresh(function, *args, deadline=DEADLINE)
    except (ServerError, OSError) as trouble:
        raise CannotCheckError(
            f"The real run beside your prediction could not be made: {trouble}"
        ) from trouble


# What follows runs where the answer lives: it tells what happened, and judges nothing.


def in_parent(notes: "Notes", function: Callable[..., Any], *args: Any) -> Any:
    """Return `function(*args)`. A child that comes back from it is noted, and ended."""
    parent = os.getpid()
    told = _RETURNED
    try:
        return function(*args)
    except BaseException as error:
        told = describe(error)
        if isinstance(error, SystemExit):
            told = "it left with SystemExit, as sys.exit() does"
        raise
    finally:
        if os.getpid() != parent:
            notes.note(f"{_CAME_BACK}{told}")
            os._exit(1)


_CAME_BACK = "came back "
_RETURNED = "process_request returned in the child"
_ERROR = "handle_error "


class Notes:
    """What parent and children did, in one pipe that all of them hold."""

    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.read_end, False)
        self.lines: list[tuple[int, str]] = []

    def note(self, text: str) -> None:
        """Write a line down; short enough for the pipe to keep it in one piece."""
        line = " ".join(text.split())[:300]
        os.write(self.write_end, f"{os.getpid()} {line}\n".encode())

    def all(self) -> tuple[tuple[int, str], ...]:
        """Return who noted what, in order."""
        with suppress(BlockingIOError):
            while data := os.read(self.read_end, 65536):
                for line in data.decode(errors="replace").splitlines():
                    pid, text = line.split(" ", 1)
                    self.lines.append((int(pid), text))
        return tuple(self.lines)

    def of(self, pid: int) -> tuple[str, ...]:
        """Return what one process noted."""
        return tuple(text for who, text in self.all() if who == pid)

    def count(self, text: str) -> int:
        """Return how often `text` has been noted."""
        return [line for _, line in self.all()].count(text)

    def wait(self, text: str, count: int = 1, seconds: float = PATIENCE) -> bool:
        """Wait until `text` has been noted `count` times."""
        return soon(lambda: self.count(text) >= count, seconds)

    def trouble(self) -> str:
        """Return the last error that was reported, or nothing."""
        return self._last(_ERROR)

    def came_back(self) -> str:
        """Return how a child came back into the program of its parent, or nothing.

        Where it returned, it may have done so after an error that its server has reported.
        """
        told = self._last(_CAME_BACK)
        if told != _RETURNED:
            return told
        [*_, child] = [pid for pid, text in self.all() if text == f"{_CAME_BACK}{_RETURNED}"]
        errors = [text for text in self.of(child) if text.startswith(_ERROR)]
        return f"{told} after {errors[-1].removeprefix(_ERROR)}" if errors else told

    def _last(self, start: str) -> str:
        told = [text.removeprefix(start) for _, text in self.all() if text.startswith(start)]
        return told[-1] if told else ""


class Output:
    """Standard output in a file, as when a program's output is redirected: it has a buffer."""

    text = ""

    def __enter__(self) -> "Output":
        sys.stdout.flush()
        self._file = tempfile.TemporaryFile()
        self._old, self._descriptor = sys.stdout, os.dup(1)
        os.dup2(self._file.fileno(), 1)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ValueError):  # the learner has closed it
            sys.stdout.flush()
        sys.stdout = self._old
        os.dup2(self._descriptor, 1)
        os.close(self._descriptor)
        with self._file:
            self._file.seek(0)
            self.text = self._file.read().decode(errors="replace")


def left() -> tuple[str, ...]:
    """Return the states of this program's children."""
    import psutil  # type: ignore[import-untyped]  # only the chapters need it

    states = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            states.append(child.status())
    return tuple(states)


def next_ended(seconds: float) -> tuple[int, int] | None:
    """Wait for the next child to end; return its pid and exit status. ChildProcessError: none."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid:
            return pid, os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    return None


def end_children() -> None:
    """End all that this program has forked, and wait for its children."""
    import psutil

    children = psutil.Process().children(recursive=True)
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(children, PATIENCE)
