"""TLSMixIn: encrypted connections, without waiting for a client in the loop."""

import socket
import ssl
import time

import pytest

import minisocketserver
from minisocketserver.beyond import LimitsMixIn, ThreadPoolMixIn, TLSMixIn

from ..conformance.helpers import DEADLINE, handler, in_time, read_all, serving, until
from .helpers import ask, noted_errors


class OneAtATime(TLSMixIn, minisocketserver.TCPServer):
    """TLS without threads."""


class Threads(TLSMixIn, minisocketserver.ThreadingTCPServer):
    """TLS, and a thread for each client."""


class TLSLast(minisocketserver.ThreadingMixIn, TLSMixIn, minisocketserver.TCPServer):
    """The other order."""


class Pool(TLSMixIn, ThreadPoolMixIn, minisocketserver.TCPServer):
    """TLS, and a pool."""


class LimitsFirst(LimitsMixIn, TLSMixIn, minisocketserver.ThreadingTCPServer):
    """TLS with limits."""


class LimitsLast(TLSMixIn, LimitsMixIn, minisocketserver.ThreadingTCPServer):
    """The same in another order."""


SERVERS = [OneAtATime, Threads, TLSLast, Pool, LimitsFirst, LimitsLast]
if hasattr(minisocketserver, "ForkingTCPServer"):

    class Processes(TLSMixIn, minisocketserver.ForkingTCPServer):
        """TLS, and a process for each client."""

    SERVERS.append(Processes)

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


def echo_line(self):
    self.wfile.write(self.rfile.readline())


EchoLine = handler(minisocketserver, echo_line, base="StreamRequestHandler")


@pytest.fixture(params=SERVERS, ids=lambda server_class: server_class.__name__)
def server_class(request):
    """Each way to run handlers, and orders of the bases."""
    return request.param


@pytest.fixture
def make_tls(make, server_context):
    """Make a server that has a certificate."""

    def make_tls(server_class, handler_class=EchoLine, **attributes):
        return make(server_class, handler_class, ssl_context=server_context, **attributes)

    return make_tls


@pytest.fixture
def connect_tls(connect, closing, client_context):
    """Connect a client that shakes hands, and checks the certificate."""

    def connect_tls(server):
        client = client_context.wrap_socket(connect(server), server_hostname="localhost")
        return closing(client)

    return connect_tls


def test_what_is_sent_arrives(make_tls, connect_tls, server_class):
    """Over TLS a handler reads and writes as it does without."""
    server = make_tls(server_class)
    with serving(server):
        for _ in range(3):
            assert ask(connect_tls(server)) == b"hello\n"


def test_a_large_answer_arrives(make_tls, connect_tls):
    """An answer larger than all the buffers arrives whole."""
    server = make_tls(Threads, lambda request, *_: request.sendall(bytes(3_000_000)))
    with serving(server):
        assert len(read_all(connect_tls(server))) == 3_000_000


def test_the_handler_sees_an_encrypted_connection(make_tls, connect_tls):
    """The handler's request is a TLS connection whose handshake is done."""
    seen = []
    server = make_tls(Threads, lambda request, *_: seen.append(request.cipher()))
    with serving(server):
        client = connect_tls(server)
        assert client.recv(1) == b""
    assert seen == [client.cipher()]


def test_the_end_is_no_cut(make_tls, connect, client_context, server_class):
    """The server says goodbye inside the encryption: the client can tell it from a cut line."""
    server = make_tls(server_class)
    with (
        serving(server),
        client_context.wrap_socket(
            connect(server), server_hostname="localhost", suppress_ragged_eofs=False
        ) as client,
    ):
        assert ask(client) == b"hello\n"


@pytest.mark.parametrize("threaded", [Threads, TLSLast, Pool, LimitsFirst, LimitsLast])
def test_a_silent_client_delays_nobody(make_tls, connect, connect_tls, threaded):
    """While a client does not shake hands, others are accepted, greeted and served."""
    server = make_tls(threaded)
    with serving(server):
        silent = connect(server)
        assert ask(connect_tls(server)) == b"hello\n"
        silent.close()


def test_the_loop_does_not_wait_for_a_handshake(make_tls, connect):
    """shutdown is as prompt as ever while a client does not shake hands."""
    server = make_tls(Threads)
    errors = noted_errors(server)
    with serving(server, 60):
        silent = connect(server)
        time.sleep(0.05)
    silent.close()
    in_time(server.server_close)
    assert isinstance(errors[0], OSError)


