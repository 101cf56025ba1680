# ruff: noqa
# fmt: off
# Right answers, written from the tasks' text, each as its author would have it.

# %% 10.1 a list of threads, and None to end
class ThreadPoolMixIn(OpenRequestsMixIn, minisocketserver.ThreadingMixIn):
    pool_size = 8
    queue_size = 0

    def __init__(self, *args, **kwargs):
        self.pool = []
        self.queue = queue.SimpleQueue()
        super().__init__(*args, **kwargs)

    def has_capacity(self):
        most = self.pool_size + self.queue_size
        return most > len(self.open_requests)

    def process_request(self, request, client_address):
        self.queue.put((request, client_address))
        if len(self.pool) < self.pool_size:
            self.pool.append(threading.Thread(target=self._work))
            self.pool[-1].start()

    def _work(self):
        for request, client_address in iter(self.queue.get, None):
            try:
                self.process_request_thread(request, client_address)
            except (Exception, SystemExit, KeyboardInterrupt, GeneratorExit):
                pass

    def server_close(self):
        super().server_close()
        for _ in self.pool:
            self.queue.put(None)
        while self.pool:
            self.pool.pop().join()

# %% 10.1 jobs as functions
from contextlib import suppress
from functools import partial

class ThreadPoolMixIn(OpenRequestsMixIn, minisocketserver.ThreadingMixIn):
    """Put before a server class among the bases, at most `pool_size` threads serve at once."""
    pool_size, queue_size = 8, 0

    def __init__(self, *args, **kwargs):
        self.pool = []
        self.queue = queue.SimpleQueue()
        super().__init__(*args, **kwargs)

    def has_capacity(self):
        return len(self.open_requests) - self.queue_size < self.pool_size

    def process_request(self, request, client_address):
        self.queue.put(partial(self.process_request_thread, request, client_address))
        if len(self.pool) != self.pool_size:
            worker = threading.Thread(target=self.serve_jobs, args=[self.queue])
            self.pool.append(worker)
            worker.start()

    @staticmethod
    def serve_jobs(jobs):
        while job := jobs.get():
            with suppress(BaseException):
                job()

    def server_close(self):
        try:
            super().server_close()
        finally:
            workers, self.pool = self.pool, []
            for _ in workers:
                self.queue.put(None)
            for worker in workers:
                worker.join()

# %% 10.1 a class for a worker
class Worker(threading.Thread):
    def __init__(self, server):
        super().__init__(name="worker")
        self.server = server

    def run(self):
        while True:
            job = self.server.queue.get()
            if job == "go home":
                break
            try:
                self.server.process_request_thread(*job)
            except:
                continue

class ThreadPoolMixIn(OpenRequestsMixIn, minisocketserver.ThreadingMixIn):
    pool_size = 8
    queue_size = 0

    def __init__(self, *args, **kwargs):
        self.pool = []
        self.queue = queue.SimpleQueue()
        super().__init__(*args, **kwargs)

    def has_capacity(self):
        if len(self.open_requests) >= self.pool_size + self.queue_size:
            return False
        return True

    def process_request(self, request, client_address):
        if len(self.pool) < self.pool_size:
            worker = Worker(self)
            self.pool += [worker]
            worker.start()
        self.queue.put([request, client_address])

    def server_close(self):
        super().server_close()
        [self.queue.put("go home") for worker in self.pool]
        [worker.join() for worker in self.pool]

# %% 10.1 a thread for each of the first requests, one None for each thread
class ThreadPoolMixIn(OpenRequestsMixIn, minisocketserver.ThreadingMixIn):
    """Put before a server class among the bases, at most `pool_size` threads serve at once."""

    pool_size = 8
    queue_size = 0

    def __init__(self, *args, **kwargs):
        self.pool = []
        self.queue = queue.SimpleQueue()
        super().__init__(*args, **kwargs)

    def has_capacity(self):
        return len(self.open_requests) < self.pool_size + self.queue_size

    def process_request(self, request, client_address):
        if len(self.pool) < self.pool_size:
            thread = threading.Thread(target=self.serve_queue, daemon=self.daemon_threads)
            thread.start()
            self.pool.append(thread)
        self.queue.put((request, client_address))

    def serve_queue(self):
        while True:
            job = self.queue.get()
            if job is None:
                break
            request, client_address = job
            try:
                self.process_request_thread(request, client_address)
            except BaseException:
                pass  # even sys.exit()

    def server_close(self):
        super().server_close()
        for _ in self.pool:
            self.queue.put(None)
        for thread in self.pool:
            thread.join()

# %% 10.1 all threads at the first request, iter with a sentinel, suppress, one sentinel handed on
import contextlib


