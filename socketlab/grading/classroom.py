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
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, cast

from .. import processes, project
from ..exercises import all_exercises
from ..sandbox import LEVELS
from ..sandbox.sandbox import Sandbox, SandboxError
from . import hidden, judge, parallel, private_files, similarity
from .archives import printable
from .judge import Grade
from .results import JOURNAL, TABLE, Journal, grade_of, write_all
from .submissions import Submission, SubmissionError, submissions

NOT_YET = "This submission has not been graded yet, or the grader was interrupted."


class WriteError(Exception):
    """The grades cannot be written; the text says why."""


@dataclass(frozen=True)
class Settings:
    """How to judge: so many notebooks at a time, at this level of isolation alone, and on the
    Dask cluster at dask://HOST:PORT."""

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
        grades = [journal.find(one) or judge.ungraded(one, NOT_YET, checks) for one in handed_in]
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
    return bool(is_ours and not judge.exercises_of(chapter))


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WriteError(f"Grades cannot be written to {folder}: {error.strerror}.") from error


def _try_hidden_checks(checks: judge.HiddenChecks, secret: str, settings: Settings) -> None:
    """Judge our own solution and the blank exercise: who has a fault, the class or the check?"""
    trials = list(hidden.trials(checks))
    tasks = {place: (asdict(one), secret, settings.level) for place, (*_, one) in enumerate(trials)}
    with _judges(settings, settings.jobs) as judged:
        outcomes = dict(judged(tasks))
    for place, (exercise, folder, _) in enumerate(trials):
        if isinstance(outcomes[place], Exception):
            raise SandboxError(f"The hidden checks could not be tried: {outcomes[place]}.")
        hidden.judge_trial(exercise, folder, grade_of(outcomes[place]).results)


def _graded(
    handed_in: list[Submission], todo: list[int], secret: str, settings: Settings
) -> Iterator[tuple[int, Grade]]:
    """Yield places and grades, as they come.

    What could not be judged is tried once more, alone and in a new sandbox: perhaps the others
    have taken what it lacked.
    """
    for jobs, is_last in ((settings.jobs, False), (1, True)):
        tasks = {place: (asdict(handed_in[place]), secret, settings.level) for place in todo}
        todo = []
        with _judges(settings, jobs) as judged:
            for place, outcome in judged(tasks):
                if not isinstance(outcome, Exception):
                    yield place, grade_of(outcome)
                elif is_last:
                    why = f"It could not be judged here: {outcome}. Grade once more."
                    yield place, judge.ungraded(handed_in[place], why, hidden.load(secret))
                else:
                    todo.append(place)
        if not todo:
            return


def work(
    sandbox: Sandbox, fields: dict[str, Any], secret: str, _: str | None = None
) -> dict[str, Any]:
    """Grade one submission: plain data in, plain data out."""
    return asdict(judge.grade(Submission(**fields), sandbox, hidden.load(secret)))


def far_work(fields: dict[str, Any], secret: str, level: str | None) -> dict[str, Any]:
    """Do `work` in a Dask worker: by a program beside it, since the worker has many threads.

    The program serves this thread of the worker, and ends when the worker has.
    """
    if getattr(_beside, "program", None) is None:
        _beside.program = subprocess.Popen(
            processes.program(f"from {__name__} import serve; serve()"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env=processes.environment(),
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
                try:
                    answer = work(sandbox, *json.loads(line))
                except judge.NotJudgedError as trouble:
                    answer = {"failed": str(trouble)}
                print(json.dumps(answer), flush=True)
    except SandboxError as trouble:
        print(json.dumps(str(trouble)), flush=True)


Judges = Callable[[Mapping[int, tuple[Any, ...]]], Iterator[tuple[int, Any]]]
"""From arguments of `work` by place, as they come: places and what came, or an exception."""


@contextmanager
def _judges(settings: Settings, jobs: int) -> Iterator[Judges]:
    if settings.executor:
        with _dask(settings.executor) as executor:
            yield partial(_far_away, executor)
        return
    with _judging(settings.level) as sandbox:
        if sandbox.most:
            jobs = min(jobs, max(1, sandbox.most // judge.AT_ONCE))
        yield lambda tasks: parallel.each(partial(work, sandbox), tasks, jobs)


def _far_away(
    executor: Executor, tasks: Mapping[int, tuple[Any, ...]]
) -> Iterator[tuple[int, Any]]:
    futures = {executor.submit(far_work, *task): place for place, task in tasks.items()}
    for future in as_completed(futures):
        try:
            yield futures[future], future.result()
        except SandboxError:
            raise
        except Exception as error:  # this one's trouble, not that of the others
            yield futures[future], error


@contextmanager
def _judging(level: str | None) -> Iterator[Sandbox]:
    """Give this process, and those that it forks, a sandbox for `work`."""
    all_exercises()  # before a fork, so that no child has to
    with Sandbox(level, preload=judge.PRELOAD) as sandbox:
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
