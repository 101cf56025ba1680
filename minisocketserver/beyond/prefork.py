"""PreForkMixIn: several processes that share one listener."""

import os
import signal
import sys
import threading
import time
import traceback
from typing import Any

from ..forking_mixin import ForkingMixIn


def _processors() -> int:
    """Return how many processors this process may use, which can be fewer than there are."""
    if sys.version_info >= (3, 13):
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class PreForkMixIn:
    """Put before a stream server class, `processes` copies of it serve side by side.

    They are forked when `serve_forever` starts. The parent serves nothing: it replaces a worker
    that ends, and ends all of them at `shutdown`. Each then finishes the request at hand, and
    is killed if that takes longer than `patience` seconds; no DrainMixIn is needed. Workers end
    in the same way when the parent dies. SIGTERM ends a worker at once. What one worker changes,
    the others do not see. `active_children` holds the workers' process ids.

    A worker keeps open whatever is open when it is forked. So let the main thread serve, or start
    no other process in the meantime: subprocess.Popen may wait for ever for a pipe to be closed.
    """

    processes = _processors()
    patience = 10.0

    collect_children: Any = ForkingMixIn.collect_children

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.active_children: set[int] = set()
        self._stop = threading.Event()
        self._stopped = threading.Event()
        self._stopped.set()
        super().__init__(*args, **kwargs)

    def get_request(self) -> tuple[Any, Any]:
        """Accept a connection. BlockingIOError if another worker was quicker."""
        request, client_address = super().get_request()  # type: ignore[misc]
        request.settimeout(request.gettimeout())  # some systems hand the listener's mode on
        return request, client_address

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Keep `processes` workers serving until `shutdown` is called, from another thread.

        Every `poll_interval` seconds the workers that ended are replaced.
        """
        self._stopped.clear()
        self.socket.setblocking(False)  # type: ignore[attr-defined]
        self._lifeline = os.pipe()  # the parent alone keeps it open; its end is the workers' sign
        try:
            while not self._stop.is_set():
                self._start_workers()
                self._stop.wait(poll_interval)
        finally:
            os.close(self._lifeline[1])
            self._end_workers()
            os.close(self._lifeline[0])
            self._stop.clear()
            self._stopped.set()

    def shutdown(self) -> None:
        """Stop the workers and wait until they have ended. For the parent only."""
        self._stop.set()
        self._stopped.wait()

    def _start_workers(self) -> None:
        self.collect_children()
        try:
            while len(self.active_children) < self.processes:
                pid = os.fork()
                if pid == 0:
                    self._run_worker()
                self.active_children.add(pid)
        except OSError:  # no more processes for now: those that run go on
            traceback.print_exc()

    def _end_workers(self) -> None:
        deadline = time.monotonic() + self.patience
        while self.active_children and time.monotonic() < deadline:
            time.sleep(0.005)
            self.collect_children()
        for pid in self.active_children:
            os.kill(pid, signal.SIGKILL)
        self.collect_children(blocking=True)

    def _run_worker(self) -> None:
        """Run the usual loop until the lifeline ends, and leave by `os._exit`."""
        status = 1
        try:
            os.close(self._lifeline[1])
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent decides
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            threading.Thread(target=self._stop_in_time, daemon=True).start()
            super().serve_forever()  # type: ignore[misc]
            self.server_close()  # type: ignore[attr-defined]
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(status)

    def _stop_in_time(self) -> None:
        # A signal would not do: one that comes just before a wait does not end it.
        os.read(self._lifeline[0], 1)
        self._BaseServer__shutdown_request = True
        time.sleep(self.patience)
        os._exit(1)
