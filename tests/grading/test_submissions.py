"""Notebooks as students hand them in: found, read, and cut up by exercise."""

import json
import os
import shutil
import tracemalloc
import zipfile
from contextlib import suppress

import pytest

from socketlab.cell_names import UNSEEN
from socketlab.cells import MOST_WORK
from socketlab.exercises import all_exercises, find
from socketlab.grading.answer_cells import cells_for, defined_again
from socketlab.grading.archives import in_folder
from socketlab.grading.notebook_cells import cells_of
from socketlab.grading.submissions import MOST_BYTES, SubmissionError, submissions

EXERCISES = [one for one in all_exercises() if one.id.startswith("03.")]
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
        ("ada/03_tcp_server/exercises_03_tcp_server.ipynb", ("ada", "03_tcp_server")),
        ("ada/exercises_03_tcp_server.ipynb", ("ada", "03_tcp_server")),
        ("ada_exercises_03_tcp_server.ipynb", ("ada", "03_tcp_server")),
        ("class/ada_exercises_03_tcp_server-2.ipynb", ("class", "03_tcp_server")),
        ("week 3/ada/03_tcp_server.ipynb", ("ada", "03_tcp_server")),
        ("03_tcp_server/ada.ipynb", ("ada", "03_tcp_server")),
        ("ada/course/exercises/03_tcp_server/exercises_03_tcp_server.ipynb", ("ada", ...)),
        ("ada/course/notebooks/03_tcp_server.ipynb", None),
        ("山田\u3000太郎/03_tcp_server.ipynb", ("山田\u3000太郎", "03_tcp_server")),
        ("مه\u200cرو/03_tcp_server.ipynb", ("مه\u200cرو", "03_tcp_server")),
        ("Ada\xa0Lovelace/03_tcp_server.ipynb", ("Ada\xa0Lovelace", "03_tcp_server")),
        ("Zoe\u0308/03_tcp_server.ipynb", ("Zoe\u0308", "03_tcp_server")),
        ("דנה/03_tcp_server.ipynb", ("דנה", "03_tcp_server")),
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
    if whose and whose[1] is ...:
        whose = (whose[0], "03_tcp_server")
    for source in (folder, tmp_path / "class.zip"):
        found = [(one.student, one.chapter) for one in submissions(source) if one.text]
        assert found == ([whose] if whose else [])
        assert [one.path for one in submissions(source) if one.text] == ([path] if whose else [])


SIGN = "\x1b]0;\x07"
NB = "03_tcp_server.ipynb"
HANDED_IN = {
    f"bob/03_tcp_server/{NB.replace('.', '.new.')}": "newer version",
    f"cid/03_tcp_server/{NB}.txt": "Rename it",
    "dan/03_tcp_server/03_tcp_server.IPYNB": "Rename it",
    "eve/03_tcp_server/hand_in.zip": "Unpack it",
    f".fay/03_tcp_server/{NB}": "begins with a dot",
    "gil/03_tcp_server/03_tcp_server.pdf": "no notebook",
    "hal/notes.ipynb": "names no chapter",
}
"""What students have handed in that cannot be graded, and a word of the reason."""


def test_a_student_without_a_notebook_is_named_with_the_reason(tmp_path):
    """In a folder and in a zip; what collection tools leave there is not."""
    folder = tmp_path / "class"
    for path in (f"ada/03_tcp_server/{NB}", "__MACOSX/x/._a.ipynb", ".git/config", *HANDED_IN):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("text")
    (folder / "ian" / "03_tcp_server").mkdir(parents=True)
    shutil.make_archive(str(tmp_path / "class"), "zip", folder)
    for source in (folder, tmp_path / "class.zip"):
        troubles = {one.student: one.trouble for one in submissions(source)}
        assert troubles.pop("ada") == "" and "empty" in troubles.pop("ian")
        assert troubles.keys() == {path.partition("/")[0] for path in HANDED_IN}
        for path, told in HANDED_IN.items():
            assert told in troubles[path.partition("/")[0]]


