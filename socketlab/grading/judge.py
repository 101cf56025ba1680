"""Judging a notebook: each check has a student's process, and a judge's process beside it."""

import encodings.idna  # noqa: F401  # each client needs it: once here, not in each fork
import json
import os
import re
import selectors
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any, TextIO

from ..cells import lines_of
from ..checks import core
from ..checks.case import CannotCheckError, Failure
from ..checks.core import Check, Exercise
from ..exercises import MODULES, all_exercises
from ..notebook.tracebacks import describe
from ..remote.link import Checker
from ..remote.messages import Line, LinkBrokenError, MessageError, is_lack
from ..sandbox import namespaces
from ..sandbox.limits import FILES, data_used, lower, want_files
from ..sandbox.sandbox import Ending, Sandbox, SandboxError, StudentProcess, Turns
from .clock import Clock
from .submissions import (
    UNSEEN,
    Cell,
    Submission,
    SubmissionError,
    cells_for,
    cells_of,
    defined_again,
)

SECONDS = 10.0
"""The time for one check, in which its own deadlines have long passed."""
RUN_SECONDS = 7.0
"""The time for the cells, in which the one that takes too long has been stopped."""
BUSY = 3
"""On a machine that is too busy all may take so many times as long."""
SLOW = 0.3
"""Seconds after which a check probably hangs; then those after it are made beside it."""
CPU_SECONDS = 2
"""What the cells may compute."""
CHECKS_CPU, EACH_CHECK_CPU = 0.4, 0.1
"""What the checks may make an answer compute, all together and each. Most take a hundredth."""
MEMORY = 512 << 20
"""Bytes for the judge, whatever it is sent. It takes a tenth of them."""
JUDGE_CPU = 5
"""Seconds that the judge may compute, whatever it is sent. It takes a tenth of one."""
GRACE = 1.0
"""Seconds in which it becomes known how a process has ended whose link is broken."""
TRIES = 3
"""How often a check is made that failed while the machine was too busy."""
AT_ONCE = 8
"""Exercises of one notebook that are judged at the same time: most of a check is waiting."""
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


HiddenChecks = Mapping[str, Sequence[Check]]
"""Hidden checks by the number of their exercise."""
NO_HIDDEN_CHECKS: HiddenChecks = MappingProxyType({})


class NotJudgedError(Exception):
    """A notebook could not be judged here, through no fault of its own; the text says why."""


@dataclass
class Result:
    """What one check came to: the points, and praise or a failure.

    `topic` is all that a student is told of the failure, where the check is a hidden one.
    """

    exercise: str
    check: str
    points: int
    max_points: int
    praise: str = ""
    failure: Failure | None = None
    topic: str = ""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def message(self) -> str:
        """What the student is told."""
        if self.failure is None:
            return f"✓ {self.exercise} {self.check}. {self.praise}"
        if self.topic:
            points = core.points_in_words(self.max_points)
            return f"✗ {self.exercise}: 0 of {points} for {self.topic}."
        return self.whole_message

    @property
    def whole_message(self) -> str:
        """What the teacher is told of a failure."""
        if self.failure is None:
            return self.message
        return core.message(self.exercise, self.check, self.max_points, self.failure)


def result_of(fields: dict[str, Any]) -> Result:
    """Return the result that `dataclasses.asdict` has made `fields` of."""
    result = Result(**fields)
    result.failure = Failure(**fields["failure"]) if fields["failure"] else None
    return result


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
    checks: list[Check]
    cells: list[Cell]
    needed: list[Cell]
    """The cells without which there is no answer, for where `cells` do not run to their end."""
    again: list[str]
    """What to tell of names that are defined more than once, where a check fails."""


