"""What we start is not in the way of a learner's files, and speaks UTF-8, whatever the locale."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from socketlab import project
from socketlab.exercises import find
from socketlab.kernels import execute
from socketlab.learner import terminal
from socketlab.learner.course import refresh
from socketlab.notebook.fresh_python import fresh
from socketlab.python_path import search_path
from socketlab.ship.suites import is_shipped, run
from tests import PROGRAM_SECONDS

ROOT = project.PROJECT
NAMES = ("socketserver", "random", "test", "queue", "selectors", "tempfile", "json", "logging")
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A learner's folder, with files that are called as modules of Python's are."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('my notes')\n", encoding="utf-8")
    (tmp_path / "helper.py").write_text("answer = 42\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def beside(folder, monkeypatch):
    """The same, and what lies there can be imported, as in a kernel."""
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    return folder


def python(*words, **environment):
    """Run a Python in the current folder; return its exit status and its output."""
    run = subprocess.run(
        [sys.executable, *words],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=PROGRAM_SECONDS,
    )
    return run.returncode, run.stdout.decode(errors="replace")


ELSEWHERE = [
    ("cells.py", "subprocess.Popen"),  # a cell's commands, which are for a shell
    *[("exercises/forking_mixin.py", "os.fork")] * 2,  # what the chapter is about
    ("exercises/handlers.py", "multiprocessing.connection.Client"),  # it starts none
    ("exercises/pool_and_drain.py", "os.fork"),  # a program that gets a signal
    ("exercises/tcp_server.py", "os.fork"),  # a program as systemd starts it
    *[("exercises/tcp_server.py", f"subprocess.{name}") for name in ("Popen", "run")],  # curl
    ("exercises/udp_server.py", "subprocess.run"),  # dig
    ("exercises/unix_servers.py", "subprocess.run"),  # a visitor who is asked for
    ("grading/handout.py", "subprocess.run"),  # git
    ("grading/home_folders.py", "os.fork"),
    ("grading/judge.py", "os.fork"),
    ("learner/start.py", "os.execv"),  # the course's own Python, in place of this one
    *[("learner/start.py", "subprocess.run")] * 2,  # uv or pip; on Windows the same as execv
    *[("sandbox/forkserver.py", "os.fork")] * 2,
    ("sandbox/forkserver.py", "os.posix_spawn"),  # cat
    ("sandbox/forkserver.py", "subprocess.run"),  # chmod and rm
]
"""Where files start processes themselves: forks, and programs that aren't Pythons."""
PACKAGE = ROOT / "socketlab"
STARTS = re.compile(
    r"os\.(fork\w*|system|popen|exec\w+|(posix_)?spawn\w*)"
    r"|subprocess\.(Popen|run|call|check_\w+|get\w+)"
    r"|multiprocessing\b.*|.*\bProcessPoolExecutor"
)


