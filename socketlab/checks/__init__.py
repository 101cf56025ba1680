"""Checks of the exercises: `check("03.1")` tries an answer, `hint("03.1")` helps."""

from .core import CheckFailed, check, hint

__all__ = ["CheckFailed", "check", "hint"]
