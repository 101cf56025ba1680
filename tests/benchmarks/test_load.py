"""The client of the benchmarks notices each answer that is not right."""

import os
import socket
import socketserver
import struct
import sys
import threading
from contextlib import contextmanager

import pytest

if sys.platform != "linux":
    pytest.skip("The client uses epoll.", allow_module_level=True)

from benchmarks import load

LONG = 16_384
"""A long answer repeats the request so many times."""


@contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    with server:
        thread.start()
        yield server.server_address
        server.shutdown()
        thread.join(4)


def ask(kind, address, times=1, clients=3):
    family, sort = load.FAMILIES[kind]
    method = load.Streams if sort == socket.SOCK_STREAM else load.Datagrams
    transport = method(family, sort, address, times)
    try:
        return load.load(transport, clients, 4, 30, patience=0.2)
    finally:
        transport.close()


def answering(answer, times):
    """Return a server that gives each third client what `answer` makes of the right answer."""
    requests = iter(range(10**6))

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            right = self.request.recv(64) * times
            bad = next(requests) % 3 == 2
            self.request.sendall(answer(right) if bad else right)

    server = socketserver.TCPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None
    return server


ANSWERS = {
    "right": lambda right: right,
    "one byte more": lambda right: right + b"0",
    "one byte less": lambda right: right[:-1],
    "none": lambda right: b"",
    "another's": lambda right: b"x" + right[1:],
    "a byte lost in the middle": lambda right: right[:30] + right[31:] + right[:1],
}


@pytest.mark.parametrize("times", [1, LONG])
@pytest.mark.parametrize("answer", ANSWERS)
def test_each_answer_is_checked(answer, times):
    with serving(answering(ANSWERS[answer], times)) as address:
        figures = ask("tcp", address, times)
    wrong = 0 if answer == "right" else 10
    assert (figures["sent"], figures["answered"], figures["wrong"]) == (30, 30 - wrong, wrong)
    assert figures["lost"] == 0
    assert 0 < figures["p50"] <= figures["p99"] <= figures["seconds"]


def test_a_reset_connection_is_lost():
    def reset(self):
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    handler = type("Handler", (socketserver.BaseRequestHandler,), {"handle": reset})
    server = socketserver.TCPServer(("127.0.0.1", 0), handler)
    server.shutdown_request = server.close_request
    with serving(server) as address:
        figures = ask("tcp", address)
    assert (figures["sent"], figures["answered"], figures["lost"]) == (30, 0, 30)


@pytest.mark.parametrize("kind", ["udp", "unix", "unix-udp"])
def test_other_kinds_of_sockets(kind, tmp_path):
    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            if isinstance(self.request, tuple):
                self.request[1].sendto(self.request[0], self.client_address)
            else:
                self.request.sendall(self.request.recv(64))

    names = {"udp": "UDPServer", "unix": "UnixStreamServer", "unix-udp": "UnixDatagramServer"}
    address = ("127.0.0.1", 0) if kind == "udp" else os.path.join(tmp_path, "socket")
    with serving(getattr(socketserver, names[kind])(address, Handler)) as address:
        figures = ask(kind, address, clients=20)
    assert (figures["answered"], figures["lost"]) == (30, 0)


def test_a_datagram_without_an_answer_is_lost():
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        figures = ask("udp", silent.getsockname())
    assert (figures["sent"], figures["answered"], figures["lost"]) == (3, 0, 3)
