"""Checks of chapter 02: the loop of a server, its hooks, and how to stop it."""

import os
import re
import select
import socket
import socketserver
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager, suppress
from functools import partial
from types import SimpleNamespace
from typing import Any

import minisocketserver

from ..checks.bench import Bench
from ..checks.case import ANY_PORT, OFTEN, PATIENCE, Case, CaseError, begin, soon
from ..checks.clients import connect, fetch_from, read_to_end, rest_of, want_line_ends
from ..checks.core import load
from ..checks.hooks import ServerMixin, notes_calls
from ..checks.records import Records
from ..notebook.running import ServerError, in_thread, running, within
from ..notebook.tracebacks import describe

LONG = 60.0
"""A poll_interval that no check lives to see the end of."""

EXERCISES = load(__file__)
chapter = EXERCISES["02"]

WAY = [
    "verify_request",
    "process_request",
    "finish_request",
    "handler",
    "shutdown_request",
    "close_request",
]


def greet(request: Any, client_address: Any, server: Any) -> None:
    """Say hello, as a handler."""
    getattr(server, "calls", []).append("handler")
    request.sendall(b"hello")


class Door:
    """What a BaseServer lacks: a listening socket. Notes the hooks that are called."""

    def __init__(self, handler: Any) -> None:
        self.socket = socket.create_server(ANY_PORT)
        self.socket.settimeout(3 * PATIENCE)  # asleep in accept, but not forever
        self.asked = 0
        self.calls: list[str] = []
        self.taken: list[socket.socket] = []  # held, so that nothing but a close ends them
        super().__init__(self.socket.getsockname(), handler)  # type: ignore[call-arg]

    def fileno(self) -> int:
        return self.socket.fileno()

    def get_request(self) -> Any:
        self.asked += 1
        request, client_address = self.socket.accept()
        self.taken.append(request)
        return request, client_address

    def close_request(self, request: Any) -> None:
        self.calls.append("close_request")
        request.close()

    def server_close(self) -> None:
        self.socket.close()


@notes_calls("verify_request", "process_request", "finish_request", "shutdown_request")
@notes_calls("handle_error", "handle_timeout")
class Hooks:
    """Notes the hooks that are called, and any that gets something else in place of the request."""

    calls: list[str]
    taken: list[socket.socket]

    def note(self, hook: str, args: tuple[Any, ...]) -> None:
        is_request = any(args and args[0] is request for request in self.taken)
        is_well = is_request or hook == "handle_timeout"
        what = "" if is_well else f" with {describe_argument(args)} in place of the request"
        self.calls.append(f"{hook}{what}")


def describe_argument(args: tuple[Any, ...]) -> str:
    """Return the first of the arguments in a word."""
    return f"a {type(args[0]).__name__}" if args else "nothing"


def practice(case: Case, server_class: Any, handler: Any = greet, **extra: Any) -> Any:
    """Return a server of the learner's loop and the bench's door."""
    return case.call(case.bench.subclass(Hooks, Door, server_class, **extra), handler)


def _want_given(part: str, *methods: str) -> None:
    """Let a place's check begin with what the cells above it have added to the class."""

    def is_whole(bench: Bench, BaseServer: Any) -> None:
        case = bench.case(
            called="your BaseServer",
            expected="the class with all that the cells above have added to it",
            why="The first cell of section 4 makes a new class, and each cell after it adds "
            "something. Run them from that one on, down to this.",
        )
        lacking = [name for name in methods if not hasattr(BaseServer, name)]
        names = ", ".join(f"{name.removeprefix('_BaseServer')}()" for name in lacking[:3])
        more = " and more" if lacking[3:] else ""
        case.want(not lacking, f"a BaseServer without {names}{more} from the cells above")

    chapter.check(part)(is_whole)


BELL = ["_BaseServer__wake", "__setattr__", "stop_serving"]
REST = [*BELL, "serve_forever", "shutdown", "_BaseServer__serve", "_handle_request_noblock"]
REST += ["process_request", "shutdown_request", "service_actions", "_BaseServer__must_poll"]
_want_given("start and end", *BELL)
_want_given("loop", *REST)
_want_given("trouble", *REST, "_BaseServer__loop", "request_lost", "handle_error")
_want_given("one request", *REST, "_BaseServer__loop", "request_lost", "handle_error")


def _unrung(Waker: Any) -> Any:
    """Return a _Waker that has not been rung, as its constructor would do."""
    waker = Waker.__new__(Waker)
    waker._receiver, waker._sender = socket.socketpair()
    waker._receiver.setblocking(False)
    waker._sender.setblocking(False)
    return waker


def _in_the_line(waker: Any) -> bytes:
    ready, _, _ = select.select([waker._receiver], [], [], 0)
    return waker._receiver.recv(100) if ready else b""


def _ring_often(waker: Any) -> None:
    for _ in range(10_000):
        waker.wake()


@chapter.check("waking")
def rings(bench: Bench, _Waker: Any) -> None:
    case = bench.case(
        called="wake(), then ten thousand times more, then close() and once more",
        expected="b'!' at the other end, and no error for the caller",
        why="A full line means that the loop is awake already, a closed one that it has gone. "
        "Neither is a problem of the thread that rings.",
    )
    waker = _unrung(_Waker)
    case.call(waker.wake)
    got = _in_the_line(waker)
    case.want(got == b"!", f"{got!r} in the line after one wake()")
    with case.in_words("{}: the line was full", only="BlockingIOError"):
        case.call(_ring_often, waker)
    case.call(waker.close)
    with case.in_words("{}: the line was closed", only="OSError"):
        case.call(waker.wake)


@chapter.check("waking")
def clears(bench: Bench, _Waker: Any) -> None:
    case = bench.case(
        called="clear() after three rings, then once more",
        expected="the line empty, and no error for the loop",
        why="A ring left in the line would wake the loop again for nothing. And where there is "
        "nothing to read, there is nothing to do.",
    )
    waker = _unrung(_Waker)
    for _ in range(3):
        case.call(waker.wake)
    case.call(waker.clear)
    left = len(_in_the_line(waker))
    case.want(not left, f"three rings, one clear(), and {left} bytes still in the line")
    with case.in_words("{}: there was nothing to read", only="BlockingIOError"):
        case.call(waker.clear)


SERVE, FLAG, EVENT = (
    f"_BaseServer__{name}" for name in ("serve", "shutdown_request", "is_shut_down")
)


RETURNED = (
    "shutdown() returned while the loop still ran: does it call the event's wait(), with the "
    "parentheses?"
)


LIMITED = (
    "shutdown() returned while the loop still ran: a wait() with a number in its parentheses ends "
    "when that many seconds are over"
)


class NotesTheFlag(threading.Event):
    """The event of a server's loop; knows whether the flag was up whenever it was set.

    A time limit runs out at once, and looks at the event are counted.
    """

    def __init__(self, server: Any) -> None:
        super().__init__()
        self.server = server
        self.was_up: list[bool] = []
        self.limits: list[float] = []
        self.waits = self.looks = 0
        self.set()

    def set(self) -> None:
        self.was_up.append(vars(self.server)[FLAG])
        super().set()

    def is_set(self) -> bool:
        self.looks += 1
        return super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        self.waits += 1
        if timeout is not None:
            self.limits.append(timeout)
            timeout = min(timeout, 0.01)
        return super().wait(timeout)


def _with_loop(case: Case, server_class: Any, loop: Callable[[Any, float], None]) -> Any:
    """Return a server with this loop in place of the one that isn't written yet."""
    loop.__qualname__ = "BaseServer.__serve"  # as an error names it
    server = practice(case, server_class, **{SERVE: loop})
    setattr(server, EVENT, NotesTheFlag(server))
    return server


