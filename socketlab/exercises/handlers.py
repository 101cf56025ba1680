"""Checks of chapter 08: the three handlers, framed messages, five complaints."""

import array
import io
import logging
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from itertools import pairwise
from logging.handlers import SocketHandler
from multiprocessing.connection import Client
from types import SimpleNamespace
from typing import Any

import minisocketserver

from ..checks.bench import Bench
from ..checks.case import ANY_PORT, PATIENCE, Case, begin, soon
from ..checks.clients import dial, drip
from ..checks.core import load
from ..checks.datagrams import postbox, sendto_in_words
from ..checks.hooks import ServerMixin

EXERCISES = load(__file__)
chapter = EXERCISES["08"]


class Line(minisocketserver.TCPServer):
    """A server whose connections have a time limit, so that one send may send a part only."""

    begun: threading.Event
    taken: Any
    eager = False

    def get_request(self) -> tuple[Any, Any]:
        self.taken, client_address = super().get_request()
        self.taken.settimeout(2 * PATIENCE)
        if self.eager:
            self.taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        return self.taken, client_address

    def process_request(self, request: Any, client_address: Any) -> None:
        self.begun.set()
        super().process_request(request, client_address)


def make(bench: Bench, handler: Any, **extra: Any) -> Any:
    """Return a server of the bench with these attributes."""
    return bench.there(_make, Line, handler, extra)


def _make(server_class: type[Line], handler: Any, extra: dict[str, Any]) -> Line:
    server = server_class(ANY_PORT, handler)
    server.begun = threading.Event()
    vars(server).update(extra)
    return server


def visited(case: Case, handler: Any, message: bytes = b"", **extra: Any) -> Any:
    """Return a server of the bench that has served one client with this handler."""
    server = make(case.bench, handler, **extra)
    with case.serving(server):
        case.talk(server.server_address, message)
    return server


def hear(client: Any, seconds: float | None = None) -> bytes | None:
    """Return what comes next, b"" for the end; None if nothing comes in time."""
    client.settimeout(PATIENCE if seconds is None else seconds)
    try:
        return bytes(client.recv(4096))
    except TimeoutError:
        return None
    except OSError:
        return b""


def say(client: Any, data: bytes) -> None:
    """Send, to a server that may have hung up."""
    with suppress(OSError):
        client.sendall(data)


def hang_up(client: Any, how: int = socket.SHUT_WR) -> None:
    """Say that nothing more will come, to a server that may have hung up itself."""
    with suppress(OSError):
        client.shutdown(how)


