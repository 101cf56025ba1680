"""Each chapter, as a learner sees it: JupyterLab in a browser, all cells run."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from socketlab.example import EXPECTED

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted(path.name for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DEADLINE = 100_000
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
    """Serve a fresh copy of the course as `make lab` does; give the address of the notebooks."""
    home = tmp_path_factory.mktemp("lab")
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "PYTHONPATH": str(ROOT),
    }
    for folder in ("minisocketserver", "socketlab", "notebooks"):
        (home / "project").mkdir(exist_ok=True)
        shutil.copytree(ROOT / folder, home / "project" / folder)
    environment["PYTHONPATH"] = str(home / "project")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    options = ["--no-browser", f"--port={port}", "--ip=127.0.0.1", "--IdentityProvider.token=let"]
    options += ["--LabApp.expose_app_in_browser=True", "--ServerApp.port_retries=0"]
    server = subprocess.Popen(
        [sys.executable, "-m", "socketlab", "lab", *options],
        cwd=home / "project",
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=(home / "log").open("wb"),
        start_new_session=True,
    )
    try:
        end = time.monotonic() + 60
        while b"is running at" not in (home / "log").read_bytes():
            assert server.poll() is None, (home / "log").read_text()
            assert time.monotonic() < end, (home / "log").read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/lab/tree/notebooks/"
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


RUN_ALL = """async () => {
    const panel = window.jupyterapp.shell.currentWidget;
    await panel.sessionContext.ready;
    await window.jupyterapp.commands.execute('notebook:run-all-cells');
    await panel.context.save();
    return panel.content.widgets.map(cell => cell.model.toJSON());
}"""

SHOW = """index => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = index;
    return notebook.scrollToItem(index, 'start');
}"""


def texts(cell: dict[str, Any]) -> str:
    return "".join("".join(out.get("text", "")) for out in cell.get("outputs", []))


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
        page.goto(f"{lab}{chapter}?token=let")
        page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
        page.wait_for_function("window.jupyterapp.shell.currentWidget?.sessionContext?.isReady")
        cells = page.evaluate(RUN_ALL)
        errors = [out for cell in cells for out in cell.get("outputs", []) if "ename" in out]
        assert not errors, errors
        code = [number for number, cell in enumerate(cells) if cell["cell_type"] == "code"]
        assert texts(cells[code[-1]]) == EXPECTED
        page.evaluate(SHOW, code[-1])
        page.get_by_text(re.compile("Server loop running in thread")).last.wait_for()
        page.screenshot(path=tmp_path / "last_cell.png")
        drawn = [number for number, cell in enumerate(cells) if draws(cell)]
        assert drawn, "the chapter has no picture"
        page.evaluate(SHOW, drawn[0])
        # JupyterLab opens the tabs of the chapter before again; their pictures are hidden.
        page.locator(PICTURE).locator("visible=true").first.wait_for()
        page.screenshot(path=tmp_path / "picture.png")
        assert page.locator(".jp-Notification-Toast, .Toastify__toast").count() == 0
        assert git_status() == before
    finally:
        page.close()
