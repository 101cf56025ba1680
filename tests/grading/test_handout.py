"""`socketlab handout`: what learners need, nothing of the teacher's, and no answer of ours."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from socketlab import project
from socketlab.__main__ import main

ROOT = Path(__file__).parents[2]
MADE = shutil.ignore_patterns(
    *(".git", ".venv*", "__pycache__", "*.egg-info", ".*_cache", ".hypothesis", "course", "site"),
    *("grades", "submitted", "build", ".ipynb_checkpoints"),
)
SECRET = """\
from socketlab.grading.hidden import hidden_check

@hidden_check("03.1", topic="secret", points=2)
def check(ActivatedServer): ...
"""


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """Return a copy of the project as somebody has it who has unpacked an archive."""
    copy = tmp_path / "project"
    shutil.copytree(ROOT, copy, ignore=MADE)
    monkeypatch.setattr(project, "PROJECT", copy)
    return copy


@pytest.fixture
def clone(archive):
    git(archive, "init", "-q")
    git(archive, "add", "-A")
    return archive


def git(folder, *words):
    if shutil.which("git") is None:
        pytest.skip("There is no git here.")
    subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True, timeout=60)


def hand_out(project):
    """Return the exit status, and the files in the zip with what is in them."""
    target = project.parent / "course.zip"
    status = main(["handout", str(target)])
    if not target.exists():
        return status, {}
    with zipfile.ZipFile(target) as zipped:
        names = zipped.namelist()
        assert all(name.startswith("minisocketserver/") for name in names)
        found = {name.removeprefix("minisocketserver/"): zipped.read(name) for name in names}
    target.unlink()
    return status, found


def test_a_clone_and_an_archive_hand_out_the_same(clone, capsys):
    """All that is taken is in both, and nothing that answers an exercise."""
    status, from_clone = hand_out(clone)
    said = capsys.readouterr().out
    assert status == 0 and "no solutions" in said
    shutil.rmtree(clone / ".git")
    assert hand_out(clone) == (0, from_clone)
    for name in (
        "Makefile",
        "start",
        "notebooks/03_tcp_server.ipynb",
        "socketlab/notebook/controls.py",
    ):
        assert name in from_clone
    tops = {name.partition("/")[0] for name in from_clone}
    assert not tops & {"solutions", "TEACHING.md", "benchmarks", "tools"}
    for name in ("solutions", "TEACHING.md", "tests (in part)", "classroom (in part)"):
        assert name in said
    assert not [name for name in from_clone if name.startswith("tests/exercises")]


def test_the_first_page_leads_nowhere_that_is_not_handed_out(archive):
    """What a link said stays; an image has its words."""
    _, found = hand_out(archive)
    page = found["README.md"].decode()
    targets = re.findall(r"\]\(([^)]+)\)", page)
    assert "images/chapter.png" in targets and "LICENSE" in targets
    assert not {target for target in targets if "://" not in target} - found.keys()
    assert "\nTEACHING.md: hand out the exercises" in page


def test_packages_are_handed_out_whole(clone):
    """A new kind of file in one of them has to be named among those that are taken."""
    _, found = hand_out(clone)
    folders = ("minisocketserver", "socketlab", "harbour", "exercises", "notebooks", "pages")
    command = ["git", "-C", clone, "ls-files", *folders, "images", "tests/conformance"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not set(listed.stdout.splitlines()) - found.keys()


def test_nothing_that_is_the_teacher_s_own_is_taken_along(clone, capsys):
    """Beside the course's files, in a clone and in an archive, and hidden checks even if added."""
    own = {
        "socketlab/checks/my_checks.py": SECRET,
        "my_checks.py": SECRET,
        "exercises/03_tcp_server/03_mine.ipynb": "{}",
        "exercises/03_tcp_server/notes.txt": "mine",
        "classroom/my_checks.py": SECRET,
        "grades/hidden.csv": "x",
        ".secret": "x",
    }
    for name, text in own.items():
        (clone / name).parent.mkdir(exist_ok=True)
        (clone / name).write_text(text)
    (clone / "socketlab" / "plan.py").write_text("x = 1")
    status, found = hand_out(clone)
    assert status == 0 and not found.keys() & {*own, "socketlab/plan.py"}
    assert "as git doesn't know it (git add): socketlab/checks/my_checks.py" in (
        capsys.readouterr().out
    )
    git(clone, "add", "-Af")
    status, found = hand_out(clone)
    assert status == 0 and not found.keys() & own.keys() and "socketlab/plan.py" in found
    assert "as hidden checks are in it: socketlab/checks/my_checks.py" in capsys.readouterr().out
    shutil.rmtree(clone / ".git")
    assert not hand_out(clone)[1].keys() & own.keys()


def leak(project, name, text):
    path = project / name
    if name.endswith(".ipynb"):
        notebook = json.loads(path.read_text("utf-8"))
        notebook["cells"].append({"cell_type": "code", "metadata": {}, "outputs": []} | text)
        path.write_text(json.dumps(notebook))
    else:
        path.write_text(path.read_text("utf-8") + text)


