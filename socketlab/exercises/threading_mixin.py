"""Checks of chapter 06: a thread for each request, what threads share, and how they end."""

import gc
import select
import socket
import socketserver
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from typing import Any

import minisocketserver
from minisocketserver import BaseRequestHandler

from ..checks.bench import Bench
from ..checks.case import (
    ANY_PORT,
    NEW_PYTHON,
    PATIENCE,
    CannotCheckError,
    Case,
    CaseError,
    begin,
    soon,
)
from ..checks.clients import (
    connect,
    conversation,
    has_answer,
    read_page,
    request_all,
    visitors,
    want_plain_reply,
    want_wait_for_both,
)
from ..checks.core import load
from ..checks.hooks import ServerMixin
from ..checks.records import Records
from ..checks.slips import explain
from ..machine_load import Stopwatch
from ..notebook.running import ServerError, within
from ..notebook.tracebacks import describe
from ..processes import end_of, start
from ..remote.names import make_class

MOMENT = 0.1
"""Seconds in which a server that doesn't wait has gone on."""
UNREAD = "hello never received"
_SLIPS = {
    "group argument must be None": "threading.Thread takes both by name: target=, which is the "
    "method, and args=, the tuple of its arguments.",
    "after * must be an iterable": "args is a tuple with both in it: (request, client_address).",
    "process_request() takes 2 positional arguments but 3": "The first parameter of a method is "
    "self. Without it, Python hands the server over as request.",
    "process_request_thread() takes 3 positional arguments but 4": "self.process_request_thread "
    "knows its self already, so args has only the other two.",
    "server_close() takes 1 positional argument but 2": "super().server_close knows its self "
    "already, so it's called with nothing in the parentheses.",
    "can't start new thread": "Does the new thread run process_request again, which starts the "
    "next thread, and so on? It's process_request_thread that it should run.",
    "has no attribute 'process_request_thread'": "The class has lost that method, or never had it. "
    "In the chapter, the line @reopen(ThreadingMixIn) above a class keeps the methods it had.",
    "'tuple' object has no attribute 'settimeout'": "The handler's request is a tuple, as an "
    "address is: in args the request comes first, then the client's address.",
    "'tuple' object has no attribute": "Before the first request _threads is the class's empty "
    "tuple, which can't take anything in. The server needs its own WeakSet first.",
    "cannot set daemon status": "The attribute is set after the thread is made, and before it's "
    "started.",
    "'Thread' object is not iterable": "WeakSet() makes an empty set, and add() puts a thread in.",
    "type object 'super'": "super needs its parentheses: super().server_close().",
    "process_request() called": "process_request starts a thread, which runs this method, which "
    "would start the next. Here finish_request does the work.",
    "maximum recursion depth": "self.server_close is this very method, which calls itself over and "
    "over. super() leads to the next one in the line.",
    "note_report() missing": "handle_error takes two: the request and the client's address.",
    "'Lock' object is not callable": "with takes the lock itself, without parentheses after it.",
    "a bytes-like object is required": "A socket sends bytes; encode() turns a text into them.",
    "b'y'": "send() may send only a part, and returns how much. sendall() sends everything.",
    "{number}": "An f before the opening quotation mark lets Python fill in what's in the braces.",
    UNREAD: "A connection that is closed with something unread is reset, and the answer "
    "may be lost. The handler receives the message first, as that of Numbering does.",
    "raises NotImplementedError": "There's a raise NotImplementedError() in it. That line goes, "
    "together with # YOUR CODE HERE.",
}
"""What to say of an exception that comes of a beginner's slip, by a part of its text."""

EXERCISES = load(__file__)
chapter, build = EXERCISES["06"], EXERCISES["06.1"]


class Desk(ServerMixin):
    """Notes on the hooks of a server, and a gate at which handlers can be held up."""

    records: Records

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.gate = threading.Event()
        self.begun = threading.Event()
        self.diary: list[str] = []
        self.workers: list[threading.Thread] = []
        self.calls: list[str] = []
        self.reports: list[str] = []
        self.taken: Any = None
        self.loop: threading.Thread | None = None
        self.closer: threading.Thread | None = None

    def serve_forever(self, *args: Any) -> None:
        self.loop = threading.current_thread()
        super().serve_forever(*args)

    def get_request(self) -> Any:
        self.taken = super().get_request()
        return self.taken

    def shutdown_request(self, request: Any) -> None:
        self.calls.append("shutdown_request")
        super().shutdown_request(request)

    def server_close(self) -> None:
        self.closer = threading.current_thread()
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        self.records.note_error(sys.exc_info()[1])

    def note_report(self, request: Any, client_address: Any) -> None:
        """Take the place of handle_error, and keep the call instead of the error."""
        error = sys.exc_info()[1]
        self.calls.append("handle_error")
        if (request, client_address) != self.taken:
            self.reports.append(f"with {request!r} and {client_address!r}")
        elif not isinstance(error, Bug):
            self.reports.append(f"for {describe(error) if error else 'no exception'}")

    def fail_to_report(self, request: Any, client_address: Any) -> None:
        """Take the place of a handle_error that has a bug itself."""
        self.calls.append("handle_error")
        raise RuntimeError("the report fails, too")


class Bug(Exception):
    """An error that no program expects."""


class ValueBug(Bug, ValueError):
    """One that some programs expect."""


class Orders(BaseRequestHandler):
    """Answers b"quick" at once, and any other order when the gate is open."""

    def handle(self) -> None:
        self.request.settimeout(3 * PATIENCE)
        order = self.request.recv(100)
        self.server.workers.append(threading.current_thread())
        if order != b"quick":
            self.server.begun.set()
            self.server.gate.wait(3 * PATIENCE)
            self.server.diary.append("done")
        self.request.sendall(order)


class Card(BaseRequestHandler):
    """Sends a datagram back."""

    def handle(self) -> None:
        self.server.workers.append(threading.current_thread())
        data, sock = self.request
        sock.sendto(data, self.client_address)


class Buggy(BaseRequestHandler):
    """Has a bug."""

    error: type[BaseException] = ValueBug

    def handle(self) -> None:
        raise self.error("a bug in the handler")


class Stranger(Buggy):
    """Has a bug that is none of the usual ones."""

    error = Bug


class Leaves(Buggy):
    """Ends its thread, as sys.exit() does."""

    error = SystemExit


class Stays(BaseRequestHandler):
    """Stays at work until its client sends a second word."""

    def handle(self) -> None:
        self.request.settimeout(3 * PATIENCE)
        self.request.recv(100)
        self.server.stays[self.client_address[1]] = threading.current_thread()
        self.request.recv(100)


class CountsStarts(ServerMixin):
    """Counts the calls of process_request, and stops where each of them leads to the next."""

    starts = 0

    def process_request(self, request: Any, client_address: Any) -> None:
        self.starts += 1
        if self.starts <= 5:
            super().process_request(request, client_address)


class Overheard(ServerMixin):
    """Notes with what process_request_thread is called, as a subclass might override it."""

    overheard: tuple[Any, ...] = ()

    def process_request_thread(self, *args: Any, **keywords: Any) -> None:
        self.overheard = (*args, *keywords.values())
        super().process_request_thread(*args, **keywords)  # type: ignore[misc]


def mixed(
    case: Case, mixin: Any, handler: Any, *, base: Any = None, before: Any = (), **switches: Any
) -> Any:
    """Return a server of the learner's mix-in, put first, but for `before`, and one of ours."""
    bases = (*before, mixin, Desk, base or minisocketserver.TCPServer)
    made = case.call(make_class, "Server", bases, {"records": case.bench.records, **switches})
    return case.call(made, ANY_PORT, handler)


@contextmanager
def order(case: Case, server: Any, word: bytes) -> Iterator[socket.socket]:
    """Connect and send an order; leave the answer for later."""
    try:
        with conversation(case, server.server_address) as client:
            client.sendall(word)
            yield client
    finally:
        server.gate.set()  # no handler is left waiting, however the check ends


def answer(case: Case, client: socket.socket, what: str) -> bytes:
    """Return what comes next, or say that `what` never came."""
    try:
        return client.recv(100)
    except TimeoutError:
        case.fail(f"{what}, within {PATIENCE:g} seconds")


