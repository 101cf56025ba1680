"""Wrong answers to 04.1 to 04.4 are told what is wrong with them; right ones pass."""

import functools
import logging
import re
import socket
import socketserver
import sys
import threading
from collections import namedtuple

import pytest

import minisocketserver
from minisocketserver import BaseServer, TCPServer
from socketlab import check, hint

from .helpers import impatient, message, ours

Right = ours("04.1").UDPServer


class StillStream(Right):
    socket_type = socket.SOCK_STREAM


class Listens(Right):
    server_activate = TCPServer.server_activate


class KeepsPortZero(Right):
    def server_bind(self):
        self.socket.bind(self.server_address)


class Accepts(Right):
    def get_request(self):
        return self.socket.accept()


class InheritsAccept(TCPServer):
    socket_type = socket.SOCK_DGRAM

    def server_activate(self):
        pass


class OnlyBytes(Right):
    def get_request(self):
        return self.socket.recvfrom(8192)


class DataAndAddress(Right):
    def get_request(self):
        data, client_address = self.socket.recvfrom(8192)
        return (data, client_address), client_address


class OnlyThePair(Right):
    def get_request(self):
        return self.socket.recvfrom(8192)[0], self.socket, None


class OwnAddress(Right):
    def get_request(self):
        data, _ = self.socket.recvfrom(8192)
        return (data, self.socket), self.server_address


class ForgetsToReturn(Right):
    def get_request(self):
        self.socket.recvfrom(8192)


class ReadsOn(Right):
    def get_request(self):
        self.socket.recvfrom(8192)
        return super().get_request()


class ClosesTheLetterbox(Right):
    def close_request(self, request):
        request[1].close()


class SaysGoodbye(Right):
    shutdown_request = TCPServer.shutdown_request


class ClosesThePair(Right):
    close_request = TCPServer.close_request


class NeverTellsTheEnd(Right):
    def shutdown_request(self, request):
        pass


class TellsTheEndOfNothing(Right):
    def shutdown_request(self, request):
        self.close_request(None)


class CutsUnseen(Right):
    def get_request(self):
        data, client_address = self.socket.recvfrom(self.max_packet_size)
        return (data, self.socket), client_address


class TakesFullForCut(Right):
    def get_request(self):
        data, client_address = self.socket.recvfrom(self.max_packet_size)
        if len(data) == self.max_packet_size:
            self.handle_truncation(client_address)
        return (data, self.socket), client_address


class KeepsTheByteTooMany(Right):
    def get_request(self):
        data, client_address = self.socket.recvfrom(self.max_packet_size + 1)
        if len(data) > self.max_packet_size:
            self.handle_truncation(client_address)
        return (data, self.socket), client_address


class TellsItsOwnAddress(Right):
    def get_request(self):
        data, client_address = self.socket.recvfrom(self.max_packet_size + 1)
        if len(data) > self.max_packet_size:
            self.handle_truncation(self.server_address)
        return (data[: self.max_packet_size], self.socket), client_address


class NumberInTheCall(Right):
    def get_request(self):
        data, client_address = self.socket.recvfrom(8193)
        if len(data) > 8192:
            self.handle_truncation(client_address)
        return (data[:8192], self.socket), client_address


