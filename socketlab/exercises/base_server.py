"""Checks of chapter 02: the loop of a server, its hooks, and how to stop it."""

import http.client
import inspect
import os
import re
import socket
import socketserver
import stat
import threading
import time
import urllib.error
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.request import ProxyHandler, build_opener

import minisocketserver

from ..checks import room
from ..checks.core import load
from ..checks.forecast import compare
from ..checks.place import subclass, there
from ..checks.room import here, serving, talk
from ..checks.step import PATIENCE, NotYet, Step, whereabouts
from ..notebook.running import ServerTrouble, running, within
from ..notebook.tracebacks import describe
from .sockets import want_line_ends

ANY_PORT = ("127.0.0.1", 0)
LONG = 60.0
"""A poll_interval that no check lives to see the end of."""
OFTEN = 0.02
"""A poll_interval for the standard library's servers, which look up so often for the shutdown."""

EXERCISES = load(__file__)
build = EXERCISES["02.1"]

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
        self.socket.settimeout(3 * PATIENCE)  # who sleeps in accept does not sleep for ever
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


class Hooks:
    """Notes the hooks that are called, and a request that is not the first thing they get."""

    calls: list[str]
    taken: list[socket.socket]

    def _note(self, hook: str, args: tuple[Any, ...]) -> None:
        is_request = any(args and args[0] is request for request in self.taken)
        what = "" if is_request else f" with {describe_argument(args)} in place of the request"
        self.calls.append(f"{hook}{what}")

    def verify_request(self, *args: Any) -> Any:
        self._note("verify_request", args)
        return super().verify_request(*args)  # type: ignore[misc]

    def process_request(self, *args: Any) -> Any:
        self._note("process_request", args)
        return super().process_request(*args)  # type: ignore[misc]

    def finish_request(self, *args: Any) -> Any:
        self._note("finish_request", args)
        return super().finish_request(*args)  # type: ignore[misc]

    def shutdown_request(self, *args: Any) -> Any:
        self._note("shutdown_request", args)
        return super().shutdown_request(*args)  # type: ignore[misc]

    def handle_timeout(self, *args: Any) -> Any:
        self.calls.append("handle_timeout")
        return super().handle_timeout(*args)  # type: ignore[misc]

    def handle_error(self, *args: Any) -> Any:
        self._note("handle_error", args)
        return super().handle_error(*args)  # type: ignore[misc]


def describe_argument(args: tuple[Any, ...]) -> str:
    """Return the first of the arguments in a word."""
    return f"a {type(args[0]).__name__}" if args else "nothing"


def practice(step: Step, server_class: Any, handler: Any = greet, **extra: Any) -> Any:
    """Return a server of the learner's loop and the bench's door."""
    return step.call(subclass("Practice", (Hooks, Door, server_class), extra), handler)


@build.check("serve")
def serve(BaseServer: Any) -> None:
    step = Step(
        called="serve_forever(), with two clients in turn",
        expected=f"both answered, each by way of {', '.join(WAY)}",
        why="Each hook is a place where a subclass steps in: TCPServer, the mix-ins, you. One "
        "that is not called steps in nowhere.",
    )
    for hook in ("server_activate", "server_close", "service_actions", "close_request"):
        step.want(
            hasattr(BaseServer, hook),
            f"a BaseServer without {hook}(): it was in the exercise, and reset('02.1') has it",
        )
    with serving(step, practice(step, BaseServer)) as server:
        for _ in range(2):
            server.calls.clear()
            got = talk(step, server.server_address)
            step.want(got == b"hello", f"{got!r} back{room.records.trouble()}")
            step.want(server.calls == WAY, f"the calls {', '.join(server.calls)}")


@build.check("stop")
def stop(BaseServer: Any) -> None:
    _wakes(BaseServer)
    _sleeps(BaseServer)
    _leaves_no_pipe(BaseServer)
    _stops_alone(BaseServer)
    _waits_for_the_request_at_hand(BaseServer)
    _with_closes(BaseServer)


def _wakes(server_class: Any) -> None:
    step = Step(
        called=f"serve_forever({LONG:g}), then shutdown() from another thread; and once more",
        expected="the loop ended at once, and a second serve_forever() that serves",
        why="A flag does not wake a loop that sleeps. Polling finds it late, here after a minute; "
        "a byte in a socket pair finds it at once.",
    )
    server = practice(step, server_class)
    made = len(room.records.sockets)
    ended, go_on, once_more = threading.Event(), threading.Event(), threading.Event()

    def twice() -> None:
        server.serve_forever(LONG)
        ended.set()
        go_on.wait(3 * PATIENCE)  # a loop begun before shutdown() is back could hold it up
        if once_more.is_set():
            server.serve_forever(LONG)

    with serving(step, server, twice):
        talk(step, server.server_address)
        time.sleep(0.05)  # back to sleep
        try:
            within(PATIENCE, server.shutdown, "shutdown")
            woken = ended.wait(PATIENCE)
        except ServerTrouble:
            woken = False
        except Exception as error:
            go_on.set()
            step.fail(describe(error), error)
        left = there(_left_open, server, made)
        if woken:
            once_more.set()
        go_on.set()
        if not woken:
            _poke(server)
            step.fail(
                f"serve_forever() goes on {PATIENCE:g} seconds after shutdown(): nobody woke it"
                f"{room.records.trouble()}"
            )
        if left:
            _poke(server)
            step.fail(f"stopped, and {left} of the sockets that serve_forever() made still open")
        try:
            got = talk(step, server.server_address)
        except NotYet as not_yet:
            _poke(server)
            step.fail(f"stopped, and a second serve_forever() does not serve: {not_yet.came}")
        step.want(got == b"hello", f"{got!r} from the second serve_forever()")
        time.sleep(0.05)
        if server.asked > 2:
            _poke(server)
            step.fail(
                "stopped, and get_request() called again without a client: is the byte of the "
                "first shutdown() still in the bell?"
            )


