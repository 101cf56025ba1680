"""Checks of chapter 10: a pool, TLS, both kinds of addresses, limits, a full backlog."""

import functools
import select
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import cache, partial
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from traceback import walk_stack
from typing import Any

import minisocketserver
from minisocketserver import beyond

from ..checks.bench import Bench
from ..checks.case import ANY_PORT, PATIENCE, CannotCheckError, Case, CaseError, begin, soon
from ..checks.clients import (
    connect,
    dial,
    drip,
    fetch_from,
    rest_of,
    want_echo,
    want_plain_reply,
    want_wait_for_both,
)
from ..checks.core import load
from ..checks.handlers import Echo
from ..checks.hooks import ServerMixin
from ..checks.records import Records
from ..notebook.tracebacks import describe, whereabouts
from ..remote.names import make_class

MOMENT = 0.15
"""Seconds in which a server takes what it is going to take."""

EXERCISES = load(__file__)
chapter, build = EXERCISES["10"], EXERCISES["10.1"]


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
    """Counts what a server takes, and notes whether it is full, and which thread is its loop's."""

    taken = 0
    full = False
    capacity: Any = True

    def has_capacity(self) -> Any:
        self.capacity = super().has_capacity()
        self.full = not self.capacity
        return self.capacity

    def get_request(self) -> Any:
        request = super().get_request()
        self.taken += 1
        return request

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
    """Count those who are served, up to the first who is not: the wait for him was long enough."""
    welcomed = (rest_of(client) == b"welcome, goodbye" for client in clients)
    return sum(takewhile(bool, welcomed))


@chapter.check("capacity")
@build.check("threads")
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
                server.taken or server.capacity,
                f"no client taken: has_capacity() returned {server.capacity!r}, and no request is "
                "open yet",
            )
            case.want(at_once == 3, f"{at_once} handlers at work")
            for client in clients:
                client.sendall(b"go")
            served = count_served(clients)
        case.want(served == 9, f"{served} of 9 clients served")
        threads = len(set(server.workers))
        case.want(threads == 3, f"{threads} threads for 9 clients: one for each request?")


@chapter.check("capacity")
@build.check("taken")
def few_taken(bench: Bench, ThreadPoolMixIn: Any) -> None:
    for queue_size, wanted in ((0, 3), (2, 5)):
        case = bench.case(
            called=f"pool_size = 3 and queue_size = {queue_size}, with 9 clients who stay",
            expected=f"{wanted} of them taken; the others wait in the backlog",
            why="A request that is taken costs a descriptor, and in a queue without an end the "
            "flood goes on. In the system's backlog it costs next to nothing.",
        )
        server = pool(case, ThreadPoolMixIn, pool_size=3, queue_size=queue_size)
        with case.serving(server), crowd(case, server, 9):
            soon(partial(_has_taken, server, wanted))
            # The loop has not looked again yet: one more may come in.
            soon(partial(_is_full, server, wanted), 0.3)
            if server.taken > wanted:
                soon(partial(_has_taken, server, 9))  # how many it takes says why
            taken = server.taken
            case.want(
                taken < 9 or "request_queue_size" not in bench.there(vars, ThreadPoolMixIn),
                "all 9 taken: request_queue_size is the length of the backlog, it limits those "
                "who wait outside, and nobody inside",
            )
            case.want(taken < 9, "all 9 taken: what asks has_capacity()?")
            case.want(taken == wanted, f"{taken} taken")


def _is_full(server: Any, number: int) -> bool:
    return bool(server.full or server.taken > number)


def _has_taken(server: Any, number: int) -> bool:
    return bool(getattr(server, "taken", 0) >= number)


@chapter.check("workers")
@build.check("home")
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
        case.want(not closer.is_alive(), "server_close() does not come back")
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
@build.check("survives")
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
                ended = _other_error(bench, "ValueError", "SystemExit")
                case.want(
                    got == b"so long",
                    f"{got!r} for the {number} client: "
                    + (ended or "did the handler take the pool's thread with it?"),
                    alone=True,
                )


def _other_error(bench: Bench, *meant: str) -> str:
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
    server = pool(case, ThreadPoolMixIn, Greet, KeepsOpen, pool_size=1)
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


tls = EXERCISES["10.2"]


@cache
def trust() -> tuple[bytes, ssl.SSLContext]:
    """Return key and certificate for a server called localhost, and what a client needs."""
    import trustme  # here, because only these checks need it

    authority = trustme.CA()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(client)
    # Some Pythons, such as 3.11.2, do not mind by default when the goodbye is missing.
    client.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    return authority.issue_cert("localhost").private_key_and_cert_chain_pem.bytes(), client


