"""What happens where the answer lives, while a check runs: nothing is heard, nothing stays."""

import functools
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from traceback import walk_stack
from typing import Any
from weakref import WeakSet

from ..notebook.running import in_thread
from ..notebook.threads import computing, end_busy, end_thread
from ..notebook.tracebacks import describe

MOMENT = 0.1
"""Seconds that something which should have ended is still given."""
MOST_THREADS = 1000
"""Threads that an answer may start in one check. More than any needs, fewer than a kernel bears."""

_REAL = {
    (owner, name): getattr(owner, name)
    for owner in (socket, socket.socket)
    for name in dir(owner)
    if callable(getattr(owner, name)) and not name.startswith("__")
}
"""What the socket module was before any answer: a check over a patched one proves nothing."""


class Records:
    """What happens where the answer lives, while a check runs: sockets, prints, errors."""

    def __init__(self) -> None:
        self.before = set(threading.enumerate()) - {threading.current_thread()}
        self.known = self.before
        self.sockets: list[socket.socket] = []
        self.bound: list[tuple[socket.socket, Any]] = []
        self.clients: list[Any] = []
        self.printed: list[str] = []
        self.errors: list[BaseException] = []
        self._open = ExitStack()
        self._started = 0
        self._is_over = False
        self._opened_by = threading.current_thread()

    def open(self) -> None:
        """Begin to record, and keep prints and reports off the cell.

        nbgrader gives no points to a cell with anything on stderr.
        """
        _hear_sockets()
        _open.append(self)
        old_hook, threading.excepthook = threading.excepthook, self._note_end_of_thread
        self._open.callback(setattr, threading, "excepthook", old_hook)
        for name in ("stdout", "stderr"):
            self._open.enter_context(self._unheard(name))
        self._replace(threading.Thread, "start", self._counted(threading.Thread.start))
        # A look-up may take half a minute where nothing answers it; that's not the answer's time.
        self._replace(socket, "getfqdn", _own_name)

    def close(self) -> tuple[str, ...]:
        """End what is left over; return the names in the socket module that were replaced."""
        with self._open:
            self._clean_up()
        _open.remove(self)
        return tuple(
            f"{owner.__name__}.{name}"
            for (owner, name), original in _REAL.items()
            if getattr(owner, name, None) is not original
        )

    def note_client(self, address: Any) -> None:
        """Keep the address of a client of the check's."""
        self.clients.append(address)

    def note_event(self, event: str, args: tuple[Any, ...]) -> None:
        """Keep a socket event of this check's own threads."""
        if threading.current_thread() in self.before:
            return
        if event == "socket.__new__":
            self.sockets.append(args[0])
        elif event == "socket.bind":
            self.bound.append((args[0], args[1]))

    def note_error(self, error: BaseException | None) -> None:
        """Keep an exception that a server or a thread would have reported on stderr."""
        if error is not None and threading.current_thread() not in self.before:
            self.errors.append(error)  # not that of a thread which an earlier check had to end

    def handle_error(self, *request: Any) -> None:
        """Take the place of a server's `handle_error`."""
        self.note_error(sys.exc_info()[1])

    def has_port(self, port: int) -> bool:
        """Tell whether one of this check's sockets is bound to `port`."""
        names: list[Any] = []
        for sock in self.sockets:
            with suppress(OSError):
                names.append(sock.getsockname())
        return port in [name[1] for name in names if isinstance(name, tuple)]

    def trouble(self) -> str:
        """Return the first exception in words, or nothing: later ones may follow from it."""
        return describe(self.errors[0]) if self.errors else ""

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Return `function(*args)`, and know the threads that were there before."""
        self.known = set(threading.enumerate()) - {threading.current_thread()}
        return function(*args)

    def _note_end_of_thread(self, args: Any) -> None:
        if args.thread not in self.before:
            self.note_error(args.exc_value)

    def _replace(self, owner: Any, name: str, value: Any) -> None:
        self._open.callback(setattr, owner, name, getattr(owner, name))
        setattr(owner, name, value)

    @contextmanager
    def _unheard(self, name: str) -> Iterator[None]:
        # Not contextlib.redirect_stderr: a logging handler holds on to the stream itself.
        def write(text: str) -> int:
            self.printed.append(text)
            return len(text)

        stream = getattr(sys, name)
        before = getattr(stream, "write", None)
        try:
            stream.write = write
        except (AttributeError, TypeError):  # it has no room for another, or there is no stream
            self._replace(sys, name, _Stream(stream, write))
            yield
            return
        try:
            yield
        finally:
            with suppress(AttributeError):  # gone already: both names may lead to one stream
                del stream.write
            if stream.write != before:
                stream.write = before

    def _counted(self, real_start: Callable[[threading.Thread], None]) -> Callable[..., None]:
        """Return a `Thread.start` for an answer that might start threads forever.

        RuntimeError, as where the operating system has no more of them.
        """

        @functools.wraps(real_start)
        def start(thread: threading.Thread) -> None:
            if threading.current_thread() not in {*self.before, self._opened_by}:
                self._started += 1
                if self._started > MOST_THREADS:
                    raise RuntimeError(f"can't start new thread: {MOST_THREADS} were started")
                if self._is_over:
                    raise RuntimeError("can't start new thread: the check is over")
            real_start(thread)

        return start

    def _left(self) -> set[threading.Thread]:
        return set(threading.enumerate()) - self.before - {threading.current_thread()}

    def _clean_up(self) -> None:
        for sock in self.sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # wakes a thread blocked in accept or recv
            with suppress(OSError):
                sock.close()
        self._end_threads()

    def _end_threads(self) -> None:
        """End the threads that the answer has left, which would slow or disturb all that follows.

        What can't be ended is kept in mind: no check is fair beside it.
        """
        self._is_over = True
        end = time.monotonic() + MOMENT
        for thread in self._left():
            with suppress(RuntimeError):  # it's about to start
                thread.join(max(0, end - time.monotonic()))
        if left := self._left():
            end_thread(*left)
            end = time.monotonic() + MOMENT
            while self._left() and time.monotonic() < end:
                time.sleep(MOMENT / 20)
        if self._left() and end_busy(self.before):
            _endless.update(computing(self._left()))


_endless: WeakSet[threading.Thread] = WeakSet()
"""Threads of answers that compute forever, and that nothing has ended."""


class _Stream:
    """A stream that cannot be written to otherwise, with another `write`."""

    def __init__(self, stream: Any, write: Callable[[str], int]) -> None:
        self._stream, self.write = stream, write

    def flush(self) -> None:
        """Do nothing: what is written is kept at once."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _own_name(name: str = "") -> str:
    """Return what `socket.getfqdn` returns where nobody knows a longer name."""
    return name.strip() or socket.gethostname()


