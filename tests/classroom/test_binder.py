"""What Binder, or a hub whose images repo2docker makes, does with the project."""

import json
import os
import re
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from tests import PROGRAM_SECONDS
from tests.jupyter_server import jupyter_server

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dockerfile() -> str:
    pytest.importorskip("repo2docker", reason="repo2docker is not installed here: extra test.")
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug"]
    command += ["--user-id=1000", "--user-name=learner", str(ROOT)]  # ours may have no name
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=PROGRAM_SECONDS)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_binder_takes_a_python_that_the_project_supports(dockerfile: str) -> None:
    """Where environment.yml gives a range, repo2docker takes a Python too old for the course."""
    found = re.search(r"Building conda environment for python=([\d.]+)", dockerfile)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert found and found[1] in SpecifierSet(project["requires-python"])


def test_binder_installs_the_environment_and_starts_in_the_course(dockerfile: str) -> None:
    assert '--file "environment.yml"' in dockerfile
    assert 'R2D_ENTRYPOINT="${REPO_DIR}/start"' in dockerfile


@pytest.fixture(params=["lab", "notebook"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Run `start` with a command such as repo2docker's; give the server's address."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    clean = {name: value for name, value in os.environ.items() if "JUPYTER" not in name}
    environment = clean | {"HOME": str(tmp_path), "PATH": path}
    command = [str(ROOT / "start"), "jupyter", request.param, "--IdentityProvider.token="]
    command += ["--allow-root"] if os.geteuid() == 0 else []
    with jupyter_server(command, tmp_path, environment, Path.cwd()) as told:
        yield f"http://127.0.0.1:{told['port']}"


def test_who_opens_it_lands_at_the_route_in_a_course_of_their_own(
    address: str, tmp_path: Path
) -> None:
    with urllib.request.urlopen(address, timeout=30) as page:
        assert page.url.split("?")[0] == f"{address}/lab/tree/notebooks/START.md"
    with urllib.request.urlopen(f"{address}/api/contents/", timeout=30) as answer:
        names = {entry["name"] for entry in json.load(answer)["content"]}
    assert names == {"notebooks", "exercises", "AGENTS.md"}
    assert (tmp_path / "course" / "notebooks" / "START.md").is_file()
