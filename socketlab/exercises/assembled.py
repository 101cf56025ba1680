"""Checks of chapter 09: two classes mixed, calls from other programs, a web server, faults."""

import http.client
import itertools
import os
import socket
import threading
import time
import xmlrpc.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import minisocketserver

from ..checks.bench import Bench
from ..checks.case import ANY_PORT, OFTEN, PATIENCE, Case, CaseError
from ..checks.clients import connect, fetch_from
from ..checks.core import load
from ..checks.forking import real_run
from ..checks.handlers import Echo
from ..notebook.running import running
from ..notebook.tracebacks import describe
from ..remote.names import make_class

MOMENT = 0.1
"""Seconds in which a thread that nothing holds up has bought its ticket."""

EXERCISES = load(__file__)
chapter = EXERCISES["09"]

SERVERS = ("TCPServer", "UDPServer", "UnixStreamServer", "UnixDatagramServer")
MIXINS = ("ThreadingMixIn", "ForkingMixIn")


def _want_mixed(bench: Bench, case: Case, cls: Any, name: str, first: Any, second: Any) -> None:
    """Want an empty class of this name, with these parents."""
    case.want(cls.__name__ == name, f"a class called {cls.__name__!r}, under the name {name!r}")
    case.want(
        cls.process_request is first.process_request or not bench.there(issubclass, cls, first),
        f"a {name} whose process_request isn't the mix-in's: its parents are {_parents(cls)}",
    )
    case.want(cls.__bases__ == (first, second), f"a {name} with the parents {_parents(cls)}")
    own = [key for key in bench.there(vars, cls) if not key.startswith("__")]
    case.want(not own, f"a {name} with {', '.join(own)} in its body")


@chapter.check("mix")
def mixes_two(bench: Bench, mix: Any) -> None:
    case = bench.case(
        called="mix(mixin, server), with each of the mix-ins and each of the servers",
        expected="a class named after both: the mix-in first, then the server, an empty body",
        why="Python takes the first process_request that it finds. With the mix-in last, that's "
        "the server's: one request at a time, and no warning.",
    )
    for mixin, server in itertools.product(MIXINS, SERVERS):
        parts = [getattr(minisocketserver, name, None) for name in (mixin, server)]
        if all(parts):  # Windows has no fork, and Python no Unix servers there
            made = case.call(mix, *parts)
            case.want(made is not None, "None: is there a return?")
            case.want(isinstance(made, type), f"{made!r}, which isn't a class")
            name = mixin.removesuffix("MixIn") + server
            wrong = f"a class called {made.__name__!r} for {mixin} and {server}"
            case.want(made.__name__ == name, wrong)
            _want_mixed(bench, case, made, name, *parts)


def _parents(cls: Any) -> str:
    return ", ".join(parent.__name__ for parent in cls.__bases__)


class Who(minisocketserver.BaseRequestHandler):
    """Answers with its process and thread, over a stream or in a datagram."""

    def handle(self) -> None:
        told = f"{os.getpid()} {threading.get_ident()}".encode()
        if isinstance(self.request, tuple):
            self.request[1].sendto(told, self.client_address)
        else:
            self.request.recv(100)
            self.request.sendall(told)


@chapter.check("leak")
def finds_the_leak(bench: Bench, closes_its_connections: Any) -> None:
    case = bench.case(
        called="closes_its_connections(parts), for a server that takes a moment to close its "
        "connection, and for one that never does",
        expected="True, then False, and no connection left open",
        why="A closed socket's fileno() is -1. The client hears the end before the server closes "
        "its own socket, so look once the server has stopped.",
    )
    came: list[socket.socket] = []

    class Late(minisocketserver.TCPServer):
        def close_request(self, request: Any) -> None:
            came.append(request)
            time.sleep(MOMENT)
            super().close_request(request)

    class Leaky(minisocketserver.TCPServer):
        def close_request(self, request: Any) -> None:
            came.append(request)

    told = []
    for server in (Late, Leaky):
        handler = minisocketserver.BaseRequestHandler
        parts = SimpleNamespace(TCPServer=server, BaseRequestHandler=handler)
        empty = "{}; is seen still empty? visit(server) brings it a client"
        with case.in_words(empty, only="IndexError"):
            told.append(case.call(closes_its_connections, parts))
        case.want(told[-1] is not None, "None: is there a return?")
        case.want(isinstance(told[-1], bool), f"{told[-1]!r}, which is neither True nor False")
    is_left_open = any(one.fileno() != -1 for one in came)
    for one in came:
        one.close()
    case.want(came, f"{told}, and no client ever came: does it call visit(server)?")
    case.want(told != [False, True], "it's the other way round: fileno() is -1 once it's closed")
    case.want(
        told[0],
        "False for the one that takes a moment: is it looked at below the with block, when the "
        "server has stopped?",
    )
    case.want(not told[1], "True for the one that never closes: what does it look at?")
    case.want(
        not is_left_open,
        "the right answers, and a connection left open: close seen[0] when you have looked",
    )


