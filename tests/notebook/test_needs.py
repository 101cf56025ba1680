"""`needs` stops a chapter with a sentence, or does nothing."""

import pytest
from IPython.core.interactiveshell import InteractiveShell

from socketlab import needs
from socketlab.notebook.needs import NotHereError


def test_what_is_there_is_passed_over():
    assert needs("sockets", True) is None


def test_what_is_missing_is_named():
    with pytest.raises(NotHereError, match="This system has no Unix sockets"):
        needs("Unix sockets", False)


def test_a_notebook_shows_the_sentence_and_no_traceback(capsys):
    shell = InteractiveShell()
    result = shell.run_cell("from socketlab import needs\nneeds('Unix sockets', False)")
    assert isinstance(result.error_in_exec, NotHereError)
    shown = "".join(capsys.readouterr())
    assert "This system has no Unix sockets" in shown
    assert "Traceback" not in shown


def test_a_notebook_goes_on_with_the_cells_that_can(capsys):
    shell = InteractiveShell.instance()
    try:
        cells = [
            "from socketlab import needs\nneeds('Unix sockets', False, but='ship')",
            "import no_such_module",
            "ship = 'afloat'",
            "print(ship)",
        ]
        assert all(shell.run_cell(cell).success for cell in cells)
    finally:
        shell.clear_instance()
    first, *told = capsys.readouterr().out.splitlines()
    assert first.startswith("This system has no Unix sockets, so the cells below cannot run here.")
    assert told == ["This system has no Unix sockets: this cell is passed over.", "afloat"]
