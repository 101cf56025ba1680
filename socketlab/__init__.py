"""The bench: run servers in a notebook, see what they did, check an answer."""

from .example import tcp_client, threaded_client
from .planks import assemble
from .reopen import reopen
from .running import ServerTrouble, running

__all__ = ["ServerTrouble", "assemble", "reopen", "running", "tcp_client", "threaded_client"]
