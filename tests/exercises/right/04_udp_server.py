# ruff: noqa
# fmt: off
# Right answers, written from the tasks' text, each as its author would have it.

# %% 04.1 a length looked at first
class UDPServer(TCPServer):
    socket_type = socket.SOCK_DGRAM
    max_packet_size = 8192

    def server_activate(self):
        return None

    def get_request(self):
        data, addr = self.socket.recvfrom(65536)
        if len(data) > self.max_packet_size:
            self.handle_truncation(addr)
            data = data[:self.max_packet_size]
        return (data, self.socket), addr

    def handle_truncation(self, client_address):
        pass

    def shutdown_request(self, request):
        return self.close_request(request)

    def close_request(self, request):
        return

# %% 04.1 recvmsg and its flag
class UDPServer(TCPServer):
    max_packet_size = 8192
    socket_type = socket.SOCK_DGRAM

    def server_activate(self): ...

    def get_request(self):
        data, _, flags, client_address = self.socket.recvmsg(self.max_packet_size)
        if flags & socket.MSG_TRUNC:
            self.handle_truncation(client_address)
        request = data, self.socket
        return request, client_address

    def handle_truncation(self, client_address):
        """Do nothing: a program overrides this if it wants to know."""

    def shutdown_request(self, request):
        self.close_request(request)

    def close_request(self, request): ...

# %% 04.1 into a buffer
class UDPServer(TCPServer):
    """Postcards."""
    socket_type = socket.SocketKind.SOCK_DGRAM
    max_packet_size = 8192
    server_activate = lambda self: None
    handle_truncation = lambda self, client_address: None

    def get_request(self):
        buffer = bytearray(self.max_packet_size + 1)
        count, sender = self.socket.recvfrom_into(buffer)
        too_long = count > self.max_packet_size
        if too_long: self.handle_truncation(sender)
        return ((bytes(buffer[:min(count, self.max_packet_size)]), self.socket), sender)

    def shutdown_request(self, request): self.close_request(request)
    def close_request(self, request): pass

# %% 04.1 terse, one byte more and a slice
class UDPServer(TCPServer):
    """A server for datagrams; each request is a pair (data, socket)."""

    max_packet_size = 8192
    socket_type = socket.SOCK_DGRAM

    def server_activate(self):
        pass

    def get_request(self):
        n = self.max_packet_size
        data, who = self.socket.recvfrom(n + 1)
        if len(data) > n:
            self.handle_truncation(who)
        return (data[:n], self.socket), who

    def handle_truncation(self, client_address):
        """Do nothing: a program overrides this if it wants to know."""

    def shutdown_request(self, request):
        self.close_request(request)

    def close_request(self, request):
        pass

# %% 04.1 type hints, the kernel says MSG_TRUNC, docstrings that ask
class UDPServer(TCPServer):
    """A server for datagrams; each request is a pair (data, socket)."""

    max_packet_size: int = 8192
    socket_type: int = socket.SOCK_DGRAM

    def server_activate(self) -> None:
        """Why should a letterbox listen?"""

    def get_request(self) -> "tuple[tuple[bytes, socket.socket], object]":
        """Which card lies on top?"""
        data, _ancillary, flags, client_address = self.socket.recvmsg(self.max_packet_size)
        was_cut = bool(flags & socket.MSG_TRUNC)   # did the kernel throw a piece away?
        if was_cut:
            self.handle_truncation(client_address)
        request = (data, self.socket)
        return request, client_address

    def handle_truncation(self, client_address) -> None:
        """Do nothing: a program overrides this if it wants to know."""

    def shutdown_request(self, request) -> None:
        """No goodbye: to whom?"""
        self.close_request(request)

    def close_request(self, request) -> None:
        """The socket is the server's. Closed here, it would be dead after the first request?
        Yes, 100
        %, after the very first one.
        """
        return None

