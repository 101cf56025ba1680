"""Python's own method beside the learner's: shown from the running interpreter, never stored."""

import ast
import difflib
import inspect
import socketserver
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

from ..markup import render

Line = tuple[str, bool]
"""A line, and whether it's in this version alone."""


@dataclass(frozen=True)
class Pair:
    """A method, in Python's version and in the learner's; "" where one of them has none."""

    name: str
    original: str
    mine: str
    said: str

    @property
    def is_same(self) -> bool:
        """Whether both do the same, but for comments and docstrings."""
        return _form(self.original) == _form(self.mine)

    def lines(self) -> tuple[list[Line], list[Line]]:
        """Return the lines of both versions."""
        both = self.original.splitlines(), self.mine.splitlines()
        matching = difflib.SequenceMatcher(None, *both, autojunk=False).get_matching_blocks()
        common = (
            {block.a + k for block in matching for k in range(block.size)},
            {block.b + k for block in matching for k in range(block.size)},
        )
        original, mine = (
            [(line, number not in known) for number, line in enumerate(lines)]
            for lines, known in zip(both, common, strict=True)
        )
        return original, mine


@dataclass(frozen=True)
class Beside:
    """A class beside Python's own: what is said of each method and, if `live`, both texts."""

    name: str
    pairs: list[Pair]
    live: bool

    def __repr__(self) -> str:
        width = max(len(pair.name) for pair in self.pairs)
        margin = " " * (width + 2)
        said = (f"{pair.name:{width}}  {pair.said}" for pair in self.pairs if pair.said)
        return "\n".join(textwrap.fill(text, 100, subsequent_indent=margin) for text in said)

    def _repr_html_(self) -> str | None:
        if not self.live:
            return None
        return render("beside.html", name=self.name, pairs=self.pairs)


def beside(name: str, mine: type, live: bool) -> Beside:
    """Lay a plank beside the class of this name in the running Python's socketserver.

    Only if `live`, the methods' texts are shown: they aren't ours to store.
    """
    original = getattr(socketserver, name)
    said = sentences().get(name, {})
    methods = dict.fromkeys([*_methods(mine), *_methods(original)])
    pairs = [
        Pair(method, _source(original, method), _source(mine, method), said.get(method, ""))
        for method in methods
    ]
    return Beside(name, pairs, live)


@cache
def sentences() -> dict[str, dict[str, str]]:
    """Return what is said of each plank's methods: the same, or what differs, and why."""
    text = Path(__file__).with_suffix(".toml").read_text("utf-8")
    return {
        name: {method: " ".join(said.split()) for method, said in methods.items()}
        for name, methods in tomllib.loads(text).items()
    }


def _methods(owner: type) -> Iterator[str]:
    for name, value in vars(owner).items():
        if _function(value) is not None:
            yield name


def _function(value: Any) -> FunctionType | None:
    value = getattr(value, "__func__", value)
    value = value.fget if isinstance(value, property) else value
    return value if isinstance(value, FunctionType) else None


def _source(owner: type, method: str) -> str:
    """Return a method's text without its docstring; "" where the class has no such method."""
    function = _function(vars(owner).get(method))
    if function is None:
        return ""
    text = textwrap.dedent(inspect.getsource(function))
    lines, [node] = text.splitlines(), ast.parse(text).body
    first = getattr(node, "body", [None])[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        del lines[first.lineno - 1 : first.end_lineno]
    return "\n".join(lines).rstrip()


def _form(text: str) -> str:
    """Return the syntax tree of a method, in words, without annotations."""
    if not text:
        return ""
    try:
        tree = ast.parse(text)
    except SyntaxError:  # of a method with nothing but a docstring, nothing is left below its head
        tree = ast.parse(f"{text}\n    pass")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            if node.body and isinstance(node.body[0], ast.Pass):
                node.body = node.body[1:] or node.body
        if isinstance(node, ast.arg):
            node.annotation = None
    return ast.dump(tree)
