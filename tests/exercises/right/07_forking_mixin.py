# ruff: noqa
# fmt: off
# Right answers, written from the tasks' text, each as its author would have it.

# %% 07.1 an object for each child, which knows how to read itself
class Pipe:
    def __init__(self, whose):
        self.whose = whose
        self.out, self.inn = os.pipe()
        self.parts = []

    def is_complete(self, wait):
        os.set_blocking(self.out, wait)
        while True:
            try:
                part = os.read(self.out, 4096)
            except BlockingIOError:
                return False
            if not part:
                os.close(self.out)
                return True
            self.parts.append(part)

class ComputingServer(socketserver.ForkingTCPServer):
    def __init__(self, *args):
        self.results = dict()
        self.waiting_for = []
        super().__init__(*args)

    def process_request(self, request, client_address):
        self.current = Pipe(client_address)
        self.waiting_for.append(self.current)
        super().process_request(request, client_address)
        os.close(self.current.inn)

    def report(self, result):
        while result:
            written = os.write(self.current.inn, result)
            result = result[written:]

    def _collect(self, wait):
        done = [pipe for pipe in self.waiting_for if pipe.is_complete(wait)]
        for pipe in done:
            self.waiting_for.remove(pipe)
            if pipe.parts:
                self.results[pipe.whose] = b"".join(pipe.parts)

    def service_actions(self):
        self._collect(False)
        super().service_actions()

    def server_close(self):
        self._collect(True)
        super().server_close()

# %% 07.1 multiprocessing's pipes
class ComputingServer(socketserver.ForkingMixIn, socketserver.TCPServer):
    def __init__(self, address, handler, bind_and_activate=True):
        self.results = {}
        self._homes = {}
        super().__init__(address, handler, bind_and_activate)

    def process_request(self, request, client_address):
        home, self._line = multiprocessing.Pipe(duplex=False)
        super().process_request(request, client_address)
        self._line.close()
        self._homes[client_address] = home

    def report(self, result):
        self._line.send_bytes(result)

    def _ask(self, patience):
        for address, home in [*self._homes.items()]:
            if home.poll(patience):
                try:
                    self.results[address] = home.recv_bytes()
                except EOFError:
                    pass
                home.close()
                del self._homes[address]

    def service_actions(self):
        super().service_actions()
        self._ask(0)

    def server_close(self):
        self._ask(None)
        super().server_close()

# %% 07.1 a selector that never waits, and files
import selectors

class ComputingServer(socketserver.ForkingMixIn, socketserver.TCPServer):
    def __init__(self, *args, **kw):
        super().__init__(*args, **kw)
        self.results, self.selector = {}, selectors.DefaultSelector()

    def process_request(self, request, client_address):
        r, w = os.pipe()
        self.my_pipe = w
        try:
            super().process_request(request, client_address)
        finally:
            os.close(w)
        self.selector.register(r, selectors.EVENT_READ, (client_address, []))

    def report(self, result):
        with os.fdopen(os.dup(self.my_pipe), "wb") as file:
            file.write(result)

    def take(self, timeout):
        for key, _ in self.selector.select(timeout):
            address, chunks = key.data
            chunk = os.read(key.fd, 1 << 16)
            chunks += [chunk]
            if not chunk:
                self.selector.unregister(key.fd)
                os.close(key.fd)
                if any(chunks):
                    self.results[address] = b"".join(chunks)

    def service_actions(self):
        super().service_actions()
        self.take(0)

    def server_close(self):
        if hasattr(self, "selector"):
            while self.selector.get_map():
                self.take(None)
            self.selector.close()
        super().server_close()

# %% 07.1 a thread for each child reads to the end
class ComputingServer(socketserver.ForkingMixIn, socketserver.TCPServer):
    def __init__(self, *args):
        self.results = {}
        self.readers = []
        super().__init__(*args)

    def process_request(self, request, client_address):
        read_end, write_end = os.pipe()
        self.report = lambda result: os.write(write_end, result)
        super().process_request(request, client_address)
        os.close(write_end)
        reader = threading.Thread(target=self.read_all, args=(read_end, client_address))
        reader.start()
        self.readers.append(reader)

    def report(self, result):
        raise NotImplementedError("there is no client yet")

    def read_all(self, read_end, client_address):
        with open(read_end, "rb") as file:
            result = file.read()
        if result:
            self.results[client_address] = result

    def server_close(self):
        for reader in self.readers:
            reader.join()
        super().server_close()

# %% 07.1 socket pairs
import socket