WRONG_SERVERS = [
    (StillStream, "letterbox", "socket_type is still that of TCPServer"),
    (Listens, "letterbox", "did server_activate call listen()?"),
    (KeepsPortZero, "letterbox", "server_address is ('127.0.0.1', 0)"),
    (None, "letterbox", "still blank"),
    (Accepts, "pair", "of your code: return self.socket.accept(); there is nothing to accept"),
    (InheritsAccept, "pair", "there is nothing to accept"),
    pytest.param(OnlyBytes, "pair", "b'first', not a pair (data, socket)", id="learners-19-bytes"),
    (DataAndAddress, "pair", "where the handler looks for the socket to answer with"),
    (OnlyThePair, "pair", "not a pair of request and address"),
    (OwnAddress, "pair", "the client wrote from"),
    (ForgetsToReturn, "pair", "None, not a pair"),
    (ReadsOn, "pair", "the data b'second' where b'first' came in"),
    pytest.param(
        ClosesTheLetterbox,
        "next card",
        "the socket in self.request was closed after a card: it is the server's own",
        id="learners-19-closes",
    ),
    pytest.param(
        SaysGoodbye,
        "next card",
        "a goodbye to a pair, as if it were a connection (AttributeError",
        id="learners-19-goodbye",
    ),
    (ClosesThePair, "next card", "a goodbye to a pair"),
    (NeverTellsTheEnd, "next card", "two requests, and 0 calls of close_request"),
    (TellsTheEndOfNothing, "next card", "close_request for None and None, not for the requests"),
    (CutsUnseen, "cut", "calls of handle_truncation: 0, not 1, for 9000 bytes sent"),
    (TellsItsOwnAddress, "cut", "; the client wrote from [('127.0.0.1', "),
    (OnlyBytes, "cut", "\\x00', not a pair (data, socket)"),
    (TakesFullForCut, "cut", "for 8192 bytes sent with a max_packet_size of 8192"),
    (KeepsTheByteTooMany, "cut", "8193 bytes for 9000 bytes sent"),
    (NumberInTheCall, "cut", "101 bytes for 101 bytes sent with a max_packet_size of 100"),
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("wrong, part, told", WRONG_SERVERS)
def test_a_wrong_server_is_told_its_mistake(wrong, part, told, monkeypatch):
    """The message names this very mistake, and nothing is left running."""
    impatient(monkeypatch)
    before = set(threading.enumerate())
    assert told in message("04.1", part, wrong)
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive()


def desk(body, parent=socketserver.BaseRequestHandler):
    """Return a handler whose handle() has this body."""
    names = {"parent": parent, "SEVERITIES": SEVERITIES, "PYTHONS": PYTHONS}
    lines = "\n".join(f"        {line}" for line in body.strip().splitlines())
    exec(f"class Desk(parent):\n    def handle(self):\n{lines}\n", names)
    return names["Desk"]


SEVERITIES = ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"]
PYTHONS = ["error", "error", "critical", "error", "warning", "info", "info", "debug"]
"""Only what Python's logging sends."""
NOTE = """
card, sock = self.request
number, _, text = card.decode().rstrip("\\0").removeprefix("<").partition(">")
self.server.log.append(f"{SEVERITIES[int(number) % 8]}: {text}")
"""
FILES = NOTE.replace("card, sock = self.request", "card = self.rfile.read()")


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "wrong, part, told",
    [
        (desk(NOTE.replace("int(number) % 8", "int(number) - 8")), "severity", "IndexError"),
        (desk(NOTE.replace("int(number) % 8", "int(number) // 8")), "severity", "alert: all's"),
        (desk(NOTE.replace("self.server.log.append", "print")), "severity", "0 lines in server."),
        (desk("card = self.request.recv(1024)"), "severity", "'tuple' object has no attribute"),
        (desk(NOTE.replace("% 8", "- 8")), "severity", "for the card '<20>all's well\\x00' (Index"),
        (desk("self.server.log = 'error'"), "severity", "server.log is 'error' now, and no list"),
        (desk("self.server.log = 'error'"), "silence", "server.log is 'error' now, and no list"),
        (desk("self.request.decode()"), "silence", "0 lines in server.log (AttributeError"),
        (desk(NOTE.replace('.rstrip("\\0")', "")), "text", "the zero byte is still there"),
        (desk(NOTE.replace('.partition(">")', '.rpartition(">")')), "text", "ValueError"),
        (desk(NOTE.replace("decode()", 'decode("latin-1")')), "text", "'error: Kurs SÃ¼d' for"),
        (
            desk(NOTE.replace("{text}", "{text.strip()}")),
            "text",
            "'error: a blank at each end' for the message ' a",
        ),
        (
            desk(NOTE.replace("SEVERITIES[int(number) % 8]", "PYTHONS[int(number) % 8]")),
            "severity",
            "'error: ahoy' for the card b'<0>ahoy\\x00'",
        ),
        (desk(FILES, socketserver.DatagramRequestHandler), "silence", "the answer b'' to a card"),
        (desk(NOTE + "sock.sendto(b'ok', self.client_address)"), "silence", "the answer b'ok'"),
        (desk(NOTE + "sock.close()"), "silence", "it is the server's own"),
    ],
)
def test_a_wrong_log_desk_is_told_its_mistake(wrong, part, told, monkeypatch):
    """Facility, zero byte, answers that nobody asked for."""
    impatient(monkeypatch)
    assert told in message("04.2", part, wrong)