class ThreadPoolMixIn(OpenRequestsMixIn, minisocketserver.ThreadingMixIn):
    """Put before a server class among the bases, at most `pool_size` threads serve at once."""

    pool_size = 8
    queue_size = 0
    GO_HOME = object()

    def __init__(self, *args, **kwargs):
        self.pool = []
        self.queue = queue.SimpleQueue()
        super().__init__(*args, **kwargs)

    def has_capacity(self):
        room = self.pool_size + self.queue_size
        return room - len(self.open_requests) > 0

    def process_request(self, request, client_address):
        if not self.pool:
            self.pool += [threading.Thread(target=self.serve_queue, name=f"pool-{n}") for n in range(self.pool_size)]
            for thread in self.pool:
                thread.start()
        self.queue.put([request, client_address])

    def serve_queue(self):
        for task in iter(self.queue.get, self.GO_HOME):
            with contextlib.suppress(BaseException):
                self.process_request_thread(*task)
        self.queue.put(self.GO_HOME)  # for the next one

    def server_close(self):
        try:
            self.queue.put(self.GO_HOME)
            while self.pool:
                self.pool.pop().join()
        finally:
            super().server_close()

# %% 10.1 jobs are closures, threads only as needed, typed
from functools import partial
from typing import Callable, Optional


class ThreadPoolMixIn(OpenRequestsMixIn, minisocketserver.ThreadingMixIn):
    """Put before a server class among the bases, at most `pool_size` threads serve at once.

    What if nobody has time? Then the client waits in `queue`: is that fair?
    """

    pool_size: int = 8
    queue_size: int = 0

    def __init__(self, *args, **kwargs):
        self.pool = []
        self.queue = queue.SimpleQueue()
        super().__init__(*args, **kwargs)

    @property
    def _limit(self) -> int:
        return self.pool_size + self.queue_size

    def has_capacity(self) -> bool:
        if len(self.open_requests) >= self._limit:
            return False
        return True

    def process_request(self, request, client_address) -> None:
        # more open requests than threads? Then hire one, if we may
        if len(self.pool) < min(self.pool_size, len(self.open_requests)):
            self._hire()
        self.queue.put(partial(self.process_request_thread, request, client_address))

    def _hire(self) -> None:
        worker = threading.Thread(target=self.serve_queue)
        worker.daemon = True
        worker.start()
        self.pool.append(worker)

    def serve_queue(self) -> None:
        job: Optional[Callable[[], None]]
        while (job := self.queue.get()) is not None:
            try:
                job()
            except BaseException:
                continue

    def server_close(self) -> None:
        workers, self.pool = self.pool, []
        for worker in workers:
            self.queue.put(None)
        super().server_close()
        for worker in workers:
            worker.join()

# %% 10.2 each connection wrapped by itself
class TLSMixIn:
    handshake_timeout = 10.0

    def get_request(self):
        connection, address = super().get_request()
        try:
            return self.ssl_context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address
        except OSError:
            connection.close()
            raise

    def finish_request(self, request, client_address):
        before = request.gettimeout()
        request.settimeout(self.handshake_timeout)
        request.do_handshake()
        request.settimeout(before)
        super().finish_request(request, client_address)

    def shutdown_request(self, request):
        try:
            request.settimeout(0)
            request.unwrap()
        except (OSError, ValueError):
            pass
        super().shutdown_request(request)

# %% 10.2 a with block for the limit
from contextlib import contextmanager, suppress

@contextmanager
def limited(sock, seconds):
    old = sock.gettimeout()
    sock.settimeout(seconds)
    try:
        yield sock
    finally:
        sock.settimeout(old)

class TLSMixIn:
    """Put before a stream server class among the bases, it encrypts the connections."""
    handshake_timeout = 10.0

    def server_activate(self):
        super().server_activate()
        plain = self.socket
        self.socket = self.ssl_context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)

    def finish_request(self, request, client_address):
        with limited(request, self.handshake_timeout) as sock:
            sock.do_handshake()
        return super().finish_request(request, client_address)

    def shutdown_request(self, request):
        with suppress(OSError, ValueError), limited(request, 0.0):
            request.unwrap()
        return super().shutdown_request(request)

# %% 10.2 ssl errors by name
class TLSMixIn:
    handshake_timeout = 10.0

    def server_activate(self):
        super().server_activate()
        self.socket = self.ssl_context.wrap_socket(self.socket, True, do_handshake_on_connect=False)

    def _shake_hands(self, request):
        patience = request.gettimeout()
        try:
            request.settimeout(self.handshake_timeout)
            request.do_handshake()
        finally:
            request.settimeout(patience)

    def finish_request(self, request, client_address):
        self._shake_hands(request)
        super().finish_request(request, client_address)

    def shutdown_request(self, request):
        request.setblocking(0)
        try:
            request.unwrap()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, ssl.SSLError):
            pass
        except (OSError, ValueError):
            pass
        super().shutdown_request(request)

