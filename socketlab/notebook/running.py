"""Run a server for the length of a `with` block, and leave nothing behind."""

import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from .explain import explain
from .threads import end_busy

DEADLINE = 5.0
"""Seconds the bench waits for anything before it says what it waited for."""
HURRY = 1.0
"""Seconds it waits for a server to stop whose clients have waited in vain already."""


class ServerError(Exception):
    """A server did not start, did not stop, or died while it served."""

    def _render_traceback_(self) -> list[str]:
        """Tell IPython what to show: a sentence, and what the server ended with."""
        cause = self.__cause__
        return [str(self), *(traceback.format_exception(cause) if cause else ())]


def within(seconds: float, call: Callable[[], Any], what: str) -> Any:
    """Return what `call()` returns, or raise ServerError naming `what` after `seconds`.

    The call goes on in a daemon thread when the time is up: Python cannot stop a thread.
    An exception that the call raises comes through.
    """
    outcome = in_thread(partial(threading.Thread, name="deadline"), call, seconds)
    if not outcome.done():
        raise overdue(seconds, what)
    return outcome.result()


def in_thread(
    kind: Callable[..., threading.Thread], call: Callable[[], Any], seconds: float | None = None
) -> Future[Any]:
    """Call `call()` in a daemon thread of this kind; return what came of it in so many seconds."""
    outcome: Future[Any] = Future()

    def attempt() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:
            outcome.set_exception(error)

    thread = kind(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds)
    return outcome


def overdue(seconds: float, what: str) -> ServerError:
    """Return the error that tells for what somebody has waited so many seconds."""
    return ServerError(f"Waited {seconds:g} seconds for {what}; it never came.")


Within = Callable[[float, Callable[[], Any], str], Any]
"""A function such as `within`."""


class running:
    """Serve in a daemon thread inside a `with` block, then stop, close and join.

        with running(TCPServer(("127.0.0.1", 0), Handler)) as server:
            ...

    `server` is anything with `serve_forever`, `shutdown` and `server_close`; `thread` is where
    it runs. Raises ServerError when the server ended with an exception or will not stop within
    `deadline` seconds; it is closed even then. A loop without end, in a handler or the server, is
    ended, and its line named. Where the block raises as well, a note on that exception tells what
    the server ended with. `within` makes the calls that stop it, each in its time.
    """

    def __init__(self, server: Any, deadline: float = DEADLINE, within: Within = within) -> None:
        self.server = server
        self.deadline = deadline
        self._call_within = within
        self.thread = threading.Thread(target=self._serve, name="server", daemon=True)
        self._error: BaseException | None = None
        self._before: set[threading.Thread] = set()
        self._busy = ""

    def _serve(self) -> None:
        try:
            self.server.serve_forever()
        except BaseException as error:
            self._error = error

    def __enter__(self) -> Any:
        self._before = set(threading.enumerate())
        self.thread.start()
        return self.server

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        name = type(self.server).__name__
        in_vain = isinstance(error, TimeoutError)
        patience = min(self.deadline, HURRY) if in_vain else self.deadline
        if in_vain:
            self._busy = end_busy(self._before)
        try:
            if self.thread.is_alive():
                self._within(patience, self.server.shutdown, f"{name}.shutdown() to return")
            self.thread.join(patience)
            if self.thread.is_alive():
                self._busy = self._busy or end_busy(self._before)
        finally:
            self._within(patience, self.server.server_close, f"{name}.server_close() to return")
        if self._busy:
            raise ServerError(
                f"{name} was busy without end and has been stopped, in {self._busy}"
            ) from None
        if self.thread.is_alive():
            raise ServerError(f"{name}.serve_forever() goes on although shutdown() has returned.")
        if self._error is None:
            return
        told = f"{name}.serve_forever() ended with {type(self._error).__name__}: {self._error}"
        meaning = explain(self._error)
        told = f"{told}. {meaning}" if meaning else told
        if error is None:
            raise ServerError(told) from self._error
        error.add_note(f"Meanwhile {told}")

    def _within(self, seconds: float, call: Callable[[], Any], what: str) -> None:
        """As `within`, but what computes without end, and so keeps us waiting, is ended."""
        try:
            self._call_within(seconds, call, what)
        except ServerError:
            busy = end_busy(self._before)
            if not busy:
                raise
            self._busy = self._busy or busy
