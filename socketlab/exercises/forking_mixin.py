"""Checks of chapter 07: a process for each request, and what becomes of it."""

import gc
import operator
import os
import select
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import SimpleNamespace
from typing import Any

import minisocketserver
from minisocketserver import BaseRequestHandler

from ..checks.bench import Bench
from ..checks.case import ANY_PORT, PATIENCE, CannotCheckError, Case, begin, soon
from ..checks.clients import (
    connect,
    has_answer,
    read_page,
    request_all,
    rest_of,
    visitors,
    want_plain_reply,
)
from ..checks.core import load
from ..checks.forking import Notes, Output, away, in_parent, left, next_ended, real_run
from ..checks.hooks import ServerMixin, notes_calls
from ..notebook.tracebacks import describe
from ..remote.messages import LinkBrokenError

MOMENT = 0.15
"""Seconds in which a server that doesn't wait has gone on."""


@notes_calls("shutdown_request", "close_request", "server_close")
class Desk(ServerMixin):
    """Notes the hooks of a server, whoever calls them."""

    notes: Notes

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.taken: list[socket.socket] = []

    def get_request(self) -> Any:
        request, client_address = super().get_request()
        self.taken.append(request)
        return request, client_address

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        told = describe(error) if error else ""
        if not isinstance(request, socket.socket):
            told = f"called with {request!r} first, and not with the request"
        self.notes.note(f"handle_error {told}")

    def note(self, hook: str, args: tuple[Any, ...]) -> None:
        self.notes.note(hook)


class FailsToReport(ServerMixin):
    """A server whose handle_error has a bug."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        super().handle_error(request, client_address)
        raise RuntimeError("a bug in handle_error")


class FailsToEnd(ServerMixin):
    """A server whose shutdown_request has a bug."""

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        raise RuntimeError("a bug in shutdown_request")


class Bug(Exception):
    """An error that no program expects."""


class ValueBug(Bug, ValueError):
    """One that some programs expect."""


class Tells(BaseRequestHandler):
    """Sends the number of its process; b"stay" waits for a second word, three others fail."""

    def handle(self) -> None:
        self.request.settimeout(PATIENCE)
        word = self.request.recv(100)
        self.server.notes.note("begun")
        if word in (b"fail", b"surprise"):
            raise (ValueBug if word == b"fail" else Bug)("a bug in the handler")
        if word == b"ctrl-c":
            raise KeyboardInterrupt("while the handler was at work")
        self.request.sendall(str(os.getpid()).encode())
        if word == b"stay":
            self.request.recv(100)
        self.server.notes.note("done")


def mixed(bench: Bench, mixin: Any, notes: Any, *before: Any, **switches: Any) -> Any:
    """Return a server of the learner's mix-in, put before ours, but behind those `before`."""
    made = bench.subclass(*before, mixin, Desk, minisocketserver.TCPServer, **switches)
    server = bench.there(made, ANY_PORT, Tells)
    server.notes = notes
    return server


def another(server: Any) -> Any:
    """Return one more server of the same class, with the same handler."""
    one_more = type(server)(ANY_PORT, server.RequestHandlerClass)
    one_more.notes = server.notes
    return one_more


def send(bench: Bench, server: Any, word: bytes) -> socket.socket:
    """Connect, say a word, and let the server handle this one request."""
    client = connect(server.server_address)
    client.sendall(word)
    bench.there(in_parent, server.notes, server.handle_request)
    return client


def answer(case: Case, server: Any, client: socket.socket) -> bytes:
    """Return what the client is sent."""
    try:
        return client.recv(100)
    except TimeoutError:
        case.fail(f"nothing for the client within {PATIENCE:g} seconds")
    except OSError as error:
        case.fail(describe(error))


def loop(bench: Bench, notes: Any, function: Any, *args: Any) -> threading.Thread:
    """Return a thread that lets the server serve, not started yet; its trouble is noted."""

    def serve() -> None:
        try:
            bench.there(in_parent, notes, function, *args)
        except LinkBrokenError:
            pass  # the trial is over
        except BaseException as error:
            with suppress(LinkBrokenError):
                notes.note(f"handle_error {describe(error)}")

    return threading.Thread(target=serve, daemon=True)


EXERCISES = load(__file__)
chapter = EXERCISES["07"]

Step = Callable[[Bench, Any], None]


def place(name: str) -> Callable[[Step], Step]:
    """Register the decorated function for a place in the chapter, which is read on any system."""

    def register(step: Step) -> Step:
        @chapter.check(name)
        def where_there_is_fork(bench: Bench, ForkingMixIn: Any) -> None:
            if not bench.there(hasattr, os, "fork"):
                raise CannotCheckError("This system cannot fork. Linux, macOS and Binder can.")
            step(bench, ForkingMixIn)

        return step

    return register


@place("child")
def leaves(bench: Bench, ForkingMixIn: Any) -> None:
    case = bench.case(
        called="class Server(ForkingMixIn, TCPServer), with a client",
        expected="finish_request in a new process, which then says goodbye and exits with 0",
        why="A child that returns goes on with all that its parent was doing. os._exit ends it "
        "on the spot; sys.exit only raises an exception.",
    )
    away(case, partial(_children, words=(b"hello",)), ForkingMixIn)
    case = bench.case(
        called="class Server(ForkingMixIn, TCPServer), with two clients whose handlers raise",
        expected="handle_error, shutdown_request and the exit, all of them in the child",
        why="No exception may find a way around the exit: report it in an except, and say goodbye "
        "and leave in a finally.",
    )
    away(case, partial(_children, words=(b"fail", b"surprise")), ForkingMixIn)
    interrupted(bench, ForkingMixIn, tells=False)


def interrupted(bench: Bench, ForkingMixIn: Any, tells: bool) -> None:
    case = bench.case(
        called="class Server(ForkingMixIn, TCPServer), with a client whose handler meets a Ctrl-C",
        expected="the exit, in the child" + (", with another status than 0" if tells else ""),
        why="KeyboardInterrupt and SystemExit aren't an Exception, so except Exception lets them "
        "pass. A finally is reached all the same.",
    )
    away(case, partial(_interrupted, tells=tells), ForkingMixIn)


