"""Answers are tried twice: in the test's own process, and in another, as the grader does."""

import re

import pytest

from . import helpers
from .far import far_check

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
