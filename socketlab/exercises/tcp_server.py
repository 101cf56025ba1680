"""Checks of chapter 03: a TCPServer, a listener from elsewhere, and what becomes of a port."""

import errno
import gc
import json
import os
import re
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from tempfile import TemporaryDirectory
from traceback import walk_stack
from typing import Any

from minisocketserver import StreamRequestHandler, TCPServer

from ..checks.bench import Bench
from ..checks.case import ANY_PORT, MOST, PATIENCE, CannotCheckError, Case, CaseError, begin
from ..checks.clients import connect, fetch, fetch_from, rest_of, want_echo, want_line_ends
from ..checks.core import load
from ..checks.forking import away
from ..checks.handlers import Echo
from ..checks.hooks import ServerMixin
from ..checks.predictions import compare
from ..checks.records import Records, in_foreground, stop_recording
from ..files import short_tempdir
from ..notebook.running import running, within
from ..notebook.tracebacks import describe

QUEUE = "request_queue_size"

EXERCISES = load(__file__)
chapter = EXERCISES["03"]


class HeldEcho(Echo):
    """Keeps a second descriptor of the connection open, as a forked process would."""

    def finish(self) -> None:
        self.server.held.append((self.request, self.request.dup()))


def make(case: Case, server_class: Any, address: Any = ANY_PORT, handler: Any = Echo) -> Any:
    """Return the learner's server, made as every program makes one."""
    with _with_the_cause(case):
        return case.call(server_class, address, handler)


def make_unbound(case: Case, server_class: Any) -> Any:
    """Return the learner's server, whose constructor was to leave the two hooks alone."""
    with _with_the_cause(case):
        return case.call(lambda: server_class(ANY_PORT, Echo, bind_and_activate=False))


@contextmanager
def _with_the_cause(case: Case) -> Iterator[None]:
    """Say what has most likely led to an error that a constructor often raises."""
    with ExitStack() as stack:
        for error, cause in CAUSES.items():
            stack.enter_context(case.in_words(f"{{}}; {cause}", only=error))
        yield


CAUSES = {
    "object has no attribute 'bind_and_activate'": "it's a parameter, so it goes without self",
    "object has no attribute 'address_family'": "has the cell that gives the class its attributes "
    "been run?",
    "[Errno 22] Invalid argument": "did the socket listen before it was bound?",
}
"""What has probably led to an error, by a part of its text."""


@chapter.check("address")
@chapter.check("switches")
def address(bench: Bench, TCPServer: Any) -> None:
    case = bench.case(
        called='TCPServer(("127.0.0.1", 0), Echo)',
        expected="a server listening on a port the kernel chose, with that port in server_address",
        why="Host and port travel as one tuple. Port 0 asks the kernel for a free one, and only "
        "the bound socket knows which one it got.",
    )
    two = "{}; does it take host and port as two arguments?"
    with case.in_words(two, only="__init__() missing"):
        server = make(case, TCPServer)
    bound = [where for _, where in bench.records.bound]
    case.want(bound, "a server whose socket was never bound")
    case.want(
        not any(isinstance(where, tuple) and where[1] for where in bound),
        f"a bind to {bound[-1]}: a port found beforehand may be taken by the time you bind it",
    )
    told: Any = getattr(server, "server_address", None)
    case.want(
        isinstance(told, tuple) and len(told) == 2,
        f"server_address is {told!r}, not a tuple of host and port",
    )
    case.want(
        told[1] != 0,
        f"server_address is still {told!r}, as asked for, and no client can connect to port 0: "
        "does server_bind store what the socket says?",
    )
    with case.serving(server):
        want_echo(case, told)


@chapter.check("address")
@chapter.check("switches")
def binds_what_was_asked_for(bench: Bench, TCPServer: Any) -> None:
    with socket.socket() as taken:
        taken.bind(ANY_PORT)
        taken.listen()
        where = taken.getsockname()
        case = bench.case(
            called=f"TCPServer({where}, Echo), a port on which another socket listens",
            expected="OSError (Address already in use), because that's the address to bind",
            why="The address is the caller's to choose, and self.server_address has it.",
        )
        try:
            server = within(PATIENCE, lambda: TCPServer(where, Echo), case.called)
        except OSError:
            return
        except BaseException as error:
            case.fail(describe(error), error)
        case.fail(f"a server at {getattr(server, 'server_address', None)!r}")


@chapter.check("bind error")
def stays_open(bench: Bench, TCPServer: Any) -> None:
    case = bench.case(
        called='TCPServer(("127.0.0.1", 0), Echo), where nothing goes wrong',
        expected="a server whose socket is open",
        why="Only a start that failed has to be undone. What is in a finally clause runs after a "
        "success as well.",
    )
    case.want(make(case, TCPServer).socket.fileno() != -1, "a server whose socket is closed")


@chapter.check("two steps")
@chapter.check("bind error")
def calls_the_hooks(bench: Bench, TCPServer: Any) -> None:
    case = bench.case(
        called='TCPServer(("127.0.0.1", 0), Echo), where a subclass has its own hooks',
        expected="calls of server_bind and server_activate, and the socket bound in the first",
        why="A subclass may override either hook: a Unix server has its own server_bind, and a "
        "datagram server, which never listens, its own server_activate.",
    )
    calls = make(case, bench.subclass(NotesHooks, TCPServer)).calls
    told = f"calls of {', '.join(calls)}" if calls else "no call of either hook"
    case.want(calls == ["server_bind", "server_activate"], told)


class NotesHooks(ServerMixin):
    """Notes its two hooks, and whether the socket was bound at the right time."""

    calls: tuple[str, ...] | list[str] = ()

    def _note(self, name: str, early: bool) -> None:
        self.calls = [*self.calls, f"{name}, too early" if early else name]

    def server_bind(self) -> None:
        self._note("server_bind", False)
        super().server_bind()

    def server_activate(self) -> None:
        bound = self.socket.getsockname()[1] != 0
        self._note("server_activate", not bound)
        super().server_activate()


