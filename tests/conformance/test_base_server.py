"""BaseServer: the loop, the hooks, and what happens when one of them fails."""

import errno
import gc
import inspect
import selectors
import sys
import threading
import time
import warnings
from unittest.mock import MagicMock

import pytest

from .helpers import (
    DEADLINE,
    MOMENT,
    POLL,
    bell_server,
    counts_descriptors,
    handler,
    in_time,
    note,
    open_descriptors,
    raising,
    serving,
    until,
    watch_selector,
)

HOOKS = (
    "get_request",
    "verify_request",
    "process_request",
    "finish_request",
    "handle_error",
    "shutdown_request",
    "close_request",
)
REQUEST = ("a", "the client")


def names(calls):
    return [name for name, *_ in calls]


# Making one


def test_constructor_keeps_the_address_and_the_handler_class(module):
    """The constructor keeps both arguments under their names, and calls nothing."""
    server = module.BaseServer("the address", raising(AssertionError))
    assert server.server_address == "the address"
    assert isinstance(server.RequestHandlerClass, type(raising))


def test_timeout_is_none(module):
    """By default handle_request waits for ever."""
    assert module.BaseServer.timeout is None


@pytest.mark.parametrize(
    ("hook", "arguments"),
    [
        ("server_activate", 0),
        ("server_close", 0),
        ("service_actions", 0),
        ("handle_timeout", 0),
        ("close_request", 1),
        ("shutdown_request", 1),
    ],
)
def test_hooks_for_subclasses_do_nothing(module, hook, arguments):
    """Hooks that are there to be overridden exist in the base class and do nothing."""
    server = module.BaseServer("the address", None)
    assert getattr(server, hook)(*["x"] * arguments) is None


def test_verify_request_says_yes(module):
    """By default every request is served."""
    assert module.BaseServer("the address", None).verify_request("a", "b") is True


def test_with_gives_the_server(bell):
    """`with server as s` gives the server itself."""
    server = bell()
    with server as entered:
        assert entered is server


def test_with_closes_the_server(bell):
    """The end of a with block closes the server."""
    with bell() as server:
        pass
    assert server.socket.fileno() == -1


def test_with_lets_exceptions_through(bell):
    """The end of a with block does not hide an exception."""
    with pytest.raises(KeyError), bell():
        raise KeyError


# One request


def test_hooks_are_called_in_order(bell):
    """A request passes the hooks in this order, each with the request and the client."""
    calls, server = [], bell()
    note(calls, server, *HOOKS)
    server.ring()
    server.handle_request()
    assert calls == [
        ("get_request",),
        ("verify_request", *REQUEST),
        ("process_request", *REQUEST),
        ("finish_request", *REQUEST),
        ("shutdown_request", "a"),
        ("close_request", "a"),
    ]


def test_finish_request_makes_the_handler(bell):
    """The handler class is called with the request, the client address and the server."""
    made = []
    server = bell(lambda *args: made.append(args))
    assert server.finish_request(*REQUEST) is None
    assert made == [(*REQUEST, server)]


def test_a_handler_class_handles(module, bell):
    """To make a handler is to handle the request."""
    served = []
    server = bell(handler(module, lambda self: served.append(self.request)))
    server.ring()
    server.handle_request()
    assert served == ["a"]


def test_process_request_finishes_then_shuts_down(bell):
    """Without a mix-in, process_request does all the work before it returns."""
    calls, server = [], bell()
    note(calls, server, "finish_request", "shutdown_request")
    server.process_request(*REQUEST)
    assert names(calls) == ["finish_request", "shutdown_request"]


def test_shutdown_request_closes_it(bell):
    """To end a request means, at the least, to close it."""
    calls, server = [], bell()
    note(calls, server, "close_request")
    server.shutdown_request("a")
    assert calls == [("close_request", "a")]


def test_handle_request_handles_exactly_one(bell):
    """Of two waiting requests, handle_request takes the first only."""
    served, server = [], bell(lambda request, *_: served.append(request))
    server.ring("ab")
    server.handle_request()
    assert served == ["a"]


