"""Judging a notebook: each check has a student's process, and a judge's process beside it."""

import json
import os
import resource
import selectors
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace

from ..checks import core, place
from ..checks.core import Exercise, Part
from ..checks.step import NotYet, Step
from . import namespaces
from .remote import Checker, Line, LinkBroken
from .sandbox import Sandbox, Student
from .submissions import Cell, Submission, Unreadable, cells_for, cells_of

SECONDS = 10.0
"""The time for one check, in which its own deadlines have long passed."""
SLOW = 1.0
"""A check that failed after so many seconds has probably left something that hangs."""
CPU_SECONDS = 2
"""What all checks of an exercise may compute. Most take a hundredth of it."""
MEMORY = 2 << 30
"""Bytes of address space for the judge, whatever it is sent."""
LATE = 0.25
"""Seconds by which the judge itself is late, where the machine is too busy for deadlines."""
TRIES = 3
"""How often a check is made that failed while the machine was too busy."""
AT_ONCE = 4
"""Exercises of one notebook that are judged at the same time: most of a check is waiting."""
ENTRY = "socketlab.grading.student:main"
PRELOAD = ("psutil", "socketlab.grading.student", *core.MODULES)
"""What a student's process needs. The checks know hints, which students may see, no answers."""


@dataclass
class Result:
    """What one check came to; `message` is what the student is told.

    `for_teacher` has the whole message of a hidden check that failed.
    """

    exercise: str
    check: str
    points: int
    max_points: int
    message: str
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    for_teacher: str = ""


@dataclass
class Grade:
    """The results of one notebook; `trouble` says why there are none."""

    student: str
    chapter: str
    results: list[Result] = field(default_factory=list)
    trouble: str = ""

    @property
    def points(self) -> int:
        return sum(result.points for result in self.results)

    @property
    def max_points(self) -> int:
        return sum(result.max_points for result in self.results)


@dataclass
class Job:
    """Checks of one exercise, to be made one after the other in one student's process."""

    exercise: Exercise
    parts: list[Part]
    cells: list[Cell]


def grade(submission: Submission, sandbox: Sandbox) -> Grade:
    """Judge one notebook. Call it from a process with a single thread: it forks."""
    done = Grade(submission.student, submission.chapter, trouble=submission.trouble)
    exercises = exercises_of(submission.chapter)
    if not exercises:
        done.trouble = done.trouble or (
            f"{submission.chapter!r} is no chapter with exercises, such as 06_threading_mixin."
        )
        return done
    try:
        cells = [] if done.trouble else cells_of(submission.text)
    except Unreadable as unreadable:
        cells, done.trouble = [], str(unreadable)
    results = {}
    jobs = []
    for exercise in exercises:
        for part in exercise.parts.values():
            results[exercise.id, part.name] = _missing(exercise, part, done.trouble)
        chosen = cells_for(exercise, exercises, cells)
        if any(cell.binds & {*exercise.names} for cell in chosen):
            jobs.append(Job(exercise, list(exercise.parts.values()), chosen))
    for result in _in_processes(jobs, sandbox):
        results[result.exercise, result.check] = result
    done.results = list(results.values())
    return done


def exercises_of(chapter: str) -> list[Exercise]:
    """Return the exercises with checks of a chapter, such as 06_threading_mixin."""
    return [one for one in core.exercises() if one.id[:2] == chapter[:2] and chapter[2:3] == "_"]


def _missing(exercise: Exercise, part: Part, trouble: str) -> Result:
    """Return the result of a check whose answer no cell defines."""
    step = Step(
        called=f"your {exercise.names[0]}",
        expected=f"a cell that defines {' and '.join(exercise.names)}",
        why="Without it there is nothing to try.",
    )
    return _failed(exercise, part, step, trouble or f"there is no {exercise.names[0]}")


def _failed(exercise: Exercise, part: Part, step: Step, came: str) -> Result:
    not_yet = NotYet(step, came)
    failed = Result(exercise.id, part.name, 0, part.points, core.message(exercise, part, not_yet))
    if part.topic:
        failed.for_teacher = core.message(exercise, replace(part, topic=""), not_yet)
    return failed


def _in_processes(jobs: list[Job], sandbox: Sandbox) -> Iterator[Result]:
    """Judge each job in a fork of this process, some at a time; yield the results as they come.

    Where a check has hung or ended its process, each one after it gets a process of its own.
    """
    waiting = list(reversed(jobs))
    with selectors.DefaultSelector() as selector:
        while waiting or selector.get_map():
            while waiting and len(selector.get_map()) < AT_ONCE:
                job = waiting.pop()
                read_end, pid = _fork(job, sandbox)
                selector.register(read_end, selectors.EVENT_READ, (job, pid, time.monotonic()))
            for key, _ in selector.select(0.5):
                selector.unregister(key.fileobj)
                job, pid, _ = key.data
                results = _collect(key.fd, pid, job)
                yield from results
                left = job.parts[len(results) :]
                waiting += [Job(job.exercise, [part], job.cells) for part in reversed(left)]
            for key in list(selector.get_map().values()):
                job, pid, started = key.data
                if time.monotonic() - started > (len(job.parts) + 1) * SECONDS:
                    os.kill(pid, signal.SIGKILL)  # the judge itself hangs


