"""Others' programs on our planks: loading them anew, and running CPython's suites."""

import http
import http.server
import socketserver
import sys

import pytest

import minisocketserver
from socketlab import assemble, running
from socketlab.ship import suites
from socketlab.ship.planks import PLANKS
from socketlab.ship.suites import SUITES, Outcome, Trials, is_shipped, on_board, run, sea_trials

needs_docxmlrpc = pytest.mark.skipif(
    not is_shipped("test_docxmlrpc"), reason="this Python ships no test.test_docxmlrpc"
)


@pytest.fixture
def ship():
    return assemble(TCPServer=minisocketserver.TCPServer)


def test_a_module_on_board_stands_on_the_ship(ship):
    (loaded,) = on_board(ship, "http.server")
    assert issubclass(loaded.HTTPServer, minisocketserver.TCPServer)
    assert issubclass(loaded.ThreadingHTTPServer, ship.ThreadingMixIn)
    assert issubclass(loaded.BaseHTTPRequestHandler, ship.StreamRequestHandler)


def test_modules_on_board_see_each_other(ship):
    first, second = on_board(ship, "http.server", "xmlrpc.server")
    assert issubclass(second.SimpleXMLRPCRequestHandler, first.BaseHTTPRequestHandler)


def test_the_program_s_own_modules_stay_as_they_were(ship):
    before = dict(sys.modules)
    on_board(ship, "http.server", "wsgiref.simple_server")
    assert sys.modules["socketserver"] is socketserver
    assert sys.modules["http.server"] is http.server is before["http.server"]
    assert issubclass(http.server.HTTPServer, socketserver.TCPServer)
    assert sys.modules.get("wsgiref.simple_server") is before.get("wsgiref.simple_server")


def test_an_unknown_module_is_named_and_nothing_is_left(ship):
    with pytest.raises(ModuleNotFoundError, match=r"http\.nowhere"):
        on_board(ship, "http.server", "http.nowhere")
    assert sys.modules["socketserver"] is socketserver
    assert sys.modules["http.server"] is http.server
    assert "http.nowhere" not in sys.modules


@pytest.mark.usefixtures("nothing_left")
def test_a_server_on_board_serves(ship):
    (loaded,) = on_board(ship, "http.server")

    class Handler(loaded.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    with running(loaded.HTTPServer(("127.0.0.1", 0), Handler)) as server:
        client = http.client.HTTPConnection(*server.server_address, timeout=5)
        client.request("GET", "/")
        assert client.getresponse().status == 204
        client.close()


@needs_docxmlrpc
def test_a_suite_that_passes():
    trials = sea_trials(suites=["test_docxmlrpc"])
    assert trials.passed
    assert repr(trials).splitlines() == ["█" * 20 + " 1 of 1", "test_docxmlrpc       passed"]
    assert "passed</td>" in trials._repr_html_()


def planks_of(**more):
    return {name: getattr(minisocketserver, name) for name in PLANKS} | more


@needs_docxmlrpc
def test_a_ship_s_own_planks_are_judged():
    """A class of this function, which no other process could import, sails all the same."""
    made = []

    class TCPServer(minisocketserver.TCPServer):
        def server_activate(self):
            made.append(self.socket.getsockname())
            super().server_activate()

    assert (
        run("test_docxmlrpc", ship=assemble(**planks_of(TCPServer=TCPServer))).verdict == "passed"
    )
    assert made == []  # they are copies


@needs_docxmlrpc
def test_a_broken_plank_is_noticed():
    class StreamRequestHandler(minisocketserver.StreamRequestHandler):
        def setup(self):
            raise ZeroDivisionError

    ship = assemble(**planks_of(StreamRequestHandler=StreamRequestHandler))
    trials = sea_trials(ship, ["test_docxmlrpc"], deadline=30)
    assert not trials.passed
    assert trials.rows() == [("test_docxmlrpc", "failed")]
    assert "ZeroDivisionError" in trials.outcomes[0].output


@needs_docxmlrpc
def test_a_suite_that_hangs_has_failed():
    outcome = run("test_docxmlrpc", deadline=0.01)
    assert (outcome.verdict, outcome.output) == ("failed", "Not done after 0.01 seconds.")


@pytest.mark.skipif(not is_shipped("test_logging"), reason="this Python ships no test.test_logging")
def test_a_suite_that_hangs_says_where():
    """It is cut off in the middle: it takes twenty seconds."""
    told = run("test_logging", deadline=5).output
    assert told.startswith("Not done after 5 seconds.") and "most recent call first" in told


def test_a_suite_that_made_none_of_our_servers_has_not_judged_them():
    assert Outcome("test_x", tests=3).verdict == "passed, but not on our servers"
    assert Outcome("test_x", tests=3, servers=1).verdict == "passed"


def test_halfway():
    trials = Trials(("test_a", "test_b"))
    trials.outcomes.append(Outcome("test_a", tests=3, servers=1))
    assert repr(trials).splitlines() == [
        "█" * 10 + "░" * 10 + " 1 of 2",
        "test_a               passed",
        "test_b               …",
    ]
    assert not trials.passed
    assert '<progress value="1" max="2">' in trials._repr_html_()


def test_a_python_without_its_tests_gets_a_sentence(monkeypatch, capsys):
    monkeypatch.setattr(suites, "is_shipped", lambda suite: False)
    assert sea_trials().suites == ()
    assert "comes without its own tests" in capsys.readouterr().out


def test_an_unknown_suite_is_not_shipped():
    assert not is_shipped("test_of_nothing")
    assert "test_socketserver" in SUITES
