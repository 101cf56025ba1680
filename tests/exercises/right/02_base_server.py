# ruff: noqa
# fmt: off
# Right answers, written from the tasks' text, each as its author would have it.

# %% 02.1 a pipe, and an exit stack
from contextlib import ExitStack
import os

class BaseServer:
    timeout = None
    _wake_up = None

    def __init__(self, server_address, RequestHandlerClass):
        self.server_address = server_address
        self.RequestHandlerClass = RequestHandlerClass
        self.__is_shut_down = threading.Event()
        self.__is_shut_down.set()
        self.__shutdown_request = False

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "_BaseServer__shutdown_request" and value:
            self.wake()

    def wake(self):
        pipe = self._wake_up
        if pipe is not None:
            try:
                os.write(pipe, b".")
            except OSError:
                pass

    def has_regular_work(self):
        method = self.service_actions
        return getattr(method, "__func__", method) is not BaseServer.service_actions

    def serve_forever(self, poll_interval=0.5):
        with ExitStack() as stack:
            self.__is_shut_down.clear()
            def over():
                self.__shutdown_request = False
                self.__is_shut_down.set()
            stack.callback(over)
            r, w = os.pipe()
            stack.callback(os.close, r)
            def forget():
                self._wake_up = None
                os.close(w)
            stack.callback(forget)
            self._wake_up = w
            sel = stack.enter_context(_ServerSelector())
            sel.register(self, selectors.EVENT_READ, "client")
            sel.register(r, selectors.EVENT_READ, "bell")
            limit = poll_interval if self.has_regular_work() else None
            while not self.__shutdown_request:
                what = {key.data for key, _ in sel.select(limit)}
                if self.__shutdown_request:
                    return
                if "client" in what:
                    self._handle_request_noblock()
                self.service_actions()

    def shutdown(self):
        self.__shutdown_request = True
        self.__is_shut_down.wait()

    def _handle_request_noblock(self):
        try:
            request, client_address = self.get_request()
        except OSError:
            return
        if self.verify_request(request, client_address):
            try:
                self.process_request(request, client_address)
            except Exception:
                self.handle_error(request, client_address)
                self.shutdown_request(request)
            except:
                self.shutdown_request(request)
                raise
        else:
            self.shutdown_request(request)

    def handle_request(self):
        limits = [self.timeout, self.socket.gettimeout() if hasattr(self, "socket") else None]
        seconds = min((limit for limit in limits if limit is not None), default=None)
        selector = _ServerSelector()
        try:
            selector.register(self, selectors.EVENT_READ)
            if not selector.select(seconds):
                return self.handle_timeout()
        finally:
            selector.close()
        return self._handle_request_noblock()

    def __enter__(self): return self
    def __exit__(self, *exc_info): self.server_close()
    def server_activate(self): pass
    def server_close(self): pass
    def service_actions(self): pass
    def handle_timeout(self): pass
    def verify_request(self, request, client_address): return True
    def process_request(self, request, client_address):
        self.finish_request(request, client_address)
        self.shutdown_request(request)
    def finish_request(self, request, client_address):
        self.RequestHandlerClass(request, client_address, self)
    def shutdown_request(self, request): self.close_request(request)
    def close_request(self, request): pass
    def handle_error(self, request, client_address):
        rule = "-" * 40
        print(
            f"{rule}\nException occurred during processing of request from {client_address}\n"
            f"{traceback.format_exc()}{rule}",
            file=sys.stderr,
        )

