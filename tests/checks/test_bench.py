"""A check that has failed does not keep the learner waiting for what will not end."""

import io
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from socketlab import check, short_tempdir
from socketlab.checks import case, core, records
from socketlab.checks.bench import bench_at
from socketlab.checks.case import CannotCheckError, CaseError
from socketlab.exercises import find
from tests import PROGRAM_SECONDS

from ..exercises.far import far


class Stuck:
    """Neither stops nor closes until it is let go."""

    def __init__(self):
        self.let_go = threading.Event()

    def serve_forever(self):
        self.let_go.wait()

    shutdown = server_close = serve_forever


def test_a_failed_check_does_not_wait_for_the_server_to_stop(monkeypatch):
    monkeypatch.setattr(case, "PATIENCE", 30.0)
    server = Stuck()
    begun = time.monotonic()
    with bench_at(None) as bench:
        asked = bench.case("a server", "an answer", "It is what servers are for.")
        with pytest.raises(CaseError, match="no answer"), asked.serving(server):
            asked.fail("no answer")
    server.let_go.set()
    assert time.monotonic() - begun < 20


# They are ended from outside, which pytest reports.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_many_threads_left_over_are_not_waited_for_one_by_one():
    let_go = threading.Event()
    threads = [threading.Thread(target=let_go.wait, daemon=True) for _ in range(200)]
    begun = time.monotonic()
    with bench_at(None):
        for thread in threads:
            thread.start()
    took = time.monotonic() - begun
    let_go.set()
    for thread in threads:
        thread.join(20)
    assert took < len(threads) * records.MOMENT / 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_what_was_recorded_in_another_process_is_not_asked_once_that_has_ended():
    with far({}) as checker, bench_at(checker) as bench:
        assert bench.records.errors == []


class Wrapper:
    """Passes everything on to a stream, even what is set and deleted."""

    def __init__(self, stream):
        vars(self)["stream"] = stream

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def __setattr__(self, name, value):
        setattr(self.stream, name, value)

    def __delattr__(self, name):
        delattr(self.stream, name)


class Slots:
    """Has no room for another `write`."""

    __slots__ = ("kept",)

    def __init__(self):
        self.kept = []

    def write(self, text):
        self.kept.append(text)

    def flush(self):
        pass


class Replaced(io.StringIO):
    """Has a `write` of its own, as some tools put it there."""

    def __init__(self):
        super().__init__()
        self.write = lambda text: io.StringIO.write(self, text)


def pairs():
    one = io.StringIO()
    yield "one stream", one, one
    yield "a wrapper of it", one, Wrapper(one)
    yield "a wrapper first", Wrapper(one), one
    yield "no room", Slots(), Slots()
    yield "one without room", *[Slots()] * 2
    yield "write replaced", *[Replaced()] * 2
    yield "bytes below", io.TextIOWrapper(io.BytesIO()), io.TextIOWrapper(io.BytesIO())
    yield "none", None, None
    yield "no stderr", io.StringIO(), None


@pytest.mark.parametrize(("name", "out", "err"), [*pairs()])
def test_prints_are_kept_and_the_streams_come_back(name, out, err, monkeypatch):
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    for _ in range(2):
        with bench_at(None) as bench:
            print("to stdout")
            print("to stderr", file=sys.stderr)
            printed = "".join(bench.records.printed)
        assert "to stdout" in printed and "to stderr" in printed
        assert (sys.stdout, sys.stderr) == (out, err)
    for stream in filter(None, (out, err)):
        stream.write("heard again")
        text = stream.kept if isinstance(stream, Slots) else ["heard again"]
        assert text[-1] == "heard again"


SLOW_NAMES = """
import fcntl, socket, struct, time
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketlab.checks import records
from socketlab.checks.bench import bench_at
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh22x", b"lo", 1))
deaf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
deaf.bind(("127.0.0.1", 53))
begun = time.monotonic()
with bench_at(None), HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
    took = time.monotonic() - begun
print(server.server_name, took < 1)
print(socket.getfqdn is records._REAL[socket, "getfqdn"])
"""


def test_a_look_up_that_takes_long_is_not_the_time_of_the_answer(tmp_path):
    """As `http.server` makes one, for a name that it then only shows. Here nothing answers it."""
    if not hasattr(os, "getuid") or os.getuid() != 0:
        pytest.skip("only root may have other names")
    for name, text in (("hosts", ""), ("resolv.conf", "nameserver 127.0.0.1\n")):
        (tmp_path / name).write_text(text)
    mounts = " && ".join(f"mount --bind {tmp_path}/{n} /etc/{n}" for n in ("hosts", "resolv.conf"))
    program = ["bash", "-c", f'{mounts} && exec "$0" "$@"', sys.executable, "-c", SLOW_NAMES]
    run = subprocess.run(
        ["unshare", "--net", "--mount", *program],
        capture_output=True,
        text=True,
        timeout=PROGRAM_SECONDS,
    )
    if run.returncode:
        pytest.skip(run.stderr)
    assert run.stdout.split() == ["127.0.0.1", "True", "True"]


