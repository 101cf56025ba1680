"""One case of a check: what is asked of an answer, and what to tell when it does not come."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from ..notebook.running import ServerError, running
from ..notebook.tracebacks import describe, whereabouts
from ..output import SentenceError
from ..remote.messages import PrivateError
from .records import MOMENT, Records, entrusted, serve_forever

if TYPE_CHECKING:
    from .bench import Bench

PATIENCE = 2.0
"""Seconds a check waits for an answer to do one thing."""
NEW_PYTHON = 30.0
"""Seconds in which a Python that a check starts has begun, on a machine however busy."""
MOST = 1 << 20
"""Bytes that a client takes: more than any answer has, so that one without end is told."""
ANY_PORT = ("127.0.0.1", 0)
OFTEN = 0.02
"""Seconds after which a loop looks up again, and sees that it is to stop."""


def soon(condition: Callable[[], Any], seconds: float | None = None) -> bool:
    """Wait until the condition holds, PATIENCE at most; tell whether it does."""
    end = time.monotonic() + (PATIENCE if seconds is None else seconds)
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return bool(condition())


def begin(function: Callable[..., Any], *args: Any) -> threading.Thread:
    """Return a daemon thread that has begun with `function(*args)`."""
    thread = threading.Thread(target=function, args=args, daemon=True)
    thread.start()
    return thread


class CannotCheckError(SentenceError):
    """This machine lacks what a check needs, through no fault of the answer; the text says what."""


@dataclass(frozen=True)
class Failure:
    """What was called, what came, and what was expected, in words; `cause` is an exception."""

    called: str
    got: str
    expected: str
    why: str
    cause: BaseException | None = None


class CaseError(PrivateError):
    """An answer is not right yet."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.got)
        self.failure = failure

    @property
    def got(self) -> str:
        """What came."""
        return self.failure.got


@dataclass(frozen=True)
class Case:
    """One thing asked of an answer: what is called, what should come of it, and why."""

    called: str
    expected: str
    why: str
    bench: "Bench" = field(repr=False)

    def fail(self, got: str, cause: BaseException | None = None, alone: bool = False) -> NoReturn:
        """End the check: this came instead.

        What the server reported is told with it, unless it stands `alone`: where the check itself
        has made the server fail, or has run one of its own.
        """
        got += "" if alone else self.bench.reported(got)
        raise CaseError(Failure(self.called, got, self.expected, self.why, cause)) from cause

    def want(self, condition: object, got: str, alone: bool = False) -> None:
        """Fail with `got`, as `fail` does, unless `condition` holds."""
        if not condition:
            self.fail(got, alone=alone)

    def call(
        self,
        function: Callable[..., Any],
        *args: Any,
        late: str = "",
        seconds: float | None = None,
    ) -> Any:
        """Return `function(*args)`, run where the answer lives.

        An exception, or no end within PATIENCE, fails the case; `late` says the second in words.
        """
        records, seconds = self.bench.records, seconds or PATIENCE
        try:
            return self.bench.there_within(
                seconds, self.called, Records.call, records, function, *args
            )
        except CaseError:
            raise
        except ServerError:
            stands = self.bench.there(_where_the_call_stands, records)
            self.fail(f"{late or f'nothing within {seconds:g} seconds'}{stands}")
        except BaseException as error:
            self.fail(describe(error), error, alone=True)

    def error_of(
        self, function: Callable[..., Any], *args: Any, none: str, **limits: Any
    ) -> BaseException:
        """Return the exception that `call` meets; `none` says in words that there is none."""
        try:
            self.call(function, *args, **limits)
        except CaseError as failure:
            if failure.__cause__ is None:
                raise
            return failure.__cause__
        self.fail(none)

    @contextmanager
    def in_words(self, words: str, only: str = "") -> Iterator[None]:
        """Say what fails the case within a `with` block in these words; {} is for what came.

        With `only`, where what came has this in it.
        """
        try:
            yield
        except CaseError as failure:
            if only not in failure.got:
                raise
            self.fail(words.replace("{}", failure.got), failure.__cause__)

    @contextmanager
    def serving(self, server: Any, loop: Callable[[], Any] | None = None) -> Iterator[Any]:
        """Serve in a daemon thread, by `loop` if given; exceptions are kept to be told."""
        bench, records = self.bench, self.bench.records
        told, is_own, shutdown, server_close = bench.there(entrusted, server, records)
        # On a machine that a class shares, a neighbour's server may answer at any other address.
        self.want(
            is_own,
            f"server_address is {told!r}, but no socket of yours is bound there: whoever answers "
            "at that address, it is not your server",
        )

        def serve(_: Any) -> None:
            try:
                loop() if loop else bench.there(serve_forever, server)
            except BaseException as error:
                bench.there(Records.note_error, records, error)
                raise

        watched = type(type(server).__name__, (), {"serve_forever": serve})()
        # Not as methods: an answer may have plain functions there.
        watched.shutdown, watched.server_close = shutdown, server_close
        failure: CaseError | None = None
        try:
            run = running(
                watched, PATIENCE, lambda time, call, what: bench.there_within(time, what, call)
            )
            with run:
                try:
                    yield server
                except CaseError as error:
                    failure = error
                    run.deadline = 5 * MOMENT  # whether it stops as well changes nothing
                    raise
        except ServerError as trouble:
            if failure is not None:  # what was asked comes first, then that it will not stop
                raise failure from failure.__cause__
            self.fail(f"{trouble}".rstrip(".") + bench.whereabouts(), trouble.__cause__)
        except Exception:
            if failure is not None:  # neither does an error in server_close, when it's called again
                raise failure from failure.__cause__
            raise

    def serving_quickly(self, server: Any) -> AbstractContextManager[Any]:
        """Serve so that the standard library's loop is soon stopped, and the check over."""
        return self.serving(server, lambda: server.serve_forever(OFTEN))

    def talk(self, address: Any, message: bytes = b"") -> bytes:
        """Send `message` from a client of its own and return all that comes until the end.

        `address` is a host and a port, or the path of a Unix socket. No connection, no end within
        PATIENCE, or a broken connection fails the case.
        """
        bench, records, received = self.bench, self.bench.records, b""
        try:
            with bench.connect(address, PATIENCE) as client:
                bench.there(Records.note_client, records, client.getsockname())
                client.sendall(message)
                while data := client.recv(4096):
                    received += data
                    self.want(len(received) < MOST, f"{len(received):,} bytes, and no end")
        except TimeoutError:
            stands = bench.whereabouts()
            self.fail(f"{received!r}, and no end within {PATIENCE:g} seconds{stands}")
        except ConnectionRefusedError as error:
            self.fail("ConnectionRefusedError: bound, but does it listen?", error)
        except OSError as error:
            self.fail(describe(error), error)
        return received


def _where_the_call_stands(records: Records) -> str:
    return whereabouts(records.known)
