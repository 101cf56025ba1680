"""Checks of chapter 10: which requests are open, a pool, a clean end; a full backlog."""

import inspect
import os
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from typing import Any, NoReturn

import minisocketserver
from minisocketserver import beyond

from ..checks.bench import Bench
from ..checks.case import ANY_PORT, PATIENCE, Case, begin, soon
from ..checks.clients import connect, dial, rest_of, want_wait_for_both
from ..checks.core import load
from ..checks.forking import Notes, away, next_ended
from ..checks.handlers import Echo
from ..checks.hooks import ServerMixin
from ..checks.records import Records
from ..notebook.tracebacks import describe

EXERCISES = load(__file__)
chapter, build, bugs, predict = (EXERCISES[number] for number in ("10", "10.1", "10.2", "10.3"))

MOMENT = 0.15
"""Seconds in which a server takes what it is going to take."""


@chapter.check("open requests")
def knows_what_is_open(bench: Bench, OpenRequestsMixIn: Any) -> None:
    case = bench.case(
        called="request_taken() for two equal datagrams, then close_request() for the first",
        expected="two requests open, each with its client's address; then the second alone",
        why="A datagram is a pair, and two pairs that hold the same are equal. The question is "
        "which object is open, and id() tells objects apart.",
    )
    server_class = bench.subclass(OpenRequestsMixIn, minisocketserver.UDPServer)
    server = case.call(server_class, ANY_PORT, Echo)
    first, second = ((b"hello", server.socket) for _ in range(2))
    callers = [("192.0.2.1", 1), ("192.0.2.2", 2)]
    for request, client_address in zip((first, second), callers, strict=True):
        case.call(server.request_taken, request, client_address)
    found = [*server.open_requests.values()]
    case.want(
        len(found) == 2,
        f"{len(found)} open. Are they kept by what they hold?",
    )
    named = replace(
        case,
        why="A server that ends cuts off whoever is left, and reports who that was. So the address "
        "is noted with the request: first the request, then the address.",
    )
    named.want(
        found == [(first, callers[0]), (second, callers[1])],
        f"an entry {found[0]!r}, which isn't the pair of request and client address",
    )
    case.call(server.close_request, first)
    found = [request for request, _ in server.open_requests.values()]
    case.want(
        len(found) == 1 and found[0] is second,
        f"{len(found)} open after that" + (": not the second" if len(found) == 1 else ""),
    )


@chapter.check("open requests")
def forgets_shells(bench: Bench, OpenRequestsMixIn: Any) -> None:
    case = bench.case(
        called="close_request() for a request never noted, with two sockets and a datagram noted, "
        "one of the sockets closed by hand",
        expected="that one forgotten, and the two others still open",
        why="A socket that was closed by hand, or wrapped, never gets to close_request. What is "
        "left of it has the descriptor -1.",
    )
    server_class = bench.subclass(OpenRequestsMixIn, minisocketserver.TCPServer)
    server = case.call(server_class, ANY_PORT, Echo)
    shell, kept, unknown = (socket.socket() for _ in range(3))
    datagram = b"hello", kept
    for request in (shell, kept, datagram):
        case.call(server.request_taken, request, ("192.0.2.1", 1))
    shell.close()
    with (
        case.in_words("{}: walk through a list of the items", only="changed size"),
        case.in_words("{}: a datagram has none, so first ask what it is", only="'fileno'"),
        case.in_words("{}: is there an entry under this key?", only="KeyError"),
    ):
        case.call(server.close_request, unknown)
    case.want(not _is_open(server, shell), "the closed socket still among the open requests")
    case.want(_is_open(server, kept), "the socket that is open forgotten, too")
    case.want(_is_open(server, datagram), "the datagram forgotten, too")
    kept.close()
    case.call(server.forget_closed)
    case.want(not _is_open(server, kept), "forget_closed() leaves a closed socket where it is")


def _is_open(server: Any, request: Any) -> bool:
    return any(one is request for one, _ in server.open_requests.values())


class Stay(minisocketserver.BaseRequestHandler):
    """Welcomes a client, and waits until it goes."""

    def handle(self) -> None:
        self.request.settimeout(3 * PATIENCE)
        self.server.workers.append(threading.current_thread())
        self.server.stays[self.client_address[1]] = threading.current_thread()
        self.request.sendall(b"welcome")
        self.request.recv(100)
        self.request.sendall(b", goodbye")


class CountsTaken(ServerMixin):
    """Counts what a server takes and how often its loop looks, and notes the loop's thread."""

    taken = 0
    looks = 0
    longest = 0.0

    def _handle_request_noblock(self) -> None:
        self.looks += 1
        super()._handle_request_noblock()

    def get_request(self) -> Any:
        request = super().get_request()
        self.taken += 1
        return request

    def wait_until_closed(self, timeout: float | None = None, left: int = 0) -> bool:
        if threading.current_thread() is getattr(self, "loop", None):
            self.longest = max(self.longest, float("inf") if timeout is None else timeout)
        return bool(super().wait_until_closed(timeout, left))  # type: ignore[misc]

    def serve_forever(self, *args: Any) -> None:
        self.loop = threading.current_thread()
        super().serve_forever(*args)


