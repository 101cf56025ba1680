"""Wrong answers to the exercises of chapter 10 are told what is wrong with them."""

import functools
import http.server
import io
import ipaddress
import queue
import socket
import socketserver
import ssl
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

import minisocketserver
from minisocketserver import beyond
from minisocketserver.beyond.open_requests import OpenRequestsMixIn
from socketlab import check

from .helpers import a_copy_of, impatient, message

Pool = a_copy_of(beyond.ThreadPoolMixIn)
TLS = a_copy_of(beyond.TLSMixIn)


class NoPool(OpenRequestsMixIn):
    pool_size, queue_size = 8, 0


class ThreadForEach(OpenRequestsMixIn, minisocketserver.ThreadingMixIn):
    pool_size, queue_size = 8, 0


class OwnLimit(ThreadForEach):
    """A thread for each, but no more than pool_size at once."""

    def has_capacity(self):
        return len(self.open_requests) < self.pool_size + self.queue_size


class Executor(ThreadForEach):
    """The famous recipe."""

    def process_request(self, request, client_address):
        if not hasattr(self, "executor"):
            self.executor = ThreadPoolExecutor(self.pool_size)
        self.executor.submit(self.process_request_thread, request, client_address)

    def server_close(self):
        super().server_close()
        if hasattr(self, "executor"):
            self.executor.shutdown()


class BacklogAsLimit(Executor):
    request_queue_size = 3

    def __init__(self, *args):
        type(self).request_queue_size = 3
        super().__init__(*args)


class QueueForgotten(Pool):
    def has_capacity(self):
        return len(self.open_requests) < self.pool_size


class OneMore(Pool):
    def has_capacity(self):
        return len(self.open_requests) <= self.pool_size + self.queue_size


class NeverHome(Pool):
    daemon_threads = True

    def server_close(self):
        minisocketserver.ThreadingMixIn.server_close(self)


class DoesNotWait(Pool):
    block_on_close = False


class Written(OpenRequestsMixIn, minisocketserver.ThreadingMixIn):
    """As the third hint has it."""

    pool_size, queue_size = 8, 0

    def __init__(self, *args, **kwargs):
        self.pool, self.queue = [], queue.SimpleQueue()
        super().__init__(*args, **kwargs)

    def has_capacity(self):
        return len(self.open_requests) < self.pool_size + self.queue_size

    def process_request(self, request, client_address):
        if len(self.pool) < self.pool_size:
            self.pool.append(threading.Thread(target=self.serve_queue))
            self.pool[-1].start()
        self.queue.put((request, client_address))

    def serve_queue(self):
        while (job := self.queue.get()) is not None:
            with suppress(BaseException):
                self.process_request_thread(*job)

    def server_close(self):
        for _ in self.pool:
            self.queue.put(None)
        super().server_close()
        for worker in self.pool:
            worker.join()


class DropsTheQueue(Written):
    def server_close(self):
        with suppress(queue.Empty):
            while True:
                self.queue.get_nowait()
        super().server_close()


class Dies(Written):
    def serve_queue(self):
        while (job := self.queue.get()) is not None:
            self.process_request_thread(*job)


class WaitsForOne(Written):
    def server_close(self):
        for _ in self.pool:
            self.queue.put(None)
        super(Written, self).server_close()
        for worker in self.pool[:1]:
            worker.join()


class ClosesInTheLoop(Written):
    """Closes the listener for each thread of the pool, and so never where there is none."""

    def server_close(self):
        for _ in self.pool:
            self.queue.put(None)
            super(Written, self).server_close()
        for worker in self.pool:
            worker.join()


