"""The harbour after chapter 03: a page in the browser.

Start it in a terminal, in the folder where this file is:

    python harbour.py page --port 8080

Visit it with a browser, and from a second terminal:

    http://127.0.0.1:8080/
    curl -i http://127.0.0.1:8080/

The echo of the earlier chapters is still there, in place of the page. Ctrl-C closes the harbour.
"""

import argparse
import errno
import logging
import os
import sys
import threading
import time

import myserver


class Harbour(myserver.ThreadingMixIn, myserver.TCPServer):
    """Serves each visitor in a thread."""

    allow_reuse_address = os.name == "posix"  # Windows would let two servers share the port
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Log one line for a visitor who was cut off, and all we know about any other error."""
        if isinstance(sys.exception(), OSError):
            logging.warning("%s:%d was lost: %s", *client_address, sys.exception())
        else:
            logging.exception("%s:%d met a bug", *client_address)


class Echo(myserver.BaseRequestHandler):
    """Send back what comes, until the visitor has finished."""

    def handle(self):
        while data := self.request.recv(1024):
            logging.info("%s:%d says %r", *self.client_address, data)
            self.request.sendall(data)
        logging.info("%s:%d has left", *self.client_address)


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
        logging.info("%s:%d asks %r: %s", *self.client_address, request, status)


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


SERVICES = {"echo": (Harbour, Echo), "page": (Harbour, Page)}


def main():
    parser = argparse.ArgumentParser(description="A small server, on classes of my own.")
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s, for us alone")
    parser.add_argument("--port", type=int, default=8080, help="default: %(default)s; 0: any")
    parser.add_argument("--seconds", type=float, help="close after so many seconds")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    server_class, handler = SERVICES[options.service]
    try:
        server = server_class((options.host, options.port), handler)
    except (OSError, OverflowError) as error:
        sys.exit(why_closed(options, error))
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
    host, port = server.server_address
    return f"http://{host}:{port}/" if service == "page" else f"{service} at {host}:{port}"


def why_closed(options, error):
    if getattr(error, "errno", None) == errno.EADDRINUSE:
        return f"Port {options.port} is taken. Try another one, or any that is free: --port 0"
    return f"The harbour can't open port {options.port} on {options.host}: {error}"


def close_later(server, seconds):
    """Stop the loop from another thread, as shutdown() wants it."""
    timer = threading.Timer(seconds, server.shutdown)
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    main()
