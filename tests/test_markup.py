"""Templates: texts are escaped wherever they end up, and a value that is missing is an error."""

import pytest
from jinja2 import UndefinedError

from socketlab.markup import render
from socketlab.ship.conformance import Behaviour, Conformance

SIGNS = """<a b="c" d='e'>&amp;"""
ESCAPED = "&lt;a b=&#34;c&#34; d=&#39;e&#39;&gt;&amp;amp;"


def test_a_text_is_escaped_between_tags_and_within_them():
    assert render("frame.html", page=SIGNS).count(f'"{ESCAPED}"') == 1
    result = Conformance(links=SIGNS)
    result.behaviours = [Behaviour("tcp_server", SIGNS, {"one": "failed"}, why=SIGNS)]
    html = result._repr_html_()
    assert html.count(ESCAPED) == 3 and SIGNS not in html


def test_what_looks_like_a_template_stays_a_text():
    assert "{{ 6 * 7 }}" in render("frame.html", page="{{ 6 * 7 }}")


def test_a_value_that_is_missing_is_no_empty_text():
    with pytest.raises(UndefinedError, match="'page' is undefined"):
        render("frame.html")