def grade(
    submission: Submission, sandbox: Sandbox, hidden: HiddenChecks = NO_HIDDEN_CHECKS
) -> Grade:
    """Judge one notebook, by the hidden checks as well.

    Call it from a process with a single thread: it forks.

    NotJudgedError where this machine has not what it takes: then nothing is said of the answers.
    """
    exercises = exercises_of(submission.chapter, hidden)
    trouble = submission.trouble
    if not exercises:
        trouble = trouble or (
            f"{submission.chapter!r} is no chapter with exercises, such as 06_threading_mixin."
        )
    try:
        cells = [] if trouble else cells_of(submission.text)
    except SubmissionError as unreadable:
        trouble = str(unreadable)
    done = ungraded(submission, trouble, hidden)
    if trouble:
        return done
    results = {(result.exercise, result.check): result for result in done.results}
    jobs = []
    for exercise in exercises:
        chosen = cells_for(exercise, exercises, cells)
        if any(cell.binds & {*exercise.names, UNSEEN} for cell in chosen):
            needed = cells_for(exercise, exercises, cells, common=False)
            again = defined_again(exercise, cells)
            jobs.append(Job(exercise, list(exercise.checks.values()), chosen, needed, again))
    try:
        for result in _in_processes(jobs, sandbox):
            results[result.exercise, result.check] = result
    except SandboxError as why:
        raise NotJudgedError(str(why)) from why
    done.results = list(results.values())
    return done


def ungraded(
    submission: Submission, trouble: str, hidden: HiddenChecks = NO_HIDDEN_CHECKS
) -> Grade:
    """Return the grade of a notebook in which no check has passed; `trouble` says why, if any."""
    results = [
        _missing(exercise, check, trouble)
        for exercise in exercises_of(submission.chapter, hidden)
        for check in exercise.checks.values()
    ]
    return Grade(submission.student, submission.chapter, results, trouble)


def exercises_of(chapter: str, hidden: HiddenChecks = NO_HIDDEN_CHECKS) -> list[Exercise]:
    """Return the exercises of a chapter, such as 06_threading_mixin, with the hidden checks."""
    return [
        replace(one, checks=one.checks | {check.name: check for check in hidden.get(one.id, ())})
        for one in all_exercises()
        if one.id[:2] == chapter[:2] and chapter[2:3] == "_"
    ]


def _missing(exercise: Exercise, check: Check, trouble: str) -> Result:
    """Return the result of a check whose answer no cell defines."""
    names = check.names
    failure = Failure(
        called=f"your {names[0]}",
        got=trouble or f"there is no {names[0]}",
        expected=f"a cell that defines {' and '.join(names)}",
        why="Without it there is nothing to try.",
    )
    return _failed(exercise, check, failure)


def _failed(exercise: Exercise, check: Check, failure: Failure) -> Result:
    told = Failure(
        called=_short(failure.called),
        got=_short(failure.got),
        expected=_short(failure.expected),
        why=_short(failure.why),
    )
    return Result(exercise.id, check.name, 0, check.points, failure=told, topic=check.topic)


