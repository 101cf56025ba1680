# %% polling
class PollingServer(NaiveServer):
    looks = 0

    def serve_forever(self, poll_interval=0.5):
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            while True:
                if self.stop:
                    break
                self.looks = self.looks + 1
                ready = selector.select(timeout=poll_interval)
                if not ready:
                    continue
                serve_one(self)

# %% polling: does select() get poll_interval as its limit?
class PollingServer(NaiveServer):
    looks = 0

    def serve_forever(self, poll_interval=0.5):
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            while not self.stop:
                self.looks += 1
                if selector.select():
                    serve_one(self)

# %% polling: the loop is asleep in accept
class PollingServer(NaiveServer):
    looks = 0

    def serve_forever(self, poll_interval=0.5):
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            while not self.stop:
                self.looks += 1
                selector.select(poll_interval)
                serve_one(self)

# %% polling: does select() wait at all?
class PollingServer(NaiveServer):
    looks = 0

    def serve_forever(self, poll_interval=0.5):
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            while not self.stop:
                self.looks += 1
                if selector.select(0):
                    serve_one(self)

# %% polling: 0 in looks
class PollingServer(NaiveServer):
    looks = 0

    def serve_forever(self, poll_interval=0.5):
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            while not self.stop:
                if selector.select(poll_interval):
                    serve_one(self)

# %% polling: returned although the flag was down
class PollingServer(NaiveServer):
    looks = 0

    def serve_forever(self, poll_interval=0.5):
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            while not self.stop:
                self.looks += 1
                if not selector.select(poll_interval):
                    return
                serve_one(self)

# %% polling: is poll_interval the limit of the wait?
class PollingServer(NaiveServer):
    looks = 0

    def serve_forever(self, poll_interval=0.5):
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            while not self.stop:
                self.looks += 1
                if selector.select(0.5):
                    serve_one(self)

# %% polling: without a serve_forever() of its own
class PollingServer(NaiveServer):
    looks = 0

    def serve_forver(self, poll_interval=0.5):
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            while not self.stop:
                self.looks += 1
                if selector.select(poll_interval):
                    serve_one(self)

# %% polling: without self as its first parameter
class PollingServer(NaiveServer):
    looks = 0

    def serve_forever(poll_interval=0.5):
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            while not self.stop:
                self.looks += 1
                if selector.select(poll_interval):
                    serve_one(self)

# %% polling: self.stop is how its methods reach it
class PollingServer(NaiveServer):
    looks = 0

    def serve_forever(self, poll_interval=0.5):
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            while not stop:
                self.looks += 1
                if selector.select(poll_interval):
                    serve_one(self)

# %% waking
@reopen(_Waker)
class _Waker:
    def wake(self):
        try:
            self._sender.send(b"!")
        except OSError:
            pass

    def wait(self, seconds=0.0):
        try:
            self._receiver.settimeout(seconds)
            self._receiver.recv(4096)
        except OSError:
            return

# %% waking: the line was full
@reopen(_Waker)
class _Waker:
    def wake(self):
        self._sender.send(b"!")

    def wait(self, seconds=0.0):
        self._receiver.settimeout(seconds)
        with suppress(OSError):
            self._receiver.recv(4096)

# %% waking: the line was closed
@reopen(_Waker)
class _Waker:
    def wake(self):
        with suppress(BlockingIOError):
            self._sender.send(b"!")

    def wait(self, seconds=0.0):
        self._receiver.settimeout(seconds)
        with suppress(OSError):
            self._receiver.recv(4096)

# %% waking: does the receiver have a time limit?
@reopen(_Waker)
class _Waker:
    def wake(self):
        with suppress(OSError):
            self._sender.send(b"!")

    def wait(self, seconds=0.0):
        with suppress(OSError):
            self._receiver.recv(4096)

# %% waking: 2 bytes still in the line
@reopen(_Waker)
class _Waker:
    def wake(self):
        with suppress(OSError):
            self._sender.send(b"!")

    def wait(self, seconds=0.0):
        self._receiver.settimeout(seconds)
        with suppress(OSError):
            self._receiver.recv(1)

# %% waking: TimeoutError
@reopen(_Waker)
class _Waker:
    def wake(self):
        with suppress(OSError):
            self._sender.send(b"!")

    def wait(self, seconds=0.0):
        self._receiver.settimeout(seconds)
        self._receiver.recv(4096)

