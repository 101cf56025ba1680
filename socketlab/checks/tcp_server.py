"""Checks of chapter 03: a TCPServer of one's own, and five bugs to find."""

import errno
import socket
import struct
from contextlib import suppress
from typing import Any

from minisocketserver import BaseRequestHandler, TCPServer

from ..running import within
from . import room
from .core import Exercise
from .room import serving, talk
from .step import PATIENCE, NotYet, Step, describe

ANY_PORT = ("127.0.0.1", 0)

build = Exercise(
    "03.1",
    title="Build a TCPServer",
    kind="build",
    level=2,
    names=("TCPServer",),
    hints=(
        "Three calls make a listener: bind, then ask the socket for its name, then listen. "
        "One class attribute, asked before the bind, decides about SO_REUSEADDR. get_request is "
        "one line: what does accept return? server_close closes what __init__ has made.",
        "Wrap bind and listen in try: ... except BaseException: close the socket, then raise "
        "again. shutdown_request has two calls: shutdown(socket.SHUT_WR), which may raise OSError "
        "where the client has gone, then close_request.",
        "In __init__, inside try: if self.allow_reuse_address: self.socket.setsockopt("
        "socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); self.socket.bind(server_address); "
        "self.server_address = self.socket.getsockname(); self.socket.listen(); then except "
        "BaseException: self.socket.close(); raise. In get_request: return self.socket.accept(). "
        "In shutdown_request: try request.shutdown(socket.SHUT_WR), except OSError: pass; then "
        "self.close_request(request). In server_close: self.socket.close().",
    ),
)


class Echo(BaseRequestHandler):
    """Sends back what one read gives."""

    def handle(self) -> None:
        self.request.sendall(self.request.recv(1024))


class HeldEcho(Echo):
    """Keeps a second descriptor of the connection open, as a forked process would."""

    def finish(self) -> None:
        self.server.held.append((self.request, self.request.dup()))


def make(step: Step, server_class: Any, address: Any = ANY_PORT, handler: Any = Echo) -> Any:
    """Return the learner's server, made as every program makes one."""
    return step.call(server_class, address, handler)


@build.part("address", 2, "One tuple goes in, and the port you really got comes out.")
def address(server_class: Any) -> None:
    step = Step(
        called='TCPServer(("127.0.0.1", 0), Echo)',
        expected="a server listening on a port the system chose, told by server_address",
        why="IP and port travel as one tuple; port 0 means: system, choose a free one. Only the "
        "bound socket knows which it was.",
    )
    try:
        server = make(step, server_class)
    except NotYet as not_yet:
        if isinstance(not_yet.__cause__, TypeError) and "positional" in not_yet.came:
            step.fail(
                f"{not_yet.came}; does it take host and port as two arguments?", not_yet.__cause__
            )
        raise
    bound = [where for _, where in room.records.bound]
    step.want(bound, "a server whose socket was never bound")
    step.want(
        not any(isinstance(where, tuple) and where[1] for where in bound),
        f"a bind to {bound[-1]}: a port found beforehand may be taken by the time you bind it",
    )
    told: Any = getattr(server, "server_address", None)
    step.want(
        isinstance(told, tuple) and len(told) == 2,
        f"server_address is {told!r}, not a tuple of host and port",
    )
    step.want(told[1] != 0, f"server_address is still {told!r}: nobody can connect to port 0")
    with serving(step, server):
        got = talk(step, told, b"ping")
        step.want(got == b"ping", f"{got!r} back for b'ping'{room.records.trouble()}")


@build.part("connections", 2, "Each client gets a connection of its own, one after the other.")
def connections(server_class: Any) -> None:
    step = Step(
        called="get_request(), by serve_forever, for three clients in turn",
        expected="the pair (connected socket, client address), and each client its own answer",
        why="accept() gives a new socket for each client; the handler talks over that one. The "
        "address is only a name tag, and addr[1] a port number.",
    )
    seen: list[tuple[Any, Any]] = []

    class Noted(Echo):
        def setup(self) -> None:
            seen.append((self.request, self.client_address))

    with serving(step, make(step, server_class, handler=Noted)) as server:
        for message in (b"one", b"two", b"three"):
            try:
                got = talk(step, server.server_address, message)
            finally:  # the cause, told in place of a client's broken connection
                _want_pairs(step, seen)
            step.want(got == message, f"{got!r} for {message!r}{room.records.trouble()}")


