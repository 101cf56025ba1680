"""`socketlab grade`: a folder of submissions in, grades and feedback out."""

import argparse
import gc
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Any, cast

from .. import answers, pythons
from ..checks import core
from . import alike, hidden, judge, namespaces
from .judge import Grade
from .results import TABLE, Journal, grade_of, write_all
from .sandbox import LEVELS, Sandbox, SandboxTrouble, processors
from .submissions import Submission, Unreadable, submissions

NOT_YET = "This submission has not been graded yet, or the grader was interrupted."
JOBS_PER_CPU = 4
"""Notebooks at a time, for each processor: a check of a wrong answer is mostly waiting."""

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
    jobs = JOBS_PER_CPU * len(processors())
    parser.add_argument("--jobs", type=_count, default=jobs, help=f"notebooks at a time ({jobs})")
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
    with journal:
        grades = [journal.find(one) or judge.ungraded(one, NOT_YET) for one in handed_in]
        todo = [place for place, grade in enumerate(grades) if grade.trouble]
        if todo:
            if secret:  # a fault of theirs costs no grades
                with _executor(options) as executor:
                    _try_hidden_checks(executor, secret, options)
            if (options.out / TABLE).exists():
                with _written(options.out):
                    write_all(grades, options.out)  # if we go no further, no old grade looks new
            shows = shown(len(handed_in), len(todo))
            with _executor(options) as executor, shows as advance:
                for place, grade in _graded(executor, handed_in, todo, secret, options):
                    grades[place] = grade
                    with _written(options.out):
                        journal.add(grade, handed_in[place])
                    advance(grade)
    pairs = alike.pairs(handed_in)
    with _written(options.out):
        write_all(grades, options.out)
        alike.write(pairs, options.out)
    summarise(grades, options.out)
    if pairs:
        print(f"Answers alike: {len(pairs)}, to be looked at: {options.out / 'alike.csv'}")
    return grades


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
            told = f"{student} has handed in {count} notebooks of {chapter}. Each is graded."
            print(told, file=sys.stderr)
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


def _try_hidden_checks(executor: Executor, secret: str, options: argparse.Namespace) -> None:
    """Judge our own solution and the blank exercise: who has a fault, the class or the check?"""
    for exercise, folder, submission in hidden.trials():
        grade = executor.submit(
            _worker(options), asdict(submission), secret, options.level
        ).result()
        hidden.judge_trial(exercise, folder, grade["results"])


def _graded(
    executor: Executor,
    handed_in: list[Submission],
    todo: list[int],
    secret: str,
    options: argparse.Namespace,
) -> Iterator[tuple[int, Grade]]:
    futures = {
        executor.submit(_worker(options), asdict(handed_in[place]), secret, options.level): place
        for place in todo
    }
    for future in as_completed(futures):
        place = futures[future]
        try:
            yield place, grade_of(future.result())
        except (SandboxTrouble, BrokenExecutor):
            raise
        except Exception as error:  # this one's trouble, not that of the others
            why = f"The grader failed: {type(error).__name__}: {error}. Grade once more."
            yield place, judge.ungraded(handed_in[place], why)


def _worker(options: argparse.Namespace) -> Callable[..., dict[str, Any]]:
    return far_work if options.executor else work


def work(fields: dict[str, Any], secret: str, _: str | None) -> dict[str, Any]:
    """Grade one submission, in a process that has a sandbox: plain data in, plain data out."""
    hidden.load(secret)
    assert _sandbox is not None
    return asdict(judge.grade(Submission(**fields), _sandbox))


def far_work(fields: dict[str, Any], secret: str, level: str | None) -> dict[str, Any]:
    """Do `work` in a Dask worker: by a program beside it, since the worker has many threads.

    The program serves this thread of the worker, and ends when the worker has.
    """
    if getattr(_beside, "program", None) is None:
        _beside.program = subprocess.Popen(
            pythons.program(f"from {__name__} import serve; serve()"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env=pythons.environment(),
            start_new_session=True,
        )
    program = _beside.program
    try:
        print(json.dumps([fields, secret, level]), file=program.stdin, flush=True)
        answer = json.loads(program.stdout.readline())
    except (OSError, ValueError):
        program.kill()
        program.wait()
        _beside.program = None
        raise RuntimeError("the program that judges on a worker has ended") from None
    if isinstance(answer, str):
        raise SandboxTrouble(f"On a worker: {answer}")
    return cast(dict[str, Any], answer)


_beside = threading.local()


def serve() -> None:
    """Grade what comes on stdin, a line each, until its end: the program of `far_work`."""
    first = sys.stdin.readline()
    try:
        with _judging(json.loads(first)[2]):
            for line in chain([first], sys.stdin):
                print(json.dumps(work(*json.loads(line))), flush=True)
    except SandboxTrouble as trouble:
        print(json.dumps(str(trouble)), flush=True)


@contextmanager
def _executor(options: argparse.Namespace) -> Iterator[Executor]:
    if options.executor:
        with _dask(options.executor) as executor:
            yield executor
        return
    with _judging(options.level):
        pool = ProcessPoolExecutor(
            options.jobs,
            mp_context=get_context("fork"),
            initializer=_start_worker,
            initargs=(os.getpid(),),
        )
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)


def _start_worker(grader: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends a worker, with no traceback
    namespaces.end_with(grader)


@contextmanager
def _judging(level: str | None) -> Iterator[None]:
    """Let this process, and those that it forks, do `work`."""
    global _sandbox
    core.exercises()  # before a fork, so that no child has to
    with Sandbox(level, preload=judge.PRELOAD) as _sandbox:
        if _sandbox.level != "namespaces":
            print(f"Isolation: {_sandbox.level}. {LEVELS[_sandbox.level]}", file=sys.stderr)
        gc.collect()
        gc.freeze()  # a collection in a child would copy every page
        yield
    _sandbox = None


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
        if not client.scheduler_info()["workers"]:
            print(f"The scheduler at {where} has no workers yet. Waiting.", file=sys.stderr)
        yield client.get_executor(retries=3, pure=False)  # type: ignore[no-untyped-call]


def _fingerprint(secret: str) -> str:
    """Tell this state of the checks from any other."""
    package = Path(__file__).parents[1]
    state = hashlib.sha256(secret.encode())
    for path in sorted(package.glob("**/*.py")):
        state.update(path.read_bytes())
    return state.hexdigest()
