"""Wrong answers to 03.1-03.4 are told what is wrong with them; right ones pass."""

import functools
import io
import logging
import shutil
import socket
import socketserver
import sys
import threading
from contextlib import ExitStack, contextmanager

import pytest

import minisocketserver
from socketlab import CheckFailedError, check, hint
from socketlab.checks.handlers import Echo
from socketlab.exercises import find
from socketlab.notebook.running import running

from .helpers import impatient, message, ours

Right = ours("03.1").ActivatedServer


class TellsANeighbour(Right):
    """On a machine that a class shares, somebody may answer there."""

    neighbour = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo)

    def server_bind(self):
        super().server_bind()
        self.server_address = self.neighbour.server_address


class NeverListens(Right):
    def server_activate(self):
        pass


class NeverStarts(Right):
    def __init__(self, address, handler):
        while True: pass  # fmt: skip  # noqa: E701  # in which of two lines it is, Pythons differ


class NeverServes(Right):
    def serve_forever(self, poll_interval=0.5):
        pass


class NeverAnswers(Right):
    def finish_request(self, request, client_address):
        threading.Event().wait(30)


class ShutsDownFromItsOwnThread(Right):
    def process_request(self, request, client_address):
        super().process_request(request, client_address)
        self.shutdown()


class RaisesWhileServing(Right):
    def get_request(self):
        raise ValueError("lost the connection")


class PatchesTheClient(Right):
    def __init__(self, address, handler):
        socket.create_connection = lambda *args, **options: None
        super().__init__(address, handler)


class Echoes(Right):
    """Answers by itself."""

    def finish_request(self, request, client_address):
        request.sendall(request.recv(100))


TAKE = 'pid, count = os.environ.pop("LISTEN_PID", ""), os.environ.pop("LISTEN_FDS", "0")'


def activated(
    take=TAKE,
    names='os.environ.pop("LISTEN_FDNAMES", None)',
    other='pid != str(os.getpid()) or count == "0"',
    listener="socket.socket(fileno=3)",
    keep="listener.set_inheritable(False)",
    begin="super().__init__(server_address, RequestHandlerClass, listener is None)",
    close="self.socket.close()",
    adopt="self.socket = listener",
    family="self.address_family = listener.family",
    address="self.server_address = listener.getsockname()",
    more="",
):
    """Return the class of 03.1, with the given parts as the learner wrote them."""
    source = f"""
import os, socket
from minisocketserver import TCPServer
def handed_over():
    {take}
    {names}
    if {other}:
        return None
    listener = {listener}
    {keep}
    return listener
class ActivatedServer(TCPServer):
    def __init__(self, server_address, RequestHandlerClass):
        listener = handed_over()
        {begin}
        if listener is not None:
            {close}
            {adopt}
            {family}
            {address}
    {more}
"""
    names = {"__name__": "answer"}
    exec(source, names)
    return names["ActivatedServer"]


EARLY = 'listener = socket.socket(fileno=3) if "LISTEN_FDS" in os.environ else None; '
TAKEN = 'pid, count = os.environ.get("LISTEN_PID"), os.environ.get("LISTEN_FDS")'
NO_VISIT = "curl: (" if shutil.which("curl") else "ConnectionRefusedError"
"""What is told of a visit to a server that doesn't listen."""

