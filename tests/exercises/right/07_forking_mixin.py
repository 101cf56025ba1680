# ruff: noqa
# fmt: off
# Right answers, written from the tasks' text, each as its author would have it.

# %% 07.1 all in one method
class ForkingMixIn:
    active_children = None
    max_children = 40
    block_on_close = True

    def process_request(self, request, client_address):
        pid = os.fork()
        if pid:
            self.active_children = self.active_children or set()
            self.active_children.add(pid)
            self.close_request(request)
            return
        code = 1
        try:
            try:
                self.finish_request(request, client_address)
                code = 0
            except Exception:
                self.handle_error(request, client_address)
            finally:
                self.shutdown_request(request)
        finally:
            os._exit(code)

    def collect_children(self, *, blocking=False):
        if not self.active_children:
            return
        options = 0 if blocking else os.WNOHANG
        for pid in self.active_children.copy():
            try:
                done, status = os.waitpid(pid, options)
                if done == pid:
                    self.active_children.remove(pid)
            except ChildProcessError:
                self.active_children.remove(pid)

    def service_actions(self):
        self.collect_children()

    def has_capacity(self):
        return not self.active_children or len(self.active_children) < self.max_children

    def server_close(self):
        super().server_close()
        self.collect_children(blocking=self.block_on_close)

