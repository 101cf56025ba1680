"""A check judges what the cell says now: in a real kernel, with and without ids of cells."""

import time
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import pytest
from jupyter_client.manager import KernelManager

from socketlab import project, short_tempdir
from socketlab.authoring.exercises import read
from socketlab.kernels import on_files
from socketlab.notebook.run_history import Run
from socketlab.project import PROJECT

SETUP = project.setup_cell(PROJECT / "solutions", "03.1")
RIGHT = project.answer_cell(PROJECT / "solutions", "03.1")
UNFINISHED = RIGHT.replace("def handed_over():", "def handed_over()")
CHECK = 'from socketlab import check\n\ncheck("03.1", part="address")'
DEADLINE = 60


class Kernel:
    """A kernel as a front end sees it."""

    def __init__(self, client, manager, has_ids):
        self.client, self.manager, self.has_ids = client, manager, has_ids

    def run(self, source, cell="", deleted=(), interrupt_after=None):
        """Run a cell; return what it prints and shows."""
        metadata = {"cellId": cell, "deletedCells": list(deleted)} if self.has_ids else {}
        content = {"code": source, "silent": False, "store_history": True, "stop_on_error": False}
        message = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(message)
        if interrupt_after is not None:
            time.sleep(interrupt_after)
            self.manager.interrupt_kernel()
        shown = []
        while True:
            reply = self.client.get_iopub_msg(timeout=DEADLINE)
            if reply["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            content = reply["content"]
            if reply["msg_type"] == "status" and content["execution_state"] == "idle":
                return "\n".join(shown)
            if reply["msg_type"] == "error":
                shown += content["traceback"]
            elif "text" in content:
                shown.append(content["text"])


@pytest.fixture(scope="module", params=["with ids", "without ids"])
def has_ids(request):
    return request.param == "with ids"


@contextmanager
def started(has_ids):
    with TemporaryDirectory(dir=short_tempdir()) as folder:
        manager = KernelManager(**on_files(folder))
        manager.start_kernel(cwd=str(PROJECT))
        client = manager.client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=DEADLINE)
            yield Kernel(client, manager, has_ids)
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(has_ids):
    """A kernel that has just started."""
    with started(has_ids) as kernel:
        yield kernel


@pytest.fixture(scope="module")
def old_kernel(has_ids):
    """A kernel in which other tests have run cells."""
    with started(has_ids) as kernel:
        yield kernel


@pytest.fixture
def solved(old_kernel):
    old_kernel.run(SETUP, "setup")
    old_kernel.run(RIGHT, "answer-03-1")
    assert old_kernel.run(CHECK, "check").startswith("✓")
    return old_kernel


def told(text):
    """The message's line that says what came."""
    assert "Traceback" not in text and text.startswith("✗ 03.1 address"), text
    return next(line for line in text.splitlines() if "Got:" in line)


@pytest.mark.parametrize(
    "broken, words",
    [
        (UNFINISHED, "SyntaxError: expected ':', line"),
        (RIGHT.replace("(TCPServer)", "(TCPSever)"), "NameError: name 'TCPSever' is not"),
        (f"1 / 0\n{RIGHT}", "ZeroDivisionError: division by zero, line 1 of your code: 1 / 0"),
        (f"{RIGHT}\n  x", "IndentationError"),
        (f"nonlocal x\n{RIGHT}", "SyntaxError: nonlocal declaration not allowed at module level"),
    ],
)
def test_a_cell_that_ended_in_an_error_is_not_judged_by_its_earlier_run(solved, broken, words):
    solved.run(broken, "answer-03-1")
    came = told(solved.run(CHECK, "check"))
    assert f"your last run of this cell ended in {words}" in came
    solved.run(RIGHT, "answer-03-1")
    assert solved.run(CHECK, "check").startswith("✓")


def test_an_interrupted_cell_is_told(solved):
    endless = f"import time\ntime.sleep({DEADLINE})\n{RIGHT}"
    assert "KeyboardInterrupt" in solved.run(endless, "answer-03-1", interrupt_after=1)
    assert "ended in KeyboardInterrupt" in told(solved.run(CHECK, "check"))


def test_a_renamed_class_is_told(solved):
    solved.run(RIGHT.replace("class ActivatedServer", "class Activated"), "answer-03-1")
    came = told(solved.run(CHECK, "check"))
    assert "this cell defines Activated and handed_over, and no longer ActivatedServer" in came


FAILS_AND_GOES_ON = """
try:
    1 / 0
except ZeroDivisionError as request:
    str(request)
"""


