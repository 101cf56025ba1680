"""Options and markers that all the tests share."""

import gc
import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from textwrap import dedent

import pytest

import minisocketserver
from socketlab.processes import environment
from socketlab.project import PROJECT

from . import PROGRAM_SECONDS

# What a shell starts in the background is deaf to Ctrl-C, and so is all that it starts itself.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption(
        "--socketserver",
        metavar="NAME",
        default="minisocketserver",
        help="the module that tests/conformance judges (default: %(default)s)",
    )


def pytest_collection_modifyitems(config, items):
    config.beyond = 0
    if config.getoption("socketserver") != "socketserver":
        return
    beyond = [item for item in items if item.get_closest_marker("beyond")]
    config.beyond = len(beyond)
    items[:] = [item for item in items if item not in set(beyond)]
    config.hook.pytest_deselected(items=beyond)


@pytest.hookimpl(trylast=True)
def pytest_report_collectionfinish(config):
    beyond = getattr(config, "beyond", 0)
    return f"{beyond} tests state what socketserver cannot do: deselected" if beyond else None


@pytest.fixture(params=[minisocketserver, socketserver], ids=["mini", "stdlib"])
def module(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> object:
    # The standard library's servers stop at the next poll: half a second for each test.
    monkeypatch.setattr(socketserver.BaseServer.serve_forever, "__defaults__", (0.01,))
    return request.param


CROWD = """
import os, subprocess, sys
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
crowd = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
try:
    exec(sys.argv[1])
finally:
    for one in crowd:
        one.kill()
"""


@pytest.fixture
def in_a_crowd() -> Callable[[str], str]:
    """Run code on a processor that four others want all the time; return what it prints."""

    def run(code: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", CROWD, dedent(code)],
            env=environment(PROJECT),
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=True,
            timeout=PROGRAM_SECONDS,
        ).stdout

    return run


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Fail when the test leaves a descriptor or a thread behind."""

    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = descriptors(), set(threading.enumerate())
    yield
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        left = descriptors() - before[0], set(threading.enumerate()) - before[1]
        if left[0] <= 0 and not left[1]:
            return
        gc.collect()
        time.sleep(0.01)
    pytest.fail(f"left behind: {left[0]} descriptors, threads {left[1]}")
