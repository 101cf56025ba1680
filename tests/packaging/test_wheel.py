"""What the wheel brings, and that it needs no clone: built, installed and used from elsewhere."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from socketlab.project import cells
from tests.jupyter_server import jupyter_server
from tests.own_package import write_places

ROOT = Path(__file__).parents[2]
COPIED = (
    *("minisocketserver", "socketlab", "exercises", "harbour", "notebooks", "solutions"),
    *("tests/conformance", "tests/__init__.py", "tests/conftest.py"),
    *("MANIFEST.in", "CHANGELOG.md", "LICENSE", "README.md"),
    *("pyproject.toml", "requirements.lock", "setup.py"),
)
EXAMPLE = """
import http.server as http, sys, threading, urllib.request
import minisocketserver as socketserver

with socketserver.ThreadingTCPServer(("127.0.0.1", 0), http.SimpleHTTPRequestHandler) as server:
    threading.Thread(target=server.serve_forever).start()
    url = "http://127.0.0.1:%d/" % server.server_address[1]
    with urllib.request.urlopen(url, timeout=9) as page:
        print(page.status, sorted(set(sys.modules) & {"socketlab", "IPython"}))
    server.shutdown()
"""


def run(*command: object, cwd: Path, **settings: str) -> str:
    """Run a command as a user would who has nothing of a clone; return what it prints."""
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=elsewhere(cwd, **settings),
        capture_output=True,
        encoding="utf-8",
        timeout=400,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def elsewhere(home: Path, **settings: str) -> dict[str, str]:
    """Return an environment without ours: no path to the clone, no settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "JUPYTER", "VIRTUAL_ENV", "IPYTHON", "UV"))
    }
    folders = {f"{name}_DIR": str(home / name) for name in ("JUPYTER_CONFIG", "IPYTHON")}
    return {**kept, **folders, "JUPYTER_RUNTIME_DIR": str(home), **settings}


def build(project: Path, out: Path, *options: str, **settings: str) -> Path:
    """Build what the options name, without a network, and return the one new file."""
    before = set(out.iterdir()) if out.is_dir() else set()
    command = (sys.executable, "-m", "uv", "build", "--no-build-isolation", "--offline")
    python = ("--python", sys.executable)
    run(*command, *python, "--quiet", *options, "-o", out, project, cwd=project, **settings)
    [made] = {path for path in out.iterdir() if path.suffix in (".whl", ".gz")} - before
    return made


def copy_project(target: Path) -> Path:
    """Copy what a build needs, so that nothing is built in the clone that is being tested."""
    for name in COPIED:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
            shutil.copytree(ROOT / name, target / name, ignore=ignored)
        else:
            shutil.copyfile(ROOT / name, target / name)
    return target


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution, as the package index has them."""
    folder = tmp_path_factory.mktemp("build")
    archive = build(copy_project(folder / "project"), folder / "dist", "--sdist")
    with tarfile.open(archive) as tar:
        tar.extractall(folder / "unpacked", filter="data")
    [source] = (folder / "unpacked").iterdir()
    return build(source, folder / "dist", "--wheel")


def course_files(wheel: Path) -> set[str]:
    """Return the names of the course's files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        names = (re.match("socketlab/course_files/(.*)", name) for name in archive.namelist())
        return {found[1] for found in names if found}


def test_the_wheel_brings_the_whole_course(wheel: Path) -> None:
    """Chapters, exercises, our solutions, the programs for a terminal, the suite, the lock."""
    folders = ("exercises", "harbour", "notebooks", "solutions", "tests/conformance")
    files = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in files
        if path.suffix in {".ipynb", ".py"} and not any(part[0] == "." for part in path.parts[1:])
    }
    more = {"requirements.lock", "tests/__init__.py", "tests/conftest.py"}
    assert course_files(wheel) == wanted | more


def test_a_school_can_leave_our_solutions_out(tmp_path: Path) -> None:
    """SOLUTIONS=0 builds a wheel with exercises and without our answers."""
    made = build(copy_project(tmp_path / "p"), tmp_path / "dist", "--wheel", SOLUTIONS="0")
    names = course_files(made)
    assert any(name.startswith("exercises/") for name in names)
    assert not any(name.startswith("solutions/") for name in names)


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has the wheel, and nothing besides."""
    home = tmp_path_factory.mktemp("bare")
    run(sys.executable, "-m", "uv", "venv", "--quiet", "--python", sys.executable, home / "venv",
        cwd=home)  # fmt: skip
    python = home / "venv" / "bin" / "python"
    run(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--offline", "--python", python,
        wheel, cwd=home)  # fmt: skip
    return python


def test_alone_it_is_a_library_that_needs_nothing(bare: Path, tmp_path: Path) -> None:
    """A program that names it in place of socketserver serves a page."""
    assert run(bare, "-c", EXAMPLE, cwd=tmp_path) == "200 []\n"


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_the_command_answers_before_anything_is_installed(
    bare: Path, tmp_path: Path, words: list[str]
) -> None:
    """What a command is and which version one has costs no installation."""
    said = run(bare.with_name("minisocketserver"), *words, cwd=tmp_path)
    assert "minisocketserver" in said
    assert not list(tmp_path.glob("*/.venv"))


def test_a_folder_with_other_things_in_it_is_left_alone(bare: Path, tmp_path: Path) -> None:
    """A clone of the project has the very name that we would give to the course."""
    (tmp_path / "minisocketserver").mkdir()
    (tmp_path / "minisocketserver" / "pyproject.toml").touch()
    command = bare.with_name("minisocketserver")
    result = subprocess.run(
        [command], cwd=tmp_path, env=elsewhere(tmp_path), capture_output=True, encoding="utf-8"
    )
    assert result.returncode == 1
    assert "has other files in it" in result.stderr and "my-course" in result.stderr
    assert [path.name for path in (tmp_path / "minisocketserver").iterdir()] == ["pyproject.toml"]


IN_CHAPTER_00 = """
import sys, nbformat
from nbclient import NotebookClient

