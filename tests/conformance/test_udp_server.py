"""UDPServer: one socket for all, and a datagram for each request."""

import socket

import pytest

from .helpers import handler, note, raising, serving

DATAGRAM_SERVERS = ["UDPServer", "UnixDatagramServer"]


@pytest.fixture(params=DATAGRAM_SERVERS)
def datagram_server(request, find):
    """Each of the servers for datagrams without a mix-in."""
    return find(request.param)


def echo(self):
    data, sock = self.request
    sock.sendto(data, self.client_address)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("address_family", socket.AF_INET),
        ("socket_type", socket.SOCK_DGRAM),
        ("max_packet_size", 8192),
        ("allow_reuse_address", False),
        ("allow_reuse_port", False),
        ("timeout", None),
    ],
)
def test_defaults(module, name, value):
    """The attributes that a subclass may set have these values by default."""
    assert getattr(module.UDPServer, name) == value


def test_udp_server_is_a_tcp_server(module):
    """UDPServer inherits from TCPServer, which says more about code than about networks."""
    assert issubclass(module.UDPServer, module.TCPServer)


def test_the_socket_is_for_datagrams(datagram_server, make):
    """The socket is made for datagrams."""
    assert make(datagram_server).socket.type == socket.SOCK_DGRAM


def test_server_activate_does_not_listen(datagram_server, make):
    """A datagram socket cannot listen, so server_activate does nothing."""
    assert make(datagram_server).server_activate() is None


def test_a_request_is_data_and_socket(datagram_server, make, connect):
    """get_request gives the datagram with the server's own socket, and the client's address."""
    server = make(datagram_server)
    client = connect(server, b"hello")
    assert server.get_request() == ((b"hello", server.socket), client.getsockname())


def test_a_client_is_answered(datagram_server, module, make, connect):
    """A handler answers through the socket of the request."""
    server = make(datagram_server, handler(module, echo))
    client = connect(server, b"hello")
    server.handle_request()
    assert client.recv(100) == b"hello"


def test_serve_forever_answers_all(datagram_server, module, make, connect):
    """Each datagram is a request of its own."""
    server = make(datagram_server, handler(module, echo))
    with serving(server):
        clients = [connect(server, b"%d" % number) for number in range(3)]
        assert [client.recv(100) for client in clients] == [b"0", b"1", b"2"]


@pytest.mark.parametrize("size", [0, 1, 8191, 8192])
def test_a_datagram_up_to_the_limit_comes_whole(datagram_server, make, connect, size):
    """Any datagram of up to max_packet_size bytes comes whole, an empty one too."""
    server = make(datagram_server)
    connect(server, b"x" * size)
    (data, _), _ = server.get_request()
    assert data == b"x" * size


@pytest.mark.parametrize("limit", [8192, 10])
def test_a_longer_datagram_is_cut(datagram_server, make, connect, limit):
    """What a datagram has beyond max_packet_size is lost."""
    server = make(datagram_server, max_packet_size=limit)
    connect(server, b"a" * limit + b"b")
    connect(server, b"next")
    assert server.get_request()[0][0] == b"a" * limit
    assert server.get_request()[0][0] == b"next"


@pytest.mark.parametrize("method", ["shutdown_request", "close_request"])
def test_ending_a_request_leaves_the_socket_open(datagram_server, make, connect, method):
    """The socket of the request is the server's own: it is neither shut down nor closed."""
    server = make(datagram_server)
    client = connect(server, b"1")
    request, client_address = server.get_request()
    getattr(server, method)(request)
    server.socket.sendto(b"open", client_address)
    assert client.recv(10) == b"open"


def test_shutdown_request_calls_close_request(datagram_server, make):
    """To end a datagram, shutdown_request goes through close_request."""
    calls, server = [], make(datagram_server)
    note(calls, server, "close_request")
    server.shutdown_request("a request")
    assert calls == [("close_request", "a request")]


def test_hooks_are_called_in_order(datagram_server, make, connect):
    """A datagram passes the same hooks as a connection."""
    calls, server = [], make(datagram_server)
    note(calls, server, "verify_request", "process_request", "finish_request", "shutdown_request")
    connect(server, b"a")
    server.handle_request()
    assert [name for name, *_ in calls] == [
        "verify_request",
        "process_request",
        "finish_request",
        "shutdown_request",
    ]


def test_a_failing_handler_does_not_stop_the_server(datagram_server, module, make, connect):
    """After a handler has raised, the next datagram is served through the same socket."""
    errors, server = [], make(datagram_server, raising(ValueError))
    server.handle_error = lambda *args: errors.append(args)
    connect(server, b"1")
    server.handle_request()
    assert len(errors) == 1
    server.RequestHandlerClass = handler(module, echo)
    client = connect(server, b"2")
    server.handle_request()
    assert client.recv(10) == b"2"


def test_a_datagram_turned_away_is_dropped(datagram_server, make, connect):
    """A datagram that verify_request turns away makes no handler."""
    made = []
    server = make(datagram_server, lambda *_: made.append(1), verify_request=lambda *_: False)
    connect(server, b"1")
    server.handle_request()
    assert made == []
    assert server.socket.fileno() != -1


def test_server_close_closes_the_socket(datagram_server, make):
    """server_close closes the one socket there is."""
    with make(datagram_server) as server:
        pass
    assert server.socket.fileno() == -1


# Beyond the standard library


@pytest.mark.beyond
def test_a_cut_datagram_is_noticed(datagram_server, make, connect):
    """handle_truncation is called with the client's address before what is left is served."""
    calls, server = [], make(datagram_server, max_packet_size=4)
    note(calls, server, "handle_truncation", "finish_request")
    client = connect(server, b"too long")
    server.handle_request()
    assert calls == [
        ("handle_truncation", client.getsockname()),
        ("finish_request", (b"too ", server.socket), client.getsockname()),
    ]


@pytest.mark.beyond
def test_a_whole_datagram_is_not_reported(datagram_server, make, connect):
    """A datagram of exactly max_packet_size bytes was not too long."""
    calls, server = [], make(datagram_server, max_packet_size=4)
    note(calls, server, "handle_truncation")
    connect(server, b"1234")
    server.handle_request()
    assert calls == []


@pytest.mark.beyond
def test_handle_truncation_does_nothing(module, make):
    """Unless overridden, handle_truncation leaves things as the standard library has them."""
    assert make(module.UDPServer).handle_truncation(("127.0.0.1", 1)) is None
