"""DrainMixIn: a clean end, with a deadline."""

import threading
import time
from contextlib import suppress

import pytest

import minisocketserver
from minisocketserver.beyond import DrainMixIn, LimitsMixIn, ThreadPoolMixIn, TLSMixIn

from ..conformance.helpers import DEADLINE, in_time, read_all, serving, until
from .helpers import ask, noted_errors


class OneAtATime(DrainMixIn, minisocketserver.TCPServer):
    """A handler runs in the loop's own thread."""


class Threads(DrainMixIn, minisocketserver.ThreadingTCPServer):
    """A thread for each handler."""


class Pool(DrainMixIn, ThreadPoolMixIn, minisocketserver.TCPServer):
    """A pool of threads."""


class PoolFirst(ThreadPoolMixIn, DrainMixIn, minisocketserver.TCPServer):
    """The same in another order."""


class Everything(LimitsMixIn, DrainMixIn, TLSMixIn, ThreadPoolMixIn, minisocketserver.TCPServer):
    """All that goes together."""


SERVERS = [OneAtATime, Threads, Pool, PoolFirst]


@pytest.fixture(params=SERVERS, ids=lambda server_class: server_class.__name__)
def server_class(request):
    """Each way to run handlers."""
    return request.param


@pytest.fixture
def release():
    """An event that lets handlers go which look at nothing else; set at the end of the test."""
    release = threading.Event()
    yield release
    release.set()