@chapter.check("two steps")
@chapter.check("bind error")
def leaves_them_to_the_program(bench: Bench, TCPServer: Any) -> None:
    case = bench.case(
        called='TCPServer(("127.0.0.1", 0), Echo, bind_and_activate=False)',
        expected="a socket that isn't bound until server_bind() and server_activate() are called",
        why="Some options count only if they're set before bind, so a program may want to set "
        "them first, and then call the two hooks itself.",
    )
    bound = len(bench.records.bound)
    server = make_unbound(case, TCPServer)
    case.want(len(bench.records.bound) == bound, "a socket that is bound already")
    listens = "{}; does the constructor call server_activate all the same?"
    with case.in_words(listens, only="[Errno 22] Invalid argument"):
        case.call(server.server_bind)
    case.want(len(bench.records.bound) > bound, "a server_bind() that doesn't bind")
    with suppress(ConnectionRefusedError):
        connect(server.server_address).close()
        case.fail("a server_bind() that listens: that is for server_activate")
    case.call(server.server_activate)
    with case.serving(server):
        want_echo(case, server.server_address)


@chapter.check("two steps")
def asks_the_class(bench: Bench, TCPServer: Any) -> None:
    family = socket.AF_UNIX if hasattr(socket, "AF_UNIX") else socket.AF_INET6
    for name, value in (("address_family", family), ("socket_type", socket.SOCK_DGRAM)):
        case = bench.case(
            called=f"a subclass with {name} = {value.name}, made with bind_and_activate=False",
            expected="a socket of that kind",
            why="The next chapters change nothing but these attributes: a datagram server has "
            "another socket_type, a Unix server another address_family.",
        )
        other = bench.subclass(TCPServer, **{name: value})
        server = make_unbound(case, other)
        got = server.socket.family if name == "address_family" else server.socket.type
        case.want(got == value, f"a socket with {type(value)(got).name}")
    if sys.platform != "linux":
        return  # only Linux reports the length of the queue
    for size in (5, 17):  # not the default: which that is depends on the Python
        case = bench.case(
            called=f"a subclass with {QUEUE} = {size}",
            expected=f"listen({size})",
            why="How many clients may wait to be accepted is for the subclass to say, and "
            "self.request_queue_size has its number.",
        )
        other = bench.subclass(TCPServer, **{QUEUE: size})
        info = make(case, other).socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
        (got,) = struct.unpack_from("I", info, 28)
        case.want(got == size, f"a queue for {got}")


@chapter.check("switches")
def restart(bench: Bench, TCPServer: Any) -> None:
    case = bench.case(
        called="TCPServer(...) with allow_reuse_address = True on the class, closed, made again",
        expected="SO_REUSEADDR set on the socket before bind, and only if the class says so",
        why="Connections that the server closed first linger in TIME_WAIT. Without the option, "
        "the next bind fails with 'Address already in use'.",
    )
    reusing = _with_reuse(bench, TCPServer, True)
    first = make(case, reusing)
    case.want(_reuses(first), "SO_REUSEADDR is off: the class attribute was not looked at")
    with case.serving(first):
        case.talk(first.server_address, b"ping")  # the server closes first
    try:
        second = reusing(first.server_address, Echo)
    except OSError as error:
        case.want(
            error.errno != errno.EADDRINUSE,
            f"{describe(error)}; was the option set only after bind?",
        )
        case.fail(describe(error), error)
    case.call(second.server_close)
    for plain in (TCPServer, _with_reuse(bench, TCPServer, False)):
        case.want(
            not _reuses(make(case, plain)),
            f"SO_REUSEADDR is on although allow_reuse_address is {plain.allow_reuse_address}",
        )


@chapter.check("switches")
def asks_the_server(bench: Bench, TCPServer: Any) -> None:
    case = bench.case(
        called="allow_reuse_address = True on a server made with bind_and_activate=False",
        expected="SO_REUSEADDR set by its server_bind()",
        why="A program may set the switch on one server alone, before it binds.",
    )
    server = make_unbound(case, TCPServer)
    server.allow_reuse_address = True
    case.call(server.server_bind)
    case.want(_reuses(server), "SO_REUSEADDR is off: is the class asked in place of self?")


@chapter.check("switches")
def shares_internet_ports(bench: Bench, TCPServer: Any) -> None:
    if not hasattr(socket, "SO_REUSEPORT"):
        return
    case = bench.case(
        called="TCPServer(...) with allow_reuse_port = True on the class",
        expected="SO_REUSEPORT set on the socket, and only if the class says so",
        why="Several programs may share a port, if all of them have asked for it. The switch is "
        "read where the socket is bound.",
    )
    sharing = bench.subclass(TCPServer, allow_reuse_port=True)
    for wanted in (False, True):
        server = make(case, sharing if wanted else TCPServer)
        case.want(
            _shares(server) is wanted,
            f"SO_REUSEPORT is {_shares(server)} where allow_reuse_port is {wanted}",
        )
    case = bench.case(
        called="two servers on one port, both with allow_reuse_port = True on the class",
        expected="both of them bound to it",
        why="Like SO_REUSEADDR, the option counts only if it is set before bind.",
    )
    first = make(case, sharing)
    with case.in_words("{}; was SO_REUSEPORT set only after bind?", only="in use"):
        make(case, sharing, first.server_address)
    if hasattr(socket, "AF_UNIX"):
        _leaves_other_families(bench, TCPServer)
    if _has_ipv6():
        _counts_ipv6_in(bench, TCPServer)
    case = bench.case(
        called="TCPServer(...) with both switches True on the class",
        expected="both options set on the socket",
        why="The two switches have nothing to do with each other. A server may want both.",
    )
    server = make(case, bench.subclass(sharing, allow_reuse_address=True))
    case.want(_reuses(server), "SO_REUSEADDR is off")
    case.want(_shares(server), "SO_REUSEPORT is off: does it depend on the first switch?")