@cache
def server_context(key_and_certificate: bytes) -> ssl.SSLContext:
    """Return the context of a server; to be called where the server is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:  # ssl takes them from a file only
        path = Path(folder, "key_and_certificate")
        path.write_bytes(key_and_certificate)
        context.load_cert_chain(path)
    return context


class EchoLine(minisocketserver.StreamRequestHandler):
    """Sends one line back."""

    def handle(self) -> None:
        self.server.limits.append(self.request.gettimeout())
        self.wfile.write(self.rfile.readline())


class Watched(ServerMixin):
    """Gives each connection a time limit, and tells when one has ended."""

    daemon_threads = True
    said_goodbye: threading.Event

    def get_request(self) -> Any:
        request, client_address = super().get_request()
        request.settimeout(3 * PATIENCE)
        return request, client_address

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.said_goodbye.set()


def secure(case: Case, mixin: Any, **settings: Any) -> Any:
    """Return a threading server of the bench with the learner's mix-in."""
    settings = {"ssl_context": case.bench.there(server_context, trust()[0]), **settings}
    bases = (Watched, mixin, minisocketserver.ThreadingTCPServer)
    server = case.call(case.bench.subclass(*bases, **settings), ANY_PORT, EchoLine)
    server.limits, server.said_goodbye = [], case.bench.there(threading.Event)
    return server


@contextmanager
def honest(case: Case, server: Any) -> Iterator[Any]:
    """Yield an encrypted connection to the server."""
    with connect(server.server_address) as client:
        try:
            wrapped = trust()[1].wrap_socket(
                client, server_hostname="localhost", suppress_ragged_eofs=False
            )
        except TimeoutError as error:
            stands = case.bench.there(_where_the_loop_is, case.bench.records)
            case.fail(f"no handshake within {PATIENCE:g} seconds{stands}", error)
        except OSError as error:
            case.fail(describe(error), error)
        with wrapped:
            yield wrapped


def _where_the_loop_is(records: Records) -> str:
    ours = {thread.ident for thread in set(threading.enumerate()) - records.before}
    for ident, top in sys._current_frames().items():
        calls = {frame.f_code.co_name for frame, _ in walk_stack(top)}
        if ident in ours and {"serve_forever", "do_handshake"} <= calls:
            return ". The loop itself waits in do_handshake(), for another client"
    return whereabouts(records.before)


def echoed(case: Case, client: Any) -> bytes:
    """Say hello and return what comes back; a broken connection fails the case."""
    try:
        client.sendall(b"hello\n")
        return bytes(client.recv(100))
    except OSError as error:
        case.fail(describe(error), error)


@chapter.check("handshake")
@tls.check("encrypted")
def encrypted(bench: Bench, TLSMixIn: Any) -> None:
    case = bench.case(
        called="a ThreadingTCPServer with TLSMixIn, and a client of Python's ssl",
        expected="b'hello' back, through a connection that is encrypted",
        why="The client checks the certificate, shakes hands, and then uses the connection like "
        "any other. It knows nothing of this course.",
    )
    server = secure(case, TLSMixIn)
    case.want(
        server.fileno() != -1,
        "self.socket is an empty shell: wrap_socket() takes over its descriptor, and the listener "
        "is now what it returned",
    )
    with case.serving(server):
        with (
            case.in_words("is it self.ssl_context that wraps? {}", only="VERIFY_FAILED"),
            honest(case, server) as client,
        ):
            got = echoed(case, client)
        case.want(got == b"hello\n", f"{got!r}")
        after = replace(
            case,
            why="The handshake's limit is for the handshake. After it, the handler counts on the "
            "limit that its connection had before.",
        )
        after.want(
            server.limits == [3 * PATIENCE],
            f"a handler whose connection has the time limit {server.limits[0]}; it was "
            f"{3 * PATIENCE:g} before the handshake",
        )
        with connect(server.server_address) as plain:
            plain.sendall(b"hello\n")
            got = rest_of(plain)
        case.want(b"hello" not in got, f"{got!r} for a client that does not encrypt")