def _has_begun(bench: Bench, server: Any) -> bool:
    """Tell whether a handler has come to its work; after an error there is little hope."""
    soon(lambda: server.begun.is_set() or bench.records.errors)
    return bool(server.begun.wait(MOMENT))


def _want(case: Case, condition: object, got: str, alone: bool = False) -> None:
    """Fail with `got` unless `condition` holds, and explain the slip behind it, if it's known."""
    told = got if alone else got + case.bench.reported()
    why = explain(told, _SLIPS, otherwise=case.why)
    replace(case, why=why).want(condition, got, alone=alone)


def _want_method(case: Case, mixin: Any, name: str) -> None:
    """Fail if the mix-in lacks a method: with the server's own, the case would mislead."""
    why = (
        f"It has one as soon as the cell that defines it has run, and if it's called {name} there."
    )
    replace(case, why=why).want(hasattr(mixin, name), f"ThreadingMixIn has no method {name}")


@chapter.check("a thread")
def at_once(bench: Bench, ThreadingMixIn: Any) -> None:
    case = bench.case(
        called="class Server(ThreadingMixIn, TCPServer), with a slow client and two quick ones",
        expected="the quick ones answered while the slow one is at work, each in its own thread",
        why="The loop takes the next request only when process_request has returned. So the work "
        "goes into a new thread, and process_request returns at once.",
    )
    _want_method(case, ThreadingMixIn, "process_request")
    server = mixed(case, ThreadingMixIn, Orders)
    with case.serving(server), order(case, server, b"slow") as slow:
        begun = _has_begun(bench, server)
        guess = "" if bench.records.errors else ": was start() called?"
        _want(case, begun, f"no handler was called{guess}")
        for _ in range(2):
            try:
                got = case.talk(server.server_address, b"quick")
            except CaseError as failure:
                alone = server.workers[:1] == [server.loop]
                where = "in the loop's own thread" if alone else ""
                guess = " (was the method called, or run(), in place of start()?): "
                where += guess if alone else ""
                _want(case, False, f"no client served beside the slow one, {where}{failure.got}")
            _want(case, got == b"quick", f"{got!r} for b'quick'")
        server.gate.set()
        got = answer(case, slow, "no answer for the slow client")
        _want(case, got == b"slow", f"{got!r} for the slow client")
        count = len(set(server.workers) - {server.loop})
        case.want(count == 3, f"{count} threads at work for 3 requests")


@chapter.check("a thread")
def runs_the_method(bench: Bench, ThreadingMixIn: Any) -> None:
    case = bench.case(
        called="class Server(ThreadingMixIn, TCPServer), with its own process_request_thread",
        expected="the thread runs that one, with the request and the client's address",
        why="A subclass may override what the thread does, as the pool of chapter 10 does. So the "
        "thread runs self.process_request_thread, whichever class defines it.",
    )
    server = mixed(case, ThreadingMixIn, Orders, before=[Overheard])
    with case.serving(server):
        case.talk(server.server_address, b"quick")
    case.want(server.overheard, "an answer, and its method was not called")
    got, taken = server.overheard, server.taken
    case.want(bench.there(_are_equal, got, taken), f"its method called with {got!r}")


def _are_equal(one: Any, other: Any) -> bool:
    return bool(one == other)


@chapter.check("a thread")
def fits_any_server(bench: Bench, ThreadingMixIn: Any) -> None:
    case = bench.case(
        called="class Server(ThreadingMixIn, UDPServer), with one datagram",
        expected="the datagram back, from its own thread",
        why="A mix-in knows nothing of connections. It calls the server's hooks, so it fits all "
        "servers, even one whose requests are datagrams.",
    )
    server = mixed(case, ThreadingMixIn, Card, base=minisocketserver.UDPServer)
    with case.serving(server), socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.sendto(b"ahoy", server.server_address)
        got = answer(case, client, "no datagram came back")
        case.want(got == b"ahoy", f"{got!r} for b'ahoy'")
    case.want(not bench.records.errors, "the answer, and an exception")


@chapter.check("errors")
def errors(bench: Bench, ThreadingMixIn: Any) -> None:
    case = bench.case(
        called="class Server(ThreadingMixIn, TCPServer)",
        expected="a process_request that starts a thread",
        why="",
    )
    _want_method(case, ThreadingMixIn, "process_request")
    for handler, error in ((Buggy, "ValueError"), (Stranger, "an Exception of another class")):
        _reports(bench, ThreadingMixIn, handler, error)
    _says_goodbye_in_any_case(bench, ThreadingMixIn, Leaves, "handler that calls sys.exit()")
    _says_goodbye_in_any_case(bench, ThreadingMixIn, Buggy, "handle_error() that fails itself")
    case = bench.case(
        called="class Server(ThreadingMixIn, TCPServer), with a handler that succeeds",
        expected="shutdown_request, once, after the handler's work, and no handle_error",
        why="The thread that sees a request through also says goodbye, once: the loop has moved "
        "on. super().process_request() says goodbye as well, finish_request() doesn't.",
    )
    server = mixed(case, ThreadingMixIn, Orders)
    with case.serving(server):
        server.handle_error = server.note_report
        got = case.talk(server.server_address, b"quick")
        soon(lambda: "shutdown_request" in server.calls)
    reports = list(server.reports)
    _want(
        case,
        "handle_error" not in server.calls,
        f"handle_error called {' and '.join(reports)}, although the handler has no error",
        alone=True,
    )
    twice = ": the goodbye is said twice" if len(server.calls) > 1 else ""
    case.want(server.calls == ["shutdown_request"], f"the calls {server.calls}{twice}", alone=True)
    case.want(got == b"quick", f"{got!r} for b'quick'")


def _reports(bench: Bench, mixin: Any, handler: Any, error: str) -> None:
    case = bench.case(
        called=f"class Server(ThreadingMixIn, TCPServer), with a handler that raises {error}",
        expected="handle_error, then shutdown_request, once each, and no thread ended by the error",
        why="An exception belongs to the thread in which it was raised. The try in the loop "
        "doesn't see it, so the thread needs its own.",
    )
    server = mixed(case, mixin, handler, before=[CountsStarts])
    with case.serving(server):
        server.handle_error = server.note_report
        _visit_in_vain(case, server)
        time.sleep(0.01)
    flood = f"process_request() called {server.starts} times and more, for one request"
    _want(case, server.starts <= 5, flood, alone=True)
    told = bench.reported()
    is_the_bug = not told or "Bug: a bug in the handler" in told
    ended_by = "the exception" if is_the_bug else told.removeprefix(" (").removesuffix(")")
    died = f", and {ended_by} ended the thread" if bench.records.errors else ""
    calls = " and ".join(server.calls) or "neither of the two"
    only = "only " if len(server.calls) == 1 else ""
    _want(
        case,
        server.calls == ["handle_error", "shutdown_request"] and not died,
        f"{only}{calls} called{died}",
        alone=True,
    )
    reports = " and ".join(server.reports)
    why = (
        "handle_error reports the exception that is being handled at the moment, which is over "
        "after the except block. So it's called in there."
        if "no exception" in reports
        else "It's given the request and the client's address, in this order, and reports what the "
        "handler raised."
    )
    replace(case, why=why).want(not reports, f"handle_error called {reports}")


def _visit_in_vain(case: Case, server: Any) -> None:
    end = time.monotonic() + PATIENCE
    with suppress(CaseError):
        case.talk(server.server_address, b"hello")
    left = max(MOMENT, end - time.monotonic())
    soon(lambda: "shutdown_request" in server.calls or case.bench.records.errors, left)


def _says_goodbye_in_any_case(bench: Bench, mixin: Any, handler: Any, what: str) -> None:
    case = bench.case(
        called=f"class Server(ThreadingMixIn, TCPServer), with a {what}",
        expected="shutdown_request, once, all the same",
        why="In any case means: whatever is raised, in the handler or in the report. Python has a "
        "word for what happens in any case. A line below the except isn't it.",
    )
    server = mixed(case, mixin, handler)
    with case.serving(server):
        server.handle_error = server.fail_to_report
        _visit_in_vain(case, server)
        soon(lambda: "shutdown_request" in server.calls, MOMENT)
    goodbyes = server.calls.count("shutdown_request")
    times = "never called" if not goodbyes else f"called {goodbyes} times"
    case.want(goodbyes == 1, f"shutdown_request {times}")
    if handler is Leaves:
        named = replace(
            case,
            expected="shutdown_request, and no handle_error",
            why="sys.exit() raises SystemExit, which isn't an Exception: the handler meant to end, "
            "so there's no error to report. A bare except takes it for one.",
        )
        named.want("handle_error" not in server.calls, "handle_error called", alone=True)


