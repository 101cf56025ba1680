"""The servers under test, each in a process of its own.

    python -m benchmarks.servers NAME WORK

prints the server's address, then answers the lines that it reads, one by one: `cpu` with the
seconds of processor time it and its ended children have used, `shutdown` with the seconds that
took. It ends with its input. NAME is one of `PEERS`, or a class as in `socketserver.UDPServer`.
"""

import argparse
import asyncio
import importlib
import os
import resource
import socket
import tempfile
import threading
import time

from minisocketserver import StreamRequestHandler, TCPServer, beyond

TIMES = 16_384  # 64 bytes so many times are 1 MiB
LOOPS = 340_000  # about 10 ms where this was written
BACKLOG = 1024  # the same for all; only then 1,000 clients can come at once


def compute():
    """Work for the processor that holds the interpreter's lock, as most Python code does."""
    return sum(i * i for i in range(LOOPS))


def echo(sock, sleep):
    sock.sendall(sock.recv(64))


def bulk(sock, sleep):
    sock.sendall(sock.recv(64) * TIMES)


def sleeping(sock, sleep):
    message = sock.recv(64)
    sleep(0.01)
    sock.sendall(message)


def computing(sock, sleep):
    message = sock.recv(64)
    compute()
    sock.sendall(message)


def hold(sock, sleep):
    sock.sendall(b"!")
    sock.recv(1)


WORK = {"echo": echo, "bulk": bulk, "sleep": sleeping, "compute": computing, "hold": hold}


def kind_of(name):
    """Say how clients reach the server: the first argument of `benchmarks.load`."""
    unix, datagrams = "unix" in name.lower(), "UDP" in name or "Datagram" in name
    return ("unix-udp" if datagrams else "unix") if unix else ("udp" if datagrams else "tcp")


def address_for(kind):
    if kind.startswith("unix"):
        return os.path.join(tempfile.mkdtemp(prefix="bench-"), "socket")
    return ("127.0.0.1", 0)


class Bare:
    """The floor: what any server in Python must do at least, for one client at a time."""

    def __init__(self, name, work):
        self.work = WORK[work]
        self.datagrams = "UDP" in name
        family = socket.AF_UNIX if "unix" in name else socket.AF_INET
        kind = socket.SOCK_DGRAM if self.datagrams else socket.SOCK_STREAM
        self.socket = socket.socket(family, kind)
        self.socket.bind(address_for(kind_of(name)))
        self.server_address = self.socket.getsockname()
        if not self.datagrams:
            self.socket.listen(BACKLOG)

    def serve_forever(self):
        if self.datagrams:
            while True:
                message, address = self.socket.recvfrom(8192)
                self.socket.sendto(message, address)
        while True:
            client, _ = self.socket.accept()
            self.work(client, time.sleep)
            client.close()


class Asyncio:
    """Streams, or datagrams, as asyncio's documentation shows them."""

    def __init__(self, name, work):
        self.work = work
        self.loop = asyncio.new_event_loop()
        start = self.start_datagrams if "UDP" in name else self.start_streams
        self.loop.run_until_complete(start())

    async def start_streams(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=BACKLOG)
        self.server_address = self.server.sockets[0].getsockname()

    async def start_datagrams(self):
        class Echo(asyncio.DatagramProtocol):
            def connection_made(self, transport):
                self.transport = transport

            def datagram_received(self, data, address):
                self.transport.sendto(data, address)

        transport, _ = await self.loop.create_datagram_endpoint(Echo, ("127.0.0.1", 0))
        self.server_address = transport.get_extra_info("sockname")

    async def serve(self, reader, writer):
        if self.work == "hold":
            writer.write(b"!")
            await reader.read(1)
        else:
            message = await reader.readexactly(64)
            if self.work == "sleep":
                await asyncio.sleep(0.01)
            elif self.work == "compute":
                compute()
            writer.write(message * TIMES if self.work == "bulk" else message)
            await writer.drain()
        writer.close()

    def serve_forever(self):
        self.loop.run_forever()

    def shutdown(self):
        asyncio.run_coroutine_threadsafe(self.close(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)

    async def close(self):
        self.server.close()
        await self.server.wait_closed()


class Gevent:
    """StreamServer or DatagramServer. All that is gevent's is made in the thread that serves."""

    def __init__(self, name, work):
        self.work = WORK[work]
        self.datagrams = "UDP" in name
        kind = socket.SOCK_DGRAM if self.datagrams else socket.SOCK_STREAM
        self.socket = socket.socket(type=kind)
        self.socket.bind(address_for("tcp"))
        self.server_address = self.socket.getsockname()
        if not self.datagrams:
            self.socket.listen(BACKLOG)
        self.stopped = threading.Event()

    def serve_forever(self):
        import gevent.event
        import gevent.server

        listener = gevent.socket.socket(
            self.socket.family, self.socket.type, fileno=self.socket.detach()
        )
        if self.datagrams:
            server = gevent.server.DatagramServer(
                listener, lambda data, address: server.sendto(data, address)
            )
        else:
            server = gevent.server.StreamServer(
                listener, lambda sock, address: self.work(sock, gevent.sleep)
            )
        server.start()
        stop = gevent.event.Event()
        self.stop = gevent.get_hub().loop.async_()
        self.stop.start(stop.set)
        stop.wait()
        server.stop()
        self.stopped.set()

    def shutdown(self):
        self.stop.send()
        self.stopped.wait()


class Pool(beyond.ThreadPoolMixIn, TCPServer):
    pass


class PreFork(beyond.PreForkMixIn, TCPServer):
    pass


OURS = {"pool": Pool, "pre-fork": PreFork}
PEERS = {
    **dict.fromkeys(["bare", "bare UDP", "bare unix"], Bare),
    **dict.fromkeys(["asyncio", "asyncio UDP"], Asyncio),
    **dict.fromkeys(["gevent", "gevent UDP"], Gevent),
}


def make(name, work):
    if name in PEERS:
        return PEERS[name](name, work)
    if name in OURS:
        return with_work(OURS[name], StreamRequestHandler, name, work)
    module, class_name = name.split(".")
    module = importlib.import_module(module)
    return with_work(getattr(module, class_name), module.StreamRequestHandler, name, work)


def with_work(server_class, stream_handler, name, work):
    """Return a server of this class, with a handler as a user would write it."""
    base_handler = stream_handler.__base__

    class Datagram(base_handler):
        def handle(self):
            message, sock = self.request
            sock.sendto(message, self.client_address)

    class Bulk(stream_handler):
        def handle(self):
            self.wfile.write(self.rfile.read(64) * TIMES)

    class Plain(base_handler):
        def handle(self):
            WORK[work](self.request, time.sleep)

    class Server(server_class):
        request_queue_size = BACKLOG
        max_children = 1000 if work == "hold" else 40

    kind = kind_of(name)
    handler = Datagram if "udp" in kind else Bulk if work == "bulk" else Plain
    return Server(address_for(kind), handler)


def cpu_seconds():
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def shutdown_seconds(server):
    started = time.perf_counter()
    server.shutdown()
    return time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.servers")
    parser.add_argument("name")
    parser.add_argument("work", choices=WORK)
    options = parser.parse_args()
    server = make(options.name, options.work)
    address = server.server_address
    print(address if isinstance(address, str) else "{}:{}".format(*address), flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # Not sys.stdin: its lock would be held in each forked child.
    while command := os.read(0, 64).decode().strip():
        answer = cpu_seconds() if command == "cpu" else shutdown_seconds(server)
        print(answer, flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
