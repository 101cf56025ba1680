"""Pictures that an author describes in a few lines of text.

A chapter's cell has them in a comment, below which `socketlab author refresh` puts the picture:

    sequence                            flow
    title A second client waits         title The path of a request
    client -> server: connects          [take it] (wait) -> get_request
    note server: starts a thread        [serve it] finish_request -> (handler)
    server -x client: an answer         [take it] -- accepted -> [serve it]
                                        new: finish_request

In a sequence, "lanes a; b; c" sets the order of the lanes, and a name may be shortened as long as
it's clear which is meant; "open b" and "close b" begin and end a bar on a lane. In a flow, round
brackets make a box round, "[name]" puts what follows into a row with this name, and leads from
row to row; "new:" and "idle:" name boxes to be in colour, or dashed.
"""

import math
import re
from collections.abc import Iterator

from .drawing import GREEN, IDLE, Drawing, label_width
from .graphs import Edge, Graph, Node
from .pictures import Picture, Step, sequence_diagram


class DescriptionError(ValueError):
    """A line of a description can't be understood; the text quotes it."""


def picture(description: str) -> Picture:
    """Draw what the lines describe. DescriptionError for a line that isn't understood."""
    kind, *lines = [line.strip() for line in description.strip().splitlines() if line.strip()]
    title = ""
    if lines and lines[0].startswith("title "):
        title = lines.pop(0).removeprefix("title ")
    match kind:
        case "sequence":
            return _sequence(lines, title or "Who calls whom")
        case "flow":
            return _Flow(lines, title or "A flow chart").picture()
    raise DescriptionError(f'A picture begins with "sequence" or "flow", not {kind!r}.')


_ARROW = re.compile(r"(.+?) -(>|x) (.+?): (.+)")


def _sequence(lines: list[str], title: str) -> Picture:
    lanes: list[str] = []
    if lines and lines[0].startswith("lanes "):
        lanes = [lane.strip() for lane in lines.pop(0).removeprefix("lanes ").split(";")]

    def lane(name: str) -> str:
        if name not in lanes:
            meant = [one for one in lanes if one.startswith(name)]
            if len(meant) == 1:
                return meant[0]
            lanes.append(name)
        return name

    steps: list[Step] = []
    for line in lines:
        word, _, rest = line.partition(" ")
        if found := _ARROW.fullmatch(line):
            source, way, target, label = found.groups()
            steps.append(Step(lane(source), lane(target), label, breaks=way == "x"))
        elif word == "note" and ": " in rest:
            name, _, label = rest.partition(": ")
            steps.append(Step(lane(name), lane(name), label.replace(" / ", "\n"), is_note=True))
        elif word == "open" and steps:
            lane(rest)
            steps[-1].opens = True
        elif word == "close":
            steps.append(Step(lane(rest), lane(rest), "", closes=True))
        else:
            raise DescriptionError(f"This line of a sequence isn't understood: {line}")
    return sequence_diagram(steps, lanes, title, numbered=False)


_LINK = re.compile(r" (?:-- (.+?) )?-> ")


