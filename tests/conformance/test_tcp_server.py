"""TCPServer, and what every server for byte streams has from it."""

import errno
import os
import socket
import socketserver
import struct
import sys
import time

import pytest

from .helpers import (
    counts_descriptors,
    handler,
    note,
    open_descriptors,
    raising,
    read_all,
    serving,
    until,
)

STREAM_SERVERS = ["TCPServer", "UnixStreamServer"]


@pytest.fixture(params=STREAM_SERVERS)
def stream_server(request, find):
    """Each of the servers for byte streams without a mix-in."""
    return find(request.param)


def echo(self):
    self.request.sendall(self.request.recv(100))


# Attributes


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("address_family", socket.AF_INET),
        ("socket_type", socket.SOCK_STREAM),
        ("request_queue_size", socketserver.TCPServer.request_queue_size),  # 5 until 3.14
        ("allow_reuse_address", False),
        ("allow_reuse_port", False),
        ("timeout", None),
    ],
)
def test_defaults(module, name, value):
    """The attributes that a subclass may set have these values by default."""
    assert getattr(module.TCPServer, name) == value


def test_tcp_server_is_a_base_server(module):
    """TCPServer has the loop from BaseServer."""
    assert issubclass(module.TCPServer, module.BaseServer)


# Making one


def test_constructor_binds_then_activates(module, make):
    """The constructor calls server_bind and server_activate, in this order, once each."""
    calls = []

    class Server(module.TCPServer):
        def server_bind(self):
            calls.append("server_bind")
            super().server_bind()

        def server_activate(self):
            calls.append("server_activate")
            super().server_activate()

    make(Server)
    assert calls == ["server_bind", "server_activate"]


def test_constructor_can_leave_that_to_the_caller(module, closing):
    """With bind_and_activate=False the socket exists, but has no port and does not listen."""
    server = closing(module.TCPServer(("127.0.0.1", 0), None, bind_and_activate=False))
    assert server.socket.getsockname()[1] == 0
    assert server.server_address == ("127.0.0.1", 0)
    server.server_bind()
    server.server_activate()
    closing(socket.create_connection(server.server_address))


def test_constructor_keeps_the_handler_class(module, make):
    """The handler class is kept under its name, as BaseServer does."""
    assert make(module.TCPServer).RequestHandlerClass is module.BaseRequestHandler


def test_server_address_tells_the_port(module, make):
    """Bound to port 0, server_address holds the port that the system chose."""
    server = make(module.TCPServer)
    assert server.server_address == server.socket.getsockname()
    assert server.server_address[1] != 0


def test_the_socket_is_of_the_family_and_type(stream_server, make):
    """The socket is made from address_family and socket_type."""
    server = make(stream_server)
    assert server.socket.family == stream_server.address_family
    assert server.socket.type == socket.SOCK_STREAM


def test_the_family_can_be_set(module, closing):
    """A subclass with address_family = AF_INET6 serves IPv6."""
    server_class = type("Server", (module.TCPServer,), {"address_family": socket.AF_INET6})
    try:
        server = closing(server_class(("::1", 0), None))
    except OSError:
        pytest.skip("The system has no IPv6.")
    assert server.socket.family == socket.AF_INET6


def test_fileno_is_that_of_the_socket(stream_server, make):
    """fileno gives the listening socket's descriptor, so that a selector can watch the server."""
    server = make(stream_server)
    assert server.fileno() == server.socket.fileno() > 0


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux tells the length of the queue.")
@pytest.mark.parametrize("size", [5, 17])
def test_request_queue_size_is_the_backlog(module, make, size):
    """request_queue_size is what listen is called with."""
    server = make(module.TCPServer, request_queue_size=size)
    info = server.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
    assert struct.unpack_from("I", info, 28) == (size,)


@pytest.mark.parametrize("wanted", [False, True])
@pytest.mark.parametrize(
    ("attribute", "option"),
    [("allow_reuse_address", "SO_REUSEADDR"), ("allow_reuse_port", "SO_REUSEPORT")],
)
def test_reuse_is_asked_for_before_binding(module, make, attribute, option, wanted):
    """allow_reuse_address and allow_reuse_port set the socket's option, each its own."""
    if not hasattr(socket, option):
        pytest.skip(f"The system has no {option}.")
    server = make(module.TCPServer, **{attribute: wanted})
    assert bool(server.socket.getsockopt(socket.SOL_SOCKET, getattr(socket, option))) is wanted
    other = {"SO_REUSEADDR", "SO_REUSEPORT"} - {option}
    assert not server.socket.getsockopt(socket.SOL_SOCKET, getattr(socket, other.pop()))


