"""Run notebooks in many styles by kernel and by `socketlab grade`: the same points?

    python -m tools.points_of_styles [ROW ...]

A row is a list of code cells, the answer to exercise 03.1 somewhere in them; `{answer}` is our
solution, `{indented}` the same, four spaces further right. Its checks stand below all, or where
CHECKS does. To add a style, add a row.
"""

import argparse
import re
import tempfile
from pathlib import Path
from textwrap import indent

import nbformat

from socketlab.authoring.exercises import read
from socketlab.exercises import find
from socketlab.kernels import execute
from socketlab.learner.stubs import complete

from . import sample_class

CHAPTER, EXERCISE = "03_tcp_server", "03.1"

CHECKS = "the checks"
LOOKS_AT_THE_HANDLER = """{answer}
    def finish_request(self, request, client_address):
        handler = self.RequestHandlerClass
        self.title = handler.__name__, handler.__module__, inspect.signature(handler)
        assert inspect.isclass(handler) or inspect.isfunction(handler)
        super().finish_request(request, client_address)
"""

MINE = "%%writefile mine.py\nimport os, socket\nfrom minisocketserver import TCPServer"

ROWS = {
    "plain": ["{answer}"],
    # Python that looks like magic
    "a question in a comment": ["{answer}\n# is that all?"],
    "a question in a docstring": ['def who():\n    """Who is there?\n    Who?\n    """\n{answer}'],
    "a line begins with %": ['TOLD = (\n    "%d bytes"\n    % 5\n)\n{answer}'],
    "a line begins with !=": ['SAME = (\n    b"a"\n    != b"b"\n)\n{answer}'],
    "a line of text begins with !": ['TEXT = """\n!ls\n%cd /\nwhat?\n"""\n{answer}'],
    "a backslash, then %": ["REST = 7 \\\n    % 3\n{answer}"],
    # lines of IPython's
    "a shell command": ["!echo hello\n{answer}"],
    "a shell command alone in a block": ["if True:\n    !echo hello\n{answer}"],
    "the output of a command": ["files = !echo one; echo two\nfirst = files[0]\n{answer}"],
    "a command that is not there": ["!there-is-no-such-command\n{answer}"],
    "a command that fails": ["!exit 3\n{answer}\nassert _exit_code == 3"],
    "a command that fills in a name": ["WORD = 'x'\nout = !echo {{WORD}}\n{answer}\nout[0]"],
    "install in a block": [
        "try:\n    import nothing_like_this\nexcept ImportError:\n"
        "    !{{__import__('sys').executable}} -m pip --version\n{answer}"
    ],
    "a magic alone in a block": ["if True:\n    %matplotlib inline\n{answer}"],
    "the value of a magic": ["here = %pwd\n{answer}"],
    "figures for a retina": ["%config InlineBackend.figure_format = 'retina'\n{answer}"],
    "reload what changes": ["%load_ext autoreload\n%autoreload 2", "{answer}"],
    "a magic over two lines": ["%env GREETING=\\\n  hello\n{answer}"],
    "help below": ["{answer}\nsocket.socket?"],
    "help above": ["?socket.socket\n{answer}"],
    "source below": ["{answer}\nActivatedServer??"],
    "help for nothing": ["nothing_like_this?\n{answer}"],
    "parentheses by IPython": ["/print 1 2\n,print a b\n;print c d\n{answer}"],
    "a magic by its name alone": ["pwd", "{answer}", "ls"],
    "a magic that is not there": ["%there_is_no_such_magic\n{answer}"],
    "time of a line": [
        "{answer}\n%time ActivatedServer\n%timeit -n 1000 -r 3 ActivatedServer.__name__"
    ],
    "a name bound in a timed line": ["%time LIMIT = 5\n{answer}\nassert LIMIT == 5"],
    "store a name": ["{answer}\nnumber = 5\n%store number"],
    "a number of the last results": ["6 * 7", "assert _ == 42 and Out\n{answer}"],
    # cells of IPython's
    "timed": ["%%time\n{answer}"],
    "captured": ["%%capture out\n{answer}", "out.stdout + 'x'"],
    "timed and captured": ["%%capture\n%%time\n{answer}"],
    "profiled": ["%%prun -q\n{answer}"],
    "timed again and again": ["{answer}", "%%timeit\nActivatedServer"],
    "a script beside it": ["{answer}", "%%bash\necho hello", "%%html\n<b>hello</b>"],
    "written to a file": [
        f"{MINE}\n\n{{answer}}",
        "from mine import ActivatedServer",
    ],
    "written to a file, and run": [
        f"{MINE}\n\n{{answer}}",
        "%run mine.py",
    ],
    "a magic for cells that is not there": ["%%there_is_no_such_magic\n{answer}"],
    # what the kernel does with all cells
    "await": ["import asyncio\n\nawait asyncio.sleep(0)\n{answer}"],
    "await in a loop": ["import asyncio\nfor _ in range(2):\n    await asyncio.sleep(0)\n{answer}"],
    "a loop that runs already": ["import asyncio\nasyncio.run(asyncio.sleep(0))\n{answer}"],
    "a task": ["import asyncio\ntask = asyncio.create_task(asyncio.sleep(0))", "{answer}"],
    "the whole cell indented": ["{indented}"],
    "a part of the cell indented": ["{indented}\nLIMIT = 5"],
    "blank lines above": ["\n\n   \n{answer}"],
    "from a session of Python": [">>> LIMIT = 5\n>>> LIMIT\n", "{answer}"],
    "from a session of IPython": ["In [1]: LIMIT = 5", "{answer}"],
    "annotations of the future": [
        "from __future__ import annotations",
        "{answer}\n    def later(self, one: Unknown) -> Never: ...\n",
    ],
    "annotations of nothing": ["{answer}\n    def later(self, one: Unknown) -> Never: ...\n"],
    "sys.exit below": ["{answer}\nimport sys\nsys.exit()"],
    "sys.exit above": ["import sys\nsys.exit()\n{answer}"],
    "an error below": ["{answer}\n1 / 0"],
    "an error above": ["1 / 0\n{answer}"],
    "input above": ["input('who?')\n{answer}"],
    "only if it is the program": ["if __name__ == '__main__':\n    LIMIT = 5\n{answer}\nLIMIT"],
    "bound by a function": ["def make():\n    global ActivatedServer\n{indented}", "make()"],
    "bound by globals()": [
        "{answer}\nglobals()['Mine'] = ActivatedServer",
        "ActivatedServer = Mine",
    ],
    "bound by exec": ["exec({answer!r})"],
    "the check in the same cell": [
        "from socketlab import check\n{answer}\ncheck('03.1', part='address')"
    ],
    # what else a notebook does
    "its name once more below": ["{answer}", CHECKS, "ActivatedServer = print"],
    "its name once more above": ["class ActivatedServer: pass", "{answer}"],
    "the handler's name in a log": ["import inspect", LOOKS_AT_THE_HANDLER],
    "a time limit for all sockets": ["socket.setdefaulttimeout(5)", "{answer}"],
    "a demonstration that takes long": ["{answer}", "import time\ntime.sleep(8)"],
    "scratch files with names of modules": [
        "%%writefile random.py\nraise RuntimeError",
        "%%writefile socketserver.py\nraise RuntimeError",
        "{answer}",
    ],
    "no other attributes": ["{answer}\n    __slots__ = ()"],
    # signs
    "line ends of Windows": ["LIMIT = 5\r\nif LIMIT:\r\n    pass\r\n{answer}"],
    "line ends of old Macs": ["LIMIT = 5\rLIMIT += 1\r{answer}"],
    "tabs": ["if True:\n\tLIMIT = 5\n{answer}"],
    "a form feed": ["\f\n{answer}"],
    "a byte order mark": ["\ufeffLIMIT = 5\n{answer}"],
    "a null byte": ["LIMIT = '\0'\n{answer}"],
    "a null byte in another cell": ["LIMIT = '\0'", "{answer}"],
    "a no-break space": ["LIMIT =\xa05\n{answer}"],
    "a separator of lines in a text": ["TEXT = 'one\u2028two'\n{answer}"],
    "letters from everywhere": ["größe = 'é, 字, 🐢'\n{answer}"],
}

