"""Stubs: what takes the place of our lines where a learner is to write their own."""

import ast
import inspect
from collections.abc import Iterator
from itertools import pairwise
from types import FunctionType
from typing import Any

from ..notebook.reopen_class import functions_of

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
STUB = "# YOUR CODE HERE"
"""The first line of a stub; the second is a `raise`."""


def blank(source: str) -> str:
    """Return a cell's text with a stub in place of what is between each two markers."""
    kept, inside = [], False
    for line in source.splitlines():
        margin = line[: len(line) - len(line.lstrip())]
        if line.strip() == BEGIN:
            inside = True
            kept += [f"{margin}{STUB}", f"{margin}raise NotImplementedError()"]
        elif line.strip() == END:
            inside = False
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def complete(source: str) -> str:
    """Return a cell's text without the markers."""
    return "\n".join(line for line in source.splitlines() if line.strip() not in (BEGIN, END))


def blanks(source: str) -> set[str]:
    """Return the names of the functions and methods in which a cell has markers."""
    lines = [number for number, line in enumerate(source.splitlines(), 1) if line.strip() == BEGIN]
    return {
        name
        for name, node in _functions_in(ast.parse(source).body)
        if any(node.lineno <= number <= (node.end_lineno or 0) for number in lines)
    }


def functions_in(source: str) -> set[str]:
    """Return the names of the functions and methods that a cell defines."""
    from ..cells import parse  # it needs IPython, which a kernel has

    return {name for name, _ in _functions_in(parse(source).body)}


def _functions_in(body: list[ast.stmt], owner: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in body:
        match node:
            case ast.FunctionDef():
                yield f"{owner}{node.name}", node
            case ast.ClassDef():
                yield from _functions_in(node.body, f"{node.name}.")
            case ast.If():
                yield from _functions_in([*node.body, *node.orelse], owner)


def stubs_among(answers: dict[str, Any]) -> set[str]:
    """Return the names of the functions and methods among the answers that are still stubs."""
    return {function.__qualname__ for function in _all_functions(answers) if _is_stub(function)}


def begun_among(answers: dict[str, Any], given: str) -> set[str]:
    """Return the names of the stubs among the answers with lines that aren't in `given`."""
    known = {line.strip() for line in given.splitlines()}
    return {
        function.__qualname__
        for function in _all_functions(answers)
        if _is_stub(function) and set(_lines(function)) - known
    }


def files_of(answers: dict[str, Any]) -> set[str]:
    """Return the names of the files, or cells, that the answers' functions and methods are from."""
    return {function.__code__.co_filename for function in _all_functions(answers)}


def _all_functions(answers: dict[str, Any]) -> Iterator[FunctionType]:
    for answer in answers.values():
        yield from _functions(answer)


def _functions(answer: Any) -> Iterator[FunctionType]:
    for member in vars(answer).values() if isinstance(answer, type) else (answer,):
        yield from functions_of(member)


def _is_stub(function: FunctionType) -> bool:
    return any(
        line == STUB and following.startswith("raise NotImplementedError")
        for line, following in pairwise(_lines(function))
    )


def _lines(function: FunctionType) -> list[str]:
    try:
        lines = [line.strip() for line in inspect.getsource(function).splitlines()]
    except (OSError, TypeError):
        return []
    return [line for line in lines if line]
