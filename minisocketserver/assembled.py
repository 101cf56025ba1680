"""The ready-mixed servers: the mix-in first, then the server, nothing else."""

import os
import socket

from .tcp_server import TCPServer
from .threading_mixin import ThreadingMixIn
from .udp_server import UDPServer


class ThreadingTCPServer(ThreadingMixIn, TCPServer):
    """Byte streams, a thread for each connection."""


class ThreadingUDPServer(ThreadingMixIn, UDPServer):
    """Datagrams, a thread for each."""


if hasattr(os, "fork"):
    from .forking_mixin import ForkingMixIn

    class ForkingTCPServer(ForkingMixIn, TCPServer):
        """Byte streams, a process for each connection."""

    class ForkingUDPServer(ForkingMixIn, UDPServer):
        """Datagrams, a process for each."""


if hasattr(socket, "AF_UNIX"):
    from .unix_servers import UnixDatagramServer, UnixStreamServer

    class ThreadingUnixStreamServer(ThreadingMixIn, UnixStreamServer):
        """Byte streams over a Unix socket, a thread for each connection."""

    class ThreadingUnixDatagramServer(ThreadingMixIn, UnixDatagramServer):
        """Datagrams over a Unix socket, a thread for each."""


if hasattr(os, "fork") and hasattr(socket, "AF_UNIX"):

    class ForkingUnixStreamServer(ForkingMixIn, UnixStreamServer):
        """Byte streams over a Unix socket, a process for each connection."""

    class ForkingUnixDatagramServer(ForkingMixIn, UnixDatagramServer):
        """Datagrams over a Unix socket, a process for each."""
