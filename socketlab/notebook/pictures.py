"""Pictures for notebooks: drawn as SVG, told as text, and with a sentence for whoever can't see."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..output import listed
from .drawing import (
    BLUE,
    NOTE,
    PAPER,
    RED,
    SERIES,
    Drawing,
    Fill,
    image,
    label_width,
    text_width,
)


class Picture:
    """A drawing, the same as plain text, and a sentence that says what is to be seen in it."""

    def __init__(self, drawing: Drawing, text: str, title: str, alt: str) -> None:
        self.svg = drawing.svg(title, alt)
        self.text = text
        self.alt = f"{title}. {alt}"

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        # JupyterLab shows an SVG as an image without alternative text; our HTML has one.
        html = image(self.svg, self.alt)
        return {"text/html": html, "image/svg+xml": self.svg, "text/plain": self.text}


@dataclass
class Step:
    """One arrow of a sequence diagram; with `closes`, only the end of what `target` was doing.

    A note is about its `target`, and no arrow.
    """

    source: str
    target: str
    label: str
    opens: bool = False
    closes: bool = False
    breaks: bool = False
    is_note: bool = False


def sequence_diagram(
    steps: list[Step],
    lanes: Sequence[str] = ("client",),
    title: str = "Who calls whom",
    numbered: bool = True,
) -> Picture:
    """Draw who calls whom, in order. The plain-text form is numbered, as the drawing is.

    `lanes` come first, from the left; the others follow in the order in which they are called.
    """
    shown = [step for step in steps if not step.closes]
    names = list(dict.fromkeys([*lanes, *(step.target for step in shown)]))
    text = "\n".join(_numbered(shown, max(map(len, names))))
    alt = f"{listed(names)}. {' '.join(_told(shown, numbered))}"
    return Picture(_Sequence(steps, names, numbered).drawing, text, title, alt)


def _numbered(arrows: list[Step], width: int) -> Iterator[str]:
    for number, step in enumerate(arrows, 1):
        target = "" if step.source == step.target else f"→ {step.target}"
        yield f"{number:2}  {step.source:{width}} {target:{width + 2}}  {step.label}".rstrip()


def _told(steps: list[Step], numbered: bool) -> Iterator[str]:
    for number, step in enumerate(steps, 1):
        whom = "" if step.source == step.target else f" to {step.target}"
        lost = " (lost)" if step.breaks and not step.label.startswith("raised") else ""
        label = step.label.replace("\n", " ")
        yield f"{f'{number}: ' if numbered else ''}{step.source}{whom}: {label}{lost}."


class _Sequence:
    """Draws a sequence diagram: a lane for each party, a row for each step."""

    ROW, HEAD, STEP = 30, 52, 6

    def __init__(self, steps: list[Step], names: list[str], numbered: bool) -> None:
        self.drawing = Drawing()
        self.names = names
        self.steps = steps
        self.labels = dict[int, str]()
        shown = [number for number, step in enumerate(steps) if not step.closes]
        for count, number in enumerate(shown, 1):
            label = steps[number].label
            is_counted = numbered and not steps[number].is_note
            self.labels[number] = f"{count}  {label}" if is_counted else label
        self.fills = self._fills()
        self.x = self._places()
        self._draw()

    def _fills(self) -> dict[str, Fill]:
        """A thread has its colour; where threads aren't named, all have the first."""
        threads = list(dict.fromkeys(name.partition(" in ")[2] for name in self.names[1:]))
        fills = {self.names[0]: Fill(PAPER)}
        for name in self.names[1:]:
            fills[name] = SERIES[threads.index(name.partition(" in ")[2]) % len(SERIES)]
        return fills

    def _places(self) -> dict[str, float]:
        heads = [max(map(text_width, _lines(name))) + 24 for name in self.names]
        gaps = [(one + other) / 2 + 16 for one, other in itertools.pairwise(heads)]
        order = {name: number for number, name in enumerate(self.names)}
        wide: list[tuple[int, int, float]] = []
        for number, label in self.labels.items():
            step = self.steps[number]
            first, last = sorted((order[step.source], order[step.target]))
            width = max(label_width(line) for line in label.split("\n")) + 44
            if step.is_note:
                for side in (first - 1, first):  # half of it on either side
                    wide.append((side, side + 1, width / 2 + 20))
            else:
                wide.append((first, max(last, first + 1), width))
        for first, last, width in sorted(wide, key=lambda one: one[1] - one[0]):
            if first >= 0 and last <= len(gaps):
                lack = width - math.fsum(gaps[first:last])
                gaps[last - 1] += max(0.0, lack)
        x = [heads[0] / 2]
        for gap in gaps:
            x.append(x[-1] + gap)
        self.head_widths = dict(zip(self.names, heads, strict=True))
        return dict(zip(self.names, x, strict=True))

    def _draw(self) -> None:
        tops = dict[int, float]()
        y = self.HEAD + 12.0
        for number, label in self.labels.items():
            extra = 18.0 * label.count("\n")
            tops[number] = y + extra / 2
            y += self.ROW + extra
        bottom = y - 8
        for name in self.names:
            self.drawing.line([(self.x[name], self.HEAD), (self.x[name], bottom)], dashed=True)
        self._bars(tops, bottom)
        for number, top in tops.items():
            self._step(number, top)
        for name in self.names:
            lines = "\n".join(_lines(name))
            place = (self.x[name], self.HEAD / 2, self.head_widths[name], self.HEAD - 8)
            self.drawing.box(*place, lines, self.fills[name], 6)

    def _bars(self, tops: dict[int, float], bottom: float) -> None:
        """Draw how long each call lasted that made others; inner ones beside the outer."""
        self.depths = dict[int, int]()
        open_: dict[str, list[float]] = {name: [] for name in self.names}
        bars: list[tuple[str, int, float, float]] = []
        last = self.HEAD + 12.0
        for number, step in enumerate(self.steps):
            last = tops.get(number, last)
            self.depths[number] = len(open_[step.target])
            if step.opens:
                open_[step.target].append(last)
            if step.closes and open_[step.target]:
                began = open_[step.target].pop()
                bars.append((step.target, len(open_[step.target]), began, last + 11))
        bars += [(name, 0, began, bottom) for name in open_ for began in open_[name]]
        for name, depth, began, ended in sorted(bars, key=lambda bar: bar[1]):
            place = (self.x[name] - 4 + self.STEP * depth, began, 8, ended - began)
            self.drawing.rectangle(*place, self.fills[name], 1)

    def _step(self, number: int, y: float) -> None:
        step, label = self.steps[number], self.labels[number]
        source, target = self.x[step.source], self.x[step.target]
        color, head = (RED.color, "cross") if step.breaks else ("", "arrow")
        style: dict[str, Any] = {"dashed": step.breaks, "head": head}
        if color:
            style["color"] = color
        if step.is_note:
            lines = label.split("\n")
            width = max(map(text_width, lines)) + 16
            self.drawing.box(target, y, width, 6 + 18 * len(lines), label, NOTE)
        elif source == target:
            inside = self.STEP * max(self.depths[number] - (not step.opens), 0)
            self.drawing.line([(source + inside + 24, y), (source + inside + 7, y)], **style)
            self.drawing.label(source + inside + 26, y, label)
        else:
            way = 5 if target > source else -5
            self.drawing.line([(source + way, y), (target - way, y)], **style)
            self.drawing.label(min(source, target) + 26, y, label)


