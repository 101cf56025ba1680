"""Stands in front of the standard library's module: whoever imports it gets another.

That is minisocketserver, or a ship of the planks pickled in the file SOCKETSERVER_PLANKS. Put on
PYTHONPATH, so child processes get it as well (those started with -I or -E excepted). Where
SOCKETSERVER_COUNTS names a folder, each process leaves a file there at its exit, with the number
of server objects it made; a process that is killed leaves none.
"""

import atexit
import os
import pickle
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import minisocketserver

PLANKS = Path(__file__).parents[1] / "planks.py"


def load(name: str, path: Path) -> ModuleType:
    spec = spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ship(pickled: Path) -> ModuleType:
    """Assemble the ship around the standard library's own module, loaded by its path."""
    load("socketserver", Path(os.__file__).with_name("socketserver.py"))
    planks = load("planks", PLANKS)  # alone: the package would load half of Jupyter
    assembled: ModuleType = planks.assemble(**pickle.loads(pickled.read_bytes()))
    return assembled


def count_servers(module: Any, folder: Path) -> None:
    made = 0

    def counted(init: Any) -> Any:
        def counting_init(self: Any, *args: Any, **kwargs: Any) -> None:
            nonlocal made
            made += 1
            init(self, *args, **kwargs)

        return counting_init

    # A plank may be built on another BaseServer than the ship's, where that one is on loan.
    classes = [one for one in vars(module).values() if isinstance(one, type)]
    families: set[Any] = {
        base for one in classes for base in one.__mro__ if base.__name__ == "BaseServer"
    }
    for base in families:
        base.__init__ = counted(base.__init__)
    atexit.register(lambda: (folder / str(os.getpid())).write_text(str(made)))


pickled = os.environ.get("SOCKETSERVER_PLANKS")
module = ship(Path(pickled)) if pickled else minisocketserver
if "SOCKETSERVER_COUNTS" in os.environ:
    count_servers(module, Path(os.environ["SOCKETSERVER_COUNTS"]))
sys.modules[__name__] = module
