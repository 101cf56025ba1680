# ruff: noqa
# fmt: off
# Right answers, written from the tasks' text, each as its author would have it.

# %% 06.1 waits in process_request, and looks at a flag
class BoundedThreadingMixIn(ThreadingMixIn):
    max_threads = 8

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.free = threading.BoundedSemaphore(self.max_threads)
        self.stopping = False

    def serve_forever(self, *args, **kwargs):
        self.stopping = False
        super().serve_forever(*args, **kwargs)

    def shutdown(self):
        self.stopping = True
        super().shutdown()

    def process_request(self, request, client_address):
        while not self.free.acquire(timeout=0.2):
            if self.stopping:
                self.shutdown_request(request)
                return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self.free.release()
            raise

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.free.release()

# %% 06.1 a count and a Condition, in the method of chapter 02
class BoundedThreadingMixIn(ThreadingMixIn):
    """Leaves the client in the backlog until the count allows one more."""

    max_threads = 8

    def __init__(self, *args, **kwargs):
        self._at_work = 0
        self._changed = threading.Condition()
        super().__init__(*args, **kwargs)

    def _handle_request_noblock(self):
        with self._changed:
            if not self._changed.wait_for(lambda: self._at_work < self.max_threads, 0.05):
                return
        super()._handle_request_noblock()

    def process_request(self, request, client_address):
        with self._changed:
            self._at_work += 1
        try:
            super().process_request(request, client_address)
        except RuntimeError:
            self._leave()
            raise

    def process_request_thread(self, *job):
        try:
            super().process_request_thread(*job)
        finally:
            self._leave()

    def _leave(self):
        with self._changed:
            self._at_work -= 1
            self._changed.notify()

# %% 06.1 requests that wait in a deque, and a thread that takes the next one along
from collections import deque


class BoundedThreadingMixIn(ThreadingMixIn):
    max_threads = 8

    def __init__(self, *args, **kwargs):
        self.lock = threading.Lock()
        self.waiting = deque()
        self.running = 0
        super().__init__(*args, **kwargs)

    def process_request(self, request, client_address):
        with self.lock:
            if self.running >= self.max_threads:
                self.waiting.append((request, client_address))
                return
            self.running += 1
        super().process_request(request, client_address)

    def process_request_thread(self, request, client_address):
        job = request, client_address
        try:
            while job:
                try:
                    super().process_request_thread(*job)
                except BaseException as error:
                    print("a handler has ended with", repr(error))
                with self.lock:
                    job = self.waiting.popleft() if self.waiting else None
                    if job is None:
                        self.running -= 1
        finally:
            if job:
                with self.lock:
                    self.running -= 1

# %% 06.1 a pool with a queue
import queue
from weakref import WeakSet


class BoundedThreadingMixIn(ThreadingMixIn):
    max_threads = 8

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.jobs = queue.Queue()
        self.pool = []

    def process_request(self, request, client_address):
        self.jobs.put((request, client_address))
        if len(self.pool) < self.max_threads:
            worker = threading.Thread(target=self.work, daemon=self.daemon_threads)
            self.pool.append(worker)
            if self.block_on_close and not self.daemon_threads:
                vars(self).setdefault("_threads", WeakSet()).add(worker)
            worker.start()

    def work(self):
        while (job := self.jobs.get()) is not None:
            try:
                self.process_request_thread(*job)
            except BaseException:
                pass

    def server_close(self):
        for _ in self.pool:
            self.jobs.put(None)
        super().server_close()

# %% 06.1 tokens in a queue, and the goodbye
import queue


class BoundedThreadingMixIn(ThreadingMixIn):
    max_threads: int = 8
    _tokens: "queue.SimpleQueue[object] | None" = None

    def get_request(self):
        if self._tokens is None:
            self._tokens = queue.SimpleQueue()
            for number in range(self.max_threads):
                self._tokens.put(number)
        try:
            token = self._tokens.get(timeout=0.02)
        except queue.Empty:
            raise BlockingIOError("the house is full") from None
        try:
            return super().get_request()
        except BaseException:
            self._tokens.put(token)
            raise

    def close_request(self, request):
        try:
            super().close_request(request)
        finally:
            self._tokens.put(object())