@chapter.check("start and end")
def waits_for_the_end(bench: Bench, BaseServer: Any) -> None:
    interval = 0.25
    case = bench.case(
        called=f"serve_forever({interval}), and shutdown() from another thread",
        expected=f"one __serve({interval}), the event clear while it runs, then shutdown() back",
        why="shutdown() waits for the event. It is clear as long as the loop runs, and set at the "
        "very end, when the flag is down again.",
    )
    asked: list[float] = []
    at_work, go_on = threading.Event(), threading.Event()

    def loop(self: Any, poll_interval: float) -> None:
        asked.append(poll_interval)
        at_work.set()
        go_on.wait(2 * PATIENCE)

    server = _with_loop(case, BaseServer, loop)
    event = getattr(server, EVENT)
    runner = begin(server.serve_forever, interval)
    try:
        case.want(at_work.wait(PATIENCE), "__serve was not called")
        now = getattr(server, EVENT)
        case.want(
            not isinstance(now, bool),
            f"{now} in place of the event: it has methods, clear() and set()",
        )
        case.want(
            not event.is_set(),
            "the event is set while the loop runs, so shutdown() would not wait for it",
        )
        looks = event.looks
        caller = begin(server.shutdown)
        caller.join(0.1)
        if event.limits:
            case.want(caller.is_alive(), f"{LIMITED}, such as {event.limits[0]}")
        case.want(caller.is_alive(), RETURNED)
        is_polled = not event.waits and event.looks > looks + 1
        case.want(not is_polled, "shutdown() looks at the event again and again: wait() sleeps")
        go_on.set()
        runner.join(PATIENCE)
        case.want(not runner.is_alive(), "__serve is over, and serve_forever() goes on")
        case.want(event.is_set(), "the loop is over, and the event is not set")
        caller.join(PATIENCE)
        case.want(not caller.is_alive(), "the event is set, and shutdown() goes on")
        case.want(asked == [interval], f"the calls {', '.join(f'__serve({one})' for one in asked)}")
        case.want(not event.was_up[-1], "the event was set while the flag was still up")
        case.want(not vars(server)[FLAG], "the loop is over, and the flag is still up")
    finally:
        go_on.set()
        event.set()


@chapter.check("start and end")
def ends_whatever_happens(bench: Bench, BaseServer: Any) -> None:
    case = bench.case(
        called="serve_forever(), with an exception in the loop",
        expected="the exception for the caller, and the event set",
        why="However the loop has ended, it has ended. A thread in shutdown() would wait forever "
        "for an event that is not set.",
    )

    for raises in (Bug, KeyboardInterrupt):

        def loop(self: Any, poll_interval: float, raises: Any = raises) -> None:
            raise raises("in the loop")

        server = _with_loop(case, BaseServer, loop)
        error = case.error_of(server.serve_forever, none="no exception: it was swallowed")
        case.want(isinstance(error, raises), describe(error), alone=True)
        is_bug = raises is Bug
        came = "the exception" if is_bug else "a KeyboardInterrupt, which is no Exception"
        is_set = getattr(server, EVENT).is_set()
        case.want(is_set, f"{came}, and the event not set", alone=True)
        case.want(not vars(server)[FLAG], f"{came}, and the flag still up", alone=True)


@chapter.check("start and end")
def not_begun(bench: Bench, BaseServer: Any) -> None:
    case = bench.case(
        called="shutdown(), then serve_forever() twice",
        expected="no loop the first time, and one the second",
        why="A shutdown() that comes too early isn't forgotten: it counts for the loop that "
        "starts next, and only for that one.",
    )
    calls: list[float] = []

    def loop(self: Any, poll_interval: float) -> None:
        calls.append(poll_interval)

    server = _with_loop(case, BaseServer, loop)
    case.call(server.shutdown)
    case.call(server.serve_forever)
    case.want(not calls, "a loop, although the flag was up before it began")
    case.want(not vars(server)[FLAG], "no loop, and the flag is still up")
    case.want(getattr(server, EVENT).is_set(), "no loop, and the event is not set")
    case.call(server.serve_forever)
    case.want(calls, "no loop the second time either")


def _missing(server: Any, way: list[str]) -> str:
    """Return, in words, which of these hooks were not called."""
    missing = [hook for hook in way if hook not in server.calls]
    return f"no {' and no '.join(missing)}" if missing else ""


class Script:
    """A selector that returns these things in turn; with the last, the flag goes up."""

    def __init__(self, server: Any, *returns: list[Any]) -> None:
        self.server = server
        self.returns = [*returns]
        self.timeouts: list[float | None] = []

    def select(self, timeout: float | None = None) -> list[Any]:
        self.timeouts.append(timeout)
        ready = self.returns.pop(0) if self.returns else []
        if not self.returns:
            setattr(self.server, FLAG, True)
        return ready


BELL_OF_OURS = SimpleNamespace(clear=int)


def _loop(case: Case, server: Any, selector: Script, waker: Any) -> None:
    """Run the server's loop on a selector of ours."""
    case.call(server._BaseServer__loop, selector, waker, LONG, late="no end of the loop")


@chapter.check("loop")
def limits_its_waits(bench: Bench, BaseServer: Any) -> None:
    rows = [("None", None, LONG), ("a bell", BELL_OF_OURS, None)]
    for words, waker, wanted in rows[: 1 if sys.platform == "win32" else 2]:
        case = bench.case(
            called=f"__loop(selector, waker, {LONG:g}), where waker is {words}",
            expected=f"selector.select({wanted})",
            why="timeout is how long each wait may last. Without a bell only a look now and then "
            "finds the flag; with one, any limit would wake the loop for nothing.",
        )
        server = practice(case, BaseServer)
        selector = Script(server, [])
        _loop(case, server, selector, waker)
        got = selector.timeouts[:1]
        case.want(got, "no wait: the loop ended without a call of selector.select()")
        case.want(got == [wanted], f"selector.select({got[0]})")


@chapter.check("loop")
def looks_again(bench: Bench, BaseServer: Any) -> None:
    case = bench.case(
        called="the loop, whose wait ends with the bell and a client at the same time",
        expected="the loop at its end, and the client not served",
        why="When the flag is up the server is to stop. Serving one more client may take long.",
    )
    served: list[int] = []
    key = SimpleNamespace(data=lambda: served.append(1))
    server = practice(case, BaseServer)
    _loop(case, server, Script(server, [(key, 1)]), BELL_OF_OURS)
    case.want(not served, "a client served, although the flag was up by then")


@chapter.check("loop")
def works_after_each_wait(bench: Bench, BaseServer: Any) -> None:
    case = bench.case(
        called="the loop, with two things ready after its first wait and nothing after its second",
        expected="data called for each of the two, then service_actions; then service_actions",
        why="Regular work is done once after each wait, whatever ended it. A server that is never "
        "idle has regular work, too, and so has one that always is.",
    )
    server = practice(case, BaseServer)
    server.service_actions = lambda: server.calls.append("service_actions")
    keys = [SimpleNamespace(data=lambda: server.calls.append("data")) for _ in range(2)]
    selector = Script(server, [(key, 1) for key in keys], [], [])
    _loop(case, server, selector, BELL_OF_OURS)
    calls = ", ".join(server.calls) or "none"
    times = server.calls.count("service_actions")
    often = {0: "never", 1: "once"}.get(times, f"{times} times")
    case.want(times == 2, f"the calls {calls}: service_actions {often} in two waits")
    wanted = ["data", "data", "service_actions", "service_actions"]
    never = "" if "data" in server.calls else ": data never, which is called with parentheses, too"
    case.want(server.calls == wanted, f"the calls {calls}{never}")


@chapter.check("loop")
def passes_errors_on(bench: Bench, BaseServer: Any) -> None:
    case = bench.case(
        called="the loop, where data raises an exception",
        expected="the exception for the caller",
        why="_handle_request_noblock() deals with the errors of requests. What gets past it is to "
        "end the loop, so that whoever called serve_forever() learns of it.",
    )

    def data() -> None:
        raise Bug("what the loop called has failed")

    server = practice(case, BaseServer)
    script = Script(server, [(SimpleNamespace(data=data), 1)], [])
    call = partial(server._BaseServer__loop, script, BELL_OF_OURS, LONG)
    error = case.error_of(call, none="no exception: the loop swallowed it")
    case.want(isinstance(error, Bug), describe(error), alone=True)


