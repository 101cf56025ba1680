"""An error of a network program comes with a sentence that helps."""

import errno
import socket

import pytest
from nbformat import v4

from socketlab.explain import explain

from ..kernels import execute


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


def test_a_port_that_needs_rights():
    assert "below 1024" in explain(PermissionError(errno.EACCES, "Permission denied"))


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
