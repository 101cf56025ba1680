"""Wrong answers to the exercises of chapter 08 are told what is wrong with them."""

import io
import logging
import socket
import socketserver
import struct
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import ClassVar

import pytest

import minisocketserver
from socketlab import check

from .helpers import a_copy_of, impatient, message, ours

Framed = ours("08.1").FramedRequestHandler
Datagram = ours("08.2").DatagramRequestHandler
DATAGRAMS = a_copy_of(socketserver.DatagramRequestHandler)


class OneRecvEach(Framed):
    """As in many answers on the web: the length framed, the reading not."""

    def receive(self):
        head = self.request.recv(4)
        return self.request.recv(struct.unpack("!I", head)[0]) if head else None


class WithItsLength(Framed):
    def receive(self):
        message = super().receive()
        return message and struct.pack("!I", len(message)) + message


class TakesEmptyForTheEnd(Framed):
    def receive(self):
        return super().receive() or None


class LowestByteFirst(Framed):
    def receive(self):
        if not (head := self.rfile.read(4)):
            return None
        if (size := int.from_bytes(head, "little")) > self.limit:
            raise ValueError
        return self.rfile.read(size)


class DecodesMessages(Framed):
    def receive(self):
        message = super().receive()
        return message and message.decode()


class RaisesAtTheEnd(Framed):
    def receive(self):
        if (message := super().receive()) is None:
            raise EOFError
        return message


class HandsOutHalves(Framed):
    def receive(self):
        if not (head := self.rfile.read(4)):
            return None
        return self.rfile.read(int.from_bytes(head, "big"))


class TakesHalfForTheEnd(Framed):
    def receive(self):
        try:
            return super().receive()
        except EOFError:
            return None


class UnpacksWhatThereIs(Framed):
    def receive(self):
        if not (head := self.rfile.read(4)):
            return None
        [size] = struct.unpack("!I", head)
        return self.rfile.read(size)


class ReadsBeforeItCompares(Framed):
    def receive(self):
        message = self.rfile.read(int.from_bytes(self.rfile.read(4), "big"))
        if len(message) > self.limit:
            raise ValueError("too long")
        return message


class FixedLimit(Framed):
    def receive(self):
        self.limit = 10_000
        return super().receive()


class OffByOne(Framed):
    def receive(self):
        self.limit = type(self).limit - 1
        return super().receive()


class OtherLimit(Framed):
    limit = 100_000


class WithoutALength(Framed):
    def send(self, message):
        self.wfile.write(message)


class SendsAPart(Framed):
    def send(self, message):
        self.request.send(struct.pack("!I", len(message)) + message)


class KeepsItInABuffer(Framed):
    wbufsize = -1


class OnceOnly(Framed):
    def handle(self):
        self.send(self.answer(self.receive()))


class StopsAtEmpty(Framed):
    def handle(self):
        while message := self.receive():
            self.send(self.answer(message))


class EchoesItself(Framed):
    def handle(self):
        while (message := self.receive()) is not None:
            self.send(message)


class LetsAllOut(Framed):
    def handle(self):
        while (message := self.receive()) is not None:
            self.send(self.answer(message))


class OneTryForAll(LetsAllOut):
    def handle(self):
        with suppress(EOFError, ValueError, TimeoutError, ConnectionError):
            super().handle()


class ForgivesHalves(LetsAllOut):
    def handle(self):
        with suppress(EOFError):
            super().handle()


class ForgivesMost(LetsAllOut):
    """A TimeoutError is an OSError, and no ConnectionError."""

    def receive(self):
        try:
            return super().receive()
        except (EOFError, ValueError, ConnectionError):
            return None


class WaitsForever(Framed):
    def setup(self):
        super().setup()
        self.connection.settimeout(None)