class _Flow:
    """A flow chart: columns of boxes, or rows with a name, one below the other."""

    GAP = 40

    def __init__(self, lines: list[str], title: str) -> None:
        self.title = title
        self.graphs: dict[str, Graph] = {"": Graph()}
        self.between: list[Edge] = []
        self.back: dict[str, list[tuple[str, str]]] = {}
        marks: dict[str, list[str]] = {"new": [], "idle": []}
        for line in lines:
            word, colon, rest = line.partition(": ")
            if colon and word in marks:
                marks[word] += [name.strip() for name in rest.split(",")]
                continue
            row = re.match(r"\[([^]]+)\] (?!-)", line)
            if row:
                self._chain(self.graphs.setdefault(row[1], Graph()), line[row.end() :], row[1])
            elif line.startswith("["):
                for edge in self._links(line):
                    self.between.append(Edge(edge.source[1:-1], edge.target[1:-1], edge.label))
            elif " -> " in line:
                self._chain(self.graphs[""], line, "")
            else:
                raise DescriptionError(f"This line of a flow isn't understood: {line}")
        for graph in self.graphs.values():
            for name, node in graph.nodes.items():
                if name in marks["new"] or name in marks["idle"]:
                    node.fill = GREEN if name in marks["new"] else IDLE
        self.marks = marks

    def _links(self, line: str) -> Iterator[Edge]:
        source, *rest = _LINK.split(line)
        for label, target in zip(rest[::2], rest[1::2], strict=True):
            yield Edge(source.strip(), target.strip(), label or "")
            source = target

    def _chain(self, graph: Graph, line: str, row: str) -> None:
        if " -> " not in line:
            self._node(graph, line)
        for edge in self._links(line):
            edge.source, edge.target = (
                self._node(graph, edge.source),
                self._node(graph, edge.target),
            )
            if [*graph.nodes].index(edge.target) < [*graph.nodes].index(edge.source) and row:
                self.back.setdefault(row, []).append((edge.source, edge.target))
            else:
                graph.edges.append(edge)

    def _node(self, graph: Graph, text: str) -> str:
        name = text.strip()
        is_round = name.startswith("(") and name.endswith(")")
        name = name[1:-1] if is_round else name
        if name in graph.nodes:
            graph.nodes[name].is_round |= is_round
        else:
            graph.nodes[name] = Node(name, is_round=is_round)
        return name

    def picture(self) -> Picture:
        told = "\n".join(self._told())
        alt = " ".join(f"{line}." for line in told.splitlines())
        return Picture(self._drawn(), told, self.title, alt)

    def _drawn(self) -> Drawing:
        sheet = Drawing()
        if not self.graphs[""].nodes:
            self._rows(sheet)
        else:
            self.graphs[""].draw(sheet)
        return sheet

    def _rows(self, sheet: Drawing) -> None:
        """Draw a row below another, a frame around each, and lines from frame to frame."""
        rows = {name: graph for name, graph in self.graphs.items() if name}
        order, tops, y = [*rows], dict[str, float](), 0.0
        widths = {name: _row_width(graph) for name, graph in rows.items()}
        widest = max([*widths.values(), *(label_width(name) for name in rows)]) + 32
        height = {name: 84 + (18 if name in self.back else 0) for name in rows}
        for name in rows:
            tops[name] = y
            y += height[name] + self.GAP
        for edge in self.between:
            first, last = order.index(edge.source), order.index(edge.target)
            below = tops[edge.source] + height[edge.source]
            if last == first + 1:
                sheet.line([(40, below), (40, tops[edge.target])], "arrow")
                if edge.label:
                    sheet.label(52, below + self.GAP / 2, edge.label)
            else:  # around the rows between, on their right
                x = widest + 24
                start, end = below - height[edge.source] / 2, tops[edge.target] + 42
                sheet.line([(widest, start), (x, start), (x, end), (widest, end)], "arrow")
                if edge.label:
                    sheet.label(x + 8, (start + end) / 2, edge.label)
        for name, graph in rows.items():
            top = tops[name]
            sheet.frame(0, top, widest, height[name])
            sheet.label(14, top + 18, name)
            x, middles, middle = 16.0, dict[str, float](), top + 54
            for node in graph.nodes:
                middles[node] = x + graph.width(node) / 2
                x += graph.width(node) + 30
            names = [*graph.nodes]
            for edge in graph.edges:
                if names.index(edge.target) == names.index(edge.source) + 1:
                    start = middles[edge.source] + graph.width(edge.source) / 2
                    end = middles[edge.target] - graph.width(edge.target) / 2
                    sheet.line([(start, middle), (end, middle)], "arrow")
                else:  # over the boxes between them
                    start, end, high = middles[edge.source], middles[edge.target], middle - 24
                    way = [(start, middle - 14), (start, high), (end, high), (end, middle - 14)]
                    sheet.line(way, "arrow")
            for source, target in self.back.get(name, []):
                start, end, low = middles[source], middles[target], middle + 30
                sheet.line(
                    [(start, middle + 14), (start, low), (end, low), (end, middle + 14)], "arrow"
                )
            for node in graph.nodes:
                graph.draw_node(sheet, node, middles[node], middle)

    def _told(self) -> Iterator[str]:
        """Say in lines which box leads to which."""
        for row, graph in self.graphs.items():
            told, used = list[tuple[str, str]](), set[str]()
            for edge in graph.edges:
                how = f" ({edge.label})" if edge.label else ""
                if told and told[-1][1] == edge.source and not how:
                    told[-1] = (f"{told[-1][0]} → {edge.target}", edge.target)
                else:
                    told.append((f"{edge.source}{how} → {edge.target}", edge.target))
                used |= {edge.source, edge.target}
            told += [(f"back from {source} to {target}", "") for source, target
                     in self.back.get(row, [])]  # fmt: skip
            alone = [name for name in graph.nodes if name not in used]
            said = "; ".join([*(one for one, _ in told), *alone])
            if said:
                yield f"{row}: {said}" if row else said
        for edge in self.between:
            yield f"{edge.source}{f' ({edge.label})' if edge.label else ''} → {edge.target}"
        for mark, names in self.marks.items():
            if names:
                yield f"{mark}: {', '.join(names)}"


def _row_width(graph: Graph) -> float:
    return math.fsum(graph.width(name) + 30 for name in graph.nodes) - 30
