"""minisocketserver beside the standard library's socketserver, in one run.

    python -m benchmarks.keel [--seconds 0.4] [--repeats 9]

Each measurement is taken on one module and then on the other, in short slices, so that a load
that comes and goes hits both. Each ratio is of neighbouring slices; the table shows the median
ratio and its middle half. Clients run in a process of their own.
"""

import argparse
import importlib
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress

MODULES = ("minisocketserver", "socketserver")
MESSAGE = b"x" * 64


@contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def echo_server(module, class_name="TCPServer"):
    class Echo(module.BaseRequestHandler):
        def handle(self):
            self.request.settimeout(5)
            self.request.sendall(self.request.recv(64))

    class Server(getattr(module, class_name)):
        request_queue_size = 128

    return Server(("127.0.0.1", 0), Echo)


def shutdown_latency(module, seconds):
    """Milliseconds from the call of `shutdown` on an idle server to its return."""
    server = echo_server(module)
    with serving(server):
        with socket.create_connection(server.server_address, timeout=5) as client:
            client.sendall(MESSAGE)  # it answers, so the loop runs
            client.recv(64)
        time.sleep(0.02)  # and is back at its wait, at some point of the poll
        started = time.perf_counter()
        server.shutdown()
        return (time.perf_counter() - started) * 1000


def idle_wakeups(module, seconds):
    """Times a second that the selector of a server without clients returns."""
    returns = 0

    class Counting(module._ServerSelector):
        def select(self, timeout=None):
            nonlocal returns
            ready = super().select(timeout)
            returns += 1
            return ready

    with borrowed_selector(module, Counting), serving(echo_server(module)):
        time.sleep(2.2)
        return returns / 2.2


@contextmanager
def borrowed_selector(module, selector):
    """Put `selector` where the module's loop looks for it."""
    home = sys.modules[module.BaseServer.__module__]
    original, home._ServerSelector = home._ServerSelector, selector
    try:
        yield
    finally:
        home._ServerSelector = original


def accepts_without_descriptors(module, seconds):
    """Calls of `get_request` a second while a client waits and no descriptor is free."""
    command = [sys.executable, "-m", "benchmarks.keel", "--exhaust", module.__name__]
    return float(subprocess.run(command, check=True, capture_output=True, timeout=30).stdout)


def exhaust(module, seconds=1.0):
    """Count accepts in this process, which it leaves without a free descriptor."""
    server = echo_server(module)
    calls = 0
    get_request = server.get_request

    def counting():
        nonlocal calls
        calls += 1
        return get_request()

    server.get_request = counting
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    client = socket.socket()
    hoard = []
    with serving(server):
        time.sleep(0.1)  # it has what it needs for its loop
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, limit))
        with suppress(OSError):
            while True:
                hoard.append(os.dup(0))
        client.connect(server.server_address)
        time.sleep(seconds)
        counted = calls
        client.close()
        for number in hoard:
            os.close(number)
    return counted / seconds


def throughput(class_name):
    def requests_a_second(module, seconds):
        with serving(echo_server(module, class_name)) as server:
            port = str(server.server_address[1])
            command = [sys.executable, "-m", "benchmarks.keel", "--client", port]
            run = subprocess.run(
                [*command, "--seconds", str(seconds)], check=True, capture_output=True, timeout=60
            )
        return json.loads(run.stdout)

    requests_a_second.__doc__ = f"Requests a second, {class_name}, a connection each, 64 bytes."
    return requests_a_second


def client(port, seconds):
    """Ask for `seconds`, one short connection after the other; return requests a second."""
    answered = 0
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
            sock.sendall(MESSAGE)
            answered += len(sock.recv(64)) == 64
    return answered / (time.perf_counter() - started)


# name: (measure, unit, repeats at most, is less better?)
MEASURES = {
    "`shutdown()` of an idle server": (shutdown_latency, "ms", 15, True),
    "idle wake-ups": (idle_wakeups, "/s", 2, True),
    "accepts when out of descriptors": (accepts_without_descriptors, "/s", 3, True),
    "requests, `TCPServer`": (throughput("TCPServer"), "/s", 99, False),
    "requests, `ThreadingTCPServer`": (throughput("ThreadingTCPServer"), "/s", 99, False),
    "requests, `ForkingTCPServer`": (throughput("ForkingTCPServer"), "/s", 99, False),
}


def compare(measure, repeats, seconds):
    """Return the values of both modules, taken in turn, the first one changing."""
    modules = [importlib.import_module(name) for name in MODULES]
    values = {module: [] for module in modules}
    for turn in range(repeats):
        for module in modules if turn % 2 else reversed(modules):
            values[module].append(measure(module, seconds))
    return [values[module] for module in modules]


def ratio(ours, theirs, less_is_better):
    """Say how many times better ours is: the median of neighbours, and the middle half."""
    if less_is_better:
        ours, theirs = theirs, ours
    if 0 in theirs:
        return "none against some"
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.keel")
    parser.add_argument("--seconds", type=float, default=0.4, help="length of a throughput slice")
    parser.add_argument("--repeats", type=int, default=9, help="slices for each module")
    parser.add_argument("--client", type=int, metavar="PORT", help=argparse.SUPPRESS)
    parser.add_argument("--exhaust", metavar="MODULE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        print(client(options.client, options.seconds))
    elif options.exhaust:
        print(exhaust(importlib.import_module(options.exhaust)))
    else:
        table(options)


def table(options):
    print("| measured | minisocketserver | socketserver | times better (middle half) |")
    print("|---|---:|---:|---:|")
    for name, (measure, unit, most, less_is_better) in MEASURES.items():
        ours, theirs = compare(measure, min(most, options.repeats), options.seconds)
        cells = [f"{statistics.median(values):.4g} {unit}" for values in (ours, theirs)]
        print(f"| {name} | {' | '.join(cells)} | {ratio(ours, theirs, less_is_better)} |")
        sys.stdout.flush()
    print(
        f"\nCPython {sys.version.split()[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
