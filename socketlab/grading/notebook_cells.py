"""Code cells of a notebook that was handed in: the names that each binds and uses."""

import ast
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath

from ..cell_names import UNSEEN, names_bound
from ..cells import Reader, magic, parse
from ..exercises import UnknownError, find
from .submissions import code_in


@dataclass(frozen=True)
class Cell:
    """A code cell, and what its text says; `syntax_error` in words, where it isn't Python.

    `asks` says whether it does no more than ask for a check or a hint, `checks` which exercises
    it checks.
    """

    number: int
    source: str
    binds: frozenset[str]
    uses: frozenset[str]
    asks: bool
    checks: frozenset[str] = frozenset()
    syntax_error: str = ""

    @property
    def begins(self) -> str:
        """How it begins, in print: the cell, for people."""
        line = self.source.strip().partition("\n")[0][:60]
        return "".join(sign if sign.isprintable() else "\ufffd" for sign in line)


_QUESTIONS = {"check", "hint", "solution", "reset", "progress"}
_BINDING = re.compile(r"^[ \t]*(?:class|def)\s+(\w+)|^(\w+)\s*=", re.MULTILINE)
"""In a cell that can't be parsed: one name too many only shows its error once more."""


def cells_of(text: str) -> list[Cell]:
    """Return the code cells of a notebook, in their order. SubmissionError if it is not one."""
    reader = Reader()
    sources = enumerate(code_in(text), 1)
    return [_cell(number, source, reader) for number, source in sources if source.strip()]


def _cell(number: int, source: str, reader: Reader) -> Cell:
    try:
        tree = parse(source, reader)
    except (SyntaxError, ValueError, RuntimeError, MemoryError) as error:
        names = frozenset(a or b for a, b in _BINDING.findall(source))
        reason = getattr(error, "msg", str(error)) or "it is too complicated"
        told = f"{type(error).__name__}: {reason}"
        if line := getattr(error, "lineno", None):
            told += f", line {line} of the cell"
        return Cell(number, source, names, frozenset(), False, syntax_error=told)
    nodes = list(ast.walk(tree))
    return Cell(number, source, _bound(tree, nodes), _used(nodes), _asks(tree), _checks(nodes))


_WRITE_NAMES = {"exec", "globals", "locals", "user_ns", "__main__"}


def _bound(tree: ast.Module, nodes: list[ast.AST]) -> frozenset[str]:
    """Return the names that a cell binds, and the files that it writes.

    UNSEEN is among them wherever the cell may bind more: cells are chosen before any has run, and
    one too many costs less than one too few. `nodes` are those of the whole tree.
    """
    names = set(names_bound(tree))
    for node in nodes:
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                names.update({UNSEEN} if name in _WRITE_NAMES else ())
            case ast.Call():
                names.update(_written(*magic(node)))
    return frozenset(names)


def _written(name: str, *texts: str) -> set[str]:
    """Return what a magic writes: the name of its file, or names that only its run can show."""
    if name in ("writefile", "file") and texts:
        return {PurePosixPath(texts[0]).name}
    return {UNSEEN} if name in ("run", "store", "load_ext", "pylab", "macro") else set()


def _used(nodes: list[ast.AST]) -> frozenset[str]:
    """Return the names that a cell uses, and the files that it may import or run."""
    names: set[str] = set()
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                names.add(name)
            case ast.Import():
                names.update(f"{one.name.partition('.')[0]}.py" for one in node.names)
            case ast.ImportFrom(module=str(module)):
                names.add(f"{module.partition('.')[0]}.py")
            case ast.Call() if texts := magic(node)[1:]:
                words = re.findall(r"[\w.]+", " ".join(texts))
                names.update(words, (word.partition(".")[0] for word in words))
    return frozenset(names)


def _asks(tree: ast.Module) -> bool:
    """Tell whether the cell does no more than ask for a check or a hint."""
    calls = [node.value for node in tree.body if isinstance(node, ast.Expr)]
    asked = any(
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in _QUESTIONS
        for call in calls
    )
    rest = (node for node in tree.body if not isinstance(node, ast.Expr))
    return asked and all(isinstance(node, ast.Import | ast.ImportFrom) for node in rest)


def _checks(nodes: list[ast.AST]) -> frozenset[str]:
    """Return the numbers of the exercises that the cell has checked."""
    numbers: set[str] = set()
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id="check"), args=[ast.Constant(value=asked), *_]):
                with suppress(UnknownError):
                    numbers.add(find(asked).id)
    return frozenset(numbers)
