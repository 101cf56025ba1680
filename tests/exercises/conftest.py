"""Answers are tried twice: in the test's own process, and in another, as the grader does."""

import contextlib
import os
import re
import signal
import socket
import sys
import threading

import pytest

from socketlab.checks import core
from socketlab.exercises import find
from socketlab.learner import api
from socketlab.remote.link import Checker, Subject

from . import helpers

_fork = getattr(os, "fork", None)  # a test may take it away


@contextlib.contextmanager
def far(namespace):
    here, there = socket.socketpair()
    pid = _fork()
    if pid == 0:
        try:
            os.setsid()
            here.close()
            Subject(there, namespace).serve()
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
    spec = find(exercise)
    if part is not None and part not in spec.checks:
        return api.check(exercise, *answers, part=part)
    namespace = dict(zip(spec.names, answers, strict=bool(answers)))
    with far(namespace) as checker:
        for one in spec.checks.values() if part is None else [spec.checks[part]]:
            if not_yet := core.fair_attempt(spec, one, (), checker.namespace(), checker):
                raise api.failed(spec, one, not_yet, traceback)
            print(f"✓ {exercise} {one.name}: {one.points}. {one.praise}")


BOTH = re.compile("wrong|right|left_in|mended|forecast")
"""Names of the tests that try answers: in this process, as a notebook does, and in another one."""


def pytest_generate_tests(metafunc):
    tries = {"check", "message"} & vars(metafunc.module).keys()
    if tries and BOTH.search(metafunc.function.__name__):
        far = pytest.param("far", marks=pytest.mark.thorough)
        metafunc.parametrize("where", ["near", far], indirect=True)


@pytest.fixture(autouse=True)
def where(request, monkeypatch):
    """Say where the answers live that `check` tries: near, in this process, or far."""
    if getattr(request, "param", "near") == "far":
        for module in (helpers, request.module):
            if getattr(module, "check", None) is not None:
                monkeypatch.setattr(module, "check", far_check)
