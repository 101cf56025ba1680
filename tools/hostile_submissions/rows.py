"""The hostile table: whole notebooks, and what is right to come of each.

Each row is a whole notebook, of chapter 03 if it does not name another, right but for what the row
says. So the exercises that it leaves alone must have full points, whatever it does in the others.
"""

import json
from dataclasses import dataclass, field

from socketlab import project
from socketlab.grading.grade import exercises_of
from socketlab.project import PROJECT

CHAPTER = "03_tcp_server"
NAPPING = "6177"
"""Seconds that a left over `sleep` sleeps."""


def notebook(folder, chapter=CHAPTER):
    return json.loads((PROJECT / folder / chapter / f"{chapter}.ipynb").read_text("utf-8"))


def answer_cell(exercise, cells):
    number = exercise.replace(".", "-")
    return next(cell for cell in cells if cell["id"] == f"answer-{number}")


def answers(folder, chapter=CHAPTER):
    return {one: project.answer_cell(PROJECT / folder, one) for one in full(chapter)}


def full(chapter):
    return {
        one.id: sum(part.points for part in one.checks.values()) for one in exercises_of(chapter)
    }


RIGHT = answers("solutions")
BLANK = answers("exercises")
FULL = full(CHAPTER)


@dataclass(frozen=True)
class Row:
    """A submission, and what is right to come of it.

    `answers` stand in place of the right ones; `points` are those of exercises that do not get
    all; `told` are patterns that the messages of an exercise must match; `why` says why this is
    right. `change` does something else to the notebook, in place or by returning a text. `needs`
    is "namespaces", or "users", one for each student, where the other level does not hold it, or
    "seccomp", where each level needs that.
    """

    name: str
    why: str
    answers: dict = field(default_factory=dict)
    points: dict = field(default_factory=dict)
    told: dict = field(default_factory=dict)
    change: object = None
    needs: str = "process"
    chapter: str = CHAPTER

    def text(self):
        whole = notebook("solutions", self.chapter)
        for exercise, source in self.answers.items():
            answer_cell(exercise, whole["cells"])["source"] = source
        changed = self.change(whole) if self.change else None
        return changed if isinstance(changed, str) else json.dumps(whole)


def with_before(exercise, attack, answer=RIGHT):
    return {exercise: f"{attack}\n{answer[exercise]}"}


def with_after(exercise, attack, answer=RIGHT):
    return {exercise: f"{answer[exercise]}\n{attack}"}


ACCEPT = "return super().get_request()"
GET_REQUEST = "\n\n    def get_request(self):\n"
"""Ends 03.1's answer, which ends with its class: lines of a method may follow."""


def in_get_request(*lines):
    body = "\n".join(f"        {line}" for line in lines)
    return {"03.1": f"{RIGHT['03.1']}{GET_REQUEST}{body}"}


def in_init(*lines):
    body = "\n".join(f"        {line}" for line in lines)
    old = "        listener = handed_over()\n"
    assert old in RIGHT["03.1"]
    return {"03.1": RIGHT["03.1"].replace(old, f"{body}\n{old}")}


# What hangs.

NONE = {"03.1": 0}
SERVES_NOBODY = {"03.1": 4}  # its "children" and "close", where no client is served
SWALLOW = (
    "while True:\n    try:\n        for _ in iter(int, 1): pass\n    except BaseException: pass"
)
"""Not `while True: pass`: up to Python 3.12 an exception that comes there is outside the `try`."""
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
# On a busy machine, the time may be over before it has computed for long.
COMPUTED = "Got: +It (computed for a long time|was not done after many seconds), and was ended"
STANDS = rf"Got: .*; it(.s| was) at line \d+ of your code: |{COMPUTED}"

EXITS = {
    "cell_type": "code",
    "source": "__import__('os')._exit(0)",
    "id": "exits",
    "metadata": {},
}

ROWS = [
    Row("right", "nothing is wrong"),
    Row(
        "endless loop, top level",
        "it's stopped, as by a notebook's stop button, and the class stands before it",
        with_after("03.1", "while True: pass"),
        told={"03.1": "did not run to its end: it (computed for more than|was stopped after)"},
    ),
    Row(
        "endless loop in place of an answer",
        "what needs that answer does not get it; all else runs without the cell",
        {"03.3": "while True: pass"},
        {"03.3": 0},
        {"03.3": "no "},
    ),
    Row(
        "os._exit in a cell that defines nothing",
        "nothing is missing without it",
        change=lambda whole: whole["cells"].insert(0, EXITS),
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
        {"03.1": COMPUTED},
    ),
    Row(
        "endless loop in get_request",
        "the parts that serve nobody are right: two of them",
        in_get_request("while True: pass"),
        SERVES_NOBODY,
        {"03.1": STANDS},
    ),
    Row(
        "endless loop in get_request, swallows",
        "the same",
        in_get_request(*SWALLOW_LINES),
        SERVES_NOBODY,
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
        {"03.1": "nothing within 2 seconds; it's at line"},
    ),
    Row(
        "server that never stops, top level",
        "it's stopped, as by a notebook's stop button, and the class stands before it",
        with_after(
            "03.1", 'ActivatedServer(("127.0.0.1", 0), StreamRequestHandler).serve_forever()'
        ),
        told={"03.1": "did not run to its end: it was stopped after . seconds"},
    ),
    Row(
        "server that never stops",
        "it serves, and one part asks it to stop: the others end its process",
        with_after("03.1", "ActivatedServer.shutdown = lambda self: None"),
        {"03.1": 11},
        {"03.1": "serve_forever\\(\\) goes on although shutdown\\(\\) has returned"},
    ),
]


