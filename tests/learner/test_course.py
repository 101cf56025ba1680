"""A learner's work is theirs: what `make lab` does to `course/`."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from ipykernel.ipkernel import IPythonKernel
from jupyter_client.kernelspec import get_kernel_spec

from socketlab.learner.course import MANIFEST, exercise_notebook, refresh
from socketlab.learner.lab import hand_out
from socketlab.learner.route import START
from tests.front_ends import FRONT_ENDS, deepnote

ROOT = Path(__file__).parents[2]
NAME = "notebooks/00_target.ipynb"


def write(path: Path, *sources: str, outputs: tuple[str, ...] = (), text: str = "") -> None:
    """Write a notebook with a code cell for each source, and `text` below them."""
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": str(number),
            "metadata": {},
            "outputs": [{"name": "stdout", "output_type": "stream", "text": printed}]
            if (printed := "".join(outputs))
            else [],
            "source": source,
        }
        for number, source in enumerate(sources)
    ]
    if text:
        cells.append({"cell_type": "markdown", "id": "text", "metadata": {}, "source": text})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}),
        encoding="utf-8",
    )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    write(tmp_path / "project" / NAME, "old")
    return tmp_path / "project"


@pytest.fixture
def copy(project: Path) -> Path:
    assert refresh(project, project / "course") == []
    return project / "course" / NAME


def sources(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(path.read_bytes())["cells"]]


def contents(course: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in course.rglob("*") if path.is_file()}


def beside(copy: Path) -> list[str]:
    return sorted(path.name for path in copy.parent.glob("*.new*"))


def test_what_the_learner_only_ran_is_replaced(project: Path, copy: Path) -> None:
    write(copy, "old", outputs=("ran",))
    write(project / NAME, "newer")
    assert refresh(project, project / "course") == []
    assert sources(copy) == ["newer"]
    assert beside(copy) == []


def test_notebooks_are_handed_out_without_outputs(project: Path) -> None:
    write(project / NAME, "question", outputs=("the answer to a prediction",))
    refresh(project, project / "course")
    [cell] = json.loads((project / "course" / NAME).read_bytes())["cells"]
    assert "".join(cell["source"]) == "question"
    assert (cell["outputs"], cell["execution_count"]) == ([], None)


def test_a_file_that_is_no_notebook_is_handed_out_as_it_is(project: Path) -> None:
    (project / "notebooks" / "table.md").write_bytes(b"| a |\r\n")
    refresh(project, project / "course")
    assert (project / "course" / "notebooks" / "table.md").read_bytes() == b"| a |\r\n"


def test_outputs_of_the_learner_stay_while_nothing_is_newer(project: Path, copy: Path) -> None:
    write(copy, "old", outputs=("ran",))
    ran = copy.read_bytes()
    refresh(project, project / "course")
    assert copy.read_bytes() == ran


def test_an_answer_stays_and_the_newer_version_is_put_beside(project: Path, copy: Path) -> None:
    write(copy, "answer")
    answer = copy.read_bytes()
    write(project / NAME, "newer")
    [sentence] = refresh(project, project / "course")
    assert NAME in sentence and "00_target.new.ipynb" in sentence
    assert copy.read_bytes() == answer
    new = copy.with_suffix(".new.ipynb")
    assert sources(new) == ["newer"]
    assert refresh(project, project / "course") == [], "it is said once"


def test_a_version_beside_that_nobody_touched_gives_way_to_the_next(
    project: Path, copy: Path
) -> None:
    write(copy, "answer")
    for version in ("newer", "newest"):
        write(project / NAME, version)
        refresh(project, project / "course")
    assert sources(copy) == ["answer"]
    assert sources(copy.with_suffix(".new.ipynb")) == ["newest"]
    assert beside(copy) == ["00_target.new.ipynb"]


def test_work_in_the_version_beside_stays_too(project: Path, copy: Path) -> None:
    write(copy, "answer")
    write(project / NAME, "newer")
    refresh(project, project / "course")
    new = copy.with_suffix(".new.ipynb")
    write(new, "second answer")
    second = new.read_bytes()
    write(project / NAME, "newest")
    refresh(project, project / "course")
    assert new.read_bytes() == second
    assert beside(copy) == ["00_target.2.new.ipynb", "00_target.new.ipynb"]


@pytest.mark.parametrize("spoilt", ["", "{", "[]", '{"notebooks/00_target.ipynb": 1}', "null"])
def test_a_spoilt_manifest_loses_nothing(project: Path, copy: Path, spoilt: str) -> None:
    write(copy, "answer")
    answer = copy.read_bytes()
    (project / "course" / MANIFEST).write_text(spoilt)
    refresh(project, project / "course")
    assert copy.read_bytes() == answer
    json.loads((project / "course" / MANIFEST).read_text())


@pytest.mark.parametrize("spoilt", [b"", b"{", b"\xff", b"[]", b'{"cells": [1]}'])
def test_a_notebook_that_cannot_be_read_stays(project: Path, copy: Path, spoilt: bytes) -> None:
    copy.write_bytes(spoilt)
    write(project / NAME, "newer")
    refresh(project, project / "course")
    assert copy.read_bytes() == spoilt
    assert beside(copy) == ["00_target.new.ipynb"]


def test_deleting_a_file_brings_it_back_and_dropping_one_leaves_it(
    project: Path, copy: Path
) -> None:
    copy.unlink()
    refresh(project, project / "course")
    assert copy.exists()
    (project / NAME).unlink()
    refresh(project, project / "course")
    assert copy.exists()


def test_an_interruption_leaves_the_old_file_whole(
    project: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = copy.read_bytes()
    write(project / NAME, "newer")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("os.replace", interrupted)
        refresh(project, project / "course")
    assert copy.read_bytes() == old
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]


# What front ends and editors do to a notebook without the learner's writing anything.

BLANK = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": ""}


def add_blank_cell(book: Any, index: int) -> None:
    book["cells"].insert(index, BLANK | {"id": f"blank-{index}"})


def blank_at_the_end(book: Any) -> None:
    """As JupyterLab does when one presses Shift+Enter in the last cell."""
    add_blank_cell(book, len(book["cells"]))


def blank_in_between(book: Any) -> None:
    add_blank_cell(book, 0)


def new_ids(book: Any) -> None:
    for number, cell in enumerate(book["cells"]):
        cell["id"] = f"rewritten-{number}"


def no_ids(book: Any) -> None:
    for cell in book["cells"]:
        del cell["id"]


def one_text(book: Any) -> None:
    for cell in book["cells"]:
        cell["source"] = "".join(cell["source"])


def final_newlines(book: Any) -> None:
    for cell in book["cells"]:
        cell["source"] = [*cell["source"], "\n"]


def windows_lines(book: Any) -> None:
    for cell in book["cells"]:
        cell["source"] = [line.replace("\n", "\r\n") for line in cell["source"]]


def metadata(book: Any) -> None:
    book["metadata"]["vscode"] = {"interpreter": {"hash": "1"}}
    book["cells"][0]["metadata"] = {"execution": {"iopub.status.busy": "now"}, "scrolled": True}


def has_run(book: Any) -> None:
    out = {"name": "stdout", "output_type": "stream", "text": ["ran\n"]}
    book["cells"][0] |= {"execution_count": 3, "outputs": [out]}


def nothing(book: Any) -> None:
    pass


# Deepnote adds a cell with a link: a newer version appears beside such a notebook.
UNTOUCHED = [save for save in FRONT_ENDS if save is not deepnote]

CHANGES: list[tuple[Callable[[Any], None], str, dict[str, Any]]] = [
    *((change, "utf-8", {}) for change in (blank_at_the_end, blank_in_between, new_ids, no_ids)),
    *((change, "utf-8", {}) for change in (one_text, final_newlines, windows_lines)),
    *((change, "utf-8", {}) for change in (metadata, has_run)),
    (nothing, "utf-8-sig", {}),
    (nothing, "utf-8", {"indent": 4, "sort_keys": True}),
    (nothing, "utf-8", {"separators": (",", ":"), "ensure_ascii": True}),
]


@pytest.mark.parametrize("change, encoding, form", CHANGES)
def test_what_front_ends_change_is_not_written_by_the_learner(
    project: Path,
    copy: Path,
    change: Callable[[Any], None],
    encoding: str,
    form: dict[str, Any],
) -> None:
    write(project / NAME, "first = 'ä'\nsecond", "old")
    refresh(project, project / "course")
    book = json.loads(copy.read_bytes())
    change(book)
    copy.write_text(json.dumps(book, **form), encoding=encoding)
    write(project / NAME, "newer")
    assert refresh(project, project / "course") == []
    assert sources(copy) == ["newer"] and beside(copy) == []


@pytest.mark.parametrize("save", UNTOUCHED, ids=lambda save: save.__name__)
def test_a_notebook_that_another_front_end_has_saved_is_brought_up_to_date(
    project: Path, copy: Path, save: Callable[[Any], str]
) -> None:
    copy.write_text(save(json.loads(copy.read_bytes())), "utf-8")
    write(project / NAME, "newer")
    assert refresh(project, project / "course") == []
    assert sources(copy) == ["newer"] and beside(copy) == []


@pytest.mark.parametrize("save", FRONT_ENDS, ids=lambda save: save.__name__)
def test_what_is_written_in_another_front_end_stays(
    project: Path, copy: Path, save: Callable[[Any], str]
) -> None:
    write(copy, "answer")
    copy.write_text(save(json.loads(copy.read_bytes())), "utf-8")
    mine = copy.read_bytes()
    write(project / NAME, "newer")
    refresh(project, project / "course")
    assert copy.read_bytes() == mine


@pytest.mark.parametrize(
    "bytes_of", [lambda b: b.replace(b"\n", b"\r\n"), lambda b: b"\xef\xbb\xbf" + b]
)
def test_line_ends_and_a_mark_in_the_file_are_not_writing(
    project: Path, copy: Path, bytes_of: Callable[[bytes], bytes]
) -> None:
    copy.write_bytes(bytes_of(copy.read_bytes()))
    write(project / NAME, "newer")
    assert refresh(project, project / "course") == []
    assert sources(copy) == ["newer"]


@pytest.mark.parametrize("change", ["another word", "old  # why?", "ol", "old\n\nmore"])
def test_a_changed_word_is_writing(project: Path, copy: Path, change: str) -> None:
    write(copy, change)
    write(project / NAME, "newer")
    refresh(project, project / "course")
    assert sources(copy) == [change]


def test_a_changed_kind_of_cell_and_an_added_one_are_writing(project: Path, copy: Path) -> None:
    write(copy, "old", "my own experiment")
    mine = copy.read_bytes()
    write(project / NAME, "newer")
    refresh(project, project / "course")
    assert copy.read_bytes() == mine


def test_a_newer_version_that_the_learner_threw_away_does_not_return(
    project: Path, copy: Path
) -> None:
    write(copy, "answer")
    write(project / NAME, "newer")
    refresh(project, project / "course")
    copy.with_suffix(".new.ipynb").unlink()
    assert refresh(project, project / "course") == []
    assert beside(copy) == []


@pytest.mark.parametrize("how", ["deleted", "taken over", "put back"])
def test_a_newer_version_that_is_no_longer_needed_goes(project: Path, copy: Path, how: str) -> None:
    first = copy.read_bytes()
    write(copy, "answer")
    write(project / NAME, "newer")
    refresh(project, project / "course")
    new = copy.with_suffix(".new.ipynb")
    if how == "deleted":
        copy.unlink()
    elif how == "taken over":
        write(copy, "newer", "")
    else:
        copy.write_bytes(first)
    assert refresh(project, project / "course") == []
    assert "newer" in sources(copy) and not new.exists()


def test_a_newer_version_with_the_learners_words_stays(project: Path, copy: Path) -> None:
    write(copy, "answer")
    write(project / NAME, "newer")
    refresh(project, project / "course")
    new = copy.with_suffix(".new.ipynb")
    write(new, "second answer")
    copy.unlink()
    refresh(project, project / "course")
    assert sources(copy) == ["newer"] and sources(new) == ["second answer"]


def test_copies_and_renamed_notebooks_are_left_alone(project: Path, copy: Path) -> None:
    others = [copy.with_name(name) for name in ("00_target-Copy1.ipynb", "mine.ipynb", "new.ipynb")]
    for other in others:
        other.write_bytes(copy.read_bytes())
    held = [other.read_bytes() for other in others]
    write(project / NAME, "newer")
    assert refresh(project, project / "course") == []
    assert [other.read_bytes() for other in others] == held


def test_updating_twice_changes_nothing(project: Path, copy: Path) -> None:
    write(copy, "answer")
    write(project / NAME, "newer")
    refresh(project, project / "course")
    held = contents(project / "course")
    assert refresh(project, project / "course") == []
    assert contents(project / "course") == held


def test_outputs_stay_when_only_what_surrounds_the_cells_is_newer(
    project: Path, copy: Path
) -> None:
    write(copy, "old", outputs=("ran",))
    ran = copy.read_bytes()
    book = json.loads((project / NAME).read_bytes())
    book["metadata"]["language_info"] = {"name": "python", "version": "4"}
    (project / NAME).write_text(json.dumps(book))
    refresh(project, project / "course")
    assert copy.read_bytes() == ran


@pytest.mark.parametrize("changed", [False, True])
def test_a_page_that_the_project_has_dropped_goes_unless_it_was_changed(
    project: Path, changed: bool
) -> None:
    page = project / "notebooks" / "TABLE.md"
    page.write_text("| for maintainers |\n")
    refresh(project, project / "course")
    handed_out = project / "course" / "notebooks" / "TABLE.md"
    if changed:
        handed_out.write_text("my notes")
    page.unlink()
    refresh(project, project / "course")
    assert handed_out.exists() == changed
    assert refresh(project, project / "course") == []


@pytest.mark.parametrize(
    "path", [*ROOT.glob("notebooks/*"), *ROOT.glob("exercises/*/*")], ids=lambda path: path.name
)
def test_there_is_nothing_in_the_course_but_notebooks(path: Path) -> None:
    assert path.suffix == ".ipynb"


# JupyterLab's own form

HANDED_OUT = sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("exercises/*/*.ipynb")])


def test_notebooks_are_handed_out_as_jupyterlab_saves_them(tmp_path: Path) -> None:
    """The browser's test opens some of them; this one holds all to nbformat's bytes."""
    refresh(ROOT, tmp_path)
    handed_out = sorted(tmp_path.rglob("*.ipynb"))
    assert len(handed_out) == len(HANDED_OUT)
    for path in handed_out:
        book = nbformat.read(path, as_version=nbformat.NO_CONVERT)
        assert (book.nbformat, book.nbformat_minor) == (4, 5)
        assert book.metadata.language_info == IPythonKernel.language_info
        assert book.metadata.kernelspec.display_name == get_kernel_spec("python3").display_name
        nbformat.write(book, tmp_path / "saved")
        assert path.read_bytes() == (tmp_path / "saved").read_bytes(), path


# Exercises

OLD = "exercises/03_tcp_server/03_tcp_server.ipynb"
NEW = "exercises/03_tcp_server/exercises_03_tcp_server.ipynb"


@pytest.fixture
def exercise(project: Path) -> Path:
    """A project with an exercise; where the learner's copy of it is to be."""
    write(project / OLD, "stub")
    return project / "course" / NEW