OLD_ECHO = """
data, sock = self.request
while data:
    sock.sendto(data, self.server.server_address)
    data = sock.recv(1024)
sock.close()
self.server.served += 1
"""
TO_THE_CLIENT = OLD_ECHO.replace("self.server.server_address", "self.client_address")
NO_LOOP = """
data, sock = self.request
if data:
    sock.sendto(data, self.client_address)
self.server.served += 1
"""


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "wrong, part, told",
    [
        (desk(OLD_ECHO), "address", "no answer to b'ahoy' within"),
        pytest.param(
            desk("data = self.request.recv(1024)\nself.request.sendall(data)"),
            "address",
            "'tuple' object has no attribute 'recv'",
            id="learners-19-recv",
        ),
        pytest.param(
            desk("data, sock = self.request\nsock.sendall(data)"),
            "address",
            "Destination address required",
            id="learners-19-sendall",
        ),
        (
            desk(TO_THE_CLIENT),
            "address",
            "it never came; it stands in line",
        ),
        (desk(TO_THE_CLIENT), "each its own", "b'two' at the first client, and no answer"),
        (desk(NO_LOOP.replace("+= 1", "+= 2")), "each its own", "and 6 in server.served"),
        pytest.param(
            desk(NO_LOOP + "sock.close()"),
            "open",
            "the socket in self.request was closed after a card: it is the server's own",
            id="learners-19-closes",
        ),
        (desk(TO_THE_CLIENT), "open", "an answer, and then no end of handle(); it stands in line"),
        (desk(NO_LOOP + "self.request.close()"), "open", "'tuple' object has no attribute 'close'"),
        (desk("self.request.sender"), "open", "no answer to b'ahoy' within"),
        (desk(NO_LOOP), "empty", "no answer to b''"),
        (
            desk(NO_LOOP.replace("if data:", "if True:").replace("+= 1", "+= bool(data)")),
            "empty",
            "an empty card back, and 0 in server.served",
        ),
        (
            desk(NO_LOOP.replace("sendto(data", "sendto(data[:1024]")),
            "each its own",
            "1024 bytes back for 5000",
        ),
    ],
)
def test_a_bug_left_in_the_echo_is_named(wrong, part, told, monkeypatch):
    """Each complaint has a part of its own."""
    impatient(monkeypatch)
    assert told in message("04.3", part, wrong)


SEEN = {"arrived": [3, 0, 8192, 5], "purses": [20, 10], "queue": "C"}


@pytest.mark.parametrize(
    "part, wrong, told",
    [
        ("arrived", [3, 0, 9000, 5], "this letterbox takes 8192 bytes"),
        (
            "arrived",
            [3, 0, 8192, 808, 5],
            "the rest of the long card came later; that is what a stream does",
        ),
        ("arrived", [3, 8192, 5], "as if the empty card did not arrive"),
        ("arrived", [3], "that is how a connection ends"),
        ("arrived", [9008], "as if the cards were joined into one"),
        ("arrived", [3, 0, 5], "as if the long card were thrown away as a whole"),
        ("arrived", [1, 2], "something else"),
        ("arrived", 8192, "not a list of numbers"),
        ("purses", [10, 10], "as if the work were undone when its answer is lost"),
        ("purses", [30, 10], "as if the card that was lost on its way had been paid in"),
        ("purses", [20, 20], "as if the second server could not recognise a card"),
        ("purses", [10, 20], "the other way round"),
        ("purses", 20, "not a list of two"),
        ("queue", "A", "as if a queue had no end"),
        ("queue", "B", "as if the sender were made to wait"),
        ("queue", "d", "as if the server told the sender what was lost"),
        ("queue", "E", "not one of the letters"),
        ("queue", ..., "still blank"),
    ],
)
def test_a_wrong_prediction_is_told_its_misconception(part, wrong, told):
    """Named, and not only refused."""
    assert told in message("04.4", part, *(SEEN | {part: wrong}).values())


