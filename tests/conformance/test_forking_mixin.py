"""ForkingMixIn: a process for each request."""

import contextlib
import inspect
import os
import subprocess
import sys
import threading

import pytest

from .helpers import (
    DEADLINE,
    MOMENT,
    POLL,
    counts_descriptors,
    in_time,
    note,
    open_descriptors,
    raising,
    read_all,
    serving,
    until,
)

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="The system cannot fork."),
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
]

STREAM_SERVERS = ["ForkingTCPServer", "ForkingUnixStreamServer"]
SERVERS = [*STREAM_SERVERS, "ForkingUDPServer", "ForkingUnixDatagramServer"]


@pytest.fixture(params=SERVERS)
def forking_server(request, find):
    """Each of the servers with processes."""
    return find(request.param)


@pytest.fixture(params=STREAM_SERVERS)
def stream_server(request, find):
    """Those of them that serve byte streams."""
    return find(request.param)


class Gate:
    """A handler class whose children tell their process id, then wait for a byte each."""

    def __init__(self):
        self.begun, self._tell = os.pipe()
        self._wait, self._open = os.pipe()
        os.set_blocking(self.begun, False)
        self.count = 0

    def __call__(self, *args):
        os.write(self._tell, b"!")
        os.read(self._wait, 1)

    def begun_children(self):
        with contextlib.suppress(BlockingIOError):
            self.count += len(os.read(self.begun, 100))
        return self.count

    def open(self, children=100):
        os.write(self._open, b"!" * children)

    def close(self):
        self.open()
        for end in (self.begun, self._tell, self._wait, self._open):
            os.close(end)


@pytest.fixture
def gate(closing):
    """A handler class that waits."""
    gate = Gate()
    yield gate
    gate.close()


def ended(pid):
    """Tell whether this child of ours has been waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def serve_one(server, connect):
    """Have one request handled; returns the client and the child's process id."""
    client = connect(server)
    server.handle_request()
    (pid,) = server.active_children
    return client, pid


def exit_status(server, pid):
    """Wait for a child behind the server's back, and return its exit status."""
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    server.collect_children()
    return status


@pytest.mark.parametrize(
    ("name", "value"),
    [("timeout", 300), ("active_children", None), ("max_children", 40), ("block_on_close", True)],
)
def test_defaults(module, name, value):
    """The attributes that a subclass may set have these values by default."""
    assert getattr(module.ForkingMixIn, name) == value


def test_the_mixin_has_no_constructor(module):
    """A mix-in leaves the constructor alone, so that any server class can follow it."""
    assert "__init__" not in vars(module.ForkingMixIn)
    assert module.ForkingMixIn.__bases__ == (object,)


def test_each_request_has_its_own_process(stream_server, make, connect):
    """A request is handled in a child of the server's process."""
    server = make(
        stream_server, lambda request, *_: request.sendall(b"%d %d" % (os.getpid(), os.getppid()))
    )
    client, pid = serve_one(server, connect)
    assert read_all(client) == b"%d %d" % (pid, os.getpid())


def test_a_datagram_is_answered_by_a_process(forking_server, make, connect):
    """Over streams or datagrams, the child's answer reaches the client."""

    def answer(request, client_address, server):
        pid = b"%d" % os.getpid()
        if isinstance(request, tuple):
            request[1].sendto(pid, client_address)
        else:
            request.sendall(pid)

    client, pid = serve_one(make(forking_server, answer), connect)
    assert client.recv(100) == b"%d" % pid


def test_children_work_side_by_side(forking_server, make, connect, gate):
    """Children are at work at the same time, and active_children holds their numbers."""
    server = make(forking_server, gate)
    for _ in range(3):
        connect(server)
        server.handle_request()
    until(lambda: gate.begun_children() == 3)
    assert isinstance(server.active_children, set)
    assert len(server.active_children) == 3
    gate.open()


