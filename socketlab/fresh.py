"""Call a function in a new Python, away from the notebook's threads and buffers."""

import os
import signal
import subprocess
import sys
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .pythons import environment, program, show
from .running import DEADLINE, ServerTrouble

_FORK_WARNING = "ignore:This process:DeprecationWarning"
"""From Python 3.12 on, a fork in a process with threads warns. Here the other thread only waits."""


def fresh(function: Any, *args: Any, deadline: float = DEADLINE) -> Any:
    """Call `function(*args)` in a new Python, show what it prints, return what it returns.

    The function may use what the notebook has defined; it gets copies. Raises ServerTrouble
    when it raises, or when the program has not ended within `deadline` seconds. In any case
    none of its processes is left.
    """
    import cloudpickle  # type: ignore[import-untyped]  # only the chapters need it

    name = getattr(function, "__name__", "the function")
    with TemporaryDirectory() as folder:
        task, result, out, err = (Path(folder, part) for part in ("task", "result", "out", "err"))
        task.write_bytes(cloudpickle.dumps((function, args)))
        # Files, not pipes: a pipe ends only when the last process that holds it has ended.
        with open(out, "wb") as stdout, open(err, "wb") as stderr:
            code = f"from {__name__} import serve; serve({str(task)!r}, {str(result)!r})"
            status = _end_of(start(code, stdout=stdout, stderr=stderr), deadline)
        show(out.read_text(encoding="utf-8", errors="replace"), sys.stdout)
        complaint = err.read_text(encoding="utf-8", errors="replace")
        if status is None:
            raise ServerTrouble(f"{name}() was not done after {deadline:g} seconds. It was ended.")
        if status != 0:
            last = complaint.strip().splitlines()[-1:] or [f"exit status {status}"]
            raise ServerTrouble(f"{name}() ended with {named_error(complaint) or last[0]}")
        if not result.exists():
            raise ServerTrouble(f"{name}() ended its program before it returned.")
        show(complaint, sys.stderr)
        return cloudpickle.loads(result.read_bytes())


def named_error(said: str) -> str:
    """Return the line of the last traceback in `said` that names the exception, or "".

    It need not be the last line: notes follow it, and Python itself adds some (from 3.14 on, to
    errors of pickle), and the exception's own text may have several lines.
    """
    _, header, rest = said.rpartition("Traceback (most recent call last):\n")
    lines = rest.splitlines() if header else []
    return next((line for line in lines if line and not line[0].isspace()), "")


def start(
    code: str, descriptors: Collection[int] = (), **streams: Any
) -> "subprocess.Popen[bytes]":
    """Start a new Python, which inherits the descriptors; `end` ends it."""
    env = environment()
    env.pop("PYTHONUNBUFFERED", None)  # a chapter shows what buffering does
    python, *arguments = program(code)
    return subprocess.Popen(
        [python, "-W", _FORK_WARNING, *arguments],
        stdin=subprocess.DEVNULL,
        env=env,
        start_new_session=True,
        pass_fds=descriptors,
        **streams,
    )


def _end_of(process: "subprocess.Popen[bytes]", deadline: float) -> int | None:
    """Return the exit status, or None when the time was up."""
    try:
        return process.wait(deadline)
    except subprocess.TimeoutExpired:
        return None
    finally:
        end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """End the process and all that it has forked."""
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(ProcessLookupError, PermissionError):  # nobody is left, or only zombies
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def serve(task: str, result: str) -> None:
    """Do what `fresh` asked for: what the new Python runs."""
    import cloudpickle

    function, args = cloudpickle.loads(Path(task).read_bytes())
    parent = os.getpid()
    returned = function(*args)
    if os.getpid() == parent:  # a child that came back from a fork has nothing to hand in
        Path(result).write_bytes(cloudpickle.dumps(returned))
