"""The module under test, and servers and clients that are closed at the end of a test."""

import importlib
import os
import shutil
import socket
import tempfile
import threading

import pytest

from socketlab import short_tempdir

from .helpers import DEADLINE, bell_server


@pytest.fixture(scope="session")
def module(request):
    """The module under test, named by --socketserver."""
    return importlib.import_module(request.config.getoption("socketserver"))


@pytest.fixture
def find(module):
    """Return the class of that name, or skip the test where the module has none."""

    def find(name):
        if not hasattr(module, name):
            pytest.skip(f"{module.__name__} has no {name} on this system.")
        return getattr(module, name)

    return find


@pytest.fixture
def closing():
    """Return a function that notes something to close at the end of the test."""
    things = []

    def closing(thing):
        things.append(thing)
        return thing

    yield closing
    for thing in reversed(things):
        close = getattr(thing, "server_close", None) or thing.close
        closer = threading.Thread(target=close, daemon=True)
        closer.start()
        closer.join(DEADLINE)
        assert not closer.is_alive(), f"{thing} does not close"


@pytest.fixture
def path():
    """A function that gives paths short enough for a Unix socket."""
    folder = tempfile.mkdtemp(prefix="ss", dir=short_tempdir())
    names = iter("abcdefghijklmnopqrstuvwxyz")
    yield lambda: os.path.join(folder, next(names))
    shutil.rmtree(folder)


@pytest.fixture
def bell(module, closing):
    """Make a server without a network, see `bell_server`."""
    return lambda handler_class=None: closing(bell_server(module, handler_class))


@pytest.fixture
def make(module, closing, path):
    """Make a server of a class, on a free port or a fresh path."""

    def make(server_class, handler_class=None, **attributes):
        if attributes:
            server_class = type(server_class.__name__, (server_class,), attributes)
        # A server under construction, such as a learner's, may lack the attribute.
        family = getattr(server_class, "address_family", socket.AF_INET)
        is_unix = family == getattr(socket, "AF_UNIX", None)
        address = path() if is_unix else ("127.0.0.1", 0)
        return closing(server_class(address, handler_class or module.BaseRequestHandler))

    return make


@pytest.fixture
def connect(closing, path):
    """Connect a client to a server; over datagrams it can be answered."""

    def connect(server, greeting=b""):
        family, kind = server.socket.family, server.socket.type
        client = closing(socket.socket(family, kind))
        client.settimeout(DEADLINE)
        is_unix = family == getattr(socket, "AF_UNIX", None)
        if is_unix and kind == socket.SOCK_DGRAM:
            client.bind(path())
        client.connect(server.server_address)
        if greeting or kind == socket.SOCK_DGRAM:
            client.send(greeting)
        return client

    return connect


@pytest.fixture
def pair(closing):
    """Two connected sockets: the server's and the client's."""
    sockets = socket.socketpair()
    for sock in sockets:
        closing(sock).settimeout(DEADLINE)
    return sockets
