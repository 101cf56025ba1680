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

# %% 03.1 straightforward, try and bare except
class TCPServer(BaseServer):
    """A server for byte streams; `server_address` is one tuple, (host, port)."""

    address_family = socket.AF_INET
    socket_type = socket.SOCK_STREAM
    request_queue_size = 5 if sys.version_info < (3, 15) else socket.SOMAXCONN
    allow_reuse_address = False
    allow_reuse_port = False

    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        super().__init__(server_address, RequestHandlerClass)
        self.socket = socket.socket(self.address_family, self.socket_type)
        if bind_and_activate:
            try:
                self.server_bind()
                self.server_activate()
            except:
                self.server_close()
                raise

    def server_bind(self):
        is_internet = self.address_family in (socket.AF_INET, socket.AF_INET6)
        if self.allow_reuse_port and is_internet and hasattr(socket, "SO_REUSEPORT"):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, True)
        if self.allow_reuse_address:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, True)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def server_activate(self):
        self.socket.listen(self.request_queue_size)

    def fileno(self):
        return self.socket.fileno()

    def get_request(self):
        return self.socket.accept()

    def shutdown_request(self, request):
        try:
            request.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        self.close_request(request)

    def close_request(self, request):
        request.close()

    def server_close(self):
        self.socket.close()

# %% 03.1 ExitStack and suppress
from contextlib import ExitStack, suppress


class TCPServer(BaseServer):
    """Who opens the door, and who closes it?"""

    address_family = socket.AF_INET
    socket_type = socket.SOCK_STREAM
    request_queue_size = 5 if sys.version_info < (3, 15) else socket.SOMAXCONN
    allow_reuse_address = False
    allow_reuse_port = False

    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        super().__init__(server_address, RequestHandlerClass)
        self.socket = socket.socket(self.address_family, self.socket_type)
        if not bind_and_activate:
            return
        with ExitStack() as on_failure:
            on_failure.callback(self.server_close)
            self.server_bind()  # what if the port is taken?
            self.server_activate()
            on_failure.pop_all()

    def _switch_on(self, option):
        self.socket.setsockopt(socket.SOL_SOCKET, option, 1)

    def server_bind(self):
        is_internet = self.address_family in (socket.AF_INET, socket.AF_INET6)
        if self.allow_reuse_port and is_internet and hasattr(socket, "SO_REUSEPORT"):
            self._switch_on(socket.SO_REUSEPORT)
        if self.allow_reuse_address:
            self._switch_on(socket.SO_REUSEADDR)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def server_activate(self):
        self.socket.listen(self.request_queue_size)

    def fileno(self):
        return self.socket.fileno()

    def get_request(self):
        connection, client_address = self.socket.accept()
        return connection, client_address

    def shutdown_request(self, request):
        with suppress(OSError):
            request.shutdown(socket.SHUT_WR)
        self.close_request(request)

    def close_request(self, request):
        request.close()

    def server_close(self):
        self.socket.close()

# %% 03.1 type hints, a success flag and finally
from typing import Any


class TCPServer(BaseServer):
    """A server for byte streams; `server_address` is one tuple, (host, port)."""

    address_family: int = socket.AF_INET
    socket_type: int = socket.SOCK_STREAM
    request_queue_size: int = 5 if sys.version_info < (3, 15) else socket.SOMAXCONN
    allow_reuse_address: bool = False
    allow_reuse_port: bool = False
    socket: socket.socket

    def __init__(
        self,
        server_address: tuple,
        RequestHandlerClass: Any,
        bind_and_activate: bool = True,
    ) -> None:
        super().__init__(server_address, RequestHandlerClass)
        self.socket = socket.socket(family=self.address_family, type=self.socket_type)
        if bind_and_activate:
            self.__open_for_business()

    def __open_for_business(self) -> None:
        is_open = False
        try:
            for step in (self.server_bind, self.server_activate):
                step()
            is_open = True
        finally:
            if not is_open:
                self.server_close()

    def server_bind(self) -> None:
        is_internet = self.address_family in (socket.AF_INET, socket.AF_INET6)
        if self.allow_reuse_port and is_internet and hasattr(socket, "SO_REUSEPORT"):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, True)
        listener = self.socket
        if self.allow_reuse_address:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(self.server_address)
        # Port 0 was only a wish; here is what came of it.
        self.server_address = listener.getsockname()

    def server_activate(self) -> None:
        self.socket.listen(self.request_queue_size)

    def fileno(self) -> int:
        return self.socket.fileno()

    def get_request(self) -> tuple:
        pair = self.socket.accept()
        return pair

    def shutdown_request(self, request) -> None:
        try:
            request.shutdown(socket.SHUT_WR)
        except OSError:
            ...  # gone already?
        finally:
            self.close_request(request)

    def close_request(self, request) -> None:
        request.close()

    def server_close(self) -> None:
        self.socket.close()

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

# %% 03.2 the smallest mend
import socketserver

class Handler(StreamRequestHandler):
    def handle(self):
        addr = self.request.getpeername()
        print("Got connection from", addr)
        self.wfile.write(b"Thank you for connecting")

def make_server(address):
    return socketserver.TCPServer(address, Handler)

def run(server):
    server.serve_forever()

# %% 03.2 f-string, encode, handler of the standard library
import socketserver

GREETING = "Thank you for connecting"