@chapter.check("closing")
def closing(bench: Bench, ThreadingMixIn: Any) -> None:
    case = bench.case(
        called="server_close(), while a handler is at work",
        expected="the listener closed at once, and server_close() back when the work is done",
        why="After the server a program closes what its handlers use: a diary, a database. A "
        "handler still at work would find it closed.",
    )
    _want_method(case, ThreadingMixIn, "server_close")
    server = mixed(case, ThreadingMixIn, Orders)
    with order(case, server, b"slow") as client:
        _begin(case, server)
        closer = begin(_close, bench, server)
        closed = soon(lambda: server.fileno() == -1 or not closer.is_alive())
        first = "is that closed first, by super().server_close()?"
        case.want(closed, f"server_close() waits, and the listener is still open: {first}")
        closer.join(MOMENT)
        guess = "" if bench.records.errors else ": was join() called for each thread?"
        early = f"server_close() back, and the handler still at work{guess}"
        _want(case, closer.is_alive(), early)
        server.gate.set()
        closer.join(PATIENCE)
        case.want(not closer.is_alive(), "the handler done, and server_close() still waits")
        case.want(server.fileno() == -1, "server_close() back, and the listener still open")
        case.want(
            server.closer,
            "the listener closed by hand, without super().server_close(), which may do more: "
            "another mix-in may come next in the line",
        )
        case.want(server.diary, "server_close() back before the work was done")
        case.want(not bench.records.errors, "server_close() broken off")
        got = answer(case, client, "no answer for the client")
        case.want(got == b"slow", f"{got!r} for the client")
    case = bench.case(
        called="server_close(), on a server that has had no request",
        expected="no error, and the listener closed",
        why="A server may be closed before its first client comes.",
    )
    server = mixed(case, ThreadingMixIn, Orders)
    case.call(server.server_close)
    case.want(server.fileno() == -1, "no error, and the listener still open")


@chapter.check("closing")
def waits_for_all(bench: Bench, ThreadingMixIn: Any) -> None:
    case = bench.case(
        called="server_close(), while two handlers are at work, one longer than the other",
        expected="server_close() back when both are done",
        why="Each of them may still need what the program closes next.",
    )
    server = mixed(case, ThreadingMixIn, Stays)
    server.stays = bench.there(dict)
    with ExitStack() as stack:
        clients = [stack.enter_context(order(case, server, b"stay")) for _ in range(2)]
        for _ in clients:
            case.call(server.handle_request)
        both = soon(lambda: len(server.stays) == 2 or bench.records.errors)
        case.want(both, "fewer than two handlers at work")
        want_wait_for_both(case, server, clients, begin(_close, bench, server))
    case.want(not bench.records.errors, "server_close() broken off")


@chapter.check("closing")
def waits_without_a_limit(bench: Bench, ThreadingMixIn: Any) -> None:
    case = bench.case(
        called="server_close(), while a handler is at work for a long time",
        expected="server_close() back when the work is done, however long it takes",
        why="join(5) comes back after five seconds, whether the thread has ended or not. Only the "
        "switches are to end the waiting early.",
    )
    server = mixed(case, ThreadingMixIn, Orders)
    with order(case, server, b"slow"):
        _begin(case, server)
        with bench.there(Threads, server) as threads:
            closer = begin(_close, bench, server)
            closer.join(MOMENT)
            early = not closer.is_alive()
            server.gate.set()
            closer.join(PATIENCE)
        case.want(not early, "server_close() back, and the handler still at work: a time limit?")
        looks = threads.looks
    busy = replace(case, why="A loop that only looks keeps a processor busy. join() sleeps.")
    busy.want(
        looks < 100, f"server_close() asked {looks:,} times in {MOMENT:g} seconds whether it's over"
    )


class Threads:
    """Lets a server's threads do what they seldom do, while a `with` block runs.

    A thread that the loop starts has ended before its start() is back, and the thread that closes
    the server sees the time limit of a join() run out at once.
    """

    def __init__(self, server: Any) -> None:
        self._server = server
        self._real = threading.Thread.start, threading.Thread.join, threading.Thread.is_alive
        self.looks = 0

    def __enter__(self) -> "Threads":
        server, (start, join, is_alive) = self._server, self._real

        def start_and_end(thread: threading.Thread) -> None:
            start(thread)
            if threading.current_thread() is server.loop:
                join(thread, PATIENCE)

        def join_soon(thread: threading.Thread, timeout: float | None = None) -> None:
            if timeout is not None and threading.current_thread() is server.closer:
                timeout = min(timeout, 0.001)
            join(thread, timeout)

        threading.Thread.start = start_and_end  # type: ignore[assignment, method-assign]
        threading.Thread.join = join_soon  # type: ignore[assignment, method-assign]

        def look(thread: threading.Thread) -> bool:
            self.looks += threading.current_thread() is server.closer
            return is_alive(thread)

        threading.Thread.is_alive = look  # type: ignore[assignment, method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        one = threading.Thread
        one.start, one.join, one.is_alive = self._real  # type: ignore[method-assign]


def _close(bench: Bench, server: Any) -> None:
    try:
        server.server_close()
    except Exception as error:
        bench.records.note_error(error)


def _begin(case: Case, server: Any) -> None:
    """Let the server take one request, whose handler waits at the gate."""
    case.call(server.handle_request)
    case.want(_has_begun(case.bench, server), "no handler was called")


@chapter.check("remember")
@chapter.check("closing")
def switches(bench: Bench, ThreadingMixIn: Any) -> None:
    case = bench.case(
        called="class Server(ThreadingMixIn, TCPServer), as it is",
        expected="daemon_threads False, block_on_close True, and a handler's thread that isn't a "
        "daemon",
        why="Work that has begun is finished, unless the program says otherwise.",
    )
    for name, wanted in (("daemon_threads", False), ("block_on_close", True)):
        got = getattr(ThreadingMixIn, name, None)
        case.want(got is wanted, f"ThreadingMixIn.{name} is {got!r}")
    server = mixed(case, ThreadingMixIn, Orders)
    with case.serving(server):
        got = case.talk(server.server_address, b"quick")
    _want(case, not bench.records.errors, f"{got!r} for b'quick', and an exception")
    _want_daemon(case, server, False)
    for name, wanted in (("daemon_threads", True), ("block_on_close", False)):
        _closes_at_once(bench, ThreadingMixIn, name, wanted)


def _closes_at_once(bench: Bench, mixin: Any, name: str, wanted: bool) -> None:
    case = bench.case(
        called=f"server_close(), with {name} = {wanted} and a handler at work",
        expected="the listener closed, and server_close() back at once",
        why="Waiting can take forever, so there are two switches: one makes the threads daemons, "
        "for which Python doesn't wait either; the other only keeps server_close from waiting.",
    )
    server = mixed(case, mixin, Orders, **{name: wanted})
    with order(case, server, b"slow"):
        _begin(case, server)
        waits = f"server_close() waits for the handler although {name} is {wanted}"
        case.call(server.server_close, late=waits)
        case.want(not server.diary, "server_close() back only after the work was done")
        server.gate.set()
    _want_daemon(case, server, name == "daemon_threads")


def _want_daemon(case: Case, server: Any, wanted: bool) -> None:
    daemons, is_one = {thread.daemon for thread in server.workers}, "isn't" if wanted else "is"
    case.want(
        daemons == {wanted},
        f"a handler's thread that {is_one} a daemon: a new thread inherits that "
        "from the one that starts it, unless thread.daemon is set",
    )


