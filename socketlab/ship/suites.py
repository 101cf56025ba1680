"""Sea trials: programs that others wrote, and CPython's own tests, on our planks."""

import importlib.machinery
import importlib.util
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import minisocketserver

from ..markup import render
from ..processes import end_of, environment, start
from .planks import Ship

HERE = Path(__file__).parent
SHIM = HERE / "shim"
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
QUICK = ("test_socketserver", "test_httpservers", "test_docxmlrpc", "test_wsgiref")
"""Those that take about a second."""

LEFT_OUT = {
    # Takes a name for the module's own only if `__module__` says "socketserver". Ours say
    # "minisocketserver.…"; tests/cpython/test_all.py compares `__all__` instead.
    "test_socketserver": ["test.test_socketserver.MiscTestCase.test_all"],
}


def on_board(ship: ModuleType, *names: str) -> list[ModuleType]:
    """Return the modules of these names, loaded anew on `ship` in the place of `socketserver`.

    They also see each other, so name the ones that others import first: "http.server" before
    "xmlrpc.server". What the program has imported before stays as it was. Raises ImportError
    for a name that is no module.
    """
    before = {name: sys.modules.get(name) for name in ("socketserver", *names)}
    modules = []
    try:
        sys.modules["socketserver"] = ship
        for name in names:
            spec = importlib.util.find_spec(name)
            if spec is None or spec.loader is None:
                raise ModuleNotFoundError(f"There is no module {name}.")
            # Not import_module: it would also put the new module into its package.
            module = sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            modules.append(module)
    finally:
        for name, old in before.items():
            if old is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = old
    return modules


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

    @property
    def verdict(self) -> str:
        """Return a word for it: passed, failed, or not our servers'."""
        if self.failures:
            return "failed"
        return "passed" if self.servers else "passed, but not on our servers"


def is_shipped(suite: str) -> bool:
    """Tell whether the running interpreter ships the suite (many distributions leave it out).

    A learner's own test.py is no reason to think so.
    """
    folder = Path(os.__file__).parent / "test"
    return importlib.machinery.PathFinder.find_spec(suite, [str(folder)]) is not None


def knows_localhost() -> bool:
    """Tell whether the machine has a name `localhost`: the suites make their servers there."""
    try:
        socket.getaddrinfo("localhost", None)
    except socket.gaierror:
        return False
    return True


def run(
    suite: str,
    *,
    shim: Path | None = SHIM,
    ship: Ship | None = None,
    deadline: float = DEADLINE,
) -> Outcome:
    """Run a suite in a process of its own, on minisocketserver or on copies of the ship's planks.

    `shim=None` runs it on the standard library. A suite that is not done after `deadline`
    seconds has failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder, "counts")
        counts.mkdir()
        report = Path(folder, "report.json")
        planks = Path(folder, "planks")
        if ship is not None:
            import cloudpickle  # type: ignore[import-untyped]  # only the chapters need it

            planks.write_bytes(cloudpickle.dumps(ship.planks))
        ours = Path(minisocketserver.__file__).parents[1]
        # A file, not a pipe: what a suite has started and left behind would keep a pipe open.
        with open(Path(folder, "output"), "w+b") as stream:
            child = start(
                *(str(HERE / "run_suite.py"), suite, str(report), *LEFT_OUT.get(suite, ())),
                cwd=folder,
                env=environment(
                    *([shim, ours] if shim else [ours]),
                    SOCKETSERVER_COUNTS=str(counts),
                    SOCKETSERVER_PLANKS=str(planks) if ship is not None else "",
                ),
                stdout=stream,
                stderr=stream,
            )
            # One that is late says where it stands: faulthandler answers the signal.
            is_late = end_of(child, deadline, signal.SIGABRT) is None
            stream.seek(0)
            output = stream.read().decode(errors="replace")
        if is_late:
            late = f"Not done after {deadline:g} seconds.\n{output}".strip()
            return Outcome(suite, failures=1, output=late)
        if not report.exists():
            return Outcome(suite, failures=1, output=output)
        servers = sum(int(file.read_text()) for file in counts.iterdir())
        return Outcome(
            suite, **json.loads(report.read_text(encoding="utf-8")), servers=servers, output=output
        )


class Trials:
    """The verdicts so far, as a table under a progress bar; `outcomes` has the numbers."""

    def __init__(self, suites: tuple[str, ...]) -> None:
        self.suites = suites
        self.outcomes: list[Outcome] = []

    @property
    def passed(self) -> bool:
        """Whether all suites have run, and passed on our servers."""
        verdicts = [outcome.verdict for outcome in self.outcomes]
        return verdicts == ["passed"] * len(self.suites)

    def rows(self) -> list[tuple[str, str]]:
        """Return a name and a verdict for each suite."""
        done = {outcome.suite: outcome.verdict for outcome in self.outcomes}
        return [(suite, done.get(suite, "…")) for suite in self.suites]

    def __repr__(self) -> str:
        done, of = len(self.outcomes), len(self.suites)
        bar = ("█" * round(20 * done / of)).ljust(20, "░")
        lines = [f"{bar} {done} of {of}"]
        return "\n".join([*lines, *(f"{suite:20} {verdict}" for suite, verdict in self.rows())])

    def _repr_html_(self) -> str:
        done, of = len(self.outcomes), len(self.suites)
        return render("trials.html", done=done, of=of, rows=self.rows())


def sea_trials(
    ship: Ship | None = None, suites: Sequence[str] = QUICK, deadline: float = DEADLINE
) -> Trials:
    """Run CPython's suites on the ship, or on minisocketserver; show how far they are.

    Suites that this Python does not ship are not run; without any, or where a machine lacks
    what all of them need, a sentence says so. For `deadline` see `run`.
    """
    trials = Trials(tuple(filter(is_shipped, suites)))
    if not trials.suites:
        print("This Python comes without its own tests, so there is nothing to run here.")
        return trials
    if not knows_localhost():
        print("This machine has no name localhost, which these tests need: nothing was run.")
        return Trials(())
    update = displayed(trials)
    for suite in trials.suites:
        trials.outcomes.append(run(suite, ship=ship, deadline=deadline))
        update(trials)
    return trials


def displayed(trials: Any) -> Callable[[Any], Any]:
    """Show the trials in a notebook, and return what shows them again in the same place."""
    try:
        from IPython.core.getipython import get_ipython
        from IPython.display import display
    except ImportError:
        return lambda trials: None
    if get_ipython() is None:
        return lambda trials: None
    handle: Any = display(trials, display_id=True)  # type: ignore[no-untyped-call]
    update: Callable[[Any], Any] = handle.update
    return update
