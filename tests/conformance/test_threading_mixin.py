"""ThreadingMixIn: a thread for each request."""

import gc
import threading
import weakref

import pytest

from .helpers import DEADLINE, MOMENT, handler, in_time, note, raising, read_all, serving, until

STREAM_SERVERS = ["ThreadingTCPServer", "ThreadingUnixStreamServer"]
SERVERS = [*STREAM_SERVERS, "ThreadingUDPServer", "ThreadingUnixDatagramServer"]


@pytest.fixture(params=SERVERS)
def threading_server(request, find):
    """Each of the servers with threads."""
    return find(request.param)


@pytest.fixture(params=STREAM_SERVERS)
def stream_server(request, find):
    """Those of them that serve byte streams."""
    return find(request.param)


class Gate:
    """A handler class that waits until the test opens the gate."""

    def __init__(self):
        self.threads = []
        self.opened = threading.Event()

    def __call__(self, request, client_address, server):
        self.threads.append(threading.current_thread())
        self.opened.wait(DEADLINE)


@pytest.fixture
def gate():
    """A handler class that waits; opened at the end of the test."""
    gate = Gate()
    yield gate
    gate.opened.set()
    for thread in gate.threads:
        thread.join(DEADLINE)


@pytest.mark.parametrize(("name", "value"), [("daemon_threads", False), ("block_on_close", True)])
def test_defaults(module, name, value):
    """The attributes that a subclass may set have these values by default."""
    assert getattr(module.ThreadingMixIn, name) is value


def test_the_mixin_has_no_constructor(module):
    """A mix-in leaves the constructor alone, so that any server class can follow it."""
    assert "__init__" not in vars(module.ThreadingMixIn)
    assert module.ThreadingMixIn.__bases__ == (object,)


def test_each_request_has_its_own_thread(threading_server, make, connect, gate):
    """Requests are handled at the same time, each in a thread of its own."""
    server = make(threading_server, gate)
    for _ in range(3):
        connect(server)
        server.handle_request()
    until(lambda: len(gate.threads) == 3)
    assert len({*gate.threads, threading.current_thread()}) == 4


def test_clients_do_not_wait_for_each_other(stream_server, module, make, connect):
    """Two handlers that wait for each other both finish."""
    meeting = threading.Barrier(2, timeout=DEADLINE)

    def handle(self):
        meeting.wait()
        self.request.sendall(b"met")

    server = make(stream_server, handler(module, handle))
    with serving(server):
        clients = [connect(server) for _ in range(2)]
        assert [read_all(client) for client in clients] == [b"met", b"met"]


@pytest.mark.parametrize("wanted", [False, True])
def test_daemon_threads(threading_server, make, connect, gate, wanted):
    """daemon_threads decides whether the program may end while handlers run."""
    server = make(threading_server, gate, daemon_threads=wanted)
    connect(server)
    server.handle_request()
    until(lambda: gate.threads)
    assert gate.threads[0].daemon is wanted


def test_not_even_in_a_daemon_thread(module, make, connect, gate):
    """A loop in a daemon thread still makes threads that are not daemons."""
    server = make(module.ThreadingTCPServer, gate)
    with serving(server):
        connect(server)
        until(lambda: gate.threads)
    assert gate.threads[0].daemon is False


def test_the_thread_runs_process_request_thread(threading_server, make, connect):
    """process_request_thread, which programs override, does the work in the new thread."""
    seen, server = [], make(threading_server)
    server.process_request_thread = lambda *args: seen.append((threading.get_ident(), *args))
    server.process_request("request", "client")
    until(lambda: seen)
    assert seen[0][1:] == ("request", "client")
    assert seen[0][0] != threading.get_ident()


def test_process_request_thread_finishes_then_shuts_down(module, make):
    """In the thread, a request is finished and shut down."""
    calls, server = [], make(module.ThreadingTCPServer)
    server.shutdown_request = lambda *_: None
    note(calls, server, "finish_request", "handle_error", "shutdown_request")
    server.process_request_thread("request", "client")
    assert calls == [("finish_request", "request", "client"), ("shutdown_request", "request")]