def as_handed_out_before(project: Path) -> Path:
    """Make the course as the project handed it out before exercises had names of their own."""
    course, manifest = project / "course", {}
    for name in (NAME, OLD):
        content = (project / name).read_bytes()
        (course / name).parent.mkdir(parents=True, exist_ok=True)
        (course / name).write_bytes(content)
        cells = [(c["cell_type"], "".join(c["source"])) for c in json.loads(content)["cells"]]
        held = {"cells": json.dumps(cells).encode(), "file": content}
        manifest[name] = {key: hashlib.sha256(part).hexdigest() for key, part in held.items()}
    (course / MANIFEST).write_text(json.dumps(manifest))
    return course


def test_an_exercise_has_a_name_of_its_own_and_links_find_it(project: Path, exercise: Path) -> None:
    write(project / NAME, "old", text="[a](../exercises/03_tcp_server/03_tcp_server.ipynb#x)")
    write(project / OLD, "stub", text="[b](../../notebooks/00_target.ipynb)")
    refresh(project, project / "course")
    assert exercise.exists() and not (project / "course" / OLD).exists()
    for path in (project / "course" / NAME, exercise):
        [link] = re.findall(r"\]\(([^)#]+)", sources(path)[-1])
        assert (path.parent / link).is_file()


def test_every_link_in_the_course_leads_to_a_file_of_it(tmp_path: Path) -> None:
    assert hand_out(ROOT, tmp_path) == 0
    found = 0
    for path in [*tmp_path.rglob("*.ipynb"), tmp_path / "notebooks" / START]:
        for link in re.findall(r"\]\(([^)#:]+)[)#]", path.read_text("utf-8")):
            found += 1
            assert (path.parent / link).is_file(), f"{path}: {link}"
    assert found > 50