path = sys.argv[1]
book = nbformat.read(path, 4)
last = next(cell for cell in book.cells if cell.id.startswith("check-00-"))
book.cells = book.cells[: book.cells.index(last) + 1]
NotebookClient(book, timeout=120, resources={"metadata": {"path": sys.argv[2]}}).execute()
"""


def newer(folder: Path) -> Path:
    """Return the wheel of a later version, in which the first three chapters have a new title."""
    project = copy_project(folder / "project")
    config = (project / "pyproject.toml").read_text("utf-8")
    later = re.sub('(?m)^version = ".*"', 'version = "99.0"', config)
    (project / "pyproject.toml").write_text(later, "utf-8")
    for path in project.glob("notebooks/0[0-2]_*.ipynb"):
        book = json.loads(path.read_text("utf-8"))
        book["cells"][0]["source"] = ["# Newer than before"]
        path.write_text(json.dumps(book), "utf-8")
    return build(project, folder / "dist", "--wheel")


def with_uvx(wheel: Path, _: Path) -> list[object]:
    """Return the command that needs nothing but uv."""
    uvx = Path(sys.executable).with_name("uvx")
    return [uvx, "--python", sys.executable, "--from", wheel, "minisocketserver"]


def with_pip(wheel: Path, folder: Path) -> list[object]:
    """Install the wheel with pip, and return the command."""
    tool = folder / "tool"
    if not tool.exists():
        run(sys.executable, "-m", "venv", tool, cwd=folder)
    run(tool / "bin/python", "-m", "pip", "install", "--quiet", wheel, cwd=folder)
    return [tool / "bin/minisocketserver"]


@pytest.mark.thorough
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("way, folder", [(with_uvx, ""), (with_pip, "mein Kurs für Ärzte")])
def test_from_an_empty_folder_to_a_check_that_passes_and_on_to_a_newer_version(
    wheel: Path, way: Callable[[Path, Path], list[object]], folder: str, tmp_path: Path
) -> None:
    """The command makes the course and serves it; what's written stays when a newer one comes."""
    course = tmp_path / (folder or "minisocketserver")
    notebooks = course / "notebooks"
    (runtime := tmp_path / "runtime").mkdir()
    # There's no uv on this path; uvx says by itself where it is.
    environment = elsewhere(tmp_path, PATH=os.defpath, JUPYTER_RUNTIME_DIR=str(runtime))

    @contextlib.contextmanager
    def opened(wheel: Path) -> Iterator[None]:
        command = [str(part) for part in (*way(wheel, tmp_path), *filter(None, [folder]))]
        with jupyter_server(command, runtime, environment, tmp_path, seconds=500) as told:
            assert Path(told["root_dir"]) == course
            address = f"{told['url']}lab/tree/notebooks/00_target.ipynb?token={told['token']}"
            with urllib.request.urlopen(address, timeout=30) as page:
                assert b"JupyterLab" in page.read()
            yield
        for path in runtime.glob("jpserver-*"):
            path.unlink()

    with opened(wheel):
        write_places(course)
    written = cells((notebooks / "00_target.ipynb").read_bytes())
    python, chapter = course / ".venv/bin/python", notebooks / "00_target.ipynb"
    run(python, "-c", IN_CHAPTER_00, chapter, notebooks, cwd=notebooks)
    assert "00 passed" in (course / "progress.txt").read_text("utf-8")
    edited = notebooks / "02_base_server.ipynb"
    edited.write_text(edited.read_text("utf-8").replace("# 02 BaseServer", "# My notes"), "utf-8")

    with opened(newer(tmp_path / "later")):
        new = {path.name: path.read_text("utf-8") for path in notebooks.glob("0*.ipynb")}
    assert "Newer than before" in new["00_target.ipynb"]
    assert "Newer than before" in new["01_sockets.ipynb"]
    assert cells(new["00_target.ipynb"].encode())[1:] == written[1:]
    assert "# My notes" in new["02_base_server.ipynb"]
    assert "Newer than before" in new["02_base_server.new.ipynb"]
    assert "00 passed" in (course / "progress.txt").read_text("utf-8")
