"""CPython's suites pass on our module, and our classes did the serving."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from socketlab.ship.suites import SUITES, is_shipped, run


@pytest.fixture(scope="module")
def outcomes(request):
    """All the suites, running side by side: they spend their time waiting."""
    wanted = {
        item.callspec.params["suite"]
        for item in request.node.session.items
        if item.path == request.path and hasattr(item, "callspec")
    }
    with ThreadPoolExecutor(len(SUITES)) as pool:
        yield {suite: pool.submit(run, suite) for suite in wanted if is_shipped(suite)}


@pytest.mark.parametrize("suite", SUITES)
def test_suite_passes_and_our_classes_served(suite, outcomes):
    if suite not in outcomes:
        pytest.skip(f"this Python ships no test.{suite}")
    outcome = outcomes[suite].result()
    assert outcome.failures == 0, outcome.output
    assert outcome.tests > 0
    assert outcome.servers > 0


def test_without_the_shim_no_server_is_ours():
    if not is_shipped("test_docxmlrpc"):
        pytest.skip("this Python ships no test.test_docxmlrpc")
    outcome = run("test_docxmlrpc", shim=None)
    assert (outcome.failures, outcome.servers) == (0, 0)
