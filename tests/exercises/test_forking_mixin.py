"""Wrong answers to the exercises of chapter 07 are told their mistake; right ones pass."""

import functools
import multiprocessing
import os
import socketserver
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import pytest

import minisocketserver
from socketlab import check, hint
from socketlab.checks.bench import bench_at
from socketlab.checks.case import CaseError
from socketlab.exercises import forking_mixin

from .helpers import a_copy_of, message

if not hasattr(os, "fork"):
    pytest.skip("this system cannot fork", allow_module_level=True)

Right = a_copy_of(minisocketserver.ForkingMixIn)


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


class MisspeltHook(Right):
    def _run_child(self, request, client_address):
        status = 1
        try:
            self.finish_requst(request, client_address)
            status = 0
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)
            os._exit(status)


class ReportsValueErrorsOnly(Right):
    def _run_child(self, request, client_address):
        status = 1
        try:
            self.finish_request(request, client_address)
            status = 0
        except ValueError:
            self.handle_error(request, client_address)
        finally:
            try:
                self.shutdown_request(request)
            finally:
                os._exit(status)


class NoLastFinally(Right):
    def _run_child(self, request, client_address):
        status = 1
        try:
            self.finish_request(request, client_address)
            status = 0
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)
            os._exit(status)


class TrustsTheReport(Right):
    def _run_child(self, request, client_address):
        status = 1
        try:
            self.finish_request(request, client_address)
            status = 0
        except Exception:
            self.handle_error(request, client_address)
        try:
            self.shutdown_request(request)
        finally:
            os._exit(status)


class LetsGoByHand(Right):
    def process_request(self, request, client_address):
        pid = os.fork()
        if pid == 0:
            self._run_child(request, client_address)
        self.active_children = (self.active_children or set()) | {pid}
        request.close()


class ClosesLast(Right):
    def server_close(self):
        self.collect_children(blocking=self.block_on_close)
        super(Right, self).server_close()


class ClosesByHand(Right):
    def server_close(self):
        self.socket.close()
        self.collect_children(blocking=self.block_on_close)


class WaitsForOne(Right):
    def collect_children(self, *, blocking=False):
        if blocking and self.active_children:
            os.waitpid(min(self.active_children), 0)
        super().collect_children()


class OneSetForAll(Right):
    def process_request(self, request, client_address):
        super().process_request(request, client_address)
        type(self).active_children = vars(self).pop("active_children")


class ReportsTheWrongWayRound(Right):
    def _run_child(self, request, client_address):
        status = 1
        try:
            self.finish_request(request, client_address)
            status = 0
        except Exception:
            self.handle_error(client_address, request)
        finally:
            try:
                self.shutdown_request(request)
            finally:
                os._exit(status)


class CollectsOnlyToWait(Right):
    def server_close(self):
        super(Right, self).server_close()
        if self.block_on_close:
            self.collect_children(blocking=True)


@pytest.mark.timeout(120)
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
        (MisspeltHook, "child", "has no attribute 'finish_requst'"),
        (ReportsValueErrorsOnly, "child", "after a handler that raised the child called shutdown"),
        (NoLastFinally, "child", "RuntimeError: a bug in shutdown_request"),
        (TrustsTheReport, "child", "RuntimeError: a bug in handle_error"),
        (LetsGoByHand, "parent", "the parent's hold closed by hand"),
        (ClosesLast, "collected", "server_close() waits, and the listener is still open"),
        (ClosesByHand, "collected", "the listener closed by hand"),
        (WaitsForOne, "collected", "1 of two children left"),
        (OneSetForAll, "collected", "is it on the class?"),
        (ReportsTheWrongWayRound, "child", "handle_error called with ('127.0.0.1'"),
        (CollectsOnlyToWait, "collected", "False, a zombie after server_close()"),
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


