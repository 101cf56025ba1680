"""A prediction beside what a real run gave, and what to tell of the difference."""

from collections.abc import Mapping
from typing import Any

from .step import Step


def compare(step: Step, guess: Any, real: list[Any], misread: Mapping[int, str]) -> None:
    """Fail `step` unless `guess` is `real`; `misread` tells, by place, what led there.

    The message names the first place that differs, not what the run gave there. Where single
    letters are asked for, a text is as good as a list of them.
    """
    if isinstance(guess, str) and all(isinstance(one, str) and len(one) == 1 for one in real):
        guess = list(guess)
    step.want(isinstance(guess, list | tuple), f"{guess!r}, which is not a list")
    step.want(
        len(guess) == len(real), f"{len(guess)} values, {guess!r}, where {len(real)} are asked for"
    )
    for place, (mine, came) in enumerate(zip(guess, real, strict=True)):
        kind = type(came)
        step.want(
            type(mine) is kind,
            f"{mine!r} in place {place + 1}, of type {type(mine).__name__}; "
            f"the run gives {kind.__name__} there",
        )
        step.want(
            mine == came,
            f"{mine!r} in place {place + 1}; the run says otherwise. {misread.get(place, '')}",
        )