def _leaves_other_families(bench: Bench, server_class: Any) -> None:
    case = bench.case(
        called="a Unix server, of the family AF_UNIX, with allow_reuse_port = True on the class",
        expected="a server at its path, without SO_REUSEPORT",
        why="The option is for AF_INET and AF_INET6. Linux 6.12.9 and later refuse it for any "
        "other family, so that such a server could not start.",
    )
    local = bench.subclass(server_class, address_family=socket.AF_UNIX, allow_reuse_port=True)
    asked = "; is the family checked before SO_REUSEPORT is set?"
    with bench.there(TemporaryDirectory, None, None, bench.there(short_tempdir)) as folder:
        with case.in_words(f"{{}}{asked}", only="OSError"):
            server = make(case, local, f"{folder}/door")
        case.want(not _shares(server), f"SO_REUSEPORT is on{asked}")


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _counts_ipv6_in(bench: Bench, server_class: Any) -> None:
    case = bench.case(
        called="server_bind() of a server of the family AF_INET6, with allow_reuse_port = True",
        expected="SO_REUSEPORT set on the socket",
        why="AF_INET6 is the other family of internet addresses.",
    )
    other = bench.subclass(server_class, address_family=socket.AF_INET6, allow_reuse_port=True)
    server = make_unbound(case, other)
    server.server_address = ("::1", 0)
    try:
        case.call(server.server_bind)
    except CaseError:  # its address is four values long, for which no answer has to be prepared
        if not _shares(server):
            raise
    case.want(_shares(server), "SO_REUSEPORT is off")


def _shares(server: Any) -> bool:
    return bool(server.socket.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT))


def _with_reuse(bench: Bench, server_class: Any, wanted: bool) -> Any:
    return bench.subclass(server_class, allow_reuse_address=wanted)


def _reuses(server: Any) -> bool:
    return bool(server.socket.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR))


@chapter.check("bind error")
def bind_error(bench: Bench, TCPServer: Any) -> None:
    with socket.socket() as taken:
        taken.bind(ANY_PORT)
        taken.listen()
        case = bench.case(
            called=f"TCPServer({taken.getsockname()}, Echo), a port on which another one listens",
            expected="OSError (Address already in use), and the new socket closed",
            why="The caller gets no server, so only the constructor can close its socket. A "
            "program that tries again and again would run out of descriptors.",
        )
        before = len(bench.records.sockets)
        try:
            server = within(PATIENCE, lambda: TCPServer(taken.getsockname(), Echo), case.called)
        except OSError:
            left = [sock for sock in bench.records.sockets[before:] if sock.fileno() != -1]
            case.want(not left, "OSError, and the socket that could not be bound is still open")
            _closes_after_any_error(bench, TCPServer)
            return
        except BaseException as error:
            case.fail(describe(error), error)
        where = getattr(server, "server_address", None)
        case.fail(
            f"no error, and a server that says its address is {where!r}: does the error go on to "
            "the caller?"
        )


def _closes_after_any_error(bench: Bench, server_class: Any) -> None:
    for hook in ("server_bind", "server_activate"):
        case = bench.case(
            called=f"TCPServer(...), where a subclass's {hook} is interrupted by Ctrl-C",
            expected="server_close() called, and the KeyboardInterrupt for the caller",
            why="KeyboardInterrupt is neither an OSError nor an Exception, and a subclass's hooks "
            "may fail in any way. Whatever it was, the socket is open.",
        )
        came = case.call(_interrupt, server_class, hook, bench.records)
        if came == NOT_BY_THE_HOOK:
            case = replace(case, why="A subclass may have more to close, in its server_close().")
        case.want(not came, came)


NOT_BY_THE_HOOK = "KeyboardInterrupt, and no call of server_close()"


def _interrupt(server_class: Any, hook: str, records: Records) -> str:
    """Return what is wrong after a KeyboardInterrupt in the hook."""
    closed: list[Any] = []

    class Watched(server_class):  # type: ignore[misc]
        def server_close(self) -> None:
            closed.append(self)
            super().server_close()

    def interrupted(self: Any) -> None:
        raise KeyboardInterrupt

    setattr(Watched, hook, interrupted)
    before = len(records.sockets)
    try:
        Watched(ANY_PORT, Echo)
    except KeyboardInterrupt:
        if any(sock.fileno() != -1 for sock in records.sockets[before:]):
            return "KeyboardInterrupt, and the socket is still open"
        return "" if closed else NOT_BY_THE_HOOK
    return "no error: the caller never learns of the Ctrl-C"


@chapter.check("goodbye")
def goodbye(bench: Bench, TCPServer: Any) -> None:
    case = bench.case(
        called="shutdown_request(request), after handle(), while a copy of the connection is open",
        expected="shutdown(SHUT_WR) first, so that the client reads its end, then close",
        why="close() alone gives back only this descriptor. While a copy is open, in a forked "
        "process for instance, the client would wait forever.",
    )
    server = make(case, bench.subclass(CountsEnds, TCPServer), handler=HeldEcho)
    server.held = []
    with (
        case.serving(server),
        case.in_words("{}; is it request.shutdown?", only=" BaseServer.shutdown() "),
        case.in_words("no SHUT_WR on the request: the client got {}", only="no end"),
    ):
        want_echo(case, server.server_address)
    case.want(server.held, "a connection that no handler ever saw")
    case.want(
        all(request.fileno() == -1 for request, _ in server.held),
        "the end, but the request's socket is still open: close_request was not called",
    )
    case.want(
        server.ends == 1,
        f"the request's socket closed, and {server.ends} calls of close_request, which a subclass "
        "may have overridden",
    )
    _says_goodbye_to_nobody(bench, server)
    _leaves_the_other_half(bench, server)


class CountsEnds(ServerMixin):
    """Counts the calls of close_request."""

    ends = 0

    def close_request(self, request: Any) -> None:
        self.ends += 1
        super().close_request(request)


def _leaves_the_other_half(bench: Bench, server: Any) -> None:
    case = bench.case(
        called="shutdown_request(request), while another process may still read from it",
        expected="the end for the client, and nothing changed for the other process",
        why="SHUT_WR says: we have finished writing. SHUT_RDWR also ends the reading, for every "
        "process that holds the connection.",
    )
    with socket.create_server(ANY_PORT) as listener, connect(listener.getsockname()) as client:
        request = listener.accept()[0]
        with request.dup() as held:
            case.call(server.shutdown_request, bench.hand_over(request))
            case.want(client.recv(1) == b"", "something for the client, and not its end")
            held.setblocking(False)
            with suppress(BlockingIOError):
                held.recv(1)
                case.fail("SHUT_RDWR: the other process reads an end that the client never sent")


