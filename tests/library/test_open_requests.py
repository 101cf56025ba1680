"""OpenRequestsMixIn: know which requests are being served."""

import pytest

import minisocketserver
from minisocketserver.beyond.open_requests import OpenRequestsMixIn

from ..conformance.helpers import MOMENT, in_time, raising, serving, until
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
    assert server.get_request() == server.get_request()
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


def test_waiting_for_none_to_be_open(make, connect, gate):
    """wait_until_closed waits for the last request, and tells whether it came to that."""
    server = make(ThreadingTCPServer, gate)
    with serving(server):
        connect(server)
        until(lambda: gate.threads)
        assert server.wait_until_closed(MOMENT) is False
        gate.opened.set()
        assert in_time(server.wait_until_closed, 60) is True
