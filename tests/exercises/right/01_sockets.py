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
