"""How far the learner has come: what `socketlab` says, and the start page."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from socketlab.__main__ import USAGE, main, progress
from socketlab.example import EXPECTED
from socketlab.planks import PLANKS
from socketlab.route import Chapter, in_words, next_chapter, route, start_page

ROOT = Path(__file__).parents[2]


def write(folder: Path, name: str, *outputs: str) -> None:
    """Write a chapter with a cell for each output; a cell with "" has not run."""
    code = [
        {
            "cell_type": "code",
            "source": "run()",
            "execution_count": number if text else None,
            "outputs": [{"output_type": "stream", "text": text.splitlines(True)}] if text else [],
        }
        for number, text in enumerate(outputs, 1)
    ]
    title = {"cell_type": "markdown", "source": [f"# {name[:2]} A title: more\n", "\n", "Text."]}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.ipynb").write_text(json.dumps({"cells": [title, *code]}))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("00_target", "01_sockets", "02_base_server"):
        write(tmp_path / "notebooks", name, "some", EXPECTED)
    return tmp_path


def states(project: Path) -> list[str]:
    chapters = route(project / "notebooks", project / "course" / "notebooks")
    assert [chapter.number for chapter in chapters] == ["00", "01", "02"]
    return [chapter.state for chapter in chapters]


def test_without_a_copy_nothing_is_done(project: Path) -> None:
    assert states(project) == ["", "", ""], "the project's own outputs are not the learner's"


def test_the_four_lines_in_the_last_cell_make_a_chapter_done(project: Path) -> None:
    mine = project / "course" / "notebooks"
    write(mine, "00_target", "some", EXPECTED)
    write(mine, "01_sockets", "some", EXPECTED.replace("Thread-3", "Thread-2"))
    write(mine, "02_base_server", "", "")
    assert states(project) == ["done", "begun", ""]


SPOILT = [b"", b"{", b"\xff", b"[]", b'{"cells": 1}', b'{"cells": [1]}', b'{"cells": []}']


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_copy_that_cannot_be_read_is_not_begun(project: Path, spoilt: bytes) -> None:
    write(project / "course" / "notebooks", "00_target")
    (project / "course" / "notebooks" / "00_target.ipynb").write_bytes(spoilt)
    assert states(project) == ["", "", ""]


def chapters(*states: str) -> list[Chapter]:
    return [
        Chapter(f"{number:02}_x.ipynb", f"{number:02} X", state)
        for number, state in enumerate(states)
    ]


def test_the_next_chapter_is_the_first_that_is_not_done() -> None:
    some = chapters("done", "begun", "done")
    assert next_chapter(some) is some[1]
    assert "2 of 3" in in_words(some)
    assert "Next: 01 X (begun)" in in_words(some)
    assert "notebooks/01_x.ipynb" in in_words(some)


def test_at_the_end_there_are_the_exercises() -> None:
    assert "Next: the exercises" in in_words(chapters("done", "done"))
    assert "Next" not in start_page(chapters("done", "done"))


def test_the_start_page_links_every_chapter_and_colours_the_planks_of_those_done() -> None:
    page = start_page(chapters("done", "done", "done", "begun"))
    for number in range(4):
        assert f"]({number:02}_x.ipynb)" in page
    for name, number in PLANKS.items():
        if f'["{name}"]' in page:  # Windows has no Unix servers
            whose = "yours" if number <= "02" else "loan"
            assert f'["{name}"]:::{whose}' in page, name


def socketlab(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "socketlab", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, cwd="/", timeout=60
    )


def test_the_command_alone_says_what_to_do_next() -> None:
    said = socketlab()
    assert (said.returncode, said.stderr) == (0, "")
    assert "Next: " in said.stdout and "make lab" in said.stdout
    assert len(said.stdout.splitlines()) <= 5


def test_help_is_the_usage() -> None:
    said = socketlab("--help")
    assert (said.returncode, said.stdout) == (0, f"{USAGE}\n")


def test_an_unknown_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sail"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("socketlab has no command 'sail'.")


def test_without_the_course_it_says_how_to_get_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert progress(tmp_path) == 0
    assert "Clone the project" in capsys.readouterr().out
