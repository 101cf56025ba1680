"""The route through the course: its chapters, and how far the learner has come."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import project
from ..files import write
from ..ship.class_map import class_map
from ..ship.example import EXPECTED, run_example, tcp_client
from ..ship.planks import PLANKS, assemble
from . import progress_log

START = "START.md"
"""The start page, beside the learner's chapters; made anew at each start and with each chapter
done."""


@dataclass
class Chapter:
    """A chapter, and how far the learner has come in it: "done", "begun" or ""."""

    file: str
    title: str
    state: str

    @property
    def number(self) -> str:
        return self.file[:2]


def route(notebooks: Path, mine: Path) -> list[Chapter]:
    """Return the chapters in `notebooks`, with what the learner has done of each.

    That's what was noted in the course, and what the learner's notebooks in `mine` show: any that
    begins with the chapter's number.
    """
    noted = progress_log.events(mine.parent)
    return [
        Chapter(path.name, _title(path), _state(path, mine, noted))
        for path in sorted(notebooks.glob("[0-9][0-9]_*.ipynb"))
    ]


def note_states(chapters: list[Chapter], folder: Path) -> None:
    """Note in the course's `folder` what `route` found: notebooks may be replaced or deleted."""
    with suppress(OSError):
        for chapter in chapters:
            if chapter.state:
                progress_log.note(chapter.number, chapter.state, folder)


def threaded_client(server: Any, client: Callable[[Any, str], str] = tcp_client) -> None:
    """Serve `server` in a thread, call it three times, and print who answered.

    `server` has `server_address`, `serve_forever`, `shutdown` and `server_close`, and answers
    each message with "<its worker's name>: <the message>". `client(address, message)` returns
    an answer. The four lines of the example, printed in a chapter, are noted as its end.
    TypeError for a server class in place of a server.
    """
    said = run_example(server, client)
    print(said, end="")
    if said == EXPECTED:
        note_done()


def note_done() -> None:
    """Note that a chapter is done, if this kernel is running its last cell in a course."""
    folder, shell = progress_log.course(), _shell()
    number = "" if shell is None else _notebook_of(shell)[:2]
    if folder is None or not number.isdigit():
        return
    chapters = [*project.PROJECT.glob(f"notebooks/{number}_*.ipynb"), *_copies(folder, number)]
    last_cells = [_last(_code(path)) for path in chapters]
    running = str(shell.history_manager.input_hist_raw[-1]).strip()
    if not any(last is not None and last["source"].strip() == running for last in last_cells):
        return
    with suppress(OSError):  # what can't be noted now is seen in the notebook, once it's saved
        if (number, "done") not in progress_log.events(folder):
            progress_log.note(number, "done", folder)
            write_start_page(project.PROJECT, folder)


def _shell() -> Any:
    """Return IPython's shell; None where no notebook runs."""
    ipython = sys.modules.get("IPython")
    return ipython and ipython.get_ipython()


def _notebook_of(shell: Any) -> str:
    """Return the name of the notebook that runs in this kernel; "" if its front end tells none."""
    path = os.environ.get("JPY_SESSION_NAME") or shell.user_ns.get("__vsc_ipynb_file__")
    return Path(path).name if isinstance(path, str) else ""


def _copies(folder: Path, number: str) -> list[Path]:
    """Return the learner's notebooks of a chapter, which they may have copied or renamed."""
    return sorted(folder.glob(f"notebooks/{number}_*.ipynb"))


def _cells(path: Path) -> list[dict[str, Any]]:
    """Return a notebook's cells; none where there is no notebook that can be read."""
    try:
        return project.cells(path.read_bytes())
    except (OSError, ValueError):
        return []


def _code(path: Path) -> list[dict[str, Any]]:
    """Return the code cells with something in them: JupyterLab adds an empty one at the end."""
    cells = _cells(path)
    return [cell for cell in cells if cell["cell_type"] == "code" and cell["source"].strip()]


def _last(code: list[dict[str, Any]]) -> dict[str, Any] | None:
    return code[-1] if code else None


def _title(path: Path) -> str:
    for cell in _cells(path)[:1]:
        return str(cell["source"]).partition("\n")[0].removeprefix("# ")
    return path.stem