def answer(number):
    return project.answer_cell(ROOT / "solutions", number)


@pytest.mark.parametrize("number", ["01.2", "03.2", "05.4", "10.3"])
def test_an_answer_in_any_file_is_found(number, archive, capsys):
    """In code, indented and with comments; in a notebook's cell or in what a cell printed."""
    source = answer(number)
    printed = {"output_type": "stream", "name": "stdout", "text": source.splitlines(True)}
    leaks = {
        "socketlab/notebook/controls.py": "\nif 0:\n"
        + "".join(f"    {s}\n" for s in source.splitlines()),
        "README.md": source.replace("\n", "\n\n"),
        "notebooks/01_sockets.ipynb": {"source": source},
        "exercises/01_sockets/01_sockets.ipynb": {"source": "x", "outputs": [printed]},
    }
    for name, text in leaks.items():
        before = (archive / name).read_bytes()
        leak(archive, name, text)
        assert hand_out(archive) == (1, {})
        said = capsys.readouterr().err
        assert f"Our answer to {number} is in minisocketserver/{name}" in said
        (archive / name).write_bytes(before)
    assert hand_out(archive)[0] == 0


def test_solutions_in_the_place_of_exercises_are_found(archive, capsys):
    name = "03_tcp_server/03_tcp_server.ipynb"
    shutil.copy(archive / "solutions" / name, archive / "exercises" / name)
    assert hand_out(archive) == (1, {})
    assert "socketlab author exercises" in capsys.readouterr().err


@pytest.mark.timeout(900)
def test_what_learners_get_works(clone, tmp_path):
    """The course is made, an exercise is checked, our solution is not to be had."""
    target = tmp_path / "course.zip"
    assert main(["handout", str(target)]) == 0
    subprocess.run([sys.executable, "-m", "zipfile", "-e", target, tmp_path / "got"], check=True)
    project = tmp_path / "got" / "minisocketserver"
    assert "socketlab" in run(project, "-m", "socketlab", "course", "course")
    paths = [*(project / "course" / "exercises").glob("*/exercises_*.ipynb")]
    assert len(paths) == 12 and (project / "course" / "notebooks" / "START.md").is_file()
    [path] = (path for path in paths if "03_tcp_server" in path.name)
    notebook = json.loads(path.read_text("utf-8"))
    [cell] = (cell for cell in notebook["cells"] if cell["id"] == "answer-03-1")
    assert run(project, "-m", "socketlab", "check", "03.1", status=1)
    cell["source"] = answer("03.1")
    path.write_text(json.dumps(notebook))
    assert "✓ 03.1" in run(project, "-m", "socketlab", "check", "03.1")
    ask = "import socketlab; socketlab.solution('03.1', give_up=True)"
    assert "comes without our solutions" in run(project, "-c", ask, status=1)
    suite = ("-m", "pytest", "-p", "no:cacheprovider", "tests/conformance", "--collect-only")
    assert "tests collected" in run(project, *suite)  # those that chapter 09 and the capstone run
    again = ("-m", "socketlab", "handout", "again.zip")
    assert "this is a hand-out already" in run(project, *again, status=1)


def run(project, *words, status=0):
    environment = os.environ | {"PYTHONPATH": str(project), "PYTHONUTF8": "1"}
    finished = subprocess.run(
        [sys.executable, *words],
        cwd=project,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=90,
    )
    assert finished.returncode == status, finished.stdout + finished.stderr
    return finished.stdout + finished.stderr + "socketlab"


def test_no_file_is_written_over(archive, tmp_path, capsys):
    (tmp_path / "course.zip").write_text("mine")
    assert main(["handout", str(tmp_path / "course.zip")]) == 1
    assert (tmp_path / "course.zip").read_text() == "mine"
    assert "is there already, and stays as it is" in capsys.readouterr().err
    assert main(["handout", str(tmp_path / "none" / "course.zip")]) == 1
    assert "No such file" in capsys.readouterr().err


def test_a_clone_that_git_does_not_read_is_not_guessed_at(clone, capsys, monkeypatch):
    """As it refuses a folder that belongs to another user; or where there is no git."""
    (clone / ".git" / "HEAD").write_text("broken")
    assert hand_out(clone) == (1, {})
    assert "Git doesn't say which files are the course's own" in capsys.readouterr().err
    monkeypatch.setenv("PATH", "")
    assert hand_out(clone) == (1, {})
    assert "No such file" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows makes no links for everybody.")
def test_a_missing_file_or_a_link_is_told(clone, capsys):
    (clone / "start").unlink()
    assert hand_out(clone) == (1, {})
    assert "start is missing, or a link" in capsys.readouterr().err
    (clone / "start").symlink_to("/etc/passwd")
    assert hand_out(clone) == (1, {})
