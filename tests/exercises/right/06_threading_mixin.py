# ruff: noqa
# fmt: off
# Right answers, written from the tasks' text, each as its author would have it.

# %% 06.1 a set that each thread leaves by itself
class ThreadingMixIn:
    daemon_threads = False
    block_on_close = True
    _threads = ()

    def process_request(self, request, client_address):
        t = threading.Thread(target=self.process_request_thread, args=(request, client_address),
                             daemon=self.daemon_threads)
        if self.block_on_close and not self.daemon_threads:
            if not isinstance(self._threads, set):
                self._threads = set()
            self._threads = {one for one in self._threads if one.is_alive()} | {t}
        t.start()

    def process_request_thread(self, request, client_address):
        try:
            try:
                self.finish_request(request, client_address)
            except Exception:
                self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)

    def server_close(self):
        super().server_close()
        for t in tuple(self._threads):
            t.join()

# %% 06.1 weak references, and a lock of the class
class ThreadingMixIn:
    """Handle each request in a thread of its own."""
    daemon_threads = False
    block_on_close = True
    _threads = ()

    @property
    def _waits(self):
        return self.block_on_close and not self.daemon_threads

    def process_request(self, request, client_address):
        worker = threading.Thread(None, self.process_request_thread, None, (request, client_address))
        worker.daemon = bool(self.daemon_threads)
        if self._waits:
            if "_threads" not in self.__dict__:
                self._threads = WeakSet()
            self._threads.add(worker)
        worker.start()

    def process_request_thread(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except Exception as e:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)

    def server_close(self):
        super(ThreadingMixIn, self).server_close()
        if not self._waits:
            return
        for worker in list(self._threads):
            worker.join()

# %% 06.1 a thread class that forgets itself
class _Request(threading.Thread):
    def __init__(self, server, request, client_address):
        super().__init__(daemon=server.daemon_threads)
        self.call = server.process_request_thread, request, client_address
        self.server = server

    def run(self):
        method, *args = self.call
        method(*args)
        known = self.server._threads
        if known:
            known.discard(self)

class ThreadingMixIn:
    daemon_threads, block_on_close, _threads = False, True, ()

    def process_request(self, request, client_address):
        one = _Request(self, request, client_address)
        if self.block_on_close and not self.daemon_threads:
            if not self._threads and not isinstance(self._threads, set):
                self._threads = set()
            self._threads.add(one)
        one.start()

    def process_request_thread(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)

    def server_close(self):
        super().server_close()
        for one in [*self._threads]:
            one.join()

# %% 06.2 a method that sells
class Theatre(socketserver.ThreadingTCPServer):
    daemon_threads = True
    sold = 0
    seats = 5

    def __init__(self, *args, **kwargs):
        self._box_office = threading.Lock()
        super().__init__(*args, **kwargs)

    def sell(self):
        with self._box_office:
            sold = self.sold
            if sold >= self.seats:
                return None
            self.sold = sold + 1
            return sold + 1

class TicketWindow(socketserver.StreamRequestHandler):
    def handle(self):
        self.request.recv(4096)
        seat = self.server.sell()
        text = "sold out" if seat is None else f"seat {seat}"
        self.wfile.write(f"HTTP/1.0 200 OK\r\n\r\n{text}".encode())

# %% 06.2 acquire and release
class Theatre(socketserver.ThreadingMixIn, socketserver.TCPServer):
    sold, seats = 0, 5
    mutex = threading.RLock()

class TicketWindow(socketserver.BaseRequestHandler):
    HEAD = b"HTTP/1.0 200 OK\r\n\r\n"

    def handle(self):
        data = self.request.recv(1000)
        answer = b"sold out"
        self.server.mutex.acquire()
        try:
            if self.server.sold < self.server.seats:
                self.server.sold += 1
                answer = b"seat %d" % self.server.sold
        finally:
            self.server.mutex.release()
        self.request.sendall(self.HEAD + answer + b"\n")

# %% 06.2 a queue of seats
import queue

class Theatre(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    seats = 5
    sold = 0

    def server_activate(self):
        self.turn = threading.Condition()
        super().server_activate()

class TicketWindow(socketserver.StreamRequestHandler):
    def handle(self):
        self.connection.recv(65536)
        with self.server.turn:
            free = range(self.server.sold + 1, self.server.seats + 1)
            if free:
                self.server.sold = free[0]
        text = "seat " + str(free[0]) if free else "sold out"
        self.wfile.write(("HTTP/1.0 200 OK\r\n\r\n" + text + "\n").encode("latin-1"))

# %% 06.3 itertools counts
import itertools

class Desk(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, *args):
        self.numbers = itertools.count(1)
        super().__init__(*args)

class Greeter(socketserver.BaseRequestHandler):
    def handle(self):
        name = self.request.recv(100).decode()
        self.request.sendall(f"{name}, you are visitor {next(self.server.numbers)}".encode())

def visit(names):
    """Open a desk, let these visitors come one after the other, and return the answers."""
    desk = Desk(("127.0.0.1", 0), Greeter)
    loop = threading.Thread(target=desk.serve_forever, daemon=True)
    loop.start()
    answers = []
    try:
        for name in names:
            answers.append(ask(desk.server_address, name))
    finally:
        desk.shutdown()
        desk.server_close()
        loop.join()
    return answers

# %% 06.3 a lock in the server
class Desk(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    block_on_close = False
    visitors = 0

    def server_activate(self):
        self.lock = threading.Lock()
        super().server_activate()

    def next_number(self):
        with self.lock:
            self.visitors += 1
            return self.visitors

class Greeter(socketserver.BaseRequestHandler):
    def handle(self):
        name = str(self.request.recv(100), "utf-8")
        number = self.server.next_number()
        self.request.sendall("{}, you are visitor {}".format(name, number).encode())

def visit(names):
    with Desk(("", 0), Greeter) as server:
        threading.Thread(target=server.serve_forever).start()
        host, port = server.server_address
        try:
            return list(map(lambda name: ask(("127.0.0.1", port), name), names))
        finally:
            server.shutdown()

# %% 06.3 from the bench
from socketlab.running import running

class Desk(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True

    def verify_request(self, request, client_address):
        self.visitors = getattr(self, "visitors", 0) + 1
        self.tickets = getattr(self, "tickets", {})
        self.tickets[client_address] = self.visitors
        return True

class Greeter(socketserver.BaseRequestHandler):
    def handle(self):
        name = self.request.recv(100).decode()
        number = self.server.tickets.pop(self.client_address)
        self.request.sendall(f"{name}, you are visitor {number}".encode())

def visit(names):
    with running(Desk(("127.0.0.1", 0), Greeter)) as desk:
        return [ask(desk.server_address, one) for one in names]

# %% 06.4 tuples
first_answers = ("slow", "quick", "slow", "slow")
threads_at_work = (12, 12)
shutdown_returns = (False, True, True)
close_returns = (False, True, True)
program_ends = (False, False, True)

# %% 06.4 words
first_answers = "slow quick slow slow".split()
threads_at_work = [12] * 2
shutdown_returns, close_returns = [0 > 1, True, True], [not "waits", not "", not ""]
program_ends = [one == "daemon" for one in ("", "not blocked", "daemon")]

# %% 06.4 one after the other
first_answers = ["slow"] * 4
first_answers[1] = "quick"
clients = 12
threads_at_work = [clients, clients]
shutdown_returns = [True, True, True]; shutdown_returns[0] = False
close_returns = shutdown_returns[:]
program_ends = [False, False, True]