NO_ADDRESS = """
import fcntl, socket, struct
for name in ("all", "default", "lo"):
    open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w").write("1")
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh22x", b"lo", 1))
import minisocketserver
from minisocketserver import beyond
from socketlab import check
class WhoAmI(minisocketserver.StreamRequestHandler):
    pass
class Door(beyond.DualStackMixIn, minisocketserver.TCPServer):
    pass
try:
    check("11.2", WhoAmI, Door, part="both")
except Exception as error:
    print(type(error).__name__, error)
"""


def test_without_an_address_of_ipv6_it_is_said_and_no_answer_is_wrong():
    """There may be sockets of IPv6 all the same."""
    if not hasattr(os, "getuid") or os.getuid() != 0:
        pytest.skip("only root may have a network without one")
    words = ["unshare", "--net", sys.executable, "-c", NO_ADDRESS]
    run = subprocess.run(words, capture_output=True, text=True, timeout=60)
    if run.returncode:
        pytest.skip(run.stderr)
    assert run.stdout.startswith("CannotCheckError This machine has no ::1")


@pytest.fixture
def long_folder(tmp_path, monkeypatch):
    folder = tmp_path / ("long" * 25)
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets here")
def test_a_long_tmpdir_has_room_for_a_socket(long_folder, capsys):
    assert tempfile.gettempdir() == str(long_folder)
    assert len(short_tempdir()) < 60 < len(str(long_folder))
    before = set(Path(short_tempdir()).iterdir())
    check("05.5", [False, False, True], [False, True], "B", part="answered")
    assert "✓" in capsys.readouterr().out
    assert not [one for one in set(Path(short_tempdir()).iterdir()) - before if one.is_socket()]


def test_no_folder_for_temporary_files_is_said(monkeypatch, tmp_path):
    """It is not the answer's fault."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))

    def tries():
        with tempfile.TemporaryDirectory():
            pass

    part = core.Check("folder", 1, "", (tries,))
    with pytest.raises(CannotCheckError, match=r"no room for temporary files here.*Set TMPDIR"):
        core.attempt(find("05.5"), part, ([], [], "B"), {})


def exercise(*checks, kind="build"):
    listed = {name: core.Check(name, points, praise, ()) for name, points, praise in checks}
    return core.Exercise("00.0", "A trial", kind, 1, ("first", "second"), (), listed)


def test_the_steps_of_a_check_ask_for_answers_by_name_and_run_in_turn():
    spec = exercise(("both", 1, "Well done."))
    tried = []

    @spec.check("both")
    def one(first):
        tried.append(first)

    @spec.check("both")
    def other(bench, second):
        tried.append(second)
        bench.case("other", "a failure", "It is a trial.").fail("none")

    part = spec.checks["both"]
    assert part.names == ("first", "second")
    with bench_at(None) as bench, pytest.raises(CaseError, match="none"):
        part.try_on(bench, {"first": "1", "second": "2"})
    assert tried == ["1", "2"]


@pytest.mark.parametrize(
    "guess, told",
    [
        ([1, 3], "3 in place 2; the run says otherwise. Two comes after one."),
        ([1, "2"], "of type str; the run gives int there"),
        ([1], "1 values, [1], where 2 are asked for"),
        (1, "1, which is not a list"),
        ((1, 2), ""),
    ],
)
def test_a_prediction_is_laid_beside_the_run_that_is_named_after_it(guess, told):
    spec = exercise(("numbers", 1, "Well done."), kind="predict")
    misread = ("One comes first.", "Two comes after one.")

    @spec.prediction("numbers", expected="two numbers", why="They count.", misread=misread)
    def first(case):
        assert case.called == "first, beside a real run"
        return [1, 2]

    failure = core.attempt(spec, spec.checks["numbers"], (guess, None), {})
    assert told in failure.got if told else failure is None


def test_words_of_its_own_for_a_failure():
    with bench_at(None) as bench:
        asked = bench.case("int", "an error", "It is a trial.")
        with (
            pytest.raises(CaseError, match="no number: ValueError"),
            asked.in_words("no number: {}"),
        ):
            asked.call(int, "one")
        with pytest.raises(CaseError, match=r"^ValueError"), asked.in_words("?", only="TypeError"):
            asked.call(int, "one")
        assert isinstance(asked.error_of(int, "one", none="no error"), ValueError)
        with pytest.raises(CaseError, match="no error"):
            asked.error_of(int, "1", none="no error")
