"""The learner's own `socketserver`: put together from the answers of the build exercises."""

import ast
import platform
import socket
import socketserver
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from importlib import import_module
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from ..cells import Shell, parse
from ..checks.core import Exercise
from ..checks.ownership import first_borrowed
from ..exercises import all_exercises
from ..files import short_tempdir, write
from ..markup import render
from ..notebook.fresh_python import fresh
from ..notebook.running import ServerError, running, within
from ..project import NotebookError, cell_id
from ..project import cells as cells_in
from ..ship.conformance import Conformance
from ..ship.planks import PLANKS, Ship, assemble
from ..ship.suites import Trials, on_board
from .course import exercise_notebook

PATIENCE = 3.0
"""Seconds for an answer cell to run, and for a plank to serve its first client."""

LAUNCH = 120.0
"""Seconds for all of them, if each has to be waited for."""

CERTIFICATE = "certificate.md"


@dataclass
class Answer:
    """The text of a build exercise's answer; `cells` are run one after the other.

    `own` has the methods to be written, as `Exercise.own`.
    """

    exercise: str
    names: tuple[str, ...]
    own: Mapping[str, tuple[str, ...]]
    cells: list[str] = field(default_factory=list)
    trouble: str = ""


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


def own_ship(folder: Path | None = None) -> OwnShip:
    """Assemble the ship from the exercises in `folder`, by default the folder above this one.

    The cells run in another process, with a deadline. A plank that is missing, blank or broken
    is on loan, and its note says why.
    """
    folder = folder or Path.cwd().parent
    answers = [
        read_answer(folder, exercise)
        for exercise in all_exercises()
        if exercise.kind == "build" and set(exercise.names) & set(PLANKS)
    ]
    try:
        planks, notes = fresh(launch, answers, deadline=LAUNCH)
    except ServerError:  # one of them takes the others along: find out which
        for answer in [one for one in answers if not one.trouble]:
            try:
                fresh(launch, [answer], deadline=LAUNCH / 2)
            except ServerError as trouble:
                answer.trouble = f"it failed in a program of its own: {trouble}"
        planks, notes = fresh(launch, answers, deadline=LAUNCH)
    return OwnShip(assemble(**planks), notes)


