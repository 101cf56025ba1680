"""Wrong answers to 02.1-02.4 are told what is wrong with them; right ones pass."""

import os
import select
import selectors
import socket
import socketserver
import sys
import threading
from contextlib import suppress

import pytest

import minisocketserver
from socketlab import check
from socketlab.checks.base_server import LONG

from .helpers import impatient, message

Right = minisocketserver.BaseServer


class Naive(Right):
    """The first try of chapter 02: it sleeps in accept."""

    def __init__(self, address, handler):
        super().__init__(address, handler)
        self.stop = False

    def serve_forever(self, poll_interval=0.5):
        while not self.stop:
            self._handle_request_noblock()

    def shutdown(self):
        self.stop = True


class Polls(Right):
    """The second try: it looks up after each poll_interval."""

    def __init__(self, address, handler):
        super().__init__(address, handler)
        self.stop = False
        self.ended = threading.Event()
        self.ended.set()

    def serve_forever(self, poll_interval=0.5):
        self.ended.clear()
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            while not self.stop:
                if selector.select(poll_interval) and not self.stop:
                    self._handle_request_noblock()
        self.stop = False
        self.ended.set()

    def shutdown(self):
        self.stop = True
        self.ended.wait()


class Forgets(Right):
    def serve_forever(self, poll_interval=0.5):
        self._BaseServer__shutdown_request = False
        super().serve_forever(poll_interval)


class WaitsForALoop(Right):
    """As the standard library does."""

    def __init__(self, address, handler):
        super().__init__(address, handler)
        self._BaseServer__is_shut_down.clear()


class DoesNotWait(Right):
    def shutdown(self):
        threading.Thread(target=super().shutdown, daemon=True).start()


class OnlyOnce(Right):
    def serve_forever(self, poll_interval=0.5):
        super().serve_forever(poll_interval)
        self._BaseServer__shutdown_request = True


class SkipsHooks(Right):
    def process_request(self, request, client_address):
        self.RequestHandlerClass(request, client_address, self)
        self.close_request(request)


class Dies(Right):
    def _handle_request_noblock(self):
        request, client_address = self.get_request()
        if self.verify_request(request, client_address):
            self.process_request(request, client_address)
        else:
            self.shutdown_request(request)


class Swallows(Right):
    def _handle_request_noblock(self):
        try:
            request, client_address = self.get_request()
            if self.verify_request(request, client_address):
                self.process_request(request, client_address)
            else:
                self.shutdown_request(request)
        except Exception:
            self.shutdown_request(request)


class LeavesItOpen(Right):
    def _handle_request_noblock(self):
        request, client_address = self.get_request()
        if self.verify_request(request, client_address):
            self.process_request(request, client_address)


class Trips(Right):
    def _handle_request_noblock(self):
        request, client_address = self.get_request()
        try:
            if self.verify_request(request, client_address):
                self.process_request(request, client_address)
            else:
                self.shutdown_request(request)
        except Exception:
            self.handle_error(request, client_address)
            self.shutdown_request(request)


class WaitsForEver(Right):
    def handle_request(self):
        self._handle_request_noblock()


class LooksAtTimeout(Right):
    """As many pages tell: the server's timeout ends the waits of serve_forever."""

    def serve_forever(self, poll_interval=0.5):
        while not self.__dict__["_BaseServer__shutdown_request"]:
            self.handle_request()

    def handle_request(self):
        limit = poll = self.timeout
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            ready = selector.select(limit if poll is not None else 0.1)
        if ready:
            self._handle_request_noblock()
        elif self.timeout is not None:
            self.handle_timeout()


class LeavesTheBell(Right):
    def serve_forever(self, poll_interval=0.5):
        self.bell, self.button = socket.socketpair()
        super().serve_forever(poll_interval)


class ClosesOnlyIfAllIsWell(Right):
    def serve_forever(self, poll_interval=0.5):
        bell, button = socket.socketpair()
        super().serve_forever(poll_interval)
        bell.close()
        button.close()


class RingsWithoutABell(Right):
    """Its button is closed when the loop has ended, and somebody presses it."""

    button = None

    def serve_forever(self, poll_interval=0.5):
        bell, self.button = socket.socketpair()
        with bell, self.button:
            super().serve_forever(poll_interval)

    def shutdown(self):
        if self.button:
            self.button.send(b"!")
        super().shutdown()


class SleepsThroughItsWork(Right):
    """It knows of regular work only what happens between two clients."""

    def serve_forever(self, poll_interval=0.5):
        super().serve_forever(LONG)


class WorksAllTheTime(Right):
    def serve_forever(self, poll_interval=0.5):
        super().serve_forever(0)


