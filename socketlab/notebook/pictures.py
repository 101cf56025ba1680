"""Pictures for notebooks, each with a plain-text form."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any


class Picture:
    """A Mermaid diagram, which JupyterLab draws, and the same as text for everywhere else."""

    def __init__(self, mermaid: str, text: str) -> None:
        self.mermaid = mermaid
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/vnd.mermaid": self.mermaid, "text/plain": self.text}


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
