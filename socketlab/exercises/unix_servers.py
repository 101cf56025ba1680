"""Checks of chapter 05: whose file it is and who calls, a page, doors to fix, predictions."""

import errno
import http.client
import os
import select
import shutil
import socket
import socketserver
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import minisocketserver

from ..checks.bench import Bench
from ..checks.case import NEW_PYTHON, PATIENCE, CannotCheckError, Case, CaseError, soon
from ..checks.clients import want_echo
from ..checks.core import load
from ..checks.datagrams import when_nobody_reads
from ..checks.handlers import DatagramEcho, Echo
from ..checks.predictions import compare_letter
from ..files import short_tempdir
from ..notebook.tracebacks import describe

EXERCISES = load(__file__)
chapter = EXERCISES["05"]


@contextmanager
def place(case: Case) -> Iterator[str]:
    """Yield a path where nothing is, in a folder that is gone afterwards.

    The folder is the answer's, which may put links in it: nothing is written there from here.
    """
    case.want(
        hasattr(socket, "AF_UNIX"),
        "nothing could be tried: Python has no Unix sockets on this operating system",
    )
    try:
        folder = case.bench.there(tempfile.mkdtemp, None, None, case.bench.there(short_tempdir))
    except OSError as error:
        raise CannotCheckError(
            f"There's no place for a Unix socket here: {error.strerror}."
        ) from error
    try:
        yield f"{folder}/door"
    finally:
        case.bench.there(shutil.rmtree, folder, True)


def make(case: Case, server_class: Any, path: str, handler: Any = Echo) -> Any:
    """Return a server at `path`, made as every program makes one."""
    return case.call(server_class, path, handler)


@contextmanager
def _serving(case: Case, server: Any) -> Iterator[None]:
    """Serve as `serving_quickly` does; an error of server_close fails the case, if nothing else."""
    failure: CaseError | None = None
    try:
        with case.serving_quickly(server):
            try:
                yield
            except CaseError as error:
                failure = error
                raise
    except CaseError:
        raise
    except Exception as error:
        if failure is not None:  # what was asked comes first, then that it can't be closed
            raise failure from failure.__cause__
        case.fail(describe(error), error)


def postbox(path: str = "") -> socket.socket:
    """Return a client's socket for Unix datagrams, at a path of its own if one is given."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.settimeout(PATIENCE)
    if path:
        sock.bind(path)
    return sock


@chapter.check("private")
def private(bench: Bench, UnixStreamServer: Any, PrivateServer: Any) -> None:
    case = bench.case(
        called="PrivateServer(path, Echo), once as it is and once with mode = 0o660",
        expected="a socket file with that mode already when the server begins to listen",
        why="Any process that may write to the file may connect. Before listen() every client is "
        "refused, so a mode set before it leaves no moment in which the door is open.",
    )
    case.want(
        bench.there(issubclass, PrivateServer, UnixStreamServer),
        "a class that doesn't derive from your UnixStreamServer",
    )
    for server_class, mode in (
        (PrivateServer, 0o600),
        (bench.subclass(PrivateServer, mode=0o660), 0o660),
    ):
        with place(case) as path:
            server, when_it_listened, mask = case.call(_made_and_watched, server_class, path)
            case.want(
                not mask,
                f"the umask changed to {mask}: whatever the program writes from now on has it",
            )
            case.want(when_it_listened, "a server that doesn't listen at the path")
            got, early = _mode(bench.seen(path)), when_it_listened[0]
            case.want(got == mode, f"the mode {got:#o}, where {mode:#o} was wanted")
            case.want(
                early == mode,
                f"{mode:#o} in the end, but {early:#o} when it began to listen: for a moment the "
                "door was open",
            )
            with case.serving_quickly(server):
                want_echo(case, path, b"ahoy")


def _mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def _made_and_watched(server_class: Any, path: str) -> tuple[Any, list[int], str]:
    """Return a server, the modes that the file had when listen() was called, and a new umask."""
    modes: list[int] = []
    real_listen = socket.socket.listen

    def listen(sock: socket.socket, *args: Any) -> None:
        if sock.getsockname() == path:
            modes.append(_mode(path))
        real_listen(sock, *args)

    before = _umask()
    with patch.object(socket.socket, "listen", listen):
        server = server_class(path, Echo)
    after = _umask()
    os.umask(before)
    return server, modes, "" if after == before else f"{after:#o}"


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


page = EXERCISES["05.2"]

SHIPS = ["Beagle", "Möwe", "Calypso"]


def browse(
    case: Case, server: Any, path: str, wanted: str, ships: list[str] = SHIPS
) -> tuple[int, bytes]:
    """Return status and body of a page, got by Python's own HTTP client."""

    def get() -> tuple[int, bytes]:
        browser = http.client.HTTPConnection("localhost")
        browser.sock = socket.socket(socket.AF_UNIX)
        browser.sock.settimeout(PATIENCE)
        browser.sock.connect(case.bench.seen(path))
        browser.request("GET", wanted)
        with browser.getresponse() as answer:
            return answer.status, answer.read()

    server.ships = ships
    with case.serving_quickly(server):
        try:
            got: tuple[int, bytes] = case.call(get)
        except CaseError as failure:
            nameless = any(isinstance(error, IndexError) for error in case.bench.records.errors)
            hint = "; the client's address is '', and has no first part" if nameless else ""
            case.fail(f"{failure.got}{hint}", failure.__cause__)
    return got


