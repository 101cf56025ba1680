"""Wrong answers to the exercises of chapter 06 are told their mistake; right ones pass."""

import functools
import http.server
import itertools
import socketserver
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from weakref import WeakSet

import pytest

import minisocketserver
from socketlab import check, hint
from socketlab.checks.bench import bench_at
from socketlab.checks.case import CannotCheckError, CaseError
from socketlab.exercises import threading_mixin
from socketlab.notebook.running import overdue

from .helpers import a_copy_of, impatient, message

Right = a_copy_of(minisocketserver.ThreadingMixIn)


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


class OneSetForAll(a_copy_of(minisocketserver.ThreadingMixIn)):
    _threads = WeakSet()  # noqa: RUF012  # the very mistake

    def process_request(self, request, client_address):
        work = self.process_request_thread
        thread = threading.Thread(target=work, args=(request, client_address))
        thread.start()
        self._threads.add(thread)


class OneSetForAClass(Right):
    def process_request(self, request, client_address):
        super().process_request(request, client_address)
        if "_threads" in vars(self):
            type(self)._threads = vars(self).pop("_threads")


class MisspeltHook(Right):
    def process_request_thread(self, request, client_address):
        try:
            self.finish_requst(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)


class ReportsValueErrorsOnly(Right):
    def process_request_thread(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except ValueError:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)


class GoodbyeAfterTheExcept(Right):
    """Neither sys.exit() nor an error in handle_error comes so far."""

    def process_request_thread(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        self.shutdown_request(request)


class GoodbyeInTheTry(Right):
    def process_request_thread(self, request, client_address):
        with suppress(SystemExit):
            try:
                self.finish_request(request, client_address)
            except Exception:
                self.handle_error(request, client_address)
        self.shutdown_request(request)


class ReportsTheWrongWayRound(Right):
    def process_request_thread(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(client_address, request)
        finally:
            self.shutdown_request(request)


class ReportsAfterTheExcept(Right):
    """handle_error looks for the exception, and there is none any more."""

    def process_request_thread(self, request, client_address):
        failed = False
        try:
            self.finish_request(request, client_address)
        except Exception:
            failed = True
        try:
            if failed:
                self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)


class RunsAFunctionOfItsOwn(Right):
    def process_request(self, request, client_address):
        def work():
            try:
                self.finish_request(request, client_address)
            except Exception:
                self.handle_error(request, client_address)
            finally:
                self.shutdown_request(request)

        threading.Thread(target=work, daemon=self.daemon_threads).start()


class GivesTheAddressOnly(Right):
    """Without the port."""

    def process_request(self, request, client_address):
        if isinstance(request, tuple):
            return super().process_request(request, client_address)
        return super().process_request(request, client_address[:1])


class ClosesByHand(Right):
    def server_close(self):
        self.socket.close()
        for thread in list(self._threads):
            thread.join()


class WaitsForOne(Right):
    def server_close(self):
        super(Right, self).server_close()
        for thread in list(self._threads)[:1]:
            thread.join()


class WaitsForOneOfAList(WaitsForOne):
    """The first in the order of their coming."""

    def process_request(self, request, client_address):
        work = self.process_request_thread
        thread = threading.Thread(target=work, args=(request, client_address))
        self._threads = [*self._threads, thread]
        thread.start()


class WaitsAWhile(Right):
    def server_close(self):
        super(Right, self).server_close()
        for thread in list(self._threads):
            thread.join(5)


class ForgetsThoseAtWork(Right):
    """A new set for each request."""

    def process_request(self, request, client_address):
        vars(self).pop("_threads", None)
        super().process_request(request, client_address)


class RaisesInTheTry(Right):
    """The last line of the blank is still there, and handle_error hides it."""

    def process_request_thread(self, request, client_address):
        try:
            self.finish_request(request, client_address)
            raise NotImplementedError
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)