class LikeTheStandardLibrary(socketserver.UDPServer):
    """The standard library's class, told of a cut card by the system's own flag."""

    def get_request(self):
        data, _, flags, client_address = self.socket.recvmsg(self.max_packet_size)
        if flags & socket.MSG_TRUNC:
            self.handle_truncation(client_address)
        return (data, self.socket), client_address


class FromScratch(BaseServer):
    """Without TCPServer, and loud about it."""

    max_packet_size = 8192

    def __init__(self, address, handler):
        super().__init__(address, handler)
        print("starting", file=sys.stderr)
        logging.getLogger("loud").warning("starting")
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.server_address = self.socket.getsockname()

    def fileno(self):
        return self.socket.fileno()

    def server_close(self):
        self.socket.close()

    def get_request(self):
        limit = self.max_packet_size
        data, sender = self.socket.recvfrom(65_535)
        if data[limit:]:
            self.handle_truncation(sender)
        return (data[:limit], self.socket), sender


class Slotted(TCPServer):
    """Without `self.handle_truncation` in the middle: it is said at the end, but still first."""

    __slots__ = ("letterbox",)
    max_packet_size = 8192
    socket_type = socket.SOCK_DGRAM

    def server_activate(self):
        self.letterbox = self.socket

    def handle_truncation(self, client_address):
        pass

    def get_request(self):
        room = bytearray(self.max_packet_size + 1)
        size, client_address = self.letterbox.recvfrom_into(room)
        is_cut = size > self.max_packet_size
        card = bytes(room[: size - is_cut])
        if is_cut:
            self.handle_truncation(client_address)
        return (card, self.letterbox), client_address

    def shutdown_request(self, request):
        return self.close_request(request)

    def close_request(self, request):
        return None


class Limits(Right):
    """A helper that cuts, and tuples by name."""

    Card = namedtuple("Card", "data socket")

    def get_request(self):
        data, sender = self.socket.recvfrom(1 << 16)
        return self.Card(self.cut(data, sender), self.socket), sender

    def cut(self, data, sender):
        whole, rest = data[: self.max_packet_size], data[self.max_packet_size :]
        if rest:
            self.handle_truncation(sender)
        return whole


Lambdas = type(
    "Lambdas",
    (TCPServer,),
    {
        "socket_type": socket.SOCK_DGRAM,
        "max_packet_size": 8192,
        "server_activate": lambda self: None,
        "handle_truncation": lambda self, client_address: None,
        "get_request": Limits.get_request,
        "cut": Limits.cut,
        "Card": lambda self, *pair: pair,
        "shutdown_request": lambda self, request: self.close_request(request),
        "close_request": lambda self, request: None,
    },
)


@pytest.mark.parametrize(
    "right", [Right, LikeTheStandardLibrary, FromScratch, Slotted, Limits, Lambdas]
)
def test_a_right_server_passes_in_any_style(right, capfd):
    """stderr stays clean."""
    logging.getLogger("loud").addHandler(logging.StreamHandler())
    check("04.1", right)
    printed, errors = capfd.readouterr()
    assert len(printed.splitlines()) == 4
    assert errors == ""