def test_handle_request_noblock_takes_the_waiting_request(bell):
    """The private _handle_request_noblock, which programs call, sees one request through."""
    served, server = [], bell(lambda request, *_: served.append(request))
    server.ring()
    server._handle_request_noblock()
    assert served == ["a"]


def test_both_ways_to_serve_go_through_noblock(bell):
    """An overridden _handle_request_noblock is used by handle_request and serve_forever."""
    calls, server = [], bell()
    note(calls, server, "_handle_request_noblock")
    server.ring()
    server.handle_request()
    with serving(server):
        server.ring()
        until(lambda: len(calls) == 2)


@pytest.mark.parametrize("answer", [False, None, 0])
def test_a_request_turned_away_is_shut_down(bell, answer):
    """A request that verify_request turns away is closed, and no handler is made."""
    calls, server = [], bell()
    server.verify_request = lambda *_: answer
    note(calls, server, *HOOKS)
    server.ring()
    server.handle_request()
    assert names(calls) == ["get_request", "verify_request", "shutdown_request", "close_request"]


def test_any_true_value_lets_the_request_in(bell):
    """verify_request may answer with anything that counts as true."""
    served, server = [], bell(lambda request, *_: served.append(request))
    server.verify_request = lambda *_: "come in"
    server.ring()
    server.handle_request()
    assert served == ["a"]


# Errors


@pytest.mark.parametrize("hook", ["process_request", "finish_request"])
def test_an_exception_is_reported_and_the_request_closed(bell, hook):
    """An exception leads to handle_error first and then to shutdown_request, once each."""
    calls, server = [], bell()
    setattr(server, hook, raising(ValueError("oops")))
    note(calls, server, "handle_error", "shutdown_request", "close_request")
    server.handle_error = lambda *args: calls.append(("handle_error", *args, sys.exc_info()[0]))
    server.ring()
    server.handle_request()
    assert calls == [
        ("handle_error", *REQUEST, ValueError),
        ("shutdown_request", "a"),
        ("close_request", "a"),
    ]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_other_exceptions_pass_but_the_request_is_closed(bell, error):
    """Ctrl-C and the like are not reported but raised, once the request is closed."""
    calls, server = [], bell(raising(error))
    note(calls, server, "handle_error", "shutdown_request")
    server.ring()
    with pytest.raises(error):
        server.handle_request()
    assert calls == [("shutdown_request", "a")]


def test_a_request_that_went_away_is_forgotten(bell):
    """An OSError from get_request means that the client is gone: nothing else happens."""
    calls, server = [], bell()
    server.get_request = raising(OSError)
    note(calls, server, *HOOKS)
    server.ring()
    assert server.handle_request() is None
    assert names(calls) == ["get_request"]


def test_other_errors_of_get_request_are_raised(bell):
    """An error in get_request that is no OSError is a mistake, and is shown."""
    server = bell()
    server.get_request = raising(ValueError)
    server.ring()
    with pytest.raises(ValueError):
        server.handle_request()


def test_the_loop_survives_a_failing_handler(bell):
    """After a handler has raised, the next request is served."""
    served = []

    def handle(request, *_):
        served.append(request)
        raise ValueError

    server = bell(handle)
    server.handle_error = lambda *_: None
    with serving(server):
        server.ring("ab")
        until(lambda: served == ["a", "b"])


def report(server, capsys):
    try:
        raise ValueError("the reason")
    except ValueError:
        server.handle_error("the request", ("10.1.2.3", 4567))
    return capsys.readouterr()


def test_handle_error_prints_the_traceback(module, capsys):
    """handle_error prints the traceback to stderr, the reason included."""
    err = report(module.BaseServer(None, None), capsys).err
    assert "Traceback (most recent call last)" in err
    assert "ValueError: the reason" in err


def test_handle_error_names_the_client(module, capsys):
    """handle_error says whose request it was."""
    err = report(module.BaseServer(None, None), capsys).err
    assert "Exception occurred during processing of request from ('10.1.2.3', 4567)\n" in err


