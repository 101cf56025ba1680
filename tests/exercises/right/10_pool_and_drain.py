# ruff: noqa
# fmt: off
# Right answers, written from the tasks' text, each as its author would have it.

# %% 10.1 a drain that takes the backlog by handle_request
class Server(beyond.DrainMixIn, beyond.ThreadPoolMixIn, minisocketserver.TCPServer):
    pool_size = 2
    daemon_threads = True


def run(server, grace):
    def stop(number, frame):
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    server.serve_forever()
    server.queue_size = 1000
    server.timeout = 0
    for _ in range(server.request_queue_size + 1):
        server.handle_request()
    server.drain(grace)

# %% 10.1 the loop in a thread, the main thread waits for an event, _exit in the end
import os


class Server(beyond.DrainMixIn, beyond.ThreadPoolMixIn, minisocketserver.TCPServer):
    pool_size = 2

    def take_waiting(self):
        self.socket.setblocking(False)
        while True:
            try:
                request, address = self.get_request()
            except BlockingIOError:
                return
            request.setblocking(True)
            self.request_taken(request, address)
            self.process_request(request, address)


def run(server, grace):
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    loop = threading.Thread(target=server.serve_forever, daemon=True)
    loop.start()
    asked.wait()
    server.shutdown()
    server.take_waiting()
    cut = server.drain(grace)
    print("cut off:", cut)
    os._exit(0)

# %% 10.1 sigwait
class Server(beyond.DrainMixIn, beyond.ThreadPoolMixIn, minisocketserver.TCPServer):
    """Two threads; at the end whoever knocks now is let in."""
    pool_size, queue_size, daemon_threads = 2, 0, True

    def empty_the_backlog(self):
        self.queue_size = float("inf")
        with select.epoll() if hasattr(select, "epoll") else select.poll() as poll:
            poll.register(self.socket, 1)
            while poll.poll(0):
                super()._handle_request_noblock()


def run(server, grace):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    threading.Thread(target=server.serve_forever).start()
    signal.sigwait([signal.SIGTERM])
    server.shutdown()
    server.empty_the_backlog()
    server.drain(grace)

# %% 10.1 stop_serving in the handler, a class for the run
class Server(beyond.DrainMixIn, beyond.ThreadPoolMixIn, minisocketserver.TCPServer):
    pool_size = 2
    daemon_threads = True
    is_ending = False

    def _handle_request_noblock(self):
        if self.is_ending:
            minisocketserver.BaseServer._handle_request_noblock(self)
        else:
            super()._handle_request_noblock()


class Run:
    def __init__(self, server, grace):
        self.server, self.grace = server, grace
        signal.signal(signal.SIGTERM, self.on_signal)
        server.serve_forever()
        self.finish()

    def on_signal(self, *_):
        self.server.stop_serving()

    def finish(self):
        self.server.is_ending = True
        waiting = self.server.request_queue_size + 1
        while waiting and select.select([self.server], [], [], 0)[0]:
            self.server._handle_request_noblock()
            waiting -= 1
        self.server.drain(self.grace)


run = Run

# %% 10.1 the own loop goes on until the backlog is empty, then exit
import contextlib
import sys
import time


class Server(beyond.ThreadPoolMixIn, minisocketserver.TCPServer):
    pool_size = 2
    daemon_threads = True
    asked = False

    def service_actions(self):
        if self.asked and not select.select([self.socket], [], [], 0)[0]:
            self.stop_serving()

    def _handle_request_noblock(self):
        if self.asked:
            self.queue_size = 10_000
        super()._handle_request_noblock()


def run(server, grace):
    def ask(signum, frame):
        server.asked = True

    signal.signal(signal.SIGTERM, ask)
    server.serve_forever(0.02)
    server.socket.close()
    if not server.wait_until_closed(grace):
        for request, _ in list(server.open_requests.values()):
            with contextlib.suppress(OSError):
                request.shutdown(2)
        server.wait_until_closed(0.5)
    sys.exit(0)

# %% 10.1 an executor, guests in a set, everything by hand
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor


class Server(minisocketserver.ThreadingMixIn, minisocketserver.TCPServer):
    places = 2

    def __init__(self, *args):
        self.executor = ThreadPoolExecutor(self.places)
        self.guests: set = set()
        self.everyone = False
        super().__init__(*args)

    def _handle_request_noblock(self):
        if self.everyone or len(self.guests) < self.places:
            super()._handle_request_noblock()
        else:
            time.sleep(0.01)

    def process_request(self, request, client_address):
        self.guests.add(request)
        self.executor.submit(self.process_request_thread, request, client_address)

    def close_request(self, request):
        super().close_request(request)
        self.guests.discard(request)


