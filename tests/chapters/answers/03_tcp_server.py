# %% address
@reopen(TCPServer)
class TCPServer:
    def server_bind(self):
        sock = self.socket
        sock.bind(self.server_address)
        host, port = sock.getsockname()
        self.server_address = (host, port)

# %% address: server_address is still ('127.0.0.1', 0)
@reopen(TCPServer)
class TCPServer:
    def server_bind(self):
        self.socket.bind(self.server_address)

# %% address: a port found beforehand may be taken
@reopen(TCPServer)
class TCPServer:
    def server_bind(self):
        with socket.socket() as probe:
            probe.bind(self.server_address)
            self.server_address = probe.getsockname()
        self.socket.bind(self.server_address)

# %% address: as asked for
@reopen(TCPServer)
class TCPServer:
    def server_bind(self):
        self.socket.bind(self.server_address)
        return self.socket.getsockname()

# %% address: a server at
@reopen(TCPServer)
class TCPServer:
    def server_bind(self):
        self.socket.bind(("127.0.0.1", 0))
        self.server_address = self.socket.getsockname()

# %% address: TCPServer.server_bind() takes 0 positional arguments
@reopen(TCPServer)
class TCPServer:
    def server_bind():
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

# %% close
@reopen(TCPServer)
class TCPServer:
    def server_close(self):
        super().server_close()
        with self.socket:
            pass

# %% close: the listener is still open
@reopen(TCPServer)
class TCPServer:
    def server_close(self):
        pass

# %% close: the listener is still open
@reopen(TCPServer)
class TCPServer:
    def server_close(self):
        self.shutdown()

# %% close: no attribute 'close', in server_close(), line 4 of your code: self.close()
@reopen(TCPServer)
class TCPServer:
    def server_close(self):
        self.close()

# %% two steps
@reopen(TCPServer)
class TCPServer:
    def server_activate(self):
        backlog = self.request_queue_size
        self.socket.listen(backlog)

    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        super().__init__(server_address, RequestHandlerClass)
        self.socket = socket.socket(self.address_family, self.socket_type)
        if not bind_and_activate:
            return
        self.server_bind()
        self.server_activate()

# %% two steps: a socket that is bound already
@reopen(TCPServer)
class TCPServer:
    def server_activate(self):
        self.socket.listen(self.request_queue_size)

    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        super().__init__(server_address, RequestHandlerClass)
        self.socket = socket.socket(self.address_family, self.socket_type)
        self.server_bind()
        self.server_activate()

# %% two steps: a queue for
@reopen(TCPServer)
class TCPServer:
    def server_activate(self):
        self.socket.listen()

    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        super().__init__(server_address, RequestHandlerClass)
        self.socket = socket.socket(self.address_family, self.socket_type)
        if bind_and_activate:
            self.server_bind()
            self.server_activate()

# %% two steps: does the constructor call server_activate all the same?
@reopen(TCPServer)
class TCPServer:
    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        super().__init__(server_address, RequestHandlerClass)
        self.socket = socket.socket(self.address_family, self.socket_type)
        if bind_and_activate:
            self.server_bind()
        self.server_activate()

    def server_activate(self):
        self.socket.listen(self.request_queue_size)

# %% two steps: did the socket listen before it was bound?
@reopen(TCPServer)
class TCPServer:
    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        super().__init__(server_address, RequestHandlerClass)
        self.socket = socket.socket(self.address_family, self.socket_type)
        if bind_and_activate:
            self.server_activate()
            self.server_bind()

    def server_activate(self):
        self.socket.listen(self.request_queue_size)

# %% two steps: it's a parameter, so it goes without self
@reopen(TCPServer)
class TCPServer:
    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        super().__init__(server_address, RequestHandlerClass)
        self.socket = socket.socket(self.address_family, self.socket_type)
        if self.bind_and_activate:
            self.server_bind()
            self.server_activate()

    def server_activate(self):
        self.socket.listen(self.request_queue_size)

# %% bind error
@reopen(TCPServer)
class TCPServer:
    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        super().__init__(server_address, RequestHandlerClass)
        self.socket = socket.socket(self.address_family, self.socket_type)
        succeeded = False
        try:
            if bind_and_activate:
                self.server_bind()
                self.server_activate()
            succeeded = True
        finally:
            if not succeeded:
                self.server_close()

# %% bind error: the socket is still open
@reopen(TCPServer)
class TCPServer:
    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        super().__init__(server_address, RequestHandlerClass)
        self.socket = socket.socket(self.address_family, self.socket_type)
        if bind_and_activate:
            try:
                self.server_bind()
                self.server_activate()
            except Exception:
                self.server_close()
                raise

# %% bind error: no error, and a server that says its address is
@reopen(TCPServer)
class TCPServer:
    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        super().__init__(server_address, RequestHandlerClass)
        self.socket = socket.socket(self.address_family, self.socket_type)
        if bind_and_activate:
            try:
                self.server_bind()
                self.server_activate()
            except BaseException:
                self.server_close()

# %% bind error: a server whose socket is closed
@reopen(TCPServer)
class TCPServer:
    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        super().__init__(server_address, RequestHandlerClass)
        self.socket = socket.socket(self.address_family, self.socket_type)
        try:
            if bind_and_activate:
                self.server_bind()
                self.server_activate()
        finally:
            self.server_close()

# %% bind error: a socket that is bound already
@reopen(TCPServer)
class TCPServer:
    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        super().__init__(server_address, RequestHandlerClass)
        self.socket = socket.socket(self.address_family, self.socket_type)
        try:
            self.server_bind()
            self.server_activate()
        except BaseException:
            self.server_close()
            raise

