# ruff: noqa
# fmt: off
# Right answers, written from the tasks' text, each as its author would have it.

# %% 11.1 one byte after the other
class HelloMixIn:
    hello_timeout = 5.0
    max_hello = 100

    def finish_request(self, request, client_address):
        limit = request.gettimeout()
        end = time.monotonic() + self.hello_timeout
        line = b""
        while not line.endswith(b"\n"):
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("no hello")
            request.settimeout(left)
            byte = request.recv(1)
            line += byte
            if not byte or len(line) == self.max_hello:
                break
        request.settimeout(limit)
        if line.startswith(b"HELLO ") and line.endswith(b"\n"):
            request.sendall(b"OK\n")
            super().finish_request(request, client_address)
        else:
            request.sendall(b"NO\n")

# %% 11.1 it looks first, and takes the line when it is there
class HelloMixIn:
    """Put before a stream server class among the bases, its clients must say hello first."""

    hello_timeout = 5.0
    max_hello = 100

    def finish_request(self, request, client_address):
        before = request.gettimeout()
        deadline = time.monotonic() + self.hello_timeout
        seen = b""
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            request.settimeout(left)
            now = request.recv(self.max_hello, socket.MSG_PEEK)
            if b"\n" in now or len(now) == self.max_hello or not now:
                break
            if now == seen:
                time.sleep(0.005)
            seen = now
        request.settimeout(before)
        line, end, _ = now.partition(b"\n")
        if not end or not line.startswith(b"HELLO "):
            request.sendall(b"NO\n")
            return
        request.recv(len(line) + 1)
        request.sendall(b"OK\n")
        super().finish_request(request, client_address)

# %% 11.1 a generator of bytes
class HelloMixIn:
    hello_timeout: float = 5.0
    max_hello: int = 100

    def bytes_until(self, request, deadline):
        for _ in range(self.max_hello):
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no hello in {self.hello_timeout} seconds")
            request.settimeout(left)
            byte = request.recv(1)
            yield byte
            if byte in (b"\n", b""):
                return

    def finish_request(self, request, client_address):
        old = request.gettimeout()
        try:
            hello = b"".join(self.bytes_until(request, time.monotonic() + self.hello_timeout))
        finally:
            request.settimeout(old)
        match hello[:6], hello[-1:]:
            case b"HELLO ", b"\n":
                request.sendall(b"OK\n")
                super().finish_request(request, client_address)
            case _:
                request.sendall(b"NO\n")

# %% 11.1 a selector, non-blocking
import selectors


class HelloMixIn:
    hello_timeout = 5.0
    max_hello = 100

    def finish_request(self, request, client_address):
        before = request.gettimeout()
        request.setblocking(False)
        line = bytearray()
        stop = time.monotonic() + self.hello_timeout
        with selectors.DefaultSelector() as selector:
            selector.register(request, selectors.EVENT_READ)
            while len(line) < self.max_hello and line[-1:] != b"\n":
                if not selector.select(max(0.001, stop - time.monotonic())):
                    raise TimeoutError("waited long enough")
                if time.monotonic() > stop:
                    raise TimeoutError("too slow")
                piece = request.recv(1)
                if not piece:
                    return  # it has hung up: no one to say NO to
                line += piece
        request.settimeout(before)
        polite = bytes(line).startswith(b"HELLO ") and bytes(line).endswith(b"\n")
        request.sendall(b"OK\n" if polite else b"NO\n")
        if polite:
            super().finish_request(request, client_address)

# %% 11.1 a clock that says how much is left
class Countdown:
    def __init__(self, seconds):
        self.end = time.monotonic() + seconds

    @property
    def left(self):
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the countdown is over")
        return left


class HelloMixIn:
    hello_timeout = 5.0
    max_hello = 100

    def finish_request(self, request, client_address):
        clock, before, hello = Countdown(self.hello_timeout), request.gettimeout(), []
        while b"\n" not in hello and len(hello) < self.max_hello:
            request.settimeout(clock.left)
            hello.append(request.recv(1))
            if hello[-1] == b"":
                break
        request.settimeout(before)
        if b"".join(hello[:6]) != b"HELLO " or hello[-1] != b"\n":
            return request.sendall(b"NO\n")
        request.sendall(b"OK\n")
        return super().finish_request(request, client_address)

# %% 11.1 an unbuffered file above a raw stream with a deadline
import io
import re


class Raw(io.RawIOBase):
    def __init__(self, sock, seconds):
        self.sock, self.end = sock, time.monotonic() + seconds

    def readable(self):
        return True

    def readinto(self, buffer):
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError("no time left")
        self.sock.settimeout(left)
        return self.sock.recv_into(buffer)