def _sleeps(server_class: Any) -> None:
    step = Step(
        called=f"serve_forever({OFTEN}), with nobody there, nothing overridden",
        expected="a loop that sleeps until there is something to do, whatever poll_interval says",
        why="A loop that looks up now and then finds the flag late, and keeps the processor busy "
        "while nobody comes. Only regular work, which has_regular_work() tells, is a reason to.",
    )
    server = practice(step, server_class)
    with serving(step, server, lambda: there(_serve_known, server)):
        talk(step, server.server_address)
        time.sleep(0.1)  # back to sleep
        seconds = there(_work_of_the_loop, server)
    step.want(not seconds, "a loop that woke up again and again in a fifth of a second")


def _serve_known(server: Any) -> None:
    server.loop = threading.get_ident()
    server.serve_forever(OFTEN)


def _work_of_the_loop(server: Any) -> float:
    """Return the processor time of the loop in a fifth of a second: none, while it sleeps."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return 0.0
    clock = time.pthread_getcpuclockid(server.loop)
    before = time.clock_gettime(clock)
    time.sleep(0.2)
    return time.clock_gettime(clock) - before


def _leaves_no_pipe(server_class: Any) -> None:
    step = Step(
        called="serve_forever() of three servers, each stopped by shutdown()",
        expected="no descriptor of a pipe or a selector left open",
        why="What the loop opens, it closes when it ends. A program that starts it again and "
        "again runs out of descriptors.",
    )
    servers = [practice(step, server_class) for _ in range(3)]
    before = there(_descriptors)
    for server in servers:
        with serving(step, server):
            talk(step, server.server_address)
    left = there(_descriptors) - before
    step.want(left < 3, f"{left} descriptors that serve_forever() opened, still open")


def _descriptors() -> int:
    """Count the open descriptors that are pipes or selectors; Windows tells of none."""
    count = 0
    for number in range(1024 if os.name == "posix" else 0):
        with suppress(OSError):
            kind = stat.S_IFMT(os.fstat(number).st_mode)
            count += kind in (0, stat.S_IFIFO)  # Linux gives a selector's descriptor no kind
    return count


def _stops_alone(server_class: Any) -> None:
    step = Step(
        called="shutdown() of the first of two servers that both serve",
        expected="its loop ended at once, and the other one serving",
        why="A program may have two servers. The bell, the event and the flag belong on self: on "
        "the class, or in a global, the second server's would take the place of the first's.",
    )
    practised = subclass("Practice", (Hooks, Door, server_class), {})
    first, second = (step.call(practised, greet) for _ in range(2))
    with serving(step, first):
        talk(step, first.server_address)
        with serving(step, second):
            talk(step, second.server_address)
            try:
                within(PATIENCE, first.shutdown, "shutdown")
            except ServerTrouble:
                _poke(first)
                step.fail("the first one goes on: was the other one's bell rung?")
            try:
                got = talk(step, second.server_address)
            except NotYet as not_yet:
                step.fail(f"the second one has ended as well: {not_yet.came}")
            step.want(got == b"hello", f"{got!r} from the second one")


def _left_open(server: Any, made: int) -> int:
    """Count the open sockets, made after the first `made`, that are no door and no client."""
    ours = [server.socket, *server.taken]
    new = [sock for sock in room.records.sockets[made:] if sock not in ours]
    return sum(sock.fileno() != -1 for sock in new)


def _poke(server: Any) -> None:
    """Wake a loop that only a client wakes, so that the check can end."""
    for _ in range(2):
        with suppress(OSError):
            socket.create_connection(server.server_address, PATIENCE).close()


def _waits_for_the_request_at_hand(server_class: Any) -> None:
    step = Step(
        called="shutdown(), while a handler is at work",
        expected="shutdown() back when the loop has ended, not before",
        why="Who calls shutdown() goes on to close things. The loop must be done with them.",
    )
    at_work, go_on = threading.Event(), threading.Event()

    def slow(request: Any, client_address: Any, server: Any) -> None:
        at_work.set()
        go_on.wait(PATIENCE)
        request.sendall(b"hello")

    server = practice(step, server_class, slow)
    with serving(step, server):
        client = threading.Thread(
            target=lambda: talk(step, server.server_address), name="client", daemon=True
        )
        client.start()
        step.want(at_work.wait(PATIENCE), "no handler was called")
        caller = threading.Thread(target=server.shutdown, daemon=True)
        caller.start()
        caller.join(0.1)
        early = not caller.is_alive()
        go_on.set()
        client.join(PATIENCE)
        caller.join(PATIENCE)
        step.want(not early, "shutdown() returned while the handler was still at work")


def _with_closes(server_class: Any) -> None:
    step = Step(
        called="with server as entered: ...",
        expected="the server itself for entered, and server_close() called at the end",
        why="shutdown() ends the loop, and server_close() gives back the listener. Programs leave "
        "the second to with.",
    )
    server = practice(step, server_class)

    def enter_and_leave() -> Any:
        with server as entered:
            return entered

    entered = step.call(enter_and_leave)
    step.want(entered is server, f"{entered!r} for entered")
    step.want(server.fileno() == -1, "a listener that is still open: no server_close()")


@build.check("no loop")
def no_loop(BaseServer: Any) -> None:
    step = Step(
        called="shutdown(), although serve_forever() has never run; then serve_forever()",
        expected="both back at once",
        why="A program that stops its server in a finally, and failed before the loop began, "
        "would hang there: the standard library's does.",
    )
    server = practice(step, BaseServer)
    try:
        within(PATIENCE, server.shutdown, "shutdown")
    except ServerTrouble:
        step.fail(
            f"no end of shutdown() within {PATIENCE:g} seconds: it waits for a loop that never ran"
            f"{there(whereabouts, room.records.before)}"
        )
    except Exception as error:
        step.fail(describe(error), error)
    try:
        within(PATIENCE, lambda: server.serve_forever(LONG), "serve_forever")
    except ServerTrouble:
        with suppress(ServerTrouble):
            within(PATIENCE, server.shutdown, "shutdown")
        _poke(server)
        step.fail("a loop that runs: the shutdown() before it was forgotten")
    except Exception as error:
        step.fail(describe(error), error)
    _nobody_to_wake(BaseServer)


def _nobody_to_wake(server_class: Any) -> None:
    step = Step(
        called="shutdown() once more, when the loop has ended",
        expected="back at once, without an error",
        why="Programs stop their server twice: in the handler of a signal, and in a finally. The "
        "second time there is nobody to wake.",
    )
    with serving(step, practice(step, server_class)) as server:
        talk(step, server.server_address)
    step.call(server.shutdown)
    _not_forgotten_at_the_end(server_class)


class LowersSlowly:
    """Takes the flag down so slowly that whoever waits for the loop would be back before."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_BaseServer__shutdown_request" and not value and self.__dict__.get(name):
            time.sleep(0.1)
        super().__setattr__(name, value)


