"""Wrong answers to 02.1-02.4 are told what is wrong with them; right ones pass."""

import functools
import os
import select
import selectors
import socket
import socketserver
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from io import StringIO
from types import SimpleNamespace

import pytest

from socketlab import check, project
from socketlab.exercises.base_server import LONG

from .helpers import a_copy_of, impatient, message, ours

Right = ours("02.1").BaseServer


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

    def wake(self):
        if self.button:
            self.button.send(b"!")


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


PythonsOwn = a_copy_of(socketserver.BaseServer)


class LooksUpOften(PythonsOwn):
    """The standard library's, which polls, but more often than it is told to."""

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


class KeepsItsPipe(Right):
    def serve_forever(self, poll_interval=0.5):
        self.reader, _ = os.pipe()
        os.close(_)
        super().serve_forever(poll_interval)


def solved_but(old="", new=""):
    """Return our solution of 02.1 with one thing changed."""
    solutions = project.PROJECT / "solutions"
    source = project.answer_cell(solutions, "02.1")
    assert not old or source.count(old) == 1
    names = {"__name__": "answer"}
    exec(project.setup_cell(solutions, "02.1"), names)
    exec(source.replace(old, new), names)
    return names["BaseServer"]


SharesItsBell = solved_but(
    "self.bell, self.button = socket.socketpair()",
    "self.bell, self.button = BaseServer.bell, BaseServer.button = socket.socketpair()\n"
    "            del self.bell, self.button",
)
LowersItLast = solved_but(
    """self.__shutdown_request = False
            self.__is_shut_down.set()""",
    """self.__is_shut_down.set()
            self.__shutdown_request = False""",
)


class ClearsTooEarly(Right):
    """Its event is cleared before the try."""

    def serve_forever(self, poll_interval=0.5):
        if self.fileno() == -1:
            self._BaseServer__is_shut_down.clear()
            raise ValueError("a closed listener")
        super().serve_forever(poll_interval)


class NoHook:
    """Starts as the exercise does, and ends early."""

    timeout = None

    def __init__(self, server_address, RequestHandlerClass):
        self.server_address = server_address

    def serve_forever(self, poll_interval=0.5):
        pass


class HandsOverTheAddress(Right):
    def _handle_request_noblock(self):
        request, client_address = self.get_request()
        if self.verify_request(client_address, request):
            self.process_request(request, client_address)