@dataclass
class Running:
    """A judge at work: its process, where it writes to, and what it has written so far."""

    job: Job
    pid: int
    pipe: int
    turns: Turns
    turn: int | None
    """The one it has: it stays on that processor."""
    started: float = field(default_factory=time.monotonic)
    written: bytes = b""
    hung: bool = False
    """Whether it took so long that we have killed it."""

    def read(self) -> bool:
        """Read what it has written; False at its end."""
        data = os.read(self.pipe, 1 << 16)
        self.written += data
        return bool(data)

    def results(self) -> list[Result]:
        """Return the results so far. SandboxError if it has told one."""
        told = [json.loads(line) for line in self.written.split(b"\n")[:-1] if line]
        for one in told:
            if "trouble" in one:
                raise SandboxError(one["trouble"])
        return [result_of(one) for one in told]

    def hangs(self) -> bool:
        """Tell whether it has said, by an empty line, that a check takes long: its last one."""
        return b"\n\n" in b"\n" + self.written

    def rest(self) -> None:
        """Give our turn back, if we have it."""
        if self.turn is not None:
            self.turns.give(self.turn)
        self.turn = None

    def leave(self, count: int) -> list[Job]:
        """Leave our turn and all checks after so many to others; return a job for each."""
        self.rest()
        others, self.job.checks = self.job.checks[count:], self.job.checks[:count]
        return [replace(self.job, checks=[check]) for check in others]

    def kill(self) -> None:
        """End it, because it takes too long."""
        self.hung = True
        os.kill(self.pid, signal.SIGKILL)

    def forget(self) -> None:
        """End it, whatever it does: nobody asks any more."""
        self.kill()
        self.rest()
        os.close(self.pipe)
        os.waitpid(self.pid, 0)

    def ended(self) -> list[Result]:
        """Return the results, once it has ended; one more where it did not end by itself.

        SandboxError where that was not the answer's doing.
        """
        os.close(self.pipe)
        _, status = os.waitpid(self.pid, 0)
        results = self.results()
        left = self.job.checks[len(results) :]
        code = os.waitstatus_to_exitcode(status)
        if left and code:
            if not self.hung and code not in (_TOO_MUCH, -signal.SIGXCPU):
                raise SandboxError(f"{_CHECKER} ended {_how(code)}")
            failure = Failure(
                called=f"the check {left[0].name!r}",
                got=f"{_CHECKER} ended",
                expected="answers that a check can look at",
                why="What an answer gives is looked at by another program. This one had too much "
                "of it, or a fault: if you find nothing, ask your teacher.",
            )
            results.append(_failed(self.job.exercise, left[0], failure))
        return results


_CHECKER = "the checking program"
_TOO_MUCH = 2
"""Exit status of a judge to which more was sent than it has memory for."""


def _how(code: int) -> str:
    if code > 0:
        return f"with status {code}"
    return f"by signal {-code} ({signal.strsignal(-code)}): is the machine short of memory?"


def _in_processes(jobs: list[Job], sandbox: Sandbox) -> Iterator[Result]:
    """Judge each job in a fork of this process, in its turn; yield the results as they come.

    Where a check hangs or has ended its process, each one after it gets a process of its own.
    SandboxError where that cannot be done; then all of them have ended.
    """
    waiting = list(reversed(jobs))
    at_once = min(AT_ONCE, sandbox.most or AT_ONCE)
    with selectors.DefaultSelector() as selector, ExitStack() as ends:
        running = selector.get_map()
        ends.callback(lambda: [key.data.forget() for key in [*running.values()]])
        while waiting or running:
            while waiting and len(running) < at_once:
                turn = sandbox.turns.take(wait=not running)
                if turn is None:
                    break
                started = _fork(waiting.pop(), sandbox, turn)
                selector.register(started.pipe, selectors.EVENT_READ, started)
            for one in [key.data for key, _ in selector.select(0.5)]:
                if one.read():
                    if one.hangs():
                        waiting[:0] = one.leave(len(one.results()) + 1)
                    continue
                selector.unregister(one.pipe)
                one.rest()
                results = one.ended()
                yield from results
                waiting[:0] = one.leave(len(results))
            for one in [key.data for key in running.values()]:
                if time.monotonic() - one.started > _most_seconds(one.job) + SECONDS:
                    one.kill()  # the judge itself hangs


def _fork(job: Job, sandbox: Sandbox, turn: int) -> Running:
    """Start a judge; SandboxError, and the turn given back, where that cannot be."""
    pipe: tuple[int, ...] = ()
    try:
        pipe = read_end, write_end = os.pipe()
        grader = os.getpid()
        pid = os.fork()
    except OSError as error:
        sandbox.turns.give(turn)
        for one in pipe:
            os.close(one)
        raise SandboxError(f"There is no process to judge in: {error.strerror}.") from error
    if pid:
        os.close(write_end)
        return Running(job, pid, read_end, sandbox.turns, turn)
    status = 1
    try:
        namespaces.end_with(grader)
        _stay_on(sandbox.turns.processor(turn))
        os.close(read_end)
        with open(write_end, "w", encoding="utf-8") as lines:
            status = _tell_results(job, sandbox, lines)
    finally:
        os._exit(status)


