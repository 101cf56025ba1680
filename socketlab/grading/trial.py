"""A trial: checks of one notebook, one after the other, on one student's process.

It runs in a fork of the grader, the judge, which makes the checks; the answers live in another
process, out of reach of everything. What comes of it is told in lines of JSON.
"""

import encodings.idna  # noqa: F401  # each client needs it: once here, not in each fork
import json
import os
import re
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, TextIO

from ..cell_names import UNSEEN
from ..cells import lines_of
from ..checks import core
from ..checks.case import CannotCheckError, Failure
from ..checks.core import Check, Exercise
from ..exercises import MODULES
from ..notebook.tracebacks import describe
from ..remote.link import Checker
from ..remote.messages import Line, LinkBrokenError, MessageError, is_lack
from ..sandbox import namespaces
from ..sandbox.host_limits import FILES, data_used, lower, want_files
from ..sandbox.sandbox import Ending, Sandbox, SandboxError, StudentProcess
from . import budget
from .answer_cells import cells_for, defined_again
from .clock import LONG_NAP, Clock
from .grade import HiddenChecks, Result, exercises_of, failed, short
from .notebook_cells import Cell, cells_of
from .submissions import Submission, SubmissionError

ENTRY = "socketlab.grading.student:main"
_IPYTHON = ("completer", "completerlib", "crashhandler", "logger", "magics.execution", "oinspect")
PRELOAD = (
    "bdb",  # which IPython imports when the first cell runs
    "psutil",
    "IPython.extensions.storemagic",
    *(f"IPython.core.{module}" for module in _IPYTHON),
    "socketlab.grading.student:prepare",
    *MODULES,
)
"""What a student's process needs. The checks know hints, which students may see, no answers."""


CHECKER = "the checking program"
TOO_MUCH = 2
"""Exit status of a judge to which more was sent than it has memory for."""


@dataclass(frozen=True)
class Task:
    """What a trial is about: some checks of one exercise, or all those of several, together.

    `exercises` has their numbers, and `checks` the names, none for all.
    """

    submission: Submission
    exercises: tuple[str, ...]
    checks: tuple[str, ...] = ()

    @property
    def is_together(self) -> bool:
        """Whether it tries several exercises as a kernel does, in one process."""
        return not self.checks

    @property
    def seconds(self) -> float:
        """The time it has at the most, on a machine that is too busy."""
        return budget.most_seconds(max(len(self.exercises), len(self.checks)))


@dataclass
class Job:
    """Checks of one exercise, to be made one after the other, and the cells that run before."""

    exercise: Exercise
    checks: list[Check]
    cells: list[Cell]
    needed: list[Cell]
    """The cells without which there is no answer, for where `cells` do not run to their end."""
    again: list[str]
    """What to tell of names that are defined more than once, where a check fails."""


def run(task: Task, sandbox: Sandbox, hidden: HiddenChecks, pipe: TextIO) -> int:
    """Make the checks, and write a line for all that is to be known; return the exit status.

    Each line is an object of JSON with one name: `missing`, the exercises without an answer; `at`,
    the one whose checks come now; `done`, at the end of all together; `result`, that of a check;
    `slow`, before the result of one that takes long; `unreadable`, why this is no notebook; `lack`,
    what this machine has not.
    """
    before = data_used()
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        _try(task, sandbox, hidden, pipe)
    except MemoryError:
        return TOO_MUCH
    except SubmissionError as why:
        _tell(pipe, unreadable=str(why))
    except (SandboxError, OSError, RuntimeError) as error:
        if data_used() - before > budget.JUDGE_MEMORY / 2:  # what it lacks, the answer has filled
            return TOO_MUCH
        if not task.is_together:  # who tries one alone will see whether it lacks there, too
            _tell(pipe, lack=str(error))
    return 0


def _tell(pipe: TextIO, **message: Any) -> None:
    print(json.dumps(message), file=pipe, flush=True)


