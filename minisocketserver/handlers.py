"""The request handlers: made for one request, gone after it."""

import socket
from contextlib import suppress
from io import BufferedIOBase, BytesIO
from typing import Any


class BaseRequestHandler:
    """Parent of the handlers; subclasses override `handle`.

    `self.request`, `self.client_address` and `self.server` tell what to work on. For a stream
    the request is a connected socket, for a datagram a pair `(data, socket)`.
    """

    def __init__(self, request: Any, client_address: Any, server: Any) -> None:
        """Handle the request: `setup`, `handle`, `finish`. No `finish` if `setup` raises."""
        self.request = request
        self.client_address = client_address
        self.server = server
        self.setup()
        try:
            self.handle()
        finally:
            self.finish()

    def setup(self) -> None:
        """Prepare. For subclasses."""

    def handle(self) -> None:
        """Serve the request. For subclasses."""

    def finish(self) -> None:
        """Clean up, also after `handle` raised. For subclasses."""


class StreamRequestHandler(BaseRequestHandler):
    """Read a connection as the file `self.rfile`, write it as the file `self.wfile`.

    `rbufsize` and `wbufsize` are buffer sizes in bytes, -1 for the default size; `wfile` with
    0 sends at once. `timeout` is the number of seconds a read or a write may take (TimeoutError
    after that), None for no limit. `disable_nagle_algorithm` sends small packets at once
    (TCP_NODELAY, RFC 896).
    """

    rbufsize = -1
    wbufsize = 0
    timeout: float | None = None
    disable_nagle_algorithm = False

    def setup(self) -> None:
        """Set the connection's options and open the two files."""
        self.connection = self.request
        if self.timeout is not None:
            self.connection.settimeout(self.timeout)
        if self.disable_nagle_algorithm:
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        if self.wbufsize == 0:
            self.wfile: Any = _SocketWriter(self.connection)
        else:
            self.wfile = self.connection.makefile("wb", self.wbufsize)

    def finish(self) -> None:
        """Send what is still buffered and close the two files."""
        for file in (self.wfile, self.rfile):
            with suppress(OSError):  # the client may have gone first
                file.close()


class _SocketWriter(BufferedIOBase):
    """A file without a buffer: `write` sends everything before it returns.

    socket.makefile would give a raw file here, whose write may send only a part.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._sock.sendall(data)
        with memoryview(data) as view:
            return view.nbytes

    def fileno(self) -> int:
        return self._sock.fileno()


class DatagramRequestHandler(BaseRequestHandler):
    """Read a datagram as the file `self.rfile`; what is written to `self.wfile` is the answer.

    One datagram goes back when `handle` is done, an empty one if nothing was written. With
    `always_reply = False`, beyond the standard library, nothing written means nothing sent
    (CPython gh-152024).
    """

    always_reply = True

    def setup(self) -> None:
        """Open the two files."""
        self.packet, self.socket = self.request
        self.rfile = BytesIO(self.packet)
        self.wfile = BytesIO()

    def finish(self) -> None:
        """Send the answer."""
        reply = self.wfile.getvalue()
        if reply or self.always_reply:
            self.socket.sendto(reply, self.client_address)
