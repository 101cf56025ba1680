"""OpenRequestsMixIn: know which requests are being served."""

import socket
import threading
from typing import Any, Self

from ..mixin_base import MixInBase


class OpenRequestsMixIn(MixInBase):
    """Keeps `open_requests`: each request taken and not yet closed, with its client's address.

    They are kept by `id`, because two datagrams may be equal. The parts that count requests, or
    cut them off, build on it. A forking server closes a request as soon as a child has its copy,
    so there is little to see there.
    """

    open_requests: dict[int, tuple[Any, Any]]
    __closed: threading.Condition

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make what is kept here; a server may call another parent's `__init__` and not ours."""
        server = super().__new__(cls)
        vars(server).update(open_requests={}, _OpenRequestsMixIn__closed=threading.Condition())
        return server

    def request_taken(self, request: Any, client_address: Any) -> None:
        """Note a request: not before a subclass's own `get_request` has returned it."""
        super().request_taken(request, client_address)
        self.open_requests[id(request)] = request, client_address

    def close_request(self, request: Any) -> None:
        """Close the request and forget it."""
        super().close_request(request)
        self.forget_closed(request)

    def forget_closed(self, request: Any = None) -> None:
        """Forget the request, and those that were closed or replaced without `close_request`."""
        with self.__closed:
            if self.open_requests.pop(id(request), None) is None:
                for key, (one, _) in list(self.open_requests.items()):
                    if isinstance(one, socket.socket) and one.fileno() < 0:
                        self.open_requests.pop(key, None)
            self.__closed.notify_all()

    def wait_until_closed(self, timeout: float, left: int = 0) -> bool:
        """Wait until no more than `left` requests are open, for `timeout` seconds at most.

        Return whether it has come to that.
        """
        self.forget_closed()
        with self.__closed:
            return self.__closed.wait_for(lambda: len(self.open_requests) <= left, timeout)
