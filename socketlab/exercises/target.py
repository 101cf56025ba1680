"""Checks of chapter 00: a first handler, which says who answers."""

import itertools
import socket
import socketserver
import threading
from contextlib import suppress
from typing import Any

from ..checks.bench import Bench
from ..checks.case import ANY_PORT, PATIENCE, Case
from ..checks.clients import connect, read_to_end
from ..checks.core import load
from ..checks.slips import explain
from ..notebook.tracebacks import describe

EXERCISES = load(__file__)
chapter = EXERCISES["00"]


class Named(socketserver.ThreadingTCPServer):
    """The standard library's server; the threads that it starts are called worker-1, worker-2."""

    daemon_threads = True

    def __init__(self, handler: Any) -> None:
        super().__init__(ANY_PORT, handler)
        self.numbers = itertools.count(1)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        threading.current_thread().name = f"worker-{next(self.numbers)}"
        super().process_request_thread(request, client_address)


_SLIPS = {
    "raises NotImplementedError": "nothing for the client: the line with raise "
    "NotImplementedError() is still there, and ends handle; take it out",
    "takes 0 positional arguments": "{}; is it def handle(self)?",
    "name 'self' is not defined": "{}; is it def handle(self)?",
    "name 'request' is not defined": "{}; is it self.request?",
    "has no attribute 'recv'": "{}; recv is a method of self.request",
    "has no attribute 'sendall'": "{}; sendall is a method of self.request",
    "not 'str'": "{}; sendall wants bytes, and this is still text: what does encode() return?",
    "can only concatenate str": "{}; the message is still bytes: what does decode() return?",
    "has no attribute 'encode'": "{}; encode() belongs to text, and this is none",
}
"""What is said of an exception with these words in it; {} is the exception."""


@chapter.check("answer")
def says_who_answers(bench: Bench, Handler: Any) -> None:
    case = bench.case(
        called="Handler, on the standard library's server with threads, for a client in each of "
        "worker-1 and worker-2",
        expected="'worker-1: ahoy' for the client that sends ahoy, 'worker-2: Señor' for Señor",
        why="The client sees only what sendall sends: bytes, which say who answered, and then "
        "what was received.",
    )
    with case.serving_quickly(case.call(Named, Handler)) as server:
        for number, message in enumerate(("ahoy", "Señor"), 1):
            got = _answer(case, server, message)
            if bench.records.errors:
                _say_the_slip(case, bench.records.errors[0])
            _want_answer(case, got, f"worker-{number}", message)


def _answer(case: Case, server: Any, message: str) -> str:
    """Return all that a client receives who sends a message and has finished."""
    with connect(server.server_address) as client:
        try:
            client.sendall(message.encode())
            with suppress(OSError):  # the server may have hung up already
                client.shutdown(socket.SHUT_WR)
            return read_to_end(client).decode(errors="replace")
        except TimeoutError as error:
            stands = case.bench.whereabouts()
            case.fail(f"no end of the answer within {PATIENCE:g} seconds{stands}", error)
        except ConnectionError:  # the server has closed it with the message unread
            return ""


def _say_the_slip(case: Case, error: BaseException) -> None:
    told = describe(error)
    words = explain(told, _SLIPS, otherwise="{}")
    case.fail(words.replace("{}", told), error, alone=True)


def _want_answer(case: Case, got: str, name: str, message: str) -> None:
    printed = "".join(case.bench.records.printed).strip()
    case.want(
        got or not printed,
        f"nothing for the client, and {printed!r} printed: print writes into the notebook, and "
        "only sendall sends",
    )
    case.want(got, "nothing for the client: is the message received, and is sendall called?")
    case.want(
        got != message, f"{got!r}: that's the message alone, without the thread's name before it"
    )
    case.want(got.strip(": ") != name, f"{got!r}: that's the name alone, without the message")
    case.want("b'" not in got, f"{got!r}: the message in it is still bytes; is it decoded?")
    case.want(not got.startswith("<"), f"{got!r}: that's the whole thread; its name is in .name")
    case.want(
        not got.startswith(name) or got == f"{name}: {message}",
        f"{got!r}: it's the name, then a colon and a space, then the message and no more",
    )
    case.want(
        got.startswith(name),
        f"{got!r}, by the thread {name}: does handle ask for the name of the current thread?",
    )
    case.want(got == f"{name}: {message}", f"{got!r}")