# %% 04.1 a buffer and recvfrom_into, lambdas in the class body, long names
def _receive_into_a_fresh_buffer(datagram_socket, number_of_bytes_wanted):
    buffer_for_one_card = bytearray(number_of_bytes_wanted + 1)
    number_of_bytes_received, address_of_sender = datagram_socket.recvfrom_into(buffer_for_one_card)
    card_does_not_fit = number_of_bytes_received > number_of_bytes_wanted
    contents = bytes(buffer_for_one_card[:min(number_of_bytes_received, number_of_bytes_wanted)])
    return contents, address_of_sender, card_does_not_fit


class UDPServer(TCPServer):
    """A server for datagrams; each request is a pair (data, socket)."""

    max_packet_size = 8192
    socket_type = socket.SocketKind.SOCK_DGRAM

    server_activate = lambda self: None
    close_request = lambda self, request: None
    shutdown_request = lambda self, request: self.close_request(request)

    def get_request(self):
        contents, address_of_sender, card_does_not_fit = _receive_into_a_fresh_buffer(
            self.socket, self.max_packet_size
        )
        card_does_not_fit and self.handle_truncation(address_of_sender)
        return (contents, self.socket), address_of_sender

    def handle_truncation(self, client_address):
        """Do nothing: a program overrides this if it wants to know."""

# %% 04.2 a regular expression
import re
SEVERITIES = "emergency alert critical error warning notice info debug".split()
CARD = re.compile(r"<(\d+)>(.*?)\0?$", re.DOTALL)

class LogDesk(socketserver.BaseRequestHandler):
    def handle(self):
        number, message = CARD.match(self.request[0].decode("utf-8")).groups()
        self.server.log.append("%s: %s" % (SEVERITIES[int(number) & 7], message))

# %% 04.2 divmod, and slices of bytes
SEVERITIES = "emergency alert critical error warning notice info debug".split()

class LogDesk(socketserver.DatagramRequestHandler):
    always_reply = False

    def handle(self):
        raw = self.packet
        end = raw.index(b">")
        facility, severity = divmod(int(raw[1:end]), 8)
        text = raw[end + 1:]
        if text.endswith(b"\x00"):
            text = text[:-1]
        self.server.log.append(SEVERITIES[severity] + ": " + text.decode())

    def finish(self):
        pass

# %% 04.2 a function
SEVERITIES = ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"]

def LogDesk(request, client_address, server):
    data, _ = request
    priority, text = data.split(b">", 1)
    priority = int(priority.lstrip(b"<"))
    while priority >= 8:
        priority -= 8
    server.log += [f"{SEVERITIES[priority]}: {str(text, 'utf-8').rstrip(chr(0))}"]

# %% 04.2 terse, partition and one f-string
SEVERITIES = "emergency alert critical error warning notice info debug".split()


class LogDesk(socketserver.BaseRequestHandler):
    def handle(self):
        head, _, text = self.request[0].partition(b">")
        sev = SEVERITIES[int(head[1:]) % 8]
        self.server.log.append(f"{sev}: {text.removesuffix(bytes(1)).decode()}")

# %% 04.2 regular expression, DatagramRequestHandler with its finish taken out
import re

SEVERITIES = "emergency alert critical error warning notice info debug".split()

CARD = re.compile(
    rb"""
    < (?P<number> [0-9]+ ) >     # part of the system and severity; the first > ends it
    (?P<message> .*? )           # anything, also more of > and line ends
    \0?                          # what if there is no zero byte? Then none is cut off
    """,
    re.VERBOSE | re.DOTALL,
)


class LogDesk(socketserver.DatagramRequestHandler):
    def handle(self):
        if card := CARD.fullmatch(self.packet):
            severity = int(card["number"]) & 0b111
            self.server.log.append(
                "%s: %s"
                % (SEVERITIES[severity], card["message"].decode("utf-8"))
            )

    def finish(self):
        """Would the inherited one send an empty datagram?"""

# %% 04.2 a frozen dataclass that parses itself, flattens line ends
from dataclasses import dataclass

SEVERITIES = "emergency alert critical error warning notice info debug".split()


