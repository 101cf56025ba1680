"""The Unix servers: a path for an address. What they share is in the TCP and UDP tests."""

import os
import socket

import pytest

from .helpers import handler, read_all

pytestmark = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX"), reason="The system has no Unix sockets."
)

UNIX_SERVERS = ["UnixStreamServer", "UnixDatagramServer"]


@pytest.fixture(params=UNIX_SERVERS)
def unix_server(request, find):
    """Both of the Unix servers."""
    return find(request.param)


def test_the_family_is_unix(unix_server):
    """Their address_family is AF_UNIX."""
    assert unix_server.address_family == socket.AF_UNIX


def test_what_they_inherit(module):
    """They are a TCPServer and a UDPServer with another family of addresses."""
    assert issubclass(module.UnixStreamServer, module.TCPServer)
    assert not issubclass(module.UnixStreamServer, module.UDPServer)
    assert issubclass(module.UnixDatagramServer, module.UDPServer)


def test_the_address_is_a_path(unix_server, make):
    """server_address is the path, and a socket appears there."""
    server = make(unix_server)
    assert isinstance(server.server_address, str)
    assert os.path.exists(server.server_address)


def test_the_file_stays_behind(unix_server, make):
    """server_close leaves the file; who made it removes it."""
    with make(unix_server) as server:
        pass
    assert os.path.exists(server.server_address)


def test_a_path_that_exists_is_in_use(unix_server, make):
    """A file left behind makes the next server fail with 'Address already in use'."""
    with make(unix_server) as server:
        pass
    with pytest.raises(OSError, match="in use"):
        unix_server(server.server_address, None)


def test_a_stream_client_has_no_address(module, make, connect):
    """A client of a Unix stream has an empty client_address, unless it bound a path."""
    seen = []
    server = make(module.UnixStreamServer, handler(module, lambda self: seen.append(self)))
    client = connect(server)
    server.handle_request()
    assert read_all(client) == b""
    assert not seen[0].client_address


@pytest.mark.beyond
def test_reuse_port_is_for_internet_addresses(unix_server, make):
    """allow_reuse_port is not asked of a Unix socket: new Linux refuses it (gh-128916)."""
    if not hasattr(socket, "SO_REUSEPORT"):
        pytest.skip("The system has no SO_REUSEPORT.")
    server = make(unix_server, allow_reuse_port=True)
    assert server.socket.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT) == 0
