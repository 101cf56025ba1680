"""Each chapter, as a learner sees it: JupyterLab in a browser, all cells run."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from socketlab.example import EXPECTED

ROOT = Path(__file__).parents[2]
CHAPTERS = ["00_target.ipynb", "06_threading_mixin.ipynb", "09_assembled.ipynb"]
"""One of each kind: Mermaid alone; plots and controls; a page in a frame. nbval runs them all."""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DEADLINE = 60_000
"""Milliseconds for anything the browser waits for, a whole chapter included."""

pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None, reason="There is no chromium here: install Debian's package chromium."
    ),
    pytest.mark.timeout(240),
]

PICTURE = ".jp-RenderedSVG, .jp-RenderedImage img, .jp-RenderedMermaid img, .jp-OutputArea svg"


def git_status() -> str:
    command = ["git", "-C", str(ROOT), "status", "--porcelain"]
    return subprocess.run(command, capture_output=True, text=True, timeout=30).stdout


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a fresh copy of the course as `make lab` does; give JupyterLab's address."""
    home = tmp_path_factory.mktemp("lab")
    project = home / "project"
    for folder in ("minisocketserver", "socketlab", "notebooks"):
        shutil.copytree(ROOT / folder, project / folder)
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "PYTHONPATH": str(project),
    }
    options = ["--no-browser", "--port=0", "--ip=127.0.0.1", "--IdentityProvider.token=let"]
    options += ["--LabApp.expose_app_in_browser=True"]
    server = subprocess.Popen(
        [sys.executable, "-m", "socketlab", "lab", *options],
        cwd=project,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=(home / "log").open("wb"),
        start_new_session=True,
    )
    try:
        end = time.monotonic() + 60
        while not (running := list((home / "runtime").glob("jpserver-*.json"))):
            assert server.poll() is None, (home / "log").read_text()
            assert time.monotonic() < end, (home / "log").read_text()
            time.sleep(0.1)
        yield json.loads(running[0].read_text())["url"]
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait(20)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


READY = """chapter => {
    const panel = window.jupyterapp?.shell?.currentWidget;
    return panel?.context?.path === 'notebooks/' + chapter && panel.sessionContext.isReady;
}"""

RUN_ALL = "() => window.jupyterapp.commands.execute('notebook:run-all-cells')"

# The command returns at the first cell that raises, on purpose or not, while the rest goes on.
HAS_RUN = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    const code = panel.content.widgets.filter(cell => cell.model.type === 'code');
    const idle = panel.sessionContext.session.kernel.status === 'idle';
    return idle && code.every(cell => cell.model.executionCount !== null);
}"""

SAVED = """async () => {
    const panel = window.jupyterapp.shell.currentWidget;
    await panel.context.save();
    return panel.content.widgets.map(cell => cell.model.toJSON());
}"""

SHOW = """index => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = index;
    return notebook.scrollToItem(index, 'start');
}"""


def visible(page: Any, selector: str) -> None:
    """Wait until one of the elements is in sight: JupyterLab hides the cells that are not."""
    page.locator(selector).filter(visible=True).first.wait_for()


def texts(cell: dict[str, Any]) -> str:
    return "".join("".join(out.get("text", "")) for out in cell.get("outputs", []))


def fails(cell: dict[str, Any]) -> bool:
    return any(out["output_type"] == "error" for out in cell.get("outputs", []))


def fails_on_purpose(cell: dict[str, Any]) -> bool:
    return "raises-exception" in cell["metadata"].get("tags", [])


def draws(cell: dict[str, Any]) -> bool:
    pictures = {"image/svg+xml", "image/png", "text/vnd.mermaid"}
    in_output = any(pictures & set(out.get("data", {})) for out in cell.get("outputs", []))
    return in_output or "```mermaid" in "".join(cell["source"])


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_runs_in_the_browser(
    lab: str, browser: Any, chapter: str, tmp_path: Path
) -> None:
    before = git_status()
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(DEADLINE)
    try:
        # JupyterLab would open the chapter of the last test again, and may put it in front.
        page.goto(f"{lab}lab/tree/notebooks/{chapter}?token=let&reset")
        page.wait_for_function(READY, arg=chapter)
        page.evaluate(RUN_ALL)
        page.wait_for_function(HAS_RUN)
        cells = page.evaluate(SAVED)
        assert not [cell for cell in cells if fails(cell) and not fails_on_purpose(cell)]
        code = [number for number, cell in enumerate(cells) if cell["cell_type"] == "code"]
        assert texts(cells[code[-1]]) == EXPECTED
        page.evaluate(SHOW, code[-1])
        visible(page, ".jp-OutputArea-output >> text=Server loop running in thread")
        page.screenshot(path=tmp_path / "last_cell.png")
        drawn = [number for number, cell in enumerate(cells) if draws(cell)]
        assert drawn, "the chapter has no picture"
        page.evaluate(SHOW, drawn[0])
        visible(page, PICTURE)
        page.screenshot(path=tmp_path / "picture.png")
        assert page.locator(".jp-Notification-Toast, .Toastify__toast").count() == 0
        assert git_status() == before
    finally:
        page.close()


def test_the_start_page_shows_the_route_and_leads_to_a_chapter(
    lab: str, browser: Any, tmp_path: Path
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(DEADLINE)
    try:
        page.goto(f"{lab}lab/tree/notebooks/START.md?token=let&reset")
        visible(page, ".jp-MarkdownViewer h1:has-text('The route')")
        visible(page, ".jp-MarkdownViewer .jp-RenderedMermaid img")
        page.screenshot(path=tmp_path / "start.png")
        page.locator(".jp-MarkdownViewer td a", has_text="01 Sockets").click()
        page.wait_for_function(READY, arg="01_sockets.ipynb")
    finally:
        page.close()