FRAMED = [
    pytest.param(OneRecvEach, "messages", "did one read give one", id="learners-3"),
    pytest.param(WithItsLength, "messages", "length still in front", id="length"),
    pytest.param(TakesEmptyForTheEnd, "messages", "an empty message taken", id="empty"),
    pytest.param(LowestByteFirst, "messages", "does its highest byte come first", id="little"),
    pytest.param(DecodesMessages, "messages", "a str for the first message", id="learners-7"),
    pytest.param(RaisesAtTheEnd, "messages", "None is what says", id="no goodbye"),
    pytest.param(HandsOutHalves, "half", "[b'whole', b'hel'", id="halves"),
    pytest.param(TakesHalfForTheEnd, "half", "taken for the end", id="half the end"),
    pytest.param(UnpacksWhatThereIs, "half", "[b'whole', b'hel'", id="unpacks"),
    pytest.param(ReadsBeforeItCompares, "limit", "what does receive wait for?", id="believes"),
    pytest.param(FixedLimit, "limit", "what does receive wait for?", id="fixed limit"),
    pytest.param(OffByOne, "limit", "ten bytes are within a limit of 10", id="off by one"),
    pytest.param(OtherLimit, "limit", "limit is 100000", id="other limit"),
    pytest.param(WithoutALength, "conversation", "is it in front, in four bytes?", id="bare"),
    pytest.param(SendsAPart, "conversation", "is it sent by send?", id="learners-12"),
    pytest.param(KeepsItInABuffer, "conversation", "while the client waits", id="buffered"),
    pytest.param(OnceOnly, "conversation", "once for each connection", id="learners-8"),
    pytest.param(StopsAtEmpty, "conversation", "taken for the goodbye?", id="stops at empty"),
    pytest.param(EchoesItself, "conversation", "is answer called?", id="echoes"),
    pytest.param(LetsAllOut, "goodbyes", "EOFError, in receive()", id="lets all out"),
    pytest.param(ForgivesHalves, "goodbyes", "ValueError: 11", id="only halves"),
    pytest.param(ForgivesMost, "goodbyes", "TimeoutError", id="no patience"),
    pytest.param(WaitsForever, "goodbyes", "no end within", id="learners-14"),
    pytest.param(OneTryForAll, "goodbyes", "is answer called inside the try?", id="one try"),
]


@pytest.mark.parametrize("wrong, part, told", FRAMED)
def test_a_wrong_parent_for_frames_is_told_its_mistake(wrong, part, told, monkeypatch):
    impatient(monkeypatch)
    assert told in message("08.1", part, wrong)


def test_our_parent_for_frames_passes_without_a_word(capfd):
    check("08.1", Framed)
    printed, errors = capfd.readouterr()
    assert [line[:6] for line in printed.splitlines()] == ["✓ 08.1"] * 5
    assert errors == ""


Base = minisocketserver.BaseRequestHandler


class FromTheTextBase:
    def __init__(self, request, client_address, server):
        vars(self).update(request=request, client_address=client_address, server=server)
        print("made", file=sys.stderr)
        self.setup()
        try:
            return self.handle()
        finally:
            self.finish()

    def nothing(self):
        logging.getLogger("loud").warning("nothing to do")

    setup = handle = finish = nothing


class AnswersAtOnce(Datagram):
    def setup(self):
        super().setup()
        self.wfile.write = lambda data: self.socket.sendto(data, self.client_address)


class ClosesTheSocket(Datagram):
    def finish(self):
        super().finish()
        self.socket.close()


class NeverReplies(Datagram):
    def finish(self):
        if self.wfile.getvalue():
            super().finish()


class NotAPair(Datagram):
    def setup(self):
        self.rfile = io.BytesIO(self.request)


class AllOrNothing(Datagram):
    def finish(self):
        if self.always_reply:
            super().finish()


class ReadsAtTheEnd(Datagram):
    def finish(self):
        self.socket.sendto(self.wfile.read(), self.client_address)


class PacketOnTheClass(Datagram):
    def setup(self):
        super().setup()
        type(self).packet = vars(self).pop("packet")


