"""What the learner writes in a chapter: blank it earns nothing, right it is theirs, on disk."""

import subprocess
import sys
from collections.abc import Iterable

import nbformat
import pytest

from socketlab import kernels
from socketlab.authoring.lint import code_cells, streams
from socketlab.exercises import all_chapters
from socketlab.learner import course, progress_log
from socketlab.learner.own_package import NAME
from socketlab.learner.places import our_cell, place_id
from socketlab.project import PROJECT
from socketlab.ship.example import EXPECTED
from socketlab.ship.planks import PLANKS

from ..own_package import write_ours
from .answers import answers

by_chapter = pytest.mark.parametrize("chapter", all_chapters(), ids=lambda chapter: chapter.id)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A learner's course, written in chapter by chapter."""
    made = tmp_path_factory.mktemp("learner") / "course"
    course.refresh(PROJECT, made)
    return made


@pytest.fixture(scope="module")
def another_folder(tmp_path_factory):
    """That of a learner who writes otherwise than we do."""
    made = tmp_path_factory.mktemp("another") / "course"
    course.refresh(PROJECT, made)
    return made


def edition(chapter, folder):
    [path] = folder.glob(f"notebooks/{chapter.id}_*.ipynb")
    return nbformat.read(path, as_version=4)


def written(chapter, folder, tries):
    """Run a learner's chapter, with these cells tried in each place in turn; return the checks.

    They are the cells with `check`, by place: one for the stub, then one for each try.
    """
    notebook = edition(chapter, folder)
    places = {place_id(chapter.id, name): name for name in chapter.checks}
    cells, checks, place = [], {}, ""
    for cell in notebook.cells:
        cells.append(cell)
        if place:
            checks[place] = [cell]
            for source in tries[place]:
                checks[place].append(nbformat.v4.new_code_cell(cell.source))
                cells += [nbformat.v4.new_code_cell(source), checks[place][-1]]
            for early in checks[place][:-1]:
                early.metadata.tags = ["raises-exception"]
        place = places.get(cell.id, "")
    notebook.cells = cells
    kernels.execute(notebook, resources={"metadata": {"path": str(folder / "notebooks")}})
    assert streams(notebook.cells[-1], "stdout") == EXPECTED
    return checks


def error(cell):
    return "\n".join(
        "\n".join(output.traceback) for output in cell.outputs if output.output_type == "error"
    )


def said(cell):
    """Return what a passed check shows, as plain text."""
    shown = [output.data["text/plain"] for output in cell.outputs if "data" in output]
    return "".join(shown) + streams(cell, "stdout")


def want_all_written(chapter, folder, checks: Iterable[list]):
    for name, (*_, last) in zip(chapter.checks, checks, strict=True):
        assert said(last).startswith(f"✓ {chapter.id} {name}: ")
    noted = {event for number, event in progress_log.events(folder) if number == chapter.id}
    assert {f"passed {name}" for name in chapter.checks} <= noted
    if chapter.own:
        assert f"{NAME}/{chapter.topic}.py (" in said(last)
        assert (folder / NAME / f"{chapter.topic}.py").is_file()


@by_chapter
@pytest.mark.timeout(300)
def test_wrong_answers_are_named_and_ours_are_the_learner_s(chapter, folder):
    others = answers(chapter.id)
    tries = {
        name: [*(text for _, text in others[name].wrong), our_cell(chapter, name)]
        for name in chapter.checks
    }
    checks = written(chapter, folder, tries)
    want_all_written(chapter, folder, checks.values())
    for name, (stub, *wrong, _) in checks.items():
        assert error(stub).startswith(f"✎ {chapter.id} {name}: this one is for you to write")
        assert not said(stub).strip()
        assert len(wrong) >= 2, name
        for (words, _), check in zip(others[name].wrong, wrong, strict=True):
            assert error(check).startswith(f"✗ {chapter.id} {name}: not yet."), (name, words)
            assert words in error(check)


@by_chapter
@pytest.mark.thorough
@pytest.mark.timeout(300)
def test_another_style_is_as_good(chapter, another_folder):
    tries = {name: [other.right] for name, other in answers(chapter.id).items()}
    want_all_written(chapter, another_folder, written(chapter, another_folder, tries).values())


@by_chapter
def test_each_place_is_in_the_chapter_blank_and_short(chapter, folder):
    cells = code_cells(edition(chapter, folder))
    for name in chapter.checks:
        here = place_id(chapter.id, name)
        [place] = [number for number, cell in enumerate(cells) if cell.id == here]
        assert "# YOUR CODE HERE" in cells[place].source
        assert cells[place + 1].source == f'check("{chapter.id}", part="{name}")'
        ours = our_cell(chapter, name).splitlines()
        lines = [line for line in ours if line not in cells[place].source.splitlines()]
        assert 1 <= len(lines) <= 10, (name, lines)


def test_the_package_runs_without_us(tmp_path):
    """In another Python, with nothing but the standard library on its path."""
    write_ours(tmp_path / "course")
    beyond = [one.topic for one in all_chapters() if set(one.own) - set(PLANKS)]
    program = (
        "import importlib, sys\n"
        "sys.path.insert(0, '')\n"
        "import myserver\n"
        "found = {name: getattr(myserver, name) for name in myserver.__all__}\n"
        "for topic in sys.argv[1:]:\n"
        "    found |= vars(importlib.import_module(f'myserver.{topic}'))\n"
        "assert not [name for name in sys.modules if name.startswith(('minisock', 'socketlab'))]\n"
        "print(*[name for name, one in found.items()\n"
        "        if getattr(one, '__module__', '').startswith('myserver.')])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-S", "-c", program, *beyond],
        cwd=tmp_path / "course",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stderr == ""
    mine = {name for chapter in all_chapters() for name in chapter.own}
    assert mine <= set(ran.stdout.split())