def test_the_port_of_ipv6_is_reused_as_well(module, closing):
    """allow_reuse_port is for both kinds of internet addresses, by what address_family says."""
    if not hasattr(socket, "SO_REUSEPORT"):
        pytest.skip("The system has no SO_REUSEPORT.")
    server_class = type("Server", (module.TCPServer,), {"allow_reuse_port": True})
    server = closing(server_class(("127.0.0.1", 0), None, bind_and_activate=False))
    server.address_family = socket.AF_INET6  # not the socket's: this machine may have no IPv6
    server.server_bind()
    assert server.socket.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)


def test_reuse_port_lets_two_share_a_port(module, make, closing):
    """Two servers with allow_reuse_port share a port: the option is set before binding."""
    if not hasattr(socket, "SO_REUSEPORT"):
        pytest.skip("The system has no SO_REUSEPORT.")
    first = make(module.TCPServer, allow_reuse_port=True)
    closing(type(first)(first.server_address, None))


# When making one fails


@counts_descriptors
def test_a_port_in_use_leaks_nothing(stream_server, make):
    """When the address is in use, OSError is raised and no socket stays open."""
    server = make(stream_server)
    before = open_descriptors()
    with pytest.raises(OSError) as caught:
        stream_server(server.server_address, None)
    assert caught.value.errno == errno.EADDRINUSE
    assert open_descriptors() == before


@pytest.mark.parametrize("step", ["server_bind", "server_activate"])
@pytest.mark.parametrize("error", [OSError, ValueError, KeyboardInterrupt])
def test_a_failing_start_closes_the_server(module, step, error):
    """Whatever goes wrong in server_bind or server_activate, the server is closed first."""
    made = []

    class Server(module.TCPServer):
        def server_close(self):
            made.append(self.socket)
            super().server_close()

    setattr(Server, step, raising(error))
    with pytest.raises(error):
        Server(("127.0.0.1", 0), None)
    assert [sock.fileno() for sock in made] == [-1]


@pytest.mark.parametrize("address", ["127.0.0.1", ("127.0.0.1",), ("127.0.0.1", "80"), None])
def test_an_address_is_one_tuple(module, address):
    """An address that is not a pair of a host and a number raises TypeError."""
    with pytest.raises(TypeError):
        module.TCPServer(address, None)


def test_host_and_port_are_not_two_arguments(module):
    """Host and port travel as one value; given as two, a handler class is missing."""
    with pytest.raises((TypeError, OSError)):
        module.TCPServer("127.0.0.1", 0)


# One connection


def test_get_request_accepts(module, make, connect, closing):
    """get_request gives the connected socket and the client's address."""
    server = make(module.TCPServer)
    client = connect(server)
    request, client_address = server.get_request()
    assert closing(request).getpeername() == client.getsockname() == client_address


def test_a_client_is_answered(stream_server, module, make, connect):
    """handle_request serves one connection from beginning to end."""
    server = make(stream_server, handler(module, echo))
    client = connect(server, b"hello")
    server.handle_request()
    assert read_all(client) == b"hello"


def test_the_handler_gets_request_address_and_server(module, make, connect):
    """The handler has the connection, the client's address, and the server."""
    seen = []
    server = make(
        module.TCPServer,
        lambda *args: seen.extend([args[0].getpeername(), *args[1:]]),
    )
    client = connect(server)
    server.handle_request()
    assert seen == [client.getsockname(), client.getsockname(), server]


def test_the_connection_is_closed_when_handle_returns(stream_server, make, connect):
    """When the handler is done, the server closes its end."""
    kept = []
    server = make(stream_server, lambda request, *_: kept.append(request))
    client = connect(server)
    server.handle_request()
    assert client.recv(1) == b""
    assert kept[0].fileno() == -1


def test_close_request_closes(stream_server, make, pair):
    """close_request gives back the descriptor."""
    make(stream_server).close_request(pair[0])
    assert pair[0].fileno() == -1


