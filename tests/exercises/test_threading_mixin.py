"""Wrong answers to the exercises of chapter 06 are told their mistake; right ones pass."""

import functools
import http.server
import itertools
import socketserver
import threading
from contextlib import suppress
from dataclasses import dataclass

import pytest

import minisocketserver
from socketlab import check, hint
from socketlab.checks.bench import bench_at
from socketlab.checks.case import CannotCheckError, CaseError
from socketlab.exercises import threading_mixin
from socketlab.notebook.running import overdue

from .helpers import impatient, message


class Bounded(minisocketserver.ThreadingMixIn):
    """Right, as long as no client is lost in get_request."""

    max_threads = 8

    def __init__(self, *args):
        self.places = threading.Semaphore(self.max_threads)
        super().__init__(*args)

    def get_request(self):
        if not self.places.acquire(timeout=0.1):
            raise TimeoutError
        return super().get_request()

    def shutdown_request(self, request):
        super().shutdown_request(request)
        self.places.release()


Right = minisocketserver.ThreadingMixIn


class NoLimit(Right):
    max_threads = 8


class AnotherDefault(Bounded):
    max_threads = 4


class WaitsInTheThread(NoLimit):
    def __init__(self, *args):
        self.places = threading.Semaphore(self.max_threads)
        super().__init__(*args)

    def process_request_thread(self, request, client_address):
        with self.places:
            super().process_request_thread(request, client_address)


class TurnsAway(NoLimit):
    def verify_request(self, request, client_address):
        return len([one for one in self._threads if one.is_alive()]) < self.max_threads


class ServesInTheLoop(NoLimit):
    """When it's full."""

    def process_request(self, request, client_address):
        if len([one for one in self._threads if one.is_alive()]) < self.max_threads:
            super().process_request(request, client_address)
        else:
            self.process_request_thread(request, client_address)


class AlwaysEight(Bounded):
    def __init__(self, *args):
        super().__init__(*args)
        self.places = threading.Semaphore(8)


class PlacesInTheClass(Bounded):
    places = threading.Semaphore(2)

    def __init__(self, *args):
        super(Bounded, self).__init__(*args)


class PlacesOfOneClass(Bounded):
    """Made for the first server, and kept for all."""

    kept = None

    def __init__(self, *args):
        super().__init__(*args)
        self.places = type(self).kept = type(self).kept or self.places


class OneAtATime(Bounded):
    def __init__(self, *args):
        super().__init__(*args)
        self.places = threading.Semaphore(1)


class NeverFrees(Bounded):
    def shutdown_request(self, request):
        super(Bounded, self).shutdown_request(request)


class FreesAfterSuccess(Bounded):
    """What sys.exit() raises, and an error in the report, leave the method earlier."""

    def shutdown_request(self, request):
        super(Bounded, self).shutdown_request(request)

    def process_request_thread(self, request, client_address):
        super().process_request_thread(request, client_address)
        self.places.release()


class FreesInTheThread(FreesAfterSuccess):
    """Taken in get_request, and the one that's turned away never has a thread."""

    def process_request_thread(self, request, client_address):
        try:
            super(FreesAfterSuccess, self).process_request_thread(request, client_address)
        finally:
            self.places.release()


class FreesTwice(Bounded):
    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.places.release()


class SleepsInAcquire(Bounded):
    def get_request(self):
        self.places.acquire()
        return super(Bounded, self).get_request()


class Spins(Bounded):
    def get_request(self):
        if not self.places.acquire(blocking=False):
            raise BlockingIOError
        return super(Bounded, self).get_request()


class KeepsNoThreads(Bounded):
    def process_request(self, *job):
        threading.Thread(target=self.process_request_thread, args=job).start()


class WaitsForAllPlaces(KeepsNoThreads):
    """Whatever block_on_close says."""

    def server_close(self):
        super().server_close()
        for _ in range(self.max_threads):
            self.places.acquire()


