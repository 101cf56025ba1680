"""Wrong answers to 01.1-01.4 are told what is wrong with them; right ones pass."""

import codecs
import functools
import io
import logging
import re
import select
import selectors
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from socketlab import check

from .helpers import a_copy_of, impatient, message

TYPED = ("BaseServer", "TCPServer", "ThreadingMixIn", "ThreadingTCPServer")


class Right(a_copy_of(*(getattr(socketserver, name) for name in TYPED))):
    """The standard library's, typed by hand, for handlers that are functions of a connection."""

    daemon_threads = True

    def __init__(self, handle):
        self.handle = handle
        super().__init__(("127.0.0.1", 0), None)

    def finish_request(self, request, client_address):
        self.handle(request)


class FromTheText:
    """One loop that selects, a thread a client, and a word to stderr now and then."""

    def __init__(self, handle):
        self.handle = handle
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.over = threading.Event()

    @property
    def server_address(self):
        return self.listener.getsockname()

    def serve_forever(self):
        print("serving", file=sys.stderr)
        logging.getLogger("sockets").error("serving")
        threads = []
        self.listener.settimeout(0.05)
        while not self.over.is_set():
            try:
                pair = self.listener.accept()
            except TimeoutError:
                pass
            else:
                threads.append(threading.Thread(target=self.work, args=pair))
                threads[-1].daemon = True
                threads[-1].start()

    def work(self, connection, client_address):
        try:
            self.handle(connection)
        finally:
            connection.close()

    def shutdown(self):
        self.over.set()

    def server_close(self):
        self.listener.close()


class Slotted:
    """With no room for any other attribute."""

    __slots__ = ("handle", "over", "server_address", "sock")

    def __init__(self, handle):
        self.handle, self.over = handle, False
        self.sock = socket.create_server(("localhost", 0))
        self.sock.settimeout(0.2)
        self.server_address = self.sock.getsockname()

    def serve_forever(self):
        while not self.over:
            try:
                connection = self.sock.accept()[0]
            except OSError:
                continue
            threading.Thread(daemon=True, target=lambda mine=connection: self.handle(mine)).start()

    def shutdown(self):
        self.over = True

    def server_close(self):
        self.sock.close()


@dataclass(slots=True)
class SlottedData:
    """Its attributes are declared, and made after the start."""

    handle: Callable[[socket.socket], None]
    listener: socket.socket = field(init=False)
    stopping: threading.Event = field(init=False, default_factory=threading.Event)

    def __post_init__(self):
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(5)

    @property
    def server_address(self):
        host, port = self.listener.getsockname()
        return host, port

    def serve_forever(self):
        while not self.stopping.is_set():
            if select.select([self.listener], [], [], 0.1)[0]:
                serve_one = functools.partial(self.handle, self.listener.accept()[0])
                thread = threading.Thread(target=serve_one)
                thread.daemon = True
                thread.start()

    def shutdown(self):
        self.stopping.set()

    def server_close(self):
        with suppress(OSError):
            self.listener.close()


class CallsItself(FromTheText):
    """Its shutdown knocks at the door, so that accept comes back."""

    def serve_forever(self):
        while True:
            connection, _ = self.listener.accept()
            if self.over.is_set():
                connection.close()
                return
            threading.Thread(target=self.handle, args=[connection], daemon=True).start()

    def shutdown(self):
        self.over.set()
        socket.create_connection(self.server_address).close()


class RingsABell:
    """A selector over the listener and a socket pair."""

    def __init__(self, handle):
        self.handle = handle
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=10)
        self.listener.setblocking(False)
        self.server_address = self.listener.getsockname()[:2]
        self.bell, self.button = socket.socketpair()

    def serve_forever(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self.listener, selectors.EVENT_READ, self._serve)
            selector.register(self.bell, selectors.EVENT_READ, None)
            while calls := [key.data for key, _ in selector.select()]:
                if None in calls:
                    return
                for call in calls:
                    call()

    def _serve(self):
        connection, _ = self.listener.accept()
        connection.setblocking(True)
        threading.Thread(None, self.handle, None, (connection,), daemon=True).start()

    def shutdown(self):
        self.button.send(b"!")

    def server_close(self):
        for each in (self.listener, self.bell, self.button):
            each.close()