BUILD = [
    pytest.param(WaitsForOne, "home", "when one of the two threads had ended", id="waits for one"),
    pytest.param(ClosesInTheLoop, "home", "no error, and the listener still", id="in the loop"),
    pytest.param(NoPool, "threads", "no pool at all", id="no pool"),
    pytest.param(ThreadForEach, "threads", "9 handlers at work", id="a thread for each"),
    pytest.param(OwnLimit, "threads", "one for each request?", id="new threads"),
    pytest.param(Executor, "taken", "what asks has_capacity()?", id="executor"),
    pytest.param(BacklogAsLimit, "taken", "the length of the backlog", id="learners-17"),
    pytest.param(QueueForgotten, "taken", "3 taken", id="queue forgotten"),
    pytest.param(OneMore, "taken", "4 taken", id="one more"),
    pytest.param(NeverHome, "home", "server_close() did not wait", id="never home"),
    pytest.param(DoesNotWait, "home", "did not wait for them", id="does not wait"),
    pytest.param(DropsTheQueue, "home", "1 of the three served", id="drops the queue"),
    pytest.param(Dies, "survives", "take the pool's thread with it?", id="dies"),
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("wrong, part, told", BUILD)
def test_a_wrong_pool_is_told_its_mistake(wrong, part, told, monkeypatch):
    impatient(monkeypatch)
    try:
        assert told in message("10.1", part, wrong)
    finally:
        for thread in threading.enumerate():
            if "serve_queue" in thread.name and hasattr(thread, "_target"):
                for_ever = getattr(thread._target, "__self__", None)
                if for_ever is not None:
                    getattr(for_ever, "queue", queue.SimpleQueue()).put(None)


class FromTheText(OpenRequestsMixIn, minisocketserver.ThreadingMixIn):
    """All threads at once at the start, a list and a condition for a queue."""

    pool_size = 8
    queue_size = 0

    def __init__(self, *args, **kwargs):
        self.jobs = []
        self.news = threading.Condition()
        self.closing = False
        self.threads = []
        super().__init__(*args, **kwargs)

    def has_capacity(self):
        return self.pool_size + self.queue_size > len(self.open_requests)

    def process_request(self, request, client_address):
        while len(self.threads) < self.pool_size:
            self.threads.append(threading.Thread(target=self.work))
            self.threads[-1].start()
        with self.news:
            self.jobs.append((request, client_address))
            self.news.notify()

    def work(self):
        while True:
            with self.news:
                self.news.wait_for(lambda: self.jobs or self.closing)
                if not self.jobs:
                    return
                job = self.jobs.pop(0)
            try:
                self.process_request_thread(*job)
            except SystemExit as leaving:
                print("a handler left:", leaving, file=sys.stderr)

    def server_close(self):
        super().server_close()
        with self.news:
            self.closing = True
            self.news.notify_all()
        for thread in self.threads:
            thread.join()


class PoliteExecutor(Executor):
    """The famous recipe, with a limit to what is taken."""

    def has_capacity(self):
        return len(self.open_requests) < self.pool_size + self.queue_size


class Numbered(Written):
    """Threads of their own class, and a condition to end them with."""

    class Worker(threading.Thread):
        def __init__(self, server):
            super().__init__(name="worker")
            self.server = server

        def run(self):
            for job in iter(self.server.queue.get, self.server):
                try:
                    self.server.process_request_thread(*job)
                except (SystemExit, KeyboardInterrupt):
                    continue

    def process_request(self, *job):
        if len(self.pool) != self.pool_size:
            worker = self.Worker(self)
            self.pool += [worker]
            worker.start()
        self.queue.put(job)

    def server_close(self):
        super(Written, self).server_close()
        for _ in self.pool:
            self.queue.put(self)
        while self.pool:
            self.pool.pop().join()


class Counting(Written):
    """The queue counts, and the last thread to go home wakes the others."""

    def serve_queue(self):
        while True:
            job = self.queue.get()
            if job is None:
                self.queue.put(None)
                return
            try:
                self.process_request_thread(*job)
            except BaseException as error:
                print("a handler left:", error)

    def server_close(self):
        super(Written, self).server_close()
        self.queue.put(None)
        for worker in self.pool:
            worker.join()


@pytest.mark.parametrize("right", [Pool, Written, FromTheText, PoliteExecutor, Numbered, Counting])
def test_a_right_pool_passes_in_any_style(right, capfd):
    check("10.1", right)
    printed, errors = capfd.readouterr()
    assert [line[:6] for line in printed.splitlines()] == ["✓ 10.1"] * 4
    assert errors == ""


class Wrapped:
    """Most recipes: wrap the listener, and no more."""

    handshake_timeout = 10.0

    def server_activate(self):
        super().server_activate()
        self.socket = self.ssl_context.wrap_socket(self.socket, server_side=True)


class InGetRequest:
    """Wraps each connection, and shakes hands at once."""

    handshake_timeout = 10.0

    def get_request(self):
        request, client_address = super().get_request()
        return self.ssl_context.wrap_socket(request, server_side=True), client_address


class InTheClear:
    handshake_timeout = 10.0


class NoLimit(TLS):
    def finish_request(self, request, client_address):
        request.do_handshake()
        super(TLS, self).finish_request(request, client_address)


class KeepsTheLimit(TLS):
    def finish_request(self, request, client_address):
        request.settimeout(self.handshake_timeout)
        request.do_handshake()
        super(TLS, self).finish_request(request, client_address)


class NoGoodbye(TLS):
    def shutdown_request(self, request):
        super(TLS, self).shutdown_request(request)


class WaitsForTheOther(TLS):
    def shutdown_request(self, request):
        with suppress(OSError, ValueError):
            request.unwrap()
        super(TLS, self).shutdown_request(request)


class Trips(TLS):
    def shutdown_request(self, request):
        request.setblocking(False)
        with suppress(ssl.SSLWantReadError, ssl.SSLSyscallError):
            request.unwrap()
        super(TLS, self).shutdown_request(request)


SECURE = [
    pytest.param(InTheClear, "encrypted", "SSL", id="in the clear"),
    pytest.param(KeepsTheLimit, "encrypted", "has the time limit 10", id="keeps the limit"),
    pytest.param(Wrapped, "silent", "The loop itself waits in do_handshake()", id="learners-15"),
    pytest.param(InGetRequest, "silent", "The loop itself waits in", id="learners-15-get"),
    pytest.param(NoLimit, "time limit", "still open after", id="no limit"),
    pytest.param(NoGoodbye, "goodbye", "without TLS's goodbye", id="no goodbye"),
    pytest.param(WaitsForTheOther, "goodbye", "waits for the client's", id="waits"),
    pytest.param(Trips, "goodbye", "never shook hands", id="trips"),
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("wrong, part, told", SECURE)
def test_a_wrong_encryption_is_told_its_mistake(wrong, part, told, monkeypatch):
    impatient(monkeypatch)
    assert told in message("10.2", part, wrong)


class WrapsLate:
    """Wraps each connection where the handler runs; the listener stays as it is."""

    handshake_timeout = 10.0

    def finish_request(self, request, client_address):
        before = request.gettimeout()
        request.settimeout(self.handshake_timeout)
        secure = self.ssl_context.wrap_socket(request.dup(), server_side=True)
        secure.settimeout(before)
        print("shook hands")
        try:
            super().finish_request(secure, client_address)
        finally:
            secure.setblocking(False)
            with suppress(OSError):
                secure.unwrap()
            secure.close()


class WrapsInGetRequest(TLS):
    def server_activate(self):
        super(TLS, self).server_activate()

    def get_request(self):
        request, client_address = super().get_request()
        secure = self.ssl_context.wrap_socket(
            request, server_side=True, do_handshake_on_connect=False
        )
        return secure, client_address


@pytest.mark.parametrize("right", [TLS, WrapsLate, WrapsInGetRequest])
def test_a_right_encryption_passes_in_any_style(right):
    check("10.2", right)


class WhoAmI(socketserver.StreamRequestHandler):
    def handle(self):
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + self.name().encode())

    def name(self):
        return self.client_address[0].removeprefix("::ffff:")


class Mapped(WhoAmI):
    def name(self):
        return self.client_address[0]


class InText(WhoAmI):
    def handle(self):
        while self.rfile.readline().strip():
            pass
        self.wfile.write("HTTP/1.0 200 OK\r\n\r\n" + self.name())


class OneRecv(WhoAmI):
    def handle(self):
        self.request.recv(1024)
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + self.name().encode())


