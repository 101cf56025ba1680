"""However a grader ends, nothing of it is left, nor of what students have started."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from socketlab.sandbox import LEVELS, namespaces
from socketlab.sandbox.sandbox import examined
from tools.hostile_submissions.rows import CHAPTER, FORKS, PROGRAM, Row, with_after
from tools.sample_class import command, environment, graded

from ..conformance.helpers import until

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks into Linux's /proc"),
    pytest.mark.timeout(900),
]
PATIENCE = 60
SECONDS = 10
"""In which all is gone, on a busy machine, too: what looks whether the grader lives does each 1."""
WAITS = {
    "waits": "import time\ntime.sleep(99)",
    "has started a program": f"{PROGRAM}\nimport time\ntime.sleep(99)",
    "has forked": FORKS.format(then="os.setsid(); time.sleep(99)") + "\ntime.sleep(99)",
    "is stopped": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
}


@pytest.fixture
def reaper():
    """Make whoever loses its parent our child, whatever its session or its program."""
    namespaces.prctl(namespaces.PR_SET_CHILD_SUBREAPER, 1)
    before = set(psutil.Process().children(recursive=True))
    yield lambda: set(psutil.Process().children(recursive=True)) - before
    namespaces.prctl(namespaces.PR_SET_CHILD_SUBREAPER, 0)


def living(processes):
    """Return those that still run; take the exit status of our own."""
    found = []
    for one in processes:
        try:
            if one.status() == psutil.STATUS_ZOMBIE and one.ppid() == os.getpid():
                os.waitpid(one.pid, 0)
            elif one.status() != psutil.STATUS_ZOMBIE:
                found.append(one)
        except (psutil.NoSuchProcess, ChildProcessError):
            pass
    return found


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("started", [True, False], ids=["in the middle", "at the start"])
@pytest.mark.parametrize("number", ["SIGKILL", "SIGTERM", "SIGHUP", "SIGINT"])
def test_all_ends_with_the_grader(tmp_path, level, number, started, reaper):
    """SIGHUP is what a closed terminal sends, SIGINT is Ctrl-C; both go to the whole group."""
    if level == "namespaces" and not examined().startswith("level namespaces"):
        pytest.skip("this level is not to be had here")
    for name, wait in WAITS.items():
        path = tmp_path / "class" / name / CHAPTER / f"{CHAPTER}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(Row(name, "", with_after("03.1", wait)).text())
    with subprocess.Popen(
        command(tmp_path / "class", tmp_path / "out", "--level", level),
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as grader:
        until(lambda: len(reaper()) > (40 if started else 1), PATIENCE)
        assert grader.poll() is None and not graded(tmp_path / "out")
        to = os.killpg if number in ("SIGHUP", "SIGINT") else os.kill
        to(grader.pid, getattr(signal, number))
    until(lambda: not living(reaper()), SECONDS)
