"""A learner's JupyterLab, as `make lab` starts it, for a browser."""

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.jupyter_server import jupyter_server

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DEADLINE = 60_000
"""Milliseconds for anything the browser waits for, a whole chapter included."""

NEEDS_CHROMIUM = pytest.mark.skipif(
    CHROMIUM is None, reason="There is no chromium here: install Debian's package chromium."
)

PANEL_OF = """
window.panelOf = path => [...window.jupyterapp?.shell?.widgets('main') ?? []].find(
    panel => panel.context?.path === path);
"""

OPEN = """path => {
    window.jupyterapp.commands.execute('docmanager:open', {path});
}"""

READY = """path => {
    const panel = window.panelOf(path);
    return panel?.sessionContext.isReady && window.jupyterapp.shell.currentWidget === panel;
}"""


def copy_of_the_project(folder: Path) -> Path:
    """Return a project in `folder` whose course nobody has worked in."""
    project = folder / "project"
    for name in ("minisocketserver", "socketlab", "harbour", "notebooks", "exercises"):
        shutil.copytree(ROOT / name, project / name)
    return project


@contextlib.contextmanager
def jupyterlab(project: Path) -> Iterator[str]:
    """Serve the project's course as `make lab` does; give JupyterLab's address.

    What JupyterLab remembers of open tabs lasts from one start to the next. It saves nothing by
    itself: a test that saves at that very moment would be asked which of the two is to stay.
    """
    settings = project.parent / "config/lab/user-settings/@jupyterlab/docmanager-extension"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "plugin.jupyterlab-settings").write_text('{"autosave": false}')
    runtime = project.parent / f"runtime-{time.monotonic_ns()}"
    runtime.mkdir()
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(project.parent / "config"),
        "JUPYTER_DATA_DIR": str(project.parent / "data"),
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "PYTHONPATH": str(project),
    }
    command = [sys.executable, "-m", "socketlab", "lab", "--IdentityProvider.token=let"]
    command += ["--LabApp.expose_app_in_browser=True"]
    with jupyter_server(command, runtime, environment, project) as told:
        yield told["url"]


def new_page(browser: Any) -> Any:
    """Return a page of a browser that has never seen JupyterLab."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(DEADLINE)
    page.add_init_script(PANEL_OF)
    return page


def visible(page: Any, selector: str) -> None:
    """Wait until one of the elements is in sight: JupyterLab hides the cells that are not."""
    page.locator(selector).filter(visible=True).first.wait_for()