class ToTheEnd(WhoAmI):
    def handle(self):
        self.rfile.read()
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + self.name().encode())


class Replaces(WhoAmI):
    def name(self):
        return self.client_address[0].replace("::ffff:", "")


class LastPart(WhoAmI):
    def name(self):
        before, old, number = self.client_address[0].rpartition("::ffff:")
        return number if old else before or number


def replies(head):
    """Return a handler that is right, but for the lines before its text."""

    class WhoAmI(socketserver.StreamRequestHandler):
        def handle(self):
            while self.rfile.readline().strip():
                pass
            self.wfile.write(head + self.client_address[0].removeprefix("::ffff:").encode())

    return WhoAmI


class Door(beyond.DualStackMixIn, socketserver.TCPServer):
    pass


class NewAlone(socketserver.TCPServer):
    address_family = socket.AF_INET6


class TooLate(NewAlone):
    def server_bind(self):
        super().server_bind()
        with suppress(OSError):
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)


class MixInLast(socketserver.TCPServer, beyond.DualStackMixIn):
    pass


dual = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")


@dual
@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param((WhoAmI, socketserver.TCPServer), "new", "IPv4 alone", id="learners-16"),
        pytest.param((WhoAmI, NewAlone), "both", "was it switched off", id="learners-16-option"),
        pytest.param((WhoAmI, TooLate), "both", "before bind?", id="learners-16-late"),
        pytest.param((WhoAmI, MixInLast), "new", "IPv4 alone", id="learners-11"),
        pytest.param((Mapped, Door), "both", "as it is mapped", id="mapped"),
        pytest.param((InText, Door), "new", "a bytes-like object", id="learners-7"),
        pytest.param((OneRecv, Door), "new", "the middle of the request", id="learners-3"),
        pytest.param((ToTheEnd, Door), "new", "TimeoutError", id="learners-20"),
        pytest.param((Replaces, Door), "both", "'2001:db81'", id="replaces"),
        pytest.param((LastPart, Door), "both", "'1'", id="last part"),
        pytest.param((replies(b"HTTP/1.0 200 OK\n\n"), Door), "new", "ended by \\n", id="bare"),
        pytest.param((replies(b"HTTP/1.0 200 OK\r\n\n"), Door), "new", "ended by \\n", id="half"),
        pytest.param(
            (replies(b"HTTP/1.0 200\r\n\r\n"), Door), "new", "the task says HTTP/1.0", id="200"
        ),
    ],
)
def test_a_wrong_door_is_told_its_mistake(answer, part, told, monkeypatch):
    impatient(monkeypatch)
    assert told in message("10.3", part, *answer)