WRONG = [
    (TellsANeighbour, "address", "it is not your server"),
    (NeverListens, "address", "ConnectionRefusedError: bound, but does it listen?"),
    (NeverStarts, "address", "of your code: while True: pass"),
    (NeverServes, "address", "no end within"),
    (NeverAnswers, "address", "of your code: threading.Event().wait(30)"),
    (ShutsDownFromItsOwnThread, "address", "of your code: self.shutdown(), in wait()"),
    (PatchesTheClient, "address", "your code has replaced socket.create_connection"),
    (RaisesWhileServing, "address", "ValueError: lost the connection, in get_request(), line"),
    (Echoes, "address", "an answer that didn't come from the handler"),
    (activated(take=TAKEN.replace('.get("LISTEN_PID")', '["LISTEN_PID"]')), "address", "KeyError"),
    (activated(other="True"), "adopted", "server_address is ('127.0.0.1', "),
    (activated(other="pid != os.getpid()"), "adopted", "a text, compared with a number?"),
    (activated(listener="socket.socket(fileno=int(count))"), "adopted", "LISTEN_FDS only counts"),
    (activated(address="pass"), "adopted", "server_address is ('127.0.0.1', 0), and"),
    (activated(adopt="self.listener = listener"), "adopted", NO_VISIT),
    (
        activated(begin="super().__init__(server_address, RequestHandlerClass)"),
        "adopted",
        "a bind to ('127.0.0.1', 0) as well",
    ),
    (activated(begin="while True: pass"), "adopted", "does the constructor ever end?"),
    (activated(begin="pass"), "adopted", "AttributeError"),
    (
        activated(listener="socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=3)"),
        "family",
        "server_address is ",
    ),
    (activated(family="pass"), "family", "address_family is AF_INET"),
    (activated(other='count == "0"'), "addressee", "a server on the socket at descriptor 3"),
    (activated(other="pid != str(os.getpid())"), "addressee", "a server on the socket at"),
    (activated(take=EARLY + TAKE), "addressee", "descriptor 3 closed"),
    (
        activated(take='pid, count = os.environ.get("LISTEN_PID"), os.environ["LISTEN_FDS"]'),
        "addressee",
        "KeyError: 'LISTEN_FDS'",
    ),
    (activated(take=TAKEN), "children", "LISTEN_PID, LISTEN_FDS in the other program's"),
    (activated(names="pass"), "children", "LISTEN_FDNAMES in the other program's"),
    (activated(keep="pass"), "children", "a socket, inherited as descriptor (3,)"),
    (activated(close="pass"), "close", "is the one closed that"),
    (activated(close="self.first = self.socket"), "close", "sockets at the descriptors (3, "),
    (
        activated(listener="socket.fromfd(3, socket.AF_INET, socket.SOCK_STREAM)"),
        "close",
        "sockets at the descriptors (3, ",
    ),
    (activated(more="def server_close(self): pass"), "close", "still open at descriptor (3,)"),
    (None, "address", "still blank"),
    (..., "address", "still blank"),
]


BLOCKED = (NeverAnswers, ShutsDownFromItsOwnThread)
"""Their threads wait for an event, from which Python cannot wake them; they hold no socket."""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("wrong, part, told", WRONG, ids=[f"{row[1]} {row[2]}" for row in WRONG])
def test_a_wrong_server_is_told_its_mistake(wrong, part, told, monkeypatch):
    """The message names this very mistake, and nothing is left running."""
    monkeypatch.setattr(socket, "create_connection", socket.create_connection)  # restored after
    impatient(monkeypatch)
    before = set(threading.enumerate())
    assert told in message("03.1", part, wrong)
    for thread in set(threading.enumerate()) - before:
        if wrong not in BLOCKED:
            thread.join(5)
            assert not thread.is_alive()


def thank(
    text,
    name="Handler",
    serve="serve_forever",
    say="print",
    back="return",
    who="self.request.getpeername()",
    at="address",
):
    """Return the three names of 03.2, with the given parts as the learner wrote them."""
    source = f"""
from socketserver import StreamRequestHandler, TCPServer
class Handler(StreamRequestHandler):
    def handle(self):
        {say}("Got connection from", {who})
        self.wfile.write({text})
def make_server(address):
    {back} TCPServer({at}, {name})
def run(server):
    server.{serve}()
"""
    names = {}
    exec(source, names)
    return names["Handler"], names["make_server"], names["run"]


THANKS = 'b"Thank you for connecting"'


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "answer, part, told",
    [
        (thank(THANKS, say="str"), "print", "nothing, printed"),
        (thank('"Thank you for connecting"'), "bytes", "TypeError: a bytes-like object"),
        (thank('b"Thanks"'), "bytes", "b'Thanks'"),
        (thank(THANKS, name="handler"), "name", "NameError: name 'handler' is not defined"),
        (thank(THANKS, back=""), "name", "does make_server return the server?"),
        (thank(THANKS, serve="server_forever"), "serve", "no attribute 'server_forever'"),
        (thank(THANKS, serve="handle_request"), "serve", "no end within"),
        (thank(THANKS, who="self.request"), "print", "<socket.socket fd="),
        (thank(THANKS, who="self.server.server_address"), "print", ", printed to a client at port"),
        (thank(THANKS, at='("", 0)'), "name", "and not to the address it was given"),
    ],
)
def test_a_bug_left_in_is_named(answer, part, told):
    """Each of the five bugs has a part of its own; two of them keep the program from parsing."""
    came = next(line for line in message("03.2", part, *answer).splitlines() if "Got:" in line)
    assert told in came


