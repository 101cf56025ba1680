"""Each chapter, as a learner sees it: JupyterLab in a browser, all cells run."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from socketlab.learner.course import refresh
from socketlab.ship.example import EXPECTED
from tests import PROGRAM_SECONDS
from tests.browser.lab import (
    NEEDS_CHROMIUM,
    OPEN,
    READY,
    ROOT,
    copy_of_the_project,
    jupyterlab,
    new_page,
    visible,
)
from tests.own_package import write_places

CHAPTERS = sorted(f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))

pytestmark = [NEEDS_CHROMIUM, pytest.mark.timeout(900)]


def git_status() -> str:
    command = ["git", "-C", str(ROOT), "status", "--porcelain"]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", timeout=PROGRAM_SECONDS
    ).stdout


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a copy of the course, its places written, as `make lab` does; give its address."""
    project = copy_of_the_project(tmp_path_factory.mktemp("lab"))
    refresh(project, project / "course")
    write_places(project / "course")
    with jupyterlab(project) as address:
        yield address


# Chapters of a group run at the same time, as do a learner's who has several open.
*MANY, FEW = [CHAPTERS[first::4] for first in range(4)]
GROUPS = [FEW, *(pytest.param(group, marks=pytest.mark.thorough) for group in MANY)]

RUN_ALL = "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }"

# After a cell that fails, other than on purpose, the kernel passes over the rest.
HAS_RUN = """chapter => {
    const panel = panelOf(chapter);
    const cells = panel.content.widgets.map(cell => cell.model.toJSON());
    const code = cells.filter(cell => cell.cell_type === 'code');
    const fails = cell => cell.outputs.some(out => out.output_type === 'error')
        && !cell.metadata.tags?.includes('raises-exception');
    const idle = panel.sessionContext.session.kernel.status === 'idle';
    return idle && (code.some(fails) || code.every(cell => cell.execution_count !== null));
}"""

SAVED = """async chapter => {
    const panel = panelOf(chapter);
    window.jupyterapp.shell.activateById(panel.id);
    await panel.context.save();
    return panel.content.widgets.map(cell => cell.model.toJSON());
}"""

# An explanation is folded away, and the picture in it with it.
SHOW = """([chapter, index]) => {
    const notebook = panelOf(chapter).content;
    for (const fold of notebook.widgets[index].node.querySelectorAll('details')) fold.open = true;
    notebook.activeCellIndex = index;
    return notebook.scrollToItem(index, 'start');
}"""

# JupyterLab draws only the cells that are in sight.
IS_DRAWN = """([chapter, index, selector]) => {
    const drawn = [...panelOf(chapter).content.widgets[index].node.querySelectorAll(selector)];
    return drawn.length > 0 && drawn.every(
        part => part.offsetHeight > 20 && (part.tagName !== 'IMG' || part.naturalWidth > 20));
}"""

DRAWN_AS = {
    "described": ".jp-MarkdownOutput img",
    "image/svg+xml": ".jp-RenderedHTML img",
    "image/png": ".jp-RenderedImage img",
    "application/vnd.jupyter.widget-view+json": ".jupyter-widgets",
}
"""An SVG of ours comes with HTML in which it has alternative text."""


def texts(cell: dict[str, Any]) -> str:
    return "".join("".join(out.get("text", "")) for out in cell.get("outputs", []))


def fails(cell: dict[str, Any]) -> bool:
    return any(out["output_type"] == "error" for out in cell.get("outputs", []))


def fails_on_purpose(cell: dict[str, Any]) -> bool:
    return "raises-exception" in cell["metadata"].get("tags", [])


def drawn_as(cell: dict[str, Any]) -> set[str]:
    """Return the selector of each kind of picture that the cell must show."""
    found = set()
    if cell["cell_type"] == "markdown" and "<!-- picture" in cell["source"]:
        found.add(DRAWN_AS["described"])
    for out in cell.get("outputs", []):
        data = out.get("data", {})
        found |= {DRAWN_AS[kind] for kind in [kind for kind in DRAWN_AS if kind in data][:1]}
        if "<iframe" in "".join(data.get("text/html", "")):
            found.add("iframe")
    return found


@pytest.mark.parametrize("chapters", GROUPS, ids=lambda group: "-".join(n[10:12] for n in group))
def test_chapters_run_in_the_browser(
    lab: str, browser: Any, chapters: list[str], tmp_path: Path
) -> None:
    """All cells run, none fails but on purpose, and every picture is drawn."""
    before = git_status()
    page = new_page(browser)
    try:
        # JupyterLab would open the chapters of the last test again, and may put one in front.
        page.goto(f"{lab}lab/tree/{chapters[0]}?token=let&reset")
        page.wait_for_function(READY, arg=chapters[0])
        for chapter in chapters:
            page.evaluate(OPEN, chapter)
            page.wait_for_function(READY, arg=chapter)
            page.evaluate(RUN_ALL)
        for chapter in chapters:
            page.wait_for_function(HAS_RUN, arg=chapter)
            cells = page.evaluate(SAVED, chapter)
            wrong = [cell for cell in cells if fails(cell) and not fails_on_purpose(cell)]
            assert not wrong, f"{chapter}: {wrong}"
            pictures = [(n, how) for n, cell in enumerate(cells) for how in drawn_as(cell)]
            assert pictures, f"{chapter} has no picture"
            for number, how in pictures:
                page.evaluate(SHOW, [chapter, number])
                page.wait_for_function(IS_DRAWN, arg=[chapter, number, how])
            assert cells[-1]["cell_type"] == "code" and texts(cells[-1]) == EXPECTED
            page.evaluate(SHOW, [chapter, len(cells) - 1])
            visible(page, ".jp-OutputArea-output >> text=Server loop running in thread")
            page.screenshot(path=tmp_path / f"{Path(chapter).stem}.png")
        assert page.locator(".jp-Notification-Toast, .Toastify__toast").count() == 0
        assert git_status() == before
    finally:
        page.close()


def test_the_start_page_shows_the_route_and_leads_to_a_chapter(
    lab: str, browser: Any, tmp_path: Path
) -> None:
    page = new_page(browser)
    try:
        page.goto(f"{lab}lab/tree/notebooks/START.md?token=let&reset")
        visible(page, ".jp-MarkdownViewer h1:has-text('The route')")
        visible(page, ".jp-MarkdownViewer img[src*='ship.svg']")
        page.screenshot(path=tmp_path / "start.png")
        page.locator(".jp-MarkdownViewer td a", has_text="01 Sockets").click()
        page.wait_for_function(READY, arg="notebooks/01_sockets.ipynb")
    finally:
        page.close()
