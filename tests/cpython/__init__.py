"""CPython's own test suites, from the running interpreter's `test` package, on our module.

`python -m tests.cpython` runs them all and prints a table.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
DEADLINE = 110.0

SUITES = (
    "test_socketserver",
    "test_httpservers",
    "test_xmlrpc",
    "test_docxmlrpc",
    "test_wsgiref",
    "test_imaplib",
    "test_urllib2_localnet",
    "test_logging",
)

LEFT_OUT = {
    # Takes a name for the module's own only if `__module__` says "socketserver". Ours say
    # "minisocketserver.…"; test_all.py compares `__all__` instead.
    "test_socketserver": ["test.test_socketserver.MiscTestCase.test_all"],
}


@dataclass
class Outcome:
    """What came of a suite; `servers` counts the objects of our classes that were made."""

    suite: str
    tests: int = 0
    skipped: int = 0
    failures: int = 0
    left_out: int = 0
    servers: int = 0
    output: str = ""


def is_shipped(suite):
    """Tell whether the running interpreter ships the suite (many distributions leave it out)."""
    return importlib.util.find_spec("test") and importlib.util.find_spec(f"test.{suite}")


def run(suite, *, shim=HERE / "shim"):
    """Run a suite in a process of its own; `shim=None` runs it on the standard library."""
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder, "counts")
        counts.mkdir()
        report = Path(folder, "report.json")
        path = [str(shim)] if shim else []
        path += [str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]
        child = subprocess.run(
            [sys.executable, HERE / "run_suite.py", suite, report, *LEFT_OUT.get(suite, ())],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, path)),
                "SOCKETSERVER_COUNTS": str(counts),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=DEADLINE,
        )
        if not report.exists():
            return Outcome(suite, failures=1, output=child.stdout)
        servers = sum(int(file.read_text()) for file in counts.iterdir())
        return Outcome(
            suite, **json.loads(report.read_text()), servers=servers, output=child.stdout
        )