class ByTheBook(socketserver.BaseRequestHandler):
    def handle(self):
        print("a caller", self.client_address)
        request = b""
        while b"\r\n\r\n" not in request:
            request += self.request.recv(10)
        address = ipaddress.ip_address(self.client_address[0])
        name = str(getattr(address, "ipv4_mapped", None) or address)
        self.request.sendall(
            f"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n{name}\n".encode("ascii")
        )


class OwnSocket(socketserver.ThreadingTCPServer):
    def __init__(self, address, handler):
        super().__init__(address, handler, bind_and_activate=False)
        self.socket.close()
        self.socket = socket.create_server(
            address, family=socket.AF_INET6, dualstack_ipv6=True, reuse_port=False
        )
        self.server_address = self.socket.getsockname()


def who_am_i(request, client_address, server):
    """A plain function that asks the connection, and looks for four numbers."""
    with request.makefile("rwb") as file:
        for line in file:
            if line in (b"\r\n", b"\n"):
                break
        address, *_ = request.getpeername()
        if "." in address:
            address = address.rsplit(":", 1)[-1]
        file.write(b"\r\n".join([b"HTTP/1.0 200 OK", b"", address.encode()]))


class WebHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        host = self.client_address[0]
        self.wfile.write(host[7:].encode() if host.startswith("::ffff:") else host.encode())


class InActivate(minisocketserver.ThreadingTCPServer):
    """Says what it wants as soon as there is a socket."""

    address_family = socket.AF_INET6
    daemon_threads = True

    def __init__(self, *args, **kwargs):
        super().__init__(*args, bind_and_activate=False, **kwargs)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.server_bind()
        self.server_activate()


@dual
@pytest.mark.parametrize(
    "answer",
    [
        (WhoAmI, Door),
        (ByTheBook, OwnSocket),
        (who_am_i, Door),
        (functools.partial(who_am_i), InActivate),
        (WebHandler, InActivate),
        (replies(b"HTTP/1.0 200 OK\r\n\r\n"), OwnSocket),
    ],
)
def test_a_right_door_passes_in_any_style(answer):
    check("10.3", *answer)


