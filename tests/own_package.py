"""A learner's own package, as it is when they have written all that we have."""

import json

from socketlab.exercises import all_chapters
from socketlab.learner import course, progress_log
from socketlab.learner.own_module import text_of, write_module
from socketlab.learner.places import our_cell, place_id
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


def write_places(folder):
    """Write our lines into the places of a course's notebooks, as a learner's own hand would."""
    for chapter in all_chapters():
        [path] = folder.glob(f"notebooks/{chapter.id}_*.ipynb")
        ours = {place_id(chapter.id, name): our_cell(chapter, name) for name in chapter.checks}
        book = json.loads(path.read_text("utf-8"))
        for cell in book["cells"]:
            if cell["id"] in ours:
                cell["source"] = ours[cell["id"]]
        path.write_text(json.dumps(book, indent=1) + "\n", "utf-8")