def test_a_chapter_without_a_notebook_is_named_too(tmp_path):
    """Beside one that can be graded."""
    for path in ("ada/03_tcp_server/a.ipynb", "ada/04_udp_server/a.ipynb.txt", "ada/plan.pdf"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("text")
    found = [(one.chapter, bool(one.trouble)) for one in submissions(tmp_path)]
    assert found == [("03_tcp_server", False), ("04_udp_server", True)]


def test_a_folder_that_cannot_be_entered_is_named(tmp_path, monkeypatch):
    """As root may enter any folder, the kernel's answer is put in its place."""
    for student in ("ada", "bob"):
        (tmp_path / student / "03_tcp_server").mkdir(parents=True)
        (tmp_path / student / "03_tcp_server" / "a.ipynb").write_text("text")
    scandir = os.scandir

    def closed(path):
        if "bob" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    ada, bob = submissions(tmp_path)
    assert ada.text and "Permission denied" in bob.trouble and bob.student == "bob"


@pytest.mark.parametrize(
    "paths",
    [
        ["games/{nb}", "mail/{ch}/{nb}", "mail/{ch}/games/{nb}"],
        ["games/{nb}", "mail/{ch}/games/{ch}/x.ipynb"],
        ["games/{ch}/{nb}", "mail/work/games/{nb}"],
        ["games/{nb}", "mail/games_{nb}", "mail/bob_{nb}"],
        ["games/games_{nb}", "mail/games_{nb}", "mail/bob_{nb}"],
        ["games/{nb}", "mail/games.zip", "mail/bob.zip"],
        ["games/{nb}", "mail/deep/er/games.zip", "mail/deep/er/bob.zip"],
        ["class/games/{nb}", "class/mail/games/{nb}"],
        ["class/games/{nb}", "class/mail/{nb}", "class/mail/games/{nb}", "class/mail/old/{nb}"],
        ["games.zip", "mail/games.zip", "mail/bob.zip"],
        ["games_12_file/{nb}", "mail_13_file/games_12_file/{ch}/x.ipynb"],
        ["class/games_{nb}", "class/mail_{nb}", "class/mail/games_{nb}", "class/mail/bob_{nb}"],
    ],
)
def test_what_lies_in_a_student_s_folder_is_that_student_s(paths, tmp_path):
    """Whatever its folders, notebooks and zips are called; in a folder and in a zip."""
    folder = tmp_path / "handed in"
    for path in (path.format(ch="03_tcp_server", nb=NB) for path in paths):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
        if path.endswith(".zip"):
            with zipfile.ZipFile(folder / path, "w") as archive:
                archive.writestr(NB, path)
    shutil.make_archive(str(tmp_path / "class"), "zip", folder)
    for source in (folder, tmp_path / "class.zip"):
        found = list(submissions(source))
        assert {one.student.partition("_")[0] for one in found} == {"games", "mail"}
        [hers] = [one for one in found if one.student.startswith("games")]
        assert "mail/" not in hers.text and not hers.trouble


def test_two_zips_in_one_student_s_folder_are_that_student_s(tmp_path):
    """Where all have packed their work, too."""
    for path in ("games/work.zip", "mail/games.zip", "mail/bob.zip"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(tmp_path / path, "w") as archive:
            archive.writestr(NB, path)
    found = {one.student: (one.text, "Unpack it" in one.trouble) for one in submissions(tmp_path)}
    assert found == {"games": ("", True), "mail": ("", True)}


def packed(path, names):
    """Pack a notebook under each name, given in the bytes that a program would write."""
    with zipfile.ZipFile(path, "w") as archive:
        for number, _ in enumerate(names):
            archive.writestr(f"{number:0{len(names[number])}}", "text")
    data = path.read_bytes()
    for number, name in enumerate(names):
        data = data.replace(f"{number:0{len(name)}}".encode(), name)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "student"),
    [
        (b"ada\\03_tcp_server\\03_tcp_server.ipynb", "ada"),
        ("André/03_tcp_server.ipynb".encode("cp437"), "André"),
        ("Zoë_03_tcp_server.ipynb".encode("cp437"), "Zoë"),
        ("Müller/03_tcp_server.ipynb".encode("cp437"), "Müller"),
        ("Müller/03_tcp_server.ipynb".encode(), "Müller"),
        ("Łukasz/03_tcp_server.ipynb".encode(), "Łukasz"),
        ("山田太郎/03_tcp_server.ipynb".encode("cp932"), "山田太郎"),
        ("能登\u3000ソフィー/03_tcp_server.ipynb".encode("cp932"), "能登\u3000ソフィー"),
    ],
)
def test_names_in_a_zip_are_read_as_the_packer_meant_them(name, student, tmp_path):
    """Only new programs say in which encoding they have written a name."""
    [one] = submissions(packed(tmp_path / "class.zip", [name]))
    assert (one.student, one.chapter, one.text) == (student, "03_tcp_server", "text")