@chapter.check("trouble")
def serve(bench: Bench, BaseServer: Any) -> None:
    case = bench.case(
        called="serve_forever(), with two clients in turn",
        expected=f"both answered, each by way of {', '.join(WAY)}",
        why="Each hook is a place where a subclass steps in: TCPServer, the mix-ins, you. One "
        "that isn't called can't be stepped into.",
    )
    with case.serving(practice(case, BaseServer)) as server:
        for _ in range(2):
            try:
                got = case.talk(server.server_address)
            except CaseError as failure:
                missing = _missing(server, WAY) if "handler" in server.calls else ""
                case.want(not missing, f"{missing}: {failure.got}")
                raise
            case.want(got == b"hello", f"{got!r} back")
    second = [place for place, call in enumerate(server.calls) if call == WAY[0]][1:2]
    first = server.calls[: second[0]] if second else server.calls
    times = first.count("shutdown_request")
    calls = f"for the first client the calls {', '.join(first)}"
    case.want(
        times < 2,
        f"{calls}: shutdown_request {times} times for one request, which process_request had "
        "ended already",
    )
    case.want(first == WAY, calls)
    case.want(server.calls == WAY * 2, f"the calls {', '.join(server.calls)}")


@chapter.check("loop")
def wakes(bench: Bench, BaseServer: Any) -> None:
    case = bench.case(
        called=f"serve_forever({LONG:g}), a client, then shutdown() from another thread",
        expected="the client served, and the loop ended at once",
        why="A flag doesn't wake a sleeping loop. Polling finds it late, here after a minute; "
        "a byte in a socket pair finds it at once.",
    )
    server = practice(case, BaseServer)
    with case.serving(server, lambda: server.serve_forever(LONG)):
        got = case.talk(server.server_address)
        case.want(got == b"hello", f"{got!r} back")
        time.sleep(0.05)  # back to sleep
        try:
            within(PATIENCE, server.shutdown, "shutdown")
        except ServerError:
            _poke(server)
            case.fail(f"a loop that goes on {PATIENCE:g} seconds after shutdown()")


def _descriptors() -> int:
    """Count the open descriptors that are pipes or selectors; none on Windows."""
    count = 0
    for number in range(1024 if os.name == "posix" else 0):
        with suppress(OSError):
            kind = stat.S_IFMT(os.fstat(number).st_mode)
            count += kind in (0, stat.S_IFIFO)  # Linux gives a selector's descriptor no kind
    return count


def _poke(server: Any) -> None:
    """Wake a loop that only a client wakes, so that the check can end."""
    for _ in range(2):
        with suppress(OSError):
            connect(server.server_address).close()


@chapter.check("loop")
def each_interval(bench: Bench, BaseServer: Any) -> None:
    interval, times = 0.05, 3
    case = bench.case(
        called=f"serve_forever({interval}), with a service_actions of a subclass, and no client",
        expected="service_actions called each poll_interval, and not more often",
        why="A server that overrides service_actions wants regular work done, even while no client "
        "comes. That's the one reason for the loop to look up now and then.",
    )
    began = time.monotonic()
    server = practice(case, BaseServer, service_actions=_tick, ticks=[])
    with case.serving(server, lambda: server.serve_forever(interval)):
        soon(lambda: len(server.ticks) >= times)
        calls, seconds = len(server.ticks), time.monotonic() - began
        case.want(calls, "no call of service_actions: nothing woke the loop")
        case.want(calls >= times, f"{calls} calls in {PATIENCE:g} seconds")
        often = f"called more often: {calls} times in {seconds:.2f} seconds"
        case.want(seconds > 0.9 * calls * interval, often)


def _tick(server: Any) -> None:
    """Do the regular work, where the server is, so that nothing there waits for us."""
    server.ticks.append(True)


class Bug(Exception):
    """What no answer can have thought of."""


PASSED_ON = (
    "the bug ended the loop, unreported, as Ctrl-C would: does except Exception come before "
    "except BaseException?"
)


@chapter.check("trouble")
def bug_in_a_handler(bench: Bench, BaseServer: Any) -> None:
    case = bench.case(
        called="serve_forever(), with a handler that raises for its first client",
        expected="handle_error, which reports it, then shutdown_request; the second answered",
        why="Handlers are written by other people, and some have bugs. One bad request must not "
        "lock all the others out.",
    )

    def buggy(request: Any, client_address: Any, server: Any) -> None:
        if len(server.taken) == 1:
            raise Bug("a bug in the handler")
        request.sendall(b"hello")

    with case.serving(practice(case, BaseServer, buggy)) as server:
        del server.handle_error  # the answer's own, in place of the one that only takes notes
        with case.in_words("a first client that waits forever: not closed"):
            case.talk(server.server_address)
        try:
            with case.in_words("nothing for the second client: the loop is dead"):
                got = case.talk(server.server_address)
        except CaseError:
            is_reported = any(call.startswith("handle_error") for call in server.calls)
            case.want(is_reported or "shutdown_request" not in server.calls, PASSED_ON)
            raise
        case.want(got == b"hello", f"{got!r} for the second client")
    times = sum(call.startswith("handle_error") for call in server.calls)
    case.want(times == 1, f"{times} calls of handle_error")
    way = [*WAY[:3], "handle_error", *WAY[4:]]
    begins = [place for place, call in enumerate(server.calls) if call == WAY[0]]
    calls = server.calls[: begins[1]]
    case.want(calls == way, f"for the first client the calls {', '.join(calls)}")
    printed = "".join(bench.records.printed)
    case.want("a bug in the handler" in printed, f"a handle_error that reports {printed!r}")


@chapter.check("trouble")
def turned_away(bench: Bench, BaseServer: Any) -> None:
    case = bench.case(
        called="serve_forever(), with a verify_request that returns False",
        expected="shutdown_request, so that the connection ends without a word, and no handler",
        why="verify_request decides whether to serve. A request turned away must still be closed, "
        "and a subclass may have its own way to say goodbye.",
    )
    server = practice(case, BaseServer, verify_request=lambda *request: False)
    with case.serving(server), case.in_words("a client turned away, but not closed: {}"):
        got = case.talk(server.server_address)
    case.want(not got and "handler" not in server.calls, f"{got!r}, and a handler was made")
    case.want(server.calls == WAY[4:], f"the calls {', '.join(server.calls)}")


@chapter.check("trouble")
def gone_again(bench: Bench, BaseServer: Any) -> None:
    case = bench.case(
        called="serve_forever(), with a get_request() that raises OSError for the first client",
        expected="the second client answered",
        why="A client may have gone again before you take its request. That is no reason to stop.",
    )

    def get_request(self: Any) -> Any:
        request, client_address = Door.get_request(self)
        if len(self.taken) == 1:
            request.close()
            raise ConnectionAbortedError("the client has gone")
        return request, client_address

    with case.serving(practice(case, BaseServer, get_request=get_request)) as server:
        with suppress(CaseError):
            case.talk(server.server_address)
        with case.in_words("nothing for the second client: the loop is dead"):
            got = case.talk(server.server_address)
        case.want(got == b"hello", f"{got!r}")


@chapter.check("trouble")
def ends_with_the_program(bench: Bench, BaseServer: Any) -> None:
    for raises, way, why in (
        (KeyboardInterrupt, "Ctrl-C", "Ctrl-C isn't a bug to report: the program is meant to end."),
        (SystemExit, "sys.exit()", "A handler, too, may end the program, with sys.exit()."),
        (
            GeneratorExit,
            "another error that is no Exception",
            "There are more of these than the two best known, and libraries add their own.",
        ),
    ):
        _ends_with(bench, BaseServer, raises, way, why)