# %% 02.1 helpers, and a lock around the button
class BaseServer:
    """The loop of every server; a subclass says what a request is."""

    timeout = None

    def __init__(self, server_address, RequestHandlerClass):
        self.server_address = server_address
        self.RequestHandlerClass = RequestHandlerClass
        self._lock = threading.Lock()
        self._button = None
        self.__is_shut_down = threading.Event()
        self.__is_shut_down.set()
        self.__shutdown_request = False

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "_BaseServer__shutdown_request" and value:
            self.wake()

    def wake(self):
        with self._lock:
            if self._button is not None:
                self._button.sendall(b"\0")

    def has_regular_work(self):
        method = self.service_actions
        return getattr(method, "__func__", method) is not BaseServer.service_actions

    def serve_forever(self, poll_interval=0.5):
        self.__is_shut_down.clear()
        try:
            bell, button = socket.socketpair()
            try:
                with self._lock:
                    self._button = button
                self._loop(bell, poll_interval)
            finally:
                with self._lock:
                    self._button = None
                bell.close()
                button.close()
        finally:
            self.__shutdown_request = False
            self.__is_shut_down.set()

    def _loop(self, bell, poll_interval):
        how_long = None
        if self.has_regular_work():
            how_long = poll_interval
        with _ServerSelector() as s:
            mine = s.register(self, selectors.EVENT_READ)
            s.register(bell, selectors.EVENT_READ)
            while True:
                if self.__shutdown_request:
                    break
                events = s.select(how_long)
                if self.__shutdown_request:
                    break
                if any(key is mine or key.fileobj is self for key, mask in events):
                    self._handle_request_noblock()
                self.service_actions()

    def shutdown(self):
        self.__shutdown_request = True
        self.__is_shut_down.wait()

    def _handle_request_noblock(self):
        try:
            request, client_address = self.get_request()
        except OSError:
            return None
        good = self.verify_request(request, client_address)
        if not good:
            return self.shutdown_request(request)
        try:
            return self.process_request(request, client_address)
        except BaseException as error:
            if isinstance(error, Exception):
                self.handle_error(request, client_address)
            self.shutdown_request(request)
            if not isinstance(error, Exception):
                raise

    def handle_request(self):
        limits = [self.timeout, self.socket.gettimeout() if hasattr(self, "socket") else None]
        seconds = min((limit for limit in limits if limit is not None), default=None)
        with _ServerSelector() as selector:
            selector.register(self.fileno(), selectors.EVENT_READ)
            ready = bool(selector.select(seconds))
        action = self._handle_request_noblock if ready else self.handle_timeout
        action()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.server_close()

    server_activate = server_close = lambda self: None

    def service_actions(self):
        pass

    def handle_timeout(self):
        pass

    def verify_request(self, request, client_address):
        return True

    def process_request(self, request, client_address):
        self.finish_request(request, client_address)
        self.shutdown_request(request)

    def finish_request(self, request, client_address):
        self.RequestHandlerClass(request, client_address, self)

    def shutdown_request(self, request):
        self.close_request(request)

    def close_request(self, request):
        pass

    def handle_error(self, request, client_address):
        rule = "-" * 40
        print(rule, f"Exception occurred during processing of request from {client_address}",
              traceback.format_exc() + rule, sep="\n", file=sys.stderr)

# %% 02.1 functions put on at the end
class BaseServer:
    timeout = None
    bell = button = None

    def __init__(self, server_address, RequestHandlerClass):
        self.server_address = server_address
        self.RequestHandlerClass = RequestHandlerClass
        self.__is_shut_down = threading.Event()
        self.__is_shut_down.set()
        self.__shutdown_request = False

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "_BaseServer__shutdown_request" and value:
            self.wake()

    def wake(self):
        button = self.button
        if button is None: return
        try: button.send(b"1")
        except OSError: return

    def has_regular_work(self):
        method = self.service_actions
        return getattr(method, "__func__", method) is not BaseServer.service_actions

    def serve_forever(self, poll_interval=0.5):
        is_shut_down: threading.Event = self.__is_shut_down
        is_shut_down.clear()
        try:
            (self.bell, self.button) = socket.socketpair()
            selector = _ServerSelector()
            try:
                [selector.register(one, selectors.EVENT_READ) for one in (self, self.bell)]
                while not self.__shutdown_request:
                    ready = selector.select(poll_interval if self.has_regular_work() else None)
                    if not self.__shutdown_request:
                        if len(ready):
                            self._handle_request_noblock()
                        self.service_actions()
            finally:
                selector.close()
                self.bell.close(); self.button.close()
        finally:
            self.__shutdown_request = False
            is_shut_down.set()

    def shutdown(self):
        self.__shutdown_request = True
        self.__is_shut_down.wait()

    def server_activate(self): """Nothing to do."""
    def server_close(self): """Nothing to do."""
    def service_actions(self): """Nothing to do."""
    def handle_timeout(self): """Nothing to do."""
    def close_request(self, request): """Nothing to do."""
    def verify_request(self, request, client_address): return True
    def __enter__(self): return self
    def __exit__(self, *exc_info): self.server_close()

