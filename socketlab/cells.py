"""Code cells, read and run as IPython reads and runs them, where there is no kernel."""
# mypy: disable-error-code="no-untyped-call"
# (much of IPython has no types)

import ast
import asyncio
import linecache
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cached_property
from types import ModuleType
from typing import Any

from IPython.core.compilerop import CachingCompiler
from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell
from IPython.paths import get_ipython_dir
from IPython.utils.text import SList

from .processes import end

MOST_WORK = 500_000
"""What one `Reader` takes on: each magic in a cell has IPython read all of the cell once more."""


class Reader(TransformerManager):
    """Turns a cell into Python as IPython does, and keeps the numbers of its lines.

    RuntimeError where that would take too long, SyntaxError where IPython has none for it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.work = 0

    def transform_cell(self, cell: str) -> str:
        """Return the cell in Python, each line where it was."""
        return _leading(cell) + super().transform_cell(cell)

    def do_token_transforms(self, lines: list[str]) -> list[str]:
        """Transform all magics; in what is Python there are none, and to look takes long."""
        try:
            ast.parse("".join(lines))
        except (SyntaxError, ValueError, RuntimeError, MemoryError):
            lines = super().do_token_transforms(lines)
        return lines

    def do_one_token_transform(self, lines: list[str]) -> tuple[bool, list[str]]:
        """Transform one magic; a magic over several lines leaves blank ones behind."""
        self.work += sum(map(_work, lines))
        if self.work > MOST_WORK:
            raise RuntimeError("too much to be read")
        changed, after = super().do_one_token_transform(lines)
        if missing := len(lines) - len(after):
            same = (one == other for one, other in zip(lines, after, strict=False))
            place = next((number for number, is_same in enumerate(same) if not is_same), len(after))
            after[place + 1 : place + 1] = ["\n"] * missing
        return changed, after


def _work(line: str) -> int:
    asks = line.rstrip().endswith("?")  # about what? IPython tries each place in the line
    return 10 + len(line) + (len(line) ** 2 // 100 if asks else 0)


def _leading(cell: str) -> str:
    """Return a line end for each blank line above the first other one: IPython drops them."""
    blank = cell[: len(cell) - len(cell.lstrip())]
    return "\n" * len(blank.splitlines()[: -1 if blank[-1:] not in "\r\n" else None])


def lines_of(source: str) -> list[str]:
    """Return the lines as Python numbers them, which splits at line ends alone."""
    return re.split("(?<=\n)", source.replace("\r\n", "\n").replace("\r", "\n"))


def parse(source: str, reader: Reader | None = None, depth: int = 3) -> ast.Module:
    """Return the syntax tree of a cell; the code in `%%time` and its like counts as the cell's.

    Raises what `ast.parse` does, and RuntimeError as a `Reader` does.
    """
    reader = reader or Reader()
    try:
        tree = ast.parse(source)
    except SyntaxError:
        tree = ast.parse(reader.transform_cell(source))
    if (depth and "%" in source) or "get_ipython" in source:
        for node in list(ast.walk(tree)):
            for name in ("body", "orelse", "finalbody"):
                if isinstance(block := getattr(node, name, None), list):
                    block[:] = [one for line in block for one in _inlined(line, reader, depth)]
    return tree


_RUNS = re.compile(r"(?:time|prun|capture)$")
_OPTIONS = re.compile(r"(?:\s*-{1,2}\w[\w-]*(?:\s+\d+)?)*\s*")


def _inlined(line: ast.stmt, reader: Reader, depth: int) -> Iterator[ast.stmt]:
    """Yield what a magic runs in the cell's namespace; any other statement as it is."""
    name, *texts = magic(line.value) if isinstance(line, ast.Expr) else [""]
    if not (_RUNS.match(name) and texts):
        yield line
        return
    code = texts[-1] if len(texts) > 1 else _OPTIONS.sub("", texts[0], count=1)
    try:
        yield from parse(code, reader, depth - 1).body
        if name == "capture" and (named := _OPTIONS.sub("", texts[0], count=1).split()):
            yield from ast.parse(f"{named[0]} = ...").body
    except (SyntaxError, ValueError, RuntimeError):
        yield line


def magic(node: ast.AST) -> list[str]:
    """Return a magic's name and texts, where the node is a call of one; [""] for any other."""
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Call(func=ast.Name("get_ipython")), attr=attr), args=args
        ) if all(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in args):
            texts = [one.value for one in args]  # type: ignore[attr-defined]
            return texts if attr.startswith("run_") and texts else [attr, *texts]
    return [""]


class _Compiler(CachingCompiler):
    """Compiles everything in a cell under the cell's own name."""

    name = "<cell>"

    def cache(self, transformed_code: str, number: int = 0, raw_code: str | None = None) -> str:
        return self.name

    def __call__(self, source: Any, filename: str, symbol: str, *args: Any, **options: Any) -> Any:
        return super().__call__(source, self.name, symbol, *args, **options)


COMMANDS = 2.0
"""Seconds for all the commands that cells run with `!`; what takes longer is ended."""

_INSTALLS = re.compile(r"\b(?:pip3?|conda|mamba|micromamba|uv|apt|apt-get|brew)\b.*\binstall\b")
"""Commands that take long and change nothing for cells, where there is no network."""

