"""Judging notebooks: one queue of trials, each in a process of its own, some at a time.

A notebook is tried as a whole at first, in one process, as in a kernel. What has not passed there
is tried once more, each exercise alone, so that no answer can cost another one anything. Where a
check hangs or has ended its process, each one after it in its exercise has a trial to itself, and
the exercises after it have one together.

These processes are forks, which have the checks already; a new Python would have to load them.
"""

import json
import os
import selectors
import signal
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from ..checks.case import Failure
from ..machine_load import Crowd, processors
from ..sandbox import namespaces
from ..sandbox.sandbox import Sandbox
from . import budget, trial
from .grade import (
    NO_HIDDEN_CHECKS,
    Grade,
    HiddenChecks,
    Result,
    exercises_of,
    failed,
    result_of,
    ungraded,
)
from .submissions import Submission
from .trial import Task

AT_ONCE = 32
"""Trials at a time: most of a trial is waiting, and of one that hangs, all."""
TURNS_PER_CPU = 2
"""Of these, so many may compute, for each processor, however busy the machine is: more are late."""
MOST_PER_CPU = 5
"""So many while a processor has nothing to do."""
LOOK = 0.05
"""Seconds between two looks whether a processor has."""


class NotJudgedError(Exception):
    """A notebook could not be judged here, through no fault of its own; the text says why."""


def grade(
    submission: Submission, sandbox: Sandbox, hidden: HiddenChecks = NO_HIDDEN_CHECKS
) -> Grade:
    """Judge one notebook, by the hidden checks as well.

    Call it from a process with a single thread: it forks.

    NotJudgedError where this machine has not what it takes: then nothing is said of the answers.
    """
    [(_, outcome)] = grades({0: submission}, sandbox, hidden)
    if isinstance(outcome, NotJudgedError):
        raise outcome
    return outcome


def grades(
    submissions: Mapping[int, Submission],
    sandbox: Sandbox,
    hidden: HiddenChecks = NO_HIDDEN_CHECKS,
    at_once: int = AT_ONCE,
) -> Iterator[tuple[int, Grade | NotJudgedError]]:
    """Judge notebooks, with so many trials at a time; yield their numbers and grades as they come.

    Call it from a process with a single thread: it forks.
    """
    try:
        queue = Queue(sandbox, min(at_once, sandbox.most or at_once))
    except OSError as error:
        why = NotJudgedError(f"Judging needs more: {error.strerror}.")
        yield from ((number, why) for number in submissions)
        return
    with queue:
        notebooks = (Notebook(number, one, hidden) for number, one in submissions.items())
        for notebook in queue.judged(notebooks):
            yield notebook.number, notebook.outcome()


class Notebook:
    """A notebook that is being judged: what is known of it, and how many trials are to come.

    `trouble` says why it gets no points, and `lack` what this machine has not to judge it.
    """

    def __init__(self, number: int, submission: Submission, hidden: HiddenChecks) -> None:
        self.number = number
        self.submission = submission
        self.hidden = hidden
        self.exercises = {one.id: one for one in exercises_of(submission.chapter, hidden)}
        self.results: dict[tuple[str, str], Result] = {}
        self.missing: set[str] = set()
        """The exercises without an answer."""
        self.trouble = submission.trouble
        if not self.exercises and not self.trouble:
            self.trouble = (
                f"{submission.chapter!r} is no chapter with exercises, such as 06_threading_mixin."
            )
        self.lack = ""
        self.trials = 0

    def tasks_after(self, task: Task, reached: list[str], is_done: bool) -> list[Task]:
        """Return what is left to do after a trial of several together that has reached these.

        Where it isn't done, the last one has stopped it. Nothing is there where it didn't even
        come to the checks.
        """
        together, tasks = [], []
        for number in task.exercises if not self.trouble else ():
            checks = tuple(self.exercises[number].checks)
            left = tuple(name for name in checks if (number, name) not in self.results)
            if not left or number in self.missing:
                continue
            if not is_done and reached[-1:] == [number]:
                tasks += [Task(self.submission, (number,), (name,)) for name in left]
            elif not reached or number in reached:  # all of it: one check may depend on another
                tasks.append(Task(self.submission, (number,), checks))
            else:
                together.append(number)
        return [*tasks, Task(self.submission, tuple(together))] if together else tasks

    def note_end(self, number: str, name: str) -> None:
        """Note that a check has ended the judge, by what the answer has sent it."""
        exercise = self.exercises[number]
        failure = Failure(
            called=f"the check {name!r}",
            got=f"{trial.CHECKER} ended",
            expected="answers that a check can look at",
            why="What an answer gives is looked at by another program. This one had too much "
            "of it, or a fault: if you find nothing, ask your teacher.",
        )
        self.results[number, name] = failed(exercise, exercise.checks[name], failure)

    def outcome(self) -> Grade | NotJudgedError:
        """Return the grade, or why there is none."""
        if self.lack:
            return NotJudgedError(self.lack)
        grade = ungraded(self.submission, self.trouble, self.hidden)
        grade.results = [self.results.get((one.exercise, one.check), one) for one in grade.results]
        return grade