def _try(task: Task, sandbox: Sandbox, hidden: HiddenChecks, pipe: TextIO) -> None:
    jobs = _jobs(task, hidden)
    answered = [job.exercise.id for job in jobs]
    _tell(pipe, missing=[one for one in task.exercises if one not in answered])
    if not jobs:
        return
    trial = Trial(sandbox, pipe)
    if task.is_together:
        trial.together(jobs)
    else:
        trial.alone(jobs[0])


def _jobs(task: Task, hidden: HiddenChecks) -> list[Job]:
    """Return what there is to do for each exercise that has an answer. SubmissionError."""
    exercises = exercises_of(task.submission.chapter, hidden)
    cells = cells_of(task.submission.text)
    jobs = []
    for exercise in [one for one in exercises if one.id in task.exercises]:
        chosen = cells_for(exercise, exercises, cells)
        if any(cell.binds & {*exercise.names, UNSEEN} for cell in chosen):
            needed = cells_for(exercise, exercises, cells, common=False)
            again = defined_again(exercise, cells)
            names = task.checks or exercise.checks
            checks = [check for name, check in exercise.checks.items() if name in names]
            jobs.append(Job(exercise, checks, chosen, needed, again))
    return jobs


class Trial:
    """Makes checks: this process judges, another one has the answers."""

    def __init__(self, sandbox: Sandbox, pipe: TextIO) -> None:
        self.sandbox = sandbox
        self.pipe = pipe
        _lower_limits()
        self.is_isolated = sandbox.level == "namespaces"
        if self.is_isolated:
            namespaces.enter_network()
        self.clock = Clock()
        self.clock.start()

    def together(self, jobs: list[Job]) -> None:
        """Tell which checks pass at once, all answers in one process, as in a kernel.

        All else is left to those who look at one exercise alone: nothing is known for sure where
        one answer may have harmed another. So the program ends as soon as something takes long.
        """
        by_number = {cell.number: cell for job in jobs for cell in job.cells}
        cells = [by_number[number] for number in sorted(by_number)]
        gave_up = threading.Event()
        with self._student(len(jobs)) as student, suppress(LinkBrokenError):

            def give_up() -> None:
                gave_up.set()
                student.kill()

            most = budget.TOGETHER_CPU
            checker, troubles = self._run_cells(student, cells, most, most)
            for job in jobs:
                _tell(self.pipe, at=job.exercise.id)
                if _notes(job.cells, troubles) or _has_others(job, cells):
                    continue
                for check in job.checks:
                    began = time.monotonic()
                    with self.clock.alarm(budget.SLOW_SECONDS, give_up):
                        failure = self._attempt(job.exercise, check, checker, student, tries=1)
                    cause = failure.cause if failure is not None else None
                    if gave_up.is_set() or isinstance(cause, LinkBrokenError):
                        return
                    if failure is None:
                        self._tell_result(_passed(job.exercise, check), [], began)
            _tell(self.pipe, done=True)

    def alone(self, job: Job) -> None:
        """Tell of each check, up to the first that hangs or ends the student's process."""
        most = budget.CHECKS_CPU + budget.EACH_CHECK_CPU * len(job.checks)
        first = job.cells
        for cells in [first, job.needed]:
            job.cells = cells
            with self._student(len(job.checks)) as student:
                try:
                    checker, troubles = self._run_cells(student, cells, budget.CELLS_CPU, most)
                except LinkBrokenError as broken:
                    if cells != job.needed:
                        continue
                    for check in job.checks:  # none would fare better
                        result = _ended(job, check, _IN_CELLS, student, broken)
                        self._tell_result(result, [], time.monotonic())
                else:
                    notes = _notes(cells, troubles) + [_ONLY_NEEDED] * (cells != first)
                    self._check(job, student, checker, notes)
                return

    def _student(self, count: int) -> StudentProcess:
        """Start a student's process for so many checks, or exercises."""
        seconds = budget.most_seconds(count)
        limits = replace(self.sandbox.limits, cpu_seconds=budget.PROCESS_CPU, seconds=seconds)
        judge = os.getpid() if self.is_isolated else None
        return self.sandbox.start(ENTRY, judge, limits=limits)

    def _run_cells(
        self, student: StudentProcess, cells: list[Cell], cells_cpu: float, checks_cpu: float
    ) -> tuple[Checker, dict[str, Any]]:
        """Have the student's process run the cells; return the link to it, and what went wrong.

        `cells_cpu` and `checks_cpu` are seconds that it may compute, in the cells and then.
        """
        work = student.work  # waits until it has started, which is not its own time
        with self.clock.alarm(budget.CELLS_END_SECONDS, student.kill):
            line = Line(student.socket)
            sources = {str(cell.number): cell.source for cell in cells}
            line.send([sources, cells_cpu, checks_cpu], [])
            troubles = line.receive()[0]
            if not isinstance(troubles, dict):
                raise MessageError("no list of troubles")
        # Isolated, it has a file system of its own, and by now a folder in it.
        checker = Checker(student.socket, str(work.parent) if self.is_isolated else "")
        threading.Thread(target=checker.serve, daemon=True).start()
        return checker, troubles

    def _check(self, job: Job, student: StudentProcess, checker: Checker, notes: list[str]) -> None:
        is_slow = threading.Event()

        def tell_slow() -> None:
            is_slow.set()
            self.clock.nap = LONG_NAP
            _tell(self.pipe, slow=True)

        for check in job.checks:
            began = time.monotonic()
            with self.clock.alarm(budget.SLOW_SECONDS, tell_slow):
                failure = self._attempt(job.exercise, check, checker, student, budget.TRIES)
            cause = failure.cause if failure is not None else None
            if isinstance(cause, LinkBrokenError):
                if check is not job.checks[0] and _computed(_ending(student, cause)):
                    return  # perhaps the checks before have left it too little: let it try alone
                result = _ended(job, check, check.name, student, cause)
            elif failure is not None:
                result = failed(job.exercise, check, failure)
            else:
                result = _passed(job.exercise, check)
            again = [] if result.points else job.again
            self._tell_result(result, [*notes, *again], began)
            if is_slow.is_set() or isinstance(cause, LinkBrokenError):
                return

    def _tell_result(self, result: Result, notes: list[str], began: float) -> None:
        result.notes = notes
        result.seconds = time.monotonic() - began
        _tell(self.pipe, result=asdict(result))

    def _attempt(
        self,
        exercise: Exercise,
        check: Check,
        checker: Checker,
        student: StudentProcess,
        tries: int,
    ) -> Failure | None:
        """Make one check; where the machine was too busy for it, again, but in the same time."""
        found: Failure | None = None
        with self.clock.alarm(budget.CHECK_SECONDS, student.kill):
            for _ in range(tries):
                naps = self.clock.naps
                try:
                    failure = core.attempt(exercise, check, (), checker.namespace(), checker)
                except CannotCheckError as trouble:
                    raise SandboxError(str(trouble)) from trouble
                except BaseException as error:  # an answer may raise what no check expects
                    failure = replace(_FOREIGN, got=describe(error))
                if lack := checker.lack or _lack(failure.cause if failure else None):
                    raise SandboxError(f"{CHECKER} was short of something: {lack}")
                cause = failure.cause if failure is not None else None
                if isinstance(cause, LinkBrokenError):
                    if found is not None and _computed(_ending(student, cause)):
                        return found  # the tries before have left this one too little
                    break
                if failure is None or not self.clock.is_late(naps):
                    break
                found = failure
        return failure