def test_an_exception_in_the_thread_is_reported(module, make):
    """An exception in a handler leads to handle_error, then to shutdown_request."""
    calls, server = [], make(module.ThreadingTCPServer, raising(ValueError))
    server.handle_error = server.shutdown_request = lambda *_: None
    note(calls, server, "handle_error", "shutdown_request")
    server.process_request_thread("request", "client")
    assert calls == [("handle_error", "request", "client"), ("shutdown_request", "request")]


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_other_exceptions_only_shut_down(module, make, error):
    """SystemExit and the like are not reported by the server, but the request is closed."""
    calls, server = [], make(module.ThreadingTCPServer, raising(error))
    server.shutdown_request = lambda *_: None
    note(calls, server, "handle_error", "shutdown_request")
    with pytest.raises(error):
        server.process_request_thread("request", "client")
    assert calls == [("shutdown_request", "request")]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_a_failing_thread_closes_its_connection(stream_server, make, connect, error):
    """A handler that fails in its thread loses its own connection; the server goes on."""
    server = make(stream_server, raising(error), handle_error=lambda *_: None)
    with serving(server):
        first = connect(server)
        assert read_all(first) == b""
        server.RequestHandlerClass = lambda request, *_: request.sendall(b"fine")
        assert read_all(connect(server)) == b"fine"


def test_a_thread_that_cannot_start_is_an_error(module, make, connect, monkeypatch):
    """When the system has no more threads, that is reported and the connection closed."""
    errors, server = [], make(module.ThreadingTCPServer, block_on_close=False)
    server.handle_error = lambda *args: errors.append(args)
    client = connect(server)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", raising(RuntimeError("can't start new thread")))
        server.handle_request()
    assert client.recv(1) == b""
    assert len(errors) == 1


@pytest.mark.beyond
def test_closing_after_a_thread_could_not_start(module, make, connect, monkeypatch):
    """A thread that never started is not waited for."""
    server = make(module.ThreadingTCPServer, handle_error=lambda *_: None)
    connect(server)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", raising(RuntimeError("can't start new thread")))
        server.handle_request()
    server.server_close()


# Closing


def close_while_busy(server, connect, gate):
    """Close a server with one handler at work; tell whether server_close waits for it."""
    connect(server)
    server.handle_request()
    until(lambda: gate.threads)
    closer = threading.Thread(target=server.server_close, daemon=True)
    closer.start()
    closer.join(MOMENT)
    waits = closer.is_alive()
    assert server.socket.fileno() == -1, "the socket is closed before the wait"
    gate.opened.set()
    closer.join(DEADLINE)
    assert not closer.is_alive()
    return waits


def test_server_close_waits_for_the_threads(threading_server, make, connect, gate):
    """By default server_close closes the socket, then waits for the handlers still at work."""
    assert close_while_busy(make(threading_server, gate), connect, gate)


def test_without_block_on_close_it_does_not_wait(threading_server, make, connect, gate):
    """With block_on_close = False server_close waits for nobody."""
    assert not close_while_busy(make(threading_server, gate, block_on_close=False), connect, gate)


def test_it_does_not_wait_for_daemons(threading_server, make, connect, gate):
    """server_close does not wait for daemon threads."""
    assert not close_while_busy(make(threading_server, gate, daemon_threads=True), connect, gate)


@pytest.mark.parametrize("slowest", [0, 4])
def test_server_close_waits_for_all_threads(module, make, connect, slowest):
    """server_close waits for each thread, whichever is the last to end."""
    gates, threads = [threading.Event() for _ in range(5)], []

    def handle(*_):
        threads.append(threading.current_thread())
        gates[len(threads) - 1].wait(DEADLINE)

    server = make(module.ThreadingTCPServer, handle)
    for number in range(5):
        connect(server)
        server.handle_request()
        until(lambda wanted=number: len(threads) > wanted)
    closer = threading.Thread(target=server.server_close, daemon=True)
    closer.start()
    for gate in gates:
        if gate is not gates[slowest]:
            gate.set()
    closer.join(MOMENT)
    waits = closer.is_alive()
    gates[slowest].set()
    closer.join(DEADLINE)
    assert waits and not closer.is_alive()


def test_servers_do_not_wait_for_each_other(module, make, connect, gate):
    """Each server waits for its own threads only."""
    busy, other = make(module.ThreadingTCPServer, gate), make(module.ThreadingTCPServer)
    connect(busy)
    busy.handle_request()
    until(lambda: gate.threads)
    in_time(other.server_close)
    assert gate.threads[0].is_alive()


def test_a_server_that_served_nobody_closes(threading_server, make):
    """server_close works before the first request."""
    make(threading_server).server_close()


def test_finished_threads_are_forgotten(module, make, connect):
    """A server that runs for years does not keep all the threads that have ended."""
    threads = []
    server = make(
        module.ThreadingTCPServer,
        lambda *_: threads.append(weakref.ref(threading.current_thread())),
    )
    for number in range(5):
        client = connect(server)
        server.handle_request()
        read_all(client)
        until(lambda wanted=number: len(threads) > wanted)
        running = threads[number]()
        if running is not None:
            running.join(DEADLINE)
        del running
    gc.collect()
    assert sum(thread() is not None for thread in threads) <= 1
