"""A prediction beside what a real run gave, and what to tell of the difference."""

from collections.abc import Mapping, Sequence
from typing import Any

from .case import Case


def compare(case: Case, guess: Any, real: list[Any], misread: Sequence[str]) -> None:
    """Fail `case` unless `guess` is `real`; `misread` has for each value what led to another one.

    The message names the first place that differs, not what the run gave there. Where single
    letters are asked for, a text is as good as a list of them.
    """
    if isinstance(guess, str) and all(isinstance(one, str) and len(one) == 1 for one in real):
        guess = list(guess)
    case.want(isinstance(guess, list | tuple), f"{guess!r}, which is not a list", alone=True)
    count = f"{len(guess)} values, {guess!r}, where {len(real)} are asked for"
    case.want(len(guess) == len(real), count, alone=True)
    for place, (mine, came, meaning) in enumerate(zip(guess, real, misread, strict=True), 1):
        told, kind = f"{mine!r} in place {place}", type(came)
        other_type = f"{told}, of type {type(mine).__name__}; the run gives {kind.__name__} there"
        case.want(type(mine) is kind, other_type, alone=True)
        case.want(mine == came, f"{told}; the run says otherwise. {meaning}", alone=True)


def compare_letter(case: Case, guess: Any, real: str, misread: Mapping[str, str]) -> None:
    """Fail `case` unless `guess` is the letter `real`; `misread` has what led to each letter."""
    letter = str(guess).strip().upper()
    case.want(letter in misread, f"{guess!r}, not one of the letters {', '.join(misread)}")
    case.want(letter == real, f"{letter}, {misread.get(letter, '')}")
