# ruff: noqa
# fmt: off
# Right answers, written from the tasks' text, each as its author would have it.

# %% 09.1 try and else, names imported first
from minisocketserver import TCPServer, ThreadingMixIn
from xmlrpc.server import SimpleXMLRPCDispatcher, SimpleXMLRPCRequestHandler

class JournalMixIn:
    def _dispatch(self, method, params):
        try:
            answer = super()._dispatch(method, params)
        except Exception:
            self.journal.append((method, False))
            raise
        else:
            self.journal.append((method, True))
            return answer

class Switchboard(JournalMixIn, ThreadingMixIn, TCPServer, SimpleXMLRPCDispatcher):
    daemon_threads, logRequests = True, False

    def __init__(self, address):
        TCPServer.__init__(self, address, SimpleXMLRPCRequestHandler)
        SimpleXMLRPCDispatcher.__init__(self, allow_none=True)
        self.journal = []

# %% 09.1 ready-mixed first, a constructor with keywords
class JournalMixIn:
    """Whatever comes of a call, there is a line about it."""

    def _dispatch(self, method, params):
        line = [method, False]
        try:
            result = super()._dispatch(method, params)
            line[1] = True
        finally:
            self.journal.append(tuple(line))
        return result

class Switchboard(minisocketserver.ThreadingTCPServer, JournalMixIn, xmlrpc.server.SimpleXMLRPCDispatcher):
    daemon_threads = True

    def __init__(self, address, *, log=False):
        self.logRequests = log
        self.journal = list()
        xmlrpc.server.SimpleXMLRPCDispatcher.__init__(self, allow_none=True, encoding=None)
        super().__init__(address, xmlrpc.server.SimpleXMLRPCRequestHandler)

# %% 09.1 a context manager writes the line
from contextlib import contextmanager

class JournalMixIn:
    @contextmanager
    def _line(self, method):
        try:
            yield
        except BaseException:
            self.journal += [(method, False)]
            raise
        self.journal += [(method, True)]

    def _dispatch(self, method, params):
        with self._line(method):
            return super()._dispatch(method, params)

class Switchboard(minisocketserver.ThreadingMixIn, JournalMixIn, minisocketserver.TCPServer, xmlrpc.server.SimpleXMLRPCDispatcher):
    daemon_threads = True
    logRequests = False

    def __init__(self, address):
        for parent, arguments in (
            (xmlrpc.server.SimpleXMLRPCDispatcher, [True]),
            (minisocketserver.TCPServer, [address, xmlrpc.server.SimpleXMLRPCRequestHandler]),
        ):
            parent.__init__(self, *arguments)
        self.journal = []

# %% 09.1 a mix-in with a constructor that passes on, typed
from typing import Any

Handler = xmlrpc.server.SimpleXMLRPCRequestHandler


class JournalMixIn:
    journal: list[tuple[str, bool]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.journal = []
        super().__init__(*args, **kwargs)

    def _dispatch(self, method: str, params: tuple) -> Any:
        failed = True
        try:
            result = super()._dispatch(method, params)
            failed = False
            return result
        finally:
            self.journal.append((method, not failed))


class Switchboard(
    JournalMixIn,
    minisocketserver.ThreadingMixIn,
    minisocketserver.TCPServer,
    xmlrpc.server.SimpleXMLRPCDispatcher,
):
    """Who is asked first? Who comes first."""

    daemon_threads: bool = True
    logRequests: bool = False

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, Handler)
        xmlrpc.server.SimpleXMLRPCDispatcher.__init__(self, allow_none=True)

# %% 09.1 the dispatcher in front of the server, ExitStack
from contextlib import ExitStack
from functools import partial


class JournalMixIn:
    def _dispatch(self, method, params):
        with ExitStack() as stack:
            stack.callback(self.journal.append, (method, False))
            result = super()._dispatch(method, params)
            stack.pop_all()
            self.journal.append((method, True))
            return result


class Dispatcher(JournalMixIn, xmlrpc.server.SimpleXMLRPCDispatcher):
    def __init__(self):
        super().__init__(allow_none=True)
        self.journal = []


class Switchboard(minisocketserver.ThreadingMixIn, Dispatcher, minisocketserver.TCPServer):
    daemon_threads = True
    logRequests = False

    def __init__(self, address):
        Dispatcher.__init__(self)
        minisocketserver.TCPServer.__init__(self, address, partial(xmlrpc.server.SimpleXMLRPCRequestHandler))