def _interrupted(case: Case, notes: Any, mixin: Any, tells: bool) -> None:
    server = mixed(case.bench, mixin, notes)
    send(case.bench, server, b"ctrl-c").close()
    _, ended = _next_child(case, notes)
    told = notes.came_back()
    case.want(not told, f"a child came back into the program of its parent ({told})", alone=True)
    case.want(ended or not tells, "exit status 0 after a Ctrl-C", alone=True)


@place("exit status")
def child(bench: Bench, ForkingMixIn: Any) -> None:
    case = bench.case(
        called="class Server(ForkingMixIn, TCPServer), with a client, then one who meets a bug",
        expected="each handled in a new process, which exits with 0, and with 1",
        why="A child that returns goes on with all that its parent was doing. So it ends with "
        "os._exit in the last finally of all, and the number shows the parent how it went.",
    )
    away(case, _child, ForkingMixIn)


@place("exit status")
def exit_status_of_the_interrupted(bench: Bench, ForkingMixIn: Any) -> None:
    interrupted(bench, ForkingMixIn, tells=True)


def _child(case: Case, notes: Any, mixin: Any) -> None:
    _children(case, notes, mixin, (b"hello", b"fail", b"surprise"), tells=True)
    _child_of_faulty_hooks(case, notes, mixin)


def _children(
    case: Case, notes: Any, mixin: Any, words: tuple[bytes, ...], tells: bool = False
) -> None:
    """Let clients with these words come; `tells`: an exit status must tell a bug from success."""
    server = mixed(case.bench, mixin, notes)
    for word in words:
        wanted = 0 if word == b"hello" else 1
        client = send(case.bench, server, word)
        got = answer(case, server, client)
        if not wanted:
            case.want(got, "no answer")
            case.want(
                int(got) != case.bench.there(os.getpid),
                "an answer from the server's own process: where is the fork?",
            )
        pid, ended = _next_child(case, notes)
        calls = [text.split()[0] for text in notes.of(pid)]
        hooks = [call for call in calls if call in ("handle_error", "shutdown_request")]
        after = "a handler that raised" if wanted else "success"
        case.want(
            hooks == ["handle_error"] * wanted + ["shutdown_request"],
            f"after {after} the child called {', '.join(hooks) or 'no hook'}, not "
            + ("handle_error, shutdown_request" if wanted else "shutdown_request"),
        )
        bugs = [text for text in notes.of(pid) if text.startswith("handle_error")]
        alien = [bug for bug in bugs if "a bug in the handler" not in bug]
        case.want(not alien, f"{alien and alien[0]}: is the handler made at all?")
        case.want(ended == wanted or (wanted and not tells), f"exit status {ended} after {after}")


def _child_of_faulty_hooks(case: Case, notes: Any, mixin: Any) -> None:
    for faulty, word in ((FailsToReport, b"fail"), (FailsToEnd, b"hello")):
        server = mixed(case.bench, mixin, notes, faulty)
        send(case.bench, server, word).close()
        _next_child(case, notes)
        told = notes.came_back()
        case.want(not told, f"a child came back into the program of its parent ({told})")


def _next_child(case: Case, notes: Any) -> tuple[int, int]:
    """Return the pid and the exit status of the next child that ends."""
    try:
        gone = case.bench.there(next_ended, PATIENCE)
    except ChildProcessError:
        case.fail("no child to wait for")
    case.want(gone, "a child that doesn't end")
    return gone  # type: ignore[no-any-return]


@place("parent")
def parent(bench: Bench, ForkingMixIn: Any) -> None:
    case = bench.case(
        called="process_request, for a client whose handler stays at work",
        expected="the parent back at once, its hold of the connection closed, and no goodbye yet",
        why="Both hold the connection. close_request gives back one hold; shutdown_request ends "
        "the connection itself, for the child, too.",
    )
    with case.in_words("{}: did the parent run _run_child?", only="ended before the check"):
        away(case, _parent, ForkingMixIn)


def _parent(case: Case, notes: Any, mixin: Any) -> None:
    server = mixed(case.bench, mixin, notes)
    client = send(case.bench, server, b"stay")
    mine = notes.of(case.bench.there(os.getpid))
    errors = [text.removeprefix("handle_error ") for text in mine if text.startswith("handle_er")]
    case.want(not errors, f"an error in the parent: {errors and errors[0]}", alone=True)
    case.want(
        "shutdown_request" not in mine,
        "the parent called shutdown_request: the client hears goodbye before its answer",
    )
    case.want(
        not notes.count("done") and not notes.trouble(),
        "process_request back only when the child had ended: it waits",
    )
    case.want(
        server.taken[0].fileno() == -1,
        "the parent back, and its hold of the connection still open: no close_request",
    )
    case.want(
        "close_request" in notes.of(case.bench.there(os.getpid)),
        "the parent's hold closed by hand: a server may override close_request, so call that",
    )
    got = answer(case, server, client)
    case.want(got, "no answer for the client")
    client.sendall(b"go")
    case.want(not answer(case, server, client), "more than the answer")


@place("parent")
def noted(bench: Bench, ForkingMixIn: Any) -> None:
    case = bench.case(
        called="process_request, for three clients, one after the other",
        expected="their children's three pids in active_children, a set that this server made",
        why="fork says the child's number once, and to the parent alone. Without it, the parent "
        "can't ask later how the child ended.",
    )
    away(case, _noted, ForkingMixIn)


def _noted(case: Case, notes: Any, mixin: Any) -> None:
    server = mixed(case.bench, mixin, notes)
    _want_noted(case, server)
    pids = set()
    for _ in range(3):
        pid, _ = _next_child(case, notes)
        pids.add(pid)
    held = set(server.active_children)
    case.want(held == pids, f"active_children is {held}, and the children were {pids}")


@place("close")
def collected(bench: Bench, ForkingMixIn: Any) -> None:
    case = bench.case(
        called="service_actions(), after three children have ended",
        expected="three pids in active_children before, none after, and no zombie",
        why="An ended child stays in the table of processes until its parent asks how it ended. "
        "A server that never asks fills the table with zombies.",
    )
    away(case, _collects, ForkingMixIn)
    case = bench.case(
        called="server_close(), while a child is at work",
        expected="the listener closed, and back when the child has ended; with block_on_close = "
        "False at once",
        why="After server_close() no loop comes to collect any more, so it waits itself, unless "
        "block_on_close is false.",
    )
    usual = getattr(ForkingMixIn, "block_on_close", None)
    case.want(usual is True, f"ForkingMixIn.block_on_close is {usual!r}")
    away(case, _closes, ForkingMixIn)