def test_handle_error_frames_the_report(module, capsys):
    """The report stands between two lines of forty dashes, and nothing goes to stdout."""
    out, err = report(module.BaseServer(None, None), capsys)
    assert err.startswith("-" * 40 + "\n")
    assert err.endswith("\n" + "-" * 40 + "\n")
    assert out == ""


# handle_request and its time limits


@pytest.mark.parametrize(
    ("of_server", "of_socket"), [(0.02, None), (None, 0.02), (0.02, 60), (60, 0.02), (0, None)]
)
def test_the_shorter_time_limit_counts(bell, of_server, of_socket):
    """handle_request waits self.timeout or the socket's time limit, whichever is shorter."""
    calls, server = [], bell()
    server.timeout = of_server
    server.socket.settimeout(of_socket)
    note(calls, server, "handle_timeout", "get_request")
    in_time(server.handle_request)
    assert names(calls) == ["handle_timeout"]


@pytest.mark.parametrize("limits", [(0.1, None), (None, 0.1), (0.1, 60)])
def test_the_time_limit_is_waited_out(bell, limits):
    """handle_timeout is not called before the time is up."""
    server = bell()
    server.timeout, of_socket = limits
    server.socket.settimeout(of_socket)
    start = time.monotonic()
    server.handle_request()
    assert time.monotonic() - start >= 0.09


def test_without_a_time_limit_handle_request_waits(bell):
    """With neither time limit, handle_request waits for as long as it takes."""
    calls, server = [], bell()
    note(calls, server, "handle_timeout", "get_request")
    thread = threading.Thread(target=server.handle_request, daemon=True)
    thread.start()
    thread.join(MOMENT)
    assert thread.is_alive()
    server.ring()
    thread.join(DEADLINE)
    assert names(calls) == ["get_request"]


def test_a_waiting_request_is_no_timeout(bell):
    """A request that waits already is taken even with a time limit of 0."""
    calls, server = [], bell()
    server.timeout = 0
    note(calls, server, "handle_timeout", "get_request")
    server.ring()
    server.handle_request()
    assert names(calls) == ["get_request"]


def test_handle_request_leaves_service_actions_to_the_loop(bell):
    """service_actions belongs to serve_forever; handle_request does not call it."""
    calls, server = [], bell()
    note(calls, server, "service_actions")
    server.ring()
    server.handle_request()
    assert calls == []


# The loop


def test_serve_forever_serves_one_after_the_other(bell):
    """serve_forever serves all requests, in the order in which they came."""
    served, server = [], bell(lambda request, *_: served.append(request))
    with serving(server):
        server.ring("abc")
        until(lambda: len(served) == 3)
    assert served == ["a", "b", "c"]


def test_poll_interval_is_half_a_second(module):
    """By default a loop that polls does so twice a second."""
    signature = inspect.signature(module.BaseServer.serve_forever)
    assert signature.parameters["poll_interval"].default == 0.5


def test_serve_forever_ignores_timeout(bell):
    """self.timeout is for handle_request only: serve_forever never calls handle_timeout."""
    calls, server = [], bell()
    server.timeout = 0.001
    note(calls, server, "handle_timeout", "service_actions")
    with serving(server, 0.005):
        until(lambda: len(calls) > 4)
    assert set(names(calls)) == {"service_actions"}


def test_service_actions_follow_each_request(bell):
    """service_actions is called after each request."""
    calls, server = [], bell()
    note(calls, server, "service_actions", "shutdown_request")
    server.ring("ab")
    with serving(server, 60):
        until(lambda: len(calls) == 4)
        server.ring("c")
        until(lambda: len(calls) == 6)
        server._BaseServer__shutdown_request = True
        server.ring()
    assert names(calls) == ["shutdown_request", "service_actions"] * 3


def test_service_actions_are_called_while_idle(bell):
    """An overridden service_actions is called each poll_interval, with or without requests."""
    calls, server = [], bell()
    note(calls, server, "service_actions")
    with serving(server, 0.01):
        until(lambda: len(calls) >= 5)


def test_service_actions_keep_to_the_poll_interval(bell):
    """service_actions of an idle server is not called more often than asked for."""
    calls, server = [], bell()
    note(calls, server, "service_actions")
    start = time.monotonic()
    with serving(server, 0.05):
        until(lambda: len(calls) >= 3)
        assert time.monotonic() - start >= 0.14


