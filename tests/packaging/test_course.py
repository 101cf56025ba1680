"""A learner's work is theirs: what `make lab` does to `course/`."""

import json
from pathlib import Path

import pytest

from socketlab.course import MANIFEST, refresh

NAME = "notebooks/00_target.ipynb"


def write(path: Path, *sources: str, outputs: tuple[str, ...] = ()) -> None:
    cells = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": str(number),
            "metadata": {},
            "outputs": [{"name": "stdout", "output_type": "stream", "text": text}]
            if (text := "".join(outputs))
            else [],
            "source": source,
        }
        for number, source in enumerate(sources)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
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
    return [cell["source"] for cell in json.loads(path.read_bytes())["cells"]]


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
    assert cell["source"] == "question"
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
    assert beside(copy) == ["00_target.new.ipynb", "00_target.new.new.ipynb"]


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
