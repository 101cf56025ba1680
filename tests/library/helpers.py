"""What the tests of the library share."""

import sys
import threading

from ..conformance.helpers import DEADLINE, read_all


class Gate:
    """A handler that says it has begun, waits until the gate is open, then answers `done`."""

    def __init__(self):
        self.threads = []
        self.opened = threading.Event()

    def __call__(self, request, client_address, server):
        self.threads.append(threading.current_thread())
        self.opened.wait(DEADLINE)
        request.sendall(b"done")


def ask(client, message=b"hello\n"):
    """Send the message, and return what comes back until the server ends the stream."""
    client.sendall(message)
    return read_all(client)


def noted_errors(server):
    """Let `handle_error` note exceptions in the list that is returned, and print nothing."""
    errors = []
    server.handle_error = lambda *_: errors.append(sys.exc_info()[1])
    return errors