# What starts processes, or ends.

FORKS = """
import os, time
for _ in range(50):
    if os.fork() == 0:
        {then}
"""
NAP = f"time.sleep({NAPPING})"
PROGRAM = f"""
import subprocess
subprocess.Popen(["sleep", "{NAPPING}"], start_new_session=True)
"""
BOMB = """
import os
try:
    while True: os.fork()
except OSError:
    pass
"""
HARMLESS = "the answer is right, and what else it does is ended with it"

ROWS += [
    Row("50 forks", HARMLESS, with_after("03.1", FORKS.format(then=NAP))),
    Row("50 forks, setsid", HARMLESS, with_after("03.1", FORKS.format(then=f"os.setsid(); {NAP}"))),
    Row(
        "50 forks that compute",
        "no answer; how slow the others get is what this row is about",
        with_after("03.1", FORKS.format(then="while True: pass"), BLANK),
        NONE,
    ),
    Row(
        "fork bomb",
        "each of its copies goes on with the cell, and is ended",
        with_before("03.1", BOMB, BLANK),
        NONE,
    ),
    Row("a program in a session of its own", HARMLESS, with_after("03.1", PROGRAM)),
    Row(
        "sys.exit",
        "as in a notebook, it ends the cell, and the class stands before it",
        with_after("03.1", "import sys\nsys.exit(3)"),
        told={"03.1": r"cell that begins with .* did not run to its end: SystemExit: 3"},
    ),
    Row(
        "sys.exit in get_request",
        "the parts that serve nobody are right",
        in_get_request("import sys; sys.exit(3)"),
        SERVES_NOBODY,
        {"03.1": "SystemExit: 3"},
    ),
    Row(
        "os._exit",
        "no answer is left, in the notebook neither",
        with_after("03.1", "import os\nos._exit(0)"),
        NONE,
        {"03.1": "while your cells ran\n.*Got: +It ended by itself"},
    ),
    Row(
        "os._exit in get_request",
        "the parts that serve nobody are right",
        in_get_request("import os; os._exit(3)"),
        SERVES_NOBODY,
        {"03.1": "Got: +It ended with exit status 3"},
    ),
    Row(
        "a crash in get_request",
        "the parts that serve nobody are right",
        in_get_request("import ctypes; ctypes.string_at(0)"),
        SERVES_NOBODY,
        {"03.1": "Got: +It was ended by signal 11"},
    ),
    Row(
        "KeyboardInterrupt from an attribute",
        "no check has an address to go to, but where a socket is adopted: that needs no activating",
        with_after(
            "03.1",
            """
def address(self):
    if hasattr(self, "ready"): raise KeyboardInterrupt
    return self._address
def server_activate(self, activate=ActivatedServer.server_activate):
    activate(self)
    self.ready = True
ActivatedServer.server_address = property(
    address, lambda self, value: setattr(self, "_address", value)
)
ActivatedServer.server_activate = server_activate
""",
        ),
        {"03.1": 9},
        {"03.1": "KeyboardInterrupt"},
    ),
    Row(
        "syntax error",
        "the cell cannot run",
        with_after("03.1", "def oops(:\n"),
        NONE,
        {"03.1": "did not run to its end: SyntaxError: invalid syntax, line 27 of the cell"},
    ),
    Row(
        "input()",
        "nobody is there to answer; the class comes after it",
        with_before("03.1", 'port = int(input("port? "))'),
        NONE,
        {"03.1": "EOFError: input\\(\\) has nobody to ask(.|\n)*there is no ActivatedServer yet"},
    ),
]


# What reaches for the checker, in the process that it has. The answer is blank: all it can
# get is by cheating.