def starts_in(path):
    """Yield the names in a file by which processes are started, called or imported."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Attribute | ast.Name):
            names = [ast.unparse(node)]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{one.name}" for one in node.names]
        elif isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        yield from filter(STARTS.fullmatch, names)


def test_other_pythons_are_started_in_one_place():
    paths = set(PACKAGE.rglob("*.py")) - {PACKAGE / "processes.py"}
    found = [
        (path.relative_to(PACKAGE).as_posix(), name) for path in paths for name in starts_in(path)
    ]
    assert sorted(found) == ELSEWHERE


def python_s_own():
    import queue
    import random
    import socketserver

    return [Path(module.__file__).parent for module in (queue, random, socketserver)]


def helper():
    from importlib import import_module

    return import_module("helper").answer


def speak():
    print("a middle dot: \u00b7")


def test_a_new_python_finds_its_own_modules_and_the_learner_s(beside):
    assert fresh(python_s_own, deadline=60) == [Path(os.__file__).parent] * 3
    assert fresh(helper, deadline=60) == 42


def test_the_folder_stands_behind_the_standard_library(folder):
    here = str(folder)
    assert search_path(["", "lib", "site-packages"]) == ["lib", "", "site-packages"]
    assert search_path([here, "lib"]) == ["lib", here]
    assert search_path(["lib"]) == ["lib"]


def test_a_deleted_folder_is_no_trouble(folder):
    shutil.rmtree(folder)
    assert search_path(["", "lib"]) == ["lib", ""]


@pytest.mark.parametrize("command", ["doctor", "list", "--help"])
def test_commands_run_beside_such_files(folder, command):
    status, said = python("-m", "socketlab", command, PYTHONPATH=str(ROOT))
    assert status == 0, said
    assert "Traceback" not in said


def test_a_test_py_is_not_taken_for_cpython_s_tests(beside, monkeypatch):
    there = is_shipped("test_socketserver")
    monkeypatch.setattr(os, "__file__", str(beside / "os.py"))
    assert not is_shipped("test_socketserver")
    monkeypatch.undo()
    assert is_shipped("test_socketserver") == there


@pytest.mark.skipif(not is_shipped("test_docxmlrpc"), reason="This Python has no tests.")
def test_cpython_s_suites_run_beside_such_files(beside):
    assert run("test_docxmlrpc").verdict == "passed"


@pytest.mark.parametrize(
    "environment",
    [C_LOCALE, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "cp1252"}],
    ids=["C", "ascii", "cp1252"],
)
def test_a_new_python_speaks_whatever_the_locale(tmp_path, environment):
    (tmp_path / "program.py").write_text(
        "from socketlab import fresh\ndef speak(): print('a middle dot: \\u00b7 \\u2713')\n"
        "fresh(speak, deadline=60)\n",
        encoding="utf-8",
    )
    status, said = python(str(tmp_path / "program.py"), PYTHONPATH=str(ROOT), **environment)
    assert status == 0, said
    assert said.startswith("a middle dot: ") and said.strip().endswith("+")


def test_what_a_new_python_says_comes_through(capsys, monkeypatch):
    for name, value in (C_LOCALE | {"PYTHONIOENCODING": "ascii"}).items():
        monkeypatch.setenv(name, value)
    fresh(speak, deadline=60)
    assert capsys.readouterr().out == "a middle dot: \u00b7\n"


@pytest.mark.thorough
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["notebooks", "solutions/07_forking_mixin"])
def test_a_notebook_runs_beside_such_files(folder, name):
    """The chapter that starts most Pythons, and its exercises with right answers and checks."""
    notebook = nbformat.read(ROOT / name / "07_forking_mixin.ipynb", as_version=4)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    execute(notebook, environment, resources={"metadata": {"path": str(folder)}})


@pytest.fixture
def solved(tmp_path):
    """A course in which the exercises of chapter 03 are done."""
    for part in ("exercises", "notebooks"):
        (tmp_path / part).symlink_to(ROOT / part)
    refresh(tmp_path, tmp_path / "course")
    [path] = (tmp_path / "course" / "exercises" / "03_tcp_server").glob("*.ipynb")
    book = nbformat.read(path, as_version=4)
    solution = project.answer_cell(ROOT / "solutions", "03.2")
    next(cell for cell in book.cells if cell.id == "answer-03-2").source = solution
    book.metadata["kernelspec"] = {"name": "conda-env-net-py", "display_name": "net"}
    nbformat.write(book, path)
    return tmp_path


def test_a_notebook_of_another_kernel_runs_in_this_python_s(solved, capsys, monkeypatch):
    monkeypatch.chdir(solved)
    assert terminal.run("check", "03.2", solved) == 0
    said = capsys.readouterr().out
    assert "saved with a kernel called 'conda-env-net-py'" in said
    assert said.count("✓ 03.2 ") == len(find("03.2").checks)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_without_our_signs_gets_plainer_ones(solved, encoding):
    program = "import sys; from pathlib import Path; from socketlab.output import *; "
    program += "from socketlab.learner.terminal import run; take_plainer_signs(sys.stdout); "
    program += f"sys.exit(run('check', '03.2', Path({str(solved)!r})))"
    status, said = python("-c", program, PYTHONIOENCODING=encoding, PYTHONPATH=str(ROOT))
    assert status == 0, said
    assert said.count("+ 03.2 ") == len(find("03.2").checks)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_check_in_a_plain_script_does_so_as_well(tmp_path, encoding):
    script = tmp_path / "mine.py"
    answer = project.answer_cell(ROOT / "solutions", "04.1")
    script.write_text(f"{IMPORT}{answer}{CHECK}", encoding="utf-8")
    status, said = python(str(script), PYTHONIOENCODING=encoding, PYTHONPATH=str(ROOT))
    assert status == 0, said
    assert said.startswith("+ 04.1 ") and "Hint 1 of 3 for 04.1: " in said


IMPORT = """\
import socket, struct
from contextlib import suppress
from minisocketserver import UDPServer
"""
CHECK = """
from socketlab import check, hint, progress, solution
check("04.1")
solution("04.1")
hint("04.1")
progress()
"""