def pool(
    case: Case, mixin: Any, handler: Any = Stay, first: type = CountsTaken, **settings: Any
) -> Any:
    """Return a server of the bench with the learner's mix-in; it counts what it takes."""
    bases = (first, mixin, minisocketserver.TCPServer)
    server_class = case.bench.subclass(*bases, **{"request_queue_size": 100, **settings})
    server = case.call(server_class, ANY_PORT, handler)
    server.workers, server.stays = [], case.bench.there(dict)
    return server


@contextmanager
def crowd(
    case: Case, server: Any, number: int, moment: float = MOMENT
) -> Iterator[list[socket.socket]]:
    """Let so many clients come, and give the server a moment to take whom it will."""
    with ExitStack() as stack:
        clients = []
        for _ in range(number):
            clients.append(stack.enter_context(dial(case, server)))
            # Not faster than it takes them: a call to a full backlog comes again after a second.
            soon(partial(_has_taken, server, len(clients)), 0.02)
        time.sleep(moment)
        yield clients


def count_served(clients: list[socket.socket]) -> int:
    """Count those who are served, up to the first who isn't: that wait was long enough."""
    welcomed = (rest_of(client) == b"welcome, goodbye" for client in clients)
    return sum(takewhile(bool, welcomed))


@chapter.check("capacity")
@bugs.check("threads")
def few_threads(bench: Bench, ThreadPoolMixIn: Any) -> None:
    found = [getattr(ThreadPoolMixIn, name, None) for name in ("pool_size", "queue_size")]
    case = bench.case(
        called="the class attributes of ThreadPoolMixIn",
        expected="pool_size = 8 and queue_size = 0",
        why="Subclasses change them, and count on what they find.",
    )
    case.want(found == [8, 0], f"{found}")
    case = bench.case(
        called="a pool_size of 3, with 9 clients who stay until they are asked to go",
        expected="three of them welcomed, by three threads; later all nine, by the same three",
        why="A thread costs memory and takes turns with the others. A pool has a fixed number of "
        "them, and each serves one request after the other.",
    )
    server = pool(case, ThreadPoolMixIn, pool_size=3)
    with case.serving(server):
        with crowd(case, server, 9) as clients:
            soon(lambda: len(server.workers) >= 3)
            at_once = len(server.workers)
            case.want(
                server.loop not in server.workers,
                "a handler in the loop's own thread: no pool at all",
            )
            case.want(
                server.taken,
                "no client taken, although none is open yet: is super() called when there's room?",
            )
            case.want(at_once == 3, f"{at_once} handlers at work")
            for client in clients:
                client.sendall(b"go")
            served = count_served(clients)
        case.want(served == 9, f"{served} of 9 clients served")
        threads = len(set(server.workers))
        case.want(threads == 3, f"{threads} threads for 9 clients: one for each request?")


@chapter.check("capacity")
@bugs.check("taken")
def few_taken(bench: Bench, ThreadPoolMixIn: Any) -> None:
    for queue_size, wanted in ((0, 3), (2, 5)):
        case = bench.case(
            called=f"pool_size = 3 and queue_size = {queue_size}, with 9 clients who stay",
            expected=f"{wanted} of them taken; the others wait in the backlog",
            why="A request that is taken costs a descriptor, and in a queue without an end the "
            "flood goes on. In the kernel's backlog it costs next to nothing.",
        )
        server = pool(case, ThreadPoolMixIn, pool_size=3, queue_size=queue_size)
        with case.serving(server), crowd(case, server, 9):
            soon(partial(_has_taken, server, wanted))
            before = server.looks
            time.sleep(2 * MOMENT)
            looks, taken = server.looks - before, server.taken
            case.want(
                taken < 9 or "request_queue_size" not in bench.there(vars, ThreadPoolMixIn),
                "all 9 taken: request_queue_size is the length of the backlog, which limits those "
                "who wait outside and none of those inside",
            )
            case.want(taken < 9, "all 9 taken: what asks whether there's room?")
            case.want(taken == wanted, f"{taken} taken")
            case.want(
                looks < 200 * MOMENT + 100,
                f"{wanted} taken, and then {looks:,} looks in {2 * MOMENT:g} seconds: a loop that "
                "doesn't rest keeps a processor busy",
            )
            late = f"waits of {server.longest:g} seconds for room, in the loop"
            brief = replace(
                case,
                expected="waits of 0.01 seconds",
                why="While it waits for room the loop sees no shutdown(), and no other work.",
            )
            brief.want(server.longest <= 0.2 or server.longest > PATIENCE, late)
            late = "shutdown() is still waiting: does the loop wait for room without an end?"
            case.call(server.shutdown, late=late, seconds=PATIENCE / 4)


