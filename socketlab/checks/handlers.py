"""Handlers of a check's, for servers that are on trial themselves."""

from minisocketserver import BaseRequestHandler


class Echo(BaseRequestHandler):
    """Sends back what one read gives."""

    def handle(self) -> None:
        self.request.sendall(self.request.recv(1024))


class DatagramEcho(BaseRequestHandler):
    """Sends a datagram back to whoever sent it."""

    def handle(self) -> None:
        data, sock = self.request
        sock.sendto(data, self.client_address)
