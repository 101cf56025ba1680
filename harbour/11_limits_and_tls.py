r"""The harbour after chapter 11: limits, TLS, and an end without losses.

Start it in a terminal, in the folder where this file is. The first line makes a certificate:

    openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 30 \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1
    python harbour.py site --port 8443 --certificate cert.pem --key key.pem

Visit it with a browser, which will warn you of a certificate that no authority has signed, and
from a second terminal:

    https://localhost:8443/
    curl -i --cacert cert.pem https://localhost:8443/

The beacon, the door, the chat and the worker are still there. Ctrl-C or kill closes the harbour:
it takes in those who wait already, and all of them have --grace seconds to finish.
"""

import argparse
import errno
import http.server
import logging
import math
import os
import queue
import signal
import socket
import ssl
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import myserver

# Windows has neither of the two. There the classes below are never used: main() says why.
UnixStreamServer = getattr(myserver, "UnixStreamServer", myserver.TCPServer)
ForkingMixIn = getattr(myserver, "ForkingMixIn", myserver.ThreadingMixIn)


class OrderMixIn:
    """Limits the visitors, and lets them finish at the end; logs what goes wrong."""

    most = 100

    def __init__(self, *arguments):
        self.visits = set()
        self.changed = threading.Condition()
        super().__init__(*arguments)

    def verify_request(self, request, client_address):
        if len(self.visits) >= self.most:
            logging.warning("%s is turned away: the harbour is full", name(client_address))
            return False
        return super().verify_request(request, client_address)

    def process_request(self, request, client_address):
        with self.changed:
            self.visits.add(request)
        super().process_request(request, client_address)

    def close_request(self, request):
        super().close_request(request)
        with self.changed:
            self.visits.discard(request)
            self.changed.notify_all()

    def drain(self, seconds):
        """Take in those who wait already, give all of them time, and cut off who needs longer."""
        self.timeout = 0  # what handle_request() waits for a visitor
        for _ in range(self.request_queue_size + 1):
            self.handle_request()
        self.server_close()
        with self.changed:
            self.changed.wait_for(lambda: not self.visits, seconds)
            for request in self.visits:
                with suppress(OSError):  # the visitor may have gone first
                    socket.socket.shutdown(request, socket.SHUT_RDWR)
            return len(self.visits)

    def handle_error(self, request, client_address):
        """Log one line for a visitor who was cut off, and all we know about any other error."""
        if isinstance(sys.exception(), OSError):
            logging.warning("%s was lost: %s", name(client_address), sys.exception())
        else:
            logging.exception("%s met a bug", name(client_address))


def name(client_address):
    return "{}:{}".format(*client_address) if client_address else "a visitor at the door"


class Harbour(OrderMixIn, myserver.ThreadingMixIn, myserver.TCPServer):
    """Serves each visitor in a thread."""

    allow_reuse_address = os.name == "posix"  # Windows would let two servers share the port
    daemon_threads = True
    patience = 300.0
    tls = None

    def get_request(self):
        request, client_address = super().get_request()
        request.settimeout(self.patience)
        if self.tls:
            request = self.tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
        return request, client_address

    def finish_request(self, request, client_address):
        if self.tls:
            request.do_handshake()  # here, in the visitor's own thread, and never in the loop
        super().finish_request(request, client_address)


class Beacon(OrderMixIn, myserver.UDPServer):
    """Answers one datagram after the other: an answer takes no time worth a thread."""


class Door(OrderMixIn, myserver.ThreadingMixIn, UnixStreamServer):
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


class Worker(OrderMixIn, ForkingMixIn, myserver.TCPServer):
    """Serves each visitor in a process, and no more at once than there are processors."""

    allow_reuse_address = True
    max_children = os.cpu_count() or 1
    block_on_close = False

    def drain(self, seconds):
        deadline = time.monotonic() + seconds
        super().drain(0)
        while self.active_children and time.monotonic() < deadline:
            time.sleep(0.05)
            self.collect_children()
        for child in self.active_children or ():
            os.kill(child, signal.SIGKILL)
        return len(self.active_children or ())


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

    def drain(self, seconds):
        self.say(f"* the harbour closes in {seconds:g} seconds")
        return super().drain(seconds)

    def say(self, text, speaker=None):
        with self.lock:
            for guest in self.guests - {speaker}:
                guest.hear(text)
            logging.info("%s", text)  # here, so that the log has the same order as the chat


