"""Print what becomes of a server and its other clients when something around it goes wrong.

    python -m tools.failure_modes

The table has the failure mode, what happened in our module, what happened in the standard
library. Each cell is a real run in a fresh process. "The same" means that both behave alike, as a
drop-in should.
"""

import argparse
import importlib
import os
import random
import resource
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from minisocketserver import beyond

OURS, THEIRS = MODULES = ("minisocketserver", "socketserver")
DEADLINE = 5.0
MOMENT = 0.4
"""Seconds after which something that has not happened will not happen, as far as we can wait."""

FAILURE_MODES = {}


@dataclass
class FailureMode:
    """A failure mode, how to bring it about, and what is expected of each module."""

    name: str
    run: Any
    ours: str
    theirs: str

    def expected(self, module):
        return self.ours if module == OURS else self.theirs


def failure_mode(name, ours, theirs=None):
    """Register a function that runs the failure mode on a module and says what happened.

    Without `theirs`, both modules are expected to do the same.
    """

    def decorate(run):
        FAILURE_MODES[run.__name__] = FailureMode(name, run, ours, theirs or ours)
        return run

    return decorate


# What the failure modes share


@contextmanager
def serving(server):
    """Serve in a thread; the process ends soon, so only the loop is stopped."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()


def make(module, base, handle, *parts, **attributes):
    """Make a quiet server; of the parts beyond the standard library it has those that exist."""
    bases = [getattr(beyond, part) for part in parts] if module.__name__ == OURS else []
    errors = []
    attributes = {
        "request_queue_size": 128,
        "handle_error": lambda self, *_: errors.append(type(sys.exc_info()[1]).__name__),
        **attributes,
    }
    server_class = type("Server", (*bases, getattr(module, base)), attributes)
    server = server_class(("127.0.0.1", 0), handle)
    server.errors = errors
    return server


def line_handler(module, then=None, **attributes):
    """A stream handler that sends each line back; `then` may fail after the first."""
    limited = module.__name__ == OURS and {"max_line", "line_timeout"} & {*attributes}
    base = beyond.LimitedStreamRequestHandler if limited else module.StreamRequestHandler

    def handle(self):
        for line in iter(self.rfile.readline, b""):
            self.wfile.write(line)
            if then:
                then(self, line)

    return type("Handler", (base,), {"handle": handle, **attributes})


def connect(server, greeting=b""):
    client = socket.socket(server.address_family, server.socket_type)
    client.settimeout(DEADLINE)
    client.connect(server.server_address)
    if greeting:
        client.sendall(greeting)
    return client


def reset(client):
    """Close without a goodbye: the other side gets a reset."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
    client.close()


def others(server):
    """Tell whether another client is served."""
    try:
        with connect(server, b"hello\n") as client:
            served = client.recv(6) == b"hello\n"
    except OSError:
        served = False
    return "others are served" if served else "nobody else is served"


