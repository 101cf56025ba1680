# ruff: noqa
# fmt: off
# Right answers, written from the tasks' text, each as its author would have it.

# %% 08.1 a writer that counts
class BaseRequestHandler:
    def __init__(self, request, client_address, server):
        self.request, self.client_address, self.server = request, client_address, server
        self.setup()
        try:
            self.handle()
        finally:
            self.finish()

    def setup(self): pass
    def handle(self): pass
    def finish(self): pass

class _SocketWriter(io.BufferedIOBase):
    def __init__(self, sock):
        self.sock = sock

    def writable(self):
        return True

    def write(self, data):
        with memoryview(data) as view:
            self.sock.sendall(view)
            return view.nbytes

    def fileno(self):
        return self.sock.fileno()

class StreamRequestHandler(BaseRequestHandler):
    rbufsize = -1
    wbufsize = 0
    timeout = None
    disable_nagle_algorithm = False

    def setup(self):
        conn = self.connection = self.request
        if self.timeout is not None:
            conn.settimeout(self.timeout)
        if self.disable_nagle_algorithm:
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rfile = conn.makefile(mode="rb", buffering=self.rbufsize)
        self.wfile = conn.makefile(mode="wb", buffering=self.wbufsize) if self.wbufsize else _SocketWriter(conn)

    def finish(self):
        try:
            self.wfile.close()
        except OSError:
            pass
        finally:
            self.rfile.close()

# %% 08.1 suppress, and bytes
from contextlib import suppress

class BaseRequestHandler(object):
    """Parent of the handlers; subclasses override `handle`."""

    def __init__(self, request, client_address, server):
        vars(self).update(request=request, client_address=client_address, server=server)
        self.setup()
        done = False
        try:
            self.handle()
            done = True
        finally:
            self.finish()

    def setup(self): ...
    def handle(self): ...
    def finish(self): ...

class _SocketWriter(io.BufferedIOBase):
    """A file without a buffer: `write` sends everything before it returns."""

    def __init__(self, sock): self.sock = sock
    def writable(self): return True
    def fileno(self): return self.sock.fileno()

    def write(self, data):
        whole = bytes(data)
        self.sock.sendall(whole)
        return len(whole)

class StreamRequestHandler(BaseRequestHandler):
    rbufsize, wbufsize, timeout, disable_nagle_algorithm = -1, 0, None, False

    def setup(self):
        super().setup()
        self.connection = self.request
        if not self.timeout is None:
            self.connection.settimeout(self.timeout)
        if self.disable_nagle_algorithm:
            self.connection.setsockopt(socket.SOL_TCP, socket.TCP_NODELAY, True)
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        match self.wbufsize:
            case 0:
                self.wfile = _SocketWriter(self.connection)
            case size:
                self.wfile = self.connection.makefile("wb", size)

    def finish(self):
        if not self.wfile.closed:
            with suppress(OSError, ValueError):
                self.wfile.flush()
        with suppress(OSError):
            self.wfile.close()
        with suppress(OSError):
            self.rfile.close()
        super().finish()

# %% 08.1 nested try, and send
class BaseRequestHandler:
    def __init__(self, request, client_address, server):
        self.request = request
        self.client_address = client_address
        self.server = server
        self.setup()
        try:
            self.handle()
        except BaseException:
            self.finish()
            raise
        else:
            self.finish()

    setup = handle = finish = lambda self: None

class _SocketWriter(io.BufferedIOBase):
    def __init__(self, sock):
        super().__init__()
        self.sock = sock

    def writable(self):
        return True

    def write(self, data):
        data = memoryview(data).cast("B")
        self.sock.sendall(data)
        return len(data)

    def fileno(self):
        return socket.socket.fileno(self.sock)

class StreamRequestHandler(BaseRequestHandler):
    rbufsize = -1
    wbufsize = 0
    timeout = None
    disable_nagle_algorithm = False

    def _adjust(self, sock):
        if self.timeout is not None:
            sock.settimeout(self.timeout)
        if self.disable_nagle_algorithm is True:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        return sock

    def setup(self):
        self.connection = self._adjust(self.request)
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        self.wfile = _SocketWriter(self.connection) if self.wbufsize == 0 else self.connection.makefile("wb", self.wbufsize)

    def finish(self):
        try:
            try:
                self.wfile.close()
            finally:
                self.rfile.close()
        except OSError:
            pass

# %% 08.1 plain try and finally, sendall, two ifs
class BaseRequestHandler:
    """Parent of the handlers; subclasses override `handle`."""

    def __init__(self, request, client_address, server):
        self.request = request
        self.client_address = client_address
        self.server = server
        self.setup()
        try:
            self.handle()
        finally:
            self.finish()

    def setup(self):
        pass

    def handle(self):
        pass

    def finish(self):
        pass