# %% waking: BlockingIOError
@reopen(_Waker)
class _Waker:
    def wake(self):
        with suppress(OSError):
            self._sender.send(b"!")

    def wait(self, seconds=0.0):
        self._receiver.settimeout(seconds)
        with suppress(TimeoutError):
            self._receiver.recv(4096)

# %% waking: wait(0.7) back after 0.5
@reopen(_Waker)
class _Waker:
    def wake(self):
        with suppress(OSError):
            self._sender.send(b"!")

    def wait(self, seconds=0.0):
        self._receiver.settimeout(0.5)
        with suppress(OSError):
            self._receiver.recv(4096)

# %% start and end
@reopen(BaseServer)
class BaseServer:
    def serve_forever(self, poll_interval=0.5):
        try:
            self.__is_shut_down.clear()
            if self.__shutdown_request:
                return
            self.__serve(poll_interval=poll_interval)
        finally:
            self.__shutdown_request = False
            self.__is_shut_down.set()

    def shutdown(self):
        BaseServer.stop_serving(self)
        while not self.__is_shut_down.wait(1):
            pass

# %% start and end: the exception, and the event not set
@reopen(BaseServer)
class BaseServer:
    def serve_forever(self, poll_interval=0.5):
        self.__is_shut_down.clear()
        if not self.__shutdown_request:
            self.__serve(poll_interval)
        self.__shutdown_request = False
        self.__is_shut_down.set()

    def shutdown(self):
        BaseServer.stop_serving(self)
        self.__is_shut_down.wait()

# %% start and end: the event was set while the flag was still up
@reopen(BaseServer)
class BaseServer:
    def serve_forever(self, poll_interval=0.5):
        self.__is_shut_down.clear()
        try:
            if not self.__shutdown_request:
                self.__serve(poll_interval)
        finally:
            self.__is_shut_down.set()
            self.__shutdown_request = False

    def shutdown(self):
        BaseServer.stop_serving(self)
        self.__is_shut_down.wait()

# %% start and end: shutdown() returned while the loop still ran
@reopen(BaseServer)
class BaseServer:
    def serve_forever(self, poll_interval=0.5):
        self.__is_shut_down.clear()
        try:
            if not self.__shutdown_request:
                self.__serve(poll_interval)
        finally:
            self.__shutdown_request = False
            self.__is_shut_down.set()

    def shutdown(self):
        BaseServer.stop_serving(self)

# %% start and end: the event is set while the loop runs
@reopen(BaseServer)
class BaseServer:
    def serve_forever(self, poll_interval=0.5):
        try:
            if not self.__shutdown_request:
                self.__serve(poll_interval)
        finally:
            self.__shutdown_request = False
            self.__is_shut_down.set()

    def shutdown(self):
        BaseServer.stop_serving(self)
        self.__is_shut_down.wait()

# %% start and end: a loop, although the flag was up before it began
@reopen(BaseServer)
class BaseServer:
    def serve_forever(self, poll_interval=0.5):
        self.__is_shut_down.clear()
        self.__shutdown_request = False
        try:
            self.__serve(poll_interval)
        finally:
            self.__shutdown_request = False
            self.__is_shut_down.set()

    def shutdown(self):
        BaseServer.stop_serving(self)
        self.__is_shut_down.wait()

# %% start and end: False in place of the event
@reopen(BaseServer)
class BaseServer:
    def serve_forever(self, poll_interval=0.5):
        self.__is_shut_down = False
        try:
            if not self.__shutdown_request:
                self.__serve(poll_interval)
        finally:
            self.__shutdown_request = False
            self.__is_shut_down = True

    def shutdown(self):
        BaseServer.stop_serving(self)
        self.__is_shut_down.wait()

# %% start and end: BaseServer.__serve() missing 1 required positional argument
@reopen(BaseServer)
class BaseServer:
    def serve_forever(self, poll_interval=0.5):
        self.__is_shut_down.clear()
        try:
            if not self.__shutdown_request:
                self.__serve()
        finally:
            self.__shutdown_request = False
            self.__is_shut_down.set()

    def shutdown(self):
        BaseServer.stop_serving(self)
        self.__is_shut_down.wait()