def from_closures(handle):
    """Return a server made of functions, no class of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopping = []

    def serve_forever():
        while not stopping:
            listener.settimeout(0.25)
            with suppress(socket.timeout):
                threading.Thread(target=handle, args=listener.accept()[:1], daemon=True).start()

    return SimpleNamespace(
        server_address=listener.getsockname(),
        serve_forever=serve_forever,
        shutdown=lambda: stopping.append(True),
        server_close=listener.close,
    )


class FixedPort(Right):
    """As many examples do; here a number that was free, so that two tests can run at once."""

    number = None

    def __init__(self, handle):
        if FixedPort.number is None:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                FixedPort.number = probe.getsockname()[1]
        self.handle = handle
        super(Right, self).__init__(("127.0.0.1", self.number), None)


class Probes(Right):
    def server_bind(self):
        with socket.socket() as probe:
            probe.bind(self.server_address)
            self.server_address = probe.getsockname()
        super().server_bind()


class KeepsPortZero(Right):
    def server_bind(self):
        self.socket.bind(self.server_address)


class NeverListens(Right):
    def server_activate(self):
        pass


class GivesThePair(Right):
    def finish_request(self, request, client_address):
        self.handle(request, client_address)


class GivesTheAddress(Right):
    def finish_request(self, request, client_address):
        self.handle(client_address[1])


class OncePerMessage(Right):
    """Leaves, and calls the handler anew for the next message."""

    def finish_request(self, request, client_address):
        while request.recv(1, socket.MSG_PEEK):
            ours, theirs = socket.socketpair()
            with ours:
                theirs.sendall(request.recv(1024))
                theirs.shutdown(socket.SHUT_WR)
                self.handle(ours)
            request.sendall(theirs.recv(1024))
            theirs.close()


class Sequential(Right):
    def process_request(self, request, client_address):
        self.finish_request(request, client_address)
        self.shutdown_request(request)


class NoDaemons(Right):
    daemon_threads = False
    block_on_close = False


class SaysNothingOfDaemons(FromTheText):
    """A thread is a daemon if the one that starts it is, and that is the notebook's own."""

    def serve_forever(self):
        self.listener.settimeout(0.05)
        while not self.over.is_set():
            with suppress(TimeoutError):
                threading.Thread(target=self.work, args=self.listener.accept()).start()


class SleepsInAccept(Right):
    stopping = False

    def serve_forever(self):
        while not self.stopping:
            self.process_request(*self.get_request())

    def shutdown(self):
        self.stopping = True


class NeverCloses(Right):
    def server_close(self):
        pass


class OpenToAll(FromTheText):
    def __init__(self, handle):
        super().__init__(handle)
        self.listener.close()
        self.listener = socket.create_server(("", 0))


class LooksUpSeldom(FromTheText):
    """Ends, but not within half a second or so."""

    def serve_forever(self):
        super().serve_forever()
        time.sleep(1.5)  # as one that looks up too seldom, at its most unlucky


class FlagOnTheClass(Right):
    def __init__(self, handle):
        super().__init__(handle)
        FlagOnTheClass.stopping = False

    def serve_forever(self):
        while not FlagOnTheClass.stopping:
            self.timeout = 0.05
            self.handle_request()

    def shutdown(self):
        FlagOnTheClass.stopping = True


class SharesItsAddress(Right):
    def server_activate(self):
        super().server_activate()
        SharesItsAddress.server_address = self.__dict__.pop("server_address")


class SocketInAGlobal(FromTheText):
    def __init__(self, handle):
        super().__init__(handle)
        SocketInAGlobal.listener = self.__dict__.pop("listener")


