"""Wrong answers to the exercises of chapter 07 are told their mistake; right ones pass."""

import os
import socketserver
import sys

import pytest

import minisocketserver
from socketlab import check, hint
from socketlab.checks import forking_mixin

from .helpers import message

if not hasattr(os, "fork"):
    pytest.skip("this system cannot fork", allow_module_level=True)

Right = minisocketserver.ForkingMixIn


class NoFork(Right):
    def process_request(self, request, client_address):
        self.finish_request(request, client_address)
        self.shutdown_request(request)


class ComesBack(Right):
    """The first version of the chapter."""

    def process_request(self, request, client_address):
        if os.fork() == 0:
            super(Right, self).process_request(request, client_address)


class LeavesPolitely(Right):
    def _run_child(self, request, client_address):
        self.finish_request(request, client_address)
        self.shutdown_request(request)
        sys.exit(0)


class ExitsOnlyAfterSuccess(Right):
    def _run_child(self, request, client_address):
        self.finish_request(request, client_address)
        self.shutdown_request(request)
        os._exit(0)


class AlwaysWell(Right):
    def _run_child(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)
            os._exit(0)


class NoGoodbye(Right):
    def _run_child(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        finally:
            os._exit(0)


class ParentSaysGoodbye(Right):
    def process_request(self, request, client_address):
        pid = os.fork()
        if pid == 0:
            self._run_child(request, client_address)
        self.active_children = (self.active_children or set()) | {pid}
        self.shutdown_request(request)


class ParentHolds(Right):
    def process_request(self, request, client_address):
        pid = os.fork()
        if pid == 0:
            self._run_child(request, client_address)
        self.active_children = (self.active_children or set()) | {pid}


class WaitsAtOnce(Right):
    def process_request(self, request, client_address):
        super().process_request(request, client_address)
        self.collect_children(blocking=True)


class NeverAsks(Right):
    def collect_children(self, *, blocking=False):
        pass


class NotesNobody(Right):
    def process_request(self, request, client_address):
        super().process_request(request, client_address)
        self.active_children = None


class AsksForAny(Right):
    """The obvious way, of section 5."""

    def collect_children(self, *, blocking=False):
        while self.active_children:
            try:
                pid, _ = os.waitpid(-1, 0 if blocking else os.WNOHANG)
            except ChildProcessError:
                self.active_children.clear()
                break
            if pid == 0:
                break
            self.active_children.discard(pid)


class AlwaysBlocks(Right):
    def collect_children(self, *, blocking=False):
        super().collect_children(blocking=True)


class TripsOverTheCollected(Right):
    def collect_children(self, *, blocking=False):
        for pid in list(self.active_children or ()):
            ended, _ = os.waitpid(pid, 0 if blocking else os.WNOHANG)
            self.active_children.discard(ended)


class NeverWaits(Right):
    def server_close(self):
        super(Right, self).server_close()
        self.collect_children()


class NeverCloses(Right):
    def server_close(self):
        self.collect_children(blocking=self.block_on_close)


class NoLimit(Right):
    def has_capacity(self):
        return True


class OneTooMany(Right):
    def has_capacity(self):
        return len(self.active_children or ()) <= self.max_children


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "wrong, part, told",
    [
        (NoFork, "child", "an answer from the server's own process: nobody forked"),
        (ComesBack, "child", "a child came back into the program of its parent (process_request"),
        (LeavesPolitely, "child", "it left with SystemExit, as sys.exit() does"),
        (ExitsOnlyAfterSuccess, "child", "came back into the program of its parent"),
        (AlwaysWell, "child", "exit status 0 after a handler that raised"),
        (NoGoodbye, "child", "after success the child called no hook"),
        (ParentSaysGoodbye, "parent", "the parent called shutdown_request: the client is told"),
        (ParentHolds, "parent", "its hold of the connection still open: no close_request"),
        (WaitsAtOnce, "parent", "process_request back only when the child had ended"),
        pytest.param(NeverAsks, "collected", "3 zombies after service_actions()", id="learners-24"),
        pytest.param(
            NotesNobody, "collected", "active_children is None after three", id="learners-24-noted"
        ),
        (AlwaysBlocks, "collected", "service_actions() waits for a child at work"),
        (TripsOverTheCollected, "collected", "ChildProcessError"),
        (NeverWaits, "collected", "with block_on_close True, and the work not done"),
        (NeverCloses, "collected", "the listener still open"),
        (AsksForAny, "others", "is it waitpid(-1)?"),
        (NoLimit, "limit", "three at work"),
        (OneTooMany, "limit", "three at work"),
        (None, "child", "still blank"),
    ],
)
def test_a_wrong_mixin_is_told_its_mistake(wrong, part, told):
    """The message names this very mistake, whichever process made it."""
    assert told in message("07.1", part, wrong)


