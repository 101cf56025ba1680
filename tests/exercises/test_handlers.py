"""Wrong answers to the exercises of chapter 08 are told what is wrong with them."""

import io
import logging
import socket
import socketserver
import struct
import sys
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from typing import ClassVar

import pytest

import minisocketserver
from socketlab import check

from .helpers import a_copy_of, impatient, message, ours

Base = ours("08.1").BaseRequestHandler
Stream = ours("08.1").StreamRequestHandler
Datagram = ours("08.2").DatagramRequestHandler
DATAGRAMS = a_copy_of(socketserver.DatagramRequestHandler)


class NeverHandles(Base):
    def __init__(self, request, client_address, server):
        self.request = request
        self.client_address = client_address
        self.server = server


class NoFinally(NeverHandles):
    def __init__(self, *args):
        super().__init__(*args)
        self.setup()
        self.handle()
        self.finish()


class SetupInTry(NeverHandles):
    def __init__(self, *args):
        super().__init__(*args)
        try:
            self.setup()
            self.handle()
        finally:
            self.finish()


class Swallows(Base):
    def __init__(self, *args):
        with suppress(Exception):
            super().__init__(*args)


class StoresTooLate(Base):
    def __init__(self, request, client_address, server):
        self.server = server
        self.setup()
        self.handle()
        self.finish()
        self.request = request
        self.client_address = client_address


class Buffered(Stream):
    def setup(self):
        super().setup()
        self.wfile = self.connection.makefile("wb")


class Raw(Stream):
    def setup(self):
        super().setup()
        if self.wbufsize == 0:
            self.wfile = self.connection.makefile("wb", 0)


class Sends(Stream):
    def setup(self):
        super().setup()
        if self.wbufsize == 0:
            self.wfile.write = self.connection.send


class CountsItems(Stream):
    def setup(self):
        super().setup()
        if self.wbufsize == 0:
            self.wfile.write = lambda data: self.connection.sendall(data) or len(data)


class WithoutANumber(Stream):
    def setup(self):
        super().setup()
        if self.wbufsize == 0:
            self.wfile.fileno = super(type(self.wfile), self.wfile).fileno


class NeverBuffers(Stream):
    def setup(self):
        self.wbufsize = 0
        super().setup()


class ServersTimeout(Stream):
    def setup(self):
        self.timeout = self.server.timeout
        super().setup()


class TakesLimitsAway(Stream):
    def setup(self):
        super().setup()
        self.connection.settimeout(self.timeout)


class NagleTurnedRound(Stream):
    def setup(self):
        self.disable_nagle_algorithm = not self.disable_nagle_algorithm
        super().setup()


class IgnoresNagle(Stream):
    def setup(self):
        self.disable_nagle_algorithm = False
        super().setup()


class OnlyFlushes(Stream):
    def finish(self):
        with suppress(OSError):
            self.wfile.flush()


class TripsOverTheGone(Stream):
    def finish(self):
        self.wfile.close()
        self.rfile.close()


class ForgetsRfile(Stream):
    def finish(self):
        try:
            self.wfile.close()
            self.rfile.close()
        except OSError:
            pass


class ClosesTheConnection(Stream):
    def finish(self):
        super().finish()
        self.connection.close()


class FinishesAfterExceptions(NeverHandles):
    """sys.exit() raises what is no Exception."""

    def __init__(self, *args):
        super().__init__(*args)
        self.setup()
        try:
            self.handle()
        except Exception:
            self.finish()
            raise
        self.finish()


class StoresTheAddressTwice(Base):
    def __init__(self, request, client_address, server):
        super().__init__(client_address, client_address, server)


class ReadsAhead(Stream):
    def setup(self):
        super().setup()
        self.rfile = self.connection.makefile("rb")


class WritesLate(Stream):
    def setup(self):
        super().setup()
        if self.wbufsize != 0:
            self.wfile = self.connection.makefile("wb")


class ZeroIsNone(Stream):
    def setup(self):
        self.timeout = self.timeout or None
        super().setup()


class OnTheClass(Base):
    def setup(self):
        type(self).request = vars(self).pop("request")


class FilesOnTheClass(Stream):
    def setup(self):
        super().setup()
        type(self).wfile = vars(self).pop("wfile")


