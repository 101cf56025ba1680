"""The learner's own `socketserver`: put together from what they have written."""

import platform
import socket
import socketserver
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date
from functools import partial
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..files import short_tempdir, write
from ..markup import render
from ..notebook.fresh_python import fresh
from ..notebook.running import ServerError, running, within
from ..ship.conformance import Conformance
from ..ship.planks import PLANKS, Ship, assemble
from ..ship.suites import Trials, on_board
from . import own_package, progress_log

PATIENCE = 3.0
"""Seconds for a plank to do one thing for its first client."""

LAUNCH = 120.0
"""Seconds for all of them, if each has to be waited for."""

CERTIFICATE = "certificate.md"


@dataclass
class OwnShip:
    """The ship, and for each plank why it is on loan, or what is to be said about it."""

    ship: Ship
    notes: dict[str, str]

    def yours(self) -> list[str]:
        """Return the names of the learner's own planks."""
        return [name for _, name, whose in self.ship.rows() if whose == "yours"]

    def rows(self) -> Iterator[tuple[str, str, str, str]]:
        """Yield chapter, name, "yours" or "on loan", and what is to be said."""
        for chapter, name, whose in self.ship.rows():
            yield chapter, name, whose, self.notes.get(name, "")

    @property
    def said(self) -> str:
        """How many planks are the learner's, in a sentence."""
        rows, yours = list(self.rows()), self.yours()
        if not yours:
            return f"All {len(rows)} planks are on loan: what passes below says nothing of you yet."
        return f"{len(yours)} of {len(rows)} planks are yours."

    def __repr__(self) -> str:
        rows = [f"{no}  {name:22}  {whose:7}  {note}" for no, name, whose, note in self.rows()]
        return "\n".join([*(row.rstrip() for row in rows), self.said])

    def _repr_html_(self) -> str:
        return render("own_ship.html", rows=self.rows(), said=self.said)


def own_ship(course: Path | None = None) -> OwnShip:
    """Assemble the ship from the learner's package in `course`, by default the one one works in.

    Another process, with a deadline, first loads each plank and has it serve a client. One that
    isn't written, or doesn't serve, is on loan, and its note says why.
    """
    course = course or progress_log.course()
    if course is None:
        return OwnShip(assemble(), dict.fromkeys(PLANKS, "this is no folder of a course"))
    mine = own_package.own(course, _troubles(course))
    return OwnShip(assemble(**mine.classes), mine.on_loan)


def _troubles(course: Path) -> dict[str, str]:
    """Return what goes wrong with the learner's planks, by name, each tried on those before it."""
    try:
        return dict(fresh(first_clients, str(course), deadline=LAUNCH))
    except ServerError:  # one of them takes the others along: find out which
        troubles: dict[str, str] = {}
        for name in PLANKS:
            others = {other: "not tried" for other in PLANKS if other != name}
            try:
                fresh(first_clients, str(course), others, deadline=LAUNCH / 4)
            except ServerError as trouble:
                troubles[name] = str(trouble)
        return troubles


def first_clients(course: str, troubles: Mapping[str, str] | None = None) -> dict[str, str]:
    """Load the planks in a course, but for those in trouble; have each serve a client.

    Returns all troubles, by name. For a process of its own.
    """
    import cloudpickle  # type: ignore[import-untyped]  # only the chapters need it

    found = dict(troubles or {})
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        for name in PLANKS:
            mine = own_package.own(Path(course), found).classes
            if name not in mine:
                continue
            found[name] = _trial(assemble(**mine), name)
            if not found[name]:
                try:
                    cloudpickle.dumps(mine[name])
                except Exception as error:
                    found[name] = f"no other Python can have it: {_described(error)}"
    return {name: why for name, why in found.items() if why}


class SailError(Exception):
    """A reason, in words for the learner."""


def _described(error: BaseException) -> str:
    if isinstance(error, SailError):
        return str(error)
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def _trial(ship: Ship, name: str) -> str:
    """Return what goes wrong when the plank serves its first client, "" if nothing does."""
    plank: Any = getattr(ship, name)
    kind, handler = name, _aye
    if name == "BaseServer":
        kind, server_class = "TCPServer", ship.TCPServer
    elif name.endswith("MixIn"):
        kind = "TCPServer"
        server_class = type("Mixed", (plank, socketserver.TCPServer), {})
    elif name.endswith("Handler"):
        kind = "UDPServer" if name.startswith("Datagram") else "TCPServer"
        server_class = getattr(socketserver, kind)
        body = _write_aye if hasattr(plank, "rbufsize") or kind == "UDPServer" else _send_aye
        handler = type("Handler", (plank,), {"handle": body})
    else:
        server_class = plank
    try:
        _serve_one(server_class, handler, kind)
    except BaseException as error:
        return f"{name} did not serve a client: {_described(error)}"
    return ""