def _says_goodbye_to_nobody(bench: Bench, server: Any) -> None:
    case = bench.case(
        called="shutdown_request(request), for a client that has broken off the connection",
        expected="no error, and the request's socket closed",
        why="Clients go when they like. Then shutdown(SHUT_WR) raises OSError, and the socket has "
        "to be closed all the same.",
    )
    with socket.create_server(ANY_PORT) as listener:
        with connect(listener.getsockname()) as client:
            request = bench.hand_over(listener.accept()[0])
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        case.call(server.shutdown_request, request)
        case.want(request.fileno() == -1, "no error, but the request's socket is still open")


@chapter.check("close")
def close(bench: Bench, TCPServer: Any) -> None:
    case = bench.case(
        called="server_close()",
        expected="the listening socket closed: a new client is refused",
        why="shutdown() only stops the loop. The listening socket stays, and holds the port, "
        "until its own close() is called.",
    )
    server = make(case, TCPServer)
    where = server.server_address
    try:
        with case.serving(server):  # which ends with server_close
            case.talk(where, b"ping")
    except (CaseError, CannotCheckError):
        raise
    except Exception as error:
        case.fail(describe(error), error)
    with suppress(ConnectionRefusedError):
        connect(where).close()
        case.fail(f"a connection to {where}: the listener is still open")
    _only_closes(bench, TCPServer)


class NotesEnds(ServerMixin):
    """Notes what else than server_close would end a server."""

    ends: tuple[str, ...] = ()

    def shutdown(self) -> None:
        self.ends = (*self.ends, "shutdown()")
        super().shutdown()

    def stop_serving(self) -> None:
        self.ends = (*self.ends, "stop_serving()")
        super().stop_serving()

    def server_close(self) -> None:
        self.ends = (*self.ends, "server_close()")
        super().server_close()


def _only_closes(bench: Bench, server_class: Any) -> None:
    case = bench.case(
        called="server_close(), on a server whose loop has not begun",
        expected="the socket closed, and nothing else",
        why="The program stops the loop, with shutdown(), before it closes the server. In the "
        "loop's own thread shutdown() would wait forever.",
    )
    server = make(case, bench.subclass(NotesEnds, server_class))
    case.call(server.server_close)
    others = [one for one in server.ends if one != "server_close()"]
    case.want(not others, f"{' and '.join(others)} called as well")


@chapter.check("pause")
def pauses(bench: Bench, TCPServer: Any) -> None:
    server = make(
        bench.case(
            called='TCPServer(("127.0.0.1", 0), Echo)',
            expected="a server",
            why="Its request_lost is tried on it.",
        ),
        bench.subclass(NotesEnds, TCPServer),
    )
    rows = {**dict.fromkeys(LASTING, True), **dict.fromkeys(PASSING, False)}
    for number, wanted in rows.items():
        case = bench.case(
            called=f"request_lost(error), where error.errno is {errno.errorcode[number]}",
            expected="0.05 seconds of sleep" if wanted else "no sleep at all",
            why="The next attempt would fail in the same way, at once, and again."
            if wanted
            else "This client has gone. The next one may be waiting, and can be served.",
        )
        seconds = case.call(_seconds_lost, server, number)
        told = f"back after {seconds:.3f} seconds"
        if wanted:
            asked = "is it error.errno that you look up?"
            if number != errno.EMFILE:
                asked = "is this number, too, among those that you look for?"
            case.want(seconds > 0.02, f"{told}; {asked}")
            case.want(seconds < 0.5, f"{told}: so long, no client is served and no stop is noticed")
        else:
            asked = "is this number among the _LASTING_ERRORS?"
            if number == errno.ECONNABORTED:
                asked = "is the error's number looked at?"
            case.want(seconds < 0.02, f"{told}; {asked}")
        named = replace(case, why="A server doesn't end because one request was lost.")
        named.want(not server.ends, f"{' and '.join(server.ends)} called: the server is at its end")


PASSING = (errno.ECONNABORTED, errno.EPROTO, errno.ENETUNREACH)
LASTING = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EBADF)


def _seconds_lost(server: Any, number: int) -> float:
    begun = time.monotonic()
    server.request_lost(OSError(number, os.strerror(number)))
    return time.monotonic() - begun


adopt = EXERCISES["03.1"]

FIRST = 3
"""The descriptor of the first socket that systemd hands over."""
OWN, OTHER = "own", "other"
HANDED = {"LISTEN_PID": OWN, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "web"}


@adopt.check("address")
def opens_its_own(bench: Bench, ActivatedServer: Any) -> None:
    case = bench.case(
        called='ActivatedServer(("127.0.0.1", 0), handler), where no socket was handed over',
        expected="a server with its own listening socket, like any TCPServer",
        why="The same program should run in a terminal, where no socket is opened for it.",
    )
    seen: list[Any] = []

    class Noted(Echo):
        def setup(self) -> None:
            seen.append(self.client_address)

    with case.serving(make(case, ActivatedServer, handler=Noted)) as server:
        want_echo(case, server.server_address)
    case.want(seen, "an answer that didn't come from the handler")


@adopt.check("adopted")
def serves_what_it_was_handed(bench: Bench, ActivatedServer: Any) -> None:
    case = bench.case(
        called="a program of yours, started as systemd does it, and visited with curl",
        expected="an answer at the address of the socket that was handed over, descriptor 3",
        why="LISTEN_FDS=1 says that one socket was handed over, and LISTEN_PID to which process. "
        "Both are text. The first socket is descriptor 3: 0 to 2 are taken.",
    )
    away(case, lambda there, _, server_class: _adopts(there, server_class), ActivatedServer)


