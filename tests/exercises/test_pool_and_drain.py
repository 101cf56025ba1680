"""Wrong answers to the exercises of chapter 10 are told what is wrong with them."""

import os
import queue
import select
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

import minisocketserver
from minisocketserver import beyond
from minisocketserver.beyond.open_requests import OpenRequestsMixIn
from socketlab import check

from .helpers import a_copy_of, impatient, message

Pool = a_copy_of(beyond.ThreadPoolMixIn)


class NoPool(OpenRequestsMixIn):
    pool_size, queue_size = 8, 0


class ThreadForEach(OpenRequestsMixIn, minisocketserver.ThreadingMixIn):
    pool_size, queue_size = 8, 0


class OwnLimit(ThreadForEach):
    """A thread for each, but no more than pool_size at once."""

    def _handle_request_noblock(self):
        if self.wait_until_closed(0.01, left=self.pool_size + self.queue_size - 1):
            super()._handle_request_noblock()


class Executor(ThreadForEach):
    """The famous recipe."""

    def process_request(self, request, client_address):
        if not hasattr(self, "executor"):
            self.executor = ThreadPoolExecutor(self.pool_size)
        self.executor.submit(self.process_request_thread, request, client_address)

    def server_close(self):
        super().server_close()
        if hasattr(self, "executor"):
            self.executor.shutdown()


class BacklogAsLimit(Executor):
    request_queue_size = 3

    def __init__(self, *args):
        type(self).request_queue_size = 3
        super().__init__(*args)


class QueueForgotten(Pool):
    def _handle_request_noblock(self):
        if self.wait_until_closed(0.01, left=self.pool_size - 1):
            super(Pool, self)._handle_request_noblock()


class OneMore(Pool):
    def _handle_request_noblock(self):
        if self.wait_until_closed(0.01, left=self.pool_size + self.queue_size):
            super(Pool, self)._handle_request_noblock()


class Spins(Pool):
    def _handle_request_noblock(self):
        if len(self.open_requests) < self.pool_size + self.queue_size:
            super(Pool, self)._handle_request_noblock()


class WaitsForRoom(Pool):
    def _handle_request_noblock(self):
        if self.wait_until_closed(60, left=self.pool_size + self.queue_size - 1):
            super(Pool, self)._handle_request_noblock()


class NeverHome(Pool):
    daemon_threads = True

    def server_close(self):
        minisocketserver.ThreadingMixIn.server_close(self)


class DoesNotWait(Pool):
    block_on_close = False


class Written(OpenRequestsMixIn, minisocketserver.ThreadingMixIn):
    """As the third hint has it."""

    pool_size, queue_size = 8, 0

    def __init__(self, *args, **kwargs):
        self.pool, self.queue = [], queue.SimpleQueue()
        super().__init__(*args, **kwargs)

    def _handle_request_noblock(self):
        if self.wait_until_closed(0.01, left=self.pool_size + self.queue_size - 1):
            super()._handle_request_noblock()

    def process_request(self, request, client_address):
        if len(self.pool) < self.pool_size:
            self.pool.append(threading.Thread(target=self.serve_queue))
            self.pool[-1].start()
        self.queue.put((request, client_address))

    def serve_queue(self):
        while (job := self.queue.get()) is not None:
            with suppress(BaseException):
                self.process_request_thread(*job)

    def server_close(self):
        for _ in self.pool:
            self.queue.put(None)
        super().server_close()
        for worker in self.pool:
            worker.join()


class DropsTheQueue(Written):
    def server_close(self):
        with suppress(queue.Empty):
            while True:
                self.queue.get_nowait()
        super().server_close()


class Dies(Written):
    def serve_queue(self):
        while (job := self.queue.get()) is not None:
            self.process_request_thread(*job)


class WaitsForOne(Written):
    def server_close(self):
        for _ in self.pool:
            self.queue.put(None)
        super(Written, self).server_close()
        for worker in self.pool[:1]:
            worker.join()


class ClosesInTheLoop(Written):
    """Closes the listener for each thread of the pool, and so never where there is none."""

    def server_close(self):
        for _ in self.pool:
            self.queue.put(None)
            super(Written, self).server_close()
        for worker in self.pool:
            worker.join()


