"""A line between two processes: messages in JSON over a stream socket, with descriptors."""

import json
import os
import re
import socket
import struct
import threading
import traceback
from contextlib import suppress
from itertools import accumulate
from typing import Any

from ..sandbox.host_limits import SCARCE

MOST_BYTES = 16 << 20
"""A message with more is refused: it could only be meant to fill the checker's memory."""


_CHUNK = 1 << 12
_MOST_DESCRIPTORS = 4


MOST_DEPTH = 500
"""One nested deeper is refused, too: to read it, Python 3.13.0 uses up the stack of a thread."""


_START = threading.Thread.start.__code__  # while a check runs, another stands before it


class LinkBrokenError(Exception):
    """The other process has ended."""


class PrivateError(Exception):
    """Its text is for this side alone: the other one is only told its type."""


class MessageError(LinkBrokenError):
    """The other process has sent what is no message; the text says why it is none."""


class Line:
    """Messages over a stream socket: a length, then JSON; descriptors come with the length."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        sock.settimeout(None)  # whatever a cell has said with socket.setdefaulttimeout
        self._owner = os.getpid()
        self._received = bytearray()
        self._descriptors: list[int] = []

    def send(self, message: Any, descriptors: list[int]) -> None:
        if os.getpid() != self._owner:  # a child of a fork came back: it has nothing to say here
            os._exit(1)
        data = json.dumps(message).encode()
        data = struct.pack("!I", len(data)) + data
        try:
            sent = socket.send_fds(self._socket, [data], descriptors) if descriptors else 0
            self._socket.sendall(data[sent:])
        except OSError as error:
            raise _as_told(error) from None

    def receive(self, seconds: float | None = None) -> tuple[Any, list[int]]:
        """Return a message and the descriptors sent with it. LinkBrokenError at the end of all.

        TimeoutError when none has come in so many seconds. Then nothing more can be received.
        """
        if seconds is not None:
            self._socket.settimeout(seconds)
        try:
            return self._receive()
        except (OSError, EOFError, ValueError, RecursionError) as error:
            raise _as_told(error) from None
        finally:
            if seconds is not None:
                self._socket.settimeout(None)

    def _receive(self) -> tuple[Any, list[int]]:
        (length,) = struct.unpack("!I", self._want(4)[:4])
        if length > MOST_BYTES:
            raise ValueError(f"{length >> 20} MB at once")
        data = self._want(4 + length)[4 : 4 + length].decode()
        del self._received[: 4 + length]
        descriptors, self._descriptors = self._descriptors, []
        if (depth := _depth(data)) > MOST_DEPTH:
            raise ValueError(f"lists in lists, {depth} deep")
        return json.loads(data), descriptors

    def _want(self, count: int) -> bytearray:
        """Receive until there are so many bytes; return what there is.

        The kernel ends a look at bytes with descriptors, but not before them. So that nobody gets
        another message's, each one waits for an answer, or has descriptors as all others.
        """
        while len(self._received) < count:
            data, descriptors, _, _ = socket.recv_fds(self._socket, _CHUNK, _MOST_DESCRIPTORS)
            if not data:
                raise EOFError
            self._received += data
            self._descriptors += descriptors
            if len(self._descriptors) > _MOST_DESCRIPTORS:
                raise ValueError(f"{len(self._descriptors)} descriptors")
        return self._received

    def close(self) -> None:
        if os.getpid() == self._owner:  # a child of a fork leaves its parent's connection alone
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def is_lack(error: BaseException | None) -> bool:
    """Tell whether the system has refused a socket, a file, a thread or a process."""
    if isinstance(error, OSError):
        return error.errno in SCARCE
    if not isinstance(error, RuntimeError):
        return False
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return frame.f_code is _START


def _depth(data: str) -> int:
    """Return how deep lists and objects are nested in JSON, or more where it is none."""
    if data.count("[") + data.count("{") <= MOST_DEPTH:
        return 0  # quick, and good enough
    brackets = re.sub(r'[^][{}"]+|"(?:[^"\\]|\\.)*"?', "", data, flags=re.DOTALL)
    return max(accumulate(1 if one in "[{" else -1 for one in brackets), default=0)


def _as_told(error: Exception) -> Exception:
    """Return what to raise for an error of a socket's, or of a message's."""
    if isinstance(error, TimeoutError) or is_lack(error):
        return error
    if isinstance(error, OSError | EOFError):
        return LinkBrokenError("the program has ended")
    return MessageError(str(error))
