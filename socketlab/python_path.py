"""The search path of Pythons that we run: nothing of a learner's hides the standard library.

Imported before anything else of ours: what follows is then safe from the files in the folder in
which `python -m socketlab` is run. So it needs few modules itself.
"""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress


def search_path(path: Iterable[str]) -> list[str]:
    """Return the path with the current folder behind the standard library, as in a kernel.

    There a learner's own socketserver.py or random.py hides nothing, and a module of their own
    is still found.
    """
    here = {""}
    with suppress(OSError):  # the folder has been deleted
        here.add(os.getcwd())
    entries = list(path)
    others = [entry for entry in entries if entry not in here]
    packages = (n for n, entry in enumerate(others) if entry.endswith("-packages"))
    place = next(packages, len(others))
    return [*others[:place], *[entry for entry in entries if entry in here][:1], *others[place:]]


if sys.argv[:1] == ["-m"]:  # `python -m socketlab` looks into the current folder first
    sys.path[:] = search_path(sys.path)