BUILD = [
    pytest.param(FixedPort, "address", "always ask for the same port?", id="learners-13"),
    pytest.param(Probes, "address", "a port that was chosen beforehand", id="learners-13 probes"),
    pytest.param(KeepsPortZero, "address", "nobody can connect to port 0", id="port 0"),
    pytest.param(NeverListens, "address", "nobody listens", id="never listens"),
    pytest.param(GivesThePair, "serve", "wants its first half", id="the pair"),
    pytest.param(GivesTheAddress, "serve", "called with int", id="addr[1]"),
    pytest.param(OncePerMessage, "serve", "4 calls of handle for two", id="learners-8"),
    pytest.param(Sequential, "second client", "it waits for the first", id="learners-10"),
    pytest.param(NoDaemons, "second client", "no daemon", id="no daemons"),
    pytest.param(SaysNothingOfDaemons, "second client", "no daemon", id="daemon not said"),
    pytest.param(SleepsInAccept, "stop", "serve_forever() goes on", id="sleeps"),
    pytest.param(NeverCloses, "stop", "the listener is still open", id="never closes"),
    pytest.param(SharesItsAddress, "address", "is it on the class?", id="shared address"),
    pytest.param(OpenToAll, "address", "the task says 127.0.0.1", id="open to all"),
    pytest.param(FlagOnTheClass, "stop", "no answer from one of two servers", id="shared flag"),
    pytest.param(SocketInAGlobal, "stop", "no answer from one of two servers", id="shared socket"),
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("wrong, part, told", BUILD)
def test_a_wrong_server_is_told_its_mistake(wrong, part, told, monkeypatch):
    """The message names this very mistake, and nothing is left running."""
    impatient(monkeypatch)
    before = set(threading.enumerate())
    assert told in message("01.1", part, wrong)
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive()


def test_a_server_that_looks_up_seldom_is_told_so():
    """It does end, within the check's patience, but not within half a second or so."""
    assert "serve_forever() back after 1." in message("01.1", "stop", LooksUpSeldom)


@pytest.mark.parametrize(
    "right",
    [Right, FromTheText, Slotted, SlottedData, CallsItself, RingsABell, from_closures],
)
def test_a_right_server_passes_in_any_style(right, capfd):
    check("01.1", right)
    printed, errors = capfd.readouterr()
    assert [line[:6] for line in printed.splitlines()] == ["✓ 01.1"] * 4
    assert errors == ""


SPINS = 'while not request.endswith(b"\\r\\n\\r\\n"): request += connection.recv(1024)'
CAREFUL = """
    while not request.endswith(b"\\r\\n\\r\\n"):
        request += connection.recv(1) or b"GET gone\\r\\n\\r\\n"
"""


def web(
    receive=SPINS,
    length="len(body)",
    encode=".encode()",
    empty="\\r\\n\\r\\n",
    close="connection.close()",
    kind="Content-Type: text/plain; charset=utf-8\\r\\n",
    end="\\n",
    send="sendall",
):
    """Return a handler, with the given parts as the learner wrote them."""
    source = f"""
def web(connection):
    request = b""
    {receive}
    path = request.decode().split()[1]
    text = f"Señor, you asked for {{path}}{end}"
    body = text.encode()
    head = f"HTTP/1.0 200 OK\\r\\n{kind}Content-Length: {{{length}}}{empty}"
    connection.{send}((head + text){encode})
    {close}
"""
    names = {}
    exec(source, names)
    return names["web"]


LEAVES = """
    while not request.endswith(b"\\r\\n\\r\\n"):
        data = connection.recv(1024)
        if not data:
            return
        request += data
"""
ONCE = "request = connection.recv(65536)"


@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(web(encode=""), "page", "a bytes-like object is required", id="learners-7"),
        pytest.param(web(close="pass"), "length", "no end within", id="stays open"),
        pytest.param(web(empty="\\r\\n"), "length", "without an empty line", id="no empty line"),
        pytest.param(
            web(length="len(text)"), "length", "which is the length of the text", id="characters"
        ),
        pytest.param(web(ONCE), "pieces", "Is recv called once?", id="learners-3"),
        pytest.param(web(), "pieces", "no end", id="spins"),
        pytest.param(
            web("request += connection.recv(1024)", length="99"),
            "length",
            "99, where 31 bytes follow",
            id="a number",
        ),
        pytest.param(web(CAREFUL, kind=""), "page", "without charset=utf-8", id="no type"),
        pytest.param(
            web(CAREFUL, kind="Content-Type: text/plain\\r\\n"),
            "page",
            "without charset=utf-8",
            id="no charset",
        ),
        pytest.param(
            web(CAREFUL, kind="Content-Type: text/plain; charset=utf-8\\n"),
            "page",
            "ended by \\n alone",
            id="a bare line feed",
        ),
        pytest.param(
            web(CAREFUL, empty="\\n\\n"), "page", "ended by \\n alone", id="all bare line feeds"
        ),
        pytest.param(web(CAREFUL, end=""), "page", "the line break is", id="no line break"),
        pytest.param(web(CAREFUL, end="\\r\\n"), "page", "the line break is", id="another break"),
        pytest.param(
            web(CAREFUL, send="send"), "pieces", "Is send's result looked at?", id="learners-12"
        ),
        pytest.param(web(LEAVES), "pieces", "back, and the connection still open", id="leaves"),
    ],
)
def test_a_wrong_page_is_told_its_mistake(answer, part, told, monkeypatch):
    impatient(monkeypatch)
    came = next(line for line in message("01.2", part, answer).splitlines() if "Came:" in line)
    assert told in came


