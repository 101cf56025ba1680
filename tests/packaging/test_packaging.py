"""What the project says about itself in several files is the same in all of them."""

import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_environment_yml_says_the_same_as_pyproject_toml():
    wanted = {
        "python" + PROJECT["requires-python"],
        *PROJECT["dependencies"],
        *PROJECT["optional-dependencies"]["lab"],
    }
    said = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert {line for line in said if isinstance(line, str)} == wanted | {"pip"}
    assert [line["pip"] for line in said if isinstance(line, dict)] == [["-e ."]]
