"""How a check that has passed looks: a card in a learner's notebook, lines everywhere else."""

import os
import sys
from dataclasses import dataclass
from typing import Any

from ..markup import render
from ..output import say


@dataclass
class Success:
    """A part that has passed: its praise, and how far that brings the learner.

    `done` of `of` are places written in a chapter, or points earned in an exercise; `of` is 0
    where nothing is counted.
    """

    title: str
    praise: str
    points: str = ""
    done: int = 0
    of: int = 0
    so_far: str = ""
    following: str = ""

    def line(self) -> str:
        """Return it as a terminal shows it, without what comes next."""
        points = f" {self.points}." if self.points else ""
        return f"✓ {self.title}:{points} {self.praise}"

    def more(self) -> str:
        """Return how far that brings the learner, and what comes next; "" where nothing counts."""
        more = f"  {self.so_far}" if self.so_far else ""
        return more + (f" Next: {self.following}" if self.following else "")

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        text = "\n".join(filter(None, [self.line(), self.more()]))
        return {"text/plain": text, "text/html": render("passed.html", **vars(self))}


def show(success: Success, in_course: bool) -> bool:
    """Show it; return whether that was on a card, which says what comes next, too.

    A card is for a person, who looks at a notebook in a course. A program that runs one, such as
    nbgrader or `socketlab check`, reads lines.
    """
    ipython = sys.modules.get("IPython")  # where it runs, it has been imported
    shell: Any = ipython and ipython.get_ipython()
    if not in_course or "NBGRADER_EXECUTION" in os.environ or not hasattr(shell, "kernel"):
        say(success.line())
        return False
    from IPython.display import display

    display(success)  # type: ignore[no-untyped-call]
    return True
