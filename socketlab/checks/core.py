"""What every check needs: exercises, the message, a quiet and tidy room to run in."""

import ctypes
import inspect
import socket
import sys
import sysconfig
import threading
import traceback as tracebacks
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from ..running import ServerTrouble, running, within

PATIENCE = 2.0
"""Seconds a check waits for an answer to do one thing."""


class CheckFailed(AssertionError):
    """An answer is not right yet; the text is the whole message to the learner."""

    asked_for_traceback = False

    def _render_traceback_(self) -> list[str]:
        """Tell IPython what to show in place of its own traceback."""
        cause = self.__cause__ if self.asked_for_traceback else None
        return [str(self), *(tracebacks.format_exception(cause) if cause else ())]


class NotYet(Exception):
    """What one step of a check found; `came` in words."""

    def __init__(self, step: "Step", came: str) -> None:
        super().__init__(came)
        self.step = step
        self.came = came


@dataclass(frozen=True)
class Part:
    """One check of an exercise: a name, its points, and the function that tries the answer."""

    name: str
    points: int
    praise: str
    run: Callable[..., None]


@dataclass
class Exercise:
    """An exercise: the names the learner defines, three hints, and the parts of its check."""

    id: str
    names: tuple[str, ...]
    hints: tuple[str, str, str]
    parts: dict[str, Part] = field(default_factory=dict)
    hints_told: int = 0

    def __post_init__(self) -> None:
        _exercises[self.id] = self

    def part(
        self, name: str, points: int, praise: str
    ) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Register the decorated function; it gets the answers, and fails through a `Step`."""

        def register(run: Callable[..., None]) -> Callable[..., None]:
            self.parts[name] = Part(name, points, praise, run)
            return run

        return register


_exercises: dict[str, Exercise] = {}


def find(exercise: str) -> Exercise:
    """Return the exercise called `exercise`, such as "03.1"; LookupError for any other."""
    for module in Path(__file__).parent.glob("*.py"):
        if module.stem not in ("__init__", "core"):
            import_module(f"{__package__}.{module.stem}")
    if exercise not in _exercises:
        known = ", ".join(sorted(_exercises))
        raise LookupError(f"There is no exercise {exercise!r}. There are: {known}.")
    return _exercises[exercise]


def check(exercise: str, *answers: Any, part: str | None = None, traceback: bool = False) -> None:
    """Try an answer over real sockets; raise CheckFailed, with a message, if it is not right.

    `answers` are the objects to try; without them the names that the exercise asks for are
    looked up where `check` is called, so that a name not defined yet is told in a sentence.
    `part` names one check of the exercise, otherwise all are made, up to the first that fails.
    `traceback=True` shows where an exception came from. LookupError for an unknown name.
    """
    # Each part has a scored cell of its own, and the cell raises or does not. The other way to
    # partial credit, a cell that returns its points, would make nbgrader read the cell's text
    # output as a number: points would then depend on what a display shows.
    spec = find(exercise)
    if part is not None and part not in spec.parts:
        raise LookupError(f"{exercise} has no part {part!r}. There are: {', '.join(spec.parts)}.")
    frame = inspect.currentframe()
    namespace = frame.f_back.f_globals if frame and frame.f_back else {}
    for one in spec.parts.values() if part is None else [spec.parts[part]]:
        _try(spec, one, answers, namespace, traceback)
        print(f"✓ {exercise} {one.name}: {_points(one.points)}. {one.praise}")


def hint(exercise: str, number: int | None = None) -> None:
    """Print the next hint for an exercise: a nudge first, nearly the answer last.

    `number`, 1 to 3, asks for that one.
    """
    spec = find(exercise)
    last = len(spec.hints)
    spec.hints_told = min(spec.hints_told + 1, last) if number is None else number
    if not 1 <= spec.hints_told <= last:
        raise LookupError(f"{exercise} has the hints 1 to {last}, not {number}.")
    print(f"Hint {spec.hints_told} of {last} for {exercise}: {spec.hints[spec.hints_told - 1]}")


def _try(
    spec: Exercise,
    part: Part,
    answers: tuple[Any, ...],
    namespace: Mapping[str, Any],
    asked_for_traceback: bool,
) -> None:
    failure: NotYet | None = None
    cause: BaseException | None = None
    try:
        with _room():
            part.run(*_given(spec, answers, namespace))
    except NotYet as not_yet:
        failure, cause = not_yet, not_yet.__cause__
    except Exception as error:  # the answer lacks something that the check took for granted
        step = Step(
            called=f"the check {part.name!r} of {' and '.join(spec.names)}",
            expected="an answer with the names and methods that the task asks for",
            why="The check, like any program, uses an answer through its attributes and methods.",
        )
        failure, cause = NotYet(step, describe(error)), error
    if failure is not None:
        report = CheckFailed(_message(spec, part, failure))
        report.asked_for_traceback = asked_for_traceback
        raise report from cause if asked_for_traceback else None


def _given(spec: Exercise, answers: tuple[Any, ...], namespace: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the answers, looked up by name if none was passed; a blank one fails."""
    if answers:
        namespace = dict(zip(spec.names, answers, strict=True))
    for name in spec.names:
        step = Step(
            called=f"your {name}",
            expected=f"a definition of {name}, in a cell that ran to its end",
            why="Without it there is nothing to try. An error in its cell leaves the name unset.",
        )
        step.want(name in namespace, f"NameError: there is no {name} yet")
        answer = namespace[name]
        step.want(
            callable(answer), f"{name} is {answer!r}{' (still blank)' * (answer in (None, ...))}"
        )
        yield answer