def test_service_actions_of_a_subclass_are_called_while_idle(module, closing):
    """It does not matter whether a class or an object overrides service_actions."""
    plain = bell_server(module)
    plain.server_close()
    called = threading.Event()

    class Server(type(plain)):
        def service_actions(self):
            called.set()

    with serving(closing(Server()), 0.01):
        assert called.wait(DEADLINE)


def test_the_flag_says_that_the_loop_runs(bell):
    """_BaseServer__is_shut_down, which programs read, is clear while the loop runs, then set."""
    seen, done = [], threading.Event()
    server = bell(lambda *_: (seen.append(server._BaseServer__is_shut_down.is_set()), done.set()))
    server.ring()
    with serving(server):
        assert done.wait(DEADLINE)
    assert seen == [False]
    assert server._BaseServer__is_shut_down.is_set()


def test_shutdown_waits_until_the_request_is_done(bell):
    """shutdown returns when the loop has ended, so not before the request at hand is done."""
    begun, go_on = threading.Event(), threading.Event()
    server = bell(lambda *_: (begun.set(), go_on.wait(DEADLINE)))
    with serving(server):
        server.ring()
        assert begun.wait(DEADLINE)
        stopper = threading.Thread(target=server.shutdown, daemon=True)
        stopper.start()
        stopper.join(MOMENT)
        waits = stopper.is_alive()
        go_on.set()
        stopper.join(DEADLINE)
        assert waits and not stopper.is_alive()


def test_shutdown_leaves_later_requests(bell):
    """A request that comes while the server shuts down is not taken any more."""
    begun, go_on, served = threading.Event(), threading.Event(), []

    def handle(request, *_):
        served.append(request)
        begun.set()
        go_on.wait(DEADLINE)

    server = bell(handle)
    with serving(server):
        server.ring("ab")
        assert begun.wait(DEADLINE)
        stopper = threading.Thread(target=server.shutdown, daemon=True)
        stopper.start()
        until(lambda: server._BaseServer__shutdown_request)
        go_on.set()
        stopper.join(DEADLINE)
    assert served == ["a"]


@pytest.mark.beyond
def test_an_idle_loop_goes_back_to_sleep(module, bell, monkeypatch):
    """A flag that is put down wakes it once; any other attribute doesn't wake it."""
    waits, server = [], bell()

    def select(original, timeout):
        waits.append(timeout)
        return original(timeout)

    watch_selector(module, monkeypatch, select)
    with serving(server) as thread:
        until(lambda: waits)
        server.colour = "red"
        thread.join(MOMENT)
        assert len(waits) == 1
        server._BaseServer__shutdown_request = False
        until(lambda: len(waits) == 2)
        thread.join(MOMENT)
        assert len(waits) == 2


def test_a_flag_set_again_and_again_never_waits(bell):
    """While a request is handled nothing reads what would wake the loop, and that fills up."""
    served = []

    def handle(request, client_address, server):
        for _ in range(2000):
            server._BaseServer__shutdown_request = False
        served.append(request)

    server = bell(handle)
    with serving(server):
        server.ring()
        until(lambda: served == ["a"])


def test_shutdown_while_a_request_comes_in(module, bell, monkeypatch):
    """If a request and the order to stop come during the same wait, the order wins."""
    served, server = [], bell(lambda request, *_: served.append(request))
    calls = []
    note(calls, server, "service_actions")

    def select(original, timeout):
        ready = original(timeout)
        vars(server)["_BaseServer__shutdown_request"] = True
        return ready

    watch_selector(module, monkeypatch, select)
    server.ring()
    in_time(server.serve_forever, POLL)
    assert served == [] and calls == []


def test_an_order_to_stop_during_a_request_ends_the_loop(module, bell, monkeypatch):
    """If the order to stop comes during a request, the loop does not wait once more."""
    waits, server = [], bell()
    server.RequestHandlerClass = lambda *_: vars(server).update(_BaseServer__shutdown_request=True)

    def select(original, timeout):
        waits.append(timeout)
        return original(0.5)

    watch_selector(module, monkeypatch, select)
    server.ring()
    in_time(server.serve_forever, 60)
    assert len(waits) == 1