class Quiet(minisocketserver.DatagramRequestHandler):
    """Our own handler, with its switch turned off."""

    always_reply = False

    def handle(self):
        head, _, rest = self.rfile.read().partition(b">")
        text = rest[:-1].decode()
        self.server.log.append(SEVERITIES[int(head[1:]) & 7] + ": " + text)


class ByPattern(socketserver.BaseRequestHandler):
    """A compiled pattern, and the severities by number."""

    __slots__ = ()
    pattern = re.compile(rb"<(\d+)>(.*)\0", re.DOTALL)

    def handle(self):
        number, text = self.pattern.fullmatch(self.request[0]).groups()
        severity = dict(enumerate(SEVERITIES))[int(number) & 0b111]
        self.server.log += [": ".join((severity, str(text, encoding="utf-8")))]


def by_function(request, client_address, server):
    card, _ = request
    place = card.index(b">")
    _, severity = divmod(int(card[1:place]), 8)
    line = "%s: %s" % (SEVERITIES[severity], card[place + 1 : -1].decode("utf-8"))  # noqa: UP031
    server.log.append(line)


class BySetup(socketserver.BaseRequestHandler):
    def setup(self):
        self.number, self.text = self.request[0].decode().removesuffix("\0").split(">", 1)

    def handle(self):
        self.line = f"{SEVERITIES[int(self.number.lstrip('<')) % len(SEVERITIES)]}: {self.text}"

    def finish(self):
        self.server.log.insert(len(self.server.log), self.line)


LOGS = [desk(NOTE), Quiet, ByPattern, by_function, BySetup, functools.partial(by_function)]


@pytest.mark.parametrize("right", LOGS)
def test_a_right_log_desk_passes(right):
    check("04.2", right)


def echo_by_function(request, client_address, server):
    data, letterbox = request
    letterbox.sendto(data, 0, client_address)
    server.served = server.served + 1


class SlottedEcho:
    """No class of the library's, and no room for more."""

    __slots__ = ("answer",)

    def __init__(self, request, sender, server):
        (data, post), self.answer = request, None
        post.sendmsg([data], [], 0, sender)
        server.served += 1


class EchoAtTheEnd(minisocketserver.DatagramRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)

    def finish(self):
        super().finish()
        self.server.served += 1


COUNTED_FIRST = "data, sock = self.request\nsock.sendto(data, self.client_address)"
FILE_ECHO = "self.wfile.write(self.rfile.read())\nself.server.served += 1"


@pytest.mark.parametrize(
    "right",
    [
        desk("self.request[1].sendto(self.request[0], self.client_address)\nself.server.served+=1"),
        desk(FILE_ECHO, socketserver.DatagramRequestHandler),
        desk("self.server.served += 1\n" + COUNTED_FIRST),
        echo_by_function,
        functools.partial(echo_by_function),
        SlottedEcho,
        EchoAtTheEnd,
    ],
)
def test_a_mended_echo_passes(right):
    check("04.3", right)


@pytest.mark.timeout(120)
def test_what_one_check_left_behind_does_not_spoil_the_next(monkeypatch):
    """A thread that hangs in an answer ends during a later check, with an exception."""
    impatient(monkeypatch)
    before, released = set(threading.enumerate()), threading.Event()

    class Hangs(socketserver.BaseRequestHandler):
        def handle(self):
            released.wait(20)

    class Echo(socketserver.DatagramRequestHandler):
        def handle(self):
            released.set()
            for thread in left:
                thread.join(10)
            self.wfile.write(self.rfile.read())

    message("04.3", "open", Hangs)
    left = set(threading.enumerate()) - before
    assert left
    check("04.3", Echo, part="open")


def test_a_right_prediction_passes():
    """Tuples and small letters are fine."""
    check("04.4", (3, 0, 8192, 5), (20, 10), "c")


@pytest.mark.parametrize("exercise", ["04.1", "04.2", "04.3", "04.4"])
def test_the_hints_are_there(exercise, capsys):
    for number in (1, 2, 3):
        hint(exercise, number)
    assert len(capsys.readouterr().out.splitlines()) == 3
