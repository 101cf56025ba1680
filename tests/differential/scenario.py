"""Plays a list of actions on a `socketserver` module and returns what could be observed.

Where the two modules differ on purpose nothing is generated: `shutdown` without a loop (theirs
waits for ever), time taken by `shutdown`, how often `service_actions` runs, a full descriptor
table, `max_children`, datagram hooks of ours, `always_reply`.
"""

import io
import socket
import struct
import threading
from contextlib import redirect_stderr

DEADLINE = 5.0
HOOKS = (
    "verify_request",
    "process_request",
    "finish_request",
    "shutdown_request",
    "close_request",
    "handle_error",
    "handle_timeout",
    "server_bind",
    "server_activate",
    "server_close",
)


class Failure(Exception):
    """What a handler raises when it is told to."""


def recorded(server_class, events):
    """Return a subclass that notes each hook when it is called, and turns away what asks it."""

    def noting(name):
        def hook(self, *args):
            events.append((name, len(args)))
            result = getattr(super(Recorded, self), name)(*args)
            return result if name != "verify_request" else not self.reject

        return hook

    Recorded = type(
        "Recorded",
        (server_class,),
        {"reject": False, "max_packet_size": 64, **{name: noting(name) for name in HOOKS}},
    )
    return Recorded


def handler(base, events):
    class Handler(base):
        def setup(self):
            events.append("setup")
            super().setup()

        def handle(self):
            line = self.rfile.readline()
            events.append(("handle", line))
            if line.startswith(b"raise"):
                raise Failure
            if line.startswith(b"exit"):
                raise SystemExit(3)
            self.wfile.write(line.upper())

        def finish(self):
            events.append("finish")
            super().finish()

    return Handler


class Play:
    """One server and its client; each method is an action, `events` what was observed."""

    def __init__(self, module, kind, prepare=lambda server_class: server_class):
        self.events = []
        self.seen = []  # by the client, whose order among the server's events is left to chance
        self.datagrams = kind == "UDPServer"
        base = module.DatagramRequestHandler if self.datagrams else module.StreamRequestHandler
        server_class = prepare(recorded(getattr(module, kind), self.events))
        self.server = server_class(("127.0.0.1", 0), handler(base, self.events))

    def run(self, actions):
        errors = io.StringIO()
        with redirect_stderr(errors):
            for name, *args in actions:
                self.events.append(name)
                try:
                    getattr(self, name)(*args)
                except (Exception, SystemExit) as error:
                    self.events.append(type(error).__name__)
            self.server.server_close()
            self.server.server_close()
        self.events.append(("reports", errors.getvalue().count("Exception occurred")))
        self.events.append(("listening", self.server.fileno() != -1))
        return self.events, self.seen

    def connect(self):
        kind = socket.SOCK_DGRAM if self.datagrams else socket.SOCK_STREAM
        client = socket.socket(socket.AF_INET, kind)
        client.settimeout(DEADLINE)
        client.connect(self.server.server_address)
        return client

    def reply(self, client):
        try:
            return client.recv(65536)
        except OSError as error:
            return type(error).__name__

    def exchange(self, data, serve):
        """Send, half-close, let `serve` work, read the answer to its end."""
        with self.connect() as client:
            client.sendall(data)
            if self.datagrams:
                client.settimeout(0 if self.server.reject else DEADLINE)
            else:
                client.shutdown(socket.SHUT_WR)
            try:
                serve()
            finally:
                if self.datagrams and data.startswith((b"raise", b"exit")):
                    client.settimeout(0.5)  # finish() answers all the same
                self.seen.append(("reply", self.reply(client)))
                if not self.datagrams:
                    self.seen.append(("end", self.reply(client)))

    def one(self, data):
        self.server.timeout = DEADLINE
        self.exchange(data, self.server.handle_request)

    def rejected(self, data):
        self.server.reject = True
        try:
            self.one(data)
        finally:
            self.server.reject = False

    def reset(self):
        """Leave with a reset before the server has accepted."""
        self.server.timeout = DEADLINE
        with self.connect() as client:
            client.sendall(b"bye\n")
            if not self.datagrams:
                linger = struct.pack("ii", 1, 0)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.server.handle_request()

    def nobody(self, timeout):
        self.server.timeout = timeout
        self.server.handle_request()

    def forever(self, messages):
        """Serve from a thread, exchange each message, shut down."""
        idle = threading.Event()
        thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.server.service_actions = idle.set  # the round is over: its events are all noted
        thread.start()
        assert idle.wait(DEADLINE)
        try:
            for data in messages:
                self.exchange(data, lambda: None)
                self.settle()
        finally:
            self.server.shutdown()
            thread.join(DEADLINE)
            del self.server.service_actions
        self.events.append(("loop ended", not thread.is_alive()))

    def settle(self):
        """Wait until the loop has gone round twice: what it was doing is done."""
        for _ in range(2):
            turned = threading.Event()
            self.server.service_actions = turned.set
            assert turned.wait(DEADLINE)
