"""Make the static site from the notebooks as they are: `socketlab author site`."""

import json
import re
import shutil
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from ..learner import terms
from ..learner.edition import ASKS, folded
from ..learner.stubs import complete
from ..project import PROJECT
from . import excerpts
from .front_page import front_page
from .pictures import without_descriptions

FOLDERS = ("notebooks", "exercises")


def build(project: Path, site: Path) -> int:
    """Write the site of `project` to `site`, in place of an earlier one; return 0 when all went
    well. Nothing is executed: outputs and pictures are those in the notebooks."""
    from sphinx.cmd.build import build_main  # the bench works without Sphinx

    with tempfile.TemporaryDirectory() as scratch:
        pages, made = Path(scratch, "pages"), Path(scratch, "html")
        shutil.copytree(project / "pages", pages)
        shutil.copyfile(project / "CHANGELOG.md", Path(scratch, "CHANGELOG.md"))
        (pages / "terms.md").write_text(terms.page(project / "notebooks", "notebooks/"), "utf-8")
        for folder in FOLDERS:
            shutil.copytree(project / folder, pages / folder, ignore=_leftovers)
        _write_notebooks(pages)
        status: int = build_main(
            ["-q", "-b", "html", "-d", f"{scratch}/doctrees", str(pages), str(made)]
        )
        if status == 0:
            for path in made.rglob("*.html"):
                path.write_text(as_read_aloud(path.read_text("utf-8")), "utf-8")
            excerpts.add(made)
            shutil.rmtree(site, ignore_errors=True)
            shutil.move(made, site)
        return status


def _write_notebooks(pages: Path) -> None:
    """Write each notebook among the pages as the site shows it, and the front page as one more."""
    instead, front = pages / "for_readers.toml", pages / "index.md"
    words = tomllib.loads(instead.read_text("utf-8"))["instead"]
    notebooks = {path: json.loads(path.read_text("utf-8")) for path in pages.rglob("*.ipynb")}
    chapters = {path.stem: notebooks[path] for path in (pages / "notebooks").glob("*.ipynb")}
    for name, notebook in chapters.items():
        for_readers(notebook, [one for one in words if one["chapter"] == name])
    first = as_shown(front_page(front.read_text("utf-8"), chapters))
    for path, notebook in notebooks.items():
        to_top = "../" * (len(path.relative_to(pages).parts) - 1)
        path.write_text(json.dumps(with_a_note(as_shown(notebook), to_top)), "utf-8")
    (pages / "index.ipynb").write_text(json.dumps(first), "utf-8")
    for source in (instead, front):
        source.unlink()


_leftovers = shutil.ignore_patterns(".*", "__pycache__")


def as_read_aloud(page: str) -> str:
    """Return a page with what Sphinx leaves out for readers without a mouse or much of a screen.

    That's a heading's level, code that can be scrolled by keyboard, and a place to break a line
    between a function's name and its arguments.
    """
    page = re.sub(r'role="heading"(?! aria-level)', 'role="heading" aria-level="2"', page)
    page = page.replace('<span class="sig-paren">(</span>', '<span class="sig-paren">(</span><wbr>')
    return re.sub(r"<pre(?! tabindex)(?=[ >])", '<pre tabindex="0"', page)


def as_shown(notebook: Any) -> Any:
    """Return the notebook as the site shows it.

    Descriptions of pictures are left out. What comes of a prediction, and why, is folded away
    until a reader opens it, and no marker says which lines a learner writes.
    """
    is_asked = False
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            cell["source"] = folded(source) if is_asked else source
            is_asked = ASKS in source
            cell["source"] = without_descriptions(cell["source"])
        else:
            cell["source"] = complete(source)
            if is_asked and cell.get("outputs"):
                tags = cell["metadata"].setdefault("tags", [])
                tags.append("hide-output")
    return notebook


def for_readers(notebook: Any, words: list[dict[str, str]]) -> None:
    """Put what is said to a reader in place of what is said to someone who runs the notebook."""
    cells = {cell.get("id"): cell for cell in notebook["cells"]}
    for one in words:
        source = "".join(cells[one["cell"]]["source"]) if one["cell"] in cells else ""
        old, new = one.get("old", source).strip(), one["new"].strip()
        if not old or old not in source:
            raise ValueError(
                f"pages/for_readers.toml replaces words that cell {one['cell']} of "
                f"{one['chapter']} doesn't have: {old[:60]!r}"
            )
        cells[one["cell"]]["source"] = source.replace(old, new)


NOTE = """
```{{note}}
You're reading what came of a real run. To run cells, write your own lines and have them checked,
[start the course]({}index.ipynb#start-now).
```
"""


def with_a_note(notebook: Any, to_top: str) -> Any:
    """Return the notebook with a note below its title: it can be read here, but not run."""
    first = notebook["cells"][0]
    title, end, rest = "".join(first["source"]).partition("\n")
    first["source"] = f"{title}\n{NOTE.format(to_top)}{end}{rest}"
    return notebook


def make(folder: Path | None = None) -> int:
    """Make the site in a folder, by default `site/`; return the exit status."""
    target = folder or PROJECT / "site"
    status = build(PROJECT, target)
    if status == 0:
        print(f"The site is in {target}: open {target / 'index.html'}")
    return status