# %% start and end: with the parentheses?
@reopen(BaseServer)
class BaseServer:
    def serve_forever(self, poll_interval=0.5):
        self.__is_shut_down.clear()
        try:
            if not self.__shutdown_request:
                self.__serve(poll_interval)
        finally:
            self.__shutdown_request = False
            self.__is_shut_down.set()

    def shutdown(self):
        BaseServer.stop_serving(self)
        self.__is_shut_down.wait

# %% hooks
@reopen(BaseServer)
class BaseServer:
    def process_request(self, request, client_address):
        """Serve, then end it."""
        self.finish_request(request, client_address)
        return self.shutdown_request(request)

    def finish_request(self, request, client_address):
        handler = self.RequestHandlerClass
        handler(request, client_address, self)

# %% hooks: no shutdown_request
@reopen(BaseServer)
class BaseServer:
    def process_request(self, request, client_address):
        self.finish_request(request, client_address)

    def finish_request(self, request, client_address):
        self.RequestHandlerClass(request, client_address, self)

# %% hooks: no finish_request and no shutdown_request
@reopen(BaseServer)
class BaseServer:
    def process_request(self, request, client_address):
        self.RequestHandlerClass(request, client_address, self)
        self.close_request(request)

    def finish_request(self, request, client_address):
        self.RequestHandlerClass(request, client_address, self)

# %% hooks: TypeError
@reopen(BaseServer)
class BaseServer:
    def process_request(self, request, client_address):
        self.finish_request(request, client_address)
        self.shutdown_request(request)

    def finish_request(self, request, client_address):
        self.RequestHandlerClass(request, client_address)

# %% hooks: the request was ended before it was served
@reopen(BaseServer)
class BaseServer:
    def process_request(self, request, client_address):
        self.shutdown_request(request)
        self.finish_request(request, client_address)

    def finish_request(self, request, client_address):
        self.RequestHandlerClass(request, client_address, self)

# %% hooks: shutdown_request, close_request, close_request
@reopen(BaseServer)
class BaseServer:
    def process_request(self, request, client_address):
        self.finish_request(request, client_address)
        self.shutdown_request(request)
        self.close_request(request)

    def finish_request(self, request, client_address):
        self.RequestHandlerClass(request, client_address, self)

# %% hooks: whose third argument is not this server
@reopen(BaseServer)
class BaseServer:
    def process_request(self, request, client_address):
        self.finish_request(request, client_address)
        self.shutdown_request(request)

    def finish_request(self, request, client_address):
        self.RequestHandlerClass(request, client_address, server)

# %% hooks: process_request() still raises NotImplementedError: delete that line
@reopen(BaseServer)
class BaseServer:
    def process_request(self, request, client_address):
        self.finish_request(request, client_address)
        self.shutdown_request(request)
        raise NotImplementedError()

    def finish_request(self, request, client_address):
        self.RequestHandlerClass(request, client_address, self)

# %% loop
@reopen(BaseServer)
class BaseServer:
    def __loop(self, selector, waker, poll_interval):
        rest = waker.wait if waker else time.sleep
        timeout = None
        if not waker or self.__must_poll():
            timeout = poll_interval
        is_limited = self.__overrides("has_capacity")
        while not self.__shutdown_request:
            if is_limited and not self.has_capacity():
                rest(_SHORTEST_PAUSE)
                ready = []
            else:
                ready = selector.select(timeout)
            if self.__shutdown_request:
                return
            for key, events in ready:
                see_to_it = key.data
                see_to_it()
            self.service_actions()
            if self.__pause:
                rest(self.__pause)

# %% loop: selector.select(60.0)
@reopen(BaseServer)
class BaseServer:
    def __loop(self, selector, waker, poll_interval):
        rest = waker.wait if waker else time.sleep
        timeout = poll_interval
        is_limited = self.__overrides("has_capacity")
        while not self.__shutdown_request:
            if is_limited and not self.has_capacity():
                rest(_SHORTEST_PAUSE)
                ready = []
            else:
                ready = selector.select(timeout)
            if self.__shutdown_request:
                break
            for key, _ in ready:
                key.data()
            self.service_actions()
            if self.__pause:
                rest(self.__pause)

