# ruff: noqa
# fmt: off
# Right answers, written from the tasks' text, each as its author would have it.

# %% 01.1 a selector and a pair that wakes it
import selectors

class HandMadeServer:
    def __init__(self, handle):
        self.handle = handle
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.server_address = self.listener.getsockname()
        self._r, self._w = socket.socketpair()

    def serve_forever(self):
        with selectors.DefaultSelector() as sel:
            sel.register(self.listener, selectors.EVENT_READ)
            sel.register(self._r, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in sel.select()]
                if self._r in ready:
                    break
                conn, _ = self.listener.accept()
                conn.setblocking(True)
                threading.Thread(target=self.handle, args=(conn,), daemon=True).start()

    def shutdown(self):
        self._w.send(b"x")

    def server_close(self):
        for s in (self.listener, self._r, self._w):
            s.close()

# %% 01.1 threads of a class of their own
class Worker(threading.Thread):
    def __init__(self, handle, connection):
        super().__init__(daemon=True)
        self._work = handle, connection

    def run(self):
        handle, connection = self._work
        handle(connection)

class HandMadeServer:
    POLL = 0.2

    def __init__(self, handle):
        self.handle: "callable" = handle
        self._stop = threading.Event()
        self._sock = socket.create_server(("127.0.0.1", 0), backlog=20)
        self._sock.settimeout(self.POLL)

    @property
    def server_address(self):
        return self._sock.getsockname()

    def serve_forever(self):
        while not self._stop.is_set():
            try:
                connection, address = self._sock.accept()
            except socket.timeout:
                pass
            else:
                Worker(self.handle, connection).start()

    def shutdown(self):
        self._stop.set()

    def server_close(self):
        self._sock.close()

# %% 01.1 a visitor of its own ends accept
class HandMadeServer(object):
    """Sleeps in accept(); whoever shuts it down calls once."""

    def __init__(self, handle):
        self.handle, self.running = handle, True
        self.socket = s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", 0)); s.listen(5)
        self.server_address = s.getsockname()

    def serve_forever(self):
        while True:
            c, _ = self.socket.accept()
            if not self.running:
                c.close()
                return
            t = threading.Thread(target=lambda c=c: self.handle(c))
            t.daemon = True
            t.start()

    def shutdown(self):
        self.running = False
        with socket.create_connection(self.server_address):
            pass

    def server_close(self):
        self.socket.close()

# %% 01.1 accept with a short timeout, and an Event
class HandMadeServer:
    """Listens on a free port, and calls handle(connection) for each client."""

    def __init__(self, handle):
        self.handle = handle
        self.stop = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(0.2)
        self.server_address = self.listener.getsockname()

    def serve_forever(self):
        while not self.stop.is_set():
            try:
                connection, _ = self.listener.accept()
            except TimeoutError:
                continue
            except OSError:
                if self.stop.is_set():  # shutdown and server_close, one right after the other
                    break
                raise
            threading.Thread(target=self.handle, args=(connection,), daemon=True).start()
        self.stop.clear()

    def shutdown(self):
        self.stop.set()

    def server_close(self):
        self.listener.close()

# %% 01.1 selector with a socket pair, shutdown waits
import selectors


class HandMadeServer:
    """Who wakes a loop that sleeps? A byte in a socket pair. And who waits for its end?"""

    def __init__(self, handle):
        self.handle = handle
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.bind(("127.0.0.1", 0))  # what if the port is taken?
        self._listener.listen()
        self._bell, self._button = socket.socketpair()
        self._idle = threading.Event()
        self._idle.set()

    @property
    def server_address(self):
        return self._listener.getsockname()

    def _take_one(self):
        connection, _address = self._listener.accept()
        worker = threading.Thread(target=self.handle, args=[connection])
        worker.daemon = True
        worker.start()
        return True

    def _answer_bell(self):
        self._bell.recv(1)
        return False

    def serve_forever(self):
        self._idle.clear()
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._listener, selectors.EVENT_READ, self._take_one)
                selector.register(self._bell, selectors.EVENT_READ, self._answer_bell)
                going_on = True
                while going_on:
                    going_on = all([key.data() for key, _ in selector.select()])
        finally:
            self._idle.set()

    def shutdown(self):
        self._button.sendall(b"!")
        self._idle.wait()

    def server_close(self):
        for each in (self._listener, self._bell, self._button):
            each.close()

# %% 01.1 a dataclass that calls itself up to stop
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field


