"""What a learner has written in a chapter's cells, as a package that runs without us."""

import subprocess
import sys

import nbformat
import pytest

from socketlab import beside, fresh, kernels, planks, your_ship
from socketlab.exercises import find_chapter
from socketlab.learner import own_package, progress_log
from socketlab.learner.course import refresh
from socketlab.learner.own_module import keep, text_of
from socketlab.learner.own_package import NAME, own
from socketlab.learner.own_source import module_text
from socketlab.learner.places import our_cell
from socketlab.learner.route import SHIP, START
from socketlab.project import PROJECT

from ..own_package import our_cells, write_ours

CHAPTER = find_chapter("03")
FIRST = CHAPTER and next(iter(CHAPTER.checks))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A course in which nothing is written yet, and in whose notebooks one works."""
    refresh(PROJECT, tmp_path / "course")
    monkeypatch.chdir(tmp_path / "course" / "notebooks")
    return tmp_path / "course"


CELLS = [
    "import socket\nimport os.path as paths\nfrom queue import Queue as Line, SimpleQueue",
    "LIMIT: int = 5\nunused = 3\nlater = LIMIT + 1\n!echo hello",
    "def helper(count):\n    return count + LIMIT",
    "class Helper:\n    lines = Line\n",
    "class Thing(BaseServer):\n    '''What it is.'''\n\n    def old(self):\n        return 1",
    "this is no Python",
    "@reopen(Thing)\nclass Thing:\n    # why it is so\n    size = 3\n\n"
    "    def old(self):\n        return Helper, helper(self.size), later\n\n"
    "    @property\n    def both(self):\n        # YOUR CODE HERE\n        return self._both\n\n"
    "    @both.setter\n    def both(self, value):\n        self._both = paths.join(value)",
    "class Plain(Thing): pass",
]


def test_a_class_is_put_together_with_what_it_uses():
    text = module_text(("Thing", "Plain"), CELLS)
    assert text == (
        "import os.path as paths\n"
        "from queue import Queue as Line\n\n"
        "from . import BaseServer\n\n\n"
        "class Helper:\n    lines = Line\n\n\n"
        "LIMIT: int = 5\n\n\n"
        "def helper(count):\n    return count + LIMIT\n\n\n"
        "later = LIMIT + 1\n\n\n"
        "class Thing(BaseServer):\n    '''What it is.'''\n\n    # why it is so\n    size = 3\n\n"
        "    def old(self):\n        return Helper, helper(self.size), later\n\n"
        "    @property\n    def both(self):\n        return self._both\n\n"
        "    @both.setter\n    def both(self, value):\n        self._both = paths.join(value)\n\n\n"
        "class Plain(Thing):\n    pass\n"
    )


def test_a_class_that_is_begun_anew_forgets_what_it_was():
    text = module_text(("A",), ["class A:\n    def one(self): pass", "class A:\n    two = 2"])
    assert text == "class A:\n    two = 2\n"


def test_outside_a_course_the_planks_are_the_library_s(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    one, other = planks("TCPServer", "ThreadingMixIn")
    assert (one.__module__, other.__name__) == ("minisocketserver.tcp_server", "ThreadingMixIn")
    assert "TCPServer: from minisocketserver" in capsys.readouterr().out
    assert [whose for _, _, whose in your_ship("03").rows()][:3] == ["yours", "yours", "on loan"]


def test_in_a_course_each_plank_is_the_learner_s_or_on_loan(folder, capsys):
    assert planks("TCPServer").__module__ == "minisocketserver.tcp_server"
    assert "TCPServer: on loan (0 of " in capsys.readouterr().out
    write_ours(folder, "03")
    assert planks("TCPServer").__module__ == "myserver.tcp_server"
    assert capsys.readouterr().out == "TCPServer: yours\n"
    yours = [name for _, name, whose in your_ship("11").rows() if whose == "yours"]
    assert yours == ["TCPServer"]
    assert [whose for *_, whose in your_ship("02").rows() if whose == "yours"] == []


def test_a_module_that_is_broken_is_on_loan_and_takes_no_other_along(folder, capsys):
    write_ours(folder, "03", change=lambda text: f"{text}\n1 / 0\n")
    planks("BaseServer", "TCPServer")
    said = capsys.readouterr().out
    assert "TCPServer: on loan (myserver/tcp_server.py ends in ZeroDivisionError: division" in said


def test_a_part_that_a_later_chapter_builds_on_comes_from_the_package(folder, capsys):
    """From the chapter's own module, or on loan until that is written."""
    write_ours(folder, "11")
    first = folder / NAME / "__init__.py"
    assert "from minisocketserver.beyond.open_requests import OpenRequestsMixIn  # on loan" in (
        first.read_text("utf-8")
    )
    assert planks("OpenRequestsMixIn").__module__ == "minisocketserver.beyond.open_requests"
    assert "OpenRequestsMixIn: on loan (0 of 4 places of chapter 10)" in capsys.readouterr().out
    write_ours(folder, "10")
    assert "from .pool_and_drain import OpenRequestsMixIn" in first.read_text("utf-8")
    found = planks("OpenRequestsMixIn", "LimitsMixIn")
    assert [one.__module__ for one in found] == [
        "myserver.pool_and_drain",
        "myserver.limits_and_tls",
    ]
    assert issubclass(*found[::-1])