build = EXERCISES["09.1"]


class _Patient(xmlrpc.client.Transport):
    """Carries calls, and waits no longer than a check may."""

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(str(host), timeout=PATIENCE)


def calling(case: Case, server: Any, name: str, *args: Any) -> Any:
    """Call a function of the server as another program would."""
    host, port = server.server_address[:2]
    try:
        with xmlrpc.client.ServerProxy(f"http://{host}:{port}", transport=_Patient()) as other:
            return getattr(other, name)(*args)
    except xmlrpc.client.Fault as fault:
        case.fail(f"the fault {fault.faultString!r}", fault)
    except (OSError, xmlrpc.client.Error, http.client.HTTPException) as error:
        case.fail(describe(error), error)


def _nothing() -> None:
    """Return None, as a function does that is called for what it does."""


def _with_functions(switchboard: Any) -> Any:
    server = switchboard(ANY_PORT)
    server.register_function(divmod, "divmod")
    server.register_function(_nothing, "nothing")
    return server


def _fault(case: Case, server: Any, name: str, *args: Any) -> str:
    """Return what a call says that must end in a fault."""
    try:
        got = calling(case, server, name, *args)
    except CaseError as failure:
        if isinstance(failure.__cause__, xmlrpc.client.Fault):
            return failure.got
        raise
    case.fail(f"{got!r} for {name}{args}, and no fault: is the exception swallowed?")


@build.check("calls")
def on_ones_own_planks(bench: Bench, Switchboard: Any) -> None:
    case = bench.case(
        called="Switchboard(address), with two functions, called by xmlrpc.client",
        expected="[3, 1] for divmod(7, 2), None for a function that returns None, and a fault for "
        "divmod(7, 0)",
        why="A dispatcher knows the functions, a TCPServer the clients, and each has a constructor "
        "that calls no other. A class made of both has to call the two itself.",
    )
    server = case.call(_with_functions, Switchboard)
    lent = bench.there(_on_loan, Switchboard)
    case.want(not lent, f"a class that derives from the standard library's {lent}")
    case.want(server.daemon_threads, "a Switchboard without daemon_threads = True")
    case.want(not getattr(server, "logRequests", 0), "a Switchboard without logRequests = False")
    with case.serving_quickly(server):
        got = calling(case, server, "divmod", 7, 2)
        case.want(got == [3, 1], f"{got!r} for divmod(7, 2): does _dispatch return the result?")
        case.want(calling(case, server, "nothing") is None, "something for a function of nothing")
        told = _fault(case, server, "divmod", 7, 0)
        case.want("ZeroDivisionError" in told, f"{told} for divmod(7, 0)")


def _on_loan(cls: Any) -> str:
    lent = [one.__name__ for one in cls.__mro__ if one.__module__ == "socketserver"]
    return lent[0] if lent else ""


@build.check("at once")
def switches_at_once(bench: Bench, Switchboard: Any) -> None:
    case = bench.case(
        called="Switchboard, called by two programs; each call waits until the other has come",
        expected="both answered",
        why="Python takes the first process_request that it finds. If that's BaseServer's, there's "
        "no thread, and no word about it.",
    )
    want_at_once(case, Switchboard, case.call(_with_functions, Switchboard))