def _not_forgotten_at_the_end(server_class: Any) -> None:
    step = Step(
        called="shutdown(), at once a second shutdown(), then serve_forever()",
        expected="all three back at once",
        why="When shutdown() is back, the loop must be done with the flag: a flag that goes down "
        "after the event is set takes the next shutdown() with it.",
    )
    server = step.call(subclass("Practice", (LowersSlowly, Hooks, Door, server_class), {}), greet)
    loop = _thread(server.serve_forever, LONG)
    talk(step, server.server_address)
    for _ in range(2):
        step.call(server.shutdown)
    loop.join(PATIENCE)
    try:
        within(PATIENCE, lambda: server.serve_forever(LONG), "serve_forever")
    except ServerTrouble:
        with suppress(ServerTrouble):
            within(PATIENCE, server.shutdown, "shutdown")
        _poke(server)
        step.fail("a loop that runs: was the event set before the flag was down?")
    except Exception as error:
        step.fail(describe(error), error)


@build.check("regular work")
def regular_work(BaseServer: Any) -> None:
    _ticks(BaseServer)
    _after_the_request(BaseServer)
    _ends_with_its_error(BaseServer)


def _ticks(server_class: Any) -> None:
    interval, times = 0.05, 3
    step = Step(
        called=f"serve_forever({interval}), with a service_actions of a subclass, and no client",
        expected="service_actions called each poll_interval, and not more often",
        why="Who overrides service_actions wants regular work done, also while nobody comes. Then, "
        "and only then, the loop has to look up now and then.",
    )
    default = there(_default_interval, server_class)
    step.want(default == 0.5, f"a poll_interval that is {default} by default, in place of 0.5")
    ticks: list[float] = []

    def service_actions(self: Any) -> None:
        ticks.append(time.monotonic())

    begin = time.monotonic()
    with serving(
        step,
        server := practice(step, server_class, service_actions=service_actions),
        lambda: server.serve_forever(interval),
    ):
        end = begin + PATIENCE
        while len(ticks) < times and time.monotonic() < end:
            time.sleep(0.005)
        step.want(
            ticks, f"no call of service_actions: nobody woke the loop{room.records.trouble()}"
        )
        step.want(len(ticks) >= times, f"{len(ticks)} calls in {PATIENCE:g} seconds")
        seconds = ticks[times - 1] - begin
        step.want(seconds > 0.9 * times * interval, f"{times} calls in {seconds:.2f} seconds")


def _default_interval(server_class: Any) -> Any:
    return inspect.signature(server_class.serve_forever).parameters["poll_interval"].default


def _after_the_request(server_class: Any) -> None:
    step = Step(
        called=f"serve_forever({LONG:g}), with a service_actions of the server's own, and a client",
        expected="service_actions called after the request, although the time is not up",
        why="Regular work is done after each wait, whatever ended it. A server that is never idle "
        "has regular work, too.",
    )
    server = practice(step, server_class)
    server.service_actions = lambda: server.calls.append("service_actions")
    with serving(step, server, lambda: server.serve_forever(LONG)):
        talk(step, server.server_address)
        end = time.monotonic() + PATIENCE
        while "service_actions" not in _since_the_request(server) and time.monotonic() < end:
            time.sleep(0.005)
        calls = _since_the_request(server)[: len(WAY) + 1]
        step.want(calls == [*WAY, "service_actions"], f"the calls {', '.join(calls)}")


def _since_the_request(server: Any) -> list[str]:
    calls: list[str] = list(server.calls)
    return calls[calls.index(WAY[0]) :] if WAY[0] in calls else calls


def _ends_with_its_error(server_class: Any) -> None:
    step = Step(
        called="serve_forever(), with a service_actions that raises ValueError; then shutdown()",
        expected="the ValueError for the caller, nothing left open, and shutdown() back at once",
        why="A mistake in a hook of the server's own is no client's fault, and must be seen. But "
        "the loop has ended then, and says so.",
    )

    def service_actions(self: Any) -> None:
        raise ValueError("a bug in the hook")

    server = practice(step, server_class, service_actions=service_actions)
    made = len(room.records.sockets)
    try:
        within(PATIENCE, lambda: server.serve_forever(OFTEN), "serve_forever")
        step.fail("no error: who swallowed it?")
    except ValueError:
        pass
    except ServerTrouble:
        with suppress(ServerTrouble):
            within(PATIENCE, server.shutdown, "shutdown")
        _poke(server)
        step.fail("a loop that goes on")
    left = there(_left_open, server, made)
    step.want(not left, f"{left} of the sockets that serve_forever() made still open")
    _want_ended(step, server)
    _ends_before_it_began(server_class)


