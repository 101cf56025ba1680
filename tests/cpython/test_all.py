"""What CPython's test_all says, without its look at `__module__`."""

import socketserver

import minisocketserver

# The standard library has these from Python 3.12 on; ours on every Python.
EXTRAS = {"ForkingUnixStreamServer", "ForkingUnixDatagramServer"}


def test_everything_of_the_standard_library_is_there():
    assert set(socketserver.__all__) <= set(minisocketserver.__all__)


def test_nothing_else_is_there():
    assert set(minisocketserver.__all__) - set(socketserver.__all__) <= EXTRAS


def test_each_name_is_bound_once():
    names = minisocketserver.__all__
    assert len(names) == len(set(names))
    assert all(isinstance(getattr(minisocketserver, name), type) for name in names)
