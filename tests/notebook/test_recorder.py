"""The recorder notes what a real server did, and leaves the server as it was."""

import gc
import re
import socket
import threading
import weakref

import pytest

from socketlab import record, running, tcp_client

LOCALHOST = ("127.0.0.1", 0)
pytestmark = pytest.mark.usefixtures("nothing_left")


def echo(module):
    class Echo(module.BaseRequestHandler):
        def handle(self):
            self.request.sendall(self.request.recv(100))

    return Echo


def recorded(server, messages=("one",), client=tcp_client):
    with record(server) as log, running(server):
        for message in messages:
            client(server.server_address, message)
    return log


def udp_client(address, message):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.sendto(message.encode(), address)
        return sock.recv(100).decode()


ONE_AT_A_TIME = """\
Thread-1  serve_forever
Thread-1    get_request
Thread-1      · accept
Thread-1    verify_request
Thread-1    process_request
Thread-1      finish_request
Thread-1        Echo.__init__
Thread-1          Echo.setup
Thread-1          Echo.handle
Thread-1            · recv
Thread-1            · sendall
Thread-1          Echo.finish
Thread-1      shutdown_request
Thread-1        · shutdown
Thread-1        close_request
Thread-1          · close
caller    shutdown
caller    server_close
caller      · close"""

SIDE_BY_SIDE = """\
Thread-1  serve_forever
Thread-1    get_request
Thread-1      · accept
Thread-1    verify_request
Thread-1    process_request
Thread-2      process_request_thread
Thread-2        finish_request
Thread-2          Echo.__init__
Thread-2            Echo.setup
Thread-2            Echo.handle
Thread-2              · recv
Thread-2              · sendall
Thread-2            Echo.finish
Thread-2        shutdown_request
Thread-2          · shutdown
Thread-2          close_request
Thread-2            · close
caller    shutdown
caller    server_close
caller      · close"""


def test_calls_are_nested_as_they_were_made(module):
    log = recorded(module.TCPServer(LOCALHOST, echo(module)))
    assert str(log) == ONE_AT_A_TIME
    assert log.calls == ONE_AT_A_TIME.splitlines()


def test_a_thread_for_each_request_shows(module):
    log = recorded(module.ThreadingTCPServer(LOCALHOST, echo(module)))
    assert str(log) == SIDE_BY_SIDE


def test_twenty_runs_read_the_same(module):
    runs = {
        str(recorded(module.ThreadingTCPServer(LOCALHOST, echo(module)), ["one", "two", "three"]))
        for _ in range(20)
    }
    assert len(runs) == 1
    assert [line for line in runs.pop().splitlines() if "handle" in line] == [
        f"Thread-{number}            Echo.handle" for number in (2, 3, 4)
    ]


def test_datagrams_are_noted(module):
    class Reply(module.DatagramRequestHandler):
        def handle(self):
            self.wfile.write(self.rfile.read())

    log = recorded(module.UDPServer(LOCALHOST, Reply), client=udp_client)
    calls = [line.split(maxsplit=1)[1] for line in log.calls]
    assert calls[:5] == [
        "serve_forever",
        "get_request",
        "· recvfrom",
        "verify_request",
        "process_request",
    ]
    assert "· sendto" in calls
    assert calls.count("· close") == 1  # the server's own socket, by server_close


def test_an_exception_is_noted_where_it_was_raised(module):
    class Broken(module.BaseRequestHandler):
        def handle(self):
            raise ValueError("no")

    class Server(module.TCPServer):
        def handle_error(self, request, client_address):
            pass

    log = recorded(Server(LOCALHOST, Broken))
    assert [line for line in log.calls if "raised" in line] == [
        "Thread-1          Broken.handle  raised ValueError"
    ]
    assert "Thread-1    handle_error" in log.calls
    assert "Thread-1          Broken.finish" in log.calls


def test_the_end_of_the_stream_is_noted(module):
    class UntilEnd(module.BaseRequestHandler):
        def handle(self):
            while data := self.request.recv(100):
                self.request.sendall(data)

    log = recorded(module.TCPServer(LOCALHOST, UntilEnd))
    socket_events = [line.split("· ")[1] for line in log.calls if "·" in line]
    assert socket_events[:4] == ["accept", "recv", "sendall", "recv (end of stream)"]


def test_the_server_is_as_it_was_afterwards(module):
    server = module.TCPServer(LOCALHOST, echo(module))
    server.verify_request = lambda request, client_address: True
    before = dict(vars(server))
    with record(server):
        assert vars(server) != before
    assert {name: vars(server)[name] for name in before} == before
    assert not callable(vars(server).get("get_request"))
    assert type(server.socket) is socket.socket
    server.server_close()


def test_the_server_is_as_it_was_after_an_error_in_the_block(module):
    with module.TCPServer(LOCALHOST, echo(module)) as server:
        before = dict(vars(server))
        with pytest.raises(KeyError), record(server):
            raise KeyError("in the block")
        assert vars(server) == before


def test_nothing_is_noted_after_the_block(module):
    server = module.TCPServer(LOCALHOST, echo(module))
    with record(server) as log:
        pass
    with running(server):
        tcp_client(server.server_address, "unseen")
    assert log.calls == []


def test_a_connection_that_outlives_the_block_is_not_noted_any_more(module):
    with module.TCPServer(LOCALHOST, echo(module)) as server:
        with (
            socket.create_connection(server.server_address, timeout=5),
            record(server) as log,
        ):
            connection, _ = server.get_request()
        noted = log.calls
        connection.close()
    assert log.calls == noted
    assert not any("close" in line for line in noted)


