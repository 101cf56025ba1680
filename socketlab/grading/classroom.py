"""`socketlab grade`: a folder of submissions in, grades and feedback out."""

import gc
import hashlib
import json
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, cast

from .. import project
from ..exercises import all_exercises
from ..processes import end, start_function
from ..sandbox import LEVELS
from ..sandbox.sandbox import Sandbox, SandboxError
from . import hidden, judge, private_files, similarity, trial
from .archives import printable
from .grade import Grade, HiddenChecks, exercises_of, ungraded
from .results import JOURNAL, TABLE, Journal, grade_of, write_all
from .submissions import Submission, SubmissionError, submissions

FEW_JOBS = 4
"""Trials at a time of those who could not be judged beside others."""
NOT_YET = "This submission has not been graded yet, or the grader was interrupted."


class WriteError(Exception):
    """The grades cannot be written; the text says why."""


@dataclass(frozen=True)
class Settings:
    """How to judge: so many trials at a time, at this level of isolation alone, and on the Dask
    cluster at dask://HOST:PORT."""

    jobs: int
    level: str | None = None
    executor: str | None = None


def run(source: Path, out: Path, settings: Settings, hidden_file: Path | None = None) -> int:
    """Do what `grade_class` does; return the exit status: 0 when everything was graded."""
    try:
        with _time_is_told():
            grades = grade_class(source, out, settings, hidden_file)
    except (SubmissionError, SandboxError, hidden.HiddenChecksError, WriteError) as error:
        for line in str(error).splitlines():
            print(printable(line), file=sys.stderr)
        return 2
    except (KeyboardInterrupt, DeadlineError, MemoryError) as error:
        why = {KeyboardInterrupt: "Interrupted", MemoryError: "The grader has too little memory"}
        told = why.get(type(error)) or error
        print(f"{told}. What is graded is kept: the same command goes on there.", file=sys.stderr)
        return 2
    return 1 if any(grade.trouble for grade in grades) else 0


class DeadlineError(Exception):
    """This process has nearly used up its computing time; the text says why."""