def test_a_folder_with_everybody_s_notebooks_is_no_student(tmp_path):
    """As a zip has it that was packed with its folder."""
    (tmp_path / "week 3").mkdir()
    for student in ("ada", "bob"):
        (tmp_path / "week 3" / f"{student}_exercises_03_tcp_server.ipynb").write_text(student)
    found = [(one.student, one.chapter, one.text) for one in submissions(tmp_path)]
    assert found == [("ada", "03_tcp_server", "ada"), ("bob", "03_tcp_server", "bob")]


def test_a_zip_for_each_student_is_read(tmp_path):
    """As some course systems pack a class; a broken one is told, with its student."""
    inner = {}
    for student in ("ada", "bob"):
        with zipfile.ZipFile(tmp_path / f"{student}.zip", "w") as archive:
            archive.writestr(f"03_tcp_server/{NB}", student)
        inner[f"{student}_03_tcp_server.zip"] = (tmp_path / f"{student}.zip").read_bytes()
    inner["cid.zip"] = b"PK"
    folder = tmp_path / "class"
    folder.mkdir()
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        for name, data in inner.items():
            archive.writestr(name, data)
            (folder / name).write_bytes(data)
    for source in (folder, tmp_path / "class.zip"):
        ada, bob, cid = submissions(source)
        assert (ada.student, ada.chapter, ada.text) == ("ada", "03_tcp_server", "ada")
        assert bob.text == "bob" and "can't be unpacked" in cid.trouble and cid.student == "cid"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_notebook_in_any_encoding_of_json_is_read(encoding, tmp_path):
    """Windows programs begin a file with a mark."""
    path = tmp_path / "ada" / NB
    path.parent.mkdir()
    path.write_bytes(notebook("größe = 1").encode(encoding))
    [one] = submissions(tmp_path)
    assert cells_of(one.text)[0].source == "größe = 1"


@pytest.mark.parametrize("name", [f"ada{SIGN}", "ada\u202e", "ada\n", "ada\u2028"])
def test_no_sign_in_a_name_steers_a_terminal(name, tmp_path):
    """Such names are no person's."""
    (tmp_path / name).mkdir()
    (tmp_path / name / NB).write_text("text")
    (tmp_path / name / "x.ipynb").write_text("text")
    left = []
    [one] = submissions(tmp_path, left)
    assert one.trouble and one.student.startswith("ada")
    assert all(text.isprintable() for text in (one.trouble, one.student, *left))


def test_what_is_no_class_is_told(tmp_path):
    """A wrong name gets a sentence."""
    with pytest.raises(SubmissionError, match="no folder, zip or notebook"):
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
        ("{}", "no cells"),
        ("null", "no cells"),
        ('{"cells": null}', "no cells"),
    ],
)
def test_what_is_no_notebook_is_told(text, told):
    """In a sentence for the student, not an exception."""
    with pytest.raises(SubmissionError, match=told):
        cells_of(text)


def test_old_notebooks_are_read():
    """Format 3 had worksheets, and called the source input."""
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": ["a = 1\n", "b = 2"]}]}]}
    [cell] = cells_of(json.dumps(old))
    assert cell.binds == {"a", "b"}


