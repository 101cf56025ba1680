"""Call a function in a new Python, away from the notebook's threads and buffers."""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from ..output import show
from ..processes import end_of, named_error, start_function
from .running import DEADLINE, ServerError


def fresh(function: Any, *args: Any, deadline: float = DEADLINE) -> Any:
    """Call `function(*args)` in a new Python, show what it prints, return what it returns.

    The function may use what the notebook has defined; it gets copies. Raises ServerError
    when it raises, or when the program has not ended within `deadline` seconds. In any case
    none of its processes is left.
    """
    import cloudpickle  # type: ignore[import-untyped]  # only the chapters need it

    for package in _put_together_here():
        cloudpickle.register_pickle_by_value(package)
    name = getattr(function, "__name__", "the function")
    with TemporaryDirectory() as folder:
        task, result, out, err = (Path(folder, part) for part in ("task", "result", "out", "err"))
        task.write_bytes(cloudpickle.dumps((function, args)))
        # Files, not pipes: a pipe ends only when the last process that holds it has ended.
        with open(out, "wb") as stdout, open(err, "wb") as stderr:
            process = start_function(serve, str(task), str(result), stdout=stdout, stderr=stderr)
            status = end_of(process, deadline)
        show(out.read_text(encoding="utf-8", errors="replace"), sys.stdout)
        complaint = err.read_text(encoding="utf-8", errors="replace")
        if status is None:
            raise ServerError(f"{name}() was not done after {deadline:g} seconds. It was ended.")
        if status != 0:
            last = complaint.strip().splitlines()[-1:] or [f"exit status {status}"]
            raise ServerError(f"{name}() ended with {named_error(complaint) or last[0]}")
        if not result.exists():
            raise ServerError(f"{name}() ended its program before it returned.")
        show(complaint, sys.stderr)
        return cloudpickle.loads(result.read_bytes())


def _put_together_here() -> list[ModuleType]:
    """Return the packages that no path leads to, such as a learner's own with what is on loan."""
    known = [module for name, module in sys.modules.items() if "." not in name]
    return [
        one for one in known if hasattr(one, "__path__") and getattr(one, "__spec__", 1) is None
    ]


def serve(task: str, result: str) -> None:
    """Do what `fresh` asked for: what the new Python runs."""
    import cloudpickle

    function, args = cloudpickle.loads(Path(task).read_bytes())
    parent = os.getpid()
    returned = function(*args)
    if os.getpid() == parent:  # a child that came back from a fork has nothing to hand in
        Path(result).write_bytes(cloudpickle.dumps(returned))