@chapter.check("handshake")
@tls.check("silent")
def silent(bench: Bench, TLSMixIn: Any) -> None:
    case = bench.case(
        called="a client that connects and says nothing, then an honest one",
        expected="b'hello' for the honest one, at once",
        why="accept() of a wrapped listener shakes hands before it returns, in the loop, and "
        "threads do not help: none has been started. One connection without a byte stops all.",
    )
    with case.serving(secure(case, TLSMixIn)) as server, connect(server.server_address) as mute:
        time.sleep(0.05)
        try:
            with honest(case, server) as client:
                got = echoed(case, client)
        finally:
            mute.close()
        case.want(got == b"hello\n", f"{got!r}")


@chapter.check("handshake")
@tls.check("time limit")
def handshake_limit(bench: Bench, TLSMixIn: Any) -> None:
    case = bench.case(
        called="handshake_timeout = 0.1, and a client that connects and says nothing",
        expected="TimeoutError in handle_error, and the connection ended",
        why="A handshake waits for the client, and a client may never come to it. The default is "
        "10 seconds.",
    )
    default = getattr(TLSMixIn, "handshake_timeout", None)
    case.want(default == 10.0, f"a handshake_timeout of {default!r} on the class")
    with (
        case.serving(secure(case, TLSMixIn, handshake_timeout=0.1)) as server,
        connect(server.server_address) as mute,
    ):
        try:
            mute.recv(100)
        except TimeoutError:
            case.fail(f"the connection still open after {PATIENCE:g} seconds", alone=True)
        except OSError:
            pass
        errors = bench.records.errors
        case.want(errors and isinstance(errors[-1], TimeoutError), "an end, and no TimeoutError")


@tls.check("goodbye")
def says_goodbye(bench: Bench, TLSMixIn: Any) -> None:
    case = bench.case(
        called="shutdown_request(request), after handle()",
        expected="TLS's own goodbye at the client; the server does not wait for the client's",
        why="A connection that ends without it looks to a careful client as if somebody had cut "
        "the line.",
    )
    with case.serving(secure(case, TLSMixIn)) as server:
        with honest(case, server) as client:
            case.want(echoed(case, client) == b"hello\n", "no answer")
            try:
                got = client.recv(100)
            except ssl.SSLError as error:  # an SSLEOFError only in newer Pythons
                case.fail(f"{type(error).__name__}: the connection ended without TLS's goodbye")
            except TimeoutError:
                case.fail(f"no end within {PATIENCE:g} seconds")
            except OSError as error:
                case.fail(describe(error), error)
            case.want(got == b"", f"{got!r}")
            case.want(
                server.said_goodbye.wait(PATIENCE / 2),
                "the goodbye, and a server that waits for the client's: unwrap() waits, unless "
                "the socket is set not to",
            )
        case.want(not bench.records.errors, "an exception")
        server.said_goodbye.clear()
        with connect(server.server_address) as plain:
            plain.sendall(b"no TLS at all\n")
            rest_of(plain)
        case.want(server.said_goodbye.wait(PATIENCE), "no goodbye for one that never shook hands")
        odd = [one for one in bench.records.errors if not type(one).__name__.startswith("SSL")]
        case.want(not odd, "an exception, for one that never shook hands")


use = EXERCISES["10.3"]


class HearsOneKind:
    """Has a listener that hears IPv6 alone unless told otherwise, as it is on Windows."""

    @property
    def socket(self) -> Any:
        return vars(self)["socket"]

    @socket.setter
    def socket(self, sock: Any) -> None:
        vars(self)["socket"] = sock
        if sock.family == socket.AF_INET6 and not sock.getsockname()[1]:  # a fresh one
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


def door(case: Case, door_class: Any, handler: Any) -> Any:
    """Return the learner's server, on a system where a socket hears IPv6 alone unless told."""
    _want_new_address()
    return case.call(case.bench.subclass(HearsOneKind, door_class), ("", 0), handler)


def _want_new_address() -> None:
    """Raise CannotCheckError where this machine can't be called at an address of IPv6."""
    if not (socket.has_dualstack_ipv6() and _has_new_address()):
        raise CannotCheckError(
            "This machine has no ::1, the address of its own in IPv6, so this can't be checked "
            "here. It is no fault of your answer: try it on a machine with IPv6."
        )


@functools.cache
def _has_new_address() -> bool:
    """Tell whether this machine has ::1: it may have sockets of IPv6, and no address."""
    with suppress(OSError), socket.socket(socket.AF_INET6) as sock:
        sock.bind(("::1", 0))
        return True
    return False


def ask(case: Case, server: Any, host: str) -> str:
    """Return what urllib reads at this address."""
    return fetch_from(case, server, host=host).text.strip()


