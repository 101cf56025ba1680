"""Python's own methods beside the learner's: what is said of them, and what is shown."""

import inspect
import re
import socketserver
from html.parser import HTMLParser

import pytest
from IPython.core.formatters import DisplayFormatter

import minisocketserver
from socketlab.project import PROJECT, cells, code_cells
from socketlab.ship.beside import ATTRIBUTES, Pair, all_sentences, beside
from socketlab.ship.planks import PLANKS

HERE = [name for name in PLANKS if hasattr(socketserver, name)]
MODULE = inspect.getsource(socketserver)


class Shown(HTMLParser):
    """What a table shows: its cells' text, its marked lines and the attributes of its tags."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.cells, self.marked, self._path = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._path.append((tag, dict(attrs)))
        if tag == "td":
            self.cells.append([])

    def handle_endtag(self, tag):
        assert self._path.pop()[0] == tag

    def handle_data(self, data):
        names = [tag for tag, _ in self._path]
        if "td" not in names:
            return
        if self._path[-1][1].get("role") == "img":
            self.marked.append(len(self.cells[-1]))
        elif "aria-hidden" not in self._path[-1][1]:
            self.cells[-1].append(data)


def shown(what):
    return Shown(what._repr_html_())


def said_of(name, mine):
    return beside(name, mine).said


class Stream(socketserver.BaseRequestHandler):
    """Much like Python's StreamRequestHandler, in a style of its own."""

    timeout = None
    wbufsize, rbufsize = 0, -1
    disable_nagle_algorithm = False

    def setup(self):
        """Say <b>&amp; nothing."""
        self.connection = self.request
        a_rather_long_line = f"{self.connection} <b>&amp;</b> {self.timeout!r:>100} and the end"
        if a_rather_long_line:
            self.helper()

    def helper(self):
        pass


@pytest.mark.parametrize("name", HERE)
def test_what_differs_has_a_sentence_and_nothing_else_has(name):
    pairs = beside(name, getattr(minisocketserver, name)).pairs
    differing = {pair.name for pair in pairs if not pair.is_same}
    assert differing == {*all_sentences().get(name, {})}


def test_sentences_are_about_planks():
    assert {*all_sentences()} <= {*PLANKS}


def words(text):
    return re.findall(r"\w+", text.lower())


def test_no_sentence_is_python_s_own():
    theirs = words(MODULE)
    runs = {tuple(theirs[k : k + 6]) for k in range(len(theirs))}
    for parts in all_sentences().values():
        for said in parts.values():
            ours = words(said)
            assert not runs & {tuple(ours[k : k + 6]) for k in range(len(ours) - 5)}


def code_of_python():
    lines = (line.strip() for line in MODULE.splitlines())
    return {line for line in lines if len(line) > 20 and line[0] != "#" and re.search(r"\W", line)}


@pytest.mark.parametrize("name", PLANKS)
def test_without_a_class_of_the_learner_s_there_are_only_our_sentences(name):
    formats, _ = DisplayFormatter().format(beside(name))
    assert {*formats} == {"text/plain"}
    text = " ".join(formats["text/plain"].split())
    assert not [line for line in code_of_python() if line in text]
    for part, said in all_sentences().get(name, {}).items():
        assert f"{part} {said}" in text


def test_the_complete_edition_stores_nothing_of_python_s():
    for path in PROJECT.glob("notebooks/*.ipynb"):
        for cell in code_cells({"cells": cells(path.read_bytes())}):
            if re.search(r"^beside\(", cell["source"], re.MULTILINE):
                [output] = cell["outputs"]
                assert {*output["data"]} == {"text/plain"}
                assert not [one for one in code_of_python() if one in str(output["data"])]


def test_both_texts_are_there_whole_and_indented():
    what = beside("StreamRequestHandler", Stream)
    differing = [pair for pair in what.pairs if not pair.is_same]
    found = ["\n".join(lines) for lines in shown(what).cells]
    expected = [text for pair in differing for text in (pair.original, pair.mine)]
    assert found == [text or "—" for text in expected]
    assert any("\n    self.connection = self.request\n" in text for text in found)
    assert any(text.count("self.timeout!r:>100} and the end") for text in found)


def test_text_is_no_markup():
    html = beside("StreamRequestHandler", Stream)._repr_html_()
    assert "&lt;b&gt;&amp;amp;&lt;/b&gt;" in html and "<b>" not in html


