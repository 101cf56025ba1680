"""The route through the course: its chapters, and how far the learner has come."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import project
from ..exercises import as_listed
from ..files import write
from ..notebook.pictures import Picture
from ..ship.class_map import class_map
from ..ship.example import EXPECTED, run_example, tcp_client
from ..ship.planks import PLANKS, assemble
from . import own_package, progress_log

START, SHIP = "START.md", "ship.svg"
"""The start page, beside the learner's chapters, and the picture in it; written again at each start
and whenever something passes."""


@dataclass
class Chapter:
    """A chapter, and how far the learner has come in it: "done", "read", "begun" or "".

    It's only read where its last cell has run, and some of its `places` are not `written` yet.
    `left` are its exercises, of so many, that have not all their points.
    """

    file: str
    title: str
    state: str
    places: int = 0
    written: int = 0
    exercises: int = 0
    left: tuple[str, ...] = ()

    @property
    def number(self) -> str:
        return self.file[:2]


def route(notebooks: Path, mine: Path) -> list[Chapter]:
    """Return the chapters in `notebooks`, with what the learner has done of each.

    That's what was noted in the course, and what the learner's notebooks in `mine` show: any that
    begins with the chapter's number.
    """
    noted = progress_log.events(mine.parent)
    return [_chapter(path, mine, noted) for path in sorted(notebooks.glob("[0-9][0-9]_*.ipynb"))]


def _chapter(path: Path, mine: Path, noted: set[tuple[str, str]]) -> Chapter:
    number, state = path.name[:2], _state(path, mine, noted)
    its = [one for one in as_listed() if one.id[:2] == number]
    names = [name for one in its if one.kind == "chapter" for name in one.checks]
    written = sum((number, f"passed {name}") in noted for name in names)
    if state == "done" and written < len(names):
        state = "read"
    exercises = [one for one in its if one.kind != "chapter"]
    left = [
        one.id
        for one in exercises
        if not all((one.id, f"passed {name}") in noted for name in one.checks)
    ]
    title = _title(path)
    return Chapter(path.name, title, state, len(names), written, len(exercises), tuple(left))


def note_states(chapters: list[Chapter], folder: Path) -> None:
    """Note in the course's `folder` what `route` found: notebooks may be replaced or deleted."""
    with suppress(OSError):
        for chapter in chapters:
            if chapter.state:
                event = "done" if chapter.state == "read" else chapter.state
                progress_log.note(chapter.number, event, folder)


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
    """Return the first chapter that is not run to its end, or else the first with open places."""
    following = [chapter for chapter in chapters if chapter.state not in ("done", "read")]
    following += [chapter for chapter in chapters if chapter.state == "read"]
    return next(iter(following), None)


def next_exercise(chapters: list[Chapter]) -> str:
    """Return the first exercise that is left of the chapters run to their end; "" without any."""
    ended = [chapter for chapter in chapters if chapter.state in ("done", "read")]
    return next((exercise for chapter in ended for exercise in chapter.left), "")


def in_words(chapters: list[Chapter]) -> str:
    """Return what to do next, in a few lines."""
    done = sum(chapter.state in ("done", "read") for chapter in chapters)
    places = sum(chapter.places for chapter in chapters)
    said = [f"Chapters run to their end: {done} of {len(chapters)}."]
    if places:
        written = sum(chapter.written for chapter in chapters)
        said[0] += f" Places written by you: {written} of {places}."
    following, exercise = next_chapter(chapters), next_exercise(chapters)
    if following is not None:
        said.append(f"Next: {following.title}{_how_far(following)}")
        if exercise:
            said.append(f"Or an exercise: {exercise}")
        said.append(
            f"Start: make lab  (or: python -m socketlab lab), then notebooks/{following.file}"
        )
    else:
        said.append(f"Next: exercise {exercise}" if exercise else _THE_END)
        said.append("To look something up: make lab  (or: python -m socketlab lab)")
    return "\n".join(said)


_THE_END = "Next: the capstone (exercises/12_capstone), and programs of your own."


def _how_far(chapter: Chapter) -> str:
    if chapter.state == "read":
        return f" ({chapter.places - chapter.written} places are still to be written)"
    return " (begun)" if chapter.state else ""


def write_start_page(project: Path, folder: Path) -> None:
    """Write the start page of the course in `folder`. Raises OSError where that can't be done."""
    notebooks = folder / "notebooks"
    chapters = route(project / "notebooks", notebooks)
    planks = set(own_package.written(folder))
    for name, text in ((SHIP, _ship(planks).svg), (START, start_page(chapters, planks))):
        if not (notebooks / name).is_file() or (notebooks / name).read_bytes() != text.encode():
            write(notebooks / name, text.encode())


def start_page(chapters: list[Chapter], planks: Iterable[str] = ()) -> str:
    """Return the start page, as Markdown with links; the planks named are the learner's own."""
    return "\n".join(_start_page(chapters, set(planks))) + "\n"


_CAPSTONE = "../exercises/12_capstone/exercises_12_capstone.ipynb"


def _start_page(chapters: list[Chapter], planks: set[str]) -> Iterator[str]:
    yield "# The route\n"
    following, exercise = next_chapter(chapters), next_exercise(chapters)
    if following is not None:
        yield f"Next: [{following.title}]({following.file}){_how_far(following)}\n"
    if exercise:
        yield f"An exercise to go on with: {exercise}\n"
    yield "| chapter | so far | places written | exercises passed |\n|---|---|---|---|"
    for chapter in chapters:
        written = f"{chapter.written} of {chapter.places}" if chapter.places else ""
        passed = f"{chapter.exercises - len(chapter.left)} of {chapter.exercises}"
        yield (
            f"| [{chapter.title}]({chapter.file}) | {chapter.state} | {written} "
            f"| {passed if chapter.exercises else ''} |"
        )
    yield "\n*done*: you have written each place, and the last cell printed the four lines."
    yield "*read*: the last cell has run, and some places are blank or on loan. *begun*: some cells"
    yield "have run.\n"
    yield "In a hurry? The fast lane is 00, 01, 02, 03, 06, 08 and 09; the others are side trips."
    yield f"At the end, the [capstone]({_CAPSTONE}) puts your planks together.\n"
    yield "This page is rewritten at each start and whenever something passes, so what you write"
    yield "here is lost. Close it and open it again to see the newest.\n"
    yield "## The ship\n"
    yield "Green is yours: you have written it, and it is in `myserver/`. Grey is on loan.\n"
    yield f"![{_ship(planks).alt}]({SHIP})"


def _ship(planks: set[str]) -> Picture:
    """Return the class map of the whole ship, with these planks in colour."""
    import minisocketserver

    built = {name: getattr(minisocketserver, name, None) for name in PLANKS}
    ship = assemble(**{name: plank for name, plank in built.items() if plank is not None})
    ship.planks = {name: plank for name, plank in ship.planks.items() if name in planks}
    return class_map(ship)
