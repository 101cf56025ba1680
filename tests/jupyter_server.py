"""A Jupyter server for a test: started, waited for, and stopped with all that it started."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

DEADLINE = 90  # seconds, beside other tests


def written(folder: Path) -> dict[str, Any]:
    """Return what a server has told of itself somewhere in `folder`; nothing before it is whole."""
    for path in folder.rglob("jpserver-*.json"):
        with contextlib.suppress(json.JSONDecodeError):
            return dict(json.loads(path.read_text(encoding="utf-8")))
    return {}


@contextlib.contextmanager
def jupyter_server(
    command: Sequence[str], folder: Path, environment: dict[str, str], cwd: Path
) -> Iterator[dict[str, Any]]:
    """Run `command`, whose server keeps its runtime files in `folder`; give what it tells."""
    log = folder / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=cwd, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        end = time.monotonic() + DEADLINE
        while not (told := written(folder)):
            assert server.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        yield told
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait(20)