def test_a_program_that_does_not_parse_leaves_no_names():
    """As after a SyntaxError in the answer cell: curly quotes, or print without brackets."""
    for name, one in find("03.2").checks.items():
        assert f"there is no {one.names[0]} yet" in message("03.2", name)


class Loud(Right):
    """Prints and logs."""

    def __init__(self, address, handler):
        print("starting", file=sys.stderr)
        logging.getLogger("loud").warning("starting")
        super().__init__(address, handler)


class OnAMixIn(socketserver.ThreadingMixIn, Right):
    """With a thread for each client."""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("right", [Right, activated(), OnAMixIn, Loud])
def test_a_right_server_passes_in_any_style(right, capfd):
    """Also one that writes to stderr, which stays clean."""
    logging.getLogger("loud").addHandler(logging.StreamHandler())
    check("03.1", right)
    printed, errors = capfd.readouterr()
    assert [line[:6] for line in printed.splitlines()] == ["✓ 03.1"] * 6
    assert errors == ""


@pytest.mark.parametrize("part", ["adopted", "family"])
def test_without_curl_our_own_client_visits(part, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    check("03.1", activated(), part=part)


class Greeter(socketserver.BaseRequestHandler):
    """Without files, and the address as the server knows it."""

    def handle(self):
        host, port = self.client_address
        print(f"Got connection from {host}:{port}")
        self.request.sendall(bytes("Thank you for connecting", "ascii"))


class SlottedGreeter(socketserver.StreamRequestHandler):
    __slots__ = ()

    def handle(self):
        sys.stdout.write("Got connection from %s\n" % (self.client_address,))  # noqa: UP031
        print(
            "Thank you for connecting",
            end="",
            file=io.TextIOWrapper(self.wfile, encoding="utf-8"),
            flush=True,
        )


def make_greeter(address, handler=Greeter):
    return minisocketserver.TCPServer(server_address=address, RequestHandlerClass=handler)


PROGRAMS = [
    thank(THANKS),
    thank('"Thank you for connecting".encode("ascii")'),
    thank(THANKS, who="self.client_address"),
    thank(THANKS, serve="serve_forever(poll_interval=0.1) or str"),
    (Greeter, make_greeter, lambda server: server.serve_forever()),
    (Greeter, functools.partial(make_greeter), socketserver.TCPServer.serve_forever),
    (SlottedGreeter, functools.partial(make_greeter, handler=SlottedGreeter), Right.serve_forever),
]


@pytest.mark.parametrize("answer", PROGRAMS)
def test_a_mended_program_passes(answer, capsys):
    """Bytes written as such, or encoded; functions, partials, another server."""
    check("03.2", *answer)
    assert len(capsys.readouterr().out.splitlines()) == 4


def pages(
    server="PageServer(address, Page)",
    reuse="allow_reuse_address = True",
    late="",
    address='("127.0.0.1", 0)',
    text='b"Hello from your own server"',
    request="while self.rfile.readline().strip(): pass",
    daemon="daemon=True",
    stop="server.shutdown()",
    close="server.server_close()",
    fetch="return fetch(f'http://{host}:{port}/')",
    base="minisocketserver.TCPServer",
    head='b"HTTP/1.0 200 OK\\r\\n\\r\\n"',
):
    """Return the three names of 03.3, with the given parts as the learner wrote them."""
    source = f"""
import minisocketserver, socket, socketserver, threading
class Page(socketserver.StreamRequestHandler):
    def handle(self):
        {request}
        self.wfile.write({head})
        self.wfile.write({text})
class PageServer({base}):
    {reuse}
def open_page(address):
    server = {server}
    {late}
    return server
def visit(fetch):
    server = open_page({address})
    try:
        thread = threading.Thread(target=server.serve_forever, {daemon})
        thread.start()
        host, port = server.server_address
        try:
            {fetch}
        finally:
            {stop}
    finally:
        {close}
"""
    names = {}
    exec(source, names)
    return names["Page"], names["open_page"], names["visit"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


PROBED = "(lambda s: (s.bind(('127.0.0.1', 0)), s.getsockname(), s.close()))(socket.socket())[1]"


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(pages(text='"Hello"'), "page", "a bytes-like object", id="learners-7"),
        pytest.param(pages(text='b"Hello"'), "page", "'Hello'", id="another text"),
        pytest.param(
            pages(request="self.rfile.readline()"), "page", "before the request", id="learners-3"
        ),
        pytest.param(
            pages(request="for _ in range(6): self.rfile.readline()"),
            "page",
            "before the request was complete",
            id="six lines",
        ),
        pytest.param(
            pages(head='b"HTTP/1.0 200 OK\\n\\n"'),
            "page",
            "ended by \\n alone",
            id="bare line feeds",
        ),
        pytest.param(
            pages(fetch="return fetch(f'http://{host}:{port}/page')"),
            "again",
            "isn't of the form http://host:port/",
            id="another URL",
        ),
        pytest.param(pages(reuse="pass"), "restart", "SO_REUSEADDR off", id="learners-1"),
        pytest.param(
            pages(reuse="pass", late="server.allow_reuse_address = True"),
            "restart",
            "when the constructor had bound already",
            id="learners-2",
        ),
        pytest.param(
            pages(reuse="allow_reuse_port = allow_reuse_address = True"),
            "restart",
            "is allow_reuse_port on?",
            id="learners-1 shares",
        ),
        pytest.param(
            pages(address=f'("127.0.0.1", {free_port()})'),
            "again",
            "the same port each time?",
            id="learners-25 a fixed port",
        ),
        pytest.param(
            pages(address=PROBED), "again", "a port that was chosen beforehand", id="learners-13"
        ),
        pytest.param(pages(close="pass"), "again", "still open", id="learners-25 not closed"),
        pytest.param(pages(stop="pass", close="pass"), "again", "still open", id="left running"),
        pytest.param(pages(daemon=""), "again", "no daemon", id="learners-25 no daemon"),
        pytest.param(
            pages(fetch="fetch(f'http://{host}:{port}/')"),
            "again",
            "does visit return",
            id="no return",
        ),
        pytest.param(
            pages(fetch="try: return fetch(f'http://{host}:{port}/')\n            except: pass"),
            "error",
            "doesn't learn",
            id="swallows",
        ),
    ],
)
def test_a_wrong_page_is_told_its_mistake(answer, part, told, monkeypatch):
    impatient(monkeypatch)
    came = next(line for line in message("03.3", part, *answer).splitlines() if "Got:" in line)
    assert told in came


