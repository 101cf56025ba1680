# ruff: noqa
# fmt: off
# Right answers, written from the tasks' text, each as its author would have it.

# %% 08.1 a helper for exactly so many bytes
class FramedRequestHandler(minisocketserver.StreamRequestHandler):
    limit = 10_000
    timeout = 5

    def answer(self, message):
        return message

    def exactly(self, size):
        data = self.rfile.read(size)
        if len(data) != size:
            raise EOFError(f"{len(data)} of {size} bytes")
        return data

    def receive(self):
        if not (first := self.rfile.read(1)):
            return None
        (size,) = struct.unpack("!I", first + self.exactly(3))
        if size > self.limit:
            raise ValueError(size)
        return self.exactly(size)

    def send(self, message):
        self.wfile.write(len(message).to_bytes(4, "big"))
        self.wfile.write(message)

    def handle(self):
        while True:
            try:
                message = self.receive()
            except (ValueError, EOFError, OSError):
                break
            if message is None:
                break
            self.send(self.answer(message))

# %% 08.1 a generator of messages
class FramedRequestHandler(minisocketserver.StreamRequestHandler):
    """Converse in messages that have their length in front; subclasses override `answer`."""

    limit, timeout = 10_000, 5
    HEAD = struct.Struct(">L")

    def answer(self, message): return message

    def receive(self):
        head = self.rfile.read(self.HEAD.size)
        if head == b"":
            return None
        try:
            size = self.HEAD.unpack(head)[0]
        except struct.error as error:
            raise EOFError("half a length") from error
        if not size <= self.limit:
            raise ValueError("too long")
        message = bytearray(size)
        if self.rfile.readinto(message) < size:
            raise EOFError("half a message")
        return bytes(message)

    def messages(self):
        try:
            while (message := self.receive()) is not None:
                yield message
        except (EOFError, ValueError, TimeoutError, ConnectionError):
            pass

    def send(self, message):
        self.request.sendall(self.HEAD.pack(len(message)) + bytes(message))

    def handle(self):
        for message in self.messages():
            self.send(self.answer(message))

# %% 08.1 recv into a buffer
class FramedRequestHandler(minisocketserver.StreamRequestHandler):
    limit = 10_000
    timeout = 5

    def answer(self, message):
        return message

    def setup(self):
        super().setup()
        self.waiting = bytearray()

    def _fill(self, size):
        """Wait until so much is there; tell whether it came."""
        while len(self.waiting) < size:
            if not (data := self.connection.recv(4096)):
                return False
            self.waiting += data
        return True

    def receive(self):
        if not self._fill(4):
            if self.waiting:
                raise EOFError
            return None
        size = int.from_bytes(self.waiting[:4], "big")
        if size > self.limit:
            raise ValueError(f"{size} bytes?")
        if not self._fill(4 + size):
            raise EOFError
        message = bytes(self.waiting[4:4 + size])
        del self.waiting[:4 + size]
        return message

    def send(self, message):
        self.connection.sendall(struct.pack("!I", len(message)) + message)

    def handle(self):
        message = b""
        while message is not None:
            try:
                message = self.receive()
            except (EOFError, ValueError, TimeoutError, ConnectionError):
                return
            if message is not None:
                self.send(self.answer(message))

# %% 08.1 match, typed, an exception class of one's own
from typing import Optional


class HalfMessage(EOFError):
    """The client has left inside a message."""


class FramedRequestHandler(minisocketserver.StreamRequestHandler):
    limit: int = 10_000
    timeout: Optional[float] = 5
    GONE = EOFError, ValueError, TimeoutError, ConnectionError

    def answer(self, message: bytes) -> bytes:
        return message

    def receive(self) -> Optional[bytes]:
        head = self.rfile.read(4)
        match len(head):
            case 0:
                return None
            case 4:
                size, = struct.unpack("!I", head)
            case few:
                raise HalfMessage(f"only {few} bytes of a length")
        if size > self.limit:
            raise ValueError(f"{size} > {self.limit}")
        if len(message := self.rfile.read(size)) == size:
            return message
        raise HalfMessage(f"only {len(message)} bytes of {size}")

    def send(self, message: bytes) -> None:
        self.wfile.writelines([struct.pack("!I", len(message)), message])

    def handle(self) -> None:
        try:
            message = self.receive()
        except self.GONE:
            message = None
        if message is None:
            return None
        self.send(self.answer(message))
        return self.handle()