def _ends_with(
    bench: Bench, BaseServer: Any, raises: type[BaseException], way: str, why: str
) -> None:
    name, method = raises.__name__, "_handle_request_noblock"
    case = bench.case(
        called=f"{method}(), with {way} ({name}) in the handler",
        expected=f"shutdown_request, no handle_error, and the {name} for the caller",
        why=f"{why} Only the request has to be closed first.",
    )

    def interrupted(request: Any, client_address: Any, server: Any) -> None:
        raise raises

    server = practice(case, BaseServer, interrupted)
    with connect(server.server_address):
        try:
            within(PATIENCE, getattr(server, method), method)
            raised = False
        except raises:
            raised = True
        except Exception as error:
            case.fail(describe(error), error)
    case.want("handle_error" not in server.calls, "handle_error called, as if it were a bug")
    case.want(raised, f"no {name}: it was swallowed")
    times = server.calls.count("shutdown_request")
    case.want(times == 1, f"the {name}, and {times} calls of shutdown_request")


@chapter.check("one request")
def one_request(bench: Bench, BaseServer: Any) -> None:
    case = bench.case(
        called="handle_request(), with timeout = 0.05 and no client",
        expected="handle_timeout called once, and handle_request() back",
        why="timeout is how long handle_request() waits for a client.",
    )
    server = practice(case, BaseServer, timeout=0.05)
    case.call(server.handle_request)
    times = server.calls.count("handle_timeout")
    case.want(times == 1, f"{times} calls of handle_timeout")
    case = bench.case(
        called="handle_request(), with two clients waiting",
        expected="the first one served, the second left for the next call",
        why="handle_request() serves a single request, unlike its big sister.",
    )
    server.timeout = None
    late = f"nothing within {PATIENCE:g} seconds, though a client waits: is the server registered "
    late += "with the selector?"
    with connect(server.server_address) as first, connect(server.server_address):
        case.call(server.handle_request, late=late)
        case.want(len(server.taken) == 1, f"{len(server.taken)} requests taken")
        case.want("handler" in server.calls, "no handler was called")
        got = first.recv(100)
        case.want(got == b"hello", f"{got!r} for the first client")
    case.want(server.calls.count("handle_timeout") == 1, "handle_timeout, though a client waited")


@chapter.check("one request")
def does_not_wait(bench: Bench, BaseServer: Any) -> None:
    case = bench.case(
        called="handle_request(), with timeout = 0 and no client",
        expected="handle_timeout called, and handle_request() back at once",
        why="0 seconds is a time limit, too: look, and don't wait. None means no limit.",
    )
    server = practice(case, BaseServer, timeout=0)
    try:
        case.call(server.handle_request)
    except CaseError:
        _poke(server)
        time.sleep(0.1)  # it has to wake before the door is taken away
        raise
    times = server.calls.count("handle_timeout")
    case.want(times == 1, f"{times} calls of handle_timeout")


@chapter.check("one request")
def waits_to_read(bench: Bench, BaseServer: Any) -> None:
    case = bench.case(
        called="handle_request(), with timeout = 0.05, on a socket for datagrams, and no datagram",
        expected="handle_timeout called once",
        why="A socket for datagrams can be written to at any time. A server waits for something "
        "to read, which is EVENT_READ, and for nothing else.",
    )
    server = practice(case, BaseServer, timeout=0.05)
    server.server_close()
    door = socket.socket(type=socket.SOCK_DGRAM)
    door.bind(ANY_PORT)
    server.socket = bench.hand_over(door)
    case.call(server.handle_request)
    server.server_close()
    times = server.calls.count("handle_timeout")
    case.want(times == 1, f"{times} calls of handle_timeout: does the selector watch for more?")


@chapter.check("one request")
def asks_the_hooks(bench: Bench, BaseServer: Any) -> None:
    case = bench.case(
        called="handle_request(), with a client waiting and a verify_request that returns False",
        expected="shutdown_request, and no handler",
        why="Whatever takes a request asks the hooks first: that's in _handle_request_noblock().",
    )
    server = practice(case, BaseServer, timeout=PATIENCE, verify_request=lambda *request: False)
    with connect(server.server_address):
        case.call(server.handle_request)
    case.want("handler" not in server.calls, "a handler, for a client who is turned away")
    case.want("shutdown_request" in server.calls, "no shutdown_request")


@chapter.check("one request")
def watches_the_server(bench: Bench, BaseServer: Any) -> None:
    case = bench.case(
        called="handle_request(), with a client waiting, on a server without an attribute socket",
        expected="the client served",
        why="A selector watches anything that has a fileno(), so it can watch the server. How that "
        "keeps its listener is its own affair.",
    )
    methods = {
        "fileno": lambda self: self.listener.fileno(),
        "get_request": lambda self: self.listener.accept(),
        "server_close": lambda self: self.listener.close(),
    }
    server = practice(case, BaseServer, timeout=PATIENCE, **methods)
    server.listener = server.socket
    del server.socket
    with connect(server.server_address) as client:
        case.call(server.handle_request)
        client.settimeout(PATIENCE)
        got = client.recv(100)
    server.server_close()
    case.want(got == b"hello", f"{got!r} back")


@chapter.check("one request")
def the_shorter_limit(bench: Bench, BaseServer: Any) -> None:
    for own, sockets in ((None, 0.05), (LONG, 0.05), (0.05, LONG)):
        case = bench.case(
            called=f"handle_request(), with timeout = {own}, on a socket with the limit {sockets}",
            expected="handle_timeout called, and handle_request() soon back",
            why="There are two time limits, and the shorter one counts. None is no limit at all.",
        )
        server = practice(case, BaseServer, timeout=own)
        server.socket.settimeout(sockets)
        try:
            case.call(server.handle_request)
        except CaseError:
            _poke(server)
            time.sleep(0.1)
            raise
        times = server.calls.count("handle_timeout")
        case.want(times == 1, f"{times} calls of handle_timeout")


@chapter.check("one request")
def timeout_is_not_the_loops(bench: Bench, BaseServer: Any) -> None:
    case = bench.case(
        called=f"serve_forever({LONG:g}) on a server with timeout = 0.05",
        expected="no call of handle_timeout",
        why="A server's timeout is for handle_request() alone. serve_forever() never looks at it.",
    )
    with case.serving(practice(case, BaseServer, timeout=0.05)) as server:
        time.sleep(0.15)
        got = case.talk(server.server_address)
        case.want(got == b"hello", f"{got!r}")
        times = server.calls.count("handle_timeout")
        case.want(not times, f"{times} calls: did serve_forever() look at server.timeout?")


@chapter.check("one request")
def waits_for_ever(bench: Bench, BaseServer: Any) -> None:
    case = bench.case(
        called="handle_request(), with no time limit, and a client who comes after a while",
        expected="the client served, and no handle_timeout",
        why="timeout = None, on a socket without a limit, waits forever.",
    )
    server = practice(case, BaseServer)
    server.socket.settimeout(None)
    clients: list[socket.socket] = []

    def come() -> None:
        clients.append(connect(server.server_address))

    wait = 0.7
    late = threading.Timer(wait, come)
    late.start()
    try:
        within(wait + PATIENCE, server.handle_request, "handle_request")
    except ServerError as trouble:
        case.fail(f"{trouble}")
    except Exception as error:
        case.fail(describe(error), error)
    finally:
        late.join()
        for client in clients:
            client.close()
    case.want("handle_timeout" not in server.calls, "handle_timeout, although None has no end")
    case.want("handler" in server.calls, "no handler was called")


jobs = EXERCISES["02.1"]


def shout(job: str) -> str:
    """Do a job: return it in capitals. A "bug" is one that fails."""
    if job == "bug":
        raise ValueError("a bug in the work")
    return job.upper()


