"""Checks of chapter 01: a relay with bare hands, and what a stream of bytes does."""

import http.client
import select
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from ..checks.bench import Bench
from ..checks.case import ANY_PORT, PATIENCE, Case, begin, soon
from ..checks.clients import (
    connect,
    has_answer,
    read_to_end,
    rest_of,
    want_line_ends,
)
from ..checks.core import load
from ..checks.datagrams import postbox, sendto_in_words
from ..checks.records import Records, in_foreground
from ..notebook.tracebacks import describe

EXERCISES = load(__file__)
chapter, build = EXERCISES["01"], EXERCISES["01.1"]


PAUSE = 0.1
"""Seconds a client waits between two pieces, so that they arrive apart."""


def echo(connection: Any) -> None:
    """Send back what comes, until the client has finished."""
    with connection:
        while data := connection.recv(1024):
            connection.sendall(data)


class Relay:
    """A relay at work between two connections, where the answer lives."""

    def __init__(self, relay: Any, ends: Any, records: Records) -> None:
        self.ends, self.is_back = ends, threading.Event()
        for end in ends:
            end.settimeout(3 * PATIENCE)  # longer than any check is silent
        begin(self._run, relay, records)

    def _run(self, relay: Any, records: Records) -> None:
        try:
            relay(*self.ends)
        except BaseException as error:
            records.note_error(error)
            self._break_off()  # the clients needn't wait for what can't come
        finally:
            self.is_back.set()

    def _break_off(self) -> None:
        for end in self.ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def hang_up(self) -> None:
        """End both connections; close them when the answer has seen that, for a closed one can't
        be waited for.
        """
        self._break_off()
        self.is_back.wait(PAUSE)
        for end in self.ends:
            end.close()

    def count_closed(self) -> int:
        """Return how many of its two ends the answer has closed."""
        return sum(end.fileno() == -1 for end in self.ends)


@contextmanager
def relaying(
    case: Case, relay: Any, wrap: Any = None, is_narrow: bool = False
) -> Iterator[tuple[Any, socket.socket, socket.socket]]:
    """Yield a relay at work and its two clients; narrow ones have little room in their buffers."""
    bench, ends = case.bench, []
    with socket.create_server(ANY_PORT) as listener, ExitStack() as stack:
        clients = []
        for _ in range(2):
            client = stack.enter_context(socket.socket())
            client.settimeout(PATIENCE)
            if is_narrow:  # the server's end has this from the listener
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            client.connect(listener.getsockname())
            clients.append(client)
            given = bench.hand_over(listener.accept()[0])
            ends.append(bench.there(wrap, given) if wrap else given)
        line = bench.there(Relay, relay, tuple(ends), bench.records)
        try:
            yield line, *clients
        finally:
            line.hang_up()


def _hear(case: Case, client: socket.socket, size: int, why_not: str, silent: str = "") -> bytes:
    """Return the next `size` bytes, fewer at the end; what came of silence is said in words."""
    got = b""
    try:
        while len(got) < size and (data := client.recv(1 << 16)):
            got += data
    except TimeoutError as error:
        missing = silent or f"{len(got)} of {size} bytes"
        case.fail(f"{missing}, and no more within {PATIENCE:g} seconds{why_not}", error)
    except OSError as error:
        case.fail(f"{describe(error)}{why_not}", error)
    return got


@build.check("both ways")
def passes_it_on(bench: Bench, relay: Any) -> None:
    case = bench.case(
        called="relay(one, other), while one sends b'ahoy', the other b'\\xff\\x00' and b'again', "
        "and one b'bye'",
        expected="each of them at the other side, at once",
        why="Either side may speak at any time, twice in a row or not at all, and what it says "
        "needn't be text. So each direction has its own loop, which waits for no other.",
    )
    with relaying(case, relay) as (line, one, other):
        talk = [(one, other, b"ahoy"), (other, one, b"\xff\0"), (other, one, b"again")]
        for source, target, data in [*talk, (one, other, b"bye")]:
            early = "relay() back, while both are connected: are the threads waited for, by join()?"
            case.want(not line.is_back.is_set(), early)
            source.sendall(data)
            select.select([source, target], [], [], PATIENCE)
            case.want(not has_answer(source), f"{data!r} back where it came from")
            turn = "" if data == b"ahoy" else ". Does each side have to wait for its turn?"
            silent = f"nothing of {data!r}"
            got = _hear(case, target, len(data), turn + bench.whereabouts(), silent)
            case.want(got, f"the end in place of {data!r}")
            case.want(got == data, f"{got!r} for {data!r}")


@build.check("every byte")
def loses_nothing(bench: Bench, relay: Any) -> None:
    message = bytes(range(100))
    case = bench.case(
        called=f"relay(one, other), for {len(message)} bytes, where the buffers have little room",
        expected="all of them at the other side",
        why="send takes what fits into the kernel's buffer and returns how much that was; the "
        "rest is yours. sendall sends the rest too.",
    )
    with relaying(case, relay, _sends_little) as (_, one, other):
        one.sendall(message)
        got = _hear(case, other, len(message), ". Is it sendall that sends?")
    case.want(got == message, f"{got!r}")