def break_off(client: Any) -> None:
    """Close a connection without its end: with a time to linger of 0, it is reset."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def error_of(bench: Bench, kind: type[BaseException]) -> bool:
    """Tell whether the server has met such an exception."""
    return any(isinstance(error, kind) for error in bench.records.errors)


class Noting:
    """Notes the steps of a handler on its server; one of them may fail."""

    server: Any
    failing = ""
    error: type[BaseException] = ValueError

    def setup(self) -> None:
        self._note("setup")

    def handle(self) -> None:
        self._note("handle")

    def finish(self) -> None:
        self._note("finish")

    def _note(self, name: str) -> None:
        self.server.calls.append(name)
        getattr(super(), name)()
        if name == self.failing:
            raise self.error(f"{name} failed")


def noting(bench: Bench, base: Any, failing: str) -> Any:
    """Return a handler class that notes its steps on the server, one of them failing."""
    return bench.subclass(Noting, base, failing=failing)


@chapter.check("three steps")
def steps(bench: Bench, BaseRequestHandler: Any) -> None:
    case = bench.case(
        called="BaseRequestHandler(request, client_address, server), by a server",
        expected="the calls setup, handle, finish",
        why="The server makes the handler and doesn't keep it, so everything it's to do has to be "
        "done while it's being made.",
    )
    server = visited(case, noting(bench, BaseRequestHandler, ""), calls=[])
    case.want(
        server.calls, "no call at all: does __init__ call the steps, on self and with parentheses?"
    )
    case.want(server.calls == ["setup", "handle", "finish"], f"{server.calls}")
    case.want(not bench.records.errors, "an exception")
    _fails(bench, "handle", ["setup", "handle", "finish"], BaseRequestHandler)
    _fails(bench, "setup", ["setup"], BaseRequestHandler)
    _leaves(bench, BaseRequestHandler)


KEPT = ["request", "client_address", "server", "connection", "rfile", "wfile", "packet", "socket"]


def kept_on_class(handler: Any, request: Any) -> tuple[str, ...]:
    """Make a handler; return the names of what it has put on its class."""
    before = [getattr(handler, name, None) for name in KEPT]
    handler(request, ("127.0.0.1", 1), object())
    after = [getattr(handler, name, None) for name in KEPT]
    return tuple(
        name for name, *two in zip(KEPT, before, after, strict=True) if two[0] is not two[1]
    )


def want_on_self(case: Case, handler: Any, request: Any) -> None:
    """Want nothing of a handler kept on its class."""
    names = case.bench.there(kept_on_class, handler, request)
    case.want(
        not names,
        f"{' and '.join(names)} kept on the class: with threads there are many handlers at the "
        "same time, and all of them would have the last one's",
        alone=True,
    )


def _leaves(bench: Bench, base: Any) -> None:
    case = bench.case(
        called="BaseRequestHandler(...), with a handle() that calls sys.exit()",
        expected="the calls setup, handle, finish, and the SystemExit goes on",
        why="SystemExit isn't an Exception, so an except for those never sees it. For what has to "
        "run in any case, Python has its own word.",
    )
    leaving = bench.subclass(Noting, base, failing="handle", error=SystemExit)
    calls, went_on = bench.there(_made_by_hand, leaving)
    case.want(calls == ("setup", "handle", "finish"), f"{list(calls)}")
    case.want(went_on, "no SystemExit: the exception was swallowed")


def _made_by_hand(handler: Any) -> tuple[tuple[str, ...], bool]:
    """Make a handler; return the calls of its steps, and whether it left with SystemExit."""
    server = SimpleNamespace(calls=[])
    try:
        handler(None, None, server)
    except SystemExit:
        return tuple(server.calls), True
    return tuple(server.calls), False


def _fails(bench: Bench, failing: str, wanted: list[str], base: Any) -> None:
    case = bench.case(
        called=f"BaseRequestHandler(...), with a {failing}() that raises ValueError",
        expected=f"the calls {', '.join(wanted)}, and the ValueError for the server",
        why="Whatever setup borrowed, finish gives back, however handle ends. Without a setup "
        "there's nothing to finish, and the server can only report errors that reach it.",
    )
    server = visited(case, noting(bench, base, failing), calls=[])
    case.want(
        not (failing == "handle" and "finish" not in server.calls),
        f"{server.calls}: handle failed, and finish did not run",
        alone=True,
    )
    case.want(
        not (failing == "setup" and "finish" in server.calls),
        f"{server.calls}: setup failed, and finish ran all the same. Is setup inside the try?",
        alone=True,
    )
    case.want(server.calls == wanted, f"{server.calls}", alone=True)
    case.want(error_of(bench, ValueError), "no ValueError: the exception was swallowed")


class Lengths:
    """Answers each line with its length."""

    def handle(self: Any) -> None:
        for line in self.rfile:
            self.wfile.write(b"%d letters\n" % len(line.rstrip(b"\r\n")))


class WritesAtOnce:
    """Has a wfile without a buffer, so that an answer is seen as soon as it is written."""

    def setup(self: Any) -> None:
        super().setup()  # type: ignore[misc]
        self.wfile = minisocketserver._SocketWriter(self.connection)


class ClosesItsFile:
    """Sends what is left in wfile when it is done, whether or not its parent does."""

    def finish(self: Any) -> None:
        super().finish()  # type: ignore[misc]
        with suppress(OSError):
            self.wfile.close()


@chapter.check("lines")
def answers_each_line(bench: Bench, Lengths: Any) -> None:
    case = bench.case(
        called=r"Lengths, sent 'Hel', 'lo\nWo', 'rld\r\n' and then the end",
        expected="b'5 letters. 5 letters. ', one answer for each line",
        why="The stream is cut anywhere, but a line ends at its line break. rfile keeps what "
        "belongs to the next one, for a handler that takes it line by line.",
    )
    handler = bench.subclass(ClosesItsFile, Lengths)
    with case.serving(make(bench, handler)) as server, dial(case, server) as client:
        say(client, b"Hel")
        early = hear(client, 0.2)
        case.want(not early, f"{early!r} for b'Hel': the pieces were counted, not the lines")
        for piece in (b"lo\nWo", b"rld\r\n"):
            say(client, piece)
            time.sleep(0.01)
        hang_up(client)
        got = _answer_of(case, client)
        for wrong, question in _MISREAD_LINES.items():
            case.want(got != wrong, f"{wrong!r}: {question}")
        case.want(got or bench.records.errors, "no answer: does handle write to self.wfile?")
        case.want(got, "no answer")
        case.want(got == b"5 letters. 5 letters. ", f"{got!r}")
        case.want(not bench.records.errors, "an exception")


@chapter.check("lines")
def answers_an_empty_line(bench: Bench, Lengths: Any) -> None:
    case = bench.case(
        called=r"Lengths, sent 'Hello\n\nWorld\n' and then the end",
        expected="b'5 letters. 0 letters. 5 letters. '",
        why="An empty line is a line, of no letters. It still has its line break when you get it; "
        "b'', with none, means the end of the stream.",
    )
    handler = bench.subclass(ClosesItsFile, Lengths)
    with case.serving(make(bench, handler)) as server, dial(case, server) as client:
        say(client, b"Hello\n\nWorld\n")
        hang_up(client)
        got = _answer_of(case, client)
    leaves = f"{got!r}: does the loop take the empty line for the end?"
    case.want(got != b"5 letters. ", leaves)
    case.want(got != b"5 letters. 5 letters. ", f"{got!r}, and nothing for the empty line")
    case.want(got == b"5 letters. 0 letters. 5 letters. ", f"{got!r}")


@chapter.check("lines")
def answers_while_the_client_waits(bench: Bench, Lengths: Any) -> None:
    case = bench.case(
        called=r"Lengths, sent 'Hello\n' by a client that waits, with a wfile that has no buffer",
        expected="b'5 letters. ' while the client waits",
        why="The client may wait for its answer before it says more. Reading all of the stream "
        "first would have each wait for the other.",
    )
    handler = bench.subclass(WritesAtOnce, Lengths)
    with case.serving(make(bench, handler)) as server, dial(case, server) as client:
        say(client, b"Hello\n")
        got = hear(client)
        hang_up(client)
    case.want(
        got,
        "no answer while the client waits: does handle read to the end before it writes?",
    )


def _answer_of(case: Case, client: Any) -> bytes:
    """Return all that comes until the end, and fail where there is no end to it."""
    got = b""
    client.settimeout(PATIENCE)
    with suppress(OSError):
        while len(got) < ENDLESS and (data := client.recv(4096)):
            got += data
    end = "..., and no end: does the loop stop when readline gives b''?"
    case.want(len(got) < ENDLESS, f"{got[:50]!r}{end}", alone=True)
    return got


ENDLESS = 10_000
"""Bytes that no answer to a few short lines has."""

_MISREAD_LINES = {
    b"3 letters. 5 letters. 3 letters. ": "the pieces were counted, not the lines",
    b"3 letters. 5 letters. 5 letters. ": "the pieces were counted, not the lines",
    b"5 letters.5 letters.": "is there a space at the end of each answer?",
    b"5 letters5 letters": "is there a full stop and a space at the end of each answer?",
    b"6 letters. 7 letters. ": "is the line break counted as well?",
    b"5 letters. 6 letters. ": "a line may end in two bytes, b'\\r\\n'",
    b"5 letters. ": "the first line alone. handle runs once for each connection, so it must loop",
    b"13 letters. ": "the whole stream was counted. Did read() wait for its end?",
    b"11 letters. ": "the whole stream was counted. Did read() wait for its end?",
    b"10 letters. ": "the whole stream was counted. Did read() wait for its end?",
}


@chapter.check("buffers")
def opens_files_of_bytes(bench: Bench, StreamRequestHandler: Any) -> None:
    case = bench.case(
        called="StreamRequestHandler(request, client_address, server), with this setup",
        expected="self.rfile and self.wfile, two open files of bytes",
        why="A connection carries bytes, so makefile opens its files with the modes 'rb' and 'wb'. "
        "_SocketWriter is a class: calling it makes the file.",
    )
    wrong = case.call(_wrong_file, StreamRequestHandler)
    case.want(not wrong, wrong, alone=True)


def _wrong_file(handler: Any) -> str:
    client, request = socket.socketpair()
    with client, request:
        made = handler(request, "by hand", None)
        for name in ("rfile", "wfile"):
            file = getattr(made, name, None)
            if file is None:
                return f"no self.{name}: is the file kept on self?"
            if isinstance(file, type):
                return f"self.{name} is the class {file.__name__}: is it called, with a connection?"
            if isinstance(file, io.TextIOBase):
                return f"self.{name} is a file of text: is there a b in its mode?"
    return ""


@chapter.check("buffers")
def lines(bench: Bench, StreamRequestHandler: Any) -> None:
    case = bench.case(
        called="a StreamRequestHandler that answers each line of rfile through wfile",
        expected="b'5 letters' for each of two words, at once, however the stream was cut",
        why="rfile puts the pieces of a stream together. With wbufsize = 0 a write leaves at "
        "once: a client that waits for its answer sends nothing more.",
    )
    handler = bench.subclass(Lengths, StreamRequestHandler)
    with case.serving(make(bench, handler)) as server, dial(case, server) as client:
        for pieces in ((b"Hel", b"lo\n"), (b"World\n",)):
            for piece in pieces:
                say(client, piece)
                time.sleep(0.01)
            got = hear(client)
            if got is None:
                hang_up(client)
                late = hear(client)
                case.fail(
                    f"nothing while the client waits, and {late!r} at the end: is wfile buffered?"
                    if late
                    else "no answer"
                )
            case.want(got == b"5 letters\n", f"{got!r}")
        hang_up(client)
        hear(client)
        case.want(not bench.records.errors, "an exception")


SIZE = 10_000_000


class Chatty:
    """Writes more than one send can take."""

    def handle(self: Any) -> None:
        self.server.told.append(self.wfile.write(bytes(SIZE)))


ITEMS = array.array("i", [1, 2, 3])


class Numbers:
    """Writes an object that isn't bytes, but holds some."""

    def handle(self: Any) -> None:
        self.server.told.append(self.wfile.write(ITEMS))
        self.wfile.writelines([b"and ", b"lines"])