def _want_ended(step: Step, server: Any) -> None:
    try:
        within(PATIENCE, server.shutdown, "shutdown")
    except ServerTrouble:
        step.fail("no end of shutdown(): nobody said that the loop has ended")


def _ends_before_it_began(server_class: Any) -> None:
    step = Step(
        called="serve_forever() on a server whose listener is closed; then shutdown()",
        expected="an error for the caller, nothing left open, and shutdown() back at once",
        why="What cannot be watched raises, before the first wait. How the loop ends does not "
        "matter: what it opened is closed, and the event is set.",
    )
    server = practice(step, server_class)
    server.server_close()
    made = len(room.records.sockets)
    try:
        within(PATIENCE, lambda: server.serve_forever(OFTEN), "serve_forever")
    except ServerTrouble:
        with suppress(ServerTrouble):
            within(PATIENCE, server.shutdown, "shutdown")
        step.fail("no error, and a loop that goes on")
    except (OSError, ValueError):
        pass
    left = there(_left_open, server, made)
    step.want(not left, f"{left} of the sockets that serve_forever() made still open")
    _want_ended(step, server)


@build.check("trouble")
def trouble(BaseServer: Any) -> None:
    _bug_in_a_handler(BaseServer)
    _turned_away(BaseServer)
    _gone_again(BaseServer)
    _ctrl_c(BaseServer)


class Bug(Exception):
    """What no answer can have thought of."""


def _bug_in_a_handler(server_class: Any) -> None:
    step = Step(
        called="serve_forever(), with a handler that raises for its first client",
        expected="handle_error, which reports it, then shutdown_request; the second answered",
        why="Handlers are written by other people, and some have bugs. One bad request must not "
        "lock everybody out.",
    )

    def buggy(request: Any, client_address: Any, server: Any) -> None:
        if len(server.taken) == 1:
            raise Bug("a bug in the handler")
        request.sendall(b"hello")

    with serving(step, practice(step, server_class, buggy)) as server:
        del server.handle_error  # the answer's own, in place of the one that only takes notes
        try:
            talk(step, server.server_address)
        except NotYet:
            step.fail(f"a first client that waits for ever: not closed{room.records.trouble()}")
        try:
            got = talk(step, server.server_address)
        except NotYet:
            step.fail(f"nothing for the second client: the loop is dead{room.records.trouble()}")
        step.want(got == b"hello", f"{got!r} for the second client")
    times = sum(call.startswith("handle_error") for call in server.calls)
    step.want(times == 1, f"{times} calls of handle_error")
    way = [*WAY[:3], "handle_error", *WAY[4:]]
    begins = [place for place, call in enumerate(server.calls) if call == WAY[0]]
    calls = server.calls[: begins[1]]
    step.want(calls == way, f"for the first client the calls {', '.join(calls)}")
    told = "".join(room.records.printed)
    step.want("a bug in the handler" in told, f"a handle_error that reports {told!r}")


def _turned_away(server_class: Any) -> None:
    step = Step(
        called="serve_forever(), with a verify_request that returns False",
        expected="shutdown_request, so that the connection ends without a word, and no handler",
        why="verify_request decides whether to serve. A request turned away must still be closed, "
        "and a subclass may have a goodbye of its own.",
    )
    server = practice(step, server_class, verify_request=lambda *request: False)
    with serving(step, server):
        try:
            got = talk(step, server.server_address)
        except NotYet as not_yet:
            step.fail(f"a client turned away, but not closed: {not_yet.came}")
    step.want(not got and "handler" not in server.calls, f"{got!r}, and a handler was made")
    step.want(server.calls == WAY[4:], f"the calls {', '.join(server.calls)}")


