"""One step of a check: what is asked of an answer, and what to tell when it does not come."""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, NoReturn

from ..notebook.running import ServerTrouble
from ..notebook.tracebacks import describe, whereabouts
from ..remote.link import PrivateError
from .place import there, there_within

__all__ = ["PATIENCE", "NotYet", "Step", "describe", "whereabouts"]

PATIENCE = 2.0
"""Seconds a check waits for an answer to do one thing."""


@dataclass(frozen=True)
class Step:
    """One thing asked of an answer: what is called, what should come of it, and why."""

    called: str
    expected: str
    why: str

    def fail(self, came: str, cause: BaseException | None = None) -> NoReturn:
        """End the check: this came instead."""
        raise NotYet(self, came) from cause

    def want(self, condition: object, came: str) -> None:
        """Fail with `came` unless `condition` holds."""
        if not condition:
            self.fail(came)

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Return `function(*args)`, run where the answer lives.

        An exception, or no end within PATIENCE, fails the step.
        """
        try:
            return there_within(PATIENCE, self.called, _called, function, *args)
        except NotYet:
            raise
        except ServerTrouble:
            self.fail(f"nothing within {PATIENCE:g} seconds{there(_where_the_call_stands)}")
        except BaseException as error:
            self.fail(describe(error), error)


class CannotCheck(Exception):
    """This machine lacks what a check needs, through no fault of the answer; the text says what."""

    def _render_traceback_(self) -> list[str]:
        """Tell IPython what to show in place of its own traceback."""
        return [str(self)]


class NotYet(PrivateError):
    """What one step of a check found; `came` in words."""

    def __init__(self, step: Step, came: str) -> None:
        super().__init__(came)
        self.step = step
        self.came = came


_known: Collection[threading.Thread] = ()


def _called(function: Callable[..., Any], *args: Any) -> Any:
    global _known
    _known = set(threading.enumerate()) - {threading.current_thread()}
    return function(*args)


def _where_the_call_stands() -> str:
    return whereabouts(_known)
