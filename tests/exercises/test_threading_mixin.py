"""Wrong answers to the exercises of chapter 06 are told their mistake; right ones pass."""

import http.server
import socketserver
import threading
from weakref import WeakSet

import pytest

import minisocketserver
from socketlab import check, hint

from .helpers import impatient, message

Right = minisocketserver.ThreadingMixIn


class NoThread(Right):
    def process_request(self, request, client_address):
        self.process_request_thread(request, client_address)


class RunsInsteadOfStarts(Right):
    def process_request(self, request, client_address):
        work = self.process_request_thread
        threading.Thread(target=work, args=(request, client_address)).run()


class CallsTheTarget(Right):
    def process_request(self, request, client_address):
        threading.Thread(target=self.process_request_thread(request, client_address)).start()


class JoinsAtOnce(Right):
    def process_request(self, request, client_address):
        work = self.process_request_thread
        thread = threading.Thread(target=work, args=(request, client_address))
        thread.start()
        thread.join()


class OnlyForConnections(Right):
    def process_request_thread(self, request, client_address):
        request.settimeout(5)
        super().process_request_thread(request, client_address)


class FirstVersionOfTheChapter(Right):
    def process_request(self, request, client_address):
        work = super(Right, self).process_request
        threading.Thread(target=work, args=(request, client_address)).start()


