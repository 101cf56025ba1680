"""The harbour after chapter 02: it starts and stops cleanly, on BaseServer's loop.

Start it in a terminal, in the folder where this file is:

    python harbour.py echo --port 8080 --seconds 60

Visit it from a second terminal, and type a line or two. Where there's no nc, curl can do it:

    nc 127.0.0.1 8080
    curl telnet://127.0.0.1:8080

Ctrl-C closes the harbour; with --seconds it closes by itself.
"""

import argparse
import errno
import logging
import socket
import sys
import threading

import myserver


class Harbour(myserver.ThreadingMixIn, myserver.BaseServer):
    """Accepts connections; the mix-in, on loan until chapter 06, gives each visitor a thread."""

    daemon_threads = True

    def __init__(self, address, handler):
        super().__init__(address, handler)
        self.socket = socket.create_server(address)
        self.server_address = self.socket.getsockname()

    def fileno(self):
        return self.socket.fileno()

    def get_request(self):
        return self.socket.accept()

    def handle_error(self, request, client_address):
        """Log one line for a visitor who was cut off, and all we know about any other error."""
        if isinstance(sys.exception(), OSError):
            logging.warning("%s:%d was lost: %s", *client_address, sys.exception())
        else:
            logging.exception("%s:%d met a bug", *client_address)

    def close_request(self, request):
        request.close()

    def server_close(self):
        self.socket.close()


def echo(connection, address, server):
    """Send back what comes, until the visitor has finished."""
    while data := connection.recv(1024):
        logging.info("%s:%d says %r", *address, data)
        connection.sendall(data)
    logging.info("%s:%d has left", *address)


SERVICES = {"echo": (Harbour, echo)}


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
            host, port = server.server_address
            print(f"The harbour is open: {options.service} at {host}:{port}", flush=True)
            if options.seconds is not None:
                close_later(server, options.seconds)
            server.serve_forever()
    except KeyboardInterrupt:
        print()  # the terminal has written ^C on this line
    print("The harbour is closed.")


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