def _handle_request_noblock(self):
    try:
        pair = self.get_request()
    except OSError:
        return
    if not self.verify_request(*pair):
        self.shutdown_request(pair[0])
        return
    try:
        self.process_request(*pair)
    except Exception:
        self.handle_error(*pair)
        self.shutdown_request(pair[0])
    except BaseException:
        self.shutdown_request(pair[0])
        raise

def handle_request(self):
    limits = [self.timeout, self.socket.gettimeout() if hasattr(self, "socket") else None]
    seconds = min((limit for limit in limits if limit is not None), default=None)
    with _ServerSelector() as selector:
        selector.register(self, selectors.EVENT_READ)
        if selector.select(seconds):
            self._handle_request_noblock()
        else:
            self.handle_timeout()

def process_request(self, request, client_address):
    self.finish_request(request, client_address)
    self.shutdown_request(request)

def finish_request(self, request, client_address):
    self.RequestHandlerClass(request, client_address, self)

def shutdown_request(self, request):
    self.close_request(request)

def handle_error(self, request, client_address):
    rule = "-" * 40
    print(
        f"{rule}\nException occurred during processing of request from {client_address}\n"
        f"{traceback.format_exc()}{rule}",
        file=sys.stderr,
    )

for method in (_handle_request_noblock, handle_request, process_request, finish_request, shutdown_request, handle_error):
    setattr(BaseServer, method.__name__, method)

# %% 02.1 socket pair, nested with, try and finally
class BaseServer:
    """The loop of every server; a subclass says what a request is."""

    timeout = None
    bell = button = None

    def __init__(self, server_address, RequestHandlerClass):
        self.server_address = server_address
        self.RequestHandlerClass = RequestHandlerClass
        self.__is_shut_down = threading.Event()
        self.__is_shut_down.set()
        self.__shutdown_request = False

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "_BaseServer__shutdown_request" and value:
            self.wake()

    def wake(self):
        button = self.button
        if button is None:
            return
        with suppress(OSError):
            button.send(b"!")

    def has_regular_work(self):
        method = self.service_actions
        return getattr(method, "__func__", method) is not BaseServer.service_actions

    def serve_forever(self, poll_interval=0.5):
        self.__is_shut_down.clear()
        try:
            bell, button = socket.socketpair()
            with bell, button, _ServerSelector() as selector:
                bell.setblocking(False)
                button.setblocking(False)
                selector.register(self, selectors.EVENT_READ)
                selector.register(bell, selectors.EVENT_READ)
                self.bell, self.button = bell, button
                while not self.__shutdown_request:
                    ready = selector.select(poll_interval if self.has_regular_work() else None)
                    if self.__shutdown_request:
                        break
                    for key, _ in ready:
                        if key.fileobj is bell:
                            bell.recv(1024)
                        else:
                            self._handle_request_noblock()
                    self.service_actions()
        finally:
            self.bell = self.button = None
            self.__shutdown_request = False
            self.__is_shut_down.set()

    def shutdown(self):
        self.__shutdown_request = True
        self.__is_shut_down.wait()

    def _handle_request_noblock(self):
        try:
            request, client_address = self.get_request()
        except OSError:
            return
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

    def handle_request(self):
        limits = [self.timeout, self.socket.gettimeout() if hasattr(self, "socket") else None]
        seconds = min((limit for limit in limits if limit is not None), default=None)
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            if selector.select(seconds):
                self._handle_request_noblock()
            else:
                self.handle_timeout()

    # The hooks, each with the plainest body that works.

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.server_close()

    def server_activate(self):
        pass

    def server_close(self):
        pass

    def service_actions(self):
        pass

    def handle_timeout(self):
        pass

    def verify_request(self, request, client_address):
        return True

    def process_request(self, request, client_address):
        self.finish_request(request, client_address)
        self.shutdown_request(request)

    def finish_request(self, request, client_address):
        self.RequestHandlerClass(request, client_address, self)

    def shutdown_request(self, request):
        self.close_request(request)

    def close_request(self, request):
        pass

    def handle_error(self, request, client_address):
        rule = "-" * 40
        print(
            f"{rule}\nException occurred during processing of request from {client_address}\n"
            f"{traceback.format_exc()}{rule}",
            file=sys.stderr,
        )

# %% 02.1 ExitStack, callbacks as the selector's data
from contextlib import ExitStack, contextmanager