@chapter.check("remember")
def knows_those_at_work(bench: Bench, ThreadingMixIn: Any) -> None:
    case = bench.case(
        called="list(server._threads), while a handler is at work, and on another server",
        expected="the handler's thread; none on the other server",
        why="That's where CPython keeps them, and some programs look there. Each server knows its "
        "own threads, and no others.",
    )
    server = mixed(case, ThreadingMixIn, Orders)
    other = bench.there(_another, server)
    with order(case, server, b"slow"):
        _begin(case, server)
        got = bench.there(_kept, server)
        lost = "no thread in _threads of the server, and a handler is at work"
        case.want(got, f"{lost}: was the new thread added there?")
        are_its = got == server.workers
        case.want(are_its, f"{_threads(got)} in _threads of the server: not just the handler's")
        got = bench.there(_kept, other)
        case.want(not got, f"{_threads(got)} in _threads of the other server, which has no request")
        server.gate.set()
    case.call(server.server_close)
    _knows_them_all(bench, ThreadingMixIn)


def _knows_them_all(bench: Bench, mixin: Any) -> None:
    case = bench.case(
        called="list(server._threads), while two handlers are at work",
        expected="both of their threads",
        why="server_close() waits for those in _threads, so each request adds its thread to the "
        "ones already there. A new set for each request would forget them.",
    )
    server = mixed(case, mixin, Orders)
    with order(case, server, b"slow"), order(case, server, b"slow"):
        _begin(case, server)
        _begin(case, server)
        both = soon(lambda: len(server.workers) == 2 or bench.records.errors)
        case.want(both, "one handler at work for two requests")
        kept = bench.there(_kept, server)
        knows_all = bench.there(_knows_all, server)
        case.want(knows_all, f"{_threads(kept)} in _threads, and two handlers are at work")
        server.gate.set()
    case.call(server.server_close)


def _knows_all(server: Any) -> bool:
    return set(server.workers) <= set(_kept(server))


def _threads(some: list[Any]) -> str:
    return f"{len(some)} thread{'s' if len(some) != 1 else ''}"


def _another(server: Any) -> Any:
    return type(server)(ANY_PORT, server.RequestHandlerClass)


def _kept(server: Any) -> list[threading.Thread]:
    kept = getattr(server, "_threads", ())
    return list(kept) if isinstance(kept, Iterable) else []


@chapter.check("remember")
def keeps_only_those_waited_for(bench: Bench, ThreadingMixIn: Any) -> None:
    for name, value in (("daemon_threads", True), ("block_on_close", False)):
        case = bench.case(
            called=f"list(server._threads), with {name} = {value} and a handler at work",
            expected="no thread: server_close() isn't to wait for this one",
            why="server_close() waits for each thread in _threads. So those that it isn't to wait "
            "for stay out.",
        )
        server = mixed(case, ThreadingMixIn, Orders, **{name: value})
        with order(case, server, b"slow"):
            _begin(case, server)
            kept = bench.there(_kept, server)
            case.want(not kept, f"{_threads(kept)} in _threads although {name} is {value}")
            server.gate.set()
        case.call(server.server_close)


@chapter.check("remember")
def forgets_the_dead(bench: Bench, ThreadingMixIn: Any) -> None:
    visitors = 10
    case = bench.case(
        called=f"class Server(ThreadingMixIn, TCPServer), with {visitors} visitors in turn",
        expected="no more than two of their threads still remembered",
        why="After a million visitors a list has a million entries. The memory of a server that "
        "runs for years must not grow with each of them.",
    )
    server = mixed(case, ThreadingMixIn, Orders)
    with case.serving(server):
        threads = []
        for _ in range(visitors):
            case.talk(server.server_address, b"quick")
            threads.append(bench.there(_ended_worker, server))

        few = soon(lambda: bench.there(_count_held, threads) <= 2)
        held = bench.there(_count_held, threads)
        case.want(few, f"{held} ended threads still held: in a list or tuple that only grows?")


@chapter.check("remember")
def forgets_the_quick(bench: Bench, ThreadingMixIn: Any) -> None:
    visitors = 5
    case = bench.case(
        called=f"class Server(ThreadingMixIn, TCPServer), with {visitors} visitors in turn, whose "
        "threads have ended before start() is back",
        expected="no more than two of their threads in _threads",
        why="A new thread may run at once, and to its end, before the one that started it goes "
        "on. If it's added only then, it has ended already and can't take itself out again.",
    )
    server = mixed(case, ThreadingMixIn, Orders)
    with case.serving(server), bench.there(Threads, server):
        for _ in range(visitors):
            case.talk(server.server_address, b"quick")
        server.workers.clear()
        bench.there(gc.collect)
        held = len(bench.there(_kept, server))
    case.want(held <= 2, f"{held} ended threads in _threads: who takes them out?")


def _ended_worker(server: Any) -> "weakref.ref[threading.Thread]":
    # Here and not in the check: what crosses to the checker is kept for it.
    worker = server.workers.pop()
    worker.join(PATIENCE)
    return weakref.ref(worker)


def _count_held(threads: "list[weakref.ref[threading.Thread]]") -> int:
    gc.collect()
    return sum(thread() is not None for thread in threads)


class Lock:
    """A lock that knows which thread holds it, and how often it has been taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.holder: threading.Thread | None = None
        self.taken = 0

    def acquire(self, *limits: Any, **named_limits: Any) -> bool:
        got_it = self._lock.acquire(*limits, **named_limits)
        if got_it:
            self.holder = threading.current_thread()
            self.taken += 1
        return got_it

    def release(self) -> None:
        self.holder = None
        self._lock.release()

    def locked(self) -> bool:
        return self._lock.locked()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class Connection(socket.socket):
    """The server's end of a connection, which notes an answer sent with the lock in hand."""

    lock: Lock
    is_lock_held = False
    is_read = False

    def recv(self, *args: Any) -> bytes:
        self.is_read = True
        return super().recv(*args)

    def recv_into(self, *args: Any) -> int:
        self.is_read = True
        return super().recv_into(*args)

    def send(self, data: Any, *flags: Any) -> int:
        self._note_lock()
        return super().send(memoryview(data)[:1], *flags)  # as it may: only sendall sends all

    def sendall(self, *args: Any) -> None:
        self._note_lock()
        super().sendall(*args)

    def _note_lock(self) -> None:
        self.is_lock_held |= self.lock.holder is threading.current_thread()


