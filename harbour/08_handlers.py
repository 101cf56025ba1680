"""The harbour after chapter 08: the chat gets a protocol of lines, and loses its patience.

Start it in a terminal, in the folder where this file is:

    python harbour.py chat --port 8080 --patience 30

Visit it from two more terminals. Try /who and /quit; then say nothing for half a minute:

    nc 127.0.0.1 8080
    curl telnet://127.0.0.1:8080

The echo, the page, the beacon, the door and the worker are still there. Ctrl-C closes the harbour.
"""

import argparse
import errno
import logging
import math
import os
import queue
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import myserver

# Windows has neither of the two. There the classes below are never used: main() says why.
UnixStreamServer = getattr(myserver, "UnixStreamServer", myserver.TCPServer)
ForkingMixIn = getattr(myserver, "ForkingMixIn", myserver.ThreadingMixIn)


class ErrorsMixIn:
    """Logs one line for a visitor who was cut off, and all we know about any other error."""

    def handle_error(self, request, client_address):
        if isinstance(sys.exception(), OSError):
            logging.warning("%s was lost: %s", name(client_address), sys.exception())
        else:
            logging.exception("%s met a bug", name(client_address))


def name(client_address):
    return "{}:{}".format(*client_address) if client_address else "a visitor at the door"


class Harbour(ErrorsMixIn, myserver.ThreadingMixIn, myserver.TCPServer):
    """Serves each visitor in a thread."""

    allow_reuse_address = os.name == "posix"  # Windows would let two servers share the port
    daemon_threads = True


class Beacon(ErrorsMixIn, myserver.UDPServer):
    """Answers one datagram after the other: an answer takes no time worth a thread."""


class Door(ErrorsMixIn, myserver.ThreadingMixIn, UnixStreamServer):
    """Listens at a path; the file's permissions say who may come in."""

    daemon_threads = True
    mode = 0o600
    is_bound = False

    def server_bind(self):
        remove_leftover(Path(self.server_address))
        before = os.umask(0o777 & ~self.mode)  # chmod would come a moment too late
        try:
            super().server_bind()
        finally:
            os.umask(before)
        self.is_bound = True

    def server_close(self):
        super().server_close()
        if self.is_bound:
            self.is_bound = False
            Path(self.server_address).unlink(missing_ok=True)


def remove_leftover(path):
    """Remove the file of a server that is gone."""
    if path.is_socket():
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)) == errno.ECONNREFUSED:
                path.unlink()


class Worker(ErrorsMixIn, ForkingMixIn, myserver.TCPServer):
    """Serves each visitor in a process, and no more at once than there are processors."""

    allow_reuse_address = True
    max_children = os.cpu_count() or 1


class Room(Harbour):
    """Knows its guests, and brings what one of them says to all the others."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.lock = threading.Lock()
        self.guests = set()

    def enter(self, guest):
        with self.lock:
            self.guests.add(guest)
        self.say(f"* {guest.name} has come", guest)

    def leave(self, guest):
        with self.lock:
            self.guests.discard(guest)
        self.say(f"* {guest.name} has left", guest)

    def names(self):
        with self.lock:
            return sorted(guest.name for guest in self.guests)

    def say(self, text, speaker):
        with self.lock:
            for guest in self.guests - {speaker}:
                guest.hear(text)
            logging.info("%s", text)  # here, so that the log has the same order as the chat


class Echo(myserver.BaseRequestHandler):
    """Send back what comes, until the visitor has finished."""

    def handle(self):
        while data := self.request.recv(1024):
            logging.info("%s says %r", name(self.client_address), data)
            self.request.sendall(data)
        logging.info("%s has left", name(self.client_address))


class Page(myserver.StreamRequestHandler):
    """Show a browser whose planks this harbour is made of."""

    timeout = 10  # browsers also connect in advance, and then say nothing

    def handle(self):
        request = self.rfile.readline(8192).decode("latin-1").strip()
        if not request:
            return
        for _ in range(100):  # the headers, which end with an empty line
            if self.rfile.readline(8192).strip() == b"":
                break
        status = "200 OK" if request.startswith("GET / ") else "404 Not Found"
        body = board(status).encode()
        head = (
            f"HTTP/1.0 {status}\r\n"
            "Content-Type: text/html; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self.wfile.write(head.encode() + body)
        logging.info("%s asks %r: %s", name(self.client_address), request, status)


class Guest(myserver.StreamRequestHandler):
    """Take part in the chat: read a name, then line after line."""

    longest = 1000

    def setup(self):
        super().setup()
        self.unheard = queue.Queue(100)
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()

    def handle(self):
        self.hear("Your name, please:")
        self.name = text_of(self.rfile.readline(80)) or "someone"
        self.server.enter(self)
        try:
            self.hear(self.talk())
        except TimeoutError:
            self.hear(f"You've said nothing for {self.timeout:g} seconds. Goodbye.")
        finally:
            self.server.leave(self)

    def talk(self):
        """Obey a guest's lines until the last one; return the words for the goodbye."""
        while line := self.rfile.readline(self.longest + 1):
            if len(line) > self.longest:
                return f"That's more than {self.longest} bytes in one line. Goodbye."
            match text_of(line):
                case "":
                    pass
                case "/quit":
                    return "Goodbye."
                case "/who":
                    self.hear("Here: " + ", ".join(self.server.names()))
                case text if text.startswith("/"):
                    self.hear("I know /who and /quit.")
                case text:
                    self.server.say(f"{self.name}: {text}", self)
        return "Goodbye."

    def hear(self, text):
        with suppress(queue.Full):  # a guest who doesn't read misses lines, but delays no one
            self.unheard.put_nowait(text)

    def listen(self):
        """Send what there is to hear, in a thread that may wait for this one guest."""
        with suppress(OSError, ValueError):  # the guest has left
            while text := self.unheard.get():
                self.wfile.write(f"{text}\n".encode())

    def finish(self):
        self.hear("")
        self.listener.join(1)  # so that the goodbye arrives, if this guest reads at all
        super().finish()


