# ruff: noqa
# fmt: off
# Right answers, written from the tasks' text, each as its author would have it.

# %% 02.1 a queue, a pipe, and late rings
import os
import queue
from contextlib import suppress

class JobServer(BaseServer):
    def __init__(self, work):
        super().__init__("a queue", work)
        self.queue = queue.Queue()
        self.closed = False
        self.r, self.w = os.pipe()
        os.set_blocking(self.r, False)
        os.set_blocking(self.w, False)

    def ring(self):
        try:
            os.write(self.w, b"!")
        except BlockingIOError:
            pass

    def put(self, job):
        if self.closed:
            raise RuntimeError("closed")
        f = Future()
        self.queue.put((job, f))
        self.ring()
        return f

    def fileno(self):
        return self.r

    def get_request(self):
        with suppress(BlockingIOError):
            os.read(self.r, 65536)
        try:
            job, f = self.queue.get_nowait()
        except queue.Empty:
            raise OSError("nothing there")
        if not self.queue.empty():
            self.ring()
        return job, f

    def verify_request(self, job, future):
        return future.set_running_or_notify_cancel()

    def finish_request(self, job, future):
        future.set_result(self.RequestHandlerClass(job))

    def handle_error(self, job, future):
        future.set_exception(sys.exception())

    def server_close(self):
        self.closed = True
        while not self.queue.empty():
            job, f = self.queue.get()
            f.cancel()
        os.close(self.r)
        os.close(self.w)

# %% 02.1 a class for the bell, and the rest in process_request
class Bell:
    """Up or down; up is readable."""

    def __init__(self):
        self.inside, self.outside = socket.socketpair()
        self.is_up = False

    def set(self, up):
        if up and not self.is_up:
            self.outside.sendall(b"\0")
        elif self.is_up and not up:
            self.inside.recv(1)
        self.is_up = up

    def close(self):
        for end in self.inside, self.outside:
            end.close()


class JobServer(BaseServer):
    """Who waits? Whoever has a future."""

    def __init__(self, work):
        super().__init__("a queue", work)
        self.work = work
        self.jobs: list[tuple[object, Future]] = []
        self.lock = threading.RLock()
        self.bell = Bell()
        self.fileno = self.bell.inside.fileno

    def put(self, job: object) -> Future:
        with self.lock:
            self.bell.set(True)
            self.jobs.append((job, Future()))
            return self.jobs[-1][1]

    def get_request(self):
        with self.lock:
            first, *self.jobs = self.jobs
            self.bell.set(len(self.jobs) > 0)
            return first

    def process_request(self, job, future):
        if not future.set_running_or_notify_cancel():
            return
        try:
            answer = self.work(job)
        except Exception as problem:
            future.set_exception(problem)
        else:
            future.set_result(answer)

    def server_close(self):
        with self.lock:
            while self.jobs:
                self.jobs.pop()[1].cancel()
            self.bell.close()
            self.bell.is_up = False

# %% 02.1 functions put on at the end
class JobServer(BaseServer):
    def __init__(self, work):
        super().__init__("a queue", work)
        self.jobs, self.guard = deque(), threading.Condition()
        self.ends = socket.socketpair()
        self.open = True

    def fileno(self): return self.ends[0].fileno()
    def verify_request(self, job, future): return future.set_running_or_notify_cancel()
    def finish_request(self, job, future): future.set_result(self.RequestHandlerClass(job))
    def handle_error(self, job, future): future.set_exception(sys.exc_info()[1])

def put(self, job):
    self.guard.acquire()
    try:
        if not self.open:
            raise ValueError("put() on a closed server")
        future = Future()
        self.jobs.append((job, future))
        if len(self.jobs) == 1:
            self.ends[1].send(b"1")
    finally:
        self.guard.release()
    return future

def get_request(self):
    self.guard.acquire()
    pair = self.jobs.popleft()
    if len(self.jobs) == 0:
        self.ends[0].recv(16)
    self.guard.release()
    return pair

def server_close(self):
    with self.guard:
        self.open = False
        [future.cancel() for (job, future) in self.jobs]
        self.jobs = deque()
        [end.close() for end in self.ends]

for method in (put, get_request, server_close):
    setattr(JobServer, method.__name__, method)