CHEATS = {
    "asserts stripped through IPython": """
import ast
class Strip(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
    def visit_Raise(self, node): return ast.Pass()
get_ipython().ast_transformers.append(Strip())
get_ipython().run_cell_magic("python", "", "")
""",
    "socket patched": """
import socket
class Fake:
    def __init__(self, *args, **keywords): self.read = False
    def __getattr__(self, name): return lambda *args, **keywords: self
    def getsockname(self): return ("127.0.0.1", 4711)
    def recv(self, size):
        self.read = not self.read
        return b"ping" if self.read else b""
socket.create_connection = socket.socket = Fake
""",
    "time patched": """
import time
for name in ("monotonic", "time", "perf_counter"): setattr(time, name, lambda: 0.0)
time.sleep = lambda seconds: None
""",
    "checker patched: core and case": """
from socketlab.checks import case, core
from socketlab.exercises import all_exercises
from socketlab.learner import api
core.attempt = lambda *args: None
api.check = core.message = lambda *args, **keywords: None
core.Exercise.check = core.Check.try_on = lambda *args, **keywords: None
case.Case.fail = case.Case.want = lambda *args: None
case.Case.call = case.Case.talk = lambda *args: b"ping"
for exercise in all_exercises(): exercise.checks.clear()
""",
    "checker patched: bench and records": """
from socketlab.checks import bench, records
class Nothing:
    def __getattr__(self, name): return lambda *args, **keywords: []
records._open[:] = [Nothing()]
records.Records = bench.Bench = Nothing
records.opened = records.entrusted = lambda *args: Nothing()
""",
    "checker patched: remote": """
from socketlab.grading import student, judge, trial
from socketlab.remote import link as remote
remote.Service.call = remote.Service._may_be_called = lambda *args: True
judge.grade = trial.run = trial.Trial._attempt = lambda *args: None
remote.Service._tell = lambda self, error: "passed"
remote.Checker = remote.Proxy = remote.made_from = None
""",
    "sys.modules emptied": """
import sys, types
for name in list(sys.modules):
    if name.startswith(("socketlab", "tests")): sys.modules[name] = types.ModuleType(name)
""",
    "audit hook": """
import sys
def hook(event, args):
    if event.startswith(("socket", "object", "compile")): raise SystemExit(0)
sys.addaudithook(hook)
""",
    "settrace": """
import sys, threading
def trace(frame, event, argument):
    for name, value in list(frame.f_locals.items()):
        if name == "condition": frame.f_locals[name] = True
    if frame.f_code.co_name in ("fail", "want"): raise SystemExit(0)
    return trace
threading.settrace(trace); sys.settrace(trace); threading.setprofile(trace)
""",
    "builtins patched": """
import builtins
builtins.isinstance = lambda *args: True
builtins.all = builtins.any = builtins.callable = builtins.hasattr = lambda *args: True
builtins.AssertionError = builtins.NotImplementedError = type("Fine", (Exception,), {})
builtins.print = builtins.exit = lambda *args, **keywords: None
""",
    "thread that waits for the check": """
import sys, threading, time
def wait():
    from socketlab.checks import records
    from socketlab.exercises import all_exercises
    from socketlab.learner import progress_log
    while True:
        for frame in sys._current_frames().values():
            while frame is not None:
                for value in list(frame.f_locals.values()):
                    if hasattr(value, "got"): value.got = ""
                frame = frame.f_back
        for one in records._open: one.bound.append((None, ("127.0.0.1", 0)))
        for one in all_exercises():
            for check in one.checks: progress_log.note(one.id, f"passed {check}")
        time.sleep(0.001)
threading.Thread(target=wait, daemon=True).start()
""",
}
HANDS = """
import gc, socket, struct, json
from socketlab.remote.messages import Line
from socketlab.remote.link import Link
def lines(): return [one for one in gc.get_objects() if isinstance(one, Line)]
def attack(self, *args, **keywords):
{body}
class ActivatedServer(TCPServer):
    __init__ = attack
"""


def over_the_link(*lines):
    return {"03.1": HANDS.format(body="\n".join(f"    {line}" for line in lines))}


