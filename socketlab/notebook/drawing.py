"""The sheet that every picture is drawn on: SVG in one palette, with its words beside it.

A picture can't know whether the page around it is light or dark: most front ends show an SVG as
an image, to which their theme doesn't reach. So nothing here relies on the page. Lines have a grey
that is seen on both, and all text is on a shape that brings its own background along.
"""

import base64
import hashlib
import itertools
import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

INK, PAPER, LINE = "#15202b", "#d9dfe6", "#6b7785"
"""Text, what is behind it, and lines. The grey has a contrast of four to white and to black."""


class Fill(NamedTuple):
    """A colour, that of the text on it, and whether the outline is dashed."""

    color: str
    ink: str = INK
    dashed: bool = False


# Okabe and Ito's colours, which color-blind readers tell apart; the text on each is readable.
BLUE, ORANGE, SKY = Fill("#0072b2", "#ffffff"), Fill("#e69f00"), Fill("#56b4e9")
PURPLE, RED, YELLOW = Fill("#cc79a7"), Fill("#d55e00", "#000000"), Fill("#f0e442")
GREEN = Fill("#00775a", "#ffffff")  # darker than theirs, so that white text is readable on it
PLAIN, IDLE, NOTE = Fill("#cfe4f3"), Fill(PAPER, dashed=True), Fill("#f6e8bd")
SERIES = (BLUE, ORANGE, SKY, PURPLE, RED, YELLOW, GREEN)
"""The colours of what comes in any number, in their order."""

FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue','Noto Sans',Arial,sans-serif"
SIZE = 14
_WIDTHS = {" !,./:;I[]ft'": 0.3, "ijl|": 0.25, '()-r`"{}': 0.36, "ckszvxyJ": 0.53, "mMW@%w": 0.86}
_WIDE = {sign: width for signs, width in _WIDTHS.items() for sign in signs}


def text_width(text: str, size: float = SIZE) -> float:
    """Return about how wide a text is, rather too much: fonts differ from machine to machine."""
    ems = (_WIDE.get(sign, 0.7 if sign.isupper() else 0.58) for sign in text)
    return 1.1 * size * math.fsum(ems)  # sum() differs from 3.12 on


