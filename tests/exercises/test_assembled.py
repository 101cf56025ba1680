"""Wrong answers to the exercises of chapter 09 are told what is wrong with them."""

import functools
import http
import http.server
import io
import itertools
import os
import queue
import socketserver
import threading
import xmlrpc.server
from dataclasses import dataclass, field

import pytest

import minisocketserver
from socketlab import check
from socketlab.checks.bench import bench_at
from socketlab.checks.case import CaseError
from socketlab.exercises import assembled

from .helpers import impatient, message

PARENTS = (
    "JournalMixIn, minisocketserver.ThreadingMixIn, minisocketserver.TCPServer, "
    "xmlrpc.server.SimpleXMLRPCDispatcher"
)
SWITCHBOARD = f"""
class JournalMixIn:
    def _dispatch(self, method, params):
        went_well = False
        try:
            result = super()._dispatch(method, params)
            went_well = True
            return result
        finally:
            self.journal.append((method, went_well))

class Switchboard({PARENTS}):
    daemon_threads = True
    logRequests = False
    def __init__(self, address):
        self.journal = []
        xmlrpc.server.SimpleXMLRPCDispatcher.__init__(self, allow_none=True)
        handler = xmlrpc.server.SimpleXMLRPCRequestHandler
        minisocketserver.TCPServer.__init__(self, address, handler)
"""
IN_FINALLY = """        finally:
            self.journal.append((method, went_well))
"""


def switchboard(old="", new=""):
    """Return the two names of 09.1, with a part of them replaced."""
    assert old in SWITCHBOARD
    source = SWITCHBOARD.replace(old, new) if old else SWITCHBOARD
    names = {"minisocketserver": minisocketserver, "socketserver": socketserver, "xmlrpc": xmlrpc}
    exec(source, names)
    return names["JournalMixIn"], names["Switchboard"]


def parents(*order):
    """Return the two names, with the parents in another order, or fewer of them."""
    names = PARENTS.split(", ")
    return switchboard(PARENTS, ", ".join(names[place] for place in order))


@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(parents(0, 2, 3, 1), "at once", "is found in the first", id="learners-11"),
        pytest.param(parents(0, 2, 3), "at once", "one call after the other", id="learners-10"),
        pytest.param(
            parents(1, 2, 3, 0), "journal", "found in SimpleXMLRPCDispatcher first", id="last"
        ),
        pytest.param(
            switchboard("minisocketserver", "socketserver"),
            "calls",
            "the standard library's ThreadingMixIn",
            id="on loan",
        ),
        pytest.param(
            switchboard(
                "        xmlrpc.server.SimpleXMLRPCDispatcher.__init__(self, allow_none=True)\n"
            ),
            "calls",
            "no attribute 'funcs'",
            id="one constructor of two",
        ),
        pytest.param(
            switchboard("    logRequests = False\n"),
            "calls",
            "no attribute 'logRequests'",
            id="no logRequests",
        ),
        pytest.param(
            switchboard("    daemon_threads = True\n"),
            "calls",
            "without daemon_threads",
            id="learners-9",
        ),
        pytest.param(
            switchboard("allow_none=True"), "calls", "cannot marshal None", id="nothing for None"
        ),
        pytest.param(
            switchboard("            return result\n"),
            "calls",
            "does _dispatch return the result?",
            id="no return",
        ),
        pytest.param(
            switchboard(IN_FINALLY, f"        except Exception:\n            pass\n{IN_FINALLY}"),
            "calls",
            "is the exception swallowed?",
            id="swallows",
        ),
        pytest.param(
            switchboard(
                "    def __init__(self, address):\n        self.journal = []\n",
                "    journal = []\n    def __init__(self, address):\n",
            ),
            "journal",
            "in another Switchboard's journal",
            id="one journal for all",
        ),
        pytest.param(
            switchboard("        self.journal = []\n"),
            "journal",
            "no attribute 'journal'",
            id="no journal",
        ),
        pytest.param(
            switchboard(IN_FINALLY, "        finally:\n            pass\n"),
            "journal",
            "[]",
            id="empty journal",
        ),
        pytest.param(
            switchboard(
                "super()._dispatch(", "xmlrpc.server.SimpleXMLRPCDispatcher._dispatch(self, "
            ),
            "journal",
            "and AttributeError",
            id="names the next",
        ),
    ],
)
def test_a_wrong_switchboard_is_told_its_mistake(answer, part, told, monkeypatch):
    impatient(monkeypatch)
    came = next(line for line in message("09.1", part, *answer).splitlines() if "Got:" in line)
    assert told in came


def test_our_switchboard_passes_without_a_word(capfd):
    check("09.1", *switchboard())
    printed, errors = capfd.readouterr()
    assert [line[:6] for line in printed.splitlines()] == ["✓ 09.1"] * 3
    assert errors == ""


class CallServer(socketserver.ThreadingMixIn, xmlrpc.server.SimpleXMLRPCServer):
    pass


class MixInLast(xmlrpc.server.SimpleXMLRPCServer, socketserver.ThreadingMixIn):
    pass


