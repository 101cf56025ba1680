"""`socketlab grade`: a folder of submissions in, grades and feedback out."""

import argparse
import hashlib
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from .. import answers
from ..checks import core
from . import alike, hidden, judge
from .judge import Grade
from .results import Journal, grade_of, write_all
from .sandbox import LEVELS, Sandbox, SandboxTrouble
from .submissions import Submission, Unreadable, submissions

_sandbox: Sandbox | None = None
"""Of this process, or inherited from the one that forked it."""


class NotWritten(Exception):
    """The grades cannot be written; the text says why."""


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
    parser.add_argument("--jobs", type=_count, default=os.cpu_count(), help="notebooks at a time")
    parser.add_argument("--level", choices=LEVELS, help="accept no other isolation than this")
    parser.add_argument("--executor", metavar="dask://HOST:PORT", help="grade on a Dask cluster")
    options = parser.parse_args(arguments)
    try:
        grades = grade_class(options)
    except (Unreadable, SandboxTrouble, hidden.BadChecks, NotWritten) as error:
        print(error, file=sys.stderr)
        return 2
    except (KeyboardInterrupt, BrokenExecutor) as error:
        why = "Interrupted" if isinstance(error, KeyboardInterrupt) else "A grading process died"
        print(f"{why}. What is graded is kept: the same command goes on there.", file=sys.stderr)
        return 2
    return 1 if any(grade.trouble for grade in grades) else 0


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of notebooks, such as 2")
    return int(text)


def grade_class(options: argparse.Namespace) -> list[Grade]:
    """Grade what is not graded yet, write everything, and show a table."""
    from .progress import shown, summarise

    secret = hidden.read(options.hidden)
    hidden.load(secret, str(options.hidden))
    handed_in = _handed_in(options.submissions)
    with _written(options.out):
        journal = Journal(options.out / "journal.jsonl", _fingerprint(secret))
    try:
        grades = [journal.find(one.student, one.chapter, one.text) for one in handed_in]
        todo = [place for place, grade in enumerate(grades) if grade is None or grade.trouble]
        with _executor(options) as executor:
            _try_hidden_checks(executor, secret, options.level)
            with shown(len(handed_in), len(todo)) as advance:
                for place, grade in _graded(executor, handed_in, todo, secret, options.level):
                    grades[place] = grade
                    with _written(options.out):
                        journal.add(grade, handed_in[place].text)
                    advance(grade)
    finally:
        journal.close()
    done = [grade for grade in grades if grade is not None]
    pairs = alike.pairs(handed_in)
    with _written(options.out):
        write_all(done, options.out)
        alike.write(pairs, options.out)
    summarise(done, options.out)
    if pairs:
        print(f"Answers alike: {len(pairs)}, to be looked at: {options.out / 'alike.csv'}")
    return done


def _handed_in(source: Path) -> list[Submission]:
    """Return what can be graded, and say what is left out."""
    left: list[str] = []
    found = list(submissions(source, left))
    if left:
        print(f"Left out, as no path says whose they are: {', '.join(left)}", file=sys.stderr)
    if not found:
        raise Unreadable(f"There is no <student>/<chapter>/<notebook>.ipynb in {source}.")
    for (student, chapter), count in Counter((one.student, one.chapter) for one in found).items():
        if count > 1:
            print(f"{student} has handed in {count} notebooks of {chapter}.", file=sys.stderr)
    unchecked = [one for one in found if _has_no_checks(one.chapter)]
    for chapter in sorted({one.chapter for one in unchecked}):
        print(f"Left out, as it has no checks: {chapter}", file=sys.stderr)
    return [one for one in found if one not in unchecked]


def _has_no_checks(chapter: str) -> bool:
    """Tell whether this is a part of the course that is for people to read: the capstone."""
    is_ours = (answers.PROJECT / "exercises" / chapter).is_dir() and chapter
    return bool(is_ours and not judge.exercises_of(chapter))


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotWritten(f"Grades cannot be written to {folder}: {error.strerror}.") from error


def _try_hidden_checks(executor: Executor, secret: str, level: str | None) -> None:
    """Judge our own solution and the blank exercise: who has a fault, the class or the check?"""
    for exercise, folder, submission in hidden.trials():
        grade = executor.submit(work, asdict(submission), secret, level).result()
        hidden.judge_trial(exercise, folder, grade["results"])


def _graded(
    executor: Executor, handed_in: list[Submission], todo: list[int], secret: str, level: str | None
) -> Iterator[tuple[int, Grade]]:
    futures = {
        executor.submit(work, asdict(handed_in[place]), secret, level): place for place in todo
    }
    try:
        for future in as_completed(futures):
            yield futures[future], grade_of(future.result())
    finally:
        for future in futures:
            future.cancel()


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
        pool = ProcessPoolExecutor(
            options.jobs,
            get_context("fork"),
            initializer=signal.signal,  # Ctrl-C ends a worker, with no traceback
            initargs=(signal.SIGINT, signal.SIG_DFL),
        )
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
    try:
        client = Client(f"tcp://{where}")  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise SandboxTrouble(f"No Dask scheduler answers at {where}: {error}") from None
    with client:
        yield client.get_executor(retries=3, pure=False)  # type: ignore[no-untyped-call]


def _fingerprint(secret: str) -> str:
    """Tell this state of the checks from any other."""
    package = Path(__file__).parents[1]
    state = hashlib.sha256(secret.encode())
    for path in sorted(package.glob("**/*.py")):
        state.update(path.read_bytes())
    return state.hexdigest()
