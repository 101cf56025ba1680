"""OpenRequestsMixIn: know which requests are being served."""

import socket
import ssl

import pytest

import minisocketserver
from minisocketserver import beyond
from minisocketserver.beyond.open_requests import OpenRequestsMixIn

from ..conformance.helpers import DEADLINE, MOMENT, in_time, raising, serving, until
from .helpers import noted_errors


class TCPServer(OpenRequestsMixIn, minisocketserver.TCPServer):
    """One request at a time."""


class ThreadingTCPServer(OpenRequestsMixIn, minisocketserver.ThreadingTCPServer):
    """Many at once."""


class ThreadingUDPServer(OpenRequestsMixIn, minisocketserver.ThreadingUDPServer):
    """Many datagrams at once."""


def addresses(server):
    return [client_address for _, client_address in server.open_requests.values()]


def test_a_new_server_has_no_open_requests(make):
    """Nothing is open before the first client comes."""
    assert addresses(make(TCPServer)) == []


def test_a_request_is_open_while_it_is_served(make, connect, gate):
    """A request is counted, with its client's address, until it is closed."""
    server = make(ThreadingTCPServer, gate)
    with serving(server):
        clients = [connect(server) for _ in range(2)]
        until(lambda: len(gate.threads) == 2)
        assert addresses(server) == [client.getsockname() for client in clients]
        gate.opened.set()
        until(lambda: not server.open_requests)


def test_equal_datagrams_are_two_requests(make, connect):
    """Two datagrams of the same content from the same client are counted as two."""
    server = make(ThreadingUDPServer)
    client = connect(server, b"same")
    client.send(b"same")
    first, second = server.get_request(), server.get_request()
    assert first == second
    for request, client_address in (first, second):
        server.request_taken(request, client_address)
    assert len(server.open_requests) == 2


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
def test_a_request_that_failed_is_not_open(make, connect, error):
    """However a handler ends, its request is closed and forgotten."""
    server = make(TCPServer, raising(error))
    errors = noted_errors(server)
    connect(server)
    try:
        server.handle_request()
    except BaseException as raised:
        errors.append(raised)
    assert [type(noted) for noted in errors] == [error]
    assert not server.open_requests


def test_a_request_turned_away_is_not_open(make, connect):
    """A request that verify_request turns away is forgotten too."""
    server = make(TCPServer)
    server.verify_request = lambda *_: False
    connect(server)
    server.handle_request()
    assert not server.open_requests


class Wrapped(socket.socket):
    """What a server makes of a connection: a new object, with the descriptor of the old one."""

    def __init__(self, connection):
        super().__init__(fileno=connection.detach())
        self.settimeout(DEADLINE)


class WrapsInGetRequest:
    """The recipe for TLS that is passed around: what `accept` gave is replaced, or fails."""

    def get_request(self):
        connection, client_address = super().get_request()
        first = connection.recv(1)
        if first != b"!":
            connection.close()
            raise ssl.SSLError(1, "wrong version number")
        return Wrapped(connection), client_address


class WrapsInProcessRequest:
    """The same later on."""

    def process_request(self, request, client_address):
        super().process_request(Wrapped(request), client_address)


class KeepsOpen:
    """Leaves the connection to the program, which closes it when it likes."""

    def shutdown_request(self, request):
        self.kept.append(request)


class CallsOneParent:
    """Calls the constructor of one parent by its name, as much public code does."""

    def __init__(self, *args):
        minisocketserver.TCPServer.__init__(self, *args)


class NamesLikeOurs:
    """Has attributes and methods under names that the mix-ins might also like."""

    def __init__(self, *args):
        self._pool = self._queue = self._closed = self._stop = self._stopped = "mine"
        super().__init__(*args)

    def _wake(self):
        raise AssertionError("not called by the library")

    _start_thread = _serve_queue = stop_serving = _wake


class LimitedTo3(beyond.LimitsMixIn):
    """Three connections."""

    max_connections = 3


PARTS = {
    "pool": [beyond.ThreadPoolMixIn],
    "limits": [LimitedTo3, minisocketserver.ThreadingMixIn],
    "drain": [beyond.DrainMixIn, minisocketserver.ThreadingMixIn],
}


def server_of(make, parts, *mixins, **attributes):
    def shout(request, *_):
        request.sendall(request.recv(9).upper())

    kind = type("Server", (*mixins, *PARTS[parts], minisocketserver.TCPServer), {"kept": []})
    server = make(kind, shout, **{"pool_size": 2, "daemon_threads": True} | attributes)
    noted_errors(server)
    return server


@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize(
    "mixin", [WrapsInGetRequest, WrapsInProcessRequest, CallsOneParent, NamesLikeOurs]
)
def test_a_subclass_does_things_in_its_own_way(make, connect, parts, mixin):
    """Whatever a subclass makes of a connection, the part counts none that is gone."""
    server = server_of(make, parts, mixin)
    with serving(server):
        for _ in range(12):
            client = connect(server, b"!hi")
            assert client.recv(9).endswith(b"HI")
            until(lambda: not server.open_requests)
    if parts == "drain":
        assert in_time(server.drain, 60) == []


@pytest.mark.parametrize("parts", PARTS)
def test_a_request_that_get_request_refuses_is_not_counted(make, connect, parts):
    """Strangers whose handshake fails take up no place."""
    server = server_of(make, parts, WrapsInGetRequest)
    with serving(server):
        for _ in range(12):
            assert connect(server, b"?").recv(9) == b""
        assert connect(server, b"!hi").recv(9) == b"HI"
        until(lambda: not server.open_requests)


@pytest.mark.parametrize("parts", ["pool", "limits"])
def test_connections_that_a_program_keeps_take_up_no_thread_and_no_place(make, connect, parts):
    """A pool counts those that it serves, and limits those that are open, closed by whomever."""
    server = server_of(make, parts, KeepsOpen)
    with serving(server):
        for served in range(1, 10):
            assert connect(server, b"hi").recv(9) == b"HI"
            until(lambda wanted=served: len(server.kept) == wanted)
            if parts == "limits" or served % 3 == 0:
                server.kept[-1].close()
        for kept in server.kept:
            kept.close()


def test_a_connection_that_is_wrapped_and_open_is_counted(make, connect, gate):
    """What get_request made of a connection is what is counted, and cut off at the end."""
    server = make(
        type("Server", (WrapsInGetRequest, *PARTS["drain"], minisocketserver.TCPServer), {}), gate
    )
    with serving(server):
        client = connect(server, b"!")
        until(lambda: gate.threads)
        assert [type(request) for request, _ in server.open_requests.values()] == [Wrapped]
        assert server.drain(MOMENT) == [client.getsockname()]


def test_waiting_for_none_to_be_open(make, connect, gate):
    """wait_until_closed waits for the last request, and tells whether it came to that."""
    server = make(ThreadingTCPServer, gate)
    with serving(server):
        connect(server)
        until(lambda: gate.threads)
        assert server.wait_until_closed(MOMENT) is False
        gate.opened.set()
        assert in_time(server.wait_until_closed, 60) is True