def test_a_cell_belongs_to_the_exercise_whose_names_it_defines():
    """Wherever it stands, and without any metadata."""
    sources = ["import socket", "class Handler: pass", "class ActivatedServer: pass", "LIMIT = 3"]
    assert chosen(BUILD, *sources) == [1, 3, 4]
    assert chosen(BUGS, *sources) == [1, 2, 4]


def test_what_a_cell_uses_comes_along():
    """A helper defined in the cell of another exercise is not lost."""
    sources = [
        "class Handler: pass\ndef helper(): pass",
        "class ActivatedServer:\n    def close(self):\n        helper()",
    ]
    assert chosen(BUILD, *sources) == [1, 2]


def test_common_cells_can_be_left_out():
    """What is needed comes along all the same."""
    sources = [
        "import socket",
        "while True: pass",
        "class ActivatedServer:\n    kind = socket.SOCK_STREAM",
    ]
    assert chosen(BUILD, *sources) == [1, 2, 3]
    assert chosen(BUILD, *sources, common=False) == [1, 3]


def test_questions_are_left_out():
    """Cells that ask for checks and hints are the grader's business."""
    asks = 'from socketlab import check\n\ncheck("03.1")'
    assert chosen(BUILD, "class ActivatedServer: pass", 'hint("03.1")', "check = 3", asks) == [1, 3]


def test_a_name_used_again_below_the_last_check_belongs_to_no_exercise():
    """A kernel has judged what stood above; an answer that comes late is judged all the same."""
    build, again = "class ActivatedServer: pass", "ActivatedServer = print"
    check = 'from socketlab import check\n\ncheck({}, part="address")'
    for asked in ('"03.1"', "3.1"):
        assert chosen(BUILD, build, check.format(asked), again) == [1]
    assert chosen(BUILD, build, check.format('"03.2"'), again) == [1, 3]
    assert chosen(BUILD, check.format('"03.1"'), build, again) == [2, 3]
    assert chosen(BUILD, check.format('"03.1"'), build, check.format('"03.1"'), again) == [2]


def test_a_cell_that_does_not_parse_still_belongs_somewhere():
    """So that its error is told where it matters, and nowhere else."""
    sources = ["class ActivatedServer(:\n    pass", "class Handler: pass"]
    assert chosen(BUILD, *sources) == [1]
    assert chosen(BUGS, *sources) == [2]
    assert "line 1" in cells_of(notebook(sources[0]))[0].syntax_error


def zipped(path, content, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("ada/03_tcp_server/a.ipynb", content)
    return path


def test_of_a_large_notebook_the_code_is_kept(tmp_path):
    """All of a class are in memory at once, so outputs, with pictures perhaps, are not."""
    code = {"cell_type": "code", "source": ["a = 1\n", "b"], "outputs": [{"data": "x" * 999_999}]}
    whole = json.dumps({"cells": [code, {"cell_type": "markdown", "source": "x" * 999_999}]})
    [ada] = submissions(zipped(tmp_path / "class.zip", whole))
    assert not ada.trouble and len(ada.text) < 100
    assert [cell.source for cell in cells_of(ada.text)] == ["a = 1\nb"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("\0" * (4 << 20), "it is not JSON"),
        ("[" + "[]," * (1 << 20) + "1]", "a million lists. Clear its outputs and hand it in again"),
        (json.dumps({"cells": [{"cell_type": "code", "source": "#" * 2_000_000}]}), "1 MB is read"),
    ],
    ids=["zeros", "lists", "code"],
)
def test_what_only_looks_like_a_notebook_is_not_kept(tmp_path, content, told):
    [ada] = submissions(zipped(tmp_path / "class.zip", content))
    assert told in ada.trouble and not ada.text


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_that_cannot_be_read_bit_by_bit(tmp_path, compression):
    """A few KB could be a gigabyte, and Python would have it all in memory before it is cut."""
    [ada] = submissions(zipped(tmp_path / "class.zip", "hers", compression))
    assert "Pack it as .zip usually is" in ada.trouble