def _has_others(job: Job, cells: list[Cell]) -> bool:
    """Tell whether cells that don't count for an exercise may define its names, too."""
    names = {*job.exercise.names, UNSEEN}
    return any(cell.binds & names for cell in cells if cell not in job.cells)


def _lower_limits() -> None:
    # Who has forked us may be large; stacks of threads count, too.
    room = data_used() + budget.JUDGE_MEMORY
    lower("DATA", room, room)
    threading.stack_size(1 << 20)
    most = int(time.process_time()) + budget.JUDGE_CPU
    lower("CPU", most, most + 1)
    want_files(FILES)  # a client that finds none, in the middle of a check, looks like a failure
    sys.addaudithook(_only_pages)


def _passed(exercise: Exercise, check: Check) -> Result:
    result = Result(exercise.id, check.name, check.points, check.points, check.praise)
    result.topic = check.topic
    return result


_ONLY_NEEDED = (
    "Your program ended, or didn't come to its end, while all your cells ran. So only those that "
    "the answer needs were run."
)


def _only_pages(event: str, args: tuple[Any, ...]) -> None:
    """Have urllib fetch nothing but pages: a student may call what a check fetches with.

    Here, not over there, file: would lead to the answers.
    """
    if event == "urllib.Request" and not args[0].startswith("http://"):
        raise PermissionError(f"{args[0]} is no address of a page: it has no http://")