class Harbour(beyond.LimitsMixIn, beyond.DrainMixIn, minisocketserver.ThreadingTCPServer):
    max_connections = 3


class Logbook(beyond.LimitedStreamRequestHandler):
    max_line = 1000
    line_timeout = 0.2

    def handle(self):
        self.wfile.write(b"noted: " + self.rfile.readline())


def stop(server):
    return server.drain(0.2)


class BacklogOfThree(beyond.DrainMixIn, minisocketserver.ThreadingTCPServer):
    request_queue_size = 3


class LimitLast(minisocketserver.ThreadingTCPServer, beyond.LimitsMixIn):
    max_connections = 3


class Daemons(Harbour):
    daemon_threads = True


class FourIn(Harbour):
    max_connections = 4


class ThreeForEver(socketserver.ThreadingTCPServer):
    """Counts who comes, and not who goes."""

    daemon_threads = True
    come = 0

    def verify_request(self, request, client_address):
        self.come += 1
        return self.come <= 3


class Unlimited(socketserver.StreamRequestHandler):
    timeout = 0.2

    def handle(self):
        self.wfile.write(b"noted: " + self.rfile.readline())


class Cuts(Logbook):
    def handle(self):
        self.rfile = self.connection.makefile("rb")
        self.wfile.write(b"noted: " + self.rfile.readline(1000))


class TooShort(Logbook):
    max_line = 999


def waits(server):
    server.shutdown()
    server.server_close()
    return []


def tells_nothing(server):
    server.drain(0.2)


def at_once(server):
    return server.drain(0)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param((BacklogOfThree, Logbook, stop), "three", "all 5 served", id="learners-17"),
        pytest.param((LimitLast, Logbook, stop), "three", "and not first?", id="learners-11"),
        pytest.param((ThreeForEver, Logbook, stop), "three", "who has ever been?", id="for ever"),
        pytest.param((FourIn, Logbook, stop), "three", "4 of 5 served, 1 closed", id="four"),
        pytest.param((Harbour, Unlimited, stop), "slow", "with each byte", id="learners-14"),
        pytest.param((Harbour, Unlimited, stop), "long", "without a limit", id="long"),
        pytest.param((Harbour, Cuts, stop), "long", "cut and taken?", id="cuts"),
        pytest.param((Harbour, TooShort, stop), "long", "1,000 bytes are allowed", id="short"),
        pytest.param((Harbour, Logbook, waits), "stop", "the silent client?", id="waits"),
        pytest.param((Daemons, Logbook, waits), "stop", "[] from stop()", id="goes"),
        pytest.param((Harbour, Logbook, tells_nothing), "stop", "None from stop()", id="silent"),
        pytest.param((Harbour, Logbook, at_once), "stop", "given no time?", id="at once"),
    ],
)
def test_a_bug_left_in_is_named(answer, part, told, monkeypatch):
    impatient(monkeypatch)
    came = next(line for line in message("10.4", part, *answer).splitlines() if "Came:" in line)
    assert told in came


class ByHand(socketserver.ThreadingTCPServer):
    """Counts and ends by itself, with nothing of the library."""

    daemon_threads = True

    def __init__(self, *args):
        self.open = {}
        super().__init__(*args)

    def verify_request(self, request, client_address):
        return len(self.open) < 3

    def process_request(self, request, client_address):
        self.open[request] = client_address
        super().process_request(request, client_address)

    def close_request(self, request):
        self.open.pop(request, None)
        super().close_request(request)


def stop_by_hand(server):
    server.shutdown()
    server.socket.close()
    quiet = threading.Event()
    for _ in range(20):
        if server.open:
            quiet.wait(0.01)
    cut = list(server.open.items())
    for request, _ in cut:
        request.shutdown(socket.SHUT_RDWR)
    server.server_close()
    return [address for _, address in cut]


class LogbookByHand(socketserver.StreamRequestHandler):
    seconds = 0.2

    def handle(self):
        timer = threading.Timer(self.seconds, self.connection.shutdown, [socket.SHUT_RDWR])
        timer.start()
        line = self.rfile.readline(1001)
        timer.cancel()
        print(len(line))
        if line.endswith(b"\n") and len(line) <= 1000:
            with io.BytesIO(b"noted: " + line) as answer:
                self.wfile.write(answer.read())