BUILD = [
    pytest.param((OnTheClass, Stream), "steps", "request kept on the class", id="class"),
    pytest.param((Base, FilesOnTheClass), "the end", "wfile kept on the class", id="class files"),
    pytest.param(
        (FinishesAfterExceptions, Stream), "steps", "['setup', 'handle']", id="except for finally"
    ),
    pytest.param((StoresTheAddressTwice, Stream), "steps", "the request (", id="address twice"),
    pytest.param((Base, ReadsAhead), "everything", "b'' left for recv", id="reads ahead"),
    pytest.param((Base, WritesLate), "everything", "while the handler waits", id="writes late"),
    pytest.param((Base, ZeroIsNone), "options", "time limit is 2", id="zero is none"),
    pytest.param((NeverHandles, Stream), "steps", "does __init__ call the steps", id="no steps"),
    pytest.param(
        (NoFinally, Stream), "steps", "handle failed, and finish did not run", id="finally"
    ),
    pytest.param((SetupInTry, Stream), "steps", "['setup', 'finish']", id="setup in try"),
    pytest.param((Swallows, Stream), "steps", "the exception was swallowed", id="swallows"),
    pytest.param((StoresTooLate, Stream), "steps", "has no attribute 'request'", id="too late"),
    pytest.param((Base, Buffered), "lines", "is wfile buffered?", id="buffered"),
    pytest.param((Base, Raw), "everything", "may take a part only?", id="learners-12"),
    pytest.param((Base, Sends), "everything", "may take a part only?", id="learners-12-send"),
    pytest.param((Base, CountsItems), "everything", "3 returned, for 12 bytes", id="items"),
    pytest.param((Base, WithoutANumber), "everything", "UnsupportedOperation", id="no number"),
    pytest.param((Base, NeverBuffers), "everything", "before the handler was over", id="always 0"),
    pytest.param((Base, ServersTimeout), "options", "the handler's own timeout?", id="learners-14"),
    pytest.param((Base, TakesLimitsAway), "options", "time limit is None", id="takes limits away"),
    pytest.param((Base, NagleTurnedRound), "options", "TCP_NODELAY is on", id="nagle"),
    pytest.param((Base, IgnoresNagle), "options", "TCP_NODELAY is off", id="no nagle"),
    pytest.param((Base, OnlyFlushes), "the end", "wfile is still open", id="only flushes"),
    pytest.param((Base, TripsOverTheGone), "the end", "BrokenPipeError", id="trips"),
    pytest.param((Base, ForgetsRfile), "the end", "rfile is still open", id="forgets rfile"),
    pytest.param((Base, ClosesTheConnection), "the end", "the server's to do", id="closes it"),
]


@pytest.mark.parametrize("wrong, part, told", BUILD)
def test_a_wrong_handler_is_told_its_mistake(wrong, part, told, monkeypatch):
    impatient(monkeypatch)
    assert told in message("08.1", part, *wrong)


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


class Pushing(io.RawIOBase):
    """Goes on with send until everything has left."""

    def __init__(self, sock):
        self.sock = sock

    def writable(self):
        return True

    def write(self, data):
        data = memoryview(data).cast("B")
        sent = 0
        while sent < len(data):
            sent += self.sock.send(data[sent:])
        return sent

    def fileno(self):
        return self.sock.fileno()


class FromTheTextStream(FromTheTextBase):
    rbufsize, wbufsize, timeout, disable_nagle_algorithm = -1, 0, None, False

    def setup(self):
        self.connection = self.request
        if self.timeout is not None:
            self.request.settimeout(self.timeout)
        if self.disable_nagle_algorithm:
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rfile = self.request.makefile("rb", buffering=self.rbufsize)
        self.wfile = Pushing(self.request)
        if self.wbufsize:
            self.wfile = self.request.makefile("wb", self.wbufsize)

    def finish(self):
        with closing(self.rfile):
            try:
                self.wfile.close()
            except ConnectionError as error:
                print("gone:", error)


class Library(a_copy_of(socketserver._SocketWriter, socketserver.StreamRequestHandler)):
    """The standard library's flushes in a try, and closes outside it."""

    def finish(self):
        try:
            super().finish()
        except OSError:
            self.rfile.close()


class StackedBase:
    """An ExitStack in place of the finally; nothing but its three attributes."""

    def __init__(self, *given):
        self.request, self.client_address, self.server = given
        self.setup()
        with ExitStack() as stack:
            stack.callback(self.finish)
            self.handle()

    def setup(self): ...

    def handle(self): ...

    def finish(self): ...


class Unbuffered(io.BufferedIOBase):
    __slots__ = ("_connection",)

    def __init__(self, connection):
        self._connection = connection

    writable = lambda self: True  # noqa: E731
    fileno = property(lambda self: self._connection.fileno)

    def write(self, data):
        with memoryview(data) as view:
            self._connection.sendall(view)
            return view.nbytes


