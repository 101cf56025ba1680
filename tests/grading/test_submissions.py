"""Notebooks as students hand them in: found, read, and cut up by exercise."""

import json
import zipfile

import pytest

from socketlab.checks import core
from socketlab.grading.submissions import (
    MOST_BYTES,
    Unreadable,
    cells_for,
    cells_of,
    submissions,
)

EXERCISES = [one for one in core.exercises() if one.id.startswith("03.")]
BUILD, BUGS = EXERCISES[:2]


def notebook(*sources):
    cells = [{"cell_type": "code", "source": source} for source in sources]
    return json.dumps({"cells": [{"cell_type": "markdown", "source": "# words"}, *cells]})


def chosen(exercise, *sources, common=True):
    """Return the numbers of the cells that the exercise gets."""
    cells = cells_of(notebook(*sources))
    return [cell.number for cell in cells_for(exercise, EXERCISES, cells, common)]


def test_a_folder_is_read_as_nbgrader_lays_it_out(tmp_path):
    """Student, chapter, notebook; other files are left alone."""
    for path in ("ada/03_tcp_server/a.ipynb", "bob/03_tcp_server/b.ipynb", "bob/notes.ipynb"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    found = [(one.student, one.chapter, one.text) for one in submissions(tmp_path)]
    assert found == [
        ("ada", "03_tcp_server", "ada/03_tcp_server/a.ipynb"),
        ("bob", "03_tcp_server", "bob/03_tcp_server/b.ipynb"),
    ]


def test_a_zip_is_read_and_never_unpacked(tmp_path):
    """A name that leads out of the folder is told; the other submissions count."""
    (tmp_path / "deep" / "down").mkdir(parents=True)
    source = tmp_path / "deep" / "down" / "class.zip"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("class/ada/03_tcp_server/a.ipynb", "hers")
        archive.writestr("../../mallory/03_tcp_server/a.ipynb", "his")
        archive.writestr("__MACOSX/ada/03_tcp_server/._a.ipynb", "junk")
    found = {one.student: one for one in submissions(source)}
    assert found.pop("ada").text == "hers"
    [(_, bad)] = found.items()
    assert "../../mallory" in bad.trouble and not bad.text
    assert not list(tmp_path.glob("**/mallory"))


def test_a_single_notebook_belongs_to_the_student_of_its_name(tmp_path):
    """So that one answer can be looked at."""
    path = tmp_path / "03_tcp_server.ipynb"
    path.write_text("text")
    [only] = submissions(path)
    assert (only.student, only.chapter, only.text) == ("03_tcp_server", "03_tcp_server", "text")


@pytest.mark.parametrize(
    ("path", "whose"),
    [
        ("ada/03_tcp_server/x.ipynb", ("ada", "03_tcp_server")),
        ("ada/03_tcp_server.ipynb", ("ada", "03_tcp_server")),
        ("ada_03_tcp_server.ipynb", ("ada", "03_tcp_server")),
        ("lovelaceada_123_4567_03_tcp_server-2.ipynb", ("lovelaceada_123_4567", "03_tcp_server")),
        ("Ada L_12_assignsubmission_file/03_tcp_server.ipynb", (..., "03_tcp_server")),
        ("week 3/ada/03_tcp_server/x.ipynb", ("ada", "03_tcp_server")),
        ("ada/chapter3/x.ipynb", ("ada", "chapter3")),
        ("ada/03_tcp_server/x.new.ipynb", None),
        ("ada/03_tcp_server/.ipynb_checkpoints/x-checkpoint.ipynb", None),
        ("ada/.ipynb_checkpoints/03_tcp_server-checkpoint.ipynb", None),
    ],
)
def test_the_path_tells_whose_a_notebook_is(path, whose, tmp_path):
    """As nbgrader, Moodle, Canvas and a hub's homes have it; in a folder and in a zip."""
    folder = tmp_path / "class"
    (folder / path).parent.mkdir(parents=True)
    (folder / path).write_text("text")
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.write(folder / path, path)
    if whose and whose[0] is ...:
        whose = (path.partition("/")[0], whose[1])
    for source in (folder, tmp_path / "class.zip"):
        found = [(one.student, one.chapter) for one in submissions(source)]
        assert found == ([whose] if whose else [])


def test_what_is_no_class_is_told(tmp_path):
    """A wrong name gets a sentence."""
    with pytest.raises(Unreadable, match="no folder, zip or notebook"):
        list(submissions(tmp_path / "nothing"))


def test_a_huge_notebook_is_not_read(tmp_path):
    """Its size is known before it is read."""
    path = tmp_path / "ada" / "03_tcp_server" / "a.ipynb"
    path.parent.mkdir(parents=True)
    with open(path, "wb") as file:
        file.truncate(MOST_BYTES + 1)
    [only] = submissions(tmp_path)
    assert "MB" in only.trouble and not only.text


def test_a_link_is_not_followed(tmp_path):
    """It may lead to the notebook of somebody else, which the teacher can read."""
    for student in ("ada", "bob"):
        (tmp_path / student / "03_tcp_server").mkdir(parents=True)
    (tmp_path / "ada" / "03_tcp_server" / "a.ipynb").write_text("hers")
    (tmp_path / "bob" / "03_tcp_server" / "a.ipynb").symlink_to(
        tmp_path / "ada" / "03_tcp_server" / "a.ipynb"
    )
    (tmp_path / "cy").symlink_to(tmp_path / "ada")
    ada, *others = submissions(tmp_path)
    assert ada.text == "hers" and [one.student for one in others] == ["bob", "cy"]
    assert all("is a link" in one.trouble and not one.text for one in others)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("not json", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1, 2]", "no cells"),
        ('{"cells": [5]}', "no cells"),
        ('{"cells": [{"cell_type": "code", "source": 5}]}', "no cells"),
    ],
)
def test_what_is_no_notebook_is_told(text, told):
    """In a sentence for the student, not an exception."""
    with pytest.raises(Unreadable, match=told):
        cells_of(text)