class Thrifty:
    """Writes into a buffer, and waits for a line."""

    wbufsize = -1

    def handle(self: Any) -> None:
        self.wfile.write(b"small ")
        self.wfile.write(b"pieces")
        self.rfile.readline()


def everything(bench: Bench, StreamRequestHandler: Any) -> None:
    case = bench.case(
        called=f"wfile.write({SIZE} bytes), on a connection with a time limit",
        expected="all of them at the client, and their number returned",
        why="A raw file's write is a send, and send may take a part only. print and writelines do "
        "not look at the number. sendall goes on until everything has left.",
    )
    server = make(bench, bench.subclass(Chatty, StreamRequestHandler), told=[])
    got = len(_read_late(case, server))
    case.want(got, f"none of {SIZE} bytes: does write send them, before it returns?")
    question = ": does write do one send, which may take a part only?"
    case.want(got == SIZE, f"{got} of {SIZE} bytes{question}")
    case.want(server.told, "all bytes, and no number returned by write")
    told = server.told[0]
    question = "" if told is not None else ": is there a return? sendall itself returns None"
    case.want(told == SIZE, f"all bytes, and {told!r} returned by write{question}")


@chapter.check("buffers")
def everything_without_a_buffer(bench: Bench, StreamRequestHandler: Any) -> None:
    case = bench.case(
        called=f"wfile.write({SIZE} bytes), in a handler with wbufsize = 0",
        expected="all of them at the client, and their number returned",
        why="A file from makefile('wb', 0) does one send for each write, and send may take a part "
        "only. Your writer's sendall goes on until everything has left.",
    )
    with case.in_words("{} Is wfile a _SocketWriter?", only="take a part only"):
        everything(bench, StreamRequestHandler)


def _read_late(case: Case, server: Any) -> bytes:
    """Return all that comes, read by a client who takes its time: one send won't do then."""
    with case.serving(server), dial(case, server) as client:
        server.begun.wait(PATIENCE)
        time.sleep(0.05)
        received = bytearray()
        with suppress(TimeoutError, ConnectionError):
            while part := client.recv(1 << 20):
                received += part
                case.want(len(received) <= 2 * SIZE, f"{len(received):,} bytes, and no end")
        return bytes(received)


def counts_bytes(bench: Bench, StreamRequestHandler: Any) -> None:
    case = bench.case(
        called='wfile.write(array.array("i", [1, 2, 3]))',
        expected="its bytes at the client, and their number returned",
        why="write takes whatever holds bytes. len() of an array counts its items instead.",
    )
    server = make(bench, bench.subclass(Numbers, StreamRequestHandler), told=[])
    got = _read_late(case, server)
    case.want(not bench.records.errors, "an exception")
    case.want(server.told, "no number")
    size = len(ITEMS.tobytes())
    case.want(server.told == [size], f"{server.told[0]!r} returned, for {size} bytes")
    case.want(got == ITEMS.tobytes() + b"and lines", f"{got!r}")


class ThroughTheWriter:
    """Writes through the class in `writer`, as StreamRequestHandler will."""

    writer: Any
    request: Any

    def setup(self) -> None:
        self.wfile = self.writer(self.request)


@chapter.check("write")
def the_writer_alone(bench: Bench, _SocketWriter: Any) -> None:
    handler = bench.subclass(
        ThroughTheWriter, socketserver.BaseRequestHandler, writer=_SocketWriter
    )
    everything(bench, handler)
    counts_bytes(bench, handler)


@chapter.check("time limit")
def still_opens_the_files(bench: Bench, StreamRequestHandler: Any) -> None:
    case = bench.case(
        called="a StreamRequestHandler, with your last setup",
        expected="the two files, rfile and wfile, opened as before",
        why="This setup replaces the one from section 6, so it has to do all that that one did.",
    )
    with case.in_words("{}: does this setup still open both files?", only="has no attribute"):
        lines(bench, StreamRequestHandler)


@chapter.check("buffers")
@chapter.check("time limit")
def buffers_without_a_finish(bench: Bench, StreamRequestHandler: Any) -> None:
    buffers(bench, bench.subclass(ClosesItsFile, StreamRequestHandler))
    sizes_of_buffers(bench, bench.subclass(ClosesItsFile, StreamRequestHandler))


def buffers(bench: Bench, StreamRequestHandler: Any) -> None:
    case = bench.case(
        called="a handler with wbufsize = -1 that writes, then waits, without a flush",
        expected="nothing at the client until the handler is over, then all of it",
        why="A handler that writes many small pieces asks for a buffer. finish closes the file, "
        "and that sends what is left in it.",
    )
    thrifty = bench.subclass(Thrifty, StreamRequestHandler)
    with case.serving(make(bench, thrifty)) as server, dial(case, server) as client:
        early = hear(client, 0.1)
        say(client, b"go on\n")
        case.want(
            early is None, f"{early!r} before the handler was over: does setup look at wbufsize?"
        )
        got = hear(client)
        case.want(got == b"small pieces", f"{got!r} in the end")


class Sips:
    """Reads one byte as a file, and notes what is left on the connection."""

    def handle(self: Any) -> None:
        self.rfile.read(1)
        self.connection.settimeout(0.1)
        try:
            self.server.told.append(self.connection.recv(100))
        except TimeoutError:
            self.server.told.append(b"")


class Gushes:
    """Writes twice as much as its buffer holds, and waits for a line."""

    def handle(self: Any) -> None:
        self.wfile.write(b"1234")
        self.wfile.write(b"5678")
        self.rfile.readline()


def sizes_of_buffers(bench: Bench, StreamRequestHandler: Any) -> None:
    for size, wanted in ((0, b"ello\n"), (4, b"o\n")):
        case = bench.case(
            called=f"a handler with rbufsize = {size}, rfile.read(1), and the rest by recv",
            expected=f"{wanted!r} left for recv, of b'hello\\n'",
            why="A buffer reads ahead, as much as it holds. A handler that hands its connection "
            "on, to TLS or to another program, asks for none.",
        )
        sipping = bench.subclass(Sips, StreamRequestHandler, rbufsize=size)
        server = visited(case, sipping, b"hello\n", told=[])
        case.want(server.told, "no answer")
        case.want(server.told == [wanted], f"{server.told[0]!r} left for recv")
    case = bench.case(
        called="a handler with wbufsize = 5 that writes 8 bytes, then waits",
        expected="what the buffer can't hold at the client, while the handler waits",
        why="Some handlers want their answers to leave in pieces of a certain size, and wbufsize "
        "says how large those are.",
    )
    gushing = bench.subclass(Gushes, StreamRequestHandler, wbufsize=5)
    with case.serving(make(bench, gushing)) as server, dial(case, server) as client:
        early = hear(client) or b""
        say(client, b"go on\n")
        case.want(early, "nothing while the handler waits")
        whole = early + (hear(client) or b"")
        case.want(whole == b"12345678", f"{whole!r} in the end")


