"""`python -m tools` lists the programs for authors and reviewers, and each says how it's used."""

import runpy
import sys

import pytest

from tools.__main__ import programs

PROGRAMS = dict(programs())


def test_each_program_is_listed_with_a_sentence():
    assert {"library_faults", "library_under_load", "pythons"} <= {*PROGRAMS}
    assert all(len(sentence) > 20 for sentence in PROGRAMS.values())


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_says_how_it_is_used(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    monkeypatch.delitem(sys.modules, f"tools.{name}", raising=False)  # or it warns of two of them
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"tools.{name}", run_name="__main__")
    assert not ended.value.code
    assert capsys.readouterr().out.startswith(f"usage: python -m tools.{name} ")