def _has_taken(server: Any, number: int) -> bool:
    return bool(getattr(server, "taken", 0) >= number)


@chapter.check("workers")
@bugs.check("home")
def goes_home(bench: Bench, ThreadPoolMixIn: Any) -> None:
    case = bench.case(
        called="pool_size = 1 and queue_size = 2, three clients taken; shutdown, server_close",
        expected="all three served by one thread, which then ended, and server_close() back",
        why="A thread that waits for the next request waits forever unless the pool sends it home. "
        "And a client that was taken has been promised an answer.",
    )
    server = pool(case, ThreadPoolMixIn, pool_size=1, queue_size=2)
    with case.serving(server):
        with crowd(case, server, 3) as clients:
            soon(lambda: server.taken == 3 and server.workers)
            case.want(server.taken == 3, f"{server.taken} taken")
            case.want(server.workers, "three taken, none at work")
            errors: list[Exception] = []
            closer = begin(_close, server, errors)
            closer.join(2 * MOMENT)
            if errors:
                case.fail(describe(errors[0]), errors[0])
            early = not closer.is_alive()
            for client in clients:
                client.sendall(b"go")
            served = count_served(clients)
        case.want(served == 3, f"{served} of the three served")
        case.want(not early, "all served, but server_close() did not wait for them")
        workers = set(server.workers)
        case.want(len(workers) == 1, f"{len(workers)} threads in a pool of one")
        for worker in workers:
            worker.join(PATIENCE)
        left = sum(worker.is_alive() for worker in workers)
        case.want(not left, f"{left} thread of the pool still there: who sends it home?")
        closer.join(PATIENCE)
        case.want(not closer.is_alive(), "server_close() doesn't come back")
        case.want(server.fileno() == -1, "all gone home, and the listener still open")
    _waits_for_all(bench, ThreadPoolMixIn)
    case = bench.case(
        called="server_close(), on a server that has had no request",
        expected="no error, and the listener closed",
        why="A server may end before its first client comes.",
    )
    server = pool(case, ThreadPoolMixIn)
    case.call(server.server_close)
    case.want(server.fileno() == -1, "no error, and the listener still open")


def _waits_for_all(bench: Bench, mixin: Any) -> None:
    case = bench.case(
        called="server_close() with two threads at work, one longer than the other",
        expected="server_close() back when both have ended",
        why="Each of them may still need what the program closes next.",
    )
    server = pool(case, mixin, pool_size=2)
    with case.serving(server), crowd(case, server, 2) as clients:
        case.want(soon(lambda: len(server.stays) == 2), "fewer than two at work")
        want_wait_for_both(case, server, clients, begin(_close, server, []), "threads had ended")


def _close(server: Any, errors: list[Exception]) -> None:
    """Stop and close the server; add what it raises to the errors."""
    try:
        server.shutdown()
        server.server_close()
    except Exception as error:
        errors.append(error)


class Leave(minisocketserver.BaseRequestHandler):
    """Says goodbye, and ends its thread."""

    def handle(self) -> None:
        self.server.workers.append(threading.current_thread())
        self.request.sendall(b"so long")
        sys.exit()


class Fail(Leave):
    """Says goodbye, and has a bug."""

    def handle(self) -> None:
        self.request.sendall(b"so long")
        raise ValueError("a bug in the handler")


@chapter.check("workers")
@bugs.check("survives")
def survives(bench: Bench, ThreadPoolMixIn: Any) -> None:
    for handler, what in ((Fail, "raises ValueError"), (Leave, "calls sys.exit()")):
        case = bench.case(
            called=f"pool_size = 1, with a handler that {what}, for two clients in turn",
            expected="both answered",
            why="Where each request has its own thread, such a handler ends that thread and does "
            "no harm. The pool's only thread must be there for the next client.",
        )
        server = pool(case, ThreadPoolMixIn, handler, pool_size=1)
        with case.serving(server):
            for number in ("first", "second"):
                with connect(server.server_address) as client:
                    got = rest_of(client)
                ended = other_error(bench, "ValueError", "SystemExit")
                case.want(
                    got == b"so long",
                    f"{got!r} for the {number} client: "
                    + (ended or "did the handler take the pool's thread with it?"),
                    alone=True,
                )


def other_error(bench: Bench, *meant: str) -> str:
    """Describe the first error that came besides those the check itself has caused, if any."""
    others = (error for error in bench.records.errors if type(error).__name__ not in meant)
    return next(map(describe, others), "")


class Panic(BaseException):
    """What no handler should raise."""


class Panics(Leave):
    """Says goodbye, and raises what is no Exception."""

    def handle(self) -> None:
        self.request.sendall(b"so long")
        raise Panic("not even an Exception")