class Reads:
    """Reads a line."""

    def handle(self: Any) -> None:
        self.rfile.readline()


class Optioned:
    """Tells the connection's time limit, and whether small packets leave at once."""

    def handle(self: Any) -> None:
        nodelay = self.connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        self.server.told = self.connection.gettimeout(), bool(nodelay)


@chapter.check("time limit")
def options(bench: Bench, StreamRequestHandler: Any) -> None:
    case = bench.case(
        called="a handler with timeout = 0.1, and a client that says nothing",
        expected="TimeoutError in the handler after a tenth of a second",
        why="The handler's timeout is for the connection. The server's timeout is another one, "
        "for handle_request() alone.",
    )
    server = make(bench, bench.subclass(Reads, StreamRequestHandler, timeout=0.1))
    with case.serving(server), dial(case, server) as client:
        got = hear(client)
        case.want(
            got == b"",
            f"no end within {PATIENCE:g} seconds: does setup look at the handler's own timeout?",
        )
    case.want(error_of(bench, TimeoutError), "an end, but no TimeoutError")


def _forget_errors(records: Any) -> None:
    records.errors.clear()


def _options(case: Case, handler: Any) -> tuple[Any, bool]:
    # What an earlier case of this check has made the server report says nothing of this one.
    case.bench.there(_forget_errors, case.bench.records)
    server = visited(case, case.bench.subclass(Optioned, handler), told=None)
    case.want(server.told, "no connection to look at")
    return server.told  # type: ignore[no-any-return]


@chapter.check("time limit")
def leaves_options_alone(bench: Bench, StreamRequestHandler: Any) -> None:
    case = bench.case(
        called="a handler with timeout = None, on a server that has set a time limit itself",
        expected="the server's limit left as it is, and TCP_NODELAY off",
        why="None means that the handler asks for nothing. It mustn't take away what others set.",
    )
    limit, nodelay = _options(case, StreamRequestHandler)
    case.want(limit == 2 * PATIENCE, f"the connection's time limit is {limit}", alone=True)
    case.want(not nodelay, "TCP_NODELAY is on, and the handler hasn't asked for it", alone=True)
    case = bench.case(
        called="a handler with timeout = 0",
        expected="a connection whose time limit is 0: it doesn't wait at all",
        why="None means no limit, and 0 is a limit. `if self.timeout` takes the two for the same.",
    )
    limit, _ = _options(case, bench.subclass(StreamRequestHandler, timeout=0))
    case.want(limit == 0, f"the connection's time limit is {limit}", alone=True)


@chapter.check("time limit")
def small_packets(bench: Bench, StreamRequestHandler: Any) -> None:
    case = bench.case(
        called="a handler with disable_nagle_algorithm = True",
        expected="TCP_NODELAY on the connection",
        why="TCP holds a small packet back until the one before it is acknowledged. A conversation "
        "in small steps asks it not to.",
    )
    eager = bench.subclass(StreamRequestHandler, disable_nagle_algorithm=True)
    case.want(_options(case, eager)[1], "TCP_NODELAY is off", alone=True)


@chapter.check("time limit")
def leaves_small_packets_alone(bench: Bench, StreamRequestHandler: Any) -> None:
    case = bench.case(
        called="a handler that asks for nothing, on a server that has set TCP_NODELAY itself",
        expected="TCP_NODELAY left on",
        why="False means that the handler asks for nothing. It mustn't take away what others set.",
    )
    server = make(bench, bench.subclass(Optioned, StreamRequestHandler), told=None, eager=True)
    with case.serving(server):
        case.talk(server.server_address)
    case.want(server.told, "no connection to look at")
    case.want(server.told[1], "TCP_NODELAY is off: is setsockopt called in any case?", alone=True)


class Late:
    """Has an answer in its buffer when the client has gone."""

    wbufsize = -1

    def handle(self: Any) -> None:
        self.wfile.write(b"too late")
        self.request.recv(1)


@chapter.check("close files")
def the_end(bench: Bench, StreamRequestHandler: Any) -> None:
    case = bench.case(
        called="StreamRequestHandler(...), with wbufsize = -1, for a client that hangs up before "
        "the answer",
        expected="no error from finish, both files closed, the connection still open",
        why="Clients leave, and then no one is left to miss what is still in the buffer. The "
        "connection belongs to the server, which may want to keep it.",
    )
    late = bench.subclass(Late, StreamRequestHandler)
    client, its_end = socket.socketpair()
    with bench.hand_over(its_end) as request:
        client.close()
        skips = "; an error from the first close must not skip the second"
        _closed(case, case.call(late, request, "by hand", None), skips)
        case.want(request.fileno() != -1, "a closed connection: that is the server's to do")
    case = bench.case(
        called="StreamRequestHandler(...), by hand, with an answer and a client that waits",
        expected="the answer sent, and both files closed",
        why="An open file keeps its socket open, even after the server has closed its own.",
    )
    client, its_end = socket.socketpair()
    with client, bench.hand_over(its_end) as request:
        client.sendall(b"x")
        _closed(case, case.call(late, request, "by hand", None))
        case.want(hear(client) == b"too late", "nothing sent")
    for one in (StreamRequestHandler, late):
        client, its_end = socket.socketpair()
        with client, bench.hand_over(its_end) as request:
            client.sendall(b"x")
            want_on_self(case, one, request)


def _closed(case: Case, handler: Any, skips: str = "") -> None:
    case.want(handler.wfile.closed, "no error, but wfile is still open")
    case.want(handler.rfile.closed, f"no error, but rfile is still open{skips}")


framed = EXERCISES["08.1"]


def frame(message: bytes) -> bytes:
    """Put the length in front."""
    return struct.pack(">L", len(message)) + message


def say_in_pieces(client: Any, stream: bytes, cuts: Iterable[int]) -> None:
    """Send a stream cut at these places, and then its end."""
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
    for start, end in pairwise([*cuts, len(stream)]):
        say(client, stream[start:end])
        time.sleep(0.001)
    hang_up(client)


class Receives:
    """Keeps what `receive` gives: messages, None for the end, or the name of an exception."""

    def handle(self: Any) -> None:
        told = self.server.told
        try:
            while len(told) < 10 and (not told or told[-1] is not None):
                told.append(self.receive())
        except EOFError:
            told.append("EOFError")
        except ValueError:
            told.append("ValueError")
        except struct.error:
            told.append("struct.error")


def received(case: Case, handler: Any, stream: bytes, step: int = 1, ended: bool = True) -> Any:
    """Return what `receive` makes of a stream that comes in pieces, with or without its end."""
    server = make(case.bench, case.bench.subclass(Receives, handler), told=[])
    with case.serving(server), dial(case, server) as client:
        if ended:
            say_in_pieces(client, stream, range(0, len(stream), step))
        else:
            say(client, stream)
        end, told = hear(client), list(server.told)
        late = f"{told}, and no end within {PATIENCE:g} seconds: what does receive wait for?"
        case.want(end is not None, late)
    return told


MESSAGES = (b"two\nlines", b"", b"x" * 260, b"last")


