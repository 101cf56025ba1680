"""`python -m tools` lists the programs for authors and reviewers, and each says how it's used."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import PROGRAM_SECONDS
from tools.__main__ import programs

ROOT = Path(__file__).parents[2]
PROGRAMS = dict(programs())


def test_each_program_is_listed_with_a_sentence():
    assert {"library_faults", "library_under_load", "pythons"} <= {*PROGRAMS}
    assert all(len(sentence) > 20 for sentence in PROGRAMS.values())


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_says_how_it_is_used(name):
    command = [sys.executable, "-m", f"tools.{name}", "--help"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PROGRAM_SECONDS)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(f"usage: python -m tools.{name} ")
