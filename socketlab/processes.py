"""Other Pythons, started so that nothing of the surroundings leaks into them, and their end.

Answers come back in one of two ways: written down, as a file or lines of JSON, or over the link in
`remote/`, which can also call back.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from .python_path import search_path

Process = subprocess.Popen[bytes]


def start(*arguments: str, **options: Any) -> Process:
    """Start a new Python in its own session: Ctrl-C doesn't reach it, and `end` ends all of it.

    The current folder isn't on its path (-P). `options` are those of Popen: unless they say
    otherwise, it reads nothing and has our `environment`.
    """
    words = [sys.executable, "-P", "-X", "utf8", *arguments]
    options = {"stdin": subprocess.DEVNULL, "env": environment(), **options}
    return subprocess.Popen(words, start_new_session=True, **options)


_FORK_WARNING = "ignore:This process:DeprecationWarning"
"""From Python 3.12 on, a fork in a process with threads warns. Here the other thread only waits."""


def start_function(function: Callable[..., Any], *args: Any, **options: Any) -> Process:
    """Start a new Python that calls a module's function, and finds the modules that we find.

    The arguments travel as `repr` writes them.
    """
    name = function.__name__
    path = f"import sys; sys.path[:] = {search_path(sys.path)!r}"
    code = f"{path}; from {function.__module__} import {name}; {name}(*{args!r})"
    return start("-W", _FORK_WARNING, "-c", code, **options)


def environment(*folders: Path, **settings: str) -> dict[str, str]:
    """Return our environment with these settings, and `folders` first among those with modules.

    Whatever the user and the locale say, output is UTF-8, and it is buffered, since a chapter
    shows what that does.
    """
    env = os.environ | settings | {"PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8"}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [*map(str, folders), env.get("PYTHONPATH")]))
    env.pop("PYTHONUNBUFFERED", None)
    return env


def end_of(process: Process, deadline: float, last_signal: int | None = None) -> int | None:
    """Return the exit status, or None when the time was up; in either case, end the process.

    One that is late gets `last_signal` first, where the system has signals, and one more second.
    """
    try:
        return process.wait(deadline)
    except subprocess.TimeoutExpired:
        if last_signal is not None and sys.platform != "win32":
            process.send_signal(last_signal)
            with suppress(subprocess.TimeoutExpired):
                process.wait(1)
        return None
    finally:
        end(process)


def end(process: Process) -> None:
    """End the process and all that it has forked."""
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(ProcessLookupError, PermissionError):  # nobody is left, or only zombies
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def named_error(said: str) -> str:
    """Return the line of the last traceback in `said` that names the exception, or "".

    It need not be the last line: notes follow it, and Python itself adds some (from 3.14 on, to
    errors of pickle), and the exception's own text may have several lines.
    """
    _, header, rest = said.rpartition("Traceback (most recent call last):\n")
    lines = rest.splitlines() if header else []
    return next((line for line in lines if line and not line[0].isspace()), "")
