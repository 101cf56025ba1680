"""The pictures: what they show, as text, as drawing, and in words."""

import re
import socketserver
from xml.etree import ElementTree

import pytest

import minisocketserver
from socketlab import assemble, bars, class_map, compare
from socketlab.notebook.described import DescriptionError, picture
from socketlab.notebook.drawing import (
    GREEN,
    IDLE,
    INK,
    LINE,
    NOTE,
    PAPER,
    PLAIN,
    SERIES,
    text_width,
)
from socketlab.notebook.pictures import Bar, Step, Timeline, sequence_diagram
from socketlab.ship.planks import PLANKS

SVG = "{http://www.w3.org/2000/svg}"


def filled(shown, fill):
    """Return how many boxes of a picture have this colour."""
    return sum(box.get("fill") == fill.color for box in parts(shown, "rect"))


def parts(shown, name):
    return list(ElementTree.fromstring(shown.svg).iter(f"{SVG}{name}"))


def texts(shown):
    return ["".join(text.itertext()) for text in parts(shown, "text")]


EMPTY_SHIP = """\
BaseServer (on loan)
    TCPServer (on loan)
        UDPServer (on loan)
            UnixDatagramServer (on loan)
        UnixStreamServer (on loan)
ThreadingMixIn (on loan)
ForkingMixIn (on loan)
BaseRequestHandler (on loan)
    StreamRequestHandler (on loan)
    DatagramRequestHandler (on loan)"""


def test_an_empty_ship_is_all_on_loan():
    drawn = class_map(assemble())
    assert repr(drawn) == EMPTY_SHIP
    assert filled(drawn, GREEN) == 0


def test_a_full_ship_is_all_yours():
    drawn = class_map(assemble(**{name: getattr(minisocketserver, name) for name in PLANKS}))
    assert repr(drawn) == EMPTY_SHIP.replace("on loan", "yours")
    assert filled(drawn, GREEN) == len(PLANKS)
    assert filled(drawn, IDLE) == 0


def test_one_plank():
    drawn = class_map(assemble(BaseServer=minisocketserver.BaseServer))
    assert repr(drawn) == EMPTY_SHIP.replace("BaseServer (on loan)", "BaseServer (yours)")
    assert filled(drawn, GREEN) == 1
    assert "Yours: BaseServer." in drawn.alt


@pytest.mark.parametrize("module", [socketserver, minisocketserver])
def test_a_module_shows_what_it_exports(module):
    text = repr(class_map(module))
    for name in module.__all__:
        assert name in text
    assert "        ThreadingTCPServer + ThreadingMixIn" in text.splitlines()
    assert "(yours)" not in text and "_" not in text


def test_classes_come_with_their_ancestors():
    assert repr(class_map(socketserver.UDPServer)) == "BaseServer\n    TCPServer\n        UDPServer"
    pair = [socketserver.TCPServer, minisocketserver.TCPServer]
    assert repr(class_map(pair)) == "\n".join(["BaseServer\n    TCPServer"] * 2)


def test_lines_lead_from_class_to_base():
    drawn = class_map(socketserver.TCPServer)
    assert drawn.alt == (
        "Class map. TCPServer derives from BaseServer. BaseServer derives from none of them."
    )
    places = {text.text: float(text.get("x")) for text in parts(drawn, "text")}
    line, head = parts(drawn, "path")
    start, *_, end = [float(x) for x in re.findall(r"[-\d.]+", line.get("d"))][::2]
    assert places["TCPServer"] > start > end > places["BaseServer"]
    assert head.get("d").startswith(f"M{end:g} "), "the triangle is at the base"


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(TypeError, match="draws modules, ships and classes, not 'TCPServer'"):
        class_map("TCPServer")


def test_the_time_line_in_text():
    timeline = Timeline([Bar("Thread-2", 1, 5.0, 5.1), Bar("Thread-3", 2, 5.05, 5.075)])
    first, second, axis = repr(timeline).splitlines()
    assert first == f"Thread-2    1 │{'█' * 50}│"
    assert second == f"Thread-3    2 │{' ' * 25}{'█' * 13}{' ' * 12}│"
    assert axis.split() == ["0", "100", "ms"]


TWO = [Bar("Thread-2", 1, 5.0, 5.1), Bar("Thread-3", 2, 5.05, 5.075)]


def widths(shown):
    return [float(box.get("width")) for box in parts(shown, "rect") if box.get("stroke")]


def test_the_time_line_as_a_drawing():
    drawn = Timeline(TWO).picture()
    assert texts(drawn)[:4] == ["Thread-2", "Thread-3", "1", "2"]
    long, short = widths(drawn)
    assert long == pytest.approx(4 * short)
    assert "milliseconds since the first request" in texts(drawn)
    assert Timeline(TWO)._repr_mimebundle_()["image/svg+xml"] == drawn.svg


def test_the_time_line_in_words():
    more = [*TWO, Bar("Thread-2", 3, 5.1, 5.12)]
    assert Timeline(more).alt == (
        "Thread-2 works on request 1 from 0 to 100 ms and on request 3 from 100 to 120 ms; "
        "Thread-3 works on request 2 from 50 to 75 ms."
    )


def test_time_lines_that_are_compared_share_one_axis():
    brief = Timeline([Bar("Thread-1", 1, 0.0, 0.05)])
    both = compare({"alone": Timeline(TWO), "in a hurry": brief})
    long, _, third = widths(both)
    assert third == pytest.approx(long / 2)
    assert texts(both).count("milliseconds since the first request") == 1
    assert repr(both).count("100 ms") == 2
    assert "in a hurry: Thread-1 works on request 1 from 0 to 50 ms." in both.alt


