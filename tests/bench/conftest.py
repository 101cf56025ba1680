"""Fixtures for the tests of the bench: real servers, and a watch over what they leave behind."""

import gc
import os
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

import minisocketserver


@pytest.fixture(params=[minisocketserver, socketserver], ids=["mini", "stdlib"])
def module(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> object:
    # The standard library's servers stop at the next poll: half a second for each test.
    monkeypatch.setattr(socketserver.BaseServer.serve_forever, "__defaults__", (0.01,))
    return request.param


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