def _want_noted(case: Case, server: Any) -> None:
    """Let three clients come; active_children must have noted their children."""
    for _ in range(3):
        answer(case, server, send(case.bench, server, b"hello"))
    held = getattr(server, "active_children", None)
    case.want(
        isinstance(held, set) and len(held) == 3,
        f"active_children is {held!r} after three requests, not a set of three pids",
    )
    other = case.bench.there(another, server)
    theirs = getattr(other, "active_children", None)
    case.want(not theirs, f"active_children of another server is {theirs!r}: is it on the class?")
    other.server_close()


def _collects(case: Case, notes: Any, mixin: Any, hook: str = "service_actions") -> None:
    server = mixed(case.bench, mixin, notes)
    collect = getattr(server, hook)
    collect()  # before the first client
    _want_noted(case, server)
    soon(lambda: set(case.bench.there(left)) == {"zombie"})
    collect()
    zombies = case.bench.there(left).count("zombie")
    case.want(not zombies, f"{zombies} zombies after {hook}()")
    case.want(not server.active_children, "no zombies, but their pids still in active_children")
    client = send(case.bench, server, b"stay")
    answer(case, server, client)
    began = time.monotonic()
    collect()
    waited = time.monotonic() - began > PATIENCE / 2
    case.want(not waited, f"{hook}() waits for a child at work: the loop comes to a halt")
    case.want(server.active_children, "a child at work, and active_children is empty")
    client.sendall(b"go")
    with suppress(ChildProcessError):
        case.bench.there(next_ended, PATIENCE)  # collected elsewhere: that must be no error
    try:
        collect()
    except ChildProcessError as error:
        case.fail(
            f"{describe(error)}: another part of the program had waited for this child", error
        )
    case.want(
        not server.active_children,
        "a pid kept of a child that was collected elsewhere",
    )


def _closes(case: Case, notes: Any, mixin: Any) -> None:
    for block in (True, False):
        server = mixed(case.bench, mixin, notes, block_on_close=block)
        client = send(case.bench, server, b"stay")
        answer(case, server, client)
        before, closings = notes.count("done"), [notes.count("server_close")]
        seconds = MOMENT if block else PATIENCE / 2
        late = threading.Timer(seconds, _let_go, (client, notes, closings))
        late.start()
        server.server_close()
        done = notes.count("done") > before
        late.cancel()
        with suppress(OSError):  # it may have been told, and gone
            client.sendall(b"go")
        how = "done" if done else "not done"
        case.want(server.fileno() == -1, "server_close() back, and the listener still open")
        case.want(
            notes.count("server_close") > closings[0],
            "the listener closed by hand: its neighbour's server_close() may have more to do",
        )
        case.want(
            len(closings) == 1 or closings[-1] > closings[0] or not block,
            "server_close() waits, and the listener is still open",
        )
        case.want(
            done == block, f"server_close() back, with block_on_close {block}, and the work {how}"
        )
        case.want(
            not (block and case.bench.there(left)),
            f"a child left after server_close(): {case.bench.there(left)}",
        )
        with suppress(ChildProcessError):
            case.bench.there(next_ended, PATIENCE)
    server = mixed(case.bench, mixin, notes)
    server.server_close()
    _waits_for_two(case, notes, mixin, "server_close")
    _closes_without_waiting(case, notes, mixin)


def _let_go(client: socket.socket, notes: Any, closings: list[int]) -> None:
    """Let a handler go on, and note how often a listener has been closed till now."""
    closings.append(notes.count("server_close"))
    client.sendall(b"go")


def _let_second_go(first: socket.socket, second: socket.socket) -> None:
    """Let the second handler go on a moment after the first one's process has hung up."""
    with suppress(OSError):
        while first.recv(100):
            pass
    time.sleep(MOMENT)
    second.sendall(b"go")


def _waits_for_two(case: Case, notes: Any, mixin: Any, hook: str, **options: Any) -> None:
    server = mixed(case.bench, mixin, notes)
    clients = [send(case.bench, server, b"stay") for _ in range(2)]
    for client in clients:
        answer(case, server, client)
    first, second = clients
    first.sendall(b"go")
    late = begin(_let_second_go, first, second)
    getattr(server, hook)(**options)
    late.join()
    told = ", ".join(f"{name}={value}" for name, value in options.items())
    case.want(
        not case.bench.there(left),
        f"{len(case.bench.there(left))} of two children left after {hook}({told})",
    )


def _closes_without_waiting(case: Case, notes: Any, mixin: Any) -> None:
    server = mixed(case.bench, mixin, notes, block_on_close=False)
    answer(case, server, send(case.bench, server, b"hello"))
    soon(lambda: set(case.bench.there(left)) == {"zombie"})
    server.server_close()
    case.want(
        not case.bench.there(left),
        "with block_on_close False, a zombie after server_close(), which need not wait for it",
    )


def helper() -> int:
    """Fork a child that exits with 7; return the pid."""
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    return pid


@place("collect")
def collects(bench: Bench, ForkingMixIn: Any) -> None:
    case = bench.case(
        called="collect_children(), beside a helper of the program that has exited with 7",
        expected="the helper's 7 still there for the program",
        why="waitpid(-1) takes what any child has left, and that can be taken only once. Ask for "
        "your own children, by number.",
    )
    away(case, partial(_others, hook="collect_children"), ForkingMixIn)
    case = bench.case(
        called="collect_children(), after three children have ended, and beside one at work",
        expected="no zombie left, and in active_children only the one at work",
        why="os.waitpid(pid, os.WNOHANG) returns (0, 0) for a child at work, and raises "
        "ChildProcessError for one that another part of the program has waited for.",
    )
    away(case, partial(_collects, hook="collect_children"), ForkingMixIn)
    case = bench.case(
        called="collect_children(blocking=True), while two children are at work",
        expected="back when both have ended",
        why="os.waitpid(pid, 0) waits until this one child has ended. There may be more.",
    )
    two = partial(_waits_for_two, hook="collect_children", blocking=True)
    away(case, two, ForkingMixIn)


def _others(case: Case, notes: Any, mixin: Any, hook: str = "service_actions") -> None:
    server = mixed(case.bench, mixin, notes)
    pid = case.bench.there(helper)
    client = send(case.bench, server, b"stay")
    answer(case, server, client)
    soon(lambda: "zombie" in case.bench.there(left))
    getattr(server, hook)()
    try:
        _, status = case.bench.there(os.waitpid, pid, 0)
    except ChildProcessError:
        case.fail("the helper's exit status was taken by the server: is it waitpid(-1)?")
    case.want(os.waitstatus_to_exitcode(status) == 7, f"the status {status}")
    client.sendall(b"go")