_NOT_HERE = """
    autosave clear conda connect_info gui less mamba man matplotlib micromamba more notebook pip
    qtconsole subshell uv
"""
"""Line magics for which there is a kernel's window, a network or a figure, and here is none."""


class Shell(InteractiveShell):
    """IPython for a program's own use: it shows no tracebacks and asks nobody."""

    compile: _Compiler
    compiler_class = _Compiler

    def __init__(self, module: ModuleType, **options: Any) -> None:
        super().__init__(user_module=module, user_ns=vars(module), **options)
        self._seconds = COMMANDS
        self._shown: BaseException | None = None
        self.run_line_magic("load_ext", "storemagic")  # as a kernel does

    def init_history(self) -> None:
        self.config.HistoryManager.enabled = False
        super().init_history()

    @cached_property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of this process in which cells run."""
        return asyncio.new_event_loop()

    def warm_up(self) -> None:
        """Load now what IPython loads when a first cell is read, and a first value stored."""
        self.transform_cell("pass")
        type(self.db)

    def settle(self) -> None:
        """Be at home in this process and its current folder, where another one has made it."""
        self.db = type(self.db)(os.path.join(get_ipython_dir(), "db"))  # for what cells store
        self.starting_dir = os.getcwd()

    def run(self, name: str, source: str) -> BaseException | None:
        """Run a cell as a kernel does, in a running event loop; return what it ended with.

        `name` is the file name of its lines in tracebacks.
        """
        linecache.cache[name] = (len(source), None, lines_of(source), name)
        self.compile.name = name
        return self.loop.run_until_complete(self._run(source))

    async def _run(self, source: str) -> BaseException | None:
        self._shown = None
        self.input_transformer_manager = Reader()
        try:
            code = self.transform_cell(source)
        except Exception as error:
            return error
        if self.should_run_async(source, transformed_cell=code):
            await self.run_cell_async(source, store_history=True, transformed_cell=code)
        else:
            self.run_cell(source, store_history=True)
        return self._shown

    def run_line_magic(self, magic_name: str, line: str, _stack_depth: int = 1) -> Any:
        """Run a line magic, or nothing, where what it is for is not here."""
        if magic_name in _NOT_HERE.split() or line.startswith("InlineBackend"):
            return None
        line = self._once(line) if magic_name == "timeit" else line
        return super().run_line_magic(magic_name, line, _stack_depth + 1)

    def run_cell_magic(self, magic_name: str, line: str, cell: str) -> Any:
        """Run a cell magic; the code under it keeps the numbers of its lines."""
        line = self._once(line) if magic_name == "timeit" else line
        cell = f"\n{cell}" if _RUNS.match(magic_name) else cell
        return super().run_cell_magic(magic_name, line, cell)

    def _once(self, line: str) -> str:
        """Have `timeit` run its statement only once: nobody here looks at the time."""
        options, statement = self.magics_manager.registry["ExecutionMagics"].parse_options(
            line, "n:r:tcp:qov:", posix=False, strict=False, preserve_non_opts=True
        )
        kept = [f"-{name} {value}" for name, value in options.items() if name not in "nr"]
        return " ".join(["-n 1 -r 1", *kept, statement])

    def system(self, cmd: str) -> None:
        """Run a command as `!command` does."""
        status, out = self._command(self.var_expand(cmd, depth=1))
        self.user_ns["_exit_code"] = status
        print(out, end="")

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> Any:
        """Return a command's output, as `!!command` and `x = !command` do."""
        _, out = self._command(self.var_expand(cmd, depth=depth + 1))
        return SList(out.splitlines()) if split else out

    def _command(self, command: str) -> tuple[int, str]:
        """Return exit status and output; no command fails a cell, as none does in a kernel."""
        if command.rstrip().endswith("&"):
            raise OSError("Background processes not supported.")
        if _INSTALLS.search(command) or self._seconds <= 0:
            return 0, ""
        started = time.monotonic()
        try:
            with subprocess.Popen(
                command,
                shell=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as process:
                try:
                    out, _ = process.communicate(timeout=self._seconds)
                except subprocess.TimeoutExpired:
                    out = b""
                end(process)
            return process.returncode, out.decode(errors="replace")
        except (OSError, ValueError) as error:
            return 127, f"{error}\n"
        finally:
            self._seconds -= time.monotonic() - started

    def ask_exit(self) -> None:
        """Go on, as the notebook does: `exit` is for the kernel."""

    def enable_gui(self, gui: str | None = None) -> None:
        """Do without: there are no windows."""

    def showtraceback(self, exc_tuple: Any = None, *args: Any, **options: Any) -> None:
        """Keep the exception, for `run` to return."""
        self._shown = exc_tuple[1] if exc_tuple else sys.exc_info()[1]

    def showsyntaxerror(self, *args: Any, **options: Any) -> None:
        """Keep the exception."""
        self.showtraceback()

    showindentationerror = showsyntaxerror

    def _format_exception_for_storage(self, *args: Any, **options: Any) -> list[str]:
        """Store nothing: to format a traceback in colours takes longer than most cells."""
        return []