@page.check("page")
def shows_page(bench: Bench, PathServer: Any, Harbour: Any) -> None:
    case = bench.case(
        called="GET /ships, by http.client, at the path of a PathServer with the handler Harbour",
        expected="200, and the names in server.ships, a line each, in UTF-8",
        why="http.client doesn't care where its socket comes from. The handler from http.server "
        "notes each visitor's client_address[0], so there must be one.",
    )
    for ships in (SHIPS, ["Ñandú"]):
        with place(case) as path:
            server = make(case, PathServer, path, Harbour)
            status, body = browse(case, server, path, "/ships", ships)
        case.want(status == 200, f"the status {status}")
        case.want(
            body.rstrip(b"\r\n").decode(errors="replace").splitlines() == ships,
            f"{body!r} for the ships {ships}",
        )


@page.check("missing")
def missing(bench: Bench, PathServer: Any, Harbour: Any) -> None:
    for wanted in ("/whales", "/ships/Beagle", "/shipshape", "/"):
        case = bench.case(
            called=f"GET {wanted}, by http.client",
            expected="the status 404",
            why="Only the status says whether a page is empty or missing. There's one page here, "
            "/ships.",
        )
        with place(case) as path:
            status, _ = browse(case, make(case, PathServer, path, Harbour), path, wanted)
        case.want(status == 404, f"the status {status}")


class Noted(Echo):
    """Notes who calls."""

    def setup(self) -> None:
        self.server.callers.append(self.client_address)


@page.check("caller")
def caller(bench: Bench, PathServer: Any) -> None:
    case = bench.case(
        called="PathServer, with a handler of the bench that notes its client_address",
        expected="the client_address ('a local client', 0)",
        why="A client that has bound no path calls from ''. Handlers written for TCP take the "
        "first part of the address, and get_request is the place to give them one.",
    )
    with place(case) as path, case.serving_quickly(make(case, PathServer, path, Noted)) as server:
        server.callers = []
        got = case.talk(path, b"ahoy")
        callers = list(server.callers)
    case.want(callers, "no request for the handler")
    case.want(callers[0] == ("a local client", 0), f"the client_address {callers[0]!r}")
    case.want(got == b"ahoy", f"{got!r} back for b'ahoy'")


local, door = EXERCISES["05.1"], EXERCISES["05.3"]


Body = Callable[[Bench, Any, str], None]


def _both(in_local: str, in_door: str) -> Callable[[Body], Body]:
    """Let a function check the class of either exercise, and say the class's name."""

    def register(body: Body) -> Body:
        @local.check(in_local)
        def of_local(bench: Bench, LocalServer: Any) -> None:
            body(bench, LocalServer, "LocalServer")

        @door.check(in_door)
        def of_door(bench: Bench, DoorServer: Any) -> None:
            body(bench, DoorServer, "DoorServer")

        return body

    return register


