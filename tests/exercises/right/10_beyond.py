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

# %% 10.4 the library, and drain
class Harbour(beyond.DrainMixIn, beyond.LimitsMixIn, minisocketserver.ThreadingTCPServer):
    max_connections = 3
    daemon_threads = True

class Logbook(beyond.LimitedStreamRequestHandler):
    max_line, max_line_seconds = 1000, 0.2

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
    max_line_seconds = 0.2

    def handle(self) -> None:
        for_the_book = self.rfile.readline()
        self.wfile.write(b"".join([b"noted: ", for_the_book]))

stop = lambda server: server.drain(seconds=0.2)

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
