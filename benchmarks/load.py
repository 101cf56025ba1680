"""A client that costs less than the servers it measures: one process, many clients, epoll (Linux).

    python -m benchmarks.load tcp 127.0.0.1:8000 --clients 100 --seconds 1

Each request is 64 bytes, numbered; the answer must be these bytes, `--times` over. A request over
a stream has a connection of its own, and is answered when the server has ended the connection: more
bytes than expected are noticed too. Over datagrams each client keeps its socket. Prints JSON.
"""

import argparse
import errno
import json
import resource
import select
import socket
import time

# The plain type: socket.socket adds Python code to each call.
new_socket = socket.SocketType
NONBLOCKING = socket.SOCK_NONBLOCK
FAMILIES = {
    "tcp": (socket.AF_INET, socket.SOCK_STREAM),
    "udp": (socket.AF_INET, socket.SOCK_DGRAM),
    "unix": (socket.AF_UNIX, socket.SOCK_STREAM),
    "unix-udp": (socket.AF_UNIX, socket.SOCK_DGRAM),
}
PAUSE = 0.001
"""Seconds until a request is tried again for which the server's queue had no room."""


class NoRoomError(Exception):
    """The server's queue is full. Only Unix sockets say so."""


class Streams:
    """A connection for each request."""

    def __init__(self, family, kind, address, times):
        self.family, self.kind, self.address = family, kind | NONBLOCKING, address
        self.times = times
        self.open = {}
        self.epoll = select.epoll()
        # A short answer is all there when the server has ended the stream: one event, one read.
        self.event = select.EPOLLRDHUP if times * 64 < 4096 else select.EPOLLIN
        self.buffer = bytearray(1 << 18)

    def send(self, message):
        """Connect and send; return the number that the request goes by."""
        sock = new_socket(self.family, self.kind)
        error = sock.connect_ex(self.address)
        if error and error != errno.EINPROGRESS:
            sock.close()
            if error == errno.EAGAIN:
                raise NoRoomError
            raise OSError(error, "connect")
        event = self.event
        try:
            sock.send(message)
        except BlockingIOError:  # not connected yet
            event = select.EPOLLOUT
        number = sock.fileno()
        self.epoll.register(number, event)
        self.open[number] = [sock, message, 0, True]
        return number

    def go_on(self, number, event):
        """Take what came; return None, or, once the answer is complete, whether it was right."""
        request = self.open[number]
        sock, message, _, _ = request
        if event & select.EPOLLOUT:
            sock.send(message)
            self.epoll.modify(number, self.event)
            return None
        if self.event == select.EPOLLRDHUP:
            right = sock.recv(65 * self.times) == message * self.times
        elif (right := self.take(request)) is None:
            return None
        del self.open[number]
        sock.close()
        return right

    def take(self, request):
        """Read one piece of a long answer: each must go on where the one before it ended."""
        sock, message, taken, right = request
        size = sock.recv_into(self.buffer)
        if size:
            begin = taken % 64
            pattern = message[begin:] + message[:begin]
            request[2] = taken + size
            last = (size - 64) % 64
            request[3] = (
                right
                and self.buffer.startswith(pattern[:size])
                and (size < 64 or self.buffer[size - 64 : size] == pattern[last:] + pattern[:last])
            )
            return None
        return right and taken == 64 * self.times

    def drop(self, number):
        self.open.pop(number)[0].close()

    def close(self):
        for number in list(self.open):
            self.drop(number)
        self.epoll.close()


class Datagrams(Streams):
    """A socket for each client; a request that is lost leaves its client silent."""

    def __init__(self, *args):
        super().__init__(*args)
        self.free = []

    def send(self, message):
        sock = self.free.pop() if self.free else self.new_client()
        try:
            sock.send(message)
        except BlockingIOError:
            self.free.append(sock)
            raise NoRoomError from None
        number = sock.fileno()
        self.open[number] = [sock, message]
        return number

    def new_client(self):
        sock = new_socket(self.family, self.kind)
        if self.family == socket.AF_UNIX:
            sock.bind("")  # the system chooses a name: without one there is no answer
        sock.connect(self.address)
        self.epoll.register(sock.fileno(), select.EPOLLIN)
        return sock

    def go_on(self, number, event):
        sock, message = self.open[number]
        right = sock.recv(65 * self.times) == message * self.times
        del self.open[number]
        self.free.append(sock)
        return right

    def close(self):
        super().close()
        for sock in self.free:
            sock.close()


def load(transport, clients, seconds, requests, patience):
    """Keep `clients` requests under way until the time or the requests are up; wait for the rest.

    What is not answered when nothing has come for `patience` seconds is lost.
    """
    clock = time.perf_counter
    sent = wrong = lost = 0
    latencies = []
    begun = {}
    started = last = clock()
    end = started + seconds
    while True:
        wait = patience
        while len(begun) < clients and sent < requests and (now := clock()) < end:
            try:
                number = transport.send(b"%064d" % sent)
            except NoRoomError:
                wait = PAUSE
                break
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.EADDRNOTAVAIL):
                    raise  # ours is the trouble
                sent, lost = sent + 1, lost + 1
                continue
            begun[number] = now
            sent += 1
        if not begun and wait == patience:
            break
        events = transport.epoll.poll(wait)
        for number, event in events:
            try:
                right = transport.go_on(number, event)
            except OSError:
                transport.drop(number)
                del begun[number]
                lost += 1
                continue
            if right is not None:
                last = clock()
                latencies.append(last - begun.pop(number))
                wrong += not right
        if not events and wait == patience:
            break
    return {
        "sent": sent,
        "answered": len(latencies) - wrong,
        "wrong": wrong,
        "lost": lost + len(begun),
        "seconds": last - started,
        **percentiles(latencies),
    }


def percentiles(latencies):
    """Half of the requests took `p50` seconds at the most, 99 of 100 took `p99`."""
    latencies.sort()
    at = {"p50": 0.5, "p99": 0.99}
    return {
        name: latencies[int(share * (len(latencies) - 1))] if latencies else None
        for name, share in at.items()
    }


def parse(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load")
    parser.add_argument("kind", choices=FAMILIES)
    parser.add_argument("address", help="HOST:PORT, or a path")
    parser.add_argument("--clients", type=int, default=1, help="at once")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--requests", type=float, default=float("inf"))
    parser.add_argument("--times", type=int, default=1, help="the answer repeats the request")
    parser.add_argument("--patience", type=float, default=5.0, help="seconds until one is lost")
    options = parser.parse_args(arguments)
    if options.seconds == options.requests == float("inf"):
        parser.error("say how long: --seconds or --requests")
    return options


def main():
    options = parse()
    family, kind = FAMILIES[options.kind]
    address = options.address
    if family == socket.AF_INET:
        host, port = address.split(":")
        address = host, int(port)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    method = Streams if kind == socket.SOCK_STREAM else Datagrams
    transport = method(family, kind, address, options.times)
    cpu = time.process_time()
    try:
        figures = load(
            transport, options.clients, options.seconds, options.requests, options.patience
        )
    finally:
        transport.close()
    print(json.dumps({**figures, "cpu": time.process_time() - cpu}))


if __name__ == "__main__":
    main()