def test_shutdown_request_says_goodbye_before_closing(stream_server, make, pair, closing):
    """The client sees the end even while another process or thread holds the connection."""
    ours, client = pair
    closing(ours.dup())
    make(stream_server).shutdown_request(ours)
    assert client.recv(1) == b""
    assert ours.fileno() == -1


def test_shutdown_request_ends_one_direction_only(module, make, pair, closing):
    """Who else holds the connection can still read what the client sends."""
    ours, client = pair
    copy = closing(ours.dup())
    make(module.TCPServer).shutdown_request(ours)
    client.send(b"late")
    assert copy.recv(4) == b"late"


def test_shutdown_request_calls_close_request(stream_server, make, pair):
    """To end a connection, shutdown_request goes through close_request."""
    calls, server = [], make(stream_server)
    note(calls, server, "close_request")
    server.shutdown_request(pair[0])
    assert calls == [("close_request", pair[0])]


def test_shutdown_request_forgives_a_client_that_left(module, make, closing):
    """A connection that is gone already is closed without an error."""
    unconnected = closing(socket.socket())
    make(module.TCPServer).shutdown_request(unconnected)
    assert unconnected.fileno() == -1


def test_a_connection_can_be_kept(module, make, connect, closing):
    """Who overrides shutdown_request keeps the connection open after handle."""
    kept, server = [], make(module.TCPServer)
    server.shutdown_request = kept.append
    client = connect(server)
    server.handle_request()
    closing(kept[0]).sendall(b"still here")
    assert client.recv(100) == b"still here"


def test_a_connection_turned_away_is_closed(stream_server, make, connect):
    """A connection that verify_request turns away is closed, and no handler is made."""
    made = []
    server = make(stream_server, lambda *_: made.append(1), verify_request=lambda *_: False)
    client = connect(server)
    server.handle_request()
    assert client.recv(1) == b""
    assert made == []


@pytest.mark.parametrize("step", ["setup", "handle", "finish"])
def test_a_failing_handler_loses_its_connection_only(stream_server, module, make, connect, step):
    """A handler that raises is reported and its connection closed; the next one is served."""
    errors = []
    steps = {"handle": lambda self: None, step: raising(ValueError)}
    failing = type("Failing", (module.BaseRequestHandler,), steps)
    server = make(stream_server, failing, handle_error=lambda *args: errors.append(args[1:]))
    first, second = connect(server), connect(server, b"2")
    server.handle_request()
    assert read_all(first) == b""
    server.RequestHandlerClass = handler(module, echo)
    server.handle_request()
    assert read_all(second) == b"2"
    assert len(errors) == 1


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_a_handler_may_end_the_program(stream_server, make, connect, error):
    """SystemExit and Ctrl-C in a handler close the connection and leave handle_request."""
    server = make(stream_server, raising(error))
    client = connect(server)
    with pytest.raises(error):
        server.handle_request()
    assert client.recv(1) == b""


def test_a_failing_handler_is_reported_with_the_client(module, make, connect, capsys):
    """The report on stderr names the client's address and the error."""
    server = make(module.TCPServer, raising(ValueError("broken")))
    client = connect(server)
    server.handle_request()
    err = capsys.readouterr().err
    assert str(client.getsockname()) in err
    assert "ValueError: broken" in err


@counts_descriptors
@pytest.mark.parametrize("outcome", ["served", "failed", "turned away"])
def test_no_connection_leaks(stream_server, make, connect, outcome):
    """However a connection ends, its descriptor is given back."""
    server = make(stream_server, raising(ValueError) if outcome == "failed" else lambda *_: None)
    server.handle_error = lambda *_: None
    server.verify_request = lambda *_: outcome != "turned away"
    connect(server)
    before = open_descriptors()
    server.handle_request()
    assert open_descriptors() == before


def test_one_after_the_other(stream_server, module, make, connect):
    """Without a mix-in, a server serves its connections one by one in order."""
    server = make(stream_server, handler(module, echo))
    clients = [connect(server, b"%d" % number) for number in range(4)]
    with serving(server):
        assert [read_all(client) for client in clients] == [b"0", b"1", b"2", b"3"]


# Closing


def test_server_close_closes_the_socket(stream_server, make):
    """server_close closes the listening socket."""
    server = make(stream_server)
    server.server_close()
    assert server.socket.fileno() == -1