# %% 09.1 a class made by type, a quiet handler
class Quiet(xmlrpc.server.SimpleXMLRPCRequestHandler):
    def log_message(self, format, *args):
        pass

class JournalMixIn:
    def _dispatch(self, method, params):
        outcome = None
        try:
            outcome = (super()._dispatch(method, params),)
        finally:
            self.journal.append((method, outcome is not None))
        return outcome[0]

def _init(self, address):
    self.journal = []
    xmlrpc.server.SimpleXMLRPCDispatcher.__init__(self, True)
    minisocketserver.TCPServer.__init__(self, address, Quiet)

PARENTS = (JournalMixIn, minisocketserver.ThreadingMixIn, minisocketserver.TCPServer, xmlrpc.server.SimpleXMLRPCDispatcher)
Switchboard = type("Switchboard", PARENTS, {"__init__": _init, "daemon_threads": True, "logRequests": False})

# %% 09.2 itertools, under a lock
import itertools

class CallServer(socketserver.ThreadingMixIn, xmlrpc.server.SimpleXMLRPCServer):
    daemon_threads = True

class Tickets:
    def __init__(self):
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def next(self):
        with self._lock:
            return next(self._numbers)

# %% 09.2 a queue that is never empty
import queue

class CallServer(socketserver.ThreadingMixIn, xmlrpc.server.SimpleXMLRPCServer):
    """Callers do not wait for each other."""

class Tickets:
    def __init__(self):
        self.next_one = queue.Queue(1)
        self.next_one.put(1)

    def next(self):
        number = self.next_one.get()
        self.next_one.put(number + 1)
        return number

# %% 09.2 a dataclass
from dataclasses import dataclass, field

@dataclass
class Tickets:
    sold: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def next(self):
        self.lock.acquire()
        try:
            self.sold += 1
            return self.sold
        finally:
            self.lock.release()

CallServer = type("CallServer", (socketserver.ThreadingMixIn, xmlrpc.server.SimpleXMLRPCServer), {"daemon_threads": True})

# %% 09.2 mix-in, and a decorator that locks with try and finally
import functools


def one_at_a_time(method):
    @functools.wraps(method)
    def locked(self, *args, **kwargs):
        self._lock.acquire()
        try:
            return method(self, *args, **kwargs)
        finally:
            self._lock.release()

    return locked


class CallServer(socketserver.ThreadingMixIn, xmlrpc.server.SimpleXMLRPCServer):
    """Who waits for whom? Nobody for anybody."""

    daemon_threads = True


class Tickets:
    def __init__(self):
        self._lock = threading.Lock()
        self._sold = 0

    @one_at_a_time
    def next(self):
        self._sold = self._sold + 1
        return self._sold

# %% 09.2 terse, itertools.count, whose next is a single step
from itertools import count
from socketserver import ThreadingMixIn
from xmlrpc.server import SimpleXMLRPCServer


class CallServer(ThreadingMixIn, SimpleXMLRPCServer): ...


class Tickets:
    def __init__(self):
        self._n = count(1)

    def next(self): return next(self._n)

# %% 09.2 threads by hand without the mix-in, and a queue that holds the one next ticket
import queue


class CallServer(xmlrpc.server.SimpleXMLRPCServer):
    def process_request(self, request, client_address):
        helper = threading.Thread(
            target=self._work_for_one_caller,
            args=(request, client_address),
            daemon=True,
        )
        helper.start()

    def _work_for_one_caller(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)


class Tickets:
    """There is only ever one ticket in the box: who takes it out puts the next one in."""

    def __init__(self) -> None:
        self._box: "queue.Queue[int]" = queue.Queue(maxsize=1)
        self._box.put(1)

    def next(self) -> int:
        ticket = self._box.get()  # the others wait here
        self._box.put(ticket + 1)
        return ticket

# %% 09.3 the library's threading server
class Web(http.server.ThreadingHTTPServer):
    daemon_threads = True

class Pages(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *args, folder, **kwargs):
        super().__init__(*args, directory=folder, **kwargs)

    def do_GET(self):
        if self.path == "/hello":
            text = "¡Buenos días!".encode("utf-8")
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
        else:
            super().do_GET()

    def log_message(self, format, *args):
        pass

