"""What CPython's test_all says, without its look at `__module__`."""

import socketserver
import warnings

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


def test_the_version_is_the_running_standard_library_s():
    """With its warning, from Python 3.15 on, and for the line that asks."""

    def asked(module):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            version = getattr(module, "__version__", None)
        return version, [(str(one.message), one.filename) for one in told]

    assert asked(minisocketserver) == asked(socketserver)


def test_what_is_not_there_is_missed():
    assert not hasattr(minisocketserver, "TcpServer")
