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
    def has_capacity(self):
        most = self.pool_size + self.queue_size
        return most - len(self.open_requests) > 0

# %% capacity: 3 taken
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def has_capacity(self):
        return len(self.open_requests) < self.pool_size

# %% capacity: 4 taken
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def has_capacity(self):
        return len(self.open_requests) <= self.pool_size + self.queue_size

# %% capacity: what asks has_capacity()?
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def has_capacity(self):
        return len(self.__pool) <= self.pool_size + self.queue_size

# %% capacity: has_capacity() returned None
@reopen(ThreadPoolMixIn)
class ThreadPoolMixIn:
    def has_capacity(self):
        len(self.open_requests) < self.pool_size + self.queue_size

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

# %% limits
@reopen(LimitsMixIn)
class LimitsMixIn:
    def get_request(self):
        request, client_address = super().get_request()
        seconds = self.idle_timeout
        request.settimeout(seconds)
        return request, client_address

    def __has_room(self):
        most = self.max_connections
        if most is None:
            return True
        if len(self.open_requests) > most:
            self.forget_closed()
        return not len(self.open_requests) > most

# %% limits: 2 of 5 served, 3 closed
@reopen(LimitsMixIn)
class LimitsMixIn:
    def get_request(self):
        request, client_address = super().get_request()
        request.settimeout(self.idle_timeout)
        return request, client_address

    def __has_room(self):
        if self.max_connections is None or len(self.open_requests) < self.max_connections:
            return True
        self.forget_closed()
        return len(self.open_requests) < self.max_connections

# %% limits: not supported between instances of 'int' and 'NoneType'
@reopen(LimitsMixIn)
class LimitsMixIn:
    def get_request(self):
        request, client_address = super().get_request()
        request.settimeout(self.idle_timeout)
        return request, client_address

    def __has_room(self):
        if len(self.open_requests) <= self.max_connections:
            return True
        self.forget_closed()
        return len(self.open_requests) <= self.max_connections

# %% limits: is one that has gone still counted?
@reopen(LimitsMixIn)
class LimitsMixIn:
    def get_request(self):
        request, client_address = super().get_request()
        request.settimeout(self.idle_timeout)
        return request, client_address

    def __has_room(self):
        return self.max_connections is None or len(self.open_requests) <= self.max_connections

# %% limits: the connection still open after
@reopen(LimitsMixIn)
class LimitsMixIn:
    def get_request(self):
        request, client_address = super().get_request()
        self.timeout = self.idle_timeout
        return request, client_address

    def __has_room(self):
        if self.max_connections is None or len(self.open_requests) <= self.max_connections:
            return True
        self.forget_closed()
        return len(self.open_requests) <= self.max_connections

# %% limits: object has no attribute 'settimeout'
@reopen(LimitsMixIn)
class LimitsMixIn:
    def get_request(self):
        request, client_address = super().get_request()
        self.settimeout(self.idle_timeout)
        return request, client_address

    def __has_room(self):
        if self.max_connections is None or len(self.open_requests) <= self.max_connections:
            return True
        self.forget_closed()
        return len(self.open_requests) <= self.max_connections

# %% limits: what does __has_room() return?
@reopen(LimitsMixIn)
class LimitsMixIn:
    def get_request(self):
        request, client_address = super().get_request()
        request.settimeout(self.idle_timeout)
        return request, client_address

    def __has_room(self):
        self.max_connections is None or len(self.open_requests) <= self.max_connections

# %% slow line
@reopen(_DeadlineStream)
class _DeadlineStream:
    def readinto(self, buffer, /):
        timeout = self._sock.gettimeout()
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise LimitExceededError("too slow a line")
        connection_allows = math.inf if timeout is None else timeout
        if connection_allows <= left:
            return self._sock.recv_into(buffer)
        return self._read_within(left, buffer)

# %% slow line: not supported between instances of 'float' and 'NoneType'
@reopen(_DeadlineStream)
class _DeadlineStream:
    def readinto(self, buffer, /):
        timeout = self._sock.gettimeout()
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise LimitExceededError(f"a line takes more than {self._timeout} seconds")
        if left < timeout:
            return self._read_within(left, buffer)
        return self._sock.recv_into(buffer)

