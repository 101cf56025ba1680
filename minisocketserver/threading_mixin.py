"""ThreadingMixIn: a thread for each request."""

import threading
from collections.abc import Iterable
from typing import Any
from weakref import WeakSet

from .mixin_base import MixInBase


class ThreadingMixIn(MixInBase):
    """Put before a server class among the bases, it handles each request in its own thread.

    `daemon_threads`: let the program end while handlers run. `block_on_close`: let
    `server_close` wait for the threads that are not daemons.
    """

    daemon_threads = False
    block_on_close = True
    _threads: Iterable[threading.Thread] = ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread that sees the request through. RuntimeError if none can be started."""
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address)
        )
        thread.daemon = self.daemon_threads
        thread.start()
        if self.block_on_close and not thread.daemon:
            # Nothing else holds a thread that has ended, so the set forgets it by itself.
            vars(self).setdefault("_threads", WeakSet()).add(thread)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """See the request through, in its thread, errors included."""
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)

    def server_close(self) -> None:
        """Close the server, then wait for the threads still at work."""
        super().server_close()
        for thread in list(self._threads):
            thread.join()