class Tickets:
    def __init__(self):
        self.number = 0
        self.lock = threading.Lock()

    def next(self):
        with self.lock:
            self.number += 1
            return self.number


class NoLock(Tickets):
    def next(self):
        self.number += 1
        return self.number


class LockedTooShort(Tickets):
    def next(self):
        with self.lock:
            self.number += 1
        return self.number


class LockEach(Tickets):
    def next(self):
        with threading.Lock():
            self.number += 1
            return self.number


class NeverReleases(Tickets):
    def next(self):
        self.lock.acquire()
        self.number += 1
        return self.number


class Shared:
    number = 0
    lock = threading.Lock()

    def next(self):
        with self.lock:
            Shared.number += 1
            return Shared.number


class FromZero(Tickets):
    def next(self):
        return super().next() - 1


@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(
            (xmlrpc.server.SimpleXMLRPCServer, Tickets),
            "at once",
            "one call after the other",
            id="learners-10",
        ),
        pytest.param((MixInLast, Tickets), "at once", "is found in the first", id="learners-11"),
        pytest.param((CallServer, NoLock), "tickets", "sold twice", id="no lock"),
        pytest.param((CallServer, LockedTooShort), "tickets", "sold twice", id="too short"),
        pytest.param((CallServer, LockEach), "tickets", "sold twice", id="a lock each"),
        pytest.param((CallServer, NeverReleases), "tickets", "not given back?", id="held"),
        pytest.param((CallServer, FromZero), "calls", "[0, 1, 2]", id="from zero"),
    ],
)
def test_a_wrong_ticket_office_is_told_its_mistake(answer, part, told, monkeypatch):
    impatient(monkeypatch)
    assert told in message("09.2", part, *answer)


def test_a_number_for_all_rolls_is_noticed():
    Shared.number = 0
    assert "do they share their number?" in message("09.2", "calls", CallServer, Shared)


@pytest.mark.parametrize("tickets", [NoLock, LockedTooShort, LockEach])
def test_a_lock_given_back_too_early_needs_no_luck_to_be_found(tickets, monkeypatch):
    """One thread is held up at each of its looks at the roll, whoever else is about."""
    impatient(monkeypatch)
    with (
        bench_at(None) as bench,
        pytest.raises(CaseError, match="is the lock held till the number"),
    ):
        assembled.nobody_comes_between(bench, tickets)


class Conditioned:
    """Slots, and a number that is taken away from what is left."""

    __slots__ = ("_left", "_turn")
    most = 10**6

    def __init__(self):
        self._turn = threading.Condition()
        self._left = self.most

    def next(self):
        self._turn.acquire()
        try:
            self._left -= 1
            return self.most - self._left
        finally:
            self._turn.release()


@dataclass(slots=True)
class Generated:
    """A generator, which two threads must not enter at once."""

    lock: object = field(default_factory=threading.RLock)
    numbers: object = field(init=False)

    def __post_init__(self):
        self.numbers = self.count()

    def count(self):
        number = 1
        while True:
            yield number
            number += 1

    def next(self):
        with self.lock:
            return self.numbers.send(None)


class Enclosed:
    """A function in a function: nothing but `next` is an attribute."""

    def __init__(self):
        number, lock = 0, threading.Lock()

        def take():
            nonlocal number
            with lock:
                number += 1
                return number

        self.next = take


class Counted:
    def __init__(self):
        self.numbers = itertools.count(1)

    def next(self):
        return next(self.numbers)


class Queued(CallServer):
    daemon_threads = True


class Printed:
    """A roll printed in advance."""

    def __init__(self):
        self.roll = queue.SimpleQueue()
        for number in range(1, 1000):
            self.roll.put(number)

    def next(self):
        print("sold")
        return self.roll.get()


class CallsOnThreads(socketserver.ThreadingMixIn, xmlrpc.server.SimpleXMLRPCServer):
    """The mix-in's work, done by hand."""

    def process_request(self, *job):
        threading.Thread(target=lambda: self.process_request_thread(*job), daemon=True).start()


@pytest.mark.parametrize(
    "answer",
    [
        (CallServer, Tickets),
        (Queued, Printed),
        (Queued, Counted),
        (CallsOnThreads, Conditioned),
        (CallServer, Generated),
        (CallServer, Enclosed),
    ],
)
def test_a_right_ticket_office_passes_in_any_style(answer):
    check("09.2", *answer)


class Web(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


class Pages(http.server.SimpleHTTPRequestHandler):
    greeting = "¡Buenos días!".encode()

    def __init__(self, *args, folder):
        super().__init__(*args, directory=folder)

    def do_GET(self):
        if self.path != "/hello":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.greeting)
        return None

    def log_message(self, format, *args):
        pass


class WebLast(http.server.HTTPServer, socketserver.ThreadingMixIn):
    daemon_threads = True


class NeverHangsUp(Web):
    def shutdown_request(self, request):
        pass


class TellsTooLate(Pages):
    def __init__(self, *args, folder):
        super(Pages, self).__init__(*args)
        self.directory = folder


