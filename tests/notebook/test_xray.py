"""The kernel's side, on real sockets: each state, queue and drop is brought about, then seen."""

import os
import pickle
import re
import socket
import socketserver
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from socketlab import record, running, short_tempdir, tcp_client, xray
from socketlab.notebook import kernel_tables
from socketlab.notebook.kernel_tables import End

HERE = ("127.0.0.1", 0)
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Only Linux shows these.")


def until(holds, seconds=10.0):
    """Wait for something that the kernel does in its own time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.005)


@pytest.fixture
def listener():
    with socket.create_server(HERE, backlog=5) as listener:
        listener.settimeout(5)
        yield SimpleNamespace(socket=listener, server_address=listener.getsockname())


def connect(server):
    return socket.create_connection(server.server_address, timeout=5)


@linux
def test_who_hangs_up_first_waits_longest(listener):
    """The server says goodbye: FIN_WAIT2, and TIME_WAIT once the client has answered."""
    with xray(listener) as seen:
        client = connect(listener)
        connection, _ = listener.socket.accept()
        until(lambda: seen.states("server 1") and seen.states("client 1"))
        connection.close()
        until(lambda: seen.states("server 1")[-1] == "FIN_WAIT2")
        until(lambda: seen.states("client 1")[-1] == "CLOSE_WAIT")
        client.close()
        until(lambda: seen.states("server 1")[-1] == "TIME_WAIT")
    assert seen.states("listener") == ["LISTEN"]
    brief = {"FIN_WAIT1", "LAST_ACK"}  # over before anyone looks, on most machines
    server, client = (
        [state for state in seen.states(lane) if state not in brief]
        for lane in ("server 1", "client 1")
    )
    assert server == ["ESTABLISHED", "FIN_WAIT2", "TIME_WAIT"]
    assert client == ["ESTABLISHED", "CLOSE_WAIT"]
    assert re.search(r"^server 1: ESTABLISHED from \d+ to \d+ ms, then FIN_WAIT", repr(seen), re.M)


@linux
def test_a_send_fills_two_buffers(listener):
    """What isn't read waits: in the reader's kernel first, then in the sender's."""
    with xray(listener) as seen, connect(listener) as client:
        connection, _ = listener.socket.accept()
        with connection:
            client.setblocking(False)
            sent = 0
            with pytest.raises(BlockingIOError):
                while True:
                    sent += client.send(bytes(100_000))
            until(lambda: seen.unsent("client 1") and seen.unread("server 1"))
            time.sleep(0.05)
            assert seen.unsent("client 1") + seen.unread("server 1") >= sent > 100_000
            assert seen.unsent("server 1") == seen.unread("client 1") == 0
    assert "bytes unsent" in repr(seen) and "bytes unread" in repr(seen)


@linux
def test_clients_wait_in_the_backlog(listener):
    with xray(listener) as seen:
        clients = [connect(listener) for _ in range(3)]
        until(lambda: seen.backlog == 3)
        for _ in clients:
            listener.socket.accept()[0].close()
        for client in clients:
            client.close()
    assert seen.backlog == 3 and seen.room == 5
    assert "listener: LISTEN" in repr(seen) and "at most 3 of 5 in the backlog" in repr(seen)
    assert {"server 1", "server 2", "server 3"} <= set(seen.lanes)


@linux
def test_a_datagram_that_finds_no_room_is_dropped():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        bound.bind(HERE)
        server = SimpleNamespace(socket=bound, server_address=bound.getsockname())
        with xray(server) as seen, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(20):
                sender.sendto(bytes(500), server.server_address)
            until(lambda: seen.dropped)
        bound.setblocking(False)
        read = 0
        while True:
            try:
                bound.recv(500)
            except BlockingIOError:
                break
            read += 1
    assert 0 < read < 20 and seen.dropped == 20 - read
    assert seen.states("socket") == ["bound"] and seen.unread("socket") > 0
    assert f"{seen.dropped} datagrams dropped" in repr(seen)
    assert f">{seen.dropped} dropped</text>" in seen.picture().svg


@linux
def test_a_connection_is_held_by_parent_and_child(listener):
    """After a fork, one connection is in two tables of descriptors."""
    with xray(listener) as seen, connect(listener) as client:
        connection, _ = listener.socket.accept()
        gate_out, gate_in = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(gate_in)
            os.read(gate_out, 1)
            os._exit(0)
        try:
            until(lambda: ("this process", "child 1") in seen.holders("server 1"))
            connection.close()
            until(lambda: seen.holders("server 1")[-1] == ("child 1",))
            assert seen.states("server 1") == ["ESTABLISHED"], "the child still holds it"
        finally:
            os.close(gate_in)
            os.close(gate_out)
            os.waitpid(child, 0)
        until(lambda: seen.states("server 1")[-1] == "FIN_WAIT2")
        client.recv(1)
    assert seen.lanes["server 1"].holders == ["this process", "child 1"]
    assert seen.holders("server 1")[-2:] == [("this process", "child 1"), ("child 1",)]
    assert "this process and child 1, then by child 1" in repr(seen)
    assert ">2 processes hold it</text>" in seen.picture().svg
    assert max(seen.descriptors) > seen.descriptors[0]