def _serve_one(server_class: Any, handler: Any, kind: str) -> None:
    stream = kind in ("TCPServer", "UnixStreamServer")
    with (
        TemporaryDirectory(prefix="ss", dir=short_tempdir()) as folder,
        socket.socket(
            socket.AF_UNIX if "Unix" in kind else socket.AF_INET,
            socket.SOCK_STREAM if stream else socket.SOCK_DGRAM,
        ) as client,
    ):
        client.settimeout(PATIENCE)
        address: Any = f"{folder}/server" if "Unix" in kind else ("127.0.0.1", 0)
        server = within(PATIENCE, lambda: server_class(address, handler), "the server to be made")
        try:
            if kind == "UnixDatagramServer":
                client.bind(f"{folder}/client")
            client.connect(server.server_address)
            client.send(b"ahoy\n")
            within(PATIENCE, server.handle_request, "handle_request() to return")
            answer = client.recv(100)
            if answer != b"aye":
                raise SailError(f"the client got {answer!r} for its answer")
        finally:
            within(PATIENCE, server.server_close, "server_close() to return")


def _aye(request: Any, client_address: Any, server: Any) -> None:
    if isinstance(request, tuple):
        request[1].sendto(b"aye", client_address)
    else:
        request.recv(100)
        request.sendall(b"aye")


def _send_aye(self: Any) -> None:
    _aye(self.request, self.client_address, self.server)


def _write_aye(self: Any) -> None:
    self.rfile.readline()
    self.wfile.write(b"aye")


class WebPage(str):
    """A page, shown in a frame in a notebook: what it sets is for itself alone."""

    def _repr_html_(self) -> str:
        return render("frame.html", page=str(self))


def web_page(own: OwnShip, deadline: float = 20.0) -> WebPage:
    """Return a page that `http.server` served on the ship to `urllib`, in another process.

    Raises ServerError where it did not.
    """
    page = render("ahoy.html", planks=", ".join(own.yours()) or "none")
    return WebPage(fresh(_served, own.ship.planks, page, deadline=deadline))


def _served(planks: dict[str, type], page: str) -> str:
    from urllib.request import ProxyHandler, build_opener

    web: Any = on_board(assemble(**planks), "http.server")[0]

    class Pages(web.SimpleHTTPRequestHandler):  # type: ignore[misc]
        timeout = 5

        def log_message(self, *args: Any) -> None:
            pass

    with TemporaryDirectory() as folder:
        Path(folder, "index.html").write_text(page, encoding="utf-8")
        handler = partial(Pages, directory=folder)
        with running(web.ThreadingHTTPServer(("127.0.0.1", 0), handler)) as server:
            host, port = server.server_address[:2]
            opener = build_opener(ProxyHandler({}))
            with opener.open(f"http://{host}:{port}/", timeout=5) as answer:
                text: str = answer.read().decode()
    return text


class Certificate(str):
    """A page in Markdown, shown as such in a notebook."""

    def _repr_markdown_(self) -> str:
        return str(self)


def certificate(own: OwnShip, behaviours: Conformance, trials: Trials, page: str) -> Certificate:
    """Write the facts to certificate.md in the working directory, and return them."""
    yours = ", ".join(own.yours()) or "none"
    loan = [name for _, name, whose in own.ship.rows() if whose == "on loan"]
    suites = "; ".join(
        f"{outcome.suite}: {outcome.verdict} ({outcome.tests} tests)" for outcome in trials.outcomes
    )
    facts = {
        "date": date.today().isoformat(),
        "Python": f"{platform.python_implementation()} {platform.python_version()}, {sys.platform}",
        "planks of your own": yours,
        "planks on loan": ", ".join(loan) or "none",
        "conformance": behaviours.figures,
        "CPython's suites": suites or "not shipped with this Python",
        "http.server": "served its page on this ship" if page else "did not serve its page",
    }
    lines = [f"| {name} | {fact} |" for name, fact in facts.items()]
    text = "\n".join(["# A socketserver\n", "| | |\n|---|---|", *lines, ""])
    write(Path(CERTIFICATE), text.encode())
    return Certificate(text)