def read_answer(folder: Path, exercise: Exercise) -> Answer:
    """Return the answer to `exercise` in the learner's notebook.

    That is the setup cell and the answer cell; of the learner's other cells before the first task
    and around the answer, what they import and define.
    """
    answer = Answer(exercise.id, exercise.names, exercise.own)
    number, task = exercise.id[:2], f"task-{exercise.id.replace('.', '-')}"
    path = exercise_notebook(folder, number)
    if path is None:
        answer.trouble = f"there is no notebook {number}_….ipynb"
        return answer
    try:
        cells = cells_in(path.read_bytes())
    except (OSError, NotebookError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        answer.trouble = f"{path.name} cannot be read: {reason}"
        return answer
    section = ""
    mine = task.replace("task", "answer")
    is_marked = any(cell_id(cell) == mine for cell in cells)  # older front ends drop the ids
    for cell in cells:
        name, text = cell_id(cell), cell["source"]
        section = name if name.startswith("task-") else section
        if cell.get("cell_type") != "code" or name.startswith("check-"):
            continue
        if name in ("setup", mine) or (not is_marked and _defines(text, exercise.names)):
            answer.cells.append(text)
        elif section in ("", task):
            answer.cells.append(definitions(text))
    return answer


def definitions(text: str) -> str:
    """Return what a cell imports and defines, plain values too; nothing, where it is not Python."""
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return "\n".join(
        ast.unparse(node)
        for node in _parsed(text).body
        if isinstance(node, kinds) or (isinstance(node, ast.Assign) and _is_plain(node.value))
    )


def _defines(text: str, names: tuple[str, ...]) -> bool:
    return any(isinstance(one, ast.ClassDef) and one.name in names for one in _parsed(text).body)


def _is_plain(value: ast.AST) -> bool:
    """Tell whether a value comes without a call, which could do anything."""
    return not any(isinstance(one, ast.Call | ast.Await) for one in ast.walk(value))


def _parsed(text: str) -> ast.Module:
    try:
        return parse(text)
    except (SyntaxError, ValueError, RuntimeError, MemoryError):
        return ast.Module([], [])


def launch(answers: list[Answer]) -> tuple[dict[str, type], dict[str, str]]:
    """Run the answers, try each plank with a client; return the planks and notes about them.

    For a process of its own. Each answer finds the planks before it where its notebook imports
    from `minisocketserver`. What does not sail on the learner's planks stands on others on loan.
    """
    planks: dict[str, type] = {}
    notes = {name: "no exercise builds it" for name in PLANKS}
    waiting = {name: answer for answer in answers for name in answer.names}
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        for name in [name for name in PLANKS if hasattr(socketserver, name)]:
            if name in waiting:
                answer = waiting[name]
                mine = [one for one in answer.names if waiting.pop(one, None) and one in PLANKS]
                classes, trouble = _launched(answer, mine, planks)
                planks |= classes
                notes |= dict.fromkeys(mine, f"{answer.exercise}: {trouble}" if trouble else "")
            if name not in planks:
                planks[name], trouble = _loan(name, planks)
                notes[name] += trouble
    return planks, notes


ELSEWHERE = "stands on classes on loan; on yours, {}"


def _launched(
    answer: Answer, names: list[str], planks: dict[str, type]
) -> tuple[dict[str, type], str]:
    """Return the answer's classes, standing on the planks so far if they sail there."""
    classes, trouble = _seaworthy(answer, names, planks)
    if not classes and any(_stands_on_yours(name, planks) for name in names):
        classes, again = _seaworthy(answer, names, _originals())
        return classes, again or ELSEWHERE.format(trouble)
    return classes, trouble


def _loan(name: str, planks: dict[str, type]) -> tuple[type, str]:
    """Return the standard library's class, standing on the planks so far if it sails there."""
    original: type = getattr(socketserver, name)
    if not _stands_on_yours(name, planks):
        return original, ""
    ship = assemble(**planks)
    trouble = _trial(ship, name)
    return (original, f"; {ELSEWHERE.format(trouble)}") if trouble else (getattr(ship, name), "")


def _originals() -> dict[str, type]:
    return {name: getattr(socketserver, name) for name in PLANKS if hasattr(socketserver, name)}


def _stands_on_yours(name: str, planks: dict[str, type]) -> bool:
    bases = {base.__name__ for base in getattr(socketserver, name).__mro__[1:-1]}
    return any(planks[base] is not getattr(socketserver, base) for base in bases & set(planks))


def _seaworthy(
    answer: Answer, names: list[str], planks: dict[str, type]
) -> tuple[dict[str, type], str]:
    """Return the answer's classes, or none and why they cannot sail."""
    try:
        classes = _run(answer, names, planks)
    except NotImplementedError:
        return {}, "still blank"
    except SyntaxError as error:
        return {}, f"SyntaxError in its cell: {error.msg}, line {error.lineno}"
    except BaseException as error:
        return {}, _described(error)
    for name in names:
        trouble = _trial(assemble(**planks | classes), name)
        if trouble:
            return {}, trouble
    return classes, ""


def _run(answer: Answer, names: list[str], planks: dict[str, type]) -> dict[str, type]:
    if answer.trouble:
        raise MissingClassError(answer.trouble)
    module = ModuleType(f"answer_{answer.exercise.replace('.', '_')}")
    shell, namespace = Shell(module), vars(module)
    del sys.modules[module.__name__]  # what can be imported is not taken along to the kernel
    for text in answer.cells:
        with _in_place_of_the_library(planks):
            what = "its cell to run to its end"
            error = within(PATIENCE, partial(shell.run, module.__name__, text), what)
        if error is not None:
            raise error
    for name in names:
        if not isinstance(namespace.get(name), type):
            raise MissingClassError(f"there is no class {name}")
        blank = _blank_methods(answer.cells, name)
        if blank:
            raise MissingClassError(f"still blank: {', '.join(blank)}")
    classes = {name: namespace[name] for name in names}
    name, whose = first_borrowed(classes, answer.own)
    if name:
        raise MissingClassError(f"{name} is {whose}: write your own, and it is yours")
    return classes


class MissingClassError(Exception):
    """A reason, in words for the learner."""


def _described(error: BaseException) -> str:
    if isinstance(error, MissingClassError):
        return str(error)
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def _blank_methods(cells: list[str], name: str) -> list[str]:
    """Return the methods of the class, as defined last, that still have the stub's `raise`."""
    classes = [
        node
        for text in cells
        for node in _parsed(text).body
        if isinstance(node, ast.ClassDef) and node.name == name
    ]
    return (
        [
            method.name
            for method in classes[-1].body
            if isinstance(method, ast.FunctionDef)
            and any(
                isinstance(line, ast.Raise) and "NotImplementedError" in ast.unparse(line)
                for line in method.body
            )
        ]
        if classes
        else []
    )


class _in_place_of_the_library:
    """Let `minisocketserver` be the library with these planks."""

    def __init__(self, planks: dict[str, type]) -> None:
        self.stand_in = ModuleType("minisocketserver")
        self.library = import_module("minisocketserver")
        vars(self.stand_in).update(vars(self.library) | planks)

    def __enter__(self) -> None:
        sys.modules["minisocketserver"] = self.stand_in

    def __exit__(self, *_: object) -> None:
        sys.modules["minisocketserver"] = self.library


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
                raise MissingClassError(f"the client got {answer!r} for its answer")
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
