"""Calls in forks of this process, some at a time: what ends one of them harms no other."""

import json
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..sandbox import namespaces

SECONDS = 3600.0
"""The time for one call. All that is waited for in it has a shorter deadline."""


class CallError(Exception):
    """A call has not returned, or not within its time; the text says why."""


@dataclass
class _Call:
    key: int
    pid: int
    pipe: int
    written: bytes = b""
    started: float = field(default_factory=time.monotonic)

    def outcome(self) -> Any:
        """Return what the call returned, or a CallError, once its pipe is at its end."""
        status = self.end()
        if status == 0:
            answer = json.loads(self.written)
            return answer["value"] if "value" in answer else CallError(answer["failed"])
        if time.monotonic() - self.started > SECONDS:
            return CallError(f"it was not done after {SECONDS:g} seconds")
        how = f"ended with status {status}"
        if status < 0:
            how = f"was ended by signal {-status} ({signal.strsignal(-status)})"
        return CallError(f"the process that judged it {how}")

    def end(self) -> int:
        """End the process, if it runs; return its exit status, or minus the signal's number."""
        if self.pipe >= 0:
            os.close(self.pipe)
            self.pipe = -1
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


def each(
    function: Callable[..., Any], tasks: Mapping[int, tuple[Any, ...]], at_once: int
) -> Iterator[tuple[int, Any]]:
    """Call `function(*task)` for each task; yield its key with what was returned, as it comes.

    What is returned must be fit for JSON. In place of what was not returned comes a CallError.
    Call it from a process with a single thread, `at_once` calls are made at a time.
    """
    waiting = list(reversed([*tasks.items()]))
    with selectors.DefaultSelector() as selector:
        running: list[_Call] = []
        try:
            while waiting or running:
                while waiting and len(running) < at_once:
                    key, task = waiting.pop()
                    try:
                        call = _fork(function, key, task)
                        running.append(call)
                        selector.register(call.pipe, selectors.EVENT_READ, call)
                    except OSError as error:
                        yield key, CallError(f"no process to judge it: {error.strerror}")
                for found, _ in selector.select(1):
                    call = found.data
                    if data := os.read(call.pipe, 1 << 16):
                        call.written += data
                        continue
                    selector.unregister(call.pipe)
                    running.remove(call)
                    yield call.key, call.outcome()
                for call in running:
                    if time.monotonic() - call.started > SECONDS:
                        os.kill(call.pid, signal.SIGKILL)
        finally:
            for call in running:
                os.kill(call.pid, signal.SIGKILL)
            for call in running:
                call.end()


def _fork(function: Callable[..., Any], key: int, task: tuple[Any, ...]) -> _Call:
    read_end, write_end = os.pipe()
    parent = os.getpid()
    try:
        pid = os.fork()
    except OSError:
        os.close(read_end)
        os.close(write_end)
        raise
    if pid:
        os.close(write_end)
        return _Call(key, pid, read_end)
    status = 1
    try:
        for number in (signal.SIGINT, signal.SIGXCPU):
            signal.signal(number, signal.SIG_DFL)  # they end it, with no traceback
        namespaces.end_with(parent)
        os.close(read_end)
        try:
            answer = {"value": function(*task)}
        except Exception as error:
            answer = {"failed": str(error) or type(error).__name__}
        with open(write_end, "w", encoding="utf-8") as pipe:
            json.dump(answer, pipe)
        status = 0
    finally:
        os._exit(status)
