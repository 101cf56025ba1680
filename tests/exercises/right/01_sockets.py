# ruff: noqa
# fmt: off
# Right answers, written from the tasks' text, each as its author would have it.

# %% 01.1 one selector, and bytes that still have to go
import selectors


def relay(one, other):
    partner = {one: other, other: one}
    waiting = {one: bytearray(), other: bytearray()}  # to be sent to this one
    reading, writing = {one, other}, {one, other}
    one.setblocking(False)
    other.setblocking(False)

    def end_of(source):
        reading.discard(source)

    with selectors.DefaultSelector() as selector, one, other:
        while reading or any(waiting[sock] for sock in writing):
            for sock in (one, other):
                wish = (selectors.EVENT_READ if sock in reading else 0) | (
                    selectors.EVENT_WRITE if waiting[sock] and sock in writing else 0
                )
                if sock in selector.get_map():
                    selector.unregister(sock)
                if wish:
                    selector.register(sock, wish)
            for key, events in selector.select():
                sock = key.fileobj
                try:
                    if events & selectors.EVENT_READ:
                        data = sock.recv(4096)
                        waiting[partner[sock]] += data
                        if not data:
                            end_of(sock)
                    if events & selectors.EVENT_WRITE:
                        del waiting[sock][: sock.send(waiting[sock])]
                except OSError:
                    end_of(sock)
                    writing.discard(sock)
            for sock in list(writing):
                if partner[sock] not in reading and not waiting[sock]:
                    writing.discard(sock)
                    with suppress(OSError):
                        sock.shutdown(socket.SHUT_WR)

# %% 01.1 a thread class for a direction
class Direction(threading.Thread):
    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        super().__init__(daemon=True)
        self.source, self.target = source, target

    def run(self) -> None:
        try:
            for data in iter(lambda: self.source.recv(1024), b""):
                self.target.sendall(data)
        except ConnectionError:
            pass
        finally:
            try:
                self.target.shutdown(socket.SHUT_WR)
            except OSError:
                pass


def relay(one: socket.socket, other: socket.socket) -> None:
    directions = [Direction(one, other), Direction(other, one)]
    for direction in directions:
        direction.start()
    for direction in directions:
        direction.join()
    one.close()
    other.close()

# %% 01.1 an executor, and send with its result
from concurrent.futures import ThreadPoolExecutor


def send_all(target, data):
    left = memoryview(data)
    while left:
        left = left[target.send(left):]


def copy(source, target):
    while True:
        try:
            data = source.recv(16384)
        except OSError:
            data = b""
        if not data:
            break
        try:
            send_all(target, data)
        except OSError:
            break
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def relay(one, other):
    try:
        with ThreadPoolExecutor(max_workers=2) as pool:
            pool.submit(copy, one, other)
            pool.submit(copy, other, one)
    finally:
        for sock in (one, other):
            sock.close()

# %% 01.1 readers and writers with a queue between them
import queue


def reader(source, pipe):
    try:
        while data := source.recv(5000):
            pipe.put(data)
    except OSError as error:
        print("gone:", error)
    pipe.put(None)


def writer(pipe, target):
    alive = True
    while (data := pipe.get()) is not None:
        if alive:
            try:
                target.sendall(data)
            except OSError:
                alive = False
    if alive:
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)


def relay(one, other):
    threads = []
    for source, target in [(one, other), (other, one)]:
        pipe = queue.Queue()
        threads.append(threading.Thread(target=reader, args=(source, pipe), daemon=True))
        threads.append(threading.Thread(target=writer, args=(pipe, target), daemon=True))
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    with one, other:
        return

# %% 01.1 an inner function, an Event for each end
def relay(one, other):
    done = {one: threading.Event(), other: threading.Event()}

    def forward(source, target):
        buffer = bytearray(8192)
        try:
            while size := source.recv_into(buffer):
                target.sendall(buffer[:size])
        except (ConnectionError, TimeoutError):
            pass
        try:
            target.shutdown(socket.SHUT_WR)
        except OSError as error:
            print("could not say the end:", error)
        done[source].set()

    for pair in ((one, other), (other, one)):
        threading.Thread(target=forward, args=pair, daemon=True).start()
    for event in done.values():
        event.wait()
    for sock in done:
        sock.close()

# %% 01.1 asyncio streams
import asyncio


async def forward(reader, writer):
    try:
        while data := await reader.read(10_000):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        with suppress(OSError, RuntimeError):
            writer.write_eof()


async def both(one, other):
    left_reader, left_writer = await asyncio.open_connection(sock=one)
    right_reader, right_writer = await asyncio.open_connection(sock=other)
    await asyncio.gather(
        forward(left_reader, right_writer), forward(right_reader, left_writer)
    )
    for writer in (left_writer, right_writer):
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def relay(one, other):
    asyncio.run(both(one, other))

# %% 01.1 by select, one direction at a time that is ready
import select


def relay(one, other):
    pairs = {one: (other, []), other: (one, [])}
    open_ends = [one, other]
    for sock in pairs:
        sock.setblocking(False)
    while open_ends or any(chunks for _, chunks in pairs.values()):
        ready_to_send = [target for target, chunks in pairs.values() if chunks]
        readable, writable, _ = select.select(open_ends, ready_to_send, [])
        for source in readable:
            target, chunks = pairs[source]
            try:
                data = source.recv(2048)
            except OSError:
                data = b""
            if data:
                chunks.append(data)
            else:
                open_ends.remove(source)
                if not chunks:
                    with suppress(OSError):
                        target.shutdown(socket.SHUT_WR)
        for source, (target, chunks) in pairs.items():
            if target in writable and chunks:
                try:
                    sent = target.send(chunks[0])
                except OSError:
                    chunks.clear()
                    continue
                chunks[0] = chunks[0][sent:]
                if not chunks[0]:
                    chunks.pop(0)
                if not chunks and source not in open_ends:
                    with suppress(OSError):
                        target.shutdown(socket.SHUT_WR)
    one.close()
    other.close()

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
