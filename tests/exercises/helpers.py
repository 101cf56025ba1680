"""What the tests of the checks share."""

import inspect
import os
import sys
import textwrap
from types import SimpleNamespace

import pytest

from socketlab import CheckFailedError, check, project
from socketlab.exercises import all_exercises, find


def message(exercise, part, *answers):
    """Return the message of the check that must fail, and hold it to the contract."""
    with pytest.raises(CheckFailedError) as caught:
        check(exercise, *answers, part=part)
    text = str(caught.value)
    assert text.startswith(f"✗ {exercise} {part}: ")
    assert len(text.splitlines()) < 12
    for word in ("Called:", "Got:", "Expected:", "Why:", f'hint("{exercise}")'):
        assert word in text
    assert "Traceback" not in text
    assert caught.value._render_traceback_() == [text]
    if "MESSAGES" in os.environ:  # a file to collect them in, for people to read
        with open(os.environ["MESSAGES"], "a", encoding="utf-8") as file:
            print(
                os.environ["PYTEST_CURRENT_TEST"].partition(" ")[0], text, "", sep="\n", file=file
            )
    return text


def impatient(monkeypatch):
    """Let the checks wait less: most wrong answers are waited for in vain.

    Not much less: beside other tests a right step may take half a second, and would be told of
    in place of the mistake.
    """
    all_exercises()  # a module first imported later would take the short time, and keep it
    for name, module in list(sys.modules.items()):
        if name.startswith(("socketlab.checks.", "socketlab.exercises.")) and hasattr(
            module, "PATIENCE"
        ):
            monkeypatch.setattr(module, "PATIENCE", 1.0)


def ours(exercise):
    """Return what our solution of an exercise defines, as a learner's own cells would."""
    solutions, number = project.PROJECT / "solutions", find(exercise).id
    namespace = {"__name__": "answer"}
    for cell in (project.setup_cell, project.answer_cell):
        exec(compile(cell(solutions, number), f"<answer {exercise}>", "exec"), namespace)
    return SimpleNamespace(**namespace)


def a_copy_of(*originals):
    """Return a library's class as if a learner had typed it, after the others it needs."""
    module = sys.modules[originals[0].__module__]
    namespace = {**vars(module), "__name__": "answer"}
    for original in originals:
        text = textwrap.dedent(inspect.getsource(original))
        exec(compile(text, "<answer>", "exec"), namespace)
    return namespace[originals[-1].__name__]
