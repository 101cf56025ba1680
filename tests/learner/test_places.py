"""What is said of a place whose cell is not what we gave."""

from types import SimpleNamespace

import pytest

from socketlab.exercises import find_chapter
from socketlab.learner.places import open_place, our_cell, slip_in_the_cell
from socketlab.notebook.run_history import Run

CHAPTER = find_chapter("03")


def slip(source, **more):
    runs = SimpleNamespace(done=[Run(source, "write-03-close", **more)])
    return slip_in_the_cell(CHAPTER, "close", runs)


OURS = our_cell(CHAPTER, "close")
LOST = OURS.replace("@reopen(TCPServer)\n", "")
RENAMED = OURS.replace("server_close", "close_server")


@pytest.mark.parametrize(
    "source, told",
    [
        (LOST, "Without @reopen(TCPServer) above it, a class loses what it had."),
        (RENAMED, "defines TCPServer.close_server, and not TCPServer.server_close."),
        ("@reopen(TCPServer)\nclass TCPServer:\n    pass", "defines no function, and not"),
    ],
)
def test_a_cell_without_what_it_is_to_define_is_told(source, told):
    assert told in slip(source)


def test_a_cell_with_all_of_it_is_not():
    assert slip(OURS) == slip(RENAMED, trouble="SyntaxError") == ""
    assert slip_in_the_cell(CHAPTER, "close", None) == ""


def stub(monkeypatch, source):
    """Return a class with this method, whose text is found as that of a cell is."""
    import linecache

    text = f"class TCPServer:\n{source}"
    monkeypatch.setitem(
        linecache.cache, "<stub>", (len(text), None, text.splitlines(keepends=True), "<stub>")
    )
    names = {}
    exec(compile(text, "<stub>", "exec"), names)
    return {"TCPServer": names["TCPServer"]}


BLANK = (
    "    def server_close(self):\n        # YOUR CODE HERE\n        raise NotImplementedError()\n"
)


def test_a_blank_place_is_for_the_learner_to_write(monkeypatch):
    told = str(open_place(CHAPTER, "close", "close", stub(monkeypatch, BLANK), None))
    assert "this one is for you to write, in the cell above.\n" in told


@pytest.mark.parametrize("above", [True, False])
def test_a_raise_left_beside_the_answer_is_told(above, monkeypatch):
    line, (head, rest) = "        self.socket.close()\n", BLANK.split("\n", 1)
    text = f"{head}\n{line}{rest}" if above else BLANK + line
    told = str(open_place(CHAPTER, "close", "close", stub(monkeypatch, text), None))
    assert "you have begun TCPServer.server_close(), in the cell above." in told
    assert "A finished answer takes the place of raise NotImplementedError()" in told
