"""The rooms of the bench: each imports from those below it, and none from above."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "socketlab"
ROOMS = (
    *("__main__", "__init__", "authoring", "grading", "learner", "ship", "exercises", "checks"),
    *("remote", "sandbox", "notebook", "kernels", "cells", "cell_names", "project", "processes"),
    *("files", "markup", "output", "machine_load", "python_path"),
)
"""From the top to the bottom; CONTRIBUTING.md says what lives in each."""


def room_of(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(path):
    """Yield the room of each module of the bench that a file imports, and the line."""
    package = ("socketlab", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else ()
            words = (*start, *(node.module or "").split("."), *(one.name for one in node.names))
            if words[0] == "socketlab":
                yield next(word for word in words[1:] if word), node.lineno


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_imports_from_above(room):
    files = [one for one in PACKAGE.rglob("*.py") if room_of(one) == room]
    above = ROOMS[: ROOMS.index(room)]
    assert files
    assert not [(one.name, *found) for one in files for found in imported(one) if found[0] in above]


def test_each_file_is_in_a_room():
    assert {room_of(path) for path in PACKAGE.rglob("*.py")} == {*ROOMS}