class Office(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Counts visitors, and notes each use of the count: which holding of the lock it was in."""

    daemon_threads = True
    request_queue_size = 20

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.lock = Lock()
        self.uses: list[tuple[str, int]] = []
        self.connections: list[Connection] = []
        self._visitors = 0

    def get_request(self) -> tuple[socket.socket, Any]:
        accepted, address = super().get_request()
        limit = accepted.gettimeout()
        connection = Connection(fileno=accepted.detach())
        connection.settimeout(limit)
        connection.lock = self.lock
        self.connections.append(connection)
        return connection, address

    def _note_use(self, what: str) -> None:
        is_holder = self.lock.holder is threading.current_thread()
        self.uses.append((what, self.lock.taken if is_holder else 0))

    @property
    def visitors(self) -> int:
        self._note_use("read")
        now = self._visitors
        time.sleep(0.01)  # without a lock, other threads read as well
        return now

    @visitors.setter
    def visitors(self, number: int) -> None:
        self._note_use("written")
        self._visitors = number


@chapter.check("lock")
def holds_the_lock(bench: Bench, LockedNumbering: Any) -> None:
    case = bench.case(
        called='a server with LockedNumbering, for one client that says b"hello"',
        expected="b'you are number 1', and self.server.lock held from reading visitors to writing",
        why="Between reading and writing another handler may read the same number. Only the lock "
        "that all of them share keeps the others out.",
    )
    server = case.call(Office, ANY_PORT, LockedNumbering)
    with case.serving_quickly(server):
        unread = replace(case, why=_SLIPS[UNREAD])
        with unread.in_words(f"{{}}: was the client's {UNREAD}?", only="ConnectionReset"):
            got = case.talk(server.server_address, b"hello")
        is_read = any(connection.is_read for connection in server.connections)
        _want(case, is_read or bench.records.errors, f"{got!r} sent, but the client's {UNREAD}")
        guess = ": visitors before one was added?" if got == b"you are number 0" else ""
        _want(case, got == b"you are number 1", f"{got!r}{guess}")
        named = replace(case, expected="the answer, and no exception after it")
        _want(named, not bench.records.errors, "the answer, and an exception")
        soon(lambda: not server.lock.locked(), MOMENT)
    case.want(server._visitors == 1, f"the answer, and then visitors is {server._visitors!r}")
    never = "; the handler never took that lock, so is it another one?"
    for what, holding in server.uses:
        case.want(
            holding,
            f"visitors {what} while the handler didn't hold self.server.lock"
            f"{'' if server.lock.taken else never}",
        )
    case.want(
        len({holding for _, holding in server.uses}) == 1,
        "visitors read with the lock, and written with the lock, but given back in between",
    )
    case.want(not server.lock.locked(), "the answer, and the lock was never given back")


@chapter.check("lock")
def numbers_a_crowd(bench: Bench, LockedNumbering: Any) -> None:
    crowd = 5
    case = bench.case(
        called=f"a server with LockedNumbering, for {crowd} clients at once",
        expected=f"the numbers 1 to {crowd}, each once",
        why="A lock makes reading and writing one step, for all threads that take the same lock.",
    )
    server = case.call(Office, ANY_PORT, LockedNumbering)
    with case.serving_quickly(server), ExitStack() as stack:
        address = server.server_address
        clients = [stack.enter_context(conversation(case, address)) for _ in range(crowd)]
        for client in clients:
            client.sendall(b"hello")
        told = sorted(client.recv(100).decode() for client in clients)
    case.want(told == [f"you are number {one + 1}" for one in range(crowd)], f"{told}")


@chapter.check("lock")
def waits_without_the_lock(bench: Bench, LockedNumbering: Any) -> None:
    case = bench.case(
        called="a server with LockedNumbering, for a silent client, then for one that says hello",
        expected="b'you are number 1' for the one that says hello",
        why="A handler that holds the lock while it waits for its client makes all the others wait "
        "for this client as well.",
    )
    server = case.call(Office, ANY_PORT, LockedNumbering)
    with case.serving_quickly(server), connect(server.server_address) as silent:
        soon(server.lock.locked, MOMENT)
        try:
            got = case.talk(server.server_address, b"hello")
        except CaseError as failure:
            held = server.lock.locked()
            silent.close()
            case.want(not held, "no answer: the lock is held while the silent client is waited for")
            raise failure from failure.__cause__
        case.want(got == b"you are number 1", f"{got!r}")
    case = bench.case(
        called='a server with LockedNumbering, for one client that says b"hello"',
        expected="the answer sent after self.server.lock was given back",
        why="sendall may have to wait for a client that doesn't read, and all who want the lock "
        "would wait for that client, too.",
    )
    held = any(connection.is_lock_held for connection in server.connections)
    case.want(not held, "the answer sent while the handler still holds the lock")


class Failing(Office):
    """Has a count that can't be read the first time."""

    has_failed = False

    @property
    def visitors(self) -> int:
        if not self.has_failed:
            self.has_failed = True
            raise ValueBug("the count can't be read")
        return self._visitors

    @visitors.setter
    def visitors(self, number: int) -> None:
        self._visitors = number


@chapter.check("lock")
def gives_it_back(bench: Bench, LockedNumbering: Any) -> None:
    case = bench.case(
        called="a server with LockedNumbering, whose visitors raises an error for the first client",
        expected="the lock given back",
        why="A lock that its holder doesn't give back keeps everyone out forever. with gives it "
        "back in any case; acquire() and release() need a try and a finally.",
    )
    server = case.call(Failing, ANY_PORT, LockedNumbering)
    with case.serving_quickly(server):
        case.talk(server.server_address, b"hello")
        case.want(not server.lock.locked(), "the error, and the lock still held", alone=True)


class Faulty(Orders):
    """Fails for the order b"fault", as its server says."""

    def handle(self) -> None:
        if self.request.recv(100, socket.MSG_PEEK) == b"fault":
            raise self.server.fault("a bug in the handler")
        super().handle()


class Refusing(ServerMixin):
    """Turns its first request away."""

    has_refused = False

    def verify_request(self, *request: Any) -> bool:
        was_first, self.has_refused = not self.has_refused, True
        return not was_first


class Rounds(ServerMixin):
    """Counts how often the loop goes round."""

    rounds = 0

    def service_actions(self) -> None:
        self.rounds += 1
        super().service_actions()


def _want_limit(case: Case, server: Any, places: int, more: int) -> None:
    """Let a crowd come, `more` than there are places, and then let it go."""
    bench, crowd = case.bench, places + more
    before = bench.there(threading.enumerate)
    server.gate.clear()
    server.workers.clear()
    with ExitStack() as stack:
        clients = [stack.enter_context(order(case, server, b"slow")) for _ in range(crowd)]
        soon(lambda: len(server.workers) >= places)

        def started() -> int:
            return len(bench.there(_new_threads, before, "server"))

        # The time for one too many to show, on a busy machine as well.
        soon(lambda: len(server.workers) >= crowd or started() >= crowd, 5 * MOMENT)
        at_work = len(server.workers)
        lost = f"{at_work} of {places} at work, and {crowd} clients there: is a place not freed?"
        case.want(at_work >= places, lost, alone=True)
        case.want(at_work <= places, f"{at_work} handlers at work at once", alone=True)
        new = started()
        each = f"{new} new threads for {crowd} clients, although only {places} are at work"
        case.want(new <= places + 1, each, alone=True)
        gone = any(map(has_answer, clients))
        case.want(not gone, "a client turned away, instead of waiting", alone=True)
        server.gate.set()
        for client in clients:
            got = answer(case, client, "no answer for a client who has waited")
            case.want(got == b"slow", f"{got!r} for a client who has waited", alone=True)


@build.check("at most")
def starts_no_more(bench: Bench, BoundedThreadingMixIn: Any) -> None:
    case = bench.case(
        called="class Server(BoundedThreadingMixIn, TCPServer), with max_threads = 2, for five "
        "clients at once, and then for five more",
        expected="two handlers at work, no thread for the other three, and in the end an answer "
        "for each",
        why="A thread that waits for its place is a thread all the same. So the server finds a "
        "place first, and starts a thread then. Until there's one, the client waits.",
    )
    most = getattr(BoundedThreadingMixIn, "max_threads", None)
    case.want(most == 8, f"a class whose max_threads is {most!r}; the task says 8")
    server = mixed(case, BoundedThreadingMixIn, Orders, max_threads=2)
    with case.serving(server):
        for _ in range(2):
            _want_limit(case, server, 2, more=3)
    case = bench.case(
        called="two servers with max_threads = 1, one of them full, and a client of the other",
        expected="an answer for this client",
        why="Each server has its own places. What's made in the class, all servers share.",
    )
    full = mixed(case, BoundedThreadingMixIn, Orders, max_threads=1)
    free = bench.there(_another, full)
    with case.serving(full), case.serving(free), order(case, full, b"slow"):
        case.want(_has_begun(bench, full), "no handler was called")
        with case.in_words("{}: do the two servers share their places?"):
            got = case.talk(free.server_address, b"quick")
        case.want(got == b"quick", f"{got!r}")


class Losing(minisocketserver.TCPServer):
    """Loses its first client, who goes at the very moment when it is accepted."""

    has_lost = False

    def get_request(self) -> Any:
        request, client_address = super().get_request()
        if not self.has_lost:
            self.has_lost = True
            request.close()
            raise ConnectionAbortedError("the client is gone")
        return request, client_address


_LOST: dict[str, dict[str, Any]] = {
    "handler that raises ValueError": {"fault": ValueBug},
    "handler that calls sys.exit()": {"fault": SystemExit},
    "handle_error() that fails itself": {"fault": ValueBug},
    "request that verify_request() turns away": {"before": [Refusing]},
    "super().get_request() that raises an OSError": {"base": Losing},
}
"""What may happen to a request, and the server to which it happens."""


@build.check("freed")
def frees_the_place(bench: Bench, BoundedThreadingMixIn: Any) -> None:
    for what, options in _LOST.items():
        case = bench.case(
            called="class Server(BoundedThreadingMixIn, TCPServer), with max_threads = 1 and a "
            f"{what}, then for two more clients",
            expected="one of the two at work, and one waiting",
            why="A place that isn't given back is lost for good, and one that's given back twice "
            "is one too many. Which method is called once for each request, whatever happens?",
        )
        server = mixed(case, BoundedThreadingMixIn, Faulty, max_threads=1, **options)
        with case.serving(server):
            if "handle_error" in what:
                server.handle_error = server.fail_to_report
            with suppress(CaseError):
                case.talk(server.server_address, b"fault")
            _want_limit(case, server, 1, more=1)


@build.check("shutdown")
def stops_while_full(bench: Bench, BoundedThreadingMixIn: Any) -> None:
    case = bench.case(
        called="shutdown(), while the only place is taken and a client waits",
        expected="shutdown() back, although the handler is still at work",
        why="Only between two requests does the loop see that it's to stop. Where it sleeps in "
        "acquire(), it has to wake up now and then, as with acquire(timeout=0.1).",
    )
    server = mixed(case, BoundedThreadingMixIn, Orders, before=[Rounds], max_threads=1)
    with case.serving(server), order(case, server, b"slow"):
        case.want(_has_begun(bench, server), "no handler was called")
        with order(case, server, b"slow"):
            time.sleep(MOMENT)
            begun = server.rounds
            time.sleep(2 * MOMENT)
            rounds = server.rounds - begun
            spins = f"a loop that goes round {rounds} times in {2 * MOMENT:g} seconds"
            case.want(rounds < 400, f"{spins}, while there's no place: it spins")
            case.call(server.shutdown, late="shutdown() waits until there's a place")
            case.want(not server.diary, "shutdown() back only after the work was done")


@build.check("closing")
def waits_while_full(bench: Bench, BoundedThreadingMixIn: Any) -> None:
    waits_for_all(bench, BoundedThreadingMixIn)
    _closes_at_once(bench, BoundedThreadingMixIn, "block_on_close", False)
    case = bench.case(
        called="shutdown() and server_close(), while the only place is taken and a client waits",
        expected="server_close() back when the handler at work is done",
        why="ThreadingMixIn waits for the threads that it knows, those in _threads. super() leads "
        "there, from process_request and from server_close.",
    )
    server = mixed(case, BoundedThreadingMixIn, Orders, max_threads=1)
    with case.serving(server), order(case, server, b"slow"):
        case.want(_has_begun(bench, server), "no handler was called")
        with order(case, server, b"slow"):
            time.sleep(MOMENT)
            case.call(server.shutdown)
            closer = begin(_close, bench, server)
            closer.join(MOMENT)
            case.want(closer.is_alive(), "server_close() back, and the handler still at work")
            server.gate.set()
            closer.join(PATIENCE)
            case.want(not closer.is_alive(), "the handler done, and server_close() still waits")


use = EXERCISES["06.2"]


class Hurried:
    """A mix-in for the learner's Theatre: a look at the counter takes a moment."""

    request_queue_size = 20  # a full queue would make a client try again a second later
    _sold = 0

    @property
    def sold(self) -> int:
        now = self._sold
        time.sleep(0.01)  # a handler that looks without a lock finds others looking, too
        return now

    @sold.setter
    def sold(self, number: int) -> None:
        self._sold = number


class HeldUp(ServerMixin):
    """A mix-in for the learner's Theatre: the first handler waits at one of its looks at `sold`.

    A look is a use of any kind, and so is one at `lock`, before it is taken: between two locks
    others may come in. `stop_at` counts looks from 1; with 0 none waits.
    """

    stop_at = 0
    looks = 0
    _sold = 0
    _first: threading.Thread | None = None

    def __init__(self, *args: Any) -> None:
        self.waits, self.go_on = threading.Event(), threading.Event()
        super().__init__(*args)

    def finish_request(self, request: Any, client_address: Any) -> None:
        self._first = self._first or threading.current_thread()
        super().finish_request(request, client_address)

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if name == "lock":
            self._look()
        return value

    def _look(self) -> None:
        if threading.current_thread() is self._first:
            self.looks += 1
            if self.looks == self.stop_at:
                self.waits.set()
                self.go_on.wait(2 * PATIENCE)

    @property
    def sold(self) -> int:
        self._look()
        return self._sold

    @sold.setter
    def sold(self, number: int) -> None:
        self._look()
        self._sold = number


def _lacks_threads(bench: Bench, server: Any) -> str:
    """Tell why a server works on one request at a time, or nothing."""
    having = bench.there(_classes_with, server, "process_request")
    if having[:1] != ["BaseServer"]:
        return ""
    late = bench.there(_classes_with, server, "process_request_thread")
    if late:
        return (
            f"{late[0]} comes after the server among the bases, so process_request is "
            "BaseServer's: one client at a time"
        )
    return "process_request is BaseServer's, without a mix-in: one client at a time"


def _classes_with(server: Any, name: str) -> list[str]:
    return [cls.__name__ for cls in type(server).__mro__ if name in vars(cls)]


def _ticket(case: Case, server: Any) -> str:
    """Return what one visitor is sent."""
    with visitors(case, server, 1) as crowd:
        request_all(case, crowd, "/ticket")
        return read_page(case, crowd[0])


@use.check("page")
def page(bench: Bench, Theatre: Any, TicketWindow: Any) -> None:
    case = bench.case(
        called="Theatre(address, TicketWindow), visited by http.client twice, in turn",
        expected="the status 200, 'seat 1' and then 'seat 2'",
        why="http.client knows nothing of this course. It wants a status line, an empty line, and "
        "the text, in bytes.",
    )
    seats = getattr(Theatre, "seats", None)
    case.want(seats == 5, f"a Theatre whose seats is {seats!r}; the task says 5")
    server = case.call(Theatre, ANY_PORT, TicketWindow)
    with case.serving_quickly(server):
        for number in (1, 2):
            got = _ticket(case, server)
            case.want(got == f"seat {number}", f"{got!r}")
        reply = case.talk(server.server_address, b"GET /ticket HTTP/1.1\r\nHost: x\r\n\r\n")
        want_plain_reply(case, reply)
        sold = server.sold
    case.want(sold == 3, f"three tickets, and sold is {sold!r}")


@use.check("a silent client")
def silent(bench: Bench, Theatre: Any, TicketWindow: Any) -> None:
    case = bench.case(
        called="Theatre(address, TicketWindow), with a silent client, then one who asks",
        expected="'seat 1' for the one who asks",
        why="The basic servers see one request through before they take the next. And a lock that "
        "is held while a client thinks makes a threading server just as slow.",
    )
    server = case.call(Theatre, ANY_PORT, TicketWindow)
    lacks = _lacks_threads(bench, server)
    with case.serving_quickly(server), visitors(case, server, 2) as (quiet, asking):
        time.sleep(0.02)
        request_all(case, [asking], "/ticket")
        try:
            got = read_page(case, asking)
        except CaseError as failure:
            quiet.close()
            guess = "" if bench.records.errors else "; is a lock held while the silent one thinks?"
            case.fail(lacks or f"{failure.got}{guess}")
        case.want(got == "seat 1", f"{got!r}")
        request_all(case, [quiet], "/ticket")
        got = read_page(case, quiet)
        case.want(got == "seat 2", f"{got!r} for the one who was silent")
    case.want(not lacks, lacks)


@use.check("one seat each")
def one_seat_each(bench: Bench, Theatre: Any, TicketWindow: Any) -> None:
    crowd, seats = 6, 3
    case = bench.case(
        called=f"Theatre with {seats} seats, visited by {crowd} clients at once; a look at "
        "self.sold takes 10 ms",
        expected=f"the seats 1 to {seats}, each once, 'sold out' for the others, and sold = "
        f"{seats}",
        why="Between looking and taking, another thread may look as well. Both steps belong under "
        "one lock, the same for all handlers, so it lives on the server.",
    )
    hurried = case.call(make_class, Theatre.__name__, (Hurried, Theatre), {"seats": seats})
    server = case.call(hurried, ANY_PORT, TicketWindow)
    with case.serving_quickly(server), visitors(case, server, crowd) as clients:
        request_all(case, clients, "/ticket")
        told = sorted(read_page(case, visitor) for visitor in clients)
        sold = server._sold
    given = [text for text in told if text != "sold out"]
    shared = len(given) - len(set(given))
    case.want(
        not shared,
        f"{told}: {shared} share a seat with another. Is there one lock for all, around the look "
        "and the count?",
    )
    case.want(told == _seats(seats, crowd), f"{told}")
    case.want(
        sold == seats, f"all well, but sold is {sold}: a visitor who gets no seat doesn't count"
    )


@use.check("one seat each")
def two_theatres(bench: Bench, Theatre: Any, TicketWindow: Any) -> None:
    case = bench.case(
        called="two theatres, each visited once",
        expected="'seat 1' in each",
        why="A program may have two servers. What belongs to one is kept on it.",
    )
    one, two = (case.call(Theatre, ANY_PORT, TicketWindow) for _ in range(2))
    with case.serving_quickly(one), case.serving_quickly(two):
        for server in (one, two):
            got = _ticket(case, server)
            case.want(got == "seat 1", f"{got!r}: do the two count together?")


@use.check("one seat each")
def none_comes_between(bench: Bench, Theatre: Any, TicketWindow: Any) -> None:
    """Let one of two handlers wait at each of its looks at `sold`, while the other one goes on."""
    for seats in (2, 1):
        looks, seconds = _with_one_held_up(bench, Theatre, TicketWindow, seats, 0, MOMENT)
        for stop_at in range(1, looks + 1):
            # A machine that was slow before may be slow again.
            _with_one_held_up(
                bench, Theatre, TicketWindow, seats, stop_at, max(MOMENT, 4 * seconds)
            )


def _seats(seats: int, crowd: int) -> list[str]:
    return [f"seat {number + 1}" for number in range(seats)] + ["sold out"] * (crowd - seats)


def _with_one_held_up(
    bench: Bench, theatre: Any, window: Any, seats: int, stop_at: int, moment: float
) -> tuple[int, float]:
    """Hold the first visitor's handler up at one of its looks, and give the second a moment.

    Return how many looks the first one took, and after how many seconds it had answered or
    waited.
    """
    case = bench.case(
        called=f"Theatre with {seats} of its seats left, for two visitors; the first one's handler "
        f"is held up at its use number {stop_at} of self.server.sold",
        expected=f"{_seats(seats, 2)}, and sold = {seats}",
        why="From the first use of sold to the last no other thread may come in between. A "
        "handler that gives the lock back and looks again sees what another one has done.",
    )
    attributes = {"seats": seats, "stop_at": stop_at}
    held_up = case.call(make_class, theatre.__name__, (HeldUp, theatre), attributes)
    server = case.call(held_up, ANY_PORT, window)
    with case.serving_quickly(server), visitors(case, server, 2) as (first, second):
        begin = time.monotonic()
        request_all(case, [first], "/ticket")
        soon(lambda: server.waits.is_set() or has_answer(first.sock))
        seconds = time.monotonic() - begin
        looks = server.looks
        request_all(case, [second], "/ticket")
        soon(lambda: has_answer(second.sock), moment)
        server.go_on.set()
        told = sorted(read_page(case, visitor) for visitor in (first, second))
        sold = server._sold
    case.want(
        told == _seats(seats, 2) and sold == seats,
        f"{told}, and sold = {sold}: is the lock held from the first use to the last?",
    )
    return looks, seconds


bugs = EXERCISES["06.3"]


def _greet(case: Case, server: Any, name: str) -> str:
    return case.talk(server.server_address, name.encode()).decode(errors="replace")


@bugs.check("thinking")
def thinking(bench: Bench, Desk: Any, Greeter: Any) -> None:
    case = bench.case(
        called="Desk(address, Greeter), with a silent visitor, then Ada",
        expected="an answer for Ada",
        why="Of two bases that both have a process_request the first one's is taken. With the "
        "mix-in last there are no threads, and no error says so.",
    )
    server = case.call(Desk, ANY_PORT, Greeter)
    lacks = _lacks_threads(bench, server)
    address = server.server_address
    with case.serving_quickly(server), connect(address) as quiet:
        time.sleep(0.02)
        try:
            with case.in_words(lacks or "{}"):
                got = _greet(case, server, "Ada")
        finally:
            quiet.close()
        case.want(got.startswith("Ada, "), f"{got!r}")
    case.want(not lacks, lacks)


@bugs.check("numbers")
def numbers(bench: Bench, Desk: Any, Greeter: Any) -> None:
    case = bench.case(
        called="a new Desk(address, Greeter), visited by Ada, then by Bob; and one more desk",
        expected="'Ada, you are visitor 1', then 'Bob, you are visitor 2', at each desk",
        why="The number of a thread depends on all threads that the program has ever started; a "
        "notebook has several itself. Its name is for people to read.",
    )
    for _ in range(2):
        server = case.call(Desk, ANY_PORT, Greeter)
        with case.serving_quickly(server):
            for number, name in enumerate(("Ada", "Bob"), 1):
                got = _greet(case, server, name)
                case.want(
                    got == f"{name}, you are visitor {number}",
                    f"{got!r}; does the number come from the name of a "
                    "thread, or from a count that all desks share?",
                )


@bugs.check("the end")
def the_end(bench: Bench, Desk: Any, Greeter: Any) -> None:
    case = bench.case(
        called="server_close(), while a visitor is connected and silent",
        expected="server_close() back, and no thread left that the end of the program waits for",
        why="Ctrl-C ends the loop. Then server_close() waits for the handlers, and Python itself "
        "waits for every thread that isn't a daemon. daemon_threads = True is for both.",
    )
    server = case.call(Desk, ANY_PORT, Greeter)
    before = bench.there(threading.enumerate)
    with (
        suppress(ServerError, CaseError),
        case.serving_quickly(server),
        connect(server.server_address) as quiet,
    ):
        handed_out = soon(lambda: bench.there(_new_threads, before, "server"))
        time.sleep(0.02)
        within(PATIENCE, server.shutdown, "shutdown")
        closed = True
        try:
            within(PATIENCE / 2, server.server_close, "server_close")
        except ServerError:
            closed = False
        handlers = bench.there(_new_threads, before, "server")
        left = [thread for thread in handlers if not thread.daemon]
        if left and closed:
            left[0].join(PATIENCE / 2)  # a time limit on the connection is a right answer, too
            left = [thread for thread in left if thread.is_alive()]
        quiet.close()
    case.want(handed_out, "no thread was started for the visitor")
    case.want(closed, "server_close() waits for the silent visitor's handler")
    case.want(
        not left,
        "server_close() back, but the handler's thread isn't a daemon, so the program can't end",
    )


def _new_threads(before: list[threading.Thread], *ours: str) -> list[threading.Thread]:
    """Return the threads that were started since `before`, but for ours, known by their names."""
    new = set(threading.enumerate()) - {*before, threading.current_thread()}
    return [thread for thread in new if thread.name not in ("deadline", "hand", *ours)]


@bugs.check("again")
def again(bench: Bench, visit: Any) -> None:
    case = bench.case(
        called='visit(["Ada", "Bob"])',
        expected="both answers, on a port that the kernel chose, and nothing left behind",
        why="A cell is run again and again. What the last run still holds, a port, a listener, a "
        "thread that serves, is in the way of the next.",
    )
    before = bench.there(threading.enumerate)
    failed = ""
    try:
        # A shutdown() of the standard library takes up to half a second.
        got = within(2 * PATIENCE + 0.5, lambda: visit(["Ada", "Bob"]), case.called)
    except ServerError as trouble:
        failed = f"{trouble}{bench.whereabouts()}"
    except BaseException as error:
        failed = describe(error)
    ports = [where[1] for _, where in bench.records.bound if isinstance(where, tuple)]
    case.want(
        not any(ports),
        f"a server on port {next(filter(None, ports), 0)}: a fixed port may be taken, also by "
        "the last run of the same cell (Address already in use)",
    )
    case.want(not failed, failed)
    given = isinstance(got, list) and [str(text)[:4] for text in got] == ["Ada,", "Bob,"]
    case.want(given, f"{got!r}")
    listeners = [sock for sock, _ in bench.records.bound]
    case.want(listeners, "answers, but no server was started")
    case.want(
        soon(lambda: all(sock.fileno() == -1 for sock in listeners)),
        "the answers, but the listener is still open: server_close() gives it back",
    )

    ended = soon(lambda: not bench.there(_new_threads, before))
    left = ", ".join(thread.name for thread in bench.there(_new_threads, before))
    case.want(ended, f"the answers, but a thread is still at work: {left}")


predict = EXERCISES["06.4"]


class Waits(socketserver.BaseRequestHandler):
    """A slow order waits until the quick one has been answered, if that ever happens."""

    server: Any

    def handle(self) -> None:
        self.request.settimeout(PATIENCE)
        with getattr(self.server, "lock", nullcontext()):
            order = self.request.recv(100)
            if order == b"slow":
                self.server.begun.set()
                self.server.gate.wait(self.server.limit)
            self.request.sendall(order)


class MixinFirst(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """As it should be."""


class MixinLast(socketserver.TCPServer, socketserver.ThreadingMixIn):
    """Silently without threads."""


class Locked(MixinFirst):
    """One lock around all that a handler does."""

    lock = threading.Lock()


def _first_answer(case: Case, server_class: Any, limit: float) -> str:
    """Return which of two orders was answered first, in a run."""
    server: Any = server_class(ANY_PORT, Waits)
    server.begun, server.gate, server.limit = threading.Event(), threading.Event(), limit
    with case.serving_quickly(server), order(case, server, b"slow") as slow:
        server.begun.wait(PATIENCE)
        with order(case, server, b"quick") as quick:
            ready, _, _ = select.select([slow, quick], [], [], 2 * PATIENCE)
            server.gate.set()
            return "slow" if slow in ready else "quick"


def _surely(guess: Any, measure: Callable[[float], list[Any]]) -> list[Any]:
    """Return what a run gives; where the guess differs, what others give that take their time.

    On a busy machine a hurried run may take a late answer for none.
    """
    watch = Stopwatch()
    for limit in (0.15, PATIENCE / 2, PATIENCE):
        real = measure(limit)
        agrees = isinstance(guess, list | tuple) and list(guess) == real
        if agrees or (limit > 0.15 and not watch.is_busy()):
            break
    return real


@predict.prediction(
    "first",
    beside="four real runs",
    expected='for each server "slow" or "quick": who has an answer first',
    why="A slow client is in the way of a quick one where both need the same thing: the "
    "loop's thread, or a lock.",
    misread=(
        "The basic servers see one request through before they look at the next.",
        "Each request has its own thread, so the quick one doesn't wait.",
        "With the mix-in last process_request is BaseServer's: no threads, and no error.",
        "A handler needs the lock to work, and the slow one holds it.",
    ),
)
def first_answers(case: Case, first_answers: Any) -> list[Any]:
    return _surely(
        first_answers,
        lambda limit: [
            _first_answer(case, kind, limit)
            for kind in (socketserver.TCPServer, MixinFirst, MixinLast, Locked)
        ],
    )


@predict.prediction(
    "threads",
    beside="two real runs with 12 clients who stay",
    expected="two numbers of threads, for request_queue_size = 1 and 5",
    why="request_queue_size is the backlog of listen(): clients who wait until the loop "
    "accepts them. This loop accepts at once.",
    misread=(
        *["The queue holds those not accepted yet. It limits neither clients nor threads."] * 2,
    ),
)
def threads_at_work(case: Case) -> list[Any]:
    return [_at_work(case, size) for size in (1, 5)]


def _at_work(case: Case, queue: int, clients: int = 12) -> int:
    at_work: set[threading.Thread] = set()
    go = threading.Event()

    def stays(request: Any, client_address: Any, server: Any) -> None:
        at_work.add(threading.current_thread())
        request.sendall(b"welcome")
        go.wait(3 * PATIENCE)

    made: Any = case.bench.subclass(MixinFirst, request_queue_size=queue)
    with case.serving_quickly(made(ANY_PORT, stays)) as server, ExitStack() as stack:
        stack.callback(go.set)
        for _ in range(clients):
            client = socket.create_connection(server.server_address, 2 * PATIENCE)
            stack.enter_context(client)
            client.recv(100)
        return len(at_work)


@predict.prediction(
    "shutdown",
    beside="three real runs",
    expected="three times True or False",
    why="shutdown() waits until the loop has ended. It can wait for that in any thread but "
    "the loop's own.",
    misread=(
        "The handler runs in the loop's thread: each waits for the other.",
        "The handler has its own thread, so the loop is free to end.",
        "shutdown() waits for the loop. The handlers are server_close()'s business.",
    ),
)
def shutdown_returns(case: Case, shutdown_returns: Any) -> list[Any]:
    return _surely(
        shutdown_returns,
        lambda limit: [
            _shutdown_returns(case, socketserver.TCPServer, limit),
            _shutdown_returns(case, MixinFirst, limit),
            _shutdown_returns(case, MixinFirst, limit, inside=False),
        ],
    )


def _shutdown_returns(case: Case, kind: Any, limit: float, inside: bool = True) -> bool:
    """Tell whether shutdown() returns: in a handler, or elsewhere while a handler is at work."""
    begun, go, returned = threading.Event(), threading.Event(), threading.Event()

    def stop() -> None:
        server.shutdown()
        returned.set()

    def handler(request: Any, client_address: Any, server: Any) -> None:
        begun.set()
        if inside:
            stop()
        go.wait(3 * PATIENCE)

    server = kind(ANY_PORT, handler)
    with case.serving_quickly(server), connect(server.server_address):
        begun.wait(PATIENCE)
        if not inside:
            begin(stop)
        came_back = returned.wait(limit)
        server._BaseServer__is_shut_down.set()  # lets go what waits for the loop
        go.set()
    return came_back


_PROGRAM = """
import socket, socketserver, sys, threading

class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    pass

def silent(request, client_address, server):
    begun.set()
    request.settimeout(300)  # so that it ends even if the check has been killed
    request.recv(100)

begun = threading.Event()
server = Server(("127.0.0.1", 0), silent)
vars(server).update(eval(sys.argv[1]))
client = socket.create_connection(server.server_address)
server.handle_request()
begun.wait()
print("begun", flush=True)
server.server_close()
print("closed", flush=True)
"""

_SWITCHES: list[dict[str, bool]] = [{}, {"block_on_close": False}, {"daemon_threads": True}]


def _endings(limit: float) -> list[tuple[bool, bool]]:
    """Return for each of three programs: did server_close() return, did the program end?"""
    with ExitStack() as stack:
        programs = []
        for switches in _SWITCHES:
            streams = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            program = start("-c", _PROGRAM, repr(switches), **streams)
            stack.enter_context(program)
            stack.callback(program.kill)
            programs.append(program)
        for program in programs:
            assert program.stdout is not None
            try:
                within(NEW_PYTHON, program.stdout.readline, "the program")
            except ServerError as late:  # it is the check's, and so is its lateness
                raise CannotCheckError(f"{late} Is the machine busy? Then check again.") from late
        until = time.monotonic() + 2 * limit
        found = []
        for program in programs:
            assert program.stdout is not None
            status = end_of(program, max(0, until - time.monotonic()))
            found.append((b"closed" in program.stdout.read(), status is not None))
        return found


@predict.prediction(
    "close",
    beside="three real programs with a silent client",
    expected="three times True or False",
    why="server_close() waits for handlers, and a handler without a time limit waits for its "
    "client.",
    misread=(
        "block_on_close is True by default: it waits for the handler.",
        "block_on_close = False means just that: server_close() doesn't wait.",
        "Daemon threads are not waited for.",
    ),
)
def close_returns(close_returns: Any) -> list[Any]:
    return _surely(close_returns, lambda limit: [closed for closed, _ in _endings(limit)])


@predict.prediction(
    "end",
    beside="three real programs with a silent client",
    expected="three times True or False",
    why="At its end Python waits for each thread that isn't a daemon. That's why Ctrl-C seems "
    "to do nothing while a client is connected.",
    misread=(
        "The program hangs in server_close(), which waits for the handler.",
        "server_close() returns, but the handler's thread isn't a daemon, so Python waits.",
        "Python doesn't wait for a daemon thread. It's cut off where it is.",
    ),
)
def program_ends(program_ends: Any) -> list[Any]:
    return _surely(program_ends, lambda limit: [ended for _, ended in _endings(limit)])