@chapter.check("both kinds")
def hears_both_kinds(bench: Bench, DualStackMixIn: Any) -> None:
    if socket.has_dualstack_ipv6():
        _hears_the_old_kind(bench, DualStackMixIn)
    case = bench.case(
        called="a TCPServer with DualStackMixIn and address_family = socket.AF_INET",
        expected="a server for IPv4 alone, as any other",
        why="Only a socket of IPv6 has the option IPV6_V6ONLY, and a subclass may choose the old "
        "kind, or the operating system may have no other.",
    )
    server_class = bench.subclass(
        DualStackMixIn, minisocketserver.TCPServer, address_family=socket.AF_INET
    )
    bound = len(bench.records.bound)
    with case.in_words("{}: a socket of IPv4 has no such option", only="OSError"):
        server = case.call(server_class, ANY_PORT, Echo)
    _want_bound(case, bound)
    with case.serving(server):
        want_echo(case, server.server_address)


def _hears_the_old_kind(bench: Bench, mixin: Any) -> None:
    case = bench.case(
        called='a TCPServer with DualStackMixIn at ("", 0), called at 127.0.0.1',
        expected="an answer from a socket of IPv6, with IPV6_V6ONLY off",
        why="Whether the option is on by default is up to the operating system; here it is. It can "
        "be changed only until the socket is bound.",
    )
    bound = len(bench.records.bound)
    server_class = bench.subclass(HearsOneKind, mixin, minisocketserver.TCPServer)
    try:
        server = case.call(server_class, ("", 0), Echo)
    except CaseError as failure:
        if "OSError" not in failure.got:
            raise
        late = len(bench.records.bound) > bound
        told = "is the socket bound already?" if late else "is the level socket.IPPROTO_IPV6?"
        case.fail(f"{failure.got}: {told}", failure.__cause__)
    _want_bound(case, bound)
    deaf = server.socket.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    case.want(not deaf, "IPV6_V6ONLY still on: the server hears IPv6 alone")
    with case.serving(server):
        want_echo(case, ("127.0.0.1", server.server_address[1]))


def _want_bound(case: Case, before: int) -> None:
    parent = replace(
        case,
        why="Binding is the work of the server_bind further on in the line of classes. The mix-in "
        "only prepares the socket, and hands over with super().server_bind().",
    )
    parent.want(len(case.bench.records.bound) > before, "a socket that was never bound")


@use.check("new")
def hears_new(bench: Bench, WhoAmI: Any, Door: Any) -> None:
    case = bench.case(
        called='Door(("", 0), WhoAmI), visited by urllib at [::1]',
        expected="'::1'",
        why="A TCPServer is for IPv4, unless its address_family says otherwise.",
    )
    server = door(case, Door, WhoAmI)
    family = socket.AddressFamily(server.socket.family)
    case.want(
        family == socket.AF_INET6, f"a socket of the family {family.name}, which hears IPv4 alone"
    )
    with case.serving_quickly(server):
        got = ask(case, server, "[::1]")
    case.want(got == "::1", f"{got!r}")


@use.check("new")
def reads_the_request(bench: Bench, WhoAmI: Any) -> None:
    case = bench.case(
        called="WhoAmI, with a client WhoAmI sends its request in two pieces",
        expected="the answer after the empty line, and not before",
        why="One recv need not be the whole request, and neither is its first line. Who answers "
        "and closes with something unread breaks the connection off.",
    )
    server = case.call(minisocketserver.TCPServer, ANY_PORT, WhoAmI)
    with case.serving(server), connect(server.server_address) as client:
        client.sendall(b"GET / HTTP/1.0\r\nHost: ")
        early = select.select([client], [], [], 0.2)[0]  # on a busy machine a handler begins late
        case.want(not early, "an end in the middle of the request")
        client.sendall(b"me\r\n\r\n")
        got = rest_of(client)
        case.want(got.strip().endswith(b"127.0.0.1"), f"{got!r}")
    want_plain_reply(case, got)