# %% 07.1 a helper that tells who has ended
def has_ended(pid, wait):
    """Tell whether a child has ended; wait for it if asked to."""
    try:
        return os.waitpid(pid, 0 if wait else os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True

class ForkingMixIn:
    """Handle each request in a process of its own."""
    active_children = None
    max_children = 40
    block_on_close = True

    def process_request(self, request, client_address):
        child = os.fork()
        if child == 0:
            self.in_child(request, client_address)
        if self.active_children is None:
            self.active_children = set()
        self.active_children |= {child}
        self.close_request(request)

    def in_child(self, request, client_address):
        all_well = False
        try:
            self.finish_request(request, client_address)
            all_well = True
        except Exception:
            self.handle_error(request, client_address)
        finally:
            try:
                self.shutdown_request(request)
            except BaseException:
                all_well = False
            os._exit(0 if all_well else 1)

    def collect_children(self, *, blocking=False):
        gone = {pid for pid in self.active_children or () if has_ended(pid, blocking)}
        if gone:
            self.active_children -= gone

    def service_actions(self):
        self.collect_children()

    def has_capacity(self):
        at_work = 0 if self.active_children is None else len(self.active_children)
        return at_work < self.max_children

    def server_close(self):
        super().server_close()
        self.collect_children(blocking=self.block_on_close)

# %% 07.1 match, and sets
class ForkingMixIn:
    active_children = None
    max_children = 40
    block_on_close = True

    def process_request(self, request, client_address):
        match os.fork():
            case 0:
                try:
                    self._child(request, client_address)
                finally:
                    os._exit(1)
            case pid:
                if self.active_children is None:
                    self.active_children = set()
                self.active_children.add(pid)
                self.close_request(request)

    def _child(self, request, client_address):
        status = 0
        try:
            self.finish_request(request, client_address)
        except Exception:
            status = 1
            self.handle_error(request, client_address)
        except BaseException:
            status = 1
        self.shutdown_request(request)
        os._exit(status)

    def collect_children(self, *, blocking=False):
        for pid in sorted(self.active_children or []):
            ended = pid
            try:
                ended, _ = os.waitpid(pid, (os.WNOHANG, 0)[blocking])
            except ChildProcessError:
                pass
            if ended != 0:
                self.active_children.discard(pid)

    def service_actions(self):
        self.collect_children()

    def has_capacity(self):
        return len(self.active_children or "") < self.max_children

    def server_close(self):
        super().server_close()
        self.collect_children(blocking=bool(self.block_on_close))

# %% 07.2 the handler is a function
class CountingServer(socketserver.ForkingTCPServer):
    def __init__(self, *args, **kwargs):
        self.visitors = multiprocessing.Value("i", 0)
        super().__init__(*args, **kwargs)

def Page(request, client_address, server):
    request.recv(10000)
    with server.visitors.get_lock():
        server.visitors.value += 1
        number = server.visitors.value
    request.sendall(f"HTTP/1.0 200 OK\r\n\r\nvisitor {number}\n".encode())

# %% 07.2 the handler is a partial
import functools

class CountingServer(socketserver.ForkingMixIn, socketserver.TCPServer):
    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        socketserver.TCPServer.__init__(self, server_address, RequestHandlerClass, bind_and_activate)
        self.visitors = multiprocessing.Value("L")

def answer(template, request, client_address, server):
    request.recv(65536)
    with server.visitors:
        number = server.visitors.value + 1
        server.visitors.value = number
    request.sendall((template % number).encode())

Page = functools.partial(answer, "HTTP/1.0 200 OK\r\n\r\nvisitor %d")

# %% 07.2 a method that counts
class CountingServer(socketserver.ForkingMixIn, socketserver.TCPServer):
    """Counts in memory that all processes share."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.visitors = multiprocessing.Value("i", 0)

    def one_more(self):
        lock = self.visitors.get_lock()
        lock.acquire()
        try:
            self.visitors.value += 1
            return self.visitors.value
        finally:
            lock.release()

class Page(socketserver.StreamRequestHandler):
    def handle(self):
        self.connection.recv(65536)
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
        self.wfile.write(b"visitor %d\n" % self.server.one_more())

# %% 07.3 counted where the parent is
def server_class(module):
    base = getattr(module, "ForkingMixIn", None) or module.ThreadingMixIn

    class Shop(base, module.TCPServer):
        served = 0
        turns = 0

        def service_actions(self):
            super().service_actions()
            self.turns += 1

        def process_request(self, request, client_address):
            self.served += 1
            super().process_request(request, client_address)

    return Shop


class Logged(socketserver.BaseRequestHandler):
    def handle(self):
        name = self.request.recv(100).decode()
        print("serving", name, flush=True)
        self.request.sendall(b"done")


def run(server):
    print("the shop is open", flush=True)
    server.serve_forever()

# %% 07.3 sys.stdout flushed by hand
import sys

def say(*words):
    print(*words)
    sys.stdout.flush()

def server_class(module):
    try:
        mixin = module.ForkingMixIn
    except AttributeError:
        mixin = module.ThreadingMixIn

    def service_actions(self):
        mixin_class.service_actions(self)
        self.turns += 1

    def get_request(self):
        pair = module.TCPServer.get_request(self)
        self.served += 1
        return pair

    mixin_class = type("Base", (mixin, module.TCPServer), {})
    return type("Shop", (mixin_class,), dict(served=0, turns=0, service_actions=service_actions, get_request=get_request))

class Logged(socketserver.BaseRequestHandler):
    def handle(self):
        name = self.request.recv(100).decode()
        say("serving", name)
        self.request.sendall(b"done")

def run(server):
    say("the shop is open")
    server.serve_forever()

# %% 07.3 two classes
def server_class(module):
    class Counts:
        served = turns = 0

        def service_actions(self):
            self.turns += 1
            super().service_actions()

        def verify_request(self, request, client_address):
            ok = super().verify_request(request, client_address)
            if ok:
                self.served += 1
            return ok

    if hasattr(module, "ForkingMixIn"):
        class Shop(Counts, module.ForkingMixIn, module.TCPServer):
            pass
    else:
        class Shop(Counts, module.ThreadingMixIn, module.TCPServer):
            pass
    return Shop

class Logged(socketserver.StreamRequestHandler):
    def handle(self):
        name = self.connection.recv(100).decode()
        print(f"serving {name}", flush=True)
        self.wfile.write(b"done")

def run(server):
    print("the shop is open", flush=1)
    server.serve_forever(poll_interval=0.1)

# %% 07.4 tuples
told = (1, 1, 1, 0)
printed = (1, 0, 3, 2, 1, 2)
zombies = (3, 0)
after_fork = (1, False, True)

# %% 07.4 put together
told = 3 * [1] + [0]
as_it_is, handler_flushes, both_flush = [1, 0], [3, 2], [1, 2]
printed = as_it_is + handler_flushes + both_flush
zombies = [3, 3 - 3]
after_fork = [1] + [False, True]

# %% 07.4 counted
told = [0 + 1 for child in range(3)]
told.append(0)
printed = [int(digit) for digit in "103212"]
zombies = list((3, 0))
after_fork = [1, *(who == "parent" for who in ("child", "parent"))]
