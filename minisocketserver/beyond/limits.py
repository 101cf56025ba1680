"""Limits: how many clients, how much silence, how long a line."""

import io
import math
import socket
import time
from typing import Any

from ..handlers import StreamRequestHandler
from .open_requests import OpenRequestsMixIn


class LimitExceeded(Exception):
    """A client wanted more than the server gives; `handle_error` sees it, the client is closed."""


class LimitsMixIn(OpenRequestsMixIn):
    """Put before a stream server class among the bases, it limits what clients can take up.

    `max_connections` may be open at once; one more is closed. PreForkMixIn counts them in each
    process by itself; with ForkingMixIn `max_children` is the limit. `max_silence` is the number
    of seconds that one read, or one write of whatever length, may wait for the client;
    TimeoutError after that. None means no limit.
    """

    max_connections: int | None = 1000
    max_silence: float | None = 60.0

    def get_request(self) -> tuple[Any, Any]:
        """Accept a connection, and do not wait for its client longer than `max_silence`."""
        request, client_address = super().get_request()  # type: ignore[misc]
        request.settimeout(self.max_silence)
        return request, client_address

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Turn away the one that is too many, after `handle_error` has seen LimitExceeded."""
        # Not in process_request: a mix-in in front of this one need not pass that on.
        if self.__has_room():
            return super().verify_request(request, client_address)  # type: ignore[misc,no-any-return]
        try:
            raise LimitExceeded(f"{self.max_connections} connections are open, the most allowed")
        except LimitExceeded:
            self.handle_error(request, client_address)  # type: ignore[attr-defined]
            return False

    def __has_room(self) -> bool:
        if self.max_connections is None or len(self.open_requests) <= self.max_connections:
            return True
        self.forget_closed()
        return len(self.open_requests) <= self.max_connections


class LimitedStreamRequestHandler(StreamRequestHandler):
    """A StreamRequestHandler whose `rfile.readline` does not wait and store without an end.

    A line may have `max_line` bytes, its end included, and take `max_line_seconds` to arrive
    (None: as long as it likes). LimitExceeded is raised where it has or takes more.
    """

    max_line = 65_536
    max_line_seconds: float | None = 60.0

    def setup(self) -> None:
        """Open the two files, the first one with limits."""
        super().setup()
        self.rfile.close()
        self.rfile = _LimitedReader(self.connection, self.max_line, self.max_line_seconds)


class _LimitedReader(io.BufferedReader):
    def __init__(self, sock: socket.socket, max_line: int, max_line_seconds: float | None) -> None:
        self._stream = _DeadlineStream(sock)
        self._max_line = max_line
        self._max_line_seconds = max_line_seconds
        super().__init__(self._stream)

    def readline(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= self._max_line:
            size = self._max_line + 1
        self._stream.allow(self._max_line_seconds)
        try:
            line = super().readline(size)
        finally:
            self._stream.allow(None)
        if len(line) > self._max_line:
            raise LimitExceeded(f"a line has more than {self._max_line} bytes")
        return line


class _DeadlineStream(io.RawIOBase):
    """The reading side of a socket; several reads together may have a time limit."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.allow(None)

    def allow(self, seconds: float | None) -> None:
        """Let the reads from here on take `seconds` together; None for no limit."""
        self._seconds = seconds
        self._deadline = math.inf if seconds is None else time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        patience = self._sock.gettimeout()
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise LimitExceeded(f"a line takes more than {self._seconds} seconds")
        if left < (math.inf if patience is None else patience):
            return self._read_within(left, buffer)
        return self._sock.recv_into(buffer)

    def _read_within(self, seconds: float, buffer: Any) -> int:
        patience = self._sock.gettimeout()
        self._sock.settimeout(seconds)
        try:
            return self._sock.recv_into(buffer)
        except TimeoutError:
            raise LimitExceeded(f"a line takes more than {self._seconds} seconds") from None
        finally:
            self._sock.settimeout(patience)
