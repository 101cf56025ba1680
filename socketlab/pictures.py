"""Pictures for notebooks, each with a plain-text form."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from types import ModuleType
from typing import Any

from .planks import PLANKS, Ship


class Picture:
    """A Mermaid diagram, which JupyterLab draws, and the same as text for everywhere else."""

    def __init__(self, mermaid: str, text: str) -> None:
        self.mermaid = mermaid
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/vnd.mermaid": self.mermaid, "text/plain": self.text}


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


@dataclass
class Step:
    """One arrow of a sequence diagram; with `closes`, only the end of what `target` was doing."""

    source: str
    target: str
    label: str
    opens: bool = False
    closes: bool = False
    breaks: bool = False


def sequence_diagram(steps: list[Step]) -> Picture:
    """Draw who calls whom, in order. The plain-text form is numbered, as the drawing is."""
    arrows = [step for step in steps if not step.closes]
    lanes = list(dict.fromkeys(["client", *(step.target for step in arrows)]))
    ids = {lane: f"p{number}" for number, lane in enumerate(lanes)}
    # In the middle of its arrow, a label lies under the lines and bars that the arrow crosses.
    lines = [
        '%%{init: {"sequence": {"messageAlign": "left"}}}%%',
        "sequenceDiagram",
        "  autonumber",
    ]
    lines += [f"  participant {ids[lane]} as {lane.replace(' in ', '<br/>')}" for lane in lanes]
    for step in steps:
        source, target = ids[step.source], ids[step.target]
        if step.closes:
            lines.append(f"  deactivate {target}")
        else:
            arrow = "--x" if step.breaks else "->>"
            lines.append(f"  {source}{arrow}{target}: {step.label}")
        if step.opens:
            lines.append(f"  activate {target}")
    return Picture("\n".join(lines), "\n".join(_numbered(arrows, max(map(len, lanes)))))


def _numbered(arrows: list[Step], width: int) -> Iterator[str]:
    for number, step in enumerate(arrows, 1):
        target = "" if step.source == step.target else f"→ {step.target}"
        yield f"{number:2}  {step.source:{width}} {target:{width + 2}}  {step.label}".rstrip()


@dataclass
class Bar:
    """One request at work: from `began` to `ended`, in seconds, done by `worker`."""

    worker: str
    request: int
    began: float
    ended: float


class Timeline:
    """When each request was at work: a row for each worker, a bar for each request."""

    WIDTH = 50

    def __init__(self, bars: list[Bar]) -> None:
        start = min((bar.began for bar in bars), default=0.0)
        self.bars = [Bar(b.worker, b.request, b.began - start, b.ended - start) for b in bars]
        self.workers = list(dict.fromkeys(bar.worker for bar in bars))
        self.seconds = max((bar.ended for bar in self.bars), default=0.0)

    def __repr__(self) -> str:
        """Return a line for each request: its worker, and blocks where it was at work."""
        scale = self.WIDTH / (self.seconds or 1.0)
        lines = []
        for bar in self.bars:
            left = min(round(bar.began * scale), self.WIDTH - 1)
            right = max(round(bar.ended * scale), left + 1)
            blocks = " " * left + "█" * (right - left)
            lines.append(f"{bar.worker:9} {bar.request:3} │{blocks:{self.WIDTH}}│")
        return "\n".join([*lines, f"{'':13} 0{f'{self.seconds * 1000:.0f} ms':>{self.WIDTH + 1}}"])

    def figure(self) -> Any:
        """Return the drawing as a Matplotlib figure."""
        from matplotlib.figure import Figure  # pyplot would keep every figure it has made

        figure = Figure(figsize=(7, 0.9 + 0.4 * len(self.workers)), layout="constrained")
        axes = figure.add_subplot()
        for bar in self.bars:
            row, length = self.workers.index(bar.worker), (bar.ended - bar.began) * 1000
            color = f"C{(bar.request - 1) % 10}"
            axes.barh(row, length, left=bar.began * 1000, height=0.6, color=color, ec="white")
            middle = bar.began * 1000 + length / 2
            axes.text(middle, row, str(bar.request), ha="center", va="center", color="white")
        axes.set_yticks(range(len(self.workers)), self.workers)
        axes.set_ylim(len(self.workers) - 0.5, -0.5)
        axes.set_xlim(left=0)
        axes.set_xlabel("milliseconds since the first request")
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        return figure

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        image = BytesIO()
        # White paper on purpose: the labels stay readable in a dark theme.
        self.figure().savefig(image, format="png", dpi=100, facecolor="white")
        return {"image/png": image.getvalue(), "text/plain": repr(self)}