def _lines(lane: str) -> list[str]:
    """Return a lane's name in the lines of its head: the thread has one for itself."""
    name, _, where = lane.partition(" in ")
    if not where and lane.endswith(")") and " (" in lane:
        name, _, where = lane.rpartition(" (")
        where = f"({where}"
    return [name, where] if where else [name]


@dataclass
class Bar:
    """One request at work: from `began` to `ended`, in seconds, done by `worker`."""

    worker: str
    request: int
    began: float
    ended: float


class Timeline:
    """When each request was at work: a row for each worker, a bar for each request."""

    WIDTH, ROW = 50, 30

    def __init__(self, bars: list[Bar]) -> None:
        self.start = start = min((bar.began for bar in bars), default=0.0)
        self.bars = [Bar(b.worker, b.request, b.began - start, b.ended - start) for b in bars]
        self.workers = list(dict.fromkeys(bar.worker for bar in bars))
        self.seconds = max((bar.ended for bar in self.bars), default=0.0)

    def __repr__(self) -> str:
        """Return a line for each request: its worker, and blocks where it was at work."""
        return self._text(self.seconds)

    def _text(self, seconds: float) -> str:
        scale = self.WIDTH / (seconds or 1.0)
        lines = []
        for bar in self.bars:
            left = min(round(bar.began * scale), self.WIDTH - 1)
            right = max(round(bar.ended * scale), left + 1)
            blocks = " " * left + "█" * (right - left)
            lines.append(f"{bar.worker:9} {bar.request:3} │{blocks:{self.WIDTH}}│")
        return "\n".join([*lines, f"{'':13} 0{f'{seconds * 1000:.0f} ms':>{self.WIDTH + 1}}"])

    @property
    def alt(self) -> str:
        """The time line in a sentence: who worked on what, and when."""
        told = []
        for worker in self.workers:
            times = [
                f"on request {bar.request} from {bar.began * 1000:.0f} to {bar.ended * 1000:.0f} ms"
                for bar in self.bars
                if bar.worker == worker
            ]
            told.append(f"{worker} works {listed(times)}")
        return f"{'; '.join(told) or 'No request came'}."

    def draw(
        self, sheet: Drawing, axis: "Axis", left: float, top: float = 0.0, shift: float = 0.0
    ) -> None:
        """Draw the bars, a row of ROW for each worker; the first request is at `shift` seconds."""
        for bar in self.bars:
            fill = SERIES[(bar.request - 1) % len(SERIES)]
            began, ended = (left + axis.at(1000 * (t + shift)) for t in (bar.began, bar.ended))
            middle = top + self.ROW * (self.workers.index(bar.worker) + 0.5)
            width = max(ended - began, 2.0)
            sheet.rectangle(began, middle - 11, width, 22, fill, 3)
            if width > text_width(str(bar.request)) + 4:
                sheet.text(began + width / 2, middle, str(bar.request), fill.ink)

    def picture(self) -> Picture:
        """Return the drawing."""
        return _drawn({"": self}, "A time line of the requests")

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return self.picture()._repr_mimebundle_()