@build.check("journal")
def keeps_a_journal(bench: Bench, JournalMixIn: Any, Switchboard: Any) -> None:
    case = bench.case(
        called="a Switchboard, asked for divmod(7, 2), divmod(7, 0), and a function it hasn't got",
        expected="the journal [('divmod', True), ('divmod', False), ('sail', False)]",
        why="A mix-in changes what comes behind it. It does its own part, and lets super() do the "
        "rest, whatever comes of that.",
    )
    server, another = (case.call(_with_functions, Switchboard) for _ in range(2))
    case.call(another.server_close)
    with case.serving_quickly(server):
        calling(case, server, "divmod", 7, 2)
        _fault(case, server, "divmod", 7, 0)
        _fault(case, server, "sail")
    journal = [tuple(line) for line in server.journal]
    first = bench.there(_owner, Switchboard, "_dispatch")
    behind = f": _dispatch is found in {first} first" if not journal else ""
    wanted = [("divmod", True), ("divmod", False), ("sail", False)]
    case.want(not another.journal, "the same lines in another Switchboard's journal, too")
    case.want(journal == wanted, f"{journal}{behind}")
    case = bench.case(
        called="a class of JournalMixIn and another dispatcher, whose _dispatch raises KeyError",
        expected="the line ('sail', False) in its journal, and the KeyError",
        why="A mix-in doesn't know what it's mixed with, and needn't: super() finds the next one.",
    )
    got = case.call(_mixed_elsewhere, JournalMixIn)
    case.want(got == ((("sail", False),), "KeyError"), f"{list(got[0])}, and {got[1]}", alone=True)


class _Lost:
    """Knows no function."""

    def _dispatch(self, method: str, params: Any) -> Any:
        raise KeyError(method)


def _mixed_elsewhere(mixin: Any) -> tuple[tuple[Any, ...], str]:
    """Call by a mix-in and a dispatcher of ours; return the journal and the exception's name."""
    desk = type("Desk", (mixin, _Lost), {"__init__": lambda self: None})()
    desk.journal = []
    try:
        desk._dispatch("sail", ())
    except Exception as error:
        return tuple(map(tuple, desk.journal)), type(error).__name__
    return tuple(map(tuple, desk.journal)), "no exception"


use = EXERCISES["09.2"]


def silent(call_server: Any) -> Any:
    """Return a server for calls that doesn't log them."""
    return call_server(ANY_PORT, logRequests=False)


@use.check("calls")
def calls(bench: Bench, CallServer: Any, Tickets: Any) -> None:
    case = bench.case(
        called="CallServer(address, logRequests=False), Tickets() registered, called by xmlrpc",
        expected="the tickets 1, 2 and 3",
        why="xmlrpc.client knows nothing of this course. Its calls travel as web requests, and "
        "register_instance lets it call an object's methods.",
    )
    server = case.call(silent, CallServer)
    with case.serving_quickly(server):
        case.call(server.register_instance, case.call(Tickets))
        got = [calling(case, server, "next") for _ in range(3)]
    case.want(got == [1, 2, 3], f"{got}")
    one, two = case.call(Tickets), case.call(Tickets)
    got = [case.call(roll.next) for roll in (one, two)]
    case.want(got == [1, 1], f"{got} from two rolls of tickets: do they share their number?")


class _Meeting:
    """Two callers that wait for each other."""

    def __init__(self) -> None:
        self._both = threading.Barrier(2)

    def meet(self) -> bool:
        """Return whether the other one has come."""
        try:
            self._both.wait(PATIENCE / 2)
        except threading.BrokenBarrierError:
            return False
        return True


@use.check("at once")
def at_once(bench: Bench, CallServer: Any) -> None:
    case = bench.case(
        called="CallServer, called by two programs; each call waits until the other has come",
        expected="both answered",
        why="SimpleXMLRPCServer is a plain TCPServer inside: one call after another. Two calls "
        "that need each other would then wait forever.",
    )
    want_at_once(case, CallServer, case.call(silent, CallServer))


def want_at_once(case: Case, cls: Any, server: Any) -> None:
    """Want two programs answered that call the server, and wait for each other there."""
    bench, meeting = case.bench, case.bench.there(_Meeting)
    with case.serving_quickly(server):
        case.call(server.register_function, meeting.meet)
        with ThreadPoolExecutor(2) as programs:
            try:
                met = list(programs.map(lambda _: calling(case, server, "meet"), range(2)))
            except CaseError as failure:
                met = []
                case.want("timed out" in failure.got, failure.got)
    mixed = "ThreadingMixIn" in bench.there(_names_of_parents, server)
    first = bench.there(_owner, cls, "process_request")
    case.want(
        not (mixed and first == "BaseServer"),
        f"one call after the other: {cls.__name__}'s parents are {_parents(cls)}, and "
        "process_request is found in the first",
    )
    got = f"{met} from a function that returns True" if None in met else "one call after the other"
    case.want(met == [True, True], got)


def _names_of_parents(server: Any) -> tuple[str, ...]:
    return tuple(cls.__name__ for cls in type(server).__mro__)