def _fork(job: Job, sandbox: Sandbox) -> tuple[int, int]:
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write_end)
        return read_end, pid
    try:
        os.close(read_end)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        with open(write_end, "w") as pipe:
            json.dump([asdict(result) for result in _judge(job, sandbox)], pipe)
    finally:
        os._exit(0)


def _collect(read_end: int, pid: int, job: Job) -> list[Result]:
    with open(read_end) as pipe:
        data = pipe.read()
    os.waitpid(pid, 0)
    if data:
        return [Result(**fields) for fields in json.loads(data)]
    step = Step("the grader", "a verdict", "The fault is not yours: please tell your teacher.")
    return [_failed(job.exercise, part, step, "the grader failed") for part in job.parts]


def _judge(job: Job, sandbox: Sandbox) -> list[Result]:
    """Make the checks: this process judges, another one has the answer."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    isolated = sandbox.level == "namespaces"
    if isolated:
        namespaces.enter_network()
    limits = replace(sandbox.limits, cpu_seconds=CPU_SECONDS, seconds=SECONDS * len(job.parts))
    with sandbox.start(ENTRY, os.getpid() if isolated else None, limits=limits) as student:
        return list(_check(job, student, isolated))


def _check(job: Job, student: Student, isolated: bool) -> Iterator[Result]:
    """Yield a result for each check, up to the first that hangs or ends the student's process."""
    exercise = job.exercise
    try:
        with _deadline(student):
            line = Line(student.socket)
            line.send({str(cell.number): cell.source for cell in job.cells}, [])
            notes = _notes(job.cells, line.receive()[0])
    except LinkBroken:
        yield _ended(exercise, job.parts[0], "while your cells ran", student)
        return
    # Isolated, it has a file system of its own, and by now a folder in it.
    checker = Checker(student.socket, str(student.work.parent) if isolated else "")
    threading.Thread(target=checker.serve, daemon=True).start()
    for part in job.parts:
        started = time.monotonic()
        for _ in range(TRIES):
            with _deadline(student), place.answers_at(checker), _Watch() as watch:
                not_yet = core.attempt(exercise, part, (), checker.namespace())
            if not_yet is None or watch.latest < LATE:
                break
        gone = not_yet is not None and isinstance(not_yet.__cause__, LinkBroken)
        if gone:
            result = _ended(exercise, part, part.name, student)
        elif not_yet is not None:
            result = _failed(exercise, part, not_yet.step, not_yet.came)
        else:
            praise = f"✓ {exercise.id} {part.name}. {part.praise}"
            result = Result(exercise.id, part.name, part.points, part.points, praise)
        result.notes, result.seconds = notes, time.monotonic() - started
        yield result
        if gone or (not_yet and result.seconds > SLOW):
            return


class _Watch(threading.Thread):
    """Sleeps for short times, and notes how late it wakes up."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.latest = 0.0
        self._over = threading.Event()

    def run(self) -> None:
        slept = time.monotonic()
        while not self._over.wait(0.05):
            self.latest = max(self.latest, time.monotonic() - slept - 0.05)
            slept = time.monotonic()

    def __enter__(self) -> "_Watch":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


@contextmanager
def _deadline(student: Student) -> Iterator[None]:
    alarm = threading.Timer(SECONDS, student.kill)
    alarm.daemon = True
    alarm.start()
    try:
        yield
    finally:
        alarm.cancel()


def _ended(exercise: Exercise, part: Part, when: str, student: Student) -> Result:
    step = Step(
        called=f"your {' and '.join(exercise.names)}, {when}",
        expected="a program that is still there when the check is over",
        why="A check asks for one thing after the other. Who has gone cannot answer.",
    )
    return _failed(exercise, part, step, student.kill().words)


def _notes(cells: list[Cell], troubles: dict[str, str]) -> list[str]:
    notes = []
    for cell in cells:
        told = cell.syntax_error or str(troubles.get(str(cell.number), ""))
        if told and not told.endswith("is still blank"):  # which the checks tell, too
            begins = cell.source.strip().partition("\n")[0][:60]
            notes.append(f"The cell that begins with {begins!r} did not run to its end: {told}")
    return notes