@framed.check("messages")
def receives_messages(bench: Bench, FramedRequestHandler: Any) -> None:
    stream = b"".join(map(frame, MESSAGES))
    for step, how in ((len(stream), "in one piece"), (1, "byte by byte")):
        case = bench.case(
            called=f"receive(), again and again, for four messages that are sent {how}",
            expected="the four, one of them empty, and then None",
            why="A stream has no messages. What one read gives may end inside a message, inside a "
            "length even, or hold the beginning of the next.",
        )
        told = received(case, FramedRequestHandler, stream, step)
        first = MESSAGES[0]
        case.want(told[:1] != [frame(first)], "a message with its length still in front")
        case.want(told[:1] != [first.decode()], "a str for the first message; they're bytes")
        early = "the first message, and then the end: is an empty message taken for it?"
        case.want(told != [first, None], early)
        huge = "a ValueError for a length of 9: does its highest byte come first?"
        case.want(told != ["ValueError"], huge)
        got = ", ".join(repr(one)[:20] for one in told[:6]) or "nothing"
        case.want(told[:4] == [*MESSAGES], f"{got}: did one read give one message?")
        case.want(told[4:] == [None], f"{got}: None is what says that the client has finished")


@framed.check("half")
def notices_half_a_message(bench: Bench, FramedRequestHandler: Any) -> None:
    for size, left_out in ((7, "two of its five bytes"), (4, "all of its bytes"), (3, "a length")):
        case = bench.case(
            called=f"receive(), for a whole message and one that lacks {left_out}; then the client "
            "hangs up",
            expected="the whole message, then EOFError",
            why="At the end of a stream read(n) returns fewer bytes than asked for. Half a message "
            "is none, and its end isn't the client's goodbye.",
        )
        told = received(case, FramedRequestHandler, frame(b"whole") + frame(b"hello")[:size])
        case.want(told[1:] != [None], "None: half a message was taken for the end of them all")
        case.want(told == [b"whole", "EOFError"], f"{told}")


@framed.check("limit")
def refuses_long_messages(bench: Bench, FramedRequestHandler: Any) -> None:
    case = bench.case(
        called="receive(), with a limit of 10, for 10 bytes, then a length above it and silence",
        expected="the ten bytes, then ValueError, and no wait for the rest",
        why="Four bytes can announce four gigabytes. A handler that waits for them waits forever, "
        "or until it runs out of memory.",
    )
    limit = getattr(FramedRequestHandler, "limit", None)
    case.want(limit == 10_000, f"a class whose limit is {limit!r}; the task has 10,000")
    small = bench.subclass(FramedRequestHandler, limit=10)
    for length in (11, 2**32 - 1):
        stream = frame(b"0123456789") + struct.pack("!I", length)
        told = received(case, small, stream, ended=False)
        case.want(told[:1] == [b"0123456789"], f"{told}; ten bytes are within a limit of 10")
        case.want(told[1:] == ["ValueError"], f"{told[1:]} for a length of {length}")


class Capitals:
    """Answers in capitals, and a long message with a thousand times as much."""

    def answer(self, message: bytes) -> bytes:
        return message.upper() * (1000 if message.startswith(b"x") else 1)


@framed.check("conversation")
def converses(bench: Bench, FramedRequestHandler: Any) -> None:
    case = bench.case(
        called="FramedRequestHandler, with an answer in capitals, asked by multiprocessing",
        expected="an answer to each of five messages, while the client waits",
        why="A connection of multiprocessing's sends a message and waits. It knows nothing of this "
        "course, and uses the same frame.",
    )
    server = make(bench, bench.subclass(Capitals, FramedRequestHandler))
    with case.serving(server), Client(tuple(server.server_address)) as other:
        line = socket.fromfd(other.fileno(), socket.AF_INET, socket.SOCK_STREAM)
        with line, closing(_Alarm(line)):
            for message, question in QUESTIONS.items():
                got, wanted = _asked(case, other, message), Capitals().answer(message)
                what = f"the answer to {message[:9]!r}"
                if got is None:
                    case.fail(f"an end in place of {what}{question}")
                case.want(got != message or got == wanted, f"{got!r} back: is answer called?")
                case.want(got == wanted, f"{len(got)} bytes, {got[:20]!r}, for {what}")
    case.want(not bench.records.errors, "all answers, and an exception")


QUESTIONS = {
    b"hello": "",
    b"two\nlines": ": handle is called once for each connection, so it must loop",
    b"": ": is an empty message taken for the goodbye?",
    b"x" * 10_000: "",
    b"last": "",
}
"""What the client says, and why it may be left without an answer."""


class _Alarm(threading.Timer):
    """Ends a connection that has been read from for too long."""

    def __init__(self, line: socket.socket) -> None:
        super().__init__(2 * PATIENCE, hang_up, [line, socket.SHUT_RDWR])
        self.start()

    close = threading.Timer.cancel


def _asked(case: Case, other: Any, message: bytes) -> bytes | None:
    """Return the answer to a message; None if there is an end in place of it."""
    try:
        other.send_bytes(message)
        case.want(other.poll(PATIENCE), f"no answer to {message[:9]!r} while the client waits")
        return bytes(other.recv_bytes(2 * SIZE))
    except (EOFError, ConnectionError):
        return None
    except OSError as error:
        case.want("length" in str(error), "a part of an answer: is it sent by send?")
        case.fail("an answer whose length is wrong: is it in front, in four bytes?")


@framed.check("goodbyes")
def forgives_clients(bench: Bench, FramedRequestHandler: Any) -> None:
    patient = bench.subclass(FramedRequestHandler, limit=10, timeout=0.1)
    half = frame(b"hello")[:-2]
    for what, stream, goodbye in (
        ("leaves inside a message", half, hang_up),
        ("announces 11 bytes, where the limit is 10", frame(b"x" * 11)[:4], None),
        ("is silent inside a message, with timeout = 0.1", half, None),
        ("breaks the connection off", half, break_off),
    ):
        case = bench.case(
            called=f"FramedRequestHandler, by a server, for a client that {what}",
            expected="an end of the connection, and no exception",
            why="All of that is part of life on a network. What isn't a bug shouldn't fill the log "
            "with tracebacks.",
        )
        server = make(bench, patient)
        with case.serving(server), dial(case, server) as client:
            say(client, stream)
            if goodbye:
                server.begun.wait(PATIENCE)
                goodbye(client)
            end = goodbye is break_off or hear(client)
            case.want(end is not None, f"no end within {PATIENCE:g} seconds")
        case.want(not bench.records.errors, "an exception")
    for kind in (ValueError, EOFError):
        case = bench.case(
            called=f"FramedRequestHandler, with an answer that raises {kind.__name__}",
            expected="that exception for the server, which reports it",
            why="What the client does is one thing, a bug in answer another. A try around both "
            "can't tell them apart.",
        )
        buggy = bench.subclass(Buggy, patient, kind=kind)
        with case.serving(make(bench, buggy)) as server:
            case.talk(server.server_address, frame(b"hello"))
        swallowed = "no exception: is answer called inside the try?"
        case.want(error_of(bench, kind), swallowed, alone=True)


class Buggy:
    """Has a bug in its answer."""

    kind: type[Exception]

    def answer(self, message: bytes) -> bytes:
        raise self.kind("a bug in answer")


datagrams = EXERCISES["08.2"]


class Unpacked:
    """Keeps what setup has made of the request."""

    def handle(self: Any) -> None:
        self.unpacked = self.packet, self.socket