def test_an_old_course_gets_the_new_names_with_what_was_written(
    project: Path, exercise: Path
) -> None:
    course = as_handed_out_before(project)
    write(course / OLD, "my answer")
    write(project / OLD, "newer stub")
    renamed, beside_it = refresh(project, course)
    assert OLD in renamed and "exercises_03_tcp_server.ipynb" in renamed
    assert NEW in beside_it and "exercises_03_tcp_server.new.ipynb" in beside_it
    assert sources(exercise) == ["my answer"]
    assert sources(exercise.with_suffix(".new.ipynb")) == ["newer stub"]
    assert refresh(project, course) == []
    assert len(list(exercise.parent.iterdir())) == 2


def test_an_untouched_old_course_is_brought_up_to_date(project: Path, exercise: Path) -> None:
    course = as_handed_out_before(project)
    book = json.loads((course / NAME).read_bytes())
    blank_at_the_end(book)
    (course / NAME).write_text(json.dumps(book))
    write(project / NAME, "newer")
    write(project / OLD, "newer stub")
    [renamed] = refresh(project, course)
    assert "03_tcp_server" in renamed
    assert sources(course / NAME) == ["newer"] and sources(exercise) == ["newer stub"]
    assert len([*course.rglob("*.ipynb")]) == 2


def test_a_newer_version_beside_an_old_name_is_renamed_with_it(
    project: Path, exercise: Path
) -> None:
    course = as_handed_out_before(project)
    write(course / OLD, "my answer")
    manifest = json.loads((course / MANIFEST).read_bytes())
    new = (course / OLD).with_suffix(".new.ipynb")
    new.write_bytes((project / OLD).read_bytes())
    manifest[OLD.replace(".ipynb", ".new.ipynb")] = manifest[OLD]
    (course / MANIFEST).write_text(json.dumps(manifest))
    refresh(project, course)
    assert sources(exercise) == ["my answer"]
    assert sources(exercise.with_suffix(".new.ipynb")) == ["stub"]
    assert len(list(exercise.parent.iterdir())) == 2