@use.check("both")
def hears_both(bench: Bench, WhoAmI: Any, Door: Any) -> None:
    case = bench.case(
        called='Door(("", 0), WhoAmI), visited by urllib at 127.0.0.1',
        expected="'127.0.0.1', by way of the same socket",
        why="IPV6_V6ONLY is on or off by default, as the system likes. A server says itself what "
        "it wants, before bind. This check is made where the option is on.",
    )
    _want_new_address()  # asked by binding a socket: before they are counted
    before = len(bench.records.bound)
    server = door(case, Door, WhoAmI)
    deaf = server.socket.family == socket.AF_INET6 and server.socket.getsockopt(
        socket.IPPROTO_IPV6, socket.IPV6_V6ONLY
    )
    case.want(not deaf, "IPV6_V6ONLY is on: was it switched off, and before bind?")
    bound = len(bench.records.bound) - before
    case.want(bound == 1, f"{bound} sockets bound, not a single one")
    with case.serving_quickly(server):
        got = ask(case, server, "127.0.0.1")
        case.want(
            got != "::ffff:127.0.0.1",
            f"{got!r}, the old address as it is mapped into the new ones; who looks for it in a "
            "list will not find it",
        )
        case.want(got == "127.0.0.1", f"{got!r}")
        got = ask(case, server, "[::1]")
        case.want(got == "::1", f"{got!r} for a caller from ::1")
    for address in ("2001:db8::ffff:1", "::ffff:192.0.2.1"):
        _tells_from_afar(bench, WhoAmI, Door, address)


class FromAfar(HearsOneKind):
    """A server whose callers seem to come from another address."""

    afar = ""

    def get_request(self) -> tuple[Any, Any]:
        request, (_, *more) = super().get_request()  # type: ignore[misc]
        return request, (self.afar, *more)


def _tells_from_afar(bench: Bench, who: Any, door_class: Any, address: str) -> None:
    wanted = address.removeprefix("::ffff:")
    case = bench.case(
        called=f"Door with WhoAmI, for a caller whose client_address begins with {address!r}",
        expected=f"{wanted!r}",
        why="An address of the old kind is written as ::ffff: and four numbers. The same letters "
        "in the middle, or the same characters in another order, mean something else.",
    )
    made = case.call(make_class, "Door", (FromAfar, door_class), {"afar": address})
    server = case.call(made, ("", 0), who)
    with case.serving_quickly(server):
        got = ask(case, server, "[::1]")
    # Who asks the connection itself sees through the disguise, and is right.
    case.want(got in (wanted, "::1"), f"{got!r}")


bugs = EXERCISES["10.4"]


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


@bugs.check("three")
def only_three(bench: Bench, Harbour: Any) -> None:
    case = bench.case(
        called="Harbour, with a handler of the bench and five clients who stay",
        expected="three of them served, and the other two closed at once",
        why="request_queue_size goes to listen(): so many may wait in the backlog. Who is taken "
        "gets a thread, and nothing limits those, unless the server counts.",
    )
    with harbour(case, Harbour, Stay) as server:
        server.workers, server.stays = [], bench.there(dict)
        with crowd(case, server, 5) as clients:
            soon(lambda: len(_ready(clients)) == 5)
            welcome, closed = _sort(clients)
            case.want(
                not bench.there(_has_limits_last, server),
                f"{welcome} of 5 served: is the mix-in behind the server, and not first?",
            )
            case.want(
                welcome != 5,
                "all 5 served. request_queue_size is "
                f"{server.request_queue_size}: it is only the backlog's length",
            )
            case.want((welcome, closed) == (3, 2), f"{welcome} of 5 served, {closed} closed")
            _has_room_again(case, server, clients)


def _has_room_again(case: Case, server: Any, clients: list[socket.socket]) -> None:
    """Let those who are served go, and want the next client served."""
    for client in clients:
        with suppress(OSError):
            client.sendall(b"go")
        rest_of(client)
    soon(lambda: not any(thread.is_alive() for thread in server.workers))
    with crowd(case, server, 1) as [late]:
        ready = select.select([late], [], [], PATIENCE)[0]
        welcome, _ = _sort([late])
    case.want(
        ready and welcome,
        "three served, and when all of them had gone, the next one was turned away: is it counted "
        "who is there, or who has ever been?",
    )


def _has_limits_last(server: Any) -> bool:
    """Tell whether the server has the mix-in with the limits, behind the server itself."""
    order = type(server).__mro__
    servers = [place for place, cls in enumerate(order) if cls.__name__ == "BaseServer"]
    return beyond.LimitsMixIn in order and order.index(beyond.LimitsMixIn) > min(servers)


def _ready(clients: list[socket.socket]) -> list[socket.socket]:
    return select.select(clients, [], [], 0)[0]


def _sort(clients: list[socket.socket]) -> tuple[int, int]:
    welcome = closed = 0
    for client in _ready(clients):
        try:
            data = client.recv(100)
        except OSError:
            data = b""
        welcome, closed = welcome + bool(data), closed + (not data)
    return welcome, closed


