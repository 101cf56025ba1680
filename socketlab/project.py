"""The project's folder, and notebooks, as any front end saves them.

Not by nbformat, with which our own are made: it takes ten times as long, refuses a byte order mark
and a cell without a source, and loses what is in the cells where no format is named.
"""

import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

from .output import SentenceError

NAME = "minisocketserver"
"""The project's name on the package index, and that of the folder it makes for a learner."""

COURSE_FILES = "course_files"
"""The folder in which a wheel brings the course's files inside the package."""


def _project() -> Path:
    inside = Path(str(files(__package__))) / COURSE_FILES
    return inside if inside.is_dir() else inside.parents[1]


PROJECT = _project()
"""The folder with the chapters, the exercises and, not everywhere, the solutions.

A wheel brings it inside the package; in a clone it's the folder around the package.
"""


def is_installed(project: Path) -> bool:
    """Tell whether this is the folder that a wheel has put among the packages."""
    return project.name == COURSE_FILES


def install_command(extra: str) -> str:
    """Return the command that installs this project with one of its extras, as for a shell."""
    what = f"'{NAME}[{extra}]'" if is_installed(PROJECT) else f"-e '.[{extra}]'"
    return f"{sys.executable} -m pip install {what}"


class NotebookError(ValueError):
    """A file that is not a notebook; the text says why, in a sentence."""


def decoded(content: bytes) -> str:
    """Return the text of a notebook's file. NotebookError where it is in no encoding of JSON's."""
    try:
        text = content.decode(json.detect_encoding(content), "surrogatepass")
    except ValueError:
        raise NotebookError("It is not a notebook: it is not text in UTF-8.") from None
    return text.removeprefix("\ufeff")


def read(text: str) -> dict[str, Any]:
    """Return a notebook, the source of each cell as one text, its cells in a list as in format 4.

    NotebookError where the text is not that of a notebook.
    """
    try:
        notebook = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        raise NotebookError("It is not a notebook: it is not JSON.") from None
    try:
        if "cells" not in notebook:  # in format 3 they were on sheets
            notebook["cells"] = [
                cell for sheet in notebook["worksheets"] for cell in sheet["cells"]
            ]
        for cell in notebook["cells"]:
            cell["cell_type"] = cell.get("cell_type") or "raw"
            cell["source"] = "".join(cell.get("source") or cell.get("input") or "")
    except (AttributeError, KeyError, TypeError):
        raise NotebookError("It is JSON, but not a notebook: it has no cells.") from None
    return dict(notebook)


def cells(content: bytes) -> list[dict[str, Any]]:
    """Return the cells in a notebook's file. NotebookError where it is not a notebook."""
    return list(read(decoded(content))["cells"])


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cells with code."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def cell_id(cell: dict[str, Any]) -> str:
    """Return a cell's id, wherever it's kept: Colab, Deepnote and nbgrader have it in metadata."""
    metadata = cell.get("metadata") or {}
    grading = metadata.get("nbgrader") or {}
    ids = (cell.get("id"), metadata.get("id"), metadata.get("cell_id"), grading.get("grade_id"))
    return next((one for one in ids if one and isinstance(one, str)), "")


class MissingCellError(SentenceError, LookupError):
    """The project's folder lacks a cell that it should have; the text says which one."""


def answer_cell(folder: Path, number: str) -> str:
    """Return the text of the answer cell of the exercise "03.1", from `solutions` or `exercises`.

    MissingCellError where the project's folder is not at hand.
    """
    return _cell(folder, number, f"answer-{number.replace('.', '-')}")


def setup_cell(folder: Path, number: str) -> str:
    """Return the text of the cell with the imports, above all answers of the exercise's chapter.

    MissingCellError where the project's folder is not at hand.
    """
    return _cell(folder, number, "setup")


def chapter_cell(number: str, name: str) -> str:
    """Return the text of the cell of this id in the chapter "03", in the complete edition.

    MissingCellError where the project's folder is not at hand.
    """
    return _cell(PROJECT / "notebooks", number, name, "{}_*.ipynb")


def _cell(folder: Path, number: str, name: str, pattern: str = "{}_*/*.ipynb") -> str:
    for path in folder.glob(pattern.format(number[:2])):
        for one in cells(path.read_bytes()):
            if cell_id(one) == name:
                return str(one["source"])
    kind = name.partition("-")[0]
    raise MissingCellError(
        f"{folder} has no {kind} cell for {number}. Is the project's folder complete?"
    )