POSTCARDS = [
    pytest.param(PacketOnTheClass, "answer", "packet kept on the class", id="class"),
    pytest.param(ReadsAtTheEnd, "answer", "follows the last write", id="reads at the end"),
    pytest.param(AnswersAtOnce, "answer", "datagrams: [b'5 letters", id="at once"),
    pytest.param(ClosesTheSocket, "answer", "all clients share it", id="learners-19"),
    pytest.param(NotAPair, "answer", "not 'tuple'", id="learners-19-pair"),
    pytest.param(NeverReplies, "no answer", "[] by default", id="never replies"),
    pytest.param(AllOrNothing, "no answer", "nothing, with always_reply", id="all or nothing"),
    pytest.param(DATAGRAMS, "no answer", "[b''] with always_reply", id="stdlib"),
]


@pytest.mark.parametrize("wrong, part, told", POSTCARDS)
def test_a_wrong_postcard_handler_is_told_its_mistake(wrong, part, told, monkeypatch):
    impatient(monkeypatch)
    assert told in message("08.2", part, wrong)


class FromTheText(FromTheTextBase):
    always_reply = True

    def setup(self):
        self.packet, self.socket = self.request
        self.rfile, self.wfile = io.BytesIO(self.packet), io.BytesIO()

    def finish(self):
        if self.wfile.tell() or self.always_reply:
            self.wfile.seek(0)
            self.socket.sendto(self.wfile.read(), self.client_address)


class FromTheLibrary(DATAGRAMS):
    always_reply = True

    def finish(self):
        if self.always_reply or self.wfile.getvalue():
            super().finish()


class Listed(Base):
    """Collects in a file that is asked for its buffer; the condition put the other way round."""

    always_reply = True

    def setup(self):
        self.packet = self.request[0]
        self.socket = self.request[1]
        self.rfile = io.BufferedReader(io.BytesIO(self.packet))
        self.wfile = io.BytesIO()

    def finish(self):
        written = bytes(self.wfile.getbuffer())
        if not written and not self.always_reply:
            return
        self.socket.sendto(written, self.client_address)


class InSetupOnly(FromTheTextBase):
    """The reply is put off until the end by a stack."""

    always_reply = True

    def setup(self):
        (self.packet, self.socket), self._end = self.request, ExitStack()
        self.rfile = io.BytesIO(self.packet)
        self.wfile = io.BytesIO()
        self._end.callback(lambda: self._reply(self.wfile.getvalue()))

    def _reply(self, text):
        if text or self.always_reply:
            self.socket.sendto(text, self.client_address)

    def finish(self):
        self._end.close()


class InPieces(Base):
    """A wfile of its own, which knows what has been written."""

    always_reply: bool = True

    class Written(io.BytesIO):
        def pack(self):
            self.seek(0)
            return b"".join(self)

    def setup(self):
        self.packet, self.socket, *_ = self.request
        self.rfile, self.wfile = io.BytesIO(), self.Written()
        self.rfile.write(self.packet)
        self.rfile.seek(0)

    def finish(self):
        packed = self.wfile.pack()
        for _ in range(bool(packed) or self.always_reply):
            self.socket.sendto(packed, self.client_address)


@pytest.mark.parametrize(
    "right", [Datagram, FromTheText, FromTheLibrary, Listed, InSetupOnly, InPieces]
)
def test_right_postcard_handlers_pass_in_any_style(right):
    check("08.2", right)


class Mailbox(socketserver.StreamRequestHandler):
    """Right; the wrong ones below change one thing."""

    limit = 100_000

    def letter(self):
        header = self.rfile.read(4)
        if len(header) < 4:
            return None
        size = int.from_bytes(header, "big")
        if size > self.limit:
            return None
        letter = self.rfile.read(size)
        return letter if len(letter) == size else None

    def handle(self):
        while (letter := self.letter()) is not None:
            self.server.inbox.append(letter)