@dataclass(eq=False)
class RunningTrial:
    """A trial at work: its process, where it writes to, and what it has written so far."""

    notebook: Notebook
    task: Task
    pid: int
    pipe: int
    has_turn: bool = True
    """Whether it may compute as much as it wants: until it takes long."""
    started: float = field(default_factory=time.monotonic)
    written: bytes = b""
    told: int = 0
    """How many results it has told."""
    reached: list[str] = field(default_factory=list)
    """The exercises to whose checks a trial of all together has come."""
    is_done: bool = False
    """Whether such a trial has come to its end."""
    hung: bool = False
    """Whether it took so long that we have killed it."""

    def read(self) -> list[dict[str, Any]] | None:
        """Read what it has written; return the messages that are whole, or None at the end."""
        data = os.read(self.pipe, 1 << 16)
        *lines, self.written = (self.written + data).split(b"\n")
        return [json.loads(line) for line in lines] if data else None

    def is_late(self) -> bool:
        """Tell whether the judge itself hangs."""
        return time.monotonic() - self.started > self.task.seconds + budget.CHECK_SECONDS

    def kill(self) -> None:
        """End it, because it takes too long."""
        self.hung = True
        os.kill(self.pid, signal.SIGKILL)

    def end(self) -> int:
        """Return its exit status, or minus the number of a signal, once it has ended."""
        os.close(self.pipe)
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


