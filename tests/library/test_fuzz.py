"""Garbage on the stream handlers: whatever comes, in whatever pieces, others are served."""

import importlib
import socket
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from minisocketserver import beyond

from ..conformance.helpers import DEADLINE, read_all, serving

MAX_LINE = 100
HANDLERS = {
    "minisocketserver": "StreamRequestHandler",
    "socketserver": "StreamRequestHandler",
    "beyond": "LimitedStreamRequestHandler",
}
LINES = some.sampled_from([b"\n", b"hello\n", b"\r\n", b"x" * MAX_LINE, b"x" * (MAX_LINE - 1)])
PIECES = some.lists(some.binary(max_size=300) | LINES, max_size=8)


def echo_lines(self):
    for line in iter(self.rfile.readline, b""):
        self.wfile.write(line)


@pytest.fixture(scope="module", params=HANDLERS)
def server(request):
    """A server that sends lines back, on each kind of handler."""
    limited = request.param == "beyond"
    module = importlib.import_module("minisocketserver" if limited else request.param)
    base = getattr(beyond if limited else module, HANDLERS[request.param])
    handler = type("Handler", (base,), {"handle": echo_lines, "timeout": 1, "max_line": MAX_LINE})
    attributes = {"handle_error": lambda *_: None, "request_queue_size": 100, "limited": limited}
    server_class = type("Server", (module.ThreadingTCPServer,), attributes)
    with server_class(("127.0.0.1", 0), handler) as server, serving(server):
        yield server


def connect(server):
    return socket.create_connection(server.server_address, timeout=DEADLINE)


def send(client, pieces):
    """Send pieces, until the server has had enough."""
    try:
        for piece in pieces:
            client.sendall(piece)
        client.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def read_until_the_end(client):
    """Read all; the end may be a reset, because the server did not read all."""
    answer = b""
    with suppress(ConnectionError):
        for part in iter(lambda: client.recv(65536), b""):
            answer += part
    return answer


def is_served(server):
    with connect(server) as client:
        send(client, [b"hello\n"])
        return read_all(client) == b"hello\n"


@settings(max_examples=60, deadline=None)
@given(pieces=PIECES)
def test_all_of_it_comes_back(server, pieces):
    """Each line comes back, up to the first that is too long where lines have a limit."""
    sent = b"".join(pieces)
    too_long = any(len(line) >= MAX_LINE for line in sent.split(b"\n"))
    with connect(server) as client:
        send(client, pieces)
        answer = read_until_the_end(client)
    assert sent.startswith(answer) if server.limited and too_long else answer == sent
    assert is_served(server)


@settings(max_examples=60, deadline=None)
@given(pieces=PIECES)
def test_a_reset_after_it(server, pieces):
    """A client that resets after its garbage does no harm."""
    with connect(server) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, *[0] * 7]))
        for piece in pieces:
            try:
                client.sendall(piece)
            except OSError:
                break
    assert is_served(server)