class NeverReports(Right):
    def process_request_thread(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        finally:
            self.shutdown_request(request)


class NoGoodbye(Right):
    def process_request_thread(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)


class GoodbyeAfterSuccessOnly(Right):
    def process_request_thread(self, request, client_address):
        try:
            self.finish_request(request, client_address)
            self.shutdown_request(request)
        except Exception:
            self.handle_error(request, client_address)


class NeverWaits(Right):
    def server_close(self):
        super(Right, self).server_close()


class WaitsWithTheDoorOpen(Right):
    def server_close(self):
        for thread in list(self._threads):
            thread.join()
        super(Right, self).server_close()


class NeverCloses(Right):
    def server_close(self):
        for thread in list(self._threads):
            thread.join()


class NeedsARequest(Right):
    def server_close(self):
        super(Right, self).server_close()
        for thread in list(vars(self)["_threads"]):
            thread.join()


class NeverDaemons(Right):
    def process_request(self, request, client_address):
        self.daemon_threads = False
        super().process_request(request, client_address)


class AlwaysDaemons(Right):
    daemon_threads = True


class AlwaysWaits(Right):
    def process_request(self, request, client_address):
        self.block_on_close = True
        super().process_request(request, client_address)


class KeepsAll(Right):
    def process_request(self, request, client_address):
        work = self.process_request_thread
        thread = threading.Thread(target=work, args=(request, client_address))
        thread.daemon = self.daemon_threads
        thread.start()
        if self.block_on_close and not thread.daemon:
            vars(self).setdefault("_threads", []).append(thread)


class AnotherName(Right):
    def process_request(self, request, client_address):
        super().process_request(request, client_address)
        self.threads, self._threads = self._threads, ()


class AppendsToTheTuple(Right):
    """The thread goes on, and has an error of its own on the closed request."""

    def process_request(self, request, client_address):
        work = self.process_request_thread
        thread = threading.Thread(target=work, args=(request, client_address))
        thread.start()
        self._threads.append(thread)


class LeavesTheDaemonsAsTheyCome(Right):
    def process_request(self, request, client_address):
        work = self.process_request_thread
        threading.Thread(target=work, args=(request, client_address)).start()


class OneSetForAll(Right):
    _threads = WeakSet()  # noqa: RUF012  # the very mistake


WRONG_MIXINS = [
    pytest.param(NoThread, "at once", "in the loop's own thread", id="learners-10"),
    (RunsInsteadOfStarts, "at once", "in the loop's own thread"),
    (CallsTheTarget, "at once", "in the loop's own thread"),
    (JoinsAtOnce, "at once", "nobody served beside the slow client"),
    (OnlyForConnections, "at once", "no datagram came back"),
    (FirstVersionOfTheChapter, "errors", "neither of the two called, and the exception ended"),
    (NeverReports, "errors", "shutdown_request called, and the exception ended the thread"),
    (NoGoodbye, "errors", "handle_error called"),
    (GoodbyeAfterSuccessOnly, "errors", "handle_error called"),
    (NeverWaits, "closing", "server_close() back, and the handler still at work"),
    (WaitsWithTheDoorOpen, "closing", "server_close() waits, and the listener is still open"),
    (NeverCloses, "closing", "server_close() waits, and the listener is still open"),
    (NeedsARequest, "closing", "KeyError: '_threads', in server_close()"),
    (NeverDaemons, "switches", "waits for the handler although daemon_threads is True"),
    (AlwaysDaemons, "switches", "ThreadingMixIn.daemon_threads is True"),
    (AlwaysWaits, "switches", "waits for the handler although block_on_close is False"),
    (KeepsAll, "memory", "ended threads still held"),
    (AppendsToTheTuple, "at once", "'tuple' object has no attribute 'append', in process_request"),
    (LeavesTheDaemonsAsTheyCome, "switches", "what the one that starts it is"),
    (AnotherName, "memory", "0 of 1 in _threads of the server"),
    (OneSetForAll, "memory", "1 of 0 in _threads of the other server"),
    (None, "at once", "still blank"),
]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("wrong, part, told", WRONG_MIXINS)
def test_a_wrong_mixin_is_told_its_mistake(wrong, part, told, monkeypatch):
    """The message names this very mistake, and nothing is left running."""
    impatient(monkeypatch)
    before = set(threading.enumerate())
    assert told in message("06.1", part, wrong)
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive()


class FromTheTask:
    """Written from the task's text: a lock and a set, from which each thread takes itself."""

    daemon_threads = False
    block_on_close = True
    _book = threading.Lock()
    _threads = frozenset()

    def process_request(self, request, client_address):
        def work():
            try:
                self.process_request_thread(request, client_address)
            finally:
                with self._book:
                    mine.discard(threading.current_thread())

        thread = threading.Thread(target=work, daemon=self.daemon_threads)
        with self._book:
            mine = self.__dict__.setdefault("_threads", set())
            mine.add(thread)
        thread.start()

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
        if self.block_on_close and not self.daemon_threads:
            with self._book:
                left = list(self._threads)
            for thread in left:
                thread.join()


class Sweeps:
    """A list, swept at each request; the switches asked at the end."""

    _threads = ()

    daemon_threads = False
    block_on_close = True

    def process_request(self, request, client_address):
        living = [thread for thread in getattr(self, "_threads", []) if thread.is_alive()]
        work = threading.Thread(
            target=self.process_request_thread,
            kwargs={"request": request, "client_address": client_address},
            daemon=self.daemon_threads,
        )
        self._threads = [*living, work]
        print("one more")
        work.start()

    def process_request_thread(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)

    def server_close(self):
        super().server_close()
        waited_for = WeakSet(self._threads)
        for thread in list(waited_for):
            if self.block_on_close and not thread.daemon:
                thread.join()


@pytest.mark.parametrize("right", [Right, socketserver.ThreadingMixIn, FromTheTask, Sweeps])
def test_a_right_mixin_passes_in_any_style(right, capfd):
    """The standard library's own, and two others."""
    check("06.1", right)
    printed, errors = capfd.readouterr()
    assert [line[:6] for line in printed.splitlines()] == ["✓ 06.1"] * 5
    assert errors == ""


def theatre(bases=(socketserver.ThreadingMixIn, socketserver.TCPServer), **more):
    """Return a Theatre with these bases."""
    return type("Theatre", bases, {"sold": 0, "seats": 5, "lock": threading.Lock(), **more})


SELL = """
        number = self.server.sold + 1
        if number <= self.server.seats:
            self.server.sold = number
            return f"seat {number}"
"""


def window(lock="self.server.lock", before="self.request.recv(65536)", within="pass", sell=SELL):
    """Return a TicketWindow with the given parts as the learner wrote them."""
    names = {"socketserver": socketserver, "threading": threading}
    body = f"""
class TicketWindow(socketserver.BaseRequestHandler):
    def handle(self):
        {before}
        with {lock}:
            {within}
            text = self.sell() or "sold out"
        self.request.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + text.encode())

    def sell(self):
{sell}
"""
    exec(body, names)
    return names["TicketWindow"]


PLAIN = (socketserver.TCPServer,)
WRONG_WAY_ROUND = (socketserver.TCPServer, socketserver.ThreadingMixIn)
COUNTS_ALL = """
        self.server.sold += 1
        if self.server.sold <= self.server.seats:
            return f"seat {self.server.sold}"
"""
COUNTS_IN_THE_CLASS = """
        number = type(self.server).sold + 1
        if number <= self.server.seats:
            type(self.server).sold = number
            return f"seat {number}"
"""


LOCKED_TOO_LONG = window(before="pass", within="self.request.recv(65536)")


class Text(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.recv(65536)
        self.request.sendall("HTTP/1.0 200 OK\r\n\r\nseat 1")


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "server, handler, part, told",
    [
        pytest.param(
            theatre(PLAIN), window(), "a silent client", "without a mix-in", id="learners-10"
        ),
        pytest.param(
            theatre(WRONG_WAY_ROUND),
            window(),
            "a silent client",
            "ThreadingMixIn stands after the server among the bases",
            id="learners-11",
        ),
        (
            theatre(),
            window(before="pass", within="self.request.recv(65536)"),
            "a silent client",
            "is a lock held while the silent one",
        ),
        (theatre(), window("threading.Lock()"), "one seat each", "Is there one lock for all"),
        (theatre(), window(sell=COUNTS_ALL), "one seat each", "who gets no seat does not count"),
        (theatre(), window(sell=COUNTS_IN_THE_CLASS), "one seat each", "seat"),
        (theatre(), Text, "a silent client", "not 'str', in handle()"),
        (theatre(), Text, "page", "TypeError: a bytes-like object is required"),
        (theatre(seats=50), window(), "page", "whose seats is 50"),
    ],
)
def test_a_wrong_theatre_is_told_its_mistake(server, handler, part, told, monkeypatch):
    """No threads, threads put last, no lock, a lock too wide."""
    impatient(monkeypatch)
    assert told in message("06.2", part, server, handler)


class ByTheBook(http.server.BaseHTTPRequestHandler):
    """The standard library's handler for the web."""

    def do_GET(self):
        with self.server.lock:
            free = self.server.sold < self.server.seats
            self.server.sold += free
            number = self.server.sold
        text = f"seat {number}" if free else "sold out"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())