def _adopts(case: Case, server_class: Any, family: int = socket.AF_INET) -> None:
    words = f"{{}}; the socket is at descriptor {FIRST}, and LISTEN_FDS only counts"
    with case.in_words(words, only="non-socket"), _started(case, server_class, family) as told:
        own = "; is LISTEN_PID, a text, compared with a number?" if told["sockets"][1:] else ""
        case.want(
            told["handed"] == told["address"],
            f"server_address is {told['address']!r}, and the socket that was handed over is at "
            f"{told['handed']!r}{own}",
        )
        bound = told["bound"]
        case.want(not bound, f"a bind to {bound} as well, an address that may be taken")
        if family != socket.AF_INET:
            name = socket.AddressFamily(told["family"]).name
            case.want(told["family"] == family, f"address_family is {name}")
        _visit(case, told)


@adopt.check("family")
def knows_the_family(bench: Bench, ActivatedServer: Any) -> None:
    case = bench.case(
        called="a program of yours that was handed a listening socket for IPv6, or at a path",
        expected="its address in server_address, its family in address_family, and an answer",
        why="The program that opens a socket chooses its family. Python finds it out by itself "
        "when socket.socket gets nothing but the descriptor.",
    )

    def trial(case: Case, _: Any, server_class: Any) -> None:
        if _has_ipv6():
            _adopts(case, server_class, socket.AF_INET6)
        _adopts(case, server_class, socket.AF_UNIX)

    away(case, trial, ActivatedServer)


@adopt.check("addressee")
def leaves_what_is_for_others(bench: Bench, ActivatedServer: Any) -> None:
    case = bench.case(
        called="a program of yours, started with variables that hand it no socket",
        expected="a server with its own socket, and descriptor 3 left alone",
        why="Children inherit variables that were meant for their parent. What they have at "
        "descriptor 3 may be any file.",
    )

    def trial(case: Case, _: Any, server_class: Any) -> None:
        for variables, what in (
            ({**HANDED, "LISTEN_PID": OTHER}, "the LISTEN_PID of another process"),
            ({"LISTEN_FDS": "1"}, "LISTEN_FDS and no LISTEN_PID"),
            ({"LISTEN_PID": OWN}, "LISTEN_PID and no LISTEN_FDS"),
            ({**HANDED, "LISTEN_FDS": "0"}, "LISTEN_FDS=0"),
        ):
            case = replace(case, called=f"a program of yours, started with {what}")
            _leaves(case, server_class, variables)

    away(case, trial, ActivatedServer)


def _leaves(case: Case, server_class: Any, variables: dict[str, str]) -> None:
    with _started(case, server_class, socket.AF_INET, variables) as told:
        case.want(told["address"] != told["handed"], "a server on the socket at descriptor 3")
        case.want(told.get("has_third"), "descriptor 3 closed, which isn't the server's")
        _visit(case, told)


@adopt.check("children")
def hands_nothing_on(bench: Bench, ActivatedServer: Any) -> None:
    case = bench.case(
        called="a program of yours that was handed a socket, and then starts another program",
        expected="no LISTEN_ variable and no listening socket in the other program",
        why="The socket was for your process alone. A child that still holds it keeps the port "
        "when your server has long gone.",
    )

    def trial(case: Case, _: Any, server_class: Any) -> None:
        with _started(case, server_class) as told:
            left = ", ".join(told["variables"])
            case.want(not left, f"{left} in the other program's environment")
            open_there = told["inheritable"]
            case.want(not open_there, f"a socket, inherited as descriptor {open_there}")

    away(case, trial, ActivatedServer)


@adopt.check("close")
def leaves_nothing_open(bench: Bench, ActivatedServer: Any) -> None:
    case = bench.case(
        called="a program of yours that was handed a socket, and then calls server_close()",
        expected="one socket open before, the one that was handed over, and none afterwards",
        why="TCPServer's constructor makes a socket in any case. If you put another in its place, "
        "close the first.",
    )

    def trial(case: Case, _: Any, server_class: Any) -> None:
        with _started(case, server_class, closes=True) as told:
            sockets, unclosed = told["sockets"], told["unclosed"]
            case.want(
                len(sockets) == 1 and not unclosed,
                f"sockets at the descriptors {sockets}{unclosed} before; is the one closed that "
                "TCPServer's constructor made?",
            )
            left = told["left"]
            case.want(not left, f"a socket still open at descriptor {left} afterwards")

    away(case, trial, ActivatedServer)


@contextmanager
def _started(
    case: Case,
    server_class: Any,
    family: int = socket.AF_INET,
    variables: dict[str, str] = HANDED,
    closes: bool = False,
) -> Iterator[dict[str, Any]]:
    """Start a program for a `with` block, and give what it says of its server."""
    there = case.bench.there
    program = there(Program, server_class, int(family), variables, closes)
    try:
        told = json.loads(there(Program.report, program, PATIENCE) or "null")
        case.want(told, f"no server within {PATIENCE:g} seconds: does the constructor ever end?")
        case.want("error" not in told, told.get("error"))
        # JSON has no tuples, and an address of the internet is one.
        yield {key: tuple(one) if type(one) is list else one for key, one in told.items()}
    finally:
        there(Program.end, program)


