"""The class map: which class derives from which, and whose it is."""

from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

from ..notebook.pictures import Picture
from .planks import PLANKS, Ship


def class_map(*things: Any) -> Picture:
    """Draw which class derives from which: of a module, of a Ship, or of the classes given.

    The ancestors of the given classes are drawn too. On a Ship, the colour tells yours from on
    loan. Raises TypeError for anything else.
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
    return Picture(_flowchart(names, whose), "\n".join(_tree(names, whose)))


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


def _flowchart(names: dict[type, str], whose: dict[type, str]) -> str:
    # The text colours go with the fills, so that both hold in a light and in a dark theme.
    lines = [
        "flowchart RL",
        "  classDef yours fill:#2e7d32,stroke:#1b5e20,color:#ffffff",
        "  classDef loan fill:#eceff1,stroke:#90a4ae,color:#37474f",
        "  classDef plain fill:#e3f2fd,stroke:#64b5f6,color:#0d47a1",
    ]
    style = {"yours": "yours", "on loan": "loan"}
    nodes = {cls: f"c{number}" for number, cls in enumerate(names)}
    for cls, node in nodes.items():
        lines.append(f'  {node}["{names[cls]}"]:::{style.get(whose.get(cls, ""), "plain")}')
    for cls, node in nodes.items():
        lines += [f"  {node} --> {nodes[base]}" for base in cls.__bases__ if base in nodes]
    return "\n".join(lines)


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
