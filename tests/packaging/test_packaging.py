"""What the project says about itself in several files is the same in all of them."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_package_is_installed():
    """An editable install finds packages that a wheel would leave out."""
    there = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for name in ("minisocketserver", "socketlab")
        for file in (ROOT / name).rglob("__init__.py")
    }
    assert set(CONFIG["tool"]["setuptools"]["packages"]) == there