MESSAGES = {
    "callbacks called with junk": """
import itertools, threading
from socketlab.remote.callbacks import Callback
junk = [object(), None, [], {}, {1, 2}, float("nan"), 10**1000, "\\ud800", b"x" * 1000]
junk += [type, KeyboardInterrupt()]
for name in ("setup", "handle", "finish", "__init__"):
    function = vars(args[1]).get(name)
    for one in itertools.product(junk, repeat=2):
        try: function(*one)
        except BaseException: pass
        try: function(*one, key=one)
        except BaseException: pass
    for number in range(0, 10**6, 999):
        try: Callback(function._link, number)()
        except BaseException: pass
""",
    "junk on the line": """
for line in lines(): line._socket.sendall(b"\\x00\\x00\\x00\\x04nope" * 1000)
""",
    "junk on every descriptor": """
import os
for name in os.listdir("/proc/self/fd"):
    if int(name) > 2:
        try: os.write(int(name), b"\\xff" * 100000)
        except OSError: pass
""",
    "flood of messages": """
import threading
def flood(line):
    while True: line.send({"call": [{"returned": 1}, [], [], False]}, [])
for line in lines(): threading.Thread(target=flood, args=(line,), daemon=True).start()
""",
    "flood of objects": """
data = ",".join(map('{{"own":[{},"x",[]]}}'.format, range(400000)))
data = '{"value": {"tuple": [' + data + "]}}"
for line in lines(): line._socket.sendall(struct.pack("!I", len(data)) + data.encode())
""",
    "flood of threads": """
here, there = socket.socketpair()
control = next(one for one in gc.get_objects() if isinstance(one, Link))._control
while True: control.send({"daemon": True}, [there.fileno()])
""",
    "half a message on each of 200 lines": """
control = next(one for one in gc.get_objects() if isinstance(one, Link))._control
half = struct.pack("!I", 15 << 20) + bytes(14 << 20)
held = []
for _ in range(200):
    here, there = socket.socketpair()
    held.append(here)
    control.send({"daemon": True}, [there.fileno()])
    here.sendall(half)
""",
    "100 MB message": """
for line in lines():
    line._socket.sendall(struct.pack("!I", 100 << 20))
    for _ in range(100): line._socket.sendall(bytes(1 << 20))
""",
    "4 GB announced": """
for line in lines(): line._socket.sendall(struct.pack("!I", (1 << 32) - 1) + b"{}")
""",
    "JSON nested 1,000,000 deep": """
for line in lines():
    data = b"[" * 1000000
    line._socket.sendall(struct.pack("!I", len(data)) + data)
""",
    "JSON nested 900 deep": """
for line in lines():
    data = b'{"value": ' + b'{"tuple": [' * 450 + b"]}" * 450 + b"}"
    line._socket.sendall(struct.pack("!I", len(data)) + data)
""",
    "number with 15,000,000 digits": """
for line in lines():
    data = b'{"value": ' + b"9" * 15000000 + b"}"
    line._socket.sendall(struct.pack("!I", len(data)) + data)
""",
    "silence": f"""
import time
for line in lines(): line.send = lambda *args: time.sleep({NAPPING})
""",
    "an exception with 100 MB of text": """
raise ValueError("x" * (100 << 20))
""",
    "an exception that no text file holds": """
raise ValueError("\\ud800 \\x00 \\x1b[2J")
""",
}
ROWS += [
    Row(name, "there is no answer", with_after("03.1", cheat, BLANK), NONE)
    for name, cheat in CHEATS.items()
]
ROWS += [
    Row(
        "right, and time patched",
        "what it does to itself is its own affair",
        with_before("03.1", CHEATS["time patched"]),
    ),
    Row(
        "right, and socket patched",
        "as in the notebook: over a patched one nothing is proved",
        with_after("03.1", "socket.create_connection = print"),
        NONE,
        {"03.1": "your code has replaced socket.create_connection"},
    ),
]
ROWS += [
    Row(
        name,
        "there is no answer",
        over_the_link(*body.strip().split("\n")),
        NONE,
    )
    for name, body in MESSAGES.items()
]


# Notebooks as they come back.


def of_code(whole):
    return [cell for cell in whole["cells"] if cell["cell_type"] == "code"]


def overwrite_checks(whole):
    for cell in of_code(whole):
        if cell["id"].startswith("check"):
            cell["source"] = "check = lambda *args, **keywords: None\nprint('✓ passed')"


def delete_checks(whole):
    whole["cells"] = [cell for cell in whole["cells"] if not cell["id"].startswith("check")]


def duplicate(whole):
    whole["cells"] = [cell for cell in whole["cells"] for _ in range(2)]
    for cell in whole["cells"]:
        cell["id"] = "answer-03-1"
        cell["metadata"] = {"nbgrader": {"grade_id": "answer-03-1", "solution": True}}


def strip(whole):
    for cell in whole["cells"]:
        cell.pop("id")
        cell.pop("metadata")
    del whole["metadata"], whole["nbformat"], whole["nbformat_minor"]


def other_kernel(whole):
    whole["metadata"] = {"kernelspec": {"name": "fortran", "language": "fortran"}}


def reorder(whole):
    whole["cells"].reverse()


def split(whole):
    [cell] = [cell for cell in whole["cells"] if cell["id"] == "answer-03-1"]
    first = "__init__(self, server_address, RequestHandlerClass):\n"
    head, found, method = RIGHT["03.1"].partition(f"    def {first}")
    assert found and "super().__init__(" in method
    cell["source"] = f"{head}    pass"
    method = method.replace("super().__init__(", "TCPServer.__init__(self, ")
    more = f"def {first}" + method.replace("        ", "    ")
    sources = [more, "ActivatedServer.__init__ = __init__", "print('done')\n\n"]
    place = whole["cells"].index(cell) + 1
    whole["cells"][place:place] = [{"cell_type": "code", "source": one} for one in sources]