def _message(spec: Exercise, part: Part, not_yet: NotYet) -> str:
    step = not_yet.step
    return "\n".join(
        (
            f"✗ {spec.id} {part.name}: not yet, 0 of {_points(part.points)}.",
            f"  Called:    {_one_line(step.called)}",
            f"  Came:      {_one_line(not_yet.came)}",
            f"  Expected:  {_one_line(step.expected)}",
            f"  Why:       {_one_line(step.why)}",
            f'  A hint:    hint("{spec.id}")',
        )
    )


def _points(number: int) -> str:
    return f"{number} point{'s' if number != 1 else ''}"


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 300 else text[:297] + "..."


@dataclass(frozen=True)
class Step:
    """One thing asked of an answer: what is called, what should come of it, and why."""

    called: str
    expected: str
    why: str

    def fail(self, came: str, cause: BaseException | None = None) -> NoReturn:
        """End the check: this came instead."""
        raise NotYet(self, came) from cause

    def want(self, condition: object, came: str) -> None:
        """Fail with `came` unless `condition` holds."""
        if not condition:
            self.fail(came)

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Return `function(*args)`; an exception, or no end within PATIENCE, fails the step."""
        known = set(threading.enumerate())
        try:
            return within(PATIENCE, lambda: function(*args), self.called)
        except NotYet:
            raise
        except ServerTrouble:
            self.fail(f"nothing within {PATIENCE:g} seconds{_whereabouts(known)}")
        except BaseException as error:
            self.fail(describe(error), error)


def describe(error: BaseException) -> str:
    """Return type, text and, where the learner's code is involved, the line it came from."""
    text = f"{type(error).__name__}: {error}".removesuffix(": ")
    lines = [frame for frame in tracebacks.extract_tb(error.__traceback__) if _is_theirs(frame)]
    if lines:
        text += f", in line {lines[-1].lineno} of your code: {lines[-1].line}"
    if isinstance(error, NotImplementedError):
        text += " (still blank)"
    return text


_OURS = tuple(
    f"{Path(path).resolve()}/"
    for path in (
        Path(__file__).parents[1],
        Path(__file__).parents[2] / "minisocketserver",
        sysconfig.get_path("stdlib"),
    )
)


def _is_theirs(frame: tracebacks.FrameSummary) -> bool:
    return not frame.filename.startswith((*_OURS, "<frozen"))


def _whereabouts(known: set[threading.Thread]) -> str:
    """Tell where the learner's code stands, in the threads started since `known`."""
    frames = sys._current_frames()
    for thread in threading.enumerate():
        if thread in known | {threading.current_thread()} or thread.ident not in frames:
            continue
        stack = tracebacks.extract_stack(frames[thread.ident])
        theirs = [frame for frame in stack if _is_theirs(frame)]
        if theirs:
            waits = f", in {stack[-1].name}()" if stack[-1] is not theirs[-1] else ""
            return f"; it stands in line {theirs[-1].lineno} of your code: {theirs[-1].line}{waits}"
    return ""


# --- The room a check runs in -------------------------------------------------------------------

_REAL = {
    (owner, name): getattr(owner, name)
    for owner in (socket, socket.socket)
    for name in dir(owner)
    if callable(getattr(owner, name)) and not name.startswith("__")
}
"""What the socket module was before any answer: a check over a patched one proves nothing."""