PAYLOAD = b"".join(b"%08d" % number for number in range(40_000))
"""Bytes that fit into no narrow buffer, and none of which looks like its neighbours."""


@build.check("every byte")
def carries_a_load_each_way(bench: Bench, relay: Any) -> None:
    case = bench.case(
        called=f"relay(one, other), while each of two clients sends {len(PAYLOAD):,} bytes, and "
        "reads at the same time",
        expected="all of them at the other side, in their order",
        why="A recv gives a part of what was sent, and there's more as long as it isn't b''.",
    )
    with relaying(case, relay) as (_, *clients):
        for client in clients:
            begin(_send_in_vain, client, PAYLOAD)
        for client in clients:
            got = _hear(case, client, len(PAYLOAD), bench.whereabouts())
            case.want(len(got) == len(PAYLOAD), f"{len(got):,} bytes, then the end")
            case.want(got == PAYLOAD, f"{len(got):,} bytes, in another order")


@build.check("every byte")
def waits_for_a_slow_reader(bench: Bench, relay: Any) -> None:
    case = bench.case(
        called=f"relay(one, other), for {len(PAYLOAD):,} bytes from one, which the other is slow "
        "to read, and b'wait' from the other meanwhile",
        expected=f"b'wait' at once, and later all of the {len(PAYLOAD):,} bytes",
        why="Where one side doesn't read, sendall waits for it. That may hold up this direction, "
        "but not the other one: each has its own thread, or its own bytes that still have to go.",
    )
    with relaying(case, relay, is_narrow=True) as (_, one, other):
        begin(_send_in_vain, one, PAYLOAD)
        time.sleep(PAUSE)  # until every buffer is full
        other.sendall(b"wait")
        silent = "nothing of b'wait', while the other doesn't read"
        got = _hear(case, one, 4, bench.whereabouts(), silent)
        case.want(got == b"wait", f"{got!r} for b'wait'")
        got = _hear(case, other, len(PAYLOAD), bench.whereabouts())
        case.want(got == PAYLOAD, f"{len(got):,} of {len(PAYLOAD):,} bytes for the slow reader")


def _send_in_vain(client: socket.socket, data: bytes) -> None:
    with suppress(OSError):  # the check may be over
        client.sendall(data)


@build.check("half-close")
def passes_the_end_on(bench: Bench, relay: Any) -> None:
    for first in ("one", "other"):
        case = bench.case(
            called=f"relay(one, other), where {first} has finished, and its partner sends "
            "b'still here' before it finishes, too",
            expected="the end for the partner, then b'still here' and the end for the first, then "
            "relay() back and both connections closed",
            why="A connection has two directions, and each ends separately. recv gives b'' when "
            "one has ended; target.shutdown(socket.SHUT_WR) passes just that on.",
        )
        with relaying(case, relay) as (line, *clients):
            early, late = clients if first == "one" else reversed(clients)
            early.sendall(b"bye")
            early.shutdown(socket.SHUT_WR)
            closed = "a connection closed, although only one of its directions has ended"
            case.want(not soon(line.count_closed, PAUSE), closed)
            got = _hear(case, late, 4, ". Is the end passed on?", "b'bye', and no end after it")
            case.want(got == b"bye", f"{got!r}, then the end, for b'bye'")
            with case.in_words(f"{{}}: {closed}?", only="Error"):
                _want_sent(case, late, b"still here")
                got = _hear(case, early, 10, "", "nothing of b'still here'")
            case.want(got, f"the end in place of b'still here': {closed}?")
            late.shutdown(socket.SHUT_WR)
            end = _hear(case, early, 1, ". Is the end passed on?", "b'still here', and no end")
            case.want(got + end == b"still here", f"{got + end!r} for b'still here'")
            _want_back(case, line)


def _want_sent(case: Case, client: socket.socket, data: bytes) -> None:
    try:
        client.sendall(data)
    except OSError as error:
        case.fail(describe(error), error)


def _want_back(case: Case, line: Any) -> None:
    back = soon(line.is_back.is_set)
    case.want(back, f"both have finished, and relay() isn't back{case.bench.whereabouts()}")
    case.want(not case.bench.records.errors, "relay() back, with an exception")
    case.want(line.count_closed() == 2, "relay() back, and a connection still open")