class WorksOnlyWhenIdle(Right):
    """The other branch of `if ready`."""

    def serve_forever(self, poll_interval=0.5):
        work, served = self.service_actions, []
        self.service_actions = lambda: served.clear() if served else work()
        one = self._handle_request_noblock
        self._handle_request_noblock = lambda: served.append(one())
        super().serve_forever(poll_interval)


class NobodySaysItEnded(Right):
    """As the loop says it at its end, but not in a finally."""

    def serve_forever(self, poll_interval=0.5):
        try:
            super().serve_forever(poll_interval)
        except ValueError:
            self._BaseServer__is_shut_down.clear()
            raise


class SwallowsTheHooksBug(Right):
    def serve_forever(self, poll_interval=0.5):
        with suppress(ValueError):
            super().serve_forever(poll_interval)


class LetsCtrlCGo(Right):
    """Without the last branch."""

    def _handle_request_noblock(self):
        try:
            request, client_address = self.get_request()
        except OSError:
            return
        if not self.verify_request(request, client_address):
            self.shutdown_request(request)
            return
        try:
            self.process_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
            self.shutdown_request(request)


class CatchesCtrlC(LetsCtrlCGo):
    """A bare except."""

    def process_request(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except:  # noqa: E722
            self.handle_error(request, client_address)
        self.shutdown_request(request)


class NeverCloses(Right):
    def __exit__(self, *exc_info):
        pass


class PollsOften(Right):
    def serve_forever(self, poll_interval=0.1):
        super().serve_forever(poll_interval)


BUILD = [
    pytest.param(Naive, "stop", "nobody woke it", id="sleeps in accept"),
    pytest.param(Polls, "stop", "nobody woke it", id="polls"),
    pytest.param(OnlyOnce, "stop", "a second serve_forever() does not serve", id="only once"),
    pytest.param(DoesNotWait, "stop", "while the handler was still at work", id="does not wait"),
    pytest.param(WaitsForALoop, "no loop", "waits for a loop that never ran", id="learners-5"),
    pytest.param(Forgets, "no loop", "the shutdown() before it was forgotten", id="forgets"),
    pytest.param(SkipsHooks, "serve", "the calls verify_request, process_request, handler", id="h"),
    pytest.param(Dies, "trouble", "a first client that waits for ever", id="dies"),
    pytest.param(Swallows, "trouble", "0 calls of handle_error", id="swallows"),
    pytest.param(LeavesItOpen, "trouble", "not closed", id="leaves it open"),
    pytest.param(Trips, "trouble", "the loop is dead (ConnectionAbortedError", id="trips"),
    pytest.param(LeavesTheBell, "stop", "2 of the sockets that serve_forever()", id="leaves bell"),
    pytest.param(NeverCloses, "stop", "no server_close()", id="no exit"),
    pytest.param(RingsWithoutABell, "no loop", "OSError", id="rings without a bell"),
    pytest.param(PollsOften, "regular work", "0.1 by default", id="another default"),
    pytest.param(SleepsThroughItsWork, "regular work", "nobody woke the loop", id="sleeps"),
    pytest.param(WorksAllTheTime, "regular work", "3 calls in 0.0", id="all the time"),
    pytest.param(WorksOnlyWhenIdle, "regular work", "close_request", id="only when idle"),
    pytest.param(SwallowsTheHooksBug, "regular work", "who swallowed it?", id="no error"),
    pytest.param(ClosesOnlyIfAllIsWell, "regular work", "still open", id="closes if well"),
    pytest.param(NobodySaysItEnded, "regular work", "nobody said that", id="not in a finally"),
    pytest.param(CatchesCtrlC, "trouble", "as if it were a bug", id="catches Ctrl-C"),
    pytest.param(LetsCtrlCGo, "trouble", "0 calls of shutdown_request", id="lets Ctrl-C go"),
    pytest.param(WaitsForEver, "one request", "nothing within", id="no time limit"),
    pytest.param(LooksAtTimeout, "one request", "look at server.timeout?", id="learners-14"),
    pytest.param(socketserver.BaseServer, "no loop", "a loop that never ran", id="stdlib"),
]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("wrong, part, told", BUILD)
def test_a_wrong_loop_is_told_its_mistake(wrong, part, told, monkeypatch):
    """The message names this very mistake, and nothing is left running."""
    impatient(monkeypatch, 0.5)
    before = set(threading.enumerate())
    assert told in message("02.1", part, wrong)
    for thread in set(threading.enumerate()) - before:
        thread.join(1 if wrong in WAITING else 5)
        assert wrong in WAITING or not thread.is_alive()


WAITING = (WaitsForALoop, NobodySaysItEnded, socketserver.BaseServer)
"""Their shutdown() waits for an event, from which Python cannot wake them."""


class Piped(Right):
    """Another way: a pipe, select, and a condition for those who wait."""

    def __init__(self, server_address, RequestHandlerClass):
        self.server_address = server_address
        self.RequestHandlerClass = RequestHandlerClass
        self.state = threading.Condition()
        self.running = self.wanted = False
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)

    def serve_forever(self, poll_interval=0.5):
        print("serving", file=sys.stderr)
        with self.state:
            self.running = True
        try:
            while not self.wanted:
                idle = vars(self).get("service_actions") or type(self).service_actions
                wait = None if idle is Right.service_actions else poll_interval
                ready, _, _ = select.select([self.fileno(), self.reader], [], [], wait)
                if self.reader in ready:
                    os.read(self.reader, 4096)
                elif self.wanted:
                    break
                elif ready:
                    self._handle_request_noblock()
                self.service_actions()
        finally:
            with self.state:
                self.running = self.wanted = False
                self.state.notify_all()

    def shutdown(self):
        self.wanted = True
        os.write(self.writer, b"x")
        with self.state:
            self.state.wait_for(lambda: not self.running)