class Records:
    """What happened while a check ran: sockets, addresses, prints, errors."""

    def __init__(self) -> None:
        self.before = set(threading.enumerate()) - {threading.current_thread()}
        self.sockets: list[socket.socket] = []
        self.bound: list[tuple[socket.socket, Any]] = []
        self.clients: list[Any] = []
        self.printed: list[str] = []
        self.errors: list[BaseException] = []

    def note(self, event: str, args: tuple[Any, ...]) -> None:
        """Keep a socket event of this check's own threads."""
        if event == "socket.__new__":
            self.sockets.append(args[0])
        elif event == "socket.bind":
            self.bound.append((args[0], args[1]))

    def note_error(self, error: BaseException | None) -> None:
        """Keep an exception that a server or a thread would have reported on stderr."""
        if error is not None:
            self.errors.append(error)

    def trouble(self) -> str:
        """Return the last exception in words, or nothing."""
        return f" ({describe(self.errors[-1])})" if self.errors else ""


records = Records()
_watching = False


def _audit(event: str, args: tuple[Any, ...]) -> None:
    # An audit hook sees real sockets without putting anything in their place.
    watched = _watching and event in ("socket.__new__", "socket.bind")
    if watched and threading.current_thread() not in records.before:
        records.note(event, args)


sys.addaudithook(_audit)


@contextmanager
def _room() -> Iterator[None]:
    """Record what happens, keep prints and reports off the cell, leave nothing behind.

    nbgrader gives no points to a cell with anything on stderr.
    """
    global records, _watching
    records, _watching = Records(), True
    old_hook, threading.excepthook = (
        threading.excepthook,
        lambda args: records.note_error(args.exc_value),
    )
    try:
        with _unheard(sys.stdout), _unheard(sys.stderr):
            try:
                yield
            finally:
                _clean_up()
                _refuse_patches()
    finally:
        threading.excepthook = old_hook
        _watching = False


@contextmanager
def _unheard(stream: Any) -> Iterator[None]:
    # Not contextlib.redirect_stderr: a logging handler holds on to the stream itself.
    def write(text: str) -> int:
        records.printed.append(text)
        return len(text)

    stream.write = write
    try:
        yield
    finally:
        del stream.write


def _refuse_patches() -> None:
    for (owner, name), original in _REAL.items():
        step = Step(
            called=f"{owner.__name__}.{name}",
            expected="the standard library's own, untouched",
            why="A client must reach your server over a real connection. Take the replacement "
            "out and restart the kernel.",
        )
        replaced = getattr(owner, name, None) is not original
        step.want(not replaced, f"your code has replaced {owner.__name__}.{name}")


def _clean_up() -> None:
    for sock in records.sockets:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)  # wakes a thread blocked in accept or recv
        with suppress(OSError):
            sock.close()
    for thread in set(threading.enumerate()) - records.before - {threading.current_thread()}:
        thread.join(0.1)
        if thread.is_alive() and thread.ident:  # an endless loop would slow all that follows
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)
            )


@contextmanager
def serving(step: Step, server: Any, loop: Callable[[], Any] | None = None) -> Iterator[Any]:
    """Serve in a daemon thread, by `loop` if given; exceptions are kept to be told, not printed."""
    server.handle_error = lambda *request: records.note_error(sys.exc_info()[1])

    def serve(_: Any) -> None:
        try:
            (loop or server.serve_forever)()
        except BaseException as error:
            records.note_error(error)
            raise

    calls = {"shutdown": server.shutdown, "server_close": server.server_close}
    watched = type(type(server).__name__, (), {**calls, "serve_forever": serve})()
    try:
        with running(watched, PATIENCE):
            yield server
    except ServerTrouble as trouble:
        step.fail(f"{trouble}{_whereabouts(records.before)}{records.trouble()}", trouble.__cause__)


def talk(step: Step, address: Any, message: bytes = b"") -> bytes:
    """Send `message` from a client of its own and return all that comes until the end.

    No connection, no end within PATIENCE, or a broken connection fails the step.
    """
    received = b""
    try:
        with socket.create_connection(address, timeout=PATIENCE) as client:
            records.clients.append(client.getsockname())
            client.sendall(message)
            while data := client.recv(4096):
                received += data
    except TimeoutError:
        stands = _whereabouts(records.before)
        step.fail(
            f"{received!r}, and no end within {PATIENCE:g} seconds{stands}{records.trouble()}"
        )
    except OSError as error:
        step.fail(f"{describe(error)}{records.trouble()}", error)
    return received