class WithAContext:
    """The child's whole life is a with block, and nobody is noted before there is a set."""

    active_children, max_children, block_on_close = None, 40, True

    @contextmanager
    def _life(self, request):
        self.status = 0
        try:
            try:
                yield
            finally:
                self.shutdown_request(request)
        except BaseException:
            self.status = 1
        finally:
            os._exit(self.status)

    def process_request(self, *job):
        if pid := os.fork():
            if self.active_children is None:
                self.active_children = set()
            self.active_children |= {pid}
            self.close_request(job[0])
            return
        with self._life(job[0]):
            try:
                self.finish_request(*job)
            except Exception:
                self.status = 1
                self.handle_error(*job)

    def collect_children(self, *, blocking=False):
        flags = 0 if blocking else os.WNOHANG
        for pid in tuple(self.active_children or ()):
            with suppress(ChildProcessError):
                if os.waitpid(pid, flags)[0] == 0:
                    continue
            self.active_children.remove(pid)

    def service_actions(self):
        super().service_actions()
        self.collect_children()

    def has_capacity(self):
        return self.max_children > len(self.active_children or [])

    def server_close(self):
        super().server_close()
        self.collect_children(blocking=self.block_on_close)


class WaitsInTurn(WithAContext):
    """waitid, which says more, and a loop that asks again and again."""

    def process_request(self, request, client_address):
        pid = os.fork()
        if not pid:
            os._exit(self.run(request, client_address))
        self.active_children = {pid, *(self.active_children or ())}
        self.close_request(request)

    def run(self, *job):
        """Return the exit status; never raise anything."""
        try:
            with ExitStack() as stack:
                stack.callback(self.shutdown_request, job[0])
                try:
                    self.finish_request(*job)
                    return 0
                except Exception:
                    self.handle_error(*job)
                    return 1
        except BaseException:
            return 1

    def _has_ended(self, pid):
        try:
            return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG) is not None
        except ChildProcessError:
            return True

    def collect_children(self, *, blocking=False):
        while left := {pid for pid in self.active_children or () if not self._has_ended(pid)}:
            if not blocking:
                break
            self.active_children = left
            time.sleep(0.01)
        if self.active_children is not None:
            self.active_children = left


@pytest.mark.parametrize(
    "right", [Right, a_copy_of(socketserver.ForkingMixIn), FromTheTask, WithAContext, WaitsInTurn]
)
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
HELD = """
        with self.server.visitors:
            self.server.visitors.value = number = self.server.visitors.value + 1
"""
READ_OUTSIDE = LOCKED.replace("            number", "        number")
WRITTEN_OUTSIDE = """
        with self.server.visitors.get_lock():
            number = self.server.visitors.value + 1
        self.server.visitors.value = number
"""
HEAD = 'b"HTTP/1.0 200 OK\\r\\n\\r\\n"'
VALUE = 'multiprocessing.Value("i", 0)'
PLAIN = ((VALUE, "0"), (".value", ""), ("with self.server.visitors.get_lock()", "if True"))


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(page(*PLAIN), "count", "in a copy of its own?", id="learners-22"),
        (
            page(("with self.server.visitors.get_lock()", "if True")),
            "at once",
            "lock",
        ),
        (page(("get_lock():", "get_lock(): pass\n        if True:")), "at once", "lock"),
        (page(("Forking", "Threading")), "page", "in the server's own process: where is the fork"),
        (page(('f"visitor {number}".encode()', '"visitor 1"')), "page", "TypeError"),
        (page(("self.request.recv(65536)", "pass")), "page", "the request was not received"),
        (page(("super().__init__(*args)", "pass")), "page", "AttributeError"),
        (page(("self.visitors =", "CountingServer.visitors =")), "page", "one visitors for two"),
        (page((HEAD, HEAD.replace("\\r", ""))), "page", "ended by \\n alone"),
        (page((HEAD, HEAD.replace("\\r", "", 1))), "page", "ended by \\n alone"),
        (page((HEAD, HEAD.replace(" OK", ""))), "page", "the first line b'HTTP/1.0 200'"),
        (page((LOCKED, READ_OUTSIDE)), "at once", "lock"),
        (page((LOCKED, WRITTEN_OUTSIDE)), "at once", "lock"),
    ],
)
def test_a_wrong_page_is_told_its_mistake(answer, part, told):
    """A plain number, no lock, a lock too short, threads."""
    assert told in message("07.2", part, *answer)


