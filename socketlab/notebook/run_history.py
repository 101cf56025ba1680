"""What has been run in this kernel: each run of a cell, how it ended, and what it defined."""

import difflib
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from ..cell_names import UNSEEN, names_bound, names_used

_BINDING = re.compile(r"^[ \t]*class\s+(\w+)|^(?:async )?def\s+(\w+)|^(\w+)\s*=(?!=)", re.MULTILINE)
"""In a cell that can't be parsed: an indented `def` is taken for a method, not for an answer."""
FIRST = "this kernel has not run the cells above: run them first"
"""What to do in a kernel that has just started."""
_ALIKE = 0.85
"""How much of two cells has to be the same for one to be the other, edited."""


@dataclass(eq=False)
class Run:
    """One run of a cell.

    `cell` is the id that JupyterLab and VS Code give a cell; other front ends give none. `trouble`
    is the error in words, "" where the run came to its end. `names` are those its text defines,
    `uses` those it reads.
    """

    source: str
    cell: str | None = None
    before: dict[str, int] = field(default_factory=dict)
    trouble: str = ""
    is_blank: bool = False
    lacks: str = ""

    def __post_init__(self) -> None:
        self.names, self.uses = _names(self.source)


class Runs:
    """The runs of a kernel's cells, in order, and which of them each name is from."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        history = [source for source in shell.user_ns.get("In", ())[1:-1] if source]
        self.done = [Run(source, trouble="an error") for source in history]
        self.origin: dict[str, Run] = {}
        self.deleted: set[str] = set()
        for run in self.done:  # before anybody watched: what is there has been defined
            found = [name for name in run.names if name in shell.user_ns]
            self.origin |= dict.fromkeys(found, run)
            run.trouble = "" if len(found) == len(run.names) else _last_error(run.source)
        current = shell.user_ns.get("In", [""])[-1]
        self.current: Run | None = Run(current)
        shell.events.register("pre_run_cell", self.begin)
        shell.events.register("post_run_cell", self.end)

    def begin(self, info: Any) -> None:
        """Note that a cell begins to run."""
        self._note_deleted()
        if self.current is not None:  # its end was never told
            self._note(self.current, "KeyboardInterrupt")
        before = {name: id(value) for name, value in self.shell.user_ns.items()}
        cell = getattr(info, "cell_id", None)
        self.current = Run(info.raw_cell, cell, before, trouble="not done yet")

    def end(self, result: Any) -> None:
        """Note how the cell ended."""
        error = result.error_before_exec or result.error_in_exec
        run, self.current = self.current, None
        if run is None:
            return
        run.cell = getattr(result.info, "cell_id", None)
        run.is_blank = isinstance(error, NotImplementedError)
        run.lacks = str(getattr(error, "name", "") or "") if isinstance(error, NameError) else ""
        self._note(run, in_words(error) if error is not None else "")

    def _note(self, run: Run, trouble: str) -> None:
        run.trouble = trouble
        for name in self._defined(run):
            self.origin[name] = run
        run.before = {}
        self.done.append(run)
        self.deleted.discard(run.cell or "")

    def _defined(self, run: Run) -> set[str]:
        """Return the names that a run has defined: its text says so, or they are others now.

        What IPython itself puts there, such as get_ipython after a %reset, is of no cell.
        """
        now, hidden = self.shell.user_ns, self.shell.user_ns_hidden
        changed = {
            name
            for name, value in now.items()
            if run.before.get(name) != id(value) and hidden.get(name) is not value
        }
        by_text = {name for name in run.names if name in now and not run.trouble}
        return by_text | (changed if run.before else changed & run.names)

    def _note_deleted(self) -> None:
        # JupyterLab says with each run which cells were deleted since the last one.
        parent: dict[str, Any] = getattr(self.shell, "get_parent", dict)() or {}
        self.deleted |= set(map(str, parent.get("metadata", {}).get("deletedCells") or ()))

    def stale(self, names: Iterable[str]) -> tuple[str, str]:
        """Return the first name whose definition is an earlier one, and in words why; or "", "".

        What the definition uses is asked as well. The cell that runs now may have defined it.
        """
        todo = list(names)
        for name in todo:
            origin = self._origin(name)
            if origin is None or origin is self.current:
                continue
            if words := self._outdated(name, origin):
                return name, words
            todo += sorted(origin.uses & self.origin.keys() - set(todo))
        return "", ""

    def _origin(self, name: str) -> Run | None:
        run = self.current
        if run is not None and run.before and name in self._defined(run):
            return run
        return self.origin.get(name)

    def _outdated(self, name: str, origin: Run) -> str:
        later = self.done[self.done.index(origin) + 1 :] if origin in self.done else self.done
        if origin.cell and (again := [run for run in later if run.cell == origin.cell]):
            last = again[-1]
            is_renamed = name in origin.names and name not in last.names
            return _ended(last) if last.trouble else self._renamed(last, name) if is_renamed else ""
        if origin.cell in self.deleted:
            return "the cell that defined it is no longer in the notebook"
        if _is_batch():
            return ""
        for run in reversed(later):
            if name in run.names:
                return "" if not run.trouble or run.is_blank else _ended(run)
        edited = [run for run in later if not run.cell and _is_renamed(origin, run, name)]
        return self._renamed(edited[-1], name) if edited and not origin.cell else ""

    def _renamed(self, run: Run, name: str) -> str:
        # Some of its names are gone when it ends, such as that of an `except … as`.
        now = " and ".join(sorted(run.names & self.shell.user_ns.keys())) or "nothing"
        return f"your last run of this cell defines {now}, and no longer {name}"

    def missing(self, name: str) -> str:
        """Return why a name is not defined, in words: how the run that was to define it ended."""
        for run in reversed(self.done):
            if name in run.names or (run.is_blank and name in run.source):
                fresh = bool(run.lacks) and not self.is_known(run.lacks)
                return _ended(run) + (f"; {FIRST}" if fresh else "") if run.trouble else ""
        return FIRST

    def is_known(self, name: str) -> bool:
        """Tell whether any run has defined a name, or was to define it."""
        return name in self.origin or any(name in run.names for run in self.done)


def runs_in_notebook() -> None:
    """Keep account of the runs of cells, where IPython runs them; elsewhere do nothing."""
    shell = _shell()
    if shell is not None and not hasattr(shell, "socketlab_runs"):
        shell.socketlab_runs = Runs(shell)


def runs_behind(namespace: Mapping[str, Any]) -> Runs | None:
    """Return the account of the kernel whose cells define `namespace`, None for any other."""
    shell = _shell()
    is_its = shell is not None and namespace is shell.user_ns
    return getattr(shell, "socketlab_runs", None) if is_its else None


def _shell() -> Any:
    ipython = sys.modules.get("IPython")  # where it runs, it has been imported
    return ipython and ipython.get_ipython()


def _is_batch() -> bool:
    """Tell whether a program runs the cells once, in order: then none is run again."""
    return "NBGRADER_EXECUTION" in os.environ


def _ended(run: Run) -> str:
    return f"your last run of this cell ended in {run.trouble}"


def _is_renamed(origin: Run, run: Run, name: str) -> bool:
    """Tell whether a run is that of the same cell, edited, with another name in it."""
    if run.trouble or name in run.names:
        return False
    texts = [re.sub(rf"\b{one}\b", name, run.source) for one in run.names]
    match = difflib.SequenceMatcher(None, origin.source, "", autojunk=False)
    for text in texts:
        match.set_seq2(text)
        if match.quick_ratio() > _ALIKE and match.ratio() > _ALIKE:
            return True
    return False


def _names(source: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that a cell's text defines, and those that it uses."""
    from ..cells import parse  # it needs IPython, which a kernel has and other programs load late

    try:
        tree = parse(source)
    except Exception:  # whatever IPython cannot read, it says so below the cell
        return frozenset(filter(None, chain(*_BINDING.findall(source)))), frozenset()
    names = names_bound(tree) - {UNSEEN}  # the namespace shows those, once the cell has run
    return names, names_used(tree) - names


def in_words(error: BaseException) -> str:
    """Return an error as a cell shows it, in a line."""
    if isinstance(error, SyntaxError):
        where = f", line {error.lineno}" if error.lineno else ""
        return f"{type(error).__name__}: {error.msg}{where}"
    from .tracebacks import describe

    return describe(error).removesuffix(": ")


def _last_error(source: str) -> str:
    """Return the error that was shown last, if it is that of a cell with this text."""
    error = getattr(sys, "last_value", None)
    if error is None:
        return "an error"
    traceback = error.__traceback__
    names = {error.name} if isinstance(error, NameError) else set()
    return in_words(error) if traceback is None or names <= _names(source)[1] else "an error"
