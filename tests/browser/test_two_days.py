"""Two days of a learner: Shift+Enter, Run All, places written, an update, a second start."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from socketlab.exercises import all_chapters, find_chapter
from socketlab.learner.places import our_cell, place_id
from tests import PROGRAM_SECONDS
from tests.browser.lab import (
    NEEDS_CHROMIUM,
    OPEN,
    READY,
    copy_of_the_project,
    jupyterlab,
    new_page,
    visible,
)

READ = "notebooks/00_target.ipynb"
WRITTEN = "notebooks/03_tcp_server.ipynb"
NOTED = "notebooks/06_threading_mixin.ipynb"
START = "notebooks/START.md"
EXERCISES = "exercises/02_base_server/exercises_02_base_server.ipynb"

pytestmark = [NEEDS_CHROMIUM, pytest.mark.timeout(900)]

IDLE = """path => {
    const panel = window.panelOf(path);
    return panel.sessionContext.session?.kernel?.status === 'idle';
}"""

SCROLL_TO = "([path, place]) => window.panelOf(path).content.scrollToItem(place, 'start')"

SAVE = "path => window.panelOf(path).context.save()"

DIRTY = "path => window.panelOf(path).context.model.dirty"

CELLS = "path => window.panelOf(path).content.widgets.map(cell => cell.model.toJSON())"

# The empty cell that JupyterLab adds below the last one has not run.
HAS_RUN = """path => {
    const panel = window.panelOf(path);
    const code = panel.content.widgets.map(cell => cell.model.toJSON())
        .filter(cell => cell.cell_type === 'code' && cell.source !== '');
    return panel.sessionContext.session.kernel.status === 'idle'
        && code.every(cell => cell.execution_count !== null);
}"""


RUN_ALL = "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }"

RESTART = "path => window.panelOf(path).sessionContext.session.kernel.restart()"

WRITE = """([path, id, source]) => {
    const cell = window.panelOf(path).content.widgets.find(cell => cell.model.id === id);
    cell.model.sharedModel.setSource(source);
}"""


def open_notebook(page: Any, path: str) -> None:
    page.evaluate(OPEN, path)
    page.wait_for_function(READY, arg=path)
    page.wait_for_function(IDLE, arg=path)


def press_to_the_end(page: Any, path: str) -> None:
    """Press Shift+Enter once in each cell, as chapter 00 says."""
    before = len(page.evaluate(CELLS, path))
    page.locator(".jp-Notebook:visible .jp-Cell").first.click(position={"x": 2, "y": 2})
    page.keyboard.press("Escape")
    for _ in range(before):
        page.keyboard.press("Shift+Enter")
    assert len(page.evaluate(CELLS, path)) == before + 1, "JupyterLab adds a cell below the last"


def assert_opens_clean(page: Any, course: Path, path: str) -> None:
    """A notebook just opened counts as unmodified, and saving it changes no byte."""
    handed_out = (course / path).read_bytes()
    open_notebook(page, path)
    assert not page.evaluate(DIRTY, path), f"{path} opens as modified"
    page.evaluate(SAVE, path)
    assert (course / path).read_bytes() == handed_out, f"{path} is changed by saving it"


def follow(page: Any, path: str, link: str, target: str) -> None:
    """Click on the first link to `link` in a notebook; wait until `target` is open."""
    cells = page.evaluate(CELLS, path)
    place = next(place for place, cell in enumerate(cells) if f"]({link})" in cell["source"])
    page.evaluate(SCROLL_TO, [path, place])
    page.locator(f".jp-Notebook:visible a[href*='{Path(link).name}']").first.click()
    page.wait_for_function(READY, arg=target)


def write_ours(page: Any, path: str) -> None:
    """Write what we have into each place of a chapter that is open."""
    chapter = find_chapter(Path(path).name[:2])
    assert chapter is not None
    for name in chapter.checks:
        page.evaluate(WRITE, [path, place_id(chapter.id, name), our_cell(chapter, name)])


def done(page: Any, lab: str) -> list[str]:
    """Open JupyterLab at the start page; return the numbers of the chapters done by it."""
    page.goto(f"{lab}lab/tree/{START}?token=let&reset")
    visible(page, ".jp-MarkdownViewer table")
    lines = page.locator(".jp-MarkdownViewer:visible").inner_text().splitlines()
    return [line[:2] for line in lines if "\tdone\t" in f"{line}\t"]


def progress(project: Path) -> str:
    """Return what the command says in a terminal."""
    said = subprocess.run(
        [sys.executable, "-m", "socketlab"],
        env=os.environ | {"PYTHONPATH": str(project)},
        cwd=project.parent,
        capture_output=True,
        encoding="utf-8",
        timeout=PROGRAM_SECONDS,
    )
    assert said.returncode == 0, said.stderr
    return said.stdout


def update(project: Path, chapter: str) -> None:
    """Change a word in the project's chapter, as a new version of the course does."""
    book = json.loads((project / chapter).read_bytes())
    book["cells"][0]["source"].append("\n\nA sentence of the newer version.")
    (project / chapter).write_text(json.dumps(book))


def run_all(page: Any, path: str) -> None:
    page.evaluate(OPEN, path)
    page.wait_for_function(READY, arg=path)
    page.evaluate(RUN_ALL)