def test_servers_keep_their_own_children(module, make, connect):
    """active_children belongs to one server, not to the class."""
    server, other = make(module.ForkingTCPServer), make(module.ForkingTCPServer)
    serve_one(server, connect)
    assert other.active_children is None


def test_the_parent_closes_without_a_goodbye(module, make, connect, gate):
    """The parent closes its copy of the connection; only the child may shut it down."""
    calls, server = [], make(module.ForkingTCPServer, gate)
    note(calls, server, "shutdown_request", "close_request")
    client, _ = serve_one(server, connect)
    assert [name for name, *_ in calls] == ["close_request"]
    client.settimeout(MOMENT)
    with pytest.raises(TimeoutError):
        client.recv(1)
    gate.open()


@counts_descriptors
def test_the_parent_leaks_nothing(module, make, connect):
    """After a request the parent has as many descriptors open as before."""
    server = make(module.ForkingTCPServer)
    connect(server)
    before = open_descriptors()
    server.handle_request()
    assert open_descriptors() == before


def test_the_exit_status_of_success_is_0(forking_server, make, connect):
    """A child that served its request exits with 0."""
    server = make(forking_server)
    assert exit_status(server, serve_one(server, connect)[1]) == 0


@pytest.mark.parametrize("error", [ValueError, SystemExit(0), KeyboardInterrupt])
def test_the_exit_status_of_failure_is_1(forking_server, make, connect, error):
    """A child whose handler raised, whatever it was, exits with 1."""
    server = make(forking_server, raising(error), handle_error=lambda *_: None)
    assert exit_status(server, serve_one(server, connect)[1]) == 1


@pytest.mark.parametrize("hook", ["handle_error", "shutdown_request"])
def test_a_child_never_returns(module, make, connect, hook):
    """Even if its last hooks raise, the child exits and does not go on as a second server."""
    server = make(module.ForkingTCPServer, raising(ValueError))
    setattr(server, hook, raising(ValueError))
    parent = os.getpid()
    try:
        client, pid = serve_one(server, connect)
    finally:
        if os.getpid() != parent:
            os._exit(99)
    assert exit_status(server, pid) == 1
    assert client.recv(1) == b""


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_a_failing_child_closes_its_connection(stream_server, make, connect, error):
    """However the child ends, it shuts the connection down."""
    server = make(stream_server, raising(error), handle_error=lambda *_: None)
    client, _ = serve_one(server, connect)
    assert client.recv(1) == b""


def test_a_child_says_goodbye(module, make, connect, closing):
    """The child calls shutdown_request, so that the client sees the end at once."""
    server = make(module.ForkingTCPServer)
    copies = []
    server.close_request = lambda request: copies.append(closing(request))
    client, _ = serve_one(server, connect)
    assert client.recv(1) == b""
    assert copies[0].fileno() != -1


def test_an_exception_in_a_child_is_reported(module, make, connect, capfd):
    """An exception in a handler is reported on stderr, with the client's address."""
    server = make(module.ForkingTCPServer, raising(ValueError("broken")))
    client, _ = serve_one(server, connect)
    server.server_close()
    err = capfd.readouterr().err
    assert "ValueError: broken" in err
    assert str(client.getsockname()) in err


def test_the_report_in_a_child_gets_the_request(module, make, connect):
    """handle_error is called with the request, still open, and the client's address."""
    server = make(module.ForkingTCPServer, raising(ValueError))
    server.handle_error = lambda request, address: request.sendall(repr(address).encode())
    client, _ = serve_one(server, connect)
    assert read_all(client) == repr(client.getsockname()).encode()


def test_system_exit_in_a_child_is_not_reported(module, make, connect, capfd):
    """SystemExit in a handler is no error to report."""
    server = make(module.ForkingTCPServer, raising(SystemExit))
    serve_one(server, connect)
    server.server_close()
    assert capfd.readouterr().err == ""


