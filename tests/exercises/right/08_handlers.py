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