def filled(source):
    """Return a change that puts a cell of no exercise before all others."""

    def change(whole):
        whole["cells"].insert(0, {"cell_type": "code", "source": source})

    return change


CHECKS_GONE = "the grader has checks of its own"
FOUND = "cells are found by what they define"
ALL = dict.fromkeys(FULL, 0)

ROWS += [
    Row("check cells overwritten, right", CHECKS_GONE, change=overwrite_checks),
    Row("check cells overwritten, blank", CHECKS_GONE, BLANK, ALL, change=overwrite_checks),
    Row("check cells deleted, right", CHECKS_GONE, change=delete_checks),
    Row("check cells deleted, blank", CHECKS_GONE, BLANK, ALL, change=delete_checks),
    Row("duplicate cells and ids", FOUND, change=duplicate),
    Row("all metadata gone", FOUND, change=strip),
    Row("unknown kernel", "the cells are Python", change=other_kernel),
    Row("cells in reverse order", FOUND, change=reorder),
    Row("an answer split over cells", FOUND, change=split),
    Row(
        "not JSON",
        "nothing can be found in it",
        {},
        ALL,
        {one: "it is not JSON" for one in FULL},
        lambda whole: "not JSON",
    ),
    Row(
        "JSON nested 1,000,000 deep, as a notebook",
        "nothing can be found in it",
        {},
        ALL,
        {one: "it is not JSON" for one in FULL},
        lambda whole: "[" * 1_000_000,
    ),
    Row(
        "10 MB of code",
        "nobody writes that; to parse it would take gigabytes",
        {},
        ALL,
        {one: "MB of code" for one in FULL},
        filled("a = 1\n" * ((10 << 20) // 6)),
    ),
    Row(
        "100,000 cells",
        "nobody writes that",
        {},
        ALL,
        {one: "100024 cells with code" for one in FULL},
        lambda whole: whole["cells"].extend(
            {"cell_type": "code", "source": "a"} for _ in range(100_000)
        ),
    ),
    Row(
        "a thousand cells that need each other",
        "the answers are right",
        change=lambda whole: whole["cells"].extend(
            {"cell_type": "code", "source": f"Handler = ActivatedServer = a{n} = a{n + 1}"}
            for n in range(900)
        ),
    ),
    Row(
        "300,000 empty lines and a syntax error",
        "a cell that no exercise needs",
        change=filled("(\n" + "\n" * 300_000),
    ),
    Row(
        "code that the parser cannot take",
        "a cell that no exercise needs",
        change=filled("-" * 500_000 + "1"),
    ),
    Row(
        "a name of 500,000 parts",
        "a cell that no exercise needs",
        change=filled("a" + ".b" * 250_000),
    ),
]


# What it uses up, and what is noise.

NOISE = """
import logging, sys
logging.basicConfig(level=logging.DEBUG)
class ActivatedServer(ActivatedServer):
    def get_request(self):
        request = super().get_request()
        print("Got connection from", request[1])
        print("a new client", file=sys.stderr, flush=True)
        logging.getLogger().warning("a new client")
        sys.stderr.write("x" * 100000)
        return request
"""
FILL = """
import os
for folder in (".", "/tmp"):
    for number in range(100):
        with open(f"{folder}/full{number}", "wb", 0) as file:
            file.write(bytes(1 << 20))
"""
BOUND = """
import socket, threading
door = socket.create_server(("127.0.0.1", 17101))
threading.Thread(target=door.accept).start()
"""
CHAINS = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for _ in range(4):
    if os.fork() == 0:
        while True:
            end = time.monotonic() + 0.004
            while time.monotonic() < end: pass
            if os.fork(): os._exit(0)
time.sleep(60)
"""
MANY_TIMES_MEMORY = """
import os, time
for _ in range(12):
    if os.fork() == 0:
        kept = bytearray(os.urandom(1 << 20)) * 100
        time.sleep(60)
time.sleep(60)
"""
LEAVES_FILES = """
import os
for folder in ("/tmp", "/var/tmp", "/dev/shm"):
    for number in range(4):
        try:
            with open(f"{folder}/mallory-{number}", "wb", 0) as file:
                file.write(bytes(1 << 20))
        except OSError:
            pass
"""
REFUSED = """
import ctypes, os, platform, socket
arm = platform.machine() == "aarch64"
c_library = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    if c_library.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")
try:
    {0}
except OSError:
    pass
else:
    del ActivatedServer
"""
ROWS += [
    Row(
        "chains of processes that live 4 ms",
        "no answer; how long they go on, and slow the others, is what this row is about",
        with_after("03.1", CHAINS, BLANK),
        NONE,
    ),
    Row(
        "1.2 GB in twelve processes",
        "none has too much, but all together have",
        with_after("03.1", MANY_TIMES_MEMORY),
        NONE,
        {"03.1": "Its processes took more than the 1024 MB they may use together"},
    ),
    Row(
        "files left where all may write",
        "each is the student's, and goes with it",
        with_after("03.1", LEAVES_FILES),
        needs="users",
    ),
    *(
        Row(
            f"{what}, which no answer needs",
            "it is refused, so the class is not deleted, and all else is right",
            with_after("03.1", REFUSED.format(how)),
            needs="seccomp",
        )
        for what, how in (
            ("memory in a memfd", 'os.memfd_create("mallory")'),
            ("shared memory that stays", "call(194 if arm else 29, 0, 1 << 20, 0o1600)"),
            ("a message queue that stays", "call(186 if arm else 68, 0, 0o1600)"),
            ("a key", 'call(217 if arm else 248, b"user", b"mallory", b"x", 1, -3)'),
            ("the keyring of the login", "call(219 if arm else 250, 0, -3, 0)"),
            ("io_uring", "call(425, 1, bytes(200))"),
            ("another namespace", "call(97 if arm else 272, 0)"),
            ("a socket out of the machine", "socket.socket(socket.AF_VSOCK)"),
            ("a look into another process", "call(117 if arm else 101, 0, 0, 0, 0)"),
        )
    ),
    Row("logs to stderr and prints", "nobody asked it to be silent", with_after("03.1", NOISE)),
    Row(
        "200 MB printed",
        "what it prints is dropped, the answer is right",
        with_after("03.1", 'for _ in range(200): print("x" * (1 << 20))'),
    ),
    Row(
        "200 MB printed while it is checked",
        "the checks of 03.1 do not ask what is printed",
        in_get_request('for _ in range(50): print("x" * (1 << 18))', ACCEPT),
    ),
    Row(
        "4 GB allocated",
        "the cell has no room to run",
        with_before("03.1", "much = bytearray(4 << 30)"),
        NONE,
        {"03.1": "MemoryError, line 1 of your code: much"},
    ),
    Row(
        "4 GB allocated bit by bit, in __init__",
        "no part has a server; on a busy machine the time is over before the memory",
        in_init("much = []", "while True: much.append(bytearray(1 << 20))"),
        NONE,
        {"03.1": f"MemoryError|{STANDS}"},
    ),
    Row(
        "disk filled",
        "the cell has no room to run",
        with_before("03.1", FILL),
        NONE,
        {"03.1": "OSError: .*(No space left|too large|quota).*line 6 of your code"},
        needs="namespaces",
    ),
    Row(
        "a port left bound for the next ones",
        "each has a network of its own, in which the port is free",
        {one: f"{BOUND}\n{RIGHT[one]}" for one in FULL},
        needs="namespaces",
    ),
]


# What it reaches for outside of its process.

READ = f"""
import json
with open({str(PROJECT / "{folder}" / CHAPTER / (CHAPTER + ".ipynb"))!r}) as file:
    for cell in json.load(file)["cells"]:
        if cell.get("id") == "answer-03-1": exec("".join(cell["source"]))
ActivatedServer = ActivatedServer
"""
FETCH = f"""
import json
whole = []
def visit(fetch):
    whole.append(fetch({(PROJECT / "solutions" / CHAPTER / (CHAPTER + ".ipynb")).as_uri()!r}))
    raise ValueError(f"I have read {{len(whole[0])}} letters")
"""
ATTACH = """
import ctypes, os, signal
c_library = ctypes.CDLL(None)
others = {int(one) for one in os.listdir("/proc") if one.isdigit()} | {*range(1, 100)}
for pid in (others | {os.getppid()}) - {os.getpid(), 0}:
    c_library.ptrace(16, pid, 0, 0)
    for number in (signal.SIGSTOP, signal.SIGKILL):
        try: os.kill(pid, number)
        except OSError: pass
    try: open(f"/proc/{pid}/mem", "r+b")
    except OSError: pass
try: os.kill(-1, signal.SIGKILL)
except OSError: pass
"""
GONE = "FileNotFoundError: .*line 3 of your code"
ROWS += [
    Row(
        "reads solutions/",
        "there are none where it runs",
        {"03.1": READ.replace("{folder}", "solutions")},
        NONE,
        {"03.1": GONE},
        needs="namespaces",
    ),
    Row(
        "reads solutions/ by what a check fetches with",
        "a check fetches pages only",
        with_after("03.3", FETCH),
        {"03.3": 4},
        {"03.3": "PermissionError: file:.* is no address of a page"},
    ),
    Row("attaches to the checker", "there is no answer", with_before("03.1", ATTACH, BLANK), NONE),
    Row(
        "attaches to the checker, right",
        "nobody is there to attach to",
        with_before("03.1", ATTACH),
    ),
]


# What a determined liar can still win. These rows say what is so, not what should be.

LIES = """
from socketlab.checks import records
from socketlab.exercises import tcp_server
import sys
records.Records.sockets = property(lambda self: [], lambda self, value: None)
records.Records.has_port = lambda self, port: True
tcp_server._sockets = lambda: [3] if sys._getframe(1).f_code.co_name == "_facts" else []
"""
LEAKS = RIGHT["03.1"].replace("    self.socket.close()\n", "    self.spare = self.socket\n")
YES = """
class Yes(int):
    def __eq__(self, other): return True
    __ne__ = lambda self, other: False
class Long(list):
    def __len__(self): return Yes()
    def __eq__(self, other): return True
comes_back, reuses, connects, served, full_queue = ([Yes()] * n for n in (4, 3, 2, 1, 2))
full_queue = Long()
"""
ROWS += [
    Row(
        "leaks a socket",
        "the socket that TCPServer's constructor made is still open",
        {"03.1": LEAKS},
        {"03.1": 11},
        {"03.1": "sockets at the descriptors .* before; is the one closed"},
    ),
    Row(
        "leaks a socket, and lies about it",
        "won by a lie: what is open over there, only the student's process can say",
        {"03.1": LEAKS + LIES},
    ),
    Row(
        "lies, and has no server",
        "each check needs a server that serves",
        {
            "03.1": f"{LIES}\nclass ActivatedServer:\n"
            "    def __init__(self, *args, **keywords): raise OSError(98, 'in use')"
        },
        {"03.1": 0},
    ),
    Row(
        "an import in place of an answer",
        "a build task wants the student's own code",
        {"08.2": "from minisocketserver import DatagramRequestHandler"},
        {"08.2": 0},
        {"08.2": "minisocketserver's DatagramRequestHandler"},
        chapter="08_handlers",
    ),
    Row(
        "predictions that are equal to everything",
        "values are copied, and compared by the checker",
        {"03.4": YES},
        {"03.4": 0},
        {"03.4": "0 in place 1, of type int; the run gives bool there"},
    ),
]


# What only other chapters make natural.


def row_of(chapter, name, why, exercise, old, new, *rest, **more):
    """Return a row in whose right answer `old` is replaced."""
    answer = answers("solutions", chapter)[exercise]
    assert old in answer
    changed = {exercise: answer.replace(old, new, 1)}
    return Row(name, why, changed, *rest, chapter=chapter, **more)


def bound_at(*lines):
    """Return the words for a server that binds elsewhere, in place of LocalServer's."""
    return "\n".join(f"        {line}" for line in lines)


BIND = "        super().server_bind()\n        self.file = os.stat(self.server_address)"
LEASE = (
    "import fcntl, signal; "
    "Path(self.server_address).write_text('my novel'); "
    "self.kept = os.open(self.server_address, os.O_RDWR); "
    "fcntl.fcntl(self.kept, fcntl.F_SETSIG, signal.SIGURG); "
    "fcntl.fcntl(self.kept, fcntl.F_SETLEASE, fcntl.F_WRLCK)"
)
ROWS += [
    row_of(
        "04_udp_server",
        "a flood of datagrams to the client",
        "the first one is not the echo, unless the flood is over before it comes",
        "04.3",
        "        sock.sendto(data, self.client_address)",
        "        while True: sock.sendto(b'x' * 100, self.client_address)",
        {"04.3": 0},
        {"04.3": f"back for b'ahoy'|{STANDS}"},
    ),
    row_of(
        "05_unix_servers",
        "a socket path outside the work folder",
        "nothing else can be written",
        "05.1",
        BIND,
        bound_at('self.server_address = "/usr/door"', "super().server_bind()"),
        {"05.1": 0},
        {"05.1": "OSError: .*Read-only file system|PermissionError"},
    ),
    row_of(
        "05_unix_servers",
        "a symlink as socket path",
        "no check follows it; only at the end, when the link is gone, is all as it should be",
        "05.1",
        BIND,
        bound_at(
            "path, self.server_address = self.server_address, self.server_address + '-real'",
            "super().server_bind()",
            "os.symlink(self.server_address, path)",
            "self.server_address = path",
            "self.file = os.stat(path)",
        ),
        {"05.1": 1},
        {"05.1": "PermissionError: .* is a link"},
        needs="namespaces",
    ),
    row_of(
        "05_unix_servers",
        "a symlink out of the work folder, for clients",
        "a check follows no link, to whatever server of the grader's machine",
        "05.2",
        "    def get_request(self):",
        "    def server_activate(self):\n"
        "        super().server_activate()\n"
        "        os.unlink(self.server_address)\n"
        "        os.symlink('/run/docker.sock', self.server_address)\n\n"
        "    def get_request(self):",
        {"05.2": 0},
        {"05.2": "PermissionError: .* is a link"},
        needs="namespaces",
    ),
    row_of(
        "05_unix_servers",
        "an address that is equal to everything",
        "what it is as a text counts, and stat takes no such thing",
        "05.1",
        BIND,
        f"{BIND}\n        self.server_address = type('Everything', (), {{\n"
        "            '__eq__': lambda *_: True, '__str__': lambda _: 'elsewhere'})()",
        {"05.1": 0},
        {"05.1": "server_address is .*, the path was"},
    ),
    row_of(
        "05_unix_servers",
        "an abstract socket",
        "it is not at the path",
        "05.1",
        BIND,
        bound_at('self.server_address = "\\0door"', "super().server_bind()"),
        {"05.1": 0},
        {"05.1": "server_address is .*, the path was"},
    ),
    *(
        row_of(
            "05_unix_servers",
            f"{what} in place of a file that a check reads",
            "the check does not wait for it, nor follow it; all other parts are right",
            "05.3",
            "        super().server_bind()",
            "        if Path(self.server_address).is_file():\n"
            f"            os.unlink(self.server_address)\n            {instead}\n"
            "        super().server_bind()",
            {"05.3": 5},
            {"05.3": f"Got: .*{told}"},
        )
        for what, instead, told in (
            ("a FIFO", "os.mkfifo(self.server_address)", "is no plain file"),
            ("a link", "os.symlink('/proc/self/mem', self.server_address)", "is a link|symbolic"),
            ("a folder", "os.mkdir(self.server_address)", "no plain file|directory"),
            ("a leased file", LEASE, "unavailable"),
        )
    ),
    row_of(
        "06_threading_mixin",
        "a thread bomb in get_request",
        "no request is served",
        "06.1",
        "        if not self._places.acquire(timeout=0.1):",
        f"        import time\n        while True: threading.Thread(target=time.sleep, "
        f"args=({NAPPING},)).start()\n        if not self._places.acquire(timeout=0.1):",
        {"06.1": 0},
        {"06.1": "can't start new thread|ended with exit status 1"},
        needs="users",
    ),
    row_of(
        "06_threading_mixin",
        "threads that never end, daemon or not",
        HARMLESS,
        "06.2",
        "class Theatre",
        f"import time\nfor daemon in (True, False):\n    threading.Thread("
        f"target=time.sleep, args=({NAPPING},), daemon=daemon).start()\n\n\nclass Theatre",
    ),
    row_of(
        "06_threading_mixin",
        "a lock never released",
        "only the first visitor is served, and no check has one only",
        "06.2",
        "        with self.server.lock:",
        "        if self.server.lock.acquire():",
        {"06.2": 0},
        {"06.2": "it's at line"},
    ),
    row_of(
        "07_forking_mixin",
        "a child that forks on and on",
        "no result comes home",
        "07.1",
        '        with open(self.write_end, "wb") as pipe:\n',
        "        while True:\n            try: os.fork()\n            except OSError: pass\n"
        "        if True:\n",
        {"07.1": 0},
        {"07.1": "It started more than 60 processes"},
    ),
    row_of(
        "07_forking_mixin",
        "a child that comes back",
        "it goes on with its parent's program",
        "07.1",
        "        super().process_request(request, client_address)",
        "        if os.fork() == 0:\n            raise SystemExit",
        {"07.1": 0},
        {"07.1": "a child came back into the program of its parent"},
    ),
    row_of(
        "07_forking_mixin",
        "children with setsid, never collected",
        HARMLESS,
        "07.2",
        "        self.request.recv(65536)",
        "        if os.fork() == 0:\n            os.setsid()\n            import time\n"
        f"            time.sleep({NAPPING})\n        self.request.recv(65536)",
    ),
    row_of(
        "07_forking_mixin",
        "stdin, stdout and stderr closed",
        HARMLESS,
        "07.3",
        "def run(server):",
        "for number in range(3): os.close(number)\n\n\ndef run(server):",
    ),
    row_of(
        "08_handlers",
        "a handler that writes without end",
        "it is more than the chart",
        "08.4",
        "        self.request.sendall(self.server.chart)",
        "        while True: self.request.sendall(self.server.chart)",
        {"08.4": 7},
        {"08.4": "bytes, and no end"},
    ),
    row_of(
        "08_handlers",
        "a handler that never ends a line",
        "a client waits in vain",
        "08.4",
        "        self.wfile.write(self.greeting.encode())",
        "        while True: self.wfile.write(b'x' * 100_000)",
        {"08.4": 6},
        {"08.4": "bytes, and no end"},
    ),
]
