"""Submissions to grade: full, half and blank ones, and ones with a single answer."""

import nbformat

from tests.exercises.nbgrader import answers
from tests.exercises.test_notebooks import CHAPTERS, read

KINDS = ("full", "half", "one", "blank")


def sample(chapter, kind, number=0):
    """Return a notebook: "one" has answered only one exercise, which one is told by `number`.

    The half student has lost a cell, too: that of the last answer, which is blank.
    """
    if kind == "full":
        return answers(chapter, "full")
    if kind == "blank":
        return answers(chapter, "blank")
    if kind == "half":
        notebook = answers(chapter, "half")
        last = [cell for cell in notebook.cells if cell.id.startswith("answer-")][-1]
        notebook.cells.remove(last)
        return notebook
    notebook = answers(chapter, "blank")
    solved = {cell.id: cell.source for cell in read("solutions", chapter).cells}
    places = [cell for cell in notebook.cells if cell.id.startswith("answer-")]
    chosen = places[number % len(places)]
    chosen.source = solved[chosen.id]
    return notebook


def handed_in(folder, chapter, student):
    """Return where a class's notebook lies."""
    return folder / student / chapter / f"{chapter}.ipynb"


def hand_in(folder, count, chapters=CHAPTERS):
    """Write `count` submissions over the chapters, the same ones each time."""
    for number in range(count):
        chapter = chapters[number % len(chapters)]
        turn = number // len(chapters)
        path = handed_in(folder, chapter, f"student{turn:02}")
        path.parent.mkdir(parents=True)
        nbformat.write(sample(chapter, KINDS[turn % len(KINDS)], turn // len(KINDS)), path)
