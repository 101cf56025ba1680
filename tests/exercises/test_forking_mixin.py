"""Wrong answers to the exercises of chapter 07 are told their mistake; right ones pass."""

import functools
import multiprocessing
import os
import socketserver
from dataclasses import dataclass

import pytest

from socketlab import check, hint
from socketlab.checks.bench import bench_at
from socketlab.checks.case import CaseError
from socketlab.exercises import forking_mixin

from .helpers import message

if not hasattr(os, "fork"):
    pytest.skip("this system cannot fork", allow_module_level=True)


def program(source, *changes, names):
    """Return the names of a program, with some things as the learner wrote them."""
    for old, new in changes:
        assert old in source
        source = source.replace(old, new)
    made = {"__name__": "__main__"}
    exec(source, made)
    return [made[name] for name in names]


COMPUTING = """
import os, socketserver

class ComputingServer(socketserver.ForkingMixIn, socketserver.TCPServer):
    def __init__(self, *args, **kwargs):
        self.results = {}
        self.pipes = {}
        super().__init__(*args, **kwargs)

    def process_request(self, request, client_address):
        read_end, self.write_end = os.pipe()
        os.set_blocking(read_end, False)
        self.pipes[read_end] = client_address, bytearray()
        super().process_request(request, client_address)
        os.close(self.write_end)

    def report(self, result):
        os.write(self.write_end, result)

    def collect_results(self, blocking=False):
        for read_end, (client_address, result) in list(self.pipes.items()):
            os.set_blocking(read_end, blocking)
            try:
                while data := os.read(read_end, 65536):
                    result += data
            except BlockingIOError:
                continue
            os.close(read_end)
            del self.pipes[read_end]
            if result:
                self.results[client_address] = bytes(result)

    def service_actions(self):
        super().service_actions()
        self.collect_results()

    def server_close(self):
        self.collect_results(blocking=True)
        super().server_close()
"""


def computing(*changes):
    return program(COMPUTING, *changes, names=["ComputingServer"])[0]


MADE = "        self.results = {}\n"
IN_THE_COPY = ("os.write(self.write_end, result)", "self.results[self] = result")
ON_THE_CLASS = (("    def __init__", "    results = {}\n    def __init__"), (MADE, ""))
BY_PORT = ("results[client_address]", "results[client_address[1]]")
AS_TEXT = ("= bytes(result)", "= result.decode()")
HOLDS_ON = ("        os.close(self.write_end)\n", "")
STAYS_OPEN = ("            os.close(read_end)\n", "")
KEEPS_ALL = ("            if result:\n    ", "")
TAKES_ONE = ("            if result:\n", "            if result[0]:\n")
FORGETS_THE_REST = ("        super().service_actions()\n", "")
ALL_READS = """                while data := os.read(read_end, 65536):
                    result += data
"""
ONE_READ = """                result += os.read(read_end, 65536)
"""
OWN_PIPES = """        read_end, self.write_end = os.pipe()
        os.set_blocking(read_end, False)
        self.pipes[read_end] = client_address, bytearray()
        super().process_request(request, client_address)
        os.close(self.write_end)
"""
ONE_AT_A_TIME = OWN_PIPES.replace("self.pipes[read_end]", "self.pipes = {}; self.pipes[read_end]")
ONE_FOR_ALL = """        if not hasattr(self, "read_end"):
            self.read_end, self.write_end = os.pipe()
            os.set_blocking(self.read_end, False)
            self.pipes[self.read_end] = None
        self.client_address = client_address
        super().process_request(request, client_address)
"""
COLLECTS = COMPUTING[COMPUTING.index("        for read_end") : COMPUTING.index("    def service_a")]
COLLECTS_ALL = """        for read_end in self.pipes:
            try:
                address, _, result = os.read(read_end, 1 << 20).partition(b"|")
            except BlockingIOError:
                continue
            if address:
                host, port = address.decode().split(":")
                self.results[host, int(port)] = result

"""
WITH_ADDRESS = (
    "os.write(self.write_end, result)",
    'os.write(self.write_end, "{}:{}|".format(*self.client_address).encode() + result)',
)
READS_AT_ONCE = (
    OWN_PIPES
    + """        self.collect_results(blocking=True)
"""
)
CLOSES = """        self.collect_results(blocking=True)
        super().server_close()
"""
CLOSES_UNREAD = """        for read_end in self.pipes:
            os.close(read_end)
        super().server_close()
"""
GIVES_UP = """        self.socket.close()
"""
CLOSES_FIRST = """        super().server_close()
        self.collect_results(blocking=True)
"""


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "wrong, part, told",
    [
        pytest.param(computing(IN_THE_COPY), "home", "in its own copy", id="learners-22"),
        (computing(HOLDS_ON), "home", "an end of the pipe that it holds open itself?"),
        (computing(("Forking", "Threading")), "home", "where is the fork?"),
        (computing(*ON_THE_CLASS), "home", "are they the class's?"),
        (computing(BY_PORT), "home", "its keys are ["),
        (computing(AS_TEXT), "home", "'aaa' in results for a client"),
        (computing((ALL_READS, ONE_READ)), "at once", "was the pipe read to its end"),
        (computing((OWN_PIPES, ONE_AT_A_TIME)), "at once", "take the place of this one's?"),
        (
            computing((OWN_PIPES, ONE_FOR_ALL), (COLLECTS, COLLECTS_ALL), WITH_ADDRESS),
            "at once",
            "in results for a client whose child reported",
        ),
        (computing((OWN_PIPES, READS_AT_ONCE)), "at work", "does the server wait for a result?"),
        (computing(("blocking=False", "blocking=True")), "at work", "wait for a result?"),
        (computing(KEEPS_ALL), "no result", "3 results, and only one"),
        (computing(TAKES_ONE), "no result", "IndexError"),
        (computing(STAYS_OPEN), "nothing left", "5 more descriptors open"),
        (computing((CLOSES, CLOSES_FIRST)), "nothing left", "a child, which waits until its pipe"),
        (computing((CLOSES, CLOSES_UNREAD)), "nothing left", "server_close() waits for a child"),
        (computing((CLOSES, GIVES_UP)), "nothing left", "server_close() back, and nothing in"),
        pytest.param(
            computing(FORGETS_THE_REST),
            "nothing left",
            "was the mix-in's service_actions called, too?",
            id="learners-24",
        ),
        (None, "home", "still blank"),
    ],
)
def test_a_wrong_way_home_is_told_its_mistake(wrong, part, told):
    """Results kept in a copy, mixed, lost, waited for; pipes left open."""
    assert told in message("07.1", part, wrong)