class ForgetsAnArgument(Right):
    def process_request_thread(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except Exception as error:
            self.handle_error(error)
        finally:
            self.shutdown_request(request)


class ArgsIsNoTuple(Right):
    def process_request(self, request, client_address):
        threading.Thread(target=self.process_request_thread, args=(request)).start()


class RunsItselfAgain(Right):
    def process_request(self, request, client_address):
        work = self.process_request
        threading.Thread(target=work, args=(request, client_address)).start()


class ForgetsSelf(Right):
    def process_request(request, client_address):  # the very mistake
        pass


class AnotherMethod:
    """Misspelt, so the server's own process_request is found."""

    def process_requests(self, request, client_address):
        pass


class ReadsJoin(Right):
    def server_close(self):
        super(Right, self).server_close()
        for thread in list(self._threads):
            thread.join  # noqa: B018  # the very mistake


class WritesDownTooLate(Right):
    """A thread that takes itself out of the set before it is in there stays for good."""

    def process_request(self, request, client_address):
        def work():
            self.process_request_thread(request, client_address)
            mine.discard(threading.current_thread())

        mine = vars(self).setdefault("_threads", set())
        thread = threading.Thread(target=work, daemon=self.daemon_threads)
        thread.start()
        mine.add(thread)


WRONG_MIXINS = [
    pytest.param(NoThread, "at once", "in the loop's own thread", id="learners-10"),
    (RunsInsteadOfStarts, "at once", "in the loop's own thread"),
    (CallsTheTarget, "at once", "in the loop's own thread"),
    (JoinsAtOnce, "at once", "no client served beside the slow one"),
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
    (LeavesTheDaemonsAsTheyCome, "switches", "inherits that from the one that starts it"),
    (AnotherName, "memory", "no thread in _threads of the server"),
    (OneSetForAll, "memory", "in _threads of the"),
    (OneSetForAClass, "memory", "in _threads of the"),
    (MisspeltHook, "errors", "handle_error called for AttributeError: 'Server' object has no"),
    (ReportsValueErrorsOnly, "errors", "shutdown_request called, and the exception ended"),
    (GoodbyeAfterTheExcept, "errors", "shutdown_request never called"),
    (GoodbyeInTheTry, "errors", "shutdown_request never called"),
    (ReportsTheWrongWayRound, "errors", "handle_error called with ('127.0.0.1'"),
    (ReportsAfterTheExcept, "errors", "handle_error called for no exception"),
    (RunsAFunctionOfItsOwn, "at once", "an answer, and its method was not called"),
    (GivesTheAddressOnly, "at once", "its method called with"),
    (ClosesByHand, "closing", "the listener closed by hand"),
    (WaitsForOne, "closing", "server_close() back when one of the two was done"),
    (WaitsForOneOfAList, "closing", "server_close() back when one of the two was done"),
    (WaitsAWhile, "closing", "the handler still at work: a time limit?"),
    (WritesDownTooLate, "memory", "ended threads"),
    (ForgetsThoseAtWork, "memory", "1 thread in _threads, and two handlers are at work"),
    (RaisesInTheTry, "errors", "although the handler has no error"),
    (ForgetsAnArgument, "errors", "argument: 'client_address'"),
    (ArgsIsNoTuple, "at once", "args is a tuple with both in it"),
    (RunsItselfAgain, "at once", "It's process_request_thread that it should run"),
    (ForgetsSelf, "at once", "The first parameter of a method is self"),
    (AnotherMethod, "at once", "ThreadingMixIn has no method process_request"),
    (AnotherMethod, "errors", "ThreadingMixIn has no method process_request"),
    (AnotherMethod, "closing", "ThreadingMixIn has no method server_close"),
    (ReadsJoin, "closing", "was join() called for each thread?"),
    (None, "at once", "still blank"),
]


@pytest.mark.timeout(120)
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


class Worker(threading.Thread):
    """A thread that knows its server, and what it has to call in the end."""

    def __init__(self, server, *job):
        super().__init__(name="worker", daemon=server.daemon_threads)
        self.server, self.job = server, job

    def run(self):
        self.server.process_request_thread(*self.job)


class WithAThreadClass:
    """Its own class of threads, an ExitStack, and a join that Ctrl-C can break off."""

    daemon_threads = False
    block_on_close = True
    _threads = ()

    def process_request(self, *job):
        worker = Worker(self, *job)
        if self.block_on_close and not worker.daemon:
            if not isinstance(self._threads, WeakSet):
                self._threads = WeakSet()
            self._threads.add(worker)
        worker.start()

    def process_request_thread(self, request, client_address):
        with ExitStack() as stack:
            stack.callback(self.shutdown_request, request)
            try:
                self.finish_request(request, client_address)
            except Exception:
                self.handle_error(request, client_address)

    def server_close(self):
        super().server_close()
        for worker in tuple(self._threads):
            while worker.is_alive():
                worker.join(0.1)


class WithACondition:
    """Waits until the book of those at work is empty; joins nobody."""

    daemon_threads, block_on_close = False, True
    _threads = ()
    _changed = threading.Condition()

    def process_request(self, request, client_address):
        call = functools.partial(self._see_through, request, client_address)
        thread = threading.Thread(None, call)
        thread.daemon = bool(self.daemon_threads)
        with self._changed:
            if self.block_on_close and not self.daemon_threads:
                self._threads = {*self._threads, thread}
        thread.start()

    def _see_through(self, *job):
        try:
            self.process_request_thread(*job)
        finally:
            with self._changed:
                self._threads = set(self._threads) - {threading.current_thread()}
                self._changed.notify_all()

    @contextmanager
    def _goodbye(self, request):
        try:
            yield
        finally:
            self.shutdown_request(request)

    def process_request_thread(self, request, client_address):
        with self._goodbye(request):
            try:
                self.finish_request(request, client_address)
            except Exception:
                self.handle_error(request, client_address)

    def server_close(self):
        super().server_close()
        with self._changed:
            self._changed.wait_for(lambda: not self._threads)


class ReportsEverything(FromTheTask):
    """Even what is no Exception, as some like it."""

    def process_request_thread(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except BaseException:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)


@pytest.mark.parametrize(
    "right",
    [
        Right,
        a_copy_of(socketserver.ThreadingMixIn),
        FromTheTask,
        Sweeps,
        WithAThreadClass,
        WithACondition,
        ReportsEverything,
    ],
)
def test_a_right_mixin_passes_in_any_style(right, capfd):
    """The standard library's own, and others."""
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
        threading_mixin.nobody_comes_between(bench, theatre(), unlocked(sell))


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


def late(seconds, call, what):
    raise overdue(seconds, what)


@pytest.mark.parametrize("part", ["close", "end"])
def test_a_program_of_the_check_that_is_late_is_not_held_against_the_answer(part, monkeypatch):
    monkeypatch.setattr(threading_mixin, "within", late)
    with pytest.raises(CannotCheckError, match="for the program; it never came"):
        check("06.4", *RUNS.values(), part=part)