class Library(socketserver.BaseServer):
    """The standard library's, with the polling taken out."""

    def __init__(self, server_address, RequestHandlerClass):
        super().__init__(server_address, RequestHandlerClass)
        self._BaseServer__is_shut_down.set()
        self.early = False

    def serve_forever(self, poll_interval=0.5):
        early, self.early = self.early, False
        if not early:
            super().serve_forever(min(poll_interval, 0.05))

    def shutdown(self):
        self.early = self._BaseServer__is_shut_down.is_set()
        super().shutdown()


@pytest.mark.parametrize("right", [Right, Piped, Library])
def test_a_right_loop_passes_in_any_style(right, capfd):
    check("02.1", right)
    printed, errors = capfd.readouterr()
    assert [line[:6] for line in printed.splitlines()] == ["✓ 02.1"] * 6
    assert errors == ""


def harbour(
    answer='b"HTTP/1.0 200 OK\\r\\n\\r\\n" + f"visitor {server.visitors}".encode()',
    count="server.visitors += 1",
    verify="self.visitors < self.limit",
    send="sendall",
):
    """Return the two names of 02.2, with the given parts as the learner wrote them."""
    source = f"""
import socketserver
visitors = 0
class SmallHarbour(socketserver.TCPServer):
    visitors = 0
    limit = 3
    def verify_request(self, request, client_address):
        return {verify}
def page(request, client_address, server):
    global visitors
    request.recv(65536)
    {count}
    request.{send}({answer})
"""
    names = {}
    exec(source, names)
    return names["page"], names["SmallHarbour"]


TEXT = '"HTTP/1.0 200 OK\\r\\n\\r\\n" + f"visitor {server.visitors}"'
GLOBAL = 'b"HTTP/1.0 200 OK\\r\\n\\r\\n" + f"visitor {visitors}".encode()'
HEADLESS = 'f"visitor {server.visitors}".encode()'


@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(harbour(TEXT), "page", "a bytes-like object is required", id="learners-7"),
        pytest.param(harbour(HEADLESS), "page", "BadStatusLine", id="no status line"),
        pytest.param(
            harbour(GLOBAL, "visitors += 1"), "counter", "Is the count a global", id="learners-6"
        ),
        pytest.param(
            harbour(count="SmallHarbour.visitors += 1"),
            "counter",
            "or the class's?",
            id="on the class",
        ),
        pytest.param(
            harbour(count="server.visitors = 1"), "counter", "stay where it is", id="stays"
        ),
        pytest.param(harbour(verify="True"), "full", "'visitor 3' after the limit", id="open"),
        pytest.param(harbour(verify="self.visitors < 3"), "full", "after the limit", id="fixed"),
        pytest.param(
            harbour(verify="1 / (self.limit - self.visitors)"),
            "full",
            "ZeroDivisionError",
            id="raises",
        ),
    ],
)
def test_a_wrong_page_is_told_its_mistake(answer, part, told, monkeypatch):
    impatient(monkeypatch)
    assert told in message("02.2", part, *answer)


class FromTheText(socketserver.ThreadingTCPServer):
    daemon_threads = True
    limit = 3

    def __init__(self, *args):
        super().__init__(*args)
        self.visitors = 0

    def verify_request(self, request, client_address):
        if self.visitors >= self.limit:
            print("full", client_address)
            return False
        return True


class Page(socketserver.StreamRequestHandler):
    def handle(self):
        while self.rfile.readline().strip():
            pass
        self.server.visitors += 1
        self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        self.wfile.write(b"visitor %d" % self.server.visitors)


@pytest.mark.parametrize("answer", [harbour(), (Page, FromTheText)], ids=["plain", "classes"])
def test_a_right_page_passes(answer):
    check("02.2", *answer)