def _want_pairs(step: Step, seen: list[tuple[Any, Any]]) -> None:
    for request, client_address in seen:
        step.want(
            isinstance(request, socket.socket) and isinstance(client_address, tuple),
            f"a request of type {type(request).__name__} with the client address "
            f"{client_address!r}; did addr[1], a port number, get taken for a socket?",
        )


@build.part("restart", 2, "A server with allow_reuse_address can come back at once.")
def restart(server_class: Any) -> None:
    step = Step(
        called="TCPServer(...) with allow_reuse_address = True on the class, closed, made again",
        expected="SO_REUSEADDR set on the socket before bind, and only if the class says so",
        why="Connections that the server closed first linger in TIME_WAIT; without the option the "
        "next bind fails with 'Address already in use'. The constructor binds, so it must look.",
    )
    reusing = _with_reuse(server_class, True)
    first = make(step, reusing)
    step.want(_reuses(first), "SO_REUSEADDR is off: the class attribute was not looked at")
    with serving(step, first):
        talk(step, first.server_address, b"ping")  # the server closes first
    try:
        second = reusing(first.server_address, Echo)
    except OSError as error:
        step.want(
            error.errno != errno.EADDRINUSE,
            f"{describe(error)}; was the option set only after bind?",
        )
        step.fail(describe(error), error)
    step.call(second.server_close)
    for plain in (server_class, _with_reuse(server_class, False)):
        step.want(
            not _reuses(make(step, plain)),
            f"SO_REUSEADDR is on although allow_reuse_address is {plain.allow_reuse_address}",
        )


def _with_reuse(server_class: Any, wanted: bool) -> Any:
    return type("TCPServer", (server_class,), {"allow_reuse_address": wanted})


def _reuses(server: Any) -> bool:
    return bool(server.socket.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR))


@build.part("bind error", 2, "A failed start leaves nothing open.")
def bind_error(server_class: Any) -> None:
    with socket.socket() as taken:
        taken.bind(ANY_PORT)
        taken.listen()
        step = Step(
            called=f"TCPServer({taken.getsockname()}, Echo), a port that somebody listens on",
            expected="OSError (Address already in use), and the new socket closed",
            why="The caller gets no server, so nobody else can close its socket: a program that "
            "tries again and again runs out of descriptors.",
        )
        before = len(room.records.sockets)
        try:
            server = within(PATIENCE, lambda: server_class(taken.getsockname(), Echo), step.called)
        except OSError:
            left = [sock for sock in room.records.sockets[before:] if sock.fileno() != -1]
            step.want(not left, "OSError, and the socket that could not be bound is still open")
            return
        except BaseException as error:
            step.fail(describe(error), error)
        where = getattr(server, "server_address", None)
        step.fail(f"no error, and a server that says its address is {where!r}")


@build.part("goodbye", 2, "The client hears the end, whoever else still holds the connection.")
def goodbye(server_class: Any) -> None:
    step = Step(
        called="shutdown_request(request), after handle(), while a copy of the connection is open",
        expected="shutdown(SHUT_WR) first, so that the client reads its end, then close",
        why="close() alone ends only this descriptor: with a forked child holding another, the "
        "client would wait for ever.",
    )
    server = make(step, server_class, handler=HeldEcho)
    server.held = []
    with serving(step, server):
        try:
            got = talk(step, server.server_address, b"ping")
        except NotYet as not_yet:
            step.want("no end" not in not_yet.came, f"no SHUT_WR: the client got {not_yet.came}")
            raise
        step.want(got == b"ping", f"{got!r} back for b'ping'{room.records.trouble()}")
    step.want(server.held, "a connection that no handler ever saw")
    step.want(
        all(request.fileno() == -1 for request, _ in server.held),
        "the end, but the request's socket is still open: close_request was not called",
    )
    _says_goodbye_to_nobody(server)


