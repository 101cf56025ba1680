"""Stands in front of the standard library's module: whoever imports it gets ours.

Put on PYTHONPATH, so child processes get ours as well (those started with -I or -E excepted).
Where SOCKETSERVER_COUNTS names a folder, each process leaves a file there at its exit, with the
number of server objects it made; a process that is killed leaves none. A statement in
SOCKETSERVER_CHANGE is executed in our module first.
"""

import atexit
import os
import sys
from pathlib import Path
from typing import Any

import minisocketserver

sys.modules[__name__] = minisocketserver


def count_servers(folder: str) -> None:
    made = 0
    init = minisocketserver.BaseServer.__init__

    def counting_init(self: Any, *args: Any, **kwargs: Any) -> None:
        nonlocal made
        made += 1
        init(self, *args, **kwargs)

    minisocketserver.BaseServer.__init__ = counting_init  # type: ignore[method-assign]
    atexit.register(lambda: Path(folder, str(os.getpid())).write_text(str(made)))


exec(os.environ.get("SOCKETSERVER_CHANGE", ""), vars(minisocketserver))
if "SOCKETSERVER_COUNTS" in os.environ:
    count_servers(os.environ["SOCKETSERVER_COUNTS"])
