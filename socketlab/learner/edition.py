"""The learner's edition of a notebook: nothing has run, places are blank, guesses come first."""

import re
from importlib.util import find_spec
from typing import Any

from .stubs import blank

ASKS = "**What will happen?**"
_ENDS = (ASKS, "**Your turn.**", "**Quiz.**")
"""What isn't an explanation any more."""

_EXERCISE = re.compile(r"(/(\d\d_\w+)/)\2\.ipynb(?=[)#])")
"""The end of a link to an exercise."""


def edition(
    content: bytes, kernel: dict[str, Any], chapter: str = "", first_cell: str = ""
) -> bytes:
    """Return the learner's edition of a notebook; any other file as it is.

    It links to the learner's files, and JupyterLab would save the same bytes. In a chapter, of
    this number, each prediction has a cell for a guess, and what came of it is folded away.
    `first_cell` is code to begin with.
    """
    from nbformat import v4  # kernels import this module, and need not wait for nbformat

    try:
        notebook = v4.reads(content.decode())  # type: ignore[no-untyped-call]
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.source = blank(cell.source)
                cell.outputs, cell.execution_count = [], None
            else:
                cell.source = _EXERCISE.sub(r"\1exercises_\2.ipynb", cell.source)
        if chapter:
            notebook.cells = _with_guesses(notebook.cells, chapter)
        if first_cell:
            first = v4.new_code_cell(first_cell, id="first")  # type: ignore[no-untyped-call]
            notebook.cells.insert(0, first)
    except (ValueError, TypeError, KeyError, AttributeError):
        return content
    notebook.metadata.update(kernel)
    return f"{v4.writes(notebook)}\n".encode()  # type: ignore[no-untyped-call]


def _with_guesses(cells: list[Any], chapter: str) -> list[Any]:
    """Return a chapter's cells with one for each guess, and explanations folded away."""
    from nbformat import v4

    made: list[Any] = []
    number, waits = 0, False
    for cell in cells:
        if cell.cell_type == "code":
            if made and made[-1].cell_type != "code" and ASKS in made[-1].source:
                number, waits = number + 1, True
                name, asked = f"predict-{chapter}-{number}", f'predict("{chapter}", {number})'
                made.append(v4.new_code_cell(asked, id=name))  # type: ignore[no-untyped-call]
        else:
            if waits:
                cell.source, waits = folded(cell.source), False
            if number and "## Exercises" in cell.source.splitlines():
                name, asked = f"predict-{chapter}-end", f'surprises("{chapter}")'
                made.append(v4.new_code_cell(asked, id=name))  # type: ignore[no-untyped-call]
        made.append(cell)
    if number:
        first = next(cell for cell in made if cell.cell_type == "code")
        first.source += "\nfrom socketlab import borrow, hint, predict, surprises"
    return made


def folded(text: str) -> str:
    """Return the text with its explanation folded away: all up to a heading, a task, a question.

    A last paragraph that leads to the next cell stays in sight.
    """
    lines, inside = text.splitlines(), False
    end = len(lines)
    for number, line in enumerate(lines):
        inside ^= line.startswith("```")
        if not inside and (line.startswith(("#", *_ENDS))):
            end = number
            break
    explanation, rest = "\n".join(lines[:end]).strip(), "\n".join(lines[end:])
    before, gap, last = explanation.rpartition("\n\n")
    if gap and last.endswith(":") and not rest:
        explanation, rest = before, last
    if not explanation:
        return text
    summary = "<details><summary>What happened, and why</summary>"
    return f"{summary}\n\n{explanation}\n\n</details>\n\n{rest}".rstrip()


def kernel_metadata() -> dict[str, Any]:
    """Return what JupyterLab notes in a notebook about its kernel; nothing without a kernel."""
    if find_spec("ipykernel") is None:
        return {}
    from ipykernel.ipkernel import IPythonKernel
    from jupyter_client.kernelspec import get_kernel_spec

    spec = get_kernel_spec("python3")
    names = {"display_name": spec.display_name, "language": spec.language, "name": "python3"}
    return {"kernelspec": names, "language_info": IPythonKernel.language_info}