@bugs.check("slow")
def slow_line(bench: Bench, Harbour: Any, Logbook: Any) -> None:
    _notes_a_line(bench, Logbook)
    fastest = PATIENCE
    for _ in range(3):  # the best of three: a busy machine may hold up any one of them
        case, took = _ends_a_slow_line(bench, Harbour, Logbook)
        fastest = min(fastest, took)
        if fastest < 3 * LINE:
            return
    case.fail(f"an end after {fastest:.1f} seconds")


LINE = 0.2
"""Seconds that a line may take, and that handlers are given in the end."""


def _ends_a_slow_line(bench: Bench, harbour_class: Any, logbook: Any) -> tuple[Case, float]:
    case = bench.case(
        called="Logbook, with a client that sends a byte every 0.02 seconds, and no line break",
        expected="the connection ended, since a line may take 0.2 seconds",
        why="A time limit for each read starts anew with each byte. So a client that is never "
        "silent for long can stay for ever, and a few hundred of them hold all threads.",
    )
    with (
        harbour(case, minisocketserver.ThreadingTCPServer, logbook) as server,
        connect(server.server_address) as client,
    ):
        begun = time.monotonic()
        came = drip(client, PATIENCE)
        case.want(
            came.is_cut_off,
            f"{came.sent} bytes in {PATIENCE:g} seconds, and the connection still open. The "
            f"handler's timeout is {getattr(logbook, 'timeout', None)}: it starts anew with "
            "each byte",
        )
        took = time.monotonic() - begun
    told = getattr(logbook, "line_timeout", 0.2)
    case.want(told == 0.2, f"an end, with line_timeout = {told}")
    case.want(took > 0.15, f"an end after {took:.2f} seconds already")
    return case, took


def _notes_a_line(bench: Bench, logbook: Any) -> None:
    case = bench.case(
        called="Logbook, with a client that sends b'ahoy\\n'",
        expected="b'noted: ahoy\\n'",
        why="A limit is for those who want too much. The others should not notice it.",
    )
    with harbour(case, minisocketserver.ThreadingTCPServer, logbook) as server:
        got = case.talk(server.server_address, b"ahoy\n")
    case.want(got == b"noted: ahoy\n", f"{got!r}")


@bugs.check("long")
def long_line(bench: Bench, Logbook: Any) -> None:
    for size, allowed in ((1000, True), (1001, False), (5_000_000, False)):
        case = bench.case(
            called=f"Logbook, with a client that sends a line of {size:,} bytes, its end included",
            expected="it noted" if allowed else "the connection ended, and nothing noted",
            why="readline() stores what comes until there is a line break. A client that never "
            "sends one fills the memory.",
        )
        with (
            harbour(case, minisocketserver.ThreadingTCPServer, Logbook) as server,
            connect(server.server_address) as client,
        ):
            with suppress(OSError):
                client.sendall(b"x" * (size - 1) + b"\n")
            got = rest_of(client)
        came = f"{len(got):,} bytes back"
        if allowed:
            case.want(len(got) == size + len(b"noted: "), f"{came}: 1,000 bytes are allowed")
        else:
            case.want(not got, f"{came}: readline() without a limit, or a line cut and taken?")


@bugs.check("stop")
def stops(bench: Bench, Harbour: Any, stop: Any) -> None:
    case = bench.case(
        called="stop(server), with one client at work for 0.1 seconds, and a silent one",
        expected="the first one answered; the second one cut off after 0.2 seconds, and its "
        "address returned, in a list",
        why="server_close() waits for handlers without an end, or, with daemon threads, not at "
        "all. A restart wants a deadline, and to know who was cut off.",
    )
    _want_stop(case, Harbour, stop)


def _want_stop(case: Case, server_class: Any, stop: Callable[..., Any], name: str = "stop") -> None:
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
                "the address told, but the silent client's connection still open",
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
        why="Who can be done within the deadline should be. Whoever isn't by then must be cut "
        "off: its handler, and its client, know of no deadline.",
    )
    server_class = bench.subclass(DrainMixIn, minisocketserver.ThreadingTCPServer)
    _want_stop(case, server_class, _drain, "drain")
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