class OneRecv(Mailbox):
    def handle(self):
        while data := self.request.recv(1024):
            self.server.inbox.append(data[4:])


class KeepsTheLength(Mailbox):
    def handle(self):
        while (letter := self.letter()) is not None:
            self.server.inbox.append(struct.pack(">L", len(letter)) + letter)


class Once(Mailbox):
    def handle(self):
        self.server.inbox.append(self.letter())


class ReadsToTheEnd(Mailbox):
    def handle(self):
        data = self.rfile.read()
        while data:
            size = int.from_bytes(data[:4], "big")
            self.server.inbox.append(data[4 : 4 + size])
            data = data[4 + size :]


class ListOfItsOwn(Mailbox):
    inbox = []  # noqa: RUF012

    def handle(self):
        while (letter := self.letter()) is not None:
            self.inbox.append(letter)


class Decodes(Mailbox):
    def handle(self):
        while (letter := self.letter()) is not None:
            self.server.inbox.append(letter.decode("latin-1"))


class LengthThenRecv(Mailbox):
    """As in many answers on the web: the length framed, the reading not."""

    def handle(self):
        while header := self.request.recv(4):
            self.server.inbox.append(self.request.recv(int.from_bytes(header, "big")))


class StopsAtAnEmptyLetter(Mailbox):
    def handle(self):
        while letter := self.letter():
            self.server.inbox.append(letter)


class Believes(Mailbox):
    def letter(self):
        header = self.rfile.read(4)
        letter = self.rfile.read(int.from_bytes(header, "big"))
        return letter if len(header) == 4 and len(letter) <= self.limit else None


class Halves(Mailbox):
    def handle(self):
        while header := self.rfile.read(4):
            size = int.from_bytes(header, "big")
            if size > self.limit:
                return
            self.server.inbox.append(self.rfile.read(size))


class Raises(Mailbox):
    def handle(self):
        while header := self.rfile.read(4):
            [size] = struct.unpack(">L", header)
            if size > self.limit:
                raise ValueError("too long")
            self.server.inbox.append(self.rfile.read(size))


class LimitOfItsOwn(Mailbox):
    def letter(self):
        self.limit = 100_000
        return super().letter()


class Answers(Mailbox):
    def handle(self):
        super().handle()
        self.wfile.write(b"thank you")


class LosesPatience(Mailbox):
    timeout = 30

    def handle(self):
        with suppress(TimeoutError):
            super().handle()


LETTERS = [
    pytest.param(Answers, "pieces", "that nothing is answered", id="answers"),
    pytest.param(LosesPatience, "pieces", "a time limit of 30.0 seconds", id="loses patience"),
    pytest.param(OneRecv, "pieces", "one recv is not one letter", id="learners-3"),
    pytest.param(LengthThenRecv, "pieces", "one recv is not one letter", id="learners-3-framed"),
    pytest.param(Once, "logging", "once for each connection", id="learners-8"),
    pytest.param(ReadsToTheEnd, "logging", "does read() wait for the end?", id="learners-20"),
    pytest.param(ListOfItsOwn, "logging", "only the server outlives it", id="learners-6"),
    pytest.param(Decodes, "logging", "a letter that is a str", id="learners-7"),
    pytest.param(KeepsTheLength, "logging", "length still before it", id="keeps the length"),
    pytest.param(
        StopsAtAnEmptyLetter,
        "pieces",
        "does an empty one end the loop?",
        id="stops at an empty letter",
    ),
    pytest.param(Believes, "limit", "compared before the letter is read?", id="believes"),
    pytest.param(LimitOfItsOwn, "limit", "before the letter is read?", id="fixed limit"),
    pytest.param(Halves, "limit", "[b'hel']", id="halves"),
    pytest.param(Raises, "limit", "ValueError: too long", id="raises"),
]