def put(server: Any, *jobs: str) -> list[Any]:
    """Put the jobs in, each from its own thread, one after the other; return their futures."""
    futures: list[Any] = []
    for job in jobs:
        outcome = in_thread(threading.Thread, partial(server.put, job), PATIENCE / 2)
        if not outcome.done():
            raise TimeoutError(f"put({job!r}) goes on: it's to return a future, not to wait for it")
        futures.append(outcome.result())
        if not isinstance(futures[-1], Future):
            raise TypeError(f"put({job!r}) returned {futures[-1]!r}, not a Future")
    return futures


@contextmanager
def looping(server: Any) -> Iterator[list[str]]:
    """Run the server's loop in a `with` block; what has ended it too early is in the list."""
    ended: list[str] = []

    def loop() -> None:
        try:
            server.serve_forever(LONG)
        except BaseException as error:
            ended.append(f"the loop has ended with {describe(error)}")

    thread = begin(loop)
    try:
        yield ended
    finally:
        within(PATIENCE, server.shutdown, "shutdown")
        thread.join(PATIENCE)


def came(futures: Iterable[Any], ended: list[str] | None = None) -> list[str]:
    """Return in words what has become of each future, once all are done or the loop has ended."""
    futures = [*futures]
    soon(lambda: ended or all(one.done() for one in futures), PATIENCE / 2)
    return [_words(one) for one in futures]


def _words(future: Any) -> str:
    try:
        return str(future.result(0))
    except TimeoutError:
        return "nothing"
    except CancelledError:
        return "cancelled"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _is_ready(server: Any) -> bool:
    return bool(select.select([server.fileno()], [], [], 0)[0])


def _one_job(server: Any) -> tuple[list[bool], list[str]]:
    """Return whether fileno() was readable before, while and after a job waited; what came."""
    server.timeout = PATIENCE / 2
    ready = [_is_ready(server)]
    futures = put(server, "ahoy")
    ready.append(_is_ready(server))
    server.handle_request()
    ready.append(_is_ready(server))
    return ready, came(futures, ["served"])


@jobs.check("one job")
def one_job(bench: Bench, JobServer: Any) -> None:
    case = bench.case(
        called="put('ahoy') in another thread, then handle_request()",
        expected="'AHOY', which is work('ahoy'), in the future; fileno() readable until then",
        why="A server waits until its fileno() is readable. Here that means that a job waits.",
    )
    server = case.call(JobServer, shout)
    (before, waiting, after), [got] = case.call(_one_job, server)
    case.want(not before, "fileno() readable before there was any job")
    case.want(waiting, "fileno() not readable although a job waits: nothing has rung the bell")
    case.want(got == "AHOY", f"{got} in the future")
    case.want(
        not after,
        "the job done, and fileno() still readable: is its ring still in the line?",
    )
    case.call(server.server_close)


def _two_servers(JobServer: Any) -> tuple[list[bool], list[str]]:
    one, two = JobServer(shout), JobServer(shout)
    futures = put(one, "one")
    ready = [_is_ready(two)]
    futures += put(two, "two")
    ready.append(_is_ready(two))
    for server in (one, two):
        server.timeout = PATIENCE / 4
        server.handle_request()
    got = came(futures, ["served"])
    for server in (one, two):
        server.server_close()
    return ready, got


@jobs.check("one job")
def two_servers(bench: Bench, JobServer: Any) -> None:
    case = bench.case(
        called="put() on the first of two servers, then on the second; handle_request() on both",
        expected="the fileno() of the second readable when it has a job, and each job done",
        why="A program may have two servers. What one of them keeps belongs on self: on the class, "
        "it's the other one's, too.",
    )
    (before, after), got = case.call(_two_servers, JobServer)
    case.want(not before, "the second readable with the job of the first: do they share a bell?")
    case.want(after, "the second not readable with a job: do they share their jobs?")
    case.want(got == ["ONE", "TWO"], f"{', '.join(got)} in the two futures")


def _late_job(JobServer: Any) -> tuple[int, list[str]]:
    timed_out: list[int] = []
    server = JobServer(shout)
    server.handle_timeout = lambda: timed_out.append(1)
    server.timeout = 0.05
    server.handle_request()
    server.timeout = PATIENCE
    futures: list[Any] = []
    late = threading.Timer(0.1, lambda: futures.extend(put(server, "late")))
    late.start()
    server.handle_request()
    late.join()
    server.server_close()
    return len(timed_out), came(futures)


@jobs.check("one job")
def comes_late(bench: Bench, JobServer: Any) -> None:
    case = bench.case(
        called="handle_request() with no job in sight; then again, and a job comes after a while",
        expected="handle_timeout() the first time, and the job done the second",
        why="handle_request() is BaseServer's. It waits for fileno(), for `timeout` seconds.",
    )
    times, got = case.call(_late_job, JobServer, seconds=2 * PATIENCE)
    case.want(times == 1, f"{times} calls of handle_timeout()")
    case.want(got == ["LATE"], f"{', '.join(got)} for the job that came late")


def _jobs_done(
    JobServer: Any, names: list[str], cancelled: int = 0
) -> tuple[list[str], list[str], str]:
    """Put the jobs in, cancel the first few, then let the loop do them.

    Returns those that were done, in their order, what came of the others, and what ended the loop.
    """
    done: list[str] = []

    def work(job: str) -> str:
        done.append(job)
        return shout(job)

    server = JobServer(work)
    futures = put(server, *names)
    for future in futures[:cancelled]:
        future.cancel()
    with looping(server) as ended:
        got = came(futures[cancelled:], ended)
    server.server_close()
    return done, got, ", ".join(ended)


@jobs.check("many jobs")
def three_wait(bench: Bench, JobServer: Any) -> None:
    case = bench.case(
        called="put() three times, then serve_forever()",
        expected="all three done, in the order in which they were put in",
        why="get_request() takes one job. As long as others wait, fileno() must stay readable.",
    )
    names = ["one", "two", "three"]
    done, got, ended = case.call(_jobs_done, JobServer, names, seconds=2 * PATIENCE)
    case.want(not ended, ended)
    left = got.count("nothing")
    case.want(
        not done or not left,
        f"{left} of three jobs not done: has one recv() emptied the line of all the rings?",
    )
    case.want(got == ["ONE", "TWO", "THREE"], f"{', '.join(got)} in the three futures")
    case.want(done == names, f"the jobs done in the order {', '.join(done)}")


def _crowd(JobServer: Any, threads: int, times: int) -> tuple[int, list[str]]:
    """Let threads put jobs in, each its own, and wait for each answer; return how many were right.

    And the error that has ended the loop, if one has.
    """
    right: list[bool] = []
    server = JobServer(shout)

    def asks(name: str) -> None:
        for number in range(times):
            got = server.put(f"{name}{number}").result(PATIENCE)
            right.append(got == f"{name}{number}".upper())

    with looping(server) as ended:
        crowd = [begin(asks, f"job {one} ") for one in range(threads)]
        soon(lambda: ended or not any(one.is_alive() for one in crowd), 2 * PATIENCE)
    server.server_close()
    return right.count(True), ended


@jobs.check("many jobs")
def a_crowd(bench: Bench, JobServer: Any) -> None:
    threads, times = 8, 25
    case = bench.case(
        called=f"{threads} threads that put in {times} jobs each, while serve_forever() runs",
        expected="for each of them the answer to its own job",
        why="put() may be called by any thread at any time, even while get_request() is at work.",
    )
    right, ended = case.call(_crowd, JobServer, threads, times, seconds=4 * PATIENCE)
    case.want(not ended, ", ".join(ended))
    case.want(right == threads * times, f"{right} right answers to {threads * times} jobs")


def _put_many(JobServer: Any) -> int:
    server = JobServer(shout)
    for _ in range(MANY):
        server.put("ahoy")
    server.server_close()
    return MANY


MANY = 10_000