def desk(
    hook="service_actions",
    obey="threading.Thread(target=server.shutdown).start()",
    start="prepare()",
    close="server.server_close()",
    work="work()",
    late="",
):
    """Return the three names of 02.3, with the given parts as the learner wrote them."""
    source = f"""
import socketserver, threading
class Desk(socketserver.TCPServer):
    timeout = 0.1
    ticks = 0
    def {hook}(self):
        self.ticks += 1
def obey(request, client_address, server):
    {obey}
    request.sendall(b"stopped")
def run(server, prepare, work):
    try:
        {start}
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        {late}
        thread.start()
        try:
            {work}
        finally:
            server.shutdown()
    finally:
        {close}
"""
    names = {}
    exec(source, names)
    return names["Desk"], names["obey"], names["run"]


def hangs():
    """Return the program as found, where a failed start ends in shutdown()."""
    original = desk()

    def run(server, prepare, work):
        try:
            prepare()
            threading.Thread(target=server.serve_forever, daemon=True).start()
            work()
        finally:
            server.shutdown()
            server.server_close()

    return (*original[:2], run)


@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(
            desk(hook="handle_timeout"), "ticks", "wait for server.timeout?", id="learners-14"
        ),
        pytest.param(
            desk(obey="server.shutdown()"), "obey", "in the thread that serves", id="learners-4"
        ),
        pytest.param(desk(obey="pass"), "obey", "a loop that goes on", id="obeys in words"),
        pytest.param(hangs(), "failed start", "a loop that never ran?", id="learners-5"),
        pytest.param(
            desk(start="return"), "failed start", "does not learn that prepare", id="silent"
        ),
        pytest.param(desk(close="pass"), "closed", "no server_close()?", id="not closed"),
        pytest.param(desk(work="pass"), "closed", "does not learn that work", id="no work"),
    ],
)
def test_a_bug_left_in_is_named(answer, part, told, monkeypatch):
    impatient(monkeypatch, 0.5)
    assert told in message("02.3", part, *answer)


def test_a_mended_desk_passes():
    """With try and finally, or asking whether the thread lives."""
    check("02.3", *desk())
    ours = desk(obey="threading.Timer(0, server.shutdown).start()")

    def run(server, prepare, work):
        loop = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        try:
            prepare()
            loop.start()
            work()
        finally:
            if loop.is_alive():
                server.shutdown()
                loop.join()
            server.server_close()

    check("02.3", *ours[:2], run)


SERVED = [
    "verify_request",
    "process_request",
    "finish_request",
    "handler",
    "shutdown_request",
    "close_request",
]
TURNED_AWAY = ["verify_request", "shutdown_request", "close_request"]
FAILED = [*SERVED[:4], "handle_error", *SERVED[4:]]
RETURNS = [True, False, False, False, True]


def forecast(served=SERVED, away=TURNED_AWAY, failed=FAILED, outs=(1, 0), returns=RETURNS):
    return served, away, failed, outs, returns


def but(place):
    return [value != (number == place) for number, value in enumerate(RETURNS)]


@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(forecast(SERVED[:5]), "served", "no close_request in your list", id="open"),
        pytest.param(forecast(SERVED[::-1]), "served", "in another order", id="order"),
        pytest.param(forecast(["accept"]), "served", "not among the seven names", id="stranger"),
        pytest.param(forecast(away=SERVED[:1]), "turned away", "open all the same", id="left open"),
        pytest.param(forecast(away=FAILED), "turned away", "a process_request", id="served"),
        pytest.param(forecast(failed=FAILED[:5]), "a bug", "closed too", id="not closed"),
        pytest.param(forecast(failed=SERVED), "a bug", "it is reported", id="not reported"),
        pytest.param(forecast(outs=[1, 4]), "time-outs", "does not look", id="learners-14"),
        pytest.param(forecast(outs=[0, 0]), "time-outs", "one time-out, then", id="waits on"),
        pytest.param(forecast(returns=but(0)), "who returns", "the right place", id="never"),
        pytest.param(forecast(returns=but(1)), "who returns", "runs in the loop", id="learners-4"),
        pytest.param(forecast(returns=but(2)), "who returns", "service_actions", id="itself"),
        pytest.param(forecast(returns=but(3)), "who returns", "none has ever run", id="learners-5"),
        pytest.param(forecast(returns=but(4)), "who returns", "no waiting", id="ours"),
        pytest.param(forecast(returns="yes"), "who returns", "not a list", id="a word"),
        pytest.param(forecast(returns=[True]), "who returns", "5 are asked for", id="too few"),
    ],
)
def test_a_wrong_forecast_is_told_why(answer, part, told):
    came = next(line for line in message("02.4", part, *answer).splitlines() if "Came:" in line)
    assert told in came


def test_a_right_forecast_passes():
    """A tuple is as good as a list."""
    check("02.4", *forecast())
    check("02.4", *(tuple(part) for part in forecast()))