@dataclass(frozen=True)
class Card:
    part: int
    severity: int
    message: str

    @classmethod
    def from_bytes(cls, data: bytes) -> "Card":
        number, message = data.split(b">", 1)
        part, severity = divmod(int(number.lstrip(b"<")), len(SEVERITIES))
        if message.endswith(b"\x00"):
            message = message[:-1]
        return cls(part, severity, str(message, "utf-8", "replace"))

    @property
    def line(self) -> str:
        # One card, ONE line: what if there is a traceback in the message?
        return SEVERITIES[self.severity] + ": " + self.message.replace("\n", " ")


class LogDesk(socketserver.BaseRequestHandler):
    """Write down what the card says, and say nothing."""

    def handle(self) -> None:
        data, _unused_socket = self.request
        self.server.log.append(Card.from_bytes(data).line)

# %% 04.3 names for the pair
class EchoHandler(socketserver.BaseRequestHandler):
    def handle(self):
        card = self.request[0]
        letterbox = self.request[1]
        self.server.served = self.server.served + 1
        letterbox.sendto(card, self.client_address)

# %% 04.3 the handler of the library
class EchoHandler(socketserver.DatagramRequestHandler):
    def handle(self):
        self.wfile.write(self.rfile.read())

    def finish(self):
        super().finish()
        self.server.served += 1

# %% 04.3 sendmsg
class EchoHandler(socketserver.BaseRequestHandler):
    """One card, one answer."""

    def handle(self):
        (data, sock), who = self.request, self.client_address
        try:
            sock.sendmsg([data], [], 0, who)
        finally:
            self.server.served += 1

# %% 04.3 three lines, complaints in comments
class EchoHandler(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        # complaint 1: server_address -> the server wrote to itself, for ever
        # complaint 2: recv in the loop takes the card of somebody else
        # complaint 3: sock.close() closes the only socket the server has
        # complaint 4: "while data" is not entered for b""
        sock.sendto(data, self.client_address)
        self.server.served += 1

# %% 04.3 DatagramRequestHandler with rfile and wfile, counts before it sends
import shutil


class EchoHandler(socketserver.DatagramRequestHandler):
    """The base class posts what is in wfile when we are through, also nothing at all."""

    def handle(self):
        self.server.served = self.server.served + 1
        shutil.copyfileobj(self.rfile, self.wfile)

# %% 04.3 setup, handle, finish and two properties
class EchoHandler(socketserver.BaseRequestHandler):
    """Who gets this card back? He who sent it.

    What about b""?
    """

    @property
    def card(self) -> bytes:
        return self.request[0]

    @property
    def letterbox(self) -> socket.socket:
        return self.request[1]  # borrowed: never closed here

    def setup(self) -> None:
        self.answer = self.card

    def handle(self) -> None:
        self.letterbox.sendto(self.answer, self.client_address)

    def finish(self) -> None:
        self.server.served += 1

# %% 04.4 tuples
arrived = (3, 0, 8192, 5)
purses = (20, 10)
queue = "C"

# %% 04.4 counted
arrived = [min(size, 8192) for size in (3, 0, 9000, 5)]
purses = [10 * len(["second card", "third card"]), 10]
queue = "ABCD"[2]

# %% 04.4 one by one
arrived = []
arrived.append(3); arrived.append(0); arrived.append(8192); arrived.append(5)
first_purse = 10 + 10
second_purse = 10
purses = [first_purse, second_purse]
queue = str("C")

# %% 04.4 plain lists
arrived = [3, 0, 8192, 5]
purses = [20, 10]
queue = "C"

# %% 04.4 computed
LIMIT = 8192
arrived = [min(size, LIMIT) for size in (3, 0, 9000, 5)]  # does 0 count? Yes.

first, remembered = 0, {}
for number in [1, 1]:           # the sea took the first of three
    first += 10
    remembered.setdefault(number, 10)
purses = [first, sum(remembered.values())]

queue = {"waits": "B", "lost": "C", "error": "D"}["lost"]

# %% 04.4 one line, tuples in place of lists
arrived, purses, queue = (3, 0, 8192, 5), (20, 10), "C"
