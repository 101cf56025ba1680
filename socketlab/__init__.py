"""The bench: run servers in a notebook, see what they did, check an answer."""

from . import pythons as pythons  # isort: skip  (first: it keeps a learner's files behind Python's)
from .answers import progress, reset, solution
from .checks import CheckFailed, check, hint
from .checks.place import short_tempdir
from .example import tcp_client, threaded_client
from .explain import explain, explain_in_notebook
from .fresh import fresh
from .needs import needs
from .pictures import class_map
from .planks import assemble
from .play import play
from .recorder import record
from .reopen import reopen
from .running import ServerTrouble, running
from .runs import runs_in_notebook

__all__ = [
    "CheckFailed",
    "ServerTrouble",
    "assemble",
    "check",
    "class_map",
    "explain",
    "fresh",
    "hint",
    "needs",
    "play",
    "progress",
    "record",
    "reopen",
    "reset",
    "running",
    "short_tempdir",
    "solution",
    "tcp_client",
    "threaded_client",
]

explain_in_notebook()
runs_in_notebook()
