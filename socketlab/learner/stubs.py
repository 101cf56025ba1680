"""Stubs: what takes the place of our lines where a learner is to write their own."""

import inspect
from collections.abc import Iterator
from itertools import pairwise
from types import FunctionType
from typing import Any

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


def is_open(answers: dict[str, Any]) -> bool:
    """Tell whether any function or method among the answers is still a stub."""
    return any(map(_is_stub, _all_functions(answers)))


def files_of(answers: dict[str, Any]) -> set[str]:
    """Return the names of the files, or cells, that the answers' functions and methods are from."""
    return {function.__code__.co_filename for function in _all_functions(answers)}


def _all_functions(answers: dict[str, Any]) -> Iterator[FunctionType]:
    for answer in answers.values():
        yield from _functions(answer)


def _functions(answer: Any) -> Iterator[FunctionType]:
    values = vars(answer).values() if isinstance(answer, type) else (answer,)
    for value in values:
        for part in (value, getattr(value, "fget", None), getattr(value, "__func__", None)):
            if isinstance(part, FunctionType):
                yield part


def _is_stub(function: FunctionType) -> bool:
    try:
        lines = [line.strip() for line in inspect.getsource(function).splitlines()]
    except (OSError, TypeError):
        return False
    lines = [line for line in lines if line]
    return any(
        line == STUB and following.startswith("raise NotImplementedError")
        for line, following in pairwise(lines)
    )
