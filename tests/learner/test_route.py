"""How far the learner has come: what `socketlab` says, and the start page."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from socketlab.kernels import execute
from socketlab.learner.lab import hand_out, progress
from socketlab.learner.progress_log import NAME as PROGRESS
from socketlab.learner.route import START, Chapter, in_words, next_chapter, route, start_page
from socketlab.ship.example import EXPECTED
from tests import PROGRAM_SECONDS

ROOT = Path(__file__).parents[2]


def write(folder: Path, name: str, *outputs: str) -> None:
    """Write a chapter with a cell for each output; a cell with "" has not run."""
    code = [
        {
            "cell_type": "code",
            "metadata": {},
            "source": "run()",
            "execution_count": number if said else None,
            "outputs": [{"output_type": "stream", "text": said.splitlines(True)}] if said else [],
        }
        for number, said in enumerate(outputs, 1)
    ]
    text = [f"# {name[:2]} A title: more\n", "\n", "Text."]
    title = {"cell_type": "markdown", "metadata": {}, "source": text}
    book = {"cells": [title, *code], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.ipynb").write_text(json.dumps(book))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with chapters in which nothing is to be written."""
    monkeypatch.setattr("socketlab.learner.route.as_listed", tuple)
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


def change(project: Path, chapter: str, *more: dict[str, object]) -> Path:
    """Add cells to the learner's copy of a chapter, and return its path."""
    path = project / "course" / "notebooks" / f"{chapter}.ipynb"
    book = json.loads(path.read_bytes())
    book["cells"] += more
    path.write_text(json.dumps(book))
    return path


def cell(source: str, text: str = "", name: str = "stdout") -> dict[str, object]:
    out = {"output_type": "stream", "name": name, "text": text}
    return {
        "cell_type": "code",
        "execution_count": 9 if text else None,
        "id": f"a-{len(source)}",
        "outputs": [out] if text else [],
        "source": source,
    }


@pytest.mark.parametrize(
    "added",
    [
        (cell(""),),
        (cell(""), cell(" \n")),
        (cell("my_experiment()", "42\n"),),
        (cell("my_experiment()"), {"cell_type": "markdown", "source": "My notes."}),
    ],
)
def test_what_is_added_below_the_last_cell_does_not_undo_a_chapter(
    project: Path, added: tuple[dict[str, object], ...]
) -> None:
    """JupyterLab adds an empty cell when one presses Shift+Enter in the last one."""
    write(project / "course" / "notebooks", "00_target", "some", EXPECTED)
    change(project, "00_target", *added)
    assert states(project)[0] == "done"


def test_a_warning_beside_the_four_lines_does_not_matter(project: Path) -> None:
    write(project / "course" / "notebooks", "00_target", "some", EXPECTED)
    path = change(project, "00_target")
    book = json.loads(path.read_bytes())
    warning = {"output_type": "stream", "name": "stderr", "text": "DeprecationWarning\n"}
    book["cells"][-1]["outputs"].insert(0, warning)
    path.write_text(json.dumps(book))
    assert states(project)[0] == "done"


@pytest.mark.parametrize(
    "outputs", [None, "text", [1], [{"text": None}], [{"text": [1]}], {"a": 1}]
)
def test_outputs_that_make_no_sense_are_passed_over(project: Path, outputs: object) -> None:
    write(project / "course" / "notebooks", "00_target", "some", EXPECTED)
    path = change(project, "00_target")
    book = json.loads(path.read_bytes())
    book["cells"][-1]["outputs"] = outputs
    path.write_text(json.dumps(book))
    assert states(project)[0] == "begun"


def test_a_chapter_run_in_a_copy_counts(project: Path) -> None:
    write(project / "course" / "notebooks", "00_target-Copy1", "some", EXPECTED)
    assert states(project)[0] == "done"


@pytest.mark.parametrize("then", ["updated", "deleted", "cleared", "spoilt", "copied away"])
def test_once_done_stays_done(project: Path, then: str) -> None:
    course = project / "course"
    assert hand_out(project, course) == 0
    mine = course / "notebooks" / "00_target.ipynb"
    book = json.loads(mine.read_bytes())
    book["cells"][-1] |= cell(book["cells"][-1]["source"], EXPECTED)
    mine.write_text(json.dumps(book))
    if then == "updated":
        write(project / "notebooks", "00_target", "some", "more", EXPECTED)
    else:
        assert progress(project) == 0
    if then == "cleared":
        book["cells"][-1] |= {"outputs": [], "execution_count": None}
        mine.write_text(json.dumps(book))
    elif then == "spoilt":
        mine.write_text("{")
    elif then in ("deleted", "copied away"):
        mine.rename(project / "elsewhere")
    assert hand_out(project, course) == 0
    assert states(project) == ["done", "", ""]
    assert "| done |" in (course / "notebooks" / START).read_text()
    if then == "updated":
        assert len(json.loads(mine.read_bytes())["cells"]) == 4
        assert [path.name for path in mine.parent.glob("*.new*")] == []


