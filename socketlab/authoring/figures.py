"""How long a chapter is, in how many pieces it comes, and how often it shows and asks."""

import re
from statistics import median_low
from typing import Any, NamedTuple

from .lint import code_cells, markdown, pictures, quizzes

WORDS, LINES = 200, 20
"""What is read in a minute: words of text, or lines of code."""


class Figures(NamedTuple):
    minutes: int
    words: int
    cells: int
    median: int
    longest: int
    pictures: int
    questions: int


def figures(notebook: Any) -> Figures:
    """Return the figures of a notebook; `median` and `longest` are lines of its code cells.

    The words don't count pictures, nor what describes them. Questions are the quizzes and the
    predictions.
    """
    unread = r"<!--.*?-->|!\[[^\]]*\]\([^)]*\)|<[^>]+>"
    text = re.sub(unread, " ", markdown(notebook), flags=re.DOTALL)
    words = len(re.findall(r"\w[\w'.-]*", text))
    lines = [len(cell.source.splitlines()) for cell in code_cells(notebook)]
    return Figures(
        minutes=round(words / WORDS + sum(lines) / LINES),
        words=words,
        cells=len(notebook.cells),
        median=median_low(lines or [0]),
        longest=max(lines, default=0),
        pictures=pictures(notebook),
        questions=len(quizzes(notebook)) + text.count("What will happen?"),
    )


def figures_table(notebooks: dict[str, Any]) -> list[str]:
    """Return a heading and a line for each of the notebooks, by their names."""
    lines = [f"{'chapter':20}" + "".join(f"{name:>10}" for name in Figures._fields)]
    for name, notebook in notebooks.items():
        lines.append(f"{name:20}" + "".join(f"{figure:10,}" for figure in figures(notebook)))
    return lines