@chapter.check("workers")
def reports(bench: Bench, ThreadPoolMixIn: Any) -> None:
    case = bench.case(
        called="a handler that raises what is no Exception",
        expected="a report of it, as by threading.excepthook",
        why="Python reports what ends a thread. A pool that swallows it hides the fault from you.",
    )
    heard = len(bench.records.errors), len(bench.records.printed)
    server = pool(case, ThreadPoolMixIn, Panics, pool_size=1)
    with case.serving(server):
        with connect(server.server_address) as client:
            rest_of(client)
        soon(lambda: heard != (len(bench.records.errors), len(bench.records.printed)))
        now = len(bench.records.errors), len(bench.records.printed)
        case.want(now != heard, "not a word", alone=True)
        said = "".join(bench.records.printed[heard[1] :])
        case.want(
            now[0] != heard[0] or "Traceback" in said,
            f"{said[:60]!r} printed, without a traceback: was threading.excepthook called?",
            alone=True,
        )
        second = replace(
            case,
            expected="a report of it, and the next client served by the same thread",
            why="Nothing that a request raises may end the pool's thread: every BaseException.",
        )
        with connect(server.server_address) as client:
            got = rest_of(client)
        told = f"{got!r} for the next client: did the error take the pool's thread with it?"
        second.want(got == b"so long", told, alone=True)


class KeepsOpen(CountsTaken):
    """Keeps each connection when its handler is done."""

    workers: list[Any]

    def shutdown_request(self, request: Any) -> None:
        self.workers.append(request)


class Greet(Leave):
    """Says goodbye, and returns."""

    def handle(self) -> None:
        self.request.sendall(b"so long")


@chapter.check("workers")
def frees_its_place(bench: Bench, ThreadPoolMixIn: Any) -> None:
    case = bench.case(
        called="pool_size = 1, on a server that keeps its connections, for two clients in turn",
        expected="both answered",
        why="A thread is done with a request when the handler is, even where the connection stays "
        "open. Then there is room for the next one.",
    )
    _serves_two(case, ThreadPoolMixIn, Greet)
    case = replace(case, called=f"{case.called}, with a handler that calls sys.exit()")
    _serves_two(case, ThreadPoolMixIn, Leave)


def _serves_two(case: Case, mixin: Any, handler: Any) -> None:
    server = pool(case, mixin, handler, KeepsOpen, pool_size=1)
    with case.serving(server):
        for number in ("first", "second"):
            with connect(server.server_address) as client:
                got = b"nothing"
                with suppress(TimeoutError):
                    got = client.recv(100)
            case.want(
                got == b"so long",
                f"{got.decode()} for the {number} client: is the request before it forgotten?",
                alone=True,
            )


@contextmanager
def harbour(case: Case, harbour_class: Any, handler: Any) -> Iterator[Any]:
    """Serve, and afterwards end whatever connection is left, so that no thread stays."""
    server = case.call(harbour_class, ANY_PORT, handler)
    with case.serving_quickly(server):
        try:
            yield server
        finally:
            case.bench.there(_end_connections, server, case.bench.records)


def _end_connections(server: Any, records: Records) -> None:
    for sock in records.sockets:
        if sock is not getattr(server, "socket", None):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


LINE = 0.2
"""Seconds that a line may take, and that handlers are given in the end."""


def want_stop(case: Case, server_class: Any, stop: Callable[..., Any], name: str = "stop") -> None:
    """Want an end with a deadline from `stop`, which is called `name`."""
    # Again, if the machine stood still: that made the quick job a long one, or the stop.
    any(_stops(case, server_class, stop, last, name) for last in (False, False, True))


class Job(minisocketserver.BaseRequestHandler):
    """Works a moment for a client who asks for it."""

    def handle(self) -> None:
        self.server.started.release()
        if self.request.recv(100) == b"work":
            time.sleep(0.1)
            self.request.sendall(b"done")


def _stops(case: Case, harbour_class: Any, stop: Any, last: bool, name: str) -> bool:
    with harbour(case, harbour_class, Job) as server:
        server.started = case.bench.there(threading.Semaphore, 0)
        address = server.server_address
        with connect(address) as worker, connect(address) as mute:
            worker.sendall(b"work")
            for _ in range(2):
                began = server.started.acquire(True, PATIENCE)
                case.want(began, "no handler")
            begun = time.monotonic()
            late = f"no end of {name}() within {PATIENCE:g} seconds"
            waits = f"{late}: does server_close() wait for the silent client?"
            cut = case.call(stop, server, late=waits)
            took = time.monotonic() - begun
            got, silent = rest_of(worker), mute.getsockname()
            if (got != b"done" or took > 3 * LINE) and not last:
                return False
            case.want(got == b"done", f"{got!r} for the client at work: given no time?")
            case.want(
                isinstance(cut, list) and cut == [silent],
                f"{cut!r} from {name}(); the silent client is {silent}",
            )
            case.want(
                select.select([mute], [], [], PATIENCE)[0],
                "the address is in the list, but the silent client's connection still open",
            )
        case.want(server.fileno() == -1, "the listener still open")
        told = f"all well, but {name}() took {took:.2f} seconds, where handlers are given {LINE}"
        case.want(took > 0.9 * LINE, f"{told}: given no time?")
        case.want(took < 3 * LINE, told)
    return True