class Silent:
    """Writes nothing."""

    def handle(self) -> None:
        pass


def answers(case: Case, handler: Any, question: bytes) -> list[bytes]:
    """Return the datagrams a handler sends back to one client, handled by hand."""
    with case.bench.there(postbox) as server, postbox() as client:
        case.call(handler, (question, server), client.getsockname(), None)
        case.want(server.fileno() != -1, "the server's socket closed: all clients share it")
        server.sendto(b"the end", client.getsockname())  # so that no test waits for nothing
        got = []
        while (data := client.recv(1024)) != b"the end":
            got.append(data)
        return got


@chapter.check("postcard")
@datagrams.check("answer")
def one_answer(bench: Bench, DatagramRequestHandler: Any) -> None:
    case = bench.case(
        called="a DatagramRequestHandler that reads two lines and writes two answers",
        expected="one datagram back, with both answers",
        why="A datagram is a pair of data and the server's socket. wfile collects, in memory, "
        "and finish sends all of it at once, to the client's address.",
    )
    both = bench.subclass(Lengths, DatagramRequestHandler)
    with sendto_in_words(case):
        got = answers(case, both, b"Hello\nboys\n")
    case.want(got, "no datagram: does finish send one?")
    case.want(len(got) == 1, f"{len(got)} datagrams: {got}")
    case.want(
        got != [b""], "an empty datagram. read() returns what follows the last write: nothing"
    )
    case.want(got == [b"5 letters\n4 letters\n"], f"{got[0]!r}")
    unpacking = bench.subclass(Unpacked, DatagramRequestHandler)
    with bench.there(postbox) as server, postbox() as client:
        made = case.call(unpacking, (b"Hello", server), client.getsockname(), None)
        packet, sock = made.unpacked
        case.want(packet == b"Hello" and sock is server, f"packet {packet!r} and socket {sock!r}")
        silent = bench.subclass(Silent, DatagramRequestHandler, always_reply=False)
        want_on_self(case, silent, (b"Hello", server))


@chapter.check("postcard")
@datagrams.check("no answer")
def no_answer(bench: Bench, DatagramRequestHandler: Any) -> None:
    case = bench.case(
        called="handlers that write nothing, or something, with always_reply as it is, and False",
        expected="for nothing, an empty datagram by default and none with always_reply = False; "
        "whatever was written is sent",
        why="The standard library always answers, and programs count on it. A client that sends a "
        "log entry, perhaps from a socket without an address, wants no answer.",
    )
    got = answers(case, bench.subclass(Silent, DatagramRequestHandler), b"all is well")
    case.want(got == [b""], f"{got} by default, for an answer with nothing in it")
    got = answers(case, bench.subclass(Silent, DatagramRequestHandler, always_reply=False), b"all")
    case.want(got == [], f"the datagrams {got} with always_reply = False")
    talkative = bench.subclass(Lengths, DatagramRequestHandler, always_reply=False)
    got = answers(case, talkative, b"Hello")
    case.want(
        got == [b"5 letters\n"],
        f"{got or 'nothing'}, with always_reply = False and b'5 letters\\n' written",
    )


use = EXERCISES["08.3"]


def arrived(server: Any, number: int, seconds: float) -> list[Any]:
    """Return the inbox, once it holds so many letters or the time is up."""
    soon(lambda: len(server.inbox) >= number, seconds)
    return list(server.inbox)


def _want_on_server(case: Case, mailbox: Any, inbox: list[Any]) -> None:
    own = getattr(mailbox, "inbox", None)
    case.want(
        inbox or not own,
        "an empty server.inbox, and a list on the handler: each connection has its own handler, "
        "and only the server outlives it",
    )


@use.check("logging")
def takes_logs(bench: Bench, Mailbox: Any) -> None:
    case = bench.case(
        called="Mailbox, sent three records by logging.handlers.SocketHandler",
        expected="three letters in server.inbox, while the connection is still open",
        why="logging knows nothing of this course. It connects once, puts four bytes of length in "
        "front of each record, and stays connected for the next one.",
    )
    server = make(bench, Mailbox, inbox=[])
    with case.serving(server):
        sender = SocketHandler(*server.server_address)
        records = [logging.makeLogRecord({"msg": text}) for text in ("ready", "steady", "go")]
        wanted = [sender.makePickle(record)[4:] for record in records]
        try:
            for record in records:
                sender.handle(record)
            inbox = arrived(server, 3, PATIENCE)
            if len(inbox) < 3:
                sender.close()
                _tell_few(case, Mailbox, inbox, arrived(server, 3, PATIENCE / 2))
        finally:
            sender.close()
    for letter, whole in zip(inbox, wanted, strict=False):
        case.want(isinstance(letter, bytes), f"a letter that is a {type(letter).__name__}")
        case.want(letter[4:] != whole, "a letter with the four bytes of length still before it")
    case.want(
        inbox == wanted,
        f"letters of {[len(letter) for letter in inbox]} bytes, where "
        f"{[len(letter) for letter in wanted]} were sent",
    )


def _tell_few(case: Case, mailbox: Any, before: list[Any], after: list[Any]) -> None:
    _want_on_server(case, mailbox, after)
    case.want(
        len(after) == len(before),
        f"{len(before)} letters while the client was connected, {len(after)} when it had hung "
        f"up: does read() wait for the end?",
    )
    case.want(
        len(after) != 1, "1 letter: handle runs once for each connection, and must loop itself"
    )
    case.fail(f"{len(after)} letters")


class _NotesLimits(ServerMixin):
    """Notes the time limits that its connections have in the end."""

    limits: list[Any]

    def shutdown_request(self, request: Any) -> None:
        with suppress(OSError):
            self.limits.append(request.gettimeout())
        super().shutdown_request(request)


class _Mailroom(_NotesLimits, Line):
    """A server of the bench that does so, too."""


@use.check("pieces")
def takes_pieces(bench: Bench, Mailbox: Any) -> None:
    letters = [b"two\nlines", b"", b"x" * 70_000, b"last"]
    stream = b"".join(map(frame, letters))
    case = bench.case(
        called="Mailbox, sent four framed letters in pieces of 1, 3 and 9,000 bytes",
        expected="the same four letters, one of them empty",
        why="A stream has no messages. A piece may end inside a letter, or even inside a length, "
        "and it may hold the beginning of the next one.",
    )
    server = bench.there(_make, _Mailroom, Mailbox, {"inbox": [], "limits": []})
    with case.serving(server), dial(case, server) as client:
        cuts = [*range(20), *range(20, 60, 3), *range(60, len(stream), 9000)]
        say_in_pieces(client, stream, cuts)
        told = hear(client)  # until the handler has ended
        inbox = list(server.inbox)
        case.want(not told, f"{told!r} for the client; the task says that nothing is answered")
        _want_on_server(case, Mailbox, inbox)
        case.want(inbox != letters[:1], "the first letter alone: does an empty one end the loop?")
        sizes, wanted = ([len(letter) for letter in box] for box in (inbox, letters))
        case.want(
            sizes == wanted,
            f"letters of {sizes[:9]} bytes, for {wanted}: one recv is not one letter",
        )
        case.want(inbox == letters, "letters of the right sizes, with other bytes in them")
        limits = [limit for limit in server.limits if limit not in (None, 2 * PATIENCE)]
        case.want(
            not limits,
            f"all four, and a time limit of {limits and limits[0]} seconds: a client may stay "
            "without a word for as long as it likes",
        )