def test_a_server_can_serve_again(bell):
    """After a shutdown the same server can serve once more."""
    served, server = [], bell(lambda request, *_: served.append(request))
    for letter in "ab":
        with serving(server):
            server.ring(letter)
            until(lambda wanted=letter: wanted in served)


def test_shutdown_after_the_loop_returns_at_once(bell):
    """Once the loop has ended, a second shutdown has nothing to wait for."""
    server = bell()
    with serving(server):
        pass
    in_time(server.shutdown)


def test_the_bare_flag_stops_the_loop(bell):
    """Programs set the private flag without calling shutdown: the loop ends all the same."""
    server = bell()
    with serving(server) as thread:
        server._BaseServer__shutdown_request = True
        thread.join(DEADLINE)
        assert not thread.is_alive()


def test_the_flag_is_in_the_dict(bell):
    """Programs read the flag from the server's __dict__: False, and True once it is set."""
    server = bell()
    assert vars(server)["_BaseServer__shutdown_request"] is False
    server._BaseServer__shutdown_request = True
    assert vars(server)["_BaseServer__shutdown_request"] is True
    assert server._BaseServer__shutdown_request is True


def test_the_flag_is_down_again_after_the_loop(bell):
    """The end of the loop takes the flag back, so that the next loop runs."""
    server = bell()
    with serving(server):
        pass
    assert server._BaseServer__shutdown_request is False


class InTheDict:
    """Sets attributes past every other class."""

    def __setattr__(self, name, value):
        vars(self)[name] = value


class Elsewhere:
    """Keeps attributes in a dictionary of its own."""

    def __setattr__(self, name, value):
        vars(self).setdefault("kept", {})[name] = value

    def __getattr__(self, name):
        if name in vars(self).get("kept", ()):
            return self.kept[name]
        raise AttributeError(name)


class Watched:
    """Looks at each attribute that is set, then lets it be set as usual."""

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        self.__dict__.setdefault("seen", []).append(name)


class OnlyKnownNames:
    """Takes no attribute that the standard library's servers do not have."""

    def __setattr__(self, name, value):
        known = ("server_address", "RequestHandlerClass", "socket")
        if name not in (*known, "_BaseServer__shutdown_request", "_BaseServer__is_shut_down"):
            raise AttributeError(name)
        super().__setattr__(name, value)


class Slots:
    """Has slots, besides what its parents have."""

    __slots__ = ("mine",)


class Answering:
    """Answers for every name that it does not have."""

    def __getattr__(self, name):
        return lambda *_: name


class NamesOfItsOwn:
    """Has methods whose names a library might also like."""

    def _wake(self):
        raise AssertionError("not called by the library")

    stop_serving = _stop = _serve = _loop = _close = _wake


OWN_WAYS = [InTheDict, Elsewhere, Watched, OnlyKnownNames, Slots, Answering, NamesOfItsOwn]


@pytest.mark.parametrize("mixin", OWN_WAYS)
@pytest.mark.parametrize("server_name", ["TCPServer", "ThreadingTCPServer"])
def test_a_class_that_keeps_attributes_in_its_own_way_serves_and_stops(
    module, make, connect, mixin, server_name
):
    """A subclass with its own __setattr__, __getattr__ or __slots__ serves, twice, and stops."""
    server_class = type("Server", (mixin, getattr(module, server_name)), {"daemon_threads": True})
    server = make(server_class, lambda request, *_: request.sendall(b"served"))
    for _ in range(2):
        with serving(server):
            assert connect(server).recv(9) == b"served"


@pytest.mark.parametrize("mixin", OWN_WAYS)
def test_the_bare_flag_stops_a_class_with_its_own_way(module, make, mixin):
    """There, too, the loop sees the private flag, within a poll interval."""
    server = make(type("Server", (mixin, module.TCPServer), {}))
    with serving(server) as thread:
        thread.join(MOMENT)
        server._BaseServer__shutdown_request = True
        thread.join(DEADLINE)
        assert not thread.is_alive()


