"""Pages and outputs, light and dark, as axe sees them: none has a serious fault."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from socketlab.checks.case import Failure
from socketlab.grading.grade import Grade, Result
from socketlab.grading.page import page as feedback
from socketlab.learner.course import refresh
from tests import PROGRAM_SECONDS
from tests.browser.accessible import faults
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
from tests.browser.test_jupyterlab import HAS_RUN, RUN_ALL, SAVED, SHOW
from tests.own_package import write_places

CHAPTER = "notebooks/06_threading_mixin.ipynb"
THEMES = ["light", "dark"]

pytestmark = [NEEDS_CHROMIUM, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "socketlab", "author", "site", str(made)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=PROGRAM_SECONDS)
    return made


FEW = [
    "index.html",
    "search.html",
    "terms.html",
    "reference.html",
    "notebooks/06*.html",
    "exercises/01*/*.html",
]
PAGES = [FEW, pytest.param(["**/*.html"], marks=pytest.mark.thorough)]


@pytest.mark.parametrize("pages", PAGES, ids=["few", "all"])
@pytest.mark.parametrize("theme", THEMES)
def test_the_site(site: Path, browser: Any, theme: str, pages: list[str]) -> None:
    page = browser.new_page(color_scheme=theme)
    looked, found = 0, []
    for path in [path for pattern in pages for path in sorted(site.glob(pattern))]:
        page.goto(path.as_uri())
        found += [f"{path.name}: {fault}" for fault in faults(page)]
        looked += 1
    page.close()
    assert looked >= len(pages)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("theme", THEMES)
def test_a_student_s_page(browser: Any, theme: str, tmp_path: Path) -> None:
    failure = Failure("serve(4)", "nothing", "an echo", "A server and its client.")
    grade = Grade("ada", "01_sockets")
    grade.results = [
        Result("01.1", "address", 2, 2, praise="A free port.", notes=["Cell 3 failed."]),
        Result("01.1", "serve", 0, 2, failure=failure),
        Result("01.2", "stop", 0, 2, failure=failure),
    ]
    made = tmp_path / "ada.html"
    made.write_text(feedback("ada", [grade, Grade("ada", "02_base_server", trouble="No JSON.")]))
    page = browser.new_page(color_scheme=theme)
    page.goto(made.as_uri())
    for _ in range(2):
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.screenshot(path=tmp_path / f"feedback-{theme}.png", full_page=True)
    assert faults(page) == []
    page.close()


def test_axe_sees_a_picture_without_words(browser: Any) -> None:
    page = browser.new_page()
    page.set_content("<html lang=en><title>x</title><main><img src='data:,'></main>")
    assert [one.partition(":")[0] for one in faults(page)] == ["image-alt"]
    page.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a course, its places written, but for one chapter, whose place is still blank."""
    project = copy_of_the_project(tmp_path_factory.mktemp("lab"))
    refresh(project, project / "course")
    write_places(project / "course")
    with jupyterlab(project) as address:
        yield address


THEME = """async theme => {
    await window.jupyterapp.commands.execute('apputils:change-theme', {theme});
}"""
HAS_THEME = "light => String(document.body.dataset.jpThemeLight) === light"


def wear(page: Any, theme: str) -> None:
    """Change JupyterLab's theme."""
    page.evaluate(THEME, f"JupyterLab {theme.capitalize()}")
    page.wait_for_function(HAS_THEME, arg=str(theme == "light").lower())


def test_the_start_page(lab: str, browser: Any, tmp_path: Path) -> None:
    page = new_page(browser)
    page.goto(f"{lab}lab/tree/notebooks/START.md?token=let&reset")
    visible(page, ".jp-MarkdownViewer img[src*='ship.svg']")
    for theme in THEMES:
        wear(page, theme)
        page.screenshot(path=tmp_path / f"start-{theme}.png")
        assert faults(page, ".jp-MarkdownViewer .jp-RenderedMarkdown") == []
    page.close()


PART = """([chapter, index]) => {
    const node = panelOf(chapter).content.widgets[index].node;
    document.querySelectorAll("[data-seen]").forEach(one => delete one.dataset.seen);
    const part = node.querySelector(".jp-Cell-outputArea, .jp-MarkdownOutput");
    if (!part || !part.offsetHeight) return false;
    part.dataset.seen = "yes";
    return true;
}"""


def test_a_chapter_s_pictures_and_outputs(lab: str, browser: Any, tmp_path: Path) -> None:
    page = new_page(browser)
    page.goto(f"{lab}lab/tree/{CHAPTER}?token=let&reset")
    page.wait_for_function(READY, arg=CHAPTER)
    page.evaluate(OPEN, CHAPTER)
    page.evaluate(RUN_ALL)
    page.wait_for_function(HAS_RUN, arg=CHAPTER)
    cells = page.evaluate(SAVED, CHAPTER)
    found = []
    shown = [n for n, one in enumerate(cells) if "<!-- picture" in one["source"] or is_drawn(one)]
    assert len(shown) > 10
    for theme in THEMES:
        wear(page, theme)
        for number in shown:
            page.evaluate(SHOW, [CHAPTER, number])
            page.wait_for_function(PART, arg=[CHAPTER, number])
            where = f"{cells[number]['id']}, {theme}"
            found += [f"{where}: {fault}" for fault in faults(page, "[data-seen]")]
            if is_drawn(cells[number]):
                page.screenshot(path=tmp_path / f"{cells[number]['id']}-{theme}.png")
    page.close()
    assert not found, "\n".join(found)


def is_drawn(cell: dict[str, Any]) -> bool:
    """Return whether a cell shows more than lines of text."""
    return any("text/html" in out.get("data", {}) for out in cell.get("outputs", []))
