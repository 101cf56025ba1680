"""The conformance suite on a ship, behaviour by behaviour."""

import importlib.util
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..markup import render
from ..processes import Process, end, environment, start
from ..project import PROJECT
from .planks import Ship
from .suites import displayed

SUITE = PROJECT / "tests" / "conformance"
DEADLINE = 300.0
PATIENCE = 15.0
"""Seconds without news after which a test has failed, because it hangs."""

START = 60.0
"""Seconds for pytest to come up."""

RESULTS = "results"
NAME = "socketserver_of_mine"
MODULE = """\
import pickle
import sys
from pathlib import Path

from socketlab.ship.planks import assemble

planks = pickle.loads(Path(__file__).with_name("planks").read_bytes())
sys.modules[__name__] = assemble(**planks)
"""


@dataclass
class Behaviour:
    """Something that a server does: a test, in all the cases for which it is tried."""

    topic: str
    text: str
    cases: dict[str, str] = field(default_factory=dict)
    why: str = ""

    @property
    def verdict(self) -> str:
        """Return "" while a case is open, then failed, passed, or skipped (all its cases)."""
        outcomes = set(self.cases.values())
        if "failed" in outcomes or "" in outcomes:
            return "failed" if "failed" in outcomes else ""
        return "passed" if "passed" in outcomes else "skipped"


class Conformance:
    """What is known so far: a progress bar, the figures, and the behaviours that fail."""

    def __init__(self, links: str = "../../notebooks/", on_loan: Sequence[str] = ()) -> None:
        self.links = links
        self.on_loan = on_loan
        self.behaviours: list[Behaviour] = []
        self.trouble = ""

    def of(self, verdict: str) -> list[Behaviour]:
        """Return the behaviours with this verdict."""
        return [one for one in self.behaviours if one.verdict == verdict]

    def read(self, told: list[dict[str, Any]]) -> None:
        """Take the results from the lines of the plugin."""
        found: dict[str, Behaviour] = {}
        for test in told[0]["tests"] if told else ():
            function, _, _ = test["id"].partition("[")
            behaviour = found.setdefault(function, Behaviour(test["topic"], test["text"]))
            behaviour.cases[test["id"]] = ""
        for line in told[1:]:
            behaviour = found[line["id"].partition("[")[0]]
            outcome = line.get("outcome", "")
            if behaviour.cases[line["id"]] != "failed":
                behaviour.cases[line["id"]] = outcome
            if outcome == "failed":
                behaviour.why = behaviour.why or line["why"]
        self.behaviours = list(found.values())

    @property
    def said(self) -> str:
        """The result in a sentence or two."""
        failed, skipped = len(self.of("failed")), len(self.of("skipped"))
        if not self.behaviours:
            return self.trouble or "The suite begins …"
        said = self.figures
        if skipped:
            said += f" {skipped} more cannot be tried on this system."
        if failed:
            said += f" {'This one is' if failed == 1 else f'These {failed} are'} missing:"
        return said

    @property
    def figures(self) -> str:
        """How many behaviours are there, and how many of these are not the learner's own."""
        passed, skipped = self.of("passed"), self.of("skipped")
        said = f"{len(passed)} of {len(self.behaviours) - len(skipped)} behaviours"
        borrowed = [one for one in passed if chapter(one.topic)[:2] in self.on_loan]
        if borrowed:
            said += f", {len(borrowed)} of them in chapters with a plank on loan"
            said += f" ({', '.join(sorted(set(self.on_loan)))})"
        return f"{self.trouble} {said}.".strip()

    def rows(self) -> Iterator[tuple[str, list[Behaviour]]]:
        """Yield each chapter's notebook, and its behaviours that fail."""
        for topic in dict.fromkeys(one.topic for one in self.behaviours):
            failed = [one for one in self.of("failed") if one.topic == topic]
            if failed:
                yield chapter(topic), failed

    def _done(self) -> int:
        return len(self.behaviours) - len(self.of(""))

    def __repr__(self) -> str:
        done, of = self._done(), len(self.behaviours)
        bar = ("█" * round(20 * done / max(of, 1))).ljust(20, "░")
        parts = [f"{bar} {done} of {of}", self.said]
        for notebook, failed in self.rows():
            parts += [f"{notebook}:", *(f"  - {one.text}" for one in failed)]
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        done, of = self._done(), max(len(self.behaviours), 1)
        return render(
            "conformance.html",
            done=done,
            of=of,
            said=self.said,
            rows=self.rows(),
            links=self.links,
        )


