"""BaseServer: the loop every server shares, and the hooks it calls."""

import selectors
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

# poll needs no descriptor of its own and has no limit on descriptor numbers, as select has.
_ServerSelector: type[selectors.BaseSelector] = getattr(
    selectors, "PollSelector", selectors.SelectSelector
)


class _Waker:
    """A socket pair that ends a wait: a byte sent into one end makes the other readable.

    A pipe would do on Unix, but Windows can only select on sockets.
    """

    def __init__(self) -> None:
        self._receiver, self._sender = socket.socketpair()
        self._receiver.setblocking(False)
        self._sender.setblocking(False)
        self.wake()
        if self._receiver.recv(1) != b"!":  # a test has put a mock in the place of sockets
            raise OSError("These sockets wake nobody.")

    def fileno(self) -> int:
        return self._receiver.fileno()

    def wake(self) -> None:
        with suppress(OSError):  # full: it is awake already; closed: nobody waits
            self._sender.send(b"!")

    def clear(self) -> None:
        with suppress(OSError):  # nothing to read: another ring has been read along with this one
            self._receiver.recv(4096)

    def close(self) -> None:
        self._receiver.close()
        self._sender.close()


class BaseServer:
    """Parent of all servers: takes requests one by one and hands each to a handler.

    It knows nothing of sockets. A subclass says what a request is with `fileno` and
    `get_request`, and how one ends with `shutdown_request` and `close_request`.
    The caller uses `serve_forever` and `shutdown`, or `handle_request`, then `server_close`.

    `timeout` is the number of seconds `handle_request` waits; None waits for ever.
    """

    timeout: float | None = None

    __waker: _Waker | None = None

    def __init__(self, server_address: Any, RequestHandlerClass: Callable[..., Any]) -> None:
        """Keep the address (one value, its shape up to the subclass) and the handler class.

        `RequestHandlerClass` is called as `RequestHandlerClass(request, client_address, server)`;
        any callable will do.
        """
        self.server_address = server_address
        self.RequestHandlerClass = RequestHandlerClass
        self.__is_shut_down = threading.Event()
        self.__is_shut_down.set()
        self.__shutdown_request = False

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.server_close()

    def server_activate(self) -> None:
        """Start to take requests. For subclasses."""

    def server_close(self) -> None:
        """Give back what the server holds. For subclasses."""

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when a request waits. For subclasses."""
        raise NotImplementedError(f"{type(self).__name__} must define fileno()")

    def get_request(self) -> tuple[Any, Any]:
        """Return `(request, client_address)`. For subclasses; called only when one waits.

        An OSError means that the request went away again, and is not reported.
        """
        raise NotImplementedError(f"{type(self).__name__} must define get_request()")

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        # Programs also set this flag without calling shutdown(), so the flag does the waking.
        if name == "_BaseServer__shutdown_request":
            self.__wake()

    def __wake(self) -> None:
        """Make a waiting loop look again at once."""
        if self.__waker is not None:
            self.__waker.wake()

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Handle requests until `shutdown` is called, from another thread.

        `service_actions` is called after each wait, and a wait lasts `poll_interval` seconds
        at the most. Where `service_actions` is not overridden, an idle server sleeps until
        there is something to do.
        """
        self.__is_shut_down.clear()
        try:
            if not self.__shutdown_request:
                self.__serve(poll_interval)
        finally:
            self.__shutdown_request = False
            self.__is_shut_down.set()

    def __serve(self, poll_interval: float) -> None:
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ, self._handle_request_noblock)
            try:
                # Not set as usual: that goes through a subclass's own __setattr__.
                waker = vars(self)["_BaseServer__waker"] = _Waker()
                selector.register(waker, selectors.EVENT_READ, waker.clear)
            except OSError:  # no descriptor left, or a mock: poll
                waker = None
            try:
                self.__loop(selector, waker, poll_interval)
            finally:
                vars(self).pop("_BaseServer__waker", None)
                if waker is not None:
                    waker.close()

    def __loop(self, selector: Any, waker: _Waker | None, poll_interval: float) -> None:
        timeout = poll_interval if waker is None or self.__must_poll() else None
        while not self.__shutdown_request:
            ready = selector.select(timeout)
            if self.__shutdown_request:
                break
            for key, _ in ready:
                key.data()
            self.service_actions()

    def __must_poll(self) -> bool:
        # A subclass that sets attributes in its own way may set the flag without a sound. And on
        # Windows a wait without an end cannot be interrupted with Ctrl-C.
        hooks = ("service_actions", "__setattr__")
        return any(map(self.__overrides, hooks)) or sys.platform == "win32"

    def __overrides(self, name: str) -> bool:
        method = getattr(self, name)
        return getattr(method, "__func__", method) is not getattr(BaseServer, name)

    def shutdown(self) -> None:
        """Stop `serve_forever` and wait until it has stopped.

        It waits for ever if the thread that serves is the one that calls it. Where no loop
        runs it returns at once, and a loop about to start ends at once (the standard library
        waits for a loop to come).
        """
        BaseServer.stop_serving(self)  # not self's: a subclass may have one of its own
        self.__is_shut_down.wait()

    def stop_serving(self) -> None:
        """Ask `serve_forever` to stop, and do not wait until it has.

        Beyond the standard library. A handler may call it in the thread that serves.
        """
        self.__shutdown_request = True
        self.__wake()  # a subclass's own __setattr__ may have kept the flag from doing it

    def service_actions(self) -> None:
        """Do regular work between requests. Called by `serve_forever`, see there how often."""

    def handle_request(self) -> None:
        """Handle one request, or call `handle_timeout` when none comes in time.

        The time is `self.timeout` or the socket's own time limit, whichever is shorter.
        """
        listener = getattr(self, "socket", None)
        limits = [self.timeout, None if listener is None else listener.gettimeout()]
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            ready = selector.select(min((s for s in limits if s is not None), default=None))
        return self._handle_request_noblock() if ready else self.handle_timeout()

    def _handle_request_noblock(self) -> None:
        """Take the request that waits, and see it through."""
        try:
            request, client_address = self.get_request()
        except OSError as error:
            self.request_lost(error)
            return
        self.request_taken(request, client_address)
        if not self.verify_request(request, client_address):
            self.shutdown_request(request)
            return
        try:
            self.process_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
            self.shutdown_request(request)
        except BaseException:
            self.shutdown_request(request)
            raise

    def handle_timeout(self) -> None:
        """Called by `handle_request` when no request came in time. For subclasses."""

    def request_lost(self, error: OSError) -> None:
        """Called with the error of a `get_request` that failed. For subclasses.

        Beyond the standard library.
        """

    def request_taken(self, request: Any, client_address: Any) -> None:
        """Called with what `get_request` returned, before it is verified. For subclasses.

        Beyond the standard library.
        """

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Tell whether to serve this request; one turned away is closed."""
        return True

    def process_request(self, request: Any, client_address: Any) -> None:
        """See the request through, here and now. The mix-ins do it elsewhere."""
        self.finish_request(request, client_address)
        self.shutdown_request(request)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Make the handler; making it handles the request."""
        self.RequestHandlerClass(request, client_address, self)

    def shutdown_request(self, request: Any) -> None:
        """End the request: say goodbye, then `close_request`."""
        self.close_request(request)

    def close_request(self, request: Any) -> None:
        """Give back what the request holds. For subclasses."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report the exception being handled, on stderr; the server goes on."""
        rule = "-" * 40
        # One call, so that the reports of two threads do not mix.
        print(
            f"{rule}\nException occurred during processing of request from {client_address}\n"
            f"{traceback.format_exc()}{rule}",
            file=sys.stderr,
        )
