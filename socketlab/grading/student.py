"""What runs in a student's process: the cells, then whatever the checker asks of the answers."""

import builtins
import faulthandler
import linecache
import signal
import socket
import sys
import types
from typing import Any

from .remote import Line, Subject


def main(control: socket.socket) -> None:
    """Run the cells that the checker sends, then be at its service. What a sandbox starts."""
    line = Line(control)
    (sources, cpu_seconds), _ = line.receive()
    module = types.ModuleType("__main__")  # pickle and multiprocessing look there for classes
    sys.modules["__main__"] = module
    namespace = vars(module)
    namespace.update(get_ipython=_Shell, display=_ignore, input=_no_input)
    builtins.input = _no_input  # type: ignore[assignment]
    _tell_where_it_computes()
    troubles = run_cells(sources, namespace)
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    line.send(troubles, [])
    Subject(control, namespace).serve()


def _tell_where_it_computes() -> None:
    """Write to stderr where it stands, when it is ended because it computed for too long."""
    sys.stderr.flush()
    for number in (signal.SIGPROF, signal.SIGXCPU):
        faulthandler.register(number, chain=True)


def run_cells(sources: dict[str, str], namespace: dict[str, Any]) -> dict[str, str]:
    """Run the cells in their order; return what went wrong, by cell.

    Cells are handed in as they stand, not in the order in which they were run. So one that lacks
    a name is tried again when the others have run.
    """
    from ..checks.step import describe

    troubles: dict[str, str] = {}
    todo = dict(sources)
    while todo:
        again: dict[str, str] = {}
        for number, source in todo.items():
            troubles.pop(number, None)
            try:
                _run(f"<cell {number}>", source, namespace)
            except BaseException as error:
                troubles[number] = describe(error)
                if isinstance(error, NameError):
                    again[number] = source
        if len(again) == len(todo):
            break
        todo = again
    return troubles


def _run(name: str, source: str, namespace: dict[str, Any]) -> None:
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec"), namespace)


class _Shell:
    """Stands in for IPython, which does not run here: anything may be asked of it."""

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        return self

    def __iter__(self) -> Any:
        return iter(())


def _ignore(*args: Any, **keywords: Any) -> None:
    pass


def _no_input(prompt: str = "") -> str:
    raise EOFError("input() has nobody to ask: nobody sits there while a server runs")