@use.check("limit")
def has_a_limit(bench: Bench, Mailbox: Any) -> None:
    case = bench.case(
        called="Mailbox, sent a letter, then a length above its limit, then silence",
        expected="the first letter in the inbox, and the connection ended without waiting",
        why="Four bytes can announce four gigabytes. A handler that waits for them waits forever, "
        "or until it runs out of memory.",
    )
    limit = getattr(Mailbox, "limit", None)
    case.want(limit is not None, "a Mailbox without the attribute limit; the task says 100,000")
    case.want(limit == 100_000, f"a Mailbox whose limit is {limit!r}; the task says 100,000")
    small = bench.subclass(Mailbox, limit=10)
    server = make(bench, small, inbox=[])
    with case.serving(server), dial(case, server) as client:
        say(client, frame(b"0123456789") + frame(b"x" * 11)[:4])
        got = hear(client)
        case.want(
            got is not None,
            f"no end within {PATIENCE:g} seconds: is the limit compared before the letter is read?",
        )
        case.want(
            server.inbox == [b"0123456789"],
            f"{server.inbox} in the inbox; a letter of ten bytes is within a limit of 10",
        )
    case.want(not bench.records.errors, "an exception")
    case = bench.case(
        called="Mailbox, sent a frame whose end is missing, by a client that hangs up",
        expected="no letter, and no exception",
        why="At the end of the stream read(n) returns fewer bytes than asked for. Half a letter "
        "is none.",
    )
    for half in (frame(b"hello")[:-2], frame(b"hello")[:4], frame(b"hello")[:2]):
        server = make(bench, Mailbox, inbox=[])
        with case.serving(server), dial(case, server) as client:
            say(client, half)
            hang_up(client)
            case.want(hear(client) is not None, f"no end within {PATIENCE:g} seconds")
        case.want(not server.inbox, f"{server.inbox} for {half!r}")
        case.want(not bench.records.errors, "an exception")


bugs = EXERCISES["08.4"]


@bugs.check("greeter")
def greets(bench: Bench, Greeter: Any) -> None:
    case = bench.case(
        called="Greeter, on a server of the bench, with one client",
        expected="'¡Buenos días!' in UTF-8",
        why="The constructor does all the work: when super().__init__() returns, handle() is over. "
        "Besides, a socket carries bytes.",
    )
    with case.serving(make(bench, Greeter)) as server:
        got = case.talk(server.server_address)
    late = error_of(bench, AttributeError)
    case.want(not late, f"{got!r}: does handle() run before the line that sets the greeting?")
    case.want(got.strip() == "¡Buenos días!".encode(), f"{got!r}")


@bugs.check("adder")
def adds(bench: Bench, Adder: Any) -> None:
    case = bench.case(
        called="Adder, with a client that sends b'1 2 3\\n', waits, sends b'40 2\\n', and waits",
        expected="b'6\\n' and b'42\\n', each while the client waits",
        why="read() waits for the end of the stream, and this stream goes on. handle is called "
        "once for each connection, not once for each line.",
    )
    server = case.call(socketserver.TCPServer, ANY_PORT, Adder)
    with case.serving_quickly(server), dial(case, server) as client:
        say(client, b"1 2 3\n")
        got = hear(client)
        waits = got is None or error_of(bench, TimeoutError)
        case.want(not waits, "no sum while the client waits: does it read to the end?")
        case.want(got == b"6\n", f"{got!r} for the first line")
        say(client, b"40 2\n")
        got = hear(client)
        case.want(got, "the first sum, and no second: handle is called once for each connection")
        case.want(got == b"42\n", f"{got!r} for the second line")


def page() -> bytes:
    """Return a chart of 10,000,000 bytes."""
    return bytes(range(250)) * 40_000


class Printer(Line):
    """Has a chart, and notes the time limit that its handler has set."""

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.chart = page()
        handler: Any = self.RequestHandlerClass(request, client_address, self)
        self.limits = [handler.request.gettimeout()]


@bugs.check("chart")
def sends_chart(bench: Bench, Chart: Any) -> None:
    case = bench.case(
        called="Chart, on a server with a chart of 10,000,000 bytes",
        expected="all of them",
        why="send sends what fits, says how much that was, and returns. sendall goes on until "
        "everything has left.",
    )
    server = bench.there(_make, Printer, Chart, {})
    got = _read_late(case, server)
    whole = page()
    case.want(len(got) == len(whole), f"the first {len(got):,} bytes: was it send?")
    case.want(got == whole, "as many bytes, but others")
    limit = server.limits[0]
    case.want(limit == 5, f"all, with a time limit of {limit}; it was 5 seconds")


@bugs.check("silence")
def ends_silence(bench: Bench, Adder: Any, Desk: Any) -> None:
    case = bench.case(
        called="Desk, with Adder, and a client that says nothing",
        expected="the connection ended after 0.3 seconds",
        why="The server's timeout says how long handle_request() waits for a request to come. How "
        "long a connection may be silent is what the handler's timeout says.",
    )
    own = getattr(Adder, "timeout", None)
    fastest = PATIENCE
    for _ in range(3):  # the best of three: a busy machine may hold up any one of them
        server = case.call(bench.subclass(_NotesLimits, Desk), ANY_PORT, Adder)
        server.limits = []
        with case.serving_quickly(server), dial(case, server) as client:
            begin = time.monotonic()
            got = hear(client)
            took = time.monotonic() - begin
            case.want(
                got is not None,
                f"no end within {PATIENCE:g} seconds. The server's timeout is "
                f"{getattr(server, 'timeout', None)}, the handler's {own}",
            )
            bench.there(_wait_for_one, server)
        limit = own if own is not None else next(iter(server.limits), None)
        case.want(limit in (None, 0.3), f"an end, with a handler's timeout of {limit}")
        case.want(took > 0.25, f"an end after {took:.2f} seconds already")
        fastest = min(fastest, took)
        if limit or fastest < 0.6:
            break
    case.want(limit or fastest < 0.6, f"an end, after {fastest:.1f} seconds")
    case.want(server.daemon_threads, "an end, and a Desk without daemon_threads = True")


class Talker(socketserver.StreamRequestHandler):
    """Talks until its client has gone."""

    def handle(self) -> None:
        self.connection.settimeout(PATIENCE)
        while True:
            self.wfile.write(bytes(65_536))


class Hears(socketserver.StreamRequestHandler):
    """Waits for a client that breaks the connection off: a ConnectionResetError."""

    def handle(self) -> None:
        self.connection.settimeout(PATIENCE)
        self.connection.recv(1)


class Answers(Hears):
    """Ignores that, and answers: a BrokenPipeError."""

    def handle(self) -> None:
        with suppress(ConnectionResetError):
            super().handle()
        while True:
            self.connection.sendall(b"too late")


class Broken(socketserver.StreamRequestHandler):
    """Has a bug."""

    def handle(self) -> None:
        raise ValueError("a bug in the handler")


class Missing(socketserver.StreamRequestHandler):
    """Has a bug that is an OSError, as those of connections are."""

    def handle(self) -> None:
        raise FileNotFoundError("a bug in the handler")