@contextmanager
def _time_is_told() -> Iterator[None]:
    """Raise DeadlineError a second before a limit on computing time ends us in silence."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard == resource.RLIM_INFINITY:
        yield
        return

    def told(*_: object) -> None:
        raise DeadlineError(f"This terminal allows {hard} seconds of computing time (ulimit -t)")

    before = signal.signal(signal.SIGXCPU, told)
    resource.setrlimit(resource.RLIMIT_CPU, (max(1, hard - 1), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
        signal.signal(signal.SIGXCPU, before)


def grade_class(
    source: Path, out: Path, settings: Settings, hidden_file: Path | None = None
) -> list[Grade]:
    """Grade what is not graded yet, write everything to `out`, and show a table."""
    from .progress_bar import shown, summarise

    secret = hidden.read(hidden_file)
    checks = hidden.load(secret, str(hidden_file))
    handed_in = _handed_in(source)
    with _written(out):
        private_files.own_folder(out, marks=(JOURNAL, TABLE))
        journal = Journal(out / JOURNAL, fingerprint(secret))
    with journal:
        grades = [journal.find(one) or ungraded(one, NOT_YET, checks) for one in handed_in]
        todo = [place for place, grade in enumerate(grades) if grade.trouble]
        if todo:
            if secret:  # a fault of theirs costs no grades
                _try_hidden_checks(checks, secret, settings)
            if (out / TABLE).exists():
                with _written(out):
                    write_all(grades, out)  # if we go no further, no old grade looks new
            with shown(len(handed_in), len(todo)) as advance:
                for place, grade in _graded(handed_in, todo, secret, settings):
                    grades[place] = grade
                    with _written(out):
                        journal.add(grade, handed_in[place])
                    advance(grade)
    with _written(out):
        write_all(grades, out)
    summarise(grades, out)
    pairs = similarity.pairs(handed_in)  # no grade waits for this, or depends on it
    with _written(out):
        similarity.write(pairs, out)
    if pairs:
        print(f"Answers alike: {len(pairs)}, to be looked at: {out / 'alike.csv'}")
    return grades


def _handed_in(source: Path) -> list[Submission]:
    """Return what can be graded, and say what is left out."""
    left: list[str] = []
    found = list(submissions(source, left))
    if left:
        print(f"Left out, as no path says whose they are: {', '.join(left)}", file=sys.stderr)
    if not found:
        raise SubmissionError(f"There is no <student>/<chapter>/<notebook>.ipynb in {source}.")
    for (student, chapter), paths in _paths(found).items():
        if len(paths) > 1:
            told = f"{student} has handed in {len(paths)} notebooks of {chapter}. Each is graded."
            print(f"{told} Take one away: {', '.join(paths)}", file=sys.stderr)
    unchecked = [one for one in found if _has_no_checks(one.chapter)]
    for chapter in sorted({one.chapter for one in unchecked}):
        print(f"Left out, as it has no checks: {chapter}", file=sys.stderr)
    return [one for one in found if one not in unchecked]


def _paths(handed_in: Iterable[Submission]) -> dict[tuple[str, str], list[str]]:
    """Return by student and chapter where the notebooks are; where there is none, no path."""
    paths: dict[tuple[str, str], list[str]] = {}
    for one in handed_in:
        paths.setdefault((one.student, one.chapter), []).extend(filter(None, [one.path]))
    return paths


def _has_no_checks(chapter: str) -> bool:
    """Tell whether this is a part of the course that is for people to read: the capstone."""
    is_ours = (project.PROJECT / "exercises" / chapter).is_dir() and chapter
    return bool(is_ours and not exercises_of(chapter))


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WriteError(f"Grades cannot be written to {folder}: {error.strerror}.") from error


def _try_hidden_checks(checks: HiddenChecks, secret: str, settings: Settings) -> None:
    """Judge our own solution and the blank exercise: who has a fault, the class or the check?"""
    trials = list(hidden.trials(checks))
    submissions = {place: one for place, (*_, one) in enumerate(trials)}
    with _judges(settings) as judged:
        outcomes = dict(judged(submissions, secret))
    for place, (exercise, folder, _) in enumerate(trials):
        outcome = outcomes[place]
        if isinstance(outcome, Exception):
            raise SandboxError(f"The hidden checks could not be tried: {outcome}.")
        hidden.judge_trial(exercise, folder, outcome.results)


def _graded(
    handed_in: list[Submission], todo: list[int], secret: str, settings: Settings
) -> Iterator[tuple[int, Grade]]:
    """Yield places and grades, as they come.

    What could not be judged is tried once more, alone and in a new sandbox: perhaps the others
    have taken what it lacked.
    """
    left = []
    with _judges(settings) as judged:
        for place, outcome in judged({place: handed_in[place] for place in todo}, secret):
            if isinstance(outcome, Grade):
                yield place, outcome
            else:
                left.append(place)
    if not left:
        return
    with _judges(replace(settings, jobs=min(settings.jobs, FEW_JOBS))) as judged:
        for place in left:
            [(_, outcome)] = judged({place: handed_in[place]}, secret)
            if not isinstance(outcome, Grade):
                why = f"It could not be judged here: {outcome}. Grade once more."
                outcome = ungraded(handed_in[place], why, hidden.load(secret))
            yield place, outcome


def far_work(fields: dict[str, Any], secret: str, level: str | None) -> dict[str, Any]:
    """Grade one submission in a Dask worker, from plain data to plain data.

    A program beside it does that, since the worker has many threads. It serves this thread of the
    worker, and ends when the worker has.
    """
    if getattr(_beside, "program", None) is None:
        pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
        _beside.program = start_function(serve, encoding="utf-8", **pipes)
    program = _beside.program
    try:
        print(json.dumps([fields, secret, level]), file=program.stdin, flush=True)
        answer = json.loads(program.stdout.readline())
    except (OSError, ValueError):
        end(program)
        _beside.program = None
        raise RuntimeError("the program that judges on a worker has ended") from None
    if isinstance(answer, str):
        raise SandboxError(f"On a worker: {answer}")
    if "failed" in answer:
        raise judge.NotJudgedError(answer["failed"])
    return cast(dict[str, Any], answer)


_beside = threading.local()


def serve() -> None:
    """Grade what comes on stdin, a line each, until its end: the program of `far_work`."""
    first = sys.stdin.readline()
    try:
        with _judging(json.loads(first)[2]) as sandbox:
            for line in chain([first], sys.stdin):
                fields, secret, _ = json.loads(line)
                try:
                    grade = judge.grade(Submission(**fields), sandbox, hidden.load(secret))
                    answer = asdict(grade)
                except judge.NotJudgedError as trouble:
                    answer = {"failed": str(trouble)}
                print(json.dumps(answer), flush=True)
    except SandboxError as trouble:
        print(json.dumps(str(trouble)), flush=True)


Judges = Callable[[Mapping[int, Submission], str], Iterator[tuple[int, Grade | Exception]]]
"""From submissions by place, and the text of hidden checks: places and grades, as they come."""


@contextmanager
def _judges(settings: Settings) -> Iterator[Judges]:
    if settings.executor:
        with _dask(settings.executor) as executor:
            yield partial(_far_away, executor, settings.level)
        return
    with _judging(settings.level) as sandbox:
        yield lambda submissions, secret: judge.grades(
            submissions, sandbox, hidden.load(secret), settings.jobs
        )


def _far_away(
    executor: Executor, level: str | None, submissions: Mapping[int, Submission], secret: str
) -> Iterator[tuple[int, Grade | Exception]]:
    futures = {
        executor.submit(far_work, asdict(one), secret, level): place
        for place, one in submissions.items()
    }
    for future in as_completed(futures):
        try:
            yield futures[future], grade_of(future.result())
        except SandboxError:
            raise
        except Exception as error:  # this one's trouble, not that of the others
            yield futures[future], error


@contextmanager
def _judging(level: str | None) -> Iterator[Sandbox]:
    """Give this process, and those that it forks, a sandbox to judge in."""
    all_exercises()  # before a fork, so that no child has to
    with Sandbox(level, preload=trial.PRELOAD) as sandbox:
        if sandbox.level != "namespaces":
            print(f"Isolation: {sandbox.level}. {LEVELS[sandbox.level]}", file=sys.stderr)
        gc.collect()
        gc.freeze()  # a collection in a child would copy every page
        yield sandbox


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    scheme, _, where = address.partition("://")
    if scheme != "dask" or not where:
        raise SandboxError(f"{address!r} is no executor. There is: dask://HOST:PORT")
    try:
        from distributed import Client
    except ImportError:
        raise SandboxError("Dask is not installed: pip install 'minisocketserver[dask]'") from None
    try:
        client = Client(f"tcp://{where}")  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise SandboxError(f"No Dask scheduler answers at {where}: {error}") from None
    with client:
        if not client.scheduler_info()["workers"]:
            print(f"The scheduler at {where} has no workers yet. Waiting.", file=sys.stderr)
        yield client.get_executor(retries=3, pure=False)  # type: ignore[no-untyped-call]


PACKAGE = Path(__file__).parents[1]


def fingerprint(secret: str, package: Path = PACKAGE) -> str:
    """Return a fingerprint of the checks, their points, and the Python on which answers run."""
    state = hashlib.sha256(secret.encode())
    state.update(repr(sys.version_info[:2]).encode())
    for path in sorted(one for one in package.rglob("*") if one.suffix in (".py", ".toml")):
        state.update(path.read_bytes())
    return state.hexdigest()