# %% 06.1 counts the threads it has, and pauses in service_actions
class BoundedThreadingMixIn(ThreadingMixIn):
    max_threads = 8

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._book = threading.Lock()
        self._mine = set()

    def _is_full(self):
        with self._book:
            self._mine = {thread for thread in self._mine if thread.is_alive()}
            return len(self._mine) >= self.max_threads

    def get_request(self):
        if self._is_full():
            threading.Event().wait(0.05)
            if self._is_full():
                raise OSError("no room")
        return super().get_request()

    def process_request_thread(self, request, client_address):
        with self._book:
            self._mine.add(threading.current_thread())
            self._arrived.set()
        super().process_request_thread(request, client_address)

    def process_request(self, request, client_address):
        self._arrived = threading.Event()
        super().process_request(request, client_address)
        self._arrived.wait()

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

# %% 06.2 the handler counts under the lock of the server
class Theatre(socketserver.ThreadingMixIn, socketserver.TCPServer):
    sold = 0
    seats = 5

    def __init__(self, *args, **kwargs):
        self.lock = threading.Lock()
        super().__init__(*args, **kwargs)


class TicketWindow(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.recv(4096)
        with self.server.lock:
            if self.server.sold < self.server.seats:
                self.server.sold += 1
                text = f"seat {self.server.sold}"
            else:
                text = "sold out"
        self.request.sendall(f"HTTP/1.0 200 OK\r\n\r\n{text}".encode())

# %% 06.2 ThreadingTCPServer, a synchronized method, StreamRequestHandler, daemons
import functools


def one_at_a_time(method):
    """Who is first? The one with the key."""

    @functools.wraps(method)
    def guarded(self, *args):
        with self.key:
            return method(self, *args)

    return guarded


class Theatre(socketserver.ThreadingTCPServer):
    daemon_threads = True
    seats = 5

    def __init__(self, server_address, handler, bind_and_activate=True):
        self.key = threading.RLock()
        self.sold = 0
        super().__init__(server_address, handler, bind_and_activate)

    @one_at_a_time
    def sell(self):
        """Return the number of the next free seat, or None."""
        number = self.sold + 1
        if number > self.seats:
            return None
        self.sold = number
        return number


class TicketWindow(socketserver.StreamRequestHandler):
    def handle(self):
        if not self.rfile.readline():
            return  # came, said nothing, went: no seat?  No seat.
        number = self.server.sell()
        page = "sold out" if number is None else (
            "seat %d"
            % number
        )
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + page.encode("ascii"))

# %% 06.2 lock made in server_activate, acquire and release, match, helper for the page
def page(text: str) -> bytes:
    return "\r\n".join(["HTTP/1.0 200 OK", "", text]).encode()