@dataclass(eq=False)
class HandMadeServer:
    """Listens on a free port, and calls handle(connection) for each client."""

    handle: Callable[[socket.socket], None]
    server_address: tuple[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.stopping = False
        self.door = socket.socket()
        try:
            self.door.bind(("127.0.0.1", 0))
            self.door.listen(128)
        except OSError:
            self.door.close()
            raise
        self.door.settimeout(None)
        host, port = self.door.getsockname()
        self.server_address = host, port

    def serve_forever(self) -> None:
        while True:
            try:
                connection = self.door.accept()[0]
            except OSError:
                if self.stopping:
                    return
                raise
            if self.stopping:
                # This is most likely our own call, from shutdown.
                connection.close()
                self.stopping = False
                return
            threading.Thread(None, self.handle, "client", (connection,), daemon=True).start()

    def shutdown(self) -> None:
        self.stopping = True
        with suppress(OSError), socket.create_connection(self.server_address, 1):
            pass

    def server_close(self) -> None:
        self.door.close()

# %% 01.2 by lines of a file
def web(connection):
    with connection, connection.makefile("rwb") as f:
        try:
            first = f.readline()
            line = first
            while line not in (b"\r\n", b""):
                line = f.readline()
            if not line:
                return
            _, path, *_ = first.split()
            text = ("Señor, you asked for %s\n" % path.decode("utf-8")).encode("utf-8")
            f.write(b"HTTP/1.0 200 OK\r\n")
            f.write(b"Content-Type: text/plain; charset=utf-8\r\n")
            f.write(b"Content-Length: %d\r\n" % len(text))
            f.write(b"\r\n" + text)
            f.flush()
        except ConnectionError:
            return

# %% 01.2 a list of headers
CRLF = "\r\n"

def receive_request(sock):
    data = bytearray()
    while (CRLF * 2).encode() not in data:
        piece = sock.recv(64)
        if piece == b"":
            return None
        data.extend(piece)
    return bytes(data)

def web(connection):
    request = receive_request(connection)
    if request is not None:
        path = request.split(b" ")[1].decode()
        content = bytes(f"Señor, you asked for {path}\n", "utf8")
        headers = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(content))}
        head = CRLF.join(["HTTP/1.0 200 OK"] + [f"{k}: {v}" for k, v in headers.items()] + ["", ""])
        connection.sendall(head.encode("ascii"))
        connection.sendall(content)
    connection.close()

# %% 01.2 an object that is called
import re

class Web:
    ANSWER = "HTTP/1.0 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {0}\r\n\r\n"

    def __call__(self, connection):
        try:
            received = b""
            while not re.search(rb"\r\n\r\n", received):
                more = connection.recv(4096)
                if not more: return
                received += more
            found = re.match(rb"\S+ (\S+)", received)
            body = "Señor, you asked for ".encode() + found.group(1) + b"\n"
            connection.sendall(self.ANSWER.format(len(body)).encode() + body)
        finally:
            connection.close()

web = Web()

# %% 01.2 bytes all the way, one loop
def web(connection):
    with connection:
        request = b""
        while b"\r\n\r\n" not in request:
            piece = connection.recv(4096)
            if not piece:
                return
            request += piece
        path = request.split()[1]
        text = "Señor, you asked for ".encode() + path + b"\n"
        connection.sendall(
            b"HTTP/1.0 200 OK\r\n"
            b"Content-Type: text/plain; charset=utf-8\r\n"
            b"Content-Length: %d\r\n"
            b"\r\n"
            b"%s"
            % (len(text), text)
        )

# %% 01.2 makefile and a template that is filled in
TEMPLATE = """\
HTTP/1.0 200 OK
Content-Type: text/plain; charset=utf-8
Content-Length: {length}

""".replace("\n", "\r\n")


def web(connection):
    """Did the client finish the request? Then answer. Did it go?"""
    with connection, connection.makefile("rb") as lines:
        first = lines.readline()
        for line in lines:
            if line == b"\r\n":
                break
        else:
            return  # no empty line came: nobody to answer

        path = first.decode("utf-8").split(" ")[1]
        body = f"Señor, you asked for {path}\n".encode("utf-8")
        connection.sendall(TEMPLATE.format(length=len(body)).encode("ascii") + body)

# %% 01.2 small typed helpers, match, try and finally
END_OF_LINE = "\r\n"


def receive_request(connection: socket.socket) -> "str | None":
    received = bytearray()
    while not received.endswith(b"\r\n\r\n"):
        if not (chunk := connection.recv(1)):
            return None
        received.extend(chunk)
    return received.decode(errors="replace")


def page_about(path: str) -> bytes:
    text = ("Señor, you asked for %s\n"
            % path).encode()
    header_lines = [
        "HTTP/1.0 200 OK",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Length: " + str(len(text)),
        "",
        "",
    ]
    return END_OF_LINE.join(header_lines).encode() + text


def web(connection: socket.socket) -> None:
    try:
        match (receive_request(connection) or "").split():
            case [_method, path, *_]:
                connection.sendall(page_about(path))
            case _:
                pass  # gone before the request was complete
    except ConnectionError:
        pass  # gone, and rudely
    finally:
        connection.close()

