"""The route through the course: its chapters, and how far the learner has come."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .example import EXPECTED
from .pictures import class_map
from .planks import PLANKS, assemble

START = "START.md"
"""The start page, beside the learner's chapters; made anew at each start of JupyterLab."""


@dataclass
class Chapter:
    """A chapter, and its state in the learner's copy: "done", "begun" or ""."""

    file: str
    title: str
    state: str

    @property
    def number(self) -> str:
        return self.file[:2]


def route(notebooks: Path, mine: Path) -> list[Chapter]:
    """Return the chapters that lie in `notebooks`, with the states of their copies in `mine`."""
    return [
        Chapter(path.name, _title(path), _state(mine / path.name))
        for path in sorted(notebooks.glob("[0-9][0-9]_*.ipynb"))
    ]


def _cells(path: Path) -> list[Any]:
    """Return a notebook's cells; none where there is no notebook that can be read."""
    try:
        cells = json.loads(path.read_bytes())["cells"]
        return [cell for cell in cells if isinstance(cell, dict)]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def _title(path: Path) -> str:
    for cell in _cells(path)[:1]:
        return "".join(cell["source"]).partition("\n")[0].removeprefix("# ")
    return path.stem


def _state(path: Path) -> str:
    """A chapter is done when its last cell has printed the four lines."""
    code = [cell for cell in _cells(path) if cell.get("cell_type") == "code"]
    if code and _printed(code[-1]) == EXPECTED:
        return "done"
    return "begun" if any(cell.get("execution_count") for cell in code) else ""


def _printed(cell: Any) -> str:
    return "".join("".join(output.get("text", "")) for output in cell.get("outputs", []))


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
    yield "This page is made anew at each start, so what you write here is lost.\n"
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