def with_files(connection):
    """Another way: the connection as a file."""
    with connection, connection.makefile("rwb") as file:
        path = file.readline().split()[1].decode()
        while file.readline().strip():
            print("a header")
        text = f"Señor, you asked for {path}\n".encode()
        file.write(b"HTTP/1.1 200 Fine\r\ncontent-type:text/plain;charset=UTF-8\r\n")
        file.write(b"content-length:%d\r\n\r\n" % len(text))
        file.write(text)


def receive_head(connection):
    """Return the lines of a request, or none if the client has gone."""
    head = bytearray()
    for piece in iter(lambda: connection.recv(7), b""):
        head.extend(piece)
        if b"\r\n\r\n" in head:
            return head.decode("latin-1").split("\r\n")
    return []


def in_two_functions(connection):
    lines = receive_head(connection)
    if lines:
        _, path, *_ = lines[0].split(" ")
        body = bytes(f"Señor, you asked for {path}\n", "utf-8")
        head = [
            "HTTP/1.0 200 OK",
            "Content-Type: text/plain; charset=utf-8",
            f"Content-Length: {len(body)}",
        ]
        for line in [*head, ""]:
            connection.sendall(f"{line}\r\n".encode("ascii"))
        connection.sendall(body)
    connection.close()


class WebPage:
    """A callable object, with a template of its own."""

    head = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n"

    def __call__(self, connection):
        with closing(connection):
            seen = b""
            while True:
                more = connection.recv(100)
                seen += more
                if not more:
                    return
                if seen.find(b"\r\n\r\n") != -1:
                    break
            text = "".join(
                ["Señor, you asked for ", re.match(r"\S+ (\S+)", seen.decode())[1], "\n"]
            )
            out = io.BytesIO()
            out.write(self.head % len(text.encode("utf-8")))
            out.write(b"\r\n" + text.encode("utf-8"))
            left = memoryview(out.getvalue())
            while left:
                left = left[connection.send(left) :]


class RequestHandler(socketserver.StreamRequestHandler):
    def handle(self):
        path = self.rfile.readline().decode().partition(" ")[2].partition(" ")[0]
        for line in self.rfile:
            if line == b"\r\n":
                text = f"Señor, you asked for {path}\n".encode()
                self.wfile.write(b"HTTP/1.0 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\n")
                self.wfile.write(b"CONTENT-LENGTH: " + str(len(text)).encode() + b"\r\n\r\n" + text)
                return


def by_a_library_class(connection):
    """Let the standard library receive and send."""
    with connection:
        RequestHandler(connection, None, None)


def raises_when_the_client_has_gone(connection):
    try:
        request = ""
        while "\r\n\r\n" not in request:
            data = connection.recv(1024)
            if data == b"":
                raise ConnectionError("gone")
            request += data.decode("utf-8")
        _, path, _ = request.splitlines()[0].split()
        text = f"Señor, you asked for {path}\n"
        size = len(text.encode())
        answer = f"""\
HTTP/1.0 200 OK
Content-Type: text/plain; charset=utf-8
Content-Length: {size}

""".replace("\n", "\r\n")
        connection.sendall((answer + text).encode("utf8"))
    except ConnectionError:
        pass
    finally:
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()


@pytest.mark.parametrize(
    "answer",
    [
        web(CAREFUL),
        with_files,
        in_two_functions,
        WebPage(),
        by_a_library_class,
        raises_when_the_client_has_gone,
        functools.partial(in_two_functions),
    ],
)
def test_a_right_page_passes(answer):
    check("01.2", answer)


def shout(
    read="line = read_line(connection)",
    until="if not line: break",
    answer="line.decode().upper().encode()",
    send="sendall",
    close="connection.close()",
):
    """Return a handler, with the given parts as the learner wrote them."""
    source = f"""
def read_line(connection):
    line = b""
    while not line.endswith(b"\\n") and (byte := connection.recv(1)):
        line += byte
    return line
def shout(connection):
    while True:
        {read}
        {until}
        connection.{send}({answer})
    {close}
"""
    names = {}
    exec(source, names)
    return names["shout"]


