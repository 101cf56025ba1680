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

# %% limits: is 0 taken for None?
@reopen(LimitsMixIn)
class LimitsMixIn:
    def get_request(self):
        request, client_address = super().get_request()
        request.settimeout(self.idle_timeout)
        return request, client_address

    def __has_room(self):
        if not self.max_connections or len(self.open_requests) <= self.max_connections:
            return True
        self.forget_closed()
        return len(self.open_requests) <= self.max_connections

# %% handshake: a server that closes an empty shell
class TLSMixIn:
    handshake_timeout = 10.0

    def server_activate(self):
        super().server_activate()

    def finish_request(self, request, client_address):
        timeout = request.gettimeout()
        request.settimeout(self.handshake_timeout)
        request = self.ssl_context.wrap_socket(request, server_side=True)
        request.settimeout(timeout)
        super().finish_request(request, client_address)

# %% handshake: is super().server_activate() called?
class TLSMixIn:
    handshake_timeout = 10.0

    def server_activate(self):
        pass

    def finish_request(self, request, client_address):
        timeout = request.gettimeout()
        request.settimeout(self.handshake_timeout)
        request.do_handshake()
        request.settimeout(timeout)
        super().finish_request(request, client_address)

# %% both kinds: the socket bound by hand
class DualStackMixIn:
    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

# %% slow line: 0, which means that the client has gone
@reopen(_DeadlineStream)
class _DeadlineStream:
    def readinto(self, buffer, /):
        timeout = self._sock.gettimeout()
        left = self._deadline - time.monotonic()
        if left <= 0:
            return 0
        if left < (math.inf if timeout is None else timeout):
            return self._read_within(left, buffer)
        return self._sock.recv_into(buffer)

# %% slow line: LimitExceededError, and the socket closed
@reopen(_DeadlineStream)
class _DeadlineStream:
    def readinto(self, buffer, /):
        timeout = self._sock.gettimeout()
        left = self._deadline - time.monotonic()
        if left <= 0:
            self._sock.close()
            raise LimitExceededError(f"a line takes more than {self._timeout} seconds")
        if left < (math.inf if timeout is None else timeout):
            return self._read_within(left, buffer)
        return self._sock.recv_into(buffer)
