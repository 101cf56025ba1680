"""What all processes of a student use together: only those that are there count."""

import os
import subprocess
import sys

import pytest

from socketlab.sandbox.usage import Usage

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into Linux's /proc")


def count(pids):
    usage = Usage()
    usage.look(pids)
    return usage.processes


def test_who_has_ended_does_not_count():
    """Not even before its parent, which a busy machine may hold up, has taken its status."""
    with subprocess.Popen(["true"]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        assert count([ended.pid, os.getpid()]) == 1
    assert count([ended.pid, os.getpid()]) == 1


def test_a_chain_that_is_followed_for_long_is_one_process():
    """Whoever is slow sees one after the other, and never two of them at once."""

    def followed():
        for _ in range(3):
            with subprocess.Popen(["sleep", "60"]) as link:
                yield link.pid
                link.kill()
        yield os.getpid()

    assert count(followed()) == 1