@chapter.check("drain")
def drains(bench: Bench, DrainMixIn: Any) -> None:
    case = bench.case(
        called="drain(0.2), with one client at work for 0.1 seconds, and a silent one",
        expected="the first one answered; the second one cut off after 0.2 seconds, and its "
        "address returned, in a list",
        why="A client that can be done within the deadline should be. One that isn't by then must "
        "be cut off: its handler, and its client, know of no deadline.",
    )
    server_class = bench.subclass(DrainMixIn, minisocketserver.ThreadingTCPServer)
    want_stop(case, server_class, _drain, "drain")
    case = bench.case(
        called="drain(10), on a server where no handler is at work",
        expected="no wait, and an empty list",
        why="wait_until_closed() comes back as soon as nothing is open. The deadline is the "
        "longest wait, not the only one.",
    )
    server = case.call(server_class, ANY_PORT, Echo)
    with case.serving(server):
        cut = case.call(server.drain, 10, late="still waiting after 2 seconds")
    case.want(cut == [], f"{cut!r}")


def _drain(server: Any) -> Any:
    return server.drain(LINE)


class Overruns(threading.Event):
    """Is set by nothing, and takes longer to say so than it may."""

    def wait(self, timeout: float | None = None) -> bool:
        time.sleep((timeout or 0) + 0.05)
        return False


class NotesWaits(ServerMixin):
    """Notes how long its waits may last."""

    waits: tuple[float | None, ...] = ()

    def wait_until_closed(self, timeout: float | None = None, left: int = 0) -> bool:
        self.waits = (*self.waits, timeout)
        return bool(super().wait_until_closed(timeout, left))  # type: ignore[misc]


@chapter.check("drain")
def keeps_the_deadline(bench: Bench, DrainMixIn: Any) -> None:
    case = bench.case(
        called="drain(0.05), where the loop ends only after the deadline",
        expected="wait_until_closed(0), as no time is left",
        why="There is one deadline for all of it. What the loop took is no longer there for the "
        "requests: max(0.0, deadline - time.monotonic()) is what's left.",
    )
    bases = NotesWaits, DrainMixIn, minisocketserver.ThreadingTCPServer
    server = case.call(bench.subclass(*bases), ANY_PORT, Echo)
    server._BaseServer__is_shut_down = bench.there(Overruns)
    case.call(server.drain, 0.05)
    first = [*server.waits][:-1]  # the last one is for the last words
    told = ", ".join(f"wait_until_closed({one:.2f})" if one else "no limit" for one in first)
    case.want(not any(one is None or one > 0.001 for one in first), told)


class Deaf(minisocketserver.BaseRequestHandler):
    """Works on, and neither reads nor writes."""

    def handle(self) -> None:
        self.server.started.release()
        self.server.released.wait(3 * PATIENCE)


@chapter.check("drain")
def drains_what_is_gone(bench: Bench, DrainMixIn: Any) -> None:
    case = bench.case(
        called="drain(0.1), with two handlers at work: one client has gone, one is silent",
        expected="both addresses in the list, the silent one cut off, and the server closed",
        why="The client may go at any time, even a moment before it's cut off. Then there is "
        "nothing to shut down, and shutdown() raises OSError. The next client is to be cut off "
        "all the same.",
    )
    server_class = bench.subclass(DrainMixIn, minisocketserver.ThreadingTCPServer)
    server = case.call(server_class, ANY_PORT, Deaf)
    server.started, server.released = threading.Semaphore(0), threading.Event()
    with case.serving(server):
        client, mute = dial(case, server), None
        try:
            case.want(server.started.acquire(True, PATIENCE), "no handler")
            mute = dial(case, server)
            names = [client.getsockname(), mute.getsockname()]
            case.want(server.started.acquire(True, PATIENCE), "one handler, for two clients")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()  # abruptly, which the server's end of the connection knows at once
            cut = case.call(server.drain, 0.1)
            case.want(cut == names, f"{cut!r}; the clients were {names}")
            case.want(
                select.select([mute], [], [], PATIENCE)[0],
                "the silent client's connection still open: was the loop left at the first that "
                "had gone?",
            )
        finally:
            server.released.set()
            for one in (client, mute):
                if one is not None:
                    one.close()
        case.want(server.fileno() == -1, "the listener still open")


