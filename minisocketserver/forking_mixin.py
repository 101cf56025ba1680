"""ForkingMixIn: a process for each request, where the system can fork."""

import os
import time
from typing import Any

from .mixin_base import MixInBase


class ForkingMixIn(MixInBase):
    """Put before a server class among the bases, it handles each request in a child process.

    Needs `os.fork`. The child works on copies: what it changes, the server does not see.
    `max_children` children at once are the limit; more clients wait. `block_on_close`: let
    `server_close` wait for the children. `active_children` holds their process ids.
    """

    timeout: float | None = 300
    active_children: set[int] | None = None
    max_children = 40
    block_on_close = True

    def _handle_request_noblock(self) -> None:
        """Take the request that waits, unless `max_children` are at work: then it waits on."""
        if len(self.active_children or ()) < self.max_children:
            super()._handle_request_noblock()
        else:
            time.sleep(0.01)
            self.collect_children()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Fork; the child sees the request through and exits. OSError if it cannot fork."""
        pid = os.fork()
        if pid == 0:
            self._run_child(request, client_address)
        if self.active_children is None:
            self.active_children = set()
        self.active_children.add(pid)
        self.close_request(request)

    def _run_child(self, request: Any, client_address: Any) -> None:
        """Serve the request and leave by `os._exit`: the parent's loop is not ours to run."""
        status = 1
        try:
            self.finish_request(request, client_address)
            status = 0
        except Exception:
            self.handle_error(request, client_address)
        finally:
            try:
                self.shutdown_request(request)
            finally:
                os._exit(status)

    def collect_children(self, *, blocking: bool = False) -> None:
        """Let the system forget the children that have ended; `blocking` waits for all of them.

        Waits for its own children by number. waitpid(-1) would also take the exit status of a
        process that another part of the program started.
        """
        for pid in list(self.active_children or ()):
            try:
                ended, _ = os.waitpid(pid, 0 if blocking else os.WNOHANG)
            except ChildProcessError:  # somebody else has waited for it
                ended = pid
            if ended:
                self.active_children.discard(pid)  # type: ignore[union-attr]

    def handle_timeout(self) -> None:
        """Collect children while `handle_request` has nothing to do."""
        self.collect_children()

    def service_actions(self) -> None:
        """Collect children between requests."""
        self.collect_children()

    def server_close(self) -> None:
        """Close the server, then collect the children, waiting if `block_on_close` says so."""
        super().server_close()
        self.collect_children(blocking=self.block_on_close)
