"""The capstone: what the learner has written as one module, and what is said about it."""

import socketserver

import nbformat
import pytest

from socketlab import assemble
from socketlab.exercises import all_chapters, find_chapter
from socketlab.kernels import execute
from socketlab.learner.capstone import OwnShip, certificate, own_ship, web_page
from socketlab.learner.course import refresh
from socketlab.project import PROJECT
from socketlab.ship import conformance as suite
from socketlab.ship.conformance import Conformance, chapter, conformance
from socketlab.ship.suites import Outcome, Trials

from ..own_package import write_ours

CHAPTER = "03_tcp_server"


@pytest.fixture
def course(tmp_path):
    """A learner's course, in which chapter 03 is written, with our lines."""
    write_ours(tmp_path / "course", "03")
    return tmp_path / "course"


def rewrite(course, change):
    """Let `change` make the learner's module of chapter 03 from ours."""
    path = course / "myserver" / "tcp_server.py"
    path.write_text(change(path.read_text("utf-8")), "utf-8")


def built():
    """The planks that chapters have places for, on this system."""
    shipped = {name for _, name, _ in own_rows()}
    return shipped & {name for chapter in all_chapters() for name in chapter.own}


def own_rows():
    return list(assemble().rows())


def test_with_all_of_ours_nothing_is_on_loan(tmp_path):
    write_ours(tmp_path / "course")
    own = own_ship(tmp_path / "course")
    assert own.notes == {}
    assert set(own.yours()) == built() >= {"TCPServer"}
    assert f"{len(built())} of {len(own_rows())} planks are yours" in repr(own)
    assert "http.server" in web_page(own)
    asked = [topic for topic in topics() if topic != "forking_mixin"]  # it takes long
    assert not conformance(own.ship, asked).of("failed")


def topics():
    paths = (PROJECT / "tests" / "conformance").glob("test_*.py")
    return sorted(path.stem.removeprefix("test_") for path in paths)


def test_a_blank_course_is_all_on_loan_and_says_so(tmp_path, monkeypatch):
    refresh(PROJECT, tmp_path / "course")
    own = own_ship(tmp_path / "course")
    assert own.yours() == []
    assert "planks are on loan: what passes below says nothing of you yet" in repr(own)
    places = len(find_chapter("03").checks)
    assert own.notes["TCPServer"] == f"0 of {places} places of chapter 03"
    assert f"0 of {places} places" in own._repr_html_()
    monkeypatch.chdir(tmp_path)
    assert "no folder of a course" in own_ship().notes["TCPServer"]


def test_a_fault_and_a_hang_are_named_with_their_chapter(course):
    """A goodbye in both directions, and a get_request that does not end in one of the tests."""

    def change(text):
        text = text.replace("SHUT_WR", "SHUT_RDWR")
        return text.replace(
            "return self.socket.accept()",
            "import traceback\n"
            "        while 'test_get_request' in str(traceback.extract_stack()):\n"
            "            pass\n"
            "        return self.socket.accept()",
        )

    rewrite(course, change)
    own = own_ship(course)
    assert own.yours() == ["TCPServer"]
    result = conformance(own.ship, ["tcp_server"], patience=6.0)
    told = "Who else holds the connection can still read what the client sends."
    assert told in {one.text for one in result.of("failed")}
    hung = {one.text for one in result.of("failed") if "6 seconds" in one.why}
    assert "get_request gives the connected socket and the client's address." in hung
    assert f'href="../../notebooks/{CHAPTER}.ipynb"' in result._repr_html_()
    text = repr(result)
    assert f"{CHAPTER}.ipynb:\n" in text and f"  - {told}" in text
    passed, failed = len(result.of("passed")), len(result.of("failed"))
    assert f"{passed} of {passed + failed} behaviours" in text
    assert passed > failed > 0 == len(result.of(""))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace("def fileno(self):", "def fileno(self)"), "in SyntaxError"),
        (lambda text: f"{text}\nwhile True:\n    pass\n", "was not done after"),
        (lambda text: f"{text}\nimport os\nos._exit(0)\n", "ended its program"),
        (lambda text: f"{text}\n    lock = __import__('threading').Lock()\n", "cannot pickle"),
        (lambda text: f"{text}\nraise SystemExit('enough')\n", "SystemExit: enough"),
        (lambda text: text.replace("class TCPServer", "class TcpServer"), "no attribute 'TCPSer"),
        (lambda text: f"{text}\nTCPServer = 3\n", "something else by this name"),
        (lambda text: text.replace("return self.socket.accept()", "pass"), "did not serve"),
        (
            lambda text: text.replace("return self.socket.accept()", "while True: pass"),
            "did not serve a client: ServerError",
        ),
    ],
    ids=["syntax", "loop", "exit", "lock", "raise", "name", "value", "broken", "hangs"],
)
def test_a_broken_module_is_on_loan_with_the_reason(course, change, told, monkeypatch):
    monkeypatch.setattr("socketlab.learner.capstone.LAUNCH", 20.0)
    rewrite(course, change)
    own = own_ship(course)
    assert own.yours() == []
    assert told in own.notes["TCPServer"]


def test_the_suite_has_a_deadline():
    result = conformance(assemble(), ["tcp_server"], deadline=0.5)
    assert "Not all was tried in 0.5 seconds." in repr(result)


def test_without_the_suite_a_sentence(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(suite, "SUITE", tmp_path / "nowhere")
    assert conformance(assemble()).behaviours == []
    assert "needs pytest" in capsys.readouterr().out


def test_each_part_of_the_suite_has_its_chapter():
    for topic in topics():
        assert (PROJECT / "notebooks" / chapter(topic)).exists()


def test_a_certificate_of_facts(tmp_path, monkeypatch):
    class TCPServer(socketserver.TCPServer):
        pass

    own = OwnShip(assemble(TCPServer=TCPServer), {})
    monkeypatch.chdir(tmp_path)
    trials = Trials(("test_x",))
    trials.outcomes.append(Outcome("test_x", tests=3, failures=1))
    text = certificate(own, Conformance(), trials, "")
    assert (tmp_path / "certificate.md").read_text() == text == text._repr_markdown_()
    for fact in ("planks of your own | TCPServer", "test_x: failed (3 tests)", "did not serve"):
        assert fact in text


def test_the_notebook_runs_in_a_learner_s_course(course, monkeypatch):
    """On one part of each suite, to be quick."""
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    folder = course / "exercises" / "12_capstone"
    notebook = nbformat.read(folder / "exercises_12_capstone.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace(
            "conformance(own.ship)", 'conformance(own.ship, ["unix_servers"])'
        ).replace("sea_trials(own.ship,", 'sea_trials(own.ship, ["test_docxmlrpc"],')
    resources = {"metadata": {"path": str(folder)}}
    execute(notebook, resources=resources)
    outputs = {cell.id: str(cell.get("outputs")) for cell in notebook.cells}
    assert f"1 of {len(own_rows())} planks are yours" in outputs["ship"]
    assert "of them in chapters with a plank on loan (02, 04, 05," in outputs["conformance"]
    assert (
        '<iframe title="The page" srcdoc' in outputs["page"]
        and "Ahoy from http.server" in outputs["page"]
    )
    assert "| planks of your own | TCPServer |" in outputs["certificate"]
    assert (folder / "certificate.md").exists()
    assert not [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
