# ruff: noqa
# fmt: off
# Right answers, written from the tasks' text, each as its author would have it.

# %% 05.1 the mode between bind and listen
class UnixStreamServer(TCPServer):
    """Streams at a path."""
    address_family = socket.AF_UNIX

class UnixDatagramServer(UDPServer):
    """Datagrams at a path."""
    address_family = socket.AF_UNIX

class PrivateServer(UnixStreamServer):
    mode = 0o600

    def server_activate(self):
        Path(self.server_address).chmod(self.mode)
        super().server_activate()

# %% 05.1 a mix-in for the family
class AtAPath:
    address_family = socket.AF_UNIX

class UnixStreamServer(AtAPath, TCPServer): pass
class UnixDatagramServer(AtAPath, UDPServer): pass

class PrivateServer(UnixStreamServer):
    mode = 0o600

    def server_bind(self):
        UnixStreamServer.server_bind(self)
        os.chmod(self.socket.getsockname(), self.mode)

# %% 05.1 under a mask
class UnixStreamServer(TCPServer):
    address_family = socket.AddressFamily.AF_UNIX

class UnixDatagramServer(UDPServer):
    address_family = socket.AddressFamily.AF_UNIX

class PrivateServer(UnixStreamServer):
    mode = 0o600

    def server_bind(self):
        before = os.umask(0o777 & ~self.mode)
        try:
            super().server_bind()
        finally:
            os.umask(before)
        os.chmod(self.server_address, self.mode)

# %% 05.2 with a length
class Harbour(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/ships":
            self.send_error(404)
            return
        body = "".join(f"{ship}\n" for ship in self.server.ships).encode("utf-8")
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

class PathServer(socketserver.UnixStreamServer):
    def get_request(self):
        connection, address = self.socket.accept()
        return connection, ("a local client", 0)

# %% 05.2 routes in a table
from http import HTTPStatus

class Harbour(BaseHTTPRequestHandler):
    routes = {"/ships": "ships"}

    def do_GET(self):
        method = self.routes.get(self.path)
        if method is None:
            return self.send_error(HTTPStatus.NOT_FOUND)
        getattr(self, method)()

    def ships(self):
        self.send_response(HTTPStatus.OK)
        self.end_headers()
        for ship in self.server.ships:
            self.wfile.write(ship.encode() + b"\n")

    def log_message(self, *args):
        pass

class PathServer(socketserver.UnixStreamServer):
    CLIENT = ("a local client", 0)

    def get_request(self):
        return super().get_request()[0], self.CLIENT

# %% 05.2 the address given later
class Harbour(BaseHTTPRequestHandler):
    def do_GET(self):
        match self.path:
            case "/ships":
                self.send_response(200, "OK")
                self.send_header("Content-type", "text/plain; charset=utf-8")
                self.end_headers()
                print(*self.server.ships, sep="\n", file=self)
            case _:
                self.send_error(404)

    def write(self, text):
        self.wfile.write(text.encode("utf-8"))

class PathServer(socketserver.UnixStreamServer):
    def process_request(self, request, client_address):
        super().process_request(request, client_address or ("a local client", 0))

# %% 05.3 bind first, ask later
class DoorServer(socketserver.UnixStreamServer):
    _mine = False

    def server_bind(self):
        try:
            super().server_bind()
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not self._nobody_home():
                raise
            os.unlink(self.server_address)
            super().server_bind()
        self._mine = True

    def _nobody_home(self):
        if not Path(self.server_address).is_socket():
            return False
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(0.5)
        try:
            client.connect(self.server_address)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
        finally:
            client.close()
        return False

    def server_close(self):
        super().server_close()
        if self._mine:
            self._mine = False
            try:
                os.unlink(self.server_address)
            except FileNotFoundError:
                pass

# %% 05.3 it knows its file again
import stat

def lives_here(path):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_UNIX, kind) as s:
            s.settimeout(0.3)
            try:
                s.connect(path)
            except OSError as e:
                if e.errno not in (errno.ECONNREFUSED, errno.EPROTOTYPE):
                    return True
            else:
                return True
    return False

class DoorServer(socketserver.UnixStreamServer):
    identity = None

    def server_bind(self):
        path = self.server_address
        if os.path.lexists(path) and stat.S_ISSOCK(os.lstat(path).st_mode) and not lives_here(path):
            os.remove(path)
        super().server_bind()
        self.identity = self.look()

    def look(self):
        try:
            found = os.stat(self.server_address)
            return found.st_dev, found.st_ino
        except OSError:
            return None

    def server_close(self):
        mine = self.identity is not None and self.look() == self.identity
        self.identity = None
        if mine:
            os.remove(self.server_address)
        super().server_close()

# %% 05.3 a list of what is to be removed
from contextlib import suppress

class DoorServer(socketserver.UnixStreamServer):
    def server_bind(self):
        self.to_remove = []
        if Path(self.server_address).is_socket():
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(0.2)
                if probe.connect_ex(self.server_address) == errno.ECONNREFUSED:
                    Path(self.server_address).unlink()
        super().server_bind()
        self.to_remove.append(self.server_address)

    def server_close(self):
        super().server_close()
        while self.to_remove:
            with suppress(FileNotFoundError):
                os.unlink(self.to_remove.pop())

# %% 05.4 getattr
def open_door(path, handler):
    at_a_path = getattr(socketserver, "UnixStreamServer", None)
    if at_a_path is None:
        return socketserver.TCPServer(("127.0.0.1", 0), handler)
    return at_a_path(path, handler)

# %% 05.4 asking for forgiveness
def open_door(path, handler):
    try:
        kind, address = socketserver.UnixStreamServer, path
    except AttributeError:
        kind, address = socketserver.TCPServer, ("127.0.0.1", 0)
    return kind(address, handler)

# %% 05.4 an import within
def open_door(path, handler):
    try:
        from socketserver import UnixStreamServer
    except ImportError:
        from socketserver import TCPServer
        return TCPServer(("127.0.0.1", 0), handler)
    else:
        return UnixStreamServer(path, handler)

# %% 05.5 tuples
starts = (False, False, True)
answered = (False, True)
queue = "B"

# %% 05.5 by words
starts = [answer == "yes" for answer in "no no yes".split()]
answered = [bool(path) for path in ("", "/tmp/client")]
queue = "b".upper()

# %% 05.5 alike
starts = 2 * [False] + [True]
answered = [*map(bool, range(2))]
queue = {"datagrams at a path": "B", "datagrams at a port": "C"}["datagrams at a path"]