class BaseServer:
    """Does it sleep? Does it wake? What is a request, if not what a subclass says?"""

    timeout = None
    bell = button = None

    def __init__(self, server_address, RequestHandlerClass):
        self.server_address = server_address
        self.RequestHandlerClass = RequestHandlerClass
        self.__is_shut_down = threading.Event()
        self.__is_shut_down.set()
        self.__shutdown_request = False

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "_BaseServer__shutdown_request" and value:
            self.wake()

    def wake(self):
        try:
            self.button.send(b"wake up!")
        except (AttributeError, OSError):
            pass  # nobody is asleep, or the bell is ringing already

    def has_regular_work(self):
        method = self.service_actions
        return getattr(method, "__func__", method) is not BaseServer.service_actions

    def __end(self):
        del self.bell, self.button
        self.__shutdown_request = False
        self.__is_shut_down.set()

    @contextmanager
    def __running(self):
        self.__is_shut_down.clear()
        self.bell = self.button = None
        with ExitStack() as stack:
            stack.callback(self.__end)
            self.bell, self.button = [stack.enter_context(end) for end in socket.socketpair()]
            self.button.setblocking(False)
            selector = stack.enter_context(_ServerSelector())
            selector.register(self.bell, selectors.EVENT_READ, lambda: self.bell.recv(4096))
            selector.register(self, selectors.EVENT_READ, lambda: self._handle_request_noblock())
            yield selector

    def serve_forever(self, poll_interval=0.5):
        with self.__running() as selector:
            while not self.__shutdown_request:
                longest = None
                if self.has_regular_work():
                    longest = poll_interval
                events = selector.select(longest)
                if not self.__shutdown_request:
                    for key, _mask in events:
                        key.data()
                    self.service_actions()

    def shutdown(self):
        self.__shutdown_request = True  # this rings, see __setattr__
        self.__is_shut_down.wait()

    def _handle_request_noblock(self):
        try:
            request, client_address = self.get_request()
        except OSError:
            return
        with ExitStack() as ending:
            ending.callback(self.shutdown_request, request)
            if self.verify_request(request, client_address):
                try:
                    self.process_request(request, client_address)
                except Exception:
                    self.handle_error(request, client_address)
                else:
                    ending.pop_all()  # process_request has seen to the end itself

    def handle_request(self):
        limits = [self.timeout, self.socket.gettimeout() if hasattr(self, "socket") else None]
        seconds = min((limit for limit in limits if limit is not None), default=None)
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            somebody_came = bool(selector.select(seconds))
        action = self._handle_request_noblock if somebody_came else self.handle_timeout
        action()

    # The hooks, each with the plainest body that works.

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.server_close()

    def server_activate(self):
        pass

    def server_close(self):
        pass

    def service_actions(self):
        pass

    def handle_timeout(self):
        pass

    def verify_request(self, request, client_address):
        return True

    def process_request(self, request, client_address):
        self.finish_request(request, client_address)
        self.shutdown_request(request)

    def finish_request(self, request, client_address):
        self.RequestHandlerClass(request, client_address, self)

    def shutdown_request(self, request):
        self.close_request(request)

    def close_request(self, request):
        pass

    def handle_error(self, request, client_address):
        rule = "-" * 40
        print(
            f"{rule}\nException occurred during processing of request from {client_address}\n"
            f"{traceback.format_exc()}{rule}",
            file=sys.stderr,
        )

# %% 02.1 a generator of waits, a pipe for the bell
import os
import time
from collections.abc import Iterator
from contextlib import closing


