"""How the figures are taken: in turns, so that what disturbs the machine disturbs all alike."""

import itertools
import json
import os
import random
import resource
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from .servers import TIMES, kind_of

DEADLINE = 60.0
"""Seconds until a server or a client that says nothing has failed."""

totals = dict.fromkeys(("sent", "answered", "wrong", "lost"), 0)
"""What all clients together saw."""


class ServerProcess:
    """A server under test."""

    def __init__(self, name, work, folder):
        self.name, self.work = name, work
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.servers", name, work],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            env={**os.environ, "TMPDIR": folder},
        )
        self.address = self.read()

    def read(self):
        ready, _, _ = select.select([self.process.stdout], [], [], DEADLINE)
        line = self.process.stdout.readline().strip() if ready else ""
        if not line:
            raise RuntimeError(f"{self.name} ({self.work}) does not answer")
        return line

    def ask(self, question):
        self.process.stdin.write(question + "\n")
        self.process.stdin.flush()
        return float(self.read())

    def close(self):
        try:
            self.process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()

    def children(self):
        return psutil.Process(self.process.pid).children(recursive=True)

    def cpu(self):
        """Seconds of processor time used, by the server and its children."""
        return self.ask("cpu") + sum(sum(child.cpu_times()[:2]) for child in self.children())

    def memory(self):
        """Bytes that the server and its children share with no other process."""
        family = [psutil.Process(self.process.pid), *self.children()]
        return sum(process.memory_full_info().uss for process in family)

    def wakeups(self):
        """How often a thread of the server or of a child has gone to sleep so far."""
        pids = [self.process.pid, *(child.pid for child in self.children())]
        lines = [
            line
            for pid in pids
            for status in Path(f"/proc/{pid}/task").glob("*/status")
            for line in status.read_text().splitlines()
        ]
        return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary"))

    def connect(self):
        if kind_of(self.name) == "unix":
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(10)
            client.connect(self.address)
            return client
        host, port = self.address.split(":")
        return socket.create_connection((host, int(port)), timeout=10)

    def load(self, clients, seconds):
        """Let clients ask for some seconds; return requests a second, latencies and costs."""
        command = [sys.executable, "-m", "benchmarks.load", kind_of(self.name), self.address]
        command += ["--clients", str(clients), "--seconds", str(seconds)]
        command += ["--times", str(TIMES if self.work == "bulk" else 1)]
        cpu = self.cpu()
        run = subprocess.run(command, check=True, capture_output=True, timeout=DEADLINE)
        cpu = self.cpu() - cpu
        figures = json.loads(run.stdout)
        for name in totals:
            totals[name] += figures[name]
        if not figures["answered"]:
            raise RuntimeError(f"{self.name} ({self.work}) answered nothing: {figures}")
        return {
            "rate": figures["answered"] / figures["seconds"],
            "p50": figures["p50"],
            "p99": figures["p99"],
            "cost": cpu / figures["answered"],
            "client": figures["cpu"] / figures["seconds"],
        }


@contextmanager
def serving(names, work):
    """Start these servers; yields them in this order."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        servers = []
        for name in names:
            servers.append(ServerProcess(name, work, folder))
            stack.callback(servers[-1].close)
        yield servers


def in_turns(names, work, clients, seconds, rounds, starts=1):
    """Load each server in each round, back and forth; return a list of figures for each name.

    All are started anew `starts` times, for so many rounds each time: a process has its own luck,
    in where its memory lies, and keeps it to its end.
    """
    taken = [[] for _ in names]
    forth = range(len(names))
    turns = itertools.cycle([forth[::-1], forth])
    for _ in range(starts):
        with serving(names, work) as servers:
            for server in servers:
                server.load(clients, seconds / 4)  # the first requests find everything cold
            for _ in range(rounds):
                for place in next(turns):
                    taken[place].append(servers[place].load(clients, seconds))
    return taken


def held_memory(name, connections):
    """Bytes of memory for each connection that is open and silent."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with serving([name], "hold") as servers, ExitStack() as clients:
        [server] = servers

        def hold(count):
            for _ in range(count):
                client = clients.enter_context(server.connect())
                assert client.recv(1) == b"!"
            return server.memory()

        before = hold(1)
        return (hold(connections) - before) / connections


def shutdown_seconds(name):
    """Seconds from the call of `shutdown` on an idle server, at some point of its poll."""
    with serving([name], "echo") as servers:
        servers[0].load(1, 0.02)  # it answers, so the loop runs
        time.sleep(random.uniform(0, 0.5))
        return servers[0].ask("shutdown")


def idle_wakeups(names, seconds):
    """Times a second that a server without clients wakes up, for each."""
    with serving(names, "echo") as servers:
        for server in servers:
            server.load(1, 0.02)
        time.sleep(0.2)
        before = [server.wakeups() for server in servers]
        time.sleep(seconds)
        after = [server.wakeups() for server in servers]
        return [(b - a) / seconds for a, b in zip(before, after, strict=True)]


def cpu_without_descriptors(name, seconds):
    """Share of a processor used while a client waits and the server has no descriptor for it."""
    with serving([name], "echo") as servers:
        [server] = servers
        server.load(1, 0.02)
        process = psutil.Process(server.process.pid)
        used = {int(number) for number in os.listdir(f"/proc/{process.pid}/fd")}
        free = min(set(range(len(used) + 1)) - used)
        process.rlimit(psutil.RLIMIT_NOFILE, (free, free))
        with server.connect():
            cpu = server.cpu()
            time.sleep(seconds)
            return (server.cpu() - cpu) / seconds


def quartiles(values):
    if len(values) == 1:
        return values * 3
    return statistics.quantiles(values, n=4, method="inclusive")


def ratios(ours, theirs):
    """Return how many times theirs ours is, in each round: lower quartile, median, upper."""
    return quartiles([a / b for a, b in zip(ours, theirs, strict=True)])
