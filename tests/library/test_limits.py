"""Limits: how many clients, how much silence, how long a line."""

import io
import time
from contextlib import suppress

import pytest

import minisocketserver
from minisocketserver.beyond import (
    DrainMixIn,
    LimitedStreamRequestHandler,
    LimitExceededError,
    LimitsMixIn,
    ThreadPoolMixIn,
)

from ..conformance.helpers import DEADLINE, handler, serving, until
from .helpers import ask, noted_errors


class Threads(LimitsMixIn, minisocketserver.ThreadingTCPServer):
    """Limits, and a thread for each client."""


class LimitsLast(minisocketserver.ThreadingMixIn, LimitsMixIn, minisocketserver.TCPServer):
    """The other order."""


class LimitsBehindDrain(DrainMixIn, LimitsMixIn, minisocketserver.ThreadingTCPServer):
    """With another part in front."""


class LimitsBehindPool(ThreadPoolMixIn, LimitsMixIn, minisocketserver.TCPServer):
    """With a pool in front."""


def echo_line(self):
    self.wfile.write(self.rfile.readline())


EchoLine = handler(minisocketserver, echo_line, base="StreamRequestHandler")


def limited(handle=echo_line, **limits):
    return type("Handler", (LimitedStreamRequestHandler,), {"handle": handle, **limits})


# Connections


@pytest.mark.parametrize("server_class", [Threads, LimitsLast, LimitsBehindDrain, LimitsBehindPool])
def test_one_connection_too_many(make, connect, server_class):
    """One more than max_connections is closed, with the reason; when one has gone, one may come."""
    server = make(server_class, EchoLine, max_connections=2)
    errors = noted_errors(server)
    with serving(server):
        clients = [connect(server) for _ in range(2)]
        until(lambda: len(server.open_requests) == 2)
        assert connect(server).recv(1) == b""
        assert [str(error) for error in errors] == ["2 connections are open, the most allowed"]
        assert isinstance(errors[0], LimitExceededError)
        assert [ask(client) for client in clients] == [b"hello\n"] * 2
        until(lambda: not server.open_requests)
        assert ask(connect(server)) == b"hello\n"
    assert len(errors) == 1


def test_the_one_too_many_has_no_thread(make, connect, gate):
    """A connection that exceeds the limit is closed before any handler is made."""
    server = make(Threads, gate, max_connections=1)
    noted_errors(server)
    with serving(server):
        connect(server)
        until(lambda: gate.threads)
        assert connect(server).recv(1) == b""
        gate.opened.set()
    assert len(gate.threads) == 1


def test_no_limit_of_connections(make, connect):
    """None means no limit."""
    server = make(Threads, EchoLine, max_connections=None, request_queue_size=20)
    with serving(server):
        clients = [connect(server) for _ in range(20)]
        assert [ask(client) for client in clients] == [b"hello\n"] * 20


def test_who_is_turned_away_for_another_reason(make, connect):
    """verify_request of a base class still has its say."""

    class Choosy(minisocketserver.TCPServer):
        def verify_request(self, request, client_address):
            return False

    server = make(type("Server", (LimitsMixIn, Choosy), {}), EchoLine)
    errors = noted_errors(server)
    with serving(server):
        assert connect(server).recv(1) == b""
    assert errors == []


# Silence


@pytest.mark.parametrize("server_class", [Threads, LimitsLast, LimitsBehindDrain, LimitsBehindPool])
def test_a_silent_client_is_closed(make, connect, server_class):
    """A client that says nothing for idle_timeout seconds is closed, with the reason."""
    server = make(server_class, EchoLine, idle_timeout=0.05)
    errors = noted_errors(server)
    with serving(server):
        assert connect(server).recv(1) == b""
        assert [type(error) for error in errors] == [TimeoutError]
        assert ask(connect(server)) == b"hello\n"


def test_a_client_that_does_not_read_is_closed(make, connect):
    """A write may wait no longer for the client than a read."""
    server = make(Threads, lambda request, *_: request.sendall(bytes(100_000_000)))
    server.idle_timeout = 0.05
    errors = noted_errors(server)
    with serving(server):
        connect(server)
        until(lambda: errors)
        assert isinstance(errors[0], TimeoutError)


def test_silence_without_limit(make, connect):
    """With idle_timeout = None the server waits for its client."""
    server = make(Threads, EchoLine, idle_timeout=None)
    errors = noted_errors(server)
    with serving(server):
        client = connect(server)
        time.sleep(0.1)
        assert ask(client) == b"hello\n"
    assert errors == []


def test_a_slow_client_is_not_a_silent_one(make, connect):
    """Who says a little before each idle_timeout is over is served; only a line limit ends that."""
    server = make(Threads, EchoLine, idle_timeout=0.2)
    errors = noted_errors(server)
    with serving(server):
        client = connect(server)
        for byte in b"hello":
            client.send(bytes([byte]))
            time.sleep(0.06)
        assert ask(client, b"\n") == b"hello\n"
    assert errors == []


# Lines


