"""A learner's own package, as it is when they have written all that we have."""

from socketlab.exercises import all_chapters
from socketlab.learner import course, progress_log
from socketlab.learner.own_module import text_of, write_module
from socketlab.learner.stubs import complete
from socketlab.project import PROJECT, cells, code_cells


def our_cells(chapter):
    """Return the code cells of a chapter's complete edition."""
    [path] = PROJECT.glob(f"notebooks/{chapter.id}_*.ipynb")
    found = code_cells({"cells": cells(path.read_bytes())})
    return [complete(cell["source"]) for cell in found]


def write_ours(folder, *numbers, change=lambda text: text):
    """Make a course in the folder, with these chapters written, by default all.

    `change` makes each module of our text.
    """
    course.refresh(PROJECT, folder)
    for chapter in all_chapters():
        if chapter.own and (not numbers or chapter.id in numbers):
            write_module(folder, chapter, change(text_of(chapter, our_cells(chapter))))
            for name in chapter.checks:
                progress_log.note(chapter.id, f"passed {name}", folder)
