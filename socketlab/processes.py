"""Other Pythons, started so that nothing of the surroundings leaks into them, and their end."""

import os
import signal
import subprocess
import sys
from collections.abc import Collection
from contextlib import suppress
from typing import Any

from .python_path import search_path


def command(*arguments: str) -> list[str]:
    """Return the words that start a new Python; the current folder is not on its path (-P)."""
    return [sys.executable, "-P", "-X", "utf8", *arguments]


def program(code: str) -> list[str]:
    """Return the words that start a new Python on `code`, which finds the modules that we find."""
    return command("-c", f"import sys; sys.path[:] = {search_path(sys.path)!r}; {code}")


def environment() -> dict[str, str]:
    """Return our environment, but with output in UTF-8 whatever the locale and user say."""
    return os.environ | {"PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8"}


_FORK_WARNING = "ignore:This process:DeprecationWarning"
"""From Python 3.12 on, a fork in a process with threads warns. Here the other thread only waits."""


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


def end_of(process: "subprocess.Popen[bytes]", deadline: float) -> int | None:
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
