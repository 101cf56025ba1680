"""Answers that live in another process, as the grader has them."""

import contextlib
import os
import signal
import socket
import sys
import threading

from socketlab.checks import core
from socketlab.exercises import find
from socketlab.learner import api
from socketlab.remote.link import Checker, Service

_fork = getattr(os, "fork", None)  # a test may take it away


@contextlib.contextmanager
def far(namespace):
    """Serve these answers from a fork; give the end of the link that checks them."""
    here, there = socket.socketpair()
    pid = _fork()
    if pid == 0:
        try:
            os.setsid()
            here.close()
            Service(there, namespace).serve()
        finally:
            os._exit(0)
    there.close()
    checker = Checker(here, f"/proc/{pid}/root" if sys.platform == "linux" else "")
    threading.Thread(target=checker.serve, daemon=True).start()
    try:
        yield checker
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def far_check(exercise, *answers, part=None, traceback=False):
    """Check as `socketlab.check` does, but through the link."""
    spec = find(exercise)
    if part is not None and part not in spec.checks:
        return api.check(exercise, *answers, part=part)
    namespace = dict(zip(spec.names, answers, strict=bool(answers)))
    with far(namespace) as checker:
        for one in spec.checks.values() if part is None else [spec.checks[part]]:
            if not_yet := core.fair_attempt(spec, one, (), checker.namespace(), checker):
                raise api.failed(spec, one, not_yet, traceback)
            print(f"✓ {exercise} {one.name}: {one.points}. {one.praise}")