class _SocketWriter(io.BufferedIOBase):
    """A file without a buffer: `write` sends everything before it returns."""

    def __init__(self, sock):
        self.sock = sock

    def writable(self):
        return True

    def write(self, data):
        self.sock.sendall(data)
        return memoryview(data).nbytes  # not len(): an array of ints has fewer items than bytes

    def fileno(self):
        return self.sock.fileno()


class StreamRequestHandler(BaseRequestHandler):
    """Read a connection as the file `self.rfile`, write it as the file `self.wfile`."""

    rbufsize = -1
    wbufsize = 0
    timeout = None
    disable_nagle_algorithm = False

    def setup(self):
        self.connection = self.request
        if self.timeout is not None:
            self.connection.settimeout(self.timeout)
        if self.disable_nagle_algorithm:
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        if self.wbufsize == 0:
            self.wfile = _SocketWriter(self.connection)
        else:
            self.wfile = self.connection.makefile("wb", self.wbufsize)

    def finish(self):
        try:
            self.wfile.close()
        except OSError:
            pass  # the client has gone, with the rest of the answer still in the buffer
        finally:
            self.rfile.close()

# %% 08.1 ExitStack, a loop of send over a memoryview, files closed in a loop
from contextlib import ExitStack, suppress


class BaseRequestHandler:
    """Parent of the handlers; subclasses override `handle`."""

    def __init__(self, request, client_address, server):
        self.request, self.client_address, self.server = request, client_address, server
        with ExitStack() as stack:
            self.setup()
            stack.callback(self.finish)
            self.handle()

    def setup(self):
        pass

    def handle(self):
        pass

    def finish(self):
        pass


class _SocketWriter(io.BufferedIOBase):
    """A file without a buffer: `write` sends everything before it returns."""

    def __init__(self, sock):
        self.sock = sock

    def writable(self):
        return True

    def write(self, data):
        with memoryview(data) as whole:
            total = whole.nbytes
            if total == 0:
                return 0
            with whole.cast("B") as octets:
                sent = 0
                while sent < total:
                    sent += self.sock.send(octets[sent:])
        return total

    def fileno(self):
        return self.sock.fileno()


class StreamRequestHandler(BaseRequestHandler):
    """Read a connection as the file `self.rfile`, write it as the file `self.wfile`."""

    rbufsize = -1
    wbufsize = 0
    timeout = None
    disable_nagle_algorithm = False

    def setup(self):
        super().setup()
        conn = self.connection = self.request
        if (limit := self.timeout) is not None:
            conn.settimeout(limit)
        if self.disable_nagle_algorithm:
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rfile = conn.makefile(mode="rb", buffering=self.rbufsize)
        self.wfile = (
            conn.makefile(mode="wb", buffering=self.wbufsize)
            if self.wbufsize
            else _SocketWriter(conn)
        )

    def finish(self):
        for file in (self.wfile, self.rfile):
            with suppress(OSError):
                file.close()
        super().finish()

# %% 08.1 type hints, a contextmanager for the visit, small helper methods, bytes copied first
import contextlib
from typing import Any, Optional


class BaseRequestHandler:
    """Parent of the handlers; subclasses override `handle`."""

    def __init__(self, request: Any, client_address: Any, server: Any) -> None:
        for name, value in {
            "request": request,
            "client_address": client_address,
            "server": server,
        }.items():
            setattr(self, name, value)
        with self._visit():
            self.handle()

    @contextlib.contextmanager
    def _visit(self):
        """What if setup raises? Then there is nothing to finish, is there?"""
        self.setup()
        try:
            yield
        finally:
            self.finish()

    def setup(self) -> None:
        pass

    def handle(self) -> None:
        pass

    def finish(self) -> None:
        pass


class _SocketWriter(io.BufferedIOBase):
    """A file without a buffer: `write` sends everything before it returns."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        octets = memoryview(data).tobytes()
        self.sock.sendall(octets)
        return len(octets)

    def fileno(self) -> int:
        return self.sock.fileno()


class StreamRequestHandler(BaseRequestHandler):
    """Read a connection as the file `self.rfile`, write it as the file `self.wfile`."""

    rbufsize: int = -1
    wbufsize: int = 0
    timeout: Optional[float] = None
    disable_nagle_algorithm: bool = False

    def setup(self) -> None:
        self.connection = self.request
        self._set_options()
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        self.wfile = self._open_writer()

    def _set_options(self) -> None:
        if self.disable_nagle_algorithm:
            self.connection.setsockopt(socket.SOL_TCP, socket.TCP_NODELAY, 1)
        if self.timeout is not None:
            self.connection.settimeout(self.timeout)

    def _open_writer(self):
        match self.wbufsize:
            case 0:
                return _SocketWriter(self.connection)
            case size:
                return self.connection.makefile("wb", size)

    def finish(self) -> None:
        with contextlib.closing(self.rfile):
            try:
                self.wfile.close()
            except (ConnectionError, TimeoutError):
                # nobody there to take it: 0
                # % of the answer has arrived
                pass

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
