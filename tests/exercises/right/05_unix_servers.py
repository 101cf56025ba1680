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

# %% 05.1 terse, chmod after bind
class UnixStreamServer(TCPServer):
    address_family = socket.AF_UNIX


class UnixDatagramServer(UDPServer):
    address_family = socket.AF_UNIX


class PrivateServer(UnixStreamServer):
    mode = 0o600

    def server_bind(self):
        super().server_bind()
        os.chmod(self.server_address, self.mode)

# %% 05.1 a mix-in for the family, umask in a context manager
import contextlib


class _AtAPath:
    """What is new about a path? Only the family."""

    address_family = socket.AF_UNIX


class UnixStreamServer(_AtAPath, TCPServer):
    pass


class UnixDatagramServer(_AtAPath, UDPServer):
    pass


@contextlib.contextmanager
def _only(mode: int):
    """New files get at most this mode, inside the with block."""
    before = os.umask(0o777 & ~mode)
    try:
        yield
    finally:
        os.umask(before)


class PrivateServer(UnixStreamServer):
    """Born with its mode: is there a moment when the door stands open? None."""

    mode = 0o600

    def server_bind(self):
        with _only(self.mode):
            super().server_bind()

# %% 05.1 classes made with type(), chmod just before listen
def at_a_path(name, base):
    return type(name, (base,), {"address_family": socket.AF_UNIX, "__doc__": f"{base.__name__} at a path."})


UnixStreamServer = at_a_path("UnixStreamServer", TCPServer)
UnixDatagramServer = at_a_path("UnixDatagramServer", UDPServer)


class PrivateServer(UnixStreamServer):
    mode: int = 0o600

    def server_activate(self) -> None:
        Path(self.server_address).chmod(self.mode)
        super().server_activate()

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

# %% 05.2 early return, every line ended, name given in get_request if needed
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
        if body:  # after "Content-Length: 0" the client may be gone already
            self.wfile.write(body)


class PathServer(socketserver.UnixStreamServer):
    def get_request(self):
        request, client_address = super().get_request()
        return request, client_address or ("a local client", 0)

# %% 05.2 match, join without a last line end, no headers, everybody gets the name
class PathServer(socketserver.UnixStreamServer):
    def get_request(self):
        sock, _ = super().get_request()
        return sock, ("a local client", 0)


class Harbour(BaseHTTPRequestHandler):
    def do_GET(self):
        match self.path:
            case "/ships":
                self.send_response(200)
                self.end_headers()
                self.wfile.write("\n".join(self.server.ships).encode())
            case _:
                self.send_error(404)

# %% 05.2 table of pages, TextIOWrapper, name given in finish_request
import io


class Harbour(BaseHTTPRequestHandler):
    """Which ships are in? Ask for /ships."""

    def ships(self):
        self.send_response(200, "Ship ahoy")
        self.send_header("Content-Type", "text/plain;charset=UTF-8")
        self.send_header("Connection", "close")
        self.end_headers()
        page = io.TextIOWrapper(self.wfile, encoding="utf-8", newline="\n")
        for name in self.server.ships:
            print(name, file=page)
        page.detach()  # flushes, and leaves wfile open

    def nothing_here(self):
        self.send_error(404)

    pages = {"/ships": ships}

    def do_GET(self):
        page = self.pages.get(self.path, Harbour.nothing_here)
        page(self)


class PathServer(socketserver.UnixStreamServer):
    NOBODY = ("a local client", 0)

    def finish_request(self, request, client_address):
        if not client_address:  # '' from Linux; None elsewhere?
            client_address = self.NOBODY
        super().finish_request(request, client_address)

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

# %% 05.3 bind first, ask only after EADDRINUSE, device and inode
import stat


def nobody_lives_at(path):
    """Is this a socket file that refuses its clients?"""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(0.5)
            client.connect(path)
    except OSError as problem:
        return problem.errno == errno.ECONNREFUSED
    return False


def mark(path):
    found = os.lstat(path)
    return found.st_dev, found.st_ino


class DoorServer(socketserver.UnixStreamServer):
    my_file = None

    def server_bind(self):
        try:
            super().server_bind()
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE or not nobody_lives_at(self.server_address):
                raise
            os.unlink(self.server_address)
            super().server_bind()
        self.my_file = mark(self.server_address)

    def server_close(self):
        # The file goes before the socket: as long as the socket is open, nobody else gets its inode.
        my_file, self.my_file = self.my_file, None
        try:
            if my_file is not None and mark(self.server_address) == my_file:
                os.unlink(self.server_address)
        except FileNotFoundError:
            pass
        finally:
            super().server_close()

