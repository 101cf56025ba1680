# %% three steps
@reopen(BaseRequestHandler)
class BaseRequestHandler:
    def __init__(self, request, client_address, server):
        self.request = request
        self.client_address = client_address
        self.server = server
        self.setup()
        with ExitStack() as stack:
            stack.callback(self.finish)
            self.handle()

# %% three steps: handle failed, and finish did not run
@reopen(BaseRequestHandler)
class BaseRequestHandler:
    def __init__(self, request, client_address, server):
        self.request = request
        self.client_address = client_address
        self.server = server
        self.setup()
        self.handle()
        self.finish()

# %% three steps: ['setup', 'finish']
@reopen(BaseRequestHandler)
class BaseRequestHandler:
    def __init__(self, request, client_address, server):
        self.request = request
        self.client_address = client_address
        self.server = server
        try:
            self.setup()
            self.handle()
        finally:
            self.finish()

# %% three steps: the exception was swallowed
@reopen(BaseRequestHandler)
class BaseRequestHandler:
    def __init__(self, request, client_address, server):
        self.request = request
        self.client_address = client_address
        self.server = server
        self.setup()
        try:
            self.handle()
        except Exception:
            pass
        self.finish()

# %% three steps: SystemExit isn't an Exception
@reopen(BaseRequestHandler)
class BaseRequestHandler:
    def __init__(self, request, client_address, server):
        self.request = request
        self.client_address = client_address
        self.server = server
        self.setup()
        try:
            self.handle()
        except Exception:
            self.finish()
            raise
        self.finish()

# %% lines
class Lengths(StreamRequestHandler):
    def handle(self):
        while line := self.rfile.readline():
            word = line.decode().strip()
            self.wfile.write(f"{len(word)} letters. ".encode())

# %% lines: the pieces were counted
class Lengths(StreamRequestHandler):
    def handle(self):
        while word := self.request.recv(1024).strip():
            self.request.sendall(b"%d letters. " % len(word))

# %% lines: Did read() wait for its end?
class Lengths(StreamRequestHandler):
    def handle(self):
        while word := self.rfile.read():
            self.wfile.write(b"%d letters. " % len(word))

# %% lines: must loop
class Lengths(StreamRequestHandler):
    def handle(self):
        word = self.rfile.readline().strip()
        self.wfile.write(b"%d letters. " % len(word))

