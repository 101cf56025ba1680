"""Prove the range of Pythons: run what depends on the Python on each, and print one table.

    python tools/pythons.py python3.11 python3.15 ...     (or: make pythons PYTHONS="...")

Each is a command or a path. A plain Python gets an environment, `.venv-3.15`, with the versions
in requirements.lock; the Python of an environment that has the project's tests is used as it is.
The exit status is 1 if a test failed, none ran, or our own solutions missed a point.
"""

import argparse
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
DEADLINE = 3600
"""Seconds for each suite, on a busy machine."""

SUITES = {
    "conformance, on minisocketserver": ["tests/conformance"],
    "conformance, on socketserver": ["tests/conformance", "--socketserver=socketserver"],
    "faults and tools": ["tests/tools"],
    "CPython's suites": ["tests/cpython"],
    "library": ["tests/library", "tests/differential"],
    "notebook and ship": ["tests/notebook", "tests/ship"],
    "processes and commands": [
        "tests/test_processes.py",
        "tests/test_machine_load.py",
        "tests/test_command_line.py",
        "tests/test_markup.py",
    ],
    "exercises, near and far": ["tests/exercises", "tests/checks", "tests/remote"],
    "learner and authoring": ["tests/learner", "tests/authoring"],
    "grading": ["tests/grading", "tests/sandbox", "tests/test_cells.py"],
    "chapters, strictly": ["--nbval", "--nbval-current-env", "notebooks"],
}


class PythonsError(Exception):
    """What was asked for can't be tried; the text says why, and what to do."""


@dataclass
class Outcome:
    """What came of a suite on a Python, from pytest's own report."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return f"{self.passed} / {len(self.failed)} / {self.skipped.total()}"


def interpreter(command: str) -> tuple[str, str]:
    """Return the version and the path of a Python that has the tests; make it an environment."""
    asks = "import json, sys; from importlib.util import find_spec as has; print(json.dumps("
    asks += "[sys.version.split()[0], bool(has('socketlab') and has('nbval'))]))"
    try:
        told = subprocess.run([command, "-P", "-c", asks], capture_output=True, text=True)
    except OSError as error:
        raise PythonsError(f"{command} can't be run: {error}. Name another Python.") from None
    if told.returncode:
        raise PythonsError(f"{command} is no Python that we support (3.11 or newer): {told.stderr}")
    version, has_tests = json.loads(told.stdout)
    if has_tests:
        return version, command
    folder = ROOT / f".venv-{version.rpartition('.')[0]}"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    constraints = {"PIP_CONSTRAINT": str(LOCK), "PIP_BUILD_CONSTRAINT": str(LOCK)}
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        subprocess.run([command, "-m", "venv", "--clear", folder], check=True)
        subprocess.run(
            [*pip, "-e", ".[test]"], check=True, cwd=ROOT, env={**os.environ, **constraints}
        )
    except subprocess.CalledProcessError as error:
        raise PythonsError(f"No environment for {command} in {folder}: {error}") from None
    return version, str(python)


def run(python: str, arguments: list[str], jobs: int) -> Outcome:
    """Run a suite; a run that reports nothing counts as one failure."""
    with TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
        command += ["-n", str(jobs), "--dist", "loadfile", *arguments]
        try:
            told = subprocess.run(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE
            )
        except subprocess.TimeoutExpired:
            return Outcome(failed=[f"not done after {DEADLINE} seconds"])
        if not report.exists():
            return Outcome(failed=[f"pytest ended with {told.returncode}: {told.stdout[-300:]!r}"])
        return read(ET.parse(report).getroot())


def read(report: ET.Element) -> Outcome:
    """Return what pytest's report in JUnit's format says."""
    outcome = Outcome()
    for case in report.iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        skips = case.findall("skipped")
        if troubles := [*case.findall("failure"), *case.findall("error")]:
            first = (troubles[0].get("message") or "").partition("\n")[0]
            outcome.failed.append(f"{name}: {first[:200]}")
        elif skips:
            outcome.skipped[skips[0].get("message") or "no reason given"] += 1
        else:
            outcome.passed += 1
    if not outcome.passed and not outcome.failed:
        outcome.failed.append("no test was run")
    return outcome


def points(python: str) -> tuple[str, list[str]]:
    """Grade our solutions; return "281 of 281", and what was missed."""
    command = [python, "-m", "tools.solution_points", "--json"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if told.returncode:
        return "none", [f"grading ended with {told.stderr.strip().rpartition(chr(10))[2]}"]
    won, most, missed = json.loads(told.stdout)
    return f"{won} of {most}", missed


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.pythons", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("python", nargs="+", help="a command or a path, such as python3.15")
    parser.add_argument("--jobs", type=int, default=4, help="workers for each suite")
    parser.add_argument(
        "--only", action="append", metavar="WORD", help="only the suites with this word"
    )
    asked = parser.parse_args()
    suites = {
        name: arguments
        for name, arguments in SUITES.items()
        if not asked.only or any(word in name for word in asked.only)
    }
    heads, columns, notes = [], [], []
    try:
        pythons = [interpreter(command) for command in asked.python]
    except PythonsError as error:
        print(error, file=sys.stderr)
        return 1
    is_right = True
    for version, python in pythons:
        column = []
        for name, arguments in suites.items():
            outcome = run(python, arguments, asked.jobs)
            said = [f"{version}: {name}: {outcome}", *outcome.failed]
            print(*said, sep="\n  FAILED ", file=sys.stderr, flush=True)
            column.append(str(outcome))
            notes += [f"{version}, {name}: FAILED {one}" for one in outcome.failed]
            notes += [
                f"{version}, {name}: {count} skipped: {why}"
                for why, count in outcome.skipped.most_common()
            ]
            is_right = is_right and not outcome.failed
        won, missed = points(python)
        notes += [f"{version}, points: {one}" for one in missed]
        is_right = is_right and not missed
        heads.append(version)
        columns.append([*column, won])
    print("passed / failed / skipped\n")
    print("| |", " | ".join(heads), "|")
    print("|---|" + "---:|" * len(heads))
    for name, *cells in zip([*suites, "points of our solutions"], *columns, strict=True):
        print(f"| {name} |", " | ".join(cells), "|")
    print("", *notes, sep="\n")
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