# %% 08.1 MSG_WAITALL where there is no time limit, else a loop; recv_into
class FramedRequestHandler(minisocketserver.StreamRequestHandler):
    """The standard way: a buffer of the right size, filled by recv_into."""

    limit = 10_000
    timeout = 5

    def answer(self, message):
        return message

    def _take(self, size):
        room = memoryview(bytearray(size))
        got = 0
        while got < size:
            number = self.request.recv_into(room[got:])
            if number == 0:
                break
            got += number
        return bytes(room[:got])

    def receive(self):
        head = self._take(4)
        if len(head) == 0: return None
        if len(head) != 4: raise EOFError("length")
        size = head[0] << 24 | head[1] << 16 | head[2] << 8 | head[3]
        if size > self.limit: raise ValueError("limit")
        message = self._take(size)
        if len(message) != size: raise EOFError("message")
        return message

    def send(self, message):
        data = memoryview(struct.pack("!I", len(message)) + message)
        while data:
            data = data[self.request.send(data):]

    def handle(self):
        while True:
            try:
                message = self.receive()
            except EOFError: return
            except ValueError: return
            except TimeoutError: return
            except ConnectionError: return
            else:
                if message is None: return
            self.send(self.answer(message))

# %% 08.1 iter with a sentinel, wbufsize and flush
class FramedRequestHandler(minisocketserver.StreamRequestHandler):
    limit = 10_000
    timeout = 5
    wbufsize = -1

    def answer(self, message):
        return message

    def receive(self):
        length = self.rfile.read(4)
        if length and len(length) < 4:
            raise EOFError("What is left of a length?")
        if not length:
            return None
        size = int(length.hex(), 16)
        if size > self.limit:
            raise ValueError("%d%%" % (100 * size // self.limit))
        message = self.rfile.read(size)
        if size > len(message):
            raise EOFError("What is left of a message?")
        return message

    def _next(self):
        try:
            return self.receive()
        except (EOFError, ValueError, OSError):
            return None

    def send(self, message):
        self.wfile.write(struct.pack("!I", len(message)))
        self.wfile.write(message)
        self.wfile.flush()

    def handle(self):
        for message in iter(self._next, None):
            self.send(self.answer(message))

# %% 08.2 two lines each
class DatagramRequestHandler(minisocketserver.BaseRequestHandler):
    always_reply = True

    def setup(self):
        self.packet = self.request[0]
        self.socket = self.request[1]
        self.rfile, self.wfile = io.BytesIO(self.packet), io.BytesIO()

    def finish(self):
        self.wfile.seek(0)
        answer = self.wfile.read()
        if not answer and not self.always_reply:
            return
        self.socket.sendto(answer, self.client_address)

# %% 08.2 on the standard library's parent
class DatagramRequestHandler(socketserver.BaseRequestHandler):
    """Read a datagram as the file `self.rfile`; what is written to `self.wfile` is the answer."""
    always_reply: bool = True

    def setup(self) -> None:
        super().setup()
        packet, sock = self.request
        self.packet, self.socket = packet, sock
        self.rfile = io.BytesIO(packet)
        self.wfile = io.BytesIO()

    def finish(self) -> None:
        with self.wfile.getbuffer() as view:
            data = bytes(view)
        if data:
            self.socket.sendto(data, self.client_address)
        elif self.always_reply:
            self.socket.sendto(b"", self.client_address)

# %% 08.2 sendmsg
class DatagramRequestHandler(minisocketserver.BaseRequestHandler):
    always_reply = True

    def setup(self):
        self.packet, self.socket = self.request
        for name, content in (("rfile", self.packet), ("wfile", b"")):
            setattr(self, name, io.BytesIO(content))

    def finish(self):
        wants = self.always_reply or self.wfile.tell() > 0
        if wants:
            self.socket.sendmsg([self.wfile.getvalue()], [], 0, self.client_address)

# %% 08.2 four lines, getvalue, one condition
class DatagramRequestHandler(minisocketserver.BaseRequestHandler):
    """Read a datagram as the file `self.rfile`; what is written to `self.wfile` is the answer."""

    always_reply = True

    def setup(self):
        self.packet, self.socket = self.request
        self.rfile = io.BytesIO(self.packet)
        self.wfile = io.BytesIO()

    def finish(self):
        answer = self.wfile.getvalue()
        if answer or self.always_reply:
            self.socket.sendto(answer, self.client_address)

# %% 08.2 early return, seek and read, super() called
from io import BytesIO


class DatagramRequestHandler(minisocketserver.BaseRequestHandler):
    """Read a datagram as the file `self.rfile`; what is written to `self.wfile` is the answer."""

    always_reply = True

    def setup(self):
        super().setup()
        self.packet = self.request[0]
        self.socket = self.request[1]
        self.rfile, self.wfile = BytesIO(self.packet), BytesIO()

    def finish(self):
        self.wfile.seek(0)
        everything = self.wfile.read()
        nothing_was_written = len(everything) == 0
        if nothing_was_written and not self.always_reply:
            return  # silence is an answer, too?
        self.socket.sendto(everything, self.client_address)
        super().finish()

# %% 08.2 properties, match, getbuffer
class DatagramRequestHandler(minisocketserver.BaseRequestHandler):
    """Read a datagram as the file `self.rfile`; what is written to `self.wfile` is the answer."""

    always_reply = True

    @property
    def _must_send(self):
        return self.always_reply or self.wfile.getbuffer().nbytes > 0

    def setup(self):
        match self.request:
            case (packet, server_socket):
                self.packet = packet
                self.socket = server_socket
        self.rfile = io.BufferedReader(io.BytesIO(self.packet))
        self.wfile = io.BytesIO()

    def finish(self):
        if self._must_send:
            self.socket.sendto(self.wfile.getbuffer(), self.client_address)

# %% 08.3 struct, from a file
import struct

class Mailbox(socketserver.StreamRequestHandler):
    limit = 100_000
    HEAD = struct.Struct(">I")

    def handle(self):
        while True:
            head = self.rfile.read(self.HEAD.size)
            if len(head) < self.HEAD.size:
                return
            (length,) = self.HEAD.unpack(head)
            if length > self.limit:
                return
            letter = self.rfile.read(length)
            if len(letter) == length:
                self.server.inbox.append(letter)
            else:
                return

# %% 08.3 recv, until there is enough
class Gone(Exception):
    pass

class Mailbox(socketserver.BaseRequestHandler):
    limit = 100_000

    def exactly(self, count):
        data = bytearray()
        while len(data) < count:
            piece = self.request.recv(count - len(data))
            if not piece:
                raise Gone
            data += piece
        return bytes(data)

    def handle(self):
        try:
            while (size := int.from_bytes(self.exactly(4), byteorder="big")) <= self.limit:
                self.server.inbox.append(self.exactly(size))
        except (Gone, ConnectionError):
            pass

# %% 08.3 a buffer, cut into letters
class Mailbox(socketserver.BaseRequestHandler):
    limit = 100000

    def handle(self):
        waiting = b""
        while True:
            while len(waiting) >= 4:
                size = int.from_bytes(waiting[:4], "big")
                if size > self.limit:
                    return
                if len(waiting) < 4 + size:
                    break
                self.server.inbox.append(waiting[4:4 + size])
                waiting = waiting[4 + size:]
            try:
                data = self.request.recv(4096)
            except ConnectionResetError:
                return
            if not data:
                return
            waiting += data

# %% 08.3 StreamRequestHandler, rfile.read, struct, one try
import struct


class Mailbox(socketserver.StreamRequestHandler):
    limit = 100_000

    def handle(self):
        while True:
            try:
                head = self.rfile.read(4)
                if len(head) < 4:
                    return
                (length,) = struct.unpack(">L", head)
                if length > self.limit:
                    return
                letter = self.rfile.read(length)
            except ConnectionError:
                return
            if len(letter) < length:
                return
            self.server.inbox.append(letter)

# %% 08.3 the course's BaseRequestHandler, recv_into, an exception for "gone", int.from_bytes
class Gone(Exception):
    """The client has left. Was it in the middle of a letter?"""


class Mailbox(minisocketserver.BaseRequestHandler):
    """Takes letters, answers nothing."""

    limit = 100000

    def exactly(self, how_many):
        room = bytearray(how_many)
        view = memoryview(room)
        while view:
            try:
                got = self.request.recv_into(view)
            except ConnectionError as error:
                raise Gone from error
            if got == 0:
                raise Gone
            view = view[got:]
        return bytes(room)

    def handle(self):
        try:
            while (length := int.from_bytes(self.exactly(4), "big")) <= self.limit:
                self.server.inbox.append(self.exactly(length))
        except Gone:
            pass

# %% 08.3 a generator over a growing bytearray, unpack_from, typed
from collections.abc import Iterator
from struct import Struct

FRAME = Struct("!I")


class Mailbox(socketserver.BaseRequestHandler):
    limit: int = 100_000

    def _chunks(self) -> Iterator[bytes]:
        try:
            yield from iter(lambda: self.request.recv(65536), b"")
        except OSError:
            return  # went away with a bang

    def _letters(self) -> Iterator[bytes]:
        waiting = bytearray()
        for chunk in self._chunks():
            waiting.extend(chunk)
            while len(waiting) >= FRAME.size:
                length = FRAME.unpack_from(waiting)[0]
                if length > self.limit:
                    return
                end = FRAME.size + length
                if len(waiting) < end:
                    break
                yield bytes(waiting[FRAME.size:end])
                del waiting[:end]

    def handle(self) -> None:
        for letter in self._letters():
            self.server.inbox.append(letter)

# %% 08.4 the greeting first
class Greeter(socketserver.StreamRequestHandler):
    def __init__(self, request, client_address, server):
        self.greeting = "¡Buenos días!\n"
        super().__init__(request, client_address, server)

    def handle(self):
        self.wfile.write(self.greeting.encode("utf-8"))

class Adder(socketserver.StreamRequestHandler):
    timeout = 0.3

    def handle(self):
        while True:
            line = self.rfile.readline()
            if not line:
                break
            total = sum(int(number) for number in line.split())
            self.wfile.write(b"%d\n" % total)

class Chart(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.settimeout(5)
        self.request.sendall(self.server.chart)

class Desk(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        error = sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1]
        if isinstance(error, (ConnectionError, TimeoutError)):
            return
        super().handle_error(request, client_address)

# %% 08.4 where it happens
class Greeter(socketserver.StreamRequestHandler):
    def setup(self):
        super().setup()
        self.greeting = "¡Buenos días!\n"

    def handle(self):
        self.wfile.write(bytes(self.greeting, "utf-8"))

class Adder(socketserver.StreamRequestHandler):
    timeout = 0.3

    def handle(self):
        for line in iter(self.rfile.readline, b""):
            numbers = map(int, line.split())
            self.wfile.write(f"{sum(numbers)}\n".encode())

class Chart(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.settimeout(5)
        rest = memoryview(self.server.chart)
        while rest:
            rest = rest[self.request.send(rest):]

class Desk(socketserver.ThreadingTCPServer):
    daemon_threads = True
    QUIET = ConnectionResetError, BrokenPipeError, ConnectionAbortedError, TimeoutError

    def finish_request(self, request, client_address):
        try:
            super().finish_request(request, client_address)
        except self.QUIET:
            pass

# %% 08.4 the limit for all connections of the desk
class Greeter(socketserver.StreamRequestHandler):
    GREETING = "¡Buenos días!\n".encode()
    def handle(self): self.wfile.write(self.GREETING)

class Adder(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            answer = str(sum([int(x) for x in line.decode().split()])) + "\n"
            self.wfile.write(answer.encode())

class Chart(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.settimeout(5)
        self.request.sendall(self.server.chart)

class Desk(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def get_request(self):
        request, address = super().get_request()
        request.settimeout(0.3)
        return request, address

    def handle_error(self, request, client_address):
        kind, error, trace = sys.exc_info()
        if not issubclass(kind, (ConnectionError, TimeoutError)):
            socketserver.ThreadingTCPServer.handle_error(self, request, client_address)

# %% 08.4 the smallest change, class attributes, handle_error with exc_info
class Greeter(socketserver.StreamRequestHandler):
    greeting = "¡Buenos días!\n"

    def handle(self):
        self.wfile.write(self.greeting.encode())


class Adder(socketserver.StreamRequestHandler):
    timeout = 0.3  # for clients who say nothing

    def handle(self):
        for line in self.rfile:
            numbers = line.split()
            self.wfile.write(b"%d\n" % sum(map(int, numbers)))


class Chart(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.settimeout(5)
        self.request.sendall(self.server.chart)


class Desk(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        if isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            return
        super().handle_error(request, client_address)

# %% 08.4 setup, walrus, wfile for the chart, TimeoutError caught where it happens
GONE = (BrokenPipeError, ConnectionResetError, ConnectionAbortedError)


class Greeter(socketserver.StreamRequestHandler):
    def setup(self):
        super().setup()
        self.greeting = "¡Buenos días!\n".encode("utf-8")

    def handle(self):
        self.wfile.write(self.greeting)


class Adder(socketserver.StreamRequestHandler):
    timeout = 0.3

    def next_line(self):
        """The next line, or nothing; has the client fallen asleep?"""
        try:
            return self.rfile.readline()
        except TimeoutError:
            return b""

    def handle(self):
        while line := self.next_line():
            total = sum(int(number) for number in line.split())
            self.wfile.write(
                b"%d\n"
                % total
            )


class Chart(socketserver.StreamRequestHandler):
    timeout = 5

    def handle(self):
        self.wfile.write(self.server.chart)


class Desk(socketserver.ThreadingTCPServer):
    daemon_threads = True
    timeout = 0.3  # for clients who say nothing

    def handle_error(self, request, client_address):
        kind, error, trace = sys.exc_info()
        if not issubclass(kind, GONE):
            super().handle_error(request, client_address)

# %% 08.4 __init__ in the right order, a loop of send, the desk hands its time limit on and suppresses
import contextlib


class Greeter(socketserver.StreamRequestHandler):
    def __init__(self, request, client_address, server):
        self.greeting = "¡Buenos días!\n"
        super().__init__(request, client_address, server)

    def handle(self):
        self.wfile.write(bytes(self.greeting, "utf-8"))


class Adder(socketserver.StreamRequestHandler):
    def handle(self):
        while True:
            line = self.rfile.readline()
            if not line:
                break
            numbers = line.split()
            self.wfile.write(b"%d\n" % sum(map(int, numbers)))


class Chart(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.settimeout(5)
        rest = memoryview(self.server.chart)
        while rest:
            rest = rest[self.request.send(rest):]


class Desk(socketserver.ThreadingTCPServer):
    daemon_threads = True
    timeout = 0.3  # for clients who say nothing

    def get_request(self):
        request, client_address = super().get_request()
        request.settimeout(self.timeout)
        return request, client_address

    def finish_request(self, request, client_address):
        # hung up, or fell asleep? that's nobody's bug
        with contextlib.suppress(
            BrokenPipeError, ConnectionResetError, ConnectionAbortedError, TimeoutError
        ):
            super().finish_request(request, client_address)

# %% 08.5 tuples
which_steps = ("shf", "shf", "s")
how_many = (10, 3, 4, 1)
while_waiting = (True, True, False, False, True)
cut_off = (False, True, False)

# %% 08.5 counted
s, h, f = "shf"
which_steps = [s + h + f, s + h + f, s]
how_many = [len(b"Hello" + b"World"), len(b"Hello"[:3]), 4, 1]
while_waiting = [call in ("recv", "readline", "read(6)") for call in ("recv", "readline", "read()", "read(100)", "read(6)")]
cut_off = [who == "silent, handler" for who in ("silent, server", "silent, handler", "drips")]

# %% 08.5 from a string
which_steps = "shf shf s".split()
how_many = [*map(int, "10 3 4 1".split())]
while_waiting, cut_off = [[bool(int(c)) for c in text] for text in ("11001", "010")]

# %% 08.5 lists
which_steps = ["shf", "shf", "s"]
how_many = [10, 3, 4, 1]
while_waiting = [True, True, False, False, True]
cut_off = [False, True, False]

# %% 08.5 tuples, by another hand
which_steps = "shf", "shf", "s"
how_many = (10, 3, 4, 1)
while_waiting = (True, True, False, False, True)
cut_off = (False, True, False)

# %% 08.5 computed
which_steps = "shf shf s".split()
how_many = [len(b"Hello" + b"World"), len(b"Hello"[:3]), 4, 1]
arrived = len(b"hello\n")
while_waiting = [
    True,          # recv takes what is there
    True,          # a whole line is there
    False,         # read() waits for the end: has the client gone? no
    100 <= arrived,
    6 <= arrived,
]
cut_off = [which == 2 for which in (1, 2, 3)]
