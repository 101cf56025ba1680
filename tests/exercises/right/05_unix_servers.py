# ruff: noqa
# fmt: off
# Right answers, written from the tasks' text, each as its author would have it.

# %% 05.1 bind first, look only when that fails
import stat

PEER = struct.Struct("iII")

class LocalServer(socketserver.UnixStreamServer):
    _identity = None

    def server_bind(self):
        try:
            super().server_bind()
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not self._is_left_over():
                raise
            os.remove(self.server_address)
            super().server_bind()
        self._identity = self._look()

    def _look(self):
        try:
            found = os.lstat(self.server_address)
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _is_left_over(self):
        if not stat.S_ISSOCK(os.lstat(self.server_address).st_mode):
            return False
        probe = socket.socket(socket.AF_UNIX)
        probe.settimeout(0.5)
        try:
            probe.connect(self.server_address)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
        finally:
            probe.close()
        return False

    def server_close(self):
        if self._identity is not None and self._look() == self._identity:
            os.remove(self.server_address)
        self._identity = None
        super().server_close()

    def get_request(self):
        connection, _ = super().get_request()
        try:
            option = socket.SO_PEERCRED
        except AttributeError:
            return connection, ("This system doesn't say which process is calling.", 0)
        pid, uid, gid = PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, option, PEER.size))
        return connection, (f"process {pid}, user {uid}, group {gid}", 0)

# %% 05.1 terse
class LocalServer(socketserver.UnixStreamServer):
    file = None

    def server_bind(self):
        path = Path(self.server_address)
        if path.is_socket():
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(1)
                if s.connect_ex(str(path)) == errno.ECONNREFUSED:
                    path.unlink()
        super().server_bind()
        self.file = path.stat()

    def server_close(self):
        path, file, self.file = Path(self.server_address), self.file, None
        if file and path.exists() and path.stat().st_ino == file.st_ino:
            path.unlink()
        super().server_close()

    def get_request(self):
        request, _ = super().get_request()
        who = "a local client"
        if hasattr(socket, "SO_PEERCRED"):
            said = request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            who = "process {}, user {}, group {}".format(*struct.unpack("iII", said))
        return request, (who, 0)

# %% 05.1 a mix-in for the file, another for the caller
class OwnFileMixIn:
    """A server's file, from bind to close."""

    my_file = None

    def server_bind(self):
        self.sweep()
        super().server_bind()
        self.my_file = os.stat(self.server_address)

    def sweep(self):
        if Path(self.server_address).is_socket():
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as visitor:
                visitor.settimeout(0.3)
                refused = visitor.connect_ex(self.server_address) == errno.ECONNREFUSED
            if refused:
                os.unlink(self.server_address)

    def is_mine(self):
        try:
            now = os.stat(self.server_address)
        except FileNotFoundError:
            return False
        return self.my_file is not None and os.path.samestat(now, self.my_file)

    def server_close(self):
        if self.is_mine():
            os.unlink(self.server_address)
        self.my_file = None
        super().server_close()


class CallerMixIn:
    def get_request(self):
        request, _ = super().get_request()
        return request, (self.caller(request), 0)

    if hasattr(socket, "SO_PEERCRED"):

        def caller(self, request):
            if "SO_PEERCRED" not in vars(socket):
                return "somebody on this machine; only Linux says who"
            told = request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iII"))
            return "process %d, user %d, group %d" % struct.unpack("iII", told)

    else:

        def caller(self, request):
            return "somebody on this machine; only Linux says who"


class LocalServer(OwnFileMixIn, CallerMixIn, socketserver.UnixStreamServer):
    pass

# %% 05.1 farewells on an ExitStack
from contextlib import ExitStack

def refuses(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as knock:
        knock.settimeout(1)
        try:
            knock.connect(path)
        except OSError as error:
            return error.errno == errno.ECONNREFUSED
    return False


class LocalServer(socketserver.UnixStreamServer):
    """The farewell is noted when there is something to take along."""

    def __init__(self, *args, **kwargs):
        self.farewell = ExitStack()
        super().__init__(*args, **kwargs)

    def server_bind(self):
        door = Path(self.server_address)
        if door.is_socket() and refuses(self.server_address):
            door.unlink(missing_ok=True)
        super().server_bind()
        self.farewell.callback(self.take_along, door, door.stat())

    @staticmethod
    def take_along(door, as_it_was):
        with suppress(FileNotFoundError):
            if os.path.samestat(door.stat(), as_it_was):
                door.unlink()

    def server_close(self):
        self.farewell.close()
        super().server_close()

    def get_request(self):
        request, nameless = super().get_request()
        match getattr(socket, "SO_PEERCRED", None):
            case None:
                name = "a neighbour; on this system the kernel keeps the rest to itself"
            case option:
                raw = request.getsockopt(socket.SOL_SOCKET, option, 3 * 4)
                numbers = [int.from_bytes(raw[at : at + 4], sys.byteorder) for at in (0, 4, 8)]
                name = ", ".join(
                    f"{what} {number}" for what, number in zip(("process", "user", "group"), numbers)
                )
        return request, (name, 0)

# %% 05.1 a class for the file, a named tuple for the caller
from typing import NamedTuple

class Caller(NamedTuple):
    pid: int
    uid: int
    gid: int

    def __str__(self):
        return f"process {self.pid}, user {self.uid}, group {self.gid}"


class SocketFile:
    def __init__(self, path):
        self.path = Path(path)
        self.mark = None

    def is_deserted(self):
        if not self.path.is_socket():
            return False
        client = socket.socket(socket.AF_UNIX)
        try:
            client.settimeout(0.25)
            return client.connect_ex(str(self.path)) in {errno.ECONNREFUSED}
        finally:
            client.close()

    def claim(self):
        self.mark = self.look()

    def look(self):
        if not self.path.exists():
            return None
        found = self.path.stat()
        return found.st_dev, found.st_ino

    def release(self):
        mark, self.mark = self.mark, None
        if mark and self.look() == mark:
            self.path.unlink()


class LocalServer(socketserver.UnixStreamServer):
    def server_bind(self):
        self.file = SocketFile(self.server_address)
        if self.file.is_deserted():
            self.file.path.unlink()
        super().server_bind()
        self.file.claim()

    def server_close(self):
        self.file.release()
        super().server_close()

    def get_request(self):
        request = super().get_request()[0]
        try:
            raw = request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        except AttributeError:
            return request, ("a process of this machine, unknown", 0)
        return request, (str(Caller._make(struct.unpack("iII", raw))), 0)

# %% 05.1 functions beside the class, the name given when the request is processed
def identity(path):
    try:
        return os.stat(path)[1:3]  # inode and device
    except OSError:
        return ()


def sweep(path):
    if not Path(path).is_socket():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        result = probe.connect_ex(path)
    if result == errno.ECONNREFUSED:
        os.unlink(path)


def describe(request):
    if not hasattr(socket, "SO_PEERCRED"):
        return "a local client whose number only Linux would know"
    numbers = memoryview(request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)).cast("I")
    return "process {}, user {}, group {}".format(*numbers)


class LocalServer(socketserver.UnixStreamServer):
    mine = ()

    def server_bind(self):
        sweep(self.server_address)
        socketserver.UnixStreamServer.server_bind(self)
        self.mine = identity(self.server_address)

    def server_close(self):
        mine, self.mine = self.mine, ()
        if mine and mine == identity(self.server_address):
            os.unlink(self.server_address)
        socketserver.UnixStreamServer.server_close(self)

    def get_request(self):
        request, _ = self.socket.accept()
        return request, (describe(request), 0)

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
