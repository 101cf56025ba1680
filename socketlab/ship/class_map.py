"""The class map: which class derives from which, and whose it is."""

from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

from ..notebook.drawing import GREEN, IDLE, PLAIN, Drawing
from ..notebook.graphs import Edge, Graph, Node
from ..notebook.pictures import Picture
from ..output import listed
from .planks import PLANKS, Ship


def class_map(*things: Any) -> Picture:
    """Draw which class derives from which: of a module, of a Ship, or of the classes given.

    The ancestors of the given classes are drawn too. On a Ship, yours are green, and those on loan
    grey with a dashed outline. Raises TypeError for anything else.
    """
    whose: dict[type, str] = {}
    names: dict[type, str] = {}
    for thing in things:
        for name, cls in _classes(thing):
            names.setdefault(cls, name)
            if isinstance(thing, Ship) and name in PLANKS:
                whose[cls] = "yours" if name in thing.planks else "on loan"
    for cls in list(names):
        for ancestor in cls.__mro__[1:-1]:  # the last one is object
            names.setdefault(ancestor, ancestor.__name__)
    text, alt = "\n".join(_tree(names, whose)), " ".join(_alt(names, whose))
    return Picture(_drawn(names, whose), text, "Class map", alt)


def _classes(thing: Any) -> Iterator[tuple[str, type]]:
    if isinstance(thing, type):
        yield thing.__name__, thing
    elif isinstance(thing, Ship):
        yield from ((name, getattr(thing, name)) for name in PLANKS if hasattr(thing, name))
    elif isinstance(thing, ModuleType):
        for name in getattr(thing, "__all__", None) or list(vars(thing)):
            if isinstance(cls := getattr(thing, name), type) and not name.startswith("_"):
                yield name, cls
    elif isinstance(thing, Iterable) and not isinstance(thing, str | bytes):
        for item in thing:
            yield from _classes(item)
    else:
        raise TypeError(f"class_map() draws modules, ships and classes, not {thing!r}.")


def _drawn(names: dict[type, str], whose: dict[type, str]) -> Drawing:
    """Draw base classes on the left, and an arrow from each class to each of its bases."""
    fills = {"yours": GREEN, "on loan": IDLE, "": PLAIN}
    nodes = {cls: f"{number} {names[cls]}" for number, cls in enumerate(names)}
    graph = Graph({nodes[cls]: Node(names[cls], fills[whose.get(cls, "")]) for cls in names})
    for cls in names:
        graph.edges += [Edge(nodes[base], nodes[cls]) for base in cls.__bases__ if base in nodes]
    sheet = Drawing()
    graph.draw(sheet, "base")
    return sheet


def _alt(names: dict[type, str], whose: dict[type, str]) -> Iterator[str]:
    """Say of each class what it derives from; and whose they are, where that's known."""
    roots = []
    for cls, name in names.items():
        bases = [names[base] for base in cls.__bases__ if base in names]
        if bases:
            yield f"{name} derives from {listed(bases)}."
        else:
            roots.append(name)
    yield f"{listed(roots)} derive{'s' if len(roots) == 1 else ''} from none of them."
    for owner in ("yours", "on loan"):
        its = [names[cls] for cls in whose if whose[cls] == owner]
        if its:
            yield f"{owner.capitalize()}: {listed(its)}."


def _tree(names: dict[type, str], whose: dict[type, str]) -> Iterator[str]:
    """Yield the lines: a class with two bases stands under the last, and names the first."""

    def branch(cls: type, depth: int) -> Iterator[str]:
        mixed = "".join(f" + {names[base]}" for base in cls.__bases__[:-1] if base in names)
        owner = f" ({whose[cls]})" if cls in whose else ""
        yield "    " * depth + names[cls] + mixed + owner
        for child in names:
            if child.__bases__[-1] is cls:
                yield from branch(child, depth + 1)

    for cls in names:
        if cls.__bases__[-1] not in names:
            yield from branch(cls, 0)