# %% 09.3 the folder first
class Web(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

class Pages(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *args, folder):
        self.folder = folder
        super().__init__(*args, directory=self.folder)

    def do_GET(self):
        return self.hello() if self.path == "/hello" else super().do_GET()

    def hello(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write(bytes("¡Buenos días!", encoding="utf-8"))

    def log_message(self, format, *args):
        """Say nothing."""

# %% 09.3 a translation of paths
import os

class Web(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def shutdown_request(self, request):
        super().shutdown_request(request)

class Pages(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *args, folder):
        self._folder = os.fspath(folder)
        super().__init__(*args, directory=self._folder)

    def do_GET(self):
        match self.path:
            case "/hello":
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.end_headers()
                self.wfile.write("¡Buenos días!".encode("utf8"))
            case _:
                http.server.SimpleHTTPRequestHandler.do_GET(self)

    def log_message(self, format, *args): return None

# %% 09.3 smallest change, with comments
class Web(socketserver.ThreadingMixIn, http.server.HTTPServer):  # 1: the mix-in first
    daemon_threads = True

    # 2: shutdown_request is gone, the inherited one hangs up


class Pages(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *args, folder):
        # 3: the base class handles the request inside of its __init__!
        super().__init__(*args, directory=folder)

    def do_GET(self):
        if self.path != "/hello":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write("¡Buenos días!".encode("utf-8"))  # 4: bytes

    def log_message(self, format, *args):
        pass

# %% 09.3 ThreadingHTTPServer, match on the path, bytes constant, explicit super in shutdown_request
class Web(http.server.ThreadingHTTPServer):
    daemon_threads: bool = True

    def shutdown_request(self, request):
        super().shutdown_request(request)  # what if we don't? Then they wait.


class Pages(http.server.SimpleHTTPRequestHandler):
    GREETING = b"\xc2\xa1Buenos d\xc3\xadas!"

    def __init__(self, *args, folder, **kwargs):
        kwargs["directory"] = folder
        super().__init__(*args, **kwargs)

    def do_GET(self):
        match self.path:
            case "/hello":
                self._say_hello()
            case _:
                super().do_GET()

    def _say_hello(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.GREETING)

    def log_message(self, format, *args):
        pass

# %% 09.3 folder set in setup(), a codec writer, a table of special pages
import codecs
import os


class Web(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


class Pages(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *args, folder):
        self.folder = os.fspath(folder)
        super().__init__(*args)

    def setup(self):
        super().setup()
        self.directory = self.folder

    def do_GET(self):
        special = {"/hello": "¡Buenos días!"}
        text = special.get(self.path)
        if text is None:
            super().do_GET()
        else:
            self.send_text(text)

    def send_text(self, text, encoding="utf-8"):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=%s"
% encoding)
        self.end_headers()
        codecs.getwriter(encoding)(self.wfile).write(text)

    def log_message(self, format, *args): pass

# %% 09.4 tuples
who_answers = ("s", "s", "t", "p", "t", "p")
noticed = (False, True, False, False, True)

# %% 09.4 letters of a word
who_answers = list("sstptp")
noticed = [fault in (2, 5) for fault in range(1, 6)]

# %% 09.4 names for the letters
itself, thread, process = "s", "t", "p"
who_answers = [itself] * 2 + [thread, process] * 2
noticed = [False] * 5
noticed[1] = noticed[4] = True

# %% 09.4 lists
who_answers = ["s", "s", "t", "p", "t", "p"]
noticed = [False, True, False, False, True]

# %% 09.4 a string and a tuple
who_answers = "sstptp"  # A to F
noticed = (False, True, False, False, True)

# %% 09.4 computed from the parents
letters = {"TCPServer": "s", "UDPServer": "s", "ThreadingMixIn": "t", "ForkingMixIn": "p"}
parents = """
TCPServer
TCPServer, ThreadingMixIn
ThreadingMixIn, UDPServer
ForkingMixIn, TCPServer
ThreadingMixIn, ForkingMixIn, TCPServer
ForkingMixIn, ThreadingMixIn, TCPServer
"""
# the first parent wins, does it not?
who_answers = tuple(letters[line.split(",")[0]] for line in parents.split("\n") if line)
noticed = [number in {2, 5} for number in range(1, 6)]
