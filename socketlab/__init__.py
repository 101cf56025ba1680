"""The bench: run servers in a notebook, see what they did, check an answer."""

from .example import tcp_client, threaded_client
from .pictures import class_map
from .planks import assemble
from .recorder import record
from .reopen import reopen
from .running import ServerTrouble, running

__all__ = [
    "ServerTrouble",
    "assemble",
    "class_map",
    "record",
    "reopen",
    "running",
    "tcp_client",
    "threaded_client",
]
