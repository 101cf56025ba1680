"""DrainMixIn: a clean end, with a deadline."""

import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from threading import Thread
from typing import Any

from ..base_server import BaseServer
from .open_requests import OpenRequestsMixIn

_LAST_WORDS = 1.0
"""Seconds for a handler to notice that its connection was cut off."""


class DrainMixIn(OpenRequestsMixIn):
    """Adds `drain` to a server that runs its handlers in threads, or one at a time.

    It does not see the handlers of other processes. PreForkMixIn has a deadline of its own, and
    ForkingMixIn waits for its children without one.
    """

    socket: Any
    _threads: Iterable[Thread]

    def drain(self, timeout: float) -> list[Any]:
        """Take no more requests, let those at work finish within `timeout` seconds, and close.

        Returns the client addresses of the requests that were not finished by then. Their
        connections are shut down, which ends a handler that reads or writes. A handler that
        does neither runs on in its thread, and `drain` does not wait for it. The program's end
        does, unless the thread is a daemon.

        Call it from a thread that serves nothing, as `shutdown`.
        """
        deadline = time.monotonic() + timeout
        # shutdown() would wait without an end for a handler that runs in the loop's own thread.
        BaseServer.stop_serving(self)
        self._BaseServer__is_shut_down.wait(timeout)  # type: ignore[attr-defined]
        self.socket.close()
        self.wait_until_closed(max(0.0, deadline - time.monotonic()))
        cut = list(self.open_requests.values())
        for request, _ in cut:
            if isinstance(request, socket.socket):
                with suppress(OSError):  # the client may have gone first
                    # Not TLS's own shutdown: a handler that writes on would do so in the clear.
                    socket.socket.shutdown(request, socket.SHUT_RDWR)
        if not self.wait_until_closed(_LAST_WORDS):
            vars(self)["_threads"] = ()
        self.server_close()
        return [client_address for _, client_address in cut]
