"""The harbour after chapter 05: a private door, with a path for an address.

Start it in a terminal, in the folder where this file is:

    python harbour.py door --path harbour.sock

Visit it from a second terminal, in the same folder. With nc, type GET / HTTP/1.0 and Enter twice:

    ls -l harbour.sock
    curl --unix-socket harbour.sock http://harbour/
    nc -U harbour.sock

With --mode 666 every user of this computer may come in. Ctrl-C closes the harbour.
"""

import argparse
import errno
import logging
import os
import socket
import sys
import threading
import time
from pathlib import Path

import myserver

# Windows has no Unix sockets. There the class below is never used: main() says why.
UnixStreamServer = getattr(myserver, "UnixStreamServer", myserver.TCPServer)


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
            probe.settimeout(1)  # a server may be too busy to let us in
            if probe.connect_ex(str(path)) == errno.ECONNREFUSED:
                path.unlink()


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
}
NEEDS = {"door": "UnixStreamServer"}


def main():
    parser = argparse.ArgumentParser(description="A small server, on classes of my own.")
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s, for us alone")
    parser.add_argument("--port", type=int, default=8080, help="default: %(default)s; 0: any")
    parser.add_argument("--path", default="harbour.sock", help="the door's; default: %(default)s")
    parser.add_argument("--mode", default="600", help="who may use the door; default: %(default)s")
    parser.add_argument("--seconds", type=float, help="close after so many seconds")
    options = parser.parse_args()
    needed = NEEDS.get(options.service)
    if needed and not hasattr(myserver, needed):
        parser.error(f"there's no {options.service} here: this operating system has no {needed}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    server_class, handler = SERVICES[options.service]
    Door.mode = int(options.mode, 8)
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