def test_a_notebook_copied_in_under_the_old_name_is_used_and_renamed(
    project: Path, exercise: Path
) -> None:
    course = project / "course"
    refresh(project, course)
    write(course / OLD, "my answer, from another machine")
    assert exercise_notebook(course / "exercises", "03") == course / OLD
    refresh(project, course)
    assert exercise_notebook(course / "exercises", "03") == exercise
    assert sources(exercise) == ["my answer, from another machine"]
    assert not (course / OLD).exists()


def test_of_two_notebooks_with_answers_none_is_lost(project: Path, exercise: Path) -> None:
    course = project / "course"
    refresh(project, course)
    write(exercise, "my answer")
    write(course / OLD, "my other answer")
    [sentence] = refresh(project, course)
    assert OLD in sentence and NEW in sentence
    assert sources(exercise) == ["my answer"] and sources(course / OLD) == ["my other answer"]
    assert exercise_notebook(course / "exercises", "03") == exercise


def test_the_notebook_for_an_exercise_is_never_a_newer_version_of_it(
    project: Path, exercise: Path
) -> None:
    course = project / "course"
    refresh(project, course)
    write(exercise, "my answer")
    write(project / OLD, "newer stub")
    refresh(project, course)
    exercise.rename(exercise.with_name("zzz my own name.ipynb"))
    found = exercise_notebook(course / "exercises", "03")
    assert found and found.name == "zzz my own name.ipynb"
    assert exercise_notebook(course / "exercises", "04") is None