@pytest.mark.parametrize("wrong, part, told", LETTERS)
def test_a_wrong_mailbox_is_told_its_mistake(wrong, part, told, monkeypatch):
    impatient(monkeypatch)
    ListOfItsOwn.inbox.clear()
    assert told in message("08.3", part, wrong)


class ByHand(socketserver.BaseRequestHandler):
    """With recv alone, and a rest kept for later."""

    limit = 100_000

    def handle(self):
        rest = b""
        while data := self.request.recv(300):
            rest += data
            while len(rest) >= 4:
                [size] = struct.unpack(">L", rest[:4])
                if size > self.limit:
                    print("too long", size)
                    return
                if len(rest) < 4 + size:
                    break
                self.server.inbox.append(rest[4 : 4 + size])
                rest = rest[4 + size :]


def exactly(connection, size):
    """Return so many bytes, or fewer at the end."""
    pieces = []
    while size and (piece := connection.recv(min(size, 4096))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


class WithAHelper(socketserver.BaseRequestHandler):
    __slots__ = ()
    limit = 100_000

    def handle(self):
        while True:
            head = exactly(self.request, 4)
            if len(head) != 4:
                break
            size = head[0] << 24 | head[1] << 16 | head[2] << 8 | head[3]
            if not size <= self.limit:
                break
            letter = exactly(self.request, size)
            if size != len(letter):
                break
            self.server.inbox += [letter]


class WithAGenerator(socketserver.StreamRequestHandler):
    limit = 10**5
    head = struct.Struct("!I")

    def letters(self):
        for head in iter(lambda: self.rfile.read(self.head.size), b""):
            if len(head) < self.head.size:
                return
            [size] = self.head.unpack(head)
            if size > self.limit:
                return
            letter = bytearray(size)
            if self.rfile.readinto(letter) < size:
                return
            yield bytes(letter)

    def handle(self):
        for letter in self.letters():
            self.server.inbox.append(letter)


class WaitsForAll(minisocketserver.BaseRequestHandler):
    """The kernel puts the pieces together."""

    limit = 100_000

    def handle(self):
        self.request.settimeout(None)
        with suppress(EOFError):
            while True:
                size = int.from_bytes(self.take(4), "big")
                if size > self.limit:
                    raise EOFError
                self.server.inbox.append(self.take(size))

    def take(self, size):
        data = self.request.recv(size, socket.MSG_WAITALL) if size else b""
        if len(data) < size:
            raise EOFError
        return data


@dataclass(slots=True)
class SlottedMailbox:
    """Makes itself, and is done."""

    request: socket.socket
    client_address: tuple
    server: object
    limit: ClassVar = 100_000

    def __post_init__(self):
        with self.request.makefile("rb") as file:
            while len(head := file.read(4)) == 4:
                if (size := int(head.hex(), 16)) > self.limit:
                    return
                letter = file.read(size)
                if len(letter) == size:
                    self.server.inbox.append(letter)


@pytest.mark.parametrize(
    "right", [Mailbox, ByHand, WithAHelper, WithAGenerator, WaitsForAll, SlottedMailbox]
)
def test_a_right_mailbox_passes_in_any_style(right):
    check("08.3", right)


GREETER = """
    greeting = "¡Buenos días!\\n"
    def handle(self):
        self.wfile.write(self.greeting.encode())
"""
ADDER = """
    timeout = 0.3
    def handle(self):
        for line in self.rfile:
            self.wfile.write(b"%d\\n" % sum(map(int, line.split())))
"""
CHART = "self.request.sendall(self.server.chart)"
DESK = """
    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)
"""


def office(greeter=GREETER, adder=ADDER, chart=CHART, desk=DESK):
    """Return the four names of 08.4, with the given parts as the learner wrote them."""
    source = f"""
import socketserver, sys
class Greeter(socketserver.StreamRequestHandler):{greeter}
class Adder(socketserver.StreamRequestHandler):{adder}
class Chart(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.settimeout(5)
        {chart}
class Desk(socketserver.ThreadingTCPServer):
    daemon_threads = True{desk}
"""
    names = {}
    exec(source, names)
    return tuple(names[name] for name in ("Greeter", "Adder", "Chart", "Desk"))


TOO_LATE = """
    def __init__(self, request, client_address, server):
        super().__init__(request, client_address, server)
        self.greeting = "¡Buenos días!\\n"
    def handle(self):
        self.wfile.write(self.greeting.encode())
"""
TO_THE_END = """
    timeout = 0.3
    def handle(self):
        numbers = self.rfile.read().split()
        self.wfile.write(b"%d\\n" % sum(map(int, numbers)))
"""
BY_HAND = """
    def setup(self):
        self.request.settimeout(0.3)
        super().setup()
    def handle(self):
        for line in self.rfile:
            self.wfile.write(f"{sum(map(int, line.split()))}\\n".encode())
"""
BY_SELECT = """
    def handle(self):
        import select
        rest = b""
        while select.select([self.request], [], [], 0.3)[0]:
            data = self.request.recv(1024)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\\n")
            for line in lines:
                self.request.sendall(str(sum(map(int, line.split()))).encode() + b"\\n")
"""
DEAF = "\n    def handle_error(self, request, client_address): pass\n"


@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(office(TOO_LATE), "greeter", "before the line that sets", id="learners-6"),
        pytest.param(
            office(GREETER.replace(".encode()", "")),
            "greeter",
            "a bytes-like object is required, not 'str'",
            id="learners-7",
        ),
        pytest.param(office(adder=TO_THE_END), "adder", "read to the end?", id="learners-20"),
        pytest.param(
            office(adder=TO_THE_END.replace("read()", "readline()")),
            "adder",
            "once for each connection",
            id="learners-8",
        ),
        pytest.param(
            office(chart=CHART.replace("sendall", "send")),
            "chart",
            "was it send?",
            id="learners-12",
        ),
        pytest.param(
            office(adder=ADDER.replace("timeout = 0.3", ""), desk=DESK + "    timeout = 0.3\n"),
            "silence",
            "The server's timeout is 0.3, the handler's None",
            id="learners-14",
        ),
        pytest.param(
            office(adder=ADDER.replace("0.3", "0.1")), "silence", "timeout of 0.1", id="impatient"
        ),
        pytest.param(office(desk="\n"), "gone", "on stderr, in", id="learners-21"),
        pytest.param(
            office(desk=DEAF), "gone", "are all errors kept quiet?", id="learners-21-deaf"
        ),
        pytest.param(
            office(desk=DESK.replace("(ConnectionError, TimeoutError)", "OSError")),
            "gone",
            "are all OSErrors kept quiet?",
            id="deaf to files",
        ),
        pytest.param(
            office(desk=DESK.replace("ConnectionError", "BrokenPipeError")),
            "gone",
            "ConnectionResetError: [Errno",
            id="one kind of two",
        ),
        pytest.param(
            office(desk=DESK.replace("ConnectionError", "ConnectionResetError")),
            "gone",
            "BrokenPipeError: [Errno",
            id="the other kind",
        ),
        pytest.param(
            office(adder=BY_HAND.replace("0.3", "0.4")), "silence", "timeout of 0.4", id="patient"
        ),
        pytest.param(
            office(adder=BY_SELECT.replace("0.3", "0.7")), "silence", "an end, after 0", id="slow"
        ),
    ],
)
def test_a_bug_left_in_is_named(answer, part, told, monkeypatch):
    impatient(monkeypatch)
    came = next(line for line in message("08.4", part, *answer).splitlines() if "Got:" in line)
    assert told in came