# %% 02.1 the handler fills the future
class JobServer(BaseServer):
    def __init__(self, work):
        def handler(job, future, server):
            future.set_result(work(job))

        super().__init__("a queue", handler)
        self._jobs = deque()
        self._lock = threading.Lock()
        self._receiver, self._sender = socket.socketpair()
        self._receiver.setblocking(False)
        self._sender.setblocking(False)

    def _ring_if_jobs_wait(self):
        if self._jobs:
            try:
                self._sender.send(b"!")
            except BlockingIOError:
                pass

    def put(self, job):
        future = Future()
        with self._lock:
            self._jobs.append((job, future))
            self._ring_if_jobs_wait()
        return future

    def fileno(self):
        return self._receiver.fileno()

    def get_request(self):
        with self._lock:
            self._receiver.recv(4096)
            request = self._jobs.popleft()
            self._ring_if_jobs_wait()
        return request

    def verify_request(self, job, future):
        return future.set_running_or_notify_cancel()

    def handle_error(self, job, future):
        future.set_exception(sys.exception())

    def server_close(self):
        with self._lock:
            for job, future in self._jobs:
                future.cancel()
            self._jobs.clear()
            self._receiver.close()
            self._sender.close()

# %% 02.1 ExitStack, and a future that is asked first
from contextlib import ExitStack

class JobServer(BaseServer):
    """Does jobs that other threads put in; `work(job)` does one."""

    def __init__(self, work):
        super().__init__("a queue", work)
        self.jobs = deque()
        self.lock = threading.Lock()
        with ExitStack() as stack:
            self.bell, self.button = [stack.enter_context(end) for end in socket.socketpair()]
            self.everything = stack.pop_all()

    def put(self, job):
        """Let a job wait for its turn; return the future that will have its result."""
        future = Future()
        pair = job, future
        with self.lock:
            if not self.jobs:
                self.button.sendall(b"job")
            self.jobs.append(pair)
        return future

    def fileno(self):
        return self.bell.fileno()

    def get_request(self):
        with self.lock:
            pair = self.jobs.popleft()
            if not self.jobs:
                self.bell.recv(3, socket.MSG_WAITALL)
        return pair

    def verify_request(self, job, future):
        return not future.cancelled() and super().verify_request(job, future)

    def finish_request(self, job, future):
        if future.set_running_or_notify_cancel():
            future.set_result(self.RequestHandlerClass(job))

    def handle_error(self, job, future):
        _, error, _ = sys.exc_info()
        future.set_exception(error)

    def server_close(self):
        with self.lock, self.everything:
            while len(self.jobs) > 0:
                _, future = self.jobs.popleft()
                future.cancel()

# %% 02.1 typed, with a match and a priority queue
import heapq
from itertools import count


class JobServer(BaseServer):
    numbers = count()

    def __init__(self, work) -> None:
        super().__init__("a queue", work)
        self.heap: list[tuple[int, object, Future]] = []
        self.access = threading.Semaphore()
        bell: socket.socket
        bell, self.button = socket.socketpair()
        self.bell = bell
        self.state = "open"

    def put(self, job) -> Future:
        with self.access:
            match self.state:
                case "closed":
                    raise RuntimeError(
                        "Who is to do this job?"
                    )
                case _:
                    future: Future = Future()
                    heapq.heappush(self.heap, (next(self.numbers), job, future))
                    if len(self.heap) == 1:
                        self.button.send(b"x")
                    return future

    def fileno(self) -> int:
        return self.bell.fileno()

    def get_request(self) -> tuple[object, Future]:
        with self.access:
            _, job, future = heapq.heappop(self.heap)
            if not self.heap:
                self.bell.recv(1)
        return job, future

    def verify_request(self, job, future) -> bool:
        return future.set_running_or_notify_cancel()

    def finish_request(self, job, future) -> None:
        result = self.RequestHandlerClass(job)
        future.set_result(result)

    def handle_error(self, job, future) -> None:
        future.set_exception(sys.exception())

    def server_close(self) -> None:
        super().server_close()
        with self.access:
            self.state = "closed"
            for _, _, future in self.heap:
                future.cancel()
            self.heap.clear()
        self.bell.close()
        self.button.close()

# %% 02.2 everything in the server
def page(request, client_address, server):
    data = request.recv(1024)
    number = server.count()
    lines = ["HTTP/1.0 200 OK", "", "visitor %d" % number]
    request.sendall("\r\n".join(lines).encode("ascii"))

class SmallHarbour(socketserver.TCPServer):
    limit = 3

    def __init__(self, *args, **kwargs):
        self.visitors = 0
        super().__init__(*args, **kwargs)

    def count(self):
        self.visitors += 1
        return self.visitors

    def verify_request(self, request, client_address):
        if self.visitors >= self.limit:
            return False
        return super().verify_request(request, client_address)

# %% 02.2 a file for the page
class SmallHarbour(socketserver.TCPServer):
    visitors: int = 0
    limit: int = 3

    def verify_request(self, request, client_address) -> bool:
        return not self.visitors >= self.limit

