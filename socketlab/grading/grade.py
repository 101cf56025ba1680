"""What comes of judging: the result of each check, and the grade of a notebook."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from ..checks import core
from ..checks.case import Failure
from ..checks.core import Check, Exercise
from ..exercises import all_exercises
from .submissions import Submission

HiddenChecks = Mapping[str, Sequence[Check]]
"""Hidden checks by the number of their exercise."""
NO_HIDDEN_CHECKS: HiddenChecks = MappingProxyType({})


@dataclass
class Result:
    """What one check came to: the points, and praise or a failure.

    `topic` is all that a student is told of the failure, where the check is a hidden one.
    """

    exercise: str
    check: str
    points: int
    max_points: int
    praise: str = ""
    failure: Failure | None = None
    topic: str = ""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def message(self) -> str:
        """What the student is told."""
        if self.failure is None:
            return f"✓ {self.exercise} {self.check}. {self.praise}"
        if self.topic:
            points = core.points_in_words(self.max_points)
            return f"✗ {self.exercise}: 0 of {points} for {self.topic}."
        return self.whole_message

    @property
    def whole_message(self) -> str:
        """What the teacher is told of a failure."""
        if self.failure is None:
            return self.message
        return core.message(self.exercise, self.check, self.max_points, self.failure)


def result_of(fields: dict[str, Any]) -> Result:
    """Return the result that `dataclasses.asdict` has made `fields` of."""
    result = Result(**fields)
    result.failure = Failure(**fields["failure"]) if fields["failure"] else None
    return result


@dataclass
class Grade:
    """The results of one notebook; `trouble` says why there are none."""

    student: str
    chapter: str
    results: list[Result] = field(default_factory=list)
    trouble: str = ""

    @property
    def points(self) -> int:
        return sum(result.points for result in self.results)

    @property
    def max_points(self) -> int:
        return sum(result.max_points for result in self.results)


def exercises_of(chapter: str, hidden: HiddenChecks = NO_HIDDEN_CHECKS) -> list[Exercise]:
    """Return the exercises of a chapter, such as 06_threading_mixin, with the hidden checks."""
    return [
        replace(one, checks=one.checks | {check.name: check for check in hidden.get(one.id, ())})
        for one in all_exercises()
        if one.id[:2] == chapter[:2] and chapter[2:3] == "_"
    ]


def ungraded(
    submission: Submission, trouble: str, hidden: HiddenChecks = NO_HIDDEN_CHECKS
) -> Grade:
    """Return the grade of a notebook in which no check has passed; `trouble` says why, if any."""
    results = [
        _missing(exercise, check, trouble)
        for exercise in exercises_of(submission.chapter, hidden)
        for check in exercise.checks.values()
    ]
    return Grade(submission.student, submission.chapter, results, trouble)


def _missing(exercise: Exercise, check: Check, trouble: str) -> Result:
    """Return the result of a check whose answer no cell defines."""
    names = check.names
    failure = Failure(
        called=f"your {names[0]}",
        got=trouble or f"there is no {names[0]}",
        expected=f"a cell that defines {' and '.join(names)}",
        why="Without it there is nothing to try.",
    )
    return failed(exercise, check, failure)


def failed(exercise: Exercise, check: Check, failure: Failure) -> Result:
    """Return the result of a check that the answer failed."""
    told = Failure(
        called=short(failure.called),
        got=short(failure.got),
        expected=short(failure.expected),
        why=short(failure.why),
    )
    return Result(exercise.id, check.name, 0, check.points, failure=told, topic=check.topic)


def short(text: str) -> str:
    """Return the text in one line, or its beginning, as any file and any terminal can show it."""
    return _printable(core.one_line(text))


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() or sign == "\n" else "\ufffd" for sign in text)
