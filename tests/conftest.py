"""Options and markers that all the tests share."""

import signal

import pytest

# What a shell starts in the background is deaf to Ctrl-C, and so is all that it starts itself.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


IN_A_HURRY = {"exercises", "classroom"}
"""Folders whose tests let clients wait two seconds and no longer, as learners' cells do.

On a busy machine that may not do. The grader makes a check again that failed there; so does
pytest: once, and it counts how often.
"""


def pytest_addoption(parser):
    parser.addoption(
        "--socketserver",
        metavar="NAME",
        default="minisocketserver",
        help="the module that tests/conformance judges (default: %(default)s)",
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "beyond: what the standard library's socketserver cannot do")


def pytest_collection_modifyitems(config, items):
    for item in items:
        if item.path.parent.name in IN_A_HURRY:
            item.add_marker(pytest.mark.flaky(reruns=1))
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