def page(request, client_address, server):
    with request.makefile("rwb", buffering=0) as f:
        f.read(65536)
        setattr(server, "visitors", server.visitors + 1)
        f.write(("HTTP/1.0 200 OK\r\n\r\nvisitor " + str(server.visitors)).encode())

# %% 02.2 the handler is a class
class page(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.recv(8192)
        self.server.visitors = self.server.visitors + 1
        self.request.send(b"HTTP/1.0 200 OK\r\n\r\nvisitor %i\r\n" % self.server.visitors)

class SmallHarbour(socketserver.TCPServer):
    visitors, limit = 0, 3
    verify_request = lambda self, *_: self.visitors < self.limit

# %% 02.2 class attributes and one function
def page(request, client_address, server):
    request.recv(4096)
    server.visitors += 1
    request.sendall(f"HTTP/1.0 200 OK\r\n\r\nvisitor {server.visitors}".encode())


class SmallHarbour(socketserver.TCPServer):
    visitors = 0
    limit = 3

    def verify_request(self, request, client_address):
        return self.visitors < self.limit

# %% 02.2 instance attribute, a property, percent formatting
ANSWER = "\r\n".join(["HTTP/1.0 200 OK", "", "visitor %d"])


class SmallHarbour(socketserver.TCPServer):
    """Is there a place left? If not, good night. And who counts?"""

    limit = 3

    def __init__(self, *args, **kwargs):
        self.visitors = 0
        super().__init__(*args, **kwargs)

    @property
    def is_full(self):
        return self.visitors >= self.limit

    def verify_request(self, request, client_address):
        if self.is_full:
            return False
        return super().verify_request(request, client_address)


def page(request, client_address, server):
    request.recv(65536)
    server.visitors += 1
    text = (
        ANSWER
        % server.visitors
    )
    request.sendall(text.encode("ascii"))

# %% 02.2 the handler is a class, with wfile
class page(socketserver.StreamRequestHandler):
    def handle(self):
        self.request.recv(2048)
        self.server.visitors = number = self.server.visitors + 1
        for line in (b"HTTP/1.0 200 OK", b""):
            self.wfile.write(line + b"\r\n")
        self.wfile.write(b"visitor " + str(number).encode())


class SmallHarbour(socketserver.TCPServer):
    visitors: int = 0
    limit: int = 3

    def verify_request(self, request, client_address) -> bool:
        match self.limit - self.visitors:
            case places if places > 0:
                return True
            case _:
                return False

# %% 02.3 with closing
from contextlib import closing

class Desk(socketserver.TCPServer):
    timeout = 0.1
    ticks = 0

    def service_actions(self):
        super().service_actions()
        self.ticks = self.ticks + 1

def obey(request, client_address, server):
    request.sendall(b"stopped")
    threading.Thread(target=server.shutdown, daemon=True).start()

def run(server, prepare, work):
    """Prepare, serve while work() is done, then stop. Errors go on to the caller."""
    try:
        prepare()
        loop = threading.Thread(target=server.serve_forever)
        loop.start()
        try:
            work()
        finally:
            server.shutdown()
            loop.join()
    finally:
        server.server_close()

# %% 02.3 a flag for what has begun
class Desk(socketserver.TCPServer):
    ticks = 0

    def service_actions(self):
        self.ticks += 1

def stop_later(server):
    return threading.Timer(0.05, server.shutdown)

def obey(request, client_address, server):
    stop_later(server).start()
    request.sendall(b"stopped")

def run(server, prepare, work):
    thread = None
    try:
        prepare()
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        return work()
    finally:
        if thread:
            server.shutdown()
            thread.join()
        server.server_close()

# %% 02.3 a stack of what is to be undone
from contextlib import ExitStack

class Desk(socketserver.TCPServer):
    timeout, ticks = 0.1, 0

    def service_actions(self):
        self.ticks += 1

class Stopper(threading.Thread):
    def __init__(self, server):
        threading.Thread.__init__(self)
        self.server = server

    def run(self):
        self.server.shutdown()

def obey(request, client_address, server):
    Stopper(server).start()
    request.sendall(b"stopped")

def run(server, prepare, work):
    with ExitStack() as undo:
        undo.callback(server.server_close)
        prepare()
        t = threading.Thread(target=server.serve_forever)
        t.start()
        undo.callback(t.join)
        undo.callback(server.shutdown)
        work()

# %% 02.3 with the server, a thread to shut down
class Desk(socketserver.TCPServer):
    ticks = 0

    def service_actions(self):
        self.ticks += 1


def obey(request, client_address, server):
    request.sendall(b"stopped")
    threading.Thread(target=server.shutdown).start()


def run(server, prepare, work):
    """Prepare, serve while work() is done, then stop. Errors go on to the caller."""
    with server:
        prepare()
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            work()
        finally:
            server.shutdown()
            thread.join()

# %% 02.3 ExitStack and a Timer
from contextlib import ExitStack


class Desk(socketserver.TCPServer):
    timeout = 0.1
    ticks = 0

    def service_actions(self):
        super().service_actions()
        self.ticks += 1


def obey(request, client_address, server):
    """Who may stop the desk? Anybody. Who waits for it?"""
    try:
        request.sendall(b"stopped")
    finally:
        threading.Timer(0, server.shutdown).start()


def run(server, prepare, work):
    """Prepare, serve while work() is done, then stop. Errors go on to the caller."""
    with ExitStack() as cleanup:
        cleanup.callback(server.server_close)
        prepare()
        loop = threading.Thread(target=server.serve_forever, kwargs=dict(poll_interval=0.2))
        loop.start()
        # Last in, first out: shutdown, join, server_close. What if the loop has ended already? No harm.
        cleanup.callback(loop.join)
        cleanup.callback(server.shutdown)
        work()

# %% 02.3 contextmanager, a daemon thread, nested finally
from contextlib import contextmanager


def in_background(function, *args):
    thread = threading.Thread(target=function, args=args, daemon=True)
    thread.start()
    return thread


@contextmanager
def serving(server):
    loop = in_background(server.serve_forever, 0.1)
    try:
        yield
    finally:
        server.shutdown()
        loop.join()


class Desk(socketserver.TCPServer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.ticks = 0

    def service_actions(self):
        self.ticks = self.ticks + 1


def obey(request, client_address, server):
    in_background(server.shutdown)  # it waits for the loop, and the loop for us
    request.sendall(b"stopped")


def run(server, prepare, work):
    """Prepare, serve while work() is done, then stop. Errors go on to the caller."""
    try:
        prepare()
        with serving(server):
            work()
    finally:
        server.server_close()

# %% 02.4 built from pieces
begin = ["verify_request", "process_request", "finish_request", "handler"]
end = ["shutdown_request", "close_request"]
when_served = begin + end
when_turned_away = begin[:1] + end
when_it_fails = [*begin, "handle_error", *end]
time_outs = [1, 0]
who_returns = [True, False, False, False, True]

# %% 02.4 words in a string
when_served = "verify_request process_request finish_request handler shutdown_request close_request".split()
when_turned_away = "verify_request shutdown_request close_request".split()
when_it_fails = """verify_request process_request finish_request handler
                   handle_error shutdown_request close_request""".split()
time_outs = 1, 0
who_returns = tuple(letter == "y" for letter in "ynnny")

# %% 02.4 one after the other
when_served = list()
for name in ("verify_request", "process_request", "finish_request", "handler"):
    when_served.append(name)
when_it_fails = when_served.copy() + ["handle_error"]
for calls in (when_served, when_it_fails):
    calls.extend(["shutdown_request", "close_request"])
when_turned_away = ["verify_request"]; when_turned_away += when_served[-2:]
time_outs = [int(True), int(False)]
who_returns = [True] + 3 * [False] + [True]

# %% 02.4 plain literals
when_served = [
    "verify_request",
    "process_request",
    "finish_request",
    "handler",
    "shutdown_request",
    "close_request",
]
when_turned_away = ["verify_request", "shutdown_request", "close_request"]
when_it_fails = [
    "verify_request",
    "process_request",
    "finish_request",
    "handler",
    "handle_error",
    "shutdown_request",
    "close_request",
]
time_outs = [1, 0]
who_returns = [True, False, False, False, True]

# %% 02.4 built from a beginning and an end
begin, middle, end = (
    ["verify_request"],
    "process_request finish_request handler".split(),
    ["shutdown_request", "close_request"],
)
when_served = begin + middle + end
when_turned_away = begin + end
when_it_fails = [*begin, *middle, "handle_error", *end]
time_outs = [1] + [0]
who_returns = [question == 1 or question == 5 for question in range(1, 6)]

# %% 02.4 a filter over one long list
ALL_CALLS = (
    "verify_request",
    "process_request",
    "finish_request",
    "handler",
    "handle_error",
    "shutdown_request",
    "close_request",
)


def all_but(*missing):
    """Which calls are left when these are missing?"""
    return list(filter(lambda name: name not in missing, ALL_CALLS))


when_it_fails = all_but()
when_served = all_but("handle_error")
when_turned_away = all_but("process_request", "finish_request", "handler", "handle_error")
time_outs = list(map(int, (True, False)))
who_returns = list(
    {
        "another thread": True,
        "a handler": False,
        "service_actions": False,
        "never served, standard library": False,
        "never served, ours": True,
    }.values()
)
