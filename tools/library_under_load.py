"""Put each TCP class under load: is every request answered once, and is anything left over?

    python -m tools.library_under_load [--requests 10000] [--held 1000] [NAME ...]

For each class, in a process of its own: 10,000 short connections from 100 clients at once, and
1,000 connections that are open at the same time before the first of them asks. Requests have
numbers, and an answer must be the request, once. What is left over is counted twice, with the
server idle again and with the server closed: descriptors, threads and child processes, zombies
included, more than there were before the clients came, or before there was a server.
"""

import argparse
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path

import minisocketserver as module
from minisocketserver import beyond
from socketlab import short_tempdir
from socketlab.checks.case import soon

CLIENTS = 100
HELD = 1000
DEADLINE = 10.0


class ThreadPoolTCPServer(beyond.ThreadPoolMixIn, module.TCPServer):
    """A pool of eight threads."""


CLASSES = {"TCPServer": module.TCPServer, "ThreadingTCPServer": module.ThreadingTCPServer}
CLASSES["ThreadPoolMixIn, TCPServer"] = ThreadPoolTCPServer

if hasattr(os, "fork"):

    class PreForkTCPServer(beyond.PreForkMixIn, module.TCPServer):
        """A worker for each processor."""

    CLASSES["ForkingTCPServer"] = module.ForkingTCPServer
    CLASSES["PreForkMixIn, TCPServer"] = PreForkTCPServer

for name in ("UnixStreamServer", "ThreadingUnixStreamServer", "ForkingUnixStreamServer"):
    if hasattr(module, name):
        CLASSES[name] = getattr(module, name)


def echo(request, client_address, server):
    """Send back what comes, within a time."""
    request.settimeout(2 * DEADLINE)
    request.sendall(request.recv(64))


# The server's process


def measure(name, requests, connections):
    """Put one class under load; return the counts."""
    raise_the_limit_of_descriptors()
    before = held_things()
    with serving(CLASSES[name]) as server:
        run_client(server, "--held", CLIENTS)
        use_all_threads(server)
        idle = held_things()
        short = run_client(server, "--requests", requests)
        held = run_client(server, "--held", connections)
        left_idle = settle(idle)
    left_closed = settle(before)
    return {"short": short, "held": held, "left": [*left_idle, *left_closed]}


@contextmanager
def serving(server_class):
    """A server of this class, on a free port or a new path, and closed at the end."""
    server_class = type("Server", (server_class,), {"request_queue_size": HELD + CLIENTS})
    with tempfile.TemporaryDirectory(prefix="load", dir=short_tempdir()) as folder:
        is_unix = server_class.address_family != socket.AF_INET
        address = os.path.join(folder, "socket") if is_unix else ("127.0.0.1", 0)
        with server_class(address, echo) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                # A worker forked while a client is started would keep that one's pipes open.
                wanted = getattr(server, "processes", 0)
                while wanted and len(server.active_children) < wanted:
                    time.sleep(0.01)
                yield server
            finally:
                server.shutdown()
                thread.join()


def use_all_threads(server):
    """Have a pool start its threads, which it does as soon as that many clients are there."""
    if size := getattr(server, "pool_size", 0):
        with ExitStack() as clients:
            for _ in range(size):
                clients.enter_context(socket.create_connection(server.server_address, DEADLINE))
            soon(lambda: len(server.open_requests) == size, DEADLINE)
        soon(lambda: not server.open_requests, DEADLINE)  # what is still open would count as idle


def raise_the_limit_of_descriptors():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def held_things():
    """Count what this process holds of the system."""
    return Counter(
        descriptors=len(os.listdir("/proc/self/fd")),
        threads=threading.active_count(),
        children=sum(map(is_child, Path("/proc").glob("[0-9]*/stat"))),
    )


def is_child(stat):
    try:
        parent = stat.read_text().rpartition(")")[2].split()[1]
    except OSError:  # it has gone in between
        return False
    return int(parent) == os.getpid()