@build.check("broken off")
def survives_a_break(bench: Bench, relay: Any) -> None:
    for first in ("one", "other"):
        case = bench.case(
            called=f"relay(one, other), where {first} breaks off in the middle",
            expected="the end for its partner; and when that has finished, relay() back, both "
            "connections closed, and no exception",
            why="When a client crashes, recv or sendall raises ConnectionResetError or another "
            "OSError, and so may a shutdown on a connection that's gone. For a relay that's one "
            "more way to finish.",
        )
        with relaying(case, relay) as (line, *clients):
            gone, left = clients if first == "one" else reversed(clients)
            gone.sendall(b"ahoy")
            _hear(case, left, 4, bench.whereabouts())
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            gone.close()
            with suppress(ConnectionError):  # an end, too
                try:
                    case.want(not left.recv(1), "one more byte for its partner")
                except TimeoutError as error:
                    case.fail(f"no end for its partner{bench.whereabouts()}", error)
            left.close()
            _want_back(case, line)


def _want_connections(case: Case, calls: list[Any]) -> None:
    for args in calls:
        case.want(
            len(args) == 1 and isinstance(args[0], socket.socket),
            f"handle called with {', '.join(type(one).__name__ for one in args)}; accept gives a "
            "pair, and handle wants its first half",
        )


class Delegating(socketserver.TCPServer):
    """Gives each connection to a function, in a thread, and leaves it to that to close it."""

    def __init__(self, handle: Callable[[Any], Any], records: Records) -> None:
        super().__init__(ANY_PORT, socketserver.BaseRequestHandler)
        self.handle, self.records = handle, records
        self.held: list[Any] = []

    def process_request(self, request: Any, client_address: Any) -> None:
        self.held.append(request)  # held, so that nothing but a close ends it
        request.settimeout(PATIENCE)
        begin(self._handle, request)

    def _handle(self, request: Any) -> None:
        try:
            self.handle(request)
        except BaseException as error:
            self.records.note_error(error)
            hang_up(request)  # the client needn't wait for what can't come


@contextmanager
def benched(case: Case, handle: Any) -> Iterator[Any]:
    """Serve with a server of the check's that delegates to `handle`."""
    server = case.bench.there(Delegating, handle, case.bench.records)
    with case.serving_quickly(server):
        try:
            yield server
        finally:
            for request in server.held:  # a handler that would go on forever ends with it
                hang_up(request)


def hang_up(request: Any) -> None:
    """End a connection, even while a thread waits on it."""
    with suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)
    request.close()


def send_in_pieces(case: Case, where: Any, pieces: list[bytes], wanted: list[bytes]) -> list[bytes]:
    """Send the pieces and return what came after each; for what is `wanted` it waits."""
    came = [b"" for _ in pieces]
    try:
        with connect(where) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for number, want in enumerate(wanted[:-1]):
                client.sendall(pieces[number])
                client.settimeout(PATIENCE if want else PAUSE)
                missing = len(want) or 1
                with suppress(TimeoutError):
                    while missing > 0 and (data := client.recv(4096)):
                        came[number] += data
                        missing -= len(data)
            client.settimeout(PATIENCE)
            client.sendall(pieces[-1])
            with suppress(OSError):
                client.shutdown(socket.SHUT_WR)
            while data := client.recv(4096):
                came[-1] += data
    except TimeoutError:
        stands = case.bench.whereabouts()
        case.fail(f"{came}, and no end{stands}")
    except OSError as error:
        if not any(came):
            case.fail(describe(error), error)
    return came


use = EXERCISES["01.2"]


def page(path: str) -> str:
    """Return the text that 01.2 asks for."""
    return f"Señor, you asked for {path}\n"