def compare(timelines: Mapping[str, Timeline]) -> Picture:
    """Draw time lines one below the other, on one axis, each below its name.

    compare({"one thread": before.timeline(), "a thread each": after.timeline()})
    """
    return _drawn(timelines, "Time lines of the requests, on one axis")


def _drawn(timelines: Mapping[str, Timeline], title: str) -> Picture:
    seconds = max((one.seconds for one in timelines.values()), default=0.0)
    sheet, y, row = Drawing(), 0.0, Timeline.ROW
    workers = [worker for one in timelines.values() for worker in one.workers]
    left = max(map(label_width, [*workers, *timelines]), default=60.0) + 12
    scale = Axis(seconds * 1000, "ms")
    rows = len(workers) * row + sum(36 for name in timelines if name)
    scale.grid(sheet, left, -4, rows + 4)
    for name, one in timelines.items():
        if name:
            sheet.label(0, y + 18, name)
            y += 36
        for number, worker in enumerate(one.workers):
            sheet.label(left - 12, y + row * (number + 0.5), worker, "end")
        one.draw(sheet, scale, left, y)
        y += row * len(one.workers)
    scale.labels(sheet, left, y + 16, "milliseconds since the first request")
    text = "\n".join(f"{name}\n{one._text(seconds)}" if name else one._text(seconds)
                     for name, one in timelines.items())  # fmt: skip
    alt = " ".join(f"{name}: {one.alt}" if name else one.alt for name, one in timelines.items())
    return Picture(sheet, text, title, alt)


