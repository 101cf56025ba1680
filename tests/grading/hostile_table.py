"""The hostile table: what each submission gets, is told, takes and leaves. For people:

    python -m tests.grading.hostile_table [--level LEVEL] [WORD IN A ROW'S NAME ...]

Each row is a whole notebook of chapter 03, right but for what the row says. So the exercises that
it leaves alone must have full points, whatever it does in the others.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from socketlab.checks import core
from socketlab.grading import judge
from socketlab.grading.sandbox import LEVELS, Sandbox
from socketlab.grading.submissions import Submission

PROJECT = Path(__file__).parents[2]
CHAPTER = "03_tcp_server"
NAPPING = "6177"
"""Seconds that a left over `sleep` sleeps, by which it is known."""


def notebook(folder):
    return json.loads((PROJECT / folder / CHAPTER / f"{CHAPTER}.ipynb").read_text("utf-8"))


def answer_cell(exercise, cells):
    number = exercise.replace(".", "-").removeprefix("0")
    return next(cell for cell in cells if cell["id"] == f"answer-0{number}")


def answers(folder):
    cells = notebook(folder)["cells"]
    ids = ["03.1", "03.2", "03.3", "03.4"]
    return {one: "".join(answer_cell(one, cells)["source"]) for one in ids}


RIGHT = answers("solutions")
BLANK = answers("exercises")
FULL = {
    one.id: sum(part.points for part in one.parts.values())
    for one in core.exercises()
    if one.id in RIGHT
}


@dataclass(frozen=True)
class Row:
    """A submission, and what is right to come of it.

    `answers` stand in place of the right ones; `points` are those of exercises that do not get
    all; `told` are patterns that the messages of an exercise must match; `why` says why this is
    right. `change` does something else to the notebook, in place or by returning a text.
    """

    name: str
    why: str
    answers: dict = field(default_factory=dict)
    points: dict = field(default_factory=dict)
    told: dict = field(default_factory=dict)
    change: object = None
    needs: str = "process"

    def text(self):
        whole = notebook("solutions")
        for exercise, source in self.answers.items():
            answer_cell(exercise, whole["cells"])["source"] = source
        changed = self.change(whole) if self.change else None
        return changed if isinstance(changed, str) else json.dumps(whole)


@dataclass
class Measured:
    """What came of a row. `left` counts processes of the student's and of the grader's."""

    points: dict
    told: dict
    trouble: str
    seconds: float
    left: int
    descriptors: int
    peak_memory: int

    def faults(self, row):
        """Say in what it differs from what is right; nothing, where it holds."""
        found = []
        for exercise, full in FULL.items():
            wanted = row.points.get(exercise, full)
            if self.points.get(exercise) != wanted:
                found.append(f"{exercise}: {self.points.get(exercise)} points, not {wanted}")
        for exercise, pattern in row.told.items():
            told = self.told.get(exercise, "")
            if not re.search(pattern, told):
                found.append(f"{exercise} does not tell {pattern!r}, but:\n{told[:800]}")
        said = "".join(self.told.values())
        if (
            "Traceback" in said
            or "the grader failed" in said
            or max(map(len, said.split("\n"))) > 400
        ):
            found.append(f"no message for a student:\n{said[:2000]}")
        if self.left or self.descriptors:
            found.append(f"{self.left} processes and {self.descriptors} descriptors left")
        return found


def measure(text, level=None, hidden=""):
    """Grade a notebook in a process made for it, as a worker of `socketlab grade` does."""
    global _sandbox, _mark
    if _sandbox is None or _sandbox.level != (level or _sandbox.level):
        _mark = f"/hostile-{os.getpid()}-{level}"
        sys.path.append(_mark)  # known by it: the zygote, and all that it forks
        _sandbox = Sandbox(level, preload=judge.PRELOAD).__enter__()
        sys.path.remove(_mark)
        core.exercises()
    read_end, write_end = os.pipe()
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        with open(write_end, "w") as pipe:
            json.dump(_graded(text), pipe)
        os._exit(0)
    os.close(write_end)
    with open(read_end) as pipe:
        facts = json.load(pipe)
    _, _, used = os.wait4(pid, 0)
    seconds = time.monotonic() - started
    return Measured(**facts, seconds=seconds, left=_left(pid), peak_memory=used.ru_maxrss * 1024)


_sandbox = None
_mark = ""


def _graded(text):
    before = len(os.listdir("/proc/self/fd"))
    grade = judge.grade(Submission("mallory", CHAPTER, text), _sandbox)
    points, told = {}, {}
    for result in grade.results:
        points[result.exercise] = points.get(result.exercise, 0) + result.points
        failed = [result.message] if not result.points else []
        told.setdefault(result.exercise, []).extend([*result.notes, *failed])
    told = {one: "\n".join(dict.fromkeys(lines)) for one, lines in told.items()}
    descriptors = len(os.listdir("/proc/self/fd")) - before
    return {"points": points, "told": told, "trouble": grade.trouble, "descriptors": descriptors}


def _left(session):
    """Count what is left but the zygote, which waits for the next one."""
    deadline = time.monotonic() + 5  # keepers end when they have told how the student ended
    while (count := _left_now(session)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return count


def _left_now(session):
    napping = subprocess.run(["pgrep", "-fx", f"sleep {NAPPING}"], capture_output=True).stdout
    count = len(napping.split())
    for process in Path("/proc").glob("[0-9]*"):
        try:
            ours = _mark.encode() in (process / "cmdline").read_bytes()
            state = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        zygote = process.name == str(_sandbox._zygote.pid)
        count += (ours and not zygote) or state[3] == str(session)
    return count


def workers(count):
    """Return a pool of processes to call `measure` in."""
    from concurrent.futures import ProcessPoolExecutor

    return ProcessPoolExecutor(count, mp_context=get_context("spawn"))


def with_before(exercise, attack, answer=RIGHT):
    return {exercise: f"{attack}\n{answer[exercise]}"}


def with_after(exercise, attack, answer=RIGHT):
    return {exercise: f"{answer[exercise]}\n{attack}"}


def in_get_request(*lines):
    body = "\n".join(f"        {line}" for line in lines)
    return {"03.1": RIGHT["03.1"].replace("        return self.socket.accept()", body)}


def in_init(*lines):
    body = "\n".join(f"        {line}" for line in lines)
    old = "        super().__init__(server_address, RequestHandlerClass)"
    return {"03.1": RIGHT["03.1"].replace(old, f"{old}\n{body}")}


# What hangs.

NONE = {"03.1": 0}
ONLY_BIND = {"03.1": 2}  # its "bind error", where nobody is served
SWALLOW = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
SWALLOW_LINES = (
    "while True:",
    "    try:",
    "        while True: pass",
    "    except BaseException: pass",
)
DEAF = """
import signal
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
"""
COMPUTED = r"Came: +It computed for a long time, and was ended; it stood in line \d+ of your code: "
STANDS = r"Came: .*; it (stood|stands) in line \d+ of your code: "

ROWS = [
    Row("right", "nothing is wrong"),
    Row(
        "endless loop, top level",
        "the cell does not end, in the notebook neither",
        with_after("03.1", "while True: pass"),
        NONE,
        {"03.1": COMPUTED},
    ),
    Row(
        "endless loop, swallows",
        "the same, and Ctrl-C does not help",
        with_after("03.1", SWALLOW),
        NONE,
        {"03.1": COMPUTED},
    ),
    Row(
        "endless loop, deaf to signals",
        "the same, and only SIGKILL helps",
        with_after("03.1", DEAF + SWALLOW),
        NONE,
        {"03.1": "Came: +It computed for a long time, and was ended"},
    ),
    Row(
        "endless loop in get_request",
        "the parts that serve nobody are right: one of them",
        in_get_request("while True: pass"),
        ONLY_BIND,
        {"03.1": STANDS},
    ),
    Row(
        "endless loop in get_request, swallows",
        "the same",
        in_get_request(*SWALLOW_LINES),
        ONLY_BIND,
        {"03.1": STANDS},
    ),
    Row(
        "endless loop in __init__",
        "no part has a server",
        in_init("while True: pass"),
        NONE,
        {"03.1": STANDS},
    ),
    Row(
        "endless wait in __init__",
        "no part has a server",
        in_init(f"import time; time.sleep({NAPPING})"),
        NONE,
        {"03.1": "nothing within 2 seconds; it stands in line"},
    ),
    Row(
        "server that never stops, top level",
        "the cell does not end, in the notebook neither",
        with_after("03.1", 'TCPServer(("127.0.0.1", 0), StreamRequestHandler).serve_forever()'),
        NONE,
        {"03.1": "Came: +Nothing for many seconds, and it was ended. Does it wait for"},
    ),
    Row(
        "server that never stops",
        "it serves, but each part asks it to stop, but for one",
        with_after("03.1", "TCPServer.shutdown = lambda self: None"),
        ONLY_BIND,
        {"03.1": "serve_forever\\(\\) goes on although shutdown\\(\\) has returned"},
    ),
]


def main():
    parser = argparse.ArgumentParser(description="Print the hostile table.")
    parser.add_argument("--level", choices=LEVELS)
    parser.add_argument("--jobs", type=int, default=1, help="rows at a time")
    parser.add_argument("--all", action="store_true", help="whole messages")
    parser.add_argument("words", nargs="*", help="only rows with one of these in their names")
    options = parser.parse_args()
    rows = [row for row in ROWS if not options.words or any(w in row.name for w in options.words)]
    begun = time.monotonic()
    with workers(options.jobs) as pool:
        futures = [pool.submit(measure, row.text(), options.level) for row in rows]
        for row, future in zip(rows, futures, strict=True):
            show(row, future.result(), options.all)
    print(f"{len(rows)} rows in {time.monotonic() - begun:.0f} s")


def show(row, came, whole):
    faults = came.faults(row)
    points = f"{sum(came.points.values())} of {sum(FULL.values())}"
    figures = f"{came.seconds:5.1f} s  left {came.left}  {came.peak_memory >> 20:4d} MB"
    told = [line.strip() for one in came.told.values() for line in one.splitlines()]
    first = next((line for line in told if line.startswith(("Came:", "Cell"))), "")
    print(f"{'holds' if not faults else 'FAILS'}  {row.name:38} {points:9} {figures}  {first[:90]}")
    for fault in faults:
        print("    ", fault)
    if whole:
        for exercise, one in came.told.items():
            print("    ", exercise, came.points[exercise], one.replace("\n", "\n         "))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
