# ruff: noqa
# fmt: off
# Right answers, written from the tasks' text, each as its author would have it.

# %% 03.1 all in the constructor
class ActivatedServer(TCPServer):
    def __init__(self, server_address, RequestHandlerClass):
        mine = os.environ.get("LISTEN_PID") == str(os.getpid()) and int(os.environ.get("LISTEN_FDS", 0)) > 0
        super().__init__(server_address, RequestHandlerClass, not mine)
        if mine:
            self.socket.close()
            self.socket = socket.socket(fileno=3)
            self.socket.set_inheritable(False)
            self.address_family = self.socket.family
            self.server_address = self.socket.getsockname()
            for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
                os.environ.pop(name, None)

# %% 03.1 numbers, and an error for what is none
def handed_over():
    try:
        pid = int(os.environ["LISTEN_PID"])
        count = int(os.environ["LISTEN_FDS"])
    except (KeyError, ValueError):
        return None
    if pid != os.getpid() or count < 1:
        return None
    del os.environ["LISTEN_PID"], os.environ["LISTEN_FDS"]
    os.environ.pop("LISTEN_FDNAMES", None)
    os.set_inheritable(3, False)
    return socket.socket(fileno=3)

class ActivatedServer(TCPServer):
    def __init__(self, server_address, RequestHandlerClass):
        adopted = handed_over()
        if adopted is None:
            super().__init__(server_address, RequestHandlerClass)
            return
        super().__init__(adopted.getsockname(), RequestHandlerClass, bind_and_activate=False)
        self.socket.close()
        self.socket, self.address_family = adopted, adopted.family

# %% 03.1 the hooks do it
class ActivatedServer(TCPServer):
    """Binds by adopting, where there is something to adopt."""

    def __init__(self, server_address, RequestHandlerClass):
        variables = {name: os.environ.get(name, "") for name in ("LISTEN_PID", "LISTEN_FDS")}
        self.is_adopting = variables["LISTEN_PID"] == f"{os.getpid()}" and variables["LISTEN_FDS"] not in ("", "0")
        super().__init__(server_address, RequestHandlerClass)

    def server_bind(self):
        if not self.is_adopting:
            return super().server_bind()
        for name in list(os.environ):
            if name.startswith("LISTEN_"):
                del os.environ[name]
        self.socket.close()
        self.socket = socket.socket(fileno=3)
        self.socket.set_inheritable(False)
        self.address_family = self.socket.family
        self.server_address = self.socket.getsockname()

    def server_activate(self):
        if not self.is_adopting:
            super().server_activate()

# %% 03.1 a copy that children do not get, and typed
from typing import Any

FIRST_DESCRIPTOR = 3

def listener_of_this_process() -> "socket.socket | None":
    found = {name: os.environ.pop(f"LISTEN_{name}", None) for name in ("PID", "FDS", "FDNAMES")}
    if found["PID"] is None or found["FDS"] is None:
        return None
    if int(found["PID"]) == os.getpid() and int(found["FDS"]) >= 1:
        first = socket.socket(fileno=FIRST_DESCRIPTOR)
        with first:
            return first.dup()  # a duplicate is not inherited
    return None

class ActivatedServer(TCPServer):
    def __init__(self, server_address: Any, RequestHandlerClass: Any) -> None:
        if (listener := listener_of_this_process()) is None:
            TCPServer.__init__(self, server_address, RequestHandlerClass)
        else:
            TCPServer.__init__(self, server_address, RequestHandlerClass, bind_and_activate=False)
            self.server_close()
            self.socket = listener
            self.server_address = listener.getsockname()
            self.address_family = listener.family

# %% 03.1 the family first
class ActivatedServer(TCPServer):
    def __init__(self, server_address, RequestHandlerClass):
        listener = self.take_over()
        if listener:
            self.address_family = listener.family
            server_address = listener.getsockname()
        TCPServer.__init__(self, server_address, RequestHandlerClass, bind_and_activate=False)
        if listener:
            old, self.socket = self.socket, listener
            old.close()
        else:
            try:
                self.server_bind()
                self.server_activate()
            except BaseException:
                self.server_close()
                raise

    @staticmethod
    def take_over():
        env = os.environ
        pid, fds = env.pop("LISTEN_PID", None), env.pop("LISTEN_FDS", None)
        env.pop("LISTEN_FDNAMES", None)
        if pid == str(os.getpid()) and fds and fds != "0":
            os.set_inheritable(3, False)
            return socket.socket(fileno=3)

# %% 03.1 a context that replaces
from contextlib import closing

def handed_over():
    """Return the listening socket that was handed over to this process, or None."""
    is_for_us = os.environ.get("LISTEN_PID") == str(os.getpid())
    how_many = int(os.environ.get("LISTEN_FDS") or "0") if is_for_us else 0
    if how_many == 0:
        return None
    for name in {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} & os.environ.keys():
        os.unsetenv(name)
        del os.environ[name]
    listener, *_ = (socket.socket(fileno=3 + number) for number in range(1))
    listener.set_inheritable(False)
    return listener

class ActivatedServer(TCPServer):
    def __init__(self, server_address, RequestHandlerClass, **options):
        listener = handed_over()
        super().__init__(server_address, RequestHandlerClass, bind_and_activate=not listener, **options)
        if listener:
            with closing(self.socket):
                self.socket = listener
            self.address_family, self.server_address = listener.family, listener.getsockname()

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