def test_a_handshake_takes_too_long(make_tls, connect, connect_tls, server_class):
    """A client that does not shake hands within handshake_timeout is closed, with the reason."""
    server = make_tls(server_class, handshake_timeout=0.05)
    errors = noted_errors(server)
    with serving(server):
        assert connect(server).recv(1) == b""
        server.handshake_timeout = DEADLINE
        assert ask(connect_tls(server)) == b"hello\n"
    if server_class.__name__ != "Processes":  # there, the child saw it
        assert [type(error) for error in errors] == [TimeoutError]


def test_a_handshake_byte_by_byte(make_tls, connect):
    """handshake_timeout is for the whole handshake, however often the client sends a byte."""
    server = make_tls(Threads, handshake_timeout=0.2)
    errors = noted_errors(server)
    hello = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(*hello, server_hostname="x").do_handshake()
    with serving(server):
        client = connect(server)
        with pytest.raises(OSError):
            for byte in hello[1].read():
                client.send(bytes([byte]))
                time.sleep(0.02)
        until(lambda: errors)
    assert isinstance(errors[0], TimeoutError)


def test_the_time_limit_of_the_handshake_ends_with_it(make_tls, connect_tls):
    """After the handshake the connection has the time limit that it had before."""
    limits = []
    for attributes in ({}, {"idle_timeout": 7.0}):
        server = make_tls(
            LimitsFirst if attributes else Threads,
            lambda request, *_: limits.append(request.gettimeout()),
            **attributes,
        )
        with serving(server):
            read_all(connect_tls(server))
    assert limits == [None, 7.0]


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.0\r\n\r\n", bytes(100), b"\x16\x03\x01\xff\xff"]
)
def test_garbage_instead_of_a_handshake(make_tls, connect, connect_tls, garbage):
    """Who speaks something else is closed, with the reason, and others are served."""
    server = make_tls(Threads, handshake_timeout=0.2)
    errors = noted_errors(server)
    with serving(server):
        client = connect(server, garbage)
        until(lambda: errors)
        assert isinstance(errors[0], OSError)
        client.close()
        assert ask(connect_tls(server)) == b"hello\n"


def test_a_client_that_does_not_trust_the_server(make_tls, connect, connect_tls):
    """A client that refuses the certificate is an error of its own connection only."""
    server = make_tls(Threads)
    errors = noted_errors(server)
    stranger = ssl.create_default_context()
    with serving(server):
        raw = connect(server)
        with pytest.raises(ssl.SSLCertVerificationError):
            stranger.wrap_socket(raw, server_hostname="localhost")
        until(lambda: errors)
        assert isinstance(errors[0], OSError)
        assert ask(connect_tls(server)) == b"hello\n"


def test_a_client_that_resets_in_the_handshake(make_tls, connect, connect_tls):
    """A client that goes away before the handshake does no harm."""
    server = make_tls(Threads, handle_error=lambda *_: None)
    with serving(server):
        for _ in range(5):
            client = connect(server)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1] + [0] * 7))
            client.close()
        assert ask(connect_tls(server)) == b"hello\n"


def test_a_pool_full_of_silent_clients_recovers(make_tls, connect, connect_tls):
    """Silent clients hold the pool's threads for handshake_timeout, not longer."""
    server = make_tls(Pool, handshake_timeout=0.1, pool_size=2, handle_error=lambda *_: None)
    with serving(server):
        silent = [connect(server) for _ in range(4)]
        client = connect(server)
        assert [client.recv(1) for client in silent] == [b""] * 4
        client.close()
        assert ask(connect_tls(server)) == b"hello\n"


def test_one_too_many_is_closed_without_waiting(make_tls, connect):
    """A connection over the limit is closed in the loop, which does not wait for a goodbye."""
    server = make_tls(LimitsFirst, max_connections=0)
    errors = noted_errors(server)
    with serving(server, 60):
        assert [connect(server).recv(1) for _ in range(3)] == [b""] * 3
    assert len(errors) == 3


def test_without_a_certificate(make):
    """A server without an ssl_context is an error when it is made, and leaves nothing open."""
    with pytest.raises(AttributeError, match="ssl_context"):
        make(Threads)


@pytest.mark.skipif(not hasattr(minisocketserver, "UnixStreamServer"), reason="No Unix sockets.")
def test_over_a_unix_socket(make_tls, connect_tls):
    """Any stream server will do."""
    server_class = type("Server", (TLSMixIn, minisocketserver.ThreadingUnixStreamServer), {})
    server = make_tls(server_class)
    with serving(server):
        assert ask(connect_tls(server)) == b"hello\n"
