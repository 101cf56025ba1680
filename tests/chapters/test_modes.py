"""A chapter prints and draws the same, whatever its surroundings ask of Python and libraries."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from socketlab.authoring.chapters import chapters, read
from socketlab.authoring.lint import code_cells, streams, tags
from socketlab.kernels import execute
from socketlab.ship.example import EXPECTED
from tests import PROGRAM_SECONDS

NOWHERE = "http://127.0.0.1:9"
ASKED = {
    "PYTHONOPTIMIZE": "2",
    "PYTHONWARNINGS": "error",
    "MPLBACKEND": "agg",
    "FORCE_COLOR": "1",
    "http_proxy": NOWHERE,
    "https_proxy": NOWHERE,
    "all_proxy": NOWHERE,
}
NO_NAME = "This machine has no name localhost"
NO_LOCALHOST = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'


@pytest.fixture
def odd(tmp_path: Path) -> dict[str, str]:
    """Return surroundings whose kernel `odd` has no `localhost`."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 another\n")
    apart = ["unshare", "--mount", "bash", "-c", NO_LOCALHOST, "-", str(hosts)]
    tried = subprocess.run(
        [*apart, "true"], capture_output=True, text=True, timeout=PROGRAM_SECONDS
    )
    if tried.returncode:
        pytest.skip(f"only root may have other names: {tried.stderr}")
    command = [*apart, sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = tmp_path / "kernels" / "odd" / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps({"argv": command, "display_name": "odd", "language": "python"}))
    return os.environ | ASKED


def drawn(cell: Any) -> bool:
    """Is there a picture, or a widget that holds one?"""
    kinds = [kind for out in cell.outputs for kind in out.get("data", ())]
    return any(kind.startswith("image/") or "widget" in kind for kind in kinds)


@pytest.mark.thorough
@pytest.mark.parametrize("chapter", chapters(), ids=lambda path: path.stem)
def test_odd_surroundings_change_nothing(
    chapter: Path, odd: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    folder = tmp_path / "a folder: Zoë's"
    folder.mkdir()
    for name in ("random", "socketserver"):
        (folder / f"{name}.py").write_text("raise RuntimeError('a scratch file of the learner')")
    committed, notebook = read(chapter), read(chapter)
    # Raises where a cell does, other than on purpose.
    execute(notebook, odd, kernel_name="odd", resources={"metadata": {"path": str(folder)}})
    for before, now in zip(code_cells(committed), code_cells(notebook), strict=True):
        prints = streams(now, "stdout")
        same = prints == streams(before, "stdout") or "nbval-ignore-output" in tags(now)
        assert same or NO_NAME in prints, f"prints {prints!r}:\n{now.source}"
        assert drawn(now) == drawn(before), now.source
    assert prints == EXPECTED
    assert any(NO_NAME in streams(cell, "stdout") for cell in code_cells(notebook)) == (
        chapter.stem == "09_assembled"
    )


@pytest.mark.thorough
@pytest.mark.parametrize("chapter", ["06_threading_mixin", "08_handlers"])  # these draw
def test_a_home_that_nobody_can_write_to_changes_nothing(chapter: str, tmp_path: Path) -> None:
    [path] = [one for one in chapters() if one.stem == chapter]
    committed, notebook = read(path), read(path)
    surroundings = os.environ | {"HOME": os.devnull}
    execute(notebook, surroundings, resources={"metadata": {"path": str(tmp_path)}})
    for before, now in zip(code_cells(committed), code_cells(notebook), strict=True):
        if "nbval-ignore-output" not in tags(now):
            assert streams(now, "stdout") == streams(before, "stdout"), now.source
        assert drawn(now) == drawn(before), now.source
