"""PreForkMixIn: several processes that share one listener."""

import os
import signal
import sys
import threading
import time
import traceback
from typing import Any, Self

from ..base_server import BaseServer
from ..forking_mixin import ForkingMixIn
from ..mixin_base import MixInBase


def _processors() -> int:
    """Return how many processors this process may use, which can be fewer than there are."""
    if sys.version_info >= (3, 13):
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class PreForkMixIn(MixInBase):
    """Put before a stream server class, `processes` copies of it serve side by side.

    They are forked when `serve_forever` starts. The parent serves nothing: it replaces a worker
    that ends, and ends all of them at `shutdown`. Each then finishes the request at hand, and
    is killed if that takes longer than `graceful_timeout` seconds; no DrainMixIn is needed.
    Workers end in the same way when the parent dies. SIGTERM ends a worker at once. What one
    worker changes, the others do not see. `active_children` holds the workers' process ids.

    A worker keeps open whatever is open when it is forked. So let the main thread serve, or start
    no other process in the meantime: subprocess.Popen may wait for ever for a pipe to be closed.
    """

    processes = _processors()
    graceful_timeout = 10.0

    collect_children: Any = ForkingMixIn.collect_children

    socket: Any
    active_children: set[int]
    __lifeline: tuple[int, int]
    __stop: threading.Event
    __stopped: threading.Event

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make what the parent keeps; see OpenRequestsMixIn for why here."""
        server = super().__new__(cls)
        stop, stopped = threading.Event(), threading.Event()
        stopped.set()
        events = {"_PreForkMixIn__stop": stop, "_PreForkMixIn__stopped": stopped}
        vars(server).update(events, active_children=set())
        return server

    def get_request(self) -> tuple[Any, Any]:
        """Accept a connection. BlockingIOError if another worker was quicker."""
        request, client_address = super().get_request()
        request.settimeout(request.gettimeout())  # some systems hand the listener's mode on
        return request, client_address

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Keep `processes` workers serving until `shutdown` is called, from another thread.

        Every `poll_interval` seconds the workers that ended are replaced.
        """
        self.__stopped.clear()
        self.socket.setblocking(False)
        # The parent alone keeps its writing end open; that it ends is the workers' sign.
        vars(self)["_PreForkMixIn__lifeline"] = os.pipe()
        try:
            while not self.__stop.is_set():
                self.__start_workers()
                self.__stop.wait(poll_interval)
        finally:
            os.close(self.__lifeline[1])
            self.__end_workers()
            os.close(self.__lifeline[0])
            self.__stop.clear()
            self.__stopped.set()

    def shutdown(self) -> None:
        """Stop the workers and wait until they have ended. For the parent only."""
        self.__stop.set()
        self.__stopped.wait()

    def __start_workers(self) -> None:
        self.collect_children()
        try:
            while len(self.active_children) < self.processes:
                self.__start_worker()
        except OSError:  # no more processes for now: those that run go on
            traceback.print_exc()

    def __start_worker(self) -> None:
        # Ctrl-C reaches a worker as soon as it exists, and must not before it takes no notice.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            pid = os.fork()
            if pid == 0:
                self.__run_worker(mask)
            self.active_children.add(pid)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def __end_workers(self) -> None:
        deadline = time.monotonic() + self.graceful_timeout
        while self.active_children and time.monotonic() < deadline:
            time.sleep(0.005)
            self.collect_children()
        for pid in self.active_children:
            os.kill(pid, signal.SIGKILL)
        self.collect_children(blocking=True)

    def __run_worker(self, mask: set[int]) -> None:
        """Run the usual loop until the lifeline ends, and leave by `os._exit`."""
        status = 1
        try:
            os.close(self.__lifeline[1])
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent decides
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            threading.Thread(target=self.__stop_in_time, daemon=True).start()
            super().serve_forever()
            self.server_close()
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(status)

    def __stop_in_time(self) -> None:
        # A signal would not do: one that comes just before a wait does not end it.
        os.read(self.__lifeline[0], 1)
        BaseServer.stop_serving(self)
        time.sleep(self.graceful_timeout)
        os._exit(1)