# %% bind error: RuntimeError: No active exception to reraise
@reopen(TCPServer)
class TCPServer:
    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        super().__init__(server_address, RequestHandlerClass)
        self.socket = socket.socket(self.address_family, self.socket_type)
        try:
            if bind_and_activate:
                self.server_bind()
                self.server_activate()
        except BaseException:
            self.server_close()
            raise
        else:
            raise

# %% switches
@reopen(TCPServer)
class TCPServer:
    def server_bind(self):
        sock, family = self.socket, self.address_family
        wanted = []
        if self.allow_reuse_address:
            wanted.append(socket.SO_REUSEADDR)
        if family in {socket.AF_INET, socket.AF_INET6} and self.allow_reuse_port:
            wanted.append(socket.SO_REUSEPORT)
        for option in wanted:
            sock.setsockopt(socket.SOL_SOCKET, option, True)
        sock.bind(self.server_address)
        self.server_address = sock.getsockname()

# %% switches: was not looked at
@reopen(TCPServer)
class TCPServer:
    def server_bind(self):
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

# %% switches: SO_REUSEADDR is on although allow_reuse_address is False
@reopen(TCPServer)
class TCPServer:
    def server_bind(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

# %% switches: was the option set only after bind?
@reopen(TCPServer)
class TCPServer:
    def server_bind(self):
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        if self.allow_reuse_address:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.allow_reuse_port and self.address_family in (socket.AF_INET, socket.AF_INET6):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)

# %% switches: SO_REUSEPORT is False where allow_reuse_port is True
@reopen(TCPServer)
class TCPServer:
    def server_bind(self):
        if self.allow_reuse_address:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

# %% switches: SO_REUSEPORT is True where allow_reuse_port is False
@reopen(TCPServer)
class TCPServer:
    def server_bind(self):
        if self.allow_reuse_address:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.address_family in (socket.AF_INET, socket.AF_INET6):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

# %% switches: was SO_REUSEPORT set only after bind?
@reopen(TCPServer)
class TCPServer:
    def server_bind(self):
        if self.allow_reuse_address:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        if self.allow_reuse_port and self.address_family in (socket.AF_INET, socket.AF_INET6):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)

# %% switches: is the family checked
@reopen(TCPServer)
class TCPServer:
    def server_bind(self):
        if self.allow_reuse_address:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.allow_reuse_port:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

# %% switches: a server whose socket was never bound
@reopen(TCPServer)
class TCPServer:
    def server_bind(self):
        if self.allow_reuse_address:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.allow_reuse_port and self.address_family in (socket.AF_INET, socket.AF_INET6):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)

# %% switches: SO_REUSEPORT is off
@reopen(TCPServer)
class TCPServer:
    def server_bind(self):
        if self.allow_reuse_address:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.allow_reuse_port and self.address_family == socket.AF_INET:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

# %% switches: does it depend on the first switch?
@reopen(TCPServer)
class TCPServer:
    def server_bind(self):
        if self.allow_reuse_address:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        elif self.allow_reuse_port and self.address_family in (socket.AF_INET, socket.AF_INET6):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

# %% goodbye
@reopen(TCPServer)
class TCPServer:
    def shutdown_request(self, request):
        with contextlib.suppress(OSError):
            request.shutdown(socket.SHUT_WR)
        self.close_request(request)


import contextlib

# %% goodbye: no SHUT_WR
@reopen(TCPServer)
class TCPServer:
    def shutdown_request(self, request):
        self.close_request(request)

# %% goodbye: OSError
@reopen(TCPServer)
class TCPServer:
    def shutdown_request(self, request):
        request.shutdown(socket.SHUT_WR)
        self.close_request(request)

# %% goodbye: is it request.shutdown?
@reopen(TCPServer)
class TCPServer:
    def shutdown_request(self, request):
        try:
            self.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        self.close_request(request)

# %% pause
@reopen(TCPServer)
class TCPServer:
    def request_lost(self, error):
        lasting = error.errno in {*_LASTING_ERRORS}
        time.sleep(0.05 if lasting else 0)

# %% pause: is it error.errno that you look up?
@reopen(TCPServer)
class TCPServer:
    def request_lost(self, error):
        if error in _LASTING_ERRORS:
            time.sleep(0.05)

# %% pause: is the error's number looked at?
@reopen(TCPServer)
class TCPServer:
    def request_lost(self, error):
        time.sleep(0.05)

# %% pause: no client is served and no stop is noticed
@reopen(TCPServer)
class TCPServer:
    def request_lost(self, error):
        if error.errno in _LASTING_ERRORS:
            time.sleep(0.5)

# %% pause: OSError: [Errno
@reopen(TCPServer)
class TCPServer:
    def request_lost(self, error):
        if error.errno in _LASTING_ERRORS:
            time.sleep(0.05)
        raise error

# %% pause: is this number among the _LASTING_ERRORS?
@reopen(TCPServer)
class TCPServer:
    def request_lost(self, error):
        if error.errno != errno.ECONNABORTED:
            time.sleep(0.05)

# %% pause: server_close() called: the server is at its end
@reopen(TCPServer)
class TCPServer:
    def request_lost(self, error):
        if error.errno in _LASTING_ERRORS:
            time.sleep(0.05)
        else:
            self.server_close()

# %% pause: stop_serving() called: the server is at its end
@reopen(TCPServer)
class TCPServer:
    def request_lost(self, error):
        if error.errno in _LASTING_ERRORS:
            time.sleep(0.05)
        else:
            self.stop_serving()

# %% pause: is this number, too, among those that you look for?
@reopen(TCPServer)
class TCPServer:
    def request_lost(self, error):
        if error.errno == errno.EMFILE:
            time.sleep(0.05)

# %% close: shutdown() called as well
@reopen(TCPServer)
class TCPServer:
    def server_close(self):
        self.shutdown()
        self.socket.close()
