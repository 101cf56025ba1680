"""Wrong answers to 01.1-01.4 are told what is wrong with them; right ones pass."""

import logging
import socket
import socketserver
import sys
import threading
from contextlib import suppress

import pytest

from socketlab import check

from .helpers import impatient, message


class Right(socketserver.ThreadingTCPServer):
    """The standard library's, for handlers that are functions of a connection."""

    daemon_threads = True

    def __init__(self, handle):
        self.handle = handle
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)

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


class FixedPort(Right):
    """As many examples do; here a number that was free, so that two tests can run at once."""

    number = None

    def __init__(self, handle):
        if FixedPort.number is None:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                FixedPort.number = probe.getsockname()[1]
        self.handle = handle
        socketserver.TCPServer.__init__(self, ("127.0.0.1", self.number), None)


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
        socketserver.TCPServer.process_request(self, request, client_address)


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
]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("wrong, part, told", BUILD)
def test_a_wrong_server_is_told_its_mistake(wrong, part, told, monkeypatch):
    """The message names this very mistake, and nothing is left running."""
    impatient(monkeypatch, 0.7)
    before = set(threading.enumerate())
    assert told in message("01.1", part, wrong)
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive()


@pytest.mark.parametrize("right", [Right, FromTheText])
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
):
    """Return a handler, with the given parts as the learner wrote them."""
    source = f"""
def web(connection):
    request = b""
    {receive}
    path = request.decode().split()[1]
    text = f"Señor, you asked for {{path}}\\n"
    body = text.encode()
    head = f"HTTP/1.0 200 OK\\r\\nContent-Length: {{{length}}}{empty}"
    connection.sendall((head + text){encode})
    {close}
"""
    names = {}
    exec(source, names)
    return names["web"]


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
    ],
)
def test_a_wrong_page_is_told_its_mistake(answer, part, told, monkeypatch):
    impatient(monkeypatch, 0.7)
    came = next(line for line in message("01.2", part, answer).splitlines() if "Came:" in line)
    assert told in came


def with_files(connection):
    """Another way: the connection as a file."""
    with connection, connection.makefile("rwb") as file:
        path = file.readline().split()[1].decode()
        while file.readline().strip():
            print("a header")
        text = f"Señor, you asked for {path}\n".encode()
        file.write(b"HTTP/1.1 200 Fine\r\ncontent-length:%d\r\n\r\n" % len(text))
        file.write(text)


@pytest.mark.parametrize("answer", [web(CAREFUL), with_files])
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
    impatient(monkeypatch, 0.7)
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


@pytest.mark.parametrize("answer", [shout(), shout_by_file, shout_by_hand])
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
