"""The site's front page, with a picture and a beginning taken from the chapters' committed runs."""

import re
from typing import Any

_PARTS = re.compile(r"<!-- (run|beginning) (\w+) ([\w-]+) -->")


def front_page(text: str, chapters: dict[str, Any]) -> dict[str, Any]:
    """Return the front page as a notebook: the Markdown of `text`, and cells of the chapters.

    `<!-- run CHAPTER CELL -->` stands for what this cell has shown, without its code, and
    `<!-- beginning CHAPTER CELL -->` for the chapter up to this cell, two levels of headings down.
    """
    cells = []
    before, *parts = _PARTS.split(text)
    cells.append(_markdown(before))
    for kind, chapter, cell, after in zip(*[iter(parts)] * 4, strict=True):
        of_chapter = chapters[chapter]["cells"]
        ids = [one["id"] for one in of_chapter]
        if cell not in ids:
            raise ValueError(
                f"The front page shows cell {cell} of {chapter}, which has no such cell."
            )
        if kind == "run":
            cells.append(_picture(of_chapter[ids.index(cell)], chapter))
        else:
            cells += [_lowered(one) for one in of_chapter[: ids.index(cell)]]
        cells.append(_markdown(after))
    python = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [{**cell, "id": f"front-{n}"} for n, cell in enumerate(cells)]
    return {"cells": cells, "metadata": python, "nbformat": 4, "nbformat_minor": 5}


def _markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source.strip()}


def _picture(cell: dict[str, Any], chapter: str) -> dict[str, Any]:
    shown = [out["data"] for out in cell["outputs"] if "image/svg+xml" in out.get("data", {})]
    pages = ["".join(data.get("text/html", "")) for data in shown]
    if len(pages) != 1 or not re.search(r'<img alt="[^"]+"', pages[0]):
        raise ValueError(
            f"The front page needs one picture with its words: see {cell['id']} in {chapter}."
        )
    return _markdown(pages[0].replace("<div ", '<div class="front-picture" ', 1))


def _lowered(cell: dict[str, Any]) -> dict[str, Any]:
    """Return a cell whose headings are two levels below what they are in the chapter."""
    if cell["cell_type"] != "markdown":
        return cell
    return {**cell, "source": re.sub(r"(?m)^#", "###", "".join(cell["source"]))}
