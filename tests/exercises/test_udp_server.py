"""Wrong answers to 04.1 to 04.4 are told what is wrong with them; right ones pass."""

import functools
import os
import re
import socket
import socketserver
import struct
import sys
import threading
from contextlib import suppress

import pytest

import minisocketserver
from minisocketserver import UDPServer
from socketlab import check, hint, project

from .helpers import impatient, message

OURS = project.answer_cell(project.PROJECT / "solutions", "04.1")


def name_server(*changes):
    """Return our NameServer with these words changed: (old, new)."""
    text = OURS
    for old, other in changes:
        assert old in text
        text = text.replace(old, other)
    namespace = {"socket": socket, "struct": struct, "suppress": suppress, "UDPServer": UDPServer}
    exec(text, namespace)
    return namespace["NameServer"]


COUNTS = "HEADER.pack(number, flags, 1, bool(record), 0, 0)"


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "changes, part, told",
    [
        ([(COUNTS, COUNTS.replace("number", "0"))], "address", "an answer with the number 0 to"),
        ([("0x8000 if is_here", "0 if is_here")], "address", "as if this were a question, too"),
        (
            [(COUNTS, COUNTS.replace("0, 0)", "0, 1)"))],
            "address",
            "that counts [1, 0, 1] records, and 16 bytes",
        ),
        (
            [(COUNTS, COUNTS.replace("bool(record)", "0"))],
            "address",
            "that counts [0, 0, 0] records, and 16 bytes",
        ),
        ([("header + question", "header")], "address", "the question isn't repeated as it came"),
        ([("socket.inet_aton(self.ip)", "self.ip.encode()")], "address", "192.', where b"),
        ([('struct.Struct("!', 'struct.Struct("=')], "address", "no answer to b'"),
        ([("client_address)\n", "self.server_address)\n")], "address", "no answer to b'"),
        ([("0xC00C", "0xC014")], "address", "which begins with another name"),
        (
            [("0xC00C, 1, 1", "0xC00C, 28, 1")],
            "address",
            "a record of the type and class b'\\x00\\x1c",
        ),
        (
            [('struct.Struct("!3HIH4s")', 'struct.Struct("!3HI4s")'), ("60, 4, ", "60, ")],
            "address",
            "is the size and 192.0.2.7",
        ),
        ([("if is_here and kind", "if kind")], "others", "a record for other.example"),
        ([("bool(record), 0", "1, 0")], "others", "that counts [1, 0, 0] records, and 0 bytes"),
        ([(".lower()", "")], "capitals", "the code 3 for HARBOUR.EXAMPLE, which is there"),
        (
            [("name.lower() == self.name.lower()", "name.lower() == self.name")],
            "capitals",
            "the code 3 for mole.example",
        ),
        ([("+ question", "+ question.lower()")], "capitals", "the question isn't repeated as it"),
        ([("== (1, 1)", "")], "others", "a record for AAAA, where there's only an A"),
        (
            [("is_here = ", "is_here = kind == (1, 1) and ")],
            "others",
            "the code 3 for AAAA, although",
        ),
        (
            [("name.lower() ==", "name.lower() in")],
            "others",
            "a record for example, which isn't there",
        ),
        ([("0x8003", "0x8000")], "others", "the code 0 for other.example, which isn't there"),
        ([("flags & 0x8000 or ", "")], "garbage", "came back for the answer of another server"),
        ([("struct.error, ", "")], "garbage", "an error, for an empty datagram (error: unpack"),
        ([("IndexError, ", "")], "garbage", "an error, for a header without a question"),
        ([(" or questions != 1", "")], "garbage", "came back for a header that counts none"),
    ],
)
def test_a_wrong_name_server_is_told_its_mistake(changes, part, told, monkeypatch):
    """What a resolver would only be silent about."""
    impatient(monkeypatch)
    assert told in message("04.1", part, name_server(*changes))


@pytest.mark.timeout(120)
def test_a_blank_name_server_is_told_so():
    assert "still blank" in message("04.1", "address", None)