class StackedStream(StackedBase):
    """Files put together by hand, closed by a stack."""

    rbufsize = -1
    wbufsize = 0
    timeout = None
    disable_nagle_algorithm = False

    def setup(self):
        self.connection = connection = self.request
        match self.timeout:
            case None:
                pass
            case seconds:
                connection.settimeout(seconds)
        if self.disable_nagle_algorithm:
            connection.setsockopt(socket.SOL_TCP, socket.TCP_NODELAY, 1)
        self._files = ExitStack()
        self.rfile = self._keep(connection.makefile("rb", self.rbufsize))
        self.wfile = self._keep(
            connection.makefile("wb", self.wbufsize) if self.wbufsize else Unbuffered(connection)
        )

    def _keep(self, file):
        self._files.callback(self._close, file)
        return file

    @staticmethod
    def _close(file):
        with suppress(OSError):
            file.close()

    def finish(self):
        self._files.close()


class ModestStream(Base):
    """Beside our own BaseRequestHandler: a writer with a name like the one in the task."""

    rbufsize = -1
    wbufsize = 0
    timeout = None
    disable_nagle_algorithm = False

    def setup(self):
        self.connection = self.request
        seconds = self.connection.gettimeout() if self.timeout is None else self.timeout
        self.connection.settimeout(seconds)
        if self.disable_nagle_algorithm is True:
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        self.rfile = self.connection.makefile(mode="rb", buffering=self.rbufsize)
        self.wfile = self._writer()

    def _writer(self):
        if self.wbufsize == 0:
            return Pushing(self.connection)
        return self.connection.makefile("wb", buffering=self.wbufsize)

    def finish(self):
        try:
            self.wfile.close()
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            self.rfile.close()


@pytest.mark.parametrize(
    "right",
    [
        (StackedBase, StackedStream),
        (Base, ModestStream),
        (StackedBase, FromTheTextStream),
        (Base, Stream),
        (a_copy_of(socketserver.BaseRequestHandler), Library),
        (FromTheTextBase, FromTheTextStream),
    ],
    ids=["stacked", "modest", "mixed", "ours", "library", "text"],
)
def test_right_handlers_pass_in_any_style(right, capfd):
    check("08.1", *right)
    printed, errors = capfd.readouterr()
    assert [line[:6] for line in printed.splitlines()] == ["✓ 08.1"] * 5
    assert errors == ""


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


class OneRecvEach(Mailbox):
    """As in many answers on the web: the length framed, the reading not."""

    def handle(self):
        while header := self.request.recv(4):
            self.server.inbox.append(self.request.recv(int.from_bytes(header, "big")))


class StopsAtEmpty(Mailbox):
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


class FixedLimit(Mailbox):
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
    pytest.param(OneRecvEach, "pieces", "one recv is not one letter", id="learners-3-framed"),
    pytest.param(Once, "logging", "once for each connection", id="learners-8"),
    pytest.param(ReadsToTheEnd, "logging", "does read() wait for the end?", id="learners-20"),
    pytest.param(ListOfItsOwn, "logging", "only the server outlives it", id="learners-6"),
    pytest.param(Decodes, "logging", "a letter that is a str", id="learners-7"),
    pytest.param(KeepsTheLength, "logging", "length still before it", id="keeps the length"),
    pytest.param(
        StopsAtEmpty, "pieces", "does an empty one end the loop?", id="stops at an empty letter"
    ),
    pytest.param(Believes, "limit", "compared before the letter is read?", id="believes"),
    pytest.param(FixedLimit, "limit", "before the letter is read?", id="fixed limit"),
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
    came = next(line for line in message("08.4", part, *answer).splitlines() if "Came:" in line)
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
        pytest.param(forecast(["shf", "sh", "s"]), "steps", "finish stands in a", id="no finish"),
        pytest.param(forecast(["shf", "shf", "sf"]), "steps", "before the try begins", id="setup"),
        pytest.param(forecast(["s"]), "steps", "3 are asked for", id="too few"),
        pytest.param(forecast(many=[5, 3, 4, 1]), "how many", "not two messages", id="learners-3"),
        pytest.param(forecast(many=[10, 5, 4, 1]), "how many", "three at the most", id="recv 3"),
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
            "does not look at the server",
            id="learners-14",
        ),
        pytest.param(forecast(ended=but(1, ENDED)), "cut off", "silent client is", id="handler's"),
        pytest.param(forecast(ended=but(2, ENDED)), "cut off", "Each byte starts", id="drips"),
    ],
)
def test_a_wrong_forecast_is_told_why(answer, part, told):
    came = next(line for line in message("08.5", part, *answer).splitlines() if "Came:" in line)
    assert told in came


def test_a_right_forecast_passes():
    check("08.5", *forecast())
    check("08.5", *map(tuple, forecast()))