def test_a_zip_that_lies_about_its_size(tmp_path):
    """No more is unpacked than it says to hold."""
    path = zipped(tmp_path / "class.zip", bytes(200 << 20))
    size = (200 << 20).to_bytes(4, "little")
    data = path.read_bytes()
    assert data.count(size) == 2
    path.write_bytes(data.replace(size, (1000).to_bytes(4, "little")))
    tracemalloc.start()
    [ada] = submissions(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "cannot be read: Bad CRC-32" in ada.trouble
    assert peak < 20 << 20


def test_a_zip_of_very_many_notebooks(tmp_path):
    with zipfile.ZipFile(tmp_path / "ada.zip", "w") as archive:
        for number in range(200):
            archive.writestr(f"03_tcp_server/{number}.ipynb", notebook("x"))
    with zipfile.ZipFile(tmp_path / "bob.zip", "w") as archive:
        archive.writestr("03_tcp_server/b.ipynb", notebook("x"))
    ada, bob = submissions(tmp_path)
    assert "it has 200 notebooks, 100 are read" in ada.trouble and not bob.trouble


def test_a_file_that_becomes_a_pipe_or_a_link(tmp_path):
    """Between the look at it and the reading: it is a student's folder, on a hub a living one."""
    path = tmp_path / "class" / "ada" / "03_tcp_server" / "a.ipynb"
    path.parent.mkdir(parents=True)
    for instead in (os.mkfifo, lambda one: os.symlink(__file__, one)):
        path.write_text("{}")
        [file] = in_folder(tmp_path / "class").files
        path.unlink()
        instead(path)
        with suppress(OSError):
            assert file.read() == b""
        path.unlink()


def test_what_is_below_the_last_check_has_come_too_late():
    """A star import in another exercise's cell, above all; what the answer lacks comes along."""
    exercise, others = find("03.1"), [find(f"03.{number}") for number in range(1, 5)]
    answer, check = "class ActivatedServer:\n    size = helper()", 'check("03.1")'
    below = ["from socket import *\ndef visit(): pass", "while True: pass", "def helper(): pass"]
    cells = cells_of(notebook("import socket", answer, check, *below))
    assert [cell.number for cell in cells_for(exercise, others, cells)] == [1, 2, 6]
    twice = cells_of(notebook(answer, "ActivatedServer = 1", check, "ActivatedServer = 2"))
    assert defined_again(exercise, twice) == [
        "You define ActivatedServer again in the cell that begins with 'ActivatedServer = 1': the "
        "last one counts.",
        "You define ActivatedServer again in the cell that begins with 'ActivatedServer = 2': what "
        "is above the check counts.",
    ]


def test_no_cell_keeps_the_grader_busy():
    """IPython reads a cell again for each magic in it, and tries all places for a `?`."""
    for source in (
        "!x\n" * 300_000,
        "a" * 1_000_000 + " ?",
        "%%time\n" * 1000,
        "%%time\n" * 9 + "?",
    ):
        [cell] = cells_of(notebook(source))
        assert cell.number == 1
    assert MOST_WORK < 10_000_000


@pytest.mark.parametrize(
    ("source", "binds"),
    [
        ("def f():\n    global A\n    A = 1", {"f", "A"}),
        ("match x:\n    case [a, *b]: pass\n    case {'k': c, **d}: pass", {"a", "b", "c", "d"}),
        ("from mine import *", {UNSEEN}),
        ("%run mine.py", {UNSEEN}),
        ("globals()['A'] = 1", {UNSEEN}),
        ("%%writefile there/mine.py\nA = 1", {"mine.py"}),
        ("%%timeit\nA = 1", set()),
        ("if __name__ == '__main__': pass", set()),
    ],
)
def test_the_names_a_cell_binds(source, binds):
    """Those that only a run can tell are noted as such: no such cell is left out."""
    [cell] = cells_of(notebook(source))
    assert cell.binds == binds