class HelloPage(minisocketserver.StreamRequestHandler):
    """Reads line by line to the empty one, and answers with a length."""

    text = "Hello from your own server"

    def handle(self):
        for line in iter(self.rfile.readline, b"\r\n"):
            if not line:
                return
        head = ["HTTP/1.0 200 OK", f"Content-Length: {len(self.text)}", "", self.text]
        self.wfile.write("\r\n".join(head).encode())


class SlottedHello(minisocketserver.StreamRequestHandler):
    __slots__ = ()

    def handle(self):
        request = b""
        while not request.endswith(b"\r\n\r\n") and (data := self.request.recv(16)):
            request += data
        self.request.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        self.request.sendall(HelloPage.text.encode())


class Reusable(minisocketserver.TCPServer):
    allow_reuse_address = True


def open_hello(address):
    class Mine(minisocketserver.TCPServer):
        allow_reuse_address = True

    return Mine(address, HelloPage)


@contextmanager
def looping(server):
    loop = threading.Thread(target=server.serve_forever, daemon=True)
    loop.start()
    try:
        yield "http://{}:{}/".format(*server.server_address)
    finally:
        server.shutdown()
        loop.join()


def visit_hello(fetch):
    with open_hello(("localhost", 0)) as server, looping(server) as url:
        return fetch(url)