@_both("after a crash", "start again")
def starts_again(bench: Bench, server_class: Any, name: str) -> None:
    case = bench.case(
        called=f"{name}(path, Echo), where a server that has ended left its socket file",
        expected="a server that listens at the path, and answers a client",
        why="bind makes the file, and can't make one where the name is taken. "
        "allow_reuse_address is about ports, and a path has none, so the file has to go.",
    )
    with place(case) as path:
        make(case, minisocketserver.UnixStreamServer, path).server_close()
        try:
            server = make(case, server_class, path)
        except CaseError as failure:
            if getattr(failure.__cause__, "errno", None) != errno.EADDRINUSE:
                raise
            reuses = getattr(server_class, "allow_reuse_address", False)
            slip = "allow_reuse_address is about ports" if reuses else "a file is in the way"
            case.fail(f"{failure.got}; {slip}, and no server answers there", failure.__cause__)
        with _serving(case, server):
            where = server.server_address
            case.want(where == path, f"server_address is {where!r}, the path was {path!r}")
            want_echo(case, path, b"ahoy")


@_both("not its own", "living")
def living(bench: Bench, server_class: Any, name: str) -> None:
    case = bench.case(
        called=f"{name}(path, Echo), where another server lives",
        expected="OSError (Address already in use), and the other one still found at the path",
        why="A server whose file is taken away runs on, and no client can reach it any more. Only "
        "a socket that refuses a connection is deserted. One for datagrams answers a stream with "
        "another error, and a busy one only after a time limit.",
    )
    with place(case) as path, _serving(case, make(case, server_class, path)):
        _want_refused(case, server_class, path, "a server that serves")
        want_echo(case, path, b"ahoy")
    with place(case) as path, bench.there(postbox, path):
        _want_refused(case, server_class, path, "a server for datagrams")
    if sys.platform == "linux":  # elsewhere a full queue refuses, as if it were deserted
        with place(case) as path, bench.there(_busy, path):
            _want_refused(case, server_class, path, "a server too busy to accept")


@contextmanager
def _busy(path: str) -> Iterator[None]:
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(path)
        listener.listen(0)
        with suppress(BlockingIOError):
            while True:
                client = sockets.enter_context(socket.socket(socket.AF_UNIX))
                client.setblocking(False)
                client.connect(path)
        yield


def _want_in_use(case: Case, failure: CaseError) -> None:
    """Want the error of bind, and not that of a client who had a look."""
    case.want(isinstance(failure.__cause__, OSError), failure.got, alone=True)
    case.want(
        getattr(failure.__cause__, "errno", None) == errno.EADDRINUSE,
        f"{failure.got}, which is not the error of bind",
        alone=True,
    )


def _want_refused(case: Case, server_class: Any, path: str, whom: str) -> None:
    """Let a server start where something is: it must not, and must leave that in its place."""
    before = os.stat(case.bench.seen(path)).st_ino
    try:
        case.call(server_class, path, Echo)
    except CaseError as failure:
        _want_in_use(case, failure)
        case.want(
            os.path.exists(case.bench.seen(path)),
            f"OSError, but on its way out it removed the file of {whom}: server_close also "
            "runs when bind has failed",
            alone=True,
        )
        same = os.stat(case.bench.seen(path)).st_ino == before
        case.want(same, f"OSError, but another file than that of {whom}")
    else:
        case.fail(f"no error: it took down the file of {whom} and put up its own", alone=True)


@_both("not its own", "novel")
def novel(bench: Bench, server_class: Any, name: str) -> None:
    case = bench.case(
        called=f"{name}(path, Echo), where there's a file with text",
        expected="OSError (Address already in use), and the text as it was",
        why="A typo in a path mustn't cost anyone a file. A connection to it is refused as well, "
        "so look first whether it is a socket.",
    )
    with place(case) as path:
        bench.there(_write_novel, path)
        try:
            case.call(server_class, path, Echo)
        except CaseError as failure:
            _want_in_use(case, failure)
            there = os.path.exists(bench.seen(path))
            case.want(there, "OSError, and the novel is gone", alone=True)
        else:
            case.fail("no error: the novel is gone, and a socket is in its place", alone=True)
        try:
            text = bench.beginning(path, 100)
        except OSError as error:
            case.fail(f"the file is another one now: {error.strerror}", error, alone=True)
        case.want(text == b"my novel", "a file with another text", alone=True)


