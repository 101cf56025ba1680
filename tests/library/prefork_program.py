"""A program with a pre-forked server, for tests that end it from outside.

    python -m tests.library.prefork_program [--stuck] [--interrupted]

Prints its port and the process ids of its workers. A stuck handler never ends; interrupted
workers are met by Ctrl-C as soon as they exist.
"""

import os
import signal
import sys
import time

from minisocketserver import TCPServer
from minisocketserver.beyond import PreForkMixIn


class Server(PreForkMixIn, TCPServer):
    """Two workers that are not waited for very long."""

    processes = 2
    graceful_timeout = 1.0

    def _PreForkMixIn__start_workers(self):
        before = set(self.active_children)
        super()._PreForkMixIn__start_workers()
        if self.active_children != before:
            print(self.server_address[1], *self.active_children, flush=True)


def handle(request, *_):
    """Answer with what comes."""
    request.sendall(request.recv(9))
    while "--stuck" in sys.argv:
        time.sleep(60)


def interrupt():
    """Press Ctrl-C, for this process alone."""
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    if "--interrupted" in sys.argv:
        os.register_at_fork(after_in_child=interrupt)
    with Server(("127.0.0.1", 0), handle) as server:
        server.serve_forever(poll_interval=0.1)
