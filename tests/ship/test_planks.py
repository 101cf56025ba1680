"""The ship: planks replaced, the rest on loan and built on the new ones."""

import socketserver

import pytest

import minisocketserver
from socketlab import assemble
from socketlab.ship.planks import PLANKS


def test_an_empty_ship_is_the_standard_library():
    ship = assemble()
    assert {whose for _, _, whose in ship.rows()} == {"on loan"}
    assert ship.__all__ == socketserver.__all__


def test_the_rest_is_built_on_the_given_planks():
    ship = assemble(BaseServer=minisocketserver.BaseServer)
    assert ship.BaseServer is minisocketserver.BaseServer
    assert ship.TCPServer is not socketserver.TCPServer
    assert ship.TCPServer.__mro__[1] is minisocketserver.BaseServer
    assert ship.ThreadingUDPServer.__mro__[-2] is minisocketserver.BaseServer
    assert [row for row in ship.rows() if row[2] == "yours"] == [("02", "BaseServer", "yours")]


def test_the_standard_library_stays_as_it_was():
    before = dict(vars(socketserver))
    assemble(TCPServer=minisocketserver.TCPServer)
    assert vars(socketserver) == before


def test_a_full_ship_has_nothing_on_loan():
    ship = assemble(**{name: getattr(minisocketserver, name) for name in PLANKS})
    assert {whose for _, _, whose in ship.rows()} == {"yours"}
    assert "on loan" not in repr(ship) + ship._repr_html_()


def test_a_class_of_the_standard_library_is_on_loan_whoever_passes_it():
    ship = assemble(TCPServer=socketserver.TCPServer)
    assert {whose for _, _, whose in ship.rows()} == {"on loan"}


def test_a_wrong_name_is_told_with_the_right_ones():
    with pytest.raises(TypeError, match=r"BaseSever is not a plank\. The planks are: BaseServer, "):
        assemble(BaseSever=minisocketserver.BaseServer)


def test_a_plank_that_is_no_class_is_told():
    with pytest.raises(TypeError, match=r"BaseServer must be a class, not 42\."):
        assemble(BaseServer=42)


def test_the_table_names_chapter_plank_and_whose():
    ship = assemble(BaseServer=minisocketserver.BaseServer)
    assert repr(ship).splitlines()[0].split() == ["02", "BaseServer", "yours"]
    assert repr(ship).splitlines()[1].split() == ["03", "TCPServer", "on", "loan"]
    assert "<code>BaseServer</code>" in ship._repr_html_()