def _visit(case: Case, told: dict[str, Any]) -> None:
    """Want the page of the program's process, as curl gets it; or our own client without curl."""
    address = told["address"]
    curl, where = shutil.which("curl"), ["http://localhost/"]
    if isinstance(address, str):
        where += ["--unix-socket", case.bench.seen(address)]
    else:
        host, port = address[:2]
        where = [f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"]
        address = (host, port)
    if curl is None:
        page = case.talk(address, b"GET / HTTP/1.0\r\n\r\n")
    else:
        options = ["-q", "--silent", "--show-error", "--noproxy", "*", "--max-time", f"{PATIENCE}"]
        command, pipe = [curl, *options, *where], subprocess.PIPE
        with subprocess.Popen(command, stdout=pipe, stderr=pipe) as process:
            assert process.stdout is not None and process.stderr is not None
            page = process.stdout.read(MOST)
            process.stdout.close()
            trouble = process.stderr.read(MOST).decode(errors="replace").strip()
        case.want(process.returncode == 0, trouble)
    case.want(page.endswith(b" %d" % told["pid"]), f"{page!r}, which isn't the handler's page")


class Visited(StreamRequestHandler):
    """A page that says in which process it was made."""

    timeout = PATIENCE

    def handle(self) -> None:
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\nprocess %d" % os.getpid())


class Program:
    """A program as systemd starts one: a fork with variables, and a listener at descriptor 3.

    It reports in a line of JSON what its server is like. Then it serves, or `closes` the server.
    """

    def __init__(
        self, server_class: Any, family: int, variables: dict[str, str], closes: bool
    ) -> None:
        self._folder = TemporaryDirectory(dir=short_tempdir())
        places: dict[int, Any] = {socket.AF_INET: ANY_PORT, socket.AF_INET6: ("::1", 0)}
        self._reports, pipe = os.pipe()
        with socket.socket(family) as listener:
            listener.bind(places.get(family, f"{self._folder.name}/door"))
            listener.listen()
            facts = {"handed": listener.getsockname()}
            self._pid = os.fork()
            if self._pid == 0:
                try:
                    _become_a_program(listener.fileno(), pipe, variables)
                    _run(server_class, closes, facts)
                finally:
                    os._exit(0)
        os.close(pipe)

    def report(self, seconds: float) -> str:
        """Return the line in which the program reports, or nothing if none comes in time."""
        ready, _, _ = select.select([self._reports], [], [], seconds)
        return os.read(self._reports, 1 << 16).decode() if ready else ""

    def end(self) -> None:
        """End the program, and take away what it was given."""
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._reports)
        self._folder.cleanup()


REPORT = 4
"""The descriptor in which a program reports."""


def _become_a_program(listener: int, pipe: int, variables: dict[str, str]) -> None:
    """Keep two descriptors of this fork, where a program has them, and no old variable."""
    stop_recording()
    gc.disable()  # what is left of the old program's sockets would close ours, by their numbers
    listener, pipe = (os.dup(os.dup(os.dup(one))) for one in (listener, pipe))
    os.dup2(listener, FIRST)
    os.dup2(pipe, REPORT, inheritable=False)
    os.closerange(REPORT + 1, 1024)
    pids = {OWN: str(os.getpid()), OTHER: str(os.getppid())}
    for name in HANDED:
        os.environ.pop(name, None)
    os.environ.update({name: pids.get(value, value) for name, value in variables.items()})


def _run(server_class: Any, closes: bool, facts: dict[str, Any]) -> None:
    try:
        handed, bound = os.fstat(FIRST), list[str]()
        sys.addaudithook(
            lambda event, args: bound.append(f"{args[1]}") if event == "socket.bind" else None
        )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ResourceWarning)
            server = server_class(ANY_PORT, Visited)
        facts["unclosed"] = "".join(f", one {one.message}" for one in caught)
        facts |= _facts(server) | {"bound": ", ".join(bound)}
        with suppress(OSError):
            facts["has_third"] = os.path.samestat(handed, os.fstat(FIRST))
        if closes:
            server.server_close()
            facts["left"] = _sockets()
    except BaseException as error:
        facts = {"error": describe(error)}
    os.write(REPORT, json.dumps(facts, default=str).encode() + b"\n")
    if "error" not in facts and not closes:
        server.serve_forever()


