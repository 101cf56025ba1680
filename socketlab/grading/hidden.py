"""Checks of a teacher's own, in a file that no student sees.

    from socketlab.checks.room import serving, talk
    from socketlab.checks.step import Step
    from socketlab.grading.hidden import hidden_check

    @hidden_check("03.1", topic="long messages", points=2)
    def long_messages(TCPServer):
        step = Step("a message of 100 kB", "the same back", "A stream comes in pieces.")
        ...

A student who fails it is told the topic and the points, nothing else.
"""

from collections.abc import Callable
from pathlib import Path

from ..checks import core

_loaded: set[str] = set()


class BadChecks(Exception):
    """A file of hidden checks that cannot be used; the text says why."""


def hidden_check(
    exercise: str, *, topic: str, points: int
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the decorated function to the checks of an exercise; it gets the answers.

    LookupError for an unknown exercise.
    """

    def register(run: Callable[..., None]) -> Callable[..., None]:
        part = core.Part(f"hidden: {topic}", points, "A check of your teacher's.", run, topic)
        core.find(exercise).parts[part.name] = part
        return run

    return register


def load(source: str, name: str = "hidden checks") -> None:
    """Run the text of a file of hidden checks, once. BadChecks if it does not run.

    It is no module that could be imported: so its functions run here, never with the student's
    code, and their source is not sent anywhere.
    """
    if source in _loaded:
        return
    try:
        exec(compile(source, name, "exec"), {"__name__": "hidden"})
    except Exception as error:
        raise BadChecks(f"{name} cannot be used: {type(error).__name__}: {error}") from error
    _loaded.add(source)


def read(path: Path | None) -> str:
    """Return the text of a file of hidden checks, or nothing. BadChecks if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8") if path else ""
    except (OSError, ValueError) as error:
        raise BadChecks(f"{path} cannot be read: {error}") from error