@jobs.check("many jobs")
def thousands_wait(bench: Bench, JobServer: Any) -> None:
    case = bench.case(
        called=f"put(), {MANY:,} times, while no loop runs",
        expected="a future each time, at once",
        why="A socket pair holds some hundred bytes, or some thousand. A deque has no such limit, "
        "so one byte is enough to say that jobs wait, however many.",
    )
    late = "put() waits: are there no more bytes that fit into the line?"
    with case.in_words("{}: the line was full", only="BlockingIOError"):
        case.call(_put_many, JobServer, late=late)


@jobs.check("a bug")
def bug_in_the_work(bench: Bench, JobServer: Any) -> None:
    case = bench.case(
        called="put('bug'), for which work raises ValueError, then put('ahoy')",
        expected="the ValueError from result() for the first, and 'AHOY' for the second",
        why="A job that fails costs only itself. The thread that put it in waits for the future, "
        "so the error belongs there: set_exception(), in handle_error().",
    )
    call = partial(case.call, _jobs_done, JobServer, seconds=2 * PATIENCE)
    _, (bug, ahoy), ended = call(["bug", "ahoy"])
    case.want(not ended, ended)
    case.want(ahoy == "AHOY", f"{ahoy} for the second job")
    case.want(bug != "nothing", "nothing for the first job: its future waits forever")
    case.want(bug == "ValueError: a bug in the work", f"{bug} for the first job")


@jobs.check("given up")
def given_up(bench: Bench, JobServer: Any) -> None:
    case = bench.case(
        called="put() twice, cancel() for the first future, then serve_forever()",
        expected="the first job not done, and the second done",
        why="verify_request() turns requests away. Here it's asked whether anyone still wants the "
        "answer: set_running_or_notify_cancel() says so, and can't be cancelled after that.",
    )
    call = partial(case.call, _jobs_done, JobServer, seconds=2 * PATIENCE)
    done, [got], ended = call(["first", "second"], 1)
    wasted = f"the first job done, though it was cancelled ({got} for the second)"
    case.want("first" not in done, wasted)
    case.want(not ended, ended)
    case.want(got == "SECOND", f"{got} for the second job")


def _given_up_at_work(JobServer: Any) -> tuple[list[str], str]:
    """Cancel a job while it is at work; return what came of the next, and what ended the loop."""
    futures: list[Any] = []
    filled = threading.Event()

    def work(job: str) -> str:
        if job == "first":
            filled.wait(PATIENCE)
            futures[0].cancel()
        return shout(job)

    server = JobServer(work)
    with looping(server) as ended:
        futures += put(server, "first", "second")
        filled.set()
        got = came(futures[1:], ended)
    server.server_close()
    return got, ", ".join(ended)


@jobs.check("given up")
def given_up_at_work(bench: Bench, JobServer: Any) -> None:
    case = bench.case(
        called="put() twice, and cancel() for the first future while its job is being done",
        expected="the second job done",
        why="A future that has been cancelled can't be filled: that raises InvalidStateError. So "
        "set_running_or_notify_cancel() says that the work begins, after which cancel() is too "
        "late.",
    )
    [got], ended = case.call(_given_up_at_work, JobServer, seconds=2 * PATIENCE)
    case.want(not ended, ended)
    case.want(got == "SECOND", f"{got} for the second job")


def _stopped(JobServer: Any) -> tuple[bool, list[str]]:
    """Shut down while a job is at work and two wait; return whether that ended, and what's done."""
    done: list[str] = []
    at_work, go_on = threading.Event(), threading.Event()

    def work(job: str) -> str:
        done.append(job)
        at_work.set()
        go_on.wait(PATIENCE)
        return shout(job)

    server = JobServer(work)
    put(server, "one", "two", "three")
    thread = begin(server.serve_forever, LONG)
    at_work.wait(PATIENCE)
    caller = begin(server.shutdown)
    soon(lambda: server._BaseServer__shutdown_request, 0.2)
    go_on.set()
    caller.join(PATIENCE)
    is_back = not caller.is_alive()
    server.server_close()
    thread.join(PATIENCE)
    return is_back, done


@jobs.check("the end")
def stops(bench: Bench, JobServer: Any) -> None:
    case = bench.case(
        called="shutdown(), while one job is being done and two wait",
        expected="shutdown() back when the one is done, the two left",
        why="shutdown() waits for the request at hand, not for a queue that may be long.",
    )
    is_back, done = case.call(_stopped, JobServer, seconds=4 * PATIENCE)
    case.want(is_back, f"no end of shutdown() within {PATIENCE:g} seconds")
    case.want(done == ["one"], f"{len(done)} jobs done before shutdown() was back")


def _closed(JobServer: Any, records: Records) -> tuple[list[str], str, int]:
    """Close a server on which jobs wait; return what came, and what's left."""
    made, pipes = len(records.sockets), _descriptors()
    for _ in range(3):
        server = JobServer(shout)
        futures = put(server, "one", "two")
        server.server_close()
    sockets = sum(sock.fileno() != -1 for sock in records.sockets[made:])
    left = sockets + max(0, _descriptors() - pipes)
    late = ""
    for time_it_is_put in ("", ", the second time"):
        with suppress(Exception):
            late = late or f"{server.put('late')!r}{time_it_is_put}"
    return came(futures), late, left


@jobs.check("the end")
def closes(bench: Bench, JobServer: Any) -> None:
    case = bench.case(
        called="server_close() of three servers, while two jobs wait on each; then put(), twice",
        expected="all descriptors closed, both futures cancelled, and an error from each put()",
        why="A server gives back what it has opened. And no thread may wait for an answer that "
        "will never come.",
    )
    got, late, left = case.call(_closed, JobServer, bench.records, seconds=2 * PATIENCE)
    case.want(not left, f"{left} descriptors still open: does server_close() close both ends?")
    case.want("nothing" not in got, "futures that wait forever: server_close() didn't cancel them")
    case.want(got == ["cancelled"] * 2, f"{', '.join(got)} in the two futures")
    case.want(not late, f"no error from put() on a closed server, but {late}: who will do the job?")


use = EXERCISES["02.2"]


@use.check("page")
def shows_page(bench: Bench, page: Any, SmallHarbour: Any) -> None:
    case = bench.case(
        called="SmallHarbour(address, page), visited by urllib",
        expected="the status 200 and the text 'visitor 1'",
        why="urllib knows nothing of this course. It wants a status line, an empty line, and the "
        "text, in bytes.",
    )
    with case.serving_quickly(case.call(SmallHarbour, ANY_PORT, page)) as server:
        got = fetch_from(case, server).text
        case.want(got.strip() == "visitor 1", f"the text {got!r}")
        want_line_ends(case, case.talk(server.server_address, b"GET / HTTP/1.0\r\n\r\n"))


@use.check("page")
def request_is_received(bench: Bench, page: Any, SmallHarbour: Any) -> None:
    case = bench.case(
        called="page, for a client whose request has already arrived",
        expected="the request received, before or after the answer",
        why="A connection that is closed while bytes in it are unread is reset, and the client "
        "may lose the answer.",
    )
    unread: list[bytes] = []

    def watched(request: Any, client_address: Any, server: Any) -> None:
        page(request, client_address, server)
        request.settimeout(0)
        with suppress(OSError):
            unread.append(request.recv(100, socket.MSG_PEEK))

    server = case.call(SmallHarbour, ANY_PORT, watched)
    with connect(server.server_address) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        with case.serving_quickly(server):
            rest_of(client)
    case.want(not any(unread), f"an answer, but {unread and unread[0]!r} not received")