class HelloMixIn:
    hello_timeout = 5.0
    max_hello = 100
    _pattern = re.compile(rb"HELLO .*\n", re.DOTALL)

    def finish_request(self, request, client_address):
        before = request.gettimeout()
        line = Raw(request, self.hello_timeout).readline(self.max_hello)
        request.settimeout(before)
        if self._pattern.fullmatch(line):
            request.sendall(b"OK\n")
            super().finish_request(request, client_address)
        else:
            request.sendall(b"NO\n")

# %% 11.2 ipaddress knows
import ipaddress

class WhoAmI(socketserver.StreamRequestHandler):
    def handle(self):
        line = self.rfile.readline()
        while line not in (b"\r\n", b"\n", b""):
            line = self.rfile.readline()
        address = ipaddress.ip_address(self.client_address[0].split("%")[0])
        if address.version == 6 and address.ipv4_mapped:
            address = address.ipv4_mapped
        self.wfile.write(f"HTTP/1.0 200 OK\r\n\r\n{address}".encode())

class Door(socketserver.TCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

# %% 11.2 a base handler, and the socket set early
class WhoAmI(socketserver.BaseRequestHandler):
    def handle(self):
        received = b""
        while b"\r\n\r\n" not in received:
            data = self.request.recv(4096)
            if not data:
                return
            received += data
        host = self.client_address[0]
        if host.startswith("::ffff:") and "." in host:
            host = host[len("::ffff:"):]
        self.request.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + host.encode("ascii"))

class Door(minisocketserver.TCPServer):
    address_family = socket.AF_INET6

    def __init__(self, address, handler, bind_and_activate=True):
        super().__init__(address, handler, bind_and_activate=False)
        if bind_and_activate:
            try:
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, False)
                self.server_bind()
                self.server_activate()
            except OSError:
                self.server_close()
                raise

# %% 11.2 headers as a mail
import email.parser

class WhoAmI(socketserver.StreamRequestHandler):
    def handle(self):
        self.rfile.readline()
        lines = []
        for line in self.rfile:
            lines.append(line)
            if not line.strip():
                break
        headers = email.parser.BytesParser().parsebytes(b"".join(lines))
        name = self.client_address[0]
        if name[:7].lower() == "::ffff:":
            name = name[7:]
        self.wfile.write("\r\n".join(["HTTP/1.0 200 OK", "", name]).encode())

class Door(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    daemon_threads = True

    def server_bind(self):
        if hasattr(socket, "IPV6_V6ONLY"):
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        return socketserver.ThreadingTCPServer.server_bind(self)

# %% 11.2 short, server_bind and removeprefix
class WhoAmI(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            if line == b"\r\n":
                break
        address = self.client_address[0].removeprefix("::ffff:")
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + address.encode())


class Door(socketserver.TCPServer):
    address_family = socket.AF_INET6

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

# %% 11.2 the course's classes, ipaddress, recv by hand, the option set in __init__
import ipaddress


def as_they_know_it(host: str) -> str:
    """The old form of an old address: is it one?"""
    address = ipaddress.ip_address(host)
    if address.version == 6 and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


class WhoAmI(minisocketserver.BaseRequestHandler):
    def handle(self):
        received = b"\n"
        while b"\n\r\n" not in received:
            chunk = self.request.recv(4096)
            if not chunk:
                break
            received += chunk
        answer = (
            "HTTP/1.0 200 OK\r\n\r\n%s"
% as_they_know_it(self.client_address[0])
        )
        self.request.sendall(answer.encode("ascii"))


class Door(minisocketserver.TCPServer):
    address_family = socket.AF_INET6

    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        super().__init__(server_address, RequestHandlerClass, bind_and_activate=False)
        # what if the system has it switched on?
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, False)
        if bind_and_activate:
            try:
                self.server_bind()
                self.server_activate()
            except BaseException:
                self.server_close()
                raise

# %% 11.2 socket.create_server with dualstack_ipv6, makefile, a regular expression
import re


class WhoAmI(minisocketserver.BaseRequestHandler):
    mapped = re.compile(r"::ffff:(\d+\.\d+\.\d+\.\d+)", re.IGNORECASE)

    @property
    def caller(self):
        host, *_ = self.client_address
        found = self.mapped.fullmatch(host)
        return found[1] if found else host

    def handle(self):
        with self.request.makefile("rwb") as stream:
            while stream.readline().rstrip(b"\r\n"):
                pass
            stream.writelines([b"HTTP/1.0 200 OK\r\n", b"\r\n", bytes(self.caller, "ascii")])


