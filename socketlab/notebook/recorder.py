"""Note what a server does while it serves, and draw it."""

import itertools
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .pictures import Bar, Picture, Step, Timeline, sequence_diagram

_LIFE = ("serve_forever", "handle_request", "handle_timeout", "shutdown", "server_close")
_OF_REQUEST = (
    *("verify_request", "process_request", "process_request_thread", "finish_request"),
    *("handle_error", "shutdown_request", "close_request"),
)
_OF_HANDLER = ("__init__", "setup", "handle", "finish")
_IN_WORKER = ("process_request_thread", "finish_request")
_ENDINGS = ("shutdown_request", "close_request")


class _Request:
    """One request: when it came and went, and who worked on it."""

    def __init__(self, number: int, worker: int) -> None:
        self.number = number
        self.worker = worker
        self.began = time.perf_counter()
        self.ended: float | None = None
        self.processing: _Call | None = None


class _Call:
    """One call (or socket event) and what it called in turn."""

    def __init__(self, name: str, actor: str, thread: int, request: _Request | None) -> None:
        self.name = name
        self.actor = actor
        self.thread = thread
        self.request = request
        self.error = ""
        self.children: list[_Call] = []

    def walk(self, depth: int = 0) -> Iterator[tuple[int, "_Call"]]:
        yield depth, self
        for child in self.children:
            yield from child.walk(depth + 1)

    def of(self, request: _Request) -> Iterator["_Call"]:
        """Yield the outermost calls made for the request."""
        if self.request is request:
            yield self
        else:
            for child in self.children:
                yield from child.of(request)

    @property
    def raised(self) -> str:
        """The error's name where it began, and nothing where it only passed through."""
        return "" if any(child.error == self.error for child in self.children) else self.error


