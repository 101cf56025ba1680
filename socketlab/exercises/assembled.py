"""Checks of chapter 09: the ready-mixed grid, calls from other programs, a web server, faults."""

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
from ..checks.hooks import ServerMixin
from ..notebook.running import running
from ..notebook.tracebacks import describe
from ..remote.names import make_class

MOMENT = 0.1
"""Seconds in which a thread that waits for nobody has bought its ticket."""

EXERCISES = load(__file__)
chapter, build = EXERCISES["09"], EXERCISES["09.1"]

SERVERS = ("TCPServer", "UDPServer", "UnixStreamServer", "UnixDatagramServer")
MIXINS = ("ThreadingMixIn", "ForkingMixIn")


class _Forking:
    """Stands for ForkingMixIn where a system has none: only its place is looked at."""

    def process_request(self, request: Any, client_address: Any) -> None:
        raise OSError("this system cannot fork")


def planks(*missing: str) -> SimpleNamespace:
    """Return a module of nothing but the planks, without those that are missing."""
    lent = {"ForkingMixIn": _Forking, "UnixStreamServer": minisocketserver.TCPServer}
    lent["UnixDatagramServer"] = minisocketserver.UDPServer
    found = {
        name: getattr(minisocketserver, name, lent.get(name))
        for name in (*SERVERS, *MIXINS)
        if name not in missing
    }
    return SimpleNamespace(**found)


def grid(case: Case, ready_mixed: Any, parts: Any) -> dict[str, Any]:
    """Return what the learner's function makes, a dictionary of classes."""
    made = case.call(ready_mixed, parts)
    case.want(isinstance(made, dict), f"{made!r}, which is no dictionary")
    for name, cls in made.items():
        case.want(isinstance(cls, type), f"{cls!r} under {name!r}, which is no class")
    return {str(name): cls for name, cls in made.items()}


def _names(mixins: tuple[str, ...], servers: tuple[str, ...]) -> list[str]:
    return sorted(mixin.removesuffix("MixIn") + server for mixin in mixins for server in servers)


@build.check("grid")
def whole_grid(bench: Bench, ready_mixed: Any) -> None:
    case = bench.case(
        called="ready_mixed(parts), with the six planks",
        expected="eight classes: the mix-in first, then the server, an empty body",
        why="Python takes the first process_request that it finds. With the mix-in last it finds "
        "the server's, and says nothing: one request at a time.",
    )
    parts = bench.there(planks)
    made = grid(case, ready_mixed, parts)
    wanted = _names(MIXINS, SERVERS)
    case.want(sorted(made) == wanted, f"{_difference(list(made), wanted)}")
    for mixin in MIXINS:
        for server in SERVERS:
            name = mixin.removesuffix("MixIn") + server
            first, second = getattr(parts, mixin), getattr(parts, server)
            _want_mixed(bench, case, made[name], name, first, second)


def _want_mixed(bench: Bench, case: Case, cls: Any, name: str, first: Any, second: Any) -> None:
    """Want an empty class of this name, with these parents."""
    case.want(cls.__name__ == name, f"a class called {cls.__name__!r}, under the name {name!r}")
    case.want(
        cls.process_request is first.process_request or not bench.there(issubclass, cls, first),
        f"a {name} whose process_request is not the mix-in's: its parents are {_parents(cls)}",
    )
    case.want(cls.__bases__ == (first, second), f"a {name} with the parents {_parents(cls)}")
    own = [key for key in bench.there(vars, cls) if not key.startswith("__")]
    case.want(not own, f"a {name} with {', '.join(own)} in its body")


