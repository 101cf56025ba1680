"""The link between a checker and a student's process."""

import functools
import inspect
import json
import os
import socket
import socketserver
import struct
import tempfile
import threading
import time
from pathlib import Path
from socketserver import BaseRequestHandler

import pytest

from socketlab.checks.bench import bench_at
from socketlab.checks.records import Records
from socketlab.notebook.running import ServerError
from socketlab.remote.messages import MOST_DEPTH, Line, MessageError

from ..exercises.far import far

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@pytest.fixture
def bench():
    """Return a bench whose answers live in another process."""
    with far({}) as checker, bench_at(checker) as bench:
        yield bench


def test_a_real_run_beside_a_prediction_is_made_by_the_checker(bench):
    """On a bench of its own: the student's process hears nothing of it."""
    with bench.here() as here:
        assert here.there(os.getpid) == os.getpid()
        assert type(here.records) is Records
        here.records.note_error(ValueError("in the run"))
    assert not bench.records.errors
    assert bench.there(os.getpid) != os.getpid()


def test_a_file_that_was_made_there_is_seen_here(bench):
    folder = bench.there(tempfile.mkdtemp)
    bench.there(os.mkdir, f"{folder}/inside")
    assert os.listdir(bench.seen(folder)) == ["inside"]
    bench.there(os.removedirs, f"{folder}/inside")
    assert not Path(folder).exists()


def test_a_thread_there_ends_with_the_one_here_even_if_its_error_is_kept(bench):
    kept = []

    def fail():
        try:
            bench.there(os.stat, "/no such file")
        except OSError as error:
            kept.append(error)

    thread = threading.Thread(target=fail)
    before = bench.there(threading.active_count)
    thread.start()
    thread.join()
    assert kept
    end = time.monotonic() + 5
    while bench.there(threading.active_count) > before and time.monotonic() < end:
        time.sleep(0.005)
    assert bench.there(threading.active_count) == before


def test_a_call_that_is_overdue_is_left_alone(bench):
    """It goes on in its thread, and the next call has another one."""
    thread = bench.there(threading.get_ident)
    with pytest.raises(ServerError, match="for a nap; it never came"):
        bench.there_within(0.1, "a nap", time.sleep, 60)
    assert bench.there_within(5, "a number", threading.get_ident) != thread
    with pytest.raises(TimeoutError, match="theirs"):
        bench.there_within(5, "an error", _time_is_up)


def _time_is_up():
    raise TimeoutError("theirs")


def test_a_call_from_within_an_answer_may_be_overdue(bench):
    """The thread there that waits for the answer gets it."""

    def answer():
        with pytest.raises(ServerError):
            bench.there_within(0.1, "a nap", time.sleep, 60)
        return "awake"

    assert bench.there_within(5, "an answer", _call, answer) == "awake"
    assert bench.there(_call, answer) == "awake"


def _call(function):
    return function()


def test_only_a_timed_call_seems_to_be_made_in_a_daemon_thread(bench):
    assert bench.there_within(5, "a flag", _daemon) and not bench.there(_daemon)
    assert bench.there_within(5, "a flag", _call, lambda: bench.there(_daemon)), (
        "for all that it calls"
    )


def _daemon():
    return threading.current_thread().daemon


def test_a_fork_there_leaves_the_connection_alone(bench):
    """A child clears what belongs to its parent's other threads, and closes its copies."""
    forked = threading.Event()
    pids = [bench.there(os.getpid)]

    def call_before_and_after():
        pids.append(bench.there(os.getpid))
        ready.set()
        forked.wait(5)
        pids.append(bench.there(os.getpid))

    ready = threading.Event()
    thread = threading.Thread(target=call_before_and_after)
    thread.start()
    ready.wait(5)
    bench.there(_fork)
    forked.set()
    thread.join(5)
    assert pids == pids[:1] * 3


def _fork():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


@pytest.mark.parametrize("depth", [1, MOST_DEPTH, MOST_DEPTH + 1, 1_000_000])
@pytest.mark.parametrize("filled", ['"[[["', r'"\"[\\"', '{"a": 1}'])
def test_a_message_may_be_nested_only_so_deep(depth, filled):
    """Else a thread's stack may be too small to read it, and the checker dies."""
    lists = depth - filled.count("{")
    data = f"{'[' * lists}{filled}{']' * lists}".encode()
    ours, theirs = socket.socketpair()
    sender = threading.Thread(target=theirs.sendall, args=(struct.pack("!I", len(data)) + data,))
    with ours, theirs:
        sender.start()
        if depth > MOST_DEPTH:
            with pytest.raises(MessageError, match=f"lists in lists, {depth} deep"):
                Line(ours).receive()
        else:
            assert Line(ours).receive() == (json.loads(data), [])
        sender.join()


def test_messages_that_come_at_once_are_received_one_by_one():
    """Each with its descriptors: the kernel ends every look at those that have some."""
    sent = ["first", 2, None, {"daemon": True}, ["x" * 100_000]]
    ours, theirs = socket.socketpair()
    with ours, theirs, open(os.devnull) as file:

        def send():
            for one in sent:
                Line(theirs).send(one, [file.fileno()])

        sender = threading.Thread(target=send)
        sender.start()
        line = Line(ours)
        for one in sent:
            message, descriptors = line.receive()
            assert (message, len(descriptors)) == (one, 1)
            os.close(*descriptors)
        sender.join()


def test_a_class_statement_here_may_have_all_that_a_class_can_have(bench):
    """Annotations, attributes set in methods, a docstring, special methods: it is made there."""

    class Server(bench.there(_pick_base)):
        """What it is."""

        limit: int = 3

        def __len__(self) -> int:
            return self.limit

        def note(self, word: str) -> None:
            self.said = word

    server = Server()
    server.note("aye")
    assert (len(server), server.said) == (3, "aye")
    told = [bench.there(getattr, Server, name) for name in ("__name__", "__doc__")]
    assert told == ["Server", "What it is."]


class _Base:
    pass


def _pick_base():
    return _Base


def _looked_at(value):
    """Return what code finds that looks at what it was handed."""
    return {
        "name": value.__name__,
        "module": value.__module__,
        "a function": inspect.isfunction(value),
        "a class": inspect.isclass(value),
        "a handler": inspect.isclass(value) and issubclass(value, BaseRequestHandler),
        "signature": str(inspect.signature(value)),
    }


def test_what_a_check_hands_over_looks_like_what_it_is(bench):
    """A right answer may log its handler's name, or ask what it is."""

    def handle(request, client_address=None, *, limit=3):
        pass

    class Visitor(socketserver.StreamRequestHandler):
        pass

    assert bench.there(_looked_at, handle) == _looked_at(handle)
    looks = bench.there(_looked_at, Visitor)
    assert (looks["name"], looks["a class"], looks["a handler"]) == ("Visitor", True, True)


def _again(value):
    return value(3), value


def test_what_comes_back_is_what_was_handed_over(bench):
    """Called there, it runs here."""
    here = []

    def handle(request):
        here.append(os.getpid())
        return request + 1

    assert bench.there(_again, handle) == (4, handle)
    assert bench.there(_again, functools.partial(handle))[0] == 4
    assert here == [os.getpid()] * 2


def _has_method(function):
    return type("Has", (), {"method": function})().method(5)


def test_a_function_that_was_handed_over_makes_a_method(bench):
    def method(self, number):
        return type(self).__name__, number

    assert bench.there(_has_method, method) == ("Has", 5)