class Log:
    """What a server did: `print` it, or draw it with `sequence` and `timeline`.

    Threads are named relative to the one that serves, in the order of their requests; a thread
    that only called from outside is the "caller".
    """

    def __init__(self, server: Any) -> None:
        self._server = type(server).__name__
        self._roots: list[_Call] = []
        self._requests: list[_Request] = []
        self._open: dict[int, _Request] = {}
        self._threads = itertools.count()
        self._here = threading.local()
        self._recording = True
        self._socket_class = _spied_socket(self)

    # How the notes are taken. Nothing here locks: a lock might be held across a fork, and
    # appending to a list is safe without one. No request object is kept, only its id, so that
    # a log never holds a connection open.

    def _thread(self) -> int:
        if not hasattr(self._here, "number"):
            self._here.number = next(self._threads)
            self._here.stack = []
        return int(self._here.number)

    def _add(self, name: str, actor: str, request: _Request | None = None) -> _Call:
        thread = self._thread()
        above = self._here.stack[-1] if self._here.stack else None
        request = request or (above.request if above else None)
        above = above or (request.processing if request else None)
        siblings = above.children if above else self._roots
        if name == "service_actions" and siblings and siblings[-1].name == name:
            return siblings[-1]  # how often it is called depends on the clock
        call = _Call(name, actor, thread, request)
        siblings.append(call)
        return call

    @contextmanager
    def _calling(
        self, name: str, actor: str = "", request: _Request | None = None
    ) -> Iterator[_Call]:
        call = self._add(name, actor or self._server, request)
        if call.request and (actor or name in _IN_WORKER):
            call.request.worker = call.thread
        if call.request and name == "process_request":
            call.request.processing = call
        self._here.stack.append(call)
        try:
            yield call
        except BaseException as error:
            call.error = type(error).__name__
            raise
        finally:
            self._here.stack.pop()
            if call.request and name in _ENDINGS:
                call.request.ended = time.perf_counter()

    def _note(self, event: str) -> None:
        """Note what happened on a socket, inside the call that is under way."""
        if self._recording:
            self._add(f"· {event}", "")

    def _watch(self, sock: Any) -> None:
        """Let the socket report. Only plain sockets: others have ways of their own."""
        if type(sock) is socket.socket:
            sock.__class__ = self._socket_class

    def _new_request(self, request: Any) -> _Request:
        noted = _Request(len(self._requests) + 1, self._thread())
        self._requests.append(noted)
        self._open[id(request)] = noted
        return noted

    def _spy_on_hook(self, name: str, hook: Callable[..., Any]) -> Callable[..., Any]:
        def spied(*args: Any, **kwargs: Any) -> Any:
            if not self._recording:
                return hook(*args, **kwargs)
            request = None
            if name in _OF_REQUEST and args:
                request = self._open.get(id(args[0])) or self._new_request(args[0])
            with self._calling(name, request=request) as call:
                result = hook(*args, **kwargs)
                if name == "get_request":
                    call.request = self._new_request(result[0])
                return result

        return spied

    def _spy_on_handler(self, handler: Any) -> Any:
        actor = getattr(handler, "__name__", type(handler).__name__)
        if not isinstance(handler, type):

            def factory(*args: Any, **kwargs: Any) -> Any:
                with self._calling("__call__", actor):
                    return handler(*args, **kwargs)

            return factory

        def spied(name: str) -> Callable[..., Any]:
            def method(this: Any, *args: Any, **kwargs: Any) -> Any:
                inherited = getattr(super(spy, this), name)
                if not self._recording:
                    return inherited(*args, **kwargs)
                with self._calling(name, actor):
                    return inherited(*args, **kwargs)

            return method

        members: dict[str, Any] = {
            name: spied(name)
            for name in _OF_HANDLER
            if getattr(handler, name, None) not in (None, object.__init__)
        }
        members |= {key: getattr(handler, key) for key in ("__module__", "__qualname__", "__doc__")}
        spy: Any = type(handler)(handler.__name__, (handler,), members)
        return spy

    # What the notes say.

    def _names(self) -> dict[int, str]:
        """Name the threads: the one that serves is Thread-1, the others as their turn comes."""
        serving = [call for root in self._sorted_roots() for _, call in root.walk()]
        rename: RelativeNames | None = None
        names: dict[int, str] = {}
        for call in serving:
            if call.thread in names:
                continue
            if rename is None:
                rename = RelativeNames(str(call.thread))
            if call.request or call.name in ("serve_forever", "handle_request"):
                names[call.thread] = rename(str(call.thread))
        return names

    def _sorted_roots(self) -> list[_Call]:
        return sorted(self._roots, key=lambda call: call.name != "serve_forever")

    @property
    def calls(self) -> list[str]:
        """The calls in order, one a line, indented under the call that made them.

        Requests stand in the order in which they came, each with all that was done for it, also
        where threads worked on several at once.
        """
        names = self._names()
        lines = []
        for root in self._sorted_roots():
            for depth, call in root.walk():
                of_server = call.actor in ("", self._server)
                name = call.name if of_server else f"{call.actor}.{call.name}"
                raised = f"  raised {call.raised}" if call.raised else ""
                lines.append(f"{names.get(call.thread, 'caller'):8}  {'  ' * depth}{name}{raised}")
        return lines

    def __str__(self) -> str:
        return "\n".join(self.calls)

    __repr__ = __str__

    def workers(self) -> list[str]:
        """Return the names of the threads that handled requests, without repeats."""
        names = self._names()
        return list(dict.fromkeys(names[request.worker] for request in self._requests))

    def overlapping(self) -> int:
        """Return the greatest number of requests that were at work at the same time."""
        ends = [(request.ended or float("inf"), -1) for request in self._requests]
        steps = sorted([*ends, *((request.began, 1) for request in self._requests)])
        return max(itertools.accumulate((step for _, step in steps), initial=0))

    def timeline(self) -> Timeline:
        """Draw when each request was at work, a row for each worker."""
        names = self._names()
        last = max((request.ended or request.began for request in self._requests), default=0.0)
        return Timeline(
            [
                Bar(names[request.worker], request.number, request.began, request.ended or last)
                for request in self._requests
            ]
        )

    def sequence(self, request: int = 1) -> Picture:
        """Draw the calls of one request, the first unless told otherwise.

        Raises IndexError when there was no such request.
        """
        if not 0 < request <= len(self._requests):
            raise IndexError(f"There is no request {request}: {len(self._requests)} were recorded.")
        steps = list(self._steps(self._requests[request - 1]))
        return sequence_diagram(steps, title=f"Who calls whom for request {request}")

    def _steps(self, request: _Request) -> Iterator[Step]:
        names = self._names()
        mine = [call for root in self._sorted_roots() for call in root.of(request)]
        threads = {call.thread for top in mine for _, call in top.walk()}

        def lane(call: _Call) -> str:
            return f"{call.actor} in {names[call.thread]}" if len(threads) > 1 else call.actor

        def follow(call: _Call, caller: str) -> Iterator[Step]:
            if not call.actor:
                comes = call.name.removeprefix("· ").startswith(("accept", "recv"))
                source, target = ("client", caller) if comes else (caller, "client")
                yield Step(source, target, call.name.removeprefix("· "))
                return
            here = lane(call)
            own = [child for child in call.children if child.thread == call.thread]
            opens = bool(own)
            yield Step(caller or here, here, call.name, opens=opens)
            for child in own:
                yield from follow(child, here)
            if call.raised:
                yield Step(here, caller or here, f"raised {call.raised}", breaks=True)
            if opens:  # a bar for a call that made no other would only clutter
                yield Step(here, here, "", closes=True)
            for child in call.children:  # the call does not wait for what another thread does
                if child.thread != call.thread:
                    yield from follow(child, here)

        for call in mine:
            yield from follow(call, "")