class Theatre(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """sold out of seats?"""

    sold: int = 0
    seats: int = 5

    def server_activate(self) -> None:
        self._box_office = threading.Lock()
        super().server_activate()

    def next_ticket(self) -> str:
        self._box_office.acquire()
        try:
            match self.sold:
                case taken if taken >= self.seats:
                    return "sold out"
                case taken:
                    self.sold = taken + 1
                    return f"seat {taken + 1}"
        finally:
            self._box_office.release()


class TicketWindow(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        if self.request.recv(1 << 16):
            self.request.sendall(page(self.server.next_ticket()))

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
from socketlab.notebook.running import running

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

# %% 06.3 daemons, a counter under a lock, visit waits for its own well-behaved visitors
class Desk(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True

    def __init__(self, *args, **kwargs):
        self.lock = threading.Lock()
        self.visitors = 0
        super().__init__(*args, **kwargs)


class Greeter(socketserver.BaseRequestHandler):
    def handle(self):
        name = self.request.recv(100).decode()
        with self.server.lock:
            self.server.visitors += 1
            number = self.server.visitors
        self.request.sendall(f"{name}, you are visitor {number}".encode())


def visit(names):
    """Open a desk, let these visitors come one after the other, and return the answers."""
    with Desk(("127.0.0.1", 0), Greeter) as server:
        server.daemon_threads = False  # these visitors hang up: the end of the with block waits for their threads
        loop = threading.Thread(target=server.serve_forever)
        loop.start()
        try:
            return [ask(server.server_address, name) for name in names]
        finally:
            server.shutdown()
            loop.join()

# %% 06.3 own crew of daemons, closing hangs up on the silent, numbers by arrival
from contextlib import contextmanager, suppress
from itertools import count


class Desk(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Who is at the desk? `crew` knows: each thread, and the connection that it serves."""

    def __init__(self, address, handler):
        self.crew = {}
        self.numbers = {}
        self.next_number = count(1)
        super().__init__(address, handler)

    def process_request(self, request, client_address):
        # Only the loop comes here, so no lock is needed.
        self.crew = {thread: line for thread, line in self.crew.items() if thread.is_alive()}
        self.numbers[request] = next(self.next_number)
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self.crew[thread] = request
        thread.start()

    def shutdown_request(self, request):
        self.numbers.pop(request, None)
        super().shutdown_request(request)

    def server_close(self):
        super().server_close()
        for thread, line in self.crew.items():
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=1)


class Greeter(socketserver.BaseRequestHandler):
    def handle(self):
        number = self.server.numbers[self.request]
        if name := self.request.recv(100).decode():
            self.request.sendall(f"{name}, you are visitor {number}".encode())


@contextmanager
def at_work(server):
    loop = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    loop.start()
    try:
        yield server.server_address
    finally:
        server.shutdown()
        loop.join()
        server.server_close()


def visit(names):
    """Open a desk, let these visitors come one after the other, and return the answers."""
    with at_work(Desk(("127.0.0.1", 0), Greeter)) as address:
        return [ask(address, name) for name in names]

# %% 06.3 select and an Event end the silence
import select


class Desk(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True

    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        self.closing_time = threading.Event()
        self._count = 0
        self._count_lock = threading.Lock()
        super().__init__(server_address, RequestHandlerClass, bind_and_activate)

    def next_number(self) -> int:
        with self._count_lock:
            self._count += 1
            return self._count

    def serve_forever(self, poll_interval=0.1):
        try:
            super().serve_forever(poll_interval)
        finally:
            self.closing_time.set()  # Ctrl-C comes past here, too

    def server_close(self):
        self.closing_time.set()
        super().server_close()


class Greeter(socketserver.BaseRequestHandler):
    def has_spoken(self) -> bool:
        """Wait for a word. Will there be one, or is it closing time?"""
        while True:
            readable, _, _ = select.select([self.request], [], [], 0.1)
            if readable:
                return True
            if self.server.closing_time.is_set():
                return False

    def handle(self):
        if not self.has_spoken():
            return
        name = self.request.recv(100).decode()
        number = self.server.next_number()
        self.request.sendall(f"{name}, you are visitor {number}".encode())


def visit(names):
    """Open a desk, let these visitors come one after the other, and return the answers."""
    answers = []
    server = Desk(("127.0.0.1", 0), Greeter)
    loop = threading.Thread(target=server.serve_forever)
    loop.start()
    try:
        for name in names:
            answers.append(ask(server.server_address, name))
    finally:
        server.shutdown()
        loop.join()
        server.server_close()
    return answers

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

# %% 06.4 plain
first_answers = ["slow", "quick", "slow", "slow"]
threads_at_work = [12, 12]
shutdown_returns = [False, True, True]
close_returns = [False, True, True]
program_ends = [False, False, True]

# %% 06.4 computed from a small theory of threads
def who(threads, one_lock):
    return "quick" if threads and not one_lock else "slow"


clients = 12
first_answers = [who(*case) for case in [(False, False), (True, False), (False, False), (True, True)]]
threads_at_work = [clients for request_queue_size in (1, 5)]
# Is the handler in the thread of the loop? Then shutdown() waits for itself.
shutdown_returns = [not in_the_loop for in_the_loop in (True, False, False)]

switches = [dict(block=True, daemon=False), dict(block=False, daemon=False), dict(block=True, daemon=True)]
close_returns = [s["daemon"] or not s["block"] for s in switches]
program_ends = [s["daemon"] for s in switches]

# %% 06.4 strings split, tuples in place of lists
first_answers = tuple("slow quick slow slow".split())
threads_at_work = (12,) * 2
shutdown_returns = False, True, True
close_returns = False, True, True
program_ends = (
    25
    % 5 == 1,
    False,
    True,
)
