"""DualStackMixIn: IPv4 and IPv6 clients on one socket."""

import socket

import pytest

import minisocketserver
from minisocketserver.beyond import DualStackMixIn, LimitsMixIn, ThreadPoolMixIn

from ..conformance.helpers import DEADLINE, read_all, serving


class TCPServer(DualStackMixIn, minisocketserver.TCPServer):
    """One request at a time."""


class Pool(LimitsMixIn, ThreadPoolMixIn, DualStackMixIn, minisocketserver.TCPServer):
    """With other parts in front."""


class UDPServer(DualStackMixIn, minisocketserver.UDPServer):
    """Datagrams."""


class IPv4Only(DualStackMixIn, minisocketserver.TCPServer):
    """What there is where the system has no such sockets."""

    address_family = socket.AF_INET


needs_both = pytest.mark.skipif(
    not socket.has_dualstack_ipv6(), reason="The system has no socket for IPv4 and IPv6."
)
CLIENTS = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]


def tell_client(request, client_address, server):
    answer = client_address[0].encode()
    if isinstance(request, tuple):
        request[1].sendto(answer, client_address)
    else:
        request.sendall(answer)


@pytest.fixture
def start(closing):
    """Make a server on all addresses."""
    return lambda server_class: closing(server_class(("", 0), tell_client))


def talk(closing, server, family, host):
    """Send a greeting, and return what comes back."""
    client = closing(socket.socket(family, server.socket_type))
    client.settimeout(DEADLINE)
    client.connect((host, server.server_address[1]))
    if server.socket_type == socket.SOCK_DGRAM:
        client.send(b"hello")
        return client.recv(100)
    return read_all(client)


@needs_both
@pytest.mark.parametrize("server_class", [TCPServer, Pool, UDPServer])
def test_both_kinds_of_clients_are_served(start, closing, server_class):
    """A client of each kind is answered; an IPv4 client has a mapped address."""
    server = start(server_class)
    with serving(server):
        answers = [talk(closing, server, *client) for client in CLIENTS]
    assert answers == [b"::ffff:127.0.0.1", b"::1"]


@needs_both
@pytest.mark.parametrize(("host", "client"), [("127.0.0.1", CLIENTS[0]), ("::1", CLIENTS[1])])
def test_one_address_is_one_kind(closing, host, client):
    """A server on one address serves clients of that kind; IPv4 addresses are written mapped."""
    written = "::ffff:" + host if client[0] == socket.AF_INET else host
    server = closing(TCPServer((written, 0), tell_client))
    with serving(server):
        assert talk(closing, server, *client) == written.encode()


@needs_both
def test_the_address_of_such_a_server(start):
    """server_address has four values, as IPv6 addresses have."""
    assert start(TCPServer).server_address[:1] == ("::",)
    assert len(start(TCPServer).server_address) == 4


def test_without_such_sockets_there_is_ipv4(start, closing):
    """On a system without IPv6 the same class serves IPv4 clients."""
    server = start(IPv4Only)
    with serving(server):
        assert talk(closing, server, *CLIENTS[0]) == b"127.0.0.1"