@chapter.check("drain")
def drains_datagrams(bench: Bench, DrainMixIn: Any) -> None:
    case = bench.case(
        called="drain(0.1), on a UDP server that has a datagram open",
        expected="the address of the one who sent it, in a list",
        why="A datagram is a pair of bytes and socket: there is no connection to cut.",
    )
    server_class = bench.subclass(DrainMixIn, minisocketserver.UDPServer)
    server = case.call(server_class, ANY_PORT, Echo)
    case.call(server.request_taken, (b"hello", server.socket), ("192.0.2.1", 1))
    cut = case.call(server.drain, 0.1)
    case.want(cut == [("192.0.2.1", 1)], f"{cut!r}")


class Wrapper(socket.socket):
    """A connection that has its own shutdown, as an encrypted one."""

    ends: list[int]

    def shutdown(self, how: int) -> None:
        self.ends.append(how)
        super().shutdown(how)


class Wraps(ServerMixin):
    """Wraps each connection."""

    ends: list[int]

    def get_request(self) -> Any:
        request, client_address = super().get_request()
        wrapper = Wrapper(fileno=request.detach())
        wrapper.ends = self.ends
        return wrapper, client_address


@chapter.check("drain")
def drains_what_is_wrapped(bench: Bench, DrainMixIn: Any) -> None:
    case = bench.case(
        called="drain(0.1), with a silent client whose connection has its own shutdown()",
        expected="socket.socket.shutdown(request, ...), which ends the connection itself",
        why="The shutdown() of an encrypted connection takes the encryption off first, and a "
        "handler that writes on would do so in the clear.",
    )
    server_class = bench.subclass(Wraps, DrainMixIn, minisocketserver.ThreadingTCPServer)
    server = case.call(server_class, ANY_PORT, Job)
    server.started, server.ends = bench.there(threading.Semaphore, 0), []
    with case.serving(server), connect(server.server_address):
        case.want(server.started.acquire(True, PATIENCE), "no handler")
        case.call(server.drain, 0.1)
        case.want(socket.SHUT_RDWR not in server.ends, "request.shutdown() was called")


@predict.prediction(
    "taken",
    beside="a real run of the four servers",
    expected="how many of 9 clients who stay are taken by each",
    why="Do not take what you cannot serve: of the four servers, two ask before they take.",
    misread=(
        (
            "request_queue_size limits the backlog, not the clients: the server takes them "
            "from there as fast as it can."
        ),
        "Three are served, but the executor's queue has no end: all are taken.",
        "The pool takes no more than it has threads for.",
        "queue_size more are taken, and wait inside.",
    ),
)
def taken(case: Case) -> list[Any]:
    with ThreadPoolExecutor(3) as executor:

        class Executing(minisocketserver.ThreadingMixIn):
            def process_request(self, request: Any, client_address: Any) -> None:
                executor.submit(self.process_request_thread, request, client_address)

        real = [
            _taken(case, minisocketserver.ThreadingMixIn, request_queue_size=3),
            _taken(case, Executing),
            _taken(case, beyond.ThreadPoolMixIn, pool_size=3),
            _taken(case, beyond.ThreadPoolMixIn, pool_size=3, queue_size=2),
        ]
    return real


def _taken(case: Case, mixin: Any, **settings: Any) -> int:
    server = pool(case, mixin, **settings)
    with case.serving(server):
        with crowd(case, server, 9, 0) as clients:
            taken = _settled(server)
            for client in clients:
                client.sendall(b"go")
        return taken


def _settled(server: Any) -> int:
    """Return how many the server has taken, once that has not changed for a moment."""
    taken = -1
    while taken != server.taken:
        taken = server.taken
        time.sleep(0.1)
    return int(taken)


@predict.prediction(
    "at the door",
    beside="a real run of five clients",
    expected='a letter for each: "s" served, "w" waits, "n" not answered, "r" refused',
    why="pool_size limits who is served, request_queue_size who waits. What happens beyond "
    "both is the kernel's decision; on Linux the call is simply not answered.",
    misread=(
        "The pool has two threads, and both are free.",
        "The pool has two threads, and one is free.",
        "The threads are busy; the backlog has room, and it does the connecting.",
        "Linux lets one more wait than the backlog's number says.",
        "The backlog is full: the call isn't answered.",
    ),
)
def at_the_door(case: Case, at_the_door: Any) -> list[Any]:
    case.want(
        sys.platform == "linux",
        "nothing could be tried: the exercise is about Linux, and this is another system",
    )
    real = _fates(case)
    refused = isinstance(at_the_door, list | tuple | str) and "r" in at_the_door
    case.want(
        not refused or "r" in real,
        "an 'r' in your list. The documentation says so, but Linux refuses none of them: the call "
        "is not answered, and the client's kernel tries again until it gives up",
    )
    return real


