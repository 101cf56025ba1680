"""The Unix servers: a path for an address, clients on this machine only."""

import socket

from .tcp_server import TCPServer
from .udp_server import UDPServer


class UnixStreamServer(TCPServer):
    """Byte streams over a Unix socket; `server_address` is a path (see unix(7)).

    The file stays behind when the server closes. Who made it removes it.
    """

    address_family: int = socket.AF_UNIX


class UnixDatagramServer(UDPServer):
    """Datagrams over a Unix socket. A client that bound no path cannot be answered."""

    address_family: int = socket.AF_UNIX
