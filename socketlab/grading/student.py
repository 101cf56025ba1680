"""What runs in a student's process: the cells, then whatever the checker asks of the answers."""

import builtins
import faulthandler
import signal
import socket
import sys
import types
from tempfile import TemporaryDirectory

from ..cells import Shell
from .remote import Line, Subject


def prepare() -> None:
    """Make the shell in which cells will run, once for all processes that are forked from here."""
    module = types.ModuleType("__main__")  # pickle and multiprocessing look there for classes
    with TemporaryDirectory() as folder:  # IPython wants one already now
        Shell.instance(module=module, ipython_dir=folder).warm_up()


def main(control: socket.socket) -> None:
    """Run the cells that the checker sends, then be at its service. What a sandbox starts."""
    line = Line(control)
    (sources, cpu_seconds), _ = line.receive()
    shell = Shell.instance()
    shell.settle()
    sys.path.insert(0, "")  # as in a kernel: a cell may import what another one has written
    builtins.input = _no_input  # type: ignore[assignment]
    _tell_where_it_computes()
    troubles = run_cells(sources, shell)
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    line.send(troubles, [])
    Subject(control, shell.user_ns).serve()


def _tell_where_it_computes() -> None:
    """Write to stderr where it stands, when it is ended because it computed for too long."""
    sys.stderr.flush()
    for number in (signal.SIGPROF, signal.SIGXCPU):
        faulthandler.register(number, chain=True)


def run_cells(sources: dict[str, str], shell: Shell) -> dict[str, str]:
    """Run the cells in their order; return what went wrong, by cell.

    Cells are handed in as they stand, not in the order in which they were run. So one that lacks
    a name is tried again when the others have run.
    """
    from ..checks.step import describe

    troubles: dict[str, str] = {}
    todo = dict(sources)
    while todo:
        lacking: dict[str, str] = {}
        for number, source in todo.items():
            troubles.pop(number, None)
            error = shell.run(f"<cell {number}>", source)
            if error is not None:
                troubles[number] = describe(error)
            if isinstance(error, NameError):
                lacking[number] = error.name or ""
        again = {number: todo[number] for number, name in lacking.items() if name in shell.user_ns}
        if len(again) == len(todo):
            break
        todo = again
    return troubles


def _no_input(prompt: str = "") -> str:
    raise EOFError("input() has nobody to ask: nobody sits there while a server runs")
