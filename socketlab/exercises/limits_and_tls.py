"""Checks of chapter 11: limits, TLS, both kinds of addresses."""

import functools
import select
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from traceback import walk_stack
from typing import Any

import minisocketserver
from minisocketserver import beyond

from ..checks.bench import Bench
from ..checks.case import ANY_PORT, PATIENCE, CannotCheckError, Case, CaseError, soon
from ..checks.clients import (
    connect,
    dial,
    drip,
    fetch_from,
    has_answer,
    rest_of,
    want_echo,
    want_plain_reply,
)
from ..checks.core import load
from ..checks.handlers import Echo
from ..checks.hooks import ServerMixin
from ..checks.records import Records
from ..notebook.tracebacks import describe, whereabouts
from ..remote.names import make_class
from .pool_and_drain import (
    LINE,
    MOMENT,
    CountsTaken,
    Greet,
    Stay,
    crowd,
    harbour,
    other_error,
    ready,
    want_stop,
)

EXERCISES = load(__file__)
chapter, build, use, bugs, predict = (
    EXERCISES[number] for number in ("11", "11.1", "11.2", "11.3", "11.4")
)


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
    """Gives each connection a time limit."""

    daemon_threads = True
    shells = 0

    def get_request(self) -> Any:
        request, client_address = super().get_request()
        request.settimeout(3 * PATIENCE)
        return request, client_address

    def shutdown_request(self, request: Any) -> None:
        self.shells += request.fileno() == -1
        super().shutdown_request(request)


def secure(case: Case, mixin: Any, **settings: Any) -> Any:
    """Return a threading server of the bench with the learner's mix-in."""
    settings = {"ssl_context": case.bench.there(server_context, trust()[0]), **settings}
    bases = (Watched, mixin, minisocketserver.ThreadingTCPServer)
    server = case.call(case.bench.subclass(*bases, **settings), ANY_PORT, EchoLine)
    server.limits = []
    return server


@contextmanager
def honest(case: Case, server: Any) -> Iterator[Any]:
    """Yield an encrypted connection to the server."""
    with (
        case.in_words("{}: is super().server_activate() called?", only="ConnectionRefused"),
        dial(case, server) as client,
    ):
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
        soon(lambda: server.limits)
        parts = replace(
            case,
            expected="the connection that accept() of the wrapped listener has returned",
            why="wrap_socket() leaves an empty shell. If it's called in finish_request, the server "
            "has only that shell: it can't end the connection, or say goodbye.",
        )
        parts.want(not server.shells, "a server that closes an empty shell at the end")
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
        case.want(b"hello" not in got, f"{got!r} for a client that doesn't encrypt")


@chapter.check("handshake")
def silent(bench: Bench, TLSMixIn: Any) -> None:
    case = bench.case(
        called="a client that connects and says nothing, then an honest one",
        expected="b'hello' for the honest one, at once",
        why="accept() of a wrapped listener shakes hands before it returns, in the loop, and "
        "threads don't help: none has been started. One connection without a byte stops all.",
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
            "here. Your answer isn't at fault: try it on a machine with IPv6."
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
        DualStackMixIn, NotesBind, minisocketserver.TCPServer, address_family=socket.AF_INET
    )
    bound = len(bench.records.bound)
    with case.in_words("{}: a socket of IPv4 has no such option", only="OSError"):
        server = case.call(server_class, ANY_PORT, Echo)
    _want_bound(case, bound, server)
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
    server_class = bench.subclass(HearsOneKind, mixin, NotesBind, minisocketserver.TCPServer)
    try:
        server = case.call(server_class, ("", 0), Echo)
    except CaseError as failure:
        if "OSError" not in failure.got:
            raise
        late = len(bench.records.bound) > bound
        told = "is the socket bound already?" if late else "is the level socket.IPPROTO_IPV6?"
        case.fail(f"{failure.got}: {told}", failure.__cause__)
    _want_bound(case, bound, server)
    deaf = server.socket.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    case.want(not deaf, "IPV6_V6ONLY still on: the server hears IPv6 alone")
    with case.serving(server):
        want_echo(case, ("127.0.0.1", server.server_address[1]))


class NotesBind(ServerMixin):
    """Comes next after the mix-in in the line, and notes that it's called."""

    is_asked = False

    def server_bind(self) -> None:
        self.is_asked = True
        super().server_bind()


def _want_bound(case: Case, before: int, server: Any) -> None:
    parent = replace(
        case,
        why="Binding is the work of the server_bind further on in the line of classes. The mix-in "
        "only prepares the socket, and hands over with super().server_bind().",
    )
    parent.want(len(case.bench.records.bound) > before, "a socket that was never bound")
    parent.want(server.is_asked, "the socket bound by hand, without super().server_bind()")


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
        why="One recv need not be the whole request, and neither is its first line. Closing a "
        "connection with something unread breaks it off, answer and all.",
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
            f"{got!r}, the old address as it is mapped into the new ones; a list of "
            "allowed addresses won't have it",
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