@pytest.mark.skipif(os.name != "posix", reason="the stand-in is a script")
def test_dig_must_understand_it_too(tmp_path, monkeypatch):
    """Where people have it; this one understands nothing."""
    program = tmp_path / "dig"
    program.write_text("#!/bin/sh\necho ';; Got bad packet'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    told = message("04.1", "address", name_server())
    assert "';; Got bad packet' from dig, where 192.0.2.7 was wanted" in told


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
            "it never came; it's at line",
        ),
        (desk(TO_THE_CLIENT), "each its own", "b'two' at the first client, and no answer"),
        (desk(NO_LOOP.replace("+= 1", "+= 2")), "each its own", "and 6 in server.served"),
        pytest.param(
            desk(NO_LOOP + "sock.close()"),
            "open",
            "the socket in self.request was closed after a card: it is the server's own",
            id="learners-19-closes",
        ),
        (desk(TO_THE_CLIENT), "open", "an answer, and then no end of handle(); it's at line"),
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
        ("queue", "d", "as if the sender heard of what was lost"),
        ("queue", "E", "not one of the letters"),
        ("queue", ..., "still blank"),
    ],
)
def test_a_wrong_prediction_is_told_its_misconception(part, wrong, told):
    """Named, and not only refused."""
    assert told in message("04.4", part, *(SEEN | {part: wrong}).values())


class ByIndex(socketserver.UDPServer):
    """On the standard library's class; it looks for the zero byte, and is loud about it."""

    name, ip = "harbour.example", "192.0.2.7"

    def finish_request(self, request, client_address):
        (query, post) = request
        print("a card", file=sys.stderr)
        if len(query) < 17 or query[2] & 128 or query[4:6] != b"\0\1":
            return
        end = query.find(0, 12) + 5
        if end < 17 or end > len(query):
            return
        wanted = b"".join(
            len(label).to_bytes(1, "big") + label
            for label in self.name.encode().lower().split(b".")
        )
        known = query[12 : end - 5].lower() == wanted
        has_answer = known and query[end - 4 : end] == b"\0\1\0\1"
        head = query[:2] + bytes([132, 0 if known else 3, 0, 1, 0, has_answer, 0, 0, 0, 0])
        tail = b"\xc0\x0c\0\1\0\1\0\0\0\7\0\4" + socket.inet_aton(self.ip)
        post.sendto(head + query[12:end] + tail * has_answer, client_address)


class FromScratch(UDPServer):
    """With a generator of labels, a table of flags, and the name in full in each record."""

    name = "harbour.example"
    ip = "192.0.2.7"

    def labels(self, query):
        place = 12
        size = query[place]
        while size:
            yield query[place + 1 : place + 1 + size]
            place = place + size + 1
            size = query[place]

    def finish_request(self, request, client_address):
        query, letterbox = request
        try:
            answer = self.answer(query)
        except (struct.error, LookupError):
            answer = None
        if answer is not None:
            letterbox.sendto(answer, client_address)

    def answer(self, query):
        number, flags = struct.unpack_from(">HH", query)
        counts = struct.unpack_from(">HHHH", query, 4)
        if flags >> 15 == 1:
            return None
        if counts[0] != 1:
            return None
        labels = list(self.labels(query))
        length = sum(len(label) + 1 for label in labels) + 1
        written = query[12 : 12 + length]
        kind, family = struct.unpack_from(">HH", query, 12 + length)
        code, records = 3, []
        if b".".join(labels).lower() == self.name.lower().encode():
            code = 0
            if kind == 1 and family == 1:
                address = bytes(map(int, self.ip.split(".")))
                fixed = struct.pack(">HHIH", 1, 1, 300, len(address))
                records.append(written + fixed + address)
        header = struct.pack(">HHHHHH", number, 0x8000 + code, 1, len(records), 0, 0)
        question = written + struct.pack(">HH", kind, family)
        return header + question + b"".join(records)


@pytest.mark.parametrize("right", [name_server(), ByIndex, FromScratch])
def test_a_right_name_server_passes_in_any_style(right, capfd):
    """stderr stays clean."""
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
