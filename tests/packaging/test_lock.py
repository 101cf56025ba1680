"""The lock and pyproject.toml agree, and what runs here is what one of the two says."""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests import PROGRAM_SECONDS

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = ROOT / "requirements.lock"
PYTHONS = ["3.11", "3.12", "3.13", "3.14", "3.15"]


def pins(environment: dict[str, str]) -> dict[str, str]:
    """Return the versions that the lock gives to a system, by name."""
    lines = [line for line in LOCK.read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    wanted = [Requirement(line) for line in lines]
    here = [one for one in wanted if one.marker is None or one.marker.evaluate(environment)]
    names = [canonicalize_name(one.name) for one in here]
    assert len(names) == len(set(names)), "two versions of one package"
    versions = {name: str(one.specifier) for name, one in zip(names, here, strict=True)}
    assert all(re.fullmatch(r"==[\w.!+]+", version) for version in versions.values())
    return {name: version.removeprefix("==") for name, version in versions.items()}


def environment(python: str, system: str) -> dict[str, str]:
    os_name = "nt" if system == "win32" else "posix"
    return {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": system,
        "os_name": os_name,
        "platform_system": {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}[system],
    }


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
@pytest.mark.parametrize("python", PYTHONS)
def test_every_package_we_ask_for_has_one_version(python: str, system: str) -> None:
    assert python in SpecifierSet(PROJECT["requires-python"])
    where = environment(python, system)
    locked = pins(where)
    asked = [
        Requirement(one) for extra in PROJECT["optional-dependencies"].values() for one in extra
    ]
    for one in asked:
        if one.name != PROJECT["name"] and (one.marker is None or one.marker.evaluate(where)):
            assert one.specifier.contains(locked[canonicalize_name(one.name)]), one


def test_the_lock_names_no_place() -> None:
    """A school's own package index is used as it is set up there."""
    assert not re.search(r"://|--(?:extra-)?index|--find-links", LOCK.read_text(encoding="utf-8"))


def test_what_is_installed_is_what_the_lock_says() -> None:
    folder = Path(sys.prefix).name
    if folder != ".venv" or Path(sys.prefix).parent != ROOT:
        pytest.skip(f"{folder} is not the environment that make installs from the lock.")
    where = environment(".".join(map(str, sys.version_info[:2])), sys.platform)
    locked = pins(where | {"python_full_version": sys.version.split()[0]})
    here = [sysconfig.get_path("purelib")]  # not what a package of ours brings along for itself
    installed = {canonicalize_name(one.name): one.version for one in distributions(path=here)}
    both = installed.keys() & locked.keys()
    assert {name: installed[name] for name in both} == {name: locked[name] for name in both}


def test_conda_and_binder_install_from_the_lock() -> None:
    said = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    *plain, by_pip = said
    [python] = [line for line in plain if line.startswith("python=")]
    assert python.removeprefix("python=") in SpecifierSet(PROJECT["requires-python"])
    assert {*plain} == {python, "pip"}
    assert by_pip == {"pip": ["-c requirements.lock", "-e .[lab]"]}


def test_pip_understands_the_lines_for_conda(tmp_path: Path) -> None:
    """conda and mamba put them into a file of their own, beside environment.yml."""
    said = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    lines = tmp_path / "condaenv.requirements.txt"
    lines.write_text("\n".join(said[-1]["pip"]), encoding="utf-8")
    for name in ("requirements.lock", "pyproject.toml", "README.md", "LICENSE"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--no-build-isolation"]
    command += ["--dry-run", "--no-deps", "-r", str(lines)]
    for name in ("minisocketserver", "socketlab"):
        (tmp_path / name).symlink_to(ROOT / name)
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        encoding="utf-8",
        timeout=PROGRAM_SECONDS,
    )
    assert "Would install minisocketserver" in done.stdout, done.stderr