class ClosesBeforeItReports(LetsCtrlCGo):
    def process_request(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.shutdown_request(request)
            self.handle_error(request, client_address)
            return
        self.shutdown_request(request)


class OnlySomeErrors(Right):
    def handle_error(self, request, client_address):
        pass

    def process_request(self, request, client_address):
        try:
            super().process_request(request, client_address)
        except (ValueError, TypeError, OSError):
            raise
        except Exception:
            self.shutdown_request(request)


class ClosesTheTurnedAway(Right):
    def _handle_request_noblock(self):
        request, client_address = self.get_request()
        if self.verify_request(request, client_address):
            try:
                self.process_request(request, client_address)
            except Exception:
                self.handle_error(request, client_address)
                self.shutdown_request(request)
        else:
            self.close_request(request)


class HidesAnyError(Right):
    def _handle_request_noblock(self):
        with suppress(Exception):
            super()._handle_request_noblock()


class TakesZeroForNone(Right):
    def handle_request(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            if selector.select(self.timeout or None):
                self._handle_request_noblock()
            else:
                self.handle_timeout()


class TakesNoneForHalf(Right):
    def handle_request(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            if selector.select(0.5 if self.timeout is None else self.timeout):
                self._handle_request_noblock()
            else:
                self.handle_timeout()


BUILD = [
    pytest.param(Naive, "stop", "nobody woke it", id="sleeps in accept"),
    pytest.param(Polls, "stop", "nobody woke it", id="polls"),
    pytest.param(OnlyOnce, "stop", "a second serve_forever() does not serve", id="only once"),
    pytest.param(DoesNotWait, "stop", "while the handler was still at work", id="does not wait"),
    pytest.param(WaitsForALoop, "no loop", "waits for a loop that never ran", id="learners-5"),
    pytest.param(Forgets, "no loop", "the shutdown() before it was forgotten", id="forgets"),
    pytest.param(SkipsHooks, "serve", "the calls verify_request, process_request, handler", id="h"),
    pytest.param(Dies, "trouble", "a first client that waits forever", id="dies"),
    pytest.param(Swallows, "trouble", "0 calls of handle_error", id="swallows"),
    pytest.param(LeavesItOpen, "trouble", "not closed", id="leaves it open"),
    pytest.param(Trips, "trouble", "the loop is dead (ConnectionAbortedError", id="trips"),
    pytest.param(LeavesTheBell, "stop", "2 of the sockets that serve_forever()", id="leaves bell"),
    pytest.param(NeverCloses, "stop", "no server_close()", id="no exit"),
    pytest.param(RingsWithoutABell, "no loop", "OSError", id="rings without a bell"),
    pytest.param(PollsOften, "regular work", "0.1 by default", id="another default"),
    pytest.param(SleepsThroughItsWork, "regular work", "nobody woke the loop", id="sleeps"),
    pytest.param(WorksAllTheTime, "regular work", "called more often", id="all the time"),
    pytest.param(WorksOnlyWhenIdle, "regular work", "close_request", id="only when idle"),
    pytest.param(SwallowsTheHooksBug, "regular work", "who swallowed it?", id="no error"),
    pytest.param(ClosesOnlyIfAllIsWell, "regular work", "still open", id="closes if well"),
    pytest.param(NobodySaysItEnded, "regular work", "nobody said that", id="not in a finally"),
    pytest.param(CatchesCtrlC, "trouble", "as if it were a bug", id="catches Ctrl-C"),
    pytest.param(LetsCtrlCGo, "trouble", "0 calls of shutdown_request", id="lets Ctrl-C go"),
    pytest.param(WaitsForEver, "one request", "nothing within", id="no time limit"),
    pytest.param(LooksAtTimeout, "one request", "look at server.timeout?", id="learners-14"),
    pytest.param(PythonsOwn, "no loop", "a loop that never ran", id="stdlib"),
    pytest.param(LooksUpOften, "stop", "woke up again and again", id="looks up often"),
    pytest.param(KeepsItsPipe, "stop", "3 descriptors that", id="keeps its pipe"),
    pytest.param(SharesItsBell, "stop", "was the other one's bell rung?", id="shares its bell"),
    pytest.param(LowersItLast, "no loop", "the event set before the flag", id="lowers it last"),
    pytest.param(ClearsTooEarly, "regular work", "nobody said that", id="clears too early"),
    pytest.param(NoHook, "serve", "without server_activate()", id="a hook is gone"),
    pytest.param(HandsOverTheAddress, "serve", "verify_request with a tuple", id="the address"),
    pytest.param(ClosesBeforeItReports, "trouble", "close_request, handle_error", id="order"),
    pytest.param(OnlySomeErrors, "trouble", "0 calls of handle_error", id="some errors"),
    pytest.param(ClosesTheTurnedAway, "trouble", "the calls close_request", id="only closes"),
    pytest.param(HidesAnyError, "trouble", "name more than OSError?", id="hides any error"),
    pytest.param(TakesZeroForNone, "one request", "handle_request", id="zero is None"),
    pytest.param(TakesNoneForHalf, "one request", "although None has no end", id="None is 0.5"),
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("wrong, part, told", BUILD)
def test_a_wrong_loop_is_told_its_mistake(wrong, part, told, monkeypatch):
    """The message names this very mistake, and nothing is left running."""
    impatient(monkeypatch)
    before = set(threading.enumerate())
    assert told in message("02.1", part, wrong)
    for thread in set(threading.enumerate()) - before:
        thread.join(1 if wrong in WAITING else 5)
        assert wrong in WAITING or not thread.is_alive()


WAITING = (WaitsForALoop, NobodySaysItEnded, ClearsTooEarly, PythonsOwn)
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


class OpensAPipe(solved_but()):
    """A pipe that lives as long as the loop, and a stack that closes everything."""


class Library(a_copy_of(socketserver.BaseServer)):
    """Written like the standard library's, with the polling taken out."""

    def wake(self):
        if self.button is not None:
            with suppress(OSError):
                os.write(self.button, b".")

    def serve_forever(self, poll_interval=0.5):
        self._BaseServer__is_shut_down.clear()
        with ExitStack() as at_the_end:
            at_the_end.callback(self._BaseServer__is_shut_down.set)
            at_the_end.callback(setattr, self, "_BaseServer__shutdown_request", False)
            self.bell, self.button = os.pipe()
            for end in (self.bell, self.button):
                at_the_end.callback(os.close, end)
            at_the_end.callback(setattr, self, "button", None)
            selector = at_the_end.enter_context(selectors.DefaultSelector())
            selector.register(self.bell, selectors.EVENT_READ, "bell")
            selector.register(self, selectors.EVENT_READ, "door")
            wait = poll_interval if self.has_regular_work() else None
            while not vars(self)["_BaseServer__shutdown_request"]:
                ready = {key.data for key, _ in selector.select(wait)}
                if "bell" in ready:
                    break
                if "door" in ready:
                    self._handle_request_noblock()
                self.service_actions()


class SelectsWithoutASelector(solved_but()):
    """`select` itself, a bell that is emptied, and one way through for each request."""

    def wake(self):
        with suppress(OSError, AttributeError):
            self.button.sendall(b"ding")

    def serve_forever(self, poll_interval=0.5):
        self._BaseServer__is_shut_down.clear()
        pair = ()
        try:
            pair = self.bell, self.button = socket.socketpair()
            while True:
                if self._BaseServer__shutdown_request:
                    return
                limit = [poll_interval] if self.has_regular_work() else []
                watched = [self, self.bell]
                ready = select.select(watched, (), (), *limit)[0]
                if self._BaseServer__shutdown_request:
                    return
                if self in ready:
                    self._handle_request_noblock()
                self.service_actions()
        finally:
            for end in pair:
                end.close()
            self._BaseServer__shutdown_request = False
            self._BaseServer__is_shut_down.set()

    def _handle_request_noblock(self):
        with suppress(OSError):
            request = None
            request, address = self.get_request()
        if request is None:
            return
        served = self.verify_request(request, address)
        try:
            if served:
                self.process_request(request, address)
        except BaseException as error:
            if isinstance(error, Exception):
                self.handle_error(request, address)
            self.shutdown_request(request)
            if not isinstance(error, Exception):
                raise
        else:
            if not served:
                self.shutdown_request(request)

    def handle_request(self):
        limits = {self.timeout, self.socket.gettimeout()} - {None}
        came = select.select([self.fileno()], [], [], min(limits) if limits else None)[0]
        return self._handle_request_noblock() if came else self.handle_timeout()


OwnWords = solved_but(
    """                while not self.__shutdown_request:
                    ready = selector.select(seconds)
                    if self.__shutdown_request:
                        break
                    if ready:
                        self._handle_request_noblock()
                    self.service_actions()
""",
    """                def wait():
                    if not self.__shutdown_request:
                        return selector.select(timeout=seconds)

                for ready in iter(wait, None):
                    if self.__shutdown_request:
                        return
                    [self._handle_request_noblock() for key, _ in ready if key.fileobj is self]
                    self.service_actions()
""",
)


@pytest.mark.parametrize(
    "right", [Right, Piped, OpensAPipe, SelectsWithoutASelector, OwnWords, solved_but()]
)
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
    receive="request.recv(65536)",
    start=0,
):
    """Return the two names of 02.2, with the given parts as the learner wrote them."""
    source = f"""
import socketserver
visitors = 0
class SmallHarbour(socketserver.TCPServer):
    visitors = {start}
    limit = 3
    def count(self):
        self.visitors += 1
        return self.visitors <= self.limit
    def verify_request(self, request, client_address):
        return {verify}
def page(request, client_address, server):
    global visitors
    {receive}
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
        pytest.param(
            harbour(f"({TEXT})".replace("\\r", "") + ".encode()", receive="request.recv(65536)"),
            "page",
            "ended by \\n alone",
            id="bare line feeds",
        ),
        pytest.param(
            harbour(count="pass", verify="self.count()"), "counter", "'visitor 7'", id="who counts"
        ),
        pytest.param(
            harbour('b"HTTP/1.0 200 OK\\r\\n\\r\\nvisitor %d" % (server.visitors + 1)', start=-1),
            "counter",
            "that starts with -1",
            id="starts at -1",
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


class CountsDown(socketserver.TCPServer):
    """Its limit is a property of a subclass's own, and its count an attribute of the object."""

    limit = 3

    def server_activate(self):
        self.visitors = 0
        super().server_activate()

    def verify_request(self, request, client_address):
        return self.limit - self.visitors > 0 and super().verify_request(request, client_address)


class SlottedPage:
    """No class of the library's, and no room for more."""

    __slots__ = ("request", "server")

    def __init__(self, request, client_address, server):
        self.request, self.server = request, server
        self.answer(*self.count())

    def count(self):
        self.request.recv(4096)
        self.server.visitors = number = self.server.visitors + 1
        return "200 OK", f"visitor {number}"

    def answer(self, status, text):
        lines = [f"HTTP/1.0 {status}", "Connection: close", "", text]
        self.request.sendall("\r\n".join(lines).encode("utf-8"))


def page_by_file(request, client_address, server):
    with request.makefile("rwb") as file:
        while file.readline() not in (b"\r\n", b""):
            pass
        server.visitors += 1
        print(
            "HTTP/1.0 200 OK",
            "",
            f"visitor {server.visitors}",
            sep="\r\n",
            file=(text := StringIO()),
        )
        file.write(text.getvalue().encode())


class TellsTheWeb(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.visitors += 1
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"visitor {self.server.visitors}".encode())

    def log_message(self, *args):
        pass


def page_last(request, client_address, server, *, head="HTTP/1.0 200 OK\r\n\r\n"):
    """Answers first, and receives afterwards."""
    server.visitors += 1
    request.sendall(bytes(head, "ascii") + b"visitor %i" % server.visitors)
    request.recv(10_000)


RIGHT_PAGES = {
    "plain": harbour(),
    "classes": (Page, FromTheText),
    "slots": (SlottedPage, CountsDown),
    "files": (page_by_file, FromTheText),
    "the library's": (TellsTheWeb, CountsDown),
    "partial": (functools.partial(page_last, head="HTTP/1.1 200 OK\r\nX: y\r\n\r\n"), FromTheText),
    "receives last": (page_last, CountsDown),
}


@pytest.mark.parametrize("answer", RIGHT_PAGES.values(), ids=RIGHT_PAGES)
def test_a_right_page_passes(answer):
    check("02.2", *answer)


def desk(
    hook="service_actions",
    obey="threading.Thread(target=server.shutdown).start()",
    start="prepare()",
    close="server.server_close()",
    work="work()",
    late="",
    begin="thread.start()",
    stop="server.shutdown()",
    count="self.ticks",
):
    """Return the three names of 02.3, with the given parts as the learner wrote them."""
    source = f"""
import socketserver, sys, threading
class Desk(socketserver.TCPServer):
    timeout = 0.1
    ticks = 0
    def {hook}(self):
        {count} += 1
def obey(request, client_address, server):
    {obey}
    request.sendall(b"stopped")
def run(server, prepare, work):
    try:
        {start}
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        {late}
        {begin}
        try:
            {work}
        finally:
            {stop}
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
        pytest.param(desk(work="pass"), "closed", "[] from work()", id="no work"),
        pytest.param(
            desk(work="try: work()\n            except: pass"),
            "closed",
            "does not learn that work",
            id="swallows",
        ),
        pytest.param(desk(count="type(self).ticks"), "ticks", "on another desk", id="class's"),
        pytest.param(
            desk(begin="prepare()", start="pass", late="thread.start()"),
            "closed",
            "with the loop begun before",
            id="prepares late",
        ),
        pytest.param(
            desk(begin="prepare()", start="pass", late="thread.start()"),
            "failed start",
            "it was begun before prepare()",
            id="begins too early",
        ),
        pytest.param(
            desk(work="work(); return", stop="if sys.exc_info()[0]: server.shutdown()"),
            "closed",
            "a loop that goes on: no shutdown()?",
            id="stops after errors only",
        ),
    ],
)
def test_a_bug_left_in_is_named(answer, part, told, monkeypatch):
    impatient(monkeypatch)
    assert told in message("02.3", part, *answer)


class TickingDesk(socketserver.TCPServer):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.ticks = 0

    def service_actions(self):
        super().service_actions()
        self.ticks = self.ticks + 1


class Obey(socketserver.StreamRequestHandler):
    """A handler class, whose thread is a daemon."""

    def handle(self):
        self.wfile.write(b"stopped")
        threading.Thread(target=self.server.shutdown, daemon=True).start()


def obey_later(request, client_address, server):
    request.sendall(b"stopped")
    threading.Timer(0, server.shutdown).start()


def obey_in_a_pool(request, client_address, server):
    pool = ThreadPoolExecutor(1)
    pool.submit(server.shutdown)
    pool.shutdown(wait=False)
    request.sendall(b"stopped")


def run_if_alive(server, prepare, work):
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


def run_by_a_stack(server, prepare, work):
    with ExitStack() as stack:
        stack.callback(server.server_close)
        prepare()
        loop = threading.Thread(target=server.serve_forever, daemon=True)
        loop.start()
        stack.callback(loop.join)
        stack.callback(server.shutdown)
        work()


@contextmanager
def served(server):
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()


def run_by_a_context(server, prepare, work):
    with closing(SimpleNamespace(close=server.server_close)):
        prepare()
        with served(server):
            work()


def run_by_hand(server, prepare, work):
    try:
        prepare()
    except BaseException:
        server.server_close()
        raise
    threading.Thread(target=lambda: server.serve_forever(0.1)).start()
    try:
        work()
    except:
        server.shutdown()
        server.server_close()
        raise
    server.shutdown()
    server.server_close()


DESKS = [
    desk(),
    (TickingDesk, Obey, run_if_alive),
    (TickingDesk, obey_later, run_by_a_stack),
    (TickingDesk, obey_in_a_pool, run_by_a_context),
    (desk()[0], functools.partial(obey_later), run_by_hand),
]


@pytest.mark.parametrize("answer", DESKS)
def test_a_mended_desk_passes(answer):
    """With try and finally, a stack, a context manager, or asking whether the thread lives."""
    check("02.3", *answer)


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