# %% loop: selector.select(None)
@reopen(BaseServer)
class BaseServer:
    def __loop(self, selector, waker, poll_interval):
        rest = waker.wait if waker else time.sleep
        timeout = poll_interval if self.__must_poll() else None
        is_limited = self.__overrides("has_capacity")
        while not self.__shutdown_request:
            if is_limited and not self.has_capacity():
                rest(_SHORTEST_PAUSE)
                ready = []
            else:
                ready = selector.select(timeout)
            if self.__shutdown_request:
                break
            for key, _ in ready:
                key.data()
            self.service_actions()
            if self.__pause:
                rest(self.__pause)

# %% loop: a client served, although the flag was up by then
@reopen(BaseServer)
class BaseServer:
    def __loop(self, selector, waker, poll_interval):
        rest = waker.wait if waker else time.sleep
        timeout = poll_interval if waker is None or self.__must_poll() else None
        is_limited = self.__overrides("has_capacity")
        while not self.__shutdown_request:
            if is_limited and not self.has_capacity():
                rest(_SHORTEST_PAUSE)
                ready = []
            else:
                ready = selector.select(timeout)
            for key, _ in ready:
                key.data()
            self.service_actions()
            if self.__pause:
                rest(self.__pause)

# %% loop: service_actions once in two waits
@reopen(BaseServer)
class BaseServer:
    def __loop(self, selector, waker, poll_interval):
        rest = waker.wait if waker else time.sleep
        timeout = poll_interval if waker is None or self.__must_poll() else None
        is_limited = self.__overrides("has_capacity")
        while not self.__shutdown_request:
            if is_limited and not self.has_capacity():
                rest(_SHORTEST_PAUSE)
                ready = []
            else:
                ready = selector.select(timeout)
            if self.__shutdown_request:
                break
            if ready:
                for key, _ in ready:
                    key.data()
            else:
                self.service_actions()
            if self.__pause:
                rest(self.__pause)

# %% loop: with its parentheses?
@reopen(BaseServer)
class BaseServer:
    def __loop(self, selector, waker, poll_interval):
        rest = waker.wait if waker else time.sleep
        timeout = poll_interval if waker is None or self.__must_poll else None
        is_limited = self.__overrides("has_capacity")
        while not self.__shutdown_request:
            if is_limited and not self.has_capacity():
                rest(_SHORTEST_PAUSE)
                ready = []
            else:
                ready = selector.select(timeout)
            if self.__shutdown_request:
                break
            for key, _ in ready:
                key.data()
            self.service_actions()
            if self.__pause:
                rest(self.__pause)

# %% loop: data never
@reopen(BaseServer)
class BaseServer:
    def __loop(self, selector, waker, poll_interval):
        rest = waker.wait if waker else time.sleep
        timeout = poll_interval if waker is None or self.__must_poll() else None
        is_limited = self.__overrides("has_capacity")
        while not self.__shutdown_request:
            if is_limited and not self.has_capacity():
                rest(_SHORTEST_PAUSE)
                ready = []
            else:
                ready = selector.select(timeout)
            if self.__shutdown_request:
                break
            for key, _ in ready:
                key.data
            self.service_actions()
            if self.__pause:
                rest(self.__pause)

# %% trouble
@reopen(BaseServer)
class BaseServer:
    def _handle_request_noblock(self):
        try:
            request, client_address = self.get_request()
        except OSError as error:
            if error.errno in _LASTING_ERRORS:
                pause = (2 * self.__pause) or _SHORTEST_PAUSE
                vars(self)["_BaseServer__pause"] = min(pause, _LONGEST_PAUSE)
            return
        vars(self).pop("_BaseServer__pause", None)
        self.request_taken(request, client_address)
        if not self.verify_request(request, client_address):
            self.shutdown_request(request)
            return
        try:
            self.process_request(request, client_address)
        except BaseException as trouble:
            if isinstance(trouble, Exception):
                self.handle_error(request, client_address)
            self.shutdown_request(request)
            if not isinstance(trouble, Exception):
                raise

# %% trouble: a first client that waits forever: not closed
@reopen(BaseServer)
class BaseServer:
    def _handle_request_noblock(self):
        try:
            request, client_address = self.get_request()
        except OSError:
            return
        if not self.verify_request(request, client_address):
            self.shutdown_request(request)
            return
        self.process_request(request, client_address)

# %% trouble: shutdown_request 2 times for one request
@reopen(BaseServer)
class BaseServer:
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
        finally:
            self.shutdown_request(request)

