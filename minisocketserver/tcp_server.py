"""TCPServer: a listening socket, and a connection for each request."""

import errno
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from .base_server import BaseServer

# The next attempt meets them again: nothing is left to open a connection with, or the listener
# has been closed while the loop runs.
_LASTING_ERRORS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EBADF}


class TCPServer(BaseServer):
    """Server for byte streams: each request is a connected socket.

    Set these on the class, because the constructor uses them:
    `address_family` and `socket_type`, `request_queue_size` (the backlog of `listen`, not a
    limit on clients; as long as in the running Python's own module), `allow_reuse_address` and
    `allow_reuse_port`.
    """

    address_family: int = socket.AF_INET
    socket_type: int = socket.SOCK_STREAM
    request_queue_size = 5 if sys.version_info < (3, 15) else socket.SOMAXCONN
    allow_reuse_address = False
    allow_reuse_port = False

    def __init__(
        self,
        server_address: Any,
        RequestHandlerClass: Callable[..., Any],
        bind_and_activate: bool = True,
    ) -> None:
        """Make the socket and, unless told otherwise, bind it and listen.

        `server_address` is one tuple, `(host, port)`; port 0 lets the system choose, and
        `self.server_address` tells what it chose. Raises OSError when the address is in use
        or not allowed; nothing stays open then.
        """
        super().__init__(server_address, RequestHandlerClass)
        self.socket = socket.socket(self.address_family, self.socket_type)
        if bind_and_activate:
            try:
                self.server_bind()
                self.server_activate()
            except BaseException:
                self.server_close()
                raise

    def server_bind(self) -> None:
        """Take the address. Raises OSError when that fails."""
        if self.allow_reuse_address and hasattr(socket, "SO_REUSEADDR"):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Linux 6.12.9 and later refuse SO_REUSEPORT on other families (CPython gh-128916).
        is_internet = self.address_family in (socket.AF_INET, socket.AF_INET6)
        if self.allow_reuse_port and is_internet and hasattr(socket, "SO_REUSEPORT"):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def server_activate(self) -> None:
        """Listen; from here on the system completes connections, up to its backlog."""
        self.socket.listen(self.request_queue_size)

    def server_close(self) -> None:
        """Close the listening socket."""
        self.socket.close()

    def fileno(self) -> int:
        """Return the listening socket's descriptor, for the selector."""
        return self.socket.fileno()

    def get_request(self) -> tuple[Any, Any]:
        """Accept one connection: `(connected socket, client address)`."""
        return self.socket.accept()

    def request_lost(self, error: OSError) -> None:
        """Pause after an error that the next attempt would meet again, or the loop would spin.

        Beyond the standard library.
        """
        if error.errno in _LASTING_ERRORS:
            time.sleep(0.05)

    def shutdown_request(self, request: Any) -> None:
        """Tell the client that no more will come, then close.

        A plain close would leave the client waiting where a forked child or another
        reference still holds the connection.
        """
        try:
            request.shutdown(socket.SHUT_WR)
        except OSError:  # the client has gone first
            pass
        self.close_request(request)

    def close_request(self, request: Any) -> None:
        """Close this end of the connection."""
        request.close()