@place("limit")
def limit(bench: Bench, ForkingMixIn: Any) -> None:
    case = bench.case(
        called="serve_forever() with max_children = 2, and three clients who stay",
        expected="two at work, and the third when one of them has gone; max_children 40 by default",
        why="Each client costs a whole process. A server that's full doesn't take the next one: it "
        "looks again a little later, and its loop keeps turning.",
    )
    usual = getattr(ForkingMixIn, "max_children", None)
    case.want(usual == 40, f"ForkingMixIn.max_children is {usual!r}")
    away(case, _limit, ForkingMixIn)
    case = bench.case(
        called="handle_request(), again and again, with max_children = 1 and two clients",
        expected="the second client served once the first one's child has ended",
        why="A program that calls handle_request() has no loop that would collect: a full server "
        "has to ask by itself whether a child has ended.",
    )
    away(case, _limit_without_a_loop, ForkingMixIn)


class CountsRounds(ServerMixin):
    """Counts the rounds of a server's loop, which is soon stopped, and the check over."""

    rounds = 0

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        super().serve_forever(0.02)

    def service_actions(self) -> None:
        super().service_actions()
        self.rounds += 1


def _limit(case: Case, notes: Any, mixin: Any) -> None:
    server = mixed(case.bench, mixin, notes, CountsRounds, max_children=2)
    clients = [connect(server.server_address) for _ in range(3)]
    for client in clients:
        client.sendall(b"stay")
    loop(case.bench, notes, server.serve_forever).start()
    two = notes.wait("begun", 2)
    case.want(two, "fewer than two at work: are clients left outside while there's room?")
    before = server.rounds
    three = notes.wait("begun", 3, MOMENT)
    case.want(not three, "three at work: is the number of active_children asked for each time?")
    rounds = server.rounds - before
    case.want(
        rounds <= 200 * MOMENT,
        f"{rounds} rounds of the loop in {MOMENT:g} s while it was full: does it sleep?",
    )
    case.want(
        soon(lambda: server.rounds > before, PATIENCE / 2),  # later the clients' children give up
        "no round of the loop while it was full: does it wait for a child to end?",
    )
    case.want(not has_answer(clients[2]), "the third client was taken, and not served")
    clients[0].sendall(b"go")
    three = notes.wait("begun", 3)
    case.want(three, "one has gone, and the third still waits")
    for client in clients[1:]:
        client.sendall(b"go")
    server.shutdown()


def _limit_without_a_loop(case: Case, notes: Any, mixin: Any) -> None:
    server = mixed(case.bench, mixin, notes, max_children=1)
    first = send(case.bench, server, b"stay")
    answer(case, server, first)
    second = send(case.bench, server, b"hello")
    first.sendall(b"go")
    soon(lambda: "zombie" in case.bench.there(left))
    for _ in range(3):
        if not has_answer(second):
            case.bench.there(in_parent, notes, server.handle_request)
            soon(lambda: has_answer(second), MOMENT)
    case.want(
        has_answer(second),
        "the first child has ended, and the second client still waits: is collect_children() "
        "called when the server is full?",
    )


computing = EXERCISES["07.1"]
LONG = 200_000
"""Bytes of a result that no pipe can hold."""


class Reports(BaseRequestHandler):
    """Reports as its client says: b"3 a" for three times a; b"die" and b"fail" end without it.

    It sends the number of its process first, and then waits for one word more.
    """

    def handle(self) -> None:
        self.request.settimeout(2 * PATIENCE)
        word = self.request.recv(100).decode()
        self.request.sendall(str(os.getpid()).encode())
        self.request.recv(100)
        if word == "die":
            os._exit(3)
        if word == "fail":
            raise Bug("a bug in the handler")
        count, letter = word.split()
        server: Any = self.server
        server.report(letter.encode() * int(count))


class NotesErrors(ServerMixin):
    """Notes the errors that a server reports."""

    notes: Notes

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        self.notes.note(f"handle_error {describe(error) if error else ''}")
        super().handle_error(request, client_address)


def _computing(case: Case, notes: Any, server_class: Any) -> Any:
    """Return a server of the learner's that serves."""
    made = case.bench.subclass(CountsRounds, NotesErrors, server_class, request_queue_size=20)
    server = case.bench.there(made, ANY_PORT, Reports)
    server.notes = notes
    loop(case.bench, notes, server.serve_forever).start()
    return server


def _order(case: Case, server: Any, word: bytes, late: str = "no answer") -> socket.socket:
    """Return a client who has ordered a result, and whose child waits for one word more."""
    client = connect(server.server_address)
    client.sendall(word)
    case.want(soon(lambda: has_answer(client)), late)
    pid = client.recv(100)
    case.want(pid, "a client who was hung up on")
    case.want(
        int(pid) != case.bench.there(os.getpid),
        "served in the server's own process: where is the fork?",
    )
    return client


def at_home(server: Any, address: Any) -> str:
    """Return in words what the server has of a child's result."""
    result = server.results.get(address)
    if not isinstance(result, bytes):
        return "nothing" if result is None else f"{result!r:.40}"
    return f"{len(result):,} bytes of {''.join(map(chr, sorted(set(result))[:9]))!r}"


def _wait_for(case: Case, server: Any, client: socket.socket, count: int, letter: str) -> str:
    """Wait for a result to come home; return in words what has come."""
    address = client.getsockname()
    wanted = f"{count:,} bytes of {letter!r}"
    soon(lambda: case.bench.there(at_home, server, address) == wanted)
    got = str(case.bench.there(at_home, server, address))
    return "" if got == wanted else f"{got} in results for a client whose child reported {wanted}"


def _has_turned(server: Any, rounds: int) -> bool:
    return bool(server.rounds > rounds)


def _stop(server: Any) -> None:
    server.shutdown()
    server.server_close()


