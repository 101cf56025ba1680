"""The bench: run servers in a notebook, see what they did, check an answer."""

from . import python_path  # noqa: F401  # isort: skip  (first: it keeps a learner's files behind Python's)
from .files import short_tempdir
from .learner.api import CheckFailedError, borrow, check, hint, progress, reset, solution
from .learner.guesses import predict, surprises
from .learner.harbour import harbour
from .learner.own_package import beside, planks, your_ship
from .learner.route import threaded_client
from .notebook.controls import play
from .notebook.explain import explain, explain_in_notebook
from .notebook.fresh_python import fresh
from .notebook.needs import needs
from .notebook.pictures import bars, compare
from .notebook.recorder import record
from .notebook.reopen_class import reopen
from .notebook.run_history import runs_in_notebook
from .notebook.running import ServerError, running
from .notebook.xray import xray
from .ship.class_map import class_map
from .ship.example import tcp_client
from .ship.planks import assemble

__all__ = [
    "CheckFailedError",
    "ServerError",
    "assemble",
    "bars",
    "beside",
    "borrow",
    "check",
    "class_map",
    "compare",
    "explain",
    "fresh",
    "harbour",
    "hint",
    "needs",
    "planks",
    "play",
    "predict",
    "progress",
    "record",
    "reopen",
    "reset",
    "running",
    "short_tempdir",
    "solution",
    "surprises",
    "tcp_client",
    "threaded_client",
    "xray",
    "your_ship",
]

explain_in_notebook()
runs_in_notebook()
