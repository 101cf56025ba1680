"""Boxes and the lines between them, laid out in columns: for class maps and flow charts."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .drawing import PLAIN, Drawing, Fill, label_width, text_width

GAP, ROW = 44, 40


@dataclass
class Node:
    """A box with text; `round` ones are for events rather than methods."""

    text: str
    fill: Fill = PLAIN
    is_round: bool = False


@dataclass
class Edge:
    """A line from one node to another, with a word or two beside it."""

    source: str
    target: str
    label: str = ""


@dataclass
class Graph:
    """Nodes by their names, and edges between them; no edge leads back."""

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)

    def draw(self, sheet: Drawing, head: str = "arrow") -> None:
        """Draw columns from left to right, each node in the column after those that lead to it.

        The head of each line is at its end; that of a class at its base, where the line begins.
        """
        columns, ways = self._columns()
        heights = _heights(columns, ways)
        widths = [
            max((self.width(name) for name in column if name in self.nodes), default=20)
            for column in columns
        ]
        gaps = [
            max([GAP, *(label_width(e.label) + 34 for e in self.edges
                        if e.label and ways[id(e)][0] in column)])
            for column in columns
        ]  # fmt: skip
        middles, x = dict[str, float](), 0.0
        for column, width, gap in zip(columns, widths, gaps, strict=True):
            for name in column:
                middles[name] = x + width / 2
            x += width + gap
        half = {
            name: width / 2
            for column, width in zip(columns, widths, strict=True)
            for name in column
        }
        for edge in self.edges:
            way = ways[id(edge)]
            points = []
            for name in way:
                reach = self.width(name) / 2 if name in self.nodes else half[name]
                if name != way[0]:
                    points.append((middles[name] - reach, heights[name]))
                if name != way[-1]:
                    points.append((middles[name] + reach, heights[name]))
            sheet.line(points[::-1] if head == "base" else points, head, bent=True)
            if edge.label:
                middle = [(a + b) / 2 for a, b in zip(points[0], points[1], strict=True)]
                sheet.label(middle[0] - 4, middle[1], edge.label, "middle")
        for name in self.nodes:
            self.draw_node(sheet, name, middles[name], heights[name])

    def draw_node(self, sheet: Drawing, name: str, x: float, y: float) -> None:
        """Draw the box of a node around x and y."""
        node = self.nodes[name]
        sheet.box(x, y, self.width(name), 28, node.text, node.fill, 14 if node.is_round else 4)

    def width(self, name: str) -> float:
        """Return how wide the box of a node is."""
        return text_width(self.nodes[name].text) + 20

    def _columns(self) -> tuple[list[list[str]], dict[int, list[str]]]:
        """Return the names in each column, and the nodes each edge passes.

        An edge over several columns gets a place in each between, or it would cross boxes there.
        """
        rank: dict[str, int] = {}

        def place(name: str, seen: tuple[str, ...] = ()) -> int:
            if name not in rank:
                before = [e.source for e in self.edges if e.target == name and e.source not in seen]
                rank[name] = max((place(one, (*seen, name)) + 1 for one in before), default=0)
            return rank[name]

        for name in self.nodes:
            place(name)
        for name in self.nodes:  # one that nothing leads to is near what it leads to
            targets = [rank[edge.target] for edge in self.edges if edge.source == name]
            if targets and not any(edge.target == name for edge in self.edges):
                rank[name] = max(rank[name], min(targets) - 1)
        columns: list[list[str]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
        for name in self.nodes:
            columns[rank[name]].append(name)
        ways = {}
        for number, edge in enumerate(self.edges):
            between = range(rank[edge.source] + 1, rank[edge.target])
            passed = [f"{number} {column}" for column in between]
            for column, name in zip(between, passed, strict=True):
                columns[column].append(name)
            ways[id(edge)] = [edge.source, *passed, edge.target]
        return columns, ways


def _heights(columns: list[list[str]], ways: Mapping[int, list[str]]) -> dict[str, float]:
    """Give each node a height near its neighbours', none on top of another."""
    before: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for way in ways.values():
        for one, other in itertools.pairwise(way):
            after.setdefault(one, []).append(other)
            before.setdefault(other, []).append(one)
    heights: dict[str, float] = {
        name: number * ROW for column in columns for number, name in enumerate(column)
    }
    for turn in range(8):
        forward = turn % 2 == 0
        for column in columns if forward else columns[::-1]:
            near = before if forward else after
            wanted = {
                name: _mean([heights[other] for other in near.get(name, [name])]) for name in column
            }
            column.sort(key=lambda name: wanted[name])
            heights |= _apart(column, wanted)
    return heights


def _apart(column: Sequence[str], wanted: Mapping[str, float]) -> dict[str, float]:
    """Return heights at least a ROW apart, in this order, as near to the wanted ones as can be.

    Neighbours that would be too close are moved together, as one block around their mean.
    """
    blocks: list[list[float]] = []  # each: the sum of what its first would want, and its size
    for name in column:
        blocks.append([wanted[name], 1])
        while len(blocks) > 1 and _start(blocks[-2]) + ROW * blocks[-2][1] > _start(blocks[-1]):
            total, size = blocks.pop()
            blocks[-1][0] += total - size * ROW * blocks[-1][1]
            blocks[-1][1] += size
    places = [_start(block) + ROW * number for block in blocks for number in range(int(block[1]))]
    return dict(zip(column, places, strict=True))


def _start(block: list[float]) -> float:
    return block[0] / block[1]


def _mean(values: Iterable[float]) -> float:
    known = [*values]
    return math.fsum(known) / len(known)