@use.check("counter")
def counts(bench: Bench, page: Any, SmallHarbour: Any) -> None:
    case = bench.case(
        called="two servers, each visited by urllib twice, in turn",
        expected="'visitor 1' and 'visitor 2' from each of them",
        why="Each request gets its own handler; only the server outlives them, and a program "
        "may have two. So a count belongs on the server that the handler is given.",
    )
    roomy = bench.subclass(SmallHarbour, limit=1000)
    one, two = (case.call(roomy, ANY_PORT, page) for _ in range(2))
    with case.serving_quickly(one), case.serving_quickly(two):
        got = [fetch_from(case, server).text.strip() for server in (one, two, one, two)]
    wanted = ["visitor 1", "visitor 1", "visitor 2", "visitor 2"]
    numbers = [int(text) for text in re.findall(r"\d+", " ".join(got))]
    shared = len(numbers) == 4 and numbers[1] == numbers[0] + 1  # wherever a global began
    came = f"{got}"
    case.want(not shared, f"{came}: the two count together. Is the count a global, or the class's?")
    case.want(got != ["visitor 1"] * 4, f"{came}: does the count stay where it is?")
    case.want(got == wanted, came)


@use.check("counter")
def each_does_its_part(bench: Bench, page: Any, SmallHarbour: Any) -> None:
    case = bench.case(
        called="page, by a SmallHarbour with the standard library's hooks, after 7 visitors",
        expected="'visitor 8', and 8 in server.visitors",
        why="page counts, whatever the server; SmallHarbour starts at 0, and only looks.",
    )
    started = getattr(case.call(SmallHarbour, ANY_PORT, page), "visitors", None)
    case.want(started == 0, f"a SmallHarbour that starts with {started!r} in visitors")
    hooks = ("get_request", "verify_request", "process_request", "finish_request")
    plain = {name: getattr(socketserver.TCPServer, name) for name in hooks}
    server = case.call(bench.subclass(SmallHarbour, **plain), ANY_PORT, page)
    server.visitors = 7
    with case.serving_quickly(server):
        got = fetch_from(case, server).text.strip()
        case.want(got == "visitor 8", f"{got!r}")
    case.want(server.visitors == 8, f"'visitor 8', and {server.visitors!r} in server.visitors")


@use.check("full")
def turns_away(bench: Bench, page: Any, SmallHarbour: Any) -> None:
    case = bench.case(
        called="SmallHarbour with limit = 2 and page, visited four times",
        expected="two pages, then connections that end without a word",
        why="verify_request is asked before a handler is made, and says True or False. The server "
        "closes what is turned away, and waits for the next.",
    )
    limit = getattr(SmallHarbour, "limit", None)
    case.want(limit == 3, f"a SmallHarbour whose limit is {limit!r}; the task says 3")
    small = bench.subclass(SmallHarbour, limit=2)
    calls: list[int] = []

    def watched(request: Any, client_address: Any, server: Any) -> None:
        calls.append(1)
        page(request, client_address, server)

    with case.serving_quickly(case.call(small, ANY_PORT, watched)) as server:
        for number in (1, 2):
            got = fetch_from(case, server).text
            case.want(got.strip() == f"visitor {number}", f"{got!r} for visitor {number}")
        for _ in range(2):
            try:
                got = fetch_from(case, server).text
            except CaseError as failure:
                closed = isinstance(failure.__cause__, ConnectionError)
                case.want(closed, f"{failure.got}, after the limit was reached")
            else:
                case.fail(f"{got!r} after the limit was reached")
        case.want(not bench.records.errors, "an exception")
        case.want(len(calls) == 2, f"{len(calls)} handlers made: who is turned away needs none")


bugs = EXERCISES["02.3"]


class Hello(socketserver.BaseRequestHandler):
    """Says hello."""

    def handle(self) -> None:
        self.request.sendall(b"hello")


def free(server: Any) -> None:
    """Release a thread that waits in shutdown() of a server of the standard library."""
    event = getattr(server, "_BaseServer__is_shut_down", None)
    if event is not None:
        event.set()


class CountsWaits(ServerMixin):
    """Counts how often the loop has waited."""

    waits = 0

    def service_actions(self) -> None:
        super().service_actions()
        self.waits += 1


def type_of(server: Any) -> Any:
    """Return the class of a server, wherever that is."""
    return type(server)


@bugs.check("ticks")
def ticks(bench: Bench, Desk: Any) -> None:
    case = bench.case(
        called="Desk, on serve_forever(0.05), with no client",
        expected="ticks going up by one after each wait of the loop",
        why="server.timeout and handle_timeout are for handle_request() alone. serve_forever() "
        "looks at neither; after each wait it calls service_actions().",
    )

    server = case.call(bench.subclass(CountsWaits, Desk), ANY_PORT, Hello)
    with case.serving(server, lambda: server.serve_forever(0.05)):
        soon(lambda: server.waits >= 3)
    case.want(
        server.ticks,
        f"ticks is 0 after {server.waits} waits; does the counting still wait for server.timeout?",
    )
    case.want(server.ticks == server.waits, f"ticks is {server.ticks} after {server.waits} waits")
    other = case.call(type_of, server)(ANY_PORT, Hello)
    case.want(
        not other.ticks, f"ticks is {other.ticks} on another desk, whose loop has never waited"
    )
    other.server_close()


class Watched(socketserver.TCPServer):
    """Notes which thread serves, which ones call shutdown, and that the loop has ended."""

    def __init__(self, *args: Any) -> None:
        self.ended = threading.Event()
        self.loop: threading.Thread | None = None
        self.waiting: list[threading.Thread] = []
        super().__init__(*args)

    def serve_forever(self, poll_interval: float = OFTEN) -> None:
        self.loop = threading.current_thread()
        super().serve_forever(OFTEN)
        self.ended.set()

    def shutdown(self) -> None:
        self.waiting.append(threading.current_thread())
        super().shutdown()


@bugs.check("obey")
def obeys(bench: Bench, obey: Any) -> None:
    case = bench.case(
        called="obey, by the loop of a server of the standard library, for one client",
        expected="b'stopped' for the client, and serve_forever() back",
        why="shutdown() waits for the loop to end. A handler of a plain server runs in that very "
        "loop: each would wait for the other.",
    )
    server = bench.there(Watched, ANY_PORT, obey)
    with case.serving(server):
        try:
            got = case.talk(server.server_address)
            case.want(got == b"stopped", f"{got!r}")
            case.want(server.ended.wait(PATIENCE), "the answer, and a loop that goes on")
        except CaseError as failure:
            if server.loop in server.waiting:
                case.fail(f"{failure.got}. shutdown() was called in the thread that serves")
            raise
        finally:
            free(server)


@bugs.check("failed start")
def failed_start(bench: Bench, run: Any) -> None:
    case = bench.case(
        called="run(server, prepare, work), with a prepare that raises OSError",
        expected="that OSError, at once, and the listener closed",
        why="The standard library's shutdown() waits until a loop has ended. Where none has ever "
        "run, it waits forever.",
    )

    def prepare() -> None:
        raise OSError("the ink has dried")

    worked: list[int] = []
    server = bench.there(Watched, ANY_PORT, Hello)
    try:
        error = case.error_of(
            run,
            server,
            prepare,
            lambda: worked.append(1),
            none="no error: the caller doesn't learn that prepare() failed",
            late=f"nothing within {PATIENCE:g} seconds: does shutdown() wait for a loop that never "
            "ran?",
        )
    finally:
        free(server)
    case.want(isinstance(error, OSError) and "the ink has dried" in str(error), describe(error))
    case.want(not worked, "the error, but work() was called all the same")
    case.want(server.fileno() == -1, "the error, but the listener is still open")
    ended = server.loop is None or server.ended.wait(PATIENCE)
    case.want(ended, "the error, but a loop that goes on: it was begun before prepare()")


@bugs.check("closed")
def closes_if_all_is_well(bench: Bench, run: Any) -> None:
    case = bench.case(
        called="run(server, prepare, work), where neither of the two raises an error",
        expected="prepare(), then the loop, then work(); then the loop ended and the port free",
        why="No client may come before all is prepared. After run(), with an error or without, "
        "the server is gone.",
    )
    early: list[bool] = []
    visits: list[bytes] = []

    def prepare() -> None:
        time.sleep(0.05)  # time enough for a loop that was begun too early
        early.append(server.loop is not None)

    server = bench.there(Watched, ANY_PORT, Hello)

    def work() -> None:
        visits.append(case.talk(server.server_address))

    try:
        case.call(run, server, prepare, work, late="no end of run()", seconds=2 * PATIENCE)
    finally:
        ended = server.loop is None or server.ended.wait(PATIENCE)
        left_open = server.fileno() != -1
        free(server)
        within(PATIENCE, server.server_close, "server_close")
    case.want(early == [False], f"{len(early)} calls of prepare(), with the loop begun before")
    case.want(visits == [b"hello"], f"{visits} from work()")
    case.want(ended, "a loop that goes on: no shutdown()?")
    case.want(not left_open, "the loop ended, but the listener still open: no server_close()?")