@chapter.check("mix")
def mixes_two(bench: Bench, mix: Any) -> None:
    case = bench.case(
        called="mix(mixin, server), with each of the mix-ins and each of the servers",
        expected="a class named after both: the mix-in first, then the server, an empty body",
        why="Python takes the first process_request that it finds. With the mix-in last it finds "
        "the server's, and says nothing: one request at a time.",
    )
    for mixin, server in itertools.product(MIXINS, SERVERS):
        parts = [getattr(minisocketserver, name, None) for name in (mixin, server)]
        if all(parts):  # Windows has no fork, and Python no Unix servers there
            made = case.call(mix, *parts)
            case.want(made is not None, "None: is there a return?")
            case.want(isinstance(made, type), f"{made!r}, which is no class")
            name = mixin.removesuffix("MixIn") + server
            wrong = f"a class called {made.__name__!r} for {mixin} and {server}"
            case.want(made.__name__ == name, wrong)
            _want_mixed(bench, case, made, name, *parts)


def _parents(cls: Any) -> str:
    return ", ".join(parent.__name__ for parent in cls.__bases__)


def _difference(found: list[Any], wanted: list[str]) -> str:
    missing = [name for name in wanted if name not in found]
    strange = [str(name) for name in found if name not in wanted]
    return " and ".join(
        [f"no {', no '.join(missing)}"] * bool(missing)
        + [f"a {', a '.join(strange)}"] * bool(strange)
    )


@build.check("small")
def small_systems(bench: Bench, ready_mixed: Any) -> None:
    unix = ("UnixStreamServer", "UnixDatagramServer")
    for missing, left in (
        (("ForkingMixIn", *unix), _names(MIXINS[:1], SERVERS[:2])),
        (("ForkingMixIn",), _names(MIXINS[:1], SERVERS)),
        (unix, _names(MIXINS, SERVERS[:2])),
    ):
        case = bench.case(
            called=f"ready_mixed(parts), where the system has no {', no '.join(missing)}",
            expected=f"{len(left)} classes, and no exception",
            why="Windows has no fork, and Python has no Unix servers there. The names are simply "
            "missing from the module: ask with hasattr.",
        )
        made = grid(case, ready_mixed, bench.there(planks, *missing))
        case.want(sorted(made) == left, f"{_difference(list(made), left)}")


class Who(minisocketserver.BaseRequestHandler):
    """Tells where it runs, in which process and thread, over a stream or by a postcard."""

    def handle(self) -> None:
        told = f"{os.getpid()} {threading.get_ident()}".encode()
        if isinstance(self.request, tuple):
            self.request[1].sendto(told, self.client_address)
        else:
            self.request.recv(100)
            self.request.sendall(told)


class _NotesLoop(ServerMixin):
    """Notes the thread of the server's loop."""

    loop = 0

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        self.loop = threading.get_ident()
        super().serve_forever(poll_interval)


@build.check("at work")
def at_work(bench: Bench, ready_mixed: Any) -> None:
    case = bench.case(
        called="ThreadingTCPServer and ThreadingUDPServer, made of minisocketserver's planks",
        expected="an answer from a thread of its own, from each",
        why="The mix-in says who does the work, the server says how the bytes travel. The name is "
        "the two put together.",
    )
    made = grid(case, ready_mixed, minisocketserver)
    for name, kind in (
        ("ThreadingTCPServer", socket.SOCK_STREAM),
        ("ThreadingUDPServer", socket.SOCK_DGRAM),
    ):
        case.want(name in made, f"no {name}")
        server = case.call(bench.subclass(_NotesLoop, made[name]), ANY_PORT, Who)
        with case.serving(server), socket.socket(type=kind) as client:
            client.settimeout(PATIENCE)
            try:
                client.connect(server.server_address)
                client.send(b"who?")
                told = int((client.recv(100).split() or [b"0"])[-1])
            except OSError as error:
                case.fail(f"{describe(error)}, from {name}", error)
        case.want(told, f"no answer from {name}")
        case.want(told != server.loop, f"an answer of {name}'s own loop, and no thread")


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


use = EXERCISES["09.2"]


def silent(call_server: Any) -> Any:
    """Return a server for calls that does not write them down."""
    return call_server(ANY_PORT, logRequests=False)


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


