"""Without forks, Unix sockets and tables to read, as on Windows, a chapter says so and goes on."""

import os
from pathlib import Path

import pytest

from socketlab.authoring.chapters import NOTEBOOKS, chapters, read
from socketlab.authoring.lint import code_cells, streams, tags, texts
from socketlab.kernels import execute
from socketlab.project import PROJECT
from socketlab.ship.example import EXPECTED

TAKE_AWAY = """\
import _socket, os, pathlib, psutil, sys  # psutil looks for Unix sockets where it finds Linux

del os.fork, os.forkpty, os.register_at_fork
del _socket.AF_UNIX, _socket.socketpair  # without both, socketpair is made as on Windows
del _socket.SO_REUSEPORT
del sys.modules["socket"]
is_dir = pathlib.Path.is_dir
pathlib.Path.is_dir = lambda path, **options: str(path) != "/proc/net" and is_dir(path, **options)
"""
"""Every Python does it when it starts, the kernel's and those that a chapter starts."""

NO_FORK = "This system cannot fork."
NO_UNIX = "This system has no Unix sockets"
NO_SHARING = "This system has no SO_REUSEPORT."
NO_XRAY = "so there's no x-ray here."
SAID = {"03": {NO_UNIX, NO_SHARING, NO_XRAY}, "05": {NO_UNIX}, "07": {NO_FORK}, "08": {NO_UNIX}}
SAID |= {"01": {NO_XRAY}, "04": {NO_XRAY}, "09": {NO_FORK, NO_UNIX}, "10": {NO_FORK}}


@pytest.mark.thorough
@pytest.mark.parametrize("chapter", chapters(), ids=lambda path: path.stem)
def test_a_chapter_says_what_is_missing_and_goes_on(chapter: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(TAKE_AWAY)
    path = [str(tmp_path), str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path)}
    committed, notebook = read(chapter), read(chapter)
    resources = {"metadata": {"path": str(NOTEBOOKS)}}
    # Raises where a cell does, other than on purpose.
    execute(notebook, environment, resources=resources)
    said = set()
    for before, now in zip(code_cells(committed), code_cells(notebook), strict=True):
        prints = streams(now, "stdout")
        missing = (NO_FORK, NO_UNIX, NO_SHARING, NO_XRAY)
        reasons = {reason for reason in missing if reason in texts(now)}
        same = prints == streams(before, "stdout") or "nbval-ignore-output" in tags(now)
        assert same or reasons, f"prints {prints!r} and does not say why:\n{now.source}"
        said |= reasons
    assert said == SAID.get(chapter.stem[:2], set())
    assert prints == EXPECTED