class FromTheTask:
    """Written from the task's text: all of the child in one place."""

    active_children = None
    max_children = 40
    block_on_close = True

    def process_request(self, request, client_address):
        child = os.fork()
        if child:
            self.active_children = self.active_children or set()
            self.active_children.add(child)
            return self.close_request(request)
        code = 0
        try:
            try:
                self.finish_request(request, client_address)
            except Exception:
                code = 1
                self.handle_error(request, client_address)
            self.shutdown_request(request)
        finally:
            os._exit(code)

    def collect_children(self, *, blocking=False):
        still = set()
        for child in self.active_children or set():
            try:
                if os.waitpid(child, 0 if blocking else os.WNOHANG) == (0, 0):
                    still.add(child)
            except ChildProcessError:
                pass
        self.active_children = still

    def service_actions(self):
        self.collect_children()

    def has_capacity(self):
        return not self.active_children or len(self.active_children) < self.max_children

    def server_close(self):
        super().server_close()
        self.collect_children(blocking=self.block_on_close)


@pytest.mark.parametrize("right", [Right, socketserver.ForkingMixIn, FromTheTask])
def test_a_right_mixin_passes_in_any_style(right, capfd):
    """The standard library's own, which keeps its limit in another way, and another."""
    check("07.1", right)
    printed, errors = capfd.readouterr()
    assert [line[:6] for line in printed.splitlines()] == ["✓ 07.1"] * 5
    assert errors == ""


PAGE = """
import multiprocessing, os, socketserver

class CountingServer(socketserver.ForkingTCPServer):
    def __init__(self, *args):
        super().__init__(*args)
        self.visitors = multiprocessing.Value("i", 0)

class Page(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.recv(65536)
        with self.server.visitors.get_lock():
            self.server.visitors.value += 1
            number = self.server.visitors.value
        self.request.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + f"visitor {number}".encode())
"""


def program(source, *changes, names):
    """Return the names of a program, with some things as the learner wrote them."""
    for old, new in changes:
        assert old in source
        source = source.replace(old, new)
    made = {"__name__": "__main__"}
    exec(source, made)
    return [made[name] for name in names]


def page(*changes):
    return program(PAGE, *changes, names=("CountingServer", "Page"))


LOCKED = """
        with self.server.visitors.get_lock():
            self.server.visitors.value += 1
            number = self.server.visitors.value
"""
BY_HAND = """
        lock = self.server.visitors.get_lock()
        lock.acquire()
        number = self.server.visitors.value = self.server.visitors.value + 1
        lock.release()
"""
VALUE = 'multiprocessing.Value("i", 0)'
PLAIN = ((VALUE, "0"), (".value", ""), ("with self.server.visitors.get_lock()", "if True"))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(page(*PLAIN), "count", "in a copy of its own?", id="learners-22"),
        (
            page(("with self.server.visitors.get_lock()", "if True")),
            "at once",
            "is all of it under get_lock()?",
        ),
        (page(("get_lock():", "get_lock(): pass\n        if True:")), "at once", "get_lock()?"),
        (page(("Forking", "Threading")), "page", "in the server's own process: where is the fork"),
        (page(('f"visitor {number}".encode()', '"visitor 1"')), "page", "TypeError"),
        (page(("self.request.recv(65536)", "pass")), "page", "the request was not received"),
        (page(("super().__init__(*args)", "pass")), "page", "AttributeError"),
    ],
)
def test_a_wrong_page_is_told_its_mistake(answer, part, told):
    """A plain number, no lock, a lock too short, threads."""
    assert told in message("07.2", part, *answer)


@pytest.mark.parametrize(
    "answer",
    [
        page(),
        page((LOCKED, BY_HAND)),
    ],
    ids=["with", "acquire"],
)
def test_a_right_page_passes(answer, capfd):
    """A ready-mixed class, and a lock taken and given back by hand."""
    check("07.2", *answer)
    printed, errors = capfd.readouterr()
    assert len(printed.splitlines()) == 3
    assert errors == ""