# %% 10.2 the listener is wrapped, try and except
class TLSMixIn:
    """Put before a stream server class among the bases, it encrypts the connections."""

    handshake_timeout = 10.0

    def server_activate(self):
        super().server_activate()
        self.socket = self.ssl_context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )

    def finish_request(self, request, client_address):
        before = request.gettimeout()
        request.settimeout(self.handshake_timeout)
        request.do_handshake()
        request.settimeout(before)
        super().finish_request(request, client_address)

    def shutdown_request(self, request):
        try:
            request.settimeout(0)
            request.unwrap()
        except (OSError, ValueError):
            pass
        super().shutdown_request(request)

# %% 10.2 each connection is wrapped in get_request, suppress
from contextlib import suppress


class TLSMixIn:
    """Put before a stream server class among the bases, it encrypts the connections."""

    handshake_timeout = 10.0
    ssl_context = None

    def server_activate(self):
        super().server_activate()
        if self.ssl_context is None:
            raise ValueError("no ssl_context: who shall encrypt?")

    def get_request(self):
        connection, client_address = super().get_request()
        try:
            encrypted = self.ssl_context.wrap_socket(
                connection,
                server_side=True,
                do_handshake_on_connect=False,
            )
        except BaseException:
            connection.close()
            raise
        return encrypted, client_address

    def finish_request(self, request, client_address):
        limit = request.gettimeout()
        try:
            request.settimeout(self.handshake_timeout)
            request.do_handshake()
        finally:
            request.settimeout(limit)
        return super().finish_request(request, client_address)

    def shutdown_request(self, request):
        with suppress(OSError, ValueError):
            request.setblocking(False)
            request.unwrap()
        super().shutdown_request(request)

# %% 10.2 a context manager for the time limit, helpers, an instance of functools.partial
import functools
from contextlib import contextmanager


@contextmanager
def time_limit(sock: socket.socket, seconds: float | None):
    old = sock.gettimeout()
    sock.settimeout(seconds)
    yield sock
    sock.settimeout(old)


def say_goodbye(sock: ssl.SSLSocket) -> bool:
    """Did we say goodbye, and did the other side, too?"""
    try:
        with time_limit(sock, 0.0):
            sock.unwrap()
    except ssl.SSLWantReadError:
        return False  # ours is sent, theirs has not come
    except (ssl.SSLError, OSError, ValueError):
        return False  # gone, or never been there
    return True


class TLSMixIn:
    """Put before a stream server class among the bases, it encrypts the connections."""

    handshake_timeout = 10.0

    def server_activate(self):
        super().server_activate()
        wrap = functools.partial(self.ssl_context.wrap_socket, server_side=True, do_handshake_on_connect=False)
        self.socket = wrap(self.socket)

    def finish_request(self, request, client_address):
        with time_limit(request, self.handshake_timeout) as connection:
            connection.do_handshake()
        super().finish_request(request, client_address)

    def shutdown_request(self, request):
        try:
            say_goodbye(request)
        finally:
            super().shutdown_request(request)

# %% 10.3 ipaddress knows
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

# %% 10.3 a base handler, and the socket set early
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

# %% 10.3 headers as a mail
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

# %% 10.3 short, server_bind and removeprefix
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

# %% 10.3 the course's classes, ipaddress, recv by hand, the option set in __init__
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

# %% 10.3 socket.create_server with dualstack_ipv6, makefile, a regular expression
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

# %% 10.4 the library, and drain
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

# %% 10.4 a class of its own between
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

# %% 10.4 with the standard library's handler
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

# %% 10.4 a dictionary of guests, verify_request, recv against a deadline
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

# %% 10.4 a Condition, process_request and finish_request, an alarm that hangs up, daemon threads
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

# %% 10.4 dataclass for each berth, own threads that are joined, a raw reader with a selector as rfile
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

# %% 10.5 tuples
taken = (9, 9, 3, 5)
at_the_door = ("s", "s", "w", "w", "n")
cut_off = (False, True, False)

# %% 10.5 sums
pool, waiting, clients = 3, 2, 9
taken = [clients, clients, pool, pool + waiting]
at_the_door = list("sswwn")
cut_off = [way == 2 for way in (1, 2, 3)]

# %% 10.5 lists multiplied
taken = [9] * 2 + [3, 5]
at_the_door = ["s"] * 2 + ["w"] * 2 + ["n"]
cut_off = [False] * 3
cut_off[1] = not cut_off[1]

# %% 10.5 lists
taken = [9, 9, 3, 5]
at_the_door = ["s", "s", "w", "w", "n"]
cut_off = [False, True, False]

# %% 10.5 tuples and a string
taken = (9, 9, 3, 5)
at_the_door = "sswwn"
cut_off = (False, True, False)

# %% 10.5 computed
clients, pool, backlog = 9, 3, 1
taken = [clients, clients, *(min(clients, pool + waiting) for waiting in (0, 2))]
served, waiting = 2, backlog + 1  # Linux has one place more than it says
at_the_door = list("s" * served + "w" * waiting + "n" * (5 - served - waiting))
cut_off = [limit == "line" for limit in ("silence", "line", "none for read")]
