"""UDPServer: one socket for all, and a datagram for each request."""

import socket
from typing import Any

from .tcp_server import TCPServer


class UDPServer(TCPServer):
    """Server for datagrams: each request is a pair `(data, socket)`.

    The socket is the server's own: answer with `socket.sendto(reply, client_address)` and
    leave it open. `max_packet_size` is in bytes; what a longer datagram has more is lost.
    """

    socket_type: int = socket.SOCK_DGRAM
    max_packet_size = 8192

    def server_activate(self) -> None:
        """Do nothing: a datagram socket does not listen."""

    def get_request(self) -> tuple[Any, Any]:
        """Receive one datagram: `((data, socket), client address)`."""
        data, client_address = self.socket.recvfrom(self.max_packet_size + 1)
        if len(data) > self.max_packet_size:
            self.handle_truncation(client_address)
            data = data[: self.max_packet_size]
        return (data, self.socket), client_address

    def handle_truncation(self, client_address: Any) -> None:
        """Called when a datagram was too long, before what is left of it is served.

        Beyond the standard library, which cuts without a word. Does nothing unless overridden.
        """

    def shutdown_request(self, request: Any) -> None:
        """Skip the goodbye: there is no connection to end."""
        self.close_request(request)

    def close_request(self, request: Any) -> None:
        """Leave the socket open: it is the server's."""