@chapter.check("limits")
def limits_connections(bench: Bench, LimitsMixIn: Any) -> None:
    case = bench.case(
        called="max_connections = 3, with five clients who stay",
        expected="three of them served, and the other two closed at once",
        why="verify_request is called when the request has been noted already, so the client in "
        "question is among those counted.",
    )
    server_class = bench.subclass(
        LimitsMixIn, minisocketserver.ThreadingTCPServer, max_connections=3
    )
    with harbour(case, server_class, Stay) as server:
        server.workers, server.stays = [], {}
        with crowd(case, server, 5) as clients:
            soon(lambda: len(_ready(clients)) == 5)
            welcome, closed = _sort(clients)
            came = f"{welcome} of 5 served, {closed} closed"
            if ended := _other_error(bench, "LimitExceededError"):
                came += f" ({ended})"
            case.want(closed < 5, f"{came}: what does __has_room() return?", alone=True)
            case.want((welcome, closed) == (3, 2), came, alone=True)  # those errors are meant
            _has_room_again(case, server, clients)
    case = bench.case(
        called="max_connections = None, with five clients who stay",
        expected="all five served",
        why="None means that there is no limit.",
    )
    server_class = bench.subclass(
        LimitsMixIn, minisocketserver.ThreadingTCPServer, max_connections=None
    )
    before = len(bench.records.errors)
    with harbour(case, server_class, Stay) as server:
        server.workers, server.stays = [], {}
        with crowd(case, server, 5) as clients:
            soon(lambda: len(_ready(clients)) == 5 or bench.records.errors[before:])
            welcome, _ = _sort(clients)
            told = "".join(f" ({describe(error)})" for error in bench.records.errors[before:][:1])
            case.want(welcome == 5, f"{welcome} of 5 served{told}", alone=True)


class ClosesByHand:
    """Ends a connection itself, and never calls close_request."""

    def shutdown_request(self, request: Any) -> None:
        request.close()


@chapter.check("limits")
def looks_twice(bench: Bench, LimitsMixIn: Any) -> None:
    case = bench.case(
        called="max_connections = 1, on a server that closes connections by hand, for two clients "
        "in turn",
        expected="both answered",
        why="A connection that was closed without close_request is still noted. forget_closed() "
        "finds it, so ask it before you turn a client away.",
    )
    server_class = bench.subclass(
        ClosesByHand, LimitsMixIn, minisocketserver.TCPServer, max_connections=1
    )
    with harbour(case, server_class, Greet) as server:
        for number in ("first", "second"):
            with connect(server.server_address) as client:
                got = rest_of(client)
            case.want(
                got == b"so long",
                f"{got!r} for the {number} client: is one that has gone still counted? Or does "
                "__has_room() not return what it found when it looked again?",
                alone=True,
            )


class Listens(minisocketserver.BaseRequestHandler):
    """Waits for a word."""

    def handle(self) -> None:
        self.request.recv(100)


@chapter.check("limits")
def limits_silence(bench: Bench, LimitsMixIn: Any) -> None:
    case = bench.case(
        called="idle_timeout = 0.1, with a client that says nothing",
        expected="TimeoutError in handle_error, and the connection ended",
        why="A connection without a time limit lets its client be silent forever. Set it where the "
        "connection comes from, and it holds for every handler.",
    )
    server_class = bench.subclass(
        LimitsMixIn, minisocketserver.ThreadingTCPServer, idle_timeout=0.1
    )
    before = len(bench.records.errors)
    with harbour(case, server_class, Listens) as server, connect(server.server_address) as mute:
        ended = select.select([mute], [], [], PATIENCE)[0]
        case.want(ended, f"the connection still open after {PATIENCE:g} seconds", alone=True)
        errors = bench.records.errors[before:]
        case.want(errors and isinstance(errors[-1], TimeoutError), "an end, and no TimeoutError")


@chapter.check("slow line")
def reads_within_the_line_s_time(
    bench: Bench, _DeadlineStream: Any, LimitExceededError: Any
) -> None:
    ours, theirs = socket.socketpair()
    stream = _DeadlineStream(ours)
    case = bench.case(
        called="readinto(), where neither the line nor the connection has a time limit",
        expected="5 bytes, the number of those that are there",
        why="Without a deadline, math.inf seconds are left, and None is the connection's timeout.",
    )
    theirs.sendall(b"hello")
    got = case.call(stream.readinto, bytearray(10))
    case.want(got == 5, f"{got!r}")
    case = bench.case(
        called="readinto(), where the line's time is over and a byte is there",
        expected="LimitExceededError",
        why="A client that always has one more byte ready would never meet the limit.",
    )
    stream.allow(0)
    theirs.sendall(b"x")
    error = case.error_of(stream.readinto, bytearray(10), none="the byte, and no error")
    case.want(isinstance(error, LimitExceededError), describe(error))
    ours.recv(1)
    case = bench.case(
        called="readinto(), where the line has 0.1 seconds left and nothing comes",
        expected="LimitExceededError after 0.1 seconds, though the connection has no time limit",
        why="What is left for the line is what this read may take.",
    )
    stream.allow(0.1)
    late = f"still reading after {PATIENCE:g} seconds"
    error = case.error_of(stream.readinto, bytearray(10), none="no error", late=late)
    case.want(isinstance(error, LimitExceededError), describe(error))
    case = bench.case(
        called="readinto(), where the line has 10 seconds left, the connection's timeout is 0.1",
        expected="TimeoutError after 0.1 seconds",
        why="The shorter of the two limits holds for a read: who set a timeout for the connection "
        "still counts on it.",
    )
    ours.settimeout(0.1)
    stream.allow(10)
    error = case.error_of(stream.readinto, bytearray(10), none="no error", late=late)
    case.want(type(error) is TimeoutError, describe(error))


