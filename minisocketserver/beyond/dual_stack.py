"""DualStackMixIn: IPv4 and IPv6 clients on one socket."""

import socket

from ..mixin_base import MixInBase


class DualStackMixIn(MixInBase):
    """Put before an internet server class, it listens for IPv6 and for IPv4 clients.

    The host `""` stands for all addresses, `"localhost"` for those of IPv6 alone. IPv4 addresses
    are written mapped, `::ffff:127.0.0.1` (RFC 4291, 2.5.5.2), both in `server_address` and for
    clients; and an address has four values, host and port first. Where the system has no such
    sockets, the server listens for IPv4 alone.
    """

    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def server_bind(self) -> None:
        """Switch the socket to both, which must be done before it is bound (RFC 3493, 5.3)."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # type: ignore[attr-defined]
        super().server_bind()  # type: ignore[misc]