class OwnInit(socketserver.ThreadingTCPServer):
    """A lock for each server, and daemons."""

    seats = 5
    daemon_threads = True

    def __init__(self, *args):
        super().__init__(*args)
        self.sold, self.lock = 0, threading.RLock()


@pytest.mark.parametrize("server, handler", [(theatre(), ByTheBook), (OwnInit, window())])
def test_a_right_theatre_passes_in_any_style(server, handler, capfd):
    """http.server's handler, which logs to stderr, and a lock made by the constructor."""
    check("06.2", server, handler)
    printed, errors = capfd.readouterr()
    assert len(printed.splitlines()) == 3
    assert errors == ""


DESK = """
import socket, socketserver, threading

def ask(address, name):
    with socket.create_connection(address, timeout=5) as client:
        client.sendall(name.encode())
        return client.recv(100).decode()

class Desk(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    visitors = 0

class Greeter(socketserver.BaseRequestHandler):
    def handle(self):
        name = self.request.recv(100).decode()
        self.server.visitors += 1
        number = self.server.visitors
        self.request.sendall(f"{name}, you are visitor {number}".encode())

def visit(names):
    server = Desk(("127.0.0.1", 0), Greeter)
    loop = threading.Thread(target=server.serve_forever, args=(0.02,))
    loop.start()
    answers = [ask(server.server_address, name) for name in names]
    server.shutdown()
    loop.join()
    server.server_close()
    return answers
"""


def desk(old="", new="", source=DESK):
    """Return the three names of 06.3, with one thing as the learner left it."""
    assert old in source
    names = {}
    exec(source.replace(old, new), names)
    return names["Desk"], names["Greeter"], names["visit"]


MIXIN, SERVER = "socketserver.ThreadingMixIn", "socketserver.TCPServer"
BASES = f"{MIXIN}, {SERVER}"
DAEMONS = "daemon_threads = True"
COUNT = "number = self.server.visitors\n"
COUNTED = "self.server.visitors += 1\n"
NAMED = 'number = threading.current_thread().name.split("-")[1]\n'
NUMBERED = 'number = int(threading.current_thread().name.split("-")[1])\n'


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(
            desk(BASES, f"{SERVER}, {MIXIN}"),
            "thinking",
            "ThreadingMixIn stands after the server among the bases",
            id="learners-11",
        ),
        pytest.param(desk(BASES, SERVER), "thinking", "without a mix-in", id="learners-10"),
        pytest.param(desk(COUNT, NAMED), "numbers", "from the name of a thread", id="learners-25"),
        (desk(COUNT, NUMBERED), "numbers", "ValueError: invalid literal for int()"),
        (desk(COUNTED, "Desk.visitors += 1\n"), "numbers", "that each desk does not begin anew"),
        pytest.param(
            desk(DAEMONS, "pass"), "the end", "server_close() waits for the", id="learners-9"
        ),
        pytest.param(
            desk(DAEMONS, "block_on_close = False"),
            "the end",
            "the handler's thread is no daemon: the program cannot end",
            id="learners-9-block_on_close",
        ),
        pytest.param(
            desk('("127.0.0.1", 0)', '("127.0.0.1", 50007)'),
            "again",
            "a server on port 50007: a fixed port may be taken, also by the last run",
            id="learners-25-port",
        ),
        pytest.param(
            desk("    server.server_close()\n"),
            "again",
            "the listener is still open",
            id="learners-25-closed",
        ),
        (desk("    server.shutdown()\n    loop.join()\n"), "again", "still at work: Thread-"),
        (desk("    return answers\n"), "again", "None"),
    ],
)
def test_a_bug_left_at_the_desk_is_named(answer, part, told, monkeypatch):
    """Each of the four complaints has a part of its own."""
    impatient(monkeypatch)
    assert told in message("06.3", part, *answer)