# %% trouble: handle_error called, as if it were a bug
@reopen(BaseServer)
class BaseServer:
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
        except:
            self.handle_error(request, client_address)
            self.shutdown_request(request)

# %% trouble: the KeyboardInterrupt, and 0 calls of shutdown_request
@reopen(BaseServer)
class BaseServer:
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

# %% trouble: no KeyboardInterrupt: it was swallowed
@reopen(BaseServer)
class BaseServer:
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

# %% trouble: does except Exception come before except BaseException?
@reopen(BaseServer)
class BaseServer:
    def _handle_request_noblock(self):
        try:
            request, client_address = self.get_request()
        except OSError:
            return
        self.request_taken(request, client_address)
        if not self.verify_request(request, client_address):
            self.shutdown_request(request)
            return
        try:
            self.process_request(request, client_address)
        except BaseException:
            self.shutdown_request(request)
            raise
        except Exception:
            self.handle_error(request, client_address)
            self.shutdown_request(request)

# %% trouble: the SystemExit, and 0 calls
@reopen(BaseServer)
class BaseServer:
    def _handle_request_noblock(self):
        try:
            request, client_address = self.get_request()
        except OSError:
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
        except KeyboardInterrupt:
            self.shutdown_request(request)
            raise

# %% one request
@reopen(BaseServer)
class BaseServer:
    def handle_timeout(self):
        pass

    def handle_request(self):
        listener = getattr(self, "socket", None)
        limits = [self.timeout, None if listener is None else listener.gettimeout()]
        real = [limit for limit in limits if limit is not None]
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            if selector.select(min(real) if real else None):
                self._handle_request_noblock()
            else:
                self.handle_timeout()

# %% one request: nothing within 2 seconds
@reopen(BaseServer)
class BaseServer:
    def handle_request(self):
        self._handle_request_noblock()

# %% one request: nothing within 2 seconds
@reopen(BaseServer)
class BaseServer:
    def handle_request(self):
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            if selector.select(self.timeout or None):
                self._handle_request_noblock()
            else:
                self.handle_timeout()

# %% one request: TypeError
@reopen(BaseServer)
class BaseServer:
    def handle_request(self):
        limits = [self.timeout, self.socket.gettimeout()]
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            if selector.select(min(limits)):
                self._handle_request_noblock()
            else:
                self.handle_timeout()

# %% one request: on a socket with the limit 0.05
@reopen(BaseServer)
class BaseServer:
    def handle_request(self):
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            ready = selector.select(self.timeout)
        if ready:
            self._handle_request_noblock()
        else:
            self.handle_timeout()

# %% one request: 0 calls of handle_timeout
@reopen(BaseServer)
class BaseServer:
    def handle_request(self):
        listener = getattr(self, "socket", None)
        limits = [self.timeout, None if listener is None else listener.gettimeout()]
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            if selector.select(min((s for s in limits if s is not None), default=None)):
                self._handle_request_noblock()

# %% one request: a handler, for a client who is turned away
@reopen(BaseServer)
class BaseServer:
    def handle_timeout(self):
        pass

    def handle_request(self):
        listener = getattr(self, "socket", None)
        limits = [self.timeout, None if listener is None else listener.gettimeout()]
        limit = min((one for one in limits if one is not None), default=None)
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            if selector.select(limit):
                serve_one(self)
            else:
                self.handle_timeout()

# %% one request: has no attribute 'socket'
@reopen(BaseServer)
class BaseServer:
    def handle_timeout(self):
        pass

    def handle_request(self):
        listener = getattr(self, "socket", None)
        limits = [self.timeout, None if listener is None else listener.gettimeout()]
        limit = min((one for one in limits if one is not None), default=None)
        with _ServerSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            if selector.select(limit):
                self._handle_request_noblock()
            else:
                self.handle_timeout()

# %% one request: handle_request(), with no time limit
@reopen(BaseServer)
class BaseServer:
    def handle_timeout(self):
        pass

    def handle_request(self):
        listener = getattr(self, "socket", None)
        limits = [self.timeout, None if listener is None else listener.gettimeout()]
        limit = min([one for one in limits if one is not None])
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            if selector.select(limit):
                self._handle_request_noblock()
            else:
                self.handle_timeout()
