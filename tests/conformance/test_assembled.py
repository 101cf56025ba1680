"""The ready-mixed servers, and the module as a whole."""

import os
import socket
import socketserver as standard
import threading
import warnings

import pytest

from .helpers import DEADLINE, handler, serving

MIXED = [
    (f"{kind}{base}", f"{kind}MixIn", base)
    for kind in ("Threading", "Forking")
    for base in ("TCPServer", "UDPServer", "UnixStreamServer", "UnixDatagramServer")
]
SERVERS = [base for *_, base in MIXED[:4]] + [name for name, *_ in MIXED]


def test_every_name_of_the_standard_library_is_there(module):
    """Whatever the running Python's socketserver exports, the module exports."""
    assert set(standard.__all__) <= set(module.__all__)


@pytest.mark.beyond
def test_forking_unix_servers_are_exported_on_every_python(module):
    """The standard library has them from Python 3.12 on."""
    if not hasattr(os, "fork") or not hasattr(socket, "AF_UNIX"):
        pytest.skip("The system cannot fork, or has no Unix sockets.")
    assert {"ForkingUnixStreamServer", "ForkingUnixDatagramServer"} <= set(module.__all__)


def test_the_version_is_read_as_in_the_standard_library(module):
    """The same text, and a warning where that warns."""

    def read(source):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            return source.__version__, len(caught)

    assert read(module) == read(standard)


def test_what_is_exported_exists(module):
    """__all__ names nothing that is not there, and nothing twice."""
    assert all(hasattr(module, name) for name in module.__all__)
    assert len(module.__all__) == len(set(module.__all__))


def test_private_names_that_programs_use(module):
    """Programs import these although they are private."""
    assert callable(module._SocketWriter)
    assert callable(module._ServerSelector)


@pytest.mark.parametrize(("name", "mixin", "base"), MIXED)
def test_the_mixin_comes_first(find, name, mixin, base):
    """Each ready-mixed class is its mix-in, then its server, and nothing of its own."""
    mixed = find(name)
    assert mixed.__bases__ == (find(mixin), find(base))
    assert not {key for key in vars(mixed) if not key.startswith("__")}
    assert mixed.__name__ == name


@pytest.mark.parametrize("name", SERVERS)
def test_a_class_is_called_by_its_name(find, name):
    """The name of each class is the name it is exported under."""
    assert find(name).__name__ == name


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize("name", SERVERS)
def test_every_server_answers(find, module, make, connect, name):
    """Each server class answers several clients with the ready-made handler of its kind."""
    server_class = find(name)
    is_stream = server_class.socket_type == socket.SOCK_STREAM
    base = "StreamRequestHandler" if is_stream else "DatagramRequestHandler"

    def handle(self):
        self.wfile.write(self.rfile.readline().upper())

    server = make(server_class, handler(module, handle, base))
    with serving(server):
        for greeting in (b"hello\n", b"again\n"):
            assert connect(server, greeting).recv(100) == greeting.upper()


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize("name", SERVERS)
def test_where_the_handler_runs(find, module, make, connect, closing, name):
    """Plain servers handle here, threading ones in another thread, forking ones in a process."""
    read, write = os.pipe()
    places = closing(os.fdopen(read, "rb", 0))
    out = closing(os.fdopen(write, "wb", 0))

    def handle(self):
        out.write(b"%d %d\n" % (os.getpid(), threading.get_ident()))

    server = make(find(name), handler(module, handle))
    connect(server)
    server.timeout = DEADLINE
    server.handle_request()
    pid, thread = map(int, places.readline().split())
    assert (pid != os.getpid()) == name.startswith("Forking")
    if pid == os.getpid():
        assert (thread != threading.get_ident()) == name.startswith("Threading")


def test_a_mixin_of_your_own(module, make, connect):
    """Mix-ins work with any server class, first among the bases."""
    threads = []
    server_class = type("Mixed", (module.ThreadingMixIn, module.TCPServer), {})
    server = make(server_class, lambda *_: threads.append(threading.current_thread()))
    connect(server)
    server.handle_request()
    server.server_close()
    assert threads and threads[0] is not threading.current_thread()