@pytest.mark.parametrize("hook", ["service_actions", "get_request", "verify_request"])
def test_an_error_in_a_hook_ends_the_loop_cleanly(bell, hook):
    """A hook that raises ends serve_forever with that error; shutdown does not hang then."""
    server = bell()
    setattr(server, hook, raising(KeyError("mine")))
    server.ring()
    with pytest.raises(KeyError, match="mine"):
        server.serve_forever(POLL)
    in_time(server.shutdown)


def test_ctrl_c_in_a_handler_ends_the_loop(bell):
    """KeyboardInterrupt in a handler ends serve_forever, with the request closed."""
    calls, server = [], bell(raising(KeyboardInterrupt))
    note(calls, server, "shutdown_request")
    server.ring()
    with pytest.raises(KeyboardInterrupt):
        server.serve_forever(POLL)
    assert calls == [("shutdown_request", "a")]
    assert server._BaseServer__is_shut_down.is_set()


@counts_descriptors
def test_the_loop_gives_back_its_descriptors(bell):
    """A loop that has ended leaves no descriptor open."""
    server = bell()
    before = open_descriptors()
    with serving(server):
        pass
    assert open_descriptors() == before


def test_the_loop_closes_what_it_opened(bell):
    """The loop closes its own sockets and does not leave them to the garbage collector."""
    server = bell()
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        with serving(server):
            pass
    assert [str(w.message) for w in caught if w.category is ResourceWarning] == []


@pytest.mark.skipif(not hasattr(selectors, "PollSelector"), reason="The system has no poll.")
def test_the_selector_is_poll(module):
    """_ServerSelector, which programs use, is poll where there is one: no limit on numbers."""
    assert module._ServerSelector is selectors.PollSelector


def test_the_selector_is_closed(module, bell, monkeypatch):
    """Both ways to serve close their selector."""
    opened = []

    class Counted(module._ServerSelector):
        def __init__(self):
            super().__init__()
            opened.append(self)

        def close(self):
            opened.remove(self)
            super().close()

    module_globals = module.BaseServer.serve_forever.__globals__
    monkeypatch.setitem(module_globals, "_ServerSelector", Counted)
    server = bell()
    server.ring()
    server.handle_request()
    with serving(server):
        pass
    assert opened == []


# Beyond the standard library


@pytest.mark.beyond
def test_shutdown_wakes_the_loop(bell):
    """shutdown ends the wait at once, however long the poll_interval."""
    with serving(bell(), 60) as thread:
        thread.join(MOMENT)
        assert thread.is_alive()


@pytest.mark.beyond
def test_shutdown_wakes_a_loop_with_service_actions(bell):
    """The same where service_actions is overridden and the loop polls."""
    server = bell()
    server.service_actions = lambda: None
    with serving(server, 60) as thread:
        thread.join(MOMENT)
        assert thread.is_alive()


@pytest.mark.beyond
def test_the_bare_flag_wakes_the_loop(bell):
    """Setting the private flag alone also ends the wait at once."""
    server = bell()
    with serving(server, 60) as thread:
        thread.join(MOMENT)
        server._BaseServer__shutdown_request = True
        thread.join(DEADLINE)
        assert not thread.is_alive()


@pytest.mark.beyond
@pytest.mark.parametrize("mixin", OWN_WAYS)
def test_shutdown_wakes_a_class_that_keeps_attributes_in_its_own_way(module, make, mixin):
    """There, too, shutdown ends the wait at once."""
    server = make(type("Server", (mixin, module.TCPServer), {}))
    with serving(server, 60) as thread:
        thread.join(MOMENT)


@pytest.mark.beyond
def test_a_handler_may_ask_the_loop_to_stop(bell):
    """stop_serving asks for the end without waiting, even in the thread that serves."""
    server = bell(lambda *_: server.stop_serving())
    server.ring()
    in_time(server.serve_forever, 60)