def _owner(cls: Any, method: str) -> str:
    """Return the name of the class in which Python finds a method."""
    return next((str(one.__name__) for one in cls.__mro__ if method in vars(one)), "")


@use.check("tickets")
def no_number_twice(bench: Bench, Tickets: Any) -> None:
    case = bench.case(
        called="next() of one Tickets(), in three fast threads and a slow one: 100 times in all",
        expected="the numbers from 1 to 100, each sold once",
        why="With threads, whatever is shared needs a lock: between reading the number and "
        "returning it, another thread may have its turn.",
    )
    case.want(isinstance(Tickets, type), f"Tickets is {Tickets!r}, which isn't a class")
    roll = case.call(bench.subclass(_Slow, Tickets))
    sold, done = bench.there(_sell_out, roll, bench.records, 2 * PATIENCE)
    case.want(done, f"{len(sold)} numbers, and threads that wait: a lock not given back?")
    case.want(len(sold) == 100, f"{len(sold)} numbers")
    twice = len(sold) - len(set(sold))
    case.want(not twice, f"{twice} of 100 numbers sold twice: what do the threads share?")
    case.want(sorted(sold) == list(range(1, 101)), f"the numbers {sorted(sold)[:5]}...")


@use.check("tickets")
def nobody_comes_between(bench: Bench, Tickets: Any) -> None:
    """Let one of two threads wait at each of its looks at the roll, while the other goes on."""
    case = bench.case(
        called="next() of one Tickets(), in two threads; one is held up before one of its looks "
        "at an attribute, while the other one goes on",
        expected="the numbers 1 and 2",
        why="From reading the number to returning it, no other thread may come in between. A "
        "thread that gives the lock back and looks again sees what another one has done.",
    )
    held_up = case.call(make_class, "Tickets", (_HeldUp, Tickets), {})
    looks, stop_at = 1, 0
    while stop_at <= looks:
        sold, looks = bench.there(_sell_two, case.call(held_up), stop_at)
        case.want(
            sorted(sold) == [1, 2], f"{list(sold)}: is the lock held till the number is returned?"
        )
        stop_at += 1


class _HeldUp:
    """Holds one thread up at one of its looks at an attribute of the learner's class."""

    def __getattribute__(self, name: str) -> Any:
        look = getattr(threading.current_thread(), "look", None)
        if look is not None:
            look()
        return super().__getattribute__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        look = getattr(threading.current_thread(), "look", None)
        if look is not None:
            look()
        super().__setattr__(name, value)


class _Buyer(threading.Thread):
    """Buys one ticket, and may wait at one of its looks at the roll, counted from 1."""

    def __init__(self, roll: Any, stop_at: int) -> None:
        super().__init__(daemon=True)
        self.roll, self.stop_at = roll, stop_at
        self.looks = 0
        self.numbers: list[Any] = []
        self.pauses, self.go_on = threading.Event(), threading.Event()

    def look(self) -> None:
        """Count one look, and wait if it is the one to wait at."""
        self.looks += 1
        if self.looks == self.stop_at:
            self.pauses.set()
            self.go_on.wait(2 * PATIENCE)

    def run(self) -> None:
        try:
            self.numbers.append(self.roll.next())
        finally:
            self.pauses.set()


def _sell_two(roll: Any, stop_at: int) -> tuple[tuple[Any, ...], int]:
    """Sell two tickets; return their numbers, and how many looks at the roll the first took."""
    first, second = _Buyer(roll, stop_at), _Buyer(roll, 0)
    first.start()
    first.pauses.wait(PATIENCE)
    second.start()
    second.join(MOMENT)
    first.go_on.set()
    for buyer in (first, second):
        buyer.join(PATIENCE)
    return (*first.numbers, *second.numbers), first.looks


def _sell_out(roll: Any, records: Any, seconds: float) -> tuple[tuple[Any, ...], bool]:
    """Sell 100 tickets in four threads; return their numbers, and whether all threads ended."""
    sold: list[Any] = []

    def buy(number: int) -> None:
        try:
            for _ in range(number):
                sold.append(roll.next())
        except Exception as error:
            records.note_error(error)

    threads = [
        threading.Thread(target=buy, args=(number,), name=name, daemon=True)
        for name, number in (("slow", 10), *[("fast", 30)] * 3)
    ]
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return tuple(sold), not any(thread.is_alive() for thread in threads)