class Door(minisocketserver.TCPServer):
    address_family = socket.AF_INET6

    def server_bind(self):
        self.socket.close()
        self.socket = socket.create_server(
            self.server_address[:2],
            family=self.address_family,
            dualstack_ipv6=True,
        )
        self.server_address = self.socket.getsockname()

# %% 11.3 the library, and drain
class Harbour(beyond.DrainMixIn, beyond.LimitsMixIn, minisocketserver.ThreadingTCPServer):
    max_connections = 3
    daemon_threads = True

class Logbook(beyond.LimitedStreamRequestHandler):
    max_line, line_timeout = 1000, 0.2

    def handle(self):
        line = self.rfile.readline()
        self.wfile.write(b"noted: " + line)

def stop(server):
    cut_off = server.drain(0.2)
    return list(cut_off)

# %% 11.3 a class of its own between
class Careful(beyond.LimitsMixIn, beyond.DrainMixIn):
    """Room for a few, and an end that comes."""

class Harbour(Careful, minisocketserver.ThreadingTCPServer):
    request_queue_size = 3
    max_connections = 3

class Logbook(beyond.LimitedStreamRequestHandler):
    max_line = 1000
    line_timeout = 0.2

    def handle(self) -> None:
        for_the_book = self.rfile.readline()
        self.wfile.write(b"".join([b"noted: ", for_the_book]))

stop = lambda server: server.drain(timeout=0.2)

# %% 11.3 with the standard library's handler
import time

class Harbour(beyond.LimitsMixIn, beyond.DrainMixIn, minisocketserver.TCPServer):
    max_connections = 3

    def process_request(self, request, client_address):
        threading.Thread(target=self.see_through, args=(request, client_address), daemon=True).start()

    def see_through(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)

class Logbook(socketserver.StreamRequestHandler):
    def handle(self):
        end = time.monotonic() + 0.2
        line = bytearray()
        while len(line) < 1000 and not line.endswith(b"\n"):
            left = end - time.monotonic()
            if left <= 0:
                return
            self.request.settimeout(left)
            try:
                sign = self.request.recv(1)
            except OSError:
                return
            if not sign:
                break
            line += sign
        if len(line) < 1000 or line.endswith(b"\n"):
            self.wfile.write(b"noted: " + bytes(line))

def stop(server):
    return server.drain(0.2)

# %% 11.3 a dictionary of guests, verify_request, recv against a deadline
import time


class Harbour(socketserver.ThreadingTCPServer):
    request_queue_size = 3

    def __init__(self, *args, **kwargs):
        self.guests = {}
        self.guests_lock = threading.Lock()
        super().__init__(*args, **kwargs)

    def verify_request(self, request, client_address):
        with self.guests_lock:
            if len(self.guests) >= 3:
                return False
            self.guests[request] = client_address
        return super().verify_request(request, client_address)

    def shutdown_request(self, request):
        with self.guests_lock:
            self.guests.pop(request, None)  # those turned away are not in it
        super().shutdown_request(request)


class Logbook(socketserver.StreamRequestHandler):
    timeout = 0.2

    def read_line(self):
        deadline = time.monotonic() + 0.2
        data = b""
        while b"\n" not in data and len(data) <= 1000:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("too slow")
            self.connection.settimeout(left)
            chunk = self.connection.recv(1024)
            if not chunk:
                break
            data += chunk
        self.connection.settimeout(self.timeout)
        line, end, _ = data.partition(b"\n")
        return line + end

    def handle(self):
        try:
            line = self.read_line()
        except TimeoutError:
            return
        if len(line) <= 1000:
            self.wfile.write(b"noted: " + line)


def stop(server):
    server.shutdown()
    deadline = time.monotonic() + 0.2
    while server.guests and time.monotonic() < deadline:
        time.sleep(0.005)
    cut_off = []
    with server.guests_lock:
        for request, address in server.guests.items():
            cut_off.append(address)
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # gone by itself in this moment
    server.server_close()
    return cut_off

# %% 11.3 a Condition, process_request and finish_request, an alarm that hangs up, daemon threads
class Harbour(socketserver.ThreadingTCPServer):
    daemon_threads = True
    room = 3

    def __init__(self, *args, **kwargs):
        self.moored = []
        self.changed = threading.Condition()
        super().__init__(*args, **kwargs)

    def process_request(self, request, client_address):
        ship = (request, client_address)
        with self.changed:
            welcome = len(self.moored) < self.room
            if welcome:
                self.moored.append(ship)
        if not welcome:
            return self.shutdown_request(request)
        try:
            super().process_request(request, client_address)
        except BaseException:
            self.cast_off(ship)
            raise

    def finish_request(self, request, client_address):
        try:
            super().finish_request(request, client_address)
        finally:
            self.cast_off((request, client_address))

    def cast_off(self, ship):
        with self.changed:
            self.moored.remove(ship)
            self.changed.notify_all()