BUGS = [
    pytest.param(WaitsForOne, "home", "when one of the two threads had ended", id="waits for one"),
    pytest.param(ClosesInTheLoop, "home", "no error, and the listener still", id="in the loop"),
    pytest.param(NoPool, "threads", "no pool at all", id="no pool"),
    pytest.param(ThreadForEach, "threads", "9 handlers at work", id="a thread for each"),
    pytest.param(OwnLimit, "threads", "one for each request?", id="new threads"),
    pytest.param(Executor, "taken", "what asks whether there", id="executor"),
    pytest.param(BacklogAsLimit, "taken", "the length of the backlog", id="learners-17"),
    pytest.param(QueueForgotten, "taken", "3 taken", id="queue forgotten"),
    pytest.param(OneMore, "taken", "4 taken", id="one more"),
    pytest.param(Spins, "taken", "a loop that doesn't rest", id="spins"),
    pytest.param(WaitsForRoom, "taken", "wait for room without an end", id="no end"),
    pytest.param(NeverHome, "home", "server_close() did not wait", id="never home"),
    pytest.param(DoesNotWait, "home", "did not wait for them", id="does not wait"),
    pytest.param(DropsTheQueue, "home", "1 of the three served", id="drops the queue"),
    pytest.param(Dies, "survives", "take the pool's thread with it?", id="dies"),
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("wrong, part, told", BUGS)
def test_a_wrong_pool_is_told_its_mistake(wrong, part, told, monkeypatch):
    impatient(monkeypatch)
    try:
        assert told in message("10.2", part, wrong)
    finally:
        for thread in threading.enumerate():
            if "serve_queue" in thread.name and hasattr(thread, "_target"):
                for_ever = getattr(thread._target, "__self__", None)
                if for_ever is not None:
                    getattr(for_ever, "queue", queue.SimpleQueue()).put(None)


class FromTheText(OpenRequestsMixIn, minisocketserver.ThreadingMixIn):
    """All threads at once at the start, a list and a condition for a queue."""

    pool_size = 8
    queue_size = 0

    def __init__(self, *args, **kwargs):
        self.jobs = []
        self.news = threading.Condition()
        self.closing = False
        self.threads = []
        super().__init__(*args, **kwargs)

    def _handle_request_noblock(self):
        if self.wait_until_closed(0.01, left=self.pool_size + self.queue_size - 1):
            super()._handle_request_noblock()

    def process_request(self, request, client_address):
        while len(self.threads) < self.pool_size:
            self.threads.append(threading.Thread(target=self.work))
            self.threads[-1].start()
        with self.news:
            self.jobs.append((request, client_address))
            self.news.notify()

    def work(self):
        while True:
            with self.news:
                self.news.wait_for(lambda: self.jobs or self.closing)
                if not self.jobs:
                    return
                job = self.jobs.pop(0)
            try:
                self.process_request_thread(*job)
            except SystemExit as leaving:
                print("a handler left:", leaving, file=sys.stderr)

    def server_close(self):
        super().server_close()
        with self.news:
            self.closing = True
            self.news.notify_all()
        for thread in self.threads:
            thread.join()


class PoliteExecutor(Executor):
    """The famous recipe, with a limit to what is taken."""

    def _handle_request_noblock(self):
        if self.wait_until_closed(0.01, left=self.pool_size + self.queue_size - 1):
            super()._handle_request_noblock()


class Numbered(Written):
    """Threads of their own class, and a condition to end them with."""

    class Worker(threading.Thread):
        def __init__(self, server):
            super().__init__(name="worker")
            self.server = server

        def run(self):
            for job in iter(self.server.queue.get, self.server):
                try:
                    self.server.process_request_thread(*job)
                except (SystemExit, KeyboardInterrupt):
                    continue

    def process_request(self, *job):
        if len(self.pool) != self.pool_size:
            worker = self.Worker(self)
            self.pool += [worker]
            worker.start()
        self.queue.put(job)

    def server_close(self):
        super(Written, self).server_close()
        for _ in self.pool:
            self.queue.put(self)
        while self.pool:
            self.pool.pop().join()


class Counting(Written):
    """The queue counts, and the last thread to go home wakes the others."""

    def serve_queue(self):
        while True:
            job = self.queue.get()
            if job is None:
                self.queue.put(None)
                return
            try:
                self.process_request_thread(*job)
            except BaseException as error:
                print("a handler left:", error)

    def server_close(self):
        super(Written, self).server_close()
        self.queue.put(None)
        for worker in self.pool:
            worker.join()


@pytest.mark.parametrize("right", [Pool, Written, FromTheText, PoliteExecutor, Numbered, Counting])
def test_a_right_pool_passes_in_any_style(right, capfd):
    check("10.2", right)
    printed, errors = capfd.readouterr()
    assert [line[:6] for line in printed.splitlines()] == ["✓ 10.2"] * 4
    assert errors == ""


class Server(beyond.DrainMixIn, beyond.ThreadPoolMixIn, minisocketserver.TCPServer):
    pool_size = 2
    daemon_threads = True

    def drain(self, timeout):
        self.take_the_backlog()
        return super().drain(timeout)

    def take_the_backlog(self):
        self.queue_size = 100
        while select.select([self.socket], [], [], 0)[0]:
            self._handle_request_noblock()


def on_signal(action):
    signal.signal(signal.SIGTERM, lambda *_: action())


def serve(server):
    on_signal(threading.Thread(target=server.shutdown).start)
    server.serve_forever()


def run(server, grace):
    serve(server)
    server.drain(grace)


class PlainDrain(Server):
    def take_the_backlog(self):
        pass


class OneAtMost(Server):
    def take_the_backlog(self):
        self.queue_size = 1
        self._handle_request_noblock()


class ManyThreads(Server):
    def take_the_backlog(self):
        self.pool_size = 1_000_000
        super().take_the_backlog()


class NoPool(beyond.DrainMixIn, minisocketserver.ThreadingTCPServer):
    daemon_threads = True


class NoDaemons(Server):
    daemon_threads = False


def without_a_signal(server, grace):
    server.serve_forever()
    server.drain(grace)


def waits_for_itself(server, grace):
    on_signal(server.shutdown)
    server.serve_forever()
    server.drain(grace)


def sleeps(server, grace):
    serve(server)
    time.sleep(grace)
    server.drain(0)


def interrupts(server, grace):
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    server.serve_forever()
    server.drain(grace)


def keeps_listening(server, grace):
    serve(server)
    server.take_the_backlog()
    server.wait_until_closed(grace)
    server.server_close()


def goes_at_once(server, grace):
    serve(server)
    os._exit(0)


def gives_no_time(server, grace):
    serve(server)
    server.drain(0)


def waits_for_all(server, grace):
    serve(server)
    server.take_the_backlog()
    server.socket.close()
    server.wait_until_closed(60)


def cuts_no_one_off(server, grace):
    serve(server)
    server.take_the_backlog()
    server.socket.close()
    server.wait_until_closed(grace + 60)
    os._exit(0)


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="This system cannot fork.")


