"""Python's own method beside the learner's: shown from the running interpreter, never stored."""

import ast
import difflib
import inspect
import io
import socketserver
import textwrap
import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import minisocketserver

from ..markup import render
from ..notebook.reopen_class import ADDED_TO_BODY
from .planks import PLANKS

ATTRIBUTES = "class attributes"
"""The name under which the values that a class sets outside of its methods are compared."""


@dataclass(frozen=True)
class Line:
    """A line of a method: its text, how far it's indented, and whether only this version has it."""

    text: str
    indent: int
    is_alone: bool


@dataclass(frozen=True)
class Pair:
    """A method, in Python's version and in the learner's; "" where one of them has none."""

    name: str
    original: str
    mine: str
    sentence: str = ""

    @property
    def is_same(self) -> bool:
        """Whether both do the same, but for comments, docstrings and annotations."""
        return _form(self.original) == _form(self.mine)

    @property
    def said(self) -> str:
        """What differs, and why; "" if nothing does."""
        if self.is_same:
            return ""
        if self.sentence:
            return self.sentence
        if self.original and self.mine:
            return "You've written this one in your own way. Ours is the same as Python's."
        return "Your own addition." if self.mine else "You've found a way to do without it."

    def lines(self) -> tuple[list[Line], list[Line]]:
        """Return the lines of both versions. A comment alone makes no line different."""
        original, mine = _statements(self.original), _statements(self.mine)
        words = [[one for _, one in statements] for statements in (original, mine)]
        matcher = difflib.SequenceMatcher(a=words[0], b=words[1], autojunk=False)
        alone: tuple[set[int], set[int]] = set(), set()
        for tag, a, to_a, b, to_b in matcher.get_opcodes():
            if tag != "equal":
                alone[0].update(*(rows for rows, _ in original[a:to_a]))
                alone[1].update(*(rows for rows, _ in mine[b:to_b]))
        return _lines(self.original, alone[0]), _lines(self.mine, alone[1])


@dataclass(frozen=True)
class Beside:
    """A plank beside Python's own: a sentence for each method that differs.

    `pairs` has both texts of every method; it's empty where they aren't to be shown.
    """

    name: str
    said: dict[str, str]
    same: list[str]
    note: str = ""
    pairs: list[Pair] = field(default_factory=list)

    @property
    def same_in_both(self) -> str:
        """One sentence for all that is the same; "" if nothing is."""
        return f"The same in both: {', '.join(self.same)}." if self.same else ""

    def __repr__(self) -> str:
        width = max(map(len, self.said), default=0)
        rows = [f"{name:{width}}  {said}" for name, said in self.said.items()]
        rows = [textwrap.fill(row, 100, subsequent_indent=" " * (width + 2)) for row in rows]
        rows += [textwrap.fill(text, 100) for text in (self.same_in_both, self.note) if text]
        return "\n".join(rows)

    def _repr_html_(self) -> str | None:
        if not self.pairs:
            return None
        differing = [pair for pair in self.pairs if not pair.is_same]
        return render("beside.html", beside=self, pairs=differing)


def beside(name: str, mine: type | None = None, note: str = "") -> Beside:
    """Lay a plank beside the class of this name in the running Python's socketserver.

    Without a class `mine`, only our sentences are shown: Python's text isn't ours to store.
    `note` is one more sentence. ValueError for a name that is no plank.
    """
    if name not in PLANKS:
        raise ValueError(f"{name} is not a plank. The planks are: {', '.join(PLANKS)}.")
    sentences = all_sentences().get(name, {})
    original = getattr(socketserver, name, None)
    if original is None:
        lack = "can't fork" if name == "ForkingMixIn" else "has no Unix sockets"
        return Beside(name, sentences, [], f"Python {lack} here, so there is no {name} to look at.")
    if mine is None:
        ours = _parts(getattr(minisocketserver, name))
        return Beside(name, sentences, [part for part in ours if part not in sentences], note)
    theirs, yours = _parts(original), _parts(mine)
    pairs = [
        Pair(part, theirs.get(part, ""), yours.get(part, ""), sentences.get(part, ""))
        for part in dict.fromkeys([*yours, *theirs])
    ]
    said = {pair.name: pair.said for pair in pairs if not pair.is_same}
    return Beside(name, said, [pair.name for pair in pairs if pair.is_same], note, pairs)