class Drawing:
    """Shapes on a sheet, which grows with them; `svg` says what it looks like."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._left = self._top = self._right = self._bottom = 0.0

    def _reach(self, *points: tuple[float, float]) -> None:
        for x, y in points:
            self._left, self._right = min(self._left, x), max(self._right, x)
            self._top, self._bottom = min(self._top, y), max(self._bottom, y)

    def rectangle(
        self, x: float, y: float, width: float, height: float, fill: Fill, radius: float = 4
    ) -> None:
        """Draw a filled box with an outline, its upper left corner at x and y."""
        self._reach((x, y), (x + width, y + height))
        dash = ' stroke-dasharray="5 3"' if fill.dashed else ""
        self._parts.append(
            f'<rect x="{x:.6g}" y="{y:.6g}" width="{width:.6g}" height="{height:.6g}" '
            f'rx="{radius:g}" fill="{fill.color}" stroke="{LINE}"{dash}/>'
        )

    def frame(self, x: float, y: float, width: float, height: float) -> None:
        """Draw an outline alone, for what belongs together."""
        self.rectangle(x, y, width, height, Fill("none"), 8)

    def text(self, x: float, y: float, text: str, ink: str = INK, anchor: str = "middle") -> None:
        """Write a line of text, its middle at the height y."""
        self._parts.append(
            f'<text x="{x:.6g}" y="{y + SIZE * 0.35:.6g}" fill="{ink}" text-anchor="{anchor}">'
            f"{escape(text)}</text>"
        )

    def box(
        self, x: float, y: float, width: float, height: float, text: str, fill: Fill,
        radius: float = 4,
    ) -> None:  # fmt: skip
        """Draw a box around x and y with text in its middle, one line or more."""
        self.rectangle(x - width / 2, y - height / 2, width, height, fill, radius)
        lines = text.split("\n")
        for number, line in enumerate(lines):
            self.text(x, y + (number - (len(lines) - 1) / 2) * 1.25 * SIZE, line, fill.ink)

    def label(self, x: float, y: float, text: str, anchor: str = "start") -> None:
        """Write text on a small piece of paper; `anchor` says what of it is at x."""
        width = label_width(text)
        left = {"start": x, "middle": x - width / 2, "end": x - width}[anchor]
        self._reach((left, y - 10), (left + width, y + 10))
        self._parts.append(
            f'<rect x="{left:.6g}" y="{y - 10:.6g}" width="{width:.6g}" height="20" rx="4" '
            f'fill="{PAPER}"/>'
        )
        self.text(left + width / 2, y, text)

    def line(
        self, points: Sequence[tuple[float, float]], head: str = "", dashed: bool = False,
        color: str = LINE, bent: bool = False,
    ) -> None:  # fmt: skip
        """Draw a line through the points; `head` is "arrow", "cross", or "base" of a class.

        A bent one leaves and arrives level, as lines between columns do.
        """
        self._reach(*points)
        path = f"M{points[0][0]:.6g} {points[0][1]:.6g}"
        for (x, y), (to_x, to_y) in itertools.pairwise(points):
            middle = (x + to_x) / 2
            path += (
                f"C{middle:.6g} {y:.6g} {middle:.6g} {to_y:.6g} {to_x:.6g} {to_y:.6g}"
                if bent
                else f"L{to_x:.6g} {to_y:.6g}"
            )
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self._parts.append(
            f'<path d="{path}" fill="none" stroke="{color}" stroke-width="1.5"{dash}/>'
        )
        if head:
            (x, y), (to_x, to_y) = points[-2:]
            self._head(to_x, to_y, (to_x - x, 0) if bent else (to_x - x, to_y - y), head, color)

    def _head(self, x: float, y: float, way: tuple[float, float], head: str, color: str) -> None:
        length = (way[0] ** 2 + way[1] ** 2) ** 0.5 or 1.0
        dx, dy = way[0] / length, way[1] / length
        long, wide = (10, 6) if head == "base" else (9, 4.5)
        corners = [
            (x - long * dx - wide * side * dy, y - long * dy + wide * side * dx) for side in (1, -1)
        ]
        (a, b), (c, d) = corners
        if head == "cross":
            path = f"M{x - 5:.6g} {y - 5:.6g}l10 10M{x - 5:.6g} {y + 5:.6g}l10 -10"
            shape = f'<path d="{path}" stroke="{color}" stroke-width="2.5" fill="none"/>'
        else:
            fill = PAPER if head == "base" else color
            shape = (
                f'<path d="M{x:.6g} {y:.6g}L{a:.6g} {b:.6g}L{c:.6g} {d:.6g}Z" fill="{fill}" '
                f'stroke="{color}" stroke-linejoin="round"/>'
            )
        self._parts.append(shape)

    def grow(self, x: float, y: float) -> None:
        """Make the sheet reach this point at least."""
        self._reach((x, y))

    def svg(self, title: str, description: str) -> str:
        """Return the picture, with its words for those who can't see it."""
        margin = 6
        left, top = self._left - margin, self._top - margin
        width, height = self._right + margin - left, self._bottom + margin - top
        inside = "".join(self._parts)
        name = "p" + hashlib.sha256(f"{inside}{description}".encode()).hexdigest()[:8]
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="{left:.6g} {top:.6g} {width:.6g} {height:.6g}" role="img" '
            f'aria-labelledby="{name}t {name}d" font-family="{FONT}" font-size="{SIZE}">'
            f'<title id="{name}t">{escape(title)}</title>'
            f'<desc id="{name}d">{escape(description)}</desc>{inside}</svg>'
        )


def label_width(text: str) -> float:
    """Return how wide a label is."""
    return text_width(text) + 10


def image(svg: str, alt: str) -> str:
    """Return the HTML of a picture, its words included; on a phone it's scrolled, not shrunk."""
    width = svg.partition('width="')[2].partition('"')[0]
    data = base64.b64encode(svg.encode()).decode()
    return (
        f'<div style="overflow-x:auto" tabindex="0"><img alt="{escape(alt)}" width="{width}" '
        f'style="max-width:100%;min-width:{int(width) * 0.75:.0f}px" '
        f'src="data:image/svg+xml;base64,{data}"></div>'
    )
