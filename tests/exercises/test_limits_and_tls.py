"""Wrong answers to the exercises of chapter 11 are told what is wrong with them."""

import functools
import http.server
import io
import ipaddress
import socket
import socketserver
import threading
import time
from contextlib import suppress

import pytest

import minisocketserver
from minisocketserver import beyond
from socketlab import check

from .helpers import impatient, message


class Hello:
    """The right one, in pieces that the others replace."""

    hello_timeout = 5.0
    max_hello = 100

    def finish_request(self, request, client_address):
        before = request.gettimeout()
        line = self.read_hello(request)
        request.settimeout(before)
        if self.is_hello(line):
            request.sendall(b"OK\n")
            super().finish_request(request, client_address)
        else:
            request.sendall(b"NO\n")

    def is_hello(self, line):
        return line.startswith(b"HELLO ") and line.endswith(b"\n")

    def read_hello(self, request):
        deadline = time.monotonic() + self.hello_timeout
        line = b""
        while len(line) < self.max_hello and not line.endswith(b"\n"):
            self.limit(request, deadline - time.monotonic())
            byte = request.recv(1)
            if not byte:
                break
            line += byte
        return line

    def limit(self, request, left):
        if left <= 0:
            raise TimeoutError("no hello in time")
        request.settimeout(left)


class OneRecv(Hello):
    def read_hello(self, request):
        request.settimeout(self.hello_timeout)
        return request.recv(self.max_hello)


class AsAFile(Hello):
    """Whose buffer takes what is the handler's."""

    def read_hello(self, request):
        request.settimeout(self.hello_timeout)
        return request.makefile("rb").readline(self.max_hello)


class KeepsTheLimit(Hello):
    def finish_request(self, request, client_address):
        line = self.read_hello(request)
        request.sendall(b"OK\n" if self.is_hello(line) else b"NO\n")
        if self.is_hello(line):
            super(Hello, self).finish_request(request, client_address)


class Silent(Hello):
    """Answers nothing."""

    def finish_request(self, request, client_address):
        before = request.gettimeout()
        self.read_hello(request)
        request.settimeout(before)
        super(Hello, self).finish_request(request, client_address)


class InGetRequest(Hello):
    def get_request(self):
        request, client_address = super().get_request()
        request.settimeout(self.hello_timeout)
        line = self.read_hello(request)
        request.sendall(b"OK\n" if self.is_hello(line) else b"NO\n")
        return request, client_address

    def finish_request(self, request, client_address):
        super(Hello, self).finish_request(request, client_address)


class InVerify(Hello):
    def verify_request(self, request, client_address):
        line = self.read_hello(request)
        request.sendall(b"OK\n" if self.is_hello(line) else b"NO\n")
        return self.is_hello(line)

    def finish_request(self, request, client_address):
        super(Hello, self).finish_request(request, client_address)


class NoLimit(Hello):
    def limit(self, request, left):
        pass


class ClosesQuietly(Hello):
    def finish_request(self, request, client_address):
        with suppress(TimeoutError):
            super().finish_request(request, client_address)


class PerByte(Hello):
    def limit(self, request, left):
        request.settimeout(self.hello_timeout)


class LateLook(Hello):
    """Looks at the clock when the line has come."""

    def read_hello(self, request):
        begun = time.monotonic()
        request.settimeout(self.hello_timeout)
        line = b""
        while len(line) < self.max_hello and not line.endswith(b"\n"):
            line += request.recv(1)
        if time.monotonic() - begun > self.hello_timeout:
            raise TimeoutError("no hello in time")
        return line


class AnyLine(Hello):
    def is_hello(self, line):
        return line.endswith(b"\n")


class LongLines(Hello):
    max_hello = 100

    def read_hello(self, request):
        deadline = time.monotonic() + self.hello_timeout
        line = b""
        while not line.endswith(b"\n"):
            self.limit(request, deadline - time.monotonic())
            line += request.recv(1)
        return line


class OneTooFew(Hello):
    def read_hello(self, request):
        self.max_hello = 99
        return super().read_hello(request)


class HalfALine(Hello):
    def is_hello(self, line):
        return line.startswith(b"HELLO ")


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "wrong, part, told",
    [
        pytest.param(OneRecv, "hello", "b'", id="learners-3"),
        pytest.param(AsAFile, "hello", "b'OK", id="buffer"),
        pytest.param(KeepsTheLimit, "hello", "4.9", id="keeps the limit"),
        pytest.param(Silent, "hello", "ahoy", id="no answer"),
        pytest.param(InGetRequest, "silent", "waits for the silent one", id="learners-10"),
        pytest.param(InVerify, "silent", "waits for the silent one", id="in verify_request"),
        pytest.param(NoLimit, "silent", "still open after", id="no limit"),
        pytest.param(ClosesQuietly, "silent", "no error in handle_error", id="quietly"),
        pytest.param(PerByte, "dripping", "start again with each byte", id="learners-14"),
        pytest.param(LateLook, "dripping", "start again with each byte", id="late look"),
        pytest.param(AnyLine, "no hello", "for any line?", id="any line"),
        pytest.param(LongLines, "no hello", "b'OK", id="long lines"),
        pytest.param(OneTooFew, "no hello", "for the first", id="one too few"),
        pytest.param(HalfALine, "no hello", "for any line?", id="half a line"),
    ],
)
def test_a_wrong_hello_is_told_its_mistake(wrong, part, told, monkeypatch):
    impatient(monkeypatch)
    came = next(line for line in message("11.1", part, wrong).splitlines() if "Got:" in line)
    assert told in came


def test_a_right_hello_passes():
    check("11.1", Hello)


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
    assert told in message("11.2", part, *answer)


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
    check("11.2", *answer)


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
    came = next(line for line in message("11.3", part, *answer).splitlines() if "Got:" in line)
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
    assert told in message("11.3", part, *answer)


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
    check("11.3", *answer)


def forecast(closed=(2, 0, 0), let_in=(False, False, True), ended=(False, True, False)):
    return list(closed), list(let_in), list(ended)


@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(forecast(closed=[0, 0, 0]), "closed", "Three may stay", id="limit"),
        pytest.param(forecast(closed=[2, 2, 0]), "closed", "The pool takes two", id="pool"),
        pytest.param(forecast(closed=[2, 0, 2]), "closed", "closes nothing", id="learners-17"),
        pytest.param(forecast(let_in=[True, False, True]), "let in", "wrapped", id="learners-15"),
        pytest.param(
            forecast(let_in=[False, True, True]), "let in", "called by the loop", id="get"
        ),
        pytest.param(forecast(ended=[1, 1, 0]), "cut off", "gives bool there", id="numbers"),
        pytest.param(
            forecast(ended=[True, True, False]), "cut off", "Each byte starts", id="learners-14"
        ),
        pytest.param(forecast(ended=[False, True, True]), "cut off", "reads no line", id="read"),
    ],
)
def test_a_wrong_forecast_is_told_why(answer, part, told):
    came = next(line for line in message("11.4", part, *answer).splitlines() if "Got:" in line)
    assert told in came


def test_a_right_forecast_passes():
    check("11.4", *forecast())