@pytest.mark.parametrize("in_the_way", ["", "notebooks", NAME])
def test_a_course_that_cannot_be_written_is_told_in_a_sentence(
    project: Path, capsys: pytest.CaptureFixture[str], in_the_way: str
) -> None:
    """As root anything may be written; what no user can do is to write below a file."""
    course = project / "course"
    if in_the_way == NAME:
        (course / NAME).mkdir(parents=True)
    else:
        (course / in_the_way).parent.mkdir(exist_ok=True)
        (course / in_the_way).write_text("a file")
    assert hand_out(project, course) == 1
    said = capsys.readouterr().err
    assert f"{course}, can't be brought up to date" in said and len(said.splitlines()) == 1


STUB = "def f():\n    # YOUR CODE HERE\n    raise NotImplementedError()"
OURS = "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"


def write_chapter(path: Path, first: str, place: str = OURS) -> None:
    """Write a chapter with one place to write in, below another cell."""
    write(path, first, place)
    book = json.loads(path.read_text("utf-8"))
    book["cells"][1]["id"] = "write-00-f"
    path.write_text(json.dumps(book), encoding="utf-8")


@pytest.fixture
def chapter(project: Path) -> Path:
    write_chapter(project / NAME, "old")
    refresh(project, project / "course")
    return project / "course" / NAME