def test_server_close_can_be_called_twice(stream_server, make):
    """Closing a closed server does no harm."""
    server = make(stream_server)
    server.server_close()
    server.server_close()


def test_after_server_close_clients_are_refused(module, make, connect):
    """Once the server is closed, nobody listens on its port."""
    server = make(module.TCPServer)
    server.server_close()
    with pytest.raises(ConnectionRefusedError):
        connect(server)


def test_with_closes_the_listening_socket(stream_server, make):
    """The end of a with block closes the listening socket."""
    with make(stream_server) as server:
        pass
    assert server.socket.fileno() == -1


def test_shutdown_does_not_close(module, make, connect):
    """shutdown ends the loop only; clients can still connect, and wait."""
    server = make(module.TCPServer, lambda request, *_: request.sendall(b"served"))
    with serving(server):
        pass
    client = connect(server)
    server.handle_request()
    assert read_all(client) == b"served"


# Beyond the standard library

STARVING = """
import importlib, resource, sys, threading, time
module = importlib.import_module(sys.argv[1])
accepts = 0
class Server(module.TCPServer):
    def get_request(self):
        global accepts
        accepts += 1
        return super().get_request()
import socket
server = Server(("127.0.0.1", 0), None)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = socket.create_connection(server.server_address)
client.recv(1)
waiting = socket.socket()
resource.setrlimit(resource.RLIMIT_NOFILE, (waiting.fileno() + 1, 100))
waiting.connect(server.server_address)
deadline = time.monotonic() + 4
while not accepts > 1 and time.monotonic() < deadline:
    time.sleep(0.01)
time.sleep(0.2)
print(accepts)
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))  # a thread needs descriptors to end
server.shutdown()
"""


@pytest.mark.beyond
@pytest.mark.skipif(os.name != "posix", reason="Only Unix can lower the number of descriptors.")
def test_a_server_out_of_descriptors_does_not_spin(module, request):
    """A real server without descriptors tries to accept a few times a second, no more."""
    import subprocess

    result = subprocess.run(
        [sys.executable, "-c", STARVING, module.__name__],
        capture_output=True,
        encoding="utf-8",
        timeout=20,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert result.returncode == 0, result.stderr
    assert 2 <= int(result.stdout) <= 12


LASTING_ERRORS = [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EBADF]


def short_of(number, tries, failing=lambda: True):
    """A mix-in whose get_request notes each try, and fails with the error while `failing`."""

    class Short:
        def get_request(self):
            tries.append(number)
            if failing():
                raise OSError(number, "not now")
            return super().get_request()

    return Short


@pytest.mark.beyond
@pytest.mark.parametrize("server_class", ["TCPServer", "UDPServer"])
@pytest.mark.parametrize("number", LASTING_ERRORS, ids=errno.errorcode.get)
def test_on_a_lasting_error_the_loop_pauses(module, make, connect, number, server_class):
    """When taking a request fails and will fail again, the loop tries a few times a second."""
    tries = []
    bases = (short_of(number, tries), getattr(module, server_class))
    server = make(type("Server", bases, {}))
    connect(server)
    with serving(server) as thread:
        until(lambda: tries)
        thread.join(0.2)
        assert 1 <= len(tries) <= 8


@pytest.mark.beyond
def test_a_shortage_that_ends_is_over_soon(module, make, connect):
    """Once descriptors are there again, the clients that waited are served within a moment."""
    tries = []
    bases = (short_of(errno.EMFILE, tries, lambda: len(tries) < 4), module.TCPServer)
    server = make(type("Server", bases, {}), lambda request, *_: request.sendall(b"served"))
    with serving(server):
        start = time.monotonic()
        assert read_all(connect(server)) == b"served"
        assert 0.1 < time.monotonic() - start < 2.5
        before = len(tries)
        for _ in range(10):
            assert read_all(connect(server)) == b"served"
        assert len(tries) == before + 10


@pytest.mark.beyond
def test_other_errors_do_not_slow_the_loop(module, make, connect):
    """A client that went away before it was accepted is no reason for a pause."""
    tries = []
    bases = (short_of(errno.ECONNABORTED, tries, lambda: len(tries) < 200), module.TCPServer)
    server = make(type("Server", bases, {}), lambda request, *_: request.sendall(b"served"))
    with serving(server):
        assert read_all(connect(server)) == b"served"