@cache
def all_sentences() -> dict[str, dict[str, str]]:
    """Return for each plank what is said of its methods: what differs, and why."""
    text = Path(__file__).with_suffix(".toml").read_text("utf-8")
    return {
        name: {part: " ".join(said.split()) for part, said in parts.items()}
        for name, parts in tomllib.loads(text).items()
    }


def _parts(owner: type) -> dict[str, str]:
    """Return the text of each method by its name as it is written, and of the attributes."""
    functions = {
        name: _function(value) for name, value in vars(owner).items() if name not in ADDED_TO_BODY
    }
    private = f"_{owner.__name__.lstrip('_')}__"
    attributes = "\n".join(_attributes(owner, functions))
    return ({ATTRIBUTES: attributes} if attributes else {}) | {
        name.replace(private, "__", 1) if name.startswith(private) else name: _text(function)
        for name, function in functions.items()
        if function is not None
    }


def _function(value: Any) -> FunctionType | None:
    value = getattr(value, "__func__", value)
    value = value.fget if isinstance(value, property) else value
    return value if isinstance(value, FunctionType) else None


def _attributes(owner: type, functions: dict[str, FunctionType | None]) -> Iterator[str]:
    """Yield a class's assignments in the order of their names, as it doesn't matter."""
    text = _source(owner)
    body = getattr(ast.parse(text).body[0], "body", []) if text else []
    found = [node for node in body if isinstance(node, ast.Assign | ast.AnnAssign)]
    for node in sorted(found, key=ast.unparse):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if node.value is not None and not functions.get(ast.unparse(target)):
            yield textwrap.dedent(ast.get_source_segment(text, node) or "")


def _text(function: FunctionType) -> str:
    """Return a method's text without its docstring."""
    text = _source(function)
    lines, node = text.splitlines(), ast.parse(text).body[0]
    if not isinstance(node, ast.FunctionDef) or ast.get_docstring(node) is None:
        return text
    first = node.body[0]
    if first.lineno == node.lineno or first.end_lineno is None:  # all of it in one line
        return text
    rest = [" " * first.col_offset + "pass"] if len(node.body) == 1 else []
    lines[first.lineno - 1 : first.end_lineno] = rest
    return "\n".join(lines)


def _source(what: Any) -> str:
    """Return the text of a class or function, or for one that was made without, a comment."""
    try:
        text = textwrap.dedent(inspect.getsource(what)).rstrip()
        ast.parse(text)
    except (OSError, TypeError, SyntaxError):
        return "" if isinstance(what, type) else "..."
    return text


def _form(text: str) -> str:
    """Return the syntax tree of a method, in words."""
    return ast.dump(_WithoutHints().visit(ast.parse(text)))


class _WithoutHints(ast.NodeTransformer):
    """Drop what makes no difference when a method runs: annotations and docstrings."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        return ast.Assign([node.target], node.value) if node.value else ast.Pass()


def _lines(text: str, alone: set[int]) -> list[Line]:
    """Return the lines of a text, those with the numbers in `alone` marked."""
    return [
        Line(line.strip(), len(line) - len(line.lstrip()), number in alone)
        for number, line in enumerate(text.splitlines(), 1)
    ]


def _statements(text: str) -> list[tuple[range, str]]:
    """Return for each statement the numbers of its lines, and its words without comments.

    Where its lines are broken, and which quotes it uses, makes no difference.
    """
    found, words, first = [], "", 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.NEWLINE, tokenize.ENDMARKER) and words:
            found.append((range(first, token.start[0] + 1), words))
            words = ""
        elif token.string.strip() and token.type != tokenize.COMMENT:
            first = first if words else token.start[0]
            words += " " + token.string.replace("'", '"')
    return found
