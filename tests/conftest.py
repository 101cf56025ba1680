"""Options and markers that all the tests share."""

import signal

import pytest

# What a shell starts in the background is deaf to Ctrl-C, and so is all that it starts itself.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption(
        "--socketserver",
        metavar="NAME",
        default="minisocketserver",
        help="the module that tests/conformance judges (default: %(default)s)",
    )


def pytest_collection_modifyitems(config, items):
    config.beyond = 0
    if config.getoption("socketserver") != "socketserver":
        return
    beyond = [item for item in items if item.get_closest_marker("beyond")]
    config.beyond = len(beyond)
    items[:] = [item for item in items if item not in set(beyond)]
    config.hook.pytest_deselected(items=beyond)


@pytest.hookimpl(trylast=True)
def pytest_report_collectionfinish(config):
    beyond = getattr(config, "beyond", 0)
    return f"{beyond} tests state what socketserver cannot do: deselected" if beyond else None