def test_bars_have_lengths_and_words():
    drawn = bars({"threads": 1.2, "processes": 0.4}, "seconds")
    long, short = widths(drawn)
    assert long == pytest.approx(3 * short, rel=1e-4)
    assert drawn.alt == "Bars: seconds. threads: 1.2; processes: 0.4."
    assert repr(drawn).splitlines()[0].split() == ["threads", "1.2"]


def test_bars_of_a_kind_share_a_colour():
    drawn = bars({"a": {"TCP": 61.0, "Unix": 40.0}, "b": {"TCP": 1234.5}}, "microseconds")
    assert filled(drawn, SERIES[0]) == 3 and filled(drawn, SERIES[1]) == 2  # with the legend's
    assert "a, Unix: 40; b, TCP: 1,234" in drawn.alt


def test_what_takes_no_time_is_drawn_all_the_same():
    for nothing in (bars({"a": 0.0}, "seconds"), bars({}, "seconds"), compare({})):
        assert parts(nothing, "text")


def test_an_empty_time_line():
    assert "0 ms" in repr(Timeline([]))


def test_every_picture_brings_its_words_along():
    for drawn in (class_map(socketserver), Timeline(TWO).picture(), picture(FLOW), picture(CALLS)):
        root = ElementTree.fromstring(drawn.svg)
        title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
        assert root.get("role") == "img"
        assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
        assert f"{title.text}. {description.text}" == drawn.alt
        bundle = drawn._repr_mimebundle_()
        assert set(bundle) == {"text/html", "image/svg+xml", "text/plain"}
        assert re.search(r'<img alt="[^"]{30}', bundle["text/html"])


def luminance(color):
    channels = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("page", ["#ffffff", "#111111", "#0d1117", "#1e1e1e"])
def test_lines_are_seen_on_light_and_dark_pages(page):
    assert contrast(LINE, page) > 3


@pytest.mark.parametrize("fill", [*SERIES, GREEN, IDLE, PLAIN, NOTE])
def test_text_is_readable_on_every_colour(fill):
    assert contrast(fill.ink, fill.color) > 4.5
    assert contrast(INK, PAPER) > 4.5


def test_text_fits_its_box():
    for drawn in (class_map(socketserver), picture(FLOW)):
        boxes = [box for box in parts(drawn, "rect") if box.get("height") == "28"]
        assert boxes
        for box, text in zip(boxes, parts(drawn, "text")[-len(boxes) :], strict=True):
            assert float(box.get("width")) > text_width(text.text) + 12


FLOW = """flow
title The path of a request
a client -- host and port -> TCPServer -> (the loop)
another -> UnixStreamServer -> (the loop)
new: UnixStreamServer"""
ROWS = """flow
[open] bind -> activate
[serve] (wait) -> get -> close -> (wait)
[shut] (stop)
[open] -> [serve]
[open] -- turned away -> [shut]
idle: activate"""
CALLS = """sequence
title A lost answer
lanes client; server (Thread-1)
client -> server: pay in 10
open server
note server: 10 in the purse, / says the till
server -x client: 10
close server"""


def test_a_flow_as_described():
    drawn = picture(FLOW)
    assert drawn.alt == (
        "The path of a request. a client (host and port) → TCPServer → the loop; "
        "another → UnixStreamServer → the loop. new: UnixStreamServer."
    )
    assert filled(drawn, GREEN) == 1
    x = {text.text: float(text.get("x")) for text in parts(drawn, "text")}
    assert x["a client"] < x["host and port"] < x["TCPServer"] < x["the loop"]


def test_rows_as_described():
    drawn = picture(ROWS)
    assert repr(drawn).splitlines() == [
        "open: bind → activate",
        "serve: wait → get → close; back from close to wait",
        "shut: stop",
        "open → serve",
        "open (turned away) → shut",
        "idle: activate",
    ]
    y = {text.text: float(text.get("y")) for text in parts(drawn, "text")}
    assert y["bind"] < y["get"] < y["stop"]


def test_a_sequence_as_described():
    drawn = picture(CALLS)
    assert drawn.alt == (
        "A lost answer. client and server (Thread-1). client to server (Thread-1): pay in 10. "
        "server (Thread-1): 10 in the purse, says the till. "
        "server (Thread-1) to client: 10 (lost)."
    )
    assert texts(drawn)[-3:] == ["client", "server", "(Thread-1)"]


@pytest.mark.parametrize("line", ["client => server", "note", "shut the door"])
def test_what_a_description_gets_wrong_is_quoted(line):
    for kind in ("sequence", "flow"):
        with pytest.raises(DescriptionError, match=re.escape(line)):
            picture(f"{kind}\na -> b: c\n{line}")
    with pytest.raises(DescriptionError, match="begins with"):
        picture("map\na -> b")


def test_signs_of_markup_are_only_text():
    drawn = sequence_diagram([Step("a & b", "<c>", 'say "x" < 3')], ["a & b"])
    assert "<c>" in texts(drawn) and 'say "x" < 3' in texts(drawn)[0]
    assert 'alt="Who calls whom. a &amp; b and &lt;c&gt;.' in drawn._repr_mimebundle_()["text/html"]


def test_a_line_over_several_boxes_of_a_row_goes_around_them():
    """It passes above those between, one of which would otherwise seem to lead to its end."""
    drawn = picture("flow\n[row] one -> two -> three\n[row] one -> three").svg
    lines = re.findall(r'<path d="M([^"]*)" fill="none"', drawn)
    ways = [[tuple(map(float, point.split())) for point in line.split("L")] for line in lines]
    [over] = [way for way in ways if len(way) == 4]
    (x, y), (up_x, up_y), *_, (_, end_y) = over
    assert (up_x, up_y, end_y) == (x, y - 10, y)