@pytest.mark.beyond
def test_a_request_that_was_taken_is_told_before_it_is_verified(bell):
    """request_taken is called with what get_request gave, whatever it may be."""
    calls, server = [], bell()
    note(calls, server, "get_request", "request_taken", "verify_request")
    server.ring()
    server.handle_request()
    assert names(calls) == ["get_request", "request_taken", "verify_request"]
    assert calls[1][1:] == REQUEST


@pytest.mark.beyond
def test_shutdown_without_a_loop_returns(bell):
    """shutdown of a server that never ran returns at once."""
    in_time(bell().shutdown)


@pytest.mark.beyond
def test_shutdown_before_the_loop_ends_it(bell):
    """A loop about to start when shutdown came ends at once, serving nothing; the next one runs."""
    served, server = [], bell(lambda request, *_: served.append(request))
    in_time(server.shutdown)
    server.ring()
    in_time(server.serve_forever, 60)
    assert served == []
    with serving(server):
        until(lambda: served == ["a"])


@pytest.mark.beyond
def test_an_idle_loop_sleeps(module, bell, monkeypatch):
    """An idle server is not woken up at all where service_actions is not overridden."""
    waits = []

    def select(original, timeout):
        waits.append(timeout)
        return original(timeout)

    watch_selector(module, monkeypatch, select)
    with serving(bell(), 0.005) as thread:
        until(lambda: waits)
        thread.join(MOMENT)
        assert waits == [None]


@pytest.mark.beyond
@pytest.mark.parametrize("method", ["fileno", "get_request"])
def test_hooks_that_must_be_overridden_say_so(module, method):
    """fileno and get_request of BaseServer itself say which class must define them."""
    with pytest.raises(NotImplementedError, match=rf"BaseServer must define {method}\(\)"):
        getattr(module.BaseServer(None, None), method)()


@pytest.mark.beyond
def test_handle_request_needs_no_socket_attribute(bell):
    """A server that knows nothing of sockets can use handle_request."""
    served, server = [], bell(lambda request, *_: served.append(request))
    sock = vars(server).pop("socket")
    server.fileno = sock.fileno
    server.get_request = lambda: (sock.recv(1).decode(), None)
    server.ring()
    server.handle_request()
    server.socket = sock
    assert served == ["a"]


@pytest.mark.beyond
def test_other_errors_do_not_slow_the_loop(bell):
    """A client that went away before it was accepted is no reason for a pause."""
    served, server = [], bell(lambda request, *_: served.append(request))
    get_request, errors = server.get_request, [ConnectionAbortedError() for _ in range(200)]

    def impatient():
        if errors:
            raise errors.pop()
        return get_request()

    server.get_request = impatient
    server.ring()
    with serving(server):
        until(lambda: served == ["a"])


@pytest.mark.beyond
def test_a_request_that_could_not_be_taken_is_told(bell):
    """request_lost gets the error of get_request, and the loop goes on."""
    served, server = [], bell(lambda request, *_: served.append(request))
    get_request, errors = server.get_request, [OSError(errno.EMFILE, "none left"), OSError("?")]
    lost, error = [], list(errors)

    def scarce():
        if errors:
            raise errors.pop(0)
        return get_request()

    server.get_request, server.request_lost = scarce, lost.append
    server.ring()
    with serving(server):
        until(lambda: served == ["a"])
    assert lost == error


@pytest.mark.beyond
def test_without_a_descriptor_to_be_woken_by_the_loop_polls(bell, monkeypatch):
    """With no descriptor left to be woken by, the server still serves and still stops."""
    served = []
    server = bell(lambda request, *_: served.append(request))
    monkeypatch.setattr("socket.socketpair", raising(OSError(errno.EMFILE, "none left")))
    with serving(server):
        server.ring()
        until(lambda: served == ["a"])


@pytest.mark.beyond
def test_a_loop_that_starts_while_sockets_are_mocked_can_be_stopped(bell, monkeypatch):
    """A loop that begins while a test has a mock in the place of sockets can still be stopped."""
    server, silent = bell(), bell()
    mock = MagicMock()
    mock.return_value.fileno.return_value = silent.fileno()
    with monkeypatch.context() as patch:
        patch.setattr("socket.socket", mock)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        thread.join(0.1)
    in_time(server.shutdown)
