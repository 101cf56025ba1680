"""The threaded-client example: the four lines that every chapter must print."""

import socket
import threading
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from ..notebook.recorder import RelativeNames
from ..notebook.running import DEADLINE, running

EXPECTED = files(__package__).joinpath("threaded_client.expected.txt").read_text("utf-8")
"""The four lines, with the line ends."""

MESSAGES = ("Hello World 1", "Hello World 2", "Hello World 3")


def threaded_server(parts: Any) -> Any:
    """Return the example's server on a free port, made of `parts` (a module or a Ship)."""

    class ThreadedRequestHandler(parts.BaseRequestHandler):  # type: ignore[misc]
        def handle(self) -> None:
            data = self.request.recv(1024).decode()
            self.request.sendall(f"{threading.current_thread().name}: {data}".encode())

    class ThreadedServer(parts.ThreadingMixIn, parts.TCPServer):  # type: ignore[misc]
        pass

    return ThreadedServer(("127.0.0.1", 0), ThreadedRequestHandler)


def tcp_client(address: Any, message: str) -> str:
    """Send `message` over a connection of its own and return the answer, up to 1024 bytes."""
    with socket.create_connection(address, timeout=DEADLINE) as sock:
        sock.sendall(message.encode())
        return sock.recv(1024).decode()


def run_example(server: Any, client: Callable[[Any, str], str]) -> str:
    """Serve `server` in a thread, call it three times, and return the lines that say who answered.

    TypeError for a server class in place of a server.
    """
    if isinstance(server, type):
        raise TypeError(
            f"threaded_client wants a server, and {server.__name__} is a class: make a server of "
            f'it first, with {server.__name__}(("127.0.0.1", 0), Handler).'
        )
    run = running(server)
    with run:
        answers = [client(server.server_address, message) for message in MESSAGES]
    rename = RelativeNames(run.thread.name)
    said = f"Server loop running in thread: {rename(run.thread.name)}\n"
    for answer in answers:
        worker, colon, data = answer.partition(": ")
        told = f"{rename(worker)}: {data}" if colon else f"no worker's name in {answer!r}"
        said += f"Received: {told}\n"
    return said