class _Slow:
    """Lets other threads have their turn before and after each look at an attribute."""

    def __getattribute__(self, name: str) -> Any:
        seconds = 0.002 if threading.current_thread().name == "slow" else 0.0001
        time.sleep(seconds)
        value = super().__getattribute__(name)
        time.sleep(seconds)
        return value


bugs = EXERCISES["09.3"]


def site(case: Case, web: Any, pages: Any, folder: str) -> Any:
    """Return the learner's server, for the pages in a folder."""
    return case.call(web, ANY_PORT, case.bench.there(_for_folder, pages, folder))


def _for_folder(pages: Any, folder: str) -> Any:
    return partial(pages, folder=folder)


def write(folder: str, name: str, text: str) -> None:
    """Write a file that the server can read, whichever user it runs as."""
    Path(folder, name).write_text(text, encoding="utf-8")


@bugs.check("at once")
def web_at_once(bench: Bench, Web: Any, Pages: Any) -> None:
    case = bench.case(
        called="Web, with a browser that connects and says nothing, then a second one",
        expected="a page for the second",
        why="Browsers connect in advance. HTTPServer serves one client at a time; a mix-in "
        "changes that, if its process_request is the one that Python finds first.",
    )
    with bench.there(TemporaryDirectory) as folder:
        bench.there(write, folder, "index.html", "Ahoy")
        server = site(case, Web, Pages, folder)
        with case.serving_quickly(server), connect(server.server_address) as mute:
            time.sleep(2 * OFTEN)
            try:
                fetch_from(case, server, "/index.html")
            except CaseError as failure:
                mute.close()
                alone = bench.there(_owner, Web, "process_request") == "BaseServer"
                case.want(
                    not alone,
                    f"{failure.got}. process_request is BaseServer's own: the parents are "
                    f"{_parents(Web)}",
                )
                raise
        case.want(server.daemon_threads, "a page, and a Web without daemon_threads = True")


@bugs.check("the end")
def web_end(bench: Bench, Web: Any, Pages: Any) -> None:
    case = bench.case(
        called="Web, with a client that asks for /hello and reads to the end",
        expected="the end of the connection, after the answer",
        why="Without a length in the answer, only the end of the connection says that it's over. "
        "shutdown_request ends it; a server that overrides it must do so elsewhere.",
    )
    with bench.there(TemporaryDirectory) as folder:
        server = site(case, Web, Pages, folder)
        with case.serving_quickly(server):
            no_end = f"no end within {PATIENCE:g} seconds: what closes the connection?"
            with case.in_words(no_end, only="no end"):
                case.talk(server.server_address, b"GET /hello HTTP/1.0\r\n\r\n")


@bugs.check("folder")
def web_folder(bench: Bench, Web: Any, Pages: Any) -> None:
    case = bench.case(
        called='Web, with partial(Pages, folder="...") and two folders, one after the other',
        expected="the page of each folder",
        why="The parent's constructor serves the whole request. Anything set after it is too late; "
        "anything set before it, or passed to it, is in time.",
    )
    for text in ("Ahoy", "Land in sight"):
        with bench.there(TemporaryDirectory) as folder, _in_the_same_folder(case):
            bench.there(write, folder, "chart.txt", text)
            server = site(case, Web, Pages, folder)
            with case.serving_quickly(server):
                elsewhere = (
                    "{}: it looks elsewhere. Is the folder set after super().__init__(), when "
                    "the request is over?"
                )
                with case.in_words(elsewhere, only="404"):
                    got = fetch_from(case, server, "/chart.txt").text
                case.want(got == text, f"{got!r}, for a file with {text!r}")
                raw = case.talk(server.server_address, b"GET /chart.txt HTTP/1.0\r\n\r\n")
            body = raw.partition(b"\r\n\r\n")[2].decode(errors="replace")
            case.want(
                body == text,
                f"{body!r}, for a file with {text!r}: does do_GET go on after the page?",
            )
            case.want(raw.count(b"HTTP/1.") == 1, f"two status lines: {raw[:200]!r}")


@contextmanager
def _in_the_same_folder(case: Case) -> Iterator[None]:
    """Want the answer's process to be in the folder in which it was, and take it back there."""
    before = case.bench.there(os.getcwd)
    try:
        yield
    finally:
        after = case.bench.there(os.getcwd)
        case.bench.there(os.chdir, before)
    case.want(
        after == before,
        "the right page, and the whole program in another folder: chdir is for all threads, and "
        "two of them may want two folders",
    )


