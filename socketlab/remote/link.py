"""Objects of another process, used as if they were here.

The checker holds one end of a socket, the process with the student's code the other one. What
crosses is JSON, and descriptors of sockets: never pickle, which could run code in the checker.

- Numbers, text, bytes and tuples are copied, and so are lists, sets and dicts of the checker's.
- What has a name that both processes can import (a class or function of a module) goes to the
  student's process by this name, and runs there.
- Any other object of the student's process is seen by the checker as a `Proxy`. What is done to
  a proxy is done there. `class Server(proxy, Mixin)` makes a class there, and gives its proxy.
- Any other function or class of the checker is seen there as one of the same name, signature and
  bases: calling it calls the checker, and that is all that it does.

Each thread that crosses has a thread on the other side, and a socket pair between the two. So a
call may call back, to any depth, and threads do not wait for each other.
"""

import builtins
import socket
import threading
import time
from contextlib import suppress
from typing import Any, cast

from ..notebook.running import overdue, within
from ..notebook.tracebacks import describe
from .callbacks import described, made_from
from .messages import Line, LinkBrokenError, MessageError, PrivateError
from .names import import_named, name_of
from .proxy import Proxy, proxy_type

MOST_THREADS = 500
"""Threads that one side may ask the other one for."""
SURE_THREADS = 64
"""So many are always there; where they are not, it is this side's lack."""
_NAMESPACE = 0
"""The number by which both sides know the student's names."""
_VALUES = (
    *(int, float, str, bytes, bytearray, tuple, list, set, frozenset, dict, slice),
    *(type(...), BaseException),
)
"""What is copied, at least where it is the checker's."""


