"""Answers to a chapter's places, beside ours: a file for each chapter, NN_topic.py.

A line `# %% name` begins a right answer in another style than ours, a whole cell for the place of
this name; `# %% name: words` begins a wrong one, whose message has these words in it.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

_HEAD = re.compile(r"^# %% ([\w ]+?)(?:: (.+))?$", re.MULTILINE)


@dataclass
class Answers:
    """Of one place: a right cell in another style, and wrong ones by the words they are told."""

    right: str = ""
    wrong: list[tuple[str, str]] = field(default_factory=list)


def answers(chapter: str) -> dict[str, Answers]:
    """Return what there is for each place of the chapter "03"."""
    [path] = Path(__file__).parent.glob(f"{chapter}_*.py")
    _, *parts = _HEAD.split(path.read_text("utf-8"))
    found: dict[str, Answers] = {}
    for name, words, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        place, source = found.setdefault(name, Answers()), text.strip()
        if words:
            place.wrong.append((words, source))
        else:
            assert not place.right, f"two right answers for {name}"
            place.right = source
    return found