def test_a_mended_office_passes():
    """In our way, and in others: setup, a loop with readline, an error caught."""
    check("08.4", *office())
    greeter = """
    def setup(self):
        super().setup()
        self.greeting = b"\\xc2\\xa1Buenos d\\xc3\\xadas!"
    def handle(self):
        self.request.sendall(self.greeting)
"""
    adder = """
    timeout = 0.3
    def handle(self):
        try:
            while line := self.rfile.readline():
                total = sum(int(word) for word in line.decode().split())
                print(total, file=sys.stderr)
                self.wfile.write(f"{total}\\n".encode())
        except TimeoutError:
            pass
"""
    desk = """
    def handle_error(self, request, client_address):
        try:
            raise
        except (BrokenPipeError, ConnectionResetError, ConnectionAbortedError):
            return
        except Exception:
            socketserver.ThreadingTCPServer.handle_error(self, request, client_address)
"""
    check("08.4", *office(greeter, adder, desk=desk))


QUIET = """
    quiet = ConnectionError, TimeoutError
    def handle_error(self, *job):
        if issubclass(sys.exc_info()[0], self.quiet):
            return None
        return super().handle_error(*job)
"""
IN_GET_REQUEST = """
    def get_request(self):
        request, client_address = super().get_request()
        request.settimeout(0.3)
        return request, client_address
"""
WHATEVER_IT_TAKES = """
        left = memoryview(self.server.chart)
        while left:
            left = left[self.request.send(left):]
"""
NO_CLOCK = ADDER.replace("timeout = 0.3", "")