def chapter(topic: str) -> str:
    """Return the name of the notebook that teaches a topic."""
    found = sorted((PROJECT / "notebooks").glob(f"[0-9][0-9]_{topic}.ipynb"))
    return found[0].name if found else f"{topic}.ipynb"


def conformance(
    ship: Ship, topics: Sequence[str] = (), deadline: float = DEADLINE, patience: float = PATIENCE
) -> Conformance:
    """Run the conformance suite on copies of the ship's planks, in processes of its own.

    `topics`, such as "tcp_server", are the parts of the suite to run; without them, all. A test
    that shows no sign of life for `patience` seconds has failed and the next begins; after
    `deadline` seconds all ends. Shows how far it is.
    """
    result = Conformance(on_loan=[no for no, _, whose in ship.rows() if whose == "on loan"])
    if importlib.util.find_spec("pytest") is None or not SUITE.is_dir():
        result.trouble = "The suite needs pytest, and the project's own folder with tests/."
        print(result.trouble)
        return result
    update = displayed(result)

    def show() -> None:
        result.read(lines(folder / RESULTS))
        update(result)

    with TemporaryDirectory() as temporary:
        import cloudpickle  # type: ignore[import-untyped]  # only the chapters need it

        folder = Path(temporary)
        (folder / "planks").write_bytes(cloudpickle.dumps(ship.planks))
        (folder / f"{NAME}.py").write_text(MODULE, encoding="utf-8")
        until = time.monotonic() + deadline
        while result.of("") or not result.behaviours:
            before = len(lines(folder / RESULTS))
            why = _watch(_start(folder, topics), folder / RESULTS, show, until, patience)
            if time.monotonic() > until:
                result.trouble = f"Not all was tried in {deadline:g} seconds."
                break
            if len(lines(folder / RESULTS)) == before:
                output = (folder / "output").read_text(encoding="utf-8", errors="replace").strip()
                result.trouble = f"The suite did not run: {output.rpartition(chr(10))[2]}"
                break
            _close(folder / RESULTS, why)
            show()
    return result


def _start(folder: Path, topics: Sequence[str]) -> Process:
    """Start the suite in a new process, without the tests that have run."""
    paths = [str(SUITE / f"test_{topic}.py") for topic in topics] or [str(SUITE)]
    options = ("-q", "-m", "not beyond", "-p", "no:cacheprovider")
    plugin = ("-p", f"{__package__}.behaviours", f"--socketserver={NAME}")
    settings = {
        "BEHAVIOURS": str(folder / RESULTS),
        "PYTEST_ADDOPTS": "",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # loading those at hand can take ten times as long
    }
    with open(folder / "output", "ab") as output:
        return start(
            *("-m", "pytest", *options, *plugin, *paths),
            cwd=PROJECT,
            env=environment(folder, PROJECT, **settings),
            stdout=output,
            stderr=output,
        )


def _watch(
    process: Process,
    results: Path,
    show: Callable[[], None],
    until: float,
    patience: float,
) -> str:
    """Wait for the process while it gives signs of life; return how it ended."""
    seen, news = len(lines(results)), time.monotonic()
    first = seen
    try:
        while process.poll() is None:
            time.sleep(0.2)
            number, now = len(lines(results)), time.monotonic()
            if number != seen:
                seen, news = number, now
                show()
            # Before the first line it only loads, which may take long on a busy machine.
            if now > min(until, news + (patience if seen > first else START)):
                return f"nothing came for {patience:g} seconds"
        return "the program that ran the test ended"
    finally:
        end(process)


def _close(results: Path, why: str) -> None:
    """Write a failure for the test that was running when the process ended, if there is one."""
    last = lines(results)[-1]
    if "begin" in last:
        line = {"id": last["id"], "outcome": "failed", "why": why}
        with results.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(line)}\n")


def lines(results: Path) -> list[dict[str, Any]]:
    """Return the lines of the plugin; the last may be half written, and is left for later."""
    text = results.read_text(encoding="utf-8", errors="replace") if results.exists() else ""
    return [json.loads(line) for line in text.rpartition("\n")[0].splitlines()]