class Handler(socketserver.StreamRequestHandler):
    """Say thank you, and that is all. What else?"""

    def handle(self) -> None:
        addr = self.client_address
        print(f"Got connection from {addr}")
        self.wfile.write(GREETING.encode("utf-8"))


def make_server(address, handler=Handler):
    return socketserver.TCPServer(address, handler)


def run(server):
    # Until somebody calls server.shutdown(), from where?
    server.serve_forever()

# %% 03.2 percent formatting and a lambda
import socketserver


class Handler(StreamRequestHandler):
    greeting = bytes("Thank you for connecting", "ascii")

    def handle(self):
        host, port = self.request.getpeername()
        print(
            "Got connection from %r"
            % ((host, port),)
        )
        self.request.sendall(self.greeting)


make_server = lambda address: socketserver.TCPServer(server_address=address, RequestHandlerClass=Handler)


def run(server):
    return server.serve_forever(poll_interval=0.1)

# %% 03.3 running, from the bench
import minisocketserver
from socketlab.notebook.running import running

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

# %% 03.3 a subclass, a with and a finally
import threading

import minisocketserver


class Page(StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            if line == b"\r\n":
                self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\nHello from your own server")
                return


class PageServer(minisocketserver.TCPServer):
    allow_reuse_address = True


def open_page(address):
    return PageServer(address, Page)


def visit(fetch):
    with open_page(("127.0.0.1", 0)) as server:
        loop = threading.Thread(target=server.serve_forever, daemon=True)
        loop.start()
        try:
            host, port = server.server_address
            return fetch(f"http://{host}:{port}/")
        finally:
            server.shutdown()
            loop.join()

# %% 03.3 bind by hand, ExitStack
import threading
from contextlib import ExitStack

import minisocketserver

ANSWER = "Hello from your own server".encode()


class Page(minisocketserver.StreamRequestHandler):
    """Has the request ended? Then here is the page; is the client still there?"""

    def handle(self):
        while (line := self.rfile.readline()).strip():
            pass
        if line:  # b"" would mean: the client has gone
            self.wfile.writelines(
                [
                    b"HTTP/1.0 200 OK\r\n",
                    b"Content-Type: text/plain; charset=utf-8\r\n",
                    b"Content-Length: %d\r\n" % len(ANSWER),
                    b"\r\n",
                    ANSWER,
                ]
            )


def open_page(address):
    server = minisocketserver.TCPServer(address, Page, bind_and_activate=False)
    server.allow_reuse_address = True
    try:
        server.server_bind()  # what if somebody lives there?
        server.server_activate()
    except BaseException:
        server.server_close()
        raise
    return server


def visit(fetch):
    with ExitStack() as afterwards:
        server = open_page(("127.0.0.1", 0))
        afterwards.callback(server.server_close)
        thread = threading.Thread(target=server.serve_forever)
        thread.daemon = True
        thread.start()
        afterwards.callback(thread.join)
        afterwards.callback(server.shutdown)
        return fetch("http://%s:%d/"
                     % server.server_address[:2])

# %% 03.3 contextmanager, recv until the end, a time limit
import threading
from contextlib import contextmanager

import minisocketserver


class Page(StreamRequestHandler):
    timeout = 3

    def request_is_complete(self):
        seen = b""
        try:
            while not seen.endswith(b"\r\n\r\n"):
                piece = self.request.recv(1024)
                if piece == b"":
                    return False
                seen += piece
        except OSError:
            return False
        return True

    def handle(self):
        if not self.request_is_complete():
            return
        text = "Hello from your own server"
        headers = {"Content-Type": "text/plain", "Content-Length": len(text), "Connection": "close"}
        top = ["HTTP/1.0 200 OK"] + [f"{name}: {value}" for name, value in headers.items()]
        self.request.sendall("\r\n".join([*top, "", text]).encode())


def open_page(address):
    kind = type("ReusableServer", (minisocketserver.TCPServer,), {"allow_reuse_address": True})
    return kind(address, Page)


@contextmanager
def page_server():
    server = open_page(("127.0.0.1", 0))
    try:
        runner = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        runner.start()
        try:
            yield server
        finally:
            server.shutdown()
            runner.join()
    finally:
        server.server_close()


def visit(fetch):
    with page_server() as server:
        url = "http://{}:{}/".format(*server.server_address)
        result = fetch(url)
    return result

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

# %% 03.4 plain lists
comes_back = [True, False, True, False]
reuses = [True, False, True]
connects = [True, False]
served = [10]
full_queue = ["connected", "waits"]

# %% 03.4 tuples where the text does not say list
comes_back = True, False, True, False
reuses = (True, False, True)
connects = (True, False)
served = [10]
full_queue = "connected", "waits"

# %% 03.4 computed from the reasons
clients = range(1, 11)
lingering_on_our_port, option, alive = 1, 2, 4
cases = [0, lingering_on_our_port, lingering_on_our_port | option, alive | option]


def can_come_back(case):
    """Alive: never. Lingering: only with the option. Anything else?"""
    if case & alive:
        return False
    return not case & lingering_on_our_port or bool(case & option)


comes_back = [can_come_back(case) for case in cases]
reuses = [set_before_bind for set_before_bind in (True, False, True)]
connects = list(dict(shutdown=True, server_close=False).values())
served = [len(clients)]
full_queue = "connected waits".split()
