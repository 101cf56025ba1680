"""What the conformance tests share: clients, a server without a network, ways to watch."""

import os
import socket
import threading
import time
from contextlib import contextmanager

import pytest

DEADLINE = 4.0
"""Seconds until a wait has failed."""

POLL = 0.02
"""Seconds between two looks of a loop: the standard library's shutdown waits them out."""

MOMENT = 0.06
"""Seconds in which something that must not happen would have happened."""

counts_descriptors = pytest.mark.skipif(
    not os.path.isdir("/proc/self/fd"), reason="Needs /proc to count open descriptors."
)


def open_descriptors():
    return len(os.listdir("/proc/self/fd"))


@contextmanager
def serving(server, poll_interval=POLL):
    """Run `serve_forever` in a thread for the length of the block; yields the thread."""
    thread = threading.Thread(target=server.serve_forever, args=(poll_interval,), daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        in_time(server.shutdown)
        thread.join(DEADLINE)
        assert not thread.is_alive(), "serve_forever goes on although shutdown has returned"


def in_time(call, *args):
    """Return what `call(*args)` returns; fail if that takes longer than the deadline."""
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(call(*args)), daemon=True)
    thread.start()
    thread.join(DEADLINE)
    assert outcome, f"{call} did not return"
    return outcome[0]


def until(condition, seconds=DEADLINE):
    """Wait for something to become true that sends no signal."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never became true"
        time.sleep(0.002)


def read_all(sock):
    """Return all bytes until the other side ends the stream."""
    parts = iter(lambda: sock.recv(65536), b"")
    return b"".join(parts)


def note(calls, server, *names, prefix=""):
    """Let each call of these methods of `server` add `(name, *arguments)` to `calls` first."""
    for name in names:
        setattr(server, name, _noting(calls, prefix + name, getattr(server, name)))


def _noting(calls, name, method):
    def noting(*args):
        calls.append((name, *args))
        return method(*args)

    return noting


def handler(module, handle, base="BaseRequestHandler", **attributes):
    """Return a handler class with this `handle(self)`."""
    return type("Handler", (getattr(module, base),), {"handle": handle, **attributes})


def raising(error):
    """Return a function that takes anything and raises `error`."""

    def raises(*args, **kwargs):
        raise error

    return raises


def bell_server(module, handler_class=None):
    """Return a server without a network: each letter sent with `ring` is a request."""

    class BellServer(module.BaseServer):
        def __init__(self):
            super().__init__("the address", handler_class or module.BaseRequestHandler)
            self.socket, self._button = socket.socketpair()

        def ring(self, letters="a"):
            self._button.sendall(letters.encode())

        def fileno(self):
            return self.socket.fileno()

        def get_request(self):
            return self.socket.recv(1).decode(), "the client"

        def server_close(self):
            self.socket.close()
            self._button.close()

    return BellServer()


def watch_selector(module, monkeypatch, select):
    """Let `select(original, timeout)` stand in for `select` in each of the server's selectors."""

    class Watched(module._ServerSelector):
        def select(self, timeout=None):
            return select(super().select, timeout)

    monkeypatch.setitem(module.BaseServer.serve_forever.__globals__, "_ServerSelector", Watched)
