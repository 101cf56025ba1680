"""The page that a student gets back."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from ..checks.core import Exercise, points_in_words
from ..exercises import find
from ..markup import render
from .grade import Grade, Result


def page(student: str, grades: list[Grade]) -> str:
    """Return what a student gets back: each check, what it came to, and where to go on."""
    chapters = [(grade, _Results(grade.results)) for grade in grades]
    return render("feedback.html", student=student, chapters=chapters)


class _Results(list[Result]):
    """What appears under one heading: a chapter, an exercise, or one cause of several failures."""

    @property
    def points(self) -> str:
        most = sum(one.max_points for one in self)
        return f"{sum(one.points for one in self)} of {points_in_words(most)}"

    @property
    def notes(self) -> Iterable[str]:
        return dict.fromkeys(note for one in self for note in one.notes)

    @property
    def exercises(self) -> Iterator[tuple[Exercise, "_Results"]]:
        for exercise, results in groupby(self, key=lambda one: one.exercise):
            yield find(exercise), _Results(results)

    @property
    def passed(self) -> list[Result]:
        return [one for one in self if one.points]

    @property
    def failed(self) -> list["_Results"]:
        """The failures by their cause: a missing class fails every check, and is reported once."""
        by_cause: dict[str, _Results] = {}
        for one in self:
            if not one.points:
                cause = one.check if one.topic or one.failure is None else one.failure.got
                by_cause.setdefault(cause, _Results()).append(one)
        return list(by_cause.values())

    @property
    def facts(self) -> dict[str, str]:
        """What was called, what came of it and so on; nothing for a hidden check."""
        first = self[0]
        if first.topic or first.failure is None:
            return {}
        return {
            "Called": first.failure.called,
            "Got": first.failure.got,
            "Expected": first.failure.expected,
            "Why": first.failure.why,
        }
