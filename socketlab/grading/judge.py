"""Judging a notebook: each check has a student's process, and a judge's process beside it."""

import json
import os
import selectors
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from ..checks import core, place
from ..checks.core import Exercise, Part
from ..checks.step import NotYet, Step
from . import namespaces
from .remote import Checker, Line, LinkBroken
from .sandbox import Sandbox, Student
from .submissions import Cell, Submission, Unreadable, cells_for, cells_of

SECONDS = 10.0
"""The time for one check, in which its own deadlines have long passed."""
AT_ONCE = 4
"""Checks of one notebook that are made at the same time: most of a check is waiting."""
ENTRY = "socketlab.grading.student:main"
PRELOAD = ("socketlab.grading.student",)


@dataclass
class Result:
    """What one check came to; `message` is what the student is told."""

    exercise: str
    check: str
    points: int
    max_points: int
    message: str
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0


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


def grade(submission: Submission, sandbox: Sandbox) -> Grade:
    """Judge one notebook. Call it from a process with a single thread: it forks."""
    done = Grade(submission.student, submission.chapter, trouble=submission.trouble)
    exercises = _exercises_of(submission.chapter)
    if not exercises:
        done.trouble = done.trouble or (
            f"{submission.chapter!r} is no chapter with exercises, such as 06_threading_mixin."
        )
        return done
    try:
        cells = [] if done.trouble else cells_of(submission.text)
    except Unreadable as unreadable:
        cells, done.trouble = [], str(unreadable)
    jobs = []
    for exercise in exercises:
        chosen = cells_for(exercise, exercises, cells)
        for part in exercise.parts.values():
            missing = _missing(exercise, part, cells, done.trouble)
            done.results.append(missing)
            if not done.trouble and any(cell.binds & {*exercise.names} for cell in chosen):
                jobs.append((len(done.results) - 1, exercise, part, chosen))
    for index, result in _in_processes(jobs, sandbox):
        done.results[index] = result
    return done


def _exercises_of(chapter: str) -> list[Exercise]:
    return [one for one in core.exercises() if one.id[:2] == chapter[:2] and chapter[2:3] == "_"]


def _missing(exercise: Exercise, part: Part, cells: list[Cell], trouble: str) -> Result:
    """Return the result of a check whose answer no cell defines."""
    step = Step(
        called=f"your {exercise.names[0]}",
        expected=f"a cell that defines {' and '.join(exercise.names)}",
        why="Without it there is nothing to try.",
    )
    came = trouble or f"there is no {exercise.names[0]} in the notebook"
    text = core.message(exercise, part, NotYet(step, came))
    return Result(exercise.id, part.name, 0, part.points, text)


Job = tuple[int, Exercise, Part, list[Cell]]


def _in_processes(jobs: list[Job], sandbox: Sandbox) -> Iterator[tuple[int, Result]]:
    """Judge each job in a fork of this process, some at a time; yield the results as they come."""
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
                yield job[0], _collect(key.fd, pid, job)
            for key in list(selector.get_map().values()):
                _, pid, started = key.data
                if time.monotonic() - started > 2 * SECONDS:  # the judge itself hangs
                    os.kill(pid, signal.SIGKILL)


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
        os.write(write_end, json.dumps(asdict(_judge(*job[1:], sandbox))).encode())
    finally:
        os._exit(0)


def _collect(read_end: int, pid: int, job: Job) -> Result:
    with open(read_end, "rb") as pipe:
        data = pipe.read()
    os.waitpid(pid, 0)
    if data:
        return Result(**json.loads(data))
    _, exercise, part, _ = job
    text = f"✗ {exercise.id} {part.name}: could not be judged. Please tell your teacher."
    return Result(exercise.id, part.name, 0, part.points, text)


def _judge(exercise: Exercise, part: Part, cells: list[Cell], sandbox: Sandbox) -> Result:
    """Make one check: this process judges, another one has the answer."""
    started = time.monotonic()
    isolated = sandbox.level == "namespaces"
    if isolated:
        namespaces.enter_network()
    with sandbox.start(ENTRY, netns_pid=os.getpid() if isolated else None) as student:
        notes, not_yet = _check(exercise, part, cells, student, isolated)
    result = Result(exercise.id, part.name, part.points, part.points, "", notes)
    if not_yet is not None:
        result.points, result.message = 0, core.message(exercise, part, not_yet)
    else:
        result.message = f"✓ {exercise.id} {part.name}. {part.praise}"
    result.seconds = time.monotonic() - started
    return result


def _check(
    exercise: Exercise, part: Part, cells: list[Cell], student: Student, isolated: bool
) -> tuple[list[str], NotYet | None]:
    alarm = threading.Timer(SECONDS, student.kill)
    alarm.daemon = True
    alarm.start()
    notes: list[str] = []
    try:
        line = Line(student.socket)
        line.send({str(cell.number): cell.source for cell in cells}, [])
        notes = _notes(exercise, cells, line.receive()[0])
        # Isolated, it has a file system of its own, and by now a folder in it.
        checker = Checker(student.socket, str(student.work.parent) if isolated else "")
        threading.Thread(target=checker.serve, daemon=True).start()
        with place.answers_at(checker):
            not_yet = core.attempt(exercise, part, (), checker.namespace())
        if not_yet is None or not isinstance(not_yet.__cause__, LinkBroken):
            return notes, not_yet
    except LinkBroken:
        pass
    finally:
        alarm.cancel()
    step = Step(
        called=f"your {' and '.join(exercise.names)}, in a process of its own",
        expected="a program that goes on until the check is over",
        why="A check asks for one thing after the other. Who has gone cannot answer.",
    )
    return notes, NotYet(step, student.kill().words)


def _notes(exercise: Exercise, cells: list[Cell], troubles: dict[str, str]) -> list[str]:
    notes = []
    for cell in cells:
        told = cell.syntax_error or str(troubles.get(str(cell.number), ""))
        if told:
            names = ", ".join(sorted(cell.binds & {*exercise.names})) or "it"
            notes.append(f"Cell {cell.number}, with {names}, did not run to its end: {told}")
    return notes
