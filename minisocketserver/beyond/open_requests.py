"""OpenRequestsMixIn: know which requests are being served."""

import threading
from typing import Any


class OpenRequestsMixIn:
    """Keeps `open_requests`: each request taken and not yet closed, with its client's address.

    They are kept by `id`, because two datagrams may be equal. The parts that count requests, or
    cut them off, build on it. A forking server closes a request as soon as a child has its copy,
    so there is little to see there.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.open_requests: dict[int, tuple[Any, Any]] = {}
        self._closed = threading.Condition()
        super().__init__(*args, **kwargs)

    def get_request(self) -> tuple[Any, Any]:
        """Take a request and note it."""
        request, client_address = super().get_request()  # type: ignore[misc]
        self.open_requests[id(request)] = request, client_address
        return request, client_address

    def close_request(self, request: Any) -> None:
        """Close the request and forget it."""
        super().close_request(request)  # type: ignore[misc]
        with self._closed:
            self.open_requests.pop(id(request), None)
            self._closed.notify_all()

    def wait_until_closed(self, seconds: float) -> bool:
        """Wait until no request is open; return False if that takes more than `seconds`."""
        with self._closed:
            return self._closed.wait_for(lambda: not self.open_requests, seconds)