@linux
def test_a_unix_server_has_its_states_and_queues():
    folder = short_tempdir()
    path = os.path.join(folder or "/tmp", f"xray-{os.getpid()}.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        try:
            listener.listen(1)
            server = SimpleNamespace(socket=listener, server_address=path)
            with xray(server) as seen, socket.socket(socket.AF_UNIX) as client:
                client.settimeout(5)
                client.connect(path)
                connection, _ = listener.accept()
                client.sendall(b"twelve bytes")
                until(lambda: seen.unread("server 1") == 12)
                connection.close()
        finally:
            os.unlink(path)
    assert seen.states("listener") == ["LISTEN"]
    assert seen.states("server 1")[0] == "connected"


class Patient(socketserver.BaseRequestHandler):
    """Answers once it has been seen."""

    def handle(self):
        seen = self.server.seen  # one look may show one end before the other
        until(lambda: seen.states("client 2") and seen.states("server 2"))
        self.request.sendall(self.request.recv(100))


@linux
def test_threads_and_sockets_are_drawn_on_one_axis():
    server = socketserver.ThreadingTCPServer(HERE, Patient)
    with record(server) as log, xray(server, log) as seen, running(server):
        server.seen = seen
        clients = [
            threading.Thread(target=tcp_client, args=(server.server_address, "hi")) for _ in "ab"
        ]
        for one in clients:
            one.start()
        for one in clients:
            one.join()
    bundle = seen._repr_mimebundle_()
    svg = bundle["image/svg+xml"]
    for word in ("Thread-2", "Thread-3", "listener", "client 1", "server 2", "ESTABLISHED"):
        assert f">{word}</text>" in svg, word
    assert svg.count(">milliseconds</text>") == 1
    assert "client 1: ESTABLISHED from" in seen.picture().alt
    assert bundle["text/plain"] == repr(seen)


@linux
def test_looking_ends_at_the_deadline(listener):
    with xray(listener, deadline=0.05) as seen:
        until(lambda: not seen._thread.is_alive())
        looks = len(seen.descriptors)
        time.sleep(0.05)
        assert len(seen.descriptors) == looks


def test_elsewhere_a_sentence_says_what_is_missing(listener, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with xray(listener) as seen, connect(listener):
        pass
    assert seen.lanes == {}
    assert repr(seen).startswith("Only Linux shows its tables")
    assert seen._repr_mimebundle_() == {"text/plain": repr(seen)}
    assert seen.states("client 1") == [] and seen.backlog == seen.dropped == 0


def test_a_table_of_ipv6_is_read(tmp_path, monkeypatch):
    words = "00000000000000000000000001000000" if sys.byteorder == "little" else "0" * 31 + "1"
    row = f"0: {words}:0050 {words}:1F90 01 00000010:00000020 00:0 0 1000 0 4711 1 0 0 0 0 0 0"
    (tmp_path / "tcp6").write_text(f"head\n{row}\n")
    monkeypatch.setattr(kernel_tables, "NET", tmp_path)
    [end] = kernel_tables.internet_sockets("tcp", 8080)
    assert end == End("tcp", "::1:80", "::1:8080", "ESTABLISHED", 16, 32, 4711)
    assert (end.port, end.remote_port) == (80, 8080)


@linux
def test_a_socket_will_do_in_place_of_a_server():
    with socket.create_server(HERE) as listener, xray(listener) as seen:
        assert seen.states("listener") == ["LISTEN"]


@linux
def test_waiting_ends_when_it_is_seen_or_with_what_was_seen(listener):
    with xray(listener) as seen, connect(listener):
        seen.wait_until(lambda: "ESTABLISHED" in seen.states("client 1"))
        with pytest.raises(TimeoutError, match=r"within 0\.05 seconds.*\nlistener: LISTEN from"):
            seen.wait_until(lambda: "TIME_WAIT" in seen.states("client 1"), 0.05)


def test_waiting_for_what_cannot_be_seen_takes_no_time(listener, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with xray(listener) as seen:
        seen.wait_until(lambda: False, 60)


@linux
def test_what_was_seen_can_be_sent_home(listener):
    with xray(listener) as seen, connect(listener):
        seen.wait_until(lambda: seen.states("server 1"))
    home = pickle.loads(pickle.dumps(seen))
    assert repr(home) == repr(seen) and home.picture().svg == seen.picture().svg


def test_only_rows_with_the_port_are_taken_apart(tmp_path, monkeypatch):
    """A hundred thousand remembered connections made one look take longer than a test waits."""
    row = "0: 0100007F:0050 0100007F:1F90 01 00000000:00000000 00:0 0 1000 0 4711 1"
    (tmp_path / "tcp").write_text(f"head\n{row}\n7: a row of other programs\n")
    monkeypatch.setattr(kernel_tables, "NET", tmp_path)
    for port in (0x50, 0x1F90):
        assert [end.number for end in kernel_tables.internet_sockets("tcp", port)] == [4711]
    assert not [*kernel_tables.internet_sockets("tcp", 0x5000)]
