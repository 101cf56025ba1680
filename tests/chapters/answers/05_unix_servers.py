# %% deserted
def is_deserted(path):
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        if not Path(path).is_socket():
            return False
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return True
        except OSError:
            pass
        return False

# %% deserted: is_deserted(path), where there's a text file
def is_deserted(path):
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        return probe.connect_ex(path) == errno.ECONNREFUSED

# %% deserted: is_deserted(path), where a server listens
def is_deserted(path):
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        return Path(path).is_socket()

# %% deserted: is_deserted(path), where a server for datagrams lives
def is_deserted(path):
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        return Path(path).is_socket() and probe.connect_ex(path) != 0

# %% deserted: None: does it return what it has found out?
def is_deserted(path):
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        Path(path).is_socket() and probe.connect_ex(path) == errno.ECONNREFUSED

# %% private
class PrivateServer(UnixStreamServer):
    mode = 0o600

    def server_bind(self):
        result = super().server_bind()
        Path(self.server_address).chmod(self.mode)
        return result

# %% private: where 0o660 was wanted
class PrivateServer(UnixStreamServer):
    mode = 0o600

    def server_bind(self):
        super().server_bind()
        os.chmod(self.server_address, 0o600)

# %% private: for a moment the door was open
class PrivateServer(UnixStreamServer):
    mode = 0o600

    def server_activate(self):
        super().server_activate()
        os.chmod(self.server_address, self.mode)

# %% private: FileNotFoundError
class PrivateServer(UnixStreamServer):
    mode = 0o600

    def server_bind(self):
        os.chmod(self.server_address, self.mode)
        super().server_bind()

# %% private: the umask changed to 0o177
class PrivateServer(UnixStreamServer):
    mode = 0o600

    def server_bind(self):
        os.umask(0o777 & ~self.mode)
        super().server_bind()

# %% welcome
class Doorkeeper(UnixStreamServer):
    welcome = set()

    def verify_request(self, request, client_address):
        return peer(request)[1] in self.welcome

# %% welcome: True, where welcome has only the number of this process
class Doorkeeper(UnixStreamServer):
    welcome = set()

    def verify_request(self, request, client_address):
        return bool(self.welcome.intersection(peer(request)))

# %% welcome: False, where welcome has only the number of this user
class Doorkeeper(UnixStreamServer):
    welcome = set()

    def verify_request(self, request, client_address):
        return client_address in self.welcome

# %% welcome: None: does it return what it has found out?
class Doorkeeper(UnixStreamServer):
    welcome = set()

    def verify_request(self, request, client_address):
        pid, uid, gid = peer(request)
        if uid not in self.welcome:
            self.shutdown_request(request)

# %% return address
def datagram_client(path, message):
    with place() as own_path, postbox() as sock:
        sock.bind(own_path)
        sock.connect(path)
        sock.send(message.encode())
        answer, _ = sock.recvfrom(1024)
        return answer.decode()

# %% return address: the card came from None: no path was bound
def datagram_client(path, message):
    with place() as own_path, postbox() as sock:
        sock.sendto(message.encode(), path)
        return sock.recv(1024).decode()

# %% return address: was the server's path bound? The client needs one of its own
def datagram_client(path, message):
    with place() as own_path, postbox() as sock:
        sock.bind(path)
        sock.sendto(message.encode(), path)
        return sock.recv(1024).decode()

# %% return address: b'ahoy'
def datagram_client(path, message):
    with place() as own_path, postbox() as sock:
        sock.bind(own_path)
        sock.sendto(message.encode(), path)
        return sock.recv(1024)

# %% return address: but no card at the server
def datagram_client(path, message):
    with place() as own_path, postbox() as sock:
        sock.bind(own_path)
        sock.sendto(message.encode(), own_path)
        return sock.recv(1024).decode()

# %% return address: no path was bound before that
def datagram_client(path, message):
    with place() as own_path, postbox() as sock:
        sock.sendto(message.encode(), path)
        sock.bind(own_path)
        return sock.recv(1024).decode()

# %% return address: does it return the answer?
def datagram_client(path, message):
    with place() as own_path, postbox() as sock:
        sock.bind(own_path)
        sock.sendto(message.encode(), path)
        sock.recv(1024).decode()