class Axis:
    """Values from 0 to `last` on a line of WIDTH, with a mark at each round number."""

    WIDTH = 520

    def __init__(self, last: float, unit: str = "") -> None:
        self.last, self.unit = last or 1.0, unit
        rough = self.last / 4
        power = 10.0 ** math.floor(math.log10(rough))
        self.step = next(k * power for k in (1, 2, 5, 10) if k * power >= rough)

    def at(self, value: float) -> float:
        return self.WIDTH * value / self.last

    def _marks(self) -> list[float]:
        return [number * self.step for number in range(int(self.last / self.step + 1e-9) + 1)]

    def grid(self, sheet: Drawing, left: float, top: float, bottom: float) -> None:
        for mark in self._marks():
            x = left + self.at(mark)
            sheet.line([(x, top), (x, bottom)], dashed=mark > 0)
        sheet.grow(left + self.WIDTH, bottom)

    def labels(self, sheet: Drawing, left: float, y: float, caption: str) -> None:
        for mark in self._marks():
            sheet.label(left + self.at(mark), y, f"{mark:g}", "middle")
        sheet.label(left + self.WIDTH / 2, y + 28, caption, "middle")


def bars(values: Mapping[str, float | Mapping[str, float]], caption: str) -> Picture:
    """Draw a bar for each value; a name with several values has one in each colour.

        bars({"threads": 1.2, "processes": 0.4}, "seconds for six clients")
        bars({"connect": {"TCP": 60, "Unix": 41}, "echo": {"TCP": 30, "Unix": 21}}, "microseconds")

    `caption` says what is measured, in which unit.
    """
    groups: dict[str, Mapping[str, float]] = {
        name: value if isinstance(value, Mapping) else {"": value} for name, value in values.items()
    }
    kinds = list(dict.fromkeys(kind for group in groups.values() for kind in group))
    sheet, y = Drawing(), 0.0
    left = max(map(label_width, groups), default=0.0) + 12
    axis = Axis(max((v for group in groups.values() for v in group.values()), default=1.0))
    if kinds != [""]:  # which colour is whose
        x = left
        for kind in kinds:
            sheet.rectangle(x, y, 18, 18, _kind_fill(kinds, kind))
            sheet.label(x + 24, y + 9, kind)
            x += 36 + label_width(kind)
        y += 32
    heights = {name: 26 * len(group) + 8 for name, group in groups.items()}
    axis.grid(sheet, left, y - 4, y + math.fsum(heights.values()))
    for name, group in groups.items():
        sheet.label(left - 12, y + heights[name] / 2 - 2, name, "end")
        for number, (kind, value) in enumerate(group.items()):
            top, width = y + 26 * number, max(axis.at(value), 2.0)
            sheet.rectangle(left, top, width, 22, _kind_fill(kinds, kind), 2)
            sheet.label(left + width + 6, top + 11, _figure(value))
        y += heights[name]
    axis.labels(sheet, left, y + 16, caption)
    lines = [(name, kind, value) for name, group in groups.items() for kind, value in group.items()]
    width = max((len(f"{name} {kind}") for name, kind, _ in lines), default=0)
    text = "\n".join(
        [*(f"{f'{name} {kind}':{width}} {_figure(value):>9}" for name, kind, value in lines),
         caption]
    )  # fmt: skip
    told = [f"{name}{f', {kind}' if kind else ''}: {_figure(value)}" for name, kind, value in lines]
    return Picture(sheet, text, f"Bars: {caption}", f"{'; '.join(told)}.")


def _kind_fill(kinds: list[str], kind: str) -> Fill:
    return SERIES[kinds.index(kind) % len(SERIES)] if kind else BLUE


def _figure(value: float) -> str:
    """Return a measured value in three digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
