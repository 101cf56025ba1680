"""PreForkMixIn: several processes that share one listener."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import minisocketserver
from minisocketserver import beyond
from tests import PROGRAM_SECONDS

from ..conformance.helpers import (
    DEADLINE,
    counts_descriptors,
    handler,
    open_descriptors,
    raising,
    read_all,
    serving,
    until,
)
from .helpers import ask, is_known, is_running

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="The system cannot fork."),
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
]

if hasattr(os, "fork"):

    class PreForkServer(beyond.PreForkMixIn, minisocketserver.TCPServer):
        """Two workers."""

        processes = 2
        graceful_timeout = 0.3


def with_parts(*names):
    """A pre-forked server class with these parts behind the mix-in."""
    bases = [getattr(beyond, name, None) or getattr(minisocketserver, name) for name in names]
    return type(
        "Server",
        (*bases, minisocketserver.TCPServer),
        {"processes": 2, "graceful_timeout": DEADLINE / 2},
    )


def tell_process(request, *_):
    """Answer with the worker's process id, then wait for the client's leave."""
    request.settimeout(2 * DEADLINE)
    request.sendall(b"%d\n" % os.getpid())
    request.recv(1)


def process_of(client):
    """The process id that a `tell_process` handler sent; the handler stays at work."""
    return int(client.makefile().readline())


def pids(server):
    return list(server.active_children)


def workers_of(server):
    """The process ids of the workers, once all of them have been started."""
    until(lambda: len(server.active_children) == server.processes)
    return pids(server)


# Serving


def test_workers_serve(make, connect):
    """Requests are served by the workers; the parent serves nothing."""
    server = make(PreForkServer, tell_process)
    with serving(server):
        served_by = process_of(connect(server))
        assert served_by in workers_of(server)
        assert served_by != os.getpid()


def test_workers_serve_side_by_side(make, connect):
    """While one worker is busy, the other takes the next client; a third one has to wait."""
    server = make(PreForkServer, tell_process)
    with serving(server):
        first, second = connect(server), connect(server)
        served_by = {process_of(first), process_of(second)}
        assert served_by == set(workers_of(server))
        third = connect(server)
        first.send(b"!")
        assert process_of(third) in served_by


def test_many_clients_are_served(make, connect):
    """Each of many clients is answered once, whichever worker takes it."""
    server = make(PreForkServer, lambda request, *_: request.sendall(request.recv(9)))
    server.socket.listen(50)
    with serving(server):
        clients = [connect(server, b"%d" % number) for number in range(50)]
        assert [read_all(client) for client in clients] == [b"%d" % n for n in range(50)]


def test_as_many_workers_as_processors(make):
    """By default there is a worker for each processor that we may use."""
    program = "from minisocketserver.beyond import PreForkMixIn; print(PreForkMixIn.processes)"
    assert _on_one_processor(program) == "1"


def _on_one_processor(program):
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("This system does not tie a program to a processor.")
    tie = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])"
    command = [sys.executable, "-c", f"{tie}; {program}"]
    run = subprocess.run(
        command, capture_output=True, encoding="utf-8", timeout=PROGRAM_SECONDS, check=True
    )
    return run.stdout.strip()


# Workers that end


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1])
def test_a_worker_that_ends_is_replaced(make, connect, number):
    """A worker ended by any signal is waited for and replaced; the others serve meanwhile."""
    server = make(PreForkServer, lambda request, *_: request.sendall(request.recv(9)))
    with serving(server):
        killed, kept = workers_of(server)
        os.kill(killed, number)
        until(lambda: kept in pids(server) and killed not in pids(server))
        until(lambda: len(server.active_children) == 2)
        assert not is_known(killed)
        for _ in range(10):
            assert ask(connect(server)) == b"hello\n"


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_a_handler_that_ends_its_worker(make, connect, error):
    """SystemExit in a handler ends the worker, as it ends any server; another takes its place."""

    def handle(request, *_):
        if request.recv(9) == b"end":
            raise error

    server = make(PreForkServer, handle)
    with serving(server):
        before = workers_of(server)
        assert read_all(connect(server, b"end")) == b""
        until(lambda: len(set(pids(server)) - set(before)) == 1)
        assert read_all(connect(server, b"fine")) == b""


def test_a_handler_that_raises_keeps_its_worker(make, connect, capfd):
    """Any other exception is reported, and the worker goes on."""
    server = make(PreForkServer, raising(ValueError("broken")))
    with serving(server):
        before = workers_of(server)
        for _ in range(4):
            assert read_all(connect(server)) == b""
        assert pids(server) == before
    assert "ValueError: broken" in capfd.readouterr().err


def test_fork_fails(make, connect, monkeypatch, capsys):
    """When no worker can be started, that is told, those that run go on, and it is tried again."""
    server = make(PreForkServer, tell_process)
    with serving(server):
        killed, kept = workers_of(server)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fork", raising(BlockingIOError("no process left")))
            os.kill(killed, signal.SIGKILL)
            until(lambda: pids(server) == [kept])
            assert process_of(connect(server)) == kept
            until(lambda: "no process left" in capsys.readouterr().err)
        workers_of(server)
        assert process_of(connect(server)) not in (killed, kept)


# The end


def test_shutdown_ends_the_workers(make):
    """After shutdown no worker is left, nor a zombie."""
    server = make(PreForkServer)
    with serving(server):
        workers = workers_of(server)
    assert server.active_children == set()
    assert not any(map(is_known, workers))


def test_shutdown_is_prompt(make, connect):
    """Workers that have just served end at once: nothing has to be waited for, or killed."""
    server = make(PreForkServer, lambda request, *_: None, graceful_timeout=60)
    for _ in range(10):
        with serving(server):
            assert read_all(connect(server)) == b""


def test_shutdown_lets_a_request_finish(make, connect):
    """A worker finishes the request at hand before it ends."""

    def handle(request, *_):
        request.sendall(b"begun")
        request.sendall(request.recv(9))

    server = make(PreForkServer, handle, graceful_timeout=DEADLINE)
    with serving(server):
        client = connect(server)
        assert client.recv(5) == b"begun"
        stopper = threading.Thread(target=server.shutdown, daemon=True)
        stopper.start()
        stopper.join(0.2)
        assert stopper.is_alive()
        assert ask(client) == b"hello\n"
        stopper.join(DEADLINE)
        assert not stopper.is_alive()


def test_a_worker_that_does_not_end_is_killed(make, connect):
    """A handler without an end delays shutdown for `graceful_timeout` seconds only."""

    def handle(request, *_):
        request.sendall(b"begun")
        time.sleep(60)

    server = make(PreForkServer, handle, graceful_timeout=0.2)
    with serving(server):
        client = connect(server)
        assert client.recv(5) == b"begun"
        workers = workers_of(server)
    assert not any(map(is_known, workers))


def test_shutdown_before_the_loop(make):
    """Where no loop runs, shutdown returns at once, and a loop about to start ends at once."""
    server = make(PreForkServer)
    server.shutdown()
    server.serve_forever()
    assert server.active_children == set()


def test_it_serves_again_after_shutdown(make, connect):
    """serve_forever may be called again, and starts new workers."""
    server = make(PreForkServer, tell_process)
    served_by = set()
    for _ in range(2):
        with serving(server):
            served_by.add(process_of(connect(server)))
    assert len(served_by) == 2


@counts_descriptors
def test_no_descriptor_is_left(make):
    """Workers that came and went leave no descriptor open."""
    server = make(PreForkServer)
    with serving(server):
        workers_of(server)
    before = open_descriptors()
    for _ in range(3):
        with serving(server):
            os.kill(workers_of(server)[0], signal.SIGKILL)
            time.sleep(0.05)
            workers_of(server)
    assert open_descriptors() == before


# Together with other parts


def test_each_worker_may_have_a_pool(make, connect):
    """With a pool, one worker serves several clients at once."""
    server = make(
        with_parts("PreForkMixIn", "ThreadPoolMixIn"),
        tell_process,
        processes=1,
        pool_size=3,
        graceful_timeout=0.2,
    )
    with serving(server):
        clients = [connect(server) for _ in range(3)]
        assert {process_of(client) for client in clients} == set(workers_of(server))


@pytest.mark.parametrize(
    "parts",
    [
        ("PreForkMixIn", "ThreadPoolMixIn"),
        ("ThreadPoolMixIn", "PreForkMixIn"),
        ("PreForkMixIn", "ThreadingMixIn"),
        ("PreForkMixIn", "ForkingMixIn"),
        ("LimitsMixIn", "TLSMixIn", "PreForkMixIn", "ThreadPoolMixIn"),
        ("PreForkMixIn", "ThreadPoolMixIn", "TLSMixIn", "LimitsMixIn"),
    ],
    ids="-".join,
)
def test_shutdown_lets_requests_of_other_parts_finish(
    make, connect, server_context, client_context, parts
):
    """Whatever runs the handlers in a worker, shutdown waits for them and leaves nothing."""

    def handle(request, *_):
        request.sendall(b"begun")
        request.sendall(request.recv(9))

    server = make(with_parts(*parts), handle, ssl_context=server_context)
    with serving(server):
        client = connect(server)
        if "TLSMixIn" in parts:
            client = client_context.wrap_socket(client, server_hostname="localhost")
        with client:
            assert client.recv(5) == b"begun"
            workers = workers_of(server)
            stopper = threading.Thread(target=server.shutdown, daemon=True)
            stopper.start()
            stopper.join(0.1)
            assert ask(client) == b"hello\n"
        stopper.join(DEADLINE)
        assert not stopper.is_alive()
    assert not any(map(is_known, workers))


@pytest.mark.parametrize(
    "parts", [("LimitsMixIn", "PreForkMixIn"), ("PreForkMixIn", "LimitsMixIn")], ids="-".join
)
def test_silence_is_limited_in_workers_too(make, connect, parts):
    """idle_timeout counts in either order of the two parts."""
    server = make(
        with_parts(*parts),
        handler(minisocketserver, lambda self: self.request.recv(1)),
        idle_timeout=0.05,
        handle_error=lambda *_: None,
    )
    with serving(server):
        assert connect(server).recv(1) == b""


# A program that is ended from outside


@pytest.fixture
def program(request):
    """A program with a pre-forked server: the process, its port, its workers' process ids."""
    command = [sys.executable, "-m", "tests.library.prefork_program", *request.param]
    process = subprocess.Popen(
        command,
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )
    watchdog = threading.Timer(4 * DEADLINE, process.kill)
    watchdog.start()
    try:
        port, *workers = map(int, process.stdout.readline().split())
        yield process, port, workers
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()
        for worker in filter(is_running, workers):
            os.kill(worker, signal.SIGKILL)


def talk(port):
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as client:
        client.sendall(b"hello")
        return client.recv(9)


@pytest.mark.parametrize("program", [[], ["--stuck"]], ids=["idle", "stuck"], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_orphan_is_left(program, number):
    """When the parent is killed, its workers end by themselves, a stuck one in time, too."""
    process, port, workers = program
    assert len(workers) == 2
    assert talk(port) == b"hello"
    process.send_signal(number)
    assert process.wait(DEADLINE) == -number
    until(lambda: not any(map(is_running, workers)))


@pytest.mark.parametrize("program", [[], ["--interrupted"]], indirect=True)
def test_ctrl_c(program):
    """Ctrl-C, which all processes of a terminal receive, ends the program, once and quickly.

    A worker takes no notice of it, from its first moment on.
    """
    process, port, workers = program
    assert talk(port) == b"hello"
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == -signal.SIGINT
    assert errors.count("Traceback") == errors.count("KeyboardInterrupt") == 1
    assert not any(map(is_running, workers))
