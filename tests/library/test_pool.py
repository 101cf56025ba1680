"""ThreadPoolMixIn: a fixed number of threads, and clients that wait their turn."""

import threading

import pytest

import minisocketserver
from minisocketserver.beyond import ThreadPoolMixIn

from ..conformance.helpers import DEADLINE, MOMENT, in_time, raising, read_all, serving, until
from .helpers import ask, noted_errors


class PoolTCPServer(ThreadPoolMixIn, minisocketserver.TCPServer):
    """Byte streams, served by a pool."""


class PoolUDPServer(ThreadPoolMixIn, minisocketserver.UDPServer):
    """Datagrams, served by a pool."""


STREAM_SERVERS = [PoolTCPServer]
if hasattr(minisocketserver, "UnixStreamServer"):

    class PoolUnixStreamServer(ThreadPoolMixIn, minisocketserver.UnixStreamServer):
        """Byte streams over a Unix socket, served by a pool."""

    STREAM_SERVERS.append(PoolUnixStreamServer)


def tell_thread(request, *_):
    """A handler that answers with the number of its thread."""
    request.sendall(b"%d" % threading.get_ident())


def never(what):
    """Give something that must not become true the time to become true."""
    threading.Event().wait(MOMENT)
    assert not what()


# Few threads, many clients


@pytest.mark.parametrize("server_class", STREAM_SERVERS)
def test_all_clients_are_served(make, connect, server_class):
    """More clients than threads are all answered, by pool_size threads at the most."""
    server = make(server_class, tell_thread, pool_size=3, request_queue_size=20)
    with serving(server):
        clients = [connect(server) for _ in range(20)]
        threads = {read_all(client) for client in clients}
    assert 1 <= len(threads) <= 3


def test_pool_size_requests_are_served_at_once(make, connect, gate):
    """With all threads at work the next client waits, until one of them is free."""
    server = make(PoolTCPServer, gate, pool_size=2)
    with serving(server):
        clients = [connect(server) for _ in range(4)]
        until(lambda: len(gate.threads) == 2)
        never(lambda: len(gate.threads) > 2)
        gate.opened.set()
        assert [read_all(client) for client in clients] == [b"done"] * 4


def test_a_full_pool_accepts_nobody(make, connect, gate):
    """What a full pool cannot serve stays in the backlog and costs the server nothing."""
    server = make(PoolTCPServer, gate, pool_size=2)
    accepted = []
    server.verify_request = lambda _, client_address: bool(accepted.append(client_address)) or True
    with serving(server):
        clients = [connect(server) for _ in range(3)]
        until(lambda: len(gate.threads) == 2)
        never(lambda: len(accepted) > 2)
        gate.opened.set()
        assert read_all(clients[2]) == b"done"
    assert accepted == [client.getsockname() for client in clients]


def test_queue_size_more_are_taken(make, connect, gate):
    """With queue_size, that many requests more are accepted, and wait for a thread."""
    server = make(PoolTCPServer, gate, pool_size=1, queue_size=2)
    with serving(server):
        clients = [connect(server) for _ in range(4)]
        until(lambda: len(server.open_requests) == 3)
        never(lambda: len(server.open_requests) > 3 or len(gate.threads) > 1)
        gate.opened.set()
        assert [read_all(client) for client in clients] == [b"done"] * 4


def test_threads_start_when_they_are_needed(make, connect):
    """Clients that come one after the other need one thread only."""
    server = make(PoolTCPServer, tell_thread)
    threads = set()
    with serving(server):
        for _ in range(5):
            threads.add(read_all(connect(server)))
            until(lambda: not server.open_requests)
    assert len(threads) == 1


def test_shutdown_is_prompt_when_the_pool_is_full(make, connect, gate):
    """A full server still notices at once that it shall stop."""
    server = make(PoolTCPServer, gate, pool_size=1)
    with serving(server, 60):
        connect(server)
        until(lambda: gate.threads)


def test_equal_datagrams_are_served_side_by_side(make, connect):
    """Datagrams are counted one by one, also where one says the same as another."""
    meeting = threading.Barrier(2, timeout=DEADLINE)
    met = []

    def meet(*_):
        meeting.wait()
        met.append(True)

    server = make(PoolUDPServer, meet, pool_size=2)
    with serving(server):
        connect(server, b"same").send(b"same")
        until(lambda: len(met) == 2)


