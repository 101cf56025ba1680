"""The four lines, and the servers that must not print them."""

import socketserver
import threading
from pathlib import Path

import pytest

import minisocketserver
from socketlab import assemble, threaded_client
from socketlab.notebook.recorder import RelativeNames
from socketlab.ship import example
from socketlab.ship.example import EXPECTED, threaded_server
from socketlab.ship.planks import PLANKS

pytestmark = pytest.mark.usefixtures("nothing_left")
FULL = {name: getattr(minisocketserver, name) for name in PLANKS}
LINES = b"""\
Server loop running in thread: Thread-1
Received: Thread-2: Hello World 1
Received: Thread-3: Hello World 2
Received: Thread-4: Hello World 3
"""


def test_the_expected_lines_are_kept_as_they_are():
    kept = Path(example.__file__).with_name("threaded_client.expected.txt").read_bytes()
    assert kept == LINES == EXPECTED.encode()


@pytest.mark.parametrize(
    "parts",
    [socketserver, minisocketserver, assemble(), assemble(**FULL)],
    ids=["stdlib", "mini", "empty ship", "full ship"],
)
def test_prints_the_four_lines_byte_for_byte(parts, capfdbinary):
    threaded_client(threaded_server(parts))
    assert capfdbinary.readouterr().out == LINES


@pytest.mark.parametrize("plank", PLANKS)
def test_one_plank_of_ours_among_those_on_loan(plank, capsys):
    threaded_client(assemble(**{plank: FULL[plank]}).threaded_server())
    assert capsys.readouterr().out == EXPECTED


def answers(server, capsys):
    threaded_client(server)
    return capsys.readouterr().out


class Tells(minisocketserver.BaseRequestHandler):
    def handle(self):
        name = threading.current_thread().name
        self.request.sendall(f"{name}: {self.request.recv(100).decode()}".encode())


def test_a_sequential_server_shows(capsys):
    out = answers(minisocketserver.TCPServer(("127.0.0.1", 0), Tells), capsys)
    assert out != EXPECTED
    assert out.count("Received: Thread-1: ") == 3


def test_a_server_with_one_worker_thread_shows(capsys):
    class OneWorker(minisocketserver.ThreadingMixIn, minisocketserver.TCPServer):
        def process_request(self, request, client_address):
            target, args = self.process_request_thread, (request, client_address)
            worker = threading.Thread(target=target, args=args, name="the only one")
            worker.start()
            worker.join()

    out = answers(OneWorker(("127.0.0.1", 0), Tells), capsys)
    assert out != EXPECTED
    assert out.count("Received: Thread-2: ") == 3


def test_a_lost_answer_shows(capsys):
    class Silent(minisocketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(100)

    out = answers(minisocketserver.ThreadingTCPServer(("127.0.0.1", 0), Silent), capsys)
    assert out.count("Received: no worker's name in ''") == 3


def test_a_class_in_place_of_a_server_is_told():
    with pytest.raises(TypeError, match=r"make a server of it first, with ThreadingTCPServer\("):
        threaded_client(minisocketserver.ThreadingTCPServer)


def test_workers_are_numbered_as_they_appear():
    rename = RelativeNames("Thread-7 (_serve)")
    seen = ["Thread-12 (work)", "Thread-9", "Thread-12 (work)", "Thread-7 (_serve)", "Process-31"]
    assert [rename(name) for name in seen] == [
        "Thread-2",
        "Thread-3",
        "Thread-2",
        "Thread-1",
        "Process-4",
    ]