COMMANDS = {
    name for name, row in ROWS.items() if re.search(r"^ *(\w+ = )?!(?!=)", "\n".join(row), re.M)
}
"""Rows with commands, which a kernel runs only where there are terminals (pty) to be had."""


def checks():
    """Return a cell for each check of the exercise."""
    return [
        f'from socketlab import check\n\ncheck("{EXERCISE}", part="{part}")'
        for part in find(EXERCISE).checks
    ]


def cells(row):
    """Return the notebook's code: the setup, the row's cells, the checks."""
    given = {cell.id: cell.source for cell in read("solutions", CHAPTER).cells}
    answer = complete(given["answer-03-1"])
    fields = {"answer": answer, "indented": indent(answer, "    ")}
    sources = [given["setup"]]
    for one in row if CHECKS in row else [*row, CHECKS]:
        if one == CHECKS:
            sources += checks()
        else:
            sources.append(one.format(**fields) if "{" in one else one)
    return sources


def notebook(sources):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in sources])


def by_kernel(names):
    """Return the checks that pass in a kernel, row by row: one kernel, emptied for each row."""
    begin = "%reset -f\nget_ipython().compile.reset_compiler_flags()"
    many = [[begin, *cells(ROWS[name])] for name in names]
    together = notebook([source for one in many for source in one])
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        execute(together, allow_errors=True, resources=resources)
    passed, place = {}, 0
    for name, one in zip(names, many, strict=True):
        mine, place = together.cells[place : place + len(one)], place + len(one)
        asked = [cell for cell in mine if cell.source in checks()]
        passed[name] = {
            part
            for part, cell in zip(find(EXERCISE).checks, asked, strict=True)
            if any("✓" in output.get("text", "") for output in cell.outputs)
        }
    return passed


def by_command(names, folder):
    """Return the checks that pass by `socketlab grade`, row by row."""
    students = {name: f"row{number:03}" for number, name in enumerate(names)}
    notebooks = {student: notebook(cells(ROWS[name])) for name, student in students.items()}
    sample_class.hand_in(folder / "submitted", CHAPTER, notebooks)
    sample_class.grade(folder / "submitted", folder / "out")
    passed = {}
    for name, student in students.items():
        won = sample_class.passed(folder / "out", student, CHAPTER)
        passed[name] = {part for exercise, part in won if exercise == EXERCISE}
    return passed


def row(name):
    """Return the name of a row, as an option's type."""
    if name not in ROWS:
        raise argparse.ArgumentTypeError(f"there is no row {name!r}; --help lists them")
    return name


def main():
    parser = argparse.ArgumentParser(
        prog="python -m tools.points_of_styles", description=__doc__.partition("\n")[0]
    )
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", type=row, help="; ".join(ROWS).replace("%", "%%")
    )
    names = parser.parse_args().rows or list(ROWS)
    with tempfile.TemporaryDirectory() as folder:
        graded, told = by_command(names, Path(folder)), by_kernel(names)
    print(f"| notebook | kernel | grader | of {len(find(EXERCISE).checks)} |\n|---|---:|---:|---|")
    for name in names:
        same = "" if graded[name] == told[name] else "differ"
        print(f"| {name} | {len(told[name])} | {len(graded[name])} | {same} |")


if __name__ == "__main__":
    main()
