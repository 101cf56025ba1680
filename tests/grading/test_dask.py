"""A class graded on a Dask cluster of real processes, one of which is killed in the middle."""

import os
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tools.sample_class import command, environment, grade, graded, hand_in_samples

pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot fork"),
]
DEADLINE = 120


@pytest.fixture
def cluster(tmp_path):
    """Yield the scheduler's HOST:PORT and the processes of two workers."""
    log = tmp_path / "scheduler.log"
    scheduler = start(log, "dask_scheduler", "--host", "127.0.0.1", "--port", "0")
    workers = []
    try:
        address = said(log, r"Scheduler at:\s+tcp://(\S+)")
        for number in range(2):
            log = tmp_path / f"worker{number}.log"
            options = ["--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", "--no-dashboard"]
            folder = ["--local-directory", str(tmp_path)]
            workers.append(start(log, "dask_worker", f"tcp://{address}", *options, *folder))
            said(log, r"Registered to:\s+tcp://(\S+)")
        yield address, workers
    finally:
        beside = [psutil.Process(one.pid).children(recursive=True) for one in alive(workers)]
        for process in (*workers, scheduler):
            process.kill()
            process.wait()
        _, left = psutil.wait_procs([one for some in beside for one in some], DEADLINE)
        assert not left


def alive(processes):
    return [one for one in processes if one.poll() is None]


def start(log, module, *options):
    words = [sys.executable, "-m", f"distributed.cli.{module}", *options]
    with open(log, "w", encoding="utf-8") as file:
        return subprocess.Popen(words, env=environment(), stdout=file, stderr=file)


def said(log, pattern):
    deadline = time.monotonic() + DEADLINE
    while not (found := re.search(pattern, log.read_text())):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    return found[1]


@pytest.mark.timeout(4 * DEADLINE)
def test_a_worker_killed_in_the_middle_loses_nothing(cluster, tmp_path):
    address, workers = cluster
    hand_in_samples(tmp_path / "class", 16, ["01_sockets", "03_tcp_server"])
    here = grade(tmp_path / "class", tmp_path / "here")

    out = tmp_path / "there"
    words = command(tmp_path / "class", out, "--executor", f"dask://{address}")
    with open(tmp_path / "said", "w", encoding="utf-8") as file:
        grader = subprocess.Popen(words, env=environment(), stdout=file, stderr=file)
    try:
        deadline = time.monotonic() + DEADLINE
        while graded(out) < 3:
            assert grader.poll() is None, (tmp_path / "said").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        beside = psutil.Process(workers[0].pid).children(recursive=True)
        assert beside, "this worker has judged nobody"
        os.kill(workers[0].pid, signal.SIGKILL)
        assert graded(out) < 16, "too late to be in the middle"
        status = grader.wait(DEADLINE)
    finally:
        grader.kill()
        grader.wait()
    assert status == 0, (tmp_path / "said").read_text()
    assert (out / "grades.csv").read_text() == here
    _, left = psutil.wait_procs(beside, DEADLINE)
    assert not left
