"""Write down the conformance suite's results as they come: a plugin for pytest, in its process.

BEHAVIOURS names the file: a line of JSON for the list of the tests, for each beginning, and for
each result. Tests that the file knows already are left out, so that a run which hung can go on
behind the test that hung.
"""

import inspect
import json
import os
from pathlib import Path
from typing import Any

from .conformance import lines

FILE = Path(os.environ["BEHAVIOURS"])
OWNER = os.getpid()


def note(**line: Any) -> None:
    """Add a line. A forked copy of this process that should have ended ends here."""
    if os.getpid() != OWNER:
        os._exit(1)
    with FILE.open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(line)}\n")


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """List the tests, or leave out those that have begun before."""
    told = lines(FILE)
    begun = {line["id"] for line in told if "begin" in line}
    items[:] = [item for item in items if item.nodeid not in begun]
    if not told:
        kept = [item for item in items if not item.get_closest_marker("beyond")]
        note(tests=[_described(item) for item in kept])


def _described(item: Any) -> dict[str, str]:
    told = inspect.getdoc(item.function) or item.originalname
    return {"id": item.nodeid, "topic": item.path.stem.removeprefix("test_"), "text": told}


def pytest_runtest_logstart(nodeid: str) -> None:
    """Say which test begins."""
    note(id=nodeid, begin=True)


def pytest_runtest_logreport(report: Any) -> None:
    """Say what came of it, in its setup, itself, and its tidying up."""
    if report.when == "call" or report.outcome != "passed":
        crash = getattr(report.longrepr, "reprcrash", None)
        why = crash.message if crash else ""
        note(id=report.nodeid, outcome=report.outcome, why=why.partition("\n")[0])