def _lack(error: BaseException | None) -> str:
    """Say what this process could not have, where `error` comes from that; else nothing.

    What was raised over there, by the answer, has been told: that is its own lack.
    """
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        if is_lack(error) and not hasattr(error, "told"):
            return str(error)
        seen.append(error)
        error = error.__cause__ or error.__context__
    return ""


_FOREIGN = Failure(
    called="your answer",
    got="",
    expected="no exception, or one that is an Exception",
    why="Others, such as KeyboardInterrupt, are meant for the program as a whole, and end it.",
)


_IN_CELLS = "while your cells ran"


def _ended(job: Job, check: Check, when: str, student: StudentProcess, broken: Exception) -> Result:
    ending = _ending(student, broken)
    if ending.reason == "trouble":
        raise SandboxError(ending.words)
    if _computed(ending):
        stood = _last_line(job.cells, student)
        came = f"It computed for a long time, and was ended{stood}."
    elif isinstance(broken, MessageError):
        came = f"It sent what is no answer ({broken}), and was ended."
    elif ending.reason in ("killed", "time"):
        came = "It was not done after many seconds, and was ended. Does it wait, or serve for ever?"
    else:
        came = ending.words
    failure = Failure(
        called=f"your {' and '.join(job.exercise.names)}, {when}",
        got=came,
        expected="a program that is still there when the check is over",
        why="A check asks for one thing after the other. Who has gone cannot answer.",
    )
    if when == _IN_CELLS:
        why = "It is not tried before the cells that it needs have run."
        failure = replace(failure, expected="cells that run to their end", why=why)
    return failed(job.exercise, check, failure)


def _ending(student: StudentProcess, broken: Exception) -> Ending:
    gone = None if isinstance(broken, MessageError) else student.wait(budget.LAST_WORDS_SECONDS)
    return gone or student.kill()


def _computed(ending: Ending) -> bool:
    """Tell whether a process that has gone was ended because it computed for too long."""
    by_signal = -ending.status in (signal.SIGPROF, signal.SIGXCPU)
    return by_signal or ending.reason == "cpu" or ending.cpu_seconds > budget.CHECKS_CPU


def _last_line(cells: list[Cell], student: StudentProcess) -> str:
    """Tell where it stood, from what faulthandler has written."""
    sources = {str(cell.number): lines_of(cell.source) for cell in cells}
    for number, line in re.findall(r'File "<cell (\d+)>", line (\d+) ', student.stderr()):
        if 0 < int(line) <= len(sources.get(number, ())):
            return (
                f"; it was at line {line} of your code: {sources[number][int(line) - 1].rstrip()}"
            )
    return ""


def _notes(cells: list[Cell], troubles: dict[str, Any]) -> list[str]:
    notes = []
    for cell in cells:
        told = short(str(troubles.get(str(cell.number), "")))
        told = told and (cell.syntax_error or told)  # of a line such as `ls` IPython makes Python
        if told and not told.endswith("is still blank"):  # which the checks tell, too
            notes.append(
                f"The cell that begins with {cell.begins!r} did not run to its end: {told}"
            )
    return notes