class SlowByHand(LogbookByHand):
    seconds = 1.0


def stop_late(server):
    return server.drain(0.8)


@pytest.mark.parametrize(
    "answer, part, told",
    [
        ((Harbour, SlowByHand, stop), "slow", "an end after 1."),
        ((Harbour, Logbook, stop_late), "stop", "stop() took 0."),
    ],
)
def test_a_wrong_number_of_seconds_is_noticed(answer, part, told):
    """The check is patient enough to see the end, and does not take it for the right one."""
    assert told in message("10.4", part, *answer)


class LogbookWithAClock(socketserver.BaseRequestHandler):
    """Reads with recv, and looks at the clock before each."""

    def handle(self):
        end = time.monotonic() + 0.2
        line = bytearray()
        while b"\n" not in line:
            left = end - time.monotonic()
            if left <= 0 or len(line) > 1000:
                return
            self.request.settimeout(left)
            try:
                data = self.request.recv(1001 - len(line))
            except TimeoutError:
                return
            if not data:
                return
            line += data
        if len(line) <= 1000:
            self.request.sendall(b"noted: " + line)


class Semaphored(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A place for each of three, given back by the thread; the dictionary knows who is there."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, *args):
        self.places = threading.BoundedSemaphore(3)
        self.there = {}
        super().__init__(*args)

    def verify_request(self, request, client_address):
        return self.places.acquire(blocking=False)

    def process_request_thread(self, request, client_address):
        self.there[threading.get_ident()] = request, client_address
        try:
            super().process_request_thread(request, client_address)
        finally:
            del self.there[threading.get_ident()]
            self.places.release()


def stop_and_cut(server):
    server.shutdown()
    end = time.monotonic() + 0.2
    while server.there and time.monotonic() < end:
        time.sleep(0.005)
    addresses = []
    for request, address in tuple(server.there.values()):
        with suppress(OSError):
            request.shutdown(socket.SHUT_RDWR)
        addresses += [address]
    server.server_close()
    return addresses


@pytest.mark.parametrize(
    "answer",
    [
        (Harbour, Logbook, stop),
        (ByHand, LogbookByHand, stop_by_hand),
        (Semaphored, LogbookWithAClock, stop_and_cut),
        (Harbour, LogbookWithAClock, functools.partial(Harbour.drain, timeout=0.2)),
        (ByHand, Logbook, stop_by_hand),
        (Semaphored, LogbookByHand, stop_and_cut),
    ],
)
def test_a_mended_harbour_passes(answer):
    """With the library's parts, or by hand."""
    check("10.4", *answer)


def forecast(taken=(9, 9, 3, 5), door="sswwn", ended=(False, True, False)):
    return list(taken), list(door), list(ended)


@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(forecast([3, 9, 3, 5]), "taken", "limits the backlog", id="learners-17"),
        pytest.param(forecast([9, 3, 3, 5]), "taken", "queue has no end", id="executor"),
        pytest.param(forecast([9, 9, 9, 5]), "taken", "than it has threads for", id="pool"),
        pytest.param(forecast([9, 9, 3, 3]), "taken", "queue_size more", id="queue"),
        pytest.param(
            forecast(door="sswwr"), "at the door", "Linux refuses nobody", id="learners-18"
        ),
        pytest.param(forecast(door="sswnn"), "at the door", "one more wait", id="one more"),
        pytest.param(forecast(door="swwwn"), "at the door", "one is free", id="one thread"),
        pytest.param(forecast(door="ssnnn"), "at the door", "does the connecting", id="backlog"),
        pytest.param(forecast(ended=[1, 1, 0]), "cut off", "gives bool there", id="numbers"),
        pytest.param(
            forecast(ended=[True, True, False]), "cut off", "Each byte starts", id="learners-14"
        ),
        pytest.param(forecast(ended=[False, True, True]), "cut off", "reads no line", id="read"),
    ],
)
def test_a_wrong_forecast_is_told_why(answer, part, told):
    came = next(line for line in message("10.5", part, *answer).splitlines() if "Came:" in line)
    assert told in came


def test_a_right_forecast_passes():
    check("10.5", *forecast())
    check("10.5", *map(tuple, forecast()))