class Link:
    """One side of the connection. `Checker` and `Service` say what each may ask for."""

    _copied: tuple[type, ...] = (frozenset,)

    def __init__(self, control: socket.socket) -> None:
        self._control = Line(control)
        self._opening = threading.Lock()
        self._mine: dict[int, Any] = {}
        self._lines = threading.local()
        self.is_open = True
        self.lack = ""
        """What this side could not have, so that calls remain without an answer."""

    def serve(self) -> None:
        """Give each thread of the other side a thread here, until the connection ends."""
        with suppress(LinkBrokenError, ValueError, TypeError, KeyError):
            for count in range(MOST_THREADS):
                about, (descriptor,) = self._control.receive()
                line = Line(socket.socket(fileno=descriptor))
                try:
                    _Counterpart(self, line, bool(about["daemon"])).start()
                except (OSError, RuntimeError) as error:
                    if count < SURE_THREADS:
                        self.lack = str(error)
                    line.close()  # who waits there is not left waiting
                    break
        self.is_open = False

    def call(self, function: Any, *args: Any, **keywords: Any) -> Any:
        """Return `function(*args, **keywords)`, run on the other side."""
        line = self._line()
        self._ask(line, function, args, keywords)
        return self._result(*self._reply(line))

    def call_within(self, seconds: float, what: str, function: Any, *args: Any) -> Any:
        """Return `function(*args)`, run on the other side, in what seems to be a daemon thread.

        ServerError, naming `what`, when it takes longer than so many seconds. Then it goes on
        there, and this thread gets another one there.
        """
        if getattr(self._lines, "answers", False):  # to a thread there that waits for this one
            return within(seconds, lambda: self.call(function, *args), what)
        end = time.monotonic() + seconds
        line = self._line()
        self._ask(line, function, args, {}, as_daemon=True)
        try:
            reply = self._reply(line, end)
        except TimeoutError:
            del self._lines.mine
            raise overdue(seconds, what) from None
        return self._result(*reply)

    def _ask(
        self,
        line: Line,
        function: Any,
        args: tuple[Any, ...],
        keywords: dict[str, Any],
        as_daemon: bool = False,
    ) -> None:
        sent: list[int] = []
        call = [
            self._write(function, sent),
            [self._write(one, sent) for one in args],
            [(name, self._write(one, sent)) for name, one in keywords.items()],
            as_daemon,
        ]
        line.send({"call": call}, sent)

    def _reply(self, line: Line, end: float | None = None) -> tuple[Any, list[int]]:
        """Return what comes back; until then, answer the calls that come from there."""
        while True:
            left = None if end is None else max(0.001, end - time.monotonic())
            message, descriptors = line.receive(left)
            try:
                if "call" not in message:
                    return message, descriptors
                self._answer(line, message, descriptors)
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise MessageError(describe(error)) from None

    def _result(self, message: Any, descriptors: list[int]) -> Any:
        if "error" in message:
            raise self._read_error(message["error"])
        return self._read(message["value"], descriptors)

    def serve_line(self, line: Line) -> None:
        """Answer the calls that come over a line, until its end."""
        self._lines.mine = _Owner(line)
        try:
            with suppress(LinkBrokenError, KeyError, TypeError, AttributeError, ValueError):
                while True:
                    self._answer(line, *line.receive())
        except OSError as error:
            self.lack = str(error)
        finally:
            line.close()

    def _line(self) -> Line:
        owner: _Owner | None = getattr(self._lines, "mine", None)
        if owner is None:
            here, there = socket.socketpair()
            self._lines.mine = owner = _Owner(Line(here))
            about = {"daemon": threading.current_thread().daemon}
            with self._opening, there:
                self._control.send(about, [there.fileno()])
        return owner.line

    def _answer(self, line: Line, message: Any, descriptors: list[int]) -> None:
        function, args, pairs, as_daemon = self._read(message["call"], descriptors)
        keywords = dict(pairs)
        if not self._may_be_called(function):
            raise MessageError(f"a call of {function!r}")
        sent: list[int] = []
        try:
            reply = {"value": self._write(self._called(as_daemon, function, args, keywords), sent)}
        except LinkBrokenError:
            raise
        except BaseException as error:
            reply, sent = {"error": self._write_error(error)}, []
        line.send(reply, sent)

    def _called(
        self, as_daemon: bool, function: Any, args: list[Any], keywords: dict[str, Any]
    ) -> Any:
        """Call a function, while a thread there waits; a counterpart seems what its caller is."""
        thread, answers = threading.current_thread(), getattr(self._lines, "answers", False)
        seems_daemon = thread.daemon
        self._lines.answers = True
        if isinstance(thread, _Counterpart):
            thread.seems_daemon = seems_daemon or as_daemon
        try:
            return function(*args, **keywords)
        finally:
            self._lines.answers = answers
            if isinstance(thread, _Counterpart):
                thread.seems_daemon = seems_daemon

    # What crosses: a plain value as it is, anything else as {kind: content}.

    def _write(self, value: Any, descriptors: list[int]) -> Any:
        kind = type(value)  # not isinstance: a proxy takes long to say what it seems to be
        if value is None or kind is str or kind is int or kind is bool or kind is float:
            return value
        if not issubclass(kind, _VALUES):
            return self._write_object(value, descriptors)
        if value is ...:
            return {"ellipsis": None}
        for plain in (int, float, str):
            if issubclass(kind, plain):
                return plain(value)
        if issubclass(kind, bytes | bytearray):
            return {"bytes": value.decode("latin-1")}
        if issubclass(kind, tuple) or kind in self._copied:
            whole = value.items() if kind is dict else value
            name = "tuple" if issubclass(kind, tuple) else kind.__name__
            return {name: [self._write(one, descriptors) for one in whole]}
        if issubclass(kind, slice):
            return {"slice": [value.start, value.stop, value.step]}
        if issubclass(kind, BaseException):
            return {"error": self._write_error(value)}
        return self._write_object(value, descriptors)

    def _read(self, data: Any, descriptors: list[int]) -> Any:
        if isinstance(data, list):
            return [self._read(one, descriptors) for one in data]
        if not isinstance(data, dict):
            return data
        ((kind, content),) = data.items()
        if kind == "bytes":
            return content.encode("latin-1")
        if kind == "slice":
            return slice(*content)
        if kind in ("list", "tuple", "set", "frozenset", "dict"):
            return getattr(builtins, kind)(self._read(one, descriptors) for one in content)
        if kind == "error":
            return self._read_error(content)
        if kind == "ellipsis":
            return ...
        return self._read_object(kind, content, descriptors)

    def _keep(self, value: Any) -> int:
        self._mine[id(value)] = value
        return id(value)

    def _write_object(self, value: Any, descriptors: list[int]) -> Any:
        raise NotImplementedError

    def _read_object(self, kind: str, content: Any, descriptors: list[int]) -> Any:
        raise NotImplementedError

    def _may_be_called(self, function: Any) -> bool:
        raise NotImplementedError

    # An exception: its built-in type, arguments, and what to tell of it; `origin` is the
    # exception itself, where it comes back to the side on which it was raised.

    def _write_error(self, error: BaseException) -> Any:
        base = next(t for t in type(error).__mro__ if t.__module__ == "builtins")
        return {
            "base": base.__name__,
            "name": type(error).__name__,
            "args": self._arguments(error),
            "told": self._tell(error),
            "origin": getattr(error, "origin", None) or self._keep(error),
            "here": hasattr(error, "origin"),
        }

    def _read_error(self, data: Any) -> BaseException:
        origin = self._mine.get(data["origin"]) if data["here"] else None
        if isinstance(origin, BaseException):
            return origin
        base = getattr(builtins, str(data["base"]))
        if not (isinstance(base, type) and issubclass(base, BaseException)):
            raise MessageError("not an exception")
        kind = base if data["name"] == base.__name__ else type(str(data["name"]), (base,), {})
        try:
            error = kind(*self._read(data["args"], []))
        except TypeError:
            error = type(kind.__name__, (Exception,), {})(str(data["told"]))
        vars(error).update(told=str(data["told"]), origin=int(data["origin"]))
        return cast(BaseException, error)

    def _arguments(self, error: BaseException) -> list[Any]:
        plain = all(arg is None or isinstance(arg, str | int | float | bytes) for arg in error.args)
        return [self._write(arg, []) for arg in error.args] if plain else [str(error)]

    def _tell(self, error: BaseException) -> str:
        return f"{type(error).__name__}: {error}"


