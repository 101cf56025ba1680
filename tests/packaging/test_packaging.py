"""What the project says about itself in several files is the same in all of them."""

import tomllib
from pathlib import Path

import yaml
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = CONFIG["project"]


def test_environment_yml_says_the_same_as_pyproject_toml():
    wanted = {*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["lab"]}
    said = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    [python] = [line for line in said if isinstance(line, str) and line.startswith("python=")]
    assert python.removeprefix("python=") in SpecifierSet(PROJECT["requires-python"])
    assert {line for line in said if isinstance(line, str)} == wanted | {"pip", python}
    assert [line["pip"] for line in said if isinstance(line, dict)] == [["-e ."]]


def test_every_package_is_installed():
    """An editable install finds packages that a wheel would leave out."""
    there = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for name in ("minisocketserver", "socketlab")
        for file in (ROOT / name).rglob("__init__.py")
    }
    assert set(CONFIG["tool"]["setuptools"]["packages"]) == there
