# %% open requests
@reopen(OpenRequestsMixIn)
class OpenRequestsMixIn:
    def request_taken(self, request, client_address):
        super().request_taken(request, client_address)
        entry = (request, client_address)
        self.open_requests.update({id(request): entry})

    @staticmethod
    def is_shell(one):
        return isinstance(one, socket.socket) and one.fileno() == -1

    def forget_closed(self, request=None):
        with self.__closed:
            if id(request) in self.open_requests:
                del self.open_requests[id(request)]
            else:
                known = self.open_requests.copy().items()
                for key in [key for key, (one, _) in known if self.is_shell(one)]:
                    del self.open_requests[key]
            self.__closed.notify_all()

# %% open requests: Are they kept by what they hold?
@reopen(OpenRequestsMixIn)
class OpenRequestsMixIn:
    def request_taken(self, request, client_address):
        super().request_taken(request, client_address)
        self.open_requests[request] = request, client_address

    def forget_closed(self, request=None):
        with self.__closed:
            self.open_requests.pop(request, None)
            self.__closed.notify_all()

# %% open requests: which isn't the pair of request and client address
@reopen(OpenRequestsMixIn)
class OpenRequestsMixIn:
    def request_taken(self, request, client_address):
        super().request_taken(request, client_address)
        self.open_requests[id(request)] = request

    def forget_closed(self, request=None):
        with self.__closed:
            self.open_requests.pop(id(request), None)
            self.__closed.notify_all()

# %% open requests: the closed socket still among the open requests
@reopen(OpenRequestsMixIn)
class OpenRequestsMixIn:
    def request_taken(self, request, client_address):
        super().request_taken(request, client_address)
        self.open_requests[id(request)] = request, client_address

    def forget_closed(self, request=None):
        with self.__closed:
            self.open_requests.pop(id(request), None)
            self.__closed.notify_all()

# %% open requests: dictionary changed size during iteration
@reopen(OpenRequestsMixIn)
class OpenRequestsMixIn:
    def request_taken(self, request, client_address):
        super().request_taken(request, client_address)
        self.open_requests[id(request)] = request, client_address

    def forget_closed(self, request=None):
        with self.__closed:
            if self.open_requests.pop(id(request), None) is None:
                for key, (one, _) in self.open_requests.items():
                    if isinstance(one, socket.socket) and one.fileno() < 0:
                        self.open_requests.pop(key)
            self.__closed.notify_all()

# %% open requests: 'tuple' object has no attribute 'fileno'
@reopen(OpenRequestsMixIn)
class OpenRequestsMixIn:
    def request_taken(self, request, client_address):
        super().request_taken(request, client_address)
        self.open_requests[id(request)] = request, client_address

    def forget_closed(self, request=None):
        with self.__closed:
            if self.open_requests.pop(id(request), None) is None:
                for key, (one, _) in list(self.open_requests.items()):
                    if one.fileno() < 0:
                        self.open_requests.pop(key, None)
            self.__closed.notify_all()

# %% capacity
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def _handle_request_noblock(self):
        places = self.pool_size + self.queue_size
        if not self.wait_until_closed(timeout=0.01, left=places - 1):
            return
        super()._handle_request_noblock()

# %% capacity: 3 taken
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def _handle_request_noblock(self):
        if self.wait_until_closed(0.01, left=self.pool_size - 1):
            super()._handle_request_noblock()

# %% capacity: 4 taken
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def _handle_request_noblock(self):
        if self.wait_until_closed(0.01, left=self.pool_size + self.queue_size):
            super()._handle_request_noblock()

# %% capacity: what asks whether there's room?
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def _handle_request_noblock(self):
        self.wait_until_closed(0.01, left=self.pool_size + self.queue_size - 1)
        super()._handle_request_noblock()

# %% capacity: a loop that doesn't rest
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def _handle_request_noblock(self):
        if len(self.open_requests) < self.pool_size + self.queue_size:
            super()._handle_request_noblock()

# %% capacity: is super() called when there's room?
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def _handle_request_noblock(self):
        return self.wait_until_closed(0.01, left=self.pool_size + self.queue_size - 1)

# %% capacity: does the loop wait for room without an end?
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def _handle_request_noblock(self):
        if self.wait_until_closed(None, left=self.pool_size + self.queue_size - 1):
            super()._handle_request_noblock()