def _note_line(self: Any) -> None:
    self.wfile.write(b"noted: " + self.rfile.readline())


@chapter.check("slow line")
def ends_a_slow_line(
    bench: Bench, LimitedStreamRequestHandler: Any, LimitExceededError: Any
) -> None:
    case = bench.case(
        called="line_timeout = 0.2, with a client that sends a byte every 0.02 seconds",
        expected="LimitExceededError in handle_error, and the connection ended",
        why="A time limit for each read starts again with each byte. A line needs one clock for "
        "all of its reads.",
    )
    handler = bench.subclass(LimitedStreamRequestHandler, line_timeout=LINE, handle=_note_line)
    with harbour(case, minisocketserver.ThreadingTCPServer, handler) as server:
        got = case.talk(server.server_address, b"ahoy\n")
        case.want(got == b"noted: ahoy\n", f"{got!r} for a client that sends b'ahoy\\n'")
        with connect(server.server_address) as client:
            came = drip(client, PATIENCE)
        case.want(
            came.is_cut_off,
            f"{came.sent} bytes in {PATIENCE:g} seconds, and the connection still open",
        )
        soon(lambda: bench.records.errors)
        errors = bench.records.errors
        case.want(
            errors and isinstance(errors[-1], LimitExceededError), "an end, and no such error"
        )


predict = EXERCISES["10.5"]


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
    "both is the system's decision; on Linux the call is simply not answered.",
    misread=(
        "The pool has two threads, and both are free.",
        "The pool has two threads, and one is free.",
        "The threads are busy; the backlog has room, and it does the connecting.",
        "Linux lets one more wait than the backlog's number says.",
        "The backlog is full: the call is not answered.",
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
        "an 'r' in your list. The documentation says so, but Linux refuses nobody: the call is "
        "not answered, and the client's system tries again until it gives up",
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
    "cut off",
    beside="a real run of three clients who send a byte now and then",
    expected="True for each one whose connection was ended within half a second",
    why="Limits are about something: silence, or a line. What your own protocol adds needs "
    "one of its own.",
    misread=(
        "timeout is for one read. Each byte starts the clock anew.",
        "line_timeout is one clock for all the reads of the line.",
        "Only lines are timed, and read(1000) reads no line.",
    ),
)
def cut_off(case: Case) -> list[Any]:
    limited = beyond.LimitedStreamRequestHandler
    runs: list[tuple[Any, dict[str, Any], str]] = [
        (minisocketserver.StreamRequestHandler, {"timeout": 0.3}, "readline"),
        (limited, {"timeout": 0.3, "line_timeout": 0.2}, "readline"),
        (limited, {"timeout": 0.3, "line_timeout": 0.2}, "read"),
    ]
    with ThreadPoolExecutor(3) as workers:
        real = list(workers.map(lambda run: _is_cut_off(case, *run), runs))
    return real


def _is_cut_off(case: Case, base: Any, settings: dict[str, Any], read: str) -> bool:
    def handle(self: Any) -> None:
        self.rfile.readline() if read == "readline" else self.rfile.read(1000)

    handler = case.bench.subclass(base, **settings, handle=handle)
    for _ in range(5):  # again, if the machine stood still: that made the client a silent one
        server = minisocketserver.TCPServer(ANY_PORT, handler)
        with case.serving(server), connect(server.server_address) as client:
            came = drip(client, 0.5)
        hurried = "line_timeout" in settings and came.longest_silence < settings["timeout"]
        if hurried or not came.is_cut_off:
            break
    return came.is_cut_off