# %% slow line: the byte, and no error
@reopen(_DeadlineStream)
class _DeadlineStream:
    def readinto(self, buffer, /):
        timeout = self._sock.gettimeout()
        left = max(0.1, self._deadline - time.monotonic())
        if left < (math.inf if timeout is None else timeout):
            return self._read_within(left, buffer)
        return self._sock.recv_into(buffer)

# %% slow line: still reading after
@reopen(_DeadlineStream)
class _DeadlineStream:
    def readinto(self, buffer, /):
        timeout = self._sock.gettimeout()
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise LimitExceededError(f"a line takes more than {self._timeout} seconds")
        if timeout is not None and left < timeout:
            return self._read_within(left, buffer)
        return self._sock.recv_into(buffer)

# %% slow line: timestamp
@reopen(_DeadlineStream)
class _DeadlineStream:
    def readinto(self, buffer, /):
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise LimitExceededError(f"a line takes more than {self._timeout} seconds")
        return self._read_within(left, buffer)

# %% handshake
class TLSMixIn:
    handshake_timeout = 10.0

    def server_activate(self):
        super().server_activate()
        plain, options = self.socket, {"server_side": True, "do_handshake_on_connect": False}
        self.socket = self.ssl_context.wrap_socket(plain, **options)

    def finish_request(self, request, client_address):
        before = request.gettimeout()
        request.settimeout(self.handshake_timeout)
        try:
            request.do_handshake()
        finally:
            request.settimeout(before)
        super().finish_request(request, client_address)

# %% handshake: The loop itself waits in do_handshake()
class TLSMixIn:
    handshake_timeout = 10.0

    def server_activate(self):
        super().server_activate()
        self.socket = self.ssl_context.wrap_socket(self.socket, server_side=True)

    def finish_request(self, request, client_address):
        timeout = request.gettimeout()
        request.settimeout(self.handshake_timeout)
        request.do_handshake()
        request.settimeout(timeout)
        super().finish_request(request, client_address)

# %% handshake: a handler whose connection has the time limit 10.0
class TLSMixIn:
    handshake_timeout = 10.0

    def server_activate(self):
        super().server_activate()
        self.socket = self.ssl_context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )

    def finish_request(self, request, client_address):
        request.settimeout(self.handshake_timeout)
        request.do_handshake()
        super().finish_request(request, client_address)

# %% handshake: the connection still open after
class TLSMixIn:
    handshake_timeout = 10.0

    def server_activate(self):
        super().server_activate()
        self.socket = self.ssl_context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )

    def finish_request(self, request, client_address):
        request.do_handshake()
        super().finish_request(request, client_address)

# %% handshake: an empty shell
class TLSMixIn:
    handshake_timeout = 10.0

    def server_activate(self):
        super().server_activate()
        self.ssl_context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )

    def finish_request(self, request, client_address):
        timeout = request.gettimeout()
        request.settimeout(self.handshake_timeout)
        request.do_handshake()
        request.settimeout(timeout)
        super().finish_request(request, client_address)

# %% handshake: is it self.ssl_context that wraps?
class TLSMixIn:
    handshake_timeout = 10.0

    def server_activate(self):
        super().server_activate()
        self.socket = server_context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )

    def finish_request(self, request, client_address):
        timeout = request.gettimeout()
        request.settimeout(self.handshake_timeout)
        request.do_handshake()
        request.settimeout(timeout)
        super().finish_request(request, client_address)

# %% both kinds
class DualStackMixIn:
    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def server_bind(self):
        if self.socket.family is socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, False)
        return super().server_bind()

# %% both kinds: is the socket bound already?
class DualStackMixIn:
    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def server_bind(self):
        super().server_bind()
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)

# %% both kinds: a socket of IPv4 has no such option
class DualStackMixIn:
    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

# %% both kinds: a socket that was never bound
class DualStackMixIn:
    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)

# %% both kinds: IPV6_V6ONLY still on
class DualStackMixIn:
    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()

# %% both kinds: is the level socket.IPPROTO_IPV6?
class DualStackMixIn:
    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.IPV6_V6ONLY, 0)
        super().server_bind()