def test_other_servers_of_the_class_are_not_noted(module):
    one, other = (module.TCPServer(LOCALHOST, echo(module)) for _ in range(2))
    with record(one) as log, running(one), running(other):
        tcp_client(other.server_address, "unseen")
    assert log.workers() == []
    assert log.overlapping() == 0


def test_a_log_keeps_no_server_and_no_connection_alive(module):
    server = module.TCPServer(LOCALHOST, echo(module))
    log = recorded(server)
    gone = weakref.ref(server)
    del server
    gc.collect()
    assert gone() is None
    assert log.calls


def test_service_actions_are_noted_where_overridden_and_once_in_a_row(module):
    class Busy(module.TCPServer):
        def service_actions(self):
            pass

    log = recorded(Busy(LOCALHOST, echo(module)), ["one", "two"])
    lines = [line.split(maxsplit=1)[1] for line in log.calls]
    assert "service_actions" in lines
    server = Busy(LOCALHOST, echo(module))
    with server, record(server) as log:
        server.service_actions()
        server.service_actions()
    assert len(log.calls) == 1
    assert not any("service_actions" in line for line in ONE_AT_A_TIME.splitlines())


def test_a_factory_in_place_of_a_handler_class(module):
    handler = echo(module)
    log = recorded(module.TCPServer(LOCALHOST, lambda *args: handler(*args)))
    assert "Thread-1        <lambda>.__call__" in log.calls
    assert "Thread-1          · recv" in log.calls


def test_handle_request_is_noted(module):
    with module.TCPServer(LOCALHOST, echo(module)) as server, record(server) as log:
        with socket.create_connection(server.server_address, timeout=5) as client:
            client.sendall(b"one")
            server.handle_request()
        server.timeout = 0
        server.handle_request()
    assert log.calls[0] == "Thread-1  handle_request"
    assert log.calls[-2:] == ["Thread-1  handle_request", "Thread-1    handle_timeout"]


def test_a_half_built_server():
    class Half:
        """As in chapter 2: no hooks yet."""

        def __init__(self):
            self.socket = socket.create_server(("127.0.0.1", 0))
            self.server_address = self.socket.getsockname()

        def serve_forever(self):
            connection, _ = self.socket.accept()
            with connection:
                self.finish_request(connection)

        def finish_request(self, connection):
            connection.sendall(connection.recv(100))

    server = Half()
    with record(server) as log:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        assert tcp_client(server.server_address, "one") == "one"
        thread.join(5)
        server.socket.close()
    assert [line.split(maxsplit=1)[1] for line in log.calls] == [
        "serve_forever",
        "· accept",
        "finish_request",
        "· recv",
        "· sendall",
        "· close",
        "· close",
    ]


SEQUENCE = """\
 1  TCPServer              get_request
 2  client    → TCPServer  accept
 3  TCPServer              verify_request
 4  TCPServer              process_request
 5  TCPServer              finish_request
 6  TCPServer → Echo       __init__
 7  Echo                   setup
 8  Echo                   handle
 9  client    → Echo       recv
10  Echo      → client     sendall
11  Echo                   finish
12  TCPServer              shutdown_request
13  TCPServer → client     shutdown
14  TCPServer              close_request
15  TCPServer → client     close"""


def test_the_sequence_of_one_request(module):
    log = recorded(module.TCPServer(LOCALHOST, echo(module)), ["one", "two"])
    assert repr(log.sequence()) == SEQUENCE
    assert repr(log.sequence(2)) == SEQUENCE
    with pytest.raises(IndexError, match="no request 3: 2 were recorded"):
        log.sequence(3)


def test_the_sequence_names_threads_where_they_differ(module):
    log = recorded(module.ThreadingTCPServer(LOCALHOST, echo(module)))
    picture = log.sequence()
    assert "ThreadingTCPServer in Thread-1 → ThreadingTCPServer in Thread-2" in repr(picture)
    bundle = picture._repr_mimebundle_()
    assert bundle["text/plain"] == repr(picture)
    assert picture.alt.startswith("Who calls whom for request 1. client, ThreadingTCPServer in")
    assert "2: client to ThreadingTCPServer in Thread-1: accept." in picture.alt
    assert "Thread-2</text>" in picture.svg
    assert len(picture.text.splitlines()) == len(re.findall(r">\d+  ?\w", picture.svg))


def three_clients(server):
    """One slow client and two quick ones, told apart by who lets go first."""
    clients = []
    with record(server) as log, running(server):
        for _ in range(3):
            clients.append(socket.create_connection(server.server_address, timeout=5))
            if "Threading" in type(server).__name__:
                assert clients[-1].recv(1) == b"!"  # it is being served
        slow, *quick = clients
        for client in [*quick, slow]:
            client.sendall(b"go")
        for client in clients:
            while client.recv(10):
                pass
            client.close()
    return log


class Greeting:
    def handle(self):
        self.request.sendall(b"!")
        self.request.recv(10)


def test_plain_servers_work_on_one_request_at_a_time(module):
    handler = type("Handler", (Greeting, module.BaseRequestHandler), {})
    log = three_clients(module.TCPServer(LOCALHOST, handler))
    assert log.overlapping() == 1
    assert log.workers() == ["Thread-1"]
    assert log.timeline().workers == ["Thread-1"]


def test_threading_servers_work_on_three_at_once(module):
    handler = type("Handler", (Greeting, module.BaseRequestHandler), {})
    log = three_clients(module.ThreadingTCPServer(LOCALHOST, handler))
    assert log.overlapping() == 3
    assert log.workers() == ["Thread-2", "Thread-3", "Thread-4"]
    assert [bar.request for bar in log.timeline().bars] == [1, 2, 3]
