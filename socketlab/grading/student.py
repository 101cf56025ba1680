"""What runs in a student's process: the cells, then whatever the checker asks of the answers."""

import builtins
import faulthandler
import signal
import socket
import sys
import types
from tempfile import TemporaryDirectory

from ..cells import Shell
from ..machine_load import fair_time
from ..remote.link import Service
from ..remote.messages import Line
from . import budget


class TooLongError(BaseException):
    """A cell wasn't done in time; no `except` of its own is meant."""


def prepare() -> None:
    """Make the shell in which cells will run, once for all processes that are forked from here."""
    module = types.ModuleType("__main__")  # pickle and multiprocessing look there for classes
    with TemporaryDirectory() as folder:  # IPython wants one already now
        Shell.instance(module=module, ipython_dir=folder).warm_up()


def main(control: socket.socket) -> None:
    """Run the cells that the checker sends, then be at its service. What a sandbox starts."""
    line = Line(control)
    (sources, cells_cpu, checks_cpu), _ = line.receive()
    shell = Shell.instance()
    shell.settle()
    sys.path.insert(0, "")  # as in a kernel: a cell may import what another one has written
    builtins.input = _no_input  # type: ignore[assignment]
    _tell_where_it_computes()
    with StopButton(cells_cpu) as button:
        troubles = run_cells(sources, shell, button)
    _tell_where_it_computes()
    signal.setitimer(signal.ITIMER_PROF, checks_cpu)
    line.send(troubles, [])
    Service(control, shell.user_ns).serve()


def _tell_where_it_computes() -> None:
    """Write to stderr where it stands, when it is ended because it computed for too long."""
    sys.stderr.flush()
    for number in (signal.SIGPROF, signal.SIGXCPU):
        faulthandler.unregister(number)  # or it takes it for done, whatever came in between
        faulthandler.register(number, chain=True)


class StopButton:
    """Stops the cell that runs when time is up, so that the cells after it still run.

    What the cells have waited for a processor is the machine's affair, and doesn't count. All of
    them may compute for `cpu_seconds`.
    """

    def __init__(self, cpu_seconds: float) -> None:
        self._cpu_seconds = cpu_seconds
        self._pressed = self._began = fair_time()
        self._has_stopped = False

    def __enter__(self) -> "StopButton":
        signal.signal(signal.SIGALRM, self._ring)
        signal.signal(signal.SIGPROF, self._ring_for_computing)
        signal.setitimer(signal.ITIMER_REAL, budget.CELLS_SECONDS, budget.LATER_CELL_SECONDS / 5)
        signal.setitimer(signal.ITIMER_PROF, self._cpu_seconds)
        return self

    def __exit__(self, *_: object) -> None:
        for timer in (signal.ITIMER_REAL, signal.ITIMER_PROF):
            signal.setitimer(timer, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)

    def run(self, shell: Shell, name: str, source: str) -> BaseException | None:
        """Run a cell; return what it ended with."""
        self._began, self._has_stopped = fair_time(), False
        try:
            return shell.run(name, source)
        except TooLongError as error:  # it came while nothing of the cell ran, as in an `await`
            return error

    def _ring(self, *_: object) -> None:
        now = fair_time()
        seconds = now - self._began
        if now - self._pressed >= budget.CELLS_SECONDS and seconds > budget.LATER_CELL_SECONDS:
            self._stop(f"it was stopped after {seconds:.0f} seconds")

    def _ring_for_computing(self, *_: object) -> None:
        self._stop(f"it computed for more than {self._cpu_seconds:g} seconds, and was stopped")

    def _stop(self, why: str) -> None:
        if not self._has_stopped:  # what goes on all the same is ended with the program
            self._has_stopped = True
            raise TooLongError(why)


def run_cells(sources: dict[str, str], shell: Shell, button: StopButton) -> dict[str, str]:
    """Run the cells in their order; return what went wrong, by cell.

    Cells are handed in as they stand, not in the order in which they were run. So one that lacks
    a name is tried again when the others have run.
    """
    from ..notebook.tracebacks import describe

    troubles: dict[str, str] = {}
    todo = dict(sources)
    while todo:
        lacking: dict[str, str] = {}
        for number, source in todo.items():
            troubles.pop(number, None)
            error = button.run(shell, f"<cell {number}>", source)
            if error is not None:
                troubles[number] = describe(error).removeprefix(f"{TooLongError.__name__}: ")
            if isinstance(error, NameError):
                lacking[number] = error.name or ""
        again = {number: todo[number] for number, name in lacking.items() if name in shell.user_ns}
        if len(again) == len(todo):
            break
        todo = again
    return troubles


def _no_input(prompt: str = "") -> str:
    raise EOFError("input() has nobody to ask: nobody sits there while a server runs")