# %% workers
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def server_close(self):
        for _ in range(len(self.__pool)):
            self.__queue.put(None)
        super().server_close()

    def __see_through(self, request, client_address):
        try:
            self.process_request_thread(request, client_address)
        except BaseException as error:
            hint = [type(error), error, error.__traceback__, threading.current_thread()]
            threading.excepthook(threading.ExceptHookArgs(hint))

    def __serve_queue(self):
        while (job := self.__queue.get()) is not None:
            self.__see_through(*job)
            self.forget_closed(job[0])

# %% workers: both done, and server_close() still waits
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def server_close(self):
        self.__queue.put(None)
        super().server_close()

    def __serve_queue(self):
        while (job := self.__queue.get()) is not None:
            try:
                self.process_request_thread(*job)
            except BaseException:
                failure = *sys.exc_info(), threading.current_thread()
                threading.excepthook(threading.ExceptHookArgs(failure))
            finally:
                self.forget_closed(job[0])

# %% workers: did the handler take the pool's thread with it?
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def server_close(self):
        for _ in self.__pool:
            self.__queue.put(None)
        super().server_close()

    def __serve_queue(self):
        while (job := self.__queue.get()) is not None:
            try:
                self.process_request_thread(*job)
            except Exception:
                failure = *sys.exc_info(), threading.current_thread()
                threading.excepthook(threading.ExceptHookArgs(failure))
            finally:
                self.forget_closed(job[0])

# %% workers: not a word
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def server_close(self):
        for _ in self.__pool:
            self.__queue.put(None)
        super().server_close()

    def __serve_queue(self):
        while (job := self.__queue.get()) is not None:
            with suppress(BaseException):
                self.process_request_thread(*job)
            self.forget_closed(job[0])

# %% workers: is the request before it forgotten?
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def server_close(self):
        for _ in self.__pool:
            self.__queue.put(None)
        super().server_close()

    def __serve_queue(self):
        while (job := self.__queue.get()) is not None:
            try:
                self.process_request_thread(*job)
            except BaseException:
                failure = *sys.exc_info(), threading.current_thread()
                threading.excepthook(threading.ExceptHookArgs(failure))

# %% workers: missing 1 required positional argument
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def server_close(self):
        for _ in self.__pool:
            self.__queue.put(None)
        super().server_close()

    def __serve_queue(self):
        while (job := self.__queue.get()) is not None:
            try:
                self.process_request_thread(job)
            except BaseException:
                threading.excepthook(threading.ExceptHookArgs([*sys.exc_info(), None]))
            finally:
                self.forget_closed(job[0])

# %% workers: object has no attribute 'put'
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def server_close(self):
        for worker in self.__pool:
            worker.put(None)
        super().server_close()

    def __serve_queue(self):
        while (job := self.__queue.get()) is not None:
            try:
                self.process_request_thread(*job)
            except BaseException:
                threading.excepthook(threading.ExceptHookArgs([*sys.exc_info(), None]))
            finally:
                self.forget_closed(job[0])

# %% workers: threading.excepthook(*sys.exc_info()
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def server_close(self):
        for _ in self.__pool:
            self.__queue.put(None)
        super().server_close()

    def __serve_queue(self):
        while (job := self.__queue.get()) is not None:
            try:
                self.process_request_thread(*job)
            except BaseException:
                threading.excepthook(*sys.exc_info(), threading.current_thread())
            finally:
                self.forget_closed(job[0])

# %% drain
_LAST_WORDS = 0.5


@reopen(DrainMixIn)
class DrainMixIn:
    def drain(self, timeout):
        deadline = time.monotonic() + timeout
        BaseServer.stop_serving(self)
        self._BaseServer__is_shut_down.wait(timeout)
        self.socket.close()
        left = deadline - time.monotonic()
        self.wait_until_closed(left if left > 0 else 0)
        cut = [*self.open_requests.values()]
        for request in [one for one, _ in cut if isinstance(one, socket.socket)]:
            try:
                socket.socket.shutdown(request, socket.SHUT_RDWR)
            except OSError:
                pass
        if not self.wait_until_closed(_LAST_WORDS):
            vars(self)["_threads"] = ()
        self.server_close()
        return [client_address for _, client_address in cut]