def _gone_again(server_class: Any) -> None:
    step = Step(
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

    with serving(step, practice(step, server_class, get_request=get_request)) as server:
        with suppress(NotYet):
            talk(step, server.server_address)
        try:
            got = talk(step, server.server_address)
        except NotYet:
            step.fail(f"nothing for the second client: the loop is dead{room.records.trouble()}")
        step.want(got == b"hello", f"{got!r}{room.records.trouble()}")
    _only_os_errors(server_class)


def _only_os_errors(server_class: Any) -> None:
    step = Step(
        called="handle_request(), with a get_request() that raises ValueError",
        expected="the ValueError for the caller",
        why="OSError says that the client has gone. Anything else is a bug in the server's own "
        "get_request, and must be seen.",
    )

    def get_request(self: Any) -> Any:
        raise ValueError("a bug in get_request")

    server = practice(step, server_class, get_request=get_request)
    with socket.create_connection(server.server_address, PATIENCE):
        try:
            step.call(server.handle_request)
        except NotYet as not_yet:
            if isinstance(not_yet.__cause__, ValueError):
                return
            raise
    step.fail("no error: does `except` name more than OSError?")


def _ctrl_c(server_class: Any) -> None:
    step = Step(
        called="handle_request(), with Ctrl-C (KeyboardInterrupt) in the handler",
        expected="shutdown_request, no handle_error, and the KeyboardInterrupt for the caller",
        why="Ctrl-C is no bug to be reported: somebody wants the program to end. Only the request "
        "has to be closed first.",
    )

    def interrupted(request: Any, client_address: Any, server: Any) -> None:
        raise KeyboardInterrupt

    server = practice(step, server_class, interrupted)
    with socket.create_connection(server.server_address, PATIENCE):
        try:
            within(PATIENCE, server.handle_request, "handle_request")
            raised = False
        except KeyboardInterrupt:
            raised = True
        except Exception as error:
            step.fail(describe(error), error)
    step.want("handle_error" not in server.calls, "handle_error called, as if it were a bug")
    step.want(raised, "no KeyboardInterrupt: who swallowed it?")
    times = server.calls.count("shutdown_request")
    step.want(times == 1, f"the KeyboardInterrupt, and {times} calls of shutdown_request")


@build.check("one request")
def one_request(BaseServer: Any) -> None:
    step = Step(
        called="handle_request(), with timeout = 0.05 and nobody there",
        expected="handle_timeout called once, and handle_request() back",
        why="timeout is how long handle_request() waits for a client.",
    )
    server = practice(step, BaseServer, timeout=0.05)
    step.call(server.handle_request)
    times = server.calls.count("handle_timeout")
    step.want(times == 1, f"{times} calls of handle_timeout")
    _does_not_wait(BaseServer)
    step = Step(
        called="handle_request(), with two clients waiting",
        expected="the first one served, the second left for the next call",
        why="handle_request() serves a single request, unlike its big sister.",
    )
    server.timeout = None
    with (
        socket.create_connection(server.server_address, PATIENCE) as first,
        socket.create_connection(server.server_address, PATIENCE),
    ):
        step.call(server.handle_request)
        step.want(len(server.taken) == 1, f"{len(server.taken)} requests taken")
        step.want("handler" in server.calls, "no handler was called")
        got = first.recv(100)
        step.want(got == b"hello", f"{got!r} for the first client")
    step.want(server.calls.count("handle_timeout") == 1, "handle_timeout, though a client waited")
    _timeout_is_not_the_loops(BaseServer)
    _waits_for_ever(BaseServer)


def _does_not_wait(server_class: Any) -> None:
    step = Step(
        called="handle_request(), with timeout = 0 and nobody there",
        expected="handle_timeout called, and handle_request() back at once",
        why="No seconds at all is a time limit too: look, and do not wait. None means: no limit.",
    )
    server = practice(step, server_class, timeout=0)
    try:
        step.call(server.handle_request)
    except NotYet:
        _poke(server)
        time.sleep(0.1)  # it has to wake before the door is taken away
        raise
    times = server.calls.count("handle_timeout")
    step.want(times == 1, f"{times} calls of handle_timeout")


def _waits_for_ever(server_class: Any) -> None:
    step = Step(
        called="handle_request(), with no time limit, and a client who comes after a while",
        expected="the client served, and no handle_timeout",
        why="timeout = None, on a socket without a limit, waits for ever.",
    )
    server = practice(step, server_class)
    server.socket.settimeout(None)
    clients: list[socket.socket] = []

    def come() -> None:
        clients.append(socket.create_connection(server.server_address, PATIENCE))

    wait = 0.7
    late = threading.Timer(wait, come)
    late.start()
    try:
        within(wait + PATIENCE, server.handle_request, "handle_request")
    except ServerTrouble as trouble:
        step.fail(f"{trouble}")
    finally:
        late.join()
        for client in clients:
            client.close()
    step.want("handle_timeout" not in server.calls, "handle_timeout, although None has no end")
    step.want("handler" in server.calls, "no handler was called")


def _timeout_is_not_the_loops(server_class: Any) -> None:
    step = Step(
        called=f"serve_forever({LONG:g}) on a server with timeout = 0.05",
        expected="no call of handle_timeout",
        why="A server's timeout is for handle_request() alone. serve_forever() does not look at "
        "it.",
    )
    with serving(step, practice(step, server_class, timeout=0.05)) as server:
        time.sleep(0.15)
        got = talk(step, server.server_address)
        step.want(got == b"hello", f"{got!r}{room.records.trouble()}")
        times = server.calls.count("handle_timeout")
        step.want(not times, f"{times} calls: did serve_forever() look at server.timeout?")


use = EXERCISES["02.2"]


def quickly(step: Step, server: Any) -> Any:
    """Serve so that the loop is soon stopped, and the check over."""
    return serving(step, server, lambda: server.serve_forever(OFTEN))


def fetch(step: Step, server: Any) -> str:
    """Return the page as urllib sees it."""
    host, port = server.server_address[:2]
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(f"http://{host}:{port}/", timeout=PATIENCE) as answer:
            step.want(answer.status == 200, f"the status {answer.status}")
            return str(answer.read().decode())
    except TimeoutError as error:
        step.fail(f"no answer within {PATIENCE:g} seconds{room.records.trouble()}", error)
    except urllib.error.URLError as error:
        reason = error.reason if isinstance(error.reason, BaseException) else error
        if isinstance(reason, TimeoutError):
            step.fail(f"no answer within {PATIENCE:g} seconds{room.records.trouble()}", error)
        step.fail(f"{describe(reason)}{room.records.trouble()}", error)
    except (http.client.HTTPException, OSError, UnicodeDecodeError) as error:
        step.fail(f"{describe(error)}{room.records.trouble()}", error)


@use.check("page")
def shows_page(page: Any, SmallHarbour: Any) -> None:
    step = Step(
        called="SmallHarbour(address, page), visited by urllib",
        expected="the status 200 and the text 'visitor 1'",
        why="urllib knows nothing of this course. It wants a status line, an empty line, and the "
        "text, in bytes.",
    )
    with quickly(step, step.call(SmallHarbour, ANY_PORT, page)) as server:
        got = fetch(step, server)
        step.want(got.strip() == "visitor 1", f"the text {got!r}{room.records.trouble()}")
        want_line_ends(step, talk(step, server.server_address, b"GET / HTTP/1.0\r\n\r\n"))
    _request_is_received(page, SmallHarbour)


def _request_is_received(page: Any, server_class: Any) -> None:
    step = Step(
        called="page, for a client whose request has already arrived",
        expected="the request received, before or after the answer",
        why="A connection that is closed with unread bytes in it is broken off: the client may "
        "lose the answer.",
    )
    unread: list[bytes] = []

    def watched(request: Any, client_address: Any, server: Any) -> None:
        page(request, client_address, server)
        request.settimeout(0)
        with suppress(OSError):
            unread.append(request.recv(100, socket.MSG_PEEK))

    server = step.call(server_class, ANY_PORT, watched)
    with socket.create_connection(server.server_address, PATIENCE) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        with quickly(step, server), suppress(OSError):
            while client.recv(4096):
                pass
    step.want(not any(unread), f"an answer, but {unread and unread[0]!r} not received")


@use.check("counter")
def counts(page: Any, SmallHarbour: Any) -> None:
    step = Step(
        called="two servers, each visited by urllib twice, in turn",
        expected="'visitor 1' and 'visitor 2' from each of them",
        why="Each request gets a handler of its own; only the server outlives them, and a program "
        "may have two. So a count belongs on the server that the handler is given.",
    )
    roomy = subclass("SmallHarbour", (SmallHarbour,), {"limit": 1000})
    one, two = (step.call(roomy, ANY_PORT, page) for _ in range(2))
    with quickly(step, one), quickly(step, two):
        got = [fetch(step, server).strip() for server in (one, two, one, two)]
    wanted = ["visitor 1", "visitor 1", "visitor 2", "visitor 2"]
    numbers = [int(text) for text in re.findall(r"\d+", " ".join(got))]
    shared = len(numbers) == 4 and numbers[1] == numbers[0] + 1  # wherever a global began
    came = f"{got}{room.records.trouble()}"
    step.want(not shared, f"{came}: the two count together. Is the count a global, or the class's?")
    step.want(got != ["visitor 1"] * 4, f"{came}: does the count stay where it is?")
    step.want(got == wanted, came)
    _each_does_its_part(page, SmallHarbour)


def _each_does_its_part(page: Any, server_class: Any) -> None:
    step = Step(
        called="page, by a SmallHarbour with the standard library's hooks, after 7 visitors",
        expected="'visitor 8', and 8 in server.visitors",
        why="page counts, whatever the server; SmallHarbour starts at 0, and only looks.",
    )
    started = getattr(step.call(server_class, ANY_PORT, page), "visitors", None)
    step.want(started == 0, f"a SmallHarbour that starts with {started!r} in visitors")
    hooks = ("get_request", "verify_request", "process_request", "finish_request")
    plain = {name: getattr(socketserver.TCPServer, name) for name in hooks}
    server = step.call(subclass("SmallHarbour", (server_class,), plain), ANY_PORT, page)
    server.visitors = 7
    with quickly(step, server):
        got = fetch(step, server).strip()
        step.want(got == "visitor 8", f"{got!r}{room.records.trouble()}")
    step.want(server.visitors == 8, f"'visitor 8', and {server.visitors!r} in server.visitors")


@use.check("full")
def turns_away(page: Any, SmallHarbour: Any) -> None:
    step = Step(
        called="SmallHarbour with limit = 2 and page, visited four times",
        expected="two pages, then connections that end without a word",
        why="verify_request is asked before a handler is made, and says True or False. The server "
        "closes what is turned away, and waits for the next.",
    )
    limit = getattr(SmallHarbour, "limit", None)
    step.want(limit == 3, f"a SmallHarbour whose limit is {limit!r}; the task says 3")
    small = subclass("SmallHarbour", (SmallHarbour,), {"limit": 2})
    calls: list[int] = []

    def watched(request: Any, client_address: Any, server: Any) -> None:
        calls.append(1)
        page(request, client_address, server)

    with quickly(step, step.call(small, ANY_PORT, watched)) as server:
        for number in (1, 2):
            got = fetch(step, server)
            step.want(got.strip() == f"visitor {number}", f"{got!r} for visitor {number}")
        for _ in range(2):
            try:
                got = fetch(step, server)
            except NotYet as not_yet:
                closed = isinstance(
                    _reason(not_yet.__cause__), http.client.RemoteDisconnected | ConnectionError
                )
                step.want(closed, f"{not_yet.came}, after the limit was reached")
            else:
                step.fail(f"{got!r} after the limit was reached")
        step.want(not room.records.errors, f"an exception{room.records.trouble()}")
        step.want(len(calls) == 2, f"{len(calls)} handlers made: who is turned away needs none")


def _reason(error: BaseException | None) -> Any:
    return getattr(error, "reason", error)


bugs = EXERCISES["02.3"]


class Hello(socketserver.BaseRequestHandler):
    """Says hello."""

    def handle(self) -> None:
        self.request.sendall(b"hello")


def free(server: Any) -> None:
    """Let go whoever waits in shutdown() of a server of the standard library."""
    event = getattr(server, "_BaseServer__is_shut_down", None)
    if event is not None:
        event.set()


class CountsWaits:
    """Counts how often the loop has waited."""

    waits = 0

    def service_actions(self) -> None:
        super().service_actions()  # type: ignore[misc]
        self.waits += 1


def type_of(server: Any) -> Any:
    """Return the class of a server, wherever that is."""
    return type(server)


@bugs.check("ticks")
def ticks(Desk: Any) -> None:
    step = Step(
        called="Desk, on serve_forever(0.05), with nobody there",
        expected="ticks going up by one after each wait of the loop",
        why="server.timeout and handle_timeout are for handle_request() alone. serve_forever() "
        "looks at neither; after each wait it calls service_actions().",
    )

    server = step.call(subclass("Watched", (CountsWaits, Desk), {}), ANY_PORT, Hello)
    with serving(step, server, lambda: server.serve_forever(0.05)):
        end = time.monotonic() + PATIENCE
        while server.waits < 3 and time.monotonic() < end:
            time.sleep(0.01)
    step.want(
        server.ticks,
        f"ticks is 0 after {server.waits} waits{room.records.trouble()}; does the counting still "
        "wait for server.timeout?",
    )
    step.want(server.ticks == server.waits, f"ticks is {server.ticks} after {server.waits} waits")
    other = step.call(type_of, server)(ANY_PORT, Hello)
    step.want(
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
def obeys(obey: Any) -> None:
    step = Step(
        called="obey, by the loop of a server of the standard library, for one client",
        expected="b'stopped' for the client, and serve_forever() back",
        why="shutdown() waits for the loop to end. A handler of a plain server runs in that very "
        "loop: each would wait for the other.",
    )
    server = there(Watched, ANY_PORT, obey)
    with serving(step, server):
        try:
            got = talk(step, server.server_address)
            step.want(got == b"stopped", f"{got!r}{room.records.trouble()}")
            step.want(server.ended.wait(PATIENCE), "the answer, and a loop that goes on")
        except NotYet as not_yet:
            if server.loop in server.waiting:
                step.fail(f"{not_yet.came}. shutdown() was called in the thread that serves")
            raise
        finally:
            free(server)


@bugs.check("failed start")
def failed_start(run: Any) -> None:
    step = Step(
        called="run(server, prepare, work), with a prepare that raises OSError",
        expected="that OSError, at once, and the listener closed",
        why="The standard library's shutdown() waits until a loop has ended. Where none has ever "
        "run, it waits for ever.",
    )

    def prepare() -> None:
        raise OSError("the ink has dried")

    worked: list[int] = []
    server = there(Watched, ANY_PORT, Hello)
    try:
        within(PATIENCE, lambda: run(server, prepare, lambda: worked.append(1)), "run")
    except ServerTrouble:
        free(server)
        step.fail(
            f"nothing within {PATIENCE:g} seconds: does shutdown() wait for a loop that never ran?"
        )
    except OSError as error:
        step.want("the ink has dried" in str(error), describe(error))
    except BaseException as error:
        step.fail(describe(error), error)
    else:
        step.fail("no error: the caller does not learn that prepare() failed")
    step.want(not worked, "the error, but work() was called all the same")
    step.want(server.fileno() == -1, "the error, but the listener is still open")
    ended = server.loop is None or server.ended.wait(PATIENCE)
    step.want(ended, "the error, but a loop that goes on: it was begun before prepare()")


@bugs.check("closed")
def closes(run: Any) -> None:
    _closes_if_all_is_well(run)
    _closes_after_an_error(run)


def _closes_if_all_is_well(run: Any) -> None:
    step = Step(
        called="run(server, prepare, work), where neither of the two raises an error",
        expected="prepare(), then the loop, then work(); then the loop ended and the port free",
        why="Nobody comes before all is prepared. And after run(), with an error or without, "
        "the server is gone.",
    )
    early: list[bool] = []
    visits: list[bytes] = []

    def prepare() -> None:
        time.sleep(0.05)  # time enough for a loop that was begun too early
        early.append(server.loop is not None)

    server = there(Watched, ANY_PORT, Hello)
    try:
        within(
            2 * PATIENCE,
            lambda: run(server, prepare, lambda: visits.append(talk(step, server.server_address))),
            "run",
        )
    except ServerTrouble:
        step.fail(f"no end of run(){there(whereabouts, room.records.before)}")
    except NotYet:
        raise
    except BaseException as error:
        step.fail(describe(error), error)
    finally:
        ended = server.loop is None or server.ended.wait(PATIENCE)
        left_open = server.fileno() != -1
        free(server)
        within(PATIENCE, server.server_close, "server_close")
    step.want(early == [False], f"{len(early)} calls of prepare(), with the loop begun before")
    step.want(visits == [b"hello"], f"{visits} from work()")
    step.want(ended, "a loop that goes on: no shutdown()?")
    step.want(not left_open, "the loop ended, but the listener still open: no server_close()?")


def _closes_after_an_error(run: Any) -> None:
    step = Step(
        called="run(server, prepare, work), with a work that visits the server, then fails",
        expected="a visit that is answered, the error, then the loop ended and the port free",
        why="shutdown() ends the loop, nothing more. The listener holds its port until "
        "server_close().",
    )
    done: list[str] = []

    def work() -> None:
        done.append(f"work, answered with {talk(step, server.server_address)!r}")
        raise KeyError("work")

    server = there(Watched, ANY_PORT, Hello)
    try:
        within(2 * PATIENCE, lambda: run(server, lambda: done.append("prepare"), work), "run")
        step.fail("no error: the caller does not learn that work() failed")
    except ServerTrouble:
        step.fail(f"no end of run(){there(whereabouts, room.records.before)}")
    except KeyError:
        step.want(done == ["prepare", "work, answered with b'hello'"], f"{', then '.join(done)}")
        step.want(server.ended.wait(PATIENCE), "a loop that goes on: no shutdown()?")
        left_open = server.fileno() != -1
        step.want(not left_open, "the loop ended, but the listener still open: no server_close()?")
    except NotYet:
        raise
    except BaseException as error:
        step.fail(describe(error), error)
    finally:
        free(server)
        within(PATIENCE, server.server_close, "server_close")


predict = EXERCISES["02.4"]


def _way(verified: bool = True, fails: bool = False) -> list[str]:
    """Return the hooks that a request passes, from a real run."""
    calls: list[str] = []

    class Noting(socketserver.TCPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            calls.append("handle_error")

        def verify_request(self, request: Any, client_address: Any) -> bool:
            calls.append("verify_request")
            return verified

        def serve_forever(self, poll_interval: float = OFTEN) -> None:
            super().serve_forever(OFTEN)

    def noted(name: str) -> Callable[..., Any]:
        def hook(self: Any, *args: Any) -> Any:
            calls.append(name)
            return getattr(super(Noting, self), name)(*args)

        return hook

    for name in ("process_request", "finish_request", "shutdown_request", "close_request"):
        setattr(Noting, name, noted(name))

    def handler(request: Any, client_address: Any, server: Any) -> None:
        calls.append("handler")
        if fails:
            raise ValueError("a bug in the handler")

    noting: Any = Noting
    with (
        running(noting(ANY_PORT, handler), PATIENCE) as server,
        socket.create_connection(server.server_address, PATIENCE) as client,
    ):
        while client.recv(100):
            pass
    return calls


def _compare_ways(step: Step, guess: Any, real: list[str], slips: dict[str, str]) -> None:
    step.want(isinstance(guess, list | tuple), f"{guess!r}, which is not a list")
    strangers = [name for name in guess if name not in (*WAY, "handle_error")]
    step.want(not strangers, f"{strangers}, not among the seven names")
    for name, meaning in slips.items():
        has, asked = name in guess, name in real
        step.want(has == asked, f"{'a' if has else 'no'} {name} in your list. {meaning}")
    step.want(len(guess) == len(real), f"{len(guess)} calls; the run made another number")
    step.want(list(guess) == real, "the right names, in another order than the run's")


@predict.check("served")
def way_served(when_served: Any) -> None:
    step = Step(
        called="when_served, beside a real run",
        expected="the calls for a client who is served, in their order",
        why="verify_request is asked first. process_request calls finish_request, which makes the "
        "handler, and then shutdown_request, which calls close_request.",
    )
    _compare_ways(
        step,
        when_served,
        _way(),
        {
            "close_request": "To end a request is not to close it: shutdown_request calls "
            "close_request.",
            "verify_request": "Every request is verified; by default the answer is yes.",
            "finish_request": "process_request leaves the making of the handler to finish_request.",
            "handle_error": "It is called only when a handler raises.",
        },
    )


@predict.check("turned away")
def way_turned_away(when_turned_away: Any) -> None:
    step = Step(
        called="when_turned_away, beside a real run",
        expected="the calls for a client whom verify_request turns away, in their order",
        why="Who is turned away has a connection all the same, and somebody must close it.",
    )
    _compare_ways(
        step,
        when_turned_away,
        _way(verified=False),
        {
            "process_request": "verify_request is asked before anything is done for the client.",
            "handler": "Who is turned away gets no handler.",
            "handle_error": "To turn a client away is no error.",
            "shutdown_request": "A request that is turned away is open all the same.",
            "close_request": "shutdown_request calls close_request.",
        },
    )


@predict.check("a bug")
def way_failed(when_it_fails: Any) -> None:
    step = Step(
        called="when_it_fails, beside a real run",
        expected="the calls for a client whose handler raises ValueError, in their order",
        why="The exception passes through finish_request and process_request, and skips what is "
        "left of them. The loop reports it and closes the request itself.",
    )
    _compare_ways(
        step,
        when_it_fails,
        _way(fails=True),
        {
            "handle_error": "An exception in a handler does not end the server: it is reported.",
            "shutdown_request": "The request of a failed handler is closed too, by the loop.",
            "close_request": "shutdown_request calls close_request.",
        },
    )


@predict.check("time-outs")
@here()
def way_timed(time_outs: Any) -> None:
    step = Step(
        called="time_outs, beside a real run",
        expected="the calls of handle_timeout: by one handle_request(), and by serve_forever()",
        why="A server's timeout is for handle_request() alone, and that returns after one.",
    )
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
    with serving(step, looping, lambda: looping.serve_forever(OFTEN)):
        time.sleep(0.2)
    counts.append(looping.times)
    compare(
        step,
        time_outs,
        counts,
        {
            0: "handle_request() waits for one request or one time-out, then returns.",
            1: "serve_forever() does not look at server.timeout: its own limit is poll_interval.",
        },
    )


@predict.check("who returns")
def returning(who_returns: Any) -> None:
    step = Step(
        called="who_returns, beside a real run of the five calls of shutdown()",
        expected="True where shutdown() returns, False where it waits for ever",
        why="shutdown() waits until the loop has ended.",
    )
    compare(
        step,
        who_returns,
        _five_shutdowns(),
        {
            0: "Another thread than the loop's is the right place for shutdown().",
            1: "A handler of a plain server runs in the loop, and the loop cannot end before it.",
            2: "The loop calls service_actions itself, and cannot end before it returns.",
            3: "The standard library's waits for a loop even where none has ever run.",
            4: "Ours looks whether a loop runs: no loop, no waiting.",
        },
    )


def _five_shutdowns() -> list[bool]:
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
    threads = [_thread(server.serve_forever, OFTEN) for server in servers[:3]]
    visitor = socket.create_connection(servers[1].server_address, PATIENCE)
    threads += [_thread(call, servers[number], number) for number in (0, 3, 4)]
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


def _thread(target: Callable[..., Any], *args: Any) -> threading.Thread:
    thread = threading.Thread(target=target, args=args, daemon=True)
    thread.start()
    return thread