def _tell_results(job: Job, sandbox: Sandbox, pipe: TextIO) -> int:
    """Judge, and write a line for each result, or what hinders us; return the exit status."""
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        for result in _judge(job, sandbox, pipe):
            print(json.dumps(asdict(result)), file=pipe, flush=True)
    except MemoryError:
        return _TOO_MUCH
    except (SandboxError, OSError, RuntimeError) as error:
        print(json.dumps({"trouble": str(error)}), file=pipe, flush=True)
    return 0


def _stay_on(processor: int) -> None:
    """Stay on it, and with us the student: we talk in turns, and to wake another takes longer."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, [processor])


def _judge(job: Job, sandbox: Sandbox, pipe: TextIO) -> Iterator[Result]:
    """Make the checks: this process judges, another one has the answer."""
    room = data_used() + MEMORY  # who calls us may be large; stacks of threads count, too
    lower("DATA", room, room)
    threading.stack_size(1 << 20)
    lower("CPU", JUDGE_CPU, JUDGE_CPU + 1)
    want_files(FILES)  # a client that finds none, in the middle of a check, looks like a failure
    sys.addaudithook(_only_pages)
    isolated = sandbox.level == "namespaces"
    if isolated:
        namespaces.enter_network()
    clock = Clock()
    clock.start()
    limits = replace(sandbox.limits, cpu_seconds=CPU_SECONDS, seconds=_most_seconds(job))
    first = job.cells
    for cells in [first, job.needed]:
        job = replace(job, cells=cells)
        with sandbox.start(ENTRY, os.getpid() if isolated else None, limits=limits) as student:
            try:
                checker, notes = _run_cells(job, student, clock, isolated)
                if cells != first:
                    notes.append(_ONLY_NEEDED)
            except LinkBrokenError as broken:
                if cells != job.needed:
                    continue
                for check in job.checks:  # none would fare better
                    yield _ended(job, check, _IN_CELLS, student, broken)
            else:
                yield from _check(job, student, checker, notes, clock, pipe)
            return


_ONLY_NEEDED = (
    "Your program ended, or didn't come to its end, while all your cells ran. So only those that "
    "the answer needs were run."
)


def _most_seconds(job: Job) -> float:
    return BUSY * (RUN_SECONDS + SECONDS * len(job.checks))


def _only_pages(event: str, args: tuple[Any, ...]) -> None:
    """Have urllib fetch nothing but pages: a student may call what a check fetches with.

    Here, not over there, file: would lead to the answers.
    """
    if event == "urllib.Request" and not args[0].startswith("http://"):
        raise PermissionError(f"{args[0]} is no address of a page: it has no http://")


def _run_cells(
    job: Job, student: StudentProcess, clock: Clock, isolated: bool
) -> tuple[Checker, list[str]]:
    """Have the student's process run the cells; return the link to it, and what went wrong."""
    work = student.work  # waits until it has started, which is not its own time
    with clock.alarm(RUN_SECONDS, student.kill, BUSY):
        line = Line(student.socket)
        cpu_seconds = CHECKS_CPU + EACH_CHECK_CPU * len(job.checks)
        line.send([{str(cell.number): cell.source for cell in job.cells}, cpu_seconds], [])
        notes = _notes(job.cells, line.receive()[0])
    # Isolated, it has a file system of its own, and by now a folder in it.
    return Checker(student.socket, str(work.parent) if isolated else ""), notes


