"""A Jupyter server for a test: started, waited for, and stopped with all that it started."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

DEADLINE = 90  # seconds, beside other tests


def free_ports(count: int) -> list[int]:
    """Return ports below those that the system gives to port 0: nobody takes them meanwhile."""
    free: list[int] = []
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe:
            if len(free) < count and probe.connect_ex(("127.0.0.1", port)):
                free.append(port)
    return free


def written(folder: Path) -> dict[str, Any]:
    """Return what a server has told of itself somewhere in `folder`; nothing before it is whole."""
    for path in folder.rglob("jpserver-*.json"):
        with contextlib.suppress(json.JSONDecodeError):
            return dict(json.loads(path.read_text(encoding="utf-8")))
    return {}


def listens(port: int) -> bool:
    """A server writes its file before it listens."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
    except ConnectionRefusedError:
        return False
    return True


@contextlib.contextmanager
def jupyter_server(
    command: Sequence[str],
    folder: Path,
    environment: dict[str, str],
    cwd: Path,
    seconds: float = DEADLINE,
) -> Iterator[dict[str, Any]]:
    """Run `command`, whose server keeps its runtime files in `folder`; give what it tells.

    It has `seconds` until it listens.
    """
    port = free_ports(1)[0]
    command = [*command, "--no-browser", "--ip=127.0.0.1", f"--port={port}"]
    log = folder / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=cwd, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        end = time.monotonic() + seconds
        while not ((told := written(folder)) and listens(told["port"])):
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
