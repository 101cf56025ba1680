"""Answers alike: pairs of students whose answers share what hardly anybody else wrote.

Answers are compared statement by statement, as syntax trees: layout, comments, docstrings, texts
and the names that an answer gives do not count, nor the order of statements. What stands in the
task or in our solution, and what a tenth of the class wrote, says nothing about copying, and is
left out. Of the rest, a pair is listed that shares nearly all of it.
"""

import ast
from collections import ChainMap, Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import combinations
from pathlib import Path

from .. import project
from ..cells import parse
from .answer_cells import cells_for
from .grade import exercises_of
from .notebook_cells import cells_of
from .results import csv_text, write_file
from .submissions import Submission, SubmissionError

COMMON = 0.1
"""What is in a larger part of the answers is common: in a large class chance makes many pairs."""
FEW = 3
"""What is in no more answers than these is not common, in the smallest class."""
SHARED = 0.7
"""The part of the shorter answer's own statements that must be in the other, too."""
ENOUGH = 5
"""So many shared statements, at least: one or two may well be the same by chance."""
NODES = 5
"""A statement with fewer parts, such as `self.jobs = []`, has not much to be different in."""


@dataclass(frozen=True)
class Pair:
    """Two answers alike: `shared` of the `own` statements of the shorter one are in the other."""

    chapter: str
    exercise: str
    students: tuple[str, str]
    shared: int
    own: int
    example: str

    def reason(self) -> str:
        return (
            f"{self.shared} of {self.own} statements, apart from names, that are neither in the "
            f"task nor in our solution nor common in the class; such as: {self.example}"
        )


def pairs(handed_in: Iterable[Submission]) -> list[Pair]:
    """Return the pairs of answers alike, the most alike first."""
    classes: dict[tuple[str, str], dict[str, dict[str, ast.stmt]]] = defaultdict(dict)
    for one in handed_in:
        try:
            cells = cells_of(one.text) if one.text else []
        except SubmissionError:
            continue
        exercises = exercises_of(one.chapter)
        for exercise in exercises:
            chosen = cells_for(exercise, exercises, cells)
            if any(cell.binds & {*exercise.names} for cell in chosen):
                wrote = [statements(cell.source) for cell in chosen]
                classes[one.chapter, exercise.id][one.student] = dict(ChainMap(*wrote))
    found = [
        pair
        for (chapter, exercise), wrote in classes.items()
        for pair in _pairs(chapter, exercise, wrote, _given(chapter))
    ]
    return sorted(found, key=lambda pair: (-pair.shared / pair.own, -pair.shared, pair.students))


def _pairs(
    chapter: str, exercise: str, wrote: dict[str, dict[str, ast.stmt]], given: set[str]
) -> Iterator[Pair]:
    count = Counter(statement for one in wrote.values() for statement in one)
    common = {one for one, times in count.items() if times > max(FEW, COMMON * len(wrote))}
    own = {student: one.keys() - given - common for student, one in wrote.items()}
    by_statement = defaultdict(list)
    for student, mine in own.items():
        for statement in mine:
            by_statement[statement].append(student)
    together = Counter(two for who in by_statement.values() for two in combinations(who, 2))
    for (first, second), shared in together.items():
        least = min(len(own[first]), len(own[second]))
        if shared >= ENOUGH and shared / least >= SHARED:
            example = max(own[first] & own[second], key=lambda one: (len(one), one))
            told = _first_line(wrote[first][example])
            yield Pair(chapter, exercise, (first, second), shared, least, told)


def _first_line(statement: ast.stmt) -> str:
    try:
        return ast.unparse(statement).partition("\n")[0]
    except (RuntimeError, ValueError, MemoryError):  # such as a sum of 450 terms: RecursionError
        return f"a statement too deep to be shown, in line {statement.lineno} of its cell"


@cache
def _given(chapter: str) -> set[str]:
    """Return the statements of the stubs and of our solutions, which students get to see."""
    given: set[str] = set()
    for folder in ("exercises", "solutions"):
        for path in (project.PROJECT / folder).glob(f"{chapter[:2]}_*/*.ipynb"):
            for cell in cells_of(path.read_text("utf-8")):
                given |= statements(cell.source).keys()
    return given


@lru_cache(100)  # most of a class has the same cells beside its own
def statements(source: str) -> dict[str, ast.stmt]:
    """Return the statements of some code: their shapes without names, and each as written."""
    try:
        tree = parse(source)
        own = _named_by(tree)
        shapes = {_shape(node, own): node for node in ast.walk(tree) if isinstance(node, ast.stmt)}
        return {shape: node for shape, node in shapes.items() if shape.count("(") >= NODES}
    except (SyntaxError, ValueError, RuntimeError, MemoryError):
        return {}


def _named_by(tree: ast.AST) -> set[str]:
    """Return the names that the code gives, which its author may choose."""
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                names.add(name)
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                names.add(name)
    return names


def _shape(statement: ast.stmt, own: set[str]) -> str:
    """Return a statement with numbers for its own names; of a compound one, the head."""
    numbers: dict[str, str] = {}
    parts: list[str] = []

    def visit(value: object) -> None:
        match value:
            case str() if value in own:
                parts.append(numbers.setdefault(value, f"name {len(numbers)}"))
            case ast.Constant(value=str() | bytes()):
                parts.append("text")
            case ast.AST():
                parts.append(f"({type(value).__name__}")
                left_out = _BODIES if isinstance(value, ast.stmt) else _SAY_NOTHING
                for name, inner in ast.iter_fields(value):
                    if name not in left_out:
                        visit(inner)
                parts.append(")")
            case list():
                for inner in value:
                    visit(inner)
            case _:
                parts.append(repr(value))

    visit(statement)
    return " ".join(parts)


_SAY_NOTHING = {"annotation", "ctx", "kind", "type_comment"}
_BODIES = {"body", "orelse", "finalbody", "handlers", "cases", "returns", *_SAY_NOTHING}


def write(found: list[Pair], folder: Path) -> None:
    """Write the pairs into `alike.csv`, a line each."""
    rows: list[list[object]] = [
        ["chapter", "exercise", "student", "student", "how alike", "what is alike"]
    ]
    for pair in found:
        percent = f"{pair.shared / pair.own:.0%}"
        rows.append([pair.chapter, pair.exercise, *pair.students, percent, pair.reason()])
    write_file(folder, "alike.csv", csv_text(rows))
