"""`socketlab grade`: a folder of submissions in, grades and feedback out."""

import argparse
import gc
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Any, cast

from ..checks import core
from . import hidden, judge, namespaces
from .judge import Grade
from .results import Journal, grade_of, write_all
from .sandbox import LEVELS, Sandbox, SandboxTrouble
from .submissions import Submission, Unreadable, submissions

NOT_YET = "This submission has not been graded yet, or the grader was interrupted."
JOBS_PER_CPU = 2
"""Notebooks at a time, for each processor: a check of a wrong answer is mostly waiting."""

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
    jobs = JOBS_PER_CPU * (os.cpu_count() or 1)
    parser.add_argument("--jobs", type=int, default=jobs, help=f"notebooks at a time ({jobs})")
    parser.add_argument("--level", choices=LEVELS, help="accept no other isolation than this")
    parser.add_argument("--executor", metavar="dask://HOST:PORT", help="grade on a Dask cluster")
    options = parser.parse_args(arguments)
    try:
        grades = grade_class(options)
    except (Unreadable, SandboxTrouble, hidden.BadChecks) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted. The same command goes on where this one was.", file=sys.stderr)
        return 130
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
    with Journal(options.out / "journal.jsonl", _fingerprint(secret)) as journal:
        grades = [journal.find(one) or judge.ungraded(one, NOT_YET) for one in handed_in]
        todo = [place for place, grade in enumerate(grades) if grade.trouble]
        if todo:
            write_all(grades, options.out)  # if we go no further, no old grade looks new
            with _executor(options) as executor, shown(len(handed_in), len(todo)) as advance:
                for place, grade in _graded(executor, handed_in, todo, secret, options):
                    grades[place] = grade
                    journal.add(grade, handed_in[place])
                    advance(grade)
    write_all(grades, options.out)
    summarise(grades, options.out)
    return grades


def _graded(
    executor: Executor,
    handed_in: list[Submission],
    todo: list[int],
    secret: str,
    options: argparse.Namespace,
) -> Iterator[tuple[int, Grade]]:
    call = work if options.executor is None else far_work
    futures = {
        executor.submit(call, asdict(handed_in[place]), secret, options.level): place
        for place in todo
    }
    for future in as_completed(futures):
        place = futures[future]
        try:
            yield place, grade_of(future.result())
        except SandboxTrouble:
            raise
        except Exception as error:  # this one's trouble, not that of the others
            why = f"The grader failed: {type(error).__name__}: {error}. Grade once more."
            yield place, judge.ungraded(handed_in[place], why)


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
            [sys.executable, "-c", f"from {__name__} import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
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
            initializer=namespaces.end_with,
            initargs=(os.getpid(),),
        )
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)


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
    with Client(f"tcp://{where}") as client:  # type: ignore[no-untyped-call]
        yield client.get_executor(retries=3, pure=False)


def _fingerprint(secret: str) -> str:
    """Tell this state of the checks from any other."""
    package = Path(__file__).parents[1]
    state = hashlib.sha256(secret.encode())
    for path in sorted(package.glob("**/*.py")):
        state.update(path.read_bytes())
    return state.hexdigest()
