"""`make` runs the Python that was named, or says why not."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import PROGRAM_SECONDS

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="There is no make here.")


def python(path: Path, version: str) -> None:
    """Make a program that tells its version as Python does, and what else it was asked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'#!/bin/sh\n[ "$1" = -V ] && echo Python {version} || echo ran "$@"\n', encoding="utf-8"
    )
    path.chmod(0o755)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose environment is made, with Python 3.12.1."""
    for name in ("pyproject.toml", "requirements.lock", "Makefile"):
        shutil.copy(ROOT / name, tmp_path)
    python(tmp_path / ".venv" / "bin" / "python", "3.12.1")
    for stamp in ("made", "lab"):
        (tmp_path / ".venv" / f"{stamp}.stamp").touch()
    return tmp_path


def make(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "-C", str(project), "--no-print-directory", *arguments]
    ours = [
        "MAKEFLAGS",
        "MFLAGS",
        "MAKEOVERRIDES",
        "MAKELEVEL",
        "PYTHON",
        "ALL",
        "LATEST",
        "LOWEST",
    ]
    clean = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(
        command, env=clean, capture_output=True, encoding="utf-8", timeout=PROGRAM_SECONDS
    )


def test_another_python_than_the_environment_s_is_not_passed_over_in_silence(project: Path) -> None:
    python(project / "newer", "3.13.0")
    done = make(project, "lab", "PYTHON=./newer")
    assert done.returncode != 0
    assert done.stdout.splitlines() == [
        ".venv has Python 3.12.1, and './newer' is another: nothing was done.",
        "To change: make clean lab PYTHON=./newer",
    ]


def test_a_python_that_is_not_there_is_named(project: Path) -> None:
    done = make(project, "lab", "PYTHON=./nothing")
    assert done.returncode != 0
    assert "./nothing" in done.stdout


def test_a_path_that_no_environment_can_have_is_named(project: Path) -> None:
    there = project.with_name("with a: colon")
    shutil.copytree(project, there, ignore=shutil.ignore_patterns(".venv"))
    done = make(there, "lab")
    assert done.returncode != 0
    assert f"a folder whose path has a colon: {there}\n" in done.stdout


@pytest.mark.parametrize("named", [[], ["PYTHON=./same"]], ids=["none named", "the same named"])
def test_the_environment_is_used(project: Path, named: list[str]) -> None:
    python(project / "same", "3.12.1")
    done = make(project, "lab", *named)
    assert done.stdout == "ran -m socketlab lab\n", done.stderr


@pytest.mark.parametrize(
    "options, says",
    [
        ([], "--constraint requirements.lock --build-constraint requirements.lock"),
        ([], "PIP_CONSTRAINT=requirements.lock PIP_BUILD_CONSTRAINT=requirements.lock"),
        (["LATEST=1"], "--upgrade --upgrade-strategy eager"),
        (["LOWEST=1"], "--resolution lowest-direct"),
    ],
    ids=["the lock", "the lock with pip", "the newest", "the oldest"],
)
def test_what_is_installed_and_where(project: Path, options: list[str], says: str) -> None:
    done = make(project, "--dry-run", "--always-make", "test", *options)
    install = " ".join(line for line in done.stdout.splitlines() if "-e '.[test]'" in line)
    assert says in " ".join(done.stdout.split())
    name = f".venv-{options[0].removesuffix('=1').lower()}" if options else ".venv"
    assert f" {name}/bin/python -m " in f" {install}"


@pytest.mark.parametrize("options, left_out", [([], True), (["ALL=1"], False)])
def test_what_is_thorough_has_to_be_asked_for(
    project: Path, options: list[str], left_out: bool
) -> None:
    done = make(project, "--dry-run", "check", *options)
    assert ('-m "not thorough"' in done.stdout) is left_out
    assert "tests notebooks" in done.stdout


def test_a_program_of_tools_is_run_with_its_options(project: Path) -> None:
    done = make(project, "--dry-run", "tools", "RUN=failure_modes --help")
    assert done.stdout.splitlines()[-1].endswith("/bin/python -m tools.failure_modes --help")