def _write_novel(path: str) -> None:
    Path(path).write_text("my novel", encoding="utf-8")


@_both("own file", "own file")
def own_file(bench: Bench, server_class: Any, _: str) -> None:
    case = bench.case(
        called="server_close(), once, again later, and after another program has removed the file",
        expected="its own file gone, no error, and the file of a server that came later untouched",
        why="A with block closes once more after your own server_close(). By then there may be "
        "nothing at the path, or a file of another server.",
    )
    with place(case) as path:
        first = make(case, server_class, path)
        case.call(first.server_close)
        open_still = first.socket.fileno() != -1
        case.want(not open_still, "the listening socket is still open", alone=True)
        left = os.path.lexists(bench.seen(path))
        case.want(not left, "the file is still there after server_close()", alone=True)
        case.call(first.server_close)
        with bench.there(_bound, path):
            case.call(first.server_close)
            there = os.path.exists(bench.seen(path))
            case.want(there, "a later close removed the file of another server", alone=True)
    with place(case) as path:
        server = make(case, server_class, path)
        bench.there(os.unlink, path)
        case.call(server.server_close)


@local.check("own file")
def knows_its_file(bench: Bench, LocalServer: Any) -> None:
    case = bench.case(
        called="server_close(), after its file was removed and another server has bound the path",
        expected="the file of the other server, untouched",
        why="The path is the same, the file isn't. A file's device and inode number say which one "
        "it is: note them after bind, and compare before you remove anything.",
    )
    with place(case) as path:
        server = make(case, LocalServer, path)
        bench.there(os.unlink, path)
        with bench.there(_bound, path):
            case.call(server.server_close)
            there = os.path.exists(bench.seen(path))
            case.want(there, "the file of the other server is gone", alone=True)


class SaysWho(minisocketserver.BaseRequestHandler):
    """Sends its client the address that it has here."""

    def handle(self) -> None:
        self.request.sendall(repr(self.client_address).encode())


CALLER = """
import os, socket, sys
with socket.socket(socket.AF_UNIX) as sock:
    sock.settimeout(5)
    sock.connect(sys.argv[1])
    print(os.getpid(), os.geteuid(), os.getegid())
    print(sock.makefile().read())
"""


def _call_from_a_program(path: str) -> tuple[list[int], str]:
    command = [sys.executable, "-S", "-c", CALLER, path]
    said = subprocess.run(command, capture_output=True, text=True, timeout=NEW_PYTHON, check=True)
    numbers, _, address = said.stdout.strip().partition("\n")
    return [int(one) for one in numbers.split()], address


@local.check("caller")
def names_its_caller(bench: Bench, LocalServer: Any) -> None:
    case = bench.case(
        called="LocalServer(path, a handler of the bench), called by another program",
        expected="a client_address such as ('process 4711, user 1000, group 1000', 0), with the "
        "numbers of that program",
        why="The kernel knows which process connected: getsockopt(SOL_SOCKET, SO_PEERCRED, size) "
        "of the new connection has the three numbers, in the order of the format 'iII'.",
    )
    if hasattr(socket, "SO_PEERCRED"):
        with place(case) as path, case.serving_quickly(make(case, LocalServer, path, SaysWho)):
            numbers, got = case.call(_call_from_a_program, path, seconds=NEW_PYTHON)
        process, user, group = numbers
        wanted = (f"process {process}, user {user}, group {group}", 0)
        slip = "" if str(process) in got else ", which isn't the process that called"
        case.want(got == repr(wanted), f"{got or 'nothing'}, where {wanted} called{slip}")
    case = bench.case(
        called="get_request(), where socket has no SO_PEERCRED, as on macOS",
        expected="the connection, and a client_address with a sentence in place of the numbers",
        why="Only Linux has this option. Elsewhere there's no such name, so ask with hasattr.",
    )
    with place(case) as path:
        server = make(case, LocalServer, path)
        with bench.connect(path, PATIENCE), bench.there(_without_peercred):
            request, client_address = case.call(server.get_request)
            request.close()
        is_pair = isinstance(client_address, tuple) and len(client_address) == 2
        is_named = is_pair and isinstance(client_address[0], str) and client_address[0]
        case.want(is_named and client_address[1] == 0, f"the client_address {client_address!r}")


