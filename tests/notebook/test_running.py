"""`running` cleans up, whatever the server does."""

import socket
import threading
import time
from itertools import product

import pytest

import minisocketserver
from socketlab import ServerError, running, tcp_client

LOCALHOST = ("127.0.0.1", 0)


class Echo(minisocketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(self.request.recv(100))


def refuses(address):
    """Tell whether nobody listens at the address any more."""
    with socket.socket() as sock:
        sock.settimeout(5)
        return sock.connect_ex(address) != 0


@pytest.mark.usefixtures("nothing_left")
def test_serves_inside_the_block_and_closes_after_it(module):
    server = module.TCPServer(LOCALHOST, Echo)
    with running(server) as same:
        assert same is server
        assert tcp_client(server.server_address, "one") == "one"
        assert not refuses(server.server_address)
    assert refuses(server.server_address)


@pytest.mark.usefixtures("nothing_left")
def test_the_same_lines_can_be_run_again_on_the_same_port():
    class Server(minisocketserver.TCPServer):
        allow_reuse_address = True

    address = LOCALHOST
    for _ in range(5):
        with running(Server(address, Echo)) as server:
            address = server.server_address
            assert tcp_client(address, "again") == "again"


@pytest.mark.usefixtures("nothing_left")
def test_an_error_in_the_block_comes_through_and_the_server_is_closed():
    server = minisocketserver.TCPServer(LOCALHOST, Echo)
    with pytest.raises(KeyError), running(server):
        raise KeyError("in the block")
    assert refuses(server.server_address)


@pytest.mark.usefixtures("nothing_left")
def test_an_interrupted_cell_leaves_no_listener():
    server = minisocketserver.TCPServer(LOCALHOST, Echo)
    with pytest.raises(KeyboardInterrupt), running(server):
        raise KeyboardInterrupt
    assert refuses(server.server_address)


@pytest.mark.usefixtures("nothing_left")
def test_a_server_that_dies_is_told_and_closed():
    class Dying(minisocketserver.TCPServer):
        def serve_forever(self):
            raise ZeroDivisionError("at work")

    server = Dying(LOCALHOST, Echo)
    with (
        pytest.raises(ServerError, match=r"Dying\.serve_forever\(\) ended with ZeroDiv"),
        running(server),
    ):
        pass
    assert refuses(server.server_address)


@pytest.mark.usefixtures("nothing_left")
def test_where_the_block_fails_because_the_server_died_both_are_told():
    class Dying(minisocketserver.TCPServer):
        def serve_forever(self):
            raise ZeroDivisionError("at work")

    run = running(Dying(LOCALHOST, Echo))
    with pytest.raises(TimeoutError) as caught, run:
        run.thread.join(5)
        raise TimeoutError("no answer")
    [note] = caught.value.__notes__
    assert note.startswith("Meanwhile Dying.serve_forever() ended with ZeroDivisionError: at work")


class Endless(minisocketserver.TCPServer):
    """Its loop looks at nothing but `released`, so that the tests can end it."""

    def __init__(self):
        self.released = threading.Event()
        super().__init__(LOCALHOST, Echo)

    def serve_forever(self):
        self.released.wait(30)


def test_a_loop_that_will_not_stop_is_told_and_its_listener_closed():
    class Deaf(Endless):
        def shutdown(self):
            pass

    server = Deaf()
    run = running(server, deadline=0.1)
    with pytest.raises(ServerError, match=r"Deaf\.serve_forever\(\) goes on"), run:
        pass
    assert refuses(server.server_address)
    server.released.set()
    run.thread.join(5)
    assert not run.thread.is_alive()


def test_a_shutdown_that_never_returns_is_told_and_the_listener_closed():
    class Stuck(Endless):
        def shutdown(self):
            self.released.wait(30)

    server = Stuck()
    run = running(server, deadline=0.1)
    with pytest.raises(ServerError, match=r"0\.1 seconds for Stuck\.shutdown\(\) to return"), run:
        pass
    assert refuses(server.server_address)
    server.released.set()
    run.thread.join(5)
    assert not run.thread.is_alive()


@pytest.mark.usefixtures("nothing_left")
def test_an_error_in_shutdown_comes_through_and_the_listener_is_closed():
    class Sour(minisocketserver.TCPServer):
        def shutdown(self):
            super().shutdown()
            raise LookupError("sour")

    server = Sour(LOCALHOST, Echo)
    with pytest.raises(LookupError), running(server):
        pass
    assert refuses(server.server_address)


# A handler, or a loop, that computes without end.


def spins(self=None):
    while True:
        pass


class Spins(minisocketserver.BaseRequestHandler):
    handle = spins


class Loops(minisocketserver.TCPServer):
    def serve_forever(self, poll_interval=0.5):
        spins()


class Daemons(minisocketserver.ThreadingTCPServer):
    daemon_threads = True


def nobody_spins(before):
    """What only waited for a thread that has been ended, as `shutdown()` does, ends after it."""
    later = set(threading.enumerate()) - before
    for one in later:
        one.join(5)
    return not any(one.is_alive() for one in later)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(
    ("kind", "waits"),
    [
        *product(
            [minisocketserver.TCPServer, minisocketserver.ThreadingTCPServer, Loops], [True, False]
        ),
        (Daemons, True),  # if nobody waits for such a thread, nobody can tell whether it is to end
    ],
)
def test_an_endless_loop_is_named_and_ended(kind, waits):
    before = set(threading.enumerate())
    server = kind(LOCALHOST, Spins)
    started = time.monotonic()
    with pytest.raises(ServerError) as caught, running(server, deadline=1.0):
        with socket.create_connection(server.server_address, timeout=0.5) as client:
            if waits:
                client.recv(100)
        time.sleep(0.2)
    assert time.monotonic() - started < 10
    assert "was busy without end and has been stopped, in line" in str(caught.value)
    assert "while True:" in str(caught.value) or "pass" in str(caught.value)
    assert caught.value._render_traceback_() == [str(caught.value)]
    assert refuses(server.server_address)
    time.sleep(0.2)
    assert nobody_spins(before)


def test_one_that_catches_all_is_ended_too():
    class Stubborn(minisocketserver.BaseRequestHandler):
        def handle(self):
            try:
                spins()
            except:  # noqa: E722  # as learners write it
                spins()

    before = set(threading.enumerate())
    server = minisocketserver.TCPServer(LOCALHOST, Stubborn)
    with pytest.raises(ServerError, match="busy without end"), running(server, deadline=1.0):
        socket.create_connection(server.server_address, timeout=0.5).close()
        time.sleep(0.2)
    assert nobody_spins(before)


def test_a_handler_that_only_waits_is_not_called_busy():
    class Waits(minisocketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(100)

    server = minisocketserver.TCPServer(LOCALHOST, Waits)
    with (
        pytest.raises(TimeoutError),
        running(server),
        socket.create_connection(server.server_address, timeout=0.3) as client,
    ):
        client.recv(100)