SHOP = """
import socketserver, sys

def server_class(module):
    if hasattr(module, "ForkingMixIn"):
        base = module.ForkingTCPServer
    else:
        base = module.ThreadingTCPServer
    class Shop(base):
        served = turns = 0
        def service_actions(self):
            super().service_actions()
            self.turns += 1
        def process_request(self, request, client_address):
            self.served += 1
            super().process_request(request, client_address)
    return Shop

class Logged(socketserver.BaseRequestHandler):
    def handle(self):
        name = self.request.recv(100).decode()
        print("serving", name)
        sys.stdout.flush()
        self.request.sendall(b"done")

def run(server):
    print("the shop is open")
    sys.stdout.flush()
    server.serve_forever()
"""


def shop(*changes):
    return program(SHOP, *changes, names=("server_class", "Logged", "run"))


IN_HANDLER = "name)\n        sys.stdout.flush()"
IN_RUN = 'open")\n    sys.stdout.flush()'
IN_CHILD = ('sendall(b"done")', 'sendall(b"done"); self.server.served += 1')


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(
            shop(('if hasattr(module, "ForkingMixIn")', "if True")),
            "elsewhere",
            "AttributeError",
            id="learners-23",
        ),
        pytest.param(
            shop(('if hasattr(module, "ForkingMixIn")', "if False")),
            "elsewhere",
            "without ForkingMixIn among its bases",
            id="learners-23-threads",
        ),
        (shop(("return Shop", "pass")), "elsewhere", "does server_class return the class?"),
        pytest.param(
            shop(("super().service_actions()", "pass")),
            "the dead",
            "2 zombies: was the mix-in's service_actions called?",
            id="learners-24",
        ),
        (shop(("self.turns += 1", "pass")), "the dead", "no zombies, but turns is 0 after"),
        (shop((IN_RUN, 'open")')), "the log", "the shop opens 3 times"),
        (shop((IN_HANDLER, "name)")), "the log", "a customer is missing"),
        pytest.param(
            shop(("self.served += 1", "pass"), IN_CHILD),
            "the count",
            "0: did the children count, each in its copy?",
            id="learners-22",
        ),
    ],
)
def test_a_bug_left_in_the_shop_is_named(answer, part, told):
    """Each of the four complaints has a part of its own."""
    assert told in message("07.3", part, *answer)


def test_a_mended_shop_passes(capfd):
    """With the ready-mixed classes and another hook of the parent."""
    check("07.3", *shop())
    printed, errors = capfd.readouterr()
    assert len(printed.splitlines()) == 4
    assert errors == ""


RUNS = {
    "told": [1, 1, 1, 0],
    "printed": [1, 0, 3, 2, 1, 2],
    "zombies": [3, 0],
    "after_fork": [1, False, True],
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "wrong, part, told",
    [
        pytest.param(
            {"told": [1, 2, 3, 3]}, "told", "2 in place 2; the run says", id="learners-22"
        ),
        pytest.param({"told": [1, 1, 1, 3]}, "told", "nothing came home", id="learners-22-parent"),
        ({"printed": [1, 2, 1, 2, 1, 2]}, "printed", "which os._exit throws away"),
        ({"printed": [1, 0, 1, 2, 1, 2]}, "printed", "Each child has a copy of the buffer"),
        pytest.param(
            {"zombies": [0, 0]}, "zombies", "do not vanish by themselves", id="learners-24"
        ),
        ({"zombies": [3, 3]}, "zombies", "server_close() waits for the children"),
        pytest.param(
            {"after_fork": [4, False, True]},
            "fork and threads",
            "Only the thread that calls fork exists in the child",
            id="learners-24-threads",
        ),
        ({"after_fork": [1, True, True]}, "fork and threads", "copied as it was, held"),
    ],
)
def test_a_wrong_forecast_is_told_the_misconception(wrong, part, told):
    """A real run decides; the message says what led there, and not the answer."""
    assert told in message("07.4", part, *(RUNS | wrong).values())


def test_a_right_forecast_passes(capfd):
    """Lists or tuples."""
    check("07.4", *map(tuple, RUNS.values()))
    assert len(capfd.readouterr().out.splitlines()) == 4


def test_where_nobody_can_fork_a_sentence_says_so(monkeypatch):
    """As on Windows."""
    monkeypatch.delattr(forking_mixin.os, "fork")
    assert "this system cannot fork" in message("07.1", "child", Right)


@pytest.mark.parametrize("exercise", ["07.1", "07.2", "07.3", "07.4"])
def test_three_hints(exercise, capsys):
    """From a nudge to nearly the answer."""
    for number in (1, 2, 3):
        hint(exercise, number)
        assert f"Hint {number} of 3" in capsys.readouterr().out
