"""ThreadPoolMixIn: a fixed number of threads, and clients that wait their turn."""

import sys
import threading
from queue import SimpleQueue
from typing import Any, Self

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

    __pool: list[threading.Thread]
    __queue: SimpleQueue[tuple[Any, Any] | None]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make the list of threads and the queue; see OpenRequestsMixIn for why here."""
        server = super().__new__(cls)
        vars(server).update(_ThreadPoolMixIn__pool=[], _ThreadPoolMixIn__queue=SimpleQueue())
        return server

    def _handle_request_noblock(self) -> None:
        """Take the request that waits, if a thread or a place in the queue is free within 10 ms.

        If not, it waits in the backlog, and the loop comes back.
        """
        if self.wait_until_closed(0.01, left=self.pool_size + self.queue_size - 1):
            super()._handle_request_noblock()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the request to the pool. RuntimeError if it has no thread and can start none."""
        if len(self.__pool) < min(len(self.open_requests), self.pool_size):
            try:
                self.__start_thread()
            except RuntimeError:
                if not self.__pool:
                    raise
        self.__queue.put((request, client_address))

    def server_close(self) -> None:
        """Close the server; what was taken is served before the threads end."""
        for _ in self.__pool:
            self.__queue.put(None)
        super().server_close()

    def __start_thread(self) -> None:
        worker = threading.Thread(target=self.__serve_queue, daemon=self.daemon_threads)
        worker.start()
        self.__pool.append(worker)
        if self.block_on_close and not worker.daemon:
            vars(self)["_threads"] = self.__pool

    def __serve_queue(self) -> None:
        while (job := self.__queue.get()) is not None:
            try:
                self.process_request_thread(*job)
            except BaseException:  # would end a thread of its own; here the next request waits
                failure = *sys.exc_info(), threading.current_thread()
                threading.excepthook(threading.ExceptHookArgs(failure))
            finally:
                # Its place is free, even if a subclass keeps the connection open.
                self.forget_closed(job[0])
