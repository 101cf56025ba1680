"""The exercises from a terminal: list, check, hint, reset, doctor."""

import importlib.metadata
import json
import os
import platform
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import nbformat

from .. import project
from ..checks.core import Exercise
from ..exercises import find
from ..files import write
from ..output import SentenceError
from ..project import NotebookError, cell_id, code_cells, decoded, read
from ..ship.suites import is_shipped, knows_localhost
from . import api
from .course import exercise_notebook
from .lab import course_of

OURS = "python3"
"""The name under which each Python has its own kernel."""


def run(command: str, exercise: str = "", folder: Path = project.PROJECT) -> int:
    """Run a command in the learner's course; return 1 where something is wrong or missing."""
    course = course_of(folder)
    if course.is_dir():
        os.chdir(course)  # there the progress is kept
    try:
        match command:
            case "list":
                api.progress()
            case "doctor":
                print(examined())
            case "hint":
                api.hint(find(exercise).id)  # find: a wrong number is an error in a terminal
            case "reset":
                print(reset(course, exercise))
            case "check":
                said, passed = checked(course, exercise)
                print(said)
                return 0 if passed else 1
    except SentenceError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def notebook_of(course: Path, exercise: Exercise) -> Path:
    """Return the learner's notebook with this exercise. UnavailableError where there is none."""
    path = exercise_notebook(course / "exercises", exercise.id[:2])
    if path is None:
        told = f"{course} has no notebook for {exercise.id}. Start the course once: make lab"
        raise api.UnavailableError(told)
    return path


def checked(course: Path, exercise: str) -> tuple[str, bool]:
    """Run the learner's notebook in a new kernel, then the exercise's checks.

    Returns what the checks said, and whether all passed. LookupError for an unknown exercise,
    UnavailableError where there is no notebook.
    """
    from jupyter_client.kernelspec import NoSuchKernel

    from ..kernels import execute

    wanted = find(exercise)
    path = notebook_of(course, wanted)
    book = _read(path)
    own = [cell["source"] for cell in code_cells(book) if not _is_check(cell)]
    parts = [
        f"from socketlab import check\n\ncheck({wanted.id!r}, part={part!r})"
        for part in wanted.checks
    ]
    cells = [nbformat.v4.new_code_cell(source) for source in (*own, *parts)]  # type: ignore[no-untyped-call]
    checks = cells[len(own) :]
    notebook = nbformat.v4.new_notebook(cells=cells)  # type: ignore[no-untyped-call]
    resources = {"metadata": {"path": str(path.parent)}}
    environment = os.environ | {"NBGRADER_EXECUTION": "validate"}  # each cell runs once, in order
    try:
        execute(
            notebook,
            environment,
            stderr=subprocess.DEVNULL,  # no kernel's log is shown here
            allow_errors=True,
            kernel_name=OURS,
            resources=resources,
        )
    except NoSuchKernel:
        raise api.UnavailableError(
            "No notebook can run here, because this Python has no kernel. "
            f"Install one: {sys.executable} -m pip install ipykernel"
        ) from None
    outputs = [output for cell in checks for output in cell.outputs]
    said = _about_the_kernel(book) + "\n".join(_text(output) for output in outputs)
    return said, not any(output.output_type == "error" for output in outputs)


def _about_the_kernel(book: Any) -> str:
    """Return what to say where the notebook was saved with a kernel that isn't this Python's."""
    about = book.get("metadata", {}).get("kernelspec", {})
    name = about.get("name", OURS) if isinstance(about, dict) else OURS
    if name == OURS:
        return ""
    return (
        f"The notebook was saved with a kernel called {name!r}. "
        "It has been run in this Python's own instead.\n"
    )


def _is_check(cell: Any) -> bool:
    return cell_id(cell).startswith("check-")


def _text(output: Any) -> str:
    shown = output.get("data", {}).get("text/plain", "")
    lines = output.get("traceback", [output.get("text", shown)])
    return "\n".join(lines).rstrip()


def reset(course: Path, exercise: str) -> str:
    """Bring the stub back in the learner's notebook, and keep the old answer in a cell below it.

    Returns what was done, in a sentence. Raises as `checked`.
    """
    wanted = find(exercise)
    path = notebook_of(course, wanted)
    notebook = _read(path)
    cells = notebook["cells"]
    answer = f"answer-{wanted.id.replace('.', '-')}"
    place = next((n for n, cell in enumerate(cells) if cell_id(cell) == answer), None)
    if place is None:
        raise api.UnavailableError(
            f"{path} has no cell {answer} any more: add one, or delete the notebook."
        )
    if "worksheets" in notebook:
        raise api.UnavailableError(
            f"{path} is in an old format. Open it in JupyterLab, save it, try again."
        )
    old = cells[place]["source"]
    stub = project.answer_cell(project.PROJECT / "exercises", wanted.id)
    if old.strip() == stub.strip():
        return f"{wanted.id} has its stub already, in\n{path}"
    cells[place]["source"] = stub
    kept = {"cell_type": "raw", "metadata": {}, "source": f"Your answer before the reset:\n\n{old}"}
    if "id" in cells[place]:
        kept["id"] = uuid4().hex[:8]
    cells.insert(place + 1, kept)
    text = json.dumps(notebook, indent=1, ensure_ascii=False)
    write(path, f"{text}\n".encode("utf-8", "surrogatepass"))
    return (
        f"The stub of {wanted.id} is back, your old answer stands below it, in\n{path}\n"
        "If the notebook is open in JupyterLab: File, Reload Notebook from Disk."
    )


def _read(path: Path) -> dict[str, Any]:
    """Return a notebook. Raises UnavailableError, with what to do, where it cannot be read."""
    try:
        return read(decoded(path.read_bytes()))
    except OSError as error:
        raise api.UnavailableError(f"{path} cannot be read: {error.strerror}.") from None
    except NotebookError as error:
        raise api.UnavailableError(
            f"{path} cannot be read. {error} Save it once more as a notebook (.ipynb), or rename "
            "it: the next start of the course (make lab) hands out a new one."
        ) from None


def examined() -> str:
    """Return what this system offers to the course, a line each."""
    unix, fork = hasattr(socket, "AF_UNIX"), hasattr(os, "fork")
    lines = [
        f"Python {platform.python_version()}, {platform.system()}",
        f"Unix sockets: {'yes' if unix else 'no; chapter 05 is for reading only here'}",
        f"fork: {'yes' if fork else 'no; chapter 07 is for reading only here'}",
        f"IPv6 and IPv4 on one socket: {'yes' if socket.has_dualstack_ipv6() else 'no'}",
        f"CPython's own tests: {'yes' if is_shipped('test_socketserver') else 'not installed'}",
        f"the name localhost: {'yes' if knows_localhost() else 'unknown here'}",
    ]
    from ..sandbox import sandbox

    lines.append(f"Grading a class: {sandbox.examined()}")
    for package in ("jupyterlab", "ipywidgets"):
        lines.append(f"{package}: {_version(package)}")
    return "\n".join(lines)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing; see README.md, how to install"