def visit_by_running(fetch):
    with running(Reusable(("127.0.0.1", 0), HelloPage)) as server:
        return fetch(f"http://localhost:{server.server_address[1]}/")


def visit_by_stack(fetch):
    with ExitStack() as stack:
        server = Reusable(("127.0.0.1", 0), SlottedHello)
        stack.callback(server.server_close)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(server.shutdown)
        host, port = server.socket.getsockname()
        return fetch(f"http://{host}:{port}/")


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "answer",
    [
        pages(),
        pages(base="socketserver.ThreadingTCPServer", text="'Hello from your own server'.encode()"),
        pages(
            server="minisocketserver.TCPServer(address, Page, bind_and_activate=False)",
            late="server.allow_reuse_address = True; server.server_bind(); "
            "server.server_activate()",
        ),
        (HelloPage, open_hello, visit_hello),
        (HelloPage, functools.partial(Reusable, RequestHandlerClass=HelloPage), visit_by_running),
        (SlottedHello, lambda address: Reusable(address, SlottedHello), visit_by_stack),
    ],
    ids=["plain", "the standard library's", "bound by hand", "with", "running", "a stack"],
)
def test_a_right_page_passes(answer):
    check("03.3", *answer)


def forecast(
    back=(True, False, True, False),
    option=(True, False, True),
    endings=(True, False),
    served=(10,),
    full=("connected", "waits"),
):
    return back, option, endings, served, full


@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(
            forecast(back=[True, True, True, False]), "comes back", "remembers", id="learners-1"
        ),
        pytest.param(
            forecast(back=[True, False, True, True]),
            "comes back",
            "a listener that is alive",
            id="learners-1 alive",
        ),
        pytest.param(
            forecast(back=[False, False, True, False]), "comes back", "the client", id="client"
        ),
        pytest.param(
            forecast(back=[True, False, False, False]), "comes back", "overlooks", id="no cure"
        ),
        pytest.param(forecast(option=[True] * 3), "option", "comes too late", id="learners-2"),
        pytest.param(
            forecast(endings=[False, False]), "endings", "doesn't close the listener", id="one end"
        ),
        pytest.param(forecast(served=[1]), "served", "doesn't limit", id="learners-17"),
        pytest.param(
            forecast(full=["connected", "refused"]),
            "full queue",
            "refuses no client",
            id="learners-18",
        ),
        pytest.param(forecast(full=["waits", "waits"]), "full queue", "by itself", id="all wait"),
        pytest.param(forecast(full="waits"), "full queue", "not a list", id="a word"),
    ],
)
def test_a_wrong_forecast_is_told_why(answer, part, told):
    came = next(line for line in message("03.4", part, *answer).splitlines() if "Got:" in line)
    assert told in came


def test_a_right_forecast_passes():
    check("03.4", *forecast())


def test_a_traceback_comes_only_when_asked_for():
    """`traceback=True` shows where the exception came from."""
    with pytest.raises(CheckFailedError) as caught:
        check("03.1", RaisesInConstructor, traceback=True)
    assert "Traceback" in "".join(caught.value._render_traceback_())
    assert "Traceback" not in message("03.1", "address", RaisesInConstructor)


class RaisesInConstructor(Right):
    def __init__(self, address, handler):
        raise NotImplementedError()


def test_three_hints_from_a_nudge_to_nearly_the_answer(capsys):
    """Each call tells the next; a number asks for that one."""
    for exercise in ("03.1", "03.2", "03.3", "03.4"):
        for number in (1, 2, 3):
            hint(exercise, number)
            assert f"Hint {number} of 3 for {exercise}" in capsys.readouterr().out
        hint(exercise, 4)
        assert f"{exercise} has the hints 1 to 3, not 4." in capsys.readouterr().out


def test_an_unknown_exercise_or_part_is_told_what_there_is():
    """A slip of the pen in a cell gets a sentence."""
    with pytest.raises(LookupError, match=r"no exercise .3\.9.\. There are: 03\.1, "):
        check("3.9", Right)
    with pytest.raises(LookupError, match="There are: address"):
        check("03.1", Right, part="adress")