class GoesOn(Pages):
    """Greets after each page, too."""

    def do_GET(self):
        if self.path != "/hello":
            super().do_GET()
            self.path = "/hello"
        super().do_GET()


class SaysItTwice(Pages):
    def do_GET(self):
        self.send_response(200)
        if self.path != "/hello":
            return super().do_GET()
        self.end_headers()
        self.wfile.write(self.greeting)


class ChangesFolder(Pages):
    def __init__(self, *args, folder):
        os.chdir(folder)
        super(Pages, self).__init__(*args)


class Text(Pages):
    greeting = "¡Buenos días!"


class Latin(Pages):
    greeting = "¡Buenos días!".encode("latin-1")


@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param((WebLast, Pages), "at once", "BaseServer's own", id="learners-11"),
        pytest.param(
            (http.server.HTTPServer, Pages), "at once", "BaseServer's own", id="learners-10"
        ),
        pytest.param((NeverHangsUp, Pages), "the end", "what closes the", id="never ends"),
        pytest.param((Web, TellsTooLate), "folder", "after super().__init__()", id="learners-6"),
        pytest.param((Web, SaysItTwice), "folder", "two status lines", id="twice"),
        pytest.param((Web, GoesOn), "folder", "does do_GET go on after", id="goes on"),
        pytest.param((Web, ChangesFolder), "folder", "chdir is for all threads", id="chdir"),
        pytest.param((Web, Text), "hello", "required, not 'str'", id="learners-7"),
        pytest.param((Web, Latin), "hello", "UnicodeDecodeError", id="latin"),
    ],
)
def test_a_bug_left_in_is_named(answer, part, told, monkeypatch, tmp_path):
    impatient(monkeypatch)
    monkeypatch.chdir(tmp_path)
    came = next(line for line in message("09.3", part, *answer).splitlines() if "Got:" in line)
    assert told in came


class SetsBefore(Pages):
    def __init__(self, *args, folder):
        self.folder = folder
        super(Pages, self).__init__(*args)

    def translate_path(self, path):
        self.directory = self.folder
        return super().translate_path(path)


class InSetup(http.server.SimpleHTTPRequestHandler):
    """What it needs is there before the first step; the greeting has a length."""

    def __init__(self, *args, folder, **more):
        self.folder = folder
        super().__init__(*args, **more)

    def setup(self):
        super().setup()
        self.directory = self.folder

    def do_GET(self):
        match self.path:
            case "/hello":
                body = bytes("¡Buenos días!", "utf-8")
                self.send_response(http.HTTPStatus.OK)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            case _:
                super().do_GET()

    def log_message(self, *_): ...


class Delegates(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    block_on_close = False

    def shutdown_request(self, request):
        super().shutdown_request(request)


class GreetsInAFile(Pages):
    """The text by way of a file of text on top of wfile."""

    def do_GET(self):
        if self.path == "/hello":
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.end_headers()
            with io.TextIOWrapper(io.BytesIO(), "utf-8") as text:
                text.write("¡Buenos días!")
                text.flush()
                self.wfile.write(text.buffer.getbuffer())
            return
        super().do_GET()


def pages(*args, folder):
    """A function that makes the handler."""
    return Pages(*args, folder=folder)


@pytest.mark.parametrize(
    "answer",
    [
        (Web, Pages),
        (http.server.ThreadingHTTPServer, SetsBefore),
        (Delegates, InSetup),
        (Web, GreetsInAFile),
        (Delegates, pages),
        (Web, functools.partial(pages)),
    ],
)
def test_a_mended_site_passes(answer):
    check("09.3", *answer)


def forecast(who="sstptp", noticed=(False, True, False, False, True)):
    return list(who), list(noticed)


forks = pytest.mark.skipif(not hasattr(minisocketserver, "ForkingMixIn"), reason="no fork here")


@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(forecast("sttptp"), "who", "behind the server", id="learners-11", marks=forks),
        pytest.param(forecast("sstppp"), "who", "don't add up", id="both", marks=forks),
        pytest.param(forecast("ssspts"), "who", "whatever the server's", id="udp", marks=forks),
        pytest.param(forecast(noticed=[True] * 5), "noticed", "are closed", id="closed"),
        pytest.param(forecast(noticed=[False] * 5), "noticed", "a second time", id="second"),
        pytest.param(
            forecast(noticed=[False, True, True, False, True]), "noticed", "turned away", id="away"
        ),
        pytest.param(
            forecast(noticed=[False, True, False, True, True]), "noticed", "No handler", id="quiet"
        ),
        pytest.param(
            forecast(noticed=[False, True, False, False, False]), "noticed", "travel on", id="first"
        ),
    ],
)
def test_a_wrong_forecast_is_told_why(answer, part, told):
    came = next(line for line in message("09.4", part, *answer).splitlines() if "Got:" in line)
    assert told in came


@forks
def test_a_right_forecast_passes():
    check("09.4", *forecast())
    check("09.4", *map(tuple, forecast()))