@bugs.check("gone")
def calm(bench: Bench, Desk: Any) -> None:
    case = bench.case(
        called="Desk, with a handler that talks, and a client that hangs up",
        expected="not a word on stderr",
        why="On a network, people leave. BrokenPipeError and ConnectionResetError, both of them "
        "ConnectionErrors, are news and not a bug.",
    )
    for handler in (Talker, Hears, Answers):
        _keeps_quiet(case, Desk, handler)
    _reports(bench, Desk, Broken, "ValueError", "are all errors kept quiet?")
    _reports(bench, Desk, Missing, "FileNotFoundError", "are all OSErrors kept quiet?")


def _keeps_quiet(case: Case, desk: Any, handler: Any) -> None:
    server = case.call(case.bench.subclass(_NotesLimits, desk), ANY_PORT, handler)
    server.limits = []
    with case.serving_quickly(server):
        del server.handle_error  # the answer's own
        with dial(case, server) as client:
            if handler is Talker:
                client.recv(1)
            else:
                break_off(client)
        case.bench.there(_wait_for_one, server)
    told = "".join(case.bench.records.printed)
    case.want(not told, f"{_last_line(told)} on stderr, in {len(told.splitlines())} lines")


def _reports(bench: Bench, desk: Any, handler: Any, bug: str, question: str) -> None:
    case = bench.case(
        called=f"Desk, with a handler that raises {bug}",
        expected="a report on stderr, as before",
        why="A server that keeps every error quiet won't report the next bug either.",
    )
    before = len("".join(bench.records.printed))
    server = case.call(bench.subclass(_NotesLimits, desk), ANY_PORT, handler)
    server.limits = []
    with case.serving_quickly(server):
        del server.handle_error
        case.talk(server.server_address)
        bench.there(_wait_for_one, server)
    told = "".join(bench.records.printed)[before:]
    case.want("a bug in the handler" in told, f"{told!r} on stderr: {question}")


def _wait_for_one(server: Any) -> None:
    """Wait until one request has come to its end, errors included; it may not be taken yet."""
    soon(lambda: server.limits)


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip("- ")]
    return lines[-1] if lines else "nothing"


predict = EXERCISES["08.5"]


@predict.prediction(
    "steps",
    expected="the letters of the steps that run: all well, handle raises, setup raises",
    why="The constructor calls setup, then handle in a try, and finish in its finally.",
    misread=(
        "Making a handler runs all three.",
        "finish is in a finally: it runs whatever handle does.",
        "The exception of setup leaves the constructor before the try begins.",
    ),
)
def which_steps(bench: Bench) -> list[Any]:
    return [_letters(bench, failing) for failing in ("", "handle", "setup")]


def _letters(bench: Bench, failing: str) -> str:
    class Server:
        calls: list[str]

    server = Server()
    server.calls = []
    with suppress(ValueError):
        noting(bench, minisocketserver.BaseRequestHandler, failing)(None, None, server)
    return "".join(name[0] for name in server.calls)


@predict.prediction(
    "how many",
    expected="the bytes of three reads, and the calls of handle",
    why="A stream keeps the bytes, not the sends, and a handler is made for a connection.",
    misread=(
        "Two sends are not two messages: recv gives what has arrived, up to its limit.",
        "recv(3) gives three at most; the rest stays for the next one.",
        "read(4) of a file goes on until it has four, however they arrive.",
        "handle is called once for each connection, not once for each line.",
    ),
)
def how_many(case: Case) -> list[Any]:
    client, request = socket.socketpair()
    with client, request, request.makefile("rb") as file:
        client.sendall(b"Hello")
        client.sendall(b"World")
        real = [len(request.recv(1024))]
        client.sendall(b"Hello")
        real.append(len(request.recv(3)))
        request.recv(2)
        trickle = begin(_trickle, client, b"Hello")
        real.append(len(file.read(4)))
        trickle.join(PATIENCE)
    real.append(_calls_for_three_lines(case))
    return real


def _trickle(client: socket.socket, data: bytes) -> None:
    for place in range(len(data)):
        client.sendall(data[place : place + 1])
        time.sleep(0.01)


def _calls_for_three_lines(case: Case) -> int:
    class Counting(minisocketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.server.calls.append("handle")
            while self.rfile.readline():
                pass

    server = make(case.bench, Counting, calls=[])
    with case.serving(server), dial(case, server) as client:
        say(client, b"one\ntwo\nthree\n")
        hang_up(client)
        hear(client)
    return len(server.calls)


@predict.prediction(
    "while waiting",
    expected="True for each read that returns while the client waits with b'hello\\n' sent",
    why="Two programs wait for each other, and neither has a bug that a test with a file would "
    "show.",
    misread=(
        "recv(100) gives what is there; 100 is only the most.",
        "readline() is content with a line break.",
        "read() waits for the end of the stream, and the client hasn't finished.",
        "read(100) of a file waits for all hundred bytes, or the end.",
        "read(6) has all six bytes, and asks for no more.",
    ),
)
def while_waiting() -> list[Any]:
    return [_returns(read) for read in READS]


READS: tuple[Callable[[socket.socket, Any], Any], ...] = (
    lambda request, file: request.recv(100),
    lambda request, file: file.readline(),
    lambda request, file: file.read(),
    lambda request, file: file.read(100),
    lambda request, file: file.read(6),
)


def _returns(read: Callable[[socket.socket, Any], Any]) -> bool:
    client, request = socket.socketpair()
    with client, request, request.makefile("rb") as file:
        client.sendall(b"hello\n")
        request.settimeout(0.1)
        try:
            read(request, file)
        except TimeoutError:
            return False
        return True


@predict.prediction(
    "cut off",
    expected="True for each client whose connection was ended within half a second",
    why="The server's timeout is for handle_request(). The handler's is for each single read, "
    "and starts again with the next.",
    misread=(
        "serve_forever() doesn't look at the server's timeout, and neither do connections.",
        "The handler's timeout is the connection's: a silent client is cut off.",
        "Each byte starts the clock of the handler's timeout again. Lines have none.",
    ),
)
def cut_off(bench: Bench) -> list[Any]:
    runs = (
        lambda: _is_cut_off(bench, 0.2, None),
        lambda: _is_cut_off(bench, None, 0.2),
        lambda: _is_cut_off_dripping(bench),
    )
    with ThreadPoolExecutor(3) as pool:
        real = list(pool.map(lambda run: run(), runs))
    return real


def _is_cut_off(
    bench: Bench, servers: float | None, handlers: float | None, pause: float = 0.5
) -> bool:
    """Tell whether a client is cut off within half a second; it sends a byte every `pause`."""
    case = bench.case(called="", expected="", why="")
    bases = (Reads, minisocketserver.StreamRequestHandler)
    server = make(bench, bench.subclass(*bases, timeout=handlers), timeout=servers)
    if handlers is None:
        server.get_request = lambda: minisocketserver.TCPServer.get_request(server)
    with case.serving(server), dial(case, server) as client:
        return drip(client, 0.5, pause).is_cut_off


def _is_cut_off_dripping(bench: Bench) -> bool:
    # Again, if the machine stood still for a moment: that made the client a silent one.
    return all(_is_cut_off(bench, None, 0.3, 0.02) for _ in range(5))
