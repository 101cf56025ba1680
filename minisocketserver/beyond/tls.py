"""TLSMixIn: encrypted connections, without waiting for a client in the loop."""

import ssl
from contextlib import suppress
from typing import Any

from ..mixin_base import MixInBase


class TLSMixIn(MixInBase):
    """Put before a stream server class among the bases, it encrypts the connections.

    `ssl_context` must be set, on the class or before the server is activated, to an
    `ssl.SSLContext` with a certificate. The client has `handshake_timeout` seconds to shake
    hands, TimeoutError after that. It does so where the handler runs: with threads or
    processes a slow client delays only itself; in a pool it holds one thread for that long.
    """

    ssl_context: ssl.SSLContext
    handshake_timeout: float | None = 10.0
    socket: Any

    def server_activate(self) -> None:
        """Listen; what is accepted from here on is encrypted."""
        super().server_activate()
        self.socket = self.ssl_context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands, then make the handler. ssl.SSLError if the client cannot."""
        timeout = request.gettimeout()
        request.settimeout(self.handshake_timeout)
        request.do_handshake()
        request.settimeout(timeout)
        super().finish_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Say goodbye inside the encryption too: the end is no cut then (RFC 8446, 6.1)."""
        with suppress(OSError, ValueError):  # the client may have gone first, or never shook hands
            request.setblocking(False)  # send our half, and do not wait for the other
            request.unwrap()
        super().shutdown_request(request)