def _says_goodbye_to_nobody(server: Any) -> None:
    step = Step(
        called="shutdown_request(request), for a client who has broken the connection off",
        expected="no error, and the request's socket closed",
        why="On a network clients go when they like. shutdown(SHUT_WR) then raises OSError, and "
        "the socket has to be closed all the same.",
    )
    with socket.create_server(ANY_PORT) as listener:
        with socket.create_connection(listener.getsockname(), PATIENCE) as client:
            request, _ = listener.accept()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        step.call(server.shutdown_request, request)
        step.want(request.fileno() == -1, "no error, but the request's socket is still open")


@build.part("close", 1, "After server_close() the port is free.")
def close(server_class: Any) -> None:
    step = Step(
        called="server_close()",
        expected="the listening socket closed: a new client is refused",
        why="shutdown() only stops the loop. The listener stays, and holds the port, until "
        "server_close() closes it.",
    )
    server = make(step, server_class)
    where = server.server_address
    with serving(step, server):
        talk(step, where, b"ping")
    with suppress(ConnectionRefusedError):
        socket.create_connection(where, PATIENCE).close()
        step.fail(f"a connection to {where}: the listener is still open")


bugs = Exercise(
    "03.2",
    title="Find the five bugs",
    kind="find the bug",
    level=1,
    names=("Handler", "make_server", "run"),
    hints=(
        "Run the cell and read the last line of the error: it names the line. Repair that, "
        "run again; there are five faults, and Python sees only two of them before it runs.",
        "Two faults are the age of the program: print is a function now, and a network carries "
        "bytes. One is a word processor's doing. Two are names spelled differently elsewhere.",
        'print("Got connection from", addr) with straight quotes; '
        'self.wfile.write(b"Thank you for connecting"); TCPServer(address, Handler); '
        "server.serve_forever().",
    ),
)

THANKS = b"Thank you for connecting"


@bugs.part("print", 2, "It parses, and says who called.")
def prints(handler: Any, make_server: Any, run: Any) -> None:
    step = Step(
        called="Handler, on a server of the bench, with one client",
        expected="Got connection from ('127.0.0.1', <the client's port>), printed",
        why="In Python 3 print is a function, and quotes are straight. getpeername() is the "
        "address at the other end.",
    )
    with serving(step, step.call(TCPServer, ANY_PORT, handler)) as server:
        talk(step, server.server_address)
    printed = "".join(room.records.printed)
    port = room.records.clients[-1][1]
    step.want(
        "Got connection from" in printed and str(port) in printed,
        f"{printed.strip() or 'nothing'}, printed to a client at port {port}"
        f"{room.records.trouble()}",
    )


@bugs.part("bytes", 1, "Bytes on the wire.")
def sends_bytes(handler: Any, make_server: Any, run: Any) -> None:
    step = Step(
        called="Handler, on a server of the bench, with one client",
        expected=f"{THANKS!r}",
        why="A socket carries bytes: a str must be written as b'...' or encoded, because only "
        "the program knows in which encoding.",
    )
    with serving(step, step.call(TCPServer, ANY_PORT, handler)) as server:
        got = talk(step, server.server_address)
    step.want(got.strip() == THANKS, f"{got!r}{room.records.trouble()}")


@bugs.part("name", 1, "The server knows its handler.")
def right_name(handler: Any, make_server: Any, run: Any) -> None:
    step = Step(
        called='make_server(("127.0.0.1", 0))',
        expected="a TCPServer that calls Handler for each connection",
        why="Python looks a name up when the line runs, and handler is not Handler: the error "
        "waits until somebody starts the server.",
    )
    server = step.call(make_server, ANY_PORT)
    step.want(server is not None, "None: does make_server return the server?")
    found = getattr(server, "RequestHandlerClass", None)
    step.want(found is handler, f"{type(server).__name__} with the handler {found!r}")


@bugs.part("serve", 1, "It serves until it is told to stop.")
def serves(handler: Any, make_server: Any, run: Any) -> None:
    step = Step(
        called="run(server), with two clients in turn, then server.shutdown()",
        expected="both clients answered, and run() back after the shutdown",
        why="The loop is called serve_forever. Attributes, too, are looked up only when the line "
        "runs.",
    )
    server = TCPServer(ANY_PORT, Echo)  # of the bench, so that only `run` is on trial
    with serving(step, server, lambda: run(server)):
        for message in (b"one", b"two"):
            got = talk(step, server.server_address, message)
            step.want(got == message, f"{got!r} for {message!r}{room.records.trouble()}")