class Queue:
    """The trials to come, and those that run; a context manager, at whose end none does."""

    def __init__(self, sandbox: Sandbox, at_once: int) -> None:
        self._sandbox = sandbox
        self._at_once = at_once
        self._waiting: deque[tuple[Notebook, Task]] = deque()
        self._selector = selectors.PollSelector()  # it needs no file of its own
        self._turns = Turns()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._running():
            one.kill()
            one.end()
        self._selector.close()
        self._turns.close()

    def _running(self) -> list[RunningTrial]:
        return [key.data for key in self._selector.get_map().values()]

    def judged(self, notebooks: Iterator[Notebook]) -> Iterator[Notebook]:
        """Make all trials of some notebooks; yield each when all is known of it."""
        yield from self._start(notebooks)
        while self._selector.get_map():
            for key, _ in self._selector.select(LOOK if self._waiting else 1):
                one: RunningTrial = key.data
                messages = one.read()
                for message in messages or ():
                    self._hear(one, message)
                if messages is None:
                    self._end(one)
                    if one.notebook.trials == 0:
                        yield one.notebook
            for one in self._running():
                if one.is_late():
                    one.kill()
            yield from self._start(notebooks)

    def _add(self, notebook: Notebook, tasks: list[Task]) -> None:
        """Add trials of a notebook, before those of others: what has begun is to end soon."""
        notebook.trials += len(tasks)
        self._waiting.extendleft((notebook, task) for task in reversed(tasks))

    def _start(self, notebooks: Iterator[Notebook]) -> Iterator[Notebook]:
        """Start trials, as many as may run; yield a notebook that is done without any."""
        while len(self._selector.get_map()) < self._at_once:
            if not self._waiting:
                notebook = next(notebooks, None)
                if notebook is None:
                    return
                if notebook.trouble:
                    yield notebook
                    continue
                self._add(notebook, [Task(notebook.submission, tuple(notebook.exercises))])
            if not self._turns.take():
                return
            notebook, task = self._waiting.popleft()
            if not notebook.lack:
                try:
                    one = self._fork(notebook, task)
                    self._selector.register(one.pipe, selectors.EVENT_READ, one)
                    continue
                except OSError as error:
                    notebook.lack = f"There is no process to judge in: {error.strerror}."
            self._turns.give()
            notebook.trials -= 1
            if notebook.trials == 0:
                yield notebook

    def _fork(self, notebook: Notebook, task: Task) -> RunningTrial:
        read_end, write_end = os.pipe()
        grader = os.getpid()
        try:
            pid = os.fork()
        except OSError:
            os.close(read_end)
            os.close(write_end)
            raise
        if pid:
            os.close(write_end)
            return RunningTrial(notebook, task, pid, read_end)
        status = 1
        try:
            for number in (signal.SIGINT, signal.SIGXCPU):
                signal.signal(number, signal.SIG_DFL)  # they end it, with no traceback
            namespaces.end_with(grader)
            for pipe in [read_end, *(one.pipe for one in self._running())]:
                os.close(pipe)
            with open(write_end, "w", encoding="utf-8") as lines:
                status = trial.run(task, self._sandbox, notebook.hidden, lines)
        finally:
            os._exit(status)

    def _hear(self, one: RunningTrial, message: dict[str, Any]) -> None:
        notebook = one.notebook
        match message:
            case {"result": fields}:
                one.told += 1
                result = result_of(fields)
                notebook.results[result.exercise, result.check] = result
            case {"missing": exercises}:
                notebook.missing.update(exercises)
            case {"at": exercise}:
                one.reached.append(exercise)
            case {"unreadable": why}:
                notebook.trouble = why
            case {"lack": why}:
                notebook.lack = why
            case {"done": is_done}:
                one.is_done = is_done
            case {"slow": _}:
                self._rest(one)
                self._leave(one, one.told + 1)
            case _:
                raise ValueError(f"no message of a trial: {message}")

    def _rest(self, one: RunningTrial) -> None:
        """Give its turn back, if it has it: it waits, most likely to its end."""
        if one.has_turn:
            self._turns.give()
        one.has_turn = False

    def _leave(self, one: RunningTrial, count: int) -> None:
        """Leave all checks of a trial after so many to others, one for each."""
        others = one.task.checks[count:]
        one.task = replace(one.task, checks=one.task.checks[:count])
        self._add(one.notebook, [replace(one.task, checks=(name,)) for name in others])

    def _end(self, one: RunningTrial) -> None:
        """Take note of the end of a trial, and see to what it has left open."""
        self._selector.unregister(one.pipe)
        self._rest(one)
        status = one.end()
        notebook, task = one.notebook, one.task
        if task.is_together:
            self._add(notebook, notebook.tasks_after(task, one.reached, one.is_done))
        elif one.told < len(task.checks) and task.exercises[0] not in notebook.missing:
            if status in (trial.TOO_MUCH, -signal.SIGXCPU) or one.hung:
                notebook.note_end(task.exercises[0], task.checks[one.told])
                one.told += 1
            elif status or not one.told:
                notebook.lack = notebook.lack or f"{trial.CHECKER} ended {_how(status)}"
            self._leave(one, one.told)
        notebook.trials -= 1


def _how(status: int) -> str:
    if status >= 0:
        return f"with status {status}"
    return f"by signal {-status} ({signal.strsignal(-status)}): is the machine short of memory?"


class Turns:
    """Says how many trials may compute at a time: more would be late.

    Tried without, as many at once as there may be: notebooks of right answers took half as much
    computing again, and a sixth fewer were done in a minute; beside eight busy programs a third.
    """

    def __init__(self) -> None:
        self._processors = len(processors())
        self._taken = 0
        self._crowd = Crowd()

    def take(self) -> bool:
        """Take a turn, if there is one just now; tell whether there was."""
        each = self._taken / self._processors
        if each >= MOST_PER_CPU or (each >= TURNS_PER_CPU and not self._is_idle()):
            return False
        self._taken += 1
        return True

    def _is_idle(self) -> bool:
        """Tell whether a processor has nothing to do just now, where the system says so."""
        return 0 < self._crowd.count() <= self._processors

    def give(self) -> None:
        """Give a turn back."""
        self._taken -= 1

    def close(self) -> None:
        """Close its file."""
        self._crowd.close()
