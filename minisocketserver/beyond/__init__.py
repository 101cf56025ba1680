"""Beyond the standard library: limits, a clean end, TLS. Mix-ins, put before a server class.

What limits or ends goes first, what runs the handlers last:

    class Server(LimitsMixIn, DrainMixIn, TLSMixIn, ThreadPoolMixIn, TCPServer): ...

PreForkMixIn exists only where the system has fork: ask with `hasattr`.
"""

import os

from .drain import DrainMixIn
from .dual_stack import DualStackMixIn
from .limits import LimitedStreamRequestHandler, LimitExceededError, LimitsMixIn
from .pool import ThreadPoolMixIn
from .tls import TLSMixIn

__all__ = ["DrainMixIn", "DualStackMixIn", "LimitsMixIn", "TLSMixIn", "ThreadPoolMixIn"]
__all__ += ["LimitExceededError", "LimitedStreamRequestHandler"]

if hasattr(os, "fork"):
    from .prefork import PreForkMixIn

    __all__ += ["PreForkMixIn"]
