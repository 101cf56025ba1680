# %% letterbox
@reopen(UDPServer)
class UDPServer:
    def server_activate(self):
        """A letterbox doesn't listen."""

# %% letterbox: did server_activate call listen()?
@reopen(UDPServer)
class UDPServer:
    def server_activate(self):
        super().server_activate()

# %% letterbox: did server_activate bind the socket a second time?
@reopen(UDPServer)
class UDPServer:
    def server_activate(self):
        self.server_bind()

# %% pair
@reopen(UDPServer)
class UDPServer:
    def get_request(self):
        sock = self.socket
        card, sender = sock.recvfrom(8192)
        request = card, sock
        return request, sender

# %% pair: the request b'first', not a pair (data, socket)
@reopen(UDPServer)
class UDPServer:
    def get_request(self):
        return self.socket.recvfrom(8192)

# %% pair: not a pair of request and address
@reopen(UDPServer)
class UDPServer:
    def get_request(self):
        data, client_address = self.socket.recvfrom(8192)
        return data, self.socket, client_address

# %% pair: there is nothing to accept
@reopen(UDPServer)
class UDPServer:
    def get_request(self):
        sock, client_address = self.socket.accept()
        return (sock.recv(8192), sock), client_address

# %% next card
@reopen(UDPServer)
class UDPServer:
    def shutdown_request(self, request):
        return self.close_request(request)

    def close_request(self, request):
        return

# %% next card: the socket in self.request was closed after a card: it is the server's own
@reopen(UDPServer)
class UDPServer:
    def shutdown_request(self, request):
        self.close_request(request)

    def close_request(self, request):
        data, sock = request
        sock.close()

# %% next card: two requests, and 0 calls of close_request
@reopen(UDPServer)
class UDPServer:
    def shutdown_request(self, request):
        pass

    def close_request(self, request):
        pass

# %% next card: a goodbye to a pair, as if it were a connection
@reopen(UDPServer)
class UDPServer:
    def shutdown_request(self, request):
        super().shutdown_request(request)

    def close_request(self, request):
        pass

# %% next card: close_request for b'first' and b'second', not for the requests
@reopen(UDPServer)
class UDPServer:
    def shutdown_request(self, request):
        data, sock = request
        self.close_request(data)

    def close_request(self, request):
        pass

# %% cut
@reopen(UDPServer)
class UDPServer:
    max_packet_size = 8192

    def get_request(self):
        most = self.max_packet_size
        data, client_address = self.socket.recvfrom(most + 1)
        if data[most:]:
            self.handle_truncation(client_address)
        return (data[:most], self.socket), client_address

    def handle_truncation(self, client_address):
        pass

# %% cut: calls of handle_truncation: 0, not 1
@reopen(UDPServer)
class UDPServer:
    max_packet_size = 8192

    def get_request(self):
        data, client_address = self.socket.recvfrom(self.max_packet_size)
        if len(data) > self.max_packet_size:
            self.handle_truncation(client_address)
        return (data, self.socket), client_address

    def handle_truncation(self, client_address):
        pass

# %% cut: calls of handle_truncation: 1, not 0, for 8192 bytes sent
@reopen(UDPServer)
class UDPServer:
    max_packet_size = 8192

    def get_request(self):
        data, client_address = self.socket.recvfrom(self.max_packet_size)
        if len(data) >= self.max_packet_size:
            self.handle_truncation(client_address)
        return (data, self.socket), client_address

    def handle_truncation(self, client_address):
        pass

# %% cut: 8193 bytes for 9000 bytes sent
@reopen(UDPServer)
class UDPServer:
    max_packet_size = 8192

    def get_request(self):
        data, client_address = self.socket.recvfrom(self.max_packet_size + 1)
        if len(data) > self.max_packet_size:
            self.handle_truncation(client_address)
        return (data, self.socket), client_address

    def handle_truncation(self, client_address):
        pass

# %% cut: which isn't bytes
@reopen(UDPServer)
class UDPServer:
    max_packet_size = 8192

    def get_request(self):
        data, client_address = self.socket.recvfrom(self.max_packet_size + 1)
        if len(data) > self.max_packet_size:
            self.handle_truncation(client_address)
            data = data[self.max_packet_size]
        return (data, self.socket), client_address

    def handle_truncation(self, client_address):
        pass

# %% cut: 101 bytes sent with a max_packet_size of 100
@reopen(UDPServer)
class UDPServer:
    max_packet_size = 8192

    def get_request(self):
        data, client_address = self.socket.recvfrom(8193)
        if len(data) > 8192:
            self.handle_truncation(client_address)
        return (data[:8192], self.socket), client_address

    def handle_truncation(self, client_address):
        pass

# %% once
def pay_in_once(request, client_address, server):
    data, sock = request
    number, amount = data.split()
    known = server.answers.get((client_address, number))
    if known is None:
        server.purse = server.purse + int(amount)
        known = b"%d in the purse" % server.purse
        server.answers[client_address, number] = known
    sock.sendto(known, client_address)

# %% once: b'20 in the purse' when the same question came again
def pay_in_once(request, client_address, server):
    data, sock = request
    number, amount = data.split()
    server.purse += int(amount)
    server.answers[client_address, number] = f"{server.purse} in the purse".encode()
    sock.sendto(server.answers[client_address, number], client_address)

# %% once: when another client asked with the same number
def pay_in_once(request, client_address, server):
    data, sock = request
    number, amount = data.split()
    if number not in server.answers:
        server.purse += int(amount)
        server.answers[number] = f"{server.purse} in the purse".encode()
    sock.sendto(server.answers[number], client_address)

# %% once: no answer to b'1 10' within 2 seconds, when the same question came again
def pay_in_once(request, client_address, server):
    data, sock = request
    number, amount = data.split()
    key = client_address, number
    if key not in server.answers:
        server.purse += int(amount)
        server.answers[key] = f"{server.purse} in the purse".encode()
        sock.sendto(server.answers[key], client_address)

# %% once: when the first question came again, after others
def pay_in_once(request, client_address, server):
    data, sock = request
    number, amount = data.split()
    if (client_address, number) not in server.answers:
        server.purse += int(amount)
        server.answers[client_address, number] = True
    sock.sendto(f"{server.purse} in the purse".encode(), client_address)

# %% once: is the stub's raise still below your lines?
def pay_in_once(request, client_address, server):
    data, sock = request
    number, amount = data.split()
    key = client_address, number
    if key not in server.answers:
        server.purse += int(amount)
        server.answers[key] = f"{server.purse} in the purse".encode()
    sock.sendto(server.answers[key], client_address)
    raise NotImplementedError()