def until(condition, seconds=DEADLINE):
    """Wait for the condition; tell whether it came true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def within(seconds, call, *args):
    """Tell whether a call returns in time."""
    thread = threading.Thread(target=call, args=args, daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()


def is_closed(client, seconds=MOMENT):
    """Tell whether the server has ended this connection, or does so in time."""
    client.settimeout(seconds)
    try:
        while client.recv(1 << 20):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


# Clients that behave badly


@failure_mode("a client resets in mid-request", "reported, others are served")
def client_resets(module):
    server = make(module, "ThreadingTCPServer", line_handler(module))
    with serving(server):
        for _ in range(10):
            client = connect(server, b"hello\nhal")
            client.recv(6)
            reset(client)
        until(lambda: len(server.errors) == 10)
        assert server.errors == ["ConnectionResetError"] * 10, server.errors
        return f"reported, {others(server)}"


@failure_mode(
    "a half-open connection: its client has gone without a word",
    "closed after idle_timeout (TimeoutError), others are served",
    "held, others are served",
)
def half_open(module):
    server = make(
        module, "ThreadingTCPServer", line_handler(module), "LimitsMixIn", idle_timeout=MOMENT / 2
    )
    with serving(server):
        client = connect(server, b"hello\n")
        client.recv(6)
        with suppress(OSError):  # closed in this mode, Linux tells the other side nothing
            client.setsockopt(socket.IPPROTO_TCP, 19, 1)  # TCP_REPAIR, for root
            client.close()
        if until(lambda: server.errors, 2 * MOMENT):
            return f"closed after idle_timeout ({server.errors[0]}), {others(server)}"
        return f"held, {others(server)}"


@failure_mode(
    "a slow writer: one byte at a time, never a line's end",
    "closed after line_timeout (LimitExceededError), others are served",
    "held, others are served",
)
def slow_writer(module):
    handler = line_handler(module, line_timeout=MOMENT / 2)
    server = make(module, "ThreadingTCPServer", handler)
    with serving(server):
        client = connect(server)
        end = time.monotonic() + 2 * MOMENT
        with suppress(OSError):
            while time.monotonic() < end and not server.errors:
                client.send(b"x")
                time.sleep(0.02)
        if server.errors:
            return f"closed after line_timeout ({server.errors[0]}), {others(server)}"
        return f"held, {others(server)}"


@failure_mode(
    "a slow reader: it asks for much and takes one byte at a time",
    "closed after idle_timeout (TimeoutError), others are served",
    "held, others are served",
)
def slow_reader(module):
    def flood(self, line):
        if line == b"much\n":
            self.wfile.write(bytes(50_000_000))

    server = make(
        module,
        "ThreadingTCPServer",
        line_handler(module, flood),
        "LimitsMixIn",
        idle_timeout=MOMENT / 2,
    )
    with serving(server):
        client = connect(server, b"much\n")
        end = time.monotonic() + 2 * MOMENT
        while time.monotonic() < end and not server.errors:
            client.recv(1)
            time.sleep(0.02)
        if server.errors:
            return f"closed after idle_timeout ({server.errors[0]}), {others(server)}"
        return f"held, {others(server)}"


@failure_mode(
    "a line without an end, sent fast",
    "closed after max_line bytes (LimitExceededError), others are served",
    "all of 20 MB is kept, others are served",
)
def endless_line(module):
    server = make(module, "ThreadingTCPServer", line_handler(module, max_line=65_536))
    with serving(server):
        client = connect(server)
        try:
            for _ in range(20):
                client.sendall(bytes(1_000_000))
        except OSError:
            until(lambda: server.errors)
            return f"closed after max_line bytes ({server.errors[0]}), {others(server)}"
        return f"all of 20 MB is kept, {others(server)}"


@failure_mode(
    "a TLS client that never shakes hands",
    "closed after handshake_timeout, others are served",
    "nobody else is served",
)
def silent_tls_client(module):
    import trustme  # only here: the command should not need it for all

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    mine = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(mine)
    attributes = {"ssl_context": context, "handshake_timeout": MOMENT}
    server = make(module, "ThreadingTCPServer", line_handler(module), "TLSMixIn", **attributes)
    if module.__name__ == THEIRS:  # the usual recipe
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    silent = connect(server)
    time.sleep(0.05)
    try:
        with mine.wrap_socket(connect(server), server_hostname="localhost") as client:
            client.sendall(b"hello\n")
            served = client.recv(6) == b"hello\n"
    except OSError:
        served = False
    how = "closed after handshake_timeout, " if is_closed(silent, 2 * MOMENT) else ""
    return how + ("others are served" if served else "nobody else is served")


@failure_mode("garbage instead of a protocol", "others are served")
def garbage(module):
    server = make(module, "ThreadingTCPServer", line_handler(module))
    noise = random.Random(1)
    with serving(server):
        for _ in range(100):
            client = connect(server, noise.randbytes(noise.randrange(1, 2000)))
            (reset if noise.random() < 0.5 else socket.socket.close)(client)
        return others(server)


@failure_mode(
    "a datagram longer than max_packet_size",
    "cut, handle_truncation tells, others are served",
    "cut without a word, others are served",
)
def large_datagram(module):
    told = []

    def handle(request, client_address, server):
        data, sock = request
        sock.sendto(b"%d" % len(data) if len(data) > 6 else data, client_address)

    server = make(
        module, "UDPServer", handle, handle_truncation=lambda self, client: told.append(client)
    )
    with serving(server), connect(server, bytes(60_000)) as client:
        assert client.recv(100) == b"8192"
        how = "cut, handle_truncation tells" if told else "cut without a word"
        return f"{how}, {others(server)}"


# Handlers that behave badly


def handler_raises(module, error):
    """What becomes of the client and the server, for each way to run handlers."""

    def fail(self, line):
        if line == b"fail\n":
            raise error

    outcomes = []
    for kind in ("", "Threading", "Forking"):
        server = make(module, kind + "TCPServer", line_handler(module, fail))
        threading.excepthook = lambda _: None  # a thread that ends is what we look for
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        assert is_closed(connect(server, b"fail\n"), DEADLINE)
        ends = until(lambda thread=thread: not thread.is_alive(), MOMENT)
        outcomes.append("the loop ends" if ends else others(server))
    assert outcomes[1] == outcomes[2]
    return f"alone: {outcomes[0]}; in threads or processes: {outcomes[1]}"


@failure_mode(
    "a handler raises an Exception",
    "alone: others are served; in threads or processes: others are served",
)
def handler_raises_exception(module):
    return handler_raises(module, ValueError)


@failure_mode(
    "a handler raises SystemExit",
    "alone: the loop ends; in threads or processes: others are served",
)
def handler_raises_system_exit(module):
    return handler_raises(module, SystemExit)


@failure_mode(
    "a handler raises KeyboardInterrupt",
    "alone: the loop ends; in threads or processes: others are served",
)
def handler_raises_keyboard_interrupt(module):
    return handler_raises(module, KeyboardInterrupt)


@failure_mode(
    "a handler never returns, and the server shall end",
    "others are served, then drain names its client and closes",
    "others are served, then server_close hangs",
)
def handler_never_returns(module):
    def stay(self, line):
        while line == b"stay\n":
            time.sleep(60)

    server = make(module, "ThreadingTCPServer", line_handler(module, stay), "DrainMixIn")
    with serving(server):
        client = connect(server, b"stay\n")
        client.recv(5)
        outcome = others(server)
        if module.__name__ == OURS:
            named = server.drain(MOMENT) == [client.getsockname()]
            return f"{outcome}, then drain {'names its client and closes' if named else 'fails'}"
    closes = within(2 * MOMENT, server.server_close)
    return f"{outcome}, then server_close {'returns' if closes else 'hangs'}"


# The system's side


@failure_mode(
    "no descriptor is left, then there are some again",
    "the loop rests; after that, others are served",
    "the loop spins; after that, others are served",
)
def no_descriptors(module):
    accepts = []

    def get_request(self):
        accepts.append(True)
        return module.TCPServer.get_request(self)

    server = make(module, "TCPServer", line_handler(module), get_request=get_request)
    hoard = []
    with serving(server):
        others(server)  # the loop has what it needs
        time.sleep(MOMENT / 4)  # and has closed that connection
        waiting = socket.socket()
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        )
        with suppress(OSError):
            while True:
                hoard.append(os.dup(0))
        waiting.connect(server.server_address)
        accepts.clear()
        time.sleep(2 * MOMENT)
        how = "spins" if len(accepts) > 500 else "rests"
        for number in hoard:
            os.close(number)
        waiting.close()
        return f"the loop {how}; after that, {others(server)}"


@contextmanager
def no_processes():
    """As a user who is not root, allow no further process or thread."""
    if os.getuid() == 0:
        os.setuid(65534)
    _, most = resource.getrlimit(resource.RLIMIT_NPROC)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))


@failure_mode("fork fails", "reported (BlockingIOError), closed; after that, others are served")
def fork_fails(module):
    server = make(module, "ForkingTCPServer", line_handler(module))
    with serving(server):
        with no_processes():
            closed = is_closed(connect(server, b"hello\n"), DEADLINE)
            until(lambda: server.errors)
        return f"reported ({server.errors[0]}), {'closed' if closed else 'left open'}; " + (
            f"after that, {others(server)}"
        )


@failure_mode(
    "no thread can be started",
    "reported (RuntimeError), closed; after that, others are served and the server closes",
    "reported (RuntimeError), closed; after that, others are served and server_close raises",
)
def no_threads(module):
    server = make(module, "ThreadingTCPServer", line_handler(module))
    with serving(server):
        with no_processes():
            closed = is_closed(connect(server, b"hello\n"), DEADLINE)
            until(lambda: server.errors)
        outcome = others(server)
        with no_processes():
            is_closed(connect(server, b"hello\n"), DEADLINE)
    try:
        server.server_close()
        end = "the server closes"
    except RuntimeError:
        end = "server_close raises"
    return f"reported ({server.errors[0]}), {'closed' if closed else 'left open'}; " + (
        f"after that, {outcome} and {end}"
    )


@failure_mode(
    "a forked child is killed by a signal", "closed, no zombie is left, others are served"
)
def child_killed(module):
    def tell(self, line):
        self.wfile.write(b"%d\n" % os.getpid())

    server = make(module, "ForkingTCPServer", line_handler(module, tell))
    with serving(server):
        client = connect(server, b"hello\n")
        child = read_pid(client)
        os.kill(child, signal.SIGKILL)
        closed = "closed" if is_closed(client, DEADLINE) else "left open"
        gone = until(lambda: child not in (server.active_children or ()))
        zombie = "no zombie" if gone and not os.path.exists(f"/proc/{child}") else "a zombie"
        return f"{closed}, {zombie} is left, {others(server)}"


def read_pid(client):
    with client.makefile() as lines:
        lines.readline()
        return int(lines.readline())


@failure_mode(
    "a process of the program's own ends while max_children are at work",
    "its exit status is its own",
    "its exit status is lost",
)
def other_process(module):
    server = make(module, "ForkingTCPServer", line_handler(module), max_children=1)
    stranger = subprocess.Popen([sys.executable, "-S", "-c", "import os; os._exit(7)"])
    with serving(server):
        busy = connect(server, b"hello\n")
        busy.recv(6)
        second = connect(server, b"hello\n")  # one more than the children that there may be
        time.sleep(2 * MOMENT)
        status = stranger.wait(DEADLINE)
        for client in (busy, second):  # children have copies, so that closing is not enough
            client.shutdown(socket.SHUT_RDWR)
        return f"its exit status is {'its own' if status == 7 else 'lost'}"


@failure_mode("signals during select", "others are served, and Ctrl-C ends the loop")
def signals(module):
    received = []
    signal.signal(signal.SIGALRM, lambda *_: received.append(True))
    server = make(module, "ThreadingTCPServer", line_handler(module))
    outcomes = []

    def talk():
        outcomes.extend(others(server) for _ in range(50))
        until(lambda: len(received) > 20)
        os.kill(os.getpid(), signal.SIGINT)

    client = threading.Thread(target=talk)
    client.start()
    signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        end = "Ctrl-C ends the loop"
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert len(received) > 20
    return f"{outcomes[0] if len(set(outcomes)) == 1 else 'some are lost'}, and {end}"


@failure_mode(
    "server_close while requests run and the loop does",
    "they finish, then it returns; the loop rests until shutdown",
    "they finish, then it returns; the loop spins until shutdown",
)
def close_while_serving(module):
    turns = []
    server = make(
        module,
        "ThreadingTCPServer",
        line_handler(module),
        service_actions=lambda self: turns.append(True),
    )
    with serving(server):
        client = connect(server, b"hello\n")
        client.recv(6)
        closer = threading.Thread(target=server.server_close, daemon=True)
        closer.start()
        closer.join(MOMENT)
        early = not closer.is_alive()
        client.sendall(b"more\n")
        finished = client.recv(9) == b"more\n"
        client.close()
        closer.join(DEADLINE)
        order = "they finish, then it returns" if finished and not early else "they are cut"
        turns.clear()
        # At rest the loop comes round once in a poll interval, eight times in a moment.
        how = "spins" if until(lambda: len(turns) > 100, MOMENT) else "rests"
    return f"{order}; the loop {how} until shutdown"


# The command


def outcome(name, module):
    """Run a failure mode in a fresh process; return what happened, or that nothing did."""
    command = [sys.executable, "-W", "ignore", "-m", __spec__.name, "--run", name, module]
    # Not a pipe: forked children may hold it after the process has ended.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            return "it hangs"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        return output.read().strip()


def main():
    parser = argparse.ArgumentParser(
        prog="python -m tools.failure_modes", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        name, module = options.run
        print(FAILURE_MODES[name].run(importlib.import_module(module)), flush=True)
        os._exit(0)  # some of them leave threads that have no end
    return report()


def report():
    """Print the table; return whether something went another way than expected."""
    print("| failure mode | our module | the standard library |\n|---|---|---|")
    surprises = 0
    for name, mode in FAILURE_MODES.items():
        ours, theirs = (outcome(name, module) for module in MODULES)
        surprises += (ours, theirs) != (mode.ours, mode.theirs)
        print(f"| {mode.name} | {ours} | {'the same' if ours == theirs else theirs} |", flush=True)
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main())
