"""`socketlab author verify`, for a teacher who has changed an exercise."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from socketlab.authoring.verify import broken, keep
from tests import PROGRAM_SECONDS

ROOT = Path(__file__).parents[2]
CHAPTER = "04_udp_server"


@pytest.fixture
def project(tmp_path):
    for folder in ("solutions", "exercises"):
        shutil.copytree(ROOT / folder / CHAPTER, tmp_path / folder / CHAPTER)
    return tmp_path


def change(project, folder, cell, old, new):
    """Change the source of a cell, or with `old` None put `new` in its place."""
    path = project / folder / CHAPTER / f"{CHAPTER}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    [place] = (one for one in notebook.cells if one.id == cell)
    assert old is None or old in place.source
    place.source = new if old is None else place.source.replace(old, new)
    nbformat.write(notebook, path)


@pytest.mark.timeout(900)
def test_a_sensible_change_keeps_the_promises(tmp_path):
    """Other points, another number in a text, other words in a docstring."""
    made = shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*_cache", "course", "site")
    project = tmp_path / "project"
    shutil.copytree(ROOT, project, ignore=made)
    chapter = "03_tcp_server"
    notebook, words = f"{chapter}/{chapter}.ipynb", ("Serves on the", "Serve visitors on the")
    changes = {
        "socketlab/exercises/tcp_server.toml": (', 2, "', ', 3, "'),
        f"solutions/{notebook}": words,
        f"exercises/{notebook}": words,
    }
    for name, (old, new) in changes.items():
        text = (project / name).read_text("utf-8")
        assert old in text
        text = text.replace(old, new, 1).replace(" minutes.*", "5 minutes.*")
        (project / name).write_text(text, "utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "socketlab", "author", "verify", chapter],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project), "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=PROGRAM_SECONDS,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert (
        f"{chapter}: our solution passes each check, the blank exercise fails each." in run.stdout
    )


@pytest.mark.timeout(900)
def test_each_broken_promise_is_told_with_its_check(project):
    """In words, with what the check says, and nothing about what is as it should be."""
    change(project, "solutions", "answer-04-1", "else 0x8003", "else 0x0003")
    change(project, "exercises", "answer-04-4", None, answer(project, "answer-04-4"))
    told = "\n\n".join(broken(CHAPTER, project))
    assert "Our solution must pass 04.1 " in told and "✗ 04.1 " in told
    assert "The blank exercise must fail 04.4 " in told
    assert "\x1b" not in told and "04.2" not in told and "04.3" not in told
    change(project, "exercises", "setup", None, "")
    change(project, "exercises", "answer-04-4", None, "import antigravity_or_so")
    change(project, "exercises", first_check(project), "from socketlab import check", "")
    told = "\n\n".join(broken(CHAPTER, project))
    assert "breaks where it should fail.\n" in told and "NameError" in told


def answer(project, cell):
    notebook = nbformat.read(project / "solutions" / CHAPTER / f"{CHAPTER}.ipynb", as_version=4)
    return next(one.source for one in notebook.cells if one.id == cell)


def first_check(project):
    notebook = nbformat.read(project / "exercises" / CHAPTER / f"{CHAPTER}.ipynb", as_version=4)
    return next(one.id for one in notebook.cells if one.id.startswith("check-"))


def test_what_can_be_seen_without_a_kernel_is_told_at_once(project, monkeypatch, capsys):
    """Exercises that are older than their solutions, and a chapter that there is not."""
    path = project / "exercises" / CHAPTER / f"{CHAPTER}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.remove(next(one for one in notebook.cells if one.id.startswith("check-04-1")))
    nbformat.write(notebook, path)
    [told] = broken(CHAPTER, project)
    assert "is older than" in told and "socketlab author exercises" in told
    assert keep(["12_capstone"]) == 2
    assert (
        "'12_capstone' is no chapter with checks. There are: 01_sockets" in capsys.readouterr().err
    )


def test_a_check_that_no_cell_calls_and_a_cell_that_never_ends_are_told(project, monkeypatch):
    monkeypatch.setattr("socketlab.authoring.verify.SECONDS", 3)
    for folder in ("solutions", "exercises"):
        path = project / folder / CHAPTER / f"{CHAPTER}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = [one for one in notebook.cells if not one.id.startswith("check-04-4")]
        nbformat.write(notebook, path)
    change(project, "solutions", "setup", None, "while True: pass")
    told = "\n".join(broken(CHAPTER, project))
    assert 'Add one: check("04.4", part="' in told
    assert "solutions/04_udp_server doesn't run to its end." in told
