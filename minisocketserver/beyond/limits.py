"""Limits: how many clients, how much silence, how long a line."""

import io
import math
import socket
import time
from typing import Any

from ..handlers import StreamRequestHandler
from .open_requests import OpenRequestsMixIn


class LimitExceededError(Exception):
    """A client wanted more than the server gives; `handle_error` sees it, the client is closed."""


class LimitsMixIn(OpenRequestsMixIn):
    """Put before a stream server class among the bases, it limits what clients can take up.

    `max_connections` may be open at once; one more is closed. PreForkMixIn counts them in each
    process by itself; with ForkingMixIn `max_children` is the limit. `idle_timeout` is the number
    of seconds that one read, or one write of whatever length, may wait for the client;
    TimeoutError after that. None means no limit.
    """

    max_connections: int | None = 1000
    idle_timeout: float | None = 60.0

    def get_request(self) -> tuple[Any, Any]:
        """Accept a connection, and do not wait for its client longer than `idle_timeout`."""
        request, client_address = super().get_request()
        request.settimeout(self.idle_timeout)
        return request, client_address

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Turn away the one that is too many, after `handle_error` has seen LimitExceededError."""
        # Not in process_request: a mix-in in front of this one need not pass that on.
        if self.__has_room():
            return super().verify_request(request, client_address)
        try:
            raise LimitExceededError(
                f"{self.max_connections} connections are open, the most allowed"
            )
        except LimitExceededError:
            self.handle_error(request, client_address)
            return False

    def __has_room(self) -> bool:
        if self.max_connections is None or len(self.open_requests) <= self.max_connections:
            return True
        self.forget_closed()
        return len(self.open_requests) <= self.max_connections


class LimitedStreamRequestHandler(StreamRequestHandler):
    """A StreamRequestHandler whose `rfile.readline` does not wait and store without an end.

    A line may have `max_line` bytes, its end included, and take `line_timeout` seconds
    to arrive (None: as long as it likes). LimitExceededError is raised where it has or takes more.
    """

    max_line = 65_536
    line_timeout: float | None = 60.0

    def setup(self) -> None:
        """Open the two files, the first one with limits."""
        super().setup()
        self.rfile.close()
        self.rfile = _LimitedReader(self.connection, self.max_line, self.line_timeout)


class _LimitedReader(io.BufferedReader):
    def __init__(self, sock: socket.socket, max_line: int, line_timeout: float | None) -> None:
        self._stream = _DeadlineStream(sock)
        self._max_line = max_line
        self._line_timeout = line_timeout
        super().__init__(self._stream)

    def readline(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= self._max_line:
            size = self._max_line + 1
        self._stream.allow(self._line_timeout)
        try:
            line = super().readline(size)
        finally:
            self._stream.allow(None)
        if len(line) > self._max_line:
            raise LimitExceededError(f"a line has more than {self._max_line} bytes")
        return line


class _DeadlineStream(io.RawIOBase):
    """The reading side of a socket; several reads together may have a time limit."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.allow(None)

    def allow(self, timeout: float | None) -> None:
        """Let the reads from here on take `timeout` seconds together; None for no limit."""
        self._timeout = timeout
        self._deadline = math.inf if timeout is None else time.monotonic() + timeout

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        timeout = self._sock.gettimeout()
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise LimitExceededError(f"a line takes more than {self._timeout} seconds")
        if left < (math.inf if timeout is None else timeout):
            return self._read_within(left, buffer)
        return self._sock.recv_into(buffer)

    def _read_within(self, left: float, buffer: Any) -> int:
        timeout = self._sock.gettimeout()
        self._sock.settimeout(left)
        try:
            return self._sock.recv_into(buffer)
        except TimeoutError:
            raise LimitExceededError(f"a line takes more than {self._timeout} seconds") from None
        finally:
            self._sock.settimeout(timeout)