def _fates(case: Case) -> list[str]:
    server = pool(case, beyond.ThreadPoolMixIn, pool_size=2, request_queue_size=1)
    with case.serving(server), ExitStack() as stack:
        clients = []
        for _ in range(5):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.server_address)
            clients.append(client)
            soon(lambda: len(server.workers) >= min(len(clients), 2))
        time.sleep(2 * MOMENT)
        return [_fate(client) for client in clients]


def _fate(client: socket.socket) -> str:
    error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        return "r"
    try:
        client.getpeername()
    except OSError:
        return "n"
    try:
        return "s" if client.recv(100) else "r"
    except BlockingIOError:
        return "w"


@predict.prediction(
    "at the end",
    beside="a real run of four clients",
    expected='a letter for each: "s" served to the end, "c" cut off and listed, "r" reset',
    why="drain() lists what the server has taken. Of those in the backlog it knows nothing, and "
    "closing the listener resets them.",
    misread=(
        "Its handler waits for a word that doesn't come. That is what the deadline is for.",
        "It was taken, so it is listed, though no thread has begun with it.",
        "It is in the backlog: the server has never taken it, and can't list it.",
        "It is in the backlog, too.",
    ),
)
def at_the_end(case: Case) -> list[Any]:
    case.want(
        sys.platform == "linux",
        "nothing could be tried: the exercise is about Linux, and this is another system",
    )
    bases = (CountsTaken, beyond.DrainMixIn, beyond.ThreadPoolMixIn, minisocketserver.TCPServer)
    settings = {"pool_size": 1, "queue_size": 1, "request_queue_size": 100}
    server = case.call(case.bench.subclass(*bases, **settings), ANY_PORT, Stay)
    server.workers, server.stays = [], {}
    with case.serving(server), crowd(case, server, 4, 0) as clients:
        _settled(server)
        listed = server.drain(0.1)
        return [_end(client, client.getsockname() in listed) for client in clients]


def _end(client: socket.socket, is_listed: bool) -> str:
    client.settimeout(PATIENCE)
    got = b""
    try:
        while data := client.recv(100):
            got += data
    except OSError:
        return "r"
    return "s" if b"goodbye" in got or not is_listed else "c"


class Guest(minisocketserver.BaseRequestHandler):
    """Welcomes a client, and does what it asks for."""

    def handle(self) -> None:
        self.request.sendall(b"welcome ")
        word = self.request.recv(100)
        if word == b"work":
            time.sleep(0.1)
            self.request.sendall(b"done")
        elif word == b"toil":  # it neither reads nor writes
            time.sleep(60)


def _be_the_program(notes: Notes, server_class: Any, run: Any, grace: float) -> NoReturn:
    status: Any = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        server = server_class(ANY_PORT, Guest)
        notes.note(f"{_PORT}{server.server_address[1]}")
        run(server, grace)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:
        notes.note(f"{_TROUBLE}{describe(error)}")
    finally:
        for thread in threading.enumerate():  # as at the end of any program
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
        os._exit(status)


_PORT = "port "
_TROUBLE = "trouble "


def _start(notes: Notes, server_class: Any, run: Any, grace: float) -> int:
    """Start a program that makes a server and runs it; return its process id."""
    return os.fork() or _be_the_program(notes, server_class, run, grace)


@dataclass
class Program:
    """A program with the learner's server, as seen from outside."""

    case: Case
    notes: Any
    pid: int
    killed: float = 0.0

    def said(self, start: str) -> str:
        """Return what the program has noted after this word, if anything."""
        found = [text for text in self.notes.of(self.pid) if text.startswith(start)]
        return str(found[0].removeprefix(start)) if found else ""

    def dial(self, number: int) -> list[socket.socket]:
        """Return so many clients' connections."""
        soon(lambda: self.said(_PORT) or self.said(_TROUBLE))
        port = self.said(_PORT)
        self.case.want(port, self.said(_TROUBLE) or "no server", alone=True)
        return [connect(("127.0.0.1", int(port))) for _ in range(number)]

    def kill(self) -> None:
        """Send SIGTERM."""
        self.killed = time.monotonic()
        self.case.bench.there(os.kill, self.pid, signal.SIGTERM)

    def refuses(self) -> bool:
        """Tell whether a new client is refused."""
        try:
            socket.create_connection(("127.0.0.1", int(self.said(_PORT))), 0.1).close()
        except ConnectionRefusedError:
            return True
        except OSError:  # the backlog is full
            return False
        time.sleep(0.1)
        return False

    def want_end(self, seconds: float, late: str) -> float:
        """Want the program to end by itself, with status 0; return after how many seconds."""
        ended = self.case.bench.there(next_ended, seconds)
        took = time.monotonic() - self.killed
        self.case.want(ended, f"still running after {took:.1f} seconds: {late}", alone=True)
        status = ended[1]
        self.case.want(
            status != -signal.SIGTERM,
            "the signal ended it on the spot: signal.signal() sets what happens instead",
            alone=True,
        )
        told = self.said(_TROUBLE)
        self.case.want(status == 0, f"the status {status}{told and f' ({told})'}", alone=True)
        return took