# %% drain: for the client at work: given no time?
_LAST_WORDS = 1.0


@reopen(DrainMixIn)
class DrainMixIn:
    def drain(self, timeout):
        BaseServer.stop_serving(self)
        self._BaseServer__is_shut_down.wait(timeout)
        self.socket.close()
        cut = list(self.open_requests.values())
        for request, _ in cut:
            if isinstance(request, socket.socket):
                with suppress(OSError):
                    socket.socket.shutdown(request, socket.SHUT_RDWR)
        if not self.wait_until_closed(_LAST_WORDS):
            vars(self)["_threads"] = ()
        self.server_close()
        return [client_address for _, client_address in cut]

# %% drain: the silent client's connection still open
_LAST_WORDS = 1.0


@reopen(DrainMixIn)
class DrainMixIn:
    def drain(self, timeout):
        deadline = time.monotonic() + timeout
        BaseServer.stop_serving(self)
        self._BaseServer__is_shut_down.wait(timeout)
        self.socket.close()
        self.wait_until_closed(max(0.0, deadline - time.monotonic()))
        cut = list(self.open_requests.values())
        if not self.wait_until_closed(_LAST_WORDS):
            vars(self)["_threads"] = ()
        self.server_close()
        return [client_address for _, client_address in cut]

# %% drain: still waiting after
_LAST_WORDS = 1.0


@reopen(DrainMixIn)
class DrainMixIn:
    def drain(self, timeout):
        BaseServer.stop_serving(self)
        self._BaseServer__is_shut_down.wait(timeout)
        self.socket.close()
        time.sleep(timeout)
        cut = list(self.open_requests.values())
        for request, _ in cut:
            if isinstance(request, socket.socket):
                with suppress(OSError):
                    socket.socket.shutdown(request, socket.SHUT_RDWR)
        if not self.wait_until_closed(_LAST_WORDS):
            vars(self)["_threads"] = ()
        self.server_close()
        return [client_address for _, client_address in cut]

# %% drain: OSError
_LAST_WORDS = 1.0


@reopen(DrainMixIn)
class DrainMixIn:
    def drain(self, timeout):
        deadline = time.monotonic() + timeout
        BaseServer.stop_serving(self)
        self._BaseServer__is_shut_down.wait(timeout)
        self.socket.close()
        self.wait_until_closed(max(0.0, deadline - time.monotonic()))
        cut = list(self.open_requests.values())
        for request, _ in cut:
            if isinstance(request, socket.socket):
                socket.socket.shutdown(request, socket.SHUT_RDWR)
        if not self.wait_until_closed(_LAST_WORDS):
            vars(self)["_threads"] = ()
        self.server_close()
        return [client_address for _, client_address in cut]

# %% drain: tuple
_LAST_WORDS = 1.0


@reopen(DrainMixIn)
class DrainMixIn:
    def drain(self, timeout):
        deadline = time.monotonic() + timeout
        BaseServer.stop_serving(self)
        self._BaseServer__is_shut_down.wait(timeout)
        self.socket.close()
        self.wait_until_closed(max(0.0, deadline - time.monotonic()))
        cut = list(self.open_requests.values())
        for request, _ in cut:
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)
        if not self.wait_until_closed(_LAST_WORDS):
            vars(self)["_threads"] = ()
        self.server_close()
        return [client_address for _, client_address in cut]

# %% drain: was the loop left at the first
_LAST_WORDS = 1.0


@reopen(DrainMixIn)
class DrainMixIn:
    def drain(self, timeout):
        deadline = time.monotonic() + timeout
        BaseServer.stop_serving(self)
        self._BaseServer__is_shut_down.wait(timeout)
        self.socket.close()
        self.wait_until_closed(max(0.0, deadline - time.monotonic()))
        cut = list(self.open_requests.values())
        with suppress(OSError):
            for request, _ in cut:
                if isinstance(request, socket.socket):
                    socket.socket.shutdown(request, socket.SHUT_RDWR)
        if not self.wait_until_closed(_LAST_WORDS):
            vars(self)["_threads"] = ()
        self.server_close()
        return [client_address for _, client_address in cut]

# %% drain: request.shutdown() was called
_LAST_WORDS = 1.0


