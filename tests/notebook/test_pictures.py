"""The pictures: what they show, as text and as drawing."""

import socketserver

import pytest

import minisocketserver
from socketlab import assemble, class_map
from socketlab.notebook.pictures import Bar, Timeline
from socketlab.ship.planks import PLANKS

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
    picture = class_map(assemble())
    assert repr(picture) == EMPTY_SHIP
    assert ":::yours" not in picture.mermaid


def test_a_full_ship_is_all_yours():
    picture = class_map(assemble(**{name: getattr(minisocketserver, name) for name in PLANKS}))
    assert repr(picture) == EMPTY_SHIP.replace("on loan", "yours")
    assert picture.mermaid.count(":::yours") == len(PLANKS)
    assert ":::loan" not in picture.mermaid


def test_one_plank():
    picture = class_map(assemble(BaseServer=minisocketserver.BaseServer))
    assert repr(picture) == EMPTY_SHIP.replace("BaseServer (on loan)", "BaseServer (yours)")
    assert picture.mermaid.count(":::yours") == 1


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


def test_arrows_point_from_class_to_base():
    lines = class_map(socketserver.TCPServer).mermaid.splitlines()
    (server,) = (line.split("[")[0].strip() for line in lines if '"TCPServer"' in line)
    (base,) = (line.split("[")[0].strip() for line in lines if '"BaseServer"' in line)
    assert f"  {server} --> {base}" in lines


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(TypeError, match="draws modules, ships and classes, not 'TCPServer'"):
        class_map("TCPServer")


def test_the_time_line_in_text():
    timeline = Timeline([Bar("Thread-2", 1, 5.0, 5.1), Bar("Thread-3", 2, 5.05, 5.075)])
    first, second, axis = repr(timeline).splitlines()
    assert first == f"Thread-2    1 │{'█' * 50}│"
    assert second == f"Thread-3    2 │{' ' * 25}{'█' * 13}{' ' * 12}│"
    assert axis.split() == ["0", "100", "ms"]


def test_the_time_line_as_a_drawing():
    timeline = Timeline([Bar("Thread-2", 1, 5.0, 5.1), Bar("Thread-3", 2, 5.05, 5.075)])
    (axes,) = timeline.figure().axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Thread-2", "Thread-3"]
    assert [round(bar.get_width()) for bar in axes.patches] == [100, 25]
    assert "milliseconds" in axes.get_xlabel()
    assert timeline._repr_mimebundle_()["image/png"].startswith(b"\x89PNG")


def test_an_empty_time_line():
    assert "0 ms" in repr(Timeline([]))
