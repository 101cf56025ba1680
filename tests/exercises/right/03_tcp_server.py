# ruff: noqa
# fmt: off
# Right answers, written from the tasks' text, each as its author would have it.

# %% 03.1 suppress, and a flag
from contextlib import suppress

class TCPServer(BaseServer):
    address_family = socket.AF_INET
    socket_type = socket.SOCK_STREAM
    request_queue_size = 5 if sys.version_info < (3, 15) else socket.SOMAXCONN
    allow_reuse_address = False
    allow_reuse_port = False

    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        super().__init__(server_address, RequestHandlerClass)
        self.socket = socket.socket(family=self.address_family, type=self.socket_type)
        if not bind_and_activate:
            return
        done = False
        try:
            self.server_bind()
            self.server_activate()
            done = True
        finally:
            if not done:
                self.server_close()

    def server_bind(self):
        is_internet = self.address_family in (socket.AF_INET, socket.AF_INET6)
        if self.allow_reuse_port and is_internet and hasattr(socket, "SO_REUSEPORT"):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, True)
        if self.allow_reuse_address == True:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def server_activate(self):
        self.socket.listen(self.request_queue_size)

    def fileno(self):
        return self.socket.fileno()

    def get_request(self):
        connection, address = self.socket.accept()
        return connection, address

    def shutdown_request(self, request):
        with suppress(OSError):
            request.shutdown(socket.SHUT_WR)
        self.close_request(request)

    def close_request(self, request):
        request.close()

    def server_close(self):
        self.socket.close()

# %% 03.1 typed, with a helper for options
from typing import Any

class TCPServer(BaseServer):
    address_family = socket.AF_INET
    socket_type = socket.SOCK_STREAM
    request_queue_size = 5 if sys.version_info < (3, 15) else socket.SOMAXCONN
    allow_reuse_address = False
    allow_reuse_port = False
    socket: socket.socket

    def __init__(self, server_address: tuple[str, int], RequestHandlerClass: Any, bind_and_activate: bool = True) -> None:
        BaseServer.__init__(self, server_address, RequestHandlerClass)
        import socket
        self.socket = socket.socket(self.address_family, self.socket_type)
        if bind_and_activate:
            try:
                self.server_bind()
                self.server_activate()
            except:
                self.server_close()
                raise

    def _switch_on(self, option: int) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, option, True)

    def server_bind(self) -> None:
        is_internet = self.address_family in (socket.AF_INET, socket.AF_INET6)
        if self.allow_reuse_port and is_internet and hasattr(socket, "SO_REUSEPORT"):
            self._switch_on(socket.SO_REUSEPORT)
        if self.allow_reuse_address:
            self._switch_on(socket.SO_REUSEADDR)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def server_activate(self) -> None: self.socket.listen(self.request_queue_size)

    def fileno(self) -> int: return self.socket.fileno()

    def get_request(self) -> tuple[Any, Any]: return self.socket.accept()

    def shutdown_request(self, request: Any) -> None:
        try: request.shutdown(socket.SHUT_WR)
        except OSError: ...
        finally: self.close_request(request)

    def close_request(self, request: Any) -> None: request.close()

    def server_close(self) -> None: self.socket.close()

# %% 03.1 methods written outside
class TCPServer(BaseServer):
    address_family = socket.AF_INET
    socket_type = socket.SOCK_STREAM
    request_queue_size = 5 if sys.version_info < (3, 15) else socket.SOMAXCONN
    allow_reuse_address = False
    allow_reuse_port = False

    def __init__(self, address, handler, bind_and_activate=True):
        super().__init__(address, handler)
        self.socket = socket.socket(self.address_family, self.socket_type)
        if bind_and_activate:
            for step in (self.server_bind, self.server_activate):
                try:
                    step()
                except BaseException as error:
                    self.server_close()
                    raise error

    fileno = lambda self: self.socket.fileno()
    close_request = lambda self, request: request.close()

def server_bind(self):
    options = {"SO_REUSEADDR": self.allow_reuse_address, "SO_REUSEPORT": self.allow_reuse_port}
    for name, wanted in options.items():
        if wanted and hasattr(socket, name):
            if name == "SO_REUSEPORT" and self.address_family not in (socket.AF_INET, socket.AF_INET6):
                continue
            self.socket.setsockopt(socket.SOL_SOCKET, getattr(socket, name), True)
    self.socket.bind(self.server_address)
    self.server_address = self.socket.getsockname()