def test_a_finished_chapter_that_runs_again_is_kept_once_it_has_come_to_its_classes(folder, capsys):
    """In a new kernel its first check comes before its last class."""
    write_ours(folder, "10")
    chapter = find_chapter("10")
    before = (folder / NAME / "pool_and_drain.py").read_bytes()
    keep(chapter, {"OpenRequestsMixIn": object}, runs=object(), is_expected=True)
    assert capsys.readouterr().out == ""
    assert (folder / NAME / "pool_and_drain.py").read_bytes() == before


def test_the_package_is_a_program_s_like_any_other(folder):
    write_ours(folder, "03")
    program = "import myserver; print(myserver.TCPServer.__module__, myserver.UDPServer.__module__)"
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert (ran.stdout, ran.stderr) == ("myserver.tcp_server socketserver\n", "")
    assert "1 of its" in (folder / "myserver" / "__init__.py").read_text("utf-8")


def test_outside_a_course_nothing_of_python_s_is_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    what = beside("TCPServer")
    assert str(what).startswith("class attributes  The backlog was 5")
    assert what._repr_html_() is None and "on loan" not in str(what)


def test_a_plank_on_loan_is_not_laid_beside_python_s(folder):
    what = beside("TCPServer")
    assert what._repr_html_() is None
    assert "TCPServer is on loan (0 of " in str(what)
    assert "both texts are here" in " ".join(str(what).split())


def test_in_a_course_python_s_text_and_the_learner_s_are_shown(folder):
    def style(text):
        own = "        listener = self.socket  # <mine>\n        listener.close()"
        return text.replace("        self.socket.close()", own)

    write_ours(folder, "03", change=style)
    what = beside("TCPServer")
    html = what._repr_html_()
    assert "BaseServer.__init__(self, server_address, RequestHandlerClass)" in html
    assert "super().__init__(server_address, RequestHandlerClass)" in html
    assert "</span>    listener = self.socket  # &lt;mine&gt;</span>" in html
    assert what.said["server_close"].startswith("You've written this one in your own way.")
    assert "server_bind" in what.said and "fileno" in what.same


def run(folder, *sources):
    """Run cells in a kernel in the course; return what each printed, or its error's text."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in sources])
    kernels.execute(
        book, resources={"metadata": {"path": str(folder / "notebooks")}}, allow_errors=True
    )
    return [
        "".join(
            out.get("text")
            or out.get("data", {}).get("text/plain")
            or "\n".join(out.get("traceback", ()))
            for out in cell.outputs
        )
        for cell in book.cells
    ]


def cells_of(chapter, written):
    """Return the cells of the complete edition; of the places, those not `written` are stubs."""
    from socketlab.learner.places import place_id
    from socketlab.learner.stubs import blank
    from socketlab.project import cell_id, cells, code_cells

    [path] = PROJECT.glob(f"notebooks/{chapter.id}_*.ipynb")
    open_ids = {place_id(chapter.id, name) for name in chapter.checks if name not in written}
    book = {"cells": cells(path.read_bytes())}
    return [
        blank(cell["source"]) if cell_id(cell) in open_ids else cell["source"]
        for cell in code_cells(book)
    ]


@pytest.mark.timeout(120)
def test_a_borrowed_place_is_read_on_and_earns_nothing(folder):
    """All is written but the first place, which is borrowed; later it's written as well."""
    asked = f'"03", part="{FIRST}"'
    rest = [name for name in CHAPTER.checks if name != FIRST]
    cells = cells_of(CHAPTER, rest)
    place = next(n for n, cell in enumerate(cells) if cell == f"check({asked})")
    cells[place:place] = [f"check({asked})", f"from socketlab import borrow\nborrow({asked})"]
    said = run(folder, *cells)
    assert "this one is for you to write" in said[place]
    assert f"✎ 03 {FIRST}: ours, on loan" in said[place + 1]
    assert f"✎ 03 {FIRST}: ours, on loan" in said[place + 2]
    noted = {event for number, event in progress_log.events(folder) if number == "03"}
    assert f"borrowed {FIRST}" in noted
    assert f"passed {FIRST}" not in noted and {f"passed {name}" for name in rest} <= noted
    assert not (folder / "myserver" / "tcp_server.py").exists()
    said = run(folder, *our_cells(CHAPTER))
    assert any("TCPServer: yours now, in myserver/tcp_server.py (" in text for text in said)


