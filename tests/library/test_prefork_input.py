"""Pre-forked workers start also while another thread of the program waits for input."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="Needs os.fork.")

PROGRAM = """
import socket, sys, threading
from minisocketserver import BaseRequestHandler, TCPServer
from minisocketserver.beyond import PreForkMixIn

class Server(PreForkMixIn, TCPServer):
    processes = 1
    graceful_timeout = 1.0

class Handler(BaseRequestHandler):
    def handle(self):
        self.request.sendall(self.request.recv(64))

def serve_and_ask():
    threading.Thread(target=server.serve_forever).start()
    with socket.create_connection(server.server_address, timeout=3) as client:
        client.sendall(b"hello")
        try:
            print(client.recv(64).decode(), flush=True)
        except OSError as error:
            print(error, flush=True)

with Server(("127.0.0.1", 0), Handler) as server:
    threading.Timer(0.3, serve_and_ask).start()
    sys.stdin.readline()
    server.shutdown()
"""


def test_a_program_that_waits_for_input():
    """Press Enter to stop: the main thread reads stdin while the workers are forked."""
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as program:
        try:
            answer = program.stdout.readline()
            program.communicate("\n", timeout=10)
        finally:
            program.kill()
    assert answer == "hello\n"
    assert program.returncode == 0