WRONG_LIMITS = [
    pytest.param(NoLimit, "at most", "handlers at work at once", id="learners-17"),
    (AnotherDefault, "at most", "max_threads is 4; the task says 8"),
    (WaitsInTheThread, "at most", "new threads for 5 clients"),
    (TurnsAway, "at most", "turned away, instead of waiting"),
    (ServesInTheLoop, "at most", "3 handlers at work at once"),
    (AlwaysEight, "at most", "handlers at work at once"),
    (PlacesOfOneClass, "at most", "do the two servers share their places?"),
    (PlacesInTheClass, "freed", "2 handlers at work at once"),
    (OneAtATime, "at most", "1 of 2 at work, and 5 clients there"),
    (NeverFrees, "freed", "0 of 1 at work, and 2 clients there: is a place not freed?"),
    (FreesAfterSuccess, "freed", "0 of 1 at work, and 2 clients there: is a place not freed?"),
    (FreesInTheThread, "freed", "0 of 1 at work, and 2 clients there: is a place not freed?"),
    (Bounded, "freed", "0 of 1 at work, and 2 clients there: is a place not freed?"),
    (FreesTwice, "freed", "2 handlers at work at once"),
    (SleepsInAcquire, "shutdown", "shutdown() waits until there's a place"),
    (Spins, "shutdown", "it spins"),
    (KeepsNoThreads, "closing", "server_close() back when"),
    (WaitsForAllPlaces, "closing", "although block_on_close is False"),
    (None, "at most", "still blank"),
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("wrong, part, told", WRONG_LIMITS)
def test_a_wrong_limit_is_told_its_mistake(wrong, part, told, monkeypatch):
    """The message names this very mistake, and nothing is left running."""
    impatient(monkeypatch)
    before = set(threading.enumerate())
    assert told in message("06.1", part, wrong)
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive()


class Careful(Bounded):
    def get_request(self):
        try:
            return super().get_request()
        except ConnectionAbortedError:
            self.places.release()
            raise


def test_a_right_limit_passes(capfd):
    check("06.1", Careful)
    printed, errors = capfd.readouterr()
    assert [line[:6] for line in printed.splitlines()] == ["✓ 06.1"] * 4
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
    names = {"socketserver": socketserver, "threading": threading, "suppress": suppress}
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


COUNTED_THEN_READ = """
        with self.server.lock:
            self.server.sold += 1
        number = self.server.sold
        if number <= self.server.seats:
            return f"seat {number}"
        self.server.sold -= 1
"""
READ_THEN_TAKEN = """
        with self.server.lock:
            number = self.server.sold + 1
        if number <= self.server.seats:
            self.server.sold = number
            return f"seat {number}"
"""
LOOKS_BEFORE_THE_LOCK = """
        if self.server.sold < self.server.seats:
            with self.server.lock:
                self.server.sold += 1
                return f"seat {self.server.sold}"
"""
TICKETS_BEFORE_THE_COUNT = """
        number = next(self.server.numbers)
        if number <= self.server.seats:
            self.server.sold = number
            return f"seat {number}"
"""
COUNTS_IN_TWO_LOCKS = """
        with self.server.lock:
            number = self.server.sold + 1
            if number > self.server.seats:
                return
        with self.server.lock:
            self.server.sold = number
        return f"seat {number}"
"""
FIVE_SEATS = """
        number = self.server.sold + 1
        if number <= 5:
            self.server.sold = number
            return f"seat {number}"
"""


class Numbered(socketserver.ThreadingTCPServer):
    """Numbers that no two get, and a count that any two may write in any order."""

    sold, seats = 0, 5

    def __init__(self, *args):
        super().__init__(*args)
        self.numbers = itertools.count(1)


def unlocked(sell):
    return window("suppress()", sell=sell)


def replies(head):
    """Return a right window, but for the lines before its text."""

    class TicketWindow(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(65536)
            text = "sold out"
            with self.server.lock:
                if self.server.sold < self.server.seats:
                    self.server.sold += 1
                    text = f"seat {self.server.sold}"
            self.request.sendall(head + text.encode())

    return TicketWindow


LOCKED_TOO_LONG = window(before="pass", within="self.request.recv(65536)")


class Text(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.recv(65536)
        self.request.sendall("HTTP/1.0 200 OK\r\n\r\nseat 1")


@pytest.mark.timeout(120)
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
            "ThreadingMixIn comes after the server among the bases",
            id="learners-11",
        ),
        (
            theatre(),
            window(before="pass", within="self.request.recv(65536)"),
            "a silent client",
            "is a lock held while the silent one",
        ),
        (theatre(), window("threading.Lock()"), "one seat each", "Is there one lock for all"),
        (theatre(), window(sell=COUNTS_ALL), "one seat each", "who gets no seat doesn't count"),
        (theatre(), window(sell=COUNTS_IN_THE_CLASS), "one seat each", "seat"),
        (theatre(), Text, "a silent client", "not 'str', in handle()"),
        (theatre(), Text, "page", "TypeError: a bytes-like object is required"),
        (theatre(seats=50), window(), "page", "whose seats is 50"),
        (theatre(), replies(b"HTTP/1.0 200 OK\n\n"), "page", "ended by \\n alone"),
        (theatre(), replies(b"HTTP/1.0 200 OK\r\n\n"), "page", "ended by \\n alone"),
        (theatre(), replies(b"HTTP/1.0 200 OK\n\r\n"), "page", "ended by \\n alone"),
        (theatre(), replies(b"HTTP/1.1 200\r\n\r\n"), "page", "the first line b'HTTP/1.1 200'"),
        (theatre(sold=1), window(), "page", "'seat 2'"),
        (theatre(), unlocked(COUNTED_THEN_READ), "one seat each", "lock"),
        (theatre(), unlocked(READ_THEN_TAKEN), "one seat each", "lock"),
        (theatre(), unlocked(LOOKS_BEFORE_THE_LOCK), "one seat each", "'seat 4'"),
        (theatre(), unlocked(COUNTS_IN_TWO_LOCKS), "one seat each", "lock"),
        (Numbered, unlocked(TICKETS_BEFORE_THE_COUNT), "one seat each", "is the lock held from"),
        (theatre(), window(sell=FIVE_SEATS), "one seat each", "'seat 4'"),
    ],
)
def test_a_wrong_theatre_is_told_its_mistake(server, handler, part, told, monkeypatch):
    """No threads, threads put last, no lock, a lock too wide."""
    impatient(monkeypatch)
    assert told in message("06.2", part, server, handler)