def test_a_renamed_class_is_told_without_names_that_are_gone(solved):
    """A name after `as` in an `except` is there for its lines alone."""
    renamed = RIGHT.replace("class ActivatedServer", "class Activated")
    solved.run(renamed + FAILS_AND_GOES_ON, "answer-03-1")
    came = told(solved.run(CHECK, "check"))
    assert "this cell defines Activated and handed_over, and no longer ActivatedServer" in came


def test_a_deleted_cell_is_told(solved):
    if not solved.has_ids:
        pytest.skip("only JupyterLab says which cells were deleted")
    solved.run("1 + 1", "scratch", deleted=["answer-03-1"])
    assert "the cell that defined it is no longer in the notebook" in told(solved.run(CHECK, "c"))
    solved.run(RIGHT, "answer-03-1")
    assert solved.run(CHECK, "check").startswith("✓")


@pytest.mark.parametrize("first_line", ["", "%%time\n"])
def test_what_the_answer_stands_on_is_asked_too(solved, first_line):
    kernel = solved
    kernel.run("class Base(TCPServer):\n    pass", "helper")
    kernel.run(first_line + RIGHT.replace("(TCPServer)", "(Base)"), "answer-03-1")
    assert kernel.run(CHECK, "check").startswith("✓")
    kernel.run("class Base(TCPServer):\n    oops", "helper")
    text = kernel.run(CHECK, "check")
    assert "your Base" in text and "ended in NameError: name 'oops'" in told(text)


def test_in_a_fresh_kernel_the_cells_above_come_first(kernel):
    came = told(kernel.run(CHECK, "check"))
    assert "there is no ActivatedServer yet: this kernel has not run the cells above: run" in came
    kernel.run(RIGHT, "answer-03-1")
    came = told(kernel.run(CHECK, "check"))
    assert "ended in NameError: name 'TCPServer' is not defined" in came
    assert "this kernel has not run the cells above" in came


def test_an_answer_run_before_anything_is_told_as_well(kernel):
    """Its run came before ours."""
    kernel.run(RIGHT, "answer-03-1")
    came = told(kernel.run(CHECK, "check"))
    assert "your last run of this cell ended in NameError: name 'TCPServer'" in came


def test_a_name_that_is_missed_only_when_it_is_used_is_told(kernel):
    kernel.run(RIGHT.replace("(TCPServer)", "(__import__('socketserver').TCPServer)"), "a")
    text = kernel.run(CHECK, "check")
    assert "name 'os' is not defined" in told(text)
    assert "Does a cell above define os? Then this kernel has not run the cells" in text
    assert "with a dot: self.os for an attribute or a method, or a module's name." in text


def test_a_line_outside_its_method_is_told_where_self_is_known(kernel):
    setup = "from socketserver import TCPServer"
    outside = RIGHT.replace("    def ", "    self.socket = None\n\n    def ", 1)
    kernel.run(f"import os, socket\n{setup}\n{outside}", "answer-03-1")
    assert "self is known only inside a method" in kernel.run(CHECK, "check")


EMPTIES = """
import sys
sys.kept = get_ipython  # so that the new one is at another place
%reset -f
import sys, time
"""

FINE = {
    "another cell on purpose": [(RIGHT, "mine")],
    "a scratch cell that fails": [(RIGHT, "answer-03-1"), ("data = 1 / 0", "scratch")],
    "an error below the class": [(f"{RIGHT}\n1 / 0", "answer-03-1")],
    "run twice": [(RIGHT, "answer-03-1"), (RIGHT, "answer-03-1")],
    "moved": [("1 / 0\nActivatedServer = 1", "answer-03-1"), (RIGHT, "mine")],
    "an await, after an error": [
        (RIGHT, "answer-03-1"),
        (f"1 / 0\n{RIGHT}", "answer-03-1"),
        (f"import asyncio\nawait asyncio.sleep(0)\n{RIGHT}", "answer-03-1"),
    ],
    "a subclass elsewhere": [
        (RIGHT, "answer-03-1"),
        ("class Mine(ActivatedServer):\n    daemon = True", "scratch"),
    ],
    "timed": [(f"%%time\n{RIGHT}", "answer-03-1"), (f"%%time\n{RIGHT}", "answer-03-1")],
    "names of the cell's own functions": [
        (RIGHT, "answer-03-1"),
        ("listener = 1", "scratch"),
        ("listener = 1 / 0", "scratch"),
    ],
    "a name of the cell's own except": [
        (RIGHT + FAILS_AND_GOES_ON, "answer-03-1"),
        ("request = 1", "scratch"),
        ("request = 1 / 0", "scratch"),
    ],
    "names of IPython's own, put back": [
        (EMPTIES, "scratch"),
        (SETUP, "setup"),
        (f"%precision 3\n{RIGHT}", "answer-03-1"),
        (EMPTIES.replace("%reset -f", "%who"), "scratch"),
    ],
}