def test_two_days_of_a_learner(browser: Any, tmp_path: Path) -> None:
    """What is written counts, what only runs doesn't, and an update loses nothing."""
    project = copy_of_the_project(tmp_path)
    course = project / "course"
    written = {one.id: len(one.checks) for one in all_chapters()}
    first, second, places = written["00"], written["03"], sum(written.values())
    with jupyterlab(project) as lab:
        page = new_page(browser)
        assert done(page, lab) == []
        assert_opens_clean(page, course, READ)
        write_ours(page, READ)
        press_to_the_end(page, READ)
        page.wait_for_function(HAS_RUN, arg=READ)
        assert_opens_clean(page, course, WRITTEN)
        run_all(page, WRITTEN)
        visible(page, "text=this one is for you to write")
        page.screenshot(path=tmp_path / "open-place.png")
        said = progress(project)
        assert "Chapters run to their end: 1 of 12." in said, "nothing is saved yet"
        assert f"Places written by you: {first} of {places}." in said
        write_ours(page, WRITTEN)
        run_all(page, WRITTEN)
        page.wait_for_function(HAS_RUN, arg=WRITTEN)
        said = progress(project)
        assert "Chapters run to their end: 2 of 12." in said
        assert f"Places written by you: {first + second} of {places}." in said
        own = (course / "myserver/tcp_server.py").read_bytes()
        page.evaluate(RESTART, WRITTEN)
        page.wait_for_function(IDLE, arg=WRITTEN)
        run_all(page, WRITTEN)
        page.wait_for_function(HAS_RUN, arg=WRITTEN)
        assert (course / "myserver/tcp_server.py").read_bytes() == own
        open_notebook(page, NOTED)
        first = page.evaluate(CELLS, NOTED)[0]
        page.evaluate(WRITE, [NOTED, first["id"], f"{first['source']} My notes."])
        page.screenshot(path=tmp_path / "first-day.png")
        for path in (READ, WRITTEN, NOTED):
            page.evaluate(OPEN, path)
            page.evaluate(SAVE, path)
        page.close()

    noted = (course / NOTED).read_bytes()
    assert b" My notes." in noted
    for path in (READ, WRITTEN, NOTED):
        update(project, path)

    # The kernels are gone, and so is all that the browser knew.
    with jupyterlab(project) as lab:
        page = new_page(browser)
        assert done(page, lab) == ["00", "03"]
        page.screenshot(path=tmp_path / "second-day.png")
        assert (course / NOTED).read_bytes() == noted
        assert [path.name for path in course.rglob("*.new*")] == ["06_threading_mixin.new.ipynb"]
        for path in (READ, WRITTEN):
            assert b"newer version" in (course / path).read_bytes()
        run_all(page, WRITTEN)
        page.wait_for_function(HAS_RUN, arg=WRITTEN)
        assert (course / "myserver/tcp_server.py").read_bytes() == own
        page.close()


def test_a_chapter_and_its_exercises_lead_to_each_other(browser: Any, tmp_path: Path) -> None:
    project = copy_of_the_project(tmp_path)
    chapter = "notebooks/02_base_server.ipynb"
    with jupyterlab(project) as lab:
        page = new_page(browser)
        page.goto(f"{lab}lab/tree/{chapter}?token=let&reset")
        page.wait_for_function(READY, arg=chapter)
        follow(page, chapter, f"../{EXERCISES}", EXERCISES)
        assert_opens_clean(page, project / "course", EXERCISES)
        capstone = "exercises/12_capstone/exercises_12_capstone.ipynb"
        follow(page, EXERCISES, "../12_capstone/exercises_12_capstone.ipynb", capstone)
        page.evaluate(OPEN, EXERCISES)
        follow(page, EXERCISES, f"../../{chapter}", chapter)
        tabs = page.locator("#jp-main-dock-panel .lm-TabBar-tabLabel").all_inner_texts()
        assert sorted(tabs) == sorted(
            map(lambda path: Path(path).name, (chapter, capstone, EXERCISES))
        )
        page.screenshot(path=tmp_path / "tabs.png")
        page.close()


def test_a_guess_comes_before_the_run(browser: Any, tmp_path: Path) -> None:
    """It's typed, kept, and judged once the next cell has run; what came of it is folded away."""
    project = copy_of_the_project(tmp_path)
    with jupyterlab(project) as lab:
        page = new_page(browser)
        page.goto(f"{lab}lab/tree/{READ}?token=let&reset")
        page.wait_for_function(READY, arg=READ)
        page.wait_for_function(IDLE, arg=READ)
        write_ours(page, READ)
        cells = page.evaluate(CELLS, READ)
        place = next(place for place, cell in enumerate(cells) if cell["id"] == "predict-00-1")
        page.locator(".jp-Notebook:visible .jp-Cell").first.click(position={"x": 2, "y": 2})
        page.keyboard.press("Escape")
        for _ in range(place + 1):
            page.keyboard.press("Shift+Enter")
        line = page.locator(".jp-Notebook:visible input[type=text]").first
        line.fill("one thread")
        page.get_by_role("button", name="That's my guess").click()
        visible(page, "text=Kept. Now run the next cell.")
        page.screenshot(path=tmp_path / "guess.png")
        assert "one thread" in (project / "course/progress.txt").read_text("utf-8")
        page.locator(".jp-Notebook:visible .jp-Cell").nth(place + 1).click(
            position={"x": 2, "y": 2}
        )
        page.keyboard.press("Escape")
        page.keyboard.press("Shift+Enter")
        page.get_by_role("button", name="That surprised me").click()
        visible(page, "text=Kept: a surprise.")
        page.screenshot(path=tmp_path / "surprise.png")
        noted = (project / "course/progress.txt").read_text("utf-8").splitlines()
        assert {"00 guess 1 one thread", "00 surprised 1"} <= set(noted)
        page.close()