def start(server):
    """Serve in a thread of its own; `drain` will end it."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    return thread


def drain(server, seconds):
    return in_time(server.drain, seconds)


def test_an_idle_server_ends_at_once(make, server_class):
    """With nothing at work drain does not wait, closes the server and has cut nobody."""
    server = make(server_class)
    thread = start(server)
    assert drain(server, 60) == []
    thread.join(DEADLINE)
    assert not thread.is_alive()
    assert server.socket.fileno() == -1


def test_a_server_that_never_served_ends_at_once(make, server_class):
    """drain also works before serve_forever."""
    server = make(server_class)
    assert drain(server, 60) == []
    assert server.socket.fileno() == -1


def test_a_handler_may_finish(make, connect, gate, server_class):
    """A handler that ends within the deadline is waited for, and its client gets all of it."""
    server = make(server_class, gate)
    start(server)
    client = connect(server)
    until(lambda: gate.threads)
    threading.Timer(0.1, gate.opened.set).start()
    assert drain(server, 60) == []
    assert read_all(client) == b"done"


def test_new_clients_are_refused_meanwhile(make, connect, gate):
    """While a handler finishes, the listener is closed already."""
    server = make(Threads, gate)
    start(server)
    client = connect(server)
    until(lambda: gate.threads)
    address = server.server_address
    drainer = threading.Thread(target=server.drain, args=(60,), daemon=True)
    drainer.start()
    until(lambda: server.socket.fileno() == -1)
    server.server_address = address
    with pytest.raises(ConnectionRefusedError):
        connect(server)
    gate.opened.set()
    drainer.join(DEADLINE)
    assert read_all(client) == b"done"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_handler_that_reads_is_cut(make, connect, server_class):
    """A handler that still waits for its client at the deadline is told that the client is gone."""
    ended = []
    server = make(server_class, lambda request, *_: ended.append(request.recv(1)))
    start(server)
    client = connect(server)
    until(lambda: server.open_requests)
    assert drain(server, 0.05) == [client.getsockname()]
    assert client.recv(1) == b""
    until(lambda: ended == [b""])
    assert not server.open_requests


def test_a_handler_that_writes_is_cut(make, connect, server_class):
    """A handler whose client does not read is ended by an error in its next write."""
    server = make(server_class, lambda request, *_: request.sendall(bytes(100_000_000)))
    errors = noted_errors(server)
    start(server)
    client = connect(server)
    until(lambda: server.open_requests)
    assert drain(server, 0.05) == [client.getsockname()]
    until(lambda: errors)
    assert isinstance(errors[0], OSError)


def test_a_handler_that_never_looks(make, connect, server_class, release):
    """What a handler without an end does cannot be cut, and drain does not wait for it."""
    server = make(server_class, lambda *_: release.wait(4 * DEADLINE))
    thread = start(server)
    client = connect(server)
    until(lambda: server.open_requests)
    assert drain(server, 0.05) == [client.getsockname()]
    assert client.recv(1) == b""
    assert server.socket.fileno() == -1
    release.set()
    thread.join(DEADLINE)
    assert not thread.is_alive()


def test_requests_that_wait_for_a_thread_are_cut_too(make, connect, release):
    """A request that a pool has taken, and has no thread for, is told and closed."""
    server = make(Pool, lambda *_: release.wait(4 * DEADLINE), pool_size=1, queue_size=1)
    start(server)
    clients = [connect(server) for _ in range(2)]
    until(lambda: len(server.open_requests) == 2)
    assert drain(server, 0.05) == [client.getsockname() for client in clients]
    assert [client.recv(1) for client in clients] == [b"", b""]


def test_the_deadline_holds_with_many_at_work(make, connect, release):
    """The time is for all handlers together, not for each."""
    server = make(Threads, lambda *_: release.wait(4 * DEADLINE), request_queue_size=20)
    start(server)
    for _ in range(20):
        connect(server)
    until(lambda: len(server.open_requests) == 20)
    started = time.monotonic()
    assert len(drain(server, 0.2)) == 20
    assert time.monotonic() - started < 3


def test_datagrams_are_waited_for(make, connect):
    """Handlers of datagrams may finish too; they have no connection that could be cut."""
    answered = []

    def handle(*_):
        time.sleep(0.1)
        answered.append(True)

    server = make(type("Server", (DrainMixIn, minisocketserver.ThreadingUDPServer), {}), handle)
    start(server)
    connect(server, b"hello")
    until(lambda: server.open_requests)
    assert drain(server, 60) == []
    assert answered == [True]


def test_closing_after_draining(make):
    """drain may stand in a with block, which closes the server again."""
    with make(Threads) as server:
        start(server)
        drain(server, 1)
        in_time(server.shutdown)


def test_without_drain_nothing_changes(make, connect, server_class):
    """The ways to serve and to stop stay as they are."""
    server = make(server_class, lambda request, *_: request.sendall(request.recv(9)))
    with serving(server):
        assert ask(connect(server)) == b"hello\n"


def test_everything_together(make, connect, server_context, client_context):
    """With limits, TLS and a pool: who is answered in time gets it all, who is silent is cut."""

    def echo(request, *_):
        request.sendall(request.recv(9) * 2)

    server = make(Everything, echo, ssl_context=server_context)
    start(server)
    silent, quick = (
        client_context.wrap_socket(connect(server), server_hostname="localhost") for _ in range(2)
    )
    with silent, quick:
        assert ask(quick) == b"hello\nhello\n"
        until(lambda: len(server.open_requests) == 1)
        assert drain(server, 0.05) == [silent.getsockname()]
        assert not server.open_requests


def test_a_cut_tls_client_never_reads_in_the_clear(make, connect, server_context, client_context):
    """A connection that is cut stays encrypted for a handler that goes on writing."""
    cut, seen = threading.Event(), []

    def handle(request, *_):
        with suppress(OSError):  # an end, or a broken pipe: in which way it is cut, Pythons differ
            request.recv(1)
        seen.append(request.session)  # None once the encryption is gone
        cut.set()

    server = make(Everything, handle, ssl_context=server_context)
    start(server)
    client = client_context.wrap_socket(connect(server), server_hostname="localhost")
    with client:
        until(lambda: server.open_requests)
        assert drain(server, 0.3) == [client.getsockname()]
    cut.wait(DEADLINE)
    assert None not in seen and len(seen) == 1