def run(server, grace):
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(0.05)
    end = time.monotonic() + grace
    server.everyone = True
    while select.select([server.socket], [], [], 0)[0]:
        server._handle_request_noblock()
    server.socket.close()
    while server.guests and time.monotonic() < end:
        time.sleep(0.01)
    for guest in list(server.guests):
        try:
            guest.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
    os._exit(0)

# %% 10.2 a list of threads, and None to end
class ThreadPoolMixIn(OpenRequestsMixIn, minisocketserver.ThreadingMixIn):
    pool_size = 8
    queue_size = 0

    def __init__(self, *args, **kwargs):
        self.pool = []
        self.queue = queue.SimpleQueue()
        super().__init__(*args, **kwargs)

    def _handle_request_noblock(self):
        most = self.pool_size + self.queue_size
        if self.wait_until_closed(0.01, left=most - 1):
            super()._handle_request_noblock()

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

# %% 10.2 jobs as functions
from contextlib import suppress
from functools import partial

class ThreadPoolMixIn(OpenRequestsMixIn, minisocketserver.ThreadingMixIn):
    """Put before a server class among the bases, at most `pool_size` threads serve at once."""
    pool_size, queue_size = 8, 0

    def __init__(self, *args, **kwargs):
        self.pool = []
        self.queue = queue.SimpleQueue()
        super().__init__(*args, **kwargs)

    def _handle_request_noblock(self):
        if len(self.open_requests) - self.queue_size < self.pool_size:
            return super()._handle_request_noblock()
        self.wait_until_closed(0.02, self.pool_size + self.queue_size - 1)

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

# %% 10.2 a class for a worker
import time
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

    def _handle_request_noblock(self):
        if len(self.open_requests) >= self.pool_size + self.queue_size:
            time.sleep(0.005)
            return
        super()._handle_request_noblock()

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

# %% 10.2 a thread for each of the first requests, one None for each thread
class ThreadPoolMixIn(OpenRequestsMixIn, minisocketserver.ThreadingMixIn):
    """Put before a server class among the bases, at most `pool_size` threads serve at once."""

    pool_size = 8
    queue_size = 0

    def __init__(self, *args, **kwargs):
        self.pool = []
        self.queue = queue.SimpleQueue()
        super().__init__(*args, **kwargs)

    def _handle_request_noblock(self):
        if not self.wait_until_closed(0.05, self.pool_size + self.queue_size - 1):
            return None
        return super()._handle_request_noblock()

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

# %% 10.2 all threads at the first request, iter with a sentinel, suppress, one sentinel handed on
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

    def _handle_request_noblock(self):
        room = self.pool_size + self.queue_size
        free = self.wait_until_closed(timeout=0.01, left=room - 1)
        if free:
            super()._handle_request_noblock()

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

# %% 10.2 jobs are closures, threads only as needed, typed
import time
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

    def _handle_request_noblock(self) -> None:
        end = time.monotonic() + 0.01
        while len(self.open_requests) >= self._limit:
            if time.monotonic() > end:
                return
            self.wait_until_closed(0.002, left=self._limit - 1)
        super()._handle_request_noblock()

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

# %% 10.3 tuples
taken = (9, 9, 3, 5)
at_the_door = ("s", "s", "w", "w", "n")
at_the_end = ("c", "c", "r", "r")

# %% 10.3 sums
taken = [9, 9, 3, 3 + 2]
at_the_door = 2 * ["s"] + 2 * ["w"] + ["n"]
at_the_end = ["c"] * (1 + 1) + ["r"] * 2

# %% 10.3 lists of texts
taken = [*map(int, "9935")]
at_the_door = list("sswwn")
at_the_end = list("ccrr")

# %% 10.3 all at once
taken, at_the_door, at_the_end = [9, 9, 3, 5], "s s w w n".split(), "c c r r".split()

# %% 10.3 named
EVERYONE, POOL, QUEUE = 9, 3, 2
taken = [EVERYONE, EVERYONE, POOL, POOL + QUEUE]
SERVED, WAITS, NOT_CONNECTED, CUT, RESET = "swncr"
at_the_door = [SERVED, SERVED, WAITS, WAITS, NOT_CONNECTED]
at_the_end = [CUT, CUT, RESET, RESET]

# %% 10.3 computed
clients = range(1, 10)
taken = [len(clients), len(clients), min(3, len(clients)), min(3 + 2, len(clients))]
at_the_door = ["s" if n <= 2 else "w" if n <= 4 else "n" for n in range(1, 6)]
at_the_end = ["c" if n <= 2 else "r" for n in range(1, 5)]
