"""Servers and clients that are closed at the end of a test, from the conformance suite."""

import ssl
import threading

import pytest
import trustme

import minisocketserver

from ..conformance.conftest import closing, connect, make, pair, path
from .helpers import Gate

__all__ = ["closing", "connect", "make", "pair", "path"]


@pytest.fixture
def module():
    """The library; what is tested here, the standard library does not have."""
    return minisocketserver


@pytest.fixture
def gate():
    """A handler that waits until the test opens the gate, which happens at its end at the last."""
    gate = Gate()
    yield gate
    gate.opened.set()


@pytest.fixture
def failures(monkeypatch):
    """The exceptions that ended threads, or would have, instead of reports of them."""
    failures = []
    monkeypatch.setattr(threading, "excepthook", lambda failure: failures.append(failure.exc_type))
    return failures


@pytest.fixture(scope="session")
def authority():
    """Somebody who signs certificates."""
    return trustme.CA()


@pytest.fixture(scope="session")
def server_context(authority):
    """What a server needs for TLS: a certificate for localhost, and its key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def client_context(authority):
    """What a client needs for TLS: to trust who signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    # Some Pythons, such as 3.11.2, do not mind by default when the goodbye is missing.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    return context