class ComputingServer(socketserver.ForkingMixIn, socketserver.TCPServer):
    """A result arrives at our end of a pair; the child has the other end."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.results: dict[tuple, bytes] = {}
        self.ours: dict[tuple, tuple[socket.socket, bytearray]] = {}

    def process_request(self, request, client_address):
        here, self.theirs = socket.socketpair()
        super().process_request(request, client_address)
        self.theirs.close()
        here.setblocking(False)
        self.ours[client_address] = (here, bytearray())

    def report(self, result: bytes) -> None:
        self.theirs.sendall(result)

    def look(self, address) -> bool:
        """Look at what has come; return whether it's all."""
        here, result = self.ours[address]
        try:
            while data := here.recv(1 << 16):
                result.extend(data)
        except BlockingIOError:
            return False
        here.close()
        self.ours.pop(address)
        if len(result) > 0:
            self.results[address] = bytes(result)
        return True

    def service_actions(self):
        super().service_actions()
        for address in tuple(self.ours):
            self.look(address)

    def server_close(self):
        for address in tuple(getattr(self, "ours", ())):
            self.ours[address][0].setblocking(True)
            self.look(address)
        super().server_close()

# %% 07.1 one pipe for all, and packets with a header
import struct
import time

class ComputingServer(socketserver.ForkingMixIn, socketserver.TCPServer):
    HEADER = "!IH?"  # client's number, size, is it the last one?

    def __init__(self, *args):
        self.results, self.parts, self.addresses, self.unread = {}, {}, {}, b""
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.read_end, False)
        self.number = 0
        super().__init__(*args)

    def process_request(self, request, client_address):
        self.number += 1
        self.addresses[self.number] = client_address
        super().process_request(request, client_address)

    def report(self, result):
        # At most 512 bytes in one piece are never mixed with another process's, on any system.
        for start in range(0, len(result), 500):
            part = result[start : start + 500]
            last = start + 500 >= len(result)
            os.write(self.write_end, struct.pack(self.HEADER, self.number, len(part), last) + part)

    def collect(self):
        try:
            while True:
                self.unread += os.read(self.read_end, 1 << 16)
        except BlockingIOError:
            pass
        while len(self.unread) >= struct.calcsize(self.HEADER):
            number, size, last = struct.unpack_from(self.HEADER, self.unread)
            if len(self.unread) < struct.calcsize(self.HEADER) + size:
                break
            part = self.unread[struct.calcsize(self.HEADER) :][:size]
            self.unread = self.unread[struct.calcsize(self.HEADER) + size :]
            self.parts[number] = self.parts.get(number, b"") + part
            if last:
                self.results[self.addresses.pop(number)] = self.parts.pop(number)

    def service_actions(self):
        super().service_actions()
        self.collect()

    def server_close(self):
        while self.active_children:
            super().service_actions()
            self.collect()
            time.sleep(0.01)
        super().server_close()
        self.collect()
        os.close(self.read_end)
        os.close(self.write_end)

# %% 07.2 the handler is a function
class CountingServer(socketserver.ForkingTCPServer):
    def __init__(self, *args, **kwargs):
        self.visitors = multiprocessing.Value("i", 0)
        super().__init__(*args, **kwargs)

def Page(request, client_address, server):
    request.recv(10000)
    with server.visitors.get_lock():
        server.visitors.value += 1
        number = server.visitors.value
    request.sendall(f"HTTP/1.0 200 OK\r\n\r\nvisitor {number}\n".encode())

# %% 07.2 the handler is a partial
import functools

class CountingServer(socketserver.ForkingMixIn, socketserver.TCPServer):
    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        socketserver.TCPServer.__init__(self, server_address, RequestHandlerClass, bind_and_activate)
        self.visitors = multiprocessing.Value("L")

def answer(template, request, client_address, server):
    request.recv(65536)
    with server.visitors:
        number = server.visitors.value + 1
        server.visitors.value = number
    request.sendall((template % number).encode())

Page = functools.partial(answer, "HTTP/1.0 200 OK\r\n\r\nvisitor %d")