def test_a_line_within_the_limit(make, connect):
    """A line of exactly max_line bytes, its end included, is read."""
    server = make(Threads, limited(max_line=6))
    with serving(server):
        assert ask(connect(server), b"hello\n") == b"hello\n"


@pytest.mark.parametrize("line", [b"hellooo", b"hello, world\n", bytes(1_000_000)])
def test_a_line_too_long(make, connect, line):
    """A longer one is refused, with the reason, without waiting for its end."""
    server = make(Threads, limited(max_line=6))
    errors = noted_errors(server)
    with serving(server):
        client = connect(server)
        with suppress(OSError):  # it may be closed before it has sent everything
            client.sendall(line)
        until(lambda: errors)
        assert type(errors[0]) is LimitExceededError
        assert str(errors[0]) == "a line has more than 6 bytes"
        assert ask(connect(server), b"next\n") == b"next\n"


def test_one_byte_at_a_time(make, connect):
    """A client that sends its line byte by byte is closed when the whole takes too long."""
    server = make(Threads, limited(line_timeout=0.2), idle_timeout=10)
    errors = noted_errors(server)
    with serving(server):
        client = connect(server)
        with pytest.raises(OSError):
            for _ in range(int(DEADLINE / 0.02)):
                client.send(b"x")
                time.sleep(0.02)
        assert type(errors[0]) is LimitExceededError
        assert str(errors[0]) == "a line takes more than 0.2 seconds"
        assert ask(connect(server)) == b"hello\n"


def test_a_line_may_take_its_time(make, connect):
    """Without line_timeout a line may come as slowly as idle_timeout lets it."""
    server = make(Threads, limited(line_timeout=None), idle_timeout=10)
    with serving(server):
        client = connect(server)
        for byte in b"hello":
            client.send(bytes([byte]))
            time.sleep(0.02)
        assert ask(client, b"\n") == b"hello\n"


def test_the_time_counts_for_each_line(make, connect):
    """Each line has its line_timeout; the time in between does not count."""

    def two_lines(self):
        lines = []
        for _ in range(2):
            lines.append(self.rfile.readline())
            self.wfile.write(b"ok\n")
            time.sleep(0.15)
        self.wfile.write(b"".join(lines))

    server = make(Threads, limited(two_lines, line_timeout=0.2))
    with serving(server):
        client = connect(server)
        client.sendall(b"one\n")
        assert client.recv(3) == b"ok\n"
        assert ask(client, b"two\n") == b"ok\none\ntwo\n"


def test_silence_within_a_line(make, connect):
    """In a line too, idle_timeout ends the wait for a client that says nothing."""
    server = make(Threads, limited(line_timeout=10), idle_timeout=0.05)
    errors = noted_errors(server)
    with serving(server):
        client = connect(server)
        client.send(b"hel")
        assert client.recv(1) == b""
    assert [type(error) for error in errors] == [TimeoutError]


def test_lines_by_iteration_are_limited_too(make, connect):
    """`for line in self.rfile` has the same limits."""

    def echo_lines(self):
        for line in self.rfile:
            self.wfile.write(line)

    server = make(Threads, limited(echo_lines, max_line=6))
    errors = noted_errors(server)
    with serving(server):
        assert ask(connect(server), b"one\ntwo\nthreethree\n") == b"one\ntwo\n"
    assert [type(error) for error in errors] == [LimitExceededError]


@pytest.mark.parametrize("size", [-1, None, 0, 3, 6, 7, 100])
def test_readline_as_of_any_file(pair, size):
    """Within the limits, readline gives what the readline of any binary file gives."""
    ours, theirs = pair
    rfile = limited(lambda self: None, max_line=6)
    reader = type("Handler", (rfile,), {"finish": lambda self: None})(ours, None, None).rfile
    theirs.sendall(b"hello\nyou\n")
    theirs.close()
    model = io.BytesIO(b"hello\nyou\n")
    for _ in range(4):
        assert reader.readline(size) == model.readline(size)
    assert reader.read() == model.read()


def test_readline_puts_the_time_limit_back(pair):
    """Outside readline the connection's own time limit counts, whatever readline did."""
    ours, theirs = pair
    reader = limited(lambda self: None, line_timeout=0.05)
    reader = type("Handler", (reader,), {"finish": lambda self: None})(ours, None, None).rfile
    before = ours.gettimeout()
    theirs.sendall(b"no end")
    with pytest.raises(LimitExceededError):
        reader.readline()
    assert ours.gettimeout() == before
    theirs.sendall(b"more")
    assert reader.read(4) == b"more"


def test_other_clients_are_served_meanwhile(make, connect):
    """While some clients go over each limit, one after the other is served."""
    server = make(
        Threads, limited(max_line=6, line_timeout=0.1), max_connections=8, idle_timeout=0.05
    )
    errors = noted_errors(server)
    with serving(server):
        bad = [connect(server, greeting) for greeting in (b"", b"too long a line", b"no end")]
        for _ in range(20):
            assert ask(connect(server)) == b"hello\n"
        for client in bad:
            assert client.recv(1) in (b"", None)
    assert sorted(type(error).__name__ for error in errors) == [
        "LimitExceededError",
        "TimeoutError",
        "TimeoutError",
    ]