@contextmanager
def _without_peercred() -> Iterator[None]:
    value = vars(socket).pop("SO_PEERCRED", None)
    try:
        yield
    finally:
        if value is not None:
            vars(socket)["SO_PEERCRED"] = value


@contextmanager
def _left_behind(path: str) -> Iterator[None]:
    minisocketserver.UnixStreamServer(path, Echo).server_close()
    yield


@contextmanager
def _written(path: str) -> Iterator[None]:
    _write_novel(path)
    yield


def _alive(path: str) -> Any:
    return minisocketserver.UnixStreamServer(path, Echo)


FOUND: tuple[tuple[str, Any, bool], ...] = (
    ("a server has ended and left its file", _left_behind, True),
    ("there is nothing", nullcontext, False),
    ("a server listens", _alive, False),
    ("there's a text file", _written, False),
    ("a server for datagrams lives", postbox, False),
    ("a server is too busy to accept", _busy, False),
)
"""What may be at a path, and whether it is deserted."""


@chapter.check("deserted")
def deserted(bench: Bench, is_deserted: Any) -> None:
    for found, there, expected in FOUND:
        if there is _busy and sys.platform != "linux":  # a full queue refuses there
            continue
        case = bench.case(
            called=f"is_deserted(path), where {found}",
            expected=f"{expected}",
            why="Only a socket file that refuses a connection is deserted. A text file refuses one "
            "too, and a server for datagrams or a busy one gives another error.",
        )
        with place(case) as path, bench.there(there, path):
            got = case.call(is_deserted, path)
        case.want(got is not None, "None: does it return what it has found out?")
        case.want(bool(got) == expected, f"{got!r}")


@chapter.check("welcome")
def welcome(bench: Bench, Doorkeeper: Any) -> None:
    if not hasattr(socket, "SO_PEERCRED"):
        return
    user, process = os.geteuid(), os.getpid()
    for who, numbers, expected in (
        ("the number of this process", {process} - {user}, False),
        ("the number of this user", {user}, True),
        ("the number of another user", {user + 1}, False),
    ):
        case = bench.case(
            called=f"verify_request(request, client_address), where welcome has only {who}",
            expected=f"{expected}",
            why="peer(request) gives three numbers: process, user, group. The second is looked up "
            "in self.welcome. client_address is '' for every client that has bound no path.",
        )
        keeper = bench.subclass(Doorkeeper, welcome=numbers)
        with place(case) as path:
            server = make(case, keeper, path)
            with bench.connect(path, PATIENCE):
                request, client_address = case.call(server.get_request)
                with request:
                    got = case.call(server.verify_request, request, client_address)
        case.want(got is not None, "None: does it return what it has found out?")
        case.want(bool(got) == expected, f"{got!r}, where welcome has only {who}")


@chapter.check("return address")
def return_address(bench: Bench, datagram_client: Any) -> None:
    case = bench.case(
        called='datagram_client(path, "ahoy"), at the path of a server that sends back what came',
        expected="'ahoy', as text, from the server",
        why="A Unix client isn't given an address. It binds a path of its own before it sends, or "
        "the answer has nowhere to go.",
    )
    callers: list[Any] = []

    class Noted(DatagramEcho):
        def setup(self) -> None:
            callers.append(self.client_address)

    with place(case) as path:
        server = bench.there(minisocketserver.UnixDatagramServer, path, Noted)
        with case.serving_quickly(server):
            try:
                got = case.call(_bound_late, datagram_client, server, path, seconds=2 * PATIENCE)
            except CaseError as failure:
                slip = ""
                if callers and not callers[-1]:
                    slip = f"; the card came from {callers[-1]!r}: no path was bound before that"
                elif getattr(failure.__cause__, "errno", None) == errno.EADDRINUSE:
                    slip = "; was the server's path bound? The client needs one of its own"
                case.fail(f"{failure.got}{slip}", failure.__cause__, alone=True)
            case.want(callers, f"{got!r}, but no card at the server: where was it sent?")
            case.want(got is not None, "None: does it return the answer?")
            case.want(not isinstance(got, bytes), f"{got!r}, which is bytes: is it decoded?")
            case.want(got == "ahoy", f"{got!r}")


