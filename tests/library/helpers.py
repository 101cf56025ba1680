"""What the tests of the library share."""

import os
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


def is_running(pid):
    """Tell whether a process of this number runs; a zombie, which only waits for its parent,
    does not."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # no /proc here, or gone in between
        return not os.path.isdir("/proc/self")


def is_known(pid):
    """Tell whether the system has an entry for this process: it runs, or it is a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
