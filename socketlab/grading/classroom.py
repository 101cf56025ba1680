"""`socketlab grade`: a folder of submissions in, grades and feedback out."""

import argparse
import hashlib
import os
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ..checks import core
from . import hidden, judge
from .judge import Grade
from .results import Journal, grade_of, write_all
from .sandbox import LEVELS, Sandbox, SandboxTrouble
from .submissions import Submission, Unreadable, submissions

_sandbox: Sandbox | None = None
"""Of this process, or inherited from the one that forked it."""


def main(arguments: list[str]) -> int:
    """Run the command; return its exit status: 0 when everything was graded."""
    parser = argparse.ArgumentParser(prog="socketlab grade", description=__doc__)
    parser.add_argument(
        "submissions",
        type=Path,
        help="a folder or zip with <student>/<chapter>/<notebook>.ipynb, or one notebook",
    )
    parser.add_argument("--out", type=Path, default=Path("grades"), help="default: grades/")
    parser.add_argument("--hidden", type=Path, metavar="FILE", help="checks of your own")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="notebooks at a time")
    parser.add_argument("--level", choices=LEVELS, help="accept no other isolation than this")
    parser.add_argument("--executor", metavar="dask://HOST:PORT", help="grade on a Dask cluster")
    options = parser.parse_args(arguments)
    try:
        grades = grade_class(options)
    except (Unreadable, SandboxTrouble, hidden.BadChecks) as error:
        print(error, file=sys.stderr)
        return 2
    return 1 if any(grade.trouble for grade in grades) else 0


def grade_class(options: argparse.Namespace) -> list[Grade]:
    """Grade what is not graded yet, write everything, and show a table."""
    from .progress import shown, summarise

    secret = hidden.read(options.hidden)
    hidden.load(secret, str(options.hidden))
    handed_in = list(submissions(options.submissions))
    if not handed_in:
        raise Unreadable(
            f"There is no <student>/<chapter>/<notebook>.ipynb in {options.submissions}."
        )
    journal = Journal(options.out / "journal.jsonl", _fingerprint(secret))
    try:
        grades = [journal.find(one.student, one.chapter, one.text) for one in handed_in]
        todo = [place for place, grade in enumerate(grades) if grade is None or grade.trouble]
        with _executor(options) as executor, shown(len(handed_in), len(todo)) as advance:
            for place, grade in _graded(executor, handed_in, todo, secret, options.level):
                grades[place] = grade
                journal.add(grade, handed_in[place].text)
                advance(grade)
    finally:
        journal.close()
    done = [grade for grade in grades if grade is not None]
    write_all(done, options.out)
    summarise(done, options.out)
    return done


def _graded(
    executor: Executor, handed_in: list[Submission], todo: list[int], secret: str, level: str | None
) -> Iterator[tuple[int, Grade]]:
    futures = {
        executor.submit(work, asdict(handed_in[place]), secret, level): place for place in todo
    }
    for future in as_completed(futures):
        yield futures[future], grade_of(future.result())


def work(fields: dict[str, Any], secret: str, level: str | None) -> dict[str, Any]:
    """Grade one submission, in a process of the executor's: plain data in, plain data out."""
    global _sandbox
    hidden.load(secret)
    if _sandbox is None:
        _sandbox = Sandbox(level, preload=judge.PRELOAD).__enter__()
    return asdict(judge.grade(Submission(**fields), _sandbox))


@contextmanager
def _executor(options: argparse.Namespace) -> Iterator[Executor]:
    global _sandbox
    if options.executor:
        with _dask(options.executor) as executor:
            yield executor
        return
    with ExitStack() as stack:
        _sandbox = stack.enter_context(Sandbox(options.level, preload=judge.PRELOAD))
        stack.callback(globals().update, _sandbox=None)
        core.exercises()  # before the fork, so that no worker has to
        if _sandbox.level != "namespaces":
            print(f"Isolation: {_sandbox.level}. {LEVELS[_sandbox.level]}", file=sys.stderr)
        pool = ProcessPoolExecutor(options.jobs, mp_context=get_context("fork"))
        yield stack.enter_context(pool)


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    scheme, _, where = address.partition("://")
    if scheme != "dask" or not where:
        raise SandboxTrouble(f"{address!r} is no executor. There is: dask://HOST:PORT")
    try:
        from distributed import Client
    except ImportError:
        raise SandboxTrouble(
            "Dask is not installed: pip install 'minisocketserver[dask]'"
        ) from None
    with Client(f"tcp://{where}") as client:  # type: ignore[no-untyped-call]
        yield client.get_executor(retries=3, pure=False)


def _fingerprint(secret: str) -> str:
    """Tell this state of the checks from any other."""
    package = Path(__file__).parents[1]
    state = hashlib.sha256(secret.encode())
    for path in sorted(package.glob("**/*.py")):
        state.update(path.read_bytes())
    return state.hexdigest()