def test_a_pool_goes_before_a_ready_mixed_server_too(make, connect):
    """In front of ThreadingTCPServer the pool takes over from the threads."""
    server_class = type("Server", (ThreadPoolMixIn, minisocketserver.ThreadingTCPServer), {})
    server = make(server_class, tell_thread, pool_size=1)
    with serving(server):
        assert len({read_all(connect(server)) for _ in range(5)}) == 1


# Handlers that fail


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
def test_a_handler_may_raise_anything(make, connect, failures, error):
    """A handler that fails ends its request and not its thread, which others wait for."""
    server = make(PoolTCPServer, raising(error), pool_size=1)
    errors = noted_errors(server)
    with serving(server):
        assert read_all(connect(server)) == b""
        server.RequestHandlerClass = tell_thread
        assert read_all(connect(server)) != b""
    assert [*map(type, errors), *failures] == [error]


def test_handle_error_may_raise(make, connect, failures):
    """A handle_error that fails itself costs no thread either."""
    server = make(PoolTCPServer, raising(ValueError), pool_size=1)
    server.handle_error = raising(KeyError)
    with serving(server):
        assert read_all(connect(server)) == b""
        server.RequestHandlerClass = tell_thread
        assert read_all(connect(server)) != b""
    assert failures == [KeyError]


def test_the_first_thread_cannot_start(make, connect, monkeypatch):
    """With no thread at all a request cannot be served: that is an error, and it is closed."""
    server = make(PoolTCPServer)
    errors = noted_errors(server)
    client = connect(server)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", raising(RuntimeError("can't start new thread")))
        server.handle_request()
    assert client.recv(1) == b""
    assert [type(error) for error in errors] == [RuntimeError]


def test_a_further_thread_cannot_start(make, connect, gate, monkeypatch):
    """When no further thread can be started, requests wait for those that there are."""
    server = make(PoolTCPServer, gate, pool_size=2)
    clients = [connect(server) for _ in range(2)]
    server.handle_request()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", raising(RuntimeError("can't start new thread")))
        server.handle_request()
    gate.opened.set()
    assert [read_all(client) for client in clients] == [b"done", b"done"]
    assert len(set(gate.threads)) == 1


# Closing


def test_the_threads_end_when_the_server_closes(make, connect):
    """server_close ends the pool and waits for its threads."""
    before = threading.active_count()
    server = make(PoolTCPServer, tell_thread, pool_size=4, request_queue_size=20)
    with serving(server):
        for client in [connect(server) for _ in range(8)]:
            read_all(client)
    assert threading.active_count() > before
    in_time(server.server_close)
    assert threading.active_count() == before


def test_what_was_taken_is_served_before_the_end(make, connect, gate):
    """server_close lets the threads serve the requests that still wait in the queue."""
    server = make(PoolTCPServer, gate, pool_size=1, queue_size=2)
    clients = [connect(server) for _ in range(3)]
    for _ in clients:
        server.handle_request()
    closer = threading.Thread(target=server.server_close, daemon=True)
    closer.start()
    closer.join(MOMENT)
    assert closer.is_alive()
    gate.opened.set()
    closer.join(DEADLINE)
    assert [read_all(client) for client in clients] == [b"done"] * 3


@pytest.mark.parametrize("attribute", [{"block_on_close": False}, {"daemon_threads": True}])
def test_closing_need_not_wait(make, connect, gate, attribute):
    """As with ThreadingMixIn, server_close waits neither without block_on_close nor for daemons."""
    server = make(PoolTCPServer, gate, **attribute)
    connect(server)
    server.handle_request()
    until(lambda: gate.threads)
    in_time(server.server_close)
    assert gate.threads[0].is_alive()


def test_a_pool_that_served_nobody_closes(make):
    """server_close works before the first request."""
    make(PoolTCPServer).server_close()


def test_a_pool_serves_again_after_shutdown(make, connect):
    """After shutdown the loop can be started again, on the same threads."""
    server = make(PoolTCPServer, lambda request, *_: request.sendall(request.recv(9)))
    for _ in range(2):
        with serving(server):
            assert ask(connect(server)) == b"hello\n"