@pytest.mark.parametrize(
    "answer",
    [
        desk(),
        desk(BASES, "socketserver.ThreadingTCPServer"),
        desk("name = ", "self.request.settimeout(0.3); name = ", DESK.replace(DAEMONS, "pass")),
    ],
    ids=["plain", "ready-mixed", "time limit"],
)
def test_a_mended_desk_passes(answer, capfd):
    """Daemons, the ready-mixed class, or a time limit on each connection."""
    check("06.3", *answer)
    printed, errors = capfd.readouterr()
    assert len(printed.splitlines()) == 4
    assert errors == ""


RUNS = {
    "first_answers": ["slow", "quick", "slow", "slow"],
    "threads_at_work": [12, 12],
    "shutdown_returns": [False, True, True],
    "close_returns": [False, True, True],
    "program_ends": [False, False, True],
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "wrong, part, told",
    [
        pytest.param(
            {"first_answers": ["quick", "quick", "slow", "slow"]},
            "first",
            "place 1; the run says otherwise. The basic servers see one request through",
            id="learners-10",
        ),
        pytest.param(
            {"first_answers": ["slow", "quick", "quick", "slow"]},
            "first",
            "place 3; the run says otherwise. With the mix-in last",
            id="learners-11",
        ),
        ({"first_answers": ["slow", "quick", "slow", "quick"]}, "first", "needs the lock"),
        pytest.param(
            {"threads_at_work": [1, 5]},
            "threads",
            "1 in place 1; the run says otherwise. The queue holds those not accepted yet",
            id="learners-17",
        ),
        pytest.param(
            {"threads_at_work": [12, 5]}, "threads", "5 in place 2", id="learners-17-default"
        ),
        ({"threads_at_work": "12, 12"}, "threads", "not a list"),
        pytest.param(
            {"shutdown_returns": [True, True, True]},
            "shutdown",
            "The handler runs in the loop's thread: each waits for the other",
            id="learners-4",
        ),
        pytest.param(
            {"shutdown_returns": [False, False, True]},
            "shutdown",
            "The handler has a thread of its own, so the loop is free to end",
            id="learners-4-threading",
        ),
        ({"shutdown_returns": [False, True, False]}, "shutdown", "server_close()'s business"),
        ({"close_returns": [True, True, True]}, "close", "block_on_close is True by default"),
        ({"close_returns": [False, False, True]}, "close", "just that"),
        pytest.param(
            {"program_ends": [True, True, True]}, "end", "hangs in server_close()", id="learners-9"
        ),
        pytest.param(
            {"program_ends": [False, True, True]},
            "end",
            "the handler's thread is no daemon: Python waits",
            id="learners-9-block_on_close",
        ),
    ],
)
def test_a_wrong_forecast_is_told_the_misconception(wrong, part, told, monkeypatch):
    """A real run decides; the message says what led there, and not the answer."""
    impatient(monkeypatch)
    assert told in message("06.4", part, *(RUNS | wrong).values())


def test_a_right_forecast_passes(capfd):
    """Tuples will do as well."""
    check("06.4", *map(tuple, RUNS.values()))
    assert len(capfd.readouterr().out.splitlines()) == 5


@pytest.mark.parametrize("exercise", ["06.1", "06.2", "06.3", "06.4"])
def test_three_hints(exercise, capsys):
    """From a nudge to nearly the answer."""
    for number in (1, 2, 3):
        hint(exercise, number)
        assert f"Hint {number} of 3" in capsys.readouterr().out