def settle(before):
    """Wait until no more is held than before; return what is, in words, when the time is up."""
    end = time.monotonic() + DEADLINE
    while (left := held_things() - before) and time.monotonic() < end:
        time.sleep(0.05)
    return [f"{count} {kind}" for kind, count in left.items()]


def run_client(server, *arguments):
    """Run clients in a process of their own; return what came of their requests."""
    command = [sys.executable, "-m", "benchmarks.load", "unix", "--patience", DEADLINE]
    command += [server.server_address, "--clients", CLIENTS]
    if server.address_family == socket.AF_INET:
        command[3], command[6] = "tcp", "{}:{}".format(*server.server_address)
    if "--held" in arguments:
        command[2:] = [__spec__.name, "--address", json.dumps(server.server_address)]
    run = subprocess.run(
        [str(part) for part in (*command, *arguments)], check=True, capture_output=True, timeout=300
    )
    counts = json.loads(run.stdout)
    return {key: counts[key] for key in ("sent", "answered", "wrong", "lost")}


# The clients' process


def hold(address, count):
    """Open all connections, then ask in each, then read all answers; count what came of it."""
    raise_the_limit_of_descriptors()
    clients = [connect(address) for _ in range(count)]
    for number, client in enumerate(clients):
        client.sendall(b"%064d" % number)
    answers = [read_all(client) for client in clients]
    right = sum(answer == b"%064d" % number for number, answer in enumerate(answers))
    lost = answers.count(b"")
    return {"sent": count, "answered": right, "wrong": count - right - lost, "lost": lost}


def connect(address):
    family = socket.AF_INET if isinstance(address, list) else socket.AF_UNIX
    client = socket.socket(family)
    client.settimeout(6 * DEADLINE)
    client.connect(tuple(address) if isinstance(address, list) else address)
    return client


def read_all(client):
    try:
        return b"".join(iter(lambda: client.recv(100), b""))
    except OSError:
        return b""
    finally:
        client.close()


# The command


def report(names, requests, connections):
    """Print the table; return whether a request was lost or something left over."""
    row = "| {:<38} | {:>7} | {:>8} | {:>5} | {:>4} | {}"
    print(row.format("class", "sent", "answered", "wrong", "lost", "left over |"))
    print("|---|---:|---:|---:|---:|---|")
    failed = False
    for name in names:
        counts = measure_elsewhere(name, requests, connections)
        left = ", ".join(counts["left"])
        for kind in ("short", "held"):
            figures = counts[kind]
            label = name + (", held open" if kind == "held" else "")
            print(row.format(label, *figures.values(), (left or "0") + " |"), flush=True)
            failed = failed or bool(left) or figures["answered"] != figures["sent"]
    return failed


def measure_elsewhere(name, requests, connections):
    """`measure` in a fresh process."""
    command = [sys.executable, "-m", __spec__.name, "--json", name]
    command += ["--requests", str(requests), "--held", str(connections)]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=600)
    return json.loads(run.stdout)


def of_class(name):
    """Return the name of a class, as an option's type."""
    if name not in CLASSES:
        raise argparse.ArgumentTypeError(f"{name!r} isn't among {', '.join(map(repr, CLASSES))}")
    return name


def main():
    parser = argparse.ArgumentParser(
        prog="python -m tools.library_under_load", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", type=of_class, help=", ".join(CLASSES))
    parser.add_argument("--requests", type=int, default=10_000, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--held", type=int, default=HELD, help="default: %(default)s")
    parser.add_argument("--address", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.address:
        print(json.dumps(hold(options.address, options.held)))
    elif options.json:
        print(json.dumps(measure(options.names[0], options.requests, options.held)))
    else:
        return report(options.names or CLASSES, options.requests, options.held)
    return 0


if __name__ == "__main__":
    sys.exit(main())