def _state(path: Path, mine: Path, noted: set[tuple[str, str]]) -> str:
    """A chapter is done when its last cell has printed the four lines."""
    number, last = path.name[:2], _last(_code(path))
    copies = [_code(copy) for copy in _copies(mine.parent, number)]
    if (number, "done") in noted or any(_is_done(code, last) for code in copies):
        return "done"
    has_run = any(cell.get("execution_count") for code in copies for cell in code)
    return "begun" if has_run or (number, "begun") in noted else ""


def _is_done(code: list[dict[str, Any]], last: dict[str, Any] | None) -> bool:
    """Tell whether the chapter's last cell has printed the four lines in a learner's notebook.

    The learner may have added cells below it: it's known by its id or its text.
    """
    known = [
        cell
        for cell in code
        if last is not None
        and (project.cell_id(cell) == project.cell_id(last) or cell["source"] == last["source"])
    ]
    return any(_printed(cell) == EXPECTED for cell in known or code[-1:])


def _printed(cell: dict[str, Any]) -> str:
    """Return what a cell has printed; "" where its outputs make no sense."""
    with suppress(TypeError, AttributeError):
        return "".join(
            "".join(output.get("text", ""))
            for output in cell.get("outputs", [])
            if output.get("name") != "stderr"
        )
    return ""


def next_chapter(chapters: list[Chapter]) -> Chapter | None:
    """Return the first chapter that is not done."""
    return next((chapter for chapter in chapters if chapter.state != "done"), None)


def in_words(chapters: list[Chapter]) -> str:
    """Return what to do next, in a few lines."""
    done = sum(chapter.state == "done" for chapter in chapters)
    said = [f"Chapters run to their end: {done} of {len(chapters)}."]
    following = next_chapter(chapters)
    if following is None:
        said.append("Next: the exercises, and programs of your own. They sail on your planks.")
        said.append("To look something up: make lab  (or: python -m socketlab lab)")
    else:
        begun = " (begun)" if following.state else ""
        said.append(f"Next: {following.title}{begun}")
        said.append(
            f"Start: make lab  (or: python -m socketlab lab), then notebooks/{following.file}"
        )
    return "\n".join(said)


def write_start_page(project: Path, folder: Path) -> None:
    """Write the start page of the course in `folder`. Raises OSError where that can't be done."""
    notebooks = folder / "notebooks"
    page = start_page(route(project / "notebooks", notebooks)).encode()
    if not (notebooks / START).is_file() or (notebooks / START).read_bytes() != page:
        write(notebooks / START, page)


def start_page(chapters: list[Chapter]) -> str:
    """Return the start page, as Markdown with links to the chapters."""
    return "\n".join(_start_page(chapters)) + "\n"


def _start_page(chapters: list[Chapter]) -> Iterator[str]:
    yield "# The route\n"
    following = next_chapter(chapters)
    if following is not None:
        yield f"Next: [{following.title}]({following.file})\n"
    yield "| chapter | so far |\n|---|---|"
    for chapter in chapters:
        yield f"| [{chapter.title}]({chapter.file}) | {chapter.state} |"
    yield "\n*done*: its last cell printed the four lines. *begun*: some of its cells have run."
    yield "This page is made anew at each start and whenever a chapter is done, so what you write"
    yield "here is lost. Close it and open it again to see the newest.\n"
    yield "## The ship\n"
    yield "Green is yours: the chapter that builds it is done. Grey is on loan from Python.\n"
    yield f"```mermaid\n{_ship(chapters).mermaid}\n```"


def _ship(chapters: list[Chapter]) -> Any:
    """Return the class map of the whole ship, with the planks of the chapters done in colour."""
    import minisocketserver

    done = {chapter.number for chapter in chapters if chapter.state == "done"}
    built = {name: getattr(minisocketserver, name, None) for name in PLANKS}
    ship = assemble(**{name: plank for name, plank in built.items() if plank is not None})
    ship.planks = {name: plank for name, plank in ship.planks.items() if PLANKS[name] in done}
    return class_map(ship)
