"""ThreadPoolMixIn: a fixed number of threads, and clients that wait their turn."""

import sys
import threading
from queue import SimpleQueue
from typing import Any

from ..threading_mixin import ThreadingMixIn
from .open_requests import OpenRequestsMixIn


class ThreadPoolMixIn(OpenRequestsMixIn, ThreadingMixIn):
    """Put before a server class among the bases, at most `pool_size` threads serve at once.

    `queue_size` more requests may be taken and wait for a thread; beyond that the server takes
    none, and clients wait in the listener's backlog. `open_requests` shows both. Threads are
    started when they are first needed; `daemon_threads` and `block_on_close` are as in
    ThreadingMixIn.
    """

    pool_size = 8
    queue_size = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._pool: list[threading.Thread] = []
        self._queue: SimpleQueue[tuple[Any, Any] | None] = SimpleQueue()
        super().__init__(*args, **kwargs)

    def has_capacity(self) -> bool:
        """Take no request while every thread and every place in the queue is in use."""
        return len(self.open_requests) < self.pool_size + self.queue_size

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the request to the pool. RuntimeError if it has no thread and can start none."""
        if len(self._pool) < min(len(self.open_requests), self.pool_size):
            try:
                self._start_thread()
            except RuntimeError:
                if not self._pool:
                    raise
        self._queue.put((request, client_address))

    def close_request(self, request: Any) -> None:
        """Close the request, and let the loop know when that made room."""
        was_full = not self.has_capacity()
        super().close_request(request)
        if was_full:
            self._wake()  # type: ignore[attr-defined]

    def server_close(self) -> None:
        """Close the server; what was taken is served before the threads end."""
        for _ in self._pool:
            self._queue.put(None)
        super().server_close()

    def _start_thread(self) -> None:
        worker = threading.Thread(target=self._serve_queue, daemon=self.daemon_threads)
        worker.start()
        self._pool.append(worker)
        if self.block_on_close and not worker.daemon:
            self._threads = self._pool

    def _serve_queue(self) -> None:
        while (job := self._queue.get()) is not None:
            try:
                self.process_request_thread(*job)
            except BaseException:  # would end a thread of its own; here the next request waits
                failure = *sys.exc_info(), threading.current_thread()
                threading.excepthook(threading.ExceptHookArgs(failure))
