"""The exercise notebooks: generated from the solutions, blank ones fail, solutions pass."""

import os
import re

import nbformat
import pytest

from socketlab.authoring.exercises import chapters, generate, read, scored
from socketlab.exercises import find
from socketlab.kernels import execute
from socketlab.project import PROJECT


def checks_in(notebook):
    cells = scored(notebook)
    assert cells
    return cells


def failure(cell):
    """What the learner sees when the cell fails, or None."""
    errors = [output for output in cell.outputs if output.output_type == "error"]
    return "\n".join(errors[0].traceback) if errors else None


@pytest.fixture(scope="module", params=chapters())
def chapter(request):
    return request.param


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Let a kernel that starts elsewhere find this checkout."""
    monkeypatch.setenv("PYTHONPATH", str(PROJECT), prepend=os.pathsep)


def executed(folder, chapter):
    return execute(read(folder, chapter), allow_errors=True, timeout=30)


@pytest.mark.timeout(600)  # nbgrader begins anew for each chapter
def test_the_committed_exercises_are_what_nbgrader_makes_of_the_solutions(tmp_path):
    """Run `socketlab author exercises` when this fails."""
    made = {path.relative_to(tmp_path) for path in generate(PROJECT / "solutions", tmp_path)}
    committed = {
        path.relative_to(PROJECT / "exercises")
        for path in (PROJECT / "exercises").rglob("*.ipynb")
        if ".ipynb_checkpoints" not in path.parts
    }
    assert made == committed
    for path in made:
        fresh, old = (
            nbformat.read(folder / path, as_version=4)
            for folder in (tmp_path, PROJECT / "exercises")
        )
        assert fresh == old, f"{path} differs: run socketlab author exercises"


def test_the_points_in_the_notebook_are_those_of_the_checks(chapter):
    """A cell's points stand in its metadata for nbgrader and in the check for the message."""
    points = {}
    for cell in checks_in(read("solutions", chapter)):
        assert cell.id == cell.metadata.nbgrader.grade_id
        assert cell.metadata.nbgrader.schema_version == 3
        exercise, part = cell.source.split('"')[1::2]
        points.setdefault(exercise, {})[part] = cell.metadata.nbgrader.points
    for exercise, parts in points.items():
        assert parts == {part.name: part.points for part in find(exercise).checks.values()}


def test_each_task_says_its_kind_its_level_and_its_minutes(chapter):
    """In one form, and as the check has them."""
    levels = {1: "a few lines", 2: "a few lines more", 3: "some thought"}
    tasks = re.findall(
        r"^## (\d\d\.\d) (.+)\n\n(.*)",
        "\n".join(cell.source for cell in read("solutions", chapter).cells),
        re.MULTILINE,
    )
    assert tasks
    for number, title, line in tasks:
        spec = find(number)
        assert title == spec.title
        form = rf"\*{spec.kind.capitalize()}, {levels[spec.level]}, \d+ minutes\.\*"
        assert re.fullmatch(form, line), f"{number}: {line}"


def test_help_is_introduced_before_the_first_task(chapter):
    text = "\n".join(cell.source for cell in read("solutions", chapter).cells)
    above, first = re.split(r"^## (?=\d\d\.1)", text, maxsplit=1, flags=re.MULTILINE)
    for call in ("hint", "solution", "reset"):
        assert f'`{call}("{first[:4]}")`' in above
    assert "`progress()`" in above


def test_a_blank_exercise_fails_every_scored_check(chapter):
    """Each failure is the short message, with no traceback of IPython's."""
    for cell in checks_in(executed("exercises", chapter)):
        message = failure(cell)
        assert message is not None, f"{cell.id} passes on the blank exercise"
        assert re.match(r"✗ \d\d\.\d ", message), message
        assert len(message.splitlines()) < 12
        assert "Traceback" not in message
        assert "blank" in message or "there is no" in message
        assert not [output for output in cell.outputs if output.output_type == "stream"]


def test_the_solution_passes_every_scored_check(chapter):
    """Each success is one line on stdout, and nothing else."""
    for cell in checks_in(executed("solutions", chapter)):
        assert failure(cell) is None, failure(cell)
        assert {output.name for output in cell.outputs} == {"stdout"}
        # The kernel may send a line and its end in two pieces.
        [line] = "".join(output.text for output in cell.outputs).splitlines()
        assert re.match(r"✓ \d\d\.\d ", line)