@forks
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param((Server, without_a_signal), "ends", "ended it on the spot", id="no handler"),
        pytest.param((Server, waits_for_itself), "ends", "wait for itself", id="learners-4"),
        pytest.param((Server, sleeps), "ends", "though no client was there", id="sleeps"),
        pytest.param((Server, interrupts), "ends", "KeyboardInterrupt", id="interrupts"),
        pytest.param((Server, keeps_listening), "at work", "who closes the", id="listens"),
        pytest.param((Server, goes_at_once), "at work", "given no time?", id="at once"),
        pytest.param((Server, gives_no_time), "at work", "given no time?", id="no time"),
        pytest.param((PlainDrain, run), "backlog", "2 of 5 clients served", id="plain drain"),
        pytest.param((OneAtMost, run), "backlog", "3 of 5 clients served", id="one"),
        pytest.param((ManyThreads, run), "backlog", "says two at a time", id="many threads"),
        pytest.param((NoPool, run), "backlog", "5 of 5 clients welcomed", id="no pool"),
        pytest.param((NoDaemons, run), "deadline", "that is no daemon", id="learners-9"),
        pytest.param((Server, waits_for_all), "deadline", "connection still open", id="waits"),
        pytest.param((Server, cuts_no_one_off), "deadline", "connection still open", id="cuts"),
    ],
)
def test_a_wrong_end_is_told_its_mistake(answer, part, told, monkeypatch):
    if part != "deadline":  # a program has more than a second for its end
        impatient(monkeypatch)
    assert told in message("10.1", part, *answer)


def forecast(taken=(9, 9, 3, 5), door="sswwn", end="ccrr"):
    return list(taken), list(door), list(end)


@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(forecast([3, 9, 3, 5]), "taken", "limits the backlog", id="learners-17"),
        pytest.param(forecast([9, 3, 3, 5]), "taken", "queue has no end", id="executor"),
        pytest.param(forecast([9, 9, 9, 5]), "taken", "than it has threads for", id="pool"),
        pytest.param(forecast([9, 9, 3, 3]), "taken", "queue_size more", id="queue"),
        pytest.param(forecast(door="sswwr"), "at the door", "Linux refuses none", id="learners-18"),
        pytest.param(forecast(door="sswnn"), "at the door", "one more wait", id="one more"),
        pytest.param(forecast(door="swwwn"), "at the door", "one is free", id="one thread"),
        pytest.param(forecast(door="ssnnn"), "at the door", "does the connecting", id="backlog"),
        pytest.param(forecast(end="crrr"), "at the end", "so it is listed", id="queue"),
        pytest.param(forecast(end="cccc"), "at the end", "has never taken it", id="backlog"),
        pytest.param(forecast(end="scrr"), "at the end", "the deadline is for", id="silent"),
    ],
)
def test_a_wrong_forecast_is_told_why(answer, part, told):
    came = next(line for line in message("10.3", part, *answer).splitlines() if "Got:" in line)
    assert told in came


def test_a_right_forecast_passes():
    check("10.3", *forecast())
    check("10.3", *map(tuple, forecast()))
