"""Datagrams in a check: their clients, and what becomes of those that nobody reads."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .case import ANY_PORT, PATIENCE, Case


def postbox() -> socket.socket:
    """Return a socket for datagrams, with an address."""
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.bind(ANY_PORT)
    sock.settimeout(PATIENCE)
    return sock


@contextmanager
def sendto_in_words(case: Case) -> Iterator[None]:
    """Explain, in the block, the errors of a `sendto` that lacks an address or has them swapped."""
    with (
        case.in_words(
            "{}; a datagram needs an address, which sendto has room for",
            only="Destination address required",
        ),
        case.in_words(
            "{}; sendto wants the data first, then the address", only="required, not 'tuple'"
        ),
    ):
        yield


def ask(case: Case, client: socket.socket, message: bytes, address: Any) -> bytes:
    """Send `message` and return the datagram that comes back; none within PATIENCE fails."""
    client.sendto(message, address)
    try:
        return client.recv(65_535)
    except TimeoutError:
        stands = case.bench.whereabouts()
        case.fail(f"no answer to {message!r} within {PATIENCE:g} seconds{stands}")


def handle_waiting(server: Any) -> None:
    """Handle the requests that have come, until there is none for a tenth of a second."""
    waiting = [True]
    server.handle_timeout = waiting.clear
    server.timeout = 0.1
    while waiting:
        server.handle_request()


def when_nobody_reads(client: socket.socket, server: Any, arrived: list[Any]) -> str:
    """Send 5,000 datagrams while nobody reads, and let the server handle those that are there.

    Its handler notes each in `arrived`. Return A where all have come, B where the sender was made
    to wait, C where some were lost, D where the sender was told of it.
    """
    try:
        for _ in range(5000):
            client.sendto(bytes(1000), server.server_address)
    except TimeoutError:
        return "B"
    except OSError:
        return "D"
    handle_waiting(server)
    return "A" if len(arrived) == 5000 else "C"