def server_activate(self):
    self.socket.listen(self.request_queue_size)

def get_request(self):
    return self.socket.accept()

def shutdown_request(self, request):
    try:
        request.shutdown(1)
    except OSError as e:
        pass
    self.close_request(request)

def server_close(self):
    self.socket.close()

for function in (server_bind, server_activate, get_request, shutdown_request, server_close):
    setattr(TCPServer, function.__name__, function)

# %% 03.2 corrected letter by letter
import socketserver

class Handler(StreamRequestHandler):
    def handle(self):
        addr = self.request.getpeername()
        print('Got connection from', addr)
        self.wfile.write(b'Thank you for connecting')

def make_server(address):
    return socketserver.TCPServer(address, Handler)

def run(server):
    server.serve_forever()

# %% 03.2 a format string, and encode
import socketserver

class Handler(socketserver.StreamRequestHandler):
    greeting = "Thank you for connecting"

    def handle(self) -> None:
        addr = self.request.getpeername()
        print("Got connection from %s" % (addr,))
        self.wfile.write(self.greeting.encode())

def make_server(address, handler=Handler):
    server = socketserver.TCPServer(address, handler)
    return server

def run(server):
    return server.serve_forever(poll_interval=0.1)

# %% 03.2 a base handler
import socketserver as ss

class Handler(ss.BaseRequestHandler):
    def handle(self):
        print(f"Got connection from {self.client_address}")
        self.request.sendall("Thank you for connecting".encode("ascii"))

make_server = lambda address: ss.TCPServer(address, Handler)
def run(server): server.serve_forever()

# %% 03.3 running, from the bench
import minisocketserver
from socketlab.running import running

class Page(StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            if line in (b"\r\n", b"\n"):
                break
        text = b"Hello from your own server"
        self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))

class Reusing(minisocketserver.TCPServer):
    allow_reuse_address = True

def open_page(address):
    return Reusing(address, Page)

def visit(fetch):
    with running(open_page(("127.0.0.1", 0))) as server:
        return fetch("http://%s:%d/" % server.server_address)

# %% 03.3 in two steps
import threading
import minisocketserver

class Page(StreamRequestHandler):
    CONTENT = "Hello from your own server"

    def handle(self):
        line = None
        while line not in (b"", b"\r\n"):
            line = self.rfile.readline()
        self.wfile.write("\r\n".join(["HTTP/1.0 200 OK", "Content-Type: text/plain", "", self.CONTENT]).encode())

def open_page(address):
    server = minisocketserver.TCPServer(address, Page, bind_and_activate=False)
    server.allow_reuse_address = True
    try:
        server.server_bind()
        server.server_activate()
    except OSError:
        server.server_close()
        raise
    return server

def visit(fetch):
    server = open_page(("127.0.0.1", 0))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        result = fetch("http://{}:{}/".format(*server.server_address))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    return result

# %% 03.3 a context manager of its own
import threading
from contextlib import contextmanager
import minisocketserver

class Page(StreamRequestHandler):
    def handle(self):
        while True:
            line = self.rfile.readline().rstrip(b"\r\n")
            if line == b"":
                break
        print("one more visitor")
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\nHello from your own server")

def open_page(address):
    kind = type("PageServer", (minisocketserver.TCPServer,), {"allow_reuse_address": True})
    return kind(address, Page)

@contextmanager
def served(server):
    with server:
        t = threading.Thread(target=server.serve_forever)
        t.daemon = True
        t.start()
        try:
            yield "http://127.0.0.1:" + str(server.server_address[1]) + "/"
        finally:
            server.shutdown()

def visit(fetch):
    with served(open_page(("127.0.0.1", 0))) as url:
        return fetch(url)

# %% 03.4 tuples
comes_back = True, False, True, False
reuses = True, False, True
connects = True, False
served = 10,
full_queue = "connected", "waits"

# %% 03.4 by comparison
client_first, server_first, reusing, still_open = True, False, True, False
comes_back = [client_first, server_first, reusing, still_open]
reuses = [when != "later" for when in ("class", "later", "before bind")]
connects = ["shutdown" == call for call in ("shutdown", "server_close")]
served = [len(range(10))]
full_queue = ["connected", "waits"]

# %% 03.4 from a table
TABLE = {"comes_back": "1010", "reuses": "101", "connects": "10"}
comes_back, reuses, connects = ([bool(int(one)) for one in text] for text in TABLE.values())
served = list(range(10, 11))
full_queue = "connected waits".split()
