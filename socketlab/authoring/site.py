"""Make the static site from the notebooks as they are: `socketlab author site`."""

import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ..learner import terms
from ..learner.edition import ASKS, folded
from ..learner.stubs import complete
from ..project import PROJECT
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
        for path in pages.rglob("*.ipynb"):
            path.write_text(json.dumps(as_shown(json.loads(path.read_text("utf-8")))))
        status: int = build_main(
            ["-q", "-b", "html", "-d", f"{scratch}/doctrees", str(pages), str(made)]
        )
        if status == 0:
            for path in made.rglob("*.html"):
                path.write_text(as_read_aloud(path.read_text("utf-8")), "utf-8")
            shutil.rmtree(site, ignore_errors=True)
            shutil.move(made, site)
        return status


_leftovers = shutil.ignore_patterns(".*", "__pycache__")


def as_read_aloud(page: str) -> str:
    """Return a page with what Sphinx leaves out for those who use no mouse, or no screen.

    That's a heading's level, and code that can be scrolled by keyboard.
    """
    page = re.sub(r'role="heading"(?! aria-level)', 'role="heading" aria-level="2"', page)
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


def make(folder: Path | None = None) -> int:
    """Make the site in a folder, by default `site/`; return the exit status."""
    target = folder or PROJECT / "site"
    status = build(PROJECT, target)
    if status == 0:
        print(f"The site is in {target}: open {target / 'index.html'}")
    return status