def trial(check: str, **words: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register the decorated function for a check: what is tried where the answer may fork."""

    def register(run: Callable[..., None]) -> Callable[..., None]:
        @computing.check(check)
        def step(bench: Bench, ComputingServer: Any) -> None:
            away(bench.case(**words), run, ComputingServer)

        return run

    return register


@trial(
    "home",
    called="ComputingServer(address, Handler), with a client for whom Handler calls "
    "self.server.report(b'aaa')",
    expected="b'aaa' in the server's results, under the client's address",
    why="The child works on a copy of the server. What it keeps there is gone when it exits; "
    "what it writes into a pipe, the parent can read.",
)
def home(case: Case, notes: Any, server_class: Any) -> None:
    server = _computing(case, notes, server_class)
    other = case.bench.there(another, server)
    client = _order(case, server, b"3 a")
    client.sendall(b"go")
    got = _wait_for(case, server, client, 3, "a")
    keys = list(server.results)
    case.want(not got.startswith("nothing") or not keys, f"{got}: its keys are {keys!r:.60}")
    lost = ": did the child keep it in its own copy, or does the parent wait for an end of the pipe"
    lost += " that it holds open itself?"
    case.want(not got, got + lost * got.startswith("nothing"))
    theirs = len(other.results)
    case.want(not theirs, "the result in another server's results, too: are they the class's?")
    other.server_close()
    _stop(server)


@trial(
    "at once",
    called=f"five children that report at the same time, two of them {LONG:,} bytes",
    expected="five results, each whole and under its own client's address",
    why="A read returns what happens to be there: a part of a result, or more than one. With a "
    "pipe for each child, its end is the result's end.",
)
def all_at_once(case: Case, notes: Any, server_class: Any) -> None:
    server = _computing(case, notes, server_class)
    sizes = {"a": 3, "b": LONG, "c": 5, "d": LONG, "e": 1}
    clients = [_order(case, server, f"{size} {word}".encode()) for word, size in sizes.items()]
    for client in clients:
        client.sendall(b"go")
    for client, (letter, size) in zip(clients, sizes.items(), strict=True):
        got = _wait_for(case, server, client, size, letter)
        why = "did another child's pipe take the place of this one's?"
        if "bytes" in got.partition(" in ")[0]:
            why = "was the pipe read to its end, and no other child's into the same result?"
        case.want(not got, f"{got}: {why}")
    _stop(server)


@trial(
    "at work",
    called="a second client, while the first one's child is still at work",
    expected="the second one served, and its result home, long before the first one's",
    why="A read from an empty pipe waits, and the loop waits with it. os.set_blocking(fd, "
    "False) lets it raise BlockingIOError instead.",
)
def while_at_work(case: Case, notes: Any, server_class: Any) -> None:
    server = _computing(case, notes, server_class)
    first = _order(case, server, b"3 a")
    second = _order(
        case, server, b"3 b", "no answer for the second: does the server wait for a result?"
    )
    second.sendall(b"go")
    got = _wait_for(case, server, second, 3, "b")
    case.want(not got, f"{got}, while another child is at work: does one wait for the other?")
    address = first.getsockname()
    early = case.bench.there(at_home, server, address)
    case.want(early == "nothing", f"{early} in results for a child that hasn't reported yet")
    first.sendall(b"go")
    got = _wait_for(case, server, first, 3, "a")
    case.want(not got, got)
    _stop(server)


@trial(
    "no result",
    called="a child that dies without a report, one whose handler raises, and one that reports",
    expected="one result, the last one's, and a loop that goes on",
    why="A process can end at any line. Its pipe ends then, too, with nothing in it, and the "
    "server has to live with that.",
)
def no_result(case: Case, notes: Any, server_class: Any) -> None:
    server = _computing(case, notes, server_class)
    for word in (b"die", b"fail"):
        _order(case, server, word, "no answer for the next client").sendall(b"go")
        rounds = server.rounds
        soon(partial(_has_turned, server, rounds + 2))
    last = _order(case, server, b"3 a", "no answer for a client after children without a result")
    last.sendall(b"go")
    got = _wait_for(case, server, last, 3, "a")
    case.want(not got, got)
    count = len(server.results)
    case.want(count == 1, f"{count} results, and only one child has reported")
    _stop(server)


def open_descriptors() -> int:
    """Return how many this process has open."""
    import psutil  # type: ignore[import-untyped]  # only the chapters need it

    gc.collect()
    return int(psutil.Process().num_fds())


@trial(
    "nothing left",
    called="six clients, one after the other, whose results come home",
    expected="no more open descriptors than after the first of them, and no zombie",
    why="Each pipe has two ends, and a fork doubles both. The parent closes the write end "
    "after the fork and the read end at the end of file.",
)
def no_descriptors_left(case: Case, notes: Any, server_class: Any) -> None:
    server = _computing(case, notes, server_class)
    few = 0
    for number in range(6):
        client = _order(case, server, b"3 a")
        client.sendall(b"go")
        got = _wait_for(case, server, client, 3, "a")
        case.want(not got, got)
        if not number:
            few = case.bench.there(open_descriptors)
    soon(lambda: case.bench.there(open_descriptors) <= few)
    more = case.bench.there(open_descriptors) - few
    case.want(more <= 0, f"{more} more descriptors open after five more clients")
    gone = soon(lambda: not case.bench.there(left))
    case.want(gone, "zombies: was the mix-in's service_actions called, too?")
    _stop(server)


def _let_go_together(clients: list[socket.socket]) -> None:
    time.sleep(MOMENT)
    for client in clients:
        client.sendall(b"go")


@trial(
    "nothing left",
    called=f"server_close(), while two children are about to report {LONG:,} bytes each",
    expected="back when both results are home, with nothing left open",
    why="A pipe holds some 64 kilobytes. A child that writes more waits until it's read, so "
    "the parent has to read before it waits for the child.",
)
def closes_with_results(case: Case, notes: Any, server_class: Any) -> None:
    before = case.bench.there(open_descriptors)
    server = _computing(case, notes, server_class)
    clients = [_order(case, server, f"{LONG} {letter}".encode()) for letter in "ab"]
    server.shutdown()
    late = begin(_let_go_together, clients)
    case.call(
        server.server_close,
        late="server_close() waits for a child, which waits until its pipe is read",
    )
    late.join()
    for client, letter in zip(clients, "ab", strict=True):
        got = _wait_for(case, server, client, LONG, letter)
        case.want(not got, f"server_close() back, and {got}")
    more = case.bench.there(open_descriptors) - before
    case.want(more <= 0, f"{more} descriptors still open after server_close()")


use = EXERCISES["07.2"]


class NotesRequests(NotesErrors):
    """Notes what a handler leaves unread, too, and its end."""

    def finish_request(self, request: Any, client_address: Any) -> None:
        try:
            super().finish_request(request, client_address)
        finally:
            with suppress(OSError):
                request.settimeout(0)
                if request.recv(100, socket.MSG_PEEK):
                    self.notes.note("unread")
            self.notes.note("served")


def _page_trial(
    case: Case, notes: Any, server_class: Any, page: Any, count: int, at_once: bool
) -> Any:
    """Return the texts that visitors read, and the count."""
    made = case.bench.subclass(NotesRequests, server_class, request_queue_size=20)
    server = case.bench.there(made, ANY_PORT, page)
    server.notes = notes
    other = case.bench.there(another, server)
    case.want(
        isinstance(server.visitors, int)
        or not case.bench.there(operator.is_, server.visitors, other.visitors),
        "one visitors for two servers: what belongs to one of them is kept on self",
    )
    other.server_close()
    if at_once:
        server.visitors = case.bench.there(Slow, server.visitors)
    serving = loop(case.bench, notes, server.serve_forever, 0.02)
    texts: list[str] = []
    for size in [count] if at_once else [1] * count:
        with visitors(case, server, size) as crowd:
            request_all(case, crowd, "/")
            if not texts:
                serving.start()  # only now, so that no handler comes before its request
            texts += [read_page(case, visitor) for visitor in crowd]
    notes.wait("served", count)
    case.want(not notes.count("unread"), "an answer, but the request was not received")
    own = "served" in notes.of(case.bench.there(os.getpid))
    case.want(not own, "served in the server's own process: where is the fork?")
    total = getattr(server.visitors, "value", server.visitors)
    if count == 1:
        with _asking(server) as client:
            want_plain_reply(case, rest_of(client))
    server.shutdown()
    server.server_close()
    return texts, total


class Shared:
    """A shared value, seen through something that watches its number."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._value, name)

    def __enter__(self) -> Any:
        return self._value.__enter__()

    def __exit__(self, *error: Any) -> Any:
        return self._value.__exit__(*error)


class Slow(Shared):
    """A shared value at which a look takes a moment."""

    @property
    def value(self) -> Any:
        now = self._value.value
        time.sleep(0.02)  # looks without a lock overlap
        return now

    @value.setter
    def value(self, number: int) -> None:
        self._value.value = number


class HeldUp(Shared):
    """A shared value; the first process that uses it waits at one of its looks.

    A look is a use of any kind. `stop_at` counts them from 1; with 0 none waits.
    """

    def __init__(self, value: Any, notes: Notes, stop_at: int) -> None:
        super().__init__(value)
        self._notes, self._stop_at, self._looks = notes, stop_at, 0
        self._parent, self._is_first = os.getpid(), False
        # A byte that the first child takes away, and one that comes when it may go on.
        self._turn, self._go_on = os.pipe(), os.pipe()
        os.set_blocking(self._turn[0], False)
        os.write(self._turn[1], b"!")

    def let_go(self) -> None:
        """Let the process that waits go on."""
        os.write(self._go_on[1], b"!")

    def _look(self) -> None:
        if os.getpid() == self._parent:
            return
        with suppress(BlockingIOError):
            self._is_first = bool(os.read(self._turn[0], 1))
        if self._is_first:
            self._looks += 1
            self._notes.note("look")
            if self._looks == self._stop_at:
                self._notes.note("waits")
                select.select([self._go_on[0]], [], [], 2 * PATIENCE)

    @property
    def value(self) -> Any:
        self._look()
        return self._value.value

    @value.setter
    def value(self, number: int) -> None:
        self._look()
        self._value.value = number


def _between_trial(case: Case, notes: Any, server_class: Any, page: Any) -> Any:
    """Hold one child up at each of its looks in turn, up to the first trial that goes wrong.

    Return what two visitors read there, and the count.
    """
    came, seconds = _with_one_held_up(case.bench, notes, server_class, page, 0, MOMENT)
    for stop_at in range(1, notes.count("look") + 1):
        if came != _TWO:
            break
        # A machine that was slow before may be slow again.
        moment = max(MOMENT, 2 * seconds)
        came, _ = _with_one_held_up(case.bench, notes, server_class, page, stop_at, moment)
    return came


_TWO = ["visitor 1", "visitor 2"], 2


def _with_one_held_up(
    bench: Bench, notes: Any, server_class: Any, page: Any, stop_at: int, moment: float
) -> tuple[Any, float]:
    """Return what two visitors read, the count, and how long the first one took, or to wait."""
    made = bench.subclass(NotesErrors, server_class)
    server = bench.there(made, ANY_PORT, page)
    server.notes = notes
    server.visitors = shared = bench.there(HeldUp, server.visitors, notes, stop_at)
    loop(bench, notes, server.serve_forever, 0.02).start()
    waiting, begin = notes.count("waits"), time.monotonic()
    with _asking(server) as first:
        soon(lambda: has_answer(first) or notes.count("waits") > waiting)
        seconds = time.monotonic() - begin
        with _asking(server) as second:
            soon(lambda: has_answer(second), moment)
            shared.let_go()
            texts = sorted(_last_line(client) for client in (first, second))
    total = shared.value
    server.shutdown()
    server.server_close()
    return (texts, total), seconds


def _asking(server: Any) -> socket.socket:
    """Return a client that has asked."""
    client = connect(server.server_address)
    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    return client


def _last_line(client: socket.socket) -> str:
    return rest_of(client).decode(errors="replace").strip().rpartition("\n")[2]


@use.check("page")
def page(bench: Bench, CountingServer: Any, Page: Any) -> None:
    case = bench.case(
        called="CountingServer(address, Page), visited by http.client",
        expected="the status 200 and the text 'visitor 1', from a new process",
        why="http.client knows nothing of this course. It wants a status line, an empty line, and "
        "the text, in bytes.",
    )
    texts, _ = away(case, _page_trial, CountingServer, Page, 1, False)
    case.want(texts == ["visitor 1"], f"{texts[0]!r}")


@use.check("count")
def count(bench: Bench, CountingServer: Any, Page: Any) -> None:
    case = bench.case(
        called="CountingServer(address, Page), visited three times in turn",
        expected="visitor 1, visitor 2, visitor 3, and a visitors.value of 3 in the server",
        why="A child works on copies: what it adds to a variable is gone when it exits. Shared "
        "memory isn't copied.",
    )
    texts, total = away(case, _page_trial, CountingServer, Page, 3, False)
    case.want(
        texts != ["visitor 1"] * 3,
        f"{texts}, and {total} in the server: does each child count in its own copy?",
    )
    case.want(texts == ["visitor 1", "visitor 2", "visitor 3"], f"{texts}")
    case.want(total == 3, f"the right texts, but the server has counted {total}")


@use.check("at once")
def at_once(bench: Bench, CountingServer: Any, Page: Any) -> None:
    crowd = 6
    case = bench.case(
        called=f"CountingServer(address, Page), visited by {crowd} clients at once; a look at "
        "visitors.value takes 20 ms",
        expected=f"the numbers 1 to {crowd}, each once",
        why="What is shared can be changed by two at once. Adding one and reading the number back "
        "belong under the lock of the value, get_lock().",
    )
    texts, total = away(case, _page_trial, CountingServer, Page, crowd, True)
    case.want(
        sorted(texts) == [f"visitor {number}" for number in range(1, crowd + 1)],
        f"{sorted(texts)}, and {total} in the server: is all of it under get_lock()?",
    )


@use.check("at once")
def nobody_comes_between(bench: Bench, CountingServer: Any, Page: Any) -> None:
    """Let one of two children wait at each of its looks at the value, while the other goes on."""
    case = bench.case(
        called="CountingServer(address, Page), visited by two clients; one child is held up before "
        "one of its uses of visitors.value, while the other one goes on",
        expected="visitor 1, visitor 2, and a visitors.value of 2",
        why="From the first use of the value to the last no other process may come in between. "
        "A handler that gives the lock back and looks again sees what another one has done.",
    )
    texts, total = away(case, _between_trial, CountingServer, Page)
    case.want(
        (texts, total) == _TWO,
        f"{texts}, and {total} in the server: is the lock held from the first use to the last?",
    )


bugs = EXERCISES["07.3"]


def as_on_windows() -> SimpleNamespace:
    """Return a socketserver without what Windows doesn't have."""
    lacking = ("Forking", "Unix", "ThreadingUnix")
    names = [name for name in vars(socketserver) if not name.startswith(lacking)]
    return SimpleNamespace(**{name: getattr(socketserver, name) for name in names})


def mixed_in_first(cls: type, mix_in: type) -> bool:
    """Tell whether a server's class asks the mix-in before the server itself."""
    return cls.__mro__.index(mix_in) < cls.__mro__.index(socketserver.BaseServer)


@bugs.check("elsewhere")
def elsewhere(bench: Bench, server_class: Any, Logged: Any) -> None:
    case = bench.case(
        called="server_class(module), with a socketserver as Windows has it",
        expected="a server with threads, that serves Ada",
        why="Forking and Unix classes exist only where the operating system has what they need. A "
        "program that wants to run everywhere asks with hasattr.",
    )
    made = case.call(server_class, bench.there(as_on_windows))
    case.want(isinstance(made, type), f"{made!r}: does server_class return the class?")
    threads = bench.there(issubclass, made, socketserver.ThreadingMixIn)
    case.want(threads, f"{made.__name__}, without threads")
    server = case.call(made, ANY_PORT, Logged)
    with case.serving_quickly(server):
        got = case.talk(server.server_address, b"Ada")
        case.want(got == b"done", f"{got!r} for Ada")
        soon(lambda: server.served == 1 and server.turns)  # the loop's turn ends after her answer
        served, turns = server.served, server.turns
    case.want(served == 1, f"Ada served, and served is {served!r}: is she counted in two places?")
    case.want(isinstance(turns, int) and turns, f"Ada served, and turns is {turns!r}")
    other = case.call(made, ANY_PORT, Logged)
    numbers = other.served, other.turns
    other.server_close()
    case.want(
        numbers == (0, 0),
        f"served and turns are {numbers} on a new server of the class: are they the class's?",
    )
    if hasattr(socketserver, "ForkingMixIn"):
        case = bench.case(
            called="server_class(socketserver), on this system, which can fork",
            expected="a server with processes",
            why="Threads are the way out where there's no fork, and only there.",
        )
        made = case.call(server_class, socketserver)
        forks = isinstance(made, type) and bench.there(issubclass, made, socketserver.ForkingMixIn)
        case.want(forks, f"{made!r}, without ForkingMixIn among its bases")
        case.want(
            bench.there(mixed_in_first, made, socketserver.ForkingMixIn),
            "process_request is BaseServer's: does the mix-in come first?",
        )


def _a_day(case: Case, notes: Any, server_class: Any, logged: Any, run: Any) -> dict[str, Any]:
    """Let two customers visit the shop; return what came of it."""
    made = case.bench.there(server_class, socketserver)
    watched = case.bench.subclass(CountsRounds, NotesErrors, made)
    server = case.bench.there(watched, ANY_PORT, logged)
    server.notes = notes
    with case.bench.there(Output) as output:
        came = _two_customers(case, server, run)
    return {**came, "printed": output.text}


def _two_customers(case: Case, server: Any, run: Any) -> dict[str, Any]:
    day = loop(case.bench, server.notes, run, server)
    day.start()
    for name in (b"Ada", b"Bob"):
        with connect(server.server_address) as client:
            client.sendall(name)
            try:
                got = client.recv(100)
            except OSError as error:
                got = describe(error).encode()
            case.want(got == b"done", f"{got!r} for {name.decode()}")
    gone = soon(lambda: not case.bench.there(left))
    zombies = case.bench.there(left).count("zombie")
    rounds = server.rounds
    soon(lambda: server.rounds > rounds + 1)
    server.shutdown()
    day.join(PATIENCE)
    served = server.served
    server.server_close()
    turns = f"turns is {server.turns} after {server.rounds} rounds of the loop"
    return {
        "gone": gone,
        "zombies": zombies,
        "turns": "" if server.turns == server.rounds else turns,
        "served": served,
    }


@bugs.check("the dead")
def the_dead(bench: Bench, server_class: Any, Logged: Any, run: Any) -> None:
    case = bench.case(
        called="run(server), with two customers, both served",
        expected="no child left, dead or alive, while the loop goes on and turns counts",
        why="The mix-in collects its children in service_actions(). A class that overrides the "
        "hook without super() stops that, and the dead stay.",
    )
    came = away(case, _a_day, server_class, Logged, run)
    case.want(came["gone"], f"{came['zombies']} zombies: was the mix-in's service_actions called?")
    case.want(not came["turns"], f"no zombies, but {came['turns']}")


@bugs.check("the log")
def the_log(bench: Bench, server_class: Any, Logged: Any, run: Any) -> None:
    lines = ["the shop is open", "serving Ada", "serving Bob"]
    case = bench.case(
        called="run(server), with the output in a file and two customers, Ada and Bob",
        expected=f"the lines {lines}",
        why="What is printed waits in a buffer. A fork copies the buffer with what is in it, and "
        "os._exit throws the child's away: flush before the fork, and in the child.",
    )
    printed = away(case, _a_day, server_class, Logged, run)["printed"].splitlines()
    came = [line for line in printed if line.startswith(("the shop", "serving"))]
    opened, served = came.count(lines[0]), [came.count(line) for line in lines[1:]]
    told = ""
    if opened > 1:
        told = f": the shop opens {opened} times. Was that line still in the buffer at a fork?"
    elif 0 in served:
        told = ": a customer is missing. What becomes of the buffer of a child?"
    case.want(came == lines, f"{came}{told}")


@bugs.check("the count")
def the_count(bench: Bench, server_class: Any, Logged: Any, run: Any) -> None:
    case = bench.case(
        called="run(server), with two customers; then server.served",
        expected="2",
        why="A handler runs in the child, and its server is a copy. The parent's hooks, such as "
        "verify_request, run in the parent.",
    )
    came = away(case, _a_day, server_class, Logged, run)["served"]
    copies = ": did the children count, each in its copy?" if came == 0 else ""
    case.want(came == 2, f"{came!r}{copies}")


predict = EXERCISES["07.4"]


class Counts(socketserver.BaseRequestHandler):
    """Adds one to the server's number and sends it."""

    def handle(self) -> None:
        server: Any = self.server
        self.request.recv(100)
        server.visitors += 1
        print("serving", flush=server.flush)
        self.request.sendall(str(server.visitors).encode())


def real(case: Case, run: Callable[..., Any], *args: Any) -> Any:
    """Return what a real run gives, to lay a prediction beside."""
    case.want(hasattr(os, "fork"), "this system cannot fork; Linux, macOS and Binder can")
    return real_run(run, *args)


def _forked(count: int, flush: bool = False) -> list[int]:
    """Serve `count` clients with the standard library's mix-in; return what they and it say."""
    base: Any = socketserver.ForkingTCPServer
    with base(ANY_PORT, Counts) as server:
        server.visitors, server.flush = 0, flush
        told = [_visit(server) for _ in range(count)]
        return [*told, server.visitors]


def _visit(server: Any) -> int:
    """Return the number that a visitor of this server gets."""
    with connect(server.server_address) as client:
        client.sendall(b"hello")
        server.handle_request()
        return int(client.recv(100))


@predict.prediction(
    "told",
    beside="a real run with three visitors in turn",
    expected="four numbers: each visitor's number, and what the server has counted",
    why="A child works on copies. What it changes, neither its parent nor another child sees.",
    misread=(
        *["This child is a copy of a parent that hasn't counted a visitor yet."] * 3,
        "The counting happened in the children, in their copies: nothing came home.",
    ),
)
def told(case: Case) -> Any:
    return real(case, _forked, 3)


def _lines() -> list[int]:
    counts = []
    for parent_flushes, child_flushes in ((False, False), (False, True), (True, True)):
        with Output() as output:
            print("ready", flush=parent_flushes)
            _forked(2, child_flushes)
        lines = output.text.splitlines()
        counts += [lines.count("ready"), lines.count("serving")]
    return counts


@predict.prediction(
    "printed",
    beside="three real runs with two clients, the output in a file",
    expected="six numbers: how often 'ready' and 'serving' are in the file, for each run",
    why="A printed line waits in a buffer. A fork copies the buffer; os._exit throws the "
    "child's away; a flush writes all that is in it.",
    misread=(
        "The children's copies of that line are thrown away by os._exit.",
        "A child's line is in its own buffer, which os._exit throws away.",
        "Each child has a copy of the buffer with that line in it, and writes it out.",
        "With a flush in the handler each child's line is written, once.",
        "Flushed before the fork, the line is in no buffer any more: nothing is copied.",
        "With a flush in the handler each child's line is written, once.",
    ),
)
def printed(case: Case) -> Any:
    return real(case, _lines)


def _dead() -> list[int]:
    base: Any = socketserver.ForkingTCPServer
    with base(ANY_PORT, Counts) as server:
        server.visitors, server.flush = 0, False
        for _ in range(3):
            _visit(server)
        soon(lambda: left().count("zombie") == 3)
        before = left().count("zombie")
    return [before, left().count("zombie")]


@predict.prediction(
    "zombies",
    beside="a real run with three calls of handle_request()",
    expected="two numbers: before server_close() and after",
    why="An ended child stays in the table of processes until its parent asks how it ended.",
    misread=(
        "Ended children don't vanish by themselves, and handle_request() hasn't asked for them.",
        "server_close() waits for the children, and so asks for each of them.",
    ),
)
def zombies(case: Case) -> Any:
    return real(case, _dead)


def _beside_threads() -> list[Any]:
    """Fork beside three threads, one of which holds a lock; tell what the child has."""
    lock, held, done = threading.Lock(), threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            done.wait(PATIENCE)

    for work in (hold, done.wait, done.wait):
        begin(work)
    held.wait(PATIENCE)
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        done.set()
        got = lock.acquire(timeout=0.1)
        os.write(write_end, f"{threading.active_count()} {int(got)}".encode())
        os._exit(0)
    done.set()
    os.wait()
    threads, taken = os.read(read_end, 100).split()
    return [int(threads), bool(int(taken)), lock.acquire(timeout=PATIENCE)]


@predict.prediction(
    "fork and threads",
    beside="a real run in a program with four threads",
    expected="a number, then twice True or False",
    why="Only the thread that forks exists in the child, but every lock is copied as it is. "
    "That is why Python 3.12 and later warn about such a fork.",
    misread=(
        "Only the thread that calls fork exists in the child.",
        "The lock was copied as it was, held, and the thread that holds it isn't in the child.",
        "In the parent the thread goes on and releases the lock.",
    ),
)
def after_fork(case: Case) -> Any:
    return real(case, _beside_threads)
