"""A class to grade, the same one each time, and the command that grades it."""

import argparse
import json
import os
import subprocess
import sys

import nbformat

from socketlab.authoring.exercises import chapters, read
from socketlab.project import PROJECT

DEADLINE = 1800
STUDENTS = ("full", "half", "blank")
KINDS = ("full", "half", "one", "blank")

WRONG = {
    "01.3": (".sendall(line", ".send(line"),
    "02.2": ("self.visitors < self.limit", "self.visitors <= self.limit"),
    "03.3": ("allow_reuse_address = True", "allow_reuse_address = False"),
    "04.2": ("% 8", "// 8"),
    "05.2": ("self.send_error(404)", "self.send_response(404)"),
    "06.2": ("number <= self.server.seats", "number < self.server.seats"),
    "07.3": ('print("the shop is open", flush=True)', 'print("the shop is open")'),
    "08.3": ("if len(letter) < size:", "if not letter:"),
    "09.3": (".encode()", '.encode("latin-1")'),
    "10.2": ("+ self.queue_size - 1", "+ self.queue_size"),
    "11.3": ("max_connections = 3", "max_connections = 2"),
}
"""What the half student's second answer has in place of ours."""


def sample(chapter, kind, number=0):
    """Return a notebook that a student of this kind hands in.

    The half one has answered two exercises, the second of them wrongly, and has lost the cell of
    the last answer, which is blank. "one" has answered only one exercise: `number` says which.
    """
    if kind == "full":
        return read("solutions", chapter)
    notebook = read("exercises", chapter)
    solved = {cell.id: cell.source for cell in read("solutions", chapter).cells}
    answers = [cell for cell in notebook.cells if cell.id.startswith("answer-")]
    if kind == "one":
        chosen = answers[number % len(answers)]
        chosen.source = solved[chosen.id]
    elif kind == "half":
        right, wrong = half(chapter)
        for cell in answers:
            if cell.id == answer_id(right):
                cell.source = solved[cell.id]
            elif cell.id == answer_id(wrong):
                ours, theirs = WRONG[wrong]
                assert ours in solved[cell.id]
                cell.source = solved[cell.id].replace(ours, theirs)
        notebook.cells.remove(answers[-1])
    return notebook


def half(chapter):
    """Return the exercises that the half student has answered: rightly, wrongly."""
    number = chapter[:2]
    [wrong] = [exercise for exercise in WRONG if exercise.startswith(number)]
    return f"{number}.1", wrong


def answer_id(exercise):
    return f"answer-{exercise.replace('.', '-')}"


def handed_in(folder, chapter, student):
    """Return where a student's notebook lies in a class's folder."""
    return folder / student / chapter / f"{chapter}.ipynb"


def hand_in(folder, chapter, notebooks):
    """Write the notebooks of a chapter, given by student, as submissions."""
    for student, notebook in notebooks.items():
        path = handed_in(folder, chapter, student)
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)


def hand_in_samples(folder, count, among=None):
    """Write `count` submissions over the chapters, the same ones each time."""
    among = among or chapters()
    for number in range(count):
        turn, place = divmod(number, len(among))
        notebook = sample(among[place], KINDS[turn % len(KINDS)], turn // len(KINDS))
        hand_in(folder, among[place], {f"student{turn:02}": notebook})


# The command


def command(submissions, out, *options):
    return [sys.executable, "-m", "socketlab", "grade", submissions, "--out", out, *options]


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT), *sys.path])}


def grade(submissions, out, *options):
    """Grade to the end; return what the table holds."""
    run = subprocess.run(
        command(submissions, out, *options),
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return (out / "grades.csv").read_text()


def graded(out):
    """Return how many submissions are graded so far."""
    journal = out / "journal.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def results(out, student, chapter):
    """Return each check of a student's as the page for Gradescope has it."""
    path = out / "gradescope" / student / chapter / "results.json"
    return json.loads(path.read_text(encoding="utf-8"))["tests"]


def passed(out, student, chapter):
    """Return the checks that a student has passed: ("03.1", "address")."""
    won = (test for test in results(out, student, chapter) if test["score"])
    return {tuple(test["name"].split(" ", 1)) for test in won}


def chapter(name):
    """Return the name of a chapter with checks, as an option's type."""
    if name not in chapters():
        known = ", ".join(chapters())
        raise argparse.ArgumentTypeError(f"{name!r} is no chapter with checks. There are: {known}")
    return name