# %% 05.3 looks before it binds, a datagram knocks, farewell kept in an ExitStack
import stat
from contextlib import ExitStack, suppress


class DoorServer(socketserver.UnixStreamServer):
    """Who lives here? A datagram socket asks, so that no living server sees a visitor."""

    def __init__(self, *args, **kwargs):
        self.farewell = ExitStack()
        super().__init__(*args, **kwargs)

    @staticmethod
    def _is_deserted(path: Path) -> bool:
        with suppress(FileNotFoundError, NotADirectoryError):
            if stat.S_ISSOCK(path.lstat().st_mode):
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as knock:
                    knock.settimeout(1)
                    try:
                        knock.connect(str(path))
                    except ConnectionRefusedError:
                        return True
                    except OSError:
                        pass  # EPROTOTYPE: someone lives there, and speaks in streams. Anything else: who knows?
        return False

    def server_bind(self):
        door = Path(self.server_address).absolute()
        if self._is_deserted(door):
            door.unlink(missing_ok=True)
        super().server_bind()
        as_it_was = door.lstat()

        def take_along():
            with suppress(FileNotFoundError):
                if os.path.samestat(as_it_was, door.lstat()):
                    door.unlink()

        self.farewell.callback(take_along)

    def server_close(self):
        try:
            self.farewell.close()  # a second close finds it empty
        finally:
            super().server_close()

# %% 05.3 composition: a SocketFile class, connect_ex and a set of answers
class SocketFile:
    """A file at a path, as we know it; is it ours?"""

    def __init__(self, path):
        self.path = path
        self.identity = None

    def _look(self):
        try:
            return os.stat(self.path, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def claim(self):
        if (found := self._look()) is not None:
            self.identity = (found.st_ino, found.st_dev)

    def release(self):
        wanted, self.identity = self.identity, None
        found = self._look()
        if wanted and found and wanted == (found.st_ino, found.st_dev):
            os.remove(self.path)

    @property
    def dead(self):
        found = self._look()
        if found is None or (found.st_mode & 0o170000) != 0o140000:   # a socket, and no novel?
            return False
        knocker = socket.socket(socket.AF_UNIX)
        try:
            knocker.settimeout(0.25)
            return knocker.connect_ex(self.path) in {errno.ECONNREFUSED}
        finally:
            knocker.close()


class DoorServer(socketserver.UnixStreamServer):
    _file = None

    def server_bind(self):
        file = SocketFile(self.server_address)
        for attempt in ("first", "second"):
            try:
                super().server_bind()
            except OSError:
                if attempt == "second" or not file.dead:
                    raise
                os.remove(file.path)
            else:
                break
        file.claim()
        self._file = file

    def server_close(self):
        if self._file:
            self._file.release()
        super().server_close()

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

# %% 05.4 hasattr
def open_door(path, handler):
    if hasattr(socketserver, "UnixStreamServer"):
        return socketserver.UnixStreamServer(path, handler)
    return socketserver.TCPServer(("127.0.0.1", 0), handler)

# %% 05.4 an import inside the function that may fail
def open_door(path, handler):
    """A path, or a port? Whatever this system has."""
    try:
        from socketserver import UnixStreamServer as server_class
    except ImportError:
        from socketserver import TCPServer as server_class
        address = ("127.0.0.1", 0)
    else:
        address = path
    return server_class(address, handler)

# %% 05.4 getattr, walrus and a conditional expression, own import of the module
import socketserver as doors


def open_door(path: str, handler: type) -> doors.BaseServer:
    return (
        at_path(path, handler)
        if (at_path := getattr(doors, "UnixStreamServer", None)) is not None
        else doors.TCPServer(("127.0.0.1", 0), handler)
    )

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

# %% 05.5 plain
starts = [False, False, True]
answered = [False, True]
queue = "B"

# %% 05.5 dictionaries first, then lists made of them
WHAT_I_THINK = {
    "closed": False,          # the file stays: who would remove it?
    "closed, reuse": False,   # the option is for ports
    "file removed": True,     # the path is free; the first one just is not found any more
}
starts = list(WHAT_I_THINK.values())
answered = [has_a_path for has_a_path in (False, True)]
queue = "ABCD"[1]

# %% 05.5 one assignment, tuples in place of lists
starts, answered, queue = (False, False, True), (False, True), "B"
