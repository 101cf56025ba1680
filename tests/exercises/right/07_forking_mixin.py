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

# %% 07.1 plain nested try, a flag, a loop over a copy of the set
class ForkingMixIn:
    """Handle each request in a process of its own."""

    active_children = None
    max_children = 40
    block_on_close = True

    def process_request(self, request, client_address):
        pid = os.fork()
        if pid == 0:
            # The child. What if handle_error itself raises? Then the status is still 1.
            status = 1
            try:
                went_well = False
                try:
                    self.finish_request(request, client_address)
                    went_well = True
                except Exception:
                    self.handle_error(request, client_address)
                finally:
                    self.shutdown_request(request)
                if went_well:
                    status = 0
            finally:
                os._exit(status)
        # The parent.
        if self.active_children is None:
            self.active_children = set()
        self.active_children.add(pid)
        self.close_request(request)

    def collect_children(self, *, blocking=False):
        if not self.active_children:
            return
        if blocking:
            options = 0
        else:
            options = os.WNOHANG
        for pid in list(self.active_children):
            try:
                ended, _ = os.waitpid(pid, options)
            except ChildProcessError:
                # somebody else was faster
                ended = pid
            if ended == pid:
                self.active_children.discard(pid)

    def service_actions(self):
        self.collect_children()

    def has_capacity(self):
        if self.active_children is None:
            return True
        return len(self.active_children) < self.max_children

    def server_close(self):
        super().server_close()
        self.collect_children(blocking=self.block_on_close)

# %% 07.1 ExitStack as the child's way out, helper outside the class, set arithmetic
import contextlib


def has_ended(pid, flags):
    """True if the child `pid` is not at work any more: but whose child is it?"""
    try:
        return os.waitpid(pid, flags)[0] != 0
    except ChildProcessError:
        return True


class ForkingMixIn:
    """Handle each request in a process of its own."""

    active_children = None
    max_children = 40
    block_on_close = True

    def process_request(self, request, client_address):
        if child := os.fork():
            self.active_children = self.active_children or set()
            self.active_children |= {child}
            self.close_request(request)
            return

        with contextlib.ExitStack() as way_out:  # from the last line to the first
            way_out.push(lambda kind, *rest: os._exit(0 if kind is None else 1))
            way_out.callback(self.shutdown_request, request)
            try:
                self.finish_request(request, client_address)
            except Exception:
                self.handle_error(request, client_address)
                raise

    def collect_children(self, *, blocking=False):
        if self.active_children:
            flags = 0 if blocking else os.WNOHANG
            self.active_children -= {pid for pid in self.active_children if has_ended(pid, flags)}

    def service_actions(self):
        self.collect_children()

    def has_capacity(self):
        return len(self.active_children or ()) < self.max_children

    def server_close(self):
        super().server_close()
        self.collect_children(blocking=self.block_on_close)

# %% 07.1 type hints, match, a method for each side, has_capacity looks again when full
from typing import NoReturn, Optional


class ForkingMixIn:
    """Handle each request in a process of its own."""

    active_children: Optional[set[int]] = None
    max_children: int = 40
    block_on_close: bool = True

    def process_request(self, request, client_address) -> None:
        match os.fork():
            case 0:
                self._be_the_child(request, client_address)
            case number:
                self._be_the_parent(number, request)

    def _be_the_parent(self, number: int, request) -> None:
        try:
            if self.active_children is None:
                self.active_children = set()
            self.active_children.add(number)
        finally:
            self.close_request(request)

    def _be_the_child(self, request, client_address) -> NoReturn:
        exit_codes: list[int] = []
        try:
            try:
                exit_codes.append(self._work(request, client_address))
            finally:
                self.shutdown_request(request)
        except BaseException:  # sys.exit() and Ctrl-C, too: nobody gets past here
            exit_codes.append(1)
        finally:
            os._exit(max(exit_codes, default=1))

    def _work(self, request, client_address) -> int:
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
            return 1
        else:
            return 0

    def collect_children(self, *, blocking: bool = False) -> None:
        still_to_ask = sorted(self.active_children or [])
        while still_to_ask:
            number = still_to_ask.pop()
            try:
                answer = os.waitpid(number, 0 if blocking else os.WNOHANG)
            except ChildProcessError:
                answer = (number, None)
            match answer:
                case (0, _):
                    continue
                case (ended, _):
                    self.active_children.discard(ended)

    def service_actions(self) -> None:
        self.collect_children()

    def has_capacity(self) -> bool:
        def at_work() -> int:
            return 0 if self.active_children is None else len(self.active_children)

        if at_work() >= self.max_children:
            # perhaps one has ended in the meantime?
            self.collect_children()
        return at_work() < self.max_children

    def server_close(self) -> None:
        super().server_close()
        if self.block_on_close:
            self.collect_children(blocking=True)
        else:
            self.collect_children()

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

# %% 07.2 short, ForkingTCPServer, the value's own lock
class CountingServer(socketserver.ForkingTCPServer):
    def __init__(self, *args, **kwargs):
        self.visitors = multiprocessing.Value("i", 0)
        super().__init__(*args, **kwargs)