PAGE = """
import multiprocessing, os, socketserver

class CountingServer(socketserver.ForkingTCPServer):
    def __init__(self, *args):
        super().__init__(*args)
        self.visitors = multiprocessing.Value("i", 0)

class Page(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.recv(65536)
        with self.server.visitors.get_lock():
            self.server.visitors.value += 1
            number = self.server.visitors.value
        self.request.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + f"visitor {number}".encode())
"""


def page(*changes):
    return program(PAGE, *changes, names=("CountingServer", "Page"))


LOCKED = """
        with self.server.visitors.get_lock():
            self.server.visitors.value += 1
            number = self.server.visitors.value
"""
BY_HAND = """
        lock = self.server.visitors.get_lock()
        lock.acquire()
        number = self.server.visitors.value = self.server.visitors.value + 1
        lock.release()
"""
HELD = """
        with self.server.visitors:
            self.server.visitors.value = number = self.server.visitors.value + 1
"""
READ_OUTSIDE = LOCKED.replace("            number", "        number")
WRITTEN_OUTSIDE = """
        with self.server.visitors.get_lock():
            number = self.server.visitors.value + 1
        self.server.visitors.value = number
"""
HEAD = 'b"HTTP/1.0 200 OK\\r\\n\\r\\n"'
VALUE = 'multiprocessing.Value("i", 0)'
PLAIN = ((VALUE, "0"), (".value", ""), ("with self.server.visitors.get_lock()", "if True"))


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(page(*PLAIN), "count", "in its own copy?", id="learners-22"),
        (
            page(("with self.server.visitors.get_lock()", "if True")),
            "at once",
            "lock",
        ),
        (page(("get_lock():", "get_lock(): pass\n        if True:")), "at once", "lock"),
        (page(("Forking", "Threading")), "page", "in the server's own process: where is the fork"),
        (page(('f"visitor {number}".encode()', '"visitor 1"')), "page", "TypeError"),
        (page(("self.request.recv(65536)", "pass")), "page", "the request was not received"),
        (page(("super().__init__(*args)", "pass")), "page", "AttributeError"),
        (page(("self.visitors =", "CountingServer.visitors =")), "page", "one visitors for two"),
        (page((HEAD, HEAD.replace("\\r", ""))), "page", "ended by \\n alone"),
        (page((HEAD, HEAD.replace("\\r", "", 1))), "page", "ended by \\n alone"),
        (page((HEAD, HEAD.replace(" OK", ""))), "page", "the first line b'HTTP/1.0 200'"),
        (page((LOCKED, READ_OUTSIDE)), "at once", "lock"),
        (page((LOCKED, WRITTEN_OUTSIDE)), "at once", "lock"),
    ],
)
def test_a_wrong_page_is_told_its_mistake(answer, part, told):
    """A plain number, no lock, a lock too short, threads."""
    assert told in message("07.2", part, *answer)


