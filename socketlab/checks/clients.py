"""Clients of a check's: they connect, ask, and read, and wait no longer than a check may."""

import http.client
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from typing import Any, NamedTuple
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, build_opener

from ..notebook.tracebacks import describe
from .case import PATIENCE, Case, soon
from .records import MOMENT, joined


def connect(address: Any) -> socket.socket:
    """Return a client's connection to a host and a port."""
    return socket.create_connection(address, PATIENCE)


def dial(case: Case, server: Any) -> socket.socket:
    """Return a client's connection to the server; where there is none, the case fails."""
    try:
        return connect(server.server_address)
    except OSError as error:
        case.fail(describe(error), error)


@contextmanager
def conversation(case: Case, address: Any) -> Iterator[socket.socket]:
    """Connect for a `with` block, in which silence and a broken connection fail the case."""
    try:
        with connect(address) as client:
            yield client
    except TimeoutError as error:
        stands = case.bench.whereabouts()
        case.fail(f"nothing within {PATIENCE:g} seconds{stands}", error)
    except OSError as error:
        case.fail(describe(error), error)


def read_to_end(client: socket.socket) -> bytes:
    """Return all that comes until the end. TimeoutError if that does not come."""
    return b"".join(iter(lambda: client.recv(1 << 16), b""))


def rest_of(client: socket.socket) -> bytes:
    """Return all that comes until the end; what there is, if the end does not come."""
    received = b""
    client.settimeout(PATIENCE)
    with suppress(OSError):
        while data := client.recv(1 << 16):
            received += data
    return received


def has_answer(client: Any) -> bool:
    """Tell whether there is something to read, or the end."""
    return bool(select.select([client], [], [], 0)[0])


class Drip(NamedTuple):
    """What came of a client that sent a byte now and then."""

    is_cut_off: bool
    sent: int
    longest_silence: float


def drip(client: socket.socket, seconds: float, pause: float = 0.02) -> Drip:
    """Send a byte after each pause, until the server hangs up or the time is over."""
    last = begun = time.monotonic()
    sent, longest = 0, 0.0
    while last - begun < seconds:
        if select.select([client], [], [], min(pause, seconds))[0]:
            return Drip(True, sent, longest)
        with suppress(OSError):
            client.sendall(b"x")
        sent += 1
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    return Drip(False, sent, longest)


def want_echo(case: Case, address: Any, message: bytes = b"ping") -> None:
    """Want a client's own bytes back."""
    got = case.talk(address, message)
    case.want(got == message, f"{got!r} back for {message!r}")


class Page(NamedTuple):
    """A page, as urllib sees it."""

    status: int
    kind: str
    text: str


@cache
def _opener() -> OpenerDirector:
    # From Python 3.12 on, it would load this system's certificates: that takes longer than a check.
    without_certificates = HTTPSHandler(context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    return build_opener(ProxyHandler({}), without_certificates)


def fetch(url: str) -> Page:
    """Return what is at a URL."""
    with _opener().open(url, timeout=PATIENCE) as answer:
        return Page(answer.status, str(answer.headers["Content-Type"]), answer.read().decode())


def fetch_from(case: Case, server: Any, path: str = "/", host: str = "") -> Page:
    """Return a page of this server's. An error or another status than 200 fails the case."""
    its_host, port = server.server_address[:2]
    where = host and f", at {host}"
    try:
        page = fetch(f"http://{host or its_host}:{port}{path}")
    except (http.client.HTTPException, OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "reason", None)
        cause = reason if isinstance(reason, BaseException) else error
        late = isinstance(cause, TimeoutError)
        silence = f"TimeoutError: no answer within {PATIENCE:g} seconds"
        told = silence if late else describe(cause)
        case.fail(f"{told}{where}", cause)
    case.want(page.status == 200, f"the status {page.status}{where}")
    return page


@contextmanager
def visitors(case: Case, server: Any, count: int) -> Iterator[list[http.client.HTTPConnection]]:
    """Connect `count` visitors; none has asked for anything yet."""
    host, port = server.server_address[:2]
    with ExitStack() as stack:
        crowd = [http.client.HTTPConnection(host, port, timeout=PATIENCE) for _ in range(count)]
        for visitor in crowd:
            stack.callback(visitor.close)
            try:
                visitor.connect()
            except OSError as error:
                case.fail(describe(error), error)
        yield crowd


def request_all(case: Case, crowd: list[http.client.HTTPConnection], path: str) -> None:
    """Let each visitor of a crowd ask for a page."""
    for visitor in crowd:
        try:
            visitor.request("GET", path)
        except OSError as error:
            case.fail(describe(error), error)


def read_page(case: Case, visitor: http.client.HTTPConnection) -> str:
    """Return the text that a visitor is sent."""
    try:
        reply = visitor.getresponse()
        case.want(reply.status == 200, f"the status {reply.status}")
        return reply.read().decode().strip()
    except TimeoutError:
        stands = case.bench.whereabouts()
        case.fail(f"no answer within {PATIENCE:g} seconds{stands}")
    except (http.client.HTTPException, OSError, UnicodeDecodeError) as error:
        case.fail(describe(error), error)
    finally:
        visitor.close()


def want_line_ends(case: Case, answer: bytes) -> None:
    """Want a head whose lines all end with a carriage return and a line feed."""
    for line in answer.split(b"\n")[:-1]:
        case.want(
            line.endswith(b"\r"),
            f"the line {line!r}, ended by \\n alone; clients may insist on \\r\\n",
        )
        if line == b"\r":
            return


def want_plain_reply(case: Case, reply: bytes) -> None:
    """Want the line HTTP/1.0 200 OK before the others, and ends of lines as the web has them."""
    first = reply.partition(b"\n")[0].rstrip(b"\r")
    case.want(
        first == b"HTTP/1.0 200 OK",
        f"the first line {first!r}; the task says HTTP/1.0 200 OK",
    )
    want_line_ends(case, reply)


def want_wait_for_both(
    case: Case, server: Any, clients: list[socket.socket], closer: threading.Thread, left: str = ""
) -> None:
    """Let two handlers end, one after the other, while a thread closes their server.

    `server.stays` has their threads, by the ports of the clients; `left` says how one was left.
    """
    # First the one that it waits for, so that only who waits for the other, too, goes on.
    soon(lambda: case.bench.there(joined, server.stays), MOMENT)
    port = case.bench.there(joined, server.stays)
    first, second = sorted(clients, key=lambda client: client.getsockname()[1] != port)
    first.sendall(b"go")
    closer.join(MOMENT)
    early = not closer.is_alive()
    second.sendall(b"go")
    case.want(not early, f"server_close() back when one of the two {left or 'was done'}")
    closer.join(PATIENCE)
    case.want(not closer.is_alive(), "both done, and server_close() still waits")
