"""Wrong answers to 02.1-02.4 learn what is wrong with them; right ones pass."""

import functools
import os
import queue
import socket
import socketserver
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from io import StringIO
from types import SimpleNamespace

import pytest

import minisocketserver
from socketlab import check, project

from .helpers import impatient, message, ours

Right = ours("02.1").JobServer


def solved_but(old="", new="", more=""):
    """Return our solution of 02.1 with one thing changed, or with more methods below it."""
    solutions = project.PROJECT / "solutions"
    source = project.answer_cell(solutions, "02.1")
    assert not old or source.count(old) == 1
    names = {"__name__": "answer"}
    exec(project.setup_cell(solutions, "02.1"), names)
    exec(source.replace(old, new) + more, names)
    return names["JobServer"]


RINGS_EACH_TIME = """
    def put(self, job):
        future = Future()
        self.jobs.append((job, future))
        self.button.send(b"!")
        return future
"""
TAKES_ONE = """
    def get_request(self):
        self.bell.recv({size})
        return self.jobs.popleft()
"""
LIKE_THE_WAKER = """
    def put(self, job):
        future = Future()
        self.jobs.append((job, future))
        try:
            self.button.send(b"!")
        except BlockingIOError:
            pass
        return future
"""


class DoesNotRing(Right):
    def put(self, job):
        self.jobs.append((job, future := Future()))
        return future


class HasNoDescriptor(Right):
    fileno = minisocketserver.BaseServer.fileno


class DoesItAtOnce(Right):
    """In the thread that asks, so that there is nothing left to wait for."""

    def put(self, job):
        future = Future()
        future.set_result(self.RequestHandlerClass(job))
        return future


class ReturnsTheResult(Right):
    def put(self, job):
        return super().put(job).result(1)


class ReturnsNothing(Right):
    def put(self, job):
        super().put(job)


class ReadableForever(Right):
    """Its bell has been rung once and for all."""

    def __init__(self, work):
        super().__init__(work)
        self.button.send(b"!")


class DoesAllAtOnce(Right):
    """The whole queue is one request."""

    def process_request(self, job, future):
        super().process_request(job, future)
        while self.jobs:
            super().process_request(*self.get_request())


class KeepsTheError(Right):
    """As a value, which the one who asked takes for an answer."""

    def handle_error(self, job, future):
        future.set_result(sys.exception())


class OnlyReports(Right):
    handle_error = minisocketserver.BaseServer.handle_error


class Dies(Right):
    """The loop's handle_error has an error of its own."""

    def handle_error(self, job, future):
        raise


class HandsOverAllThree(Right):
    finish_request = minisocketserver.BaseServer.finish_request


class ClosesOneEnd(solved_but("            self.button.close()\n", "")):
    def put(self, job):
        if self.bell.fileno() == -1:
            raise ValueError("closed")
        return super().put(job)


class TakesJobsWhenClosed(Right):
    def put(self, job):
        if self.bell.fileno() == -1:
            return Future()
        return super().put(job)