@pytest.mark.parametrize("counted", [READ_OUTSIDE, WRITTEN_OUTSIDE])
def test_a_lock_given_back_too_early_needs_no_luck_to_be_found(counted):
    """One child is held up at each of its looks at the value, whoever else is about."""
    with (
        bench_at(None) as bench,
        pytest.raises(CaseError, match="is the lock held from the first use"),
    ):
        forking_mixin.nobody_comes_between(bench, *page((LOCKED, counted)))


class CountingServer(socketserver.ForkingMixIn, socketserver.TCPServer):
    """A value without a lock, and a lock."""

    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        self.visitors = multiprocessing.Value("q", 0, lock=False)
        self.turn = multiprocessing.RLock()
        super().__init__(server_address, RequestHandlerClass, bind_and_activate)

    def one_more(self):
        with self.turn:
            self.visitors.value += 1
            return self.visitors.value


def page_function(request, client_address, server):
    """A plain function will do."""
    request.recv(65536)
    text = f"visitor {server.one_more()}"
    request.sendall(b"\r\n".join([b"HTTP/1.0 200 OK", b"", text.encode()]))


class PageOfLines(socketserver.StreamRequestHandler):
    def setup(self):
        super().setup()
        self.number = self.server.one_more()

    def handle(self):
        for line in self.rfile:
            if line == b"\r\n":
                break
        for line in ("HTTP/1.0 200 OK", "", f"visitor {self.number}"):
            self.wfile.write(f"{line}\r\n".encode())


@dataclass
class DataPage:
    """A dataclass that does its work when it is made."""

    request: object
    client_address: tuple
    server: object

    def __post_init__(self):
        with self.request:
            self.request.recv(1 << 16)
            page_text = b"visitor %d" % self.server.one_more()
            self.request.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + page_text)


@pytest.mark.parametrize(
    "answer",
    [
        page(),
        page((LOCKED, BY_HAND)),
        page((LOCKED, HELD)),
        (CountingServer, page_function),
        (CountingServer, functools.partial(page_function)),
        (CountingServer, PageOfLines),
        (CountingServer, DataPage),
    ],
    ids=["with", "acquire", "with the value", "function", "partial", "stream", "dataclass"],
)
def test_a_right_page_passes(answer, capfd):
    """A ready-mixed class, a lock taken and given back by hand, handlers of all kinds."""
    check("07.2", *answer)
    printed, errors = capfd.readouterr()
    assert len(printed.splitlines()) == 3
    assert errors == ""


SHOP = """
import socketserver, sys

def server_class(module):
    if hasattr(module, "ForkingMixIn"):
        base = module.ForkingTCPServer
    else:
        base = module.ThreadingTCPServer
    class Shop(base):
        served = turns = 0
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
        print("serving", name)
        sys.stdout.flush()
        self.request.sendall(b"done")

def run(server):
    print("the shop is open")
    sys.stdout.flush()
    server.serve_forever()
"""


def shop(*changes):
    return program(SHOP, *changes, names=("server_class", "Logged", "run"))


IN_HANDLER = "name)\n        sys.stdout.flush()"
IN_RUN = 'open")\n    sys.stdout.flush()'
IN_CHILD = ('sendall(b"done")', 'sendall(b"done"); self.server.served += 1')


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(
            shop(('if hasattr(module, "ForkingMixIn")', "if True")),
            "elsewhere",
            "AttributeError",
            id="learners-23",
        ),
        pytest.param(
            shop(('if hasattr(module, "ForkingMixIn")', "if False")),
            "elsewhere",
            "without ForkingMixIn among its bases",
            id="learners-23-threads",
        ),
        (shop(("self.served +=", "Shop.served +=")), "elsewhere", "are they the class's?"),
        (shop(IN_CHILD), "elsewhere", "served is 2: is she counted in two places?"),
        (shop(("return Shop", "pass")), "elsewhere", "does server_class return the class?"),
        pytest.param(
            shop(("super().service_actions()", "pass")),
            "the dead",
            "2 zombies: was the mix-in's service_actions called?",
            id="learners-24",
        ),
        (shop(("self.turns += 1", "pass")), "the dead", "no zombies, but turns is 0 after"),
        (shop((IN_RUN, 'open")')), "the log", "the shop opens 3 times"),
        (shop((IN_HANDLER, "name)")), "the log", "a customer is missing"),
        pytest.param(
            shop(("self.served += 1", "pass"), IN_CHILD),
            "the count",
            "0: did the children count, each in its copy?",
            id="learners-22",
        ),
    ],
)
def test_a_bug_left_in_the_shop_is_named(answer, part, told):
    """Each of the four complaints has a part of its own."""
    assert told in message("07.3", part, *answer)


