"""The table of what is taught where, filled in from the tags of the chapters' cells.

`socketlab author coverage` brings `tests/chapters/COVERAGE.md` up to date.
"""

import re
from pathlib import Path
from typing import Any

from ..project import PROJECT
from .chapters import chapters, read
from .lint import tags

TABLE = PROJECT / "tests" / "chapters" / "COVERAGE.md"
ROW = re.compile(r"^\| ((?:source|learners)-[\w-]+) \| (.+?) \| ?.*\|$", re.MULTILINE)
TAG = re.compile(r"(?:source|learners)-[\w-]+")


def rows(text: str) -> list[str]:
    """Return the names of the table's rows, which are the tags to look for."""
    return [match[1] for match in ROW.finditer(text)]


def places(chapter: Path) -> dict[str, list[str]]:
    """Return, for each row's tag in a chapter, links to the sections where it stands."""
    notebook = read(chapter)
    title = notebook.cells[0].source.splitlines()[0].removeprefix("# ").partition(":")[0]
    found: dict[str, list[str]] = {}
    section = title
    for cell in notebook.cells:
        section = _heading(cell) or section
        for tag in sorted(tags(cell)):
            chapter_link = f"[{title}](../../notebooks/{chapter.name})"
            link = f"{chapter_link}, {section}" if section != title else title
            if TAG.fullmatch(tag) and link not in found.setdefault(tag, []):
                found[tag].append(link)
    return found


def _heading(cell: Any) -> str | None:
    headings = re.findall(r"^##+ (.+)$", cell.source, re.MULTILINE)
    return headings[-1] if cell.cell_type == "markdown" and headings else None


def filled(text: str) -> str:
    """Return the table with its last column made anew from the chapters."""
    where: dict[str, list[str]] = {}
    for chapter in chapters():
        for tag, links in places(chapter).items():
            where.setdefault(tag, []).extend(links)
    return ROW.sub(
        lambda row: f"| {row[1]} | {row[2]} | {'; '.join(where.get(row[1], []))} |", text
    )


def fill() -> None:
    """Bring the file up to date."""
    TABLE.write_text(filled(TABLE.read_text("utf-8")), encoding="utf-8")