# %% lines: is the line break counted as well?
class Lengths(StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(b"%d letters. " % len(line))

# %% lines: a line may end in two bytes
class Lengths(StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(b"%d letters. " % len(line.rstrip(b"\n")))

# %% lines: a bytes-like object is required, not 'str'
class Lengths(StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(f"{len(line.strip())} letters. ")

# %% lines: does handle write to self.wfile?
class Lengths(StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            return b"%d letters. " % len(line.strip())

# %% lines: does the loop stop when readline gives b''?
class Lengths(StreamRequestHandler):
    def handle(self):
        while True:
            line = self.rfile.readline()
            self.wfile.write(b"%d letters. " % len(line.strip()))

# %% lines: does the loop take the empty line for the end?
class Lengths(StreamRequestHandler):
    def handle(self):
        while line := self.rfile.readline().strip():
            self.wfile.write(b"%d letters. " % len(line))

# %% lines: does handle read to the end before it writes?
class Lengths(StreamRequestHandler):
    def handle(self):
        for line in self.rfile.readlines():
            self.wfile.write(b"%d letters. " % len(line.strip()))

# %% write
@reopen(_SocketWriter)
class _SocketWriter:
    def write(self, data, /):
        view = memoryview(data).cast("B")
        left = view
        while left:
            left = left[self._sock.send(left) :]
        return len(view)

# %% write: may take a part only?
@reopen(_SocketWriter)
class _SocketWriter:
    def write(self, data, /):
        return self._sock.send(data)

# %% write: None returned by write
@reopen(_SocketWriter)
class _SocketWriter:
    def write(self, data, /):
        self._sock.sendall(data)

# %% write: 3 returned, for 12 bytes
@reopen(_SocketWriter)
class _SocketWriter:
    def write(self, data, /):
        self._sock.sendall(data)
        return len(data)

# %% write: does write send them, before it returns?
@reopen(_SocketWriter)
class _SocketWriter:
    def write(self, data, /):
        return memoryview(data).nbytes
        self._sock.sendall(data)

# %% write: no number returned by write (TypeError: 'int' object is not callable
@reopen(_SocketWriter)
class _SocketWriter:
    def write(self, data, /):
        self._sock.sendall(data)
        return memoryview(data).nbytes()

# %% buffers
@reopen(StreamRequestHandler)
class StreamRequestHandler:
    rbufsize = -1
    wbufsize = 0

    def setup(self):
        self.connection = self.request
        makefile = self.connection.makefile
        self.rfile = makefile("rb", buffering=self.rbufsize)
        self.wfile = makefile("wb", self.wbufsize) if self.wbufsize else _SocketWriter(self.request)

# %% buffers: may take a part only?
@reopen(StreamRequestHandler)
class StreamRequestHandler:
    rbufsize = -1
    wbufsize = 0

    def setup(self):
        self.connection = self.request
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        self.wfile = self.connection.makefile("wb", self.wbufsize)

# %% buffers: before the handler was over
@reopen(StreamRequestHandler)
class StreamRequestHandler:
    rbufsize = -1
    wbufsize = 0

    def setup(self):
        self.connection = self.request
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        self.wfile = _SocketWriter(self.connection)

# %% buffers: is wfile buffered?
@reopen(StreamRequestHandler)
class StreamRequestHandler:
    rbufsize = -1
    wbufsize = 0

    def setup(self):
        self.connection = self.request
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        self.wfile = self.connection.makefile("wb")

# %% buffers: b'' left for recv
@reopen(StreamRequestHandler)
class StreamRequestHandler:
    rbufsize = -1
    wbufsize = 0

    def setup(self):
        self.connection = self.request
        self.rfile = self.connection.makefile("rb")
        if self.wbufsize == 0:
            self.wfile = _SocketWriter(self.connection)
        else:
            self.wfile = self.connection.makefile("wb", self.wbufsize)

# %% buffers: self.wfile is the class _SocketWriter: is it called
@reopen(StreamRequestHandler)
class StreamRequestHandler:
    rbufsize = -1
    wbufsize = 0

    def setup(self):
        self.connection = self.request
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        if self.wbufsize == 0:
            self.wfile = _SocketWriter
        else:
            self.wfile = self.connection.makefile("wb", self.wbufsize)

# %% buffers: self.rfile is a file of text
@reopen(StreamRequestHandler)
class StreamRequestHandler:
    rbufsize = -1
    wbufsize = 0

    def setup(self):
        self.connection = self.request
        self.rfile = self.connection.makefile("r", self.rbufsize)
        if self.wbufsize == 0:
            self.wfile = _SocketWriter(self.connection)
        else:
            self.wfile = self.connection.makefile("wb", self.wbufsize)

# %% close files
@reopen(StreamRequestHandler)
class StreamRequestHandler:
    def finish(self):
        try:
            self.wfile.close()
        except OSError:
            pass
        finally:
            self.rfile.close()

# %% close files: BrokenPipeError
@reopen(StreamRequestHandler)
class StreamRequestHandler:
    def finish(self):
        self.wfile.close()
        self.rfile.close()

# %% close files: rfile is still open
@reopen(StreamRequestHandler)
class StreamRequestHandler:
    def finish(self):
        with suppress(OSError):
            self.wfile.close()
            self.rfile.close()

# %% close files: wfile is still open
@reopen(StreamRequestHandler)
class StreamRequestHandler:
    def finish(self):
        with suppress(OSError):
            self.wfile.flush()

# %% close files: that is the server's to do
@reopen(StreamRequestHandler)
class StreamRequestHandler:
    def finish(self):
        for file in (self.wfile, self.rfile, self.connection):
            with suppress(OSError):
                file.close()

# %% time limit
@reopen(StreamRequestHandler)
class StreamRequestHandler:
    timeout = None
    disable_nagle_algorithm = False

    def setup(self):
        self.connection = sock = self.request
        if self.disable_nagle_algorithm:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self.wbufsize:
            self.wfile = _SocketWriter(sock)
        else:
            self.wfile = sock.makefile("wb", self.wbufsize)
        self.rfile = sock.makefile("rb", self.rbufsize)
        limit = self.timeout
        if limit is not None:
            sock.settimeout(limit)

# %% time limit: is setsockopt called in any case?
@reopen(StreamRequestHandler)
class StreamRequestHandler:
    timeout = None
    disable_nagle_algorithm = False

    def setup(self):
        self.connection = self.request
        if self.timeout is not None:
            self.connection.settimeout(self.timeout)
        nodelay = self.disable_nagle_algorithm
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, nodelay)
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        if self.wbufsize == 0:
            self.wfile = _SocketWriter(self.connection)
        else:
            self.wfile = self.connection.makefile("wb", self.wbufsize)

# %% time limit: (TypeError: setsockopt() takes
@reopen(StreamRequestHandler)
class StreamRequestHandler:
    timeout = None
    disable_nagle_algorithm = False

    def setup(self):
        self.connection = self.request
        if self.timeout is not None:
            self.connection.settimeout(self.timeout)
        if self.disable_nagle_algorithm:
            self.connection.setsockopt(socket.TCP_NODELAY, True)
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        if self.wbufsize == 0:
            self.wfile = _SocketWriter(self.connection)
        else:
            self.wfile = self.connection.makefile("wb", self.wbufsize)

# %% time limit: does this setup still open both files?
@reopen(StreamRequestHandler)
class StreamRequestHandler:
    timeout = None
    disable_nagle_algorithm = False

    def setup(self):
        self.connection = self.request
        if self.timeout is not None:
            self.connection.settimeout(self.timeout)
        if self.disable_nagle_algorithm:
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)

# %% time limit: the handler's own timeout?
@reopen(StreamRequestHandler)
class StreamRequestHandler:
    timeout = None
    disable_nagle_algorithm = False

    def setup(self):
        self.connection = self.request
        if self.server.timeout is not None:
            self.connection.settimeout(self.server.timeout)
        if self.disable_nagle_algorithm:
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        if self.wbufsize == 0:
            self.wfile = _SocketWriter(self.connection)
        else:
            self.wfile = self.connection.makefile("wb", self.wbufsize)

# %% time limit: the connection's time limit is None
@reopen(StreamRequestHandler)
class StreamRequestHandler:
    timeout = None
    disable_nagle_algorithm = False

    def setup(self):
        self.connection = self.request
        self.connection.settimeout(self.timeout)
        if self.disable_nagle_algorithm:
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        if self.wbufsize == 0:
            self.wfile = _SocketWriter(self.connection)
        else:
            self.wfile = self.connection.makefile("wb", self.wbufsize)

# %% time limit: `if self.timeout` takes the two for the same
@reopen(StreamRequestHandler)
class StreamRequestHandler:
    timeout = None
    disable_nagle_algorithm = False

    def setup(self):
        self.connection = self.request
        if self.timeout:
            self.connection.settimeout(self.timeout)
        if self.disable_nagle_algorithm:
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        if self.wbufsize == 0:
            self.wfile = _SocketWriter(self.connection)
        else:
            self.wfile = self.connection.makefile("wb", self.wbufsize)

# %% time limit: TCP_NODELAY is on, and
@reopen(StreamRequestHandler)
class StreamRequestHandler:
    timeout = None
    disable_nagle_algorithm = False

    def setup(self):
        self.connection = self.request
        if self.timeout is not None:
            self.connection.settimeout(self.timeout)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        if self.wbufsize == 0:
            self.wfile = _SocketWriter(self.connection)
        else:
            self.wfile = self.connection.makefile("wb", self.wbufsize)

# %% postcard
class DatagramRequestHandler(BaseRequestHandler):
    always_reply = True

    def setup(self):
        self.packet = self.request[0]
        self.socket = self.request[1]
        self.rfile, self.wfile = BytesIO(self.packet), BytesIO()

    def finish(self):
        written = bytes(self.wfile.getbuffer())
        if not written and not self.always_reply:
            return
        self.socket.sendto(written, self.client_address)

# %% postcard: read() returns what follows the last write
class DatagramRequestHandler(BaseRequestHandler):
    always_reply = True

    def setup(self):
        self.packet, self.socket = self.request
        self.rfile = BytesIO(self.packet)
        self.wfile = BytesIO()

    def finish(self):
        reply = self.wfile.read()
        if reply or self.always_reply:
            self.socket.sendto(reply, self.client_address)

# %% postcard: with always_reply = False
class DatagramRequestHandler(BaseRequestHandler):
    always_reply = True

    def setup(self):
        self.packet, self.socket = self.request
        self.rfile = BytesIO(self.packet)
        self.wfile = BytesIO()

    def finish(self):
        self.socket.sendto(self.wfile.getvalue(), self.client_address)

# %% postcard: [] by default
class DatagramRequestHandler(BaseRequestHandler):
    always_reply = True

    def setup(self):
        self.packet, self.socket = self.request
        self.rfile = BytesIO(self.packet)
        self.wfile = BytesIO()

    def finish(self):
        if reply := self.wfile.getvalue():
            self.socket.sendto(reply, self.client_address)

# %% postcard: all clients share it
class DatagramRequestHandler(BaseRequestHandler):
    always_reply = True

    def setup(self):
        self.packet, self.socket = self.request
        self.rfile = BytesIO(self.packet)
        self.wfile = BytesIO()

    def finish(self):
        reply = self.wfile.getvalue()
        if reply or self.always_reply:
            self.socket.sendto(reply, self.client_address)
        self.socket.close()

# %% postcard: not 'tuple'
class DatagramRequestHandler(BaseRequestHandler):
    always_reply = True

    def setup(self):
        self.packet = self.request
        self.rfile = BytesIO(self.packet)
        self.wfile = BytesIO()

    def finish(self):
        reply = self.wfile.getvalue()
        if reply or self.always_reply:
            self.socket.sendto(reply, self.client_address)
