"""An error of a network program comes with a sentence that helps."""

import errno
import hashlib
import os
import socket
import socketserver
import time
from concurrent.futures import Future

import pytest
from nbformat import v4

import minisocketserver
from minisocketserver import BaseRequestHandler, StreamRequestHandler, TCPServer
from socketlab.kernels import execute
from socketlab.notebook.explain import explain

from ..forks import in_a_fork


def raised(call, *arguments):
    with pytest.raises((OSError, OverflowError, TypeError)) as info:
        call(*arguments)
    return info.value


@pytest.fixture
def sock():
    with socket.socket() as sock:
        yield sock


def test_an_address_in_use(sock):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert "port 0" in explain(raised(sock.bind, listener.getsockname()))


def test_an_address_of_another_machine(sock):
    assert "another machine" in explain(raised(sock.bind, ("192.0.2.1", 0)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="asks an ordinary user, in a fork")
@pytest.mark.parametrize(("kind", "sentence"), [("port", "below 1024"), ("path", "in its folder")])
def test_an_address_that_needs_rights(kind, sentence, tmp_path):
    """Root may use any, and a system may let all use any port; then there is nothing to explain."""

    def told():
        if os.getuid() == 0:
            os.setuid(65534)
        family = socket.AF_INET if kind == "port" else socket.AF_UNIX
        with socket.socket(family) as sock:
            try:
                sock.bind(("127.0.0.1", 1) if kind == "port" else str(tmp_path / "s"))
            except PermissionError as error:
                return explain(error)
        return ""

    tmp_path.chmod(0o500)
    said = in_a_fork(told)
    if not said:
        pytest.skip("this system allows it")
    assert sentence in said


def test_nobody_listens(sock):
    sock.bind(("127.0.0.1", 0))  # holds the port, and does not listen
    with socket.socket() as client:
        assert "Nobody listens" in explain(raised(client.connect, sock.getsockname()))


def test_a_closed_socket(sock):
    sock.close()
    assert "closed already" in explain(raised(sock.listen))


def test_two_arguments_for_an_address(sock):
    assert "one tuple" in explain(raised(sock.bind, "127.0.0.1"))


def test_a_port_that_is_none(sock):
    assert "0 to 65535" in explain(raised(sock.bind, ("127.0.0.1", 70000)))


def test_text_in_place_of_bytes(sock):
    assert "encode()" in explain(raised(sock.send, "hello"))


def test_an_answer_that_never_comes():
    here, there = socket.socketpair()
    with here, there:
        here.settimeout(0.01)
        assert "did not answer in time" in explain(raised(here.recv, 1))


def test_a_name_that_no_machine_has():
    assert "No machine has this name" in explain(socket.gaierror(-2, "Name or service not known"))


class Handler(BaseRequestHandler):
    pass


class IPv6Server(TCPServer):
    address_family = socket.AF_INET6


class Writes(StreamRequestHandler):
    wbufsize = 0

    def handle(self):
        self.wfile.write("text")


class WritesLater(Writes):
    wbufsize = -1


def handled(handler):
    here, there = socket.socketpair()
    with here, there:
        return explain(raised(handler, here, "", None))


def test_an_address_of_the_other_family():
    """The machine has it, so that no machine has this name would be wrong."""
    if not socket.has_ipv6:
        pytest.skip("this Python has no IPv6")
    for module in (minisocketserver, socketserver):
        said = explain(raised(module.TCPServer, ("::1", 0), Handler))
        assert "address of IPv6" in said and "address_family = socket.AF_INET6" in said
    assert "address of IPv4" in explain(raised(IPv6Server, ("127.0.0.1", 0), Handler))


def test_what_is_wrong_with_an_address():
    connect = socket.create_connection
    assert "A port is a number" in explain(raised(connect, ("127.0.0.1", "htp"), 1))
    assert "has the port in it" in explain(raised(TCPServer, ("127.0.0.1:8000", 0), Handler))


def test_the_path_of_a_unix_socket(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as sock:
        assert "is one path" in explain(raised(sock.bind, ("127.0.0.1", 0)))
        (tmp_path / "s").touch()
        assert "os.unlink(path)" in explain(raised(sock.bind, "s"))


def test_an_address_in_two_arguments(sock):
    assert "one tuple" in explain(raised(sock.bind, "127.0.0.1", 0))


def test_a_datagram_to_all():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        error = raised(sock.sendto, b"", ("255.255.255.255", 9))
        if error.errno != errno.EACCES:
            pytest.skip(f"this system says {error}")
        assert "SO_BROADCAST" in explain(error)


def test_no_client(sock):
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    sock.settimeout(0.01)
    assert "No client came in time" in explain(raised(sock.accept))


@pytest.mark.parametrize("handler", [Writes, WritesLater])
def test_text_in_place_of_bytes_in_a_handler(handler):
    assert "encode()" in handled(handler)


def test_a_call_over_several_lines(sock):
    """The sentence is found by the place of the call, however that is written."""
    with pytest.raises(OverflowError) as info:
        (
            sock
            .bind(
                ("127.0.0.1",
                 70000)
            )
        )  # fmt: skip
    assert "0 to 65535" in explain(info.value)


NOT_OF_SOCKETS = {
    "no file": lambda path: (path / "none").read_text(),
    "a folder": lambda path: path.read_text(),
    "no permission": lambda path: raise_(PermissionError(errno.EACCES, "no", "notes.txt")),
    "no descriptor": lambda path: os.read(9999, 1),
    "a big number": lambda path: 2.0**5000,
    "a big time": lambda path: time.sleep(1e300),
    "bytes and text": lambda path: b"a b".split(" "),
    "text into a file": lambda path: (path / "f").open("wb").write("text"),
    "text into a hash": lambda path: hashlib.sha256().update("text"),
    "a slow thread": lambda path: slow().result(0.01),
    "a slow queue": lambda path: raise_(TimeoutError("too slow")),
    "of its own": lambda path: raise_(OSError(errno.EADDRINUSE, "not from a socket")),
}


def raise_(error):
    raise error


def slow():
    return Future()


@pytest.mark.parametrize("call", NOT_OF_SOCKETS.values(), ids=NOT_OF_SOCKETS)
def test_nothing_to_add_to_what_is_not_of_sockets(call, tmp_path):
    assert explain(raised(call, tmp_path)) is None


def test_nothing_to_add():
    assert explain(ValueError("something else")) is None
    assert explain(TypeError("something else")) is None


def test_a_notebook_shows_the_sentence_below_the_traceback():
    source = "import socketlab, socketserver\nsocketserver.TCPServer('127.0.0.1', 0)"
    notebook = v4.new_notebook(cells=[v4.new_code_cell(source), v4.new_code_cell("1 + 'x'")])
    execute(notebook, allow_errors=True)
    first, second = (cell.outputs[-1] for cell in notebook.cells)
    assert first.ename == "TypeError"
    assert "The address is one tuple" in "\n".join(first.traceback)
    assert second.ename == "TypeError"