# %% 01.3 an iterator over the file
def shout(connection):
    with connection:
        with connection.makefile("rb") as lines:
            for line in lines:
                connection.sendall(line.decode("utf-8").upper().encode("utf-8"))

# %% 01.3 a buffer, split at line ends
def shout(connection):
    buffer = b""
    try:
        while True:
            data = connection.recv(1024)
            if not data:
                break
            buffer += data
            while b"\n" in buffer:
                line, buffer = buffer.split(b"\n", 1)
                text = line.decode()
                connection.sendall((text.upper() + "\n").encode())
    finally:
        connection.close()

# %% 01.3 send, counted by hand
def send_all(connection, data):
    sent = 0
    while sent < len(data):
        sent += connection.send(data[sent:])

def shout(connection):
    pending = bytearray()
    while (data := connection.recv(2048)):
        pending += data
        head, newline, tail = pending.rpartition(b"\n")
        if newline:
            send_all(connection, bytes(head + newline).decode().upper().encode())
            pending = bytearray(tail)
    connection.close()

# %% 01.3 makefile, a loop over the lines
def shout(connection):
    with connection, connection.makefile("rb") as lines:
        for line in lines:
            connection.sendall(line.decode().upper().encode())

# %% 01.3 bytearray, partial and partition
from functools import partial


def shout(connection):
    """Capitals for everybody, line by line. Who wants more?

% and ! and ? stay as they are:
!they have no capitals, have they?
    """
    waiting = bytearray()
    try:
        for chunk in iter(partial(connection.recv, 1024), b""):
            waiting += chunk
            while b"\n" in waiting:
                line, _, rest = waiting.partition(b"\n")
                waiting = rest
                answer = str(line, "utf-8").upper() + "\n"
                connection.sendall(answer.encode("utf-8"))
    finally:
        connection.close()

# %% 01.3 generator with an incremental decoder
import codecs
from collections.abc import Iterator


def complete_lines(connection: socket.socket) -> Iterator[str]:
    """Yield every complete line; an unfinished one at the end is dropped."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    unfinished = ""
    while data := connection.recv(65536):
        *lines, unfinished = (unfinished + decoder.decode(data)).split("\n")
        yield from (line + "\n" for line in lines)


def shout(connection: socket.socket) -> None:
    with connection:
        try:
            for line in complete_lines(connection):
                connection.sendall(line.upper().encode())
        except (ConnectionResetError, BrokenPipeError):
            return  # the client has gone without a goodbye

# %% 01.4 tuples
stream_reads = (b"one t", b"wo three")
datagram_reads = (b"one ", b"two ")
at_the_end = (b"bye", b"", b"")
second_client = (True, True, False, True)
calls = (1, 3)

# %% 01.4 put together
sent = b"one " + b"two " + b"three"
stream_reads = [sent[:5], sent[5:]]
datagram_reads = [word + b" " for word in (b"one", b"two")]
at_the_end = [b"bye"] + [b""] * 2
second_client = [not waits for waits in (0, 0, 1, 0)]
calls = [1, len(["ada", "bob", "cyd"])]

# %% 01.4 tried out first
left, right = socket.socketpair()
with left, right:
    for word in (b"one ", b"two ", b"three"):
        left.sendall(word)
    stream_reads = [right.recv(5), right.recv(1024)]
a, b = socket.socketpair()
with b:
    a.sendall(b"bye"); a.close()
    at_the_end = [b.recv(1024) for _ in range(3)]
datagram_reads = list(map(bytes, [b"one ", b"two "]))
second_client = [True, True, False, True]
calls = [1, 3]

# %% 01.4 plain literals
stream_reads = [b"one t", b"wo three"]
datagram_reads = [b"one ", b"two "]
at_the_end = [b"bye", b"", b""]
second_client = [True, True, False, True]
calls = [1, 3]

# %% 01.4 computed from what is sent
sent = [b"one ", b"two ", b"three"]
everything = b"".join(sent)
stream_reads = [everything[:5], everything[5:]]  # a stream knows no borders
datagram_reads = sent[:2]  # a datagram does
at_the_end = [b"bye"] + 2 * [b""]
synchronous, threaded = [True, True, False], [True]
second_client = [*synchronous, *threaded]
calls = [len({"one client"}), len(("first", "second", "third"))]

# %% 01.4 one unpacking, with named reasons
GETS_CONNECTED = CAN_SEND = True  # the system does that, not the server
(
    stream_reads,
    datagram_reads,
    at_the_end,
    second_client,
    calls,
) = (
    list((bytes("one t", "ascii"), bytes("wo three", "ascii"))),
    [word.encode() for word in ("one ", "two ")],
    [b"bye", bytes(), bytes()],
    [GETS_CONNECTED, CAN_SEND, not True, not False],
    list(range(1, 4, 2)),
)