def _bound_late(datagram_client: Any, server: Any, path: str) -> Any:
    """Return what the client is answered, where its bind waits until no card is in the queue.

    A card sent before that has been read by then: its sender has no name for the server.
    """
    real_bind = socket.socket.bind

    def bind(sock: socket.socket, address: Any) -> None:
        soon(lambda: not select.select([server], [], [], 0)[0])
        real_bind(sock, address)

    with patch.object(socket.socket, "bind", bind):
        return datagram_client(path, "ahoy")


def _bound(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    return sock


portable = EXERCISES["05.4"]


def opened(case: Case, open_door: Any, path: str) -> Any:
    """Return the server that the learner's function opens."""
    server = case.call(open_door, path, Echo)
    case.want(server is not None, "None: does open_door return the server?")
    return server


def answers(case: Case, server: Any) -> None:
    """Want an answer from the server, at its address."""
    with case.serving_quickly(server):
        want_echo(case, server.server_address, b"ahoy")


@contextmanager
def system(name: str, unix: bool) -> Iterator[None]:
    """Let Python see a system of that name, with or without Unix sockets, for a moment."""
    # Name by name, not patch.dict, which empties a module: the kernel's own threads use it too.
    modules = () if unix else (socket, socketserver, minisocketserver)
    taken = [
        (module, known, value)
        for module in modules
        for known, value in vars(module).items()
        if "Unix" in known or known == "AF_UNIX"
    ]
    with patch.object(sys, "platform", name):
        for module, known, _ in taken:
            delattr(module, known)
        try:
            yield
        finally:
            for module, known, value in taken:
                setattr(module, known, value)


@portable.check("here")
def opens_here(bench: Bench, open_door: Any) -> None:
    case = bench.case(
        called="open_door(path, Echo), on this operating system",
        expected="a server at the path",
        why="Where there are Unix sockets, only programs on this machine should get in.",
    )
    with place(case) as path:
        server = opened(case, open_door, path)
        where = server.server_address
        case.want(where == path, f"a {type(server).__name__} at {where!r}, not at the path")
        answers(case, server)


@portable.check("without")
def opens_without(bench: Bench, open_door: Any) -> None:
    for name in ("win32", "newos"):
        case = bench.case(
            called=f"open_door(path, Echo), where the system is {name!r} and has no Unix sockets",
            expected="a TCPServer on 127.0.0.1, with a port that the kernel chose",
            why="There the names don't exist: AttributeError when you ask, ImportError when you "
            "import. Ask whether there's such a name, with hasattr, not which system it is.",
        )
        with place(case) as path:
            with bench.there(system, name, False):
                server = opened(case, open_door, path)
            where = server.server_address
            case.want(
                isinstance(where, tuple),
                f"a {type(server).__name__} at a path, where no such class exists: was it "
                "imported before open_door was called? There this import ends the program",
            )
            case.want(where[0] == "127.0.0.1", f"a server at {where!r}, open to other machines")
            ports = [bound[1] for _, bound in bench.records.bound if isinstance(bound, tuple)]
            case.want(ports[-1] == 0, f"a bind to the port {ports[-1]}, which may be taken")
            answers(case, server)


@portable.check("elsewhere")
def opens_elsewhere(bench: Bench, open_door: Any) -> None:
    for name in ("darwin", "newos"):
        case = bench.case(
            called=f"open_door(path, Echo), where the system is {name!r} and has Unix sockets",
            expected="a server at the path",
            why="Linux isn't the only one with Unix sockets. Whether the class is there says it "
            "all, whatever the operating system is called.",
        )
        with place(case) as path:
            with bench.there(system, name, True):
                server = opened(case, open_door, path)
            where = server.server_address
            case.want(
                where == path,
                f"a {type(server).__name__} at {where!r}: was it decided by the system's name?",
            )


predict = EXERCISES["05.5"]


def _compare_booleans(case: Case, guess: Any, real: list[bool], misread: Sequence[str]) -> None:
    are = isinstance(guess, (list, tuple)) and all(one in (True, False) for one in guess)
    number = {2: "two", 3: "three"}[len(real)]
    case.want(are and len(guess) == len(real), f"{guess!r}, not a list of {number}")
    for mine, came, meaning in zip(guess, real, misread, strict=True):
        case.want(bool(mine) == came, f"{mine} for {meaning}")


@predict.prediction(
    "starts",
    beside="a run just now: a second server at the path of a first",
    expected="True or False for each of the three cases, as in that run",
    why="bind makes the file and fails where the name is taken. close leaves the file. "
    "No option helps. Removing the file does, even behind a living server's back.",
    misread=(
        "case 1, as if close took the file away",
        "case 2, as if allow_reuse_address were about files; it is about ports",
        "case 3, as if the living server held the path; it's the file that does",
    ),
    compare=_compare_booleans,
)
def starts(case: Case) -> list[bool]:
    again = [_starts_again(case, reuse) for reuse in (False, True)]
    return [*again, _starts_beside(case)]


def _starts_again(case: Case, reuse: bool) -> bool:
    parent = minisocketserver.UnixStreamServer
    server_class = case.bench.subclass(parent, allow_reuse_address=reuse)
    with place(case) as path:
        server_class(path, Echo).server_close()
        with suppress(OSError):
            server_class(path, Echo)
            return True
    return False


def _starts_beside(case: Case) -> bool:
    server_class = minisocketserver.UnixStreamServer
    with place(case) as path, server_class(path, Echo):
        os.unlink(path)
        with suppress(OSError):
            server_class(path, Echo)
            return True
    return False


@predict.prediction(
    "answered",
    beside="a run just now: two clients of a UnixDatagramServer",
    expected="True or False for each of the two, as in that run",
    why="Over the Internet a client gets a port at its first sendto. A Unix client gets nothing: "
    "unless it binds a path, its address is empty, and the answer has nowhere to go.",
    misread=(
        "the client without a path, as if it had an address all the same",
        "the client with a path, as if its card carried no address",
    ),
    compare=_compare_booleans,
)
def answered(case: Case) -> list[bool]:
    return [_is_answered(case, has_path) for has_path in (False, True)]


def _is_answered(case: Case, has_path: bool) -> bool:
    server: Any
    with place(case) as path, minisocketserver.UnixDatagramServer(path, DatagramEcho) as server:
        server.handle_error = lambda *request: None
        with postbox(f"{path}-of-the-client" if has_path else "") as client:
            client.sendto(b"ahoy", path)
            server.handle_request()
            client.setblocking(False)
            with suppress(BlockingIOError):
                return client.recv(1024) == b"ahoy"
    return False


@predict.prediction(
    "queue",
    beside="a run just now: 5,000 datagrams to a path where nobody reads",
    expected="the letter of what that run gave",
    why="Sender and queue are on the same machine, so Linux can make the sender wait when the "
    "queue is full, and other kernels raise an error. Over a network they can do neither.",
    misread={
        "A": "as if a queue had no end",
        "B": "as if the sender were made to wait",
        "C": "as it is over a network, where no kernel can make the sender wait",
        "D": "as if the sender couldn't be made to wait",
    },
    compare=compare_letter,
)
def queue(case: Case) -> str:
    count: list[int] = []
    with place(case) as path, postbox() as client:
        client.settimeout(0.1)
        with minisocketserver.UnixDatagramServer(path, lambda *_: count.append(1)) as server:
            return when_nobody_reads(client, server, count)