@use.check("page")
def shows_page(bench: Bench, web: Any) -> None:
    case = bench.case(
        called='web(connection), for http.client and its request("GET", "/harbour")',
        expected=f"the status 200 and the text {page('/harbour')!r}",
        why="http.client knows nothing of this notebook. It wants a status line, headers, an "
        "empty line and the text, all in bytes.",
    )
    with benched(case, web) as server:
        for path in ("/harbour", "/"):
            status, headers, body = _get(case, server, path)
            case.want(status == 200, f"the status {status}")
            text = body.decode(errors="replace")
            missing = "" if text.strip() != page(path).strip() else ", and the line break is \\n"
            case.want(text == page(path), f"{text!r} for the path {path!r}{missing}")
            kind = headers["Content-Type"]
            case.want(
                headers.get_content_charset() == "utf-8",
                f"the Content-Type {kind!r}, without charset=utf-8: a browser may show 'SeÃ±or'",
            )
        answer = case.talk(server.server_address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    want_line_ends(case, answer)


def _get(case: Case, server: Any, path: str) -> tuple[int, Any, bytes]:
    host, port = server.server_address
    client = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    try:
        client.request("GET", path)
        answer = client.getresponse()
        try:
            body = answer.read()
        except http.client.IncompleteRead as error:
            body = error.partial
        return answer.status, answer.headers, body
    except TimeoutError as error:
        stands = case.bench.whereabouts()
        case.fail(f"no end of the answer within {PATIENCE:g} seconds{stands}", error)
    except (http.client.HTTPException, OSError) as error:
        case.fail(describe(error), error)
    finally:
        client.close()


@use.check("length")
def length(bench: Bench, web: Any) -> None:
    case = bench.case(
        called='web(connection), for the request "GET /harbour"',
        expected="a Content-Length that is the number of bytes after the empty line",
        why="A text becomes bytes by an encoding, and the two may differ in length: ñ is one "
        "character and two bytes.",
    )
    with benched(case, web) as server:
        answer = case.talk(server.server_address, b"GET /harbour HTTP/1.1\r\nHost: x\r\n\r\n")
    head, empty, body = answer.partition(b"\r\n\r\n")
    case.want(empty, f"{answer!r}, without an empty line")
    lines = [line.partition(b":") for line in head.splitlines()[1:]]
    told = [value.strip().decode() for name, _, value in lines if name.lower() == b"content-length"]
    case.want(told, f"no Content-Length in {head!r}")
    in_characters = len(body.decode(errors="replace"))
    case.want(
        told[0] != str(in_characters),
        f"{told[0]}, which is the length of the text; in bytes it is {len(body)}",
    )
    case.want(told[0] == str(len(body)), f"{told[0]}, where {len(body)} bytes follow")


@use.check("pieces")
def pieces(bench: Bench, web: Any) -> None:
    case = bench.case(
        called='web(connection), for a client who sends "GET /ha", and "rbour ..." a bit later',
        expected=f"no answer before the empty line has come, then {page('/harbour')!r}",
        why="A stream doesn't keep messages apart, so one recv may give a part of one. The message "
        "shows where it ends, here by an empty line. Receive in a loop until you have it.",
    )
    sent = [b"GET /ha", b"rbour HTTP/1.1\r\nHost: x\r\n", b"Accept: */*\r\n\r\n"]
    with benched(case, web) as server:
        *early, late = send_in_pieces(case, server.server_address, sent, [b""] * 3)
    case.want(
        not any(early),
        f"an answer before the request was complete: {b''.join(early)!r}. Is recv called once?",
    )
    body = late.partition(b"\r\n\r\n")[2].decode(errors="replace")
    case.want(body.strip() == page("/harbour").strip(), f"{body!r}. Is recv called once?")


@use.check("pieces")
def long_answer(bench: Bench, web: Any) -> None:
    path = "/" + "a" * LONG
    case = bench.case(
        called=f"web(connection), for a path of {len(path)} bytes and a client who reads slowly",
        expected="all of the answer",
        why="send takes what fits into the kernel's buffer and returns how much that was; the "
        "rest is yours. sendall sends the rest too.",
    )
    with benched(case, web) as server:
        got = _read_slowly(server, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        body = got.partition(b"\r\n\r\n")[2]
        whole = len(page(path).encode())
        case.want(
            len(body) >= whole - 1,
            f"{len(body)} bytes of the text, which has {whole}. Is send's result looked at?",
        )


LONG = 10_000
"""Bytes, of which a send takes a quarter. An answer may read them one by one, on a busy machine."""


def _read_slowly(server: Any, message: bytes, last: bytes = b"") -> bytes:
    """Return what comes until the end, or until it ends with `last`, through small buffers."""
    # So that a part is all that fits; the connection has this one from the listener.
    server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    received = b""
    with socket.socket() as client, suppress(OSError):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        client.settimeout(PATIENCE)
        client.connect(server.server_address)
        client.sendall(message)
        while data := client.recv(1 << 16):
            received += data
            if last and received.endswith(last):
                break
    return received


@use.check("pieces")
def client_gone(bench: Bench, web: Any) -> None:
    case = bench.case(
        called="web(connection), for a client who sends half a request and goes",
        expected="web() back, and the connection closed",
        why="recv gives b'' when the other side has finished, and goes on giving it. A loop that "
        "ignores it spins forever. A connection that isn't closed stays open.",
    )
    done = threading.Event()

    def noted(connection: Any) -> None:
        with suppress(Exception):  # half a request is nothing to answer
            web(connection)
        done.set()

    with benched(case, noted) as server:
        with suppress(ConnectionError):
            try:
                _until_the_end(server.server_address, b"GET /ha")
            except TimeoutError:
                case.want(done.is_set(), f"no end{bench.whereabouts()}")
                case.fail("web() back, and the connection still open")
        case.want(done.wait(PATIENCE), f"no end{bench.whereabouts()}")


bugs = EXERCISES["01.3"]


@bugs.check("bytes")
def sends_bytes(bench: Bench, shout: Any) -> None:
    case = bench.case(
        called="shout(connection), for a client who sends 'mañana\\n'",
        expected="'MAÑANA\\n', encoded",
        why="A socket carries bytes: decode what you have received, encode what you send.",
    )
    with benched(case, shout) as server:
        got = _line_of(case, server, "mañana\n".encode())
        case.want(got == "MAÑANA\n".encode(), f"{got!r}")


def _line_of(case: Case, server: Any, line: bytes) -> bytes:
    """Return what comes for one line, up to a line break."""
    got = b""
    try:
        with connect(server.server_address) as client:
            client.sendall(line)
            while not got.endswith(b"\n") and (data := client.recv(4096)):
                got += data
    except OSError as error:
        case.fail(f"{got!r}, then {silence(case.bench, error)}", error)
    return got


def silence(bench: Bench, error: OSError) -> str:
    """Return why a client got no more, and where the answer is if it just waits."""
    if isinstance(error, TimeoutError):
        return f"nothing within {PATIENCE:g} seconds{bench.whereabouts()}"
    return describe(error)


@bugs.check("second line")
def second_line(bench: Bench, shout: Any) -> None:
    case = bench.case(
        called="shout(connection), for a client who sends a line, reads, and sends another",
        expected="an answer to each of the two",
        why="A handler is called once for each connection, not once for each message. It must "
        "stay and receive again, until recv gives b''.",
    )
    got = []
    with benched(case, shout) as server:
        try:
            with connect(server.server_address) as client:
                for line in (b"one\n", b"two\n"):
                    client.sendall(line)
                    got.append(client.recv(100))
        except OSError as error:
            if got:
                case.fail(f"{got[0]!r}, and nothing for the second line: is there no loop?", error)
            case.fail(f"{silence(bench, error)}", error)
    case.want(got[0], "nothing for the first line")
    case.want(got[1], f"{got[0]!r}, then the end: is there no loop?")
    case.want(got == [b"ONE\n", b"TWO\n"], f"{got}")


PIECES = [b"ma\xc3", b"\xb1ana\nhello\nagain\nand", b" no\n"]
"""Cut inside an ñ, and with more than a line in the second piece."""
ANSWERS = [b"", "MAÑANA\nHELLO\nAGAIN\n".encode(), b"AND NO\n"]


@bugs.check("pieces")
def whole_lines(bench: Bench, shout: Any) -> None:
    case = bench.case(
        called=f"shout(connection), for {PIECES} sent piece by piece",
        expected="each line answered once, when its line break has come",
        why="A stream has no messages: a recv may give half a line, or two. Collect until there "
        "is a line break, and decode then: half an ñ can't be decoded.",
    )
    with benched(case, shout) as server:
        try:
            came = send_in_pieces(case, server.server_address, PIECES, ANSWERS)
        finally:  # the cause, told in place of what the client saw
            for error in bench.records.errors:
                case.want(
                    not isinstance(error, UnicodeDecodeError),
                    f"{describe(error)}: decoded before the whole line had come",
                )
        case.want(not came[0], f"{came[0]!r} before the line break had come")
        case.want(came == ANSWERS, f"{came} after the three pieces")


LONG_LINE = b"a" * LONG + b"\n"


@bugs.check("long line")
def long_line(bench: Bench, shout: Any) -> None:
    case = bench.case(
        called=f"shout(connection), for a line of {len(LONG_LINE)} bytes and a client who reads "
        "slowly",
        expected="all of them back, in capitals",
        why="send takes what fits into the kernel's buffer and returns how much that was; the "
        "rest is yours. sendall sends the rest too.",
    )
    with benched(case, shout) as server:
        got = _read_slowly(server, LONG_LINE, b"\n")
        error = f"{len(got)} bytes of {len(LONG_LINE)}"
        case.want(
            not got or len(got) >= len(LONG_LINE),
            f"{error}. Is send's result looked at? Is recv called until the line break?",
        )
        case.want(got == LONG_LINE.upper(), error)


@bugs.check("goodbye")
def goodbye(bench: Bench, shout: Any) -> None:
    case = bench.case(
        called="shout(connection), for a client who sends a line and has finished",
        expected="the answer, then the end of the connection, and shout() back",
        why="recv gives b'' when the other side has finished, and goes on giving it. Then it's "
        "time to close, and only you can.",
    )
    done = threading.Event()

    def noted(connection: Any) -> None:
        try:
            shout(connection)
        finally:
            done.set()

    with benched(case, noted) as server:
        try:
            got = _until_the_end(server.server_address, b"ahoy\n")
        except TimeoutError as error:
            spins = not done.is_set()
            case.fail(
                "no end: shout() goes on, although recv gives b''"
                if spins
                else "no end: shout() is back, and the connection still open",
                error,
            )
        except OSError as error:
            case.fail(describe(error), error)
        case.want(got == b"AHOY\n", f"{got!r}, then the end")


def _until_the_end(where: Any, message: bytes) -> bytes:
    with connect(where) as client:
        client.sendall(message)
        client.shutdown(socket.SHUT_WR)
        return read_to_end(client)


@chapter.check("serve")
def calls_the_handler(bench: Bench, serve: Any) -> None:
    case = bench.case(
        called="serve(listener, handle, clients=2), for two clients at the door",
        expected="handle called once for each of them, with the connected socket; serve() back",
        why="accept waits for one client, and gives a pair: a new socket for this connection, and "
        "the client's address. The handler talks over the new socket.",
    )
    calls: list[Any] = []
    callers: list[Any] = []

    def noted(*args: Any) -> None:
        calls.append(args)
        _want_connections(case, [args])
        callers.append(_caller(args[0]))

    with socket.create_server(ANY_PORT) as listener, ExitStack() as stack:
        listener.settimeout(PATIENCE / 2)
        where = listener.getsockname()
        clients = []
        for _ in range(2):
            client = stack.enter_context(connect(where))
            client.sendall(b"ahoy")  # so that the chapter's first echo, if called, doesn't wait
            clients.append(client.getsockname())
        too_often = "{}; is accept called more than once for each client?"
        with case.in_words(too_often, only="TimeoutError"):
            case.call(serve, bench.hand_over(listener), noted, 2)
    case.want(
        calls,
        "handle was never called: does the loop call the function that serve is given, by the "
        "name handle and with parentheses?",
    )
    case.want(
        len(calls) > 1, "handle called once for two clients: does a return leave the loop early?"
    )
    case.want(len(calls) == 2, f"{len(calls)} calls of handle for two clients")
    case.want(
        None not in callers,
        "handle called with a socket that no client is at the other end of: is it the listener?",
    )
    case.want(
        callers[0] != callers[1],
        "handle called twice for the same client: is accept called for each of them?",
    )
    case.want(callers == clients, f"handle called for {callers}; the clients are {clients}")


def _caller(connection: Any) -> Any:
    """Return the address of the client at the other end, None if there is none."""
    with suppress(OSError):
        return connection.getpeername()
    return None


@chapter.check("read line")
def reads_a_line(bench: Bench, read_line: Any) -> None:
    case = bench.case(
        called=r"read_line(connection), twice, for b'Hel' and, a bit later, b'lo\nWorld\n'",
        expected=r"b'Hello\n', then b'World\n'",
        why="A stream has no messages: a recv may give half a line, or two. Receive until there "
        "is a line break, and leave what follows to the next call.",
    )
    with _stream(bench) as (client, connection):
        client.sendall(b"Hel")
        begin(_send_later, client, b"lo\nWorld\n")
        on = "read_line() goes on after the line break: does it look for b'\\n', in bytes?"
        more = "nothing for the second call: has the first taken more than its own line?"
        text = "{}: recv gives bytes, so begin with b''"
        for line, late in ((b"Hello\n", on), (b"World\n", more)):
            with case.in_words(text, only='not "bytes") to str'):
                _want_line(case, case.call(read_line, connection, late=late), line)


@chapter.check("read line")
def hears_the_end(bench: Bench, read_line: Any) -> None:
    case = bench.case(
        called="read_line(connection), twice, for a client who sends b'bye' and has finished",
        expected="b'bye', then b''",
        why="recv gives b'' when the other side has finished, and goes on giving it. A loop that "
        "ignores it spins forever.",
    )
    with _stream(bench) as (client, connection):
        client.sendall(b"bye")
        client.close()
        for line in (b"bye", b""):
            late = "read_line() goes on, although recv gives b''"
            _want_line(case, case.call(read_line, connection, late=late), line)


@contextmanager
def _stream(bench: Bench) -> Iterator[tuple[socket.socket, Any]]:
    """Yield both ends of a connection; the second one is where the answer lives."""
    client, connection = socket.socketpair()
    given = bench.hand_over(connection)
    with client:
        try:
            yield client, given
        finally:
            hang_up(given)


def _send_later(client: socket.socket, data: bytes) -> None:
    time.sleep(PAUSE)
    with suppress(OSError):  # the check may be over
        client.sendall(data)


def _want_line(case: Case, got: Any, line: bytes) -> None:
    case.want(got is not None, "None: is there a return?")
    case.want(isinstance(got, bytes), f"{got!r}, which isn't bytes")
    case.want(not got or got != line[:-1], f"{got!r}, without its line break")
    case.want(
        got == line or not got.startswith(line) or not line,
        f"{got!r}, more than a line: the next call can't find what this one has taken",
    )
    case.want(
        got == line or not got or not line.startswith(got),
        f"{got!r}, a part of the line: is recv called again until the line break?",
    )
    case.want(
        got == line or not got or not line.endswith(got),
        f"{got!r}, the end of the line: is each byte added to those before it?",
    )
    case.want(got == line, f"{got!r}")


@chapter.check("echo")
def stays(bench: Bench, echo: Any) -> None:
    case = bench.case(
        called="echo(connection), for a client who sends b'one', reads, sends b'two', reads",
        expected="both of them back",
        why="A handler is called once for each connection, not once for each message. It must "
        "stay and receive again, until recv gives b''.",
    )
    got: list[bytes] = []
    once = "b'one', and nothing for b'two': is there no loop?"
    with benched(case, echo) as server:
        try:
            with connect(server.server_address) as client:
                client.settimeout(PATIENCE / 2)  # less than the handler waits
                for message in (b"one", b"two"):
                    client.sendall(message)
                    got.append(client.recv(100))
        except OSError as error:
            case.want(got != [b"one"], once)
            late = isinstance(error, TimeoutError)
            told = f"nothing for b'one' yet: is each piece sent back at once?{bench.whereabouts()}"
            case.fail(told if late else "no answer", error, alone=late)
        if not any(got):
            soon(bench.reported, PATIENCE / 10)  # why it hung up may be known a moment later
            case.fail("no answer")
    case.want(got != [b"one", b""], once)
    answer = b"".join(got)
    again = b"two" not in answer and answer.count(b"one") > 1
    case.want(not again, "b'one' over and over: is there a recv in the loop?", alone=True)
    case.want(got == [b"one", b"two"], f"{got}")


@chapter.check("echo")
def goes_when_the_client_goes(bench: Bench, echo: Any) -> None:
    case = bench.case(
        called="echo(connection), for a client who sends b'ahoy' and has finished",
        expected="b'ahoy', then the end of the connection, and echo() back",
        why="recv gives b'' when the other side has finished, and goes on giving it. Then it's "
        "time to leave the loop.",
    )
    done = threading.Event()

    def noted(connection: Any) -> None:
        try:
            echo(connection)
        finally:
            done.set()

    with benched(case, noted) as server:
        try:
            got = _until_the_end(server.server_address, b"ahoy")
        except TimeoutError as error:
            told = "echo() is back, and the connection still open"
            case.want(
                done.is_set(),
                "no end: echo() goes on, although recv gives b''. Does the loop look for that, in "
                "bytes?",
                alone=True,
            )
            case.fail(f"no end: {told}", error, alone=True)
        except OSError as error:
            case.fail(describe(error), error)
        case.want(got == b"ahoy", f"{got!r}, then the end")


class SendsLittle(socket.socket):
    """Sends no more than a few bytes at a time, as every socket does when its buffer is full."""

    def send(self, data: Any, *flags: int) -> int:
        return super().send(data[:10], *flags)


def _sends_little(connection: socket.socket) -> socket.socket:
    little = SendsLittle(fileno=connection.detach())
    little.settimeout(PATIENCE)
    return little


@chapter.check("echo")
def sends_it_all(bench: Bench, echo: Any) -> None:
    message = bytes(range(100))
    case = bench.case(
        called=f"echo(connection), for {len(message)} bytes, where the buffer has little room",
        expected="all of them back",
        why="send takes what fits into the kernel's buffer and returns how much that was; the "
        "rest is yours. sendall sends the rest too.",
    )
    with _stream(bench) as (client, given):
        client.sendall(message)
        client.shutdown(socket.SHUT_WR)
        connection = bench.there(_sends_little, given)
        try:
            case.call(echo, connection)
        finally:
            hang_up(connection)
        got = rest_of(client)
        told = f"{len(got)} bytes of {len(message)}: is it sendall that sends?"
        case.want(got[10:], told, alone=True)
        case.want(got == message, f"{got!r}")


@chapter.check("thread")
def gives_each_a_thread(bench: Bench, serve_threaded: Any) -> None:
    case = bench.case(
        called="serve_threaded(listener, handle, clients=2), where the first client says nothing "
        "and the second one asks",
        expected="serve_threaded() back at once, and the second client answered",
        why="A handler stays with its client. If the loop waits for it, one silent client blocks "
        "all others: so each connection gets a thread. A daemon thread lets Python exit.",
    )
    calls: list[Any] = []
    threads: list[threading.Thread] = []

    def noted(*args: Any) -> None:
        calls.append(args)
        threads.append(threading.current_thread())
        echo(args[0])

    # An error in the call of it is told under the name that the learner knows.
    noted.__module__, noted.__qualname__ = "builtins", "handle"
    with socket.create_server(ANY_PORT) as listener:
        listener.settimeout(PATIENCE)
        where = listener.getsockname()
        with connect(where), connect(where) as second:
            second.sendall(b"my question")
            given, got = bench.hand_over(listener), b""
            by_name = "{}. Thread wants its arguments by name: target=, args= and daemon="
            with case.in_words(by_name, only="group argument"):
                case.call(
                    in_foreground,
                    lambda: serve_threaded(given, noted, 2),
                    late="serve_threaded() waits for the first client, who says nothing: it calls "
                    "handle itself, or waits for the thread to end",
                )
            with suppress(OSError):
                got = second.recv(100)
            _want_connections(case, calls)
            case.want(
                calls,
                "no call of handle: is the thread started, and is args a tuple, (connection,)?",
            )
            case.want(got == b"my question", f"{got!r} for the second client")
    case.want(
        all(thread.daemon for thread in threads),
        "a thread that isn't a daemon: is it made with daemon=True?",
    )


@chapter.check("datagram")
def sends_a_datagram_back(bench: Bench, send_back: Any) -> None:
    case = bench.case(
        called="send_back(server), twice, for a datagram from each of two clients",
        expected="each client's own datagram back, and the server's socket still open",
        why="There's no connection: recvfrom gives the data and the address it came from, and "
        "that address is where the answer goes. The next datagram needs the same socket.",
    )
    with postbox() as server, postbox() as first, postbox() as second:
        where, given = server.getsockname(), bench.hand_over(server)
        late = "send_back() isn't back after one datagram: does it wait for a second one?"
        for client, message in ((first, b"ahoy"), (second, b"hello")):
            client.sendto(message, where)
            with sendto_in_words(case):
                case.call(send_back, given, late=late)
            case.want(given.fileno() != -1, "the server's socket is closed: the next card is lost")
            case.want(
                not has_answer(given),
                "an answer to the server's own address: the client has another one",
            )
            case.want(has_answer(client), "no answer for the client")
            got = client.recv(100)
            case.want(got == message, f"{got!r} for {message!r}")


predict = EXERCISES["01.4"]


@predict.prediction(
    "stream",
    expected="what recv(5) and recv(1024) give, as bytes",
    why="A stream keeps the order, but not where one send ended and the next began.",
    misread=(
        "One recv isn't one send: it takes what's there, up to five bytes.",
        "One recv isn't one send: it takes all that's left, of however many sends.",
    ),
)
def stream_reads() -> list[Any]:
    left, right = socket.socketpair()
    with left, right:
        for message in (b"one ", b"two ", b"three"):
            left.sendall(message)
        real = [right.recv(5), right.recv(1024)]
    return real


@predict.prediction(
    "datagrams",
    expected="the data that two calls of recvfrom(1024) give, as bytes",
    why="A datagram is one message with an address on it.",
    misread=(*["Two postcards don't grow together: one recvfrom gives one datagram."] * 2,),
)
def datagram_reads() -> list[Any]:
    with postbox() as server, postbox() as client:
        for message in (b"one ", b"two "):
            client.sendto(message, server.getsockname())
        real = [server.recvfrom(1024)[0] for _ in range(2)]
    return real


@predict.prediction(
    "the end",
    expected="what three calls of recv(1024) give, as bytes",
    why="What was sent before the end still arrives. Then recv gives b'', for good.",
    misread=(
        "What was sent before the end arrives.",
        *["The other side has finished. That isn't silence, and recv doesn't wait."] * 2,
    ),
)
def at_the_end() -> list[Any]:
    left, right = socket.socketpair()
    with left, right:
        left.sendall(b"bye")
        left.close()
        real = [right.recv(1024) for _ in range(3)]
    return real


@predict.prediction(
    "second client",
    expected="True or False: connected, sent, answered by serve; answered by serve_threaded",
    why="The kernel connects and keeps bytes for a server that hasn't looked yet. Only the "
    "answer needs the server.",
    misread=(
        "The kernel completes connections and keeps them in a queue, so no client is refused.",
        "Bytes sent wait in the kernel's buffer until they're received.",
        "A synchronous server is with its first client until that one has gone.",
        "With a thread for each connection only that thread waits for the silent client.",
    ),
)
def second_client() -> list[Any]:
    return [*_second_client(threaded=False), _second_client(threaded=True)[2]]


def _second_client(threaded: bool) -> list[bool]:
    """Return what a second client gets while the first is silent: connected, sent, answered."""
    real = []
    with socket.create_server(ANY_PORT) as listener:
        server = begin(_serve, listener, threaded)
        where = listener.getsockname()
        with connect(where), connect(where) as client:
            real.append(client.getpeername() == where)
            client.sendall(b"my question")
            real.append(True)
            client.settimeout(PATIENCE if threaded else 0.2)
            try:
                real.append(client.recv(100) == b"my question")
            except TimeoutError:
                real.append(False)
        server.join(PATIENCE)
    return real


def _serve(listener: socket.socket, threaded: bool) -> None:
    for _ in range(2):
        connection, _ = listener.accept()
        if threaded:
            begin(echo, connection)
        else:
            echo(connection)


@predict.prediction(
    "calls",
    expected="how often handle is called: for one connection with three messages, and for "
    "three connections with one message each",
    why="A server calls its handler once for each connection, not once for each message.",
    misread=(
        "handle is called once for each connection, not once for each message.",
        "Each connection is one call.",
    ),
)
def calls(case: Case) -> list[Any]:
    counts: list[int] = []
    times = [0]

    def noted(connection: Any) -> None:
        times[0] += 1
        echo(connection)

    for connections, messages in ((1, 3), (3, 1)):
        times[0] = 0
        with benched(case, noted) as server:
            for _ in range(connections):
                with connect(server.server_address) as client:
                    for _ in range(messages):
                        client.sendall(b"ahoy")
                        client.recv(100)
            time.sleep(0.02)
        counts.append(times[0])
    return counts