class BaseServer:
    """The loop of every server; a subclass says what a request is."""

    timeout = None
    bell = button = None

    def __init__(self, server_address, RequestHandlerClass):
        self.server_address = server_address
        self.RequestHandlerClass = RequestHandlerClass
        self.__is_shut_down = threading.Event()
        self.__is_shut_down.set()
        self.__shutdown_request = False

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "_BaseServer__shutdown_request" and value:
            self.wake()

    def wake(self) -> None:
        if (button := self.button) is not None:
            with suppress(OSError, ValueError):  # ValueError: the file was closed just now
                button.write(b".")

    def has_regular_work(self):
        method = self.service_actions
        return getattr(method, "__func__", method) is not BaseServer.service_actions

    def __waits(self, poll_interval: float) -> Iterator[bool]:
        """After each wait say: has a request come? The end of the waits means: stop."""
        reading_end, writing_end = os.pipe()
        with open(reading_end, "rb", buffering=0) as self.bell, open(writing_end, "wb", buffering=0) as self.button:
            os.set_blocking(writing_end, False)
            with _ServerSelector() as selector:
                for source in (self, self.bell):
                    selector.register(source, selectors.EVENT_READ)
                while not self.__shutdown_request:
                    patience = poll_interval if self.has_regular_work() else None
                    sources = [key.fileobj for key, _ in selector.select(patience)]
                    if self.__shutdown_request:
                        return
                    if any(source is self.bell for source in sources):
                        self.bell.read(512)
                    yield any(source is self for source in sources)

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        self.__is_shut_down.clear()
        try:
            with closing(self.__waits(poll_interval)) as waits:
                for request_has_come in waits:
                    if request_has_come:
                        self._handle_request_noblock()
                    self.service_actions()
        finally:
            self.bell = None
            self.button = None
            self.__shutdown_request = False
            self.__is_shut_down.set()

    def shutdown(self) -> None:
        self.__shutdown_request = True
        self.__is_shut_down.wait()

    def _handle_request_noblock(self) -> None:
        try:
            request, client_address = self.get_request()
        except OSError:
            return
        if self.verify_request(request, client_address):
            try:
                self.process_request(request, client_address)
            except BaseException as problem:
                harmless = isinstance(problem, Exception)
                if harmless:
                    self.handle_error(request, client_address)
                self.shutdown_request(request)
                if not harmless:
                    raise
        else:
            self.shutdown_request(request)

    def handle_request(self):
        limits = [self.timeout, self.socket.gettimeout() if hasattr(self, "socket") else None]
        seconds = min((limit for limit in limits if limit is not None), default=None)
        deadline = None if seconds is None else time.monotonic() + seconds
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            while True:
                rest = None if deadline is None else max(0, deadline - time.monotonic())
                if selector.select(rest):
                    return self._handle_request_noblock()
                if rest is not None and deadline <= time.monotonic():
                    return self.handle_timeout()

    # The hooks, each with the plainest body that works.

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.server_close()

    def server_activate(self):
        pass

    def server_close(self):
        pass

    def service_actions(self):
        pass

    def handle_timeout(self):
        pass

    def verify_request(self, request, client_address):
        return True

    def process_request(self, request, client_address):
        self.finish_request(request, client_address)
        self.shutdown_request(request)

    def finish_request(self, request, client_address):
        self.RequestHandlerClass(request, client_address, self)

    def shutdown_request(self, request):
        self.close_request(request)

    def close_request(self, request):
        pass

    def handle_error(self, request, client_address):
        rule = "-" * 40
        print(
            f"{rule}\nException occurred during processing of request from {client_address}\n"
            f"{traceback.format_exc()}{rule}",
            file=sys.stderr,
        )

# %% 02.2 everything in the server
def page(request, client_address, server):
    data = request.recv(1024)
    number = server.count()
    lines = ["HTTP/1.0 200 OK", "", "visitor %d" % number]
    request.sendall("\r\n".join(lines).encode("ascii"))

class SmallHarbour(socketserver.TCPServer):
    limit = 3

    def __init__(self, *args, **kwargs):
        self.visitors = 0
        super().__init__(*args, **kwargs)

    def count(self):
        self.visitors += 1
        return self.visitors

    def verify_request(self, request, client_address):
        if self.visitors >= self.limit:
            return False
        return super().verify_request(request, client_address)

# %% 02.2 a file for the page
class SmallHarbour(socketserver.TCPServer):
    visitors: int = 0
    limit: int = 3

    def verify_request(self, request, client_address) -> bool:
        return not self.visitors >= self.limit

def page(request, client_address, server):
    with request.makefile("rwb", buffering=0) as f:
        f.read(65536)
        setattr(server, "visitors", server.visitors + 1)
        f.write(("HTTP/1.0 200 OK\r\n\r\nvisitor " + str(server.visitors)).encode())

