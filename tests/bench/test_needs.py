"""`needs` stops a chapter with a sentence, or does nothing."""

import pytest
from IPython.core.interactiveshell import InteractiveShell

from socketlab import needs
from socketlab.needs import NotHere


def test_what_is_there_is_passed_over():
    assert needs("sockets", True) is None


def test_what_is_missing_is_named():
    with pytest.raises(NotHere, match="This system has no Unix sockets"):
        needs("Unix sockets", False)


def test_a_notebook_shows_the_sentence_and_no_traceback(capsys):
    shell = InteractiveShell()
    result = shell.run_cell("from socketlab import needs\nneeds('Unix sockets', False)")
    assert isinstance(result.error_in_exec, NotHere)
    shown = "".join(capsys.readouterr())
    assert "This system has no Unix sockets" in shown
    assert "Traceback" not in shown