# %% 07.2 a method that counts
class CountingServer(socketserver.ForkingMixIn, socketserver.TCPServer):
    """Counts in memory that all processes share."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.visitors = multiprocessing.Value("i", 0)

    def one_more(self):
        lock = self.visitors.get_lock()
        lock.acquire()
        try:
            self.visitors.value += 1
            return self.visitors.value
        finally:
            lock.release()

class Page(socketserver.StreamRequestHandler):
    def handle(self):
        self.connection.recv(65536)
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
        self.wfile.write(b"visitor %d\n" % self.server.one_more())

# %% 07.2 short, ForkingTCPServer, the value's own lock
class CountingServer(socketserver.ForkingTCPServer):
    def __init__(self, *args, **kwargs):
        self.visitors = multiprocessing.Value("i", 0)
        super().__init__(*args, **kwargs)


class Page(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.recv(4096)
        visitors = self.server.visitors
        with visitors.get_lock():
            visitors.value += 1
            number = visitors.value
        self.request.sendall(f"HTTP/1.0 200 OK\r\n\r\nvisitor {number}".encode())

# %% 07.2 stream handler, the server gives out numbers under a lock of its own
PAGE = (
    "HTTP/1.0 200 OK\r\n"
    "\r\n"
    "visitor %d"
)


class CountingServer(socketserver.ForkingMixIn, socketserver.TCPServer):
    """Who is next, please?"""

    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        super().__init__(server_address, RequestHandlerClass, bind_and_activate)
        self.visitors = multiprocessing.Value("L")
        self._one_at_a_time = multiprocessing.Lock()

    def next_number(self):
        with self._one_at_a_time:
            number = self.visitors.value + 1
            self.visitors.value = number
            return number


class Page(socketserver.StreamRequestHandler):
    def handle(self):
        self.request.recv(65536)
        page = (
            PAGE
            % self.server.next_number()
        )
        self.wfile.write(page.encode("ascii"))

# %% 07.2 acquire and release, headers read to the empty line, bytes joined
from multiprocessing import Value
from socketserver import BaseRequestHandler, ForkingMixIn, TCPServer

CRLF = b"\r\n"


def one_more(shared) -> int:
    lock = shared.get_lock()
    lock.acquire()
    try:
        shared.value += 1
        return shared.value
    finally:
        lock.release()


class CountingServer(ForkingMixIn, TCPServer):

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.visitors = Value("i", 0, lock=True)


class Page(BaseRequestHandler):

    status = b"HTTP/1.0 200 OK"

    def setup(self):
        self.file = self.request.makefile("rwb")

    def handle(self):
        while self.file.readline() not in (CRLF, b""):
            pass  # "Host: ...", "Accept-Encoding: ...": who needs that?
        text = b"visitor %d" % one_more(self.server.visitors)
        self.file.write(CRLF.join([self.status, b"", text]))

    def finish(self):
        self.file.close()

# %% 07.3 counted where the parent is
def server_class(module):
    base = getattr(module, "ForkingMixIn", None) or module.ThreadingMixIn

    class Shop(base, module.TCPServer):
        served = 0
        turns = 0

        def service_actions(self):
            super().service_actions()
            self.turns += 1

        def process_request(self, request, client_address):
            self.served += 1
            super().process_request(request, client_address)

    return Shop


class Logged(socketserver.BaseRequestHandler):
    def handle(self):
        name = self.request.recv(100).decode()
        print("serving", name, flush=True)
        self.request.sendall(b"done")


def run(server):
    print("the shop is open", flush=True)
    server.serve_forever()

# %% 07.3 sys.stdout flushed by hand
import sys

def say(*words):
    print(*words)
    sys.stdout.flush()

def server_class(module):
    try:
        mixin = module.ForkingMixIn
    except AttributeError:
        mixin = module.ThreadingMixIn

    def service_actions(self):
        mixin_class.service_actions(self)
        self.turns += 1

    def get_request(self):
        pair = module.TCPServer.get_request(self)
        self.served += 1
        return pair

    mixin_class = type("Base", (mixin, module.TCPServer), {})
    return type("Shop", (mixin_class,), dict(served=0, turns=0, service_actions=service_actions, get_request=get_request))

class Logged(socketserver.BaseRequestHandler):
    def handle(self):
        name = self.request.recv(100).decode()
        say("serving", name)
        self.request.sendall(b"done")

def run(server):
    say("the shop is open")
    server.serve_forever()

# %% 07.3 two classes
def server_class(module):
    class Counts:
        served = turns = 0

        def service_actions(self):
            self.turns += 1
            super().service_actions()

        def verify_request(self, request, client_address):
            ok = super().verify_request(request, client_address)
            if ok:
                self.served += 1
            return ok

    if hasattr(module, "ForkingMixIn"):
        class Shop(Counts, module.ForkingMixIn, module.TCPServer):
            pass
    else:
        class Shop(Counts, module.ThreadingMixIn, module.TCPServer):
            pass
    return Shop

class Logged(socketserver.StreamRequestHandler):
    def handle(self):
        name = self.connection.recv(100).decode()
        print(f"serving {name}", flush=True)
        self.wfile.write(b"done")

def run(server):
    print("the shop is open", flush=1)
    server.serve_forever(poll_interval=0.1)

# %% 07.3 the smallest change, hasattr, flush=True twice, counted before the fork
def server_class(module):
    if hasattr(module, "ForkingMixIn"):
        MixIn = module.ForkingMixIn
    else:
        MixIn = module.ThreadingMixIn

    class Shop(MixIn, module.TCPServer):
        served = 0
        turns = 0

        def service_actions(self):
            super().service_actions()
            self.turns += 1

        def process_request(self, request, client_address):
            # counted here, since this part runs in the parent
            self.served += 1
            super().process_request(request, client_address)

    return Shop


class Logged(socketserver.BaseRequestHandler):
    def handle(self):
        name = self.request.recv(100).decode()
        print("serving", name, flush=True)
        self.request.sendall(b"done")


def run(server):
    print("the shop is open", flush=True)
    server.serve_forever()

# %% 07.3 a book-keeping mix-in of its own, partial print, getattr with a default, counted after the fork
import functools

say = functools.partial(print, flush=True)  # 100 % of the log, in a file too


class Books:
    """Count in the parent what the children cannot."""

    served = 0
    turns = 0

    def service_actions(self):
        self.turns += 1
        super().service_actions()

    def process_request(self, request, client_address):
        super().process_request(request, client_address)
        # a child never gets here; a fork that failed doesn't, either
        self.served += 1


def server_class(module):
    at_once = getattr(module, "ForkingMixIn", module.ThreadingMixIn)

    class Shop(Books, at_once, module.TCPServer):
        pass

    return Shop


class Logged(socketserver.BaseRequestHandler):
    def handle(self):
        name = self.request.recv(100).decode()
        say("serving", name)
        self.request.sendall(b"done")


def run(server):
    say("the shop is open")
    server.serve_forever()

# %% 07.3 try and except AttributeError, flush in a finally and before each fork, counted in verify_request
import sys


def server_class(module):
    try:
        parallel = module.ForkingMixIn
    except AttributeError:  # Windows?
        parallel = module.ThreadingMixIn

    class Shop(parallel, module.TCPServer):
        def __init__(self, *args, **kwargs):
            self.served = self.turns = 0
            super().__init__(*args, **kwargs)

        def service_actions(self):
            super(Shop, self).service_actions()
            self.turns = self.turns + 1

        def verify_request(self, request, client_address):
            welcome = super(Shop, self).verify_request(request, client_address)
            if welcome:
                self.served = self.served + 1
            return welcome

        def process_request(self, request, client_address):
            sys.stdout.flush()  # or each child inherits what is still in the buffer
            return super(Shop, self).process_request(request, client_address)

    return Shop


class Logged(socketserver.BaseRequestHandler):
    def handle(self):
        name = self.request.recv(100).decode()
        try:
            print("serving", name)
        finally:
            sys.stdout.flush()
        self.request.sendall(b"done")


def run(server):
    print("the shop is open")
    sys.stdout.flush()
    server.serve_forever()

# %% 07.4 tuples
told = (1, 1, 1, 0)
printed = (1, 0, 3, 2, 1, 2)
zombies = (3, 0)
after_fork = (1, False, True)

# %% 07.4 put together
told = 3 * [1] + [0]
as_it_is, handler_flushes, both_flush = [1, 0], [3, 2], [1, 2]
printed = as_it_is + handler_flushes + both_flush
zombies = [3, 3 - 3]
after_fork = [1] + [False, True]

# %% 07.4 counted
told = [0 + 1 for child in range(3)]
told.append(0)
printed = [int(digit) for digit in "103212"]
zombies = list((3, 0))
after_fork = [1, *(who == "parent" for who in ("child", "parent"))]

# %% 07.4 four plain lists
told = [1, 1, 1, 0]
printed = [1, 0, 3, 2, 1, 2]
zombies = [3, 0]
after_fork = [1, False, True]

# %% 07.4 put together, with the reasons
each_child_adds_one_to_its_own_copy = [0 + 1] * 3
parent = 0
told = each_child_adds_one_to_its_own_copy + [parent]

as_it_is = [1, 0]              # os._exit flushes nothing, the parent's end does
flush_in_handler = [1 + 2, 2]  # each child writes its copy of "ready", too
flush_in_both = [1, 2]
printed = [*as_it_is, *flush_in_handler, *flush_in_both]

zombies = [3]      # who would have asked? handle_request doesn't
zombies += [0]

after_fork = [1]
after_fork.extend([False, True])

# %% 07.4 computed by comprehension and range
clients = range(3)
told = list(map(lambda client: 1, clients)) + [0]
printed = [
    int(count)
    for pair in "1,0 3,2 1,2".split()
    for count in pair.split(",")
]
zombies = [len(clients), len([])]
threads, child_gets_it, parent_gets_it = 1, False, True
after_fork = [threads, child_gets_it, parent_gets_it]