JOBS = [
    pytest.param(DoesNotRing, "one job", "nothing has rung the bell", id="does not ring"),
    pytest.param(HasNoDescriptor, "one job", "must define fileno()", id="no fileno"),
    pytest.param(DoesItAtOnce, "one job", "nothing has rung the bell", id="at once"),
    pytest.param(ReturnsNothing, "one job", "returned None, not a Future", id="returns nothing"),
    pytest.param(ReturnsTheResult, "one job", "not to wait for it", id="waits in put"),
    pytest.param(ReadableForever, "one job", "before there was any job", id="readable forever"),
    pytest.param(
        solved_but("                self.bell.recv(1)\n", "                pass\n"),
        "one job",
        "is its ring still in the line?",
        id="leaves the ring",
    ),
    pytest.param(
        solved_but("        self.jobs = deque()\n", "", "\n    jobs = deque()\n"),
        "one job",
        "do they share their jobs?",
        id="shares its jobs",
    ),
    pytest.param(
        solved_but("self.bell, self.button =", "JobServer.bell, JobServer.button ="),
        "one job",
        "do they share a bell?",
        id="shares its bell",
    ),
    pytest.param(HandsOverAllThree, "one job", "takes 1 positional argument", id="three arguments"),
    pytest.param(
        solved_but(more=LIKE_THE_WAKER + TAKES_ONE.format(size=4096)),
        "many jobs",
        "2 of three jobs not done: has one recv()",
        id="empties the line",
    ),
    pytest.param(
        solved_but("self.jobs.popleft()", "self.jobs.pop()"),
        "many jobs",
        "the jobs done in the order three, two, one",
        id="last in, first out",
    ),
    pytest.param(
        solved_but(more=RINGS_EACH_TIME + TAKES_ONE.format(size=1)),
        "many jobs",
        "no more bytes that fit into the line?",
        id="a ring for each job",
    ),
    pytest.param(
        solved_but(
            "# one byte in it: jobs wait",
            "\n        self.button.setblocking(False)",
            RINGS_EACH_TIME + TAKES_ONE.format(size=1),
        ),
        "many jobs",
        "the line was full",
        id="does not block",
    ),
    pytest.param(OnlyReports, "a bug", "its future waits forever", id="only reports"),
    pytest.param(KeepsTheError, "a bug", "a bug in the work for the first", id="keeps the error"),
    pytest.param(Dies, "a bug", "the loop has ended with ValueError", id="dies"),
    pytest.param(
        solved_but("return future.set_running_or_notify_cancel()", "return True"),
        "given up",
        "the first job done, though it was cancelled",
        id="does it all the same",
    ),
    pytest.param(
        solved_but("return future.set_running_or_notify_cancel()", "return future.cancelled()"),
        "given up",
        "the first job done, though it was cancelled",
        id="the wrong way round",
    ),
    pytest.param(
        solved_but("return future.set_running_or_notify_cancel()", "future.running()"),
        "given up",
        "nothing for the second job",
        id="returns nothing for verify",
    ),
    pytest.param(DoesAllAtOnce, "the end", "3 jobs done before shutdown()", id="all at once"),
    pytest.param(ClosesOneEnd, "the end", "3 descriptors still open", id="closes one end"),
    pytest.param(
        solved_but("                future.cancel()\n", "                pass\n"),
        "the end",
        "futures that wait forever",
        id="leaves them waiting",
    ),
    pytest.param(
        solved_but("future.cancel()", "future.set_result(None)"),
        "the end",
        "None, None in the two futures",
        id="a result for nothing",
    ),
    pytest.param(
        solved_but("return future.set_running_or_notify_cancel()", "return not future.cancelled()"),
        "given up",
        "the loop has ended with InvalidStateError",
        id="may be cancelled at work",
    ),
    pytest.param(
        solved_but(
            """            if not self.jobs:
                self.button.send(b"!")
            self.jobs.append((job, future))
""",
            """            self.jobs.append((job, future))
            if len(self.jobs) == 1:
                self.button.send(b"!")
""",
        ),
        "the end",
        "the second time: who will do the job?",
        id="takes one when closed",
    ),
    pytest.param(TakesJobsWhenClosed, "the end", "who will do the job?", id="takes jobs"),
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("wrong, part, words", JOBS)
def test_a_wrong_job_server_learns_its_mistake(wrong, part, words, monkeypatch):
    """The message names this very mistake, and nothing is left running."""
    impatient(monkeypatch)
    before = set(threading.enumerate())
    assert words in message("02.1", part, wrong)
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive()


class WithAQueue(minisocketserver.BaseServer):
    """Another way: a queue, a pipe that is rung for each job, and late rings that do no harm."""

    def __init__(self, work):
        super().__init__("jobs", lambda job, future, server: future.set_result(work(job)))
        self.waiting = queue.Queue()
        self.is_closed = False
        self.reader, self.writer = os.pipe()
        for end in (self.reader, self.writer):
            os.set_blocking(end, False)

    def _ring(self):
        with suppress(BlockingIOError):
            os.write(self.writer, b".")

    def put(self, job):
        print("one more job")
        if self.is_closed:
            raise RuntimeError("This server has closed.")
        future = Future()
        self.waiting.put((job, future))
        self._ring()
        return future

    def fileno(self):
        return self.reader

    def get_request(self):
        with suppress(BlockingIOError):
            os.read(self.reader, 4096)
        try:
            request = self.waiting.get_nowait()
        except queue.Empty:
            raise OSError("a late ring") from None
        if not self.waiting.empty():
            self._ring()
        return request

    def verify_request(self, job, future):
        return future.set_running_or_notify_cancel()

    def handle_error(self, job, future):
        future.set_exception(sys.exc_info()[1])

    def server_close(self):
        self.is_closed = True
        with suppress(queue.Empty):
            while True:
                self.waiting.get_nowait()[1].cancel()
        os.close(self.reader)
        os.close(self.writer)


class FromTheText(minisocketserver.BaseServer):
    """The library's bell, a list, and everything about one job in one hook."""

    def __init__(self, work):
        super().__init__(None, work)
        self.todo, self.guard = [], threading.Condition()
        self.ears, self.mouth = socket.socketpair()

    def put(self, job):
        with self.guard:
            if self.ears is None:
                raise OSError("no more jobs, please")
            answer = Future()
            self.todo.insert(0, (job, answer))
            if len(self.todo) == 1:
                self.mouth.sendall(b"?")
            return answer

    def fileno(self):
        return self.ears.fileno()

    def get_request(self):
        with self.guard:
            *self.todo, first = self.todo
            if self.todo == []:
                assert self.ears.recv(10) == b"?"
        return first

    def process_request(self, job, answer):
        if answer.cancelled():
            return
        answer.set_running_or_notify_cancel()
        try:
            result = self.RequestHandlerClass(job)
        except Exception as error:
            answer.set_exception(error)
        else:
            answer.set_result(result)

    def server_close(self):
        with self.guard:
            while self.todo:
                self.todo.pop()[1].cancel()
            for end in (self.ears, self.mouth):
                end.close()
            self.ears = None


@pytest.mark.parametrize("right", [Right, WithAQueue, FromTheText])
def test_a_right_job_server_passes_in_any_style(right, capfd):
    check("02.1", right)
    printed, errors = capfd.readouterr()
    assert [line[:6] for line in printed.splitlines()] == ["✓ 02.1"] * 5
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
    "answer, part, words",
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
def test_a_wrong_page_learns_its_mistake(answer, part, words, monkeypatch):
    impatient(monkeypatch)
    assert words in message("02.2", part, *answer)


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
    "answer, part, words",
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
            desk(start="return"), "failed start", "doesn't learn that prepare", id="silent"
        ),
        pytest.param(desk(close="pass"), "closed", "no server_close()?", id="not closed"),
        pytest.param(desk(work="pass"), "closed", "[] from work()", id="no work"),
        pytest.param(
            desk(work="try: work()\n            except: pass"),
            "closed",
            "doesn't learn that work",
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
def test_a_bug_left_in_is_named(answer, part, words, monkeypatch):
    impatient(monkeypatch)
    assert words in message("02.3", part, *answer)


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
    "answer, part, words",
    [
        pytest.param(forecast(SERVED[:5]), "served", "no close_request in your list", id="open"),
        pytest.param(forecast(SERVED[::-1]), "served", "in another order", id="order"),
        pytest.param(forecast(["accept"]), "served", "not among the seven names", id="stranger"),
        pytest.param(forecast(away=SERVED[:1]), "turned away", "open all the same", id="left open"),
        pytest.param(forecast(away=FAILED), "turned away", "a process_request", id="served"),
        pytest.param(forecast(failed=FAILED[:5]), "a bug", "closed too", id="not closed"),
        pytest.param(forecast(failed=SERVED), "a bug", "it's reported", id="not reported"),
        pytest.param(forecast(outs=[1, 4]), "time-outs", "doesn't look", id="learners-14"),
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
def test_a_wrong_forecast_learns_why(answer, part, words):
    came = next(line for line in message("02.4", part, *answer).splitlines() if "Got:" in line)
    assert words in came


def test_a_right_forecast_passes():
    """A tuple is as good as a list."""
    check("02.4", *forecast())
    check("02.4", *(tuple(part) for part in forecast()))
