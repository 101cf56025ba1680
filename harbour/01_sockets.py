"""The harbour after chapter 01: an echo, made of sockets and threads.

Start it in a terminal, in the folder where this file is:

    python harbour.py echo --port 8080

Visit it from a second terminal, and type a line or two. Where there's no nc, curl can do it:

    nc 127.0.0.1 8080
    curl telnet://127.0.0.1:8080

Ctrl-C sends a visitor home, and in the first terminal it closes the harbour.
"""

import argparse
import logging
import socket
import sys
import threading


def echo(connection, address):
    """Send back what comes, until the visitor has finished."""
    with connection:
        while data := connection.recv(1024):
            logging.info("%s:%d says %r", *address, data)
            connection.sendall(data)
    logging.info("%s:%d has left", *address)


def main():
    parser = argparse.ArgumentParser(description="A small server, made by hand.")
    parser.add_argument("service", choices=["echo"])
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s, for us alone")
    parser.add_argument("--port", type=int, default=8080, help="default: %(default)s; 0: any")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        listener = socket.create_server((options.host, options.port))
    except (OSError, OverflowError) as error:
        sys.exit(f"The harbour can't open port {options.port} on {options.host}: {error}")
    try:
        with listener:
            host, port = listener.getsockname()
            print(f"The harbour is open: echo at {host}:{port}", flush=True)
            while True:
                connection, address = listener.accept()
                threading.Thread(target=echo, args=(connection, address), daemon=True).start()
    except KeyboardInterrupt:
        print("\nThe harbour is closed.")


if __name__ == "__main__":
    main()