@bugs.check("hello")
def web_hello(bench: Bench, Web: Any, Pages: Any) -> None:
    case = bench.case(
        called="Web, with urllib asking for /hello",
        expected="'¡Buenos días!', as text/plain in UTF-8",
        why="wfile is a file of bytes. Only the program knows in which encoding its text travels.",
    )
    with bench.there(TemporaryDirectory) as folder:
        server = site(case, Web, Pages, folder)
        with case.serving_quickly(server):
            page = fetch_from(case, server, "/hello")
    case.want(page.text == "¡Buenos días!", f"{page.text!r}")
    kind = page.kind
    case.want(kind == "text/plain; charset=utf-8", f"the right text, as {kind!r}")


predict = EXERCISES["09.4"]


@predict.prediction(
    "who",
    beside="a real run of the six servers, in a new Python",
    expected='"s" the server itself, "t" a thread of its process, "p" another process',
    why="All parents may have a process_request. Python takes the first that it finds, from "
    "left to right, and that one decides.",
    misread=(
        "A plain server has no mix-in: it serves by itself.",
        "The mix-in is behind the server: process_request is found in the server first.",
        "The mix-in decides, whatever the server's sockets are.",
        "ForkingMixIn makes a process for each request.",
        "Two mix-ins don't add up: the first process_request wins.",
        "Two mix-ins don't add up: the first process_request wins.",
    ),
)
def who_answers(case: Case) -> Any:
    case.want(
        hasattr(os, "fork"), "nothing could be tried: this system has no fork, in any program"
    )
    return real_run(roll_call)


def roll_call() -> list[str]:
    """Return who answers, for each of the six servers. It forks: not for a notebook's process."""
    lib: Any = minisocketserver
    tcp, udp, threads = lib.TCPServer, lib.UDPServer, lib.ThreadingMixIn
    forks = lib.ForkingMixIn
    rows = [(tcp,), (tcp, threads), (threads, udp), (forks, tcp)]
    rows += [(threads, forks, tcp), (forks, threads, tcp)]
    return [_who(type("Server", row, {})) for row in rows]


def _who(server_class: Any) -> str:
    with (
        server_class(ANY_PORT, Who) as server,
        socket.socket(type=server_class.socket_type) as client,
    ):
        client.settimeout(10)
        client.connect(server.server_address)
        client.send(b"who is there?")
        server.handle_request()
        process, thread = map(int, client.recv(100).split())
    if process != os.getpid():
        return "p"
    return "s" if thread == threading.get_ident() else "t"


@predict.prediction(
    "noticed",
    beside="a real run of the test on five broken servers",
    expected="True for each fault that makes the test fail",
    why="Two questions, two answers: the test looks at nothing else. To find out what a test "
    "sees, break something and watch.",
    misread=(
        "The answers are right, and the test doesn't look whether the connections are closed.",
        "The second client has no answer, and the test asks a second time.",
        "No client is turned away in this test, so it can't see that this wouldn't work.",
        "No handler fails in this test, so nothing would be reported anyway.",
        "The answer has no connection to travel on.",
    ),
)
def noticed() -> list[Any]:
    return [not _passes_test(broken) for broken in _broken()]


def _passes_test(server_class: Any) -> bool:
    server = server_class(ANY_PORT, Echo)
    answers = []
    with running(server, PATIENCE):
        for message in (b"one", b"two"):
            with connect(server.server_address) as client:
                with suppress(OSError):
                    client.sendall(message)
                try:
                    answers.append(client.recv(100))
                except OSError:
                    answers.append(b"")
    return answers == [b"one", b"two"]


def _broken() -> list[Any]:
    class NeverCloses(minisocketserver.TCPServer):
        def close_request(self, request: Any) -> None:
            pass

    class EverySecond(minisocketserver.TCPServer):
        taken = 0

        def verify_request(self, request: Any, client_address: Any) -> bool:
            self.taken += 1
            return self.taken % 2 == 1

    class AsksForNothing(minisocketserver.TCPServer):
        def _handle_request_noblock(self) -> None:
            request, client_address = self.get_request()
            self.verify_request(request, client_address)
            self.process_request(request, client_address)

    class Quiet(minisocketserver.TCPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    class ClosesFirst(minisocketserver.TCPServer):
        def process_request(self, request: Any, client_address: Any) -> None:
            self.shutdown_request(request)
            with suppress(OSError):
                self.finish_request(request, client_address)

    return [NeverCloses, EverySecond, AsksForNothing, Quiet, ClosesFirst]
