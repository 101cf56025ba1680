"""The ship of Theseus: `socketserver` with some of its classes replaced by yours."""

import ast
import inspect
import socketserver
from collections.abc import Iterator
from types import ModuleType
from typing import Any

PLANKS = {
    "BaseServer": "02",
    "TCPServer": "03",
    "UDPServer": "04",
    "UnixStreamServer": "05",
    "UnixDatagramServer": "05",
    "ThreadingMixIn": "06",
    "ForkingMixIn": "07",
    "BaseRequestHandler": "08",
    "StreamRequestHandler": "08",
    "DatagramRequestHandler": "08",
}
"""The classes the course builds, and the chapter that builds each."""


def assemble(**planks: type) -> "Ship":
    """Return a `socketserver` in which the given classes take the places of the original ones.

    The rest is on loan from the standard library, and built on yours: with
    `assemble(BaseServer=Mine)`, its TCPServer derives from `Mine`. Raises TypeError for a name
    that is no plank or a value that is no class.
    """
    for name, plank in planks.items():
        if name not in PLANKS:
            raise TypeError(f"{name} is not a plank. The planks are: {', '.join(PLANKS)}.")
        if not isinstance(plank, type):
            raise TypeError(f"{name} must be a class, not {plank!r}.")
    return Ship(planks)


class Ship(ModuleType):
    """A module like `socketserver`, and a table of whose planks it is made of."""

    def __init__(self, planks: dict[str, type]) -> None:
        super().__init__("socketserver")
        self.planks = planks
        tree = _WithoutClasses(planks).visit(ast.parse(inspect.getsource(socketserver)))
        vars(self).update(planks)
        exec(compile(tree, socketserver.__file__, "exec"), vars(self))
        vars(self).update(_writer(planks.get("StreamRequestHandler")))

    def threaded_server(self) -> Any:
        """Return the server of the threaded-client example, made of this ship's parts."""
        from .example import threaded_server

        return threaded_server(self)

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Yield `(chapter, class name, "yours" or "on loan")` for each plank the system has."""
        for name, chapter in PLANKS.items():
            if hasattr(self, name):
                yours = getattr(self, name).__module__ != "socketserver"
                yield chapter, name, "yours" if yours else "on loan"

    def __repr__(self) -> str:
        width = max(map(len, PLANKS))
        return "\n".join(
            f"{chapter}  {name:{width}}  {whose}" for chapter, name, whose in self.rows()
        )

    def _repr_html_(self) -> str:
        from ..markup import render  # here, as CPython's suites load this file without its package

        return render("planks.html", rows=self.rows())


def _writer(plank: Any) -> dict[str, type]:
    """Return the class of the plank's wfile, which programs know by a private name."""
    name = "_SocketWriter"
    known = plank.setup.__globals__ if plank else {}
    return {name: known[name]} if name in known else {}


class _WithoutClasses(ast.NodeTransformer):
    def __init__(self, names: dict[str, type]) -> None:
        self.names = names

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.stmt:
        return ast.copy_location(ast.Pass(), node) if node.name in self.names else node