class Logbook(socketserver.StreamRequestHandler):
    timeout = 0.2
    longest = 1000

    def handle(self):
        too_late = threading.Event()

        def hang_up():
            too_late.set()
            try:
                self.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

        alarm = threading.Timer(self.timeout, hang_up)
        alarm.daemon = True
        alarm.start()
        try:
            line = self.rfile.readline(self.longest + 1)
        except OSError:
            return
        finally:
            alarm.cancel()
        # is it one byte too long, or one moment too late?
        if len(line) > self.longest or too_late.is_set():
            return
        self.wfile.write(b"noted: "
b"%b"
% line)


def stop(server):
    server.shutdown()
    with server.changed:
        server.changed.wait_for(lambda: not server.moored, timeout=0.2)
        rest = list(server.moored)
        for request, _ in rest:
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
    server.server_close()
    return [address for _, address in rest]

# %% 11.3 dataclass for each berth, own threads that are joined, a raw reader with a selector as rfile
import contextlib
import dataclasses
import io
import selectors
from time import monotonic, sleep


@dataclasses.dataclass(eq=False)
class Berth:
    request: socket.socket
    address: tuple
    thread: threading.Thread | None = None

    def cut(self) -> None:
        with contextlib.suppress(OSError):
            self.request.shutdown(socket.SHUT_RDWR)


class Harbour(socketserver.ThreadingTCPServer):
    request_queue_size = 3

    def __init__(self, *args, **kwargs):
        self.berths: dict[int, Berth] = {}
        super().__init__(*args, **kwargs)

    def process_request(self, request, client_address):
        free = {1, 2, 3}.difference(self.berths)
        if not free:
            self.shutdown_request(request)
            return
        number = free.pop()
        berth = Berth(request, client_address)
        berth.thread = threading.Thread(target=self.serve_at, args=(number, berth), daemon=True)
        self.berths[number] = berth
        try:
            berth.thread.start()
        except RuntimeError:
            del self.berths[number]
            raise

    def serve_at(self, number, berth):
        try:
            self.finish_request(berth.request, berth.address)
        except ConnectionError:
            pass  # client gone, or cut off
        except Exception:
            self.handle_error(berth.request, berth.address)
        finally:
            del self.berths[number]
            self.shutdown_request(berth.request)


class Hurried(io.RawIOBase):
    """Reads from a socket until `seconds` are over. And then?"""

    def __init__(self, sock, seconds):
        self.sock = sock
        self.end = monotonic() + seconds
        self.selector = selectors.DefaultSelector()
        self.selector.register(sock, selectors.EVENT_READ)

    def readable(self):
        return True

    def readinto(self, buffer):
        if (left := self.end - monotonic()) <= 0 or not self.selector.select(left):
            raise TimeoutError
        return self.sock.recv_into(buffer)

    def close(self):
        if not self.closed:
            self.selector.close()
        super().close()


class Logbook(socketserver.StreamRequestHandler):
    timeout = 0.2

    def handle(self):
        with io.BufferedReader(Hurried(self.connection, 0.2)) as reader:
            try:
                line = reader.readline(1001)
            except TimeoutError:
                return
        match len(line):
            case 1001:
                return
            case _:
                self.wfile.write(b"noted: " + line)


def stop(server):
    server.shutdown()
    sleep(0.2)
    left_over = list(server.berths.values())
    for berth in left_over:
        berth.cut()
    for berth in left_over:
        berth.thread.join(timeout=1)
    server.server_close()
    return [berth.address for berth in left_over]

# %% 11.4 tuples
closed = (2, 0, 0)
let_in = (False, False, True)
cut_off = (False, True, False)

# %% 11.4 sums
closed = [5 - 3, 0, 0]
let_in = [False] * 2 + [True]
cut_off = [not True, True, not True]

# %% 11.4 all at once
closed, let_in, cut_off = [2, 0, 0], [False, False, True], [False, True, False]

# %% 11.4 compared
closed = [max(0, came - most) for came, most in ((5, 3), (2, 3), (5, 5))]
let_in = [where == "handler" for where in ("loop", "loop", "handler")]
cut_off = [limit == "line" for limit in ("read", "line", "none")]

# %% 11.4 by hand, one after the other
closed = []
closed.append(2)
closed += [0, 0]
let_in = list(map(bool, (0, 0, 1)))
cut_off = list(map(bool, (0, 1, 0)))

# %% 11.4 named
LET_IN, SHUT_OUT = True, False
closed = [2, 0, 0]
let_in = [SHUT_OUT, SHUT_OUT, LET_IN]
cut_off = [False, True, False]