def test_a_fork_that_fails_is_an_error(module, make, connect, monkeypatch):
    """When the system has no more processes, that is reported and the connection closed."""
    errors, server = [], make(module.ForkingTCPServer)
    server.handle_error = lambda *args: errors.append(args)
    client = connect(server)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fork", raising(BlockingIOError("no process left")))
        server.handle_request()
    assert client.recv(1) == b""
    assert len(errors) == 1
    assert not server.active_children


# Collecting


def test_collect_children_before_the_first(module, make):
    """With no child ever made there is nothing to collect."""
    server = make(module.ForkingTCPServer)
    server.collect_children()
    server.collect_children(blocking=True)


def test_blocking_is_named(module):
    """`blocking` can only be given by name, and is off by default."""
    blocking = inspect.signature(module.ForkingMixIn.collect_children).parameters["blocking"]
    assert (blocking.kind, blocking.default) == (blocking.KEYWORD_ONLY, False)


@pytest.mark.parametrize("hook", ["collect_children", "service_actions", "handle_timeout"])
def test_hooks_that_collect(module, make, connect, hook):
    """The loop's service_actions and handle_request's handle_timeout collect ended children."""
    server = make(module.ForkingTCPServer)
    client, pid = serve_one(server, connect)
    read_all(client)

    def collected():
        getattr(server, hook)()
        return not server.active_children

    until(collected)
    assert ended(pid)


def test_children_at_work_are_not_waited_for(forking_server, make, connect, gate):
    """Without `blocking`, collect_children leaves children at work alone."""
    server = make(forking_server, gate)
    _, pid = serve_one(server, connect)
    in_time(server.collect_children)
    assert server.active_children == {pid}
    gate.open()


def test_blocking_waits(forking_server, make, connect, gate):
    """With `blocking`, collect_children waits for all children."""
    server = make(forking_server, gate)
    pids = set()
    for _ in range(2):
        connect(server)
        server.handle_request()
        pids |= server.active_children
    threading.Timer(MOMENT, gate.open).start()
    in_time(lambda: server.collect_children(blocking=True))
    assert not server.active_children
    assert all(map(ended, pids))


def test_a_running_server_leaves_no_zombies(forking_server, make, connect):
    """While the server runs, ended children do not stay in the process table."""
    server = make(forking_server)
    pids = set()
    collect = server.collect_children

    def noting(**options):
        pids.update(server.active_children or ())
        collect(**options)

    server.collect_children = noting
    with serving(server):
        for _ in range(3):
            connect(server)
        until(lambda: len(pids) == 3 and not server.active_children)
    assert all(map(ended, pids))


def test_somebody_else_may_have_waited(module, make, connect):
    """A child whose exit status somebody else took is forgotten without an error."""
    server = make(module.ForkingTCPServer)
    _, pid = serve_one(server, connect)
    os.waitpid(pid, 0)
    server.collect_children()
    assert not server.active_children


def close_while_busy(server, connect, gate):
    """Close a server with one child at work; tell whether server_close waits for it."""
    serve_one(server, connect)
    until(lambda: gate.begun_children() == 1)
    closer = threading.Thread(target=server.server_close, daemon=True)
    closer.start()
    closer.join(MOMENT)
    waits = closer.is_alive()
    assert server.socket.fileno() == -1, "the socket is closed before the wait"
    gate.open()
    closer.join(DEADLINE)
    assert not closer.is_alive()
    server.collect_children(blocking=True)
    return waits


def test_server_close_waits_for_the_children(forking_server, make, connect, gate):
    """By default server_close closes the socket, then waits for the children still at work."""
    assert close_while_busy(make(forking_server, gate), connect, gate)


def test_without_block_on_close_it_does_not_wait(forking_server, make, connect, gate):
    """With block_on_close = False server_close waits for nobody."""
    assert not close_while_busy(make(forking_server, gate, block_on_close=False), connect, gate)