class _Owner:
    """Closes a thread's line when the thread ends, even if an error's traceback keeps the line."""

    def __init__(self, line: Line) -> None:
        self.line = line

    def __del__(self) -> None:
        self.line.close()


class _Counterpart(threading.Thread):
    """The thread here of a thread there. What the other one is, daemon or not, this one seems."""

    def __init__(self, link: Link, line: Line, daemon: bool) -> None:
        super().__init__(name="counterpart", daemon=True)
        self._link, self._line = link, line
        self.seems_daemon = True
        self._daemon_there = daemon

    def run(self) -> None:
        self.seems_daemon = self._daemon_there
        self._link.serve_line(self._line)

    @property
    def daemon(self) -> bool:  # type: ignore[override]
        return self.seems_daemon


class Service(Link):
    """The side with the student's code. It does whatever the checker asks for."""

    def __init__(self, control: socket.socket, namespace: dict[str, Any]) -> None:
        super().__init__(control)
        self._mine[_NAMESPACE] = namespace
        self._seen: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}

    def _may_be_called(self, function: Any) -> bool:
        return True

    def _write_object(self, value: Any, descriptors: list[int]) -> Any:
        if id(value) in self._numbers:
            return {"returned": self._numbers[id(value)]}
        types = [f"{one.__module__}:{one.__qualname__}" for one in type(value).__mro__]
        return {"own": [self._keep(value), type(value).__name__, types]}

    def _read_object(self, kind: str, content: Any, descriptors: list[int]) -> Any:
        match kind:
            case "returned":
                return self._mine[content]
            case "own":
                number, about = content
                return self._stand_in(number, self._read(about, descriptors))
            case "name":
                return import_named(content)
            case "socket":
                sock = socket.socket(fileno=descriptors.pop(0))
                sock.settimeout(content)  # or it would not know that the descriptor may not block
                return sock
        raise MessageError(f"what is {kind}?")

    def _stand_in(self, number: int, about: dict[str, Any]) -> Any:
        """Return what is seen here of a thing of the checker's: always the same of the same."""
        if number not in self._seen:

            def call(*args: Any, **keywords: Any) -> Any:
                return self.call(stand_in, *args, **keywords)

            stand_in = made_from(about, call)
            self._seen[number] = stand_in
            self._numbers[id(stand_in)] = number
        return self._seen[number]

    def _tell(self, error: BaseException) -> str:
        return describe(error)


class Checker(Link):
    """The side that judges. Of its own it gives away copies, and functions to call.

    `root` is where the other process has its files, if it has a file system of its own.
    """

    _copied = (frozenset, list, set, dict)

    def __init__(self, control: socket.socket, root: str = "") -> None:
        super().__init__(control)
        self.root = root
        self._proxies: dict[int, Proxy] = {}
        self._given: set[int] = set()

    def namespace(self) -> Any:
        """Return the student's names: a dict of the other process."""
        return proxy_type("dict")(self, _NAMESPACE, ("builtins:dict",))

    def _may_be_called(self, function: Any) -> bool:
        return id(function) in self._given

    def _write_object(self, value: Any, descriptors: list[int]) -> Any:
        if isinstance(value, Proxy):
            return {"returned": value._number}
        if isinstance(value, socket.socket):
            descriptors.append(value.fileno())
            return {"socket": value.gettimeout()}
        name = name_of(value)
        if name:
            return {"name": name}
        if callable(value):
            self._given.add(id(value))
        about = described(value) if callable(value) else {}  # what is not a function is a token
        return {"own": [self._keep(value), self._write(about, descriptors)]}

    def _read_object(self, kind: str, content: Any, descriptors: list[int]) -> Any:
        if kind == "returned" and content in self._mine:
            return self._mine[content]
        if kind != "own":
            raise MessageError(f"what is {kind}?")
        number, name, types = content
        if number not in self._proxies:
            self._proxies[number] = proxy_type(str(name))(self, int(number), (*map(str, types),))
        return self._proxies[number]

    # What a check says, and the line where, is for its report, not for the student's process.

    def _arguments(self, error: BaseException) -> list[Any]:
        return [] if isinstance(error, PrivateError) else super()._arguments(error)

    def _tell(self, error: BaseException) -> str:
        return type(error).__name__ if isinstance(error, PrivateError) else super()._tell(error)
