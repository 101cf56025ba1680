"""The files for services that we can't run here: their form, and that what they call exists."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
CONTAINER = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text("utf-8"))


def said(*command: object) -> str:
    """Run a program of this environment; return what it says if it isn't content."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    result = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    return "" if result.returncode == 0 else result.stdout + result.stderr


def check_form(path: Path) -> str:
    return said("check-jsonschema", "--builtin-schema", "vendor.github-workflows", path)


def check_safety(path: Path) -> str:
    return said("zizmor", "--offline", "--no-progress", path)


CHECKS = [check_form, check_safety]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_each_workflow_is_sound(path, check):
    """Its form is the service's, and it gives no right away that it needn't."""
    assert check(path) == ""


@pytest.mark.parametrize("check, spoilt", [(check_form, "job:"), (check_safety, "jobs:")])
def test_the_checks_notice(tmp_path, check, spoilt):
    """A word that the service doesn't know, and an action that anybody may replace."""
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    text = WORKFLOWS[0].read_text("utf-8").replace("jobs:", spoilt)
    (folder / "a.yml").write_text(re.sub("@[0-9a-f]{40}", "@main", text), "utf-8")
    assert check(folder / "a.yml") != ""


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_what_a_workflow_runs_is_there(path):
    """The commands of its steps name programs and targets of ours that exist."""
    jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"].values()
    commands = [shlex.split(step["run"]) for job in jobs for step in job["steps"] if "run" in step]
    for program, *words in commands:
        if program == "make":
            assert said("make", "--dry-run", *words) == ""
        assert program in ("make", "test", ".venv/bin/python") or (ROOT / program).is_file()


def test_the_container_is_built_from_what_is_there():
    """The files that its description names, the packages, and the commands."""
    folder = ROOT / ".devcontainer"
    dockerfile = (folder / CONTAINER["build"]["dockerfile"]).read_text("utf-8")
    assert (folder / CONTAINER["build"]["context"]).resolve() == ROOT
    assert (ROOT / "start").is_file() and "/opt/minisocketserver/start" in dockerfile
    assert (
        ROOT / "requirements.lock"
    ).is_file() and '-c requirements.lock -e ".[lab]"' in dockerfile


def test_what_the_container_runs_at_first_makes_the_course(tmp_path):
    """Its last command, run as it is, in a folder of its own."""
    _, _, command = CONTAINER["postCreateCommand"].partition(" && ")
    program, *words = shlex.split(command)
    assert program == "python"
    made = tmp_path / words.pop()
    assert said(sys.executable, *words, made) == ""
    [opened] = CONTAINER["customizations"]["codespaces"]["openFiles"]
    assert (tmp_path / opened).is_file()