def edit(path: Path, number: int, source: str) -> None:
    book = json.loads(path.read_text("utf-8"))
    book["cells"][number]["source"] = source
    path.write_text(json.dumps(book), encoding="utf-8")


def test_a_place_is_handed_out_blank(chapter: Path) -> None:
    assert sources(chapter) == ["old", STUB]


def test_what_is_written_in_a_place_moves_to_the_newer_version(
    project: Path, chapter: Path
) -> None:
    edit(chapter, 1, "def f():\n    return 2")
    write_chapter(project / NAME, "new")
    assert refresh(project, project / "course") == []
    assert sources(chapter) == ["new", "def f():\n    return 2"]
    assert beside(chapter) == []
    write_chapter(project / NAME, "newer")
    assert refresh(project, project / "course") == []
    assert sources(chapter) == ["newer", "def f():\n    return 2"]


@pytest.mark.parametrize("what", ["another cell", "the place's own text"])
def test_where_more_than_a_place_was_changed_both_versions_stay(
    project: Path, chapter: Path, what: str
) -> None:
    edit(chapter, 1, "def f():\n    return 2")
    if what == "another cell":
        edit(chapter, 0, "mine")
        write_chapter(project / NAME, "new")
    else:
        write_chapter(project / NAME, "new", OURS.replace("f():", "f(more):"))
    assert len(refresh(project, project / "course")) == 1
    assert "def f():\n    return 2" in sources(chapter)
    assert beside(chapter) == ["00_target.new.ipynb"]


def test_a_place_that_is_blank_again_is_not_the_learner_s(project: Path, chapter: Path) -> None:
    edit(chapter, 1, f"{STUB}\n\n")
    write_chapter(project / NAME, "new", OURS.replace("f():", "f(more):"))
    assert refresh(project, project / "course") == []
    assert sources(chapter) == ["new", STUB.replace("f():", "f(more):")]


def test_for_colab_each_notebook_begins_with_a_cell_for_it(project: Path) -> None:
    """It installs, and goes to the folder on Drive; an update leaves it as it is."""
    course = project / "my course"
    for _ in range(2):
        assert hand_out(project, course, for_colab=True) == 0
    [first, *rest] = sources(course / NAME)
    assert "%pip install" in first and "MyDrive/my course/notebooks" in first
    assert rest == ["old"] and beside(course / NAME) == []