@use.check("calls")
def calls(bench: Bench, CallServer: Any, Tickets: Any) -> None:
    case = bench.case(
        called="CallServer(address, logRequests=False), Tickets() registered, called by xmlrpc",
        expected="the tickets 1, 2 and 3",
        why="xmlrpc.client knows nothing of this course. Its calls travel as web requests, and "
        "register_instance makes an object's methods callable.",
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
    """Two who wait for each other."""

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
        why="SimpleXMLRPCServer is a plain TCPServer inside: one call after the other. Two calls "
        "that need each other would then wait for ever.",
    )
    server = case.call(silent, CallServer)
    meeting = bench.there(_Meeting)

    with case.serving_quickly(server):
        case.call(server.register_function, meeting.meet)
        with ThreadPoolExecutor(2) as programs:
            try:
                met = list(programs.map(lambda _: calling(case, server, "meet"), range(2)))
            except CaseError as failure:
                met = []
                case.want("timed out" in failure.got, failure.got)
    names = bench.there(_names_of_parents, server)
    last = "ThreadingMixIn" in names and bench.there(_process_request_of, server) == "BaseServer"
    case.want(
        not last,
        f"one call after the other: CallServer's parents are {_parents(CallServer)}, and "
        "process_request is found in the first",
    )
    case.want(met == [True, True], "one call after the other")


def _names_of_parents(server: Any) -> tuple[str, ...]:
    return tuple(cls.__name__ for cls in type(server).__mro__)


def _process_request_of(server: Any) -> str:
    for cls in type(server).__mro__:
        if "process_request" in vars(cls):
            return str(cls.__name__)
    return ""


@use.check("tickets")
def no_number_twice(bench: Bench, Tickets: Any) -> None:
    case = bench.case(
        called="next() of one Tickets(), in three quick threads and a slow one: 100 times in all",
        expected="the numbers from 1 to 100, each sold once",
        why="With threads, what is shared wants a lock: between reading the number and returning "
        "it another thread may have its turn.",
    )
    case.want(isinstance(Tickets, type), f"Tickets is {Tickets!r}, no class")
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
        why="From reading the number to returning it no other thread may come in between. Whoever "
        "gives the lock back and looks again sees what another one has done.",
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
        for name, number in (("slow", 10), *[("quick", 30)] * 3)
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
    """Write a file that the server can read, whoever it runs as."""
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
                alone = bench.there(_process_request_of, server) == "BaseServer"
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
        why="Without a length in the answer, only the end of the connection says that it is over. "
        "shutdown_request ends it. Who overrides that must end it elsewhere.",
    )
    with bench.there(TemporaryDirectory) as folder:
        server = site(case, Web, Pages, folder)
        with case.serving_quickly(server):
            no_end = f"no end within {PATIENCE:g} seconds: does anybody close the connection?"
            with case.in_words(no_end, only="no end"):
                case.talk(server.server_address, b"GET /hello HTTP/1.0\r\n\r\n")


@bugs.check("folder")
def web_folder(bench: Bench, Web: Any, Pages: Any) -> None:
    case = bench.case(
        called='Web, with partial(Pages, folder="...") and two folders, one after the other',
        expected="the page of each folder",
        why="The parent's constructor serves the whole request. What comes after it comes too "
        "late; what is there before it, or passed to it, is in time.",
    )
    for text in ("Ahoy", "Land in sight"):
        with bench.there(TemporaryDirectory) as folder, _in_the_same_folder(case):
            bench.there(write, folder, "chart.txt", text)
            server = site(case, Web, Pages, folder)
            with case.serving_quickly(server):
                elsewhere = (
                    "{}: it looks elsewhere. Is the folder told after super().__init__(), when "
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
        "Two mix-ins do not add up: the first process_request wins.",
        "Two mix-ins do not add up: the first process_request wins.",
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
    why="Two questions, two answers: the test looks at nothing else. To learn what a test "
    "sees, break something and watch.",
    misread=(
        "The answers are right, and nobody looks whether the connections are closed.",
        "The second client has no answer, and the test asks a second time.",
        "Nobody is turned away in this test, so nobody sees that it would not work.",
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
