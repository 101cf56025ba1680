"""JupyterLab starts where the home folder can't be written, as in some containers."""

import os
import sys
import urllib.request
from pathlib import Path

from tests.browser.lab import copy_of_the_project
from tests.jupyter_server import jupyter_server

FOLDERS = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")


def test_without_a_home_to_write_to_the_course_opens_all_the_same(tmp_path: Path) -> None:
    project = copy_of_the_project(tmp_path)
    home = tmp_path / "home"
    home.write_text("a file: nothing can be written below it, not even by root")
    environment = {name: value for name, value in os.environ.items() if name not in FOLDERS}
    environment |= {"HOME": str(home / "folder"), "TMPDIR": str(tmp_path)}
    environment |= {"PYTHONPATH": str(project)}
    command = [sys.executable, "-m", "socketlab", "lab", "--IdentityProvider.token="]
    with jupyter_server(command, tmp_path, environment, project) as told:
        with urllib.request.urlopen(told["url"], timeout=30) as page:
            assert page.url.endswith("/lab/tree/notebooks/00_target.ipynb")
        assert f"Nothing can be written to {home / 'folder'}" in (tmp_path / "log").read_text()