def as_found(connection):
    data = connection.recv(1024)
    connection.send(data.decode().upper())


def once(connection):
    with connection:
        data = connection.recv(65536)
        connection.sendall(data.decode().upper().encode())


PIECE = "line = connection.recv(1024)"


@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(as_found, "bytes", "a bytes-like object is required", id="learners-7"),
        pytest.param(once, "second line", "is there no loop?", id="learners-8"),
        pytest.param(shout(PIECE), "pieces", "decoded before the whole line", id="learners-3"),
        pytest.param(
            shout(PIECE, answer="line.upper()"), "pieces", "before the line break", id="no decode"
        ),
        pytest.param(shout(send="send"), "long line", "Is send's result", id="learners-12"),
        pytest.param(shout(until=""), "goodbye", "although recv gives b''", id="spins"),
        pytest.param(shout(close="pass"), "goodbye", "still open", id="stays open"),
    ],
)
def test_a_bug_left_in_is_named(answer, part, told, monkeypatch):
    impatient(monkeypatch)
    came = next(line for line in message("01.3", part, answer).splitlines() if "Came:" in line)
    assert told in came


def shout_by_file(connection):
    with connection, connection.makefile(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            connection.sendall(line.upper().encode())


def shout_by_hand(connection):
    rest = b""
    while data := connection.recv(4096):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            answer = line.decode().upper().encode() + b"\n"
            while answer:
                answer = answer[connection.send(answer) :]
    connection.close()


def lines_of(connection):
    """Yield the lines as they come."""
    buffer = bytearray()
    while (piece := connection.recv(100)) != b"":
        buffer += piece
        while (end := buffer.find(b"\n")) >= 0:
            yield bytes(buffer[: end + 1])
            del buffer[: end + 1]


def shout_by_generator(connection):
    try:
        for line in lines_of(connection):
            connection.sendall(bytes(str(line, "utf-8").upper(), "utf-8"))
    finally:
        connection.close()


class Shouter(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.decode().upper().encode())


def shout_by_class(connection):
    with connection:
        Shouter(connection, ("", 0), None)


def shout_by_codec(connection):
    """Decode piece by piece, by a decoder that keeps half an ñ."""
    decoder, text = codecs.getincrementaldecoder("utf-8")(), ""
    while data := connection.recv(512):
        text += decoder.decode(data)
        *whole, text = text.splitlines(keepends=True) or [""]
        if text.endswith("\n"):
            whole, text = [*whole, text], ""
        for line in whole:
            connection.sendall(line.upper().encode())
    connection.shutdown(socket.SHUT_WR)
    connection.close()


SHOUTS = [
    shout(),
    shout_by_file,
    shout_by_hand,
    shout_by_generator,
    shout_by_class,
    shout_by_codec,
    functools.partial(shout_by_hand),
]


@pytest.mark.parametrize("answer", SHOUTS)
def test_a_mended_handler_passes(answer):
    check("01.3", answer)


def forecast(
    stream=(b"one t", b"wo three"),
    datagrams=(b"one ", b"two "),
    end=(b"bye", b"", b""),
    second=(True, True, False, True),
    calls=(1, 3),
):
    return stream, datagrams, end, second, calls


@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(
            forecast([b"one ", b"two "]), "stream", "One recv is not one send", id="learners-3"
        ),
        pytest.param(forecast(["one t", "wo three"]), "stream", "of type str", id="learners-7"),
        pytest.param(
            forecast(datagrams=[b"one two ", b""]), "datagrams", "do not grow together", id="grow"
        ),
        pytest.param(forecast(end=[b"bye", b"", None]), "the end", "of type NoneType", id="waits"),
        pytest.param(forecast(end=[b"bye", b"bye", b""]), "the end", "has finished", id="again"),
        pytest.param(
            forecast(second=[True, True, True, True]),
            "second client",
            "synchronous server",
            id="learners-10",
        ),
        pytest.param(
            forecast(second=[False, True, False, True]), "second client", "queue", id="learners-18"
        ),
        pytest.param(forecast(calls=[3, 3]), "calls", "not once for each message", id="learners-8"),
        pytest.param(forecast(calls=1), "calls", "not a list", id="a number"),
    ],
)
def test_a_wrong_forecast_is_told_why(answer, part, told):
    came = next(line for line in message("01.4", part, *answer).splitlines() if "Came:" in line)
    assert told in came


def test_a_right_forecast_passes():
    check("01.4", *forecast())