def _facts(server: Any) -> dict[str, Any]:
    seen = subprocess.run(["env"], stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout
    sockets = _sockets()
    return {
        "pid": os.getpid(),
        "address": server.server_address,
        "family": int(server.address_family),
        "sockets": sockets,
        "inheritable": [one for one in sockets if os.get_inheritable(one)],
        "variables": re.findall("^(LISTEN_.+?)=", seen, re.MULTILINE),
    }


def _sockets() -> list[int]:
    """Return the descriptors of this process that are sockets."""
    found = []
    for number in range(1024):
        with suppress(OSError):
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                found.append(number)
    return found


bugs = EXERCISES["03.2"]

THANKS = b"Thank you for connecting"


@bugs.check("print")
def prints(bench: Bench, Handler: Any) -> None:
    case = bench.case(
        called="Handler, on a server of the bench, with one client",
        expected="Got connection from ('127.0.0.1', <the client's port>), printed",
        why="In Python 3 print is a function, and quotes are straight. getpeername() is the "
        "address at the other end.",
    )
    with case.serving(case.call(TCPServer, ANY_PORT, Handler)) as server:
        case.talk(server.server_address)
    printed = "".join(bench.records.printed)
    host, port = bench.records.clients[-1]
    case.want(
        re.search(rf"Got connection from\W*{re.escape(host)}\b.*\b{port}\b", printed),
        f"{printed.strip() or 'nothing'}, printed to a client at port {port}",
    )


@bugs.check("bytes")
def sends_bytes(bench: Bench, Handler: Any) -> None:
    case = bench.case(
        called="Handler, on a server of the bench, with one client",
        expected=f"{THANKS!r}",
        why="A socket carries bytes: a str must be written as b'...' or encoded, because only "
        "the program knows in which encoding.",
    )
    with case.serving(case.call(TCPServer, ANY_PORT, Handler)) as server:
        got = case.talk(server.server_address)
    case.want(got.strip() == THANKS, f"{got!r}")


@bugs.check("name")
def right_name(bench: Bench, Handler: Any, make_server: Any) -> None:
    case = bench.case(
        called='make_server(("127.0.0.1", 0))',
        expected="a TCPServer that calls Handler for each connection",
        why="Python looks a name up when the line runs, and handler isn't Handler: the error "
        "waits until the server is started.",
    )
    server = case.call(make_server, ANY_PORT)
    case.want(server is not None, "None: does make_server return the server?")
    found = getattr(server, "RequestHandlerClass", None)
    case.want(found is Handler, f"{type(server).__name__} with the handler {found!r}")
    where = [bound for _, bound in bench.records.bound][-1:]
    case.want(
        where == [ANY_PORT], f"a server bound to {where}, and not to the address it was given"
    )


@bugs.check("serve")
def serves(bench: Bench, run: Any) -> None:
    case = bench.case(
        called="run(server), with two clients in turn, then server.shutdown()",
        expected="both clients answered, and run() back after the shutdown",
        why="The loop is called serve_forever. Attributes, too, are looked up only when the line "
        "runs.",
    )
    server = bench.there(TCPServer, ANY_PORT, Echo)  # of the bench, so that only `run` is on trial
    with case.serving(server, lambda: run(server)):
        for message in (b"one", b"two"):
            got = case.talk(server.server_address, message)
            case.want(got == message, f"{got!r} for {message!r}")


use = EXERCISES["03.3"]

HELLO = "Hello from your own server"


@use.check("page")
def shows_page(bench: Bench, open_page: Any) -> None:
    case = bench.case(
        called='open_page(("127.0.0.1", 0)), visited by urllib',
        expected=f"{HELLO!r}",
        why="urllib knows nothing of this course. It wants a status line, an empty line and the "
        "text, in bytes.",
    )
    server = case.call(open_page, ANY_PORT)
    case.want(server is not None, "None: does open_page return the server?")
    with case.serving(server):
        got = fetch_from(case, server).text
        case.want(got.strip() == HELLO, f"{got!r}")


@use.check("page")
def waits_for_the_empty_line(bench: Bench, open_page: Any) -> None:
    case = bench.case(
        called="Page, for a client who sends ten lines, and the empty line a bit later",
        expected="no answer before the empty line, then the page",
        why="A stream has no messages: the request may come in pieces. An empty line ends it.",
    )
    early = b""
    with (
        case.serving(case.call(open_page, ANY_PORT)) as server,
        connect(server.server_address) as client,
    ):
        client.sendall(b"GET / HTTP/1.0\r\n" + b"X-Line: more\r\n" * 9)
        client.settimeout(0.1)
        with suppress(OSError):
            early = client.recv(4096)
        case.want(not early, f"{early!r} before the request was complete")
        with suppress(OSError):
            client.sendall(b"\r\n")
        late = rest_of(client)
    case.want(
        HELLO.encode() in late,
        f"{late!r} when the empty line had come: how many lines does Page wait for?",
    )
    want_line_ends(case, late)


@use.check("restart")
def restarts(bench: Bench, open_page: Any) -> None:
    case = bench.case(
        called="open_page(address), after a server at that address hung up first and was closed",
        expected="SO_REUSEADDR set before the bind, and a server that listens",
        why="Connections that the server closed first are remembered at its port for a while. The "
        "option makes bind overlook them, if old and new listener both have it.",
    )
    first = case.call(open_page, ANY_PORT)
    wanted = getattr(first, "allow_reuse_address", False)
    case.want(
        _reuses(first) or not wanted,
        "allow_reuse_address is True, and SO_REUSEADDR off: it was set on the object, when the "
        "constructor had bound already",
    )
    case.want(_reuses(first), f"SO_REUSEADDR off, as allow_reuse_address is {wanted}")
    where = first.server_address
    with case.serving(first):
        case.talk(where, b"GET / HTTP/1.0\r\n\r\n")
    second = case.call(open_page, where)
    case = bench.case(
        called="open_page(address), while another server listens there",
        expected="OSError (Address already in use)",
        why="SO_REUSEADDR is about remembered connections. No server should share its port with "
        "a stranger that is alive.",
    )
    with case.serving(second), suppress(OSError):
        open_page(where)
        case.fail("a second listener on the same port: is allow_reuse_port on?")


@use.check("again")
def again(bench: Bench, visit: Any) -> None:
    case = bench.case(
        called="visit(fetch), again and again, and once more while one is under way",
        expected="what fetch returned, each time, and nothing left: no listener, no thread",
        why="A cell is run many times. Port 0 is free each time; a listener or a thread left "
        "behind is in the way of the next run.",
    )
    loops: list[threading.Thread] = []
    urls: list[str] = []

    def note(url: str) -> str:
        urls.append(url)
        text = fetch(url).text
        loops.extend(bench.there(_loops, bench.records))
        return text

    def visit_within(url: str) -> Any:
        return note(url), visit(note)

    def call(one: Callable[[str], Any]) -> Any:
        try:
            return case.call(lambda: in_foreground(lambda: visit(one)))
        except CaseError as failure:
            taken = getattr(failure.__cause__, "errno", 0) == errno.EADDRINUSE
            case.want(not taken, f"{failure.got}. Does visit use the same port each time?")
            raise

    got = [call(note), call(note), *(call(visit_within) or ())]
    told = [text.strip() if isinstance(text, str) else text for text in got]
    case.want(None not in told, "None: does visit return what fetch returned?")
    case.want(told == [HELLO] * 4, f"{told}")
    for url in urls:
        is_url = re.fullmatch(r"http://(127\.0\.0\.1|localhost):\d+/?", url, re.IGNORECASE)
        case.want(is_url, f"fetch({url!r}), which isn't of the form http://host:port/")
    _want_free_ports(case)
    _want_nothing_left(case, loops)


def _loops(records: Records) -> list[threading.Thread]:
    """Return the threads that are in a serve_forever, begun since the check began."""
    frames = sys._current_frames()
    return [
        thread
        for thread in threading.enumerate()
        if thread not in records.before and thread.ident in frames
        if any(
            frame.f_code.co_name == "serve_forever" for frame, _ in walk_stack(frames[thread.ident])
        )
    ]


def _want_free_ports(case: Case) -> None:
    chosen = [
        where for _, where in case.bench.records.bound if isinstance(where, tuple) and where[1]
    ]
    case.want(not chosen, f"a bind to {chosen and chosen[0]}, a port that was chosen beforehand")


def _want_nothing_left(case: Case, loops: list[threading.Thread]) -> None:
    left = [sock for sock, _ in case.bench.records.bound if sock.fileno() != -1]
    case.want(not left, "a listener that is still open: shutdown() doesn't close it")
    case.want(
        all(thread.daemon for thread in loops),
        "a loop in a thread that is no daemon: until it's stopped, Python can't exit",
    )
    for thread in loops:
        thread.join(PATIENCE)
        case.want(not thread.is_alive(), "serve_forever() goes on: was it stopped?")


@use.check("error")
def closes_after_an_error(bench: Bench, visit: Any) -> None:
    case = bench.case(
        called="visit(fetch), with a fetch that raises ValueError",
        expected="that ValueError, and nothing left: no listener, no thread",
        why="What a cell opens it must close, even when its middle fails. Use with, or finally.",
    )
    loops: list[threading.Thread] = []

    def fails(url: str) -> None:
        fetch(url)
        loops.extend(bench.there(_loops, bench.records))
        raise ValueError("no such page")

    none = "no error: the caller doesn't learn that fetch failed"
    error = case.error_of(visit, fails, none=none)
    case.want(isinstance(error, ValueError), describe(error), alone=True)
    _want_nothing_left(case, loops)


predict = EXERCISES["03.4"]


class Reusing(TCPServer):
    """A server that may come back at once."""

    allow_reuse_address = True


@predict.prediction(
    "comes back",
    expected="True where a new server can listen on the port at once, in four cases",
    why="'Address already in use' has two causes: connections that are remembered, because "
    "the server hung up first, and a listener that is alive. The option is for the first.",
    misread=(
        "The side that hangs up first remembers the connection. Here that's the client.",
        "The server hung up first, so its port remembers the connection for a while.",
        "SO_REUSEADDR overlooks remembered connections.",
        "SO_REUSEADDR doesn't take a port away from a listener that is alive.",
    ),
)
def comes_back() -> list[Any]:
    real = [
        _listens_again(TCPServer, server_first=False),
        _listens_again(TCPServer, server_first=True),
        _listens_again(Reusing, server_first=True),
    ]
    with Reusing(ANY_PORT, Echo) as alive:
        real.append(_can_listen(Reusing, alive.server_address))
    return real


def _listens_again(server_class: Any, server_first: bool) -> bool:
    with server_class(ANY_PORT, Echo) as old:
        client = connect(old.server_address)
        request, _ = old.get_request()
        request.settimeout(PATIENCE)
        first, second = (request, client) if server_first else (client, request)
        first.close()
        second.recv(1)  # returns when the other end has hung up
        second.close()
    return _can_listen(server_class, old.server_address)


def _can_listen(server_class: Any, where: Any) -> bool:
    try:
        server_class(where, Echo).server_close()
    except OSError:
        return False
    return True


@predict.prediction(
    "option",
    expected="True where the socket has SO_REUSEADDR, in three cases",
    why="The switch is looked at once, when the server binds.",
    misread=(
        "The class is the right place: the constructor sees it before it binds.",
        "The constructor has bound already; the switch on the object comes too late.",
        "Nothing was bound yet when the switch was set.",
    ),
)
def reuses() -> list[Any]:
    with (
        Reusing(ANY_PORT, Echo) as one,
        TCPServer(ANY_PORT, Echo) as two,
        TCPServer(ANY_PORT, Echo, bind_and_activate=False) as three,
    ):
        two.allow_reuse_address = three.allow_reuse_address = True
        three.server_bind()
        return [_reuses(server) for server in (one, two, three)]


@predict.prediction(
    "endings",
    expected="True where a client can connect: after shutdown(), after server_close()",
    why="shutdown() ends the loop, server_close() gives back the socket.",
    misread=(
        "shutdown() doesn't close the listener, and the kernel connects without the loop.",
        "No program listens there any longer.",
    ),
)
def connects() -> list[Any]:
    server = TCPServer(ANY_PORT, Echo)
    loop = begin(server.serve_forever)
    server.shutdown()
    loop.join(PATIENCE)
    real = [_connects(server.server_address)]
    server.server_close()
    real.append(_connects(server.server_address))
    return real


def _connects(where: Any) -> bool:
    try:
        connect(where).close()
    except OSError:
        return False
    return True


class Narrow(TCPServer):
    """Has a short queue, and keeps its connections open."""

    request_queue_size = 1

    def shutdown_request(self, request: Any) -> None:
        """Leave it open."""


@predict.prediction(
    "served",
    expected="a list of one number: how many of ten clients, who all stay, are served",
    why="request_queue_size is the backlog of listen: how many wait to be accepted. A server "
    "that accepts promptly empties that queue all the time.",
    misread=("request_queue_size doesn't limit the clients.",),
)
def served() -> list[Any]:
    answers = 0
    with running(Narrow(ANY_PORT, Echo), PATIENCE) as server, ExitStack() as stack:
        for _ in range(10):
            client = stack.enter_context(connect(server.server_address))
            client.sendall(b"ahoy")
            answers += client.recv(100) == b"ahoy"
    return [answers]


@predict.check("full queue")
def full_queue(bench: Bench, full_queue: Any) -> None:
    case = bench.case(
        called="full_queue, beside a real run"
        if sys.platform == "linux"
        else "full_queue, beside what Linux does (this system may differ)",
        expected='for the first and for the tenth client "connected", "refused" or "waits"',
        why="The kernel connects clients until the queue is full. On Linux the others get no "
        "answer, and try again until their own time limit. 'Refused': no program listens.",
    )
    real = _full_queue() if sys.platform == "linux" else ["connected", "waits"]
    compare(
        case,
        full_queue,
        real,
        (
            "The kernel connects clients by itself, though the server never looks.",
            "A full queue refuses no client, though the documentation of socketserver says "
            "'connection denied'."
            if full_queue[1:] == ["refused"]
            else "The queue is full by then.",
        ),
    )


def _full_queue() -> list[str]:
    with Narrow(ANY_PORT, Echo) as server, ExitStack() as stack:
        clients = [stack.enter_context(socket.socket()) for _ in range(10)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(server.server_address)
        time.sleep(0.2)
        return [_outcome(client) for client in (clients[0], clients[-1])]


def _outcome(client: socket.socket) -> str:
    _, ready, _ = select.select([], [client], [], 0)
    if not ready:
        return "waits"
    failed = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return "refused" if failed else "connected"