@reopen(DrainMixIn)
class DrainMixIn:
    def drain(self, timeout):
        deadline = time.monotonic() + timeout
        BaseServer.stop_serving(self)
        self._BaseServer__is_shut_down.wait(timeout)
        self.socket.close()
        self.wait_until_closed(max(0.0, deadline - time.monotonic()))
        cut = list(self.open_requests.values())
        for request, _ in cut:
            if isinstance(request, socket.socket):
                with suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)
        if not self.wait_until_closed(_LAST_WORDS):
            vars(self)["_threads"] = ()
        self.server_close()
        return [client_address for _, client_address in cut]

# %% capacity: waits of 1 seconds for room, in the loop
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def _handle_request_noblock(self):
        if self.wait_until_closed(1, left=self.pool_size + self.queue_size - 1):
            super()._handle_request_noblock()

# %% workers: did the error take the pool's thread with it?
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def server_close(self):
        for _ in self.__pool:
            self.__queue.put(None)
        super().server_close()

    def __serve_queue(self):
        while (job := self.__queue.get()) is not None:
            try:
                self.process_request_thread(*job)
            except (Exception, SystemExit):  # would end a thread of its own; here the next request waits
                failure = *sys.exc_info(), threading.current_thread()
                threading.excepthook(threading.ExceptHookArgs(failure))
            finally:
                # Its place is free, even if a subclass keeps the connection open.
                self.forget_closed(job[0])

# %% workers: was threading.excepthook called?
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def server_close(self):
        for _ in self.__pool:
            self.__queue.put(None)
        super().server_close()

    def __serve_queue(self):
        while (job := self.__queue.get()) is not None:
            try:
                self.process_request_thread(*job)
            except BaseException:  # would end a thread of its own; here the next request waits
                print(sys.exc_info())
            finally:
                # Its place is free, even if a subclass keeps the connection open.
                self.forget_closed(job[0])

# %% workers: is the request before it forgotten?
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def server_close(self):
        for _ in self.__pool:
            self.__queue.put(None)
        super().server_close()

    def __serve_queue(self):
        while (job := self.__queue.get()) is not None:
            try:
                self.process_request_thread(*job)
            except BaseException:  # would end a thread of its own; here the next request waits
                failure = *sys.exc_info(), threading.current_thread()
                threading.excepthook(threading.ExceptHookArgs(failure))
            else:
                # Its place is free, even if a subclass keeps the connection open.
                self.forget_closed(job[0])

# %% drain: wait_until_closed(0.05)
_LAST_WORDS = 1.0


@reopen(DrainMixIn)
class DrainMixIn:
    def drain(self, timeout):
        deadline = time.monotonic() + timeout
        # shutdown() would wait without an end for a handler that runs in the loop's own thread.
        BaseServer.stop_serving(self)
        self._BaseServer__is_shut_down.wait(timeout)
        self.socket.close()
        self.wait_until_closed(timeout)
        cut = list(self.open_requests.values())
        for request, _ in cut:
            if isinstance(request, socket.socket):
                with suppress(OSError):  # the client may have gone first
                    # Not TLS's own shutdown: a handler that writes on would do so in the clear.
                    socket.socket.shutdown(request, socket.SHUT_RDWR)
        if not self.wait_until_closed(_LAST_WORDS):
            vars(self)["_threads"] = ()
        self.server_close()
        return [client_address for _, client_address in cut]

# %% drain: wait_until_closed(0.0
_LAST_WORDS = 1.0


@reopen(DrainMixIn)
class DrainMixIn:
    def drain(self, timeout):
        deadline = time.monotonic() + timeout
        # shutdown() would wait without an end for a handler that runs in the loop's own thread.
        BaseServer.stop_serving(self)
        self._BaseServer__is_shut_down.wait(timeout)
        self.socket.close()
        self.wait_until_closed(abs(deadline - time.monotonic()))
        cut = list(self.open_requests.values())
        for request, _ in cut:
            if isinstance(request, socket.socket):
                with suppress(OSError):  # the client may have gone first
                    # Not TLS's own shutdown: a handler that writes on would do so in the clear.
                    socket.socket.shutdown(request, socket.SHUT_RDWR)
        if not self.wait_until_closed(_LAST_WORDS):
            vars(self)["_threads"] = ()
        self.server_close()
        return [client_address for _, client_address in cut]