class Site(http.server.SimpleHTTPRequestHandler):
    """Send the files in a folder; all we change is the log."""

    def log_message(self, text, *arguments):
        logging.info(f"%s: {text}", name(self.client_address), *arguments)


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
            self.hear(f"You've said nothing for {self.server.patience:g} seconds. Goodbye.")
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


SERVICES = {
    "beacon": (Beacon, Flash),
    "door": (Door, Site),
    "chat": (Room, Guest),
    "worker": (Worker, Count),
    "site": (Harbour, Site),
}
NEEDS = {"door": "UnixStreamServer", "worker": "ForkingMixIn"}


def main():
    parser = argparse.ArgumentParser(description="A small server, on classes of my own.")
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s, for us alone")
    parser.add_argument("--port", type=int, default=8080, help="default: %(default)s; 0: any")
    parser.add_argument("--path", default="harbour.sock", help="the door's; default: %(default)s")
    parser.add_argument("--mode", default="600", help="who may use the door; default: %(default)s")
    parser.add_argument("--folder", default="site", help="the site's; default: %(default)s")
    parser.add_argument("--patience", type=float, default=300, help="seconds of silence allowed")
    parser.add_argument("--most", type=int, default=100, help="visitors at once")
    parser.add_argument("--grace", type=float, default=5, help="seconds to finish in at the end")
    parser.add_argument("--certificate", help="a file, for TLS; the site has it, nothing else")
    parser.add_argument("--key", help="the certificate's private key, if that's another file")
    options = parser.parse_args()
    needed = NEEDS.get(options.service)
    if needed and not hasattr(myserver, needed):
        parser.error(f"there's no {options.service} here: this operating system has no {needed}")
    if options.certificate and options.service != "site":
        parser.error(f"only the site has TLS, and the {options.service} hasn't")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    server_class, handler = SERVICES[options.service]
    Door.mode = int(options.mode, 8)
    if handler is Site:
        Path(options.folder).mkdir(exist_ok=True)
        handler = partial(Site, directory=options.folder)
    address = options.path if options.service == "door" else (options.host, options.port)
    try:
        if options.certificate:
            Harbour.tls = tls_context(options.certificate, options.key)
        server = server_class(address, handler)
    except (OSError, OverflowError) as error:
        sys.exit(why_closed(address, error))
    server.most, server.patience = options.most, options.patience
    with server:
        end_on_signals(server)
        print(f"The harbour is open: {place(options.service, server)}", flush=True)
        server.serve_forever()
        logging.info("closing: visitors have %g seconds to finish", options.grace)
        late = server.drain(options.grace)
    print(f"The harbour is closed. Visitors cut off: {late}")


def end_on_signals(server):
    """Stop the loop on Ctrl-C and on kill, from another thread, as shutdown() wants it."""

    def end(*_):
        threading.Thread(target=server.shutdown, daemon=True).start()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)


def place(service, server):
    if service == "door":
        return f"door at {server.server_address}"
    host, port = server.server_address
    if service != "site":
        return f"{service} at {host}:{port}"
    return f"{'https' if server.tls else 'http'}://{host}:{port}/"


def tls_context(certificate, key):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


def why_closed(address, error):
    if getattr(error, "errno", None) != errno.EADDRINUSE:
        return f"The harbour can't open at {address}: {error}"
    if isinstance(address, str):
        return f"{address} is taken, by another server or another file. Try another --path."
    return f"Port {address[1]} is taken. Try another one, or any that is free: --port 0"


if __name__ == "__main__":
    main()