_open: list[Records] = []
"""Those that record now, the last one the check's own."""


@functools.cache
def _hear_sockets() -> None:
    # An audit hook sees real sockets without putting anything in their place. It stays for good.
    sys.addaudithook(_audit)


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if _open and event in ("socket.__new__", "socket.bind"):
        _open[-1].note_event(event, args)


def stop_recording() -> None:
    """Keep no more sockets, in a fork whose program is to close its own."""
    _open.clear()


def opened() -> Records:
    """Return records that have begun."""
    records = Records()
    records.open()
    return records


def is_disturbed() -> bool:
    """Tell whether a thread of an answer computes here that nothing has ended."""
    return any(thread.is_alive() for thread in _endless)


def serve_forever(server: Any) -> None:
    """Serve until `shutdown`."""
    server.serve_forever()


def entrusted(server: Any, records: Records) -> tuple[Any, ...]:
    """Note what the server reports; return its address, whether it is its own, its methods."""
    told: Any = getattr(server, "server_address", None)
    has_port = isinstance(told, tuple) and len(told) > 1 and told[1]
    if hasattr(server, "handle_error"):  # a hand-made one has none, and maybe no room for it
        server.handle_error = records.handle_error
    is_own = not has_port or records.has_port(told[1])
    return told, is_own, server.shutdown, server.server_close


class _Foreground(threading.Thread):
    """A daemon that is none in the eyes of the threads it starts, which inherit the flag."""

    at_work = False

    def run(self) -> None:
        self.at_work = True
        super().run()
        self.at_work = False

    @property
    def daemon(self) -> bool:  # type: ignore[override]
        return not self.at_work


def in_foreground(call: Callable[[], Any]) -> Any:
    """Return `call()`, made where a thread is a daemon only if the learner's code says so."""
    return in_thread(_Foreground, call).result()


def joined(threads: dict[Any, threading.Thread]) -> Any:
    """Return the key of one of these threads that a join() waits for now, or None."""
    waits = [
        frame.f_locals.get("self")
        for top in sys._current_frames().values()
        for frame, _ in walk_stack(top)
        if frame.f_code.co_name == "join"
    ]
    return next((key for key, thread in threads.items() if thread in waits), None)
