"""What the project says about itself in several files is the same in all of them."""

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = CONFIG["project"]


def test_every_package_is_installed():
    """An editable install finds packages that a wheel would leave out."""
    there = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for name in ("minisocketserver", "socketlab")
        for file in (ROOT / name).rglob("__init__.py")
    }
    assert set(CONFIG["tool"]["setuptools"]["packages"]) == there


def test_every_file_beside_the_modules_is_installed():
    """Templates, for example: a clone has them all, and a wheel only what is named."""
    named = {
        file
        for package, patterns in CONFIG["tool"]["setuptools"]["package-data"].items()
        for pattern in patterns
        for file in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    files = (
        path for name in ("minisocketserver", "socketlab") for path in (ROOT / name).rglob("*")
    )
    there = {path for path in files if path.is_file() and path.suffix not in {".py", ".pyc"}}
    assert there <= named


def extras(*names):
    """Return the distributions that these extras name, and those of the extras they name."""
    asked = [Requirement(line) for name in names for line in PROJECT["optional-dependencies"][name]]
    ours = [extra for one in asked if one.name == PROJECT["name"] for extra in one.extras]
    return {canonicalize_name(one.name) for one in asked} | (extras(*ours) if ours else set())


def imported(*folders, but):
    """Return the modules that the files import, without our own and the standard library's."""
    files = {file for folder in folders for file in (ROOT / folder).rglob("*.py")}
    files -= {file for folder in but for file in (ROOT / folder).rglob("*.py")}
    names = set()
    for node in (node for file in files for node in ast.walk(ast.parse(file.read_bytes()))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module.partition(".")[0])
    ours = {path.name for path in ROOT.iterdir() if path.is_dir()}
    return names - ours - sys.stdlib_module_names


AUTHORING, GRADING = "socketlab/authoring", "socketlab/grading"


@pytest.mark.parametrize(
    "folders, but, named",
    [
        (["minisocketserver"], [], []),
        (["socketlab"], [AUTHORING, GRADING], ["lab"]),
        ([GRADING], [], ["dask"]),
        ([AUTHORING, "tests", "tools", "benchmarks"], [], ["test"]),
    ],
    ids=["the library", "the course", "the grader", "what proves them"],
)
def test_what_is_imported_is_asked_for_by_name(folders, but, named):
    """Not only by another package, which may do without it tomorrow."""
    there, asked = packages_distributions(), extras(*named)
    unnamed = {
        module
        for module in imported(*folders, but=but)
        if not asked & set(map(canonicalize_name, there.get(module, ())))
    }
    assert not unnamed