@pytest.mark.parametrize(
    "answer",
    [
        office(adder=BY_HAND, desk=QUIET),
        office(adder=BY_SELECT, chart=WHATEVER_IT_TAKES),
        office(adder=NO_CLOCK, desk=DESK + IN_GET_REQUEST),
    ],
    ids=["settimeout", "select", "get_request"],
)
def test_an_office_mended_in_another_way_passes(answer):
    """The time limit may be set anywhere, as long as it is one for the connection."""
    check("08.4", *answer)


def forecast(
    steps=("shf", "shf", "s"),
    many=(10, 3, 4, 1),
    waiting=(True, True, False, False, True),
    ended=(False, True, False),
):
    return list(steps), list(many), list(waiting), list(ended)


def but(place, values):
    return [value != (number == place) for number, value in enumerate(values)]


WAITING, ENDED = forecast()[2:]


@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(forecast(["shf", "sh", "s"]), "steps", "finish is in a", id="no finish"),
        pytest.param(forecast(["shf", "shf", "sf"]), "steps", "before the try begins", id="setup"),
        pytest.param(forecast(["s"]), "steps", "3 are asked for", id="too few"),
        pytest.param(forecast(many=[5, 3, 4, 1]), "how many", "not two messages", id="learners-3"),
        pytest.param(forecast(many=[10, 5, 4, 1]), "how many", "three at most", id="recv 3"),
        pytest.param(forecast(many=[10, 3, 1, 1]), "how many", "until it has four", id="read 4"),
        pytest.param(
            forecast(many=[10, 3, 4, 3]), "how many", "once for each connection", id="learners-8"
        ),
        pytest.param(
            forecast(waiting=but(0, WAITING)), "while waiting", "100 is only the most", id="recv"
        ),
        pytest.param(
            forecast(waiting=but(2, WAITING)),
            "while waiting",
            "waits for the end",
            id="learners-20",
        ),
        pytest.param(
            forecast(waiting=but(3, WAITING)), "while waiting", "all hundred bytes", id="read 100"
        ),
        pytest.param(
            forecast(ended=but(0, ENDED)),
            "cut off",
            "doesn't look at the server",
            id="learners-14",
        ),
        pytest.param(forecast(ended=but(1, ENDED)), "cut off", "silent client is", id="handler's"),
        pytest.param(forecast(ended=but(2, ENDED)), "cut off", "Each byte starts", id="drips"),
    ],
)
def test_a_wrong_forecast_is_told_why(answer, part, told):
    came = next(line for line in message("08.5", part, *answer).splitlines() if "Got:" in line)
    assert told in came


def test_a_right_forecast_passes():
    check("08.5", *forecast())
    check("08.5", *map(tuple, forecast()))
