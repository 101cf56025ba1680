"""What a mix-in derives from: for a type checker a server, and for Python nothing."""

from typing import TYPE_CHECKING

from .base_server import BaseServer

if TYPE_CHECKING:
    MixInBase = BaseServer
else:
    MixInBase = object