@bugs.check("three")
def only_three(bench: Bench, Harbour: Any) -> None:
    case = bench.case(
        called="Harbour, with a handler of the bench and five clients who stay",
        expected="three of them served, and the other two closed at once",
        why="request_queue_size goes to listen(): so many may wait in the backlog. Each client "
        "that is taken gets a thread, and nothing limits those, unless the server counts.",
    )
    with harbour(case, Harbour, Stay) as server:
        server.workers, server.stays = [], bench.there(dict)
        with crowd(case, server, 5) as clients:
            soon(lambda: len(ready(clients)) == 5)
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


def _sort(clients: list[socket.socket]) -> tuple[int, int]:
    welcome = closed = 0
    for client in ready(clients):
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


def _ends_a_slow_line(bench: Bench, harbour_class: Any, logbook: Any) -> tuple[Case, float]:
    case = bench.case(
        called="Logbook, with a client that sends a byte every 0.02 seconds, and no line break",
        expected="the connection ended, since a line may take 0.2 seconds",
        why="A time limit for each read starts again with each byte. So a client that is never "
        "silent for long can stay forever, and a few hundred of them hold all threads.",
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
            f"handler's timeout is {getattr(logbook, 'timeout', None)}: it starts again with "
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
        why="A limit is for those who want too much. The others shouldn't notice it.",
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
    want_stop(case, Harbour, stop)


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
            soon(lambda: len(ready(clients)) == 5)
            welcome, closed = _sort(clients)
            came = f"{welcome} of 5 served, {closed} closed"
            if ended := other_error(bench, "LimitExceededError"):
                came += f" ({ended})"
            case.want(closed < 5, f"{came}: what does __has_room() return?", alone=True)
            case.want((welcome, closed) == (3, 2), came, alone=True)  # those errors are meant
            _has_room_again(case, server, clients)
    case = bench.case(
        called="max_connections = 0, with one client",
        expected="the client closed at once",
        why="0 is a limit like any other number: no entry is allowed. None is the one that means "
        "no limit.",
    )
    server_class = bench.subclass(
        LimitsMixIn, minisocketserver.ThreadingTCPServer, max_connections=0
    )
    with harbour(case, server_class, Stay) as server:
        server.workers, server.stays = [], {}
        with connect(server.server_address) as client:
            client.sendall(b"go")
            got = rest_of(client)
        case.want(not got, f"{got!r}: is 0 taken for None?", alone=True)
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
            soon(lambda: len(ready(clients)) == 5 or bench.records.errors[before:])
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
    outcomes: list[Any] = []
    try:
        outcomes.append(case.call(stream.readinto, bytearray(10)))
    except CaseError as failure:
        if failure.__cause__ is None:
            raise
        error = failure.__cause__
    if outcomes:
        meant = {0: "0, which means that the client has gone", 1: "the byte, and no error"}
        case.fail(meant.get(outcomes[0], f"{outcomes[0]!r}, and no error"))
    case.want(isinstance(error, LimitExceededError), describe(error))
    theirs_to_close = replace(
        case,
        why="The error ends the handler, and then the server closes the connection, as always.",
    )
    theirs_to_close.want(ours.fileno() != -1, "LimitExceededError, and the socket closed")
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
        why="The shorter of the two limits holds for a read: a timeout that was set for the "
        "connection still counts.",
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


class Note(minisocketserver.StreamRequestHandler):
    """Sends a line back, with the time limit that its connection has."""

    def handle(self) -> None:
        line = self.rfile.readline().decode(errors="replace")
        self.wfile.write(f"{self.request.gettimeout():g} {line}".encode())


def guarded(case: Case, mixin: Any, handler: Any = Note, **settings: Any) -> Any:
    """Return a threading server with the learner's mix-in, to be used in a with block."""
    bases = (Watched, mixin, minisocketserver.ThreadingTCPServer)
    server_class = case.bench.subclass(*bases, **settings)
    return harbour(case, server_class, handler)


@build.check("hello")
def says_hello(bench: Bench, HelloMixIn: Any) -> None:
    limit = f"{3 * PATIENCE:g}"
    for pieces in (
        [b"HELLO ann\n", b"ahoy\n"],
        [b"HEL", b"LO ann\nah", b"oy\n"],
        [b"HELLO ann\nahoy\n"],
    ):
        case = bench.case(
            called=f"a client that sends {pieces} and then reads",
            expected=f"b'OK\\n', then b'{limit} ahoy\\n' from the handler, whose connection has "
            f"its time limit of {limit} seconds again",
            why="TCP keeps no messages apart. What follows the hello may come with it, and belongs "
            "to the handler, so take no byte more than the line has.",
        )
        with guarded(case, HelloMixIn) as server, connect(server.server_address) as client:
            for piece in pieces:
                with suppress(OSError):
                    client.sendall(piece)
                time.sleep(0.03)
            got = rest_of(client)
        case.want(got.startswith(b"OK\n"), f"{got!r}")
        case.want(got == f"OK\n{limit} ahoy\n".encode(), f"{got!r}")


@build.check("silent")
def hello_from_others(bench: Bench, HelloMixIn: Any) -> None:
    case = bench.case(
        called=f"hello_timeout = {PATIENCE:g}, with a client that says nothing, then one that says "
        "hello",
        expected="the second one served at once",
        why="In the loop's own thread, one silent client is enough to keep all others out. "
        "finish_request runs where the handler runs.",
    )
    default = getattr(HelloMixIn, "hello_timeout", None)
    case.want(default == 5.0, f"a hello_timeout of {default!r} on the class")
    with (
        guarded(case, HelloMixIn, hello_timeout=PATIENCE) as server,
        _mute(server),
        connect(server.server_address) as client,
    ):
        client.sendall(b"HELLO ann\nahoy\n")
        is_held_up = not select.select([client], [], [], PATIENCE / 2)[0]
        case.want(not is_held_up, "the one that says hello waits for the silent one", alone=True)
    case = bench.case(
        called="hello_timeout = 0.2, with a client that says nothing",
        expected="an end after 0.2 seconds, with TimeoutError in handle_error",
        why="A client that may be silent forever holds a thread forever.",
    )
    before = len(bench.records.errors)
    with guarded(case, HelloMixIn, hello_timeout=0.2) as server, _mute(server) as mute:
        case.want(not has_answer(mute), "the silent one cut off at once")
        _want_cut_off(case, mute, before)


@contextmanager
def _mute(server: Any) -> Iterator[socket.socket]:
    with connect(server.server_address) as mute:
        time.sleep(0.05)
        yield mute


def _want_cut_off(case: Case, client: socket.socket, before: int) -> None:
    ended = select.select([client], [], [], PATIENCE)[0]
    case.want(ended, f"the silent one's connection still open after {PATIENCE:g} seconds")
    soon(lambda: case.bench.records.errors[before:], MOMENT)
    errors = case.bench.records.errors[before:]
    case.want(
        errors and isinstance(errors[-1], TimeoutError),
        f"an end, and {describe(errors[-1]) if errors else 'no error'} in handle_error",
        alone=True,
    )


@build.check("dripping")
def drips_a_hello(bench: Bench, HelloMixIn: Any) -> None:
    case = bench.case(
        called="hello_timeout = 0.2, with a client that sends a byte every 0.02 seconds and never "
        "ends its line",
        expected="an end after 0.2 seconds, with TimeoutError in handle_error",
        why="settimeout() limits one recv, and each byte begins another. What you want to limit is "
        "all of them together.",
    )
    with (
        guarded(case, HelloMixIn, hello_timeout=0.2, max_hello=10_000) as server,
        connect(server.server_address) as client,
    ):
        begun = time.monotonic()
        client.sendall(b"HELLO ")
        came = drip(client, PATIENCE)
        took = time.monotonic() - begun
        case.want(
            came.is_cut_off,
            f"{came.sent} bytes in {PATIENCE:g} seconds, and the connection still open: does the "
            "clock start again with each byte?",
        )
        _want_cut_off(case, client, 0)
        case.want(took > 0.15, f"an end after {took:.2f} seconds already", alone=True)


@build.check("no hello")
def refuses_others(bench: Bench, HelloMixIn: Any) -> None:
    default = getattr(HelloMixIn, "max_hello", None)
    for sent, what in (
        (b"GET / HTTP/1.0\r\n\r\n", "that speaks HTTP"),
        (b"HELLOWEEN\n", "that says b'HELLOWEEN\\n'"),
        (b"HELLO " + b"x" * 94 + b"\n", "whose hello has 101 bytes, where max_hello is 100"),
        (b"HELLO " + b"x" * 5000, "whose hello has no end"),
    ):
        case = bench.case(
            called=f"a client {what}",
            expected="b'NO\\n', and the connection ended at once, without a handler",
            why="The first bytes of a connection come from anyone. What they may cost you is your "
            "decision, and it's best made early.",
        )
        case.want(default == 100, f"a max_hello of {default!r} on the class")
        with guarded(case, HelloMixIn) as server, connect(server.server_address) as client:
            with suppress(OSError):
                client.sendall(sent)
            got = rest_of(client)
        case.want(
            got == b"NO\n", f"{got!r}: b'OK\\n' for any line?" if b"OK" in got else f"{got!r}"
        )
    case = bench.case(
        called="a client whose hello has 100 bytes, and one that hangs up in the middle of it",
        expected="b'OK\\n' for the first; and for the second an end, without a handler",
        why="max_hello counts the line's end. And recv returns b'' at the end, again and again.",
    )
    with guarded(case, HelloMixIn, Greet, hello_timeout=PATIENCE / 4) as server:
        server.workers = []
        with connect(server.server_address) as client:
            client.sendall(b"HELLO " + b"x" * 93 + b"\n")
            got = rest_of(client)
            case.want(got == b"OK\nso long", f"{got!r} for the first")
        with connect(server.server_address) as client:
            client.sendall(b"HELLO an")
            client.shutdown(socket.SHUT_WR)
            got = rest_of(client)
            case.want(b"OK" not in got, f"{got!r} for the second")
            case.want(has_answer(client), "the second one's connection still open", alone=True)


@predict.prediction(
    "closed",
    beside="a real run of the three servers",
    expected="how many of 5 clients who stay are closed at once by each",
    why="max_connections counts what was taken. A pool takes no more than it has room for, so the "
    "others wait where no limit of the server's reaches them.",
    misread=(
        "Three may stay, and each of the others is closed as soon as it is taken.",
        "The pool takes two, and two are within the limit. The other three wait in the backlog.",
        "request_queue_size closes nothing: it's the backlog's length.",
    ),
)
def closed(case: Case) -> list[Any]:
    limits = (beyond.LimitsMixIn, minisocketserver.ThreadingTCPServer)
    pool = (beyond.LimitsMixIn, beyond.ThreadPoolMixIn, minisocketserver.TCPServer)
    return [
        _closed(case, *limits, max_connections=3),
        _closed(case, *pool, max_connections=3, pool_size=2),
        _closed(case, minisocketserver.ThreadingTCPServer, request_queue_size=3),
    ]


def _closed(case: Case, *bases: Any, **settings: Any) -> int:
    server_class = case.bench.subclass(CountsTaken, *bases, **{"request_queue_size": 9, **settings})
    with harbour(case, server_class, Stay) as server:
        server.workers, server.stays = [], {}
        with crowd(case, server, 5, 2 * MOMENT) as clients:
            return _sort(clients)[1]


@predict.prediction(
    "let in",
    beside="a real run of the three servers",
    expected="True for each server that answers an honest client while a silent one is connected",
    why="What counts is the thread that shakes hands. In the loop it waits for one client while "
    "all the others wait for the loop.",
    misread=(
        "accept() on a wrapped listener shakes hands before it returns, in the loop's thread.",
        "get_request is called by the loop, and wrap_socket shakes hands at once.",
        "The handshake is in the handler's thread, which may wait for its own client.",
    ),
)
def let_in(case: Case) -> list[Any]:
    return [_lets_in(case, mixin) for mixin in (WrapsListener, WrapsInGetRequest, beyond.TLSMixIn)]


class WrapsListener:
    """Encrypts as most recipes do, and as Python's own HTTPSServer does."""

    ssl_context: ssl.SSLContext
    socket: Any

    def server_activate(self) -> None:
        super().server_activate()  # type: ignore[misc]
        self.socket = self.ssl_context.wrap_socket(self.socket, server_side=True)


class WrapsInGetRequest:
    """Wraps each connection as soon as it is taken."""

    ssl_context: ssl.SSLContext

    def get_request(self) -> Any:
        request, client_address = super().get_request()  # type: ignore[misc]
        return self.ssl_context.wrap_socket(request, server_side=True), client_address


def _lets_in(case: Case, mixin: Any) -> bool:
    with case.serving(secure(case, mixin)) as server, connect(server.server_address) as mute:
        time.sleep(0.05)
        try:
            with (
                socket.create_connection(server.server_address, 0.5) as client,
                trust()[1].wrap_socket(client, server_hostname="localhost") as secured,
            ):
                secured.sendall(b"hello\n")
                return secured.recv(100) == b"hello\n"
        except TimeoutError:
            return False
        finally:
            mute.close()


@predict.prediction(
    "cut off",
    beside="a real run of three clients who send a byte now and then",
    expected="True for each one whose connection was ended within half a second",
    why="Limits are about something: silence, or a line. What your own protocol adds needs "
    "one of its own.",
    misread=(
        "timeout is for one read. Each byte starts the clock again.",
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
