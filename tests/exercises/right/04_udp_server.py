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