def _spied_socket(log: Log) -> type[socket.socket]:
    """Return a socket class that tells the log what happens on it.

    It has the layout of `socket.socket`, so a socket can take this class and give it back.
    """

    class SpiedSocket(socket.socket):
        __slots__ = ()

        def accept(self) -> Any:
            connection, address = super().accept()
            log._note("accept")
            log._watch(connection)
            return connection, address

    def received(name: str) -> Callable[..., Any]:
        def method(this: Any, *args: Any) -> Any:
            result = getattr(socket.socket, name)(this, *args)
            log._note(name if result else f"{name} (end of stream)")
            return result

        return method

    def done(name: str) -> Callable[..., Any]:
        def method(this: Any, *args: Any) -> Any:
            log._note(name)
            return getattr(socket.socket, name)(this, *args)

        return method

    for name in ("recv", "recv_into", "recvfrom"):
        setattr(SpiedSocket, name, received(name))
    for name in ("send", "sendall", "sendto", "shutdown", "close"):
        setattr(SpiedSocket, name, done(name))
    return SpiedSocket


@contextmanager
def record(server: Any) -> Iterator[Log]:
    """Note the calls of this one server inside a `with` block; it is as before afterwards.

        with record(server) as log, running(server):
            ...
        print(log)

    Works on any server with some of `socketserver`'s methods; the ones it lacks are not noted.
    What forked children do is not seen.
    """
    log = Log(server)
    before = dict(vars(server))
    hooks = [*_LIFE, "get_request", *_OF_REQUEST]
    if _overrides_service_actions(server):
        hooks.append("service_actions")
    for name in hooks:
        if callable(hook := getattr(server, name, None)):
            setattr(server, name, log._spy_on_hook(name, hook))
    changed = [name for name in hooks if name in vars(server)]
    if callable(getattr(server, "RequestHandlerClass", None)):
        server.RequestHandlerClass = log._spy_on_handler(server.RequestHandlerClass)
        changed.append("RequestHandlerClass")
    listener = getattr(server, "socket", None)
    log._watch(listener)
    try:
        yield log
    finally:
        log._recording = False
        if type(listener) is log._socket_class:
            listener.__class__ = socket.socket
        for name in changed:
            if name in before:
                setattr(server, name, before[name])
            else:
                delattr(server, name)


def _overrides_service_actions(server: Any) -> bool:
    owner = next((cls for cls in type(server).__mro__ if "service_actions" in vars(cls)), None)
    return owner is not None and owner.__name__ != "BaseServer"


class RelativeNames:
    """Numbers workers in the order in which they appear, the server's thread first.

    So a run gives the same lines in a script and in a Jupyter kernel, which has threads of its
    own, and two requests served by one worker still show as one number.
    """

    def __init__(self, server: str) -> None:
        self._seen = {server: 1}

    def __call__(self, worker: str) -> str:
        number = self._seen.setdefault(worker, len(self._seen) + 1)
        kind = "Process" if re.match(r"Process-\d+", worker) else "Thread"
        return f"{kind}-{number}"