def test_what_was_begun_stays_begun(project: Path) -> None:
    course = project / "course"
    write(course / "notebooks", "01_sockets", "some", "")
    progress(project)
    (course / "notebooks" / "01_sockets.ipynb").unlink()
    assert states(project) == ["", "begun", ""]


LAST = "threaded_client(assemble().threaded_server())"
"""The last cell of chapter 00."""

RUNS = [
    ("JPY_SESSION_NAME", "notes.ipynb", LAST, ""),
    ("JPY_SESSION_NAME", "", LAST, ""),
    ("JPY_SESSION_NAME", "01_sockets.ipynb", LAST, ""),  # not the last cell of that chapter
    ("JPY_SESSION_NAME", "00_target.ipynb", f"server = 1\n{LAST}", ""),
    ("JPY_SESSION_NAME", "00_target.ipynb", LAST, "00"),
    ("__vsc_ipynb_file__", "00_target-Copy1.ipynb", f"{LAST}\n", "00"),
]
"""How a front end says which notebook runs, its name, a cell, and the chapter done by it."""


def test_the_kernel_notes_a_chapter_the_moment_its_last_cell_has_run(tmp_path: Path) -> None:
    """Nothing is saved here. Not any four lines count, but those of the chapter's last cell."""
    assert hand_out(ROOT, tmp_path) == 0
    notebooks = tmp_path / "notebooks"
    cells = [
        "import os\n"
        "from socketlab import assemble, threaded_client\n"
        "from socketlab.learner import progress_log"
    ]
    for variable, name, source, _ in RUNS:
        path = str(notebooks / name) if name else ""
        known = f"os.environ[{variable!r}]" if variable.isupper() else variable
        cells += [f"os.environ.pop('JPY_SESSION_NAME', 0)\n{known} = {path!r}", source]
        cells += [
            "print(*progress_log.events())\n"
            "(progress_log.course() / progress_log.NAME).unlink(True)"
        ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    execute(book, resources={"metadata": {"path": str(notebooks)}})
    said = [cell.outputs[0].text for cell in book.cells if cell.source.startswith("print")]
    assert said == [f"({done!r}, 'done')\n" if done else "\n" for *_, done in RUNS]
    assert "| read | 0 of 1 |" in (notebooks / START).read_text(), "its place is blank"


@pytest.mark.parametrize("spoilt", [b"\xff\x00", b"done", "a folder"])
def test_a_progress_file_that_is_spoilt_stops_nothing(
    project: Path, spoilt: bytes | str, capsys: pytest.CaptureFixture[str]
) -> None:
    course = project / "course"
    assert hand_out(project, course) == 0
    if isinstance(spoilt, str):
        (course / PROGRESS).mkdir()
    else:
        (course / PROGRESS).write_bytes(spoilt)
    write(course / "notebooks", "00_target", "some", EXPECTED)
    assert progress(project) == 0
    assert "1 of 3" in capsys.readouterr().out
    assert hand_out(project, course) == 0


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


def test_at_the_end_there_are_the_exercises_and_the_capstone() -> None:
    some = chapters("done", "done")
    assert "Next: the capstone" in in_words(some)
    assert "Next" not in start_page(some)
    some[1].exercises, some[1].left = 4, ("01.2", "01.4")
    assert "Next: exercise 01.2" in in_words(some)
    assert "An exercise to go on with: 01.2" in start_page(some)
    assert "| done |  | 2 of 4 |" in start_page(some)


def test_a_chapter_with_blank_places_is_only_read_and_nothing_waits_for_it() -> None:
    some = chapters("read", "begun")
    some[0].places, some[0].written = 5, 3
    assert "Chapters run to their end: 1 of 2. Places written by you: 3 of 5." in in_words(some)
    assert next_chapter(some) is some[1]
    some[1].state = "done"
    assert "Next: 00 X (2 places are still to be written)" in in_words(some)
    assert "| read | 3 of 5 |" in start_page(some)


def test_the_start_page_links_every_chapter_and_colours_the_learner_s_planks() -> None:
    page = start_page(chapters("done", "done", "read", "begun"), ["BaseServer", "UDPServer"])
    for number in range(4):
        assert f"]({number:02}_x.ipynb)" in page
    assert "Yours: BaseServer and UDPServer. On loan: TCPServer, " in page
    assert page.rstrip().endswith("](ship.svg)")


def socketlab(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "socketlab", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        cwd="/",
        timeout=PROGRAM_SECONDS,
    )


def test_the_command_alone_says_what_to_do_next() -> None:
    said = socketlab()
    assert (said.returncode, said.stderr) == (0, "")
    assert "Next: " in said.stdout and "make lab" in said.stdout
    assert len(said.stdout.splitlines()) <= 5


def test_without_the_course_it_says_how_to_get_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert progress(tmp_path) == 0
    assert "Clone the project" in capsys.readouterr().out