@pytest.mark.parametrize(
    "sell", [COUNTED_THEN_READ, READ_THEN_TAKEN, COUNTS_IN_TWO_LOCKS, LOOKS_BEFORE_THE_LOCK]
)
def test_a_lock_given_back_too_early_needs_no_luck_to_be_found(sell, monkeypatch):
    """One handler is held up at each of its looks at the count, whoever else is about."""
    impatient(monkeypatch)
    with bench_at(None) as bench, pytest.raises(CaseError, match="sold = "):
        threading_mixin.none_comes_between(bench, theatre(), unlocked(sell))


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


def window_function(request, client_address, server):
    """A plain function; the lock is taken and given back by hand."""
    request.recv(4096)
    server.lock.acquire()
    try:
        left = server.seats - server.sold
        server.sold += left > 0
        text = f"seat {server.sold}" if left > 0 else "sold out"
    finally:
        server.lock.release()
    request.sendall(f"HTTP/1.0 200 OK\r\n\r\n{text}".encode())


class SellsItself(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """The server knows the rule; looks twice, since the first time nobody is kept waiting."""

    sold = 0
    seats = 5
    _plan = threading.Condition()

    def take(self):
        if self.sold >= self.seats:
            return None
        with self._plan:
            if self.sold >= self.seats:
                return None
            self.sold = mine = self.sold + 1
        return mine


class AsksTheServer(socketserver.StreamRequestHandler):
    __slots__ = ()

    def handle(self):
        while self.rfile.readline().strip():
            pass
        match self.server.take():
            case None:
                text = b"sold out"
            case number:
                text = b"seat %d" % number
        for part in (b"HTTP/1.0 200 OK", b"\r\n" * 2, text):
            self.wfile.write(part)


@dataclass
class DataHandler:
    """A dataclass that does its work when it is made."""

    request: object
    client_address: tuple
    server: object

    def __post_init__(self):
        self.request.recv(1000)
        with self.server.lock:
            if free := self.server.sold != self.server.seats:
                self.server.sold += 1
            text = ("sold out", f"seat {self.server.sold}")[free]
        self.request.sendall("\r\n".join(["HTTP/1.0 200 OK", "", text]).encode())


@pytest.mark.parametrize(
    "server, handler",
    [
        (theatre(), ByTheBook),
        (OwnInit, window()),
        (theatre(), window_function),
        (OwnInit, functools.partial(window_function)),
        (SellsItself, AsksTheServer),
        (theatre(), DataHandler),
        (theatre(), replies(b"HTTP/1.0 200 OK\r\n\r\n")),
    ],
)
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


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(
            desk(BASES, f"{SERVER}, {MIXIN}"),
            "thinking",
            "ThreadingMixIn comes after the server among the bases",
            id="learners-11",
        ),
        pytest.param(desk(BASES, SERVER), "thinking", "without a mix-in", id="learners-10"),
        pytest.param(desk(COUNT, NAMED), "numbers", "from the name of a thread", id="learners-25"),
        (desk(COUNT, NUMBERED), "numbers", "ValueError: invalid literal for int()"),
        (desk(COUNTED, "Desk.visitors += 1\n"), "numbers", "from a count that all desks share?"),
        pytest.param(
            desk(DAEMONS, "pass"), "the end", "server_close() waits for the", id="learners-9"
        ),
        pytest.param(
            desk(DAEMONS, "block_on_close = False"),
            "the end",
            "the handler's thread isn't a daemon, so the program can't end",
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


@pytest.mark.timeout(120)
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
            "The handler has its own thread, so the loop is free to end",
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
            "the handler's thread isn't a daemon, so Python waits",
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


def late(seconds, call, what):
    raise overdue(seconds, what)


@pytest.mark.parametrize("part", ["close", "end"])
def test_a_program_of_the_check_that_is_late_is_not_held_against_the_answer(part, monkeypatch):
    monkeypatch.setattr(threading_mixin, "within", late)
    with pytest.raises(CannotCheckError, match="for the program; it never came"):
        check("06.4", *RUNS.values(), part=part)