def text_of(line):
    """Decode a line, without what could play tricks on another guest's terminal."""
    return "".join(filter(str.isprintable, line.decode(errors="replace"))).strip()


class Count(myserver.StreamRequestHandler):
    """Count the primes below a number, the slow way: that keeps a processor busy."""

    timeout = 10  # a silent visitor holds a process for so long

    def handle(self):
        text = text_of(self.rfile.readline(80))
        if not text.isdecimal() or int(text) > 2_000_000:
            self.wfile.write(b"A number up to 2000000, please.\n")
            return
        numbers, began = range(2, int(text)), time.perf_counter()
        found = sum(all(n % d for d in range(2, math.isqrt(n) + 1)) for n in numbers)
        seconds = time.perf_counter() - began
        answer = f"{found} primes below {text}, found by process {os.getpid()} in {seconds:.1f} s"
        self.wfile.write(f"{answer}\n".encode())
        logging.info("%s gets: %s", name(self.client_address), answer)


class Flash(myserver.BaseRequestHandler):
    """Answer a datagram with the time."""

    def handle(self):
        data, sock = self.request
        # Short: the sender's address may be forged, and then a stranger gets the answer.
        sock.sendto(time.strftime("%H:%M:%S\n").encode(), self.client_address)
        logging.info("%s sends %r", name(self.client_address), data)


def board(status):
    """Return the page: each plank, and whose it is."""
    if not status.startswith("200"):
        return f"<!doctype html><title>{status}</title><p>{status}: there's only one page here."
    rows = "".join(f"<tr><td>{name}<td>{whose(name)}\n" for name in myserver.__all__)
    return (
        "<!doctype html><title>The harbour</title>\n"
        f"<h1>The harbour</h1><p>Open, and it's {time.strftime('%H:%M:%S')}.\n"
        f"<table>{rows}</table>\n"
    )


def whose(name):
    is_mine = getattr(myserver, name).__module__.startswith("myserver")
    return "mine" if is_mine else "on loan"


SERVICES = {
    "echo": (Harbour, Echo),
    "page": (Harbour, Page),
    "beacon": (Beacon, Flash),
    "door": (Door, Page),
    "chat": (Room, Guest),
    "worker": (Worker, Count),
}
NEEDS = {"door": "UnixStreamServer", "worker": "ForkingMixIn"}


def main():
    parser = argparse.ArgumentParser(description="A small server, on classes of my own.")
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s, for us alone")
    parser.add_argument("--port", type=int, default=8080, help="default: %(default)s; 0: any")
    parser.add_argument("--path", default="harbour.sock", help="the door's; default: %(default)s")
    parser.add_argument("--mode", default="600", help="who may use the door; default: %(default)s")
    parser.add_argument("--patience", type=float, default=300, help="seconds a guest may be silent")
    parser.add_argument("--seconds", type=float, help="close after so many seconds")
    options = parser.parse_args()
    needed = NEEDS.get(options.service)
    if needed and not hasattr(myserver, needed):
        parser.error(f"there's no {options.service} here: this operating system has no {needed}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    server_class, handler = SERVICES[options.service]
    Door.mode, Guest.timeout = int(options.mode, 8), options.patience
    address = options.path if options.service == "door" else (options.host, options.port)
    try:
        server = server_class(address, handler)
    except (OSError, OverflowError) as error:
        sys.exit(why_closed(address, error))
    try:
        with server:
            print(f"The harbour is open: {place(options.service, server)}", flush=True)
            if options.seconds is not None:
                close_later(server, options.seconds)
            server.serve_forever()
    except KeyboardInterrupt:
        print()  # the terminal has written ^C on this line
    print("The harbour is closed.")


def place(service, server):
    if service == "door":
        return f"door at {server.server_address}"
    host, port = server.server_address
    return f"http://{host}:{port}/" if service == "page" else f"{service} at {host}:{port}"


def why_closed(address, error):
    if getattr(error, "errno", None) != errno.EADDRINUSE:
        return f"The harbour can't open at {address}: {error}"
    if isinstance(address, str):
        return f"{address} is taken, by another server or another file. Try another --path."
    return f"Port {address[1]} is taken. Try another one, or any that is free: --port 0"


def close_later(server, seconds):
    """Stop the loop from another thread, as shutdown() wants it."""
    timer = threading.Timer(seconds, server.shutdown)
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    main()
