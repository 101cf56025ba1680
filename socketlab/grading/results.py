"""What grading leaves: a journal to go on from, and tables and pages for people."""

import csv
import hashlib
import io
import json
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Self

from . import private_files
from .grade import Grade, result_of
from .page import page
from .submissions import Submission

TABLE = "grades.csv"
JOURNAL = "journal.jsonl"
COLUMNS = "assignment duedate timestamp student_id last_name first_name email raw_score"
COLUMNS += " late_submission_penalty score max_score"
"""nbgrader's, so that what reads its export reads ours; what we do not know stays empty."""


class Journal:
    """The grades so far, a line each, in a file that is only ever added to.

    A grade is found again by what it was made from: student, chapter, the notebook's text, and
    `checks`, which tells one state of the checks from another.
    """

    def __init__(self, path: Path, checks: str) -> None:
        self._checks = checks
        self._grades: dict[str, dict[str, object]] = {}
        self._file = open(path, "ab+", opener=_private)  # noqa: SIM115 (closed by `__exit__`)
        self._file.seek(0)
        written = self._file.read()
        for line in written.splitlines():
            with suppress(ValueError):  # the line in which a run was interrupted
                entry = json.loads(line)
                self._grades[entry["key"]] = entry["grade"]
        if written and not written.endswith(b"\n"):
            self._file.write(b"\n")

    def find(self, submission: Submission) -> Grade | None:
        """Return the grade of this very notebook, or None."""
        fields = self._grades.get(self._key(submission))
        return grade_of(fields) if fields else None

    def add(self, grade: Grade, submission: Submission) -> None:
        """Keep a grade; once this returns, it outlives a crash of the program."""
        entry = {"key": self._key(submission), "grade": asdict(grade)}
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # what could not be written is told where it was added
            self._file.close()

    def _key(self, submission: Submission) -> str:
        facts = [submission.student, submission.chapter, submission.text, self._checks]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def grade_of(fields: dict[str, object]) -> Grade:
    """Return the grade that `dataclasses.asdict` has made `fields` of."""
    grade = Grade(**fields)  # type: ignore[arg-type]
    grade.results = [result_of(one) for one in fields["results"]]  # type: ignore[attr-defined]
    return grade


def write_all(grades: Iterable[Grade], folder: Path) -> None:
    """Write all tables and pages: each file whole or not at all."""
    grades = sorted(grades, key=lambda grade: (grade.student, grade.chapter))
    write_file(folder, TABLE, table(grades))
    for grade in grades:
        place = f"gradescope/{grade.student}/{grade.chapter}/results.json"
        write_file(folder, place, gradescope(grade))
    if any(result.topic for grade in grades for result in grade.results):
        write_file(folder, "hidden.csv", hidden_table(grades))
    else:
        (folder / "hidden.csv").unlink(missing_ok=True)  # of a run with other checks
    for student, theirs in groupby(grades, key=lambda grade: grade.student):
        write_file(folder, f"feedback/{student}.html", page(student, list(theirs)))


def write_file(folder: Path, place: str, text: str) -> None:
    """Write a file in a folder of grades, whole or not at all, for its owner alone."""
    private_files.write(folder / place, text.encode(errors="replace"), within=folder)


_FORMULA = re.compile("(^|[;\\t\\r\\n])(?=[-=+@\\t\\r\\uff1d\\uff0b\\uff0d\\uff20])")


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Return rows as CSV in which no spreadsheet finds a formula.

    Such a text gets an apostrophe before it; one after a semicolon, too, as spreadsheets in many
    countries begin a new field there.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        writer.writerow(_FORMULA.sub(r"\1'", one) if isinstance(one, str) else one for one in row)
    return text.getvalue()


def table(grades: list[Grade]) -> str:
    """Return the grades as CSV, in the columns of `nbgrader export`.

    Who could not be graded has no score: an empty one is noticed, a 0 would be believed.
    """
    columns = COLUMNS.split()
    rows: list[list[object]] = []
    for grade in grades:
        score = {} if grade.trouble else {"raw_score": grade.points, "score": grade.points}
        names = {"assignment": grade.chapter, "student_id": grade.student}
        cells = {**names, **score, "max_score": grade.max_points}
        rows.append([cells.get(column, "") for column in columns])
    return csv_text([columns, *rows])


def hidden_table(grades: list[Grade]) -> str:
    """Return, as CSV and for the teacher alone, what came of the hidden checks."""
    rows: list[list[object]] = [["student", "exercise", "check", "points", "of", "what came"]]
    for grade in grades:
        for one in grade.results:
            if one.topic and not grade.trouble:
                facts = [grade.student, one.exercise, one.topic]
                rows.append([*facts, one.points, one.max_points, one.whole_message])
    return csv_text(rows)


def gradescope(grade: Grade) -> str:
    """Return a results.json as Gradescope's autograders write it."""
    tests = [
        {
            "name": f"{result.exercise} {result.check}",
            "score": result.points,
            "max_score": result.max_points,
            "output": result.message,
            "status": "passed" if result.points else "failed",
        }
        for result in grade.results
    ]
    if grade.trouble:  # no score: Gradescope then tells the teacher, and the student no 0
        return json.dumps({"output": grade.trouble}, indent=1)
    return json.dumps({"score": grade.points, "tests": tests}, indent=1)