COUNTS = """
        def process_request(self, request, client_address):
            self.served += 1
            super().process_request(request, client_address)
"""
TAKES = """
        def get_request(self):
            pair = super().get_request()
            self.served = self.served + 1
            return pair
"""
CHOICE = """    if hasattr(module, "ForkingMixIn"):
        base = module.ForkingTCPServer
    else:
        base = module.ThreadingTCPServer
"""
NAMED = """    mixins = [getattr(module, name, None) for name in ("ForkingMixIn", "ThreadingMixIn")]
    base = type("Base", (next(filter(None, mixins)), module.TCPServer), {})
"""
TRIED = """    try:
        mixin = module.ForkingMixIn
    except AttributeError:
        mixin = module.ThreadingMixIn
    class base(mixin, module.TCPServer): pass
"""
WRITES = """
        print("serving", name)
        sys.stdout.flush()
        self.request"""
ONE_CALL = """
        print("serving", name, flush=True)
        self.request"""


@pytest.mark.parametrize(
    "answer",
    [
        shop(),
        shop((COUNTS, TAKES)),
        shop((CHOICE, NAMED)),
        shop((CHOICE, TRIED), (COUNTS, TAKES)),
        shop((WRITES, ONE_CALL)),
        shop(("    server.serve_forever()", "    with server:\n        server.serve_forever()")),
    ],
)
def test_a_mended_shop_passes(answer, capfd):
    """The ready-mixed classes or one's own, and several hooks of the parent."""
    check("07.3", *answer)
    printed, errors = capfd.readouterr()
    assert len(printed.splitlines()) == 4
    assert errors == ""


RUNS = {
    "told": [1, 1, 1, 0],
    "printed": [1, 0, 3, 2, 1, 2],
    "zombies": [3, 0],
    "after_fork": [1, False, True],
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "wrong, part, told",
    [
        pytest.param(
            {"told": [1, 2, 3, 3]}, "told", "2 in place 2; the run says", id="learners-22"
        ),
        pytest.param({"told": [1, 1, 1, 3]}, "told", "nothing came home", id="learners-22-parent"),
        ({"printed": [1, 2, 1, 2, 1, 2]}, "printed", "which os._exit throws away"),
        ({"printed": [1, 0, 1, 2, 1, 2]}, "printed", "Each child has a copy of the buffer"),
        pytest.param(
            {"zombies": [0, 0]}, "zombies", "don't vanish by themselves", id="learners-24"
        ),
        ({"zombies": [3, 3]}, "zombies", "server_close() waits for the children"),
        pytest.param(
            {"after_fork": [4, False, True]},
            "fork and threads",
            "Only the thread that calls fork exists in the child",
            id="learners-24-threads",
        ),
        ({"after_fork": [1, True, True]}, "fork and threads", "copied as it was, held"),
    ],
)
def test_a_wrong_forecast_is_told_the_misconception(wrong, part, told):
    """A real run decides; the message says what led there, and not the answer."""
    assert told in message("07.4", part, *(RUNS | wrong).values())


def test_a_right_forecast_passes(capfd):
    """Lists or tuples."""
    check("07.4", *map(tuple, RUNS.values()))
    assert len(capfd.readouterr().out.splitlines()) == 4


def test_where_nobody_can_fork_a_sentence_says_so(monkeypatch):
    """As on Windows."""
    monkeypatch.delattr(forking_mixin.os, "fork")
    assert "this system cannot fork" in message("07.1", "home", computing())


@pytest.mark.parametrize("exercise", ["07.1", "07.2", "07.3", "07.4"])
def test_three_hints(exercise, capsys):
    """From a nudge to nearly the answer."""
    for number in (1, 2, 3):
        hint(exercise, number)
        assert f"Hint {number} of 3" in capsys.readouterr().out
