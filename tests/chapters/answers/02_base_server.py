# %% waking
@reopen(_Waker)
class _Waker:
    def wake(self):
        try:
            self._sender.send(b"!")
        except OSError:
            pass

    def clear(self):
        try:
            self._receiver.recv(4096)
        except OSError:
            return

# %% waking: the line was full
@reopen(_Waker)
class _Waker:
    def wake(self):
        self._sender.send(b"!")

    def clear(self):
        with suppress(OSError):
            self._receiver.recv(4096)

# %% waking: the line was closed
@reopen(_Waker)
class _Waker:
    def wake(self):
        with suppress(BlockingIOError):
            self._sender.send(b"!")

    def clear(self):
        with suppress(OSError):
            self._receiver.recv(4096)

# %% waking: 2 bytes still in the line
@reopen(_Waker)
class _Waker:
    def wake(self):
        with suppress(OSError):
            self._sender.send(b"!")

    def clear(self):
        with suppress(OSError):
            self._receiver.recv(1)

# %% waking: there was nothing to read
@reopen(_Waker)
class _Waker:
    def wake(self):
        with suppress(OSError):
            self._sender.send(b"!")

    def clear(self):
        self._receiver.recv(4096)

# %% waking: b'' in the line after one wake()
@reopen(_Waker)
class _Waker:
    def wake(self):
        with suppress(OSError):
            self._receiver.send(b"!")

    def clear(self):
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

# %% loop
@reopen(BaseServer)
class BaseServer:
    def __loop(self, selector, waker, poll_interval):
        timeout = poll_interval if waker is None or self.__must_poll() else None
        while True:
            if self.__shutdown_request:
                return
            ready = selector.select(timeout=timeout)
            if not self.__shutdown_request:
                for key, events in ready:
                    see_to_it = key.data
                    see_to_it()
                self.service_actions()

# %% loop: selector.select(None)
@reopen(BaseServer)
class BaseServer:
    def __loop(self, selector, waker, poll_interval):
        timeout = poll_interval if waker is None or self.__must_poll() else None
        while not self.__shutdown_request:
            ready = selector.select()
            if self.__shutdown_request:
                break
            for key, _ in ready:
                key.data()
            self.service_actions()

# %% loop: selector.select(60.0)
@reopen(BaseServer)
class BaseServer:
    def __loop(self, selector, waker, poll_interval):
        timeout = poll_interval if waker is None or self.__must_poll() else None
        while not self.__shutdown_request:
            ready = selector.select(poll_interval)
            if self.__shutdown_request:
                break
            for key, _ in ready:
                key.data()
            self.service_actions()

# %% loop: a client served, although the flag was up by then
@reopen(BaseServer)
class BaseServer:
    def __loop(self, selector, waker, poll_interval):
        timeout = poll_interval if waker is None or self.__must_poll() else None
        while not self.__shutdown_request:
            ready = selector.select(timeout)
            for key, _ in ready:
                key.data()
            self.service_actions()

# %% loop: service_actions once in two waits
@reopen(BaseServer)
class BaseServer:
    def __loop(self, selector, waker, poll_interval):
        timeout = poll_interval if waker is None or self.__must_poll() else None
        while not self.__shutdown_request:
            ready = selector.select(timeout)
            if self.__shutdown_request:
                break
            if ready:
                for key, _ in ready:
                    key.data()
            else:
                self.service_actions()

# %% loop: data, service_actions, data
@reopen(BaseServer)
class BaseServer:
    def __loop(self, selector, waker, poll_interval):
        timeout = poll_interval if waker is None or self.__must_poll() else None
        while not self.__shutdown_request:
            ready = selector.select(timeout)
            if self.__shutdown_request:
                break
            for key, _ in ready:
                key.data()
                self.service_actions()

# %% loop: service_actions never
@reopen(BaseServer)
class BaseServer:
    def __loop(self, selector, waker, poll_interval):
        timeout = poll_interval if waker is None or self.__must_poll() else None
        while not self.__shutdown_request:
            ready = selector.select(timeout)
            if self.__shutdown_request:
                break
            for key, _ in ready:
                key.data()

# %% loop: data never
@reopen(BaseServer)
class BaseServer:
    def __loop(self, selector, waker, poll_interval):
        timeout = poll_interval if waker is None or self.__must_poll() else None
        while not self.__shutdown_request:
            ready = selector.select(timeout)
            if self.__shutdown_request:
                break
            for key, _ in ready:
                key.data
            self.service_actions()

# %% loop: without a call of selector.select()
@reopen(BaseServer)
class BaseServer:
    def __loop(self, selector, waker, poll_interval):
        timeout = poll_interval if waker is None or self.__must_poll() else None
        while self.__shutdown_request:
            for key, _ in selector.select(timeout):
                key.data()
            self.service_actions()

# %% trouble
@reopen(BaseServer)
class BaseServer:
    def _handle_request_noblock(self):
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
                self.process_request(*self.get_request())
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

# %% start and end: a KeyboardInterrupt, which is no Exception, and the event not set
@reopen(BaseServer)
class BaseServer:
    def serve_forever(self, poll_interval=0.5):
        self.__is_shut_down.clear()
        try:
            if not self.__shutdown_request:
                self.__serve(poll_interval)
        except Exception:
            self.__shutdown_request = False
            self.__is_shut_down.set()
            raise
        self.__shutdown_request = False
        self.__is_shut_down.set()

    def shutdown(self):
        BaseServer.stop_serving(self)  # not self's: a subclass may have one of its own
        self.__is_shut_down.wait()

# %% start and end: a wait() with a number in its parentheses
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
        BaseServer.stop_serving(self)  # not self's: a subclass may have one of its own
        self.__is_shut_down.wait(5)

# %% start and end: looks at the event again and again
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
        BaseServer.stop_serving(self)  # not self's: a subclass may have one of its own
        while not self.__is_shut_down.is_set():
            time.sleep(0.02)

# %% loop: the loop swallowed it
@reopen(BaseServer)
class BaseServer:
    def __loop(self, selector, waker, poll_interval):
        timeout = poll_interval if waker is None or self.__must_poll() else None
        while not self.__shutdown_request:
            ready = selector.select(timeout)
            if self.__shutdown_request:
                break
            for key, _ in ready:
                with suppress(Exception):
                    key.data()
            self.service_actions()

# %% trouble: the GeneratorExit, and 0 calls of shutdown_request
@reopen(BaseServer)
class BaseServer:
    def _handle_request_noblock(self):
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
        except (KeyboardInterrupt, SystemExit):
            self.shutdown_request(request)
            raise

# %% one request: does the selector watch for more?
@reopen(BaseServer)
class BaseServer:
    def handle_timeout(self):
        pass

    def handle_request(self):
        listener = getattr(self, "socket", None)
        limits = [self.timeout, None if listener is None else listener.gettimeout()]
        with _ServerSelector() as selector:
            selector.register(self, selectors.EVENT_READ | selectors.EVENT_WRITE)
            ready = selector.select(min((s for s in limits if s is not None), default=None))
        return self._handle_request_noblock() if ready else self.handle_timeout()

# %% one request: is the server registered with the selector?
@reopen(BaseServer)
class BaseServer:
    def handle_timeout(self):
        pass

    def handle_request(self):
        listener = getattr(self, "socket", None)
        limits = [self.timeout, None if listener is None else listener.gettimeout()]
        with _ServerSelector() as selector:
            ready = selector.select(min((s for s in limits if s is not None), default=None))
        return self._handle_request_noblock() if ready else self.handle_timeout()