def test_a_table_can_be_heard():
    what = shown(beside("StreamRequestHandler", Stream))
    heads = [attributes["scope"] for tag, attributes in what.tags if tag == "th"]
    assert heads[:2] == ["col", "col"] and {*heads[2:]} == {"rowgroup"}
    assert sum(tag == "caption" for tag, _ in what.tags) == 1
    signs = [attributes["aria-label"] for _, attributes in what.tags if "aria-label" in attributes]
    assert what.marked and signs == ["only here:"] * len(what.marked)


def test_each_method_of_either_side_is_there_once():
    said = said_of("StreamRequestHandler", Stream)
    assert said["helper"] == "Your own addition."
    assert said["finish"] == all_sentences()["StreamRequestHandler"]["finish"]
    assert said["setup"] == "You've written this one in your own way. Ours is the same as Python's."
    lacking = type("DatagramRequestHandler", (), {})
    assert said_of("DatagramRequestHandler", lacking).keys() == {"setup", "finish"}
    assert (
        said_of("BaseRequestHandler", lacking)["handle"] == "You've found a way to do without it."
    )


def test_what_is_the_same_takes_one_line():
    what = beside("BaseRequestHandler", minisocketserver.BaseRequestHandler)
    assert str(what) == "The same in both: __init__, setup, handle, finish."
    assert what._repr_html_() == f"<p>{what}</p>"


def test_a_private_name_is_written_as_in_the_class():
    assert {"__wake", "__loop"} <= said_of("BaseServer", minisocketserver.BaseServer).keys()


def lines(original, mine):
    return [
        [(line.text, line.is_alone) for line in side] for side in Pair("f", original, mine).lines()
    ]


def test_a_line_of_one_side_is_marked():
    assert lines("def f(x):\n    a()\n    return x", "def f(x):\n    b()\n    return x") == [
        [("def f(x):", False), ("a()", True), ("return x", False)],
        [("def f(x):", False), ("b()", True), ("return x", False)],
    ]
    assert lines("", "def f():\n    pass") == [[], [("def f():", True), ("pass", True)]]


def test_a_statement_is_marked_with_all_its_lines():
    two = "def f():\n    g(\n        1,\n    )"
    assert [alone for _, alone in lines(two, "def f():\n    g(2)")[0]] == [False, True, True, True]


@pytest.mark.parametrize(
    "mine",
    [
        "def f(x):\n    # why\n\n    g(x, 'a')  # so",
        'def f(x):\n    g(x, "a")',
        "def f(x):\n    g(\n        x, 'a')",
    ],
)
def test_comments_quotes_and_breaks_make_no_difference(mine):
    original = "def f(x):\n    g(x, 'a')"
    assert Pair("f", original, mine).is_same
    assert not [alone for side in lines(original, mine) for _, alone in side if alone]


def test_docstrings_and_annotations_make_no_difference():
    mine = 'def f(x: int = 1) -> None:\n    """Do."""\n    self.x: int = x'
    assert Pair("f", "def f(x=1):\n    self.x = x", mine).is_same
    assert Pair("f", "def f():\n    pass", 'def f():\n    """Do nothing."""').is_same
    assert not Pair("f", "def f(x=1):\n    self.x = x", mine.replace("= 1", "= 2")).is_same


def test_attributes_are_compared_in_any_order():
    class BaseServer:
        timeout = None

    class TCPServer:
        allow_reuse_port = False
        allow_reuse_address = False

    assert beside("BaseServer", BaseServer).pairs[0].is_same
    [mine] = [pair.mine for pair in beside("TCPServer", TCPServer).pairs if pair.name == ATTRIBUTES]
    assert mine == "allow_reuse_address = False\nallow_reuse_port = False"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ForkingMixIn", "Python can't fork here, so there is no ForkingMixIn to look at."),
        ("UnixStreamServer", "Python has no Unix sockets here, so there is no UnixStreamServer to"),
    ],
)
def test_a_plank_that_the_system_lacks_is_said_in_a_sentence(monkeypatch, name, why):
    monkeypatch.delattr(socketserver, name, raising=False)
    monkeypatch.delattr(minisocketserver, name, raising=False)
    what = beside(name)
    assert why in str(what) and what._repr_html_() is None


def test_a_wrong_name_is_told_with_the_right_ones():
    with pytest.raises(ValueError, match=r"TCPSever is not a plank\. The planks are: BaseServer, "):
        beside("TCPSever")


def test_a_class_made_without_text_is_no_trouble():
    space = {}
    exec("class TCPServer:\n    size = 3\n    def fileno(self):\n        return 1", space)
    [fileno] = [pair for pair in beside("TCPServer", space["TCPServer"]).pairs if pair.mine]
    assert (fileno.name, fileno.mine) == ("fileno", "...")