def test_without_block_on_close_it_still_collects(module, make, connect):
    """Children that have ended are collected by server_close in any case."""
    server = make(module.ForkingTCPServer, block_on_close=False)
    client, pid = serve_one(server, connect)
    read_all(client)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    server.server_close()
    assert ended(pid)


def test_max_children_is_the_limit(forking_server, make, connect, gate):
    """No more than max_children are at work; when one ends, the next client has its turn."""
    server = make(forking_server, gate, max_children=2)
    with serving(server) as thread:
        for _ in range(4):
            connect(server)
        until(lambda: gate.begun_children() == 2)
        thread.join(MOMENT)
        assert gate.begun_children() == 2
        gate.open(1)
        until(lambda: gate.begun_children() == 3)
        gate.open()
        until(lambda: gate.begun_children() == 4)


# Beyond the standard library


@pytest.fixture
def stranger(closing):
    """A process that somebody else in the program started; it ends with 7 when told to."""
    process = subprocess.Popen(
        [sys.executable, "-S", "-E", "-c", "import os; os._exit(7 if os.read(0, 1) else 8)"],
        stdin=subprocess.PIPE,
    )
    yield process
    with contextlib.suppress(OSError, ValueError):
        process.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(DEADLINE)


@pytest.mark.beyond
@pytest.mark.parametrize("limit", [1, 40])
def test_an_unrelated_process_keeps_its_exit_status(module, make, connect, gate, stranger, limit):
    """The server waits for its own children only, even when max_children are at work."""
    server = make(module.ForkingTCPServer, gate, max_children=limit)
    serve_one(server, connect)
    stranger.stdin.write(b"!")
    stranger.stdin.close()
    os.waitid(os.P_PID, stranger.pid, os.WEXITED | os.WNOWAIT)
    in_time(server.collect_children)
    gate.open()
    in_time(lambda: server.collect_children(blocking=True))
    assert stranger.wait(DEADLINE) == 7


@pytest.mark.beyond
def test_shutdown_is_prompt_with_max_children_at_work(module, make, connect, gate):
    """A server that is full still shuts down at once, with its children at work."""
    server = make(module.ForkingTCPServer, gate, max_children=1)
    with serving(server, 60):
        connect(server)
        connect(server)
        until(lambda: gate.begun_children() == 1)
    assert len(server.active_children) == 1
    gate.open()


def noting(module, rounds):
    """A server for one child at a time, which notes in each round how many are at work."""

    class Server(module.ForkingTCPServer):
        max_children = 1

        def service_actions(self):
            super().service_actions()
            rounds.append(len(self.active_children or ()))

    return Server


@pytest.mark.beyond
def test_a_full_server_lets_clients_wait(module, make, connect, gate):
    """While max_children are at work, the next client waits and regular work goes on."""
    ticks = []
    server = make(noting(module, ticks), gate)
    with serving(server):
        connect(server)
        until(lambda: gate.begun_children() == 1)
        connect(server)
        before = len(ticks)
        until(lambda: len(ticks) >= before + 3)
        assert max(ticks) == 1
        gate.open()
        until(lambda: gate.begun_children() == 2)


@pytest.mark.beyond
def test_a_full_server_does_not_spin(module, make, connect, gate):
    """While max_children are at work and a client waits, the loop looks now and then."""
    looks = []
    server = make(noting(module, looks), gate)
    with serving(server) as thread:
        connect(server)
        until(lambda: gate.begun_children() == 1)
        connect(server)
        looks.clear()
        thread.join(0.1)
        assert 1 <= len(looks) <= 20
    gate.open()


@pytest.mark.beyond
def test_handle_request_forks_again_when_a_child_has_ended(module, make, connect, gate):
    """A program that calls handle_request by itself gets on, too: no loop collects for it."""
    server = make(module.ForkingTCPServer, gate, max_children=1, timeout=POLL)
    gate.open()
    for _ in range(2):  # both before the first is handled, so that no time limit passes
        connect(server)
    until(lambda: server.handle_request() or gate.begun_children() == 2)
