"""Answers are tried twice here, too: near, as a notebook does, and far, as the grader does."""

from ..exercises.conftest import pytest_generate_tests, where

__all__ = ["pytest_generate_tests", "where"]