def _check(
    job: Job,
    student: StudentProcess,
    checker: Checker,
    notes: list[str],
    clock: Clock,
    pipe: TextIO,
) -> Iterator[Result]:
    """Yield a result for each check, up to the first that hangs or ends the student's process."""
    hangs = threading.Event()

    def tell() -> None:
        hangs.set()
        print(file=pipe, flush=True)

    exercise = job.exercise
    threading.Thread(target=checker.serve, daemon=True).start()
    for check in job.checks:
        started = time.monotonic()
        with clock.alarm(SLOW, tell, BUSY):
            failure = _attempt(job, check, checker, student, clock)
        cause = failure.cause if failure is not None else None
        if isinstance(cause, LinkBrokenError):
            if check is not job.checks[0] and _computed(_ending(student, cause)):
                return  # perhaps the checks before have left it too little: let it try alone
            result = _ended(job, check, check.name, student, cause)
        elif failure is not None:
            result = _failed(exercise, check, failure)
        else:
            result = Result(exercise.id, check.name, check.points, check.points, check.praise)
            result.topic = check.topic
        result.notes = notes if result.points else [*notes, *job.again]
        result.seconds = time.monotonic() - started
        yield result
        if hangs.is_set() or isinstance(cause, LinkBrokenError):
            return


def _attempt(
    job: Job, check: Check, checker: Checker, student: StudentProcess, clock: Clock
) -> Failure | None:
    """Make one check; where the machine was too busy for it, again, but in the same time."""
    found: Failure | None = None
    with clock.alarm(SECONDS, student.kill, BUSY):
        for _ in range(TRIES):
            naps = clock.naps
            try:
                failure = core.attempt(job.exercise, check, (), checker.namespace(), checker)
            except CannotCheckError as trouble:
                raise SandboxError(str(trouble)) from trouble
            except BaseException as error:  # an answer may raise what no check expects
                failure = replace(_FOREIGN, got=describe(error))
            if lack := checker.lack or _lack(failure.cause if failure else None):
                raise SandboxError(f"{_CHECKER} was short of something: {lack}")
            cause = failure.cause if failure is not None else None
            if isinstance(cause, LinkBrokenError):
                if found is not None and _computed(_ending(student, cause)):
                    return found  # the tries before have left this one too little
                break
            if failure is None or not clock.is_late(naps):
                break
            found = failure
    return failure


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
        came = f"It computed for a long time, and was ended{_last_line(job, student)}."
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
    return _failed(job.exercise, check, failure)


def _ending(student: StudentProcess, broken: Exception) -> Ending:
    gone = None if isinstance(broken, MessageError) else student.wait(GRACE)
    return gone or student.kill()


def _computed(ending: Ending) -> bool:
    """Tell whether a process that has gone was ended because it computed for too long."""
    by_signal = -ending.status in (signal.SIGPROF, signal.SIGXCPU)
    return by_signal or ending.reason == "cpu" or ending.cpu_seconds > CHECKS_CPU


def _last_line(job: Job, student: StudentProcess) -> str:
    """Tell where it stood, from what faulthandler has written."""
    sources = {str(cell.number): lines_of(cell.source) for cell in job.cells}
    for number, line in re.findall(r'File "<cell (\d+)>", line (\d+) ', student.stderr()):
        if 0 < int(line) <= len(sources.get(number, ())):
            return (
                f"; it stood in line {line} of your code: {sources[number][int(line) - 1].rstrip()}"
            )
    return ""


def _notes(cells: list[Cell], troubles: Any) -> list[str]:
    if not isinstance(troubles, dict):
        raise MessageError("no list of troubles")
    notes = []
    for cell in cells:
        told = _short(str(troubles.get(str(cell.number), "")))
        told = told and (cell.syntax_error or told)  # of a line such as `ls` IPython makes Python
        if told and not told.endswith("is still blank"):  # which the checks tell, too
            notes.append(
                f"The cell that begins with {cell.begins!r} did not run to its end: {told}"
            )
    return notes


def _short(text: str) -> str:
    return _printable(core.one_line(text))


def _printable(text: str) -> str:
    """Return a text that any file and any terminal can show."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "\ufffd" for sign in text)
