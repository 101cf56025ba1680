# ruff: noqa
# fmt: off
# Right answers, written from the tasks' text, each as its author would have it.

# %% 09.1 a comprehension over a product
from itertools import product

MIXINS = "Threading", "Forking"
SERVERS = "TCPServer", "UDPServer", "UnixStreamServer", "UnixDatagramServer"

def ready_mixed(parts):
    found = vars(parts)
    return {
        a + b: type(a + b, (found[a + "MixIn"], found[b]), {})
        for a, b in product(MIXINS, SERVERS)
        if a + "MixIn" in found and b in found
    }

# %% 09.1 class statements
def ready_mixed(parts):
    mixed = {}
    mixins = {name: getattr(parts, f"{name}MixIn", None) for name in ("Threading", "Forking")}
    servers = {name: getattr(parts, name, None) for name in ("TCPServer", "UDPServer", "UnixStreamServer", "UnixDatagramServer")}
    for first, mixin in mixins.items():
        for second, server in servers.items():
            if mixin is None or server is None:
                continue
            class Mixed(mixin, server):
                pass
            Mixed.__name__ = Mixed.__qualname__ = first + second
            mixed[Mixed.__name__] = Mixed
    return mixed

# %% 09.1 try, and types
import types

def ready_mixed(parts):
    mixed = dict()
    for server in ("TCPServer", "UDPServer", "UnixStreamServer", "UnixDatagramServer"):
        for mixin in ("Threading", "Forking"):
            name = mixin + server
            try:
                parents = getattr(parts, f"{mixin}MixIn"), getattr(parts, server)
            except AttributeError:
                continue
            mixed[name] = types.new_class(name, parents)
    return mixed

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
