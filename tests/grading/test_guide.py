"""The commands that TEACHING.md names are there, with the options that it gives them."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "TEACHING.md").read_text("utf-8")
LINES = [line.strip().partition("  #")[0] for line in re.findall(r"^ {4}(\S.*)", GUIDE, re.M)]
OURS = sorted({line for line in LINES if line.startswith("socketlab ")})


def test_the_guide_says_how_a_class_is_taught():
    """So that the tests below look at something."""
    assert {line.split()[1] for line in OURS} == {
        *("doctor", "handout", "collect", "grade", "author")
    }


@pytest.mark.parametrize("command", ["handout", "collect", "grade", "author"])
def test_options_in_the_guide_are_known(command):
    words = [sys.executable, "-m", "socketlab", command, "--help"]
    run = subprocess.run(words, capture_output=True, encoding="utf-8", cwd=ROOT, timeout=60)
    assert run.returncode == 0, run.stderr
    named = {word for line in OURS if line.split()[1] == command for word in line.split()}
    for option in (word for word in named if word.startswith("--")):
        assert option in run.stdout


def test_programs_and_files_in_the_guide_are_there():
    modules = re.findall(r"python3? -m ([\w.]+)", GUIDE)
    assert modules
    assert all(find_spec(module) for module in modules)
    for target in re.findall(r"\]\((?!https:)([^)#]+)", GUIDE):
        assert (ROOT / target).exists(), target
    for anchor in re.findall(r"\]\(#([^)]+)\)", GUIDE):
        headings = re.findall(r"^## (.+)", GUIDE, re.M)
        assert anchor in [re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings]