def test_old_notebooks_are_read():
    """Format 3 had worksheets, and called the source input."""
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": ["a = 1\n", "b = 2"]}]}]}
    [cell] = cells_of(json.dumps(old))
    assert cell.binds == {"a", "b"}


def test_a_cell_belongs_to_the_exercise_whose_names_it_defines():
    """Wherever it stands, and without any metadata."""
    sources = ["import socket", "class Handler: pass", "class TCPServer: pass", "LIMIT = 3"]
    assert chosen(BUILD, *sources) == [1, 3, 4]
    assert chosen(BUGS, *sources) == [1, 2, 4]


def test_what_a_cell_uses_comes_along():
    """A helper defined in the cell of another exercise is not lost."""
    sources = [
        "class Handler: pass\ndef helper(): pass",
        "class TCPServer:\n    def close(self):\n        helper()",
    ]
    assert chosen(BUILD, *sources) == [1, 2]


def test_common_cells_can_be_left_out():
    """What is needed comes along all the same."""
    sources = [
        "import socket",
        "while True: pass",
        "class TCPServer:\n    kind = socket.SOCK_STREAM",
    ]
    assert chosen(BUILD, *sources) == [1, 2, 3]
    assert chosen(BUILD, *sources, common=False) == [1, 3]


def test_questions_are_left_out():
    """Cells that ask for checks and hints are the grader's business."""
    asks = 'from socketlab import check\n\ncheck("03.1")'
    assert chosen(BUILD, "class TCPServer: pass", asks, 'hint("03.1")', "check = 3") == [1, 4]


def test_a_cell_that_does_not_parse_still_belongs_somewhere():
    """So that its error is told where it matters, and nowhere else."""
    sources = ["class TCPServer(:\n    pass", "class Handler: pass"]
    assert chosen(BUILD, *sources) == [1]
    assert chosen(BUGS, *sources) == [2]
    assert "line 1" in cells_of(notebook(sources[0]))[0].syntax_error
