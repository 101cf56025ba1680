"""A prediction beside what a real run gave, and what to tell of the difference."""

from collections.abc import Mapping
from typing import Any

from .case import Case


def compare(case: Case, guess: Any, real: list[Any], misread: Mapping[int, str]) -> None:
    """Fail `case` unless `guess` is `real`; `misread` tells, by place, what led there.

    The message names the first place that differs, not what the run gave there. Where single
    letters are asked for, a text is as good as a list of them.
    """
    if isinstance(guess, str) and all(isinstance(one, str) and len(one) == 1 for one in real):
        guess = list(guess)
    case.want(isinstance(guess, list | tuple), f"{guess!r}, which is not a list", alone=True)
    count = f"{len(guess)} values, {guess!r}, where {len(real)} are asked for"
    case.want(len(guess) == len(real), count, alone=True)
    for place, (mine, came) in enumerate(zip(guess, real, strict=True)):
        told, kind = f"{mine!r} in place {place + 1}", type(came)
        other_type = f"{told}, of type {type(mine).__name__}; the run gives {kind.__name__} there"
        case.want(type(mine) is kind, other_type, alone=True)
        other_value = f"{told}; the run says otherwise. {misread.get(place, '')}"
        case.want(mine == came, other_value, alone=True)