@pytest.mark.parametrize("cells", FINE.values(), ids=FINE)
def test_what_is_fine_passes(old_kernel, cells):
    for source, cell in [(SETUP, "setup"), *cells, (SETUP, "setup")]:
        old_kernel.run(source, cell)
    assert old_kernel.run(CHECK, "check").startswith("✓")


def test_an_answer_that_is_handed_in_is_taken_as_it_is(solved):
    solved.run(UNFINISHED, "answer-03-1")
    assert solved.run(CHECK.replace('"03.1"', '"03.1", ActivatedServer'), "check").startswith("✓")


def test_definition_and_check_in_one_cell(solved):
    solved.run(UNFINISHED, "answer-03-1")
    assert solved.run(f"{RIGHT}\n{CHECK}", "answer-03-1").startswith("✓")


def test_a_program_that_runs_each_cell_once_judges_what_is_there(kernel):
    """As nbgrader does: the right answer is above, a broken try stands below."""
    kernel.run("import os\nos.environ['NBGRADER_EXECUTION'] = 'autograde'")
    broken = UNFINISHED
    kernel.has_ids = False
    for source in (SETUP, RIGHT, broken):
        kernel.run(source)
    assert kernel.run(CHECK).startswith("✓")


THEATRE = {cell.id: cell.source for cell in read("solutions", "06_threading_mixin").cells}
STARTS_FOREVER = {
    "each starts the next": """
        def again():
            threading.Thread(target=again).start()
        again()
""",
    "in a loop": """
        while True:
            threading.Thread(target=threading.Event().wait, args=(9,), daemon=True).start()
""",
    "in a loop that no error ends": """
        def work():
            while True:
                try:
                    threading.Thread(target=print).start()
                except:
                    pass
        work()
""",
}


@pytest.mark.parametrize("starts", STARTS_FOREVER.values(), ids=STARTS_FOREVER)
def test_threads_started_forever_take_no_points_from_a_right_answer(old_kernel, starts):
    """They end with their check, or the kernel is known to need a restart."""
    right, check = THEATRE["answer-06-2"], 'from socketlab import check\n\ncheck("06.2")'
    old_kernel.run(THEATRE["setup"], "setup")
    asks = "        self.request.recv(65536)\n"
    assert asks in right
    old_kernel.run(right.replace(asks, asks + starts), "answer-06-2")
    assert "✗ 06.2" in old_kernel.run(check, "check")
    old_kernel.run(right, "answer-06-2")
    told = [old_kernel.run(check, "check") for _ in range(3)]
    assert all(one.count("✓") == 3 or "Restart the kernel" in one for one in told), told
    assert "✗" not in "".join(told)


@pytest.mark.parametrize(
    ("source", "names", "uses"),
    [
        ("try:\n    f()\nexcept OSError as error:\n    error", {"error"}, {"f", "OSError"}),
        ("match 1:\n    case one:\n        one", {"one"}, set()),
        ("match x:\n    case [a, *b]: a, b\n    case {'k': c, **d}: c, d", {*"abcd"}, {"x"}),
        ("def f():\n    global A\n    A = B\n    A", {"f", "A"}, {"B"}),
        ("%%time\nif True:\n    A = B", {"A"}, {"B"}),
        ("%%time\ndef f(local):\n    return local + A", {"f"}, {"A"}),
        ("%%timeit\nA = 1", set(), {"get_ipython"}),
        ("from socket import *", set(), set()),
        ("class A(B:\n    def close(self): pass\ndef f(): pass", {"A", "f"}, set()),
    ],
)
def test_the_names_that_a_cell_defines_and_uses(source, names, uses):
    run = Run(source)
    assert (run.names, run.uses) == (names, uses)


HARD = {
    "a NUL": "A = '\0'",
    "half a character": "A = '\ud800'",
    "a long sum": "A = " + "B + " * 2000 + "B",
    "many signs": "A = " + "-" * 10_000 + "1",
    "many parentheses": "A = " + "(" * 1000,
    "many magics": "!x\n" * 100_000,
    "a long question": "a" * 1_000_000 + " ?",
    "an unfinished string": "%%time\nA = '''",
    "a magic in a function": "def f():\n  %time A = (\n",
}


@pytest.mark.parametrize("source", HARD.values(), ids=HARD)
def test_no_cell_is_too_hard_to_be_noted(source):
    """An error here would be shown below a learner's cell."""
    assert Run(source).names <= {"A", "f"}