# %% 02.2 the handler is a class
class page(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.recv(8192)
        self.server.visitors = self.server.visitors + 1
        self.request.send(b"HTTP/1.0 200 OK\r\n\r\nvisitor %i\r\n" % self.server.visitors)

class SmallHarbour(socketserver.TCPServer):
    visitors, limit = 0, 3
    verify_request = lambda self, *_: self.visitors < self.limit

# %% 02.2 class attributes and one function
def page(request, client_address, server):
    request.recv(4096)
    server.visitors += 1
    request.sendall(f"HTTP/1.0 200 OK\r\n\r\nvisitor {server.visitors}".encode())


class SmallHarbour(socketserver.TCPServer):
    visitors = 0
    limit = 3

    def verify_request(self, request, client_address):
        return self.visitors < self.limit

# %% 02.2 instance attribute, a property, percent formatting
ANSWER = "\r\n".join(["HTTP/1.0 200 OK", "", "visitor %d"])


class SmallHarbour(socketserver.TCPServer):
    """Is there a place left? If not, good night. And who counts?"""

    limit = 3

    def __init__(self, *args, **kwargs):
        self.visitors = 0
        super().__init__(*args, **kwargs)

    @property
    def is_full(self):
        return self.visitors >= self.limit

    def verify_request(self, request, client_address):
        if self.is_full:
            return False
        return super().verify_request(request, client_address)


def page(request, client_address, server):
    request.recv(65536)
    server.visitors += 1
    text = (
        ANSWER
        % server.visitors
    )
    request.sendall(text.encode("ascii"))

# %% 02.2 the handler is a class, with wfile
class page(socketserver.StreamRequestHandler):
    def handle(self):
        self.request.recv(2048)
        self.server.visitors = number = self.server.visitors + 1
        for line in (b"HTTP/1.0 200 OK", b""):
            self.wfile.write(line + b"\r\n")
        self.wfile.write(b"visitor " + str(number).encode())


class SmallHarbour(socketserver.TCPServer):
    visitors: int = 0
    limit: int = 3

    def verify_request(self, request, client_address) -> bool:
        match self.limit - self.visitors:
            case places if places > 0:
                return True
            case _:
                return False

# %% 02.3 with closing
from contextlib import closing

class Desk(socketserver.TCPServer):
    timeout = 0.1
    ticks = 0

    def service_actions(self):
        super().service_actions()
        self.ticks = self.ticks + 1

def obey(request, client_address, server):
    request.sendall(b"stopped")
    threading.Thread(target=server.shutdown, daemon=True).start()

def run(server, prepare, work):
    """Prepare, serve while work() is done, then stop. Errors go on to the caller."""
    try:
        prepare()
        loop = threading.Thread(target=server.serve_forever)
        loop.start()
        try:
            work()
        finally:
            server.shutdown()
            loop.join()
    finally:
        server.server_close()

# %% 02.3 a flag for what has begun
class Desk(socketserver.TCPServer):
    ticks = 0

    def service_actions(self):
        self.ticks += 1

def stop_later(server):
    return threading.Timer(0.05, server.shutdown)

def obey(request, client_address, server):
    stop_later(server).start()
    request.sendall(b"stopped")

def run(server, prepare, work):
    thread = None
    try:
        prepare()
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        return work()
    finally:
        if thread:
            server.shutdown()
            thread.join()
        server.server_close()

# %% 02.3 a stack of what is to be undone
from contextlib import ExitStack

class Desk(socketserver.TCPServer):
    timeout, ticks = 0.1, 0

    def service_actions(self):
        self.ticks += 1

class Stopper(threading.Thread):
    def __init__(self, server):
        threading.Thread.__init__(self)
        self.server = server

    def run(self):
        self.server.shutdown()

def obey(request, client_address, server):
    Stopper(server).start()
    request.sendall(b"stopped")

def run(server, prepare, work):
    with ExitStack() as undo:
        undo.callback(server.server_close)
        prepare()
        t = threading.Thread(target=server.serve_forever)
        t.start()
        undo.callback(t.join)
        undo.callback(server.shutdown)
        work()

# %% 02.3 with the server, a thread to shut down
class Desk(socketserver.TCPServer):
    ticks = 0

    def service_actions(self):
        self.ticks += 1


def obey(request, client_address, server):
    request.sendall(b"stopped")
    threading.Thread(target=server.shutdown).start()


def run(server, prepare, work):
    """Prepare, serve while work() is done, then stop. Errors go on to the caller."""
    with server:
        prepare()
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            work()
        finally:
            server.shutdown()
            thread.join()

# %% 02.3 ExitStack and a Timer
from contextlib import ExitStack


class Desk(socketserver.TCPServer):
    timeout = 0.1
    ticks = 0

    def service_actions(self):
        super().service_actions()
        self.ticks += 1


def obey(request, client_address, server):
    """Who may stop the desk? Anybody. Who waits for it?"""
    try:
        request.sendall(b"stopped")
    finally:
        threading.Timer(0, server.shutdown).start()


def run(server, prepare, work):
    """Prepare, serve while work() is done, then stop. Errors go on to the caller."""
    with ExitStack() as cleanup:
        cleanup.callback(server.server_close)
        prepare()
        loop = threading.Thread(target=server.serve_forever, kwargs=dict(poll_interval=0.2))
        loop.start()
        # Last in, first out: shutdown, join, server_close. What if the loop has ended already? No harm.
        cleanup.callback(loop.join)
        cleanup.callback(server.shutdown)
        work()

# %% 02.3 contextmanager, a daemon thread, nested finally
from contextlib import contextmanager


def in_background(function, *args):
    thread = threading.Thread(target=function, args=args, daemon=True)
    thread.start()
    return thread


@contextmanager
def serving(server):
    loop = in_background(server.serve_forever, 0.1)
    try:
        yield
    finally:
        server.shutdown()
        loop.join()


class Desk(socketserver.TCPServer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.ticks = 0

    def service_actions(self):
        self.ticks = self.ticks + 1


def obey(request, client_address, server):
    in_background(server.shutdown)  # it waits for the loop, and the loop for us
    request.sendall(b"stopped")


def run(server, prepare, work):
    """Prepare, serve while work() is done, then stop. Errors go on to the caller."""
    try:
        prepare()
        with serving(server):
            work()
    finally:
        server.server_close()

# %% 02.4 built from pieces
begin = ["verify_request", "process_request", "finish_request", "handler"]
end = ["shutdown_request", "close_request"]
when_served = begin + end
when_turned_away = begin[:1] + end
when_it_fails = [*begin, "handle_error", *end]
time_outs = [1, 0]
who_returns = [True, False, False, False, True]

# %% 02.4 words in a string
when_served = "verify_request process_request finish_request handler shutdown_request close_request".split()
when_turned_away = "verify_request shutdown_request close_request".split()
when_it_fails = """verify_request process_request finish_request handler
                   handle_error shutdown_request close_request""".split()
time_outs = 1, 0
who_returns = tuple(letter == "y" for letter in "ynnny")

# %% 02.4 one after the other
when_served = list()
for name in ("verify_request", "process_request", "finish_request", "handler"):
    when_served.append(name)
when_it_fails = when_served.copy() + ["handle_error"]
for calls in (when_served, when_it_fails):
    calls.extend(["shutdown_request", "close_request"])
when_turned_away = ["verify_request"]; when_turned_away += when_served[-2:]
time_outs = [int(True), int(False)]
who_returns = [True] + 3 * [False] + [True]

# %% 02.4 plain literals
when_served = [
    "verify_request",
    "process_request",
    "finish_request",
    "handler",
    "shutdown_request",
    "close_request",
]
when_turned_away = ["verify_request", "shutdown_request", "close_request"]
when_it_fails = [
    "verify_request",
    "process_request",
    "finish_request",
    "handler",
    "handle_error",
    "shutdown_request",
    "close_request",
]
time_outs = [1, 0]
who_returns = [True, False, False, False, True]

# %% 02.4 built from a beginning and an end
begin, middle, end = (
    ["verify_request"],
    "process_request finish_request handler".split(),
    ["shutdown_request", "close_request"],
)
when_served = begin + middle + end
when_turned_away = begin + end
when_it_fails = [*begin, *middle, "handle_error", *end]
time_outs = [1] + [0]
who_returns = [question == 1 or question == 5 for question in range(1, 6)]

# %% 02.4 a filter over one long list
ALL_CALLS = (
    "verify_request",
    "process_request",
    "finish_request",
    "handler",
    "handle_error",
    "shutdown_request",
    "close_request",
)


def all_but(*missing):
    """Which calls are left when these are missing?"""
    return list(filter(lambda name: name not in missing, ALL_CALLS))


when_it_fails = all_but()
when_served = all_but("handle_error")
when_turned_away = all_but("process_request", "finish_request", "handler", "handle_error")
time_outs = list(map(int, (True, False)))
who_returns = list(
    {
        "another thread": True,
        "a handler": False,
        "service_actions": False,
        "never served, standard library": False,
        "never served, ours": True,
    }.values()
)