@pytest.mark.parametrize("counted", [READ_OUTSIDE, WRITTEN_OUTSIDE])
def test_a_lock_given_back_too_early_needs_no_luck_to_be_found(counted):
    """One child is held up at each of its looks at the value, whoever else is about."""
    with (
        bench_at(None) as bench,
        pytest.raises(CaseError, match="is the lock held from the first use"),
    ):
        forking_mixin.nobody_comes_between(bench, *page((LOCKED, counted)))


class CountingServer(socketserver.ForkingMixIn, socketserver.TCPServer):
    """A value without a lock, and a lock."""

    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        self.visitors = multiprocessing.Value("q", 0, lock=False)
        self.turn = multiprocessing.RLock()
        super().__init__(server_address, RequestHandlerClass, bind_and_activate)

    def one_more(self):
        with self.turn:
            self.visitors.value += 1
            return self.visitors.value


def page_function(request, client_address, server):
    """A plain function will do."""
    request.recv(65536)
    text = f"visitor {server.one_more()}"
    request.sendall(b"\r\n".join([b"HTTP/1.0 200 OK", b"", text.encode()]))


class PageOfLines(socketserver.StreamRequestHandler):
    def setup(self):
        super().setup()
        self.number = self.server.one_more()

    def handle(self):
        for line in self.rfile:
            if line == b"\r\n":
                break
        for line in ("HTTP/1.0 200 OK", "", f"visitor {self.number}"):
            self.wfile.write(f"{line}\r\n".encode())


@dataclass
class DataPage:
    """A dataclass that does its work when it is made."""

    request: object
    client_address: tuple
    server: object

    def __post_init__(self):
        with self.request:
            self.request.recv(1 << 16)
            page_text = b"visitor %d" % self.server.one_more()
            self.request.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + page_text)


@pytest.mark.parametrize(
    "answer",
    [
        page(),
        page((LOCKED, BY_HAND)),
        page((LOCKED, HELD)),
        (CountingServer, page_function),
        (CountingServer, functools.partial(page_function)),
        (CountingServer, PageOfLines),
        (CountingServer, DataPage),
    ],
    ids=["with", "acquire", "with the value", "function", "partial", "stream", "dataclass"],
)
def test_a_right_page_passes(answer, capfd):
    """A ready-mixed class, a lock taken and given back by hand, handlers of all kinds."""
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


@pytest.mark.timeout(120)
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
        (shop(("self.served +=", "Shop.served +=")), "elsewhere", "are they the class's?"),
        (shop(IN_CHILD), "elsewhere", "served is 2: is she counted in two places?"),
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


COUNTS = """
        def process_request(self, request, client_address):
            self.served += 1
            super().process_request(request, client_address)
"""
TAKES = """
        def get_request(self):
            pair = super().get_request()
            self.served = self.served + 1
            return pair
"""
CHOICE = """    if hasattr(module, "ForkingMixIn"):
        base = module.ForkingTCPServer
    else:
        base = module.ThreadingTCPServer
"""
NAMED = """    mixins = [getattr(module, name, None) for name in ("ForkingMixIn", "ThreadingMixIn")]
    base = type("Base", (next(filter(None, mixins)), module.TCPServer), {})
"""
TRIED = """    try:
        mixin = module.ForkingMixIn
    except AttributeError:
        mixin = module.ThreadingMixIn
    class base(mixin, module.TCPServer): pass
"""
WRITES = """
        print("serving", name)
        sys.stdout.flush()
        self.request"""
ONE_CALL = """
        print("serving", name, flush=True)
        self.request"""


@pytest.mark.parametrize(
    "answer",
    [
        shop(),
        shop((COUNTS, TAKES)),
        shop((CHOICE, NAMED)),
        shop((CHOICE, TRIED), (COUNTS, TAKES)),
        shop((WRITES, ONE_CALL)),
        shop(("    server.serve_forever()", "    with server:\n        server.serve_forever()")),
    ],
)
def test_a_mended_shop_passes(answer, capfd):
    """The ready-mixed classes or one's own, and several hooks of the parent."""
    check("07.3", *answer)
    printed, errors = capfd.readouterr()
    assert len(printed.splitlines()) == 4
    assert errors == ""


RUNS = {
    "told": [1, 1, 1, 0],
    "printed": [1, 0, 3, 2, 1, 2],
    "zombies": [3, 0],
    "after_fork": [1, False, True],
}


@pytest.mark.timeout(120)
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
