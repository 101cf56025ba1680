"""The figures of the chapters are counted as they say."""

import nbformat.v4 as v4
import pytest

from socketlab.__main__ import main
from socketlab.authoring.chapters import chapters
from socketlab.authoring.figures import Figures, figures

QUIZ = "**Quiz.** Who was it?\n\n<details><summary>I</summary>No.</details>"


def code(lines, **output):
    outputs = [v4.new_output(**output)] if output else []
    return v4.new_code_cell("\n".join(["x"] * lines), outputs=outputs)


def test_they_are_counted():
    picture = {"output_type": "display_data", "data": {"image/png": "", "text/plain": ""}}
    cells = [
        v4.new_markdown_cell(" ".join(["word"] * 393)),
        v4.new_markdown_cell("<!-- picture\nflow\na -> b\n-->\n\n![one thing](x)"),
        v4.new_markdown_cell("**What will happen?**"),
        v4.new_markdown_cell(QUIZ),
        code(1),
        code(2, **picture),
        code(17, output_type="stream", text="no picture"),
    ]
    assert figures(v4.new_notebook(cells=cells)) == Figures(
        minutes=3, words=402, cells=7, median=2, longest=17, pictures=2, questions=2
    )


def test_a_notebook_without_code_has_figures():
    assert figures(v4.new_notebook()) == Figures(0, 0, 0, 0, 0, 0, 0)


def test_the_command_prints_a_line_for_each_chapter(capsys):
    assert main(["author", "figures"]) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split() == ["chapter", *Figures._fields]
    assert [line.split()[0] for line in lines] == [chapter.stem for chapter in chapters()]
    assert all(len(line) == len(heading) for line in lines)


@pytest.mark.parametrize("chapter", ["00_target", "11_limits_and_tls"])
def test_the_command_prints_only_the_named_chapter(capsys, chapter):
    main(["author", "figures", chapter])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == [chapter]