@bugs.check("closed")
def closes_after_an_error(bench: Bench, run: Any) -> None:
    case = bench.case(
        called="run(server, prepare, work), with a work that visits the server, then fails",
        expected="a visit that is answered, the error, then the loop ended and the port free",
        why="shutdown() ends the loop, nothing more. The listener holds its port until "
        "server_close().",
    )
    done: list[str] = []

    def work() -> None:
        done.append(f"work, answered with {case.talk(server.server_address)!r}")
        raise KeyError("work")

    server = bench.there(Watched, ANY_PORT, Hello)
    try:
        error = case.error_of(
            run,
            server,
            lambda: done.append("prepare"),
            work,
            none="no error: the caller doesn't learn that work() failed",
            late="no end of run()",
            seconds=2 * PATIENCE,
        )
        case.want(isinstance(error, KeyError), describe(error))
        case.want(done == ["prepare", "work, answered with b'hello'"], f"{', then '.join(done)}")
        case.want(server.ended.wait(PATIENCE), "a loop that goes on: no shutdown()?")
        left_open = server.fileno() != -1
        case.want(not left_open, "the loop ended, but the listener still open: no server_close()?")
    finally:
        free(server)
        within(PATIENCE, server.server_close, "server_close")


predict = EXERCISES["02.4"]


def _way(verified: bool = True, fails: bool = False) -> list[str]:
    """Return the hooks that a request passes, from a real run."""
    calls: list[str] = []

    @notes_calls("process_request", "finish_request", "shutdown_request", "close_request")
    class Noting(socketserver.TCPServer):
        def note(self, hook: str, args: tuple[Any, ...]) -> None:
            calls.append(hook)

        def handle_error(self, request: Any, client_address: Any) -> None:
            calls.append("handle_error")

        def verify_request(self, request: Any, client_address: Any) -> bool:
            calls.append("verify_request")
            return verified

        def serve_forever(self, poll_interval: float = OFTEN) -> None:
            super().serve_forever(OFTEN)

    def handler(request: Any, client_address: Any, server: Any) -> None:
        calls.append("handler")
        if fails:
            raise ValueError("a bug in the handler")

    noting: Any = Noting
    with (
        running(noting(ANY_PORT, handler), PATIENCE) as server,
        connect(server.server_address) as client,
    ):
        read_to_end(client)
    return calls


def _compare_calls(case: Case, guess: Any, real: list[str], slips: dict[str, str]) -> None:
    case.want(isinstance(guess, list | tuple), f"{guess!r}, which is not a list")
    strangers = [name for name in guess if name not in (*WAY, "handle_error")]
    case.want(not strangers, f"{strangers}, not among the seven names")
    for name, meaning in slips.items():
        has, asked = name in guess, name in real
        case.want(has == asked, f"{'a' if has else 'no'} {name} in your list. {meaning}")
    case.want(len(guess) == len(real), f"{len(guess)} calls; the run made another number")
    case.want(list(guess) == real, "the right names, in another order than the run's")


@predict.prediction(
    "served",
    expected="the calls for a client who is served, in their order",
    why="verify_request is asked first. process_request calls finish_request, which makes the "
    "handler, and then shutdown_request, which calls close_request.",
    misread={
        "close_request": "Ending a request isn't closing it: shutdown_request calls close_request.",
        "verify_request": "Every request is verified; by default the answer is yes.",
        "finish_request": "process_request leaves the making of the handler to finish_request.",
        "handle_error": "It is called only when a handler raises.",
    },
    compare=_compare_calls,
)
def when_served() -> list[str]:
    return _way()


@predict.prediction(
    "turned away",
    expected="the calls for a client whom verify_request turns away, in their order",
    why="A client who is turned away has a connection all the same, and it must be closed.",
    misread={
        "process_request": "verify_request is asked before anything is done for the client.",
        "handler": "A client who is turned away gets no handler.",
        "handle_error": "To turn a client away is no error.",
        "shutdown_request": "A request that is turned away is open all the same.",
        "close_request": "shutdown_request calls close_request.",
    },
    compare=_compare_calls,
)
def when_turned_away() -> list[str]:
    return _way(verified=False)


@predict.prediction(
    "a bug",
    expected="the calls for a client whose handler raises ValueError, in their order",
    why="The exception passes through finish_request and process_request, and skips what is "
    "left of them. The loop reports it and closes the request itself.",
    misread={
        "handle_error": "An exception in a handler doesn't end the server: it's reported.",
        "shutdown_request": "The request of a failed handler is closed too, by the loop.",
        "close_request": "shutdown_request calls close_request.",
    },
    compare=_compare_calls,
)
def when_it_fails() -> list[str]:
    return _way(fails=True)


@predict.prediction(
    "time-outs",
    expected="the calls of handle_timeout: by one handle_request(), and by serve_forever()",
    why="A server's timeout is for handle_request() alone, and that returns after one.",
    misread=(
        "handle_request() waits for one request or one time-out, then returns.",
        "serve_forever() doesn't look at server.timeout: its own limit is poll_interval.",
    ),
)
def time_outs(case: Case) -> list[Any]:
    counts: list[int] = []

    class Impatient(socketserver.TCPServer):
        timeout = 0.05
        times = 0

        def handle_timeout(self) -> None:
            self.times += 1

    with Impatient(ANY_PORT, Hello) as server:
        server.handle_request()
        counts.append(server.times)
    looping = Impatient(ANY_PORT, Hello)
    with case.serving_quickly(looping):
        time.sleep(0.2)
    counts.append(looping.times)
    return counts


@predict.prediction(
    "who returns",
    beside="a real run of the five calls of shutdown()",
    expected="True where shutdown() returns, False where it waits forever",
    why="shutdown() waits until the loop has ended.",
    misread=(
        "Another thread than the loop's is the right place for shutdown().",
        "A handler of a plain server runs in the loop, and the loop can't end before it.",
        "The loop calls service_actions itself, and can't end before it returns.",
        "The standard library's waits for a loop even where none has ever run.",
        "Ours looks whether a loop runs: no loop, no waiting.",
    ),
)
def who_returns() -> list[bool]:
    returned = [threading.Event() for _ in range(5)]

    def call(server: Any, number: int) -> None:
        server.shutdown()
        returned[number].set()

    class Ticking(socketserver.TCPServer):
        def service_actions(self) -> None:
            if not returned[2].is_set():
                call(self, 2)

    def obey(request: Any, client_address: Any, server: Any) -> None:
        call(server, 1)

    plain: Any = socketserver.TCPServer
    library: Any = minisocketserver.TCPServer
    servers = [plain(ANY_PORT, Hello), plain(ANY_PORT, obey), Ticking(ANY_PORT, Hello)]
    servers += [plain(ANY_PORT, Hello), library(ANY_PORT, Hello)]
    threads = [begin(server.serve_forever, OFTEN) for server in servers[:3]]
    visitor = connect(servers[1].server_address)
    threads += [begin(call, servers[number], number) for number in (0, 3, 4)]
    for number in (0, 4):
        returned[number].wait(PATIENCE)
    time.sleep(0.2)  # time enough for the others, if they were to return at all
    real = [event.is_set() for event in returned]
    for server in servers:
        free(server)
    for thread in threads:
        thread.join(PATIENCE)
    for server in servers:
        server.server_close()
    visitor.close()
    return real
