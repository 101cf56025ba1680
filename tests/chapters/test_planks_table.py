"""The ship of Theseus: at its end, each chapter has one plank more that is the reader's own."""

import pytest

from socketlab.__main__ import main
from socketlab.authoring.chapters import chapters, planks
from socketlab.ship.planks import PLANKS


@pytest.mark.parametrize("chapter", chapters(), ids=lambda path: path.stem)
def test_the_planks_built_so_far_are_yours(chapter):
    owners, number = planks(chapter), chapter.stem[:2]
    assert owners or number == "01", "the chapter shows no ship"
    for name, owner in owners.items():
        assert owner == ("yours" if PLANKS[name] <= number else "on loan"), name


def test_the_command_prints_a_line_for_each_chapter(capsys):
    assert main(["author", "planks"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said[1:]] == [chapter.stem for chapter in chapters()]
    assert any(line.split()[1:] == ["1", "9", "BaseServer"] for line in said)