@pytest.mark.timeout(120)
def test_a_class_that_has_lost_a_later_place_is_not_kept(folder):
    """An early cell that runs once more takes back what a later one has changed."""
    cells = our_cells(CHAPTER)
    said = run(folder, *cells, our_cell(CHAPTER, FIRST), f'check("03", part="{FIRST}")')
    assert f"✓ 03 {FIRST}" in said[-1]
    assert "yours now" not in said[-1]
    kept = (folder / "myserver" / "tcp_server.py").read_text("utf-8")
    assert kept == text_of(CHAPTER, cells)
    last = [*CHAPTER.checks][-1]
    said = run(
        folder,
        *cells[: cells.index(our_cell(CHAPTER, last))],
        our_cell(CHAPTER, FIRST),
        our_cell(CHAPTER, last),
        f'check("03", part="{last}")',
    )
    assert "not written down, because " in said[-1] and "no longer passes" in said[-1]
    assert (folder / "myserver" / "tcp_server.py").read_text("utf-8") == kept


@pytest.mark.timeout(120)
def test_a_class_that_was_imported_is_not_the_learner_s(folder):
    asked = [f'check("03", part="{name}")' for name in CHAPTER.checks]
    said = run(
        folder,
        "from socketlab import check\nfrom minisocketserver import TCPServer",
        *asked,
    )
    assert all("minisocketserver's TCPServer" in text for text in said[1:])
    assert not (folder / "myserver").exists()


@pytest.mark.timeout(120)
def test_what_passes_is_on_the_start_page_at_once(folder):
    said = run(folder, *our_cells(CHAPTER))
    assert any("Written in this chapter: " in text for text in said)
    page = (folder / "notebooks" / START).read_text("utf-8")
    assert f"| {len(CHAPTER.checks)} of {len(CHAPTER.checks)} |" in page
    assert "Yours: TCPServer." in page
    assert "Yours: TCPServer." in (folder / "notebooks" / SHIP).read_text("utf-8")


def test_where_nothing_can_be_written_a_sentence_says_so(folder, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(own_package, "write", full)
    with pytest.raises(OSError, match="No space"):
        own_package.write_first(folder)


@pytest.mark.timeout(120)
def test_a_place_with_lines_above_the_raise_is_begun_not_blank(folder):
    cells = cells_of(CHAPTER, [])
    place = next(n for n, cell in enumerate(cells) if cell == f'check("03", part="{FIRST}")')
    written = cells[place - 1].replace("# YOUR", "begun = True\n        # YOUR", 1)
    said = run(folder, *cells[: place - 1], written, cells[place])
    assert f"✎ 03 {FIRST}: you have begun " in said[-1]
    assert "takes the place of raise NotImplementedError()" in said[-1]


@pytest.mark.timeout(120)
def test_a_place_further_up_that_is_blank_is_named(folder):
    last = [*CHAPTER.checks][-1]
    said = run(folder, *cells_of(CHAPTER, [last]), f'check("03", part="{last}")')
    assert f"✎ 03 {last}: first write {FIRST}, further up, which is still blank." in said[-1]


@pytest.fixture
def no_package_stays():
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[name]


@pytest.mark.usefixtures("no_package_stays")
def test_a_class_of_one_s_own_works_in_another_python(tmp_path):
    """A chapter's experiment in a new Python needs it, and no path there leads to the course."""
    (tmp_path / NAME).mkdir()
    text = "class TCPServer:\n    def answer(self):\n        return 42\n"
    (tmp_path / NAME / "tcp_server.py").write_text(text)
    mine = own(tmp_path).classes["TCPServer"]
    assert mine.__module__ == f"{NAME}.tcp_server"
    assert fresh(mine().answer) == 42


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ('borrow("03")', f"03 has no part ''. There are: {FIRST}, "),
        ('borrow("12", part="x")', "Nothing is to be written in chapter '12'. It is in: 00, 01, "),
        (f'borrow("03", part="{FIRST}")', "Our lines need reopen, which no cell has defined"),
    ],
)
def test_a_slip_in_borrowing_is_a_sentence(folder, call, told):
    [said] = run(folder, f"from socketlab import borrow\n{call}")
    assert told in said and "Traceback" not in said and len(said.splitlines()) == 1