def program(name: str, called: str, expected: str, why: str) -> Callable[[Any], Any]:
    """Make a check of 10.1 of a function that tries a running program, and has a grace for it."""

    def register(trial: Any) -> Any:
        grace = inspect.signature(trial).parameters["grace"].default

        @build.check(name)
        def try_it(bench: Bench, Server: Any, run: Any) -> None:
            case = bench.case(called, expected, why)
            away(case, whole, Server, run, patience=4)

        def whole(case: Case, notes: Any, server_class: Any, run: Any) -> None:
            trial(Program(case, notes, case.bench.there(_start, notes, server_class, run, grace)))

        return trial

    return register


@program(
    "ends",
    called="run(server, 1) in a program without clients, and SIGTERM",
    expected="an end with status 0, at once",
    why="Python runs a signal's handler in the main thread, between two steps of whatever that "
    "does. Here it is the loop, and shutdown() waits for the loop: so call it in another thread.",
)
def ends(program: Program, grace: float = 1.0) -> None:
    with program.dial(1)[0] as client:
        program.case.want(client.recv(100), "no handler", alone=True)
    time.sleep(0.05)
    program.kill()
    took = program.want_end(1.5, "does the loop wait for itself, in shutdown()?")
    program.case.want(
        took < 0.9, f"an end after {took:.1f} seconds, though no client was there", alone=True
    )


@program(
    "at work",
    called="run(server, 2) with one client at work, SIGTERM, and then a new client",
    expected="the new one refused; the first answered, and the program's end with status 0",
    why="The next program wants the port, and its clients should find it there, not here.",
)
def at_work(program: Program, grace: float = 2.0) -> None:
    [client] = program.dial(1)
    with client:
        program.case.want(client.recv(100), "no handler", alone=True)
        program.kill()
        closed = soon(program.refuses, 1.0)
        program.case.want(
            closed, "a client that came a second later got in: who closes the listener?"
        )
        client.sendall(b"work")
        got = rest_of(client)
    program.case.want(got == b"done", f"{got!r} for the client at work: given no time?", alone=True)
    program.want_end(1.5, "everyone is served, so what is it waiting for?")


@program(
    "backlog",
    called="run(server, 1), with two clients at work and three in the backlog, and SIGTERM",
    expected="all five served, and then an end with status 0",
    why="A client in the backlog is connected: as far as it knows, it is being served. Close the "
    "listener over it, and the kernel resets the connection.",
)
def backlog(program: Program, grace: float = 1.0) -> None:
    case = program.case
    with ExitStack() as stack:
        clients = [stack.enter_context(client) for client in program.dial(5)]
        soon(lambda: len(ready(clients)) >= 2)
        time.sleep(MOMENT)
        came = len(ready(clients))
        case.want(came == 2, f"{came} of 5 clients welcomed: a pool of two threads?", alone=True)
        program.kill()
        time.sleep(MOMENT)
        came = sum(map(_is_welcome, clients))
        more = f"{came} clients welcomed at once after the signal: the task says two at a time"
        case.want(came <= 2, more, alone=True)
        for client in clients:
            with suppress(OSError):
                client.sendall(b"work")
        served = sum(rest_of(client) == b"welcome done" for client in clients)
    case.want(
        served == 5,
        f"{served} of 5 clients served"
        + (": were those in the backlog taken before it was closed?" if served <= 2 else ""),
        alone=True,
    )
    program.want_end(1.5, "everyone is served, so what is it waiting for?")


@program(
    "deadline",
    called="run(server, 0.3), with a client that says nothing and a handler that neither reads "
    "nor writes, and SIGTERM",
    expected="the silent client cut off, and an end with status 0 soon after 0.3 seconds",
    why="Python can't stop a thread, and at its end waits for each one that isn't a daemon. "
    "A process manager doesn't wait for long, and kills it.",
)
def deadline(program: Program, grace: float = 0.3) -> None:
    case = program.case
    mute, toiling = program.dial(2)
    with mute, toiling:
        for client in (mute, toiling):
            case.want(client.recv(100), "no handler", alone=True)
        toiling.sendall(b"toil")
        time.sleep(0.05)
        program.kill()
        ended = select.select([mute], [], [], grace + 1)[0]
        case.want(ended, "the silent client's connection still open", alone=True)
        program.want_end(grace + 1 + PATIENCE / 2, "does a thread hold it up that is no daemon?")


def _is_welcome(client: socket.socket) -> bool:
    """Tell whether the client has something to read that isn't its end."""
    with suppress(OSError):
        return bool(ready([client]) and client.recv(1, socket.MSG_PEEK))
    return False


def ready(clients: list[socket.socket]) -> list[socket.socket]:
    """Return those of the clients that have something to read, or the end."""
    return select.select(clients, [], [], 0)[0]
