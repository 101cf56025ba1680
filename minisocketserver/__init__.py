"""A drop-in for the standard library's `socketserver`, written to be read.

Start with `base_server`, then `tcp_server`; the notebooks build the same modules step by step.
Forking and Unix classes exist only where the system has them: ask with `hasattr`.
"""

import os
import socket
import sys
import warnings

from .assembled import ThreadingTCPServer, ThreadingUDPServer
from .base_server import BaseServer
from .base_server import _ServerSelector as _ServerSelector  # private, and used by programs
from .handlers import BaseRequestHandler, DatagramRequestHandler, StreamRequestHandler
from .handlers import _SocketWriter as _SocketWriter  # likewise
from .tcp_server import TCPServer
from .threading_mixin import ThreadingMixIn
from .udp_server import UDPServer

__all__ = ["BaseServer", "TCPServer", "UDPServer", "ThreadingMixIn"]
__all__ += ["BaseRequestHandler", "StreamRequestHandler", "DatagramRequestHandler"]
__all__ += ["ThreadingTCPServer", "ThreadingUDPServer"]

if hasattr(os, "fork"):
    from .assembled import ForkingTCPServer, ForkingUDPServer
    from .forking_mixin import ForkingMixIn

    __all__ += ["ForkingMixIn", "ForkingTCPServer", "ForkingUDPServer"]

if hasattr(socket, "AF_UNIX"):
    from .assembled import ThreadingUnixDatagramServer, ThreadingUnixStreamServer
    from .unix_servers import UnixDatagramServer, UnixStreamServer

    __all__ += ["UnixStreamServer", "UnixDatagramServer"]
    __all__ += ["ThreadingUnixStreamServer", "ThreadingUnixDatagramServer"]

if hasattr(os, "fork") and hasattr(socket, "AF_UNIX"):
    from .assembled import ForkingUnixDatagramServer, ForkingUnixStreamServer

    __all__ += ["ForkingUnixStreamServer", "ForkingUnixDatagramServer"]

# Not this package's version: the one that programs read from `socketserver`.
if sys.version_info < (3, 15):
    __version__ = "0.4"
else:

    def __getattr__(name: str) -> str:
        if name != "__version__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        message = "'__version__' is deprecated and slated for removal in Python 3.20"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return "0.4"