class Page(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.recv(4096)
        visitors = self.server.visitors
        with visitors.get_lock():
            visitors.value += 1
            number = visitors.value
        self.request.sendall(f"HTTP/1.0 200 OK\r\n\r\nvisitor {number}".encode())

# %% 07.2 stream handler, the server gives out numbers under a lock of its own
PAGE = (
    "HTTP/1.0 200 OK\r\n"
    "\r\n"
    "visitor %d"
)


class CountingServer(socketserver.ForkingMixIn, socketserver.TCPServer):
    """Who is next, please?"""

    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        super().__init__(server_address, RequestHandlerClass, bind_and_activate)
        self.visitors = multiprocessing.Value("L")
        self._one_at_a_time = multiprocessing.Lock()

    def next_number(self):
        with self._one_at_a_time:
            number = self.visitors.value + 1
            self.visitors.value = number
            return number


class Page(socketserver.StreamRequestHandler):
    def handle(self):
        self.request.recv(65536)
        page = (
            PAGE
            % self.server.next_number()
        )
        self.wfile.write(page.encode("ascii"))

# %% 07.2 acquire and release, headers read to the empty line, bytes joined
from multiprocessing import Value
from socketserver import BaseRequestHandler, ForkingMixIn, TCPServer

CRLF = b"\r\n"


def one_more(shared) -> int:
    lock = shared.get_lock()
    lock.acquire()
    try:
        shared.value += 1
        return shared.value
    finally:
        lock.release()


class CountingServer(ForkingMixIn, TCPServer):

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.visitors = Value("i", 0, lock=True)


class Page(BaseRequestHandler):

    status = b"HTTP/1.0 200 OK"

    def setup(self):
        self.file = self.request.makefile("rwb")

    def handle(self):
        while self.file.readline() not in (CRLF, b""):
            pass  # "Host: ...", "Accept-Encoding: ...": who needs that?
        text = b"visitor %d" % one_more(self.server.visitors)
        self.file.write(CRLF.join([self.status, b"", text]))

    def finish(self):
        self.file.close()

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

# %% 07.3 the smallest change, hasattr, flush=True twice, counted before the fork
def server_class(module):
    if hasattr(module, "ForkingMixIn"):
        MixIn = module.ForkingMixIn
    else:
        MixIn = module.ThreadingMixIn

    class Shop(MixIn, module.TCPServer):
        served = 0
        turns = 0

        def service_actions(self):
            super().service_actions()
            self.turns += 1

        def process_request(self, request, client_address):
            # counted here, since this part runs in the parent
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

# %% 07.3 a book-keeping mix-in of its own, partial print, getattr with a default, counted after the fork
import functools

say = functools.partial(print, flush=True)  # 100 % of the log, in a file too


class Books:
    """Count in the parent what the children cannot."""

    served = 0
    turns = 0

    def service_actions(self):
        self.turns += 1
        super().service_actions()

    def process_request(self, request, client_address):
        super().process_request(request, client_address)
        # a child never gets here; a fork that failed doesn't, either
        self.served += 1


def server_class(module):
    at_once = getattr(module, "ForkingMixIn", module.ThreadingMixIn)

    class Shop(Books, at_once, module.TCPServer):
        pass

    return Shop


class Logged(socketserver.BaseRequestHandler):
    def handle(self):
        name = self.request.recv(100).decode()
        say("serving", name)
        self.request.sendall(b"done")


def run(server):
    say("the shop is open")
    server.serve_forever()

# %% 07.3 try and except AttributeError, flush in a finally and before each fork, counted in verify_request
import sys


def server_class(module):
    try:
        parallel = module.ForkingMixIn
    except AttributeError:  # Windows?
        parallel = module.ThreadingMixIn

    class Shop(parallel, module.TCPServer):
        def __init__(self, *args, **kwargs):
            self.served = self.turns = 0
            super().__init__(*args, **kwargs)

        def service_actions(self):
            super(Shop, self).service_actions()
            self.turns = self.turns + 1

        def verify_request(self, request, client_address):
            welcome = super(Shop, self).verify_request(request, client_address)
            if welcome:
                self.served = self.served + 1
            return welcome

        def process_request(self, request, client_address):
            sys.stdout.flush()  # or each child inherits what is still in the buffer
            return super(Shop, self).process_request(request, client_address)

    return Shop


class Logged(socketserver.BaseRequestHandler):
    def handle(self):
        name = self.request.recv(100).decode()
        try:
            print("serving", name)
        finally:
            sys.stdout.flush()
        self.request.sendall(b"done")


def run(server):
    print("the shop is open")
    sys.stdout.flush()
    server.serve_forever()

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

# %% 07.4 four plain lists
told = [1, 1, 1, 0]
printed = [1, 0, 3, 2, 1, 2]
zombies = [3, 0]
after_fork = [1, False, True]

# %% 07.4 put together, with the reasons
each_child_adds_one_to_its_own_copy = [0 + 1] * 3
parent = 0
told = each_child_adds_one_to_its_own_copy + [parent]

as_it_is = [1, 0]              # os._exit flushes nothing, the parent's end does
flush_in_handler = [1 + 2, 2]  # each child writes its copy of "ready", too
flush_in_both = [1, 2]
printed = [*as_it_is, *flush_in_handler, *flush_in_both]

zombies = [3]      # who would have asked? handle_request doesn't
zombies += [0]

after_fork = [1]
after_fork.extend([False, True])

# %% 07.4 computed by comprehension and range
clients = range(3)
told = list(map(lambda client: 1, clients)) + [0]
printed = [
    int(count)
    for pair in "1,0 3,2 1,2".split()
    for count in pair.split(",")
]
zombies = [len(clients), len([])]
threads, child_gets_it, parent_gets_it = 1, False, True
after_fork = [threads, child_gets_it, parent_gets_it]
