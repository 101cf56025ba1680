"""The capstone: the learner's answers as one module, and what is said about it."""

import json
import shutil
import socketserver
from textwrap import indent

import nbformat
import pytest

from socketlab import assemble
from socketlab.exercises import all_exercises
from socketlab.kernels import execute
from socketlab.learner.capstone import OwnShip, certificate, own_ship, read_answer, web_page
from socketlab.project import PROJECT
from socketlab.ship import conformance as suite
from socketlab.ship.conformance import Conformance, chapter, conformance
from socketlab.ship.suites import Outcome, Trials

CHAPTER = "03_tcp_server"


@pytest.fixture
def course(tmp_path):
    """A folder with the exercises of chapter 03, our solutions of them written in."""
    shutil.copytree(PROJECT / "solutions" / CHAPTER, tmp_path / CHAPTER)
    return tmp_path


def rewrite(course, change):
    """Let `change` make the answer to 03.1 from ours."""
    path = course / CHAPTER / f"{CHAPTER}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.id == "answer-03-1":
            cell.source = change(cell.source)
    nbformat.write(notebook, path)


def built():
    """The planks that a build exercise asks for, on this system."""
    shipped = {name for _, name, _ in own_rows()}
    asked = {name for spec in all_exercises() if spec.kind == "build" for name in spec.names}
    return shipped & asked


def own_rows():
    return list(assemble().rows())


NOT_ASKED = {
    "A subclass with its own __setattr__, __getattr__ or __slots__ serves, twice, and stops.",
    "There, too, the loop sees the private flag, within a poll interval.",
}
"""What the library does, and a loop that rings its bell in __setattr__ need not: exercise 02.1."""


def test_with_all_our_solutions_nothing_that_has_an_exercise_is_on_loan():
    own = own_ship(PROJECT / "solutions")
    assert set(own.yours()) == built() >= {"TCPServer"}
    assert f"{len(built())} of {len(own_rows())} planks are yours" in repr(own)
    assert not [note for note in own.notes.values() if "on loan" in note]
    assert "http.server" in web_page(own)
    # The notebook names what no exercise asks for: it is in the part left out, and in these two.
    asked = [topic for topic in topics() if topic != "forking_mixin"]
    assert {one.text for one in conformance(own.ship, asked).of("failed")} == NOT_ASKED


def topics():
    paths = (PROJECT / "tests" / "conformance").glob("test_*.py")
    return sorted(path.stem.removeprefix("test_") for path in paths)


def test_a_blank_course_is_all_on_loan_and_told_so():
    own = own_ship(PROJECT / "exercises")
    assert own.yours() == []
    assert "planks are on loan: what passes below says nothing of you yet" in repr(own)
    assert "03.1: still blank" in own.notes["TCPServer"]
    assert "still blank" in own._repr_html_()
    assert "no notebook 03_" in own_ship(PROJECT / "nowhere").notes["TCPServer"]


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
        (lambda text: text.replace("def fileno(self):", "def fileno(self)"), "SyntaxError"),
        (lambda text: f"{text}\nwhile True:\n    pass\n", "never came"),
        (lambda text: f"{text}\nimport os\nos._exit(0)\n", "failed in a program of its own"),
        (lambda text: f"{text}\n    lock = __import__('threading').Lock()\n", "cannot pickle"),
        (lambda text: f"{text}\nraise SystemExit('enough')\n", "SystemExit: enough"),
        (lambda text: text.replace("class TCPServer", "class TcpServer"), "no class TCPServer"),
        (lambda text: f"{text}\nTCPServer = 3\n", "no class TCPServer"),
        (
            lambda text: "from minisocketserver import TCPServer",
            "03.1: TCPServer is minisocketserver's TCPServer: write your own",
        ),
        (
            lambda text: "import socketserver\nclass TCPServer(socketserver.TCPServer): pass",
            "to the standard library's TCPServer: write your own",
        ),
        (
            lambda text: text.replace("return self.socket.accept()", "raise NotImplementedError()"),
            "still blank: get_request",
        ),
        (lambda text: text.replace("return self.socket.accept()", "pass"), "did not serve"),
        (
            lambda text: text.replace("return self.socket.accept()", "while True: pass"),
            "did not serve a client: ServerError",
        ),
    ],
    ids=[
        "syntax",
        "loop",
        "exit",
        "lock",
        "raise",
        "name",
        "value",
        "import",
        "subclass",
        "half-blank",
        "broken",
        "hangs",
    ],
)
def test_a_broken_answer_is_on_loan_with_the_reason(course, change, told):
    rewrite(course, change)
    own = own_ship(course)
    assert own.yours() == []
    assert told in own.notes["TCPServer"]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: f"%%time\n{text}",
        lambda text: f"%%capture out\n{text}\n!echo hello\nhere = %pwd",
        lambda text: f"{text}\nsocket.socket?\n?TCPServer",
        lambda text: f"if True:\n    %matplotlib inline\n{text}",
        lambda text: f"{text}\nimport asyncio\nawait asyncio.sleep(0)\n",
        lambda text: indent(text, "    "),
        lambda text: text.replace("\n", "\r\n"),
    ],
    ids=["timed", "captured", "help", "block", "await", "indented", "windows"],
)
def test_a_cell_is_run_as_a_kernel_runs_it(course, change):
    rewrite(course, change)
    own = own_ship(course)
    assert own.yours() == ["TCPServer"], own.notes["TCPServer"]


def keep_ids_in_metadata(notebook):
    notebook["nbformat_minor"] = 0  # Colab
    for cell in notebook["cells"]:
        cell["metadata"] = {"id": cell.pop("id")}


def drop_ids(notebook):
    notebook["nbformat_minor"] = 4
    for cell in notebook["cells"]:
        del cell["id"]
        cell["metadata"] = {}


def put_on_sheets(notebook):
    drop_ids(notebook)
    cells = notebook.pop("cells")
    for cell in cells:
        if cell["cell_type"] == "code":
            cell["input"] = cell.pop("source")
    notebook |= {"nbformat": 3, "worksheets": [{"cells": cells}]}


def leave_sources_out(notebook):
    notebook["cells"] += [{"cell_type": "code", "source": None}, {}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "change", [keep_ids_in_metadata, drop_ids, put_on_sheets, leave_sources_out]
)
def test_notebooks_of_other_front_ends_are_read(course, change, encoding):
    path = course / CHAPTER / f"{CHAPTER}.ipynb"
    notebook = json.loads(path.read_bytes())
    change(notebook)
    path.write_bytes(json.dumps(notebook).encode(encoding))
    [spec] = [spec for spec in all_exercises() if spec.id == "03.1"]
    answer = read_answer(course, spec)
    assert not answer.trouble
    assert any("def server_bind" in cell for cell in answer.cells)
    assert len([cell for cell in answer.cells if "from minisocketserver import" in cell]) >= 1


@pytest.mark.parametrize(
    "text", ["{}", "[]", "null", '{"cells": null}', '{"cells": [5]}', "[" * 9999]
)
def test_what_is_no_notebook_is_told_in_a_sentence(course, text):
    (course / CHAPTER / f"{CHAPTER}.ipynb").write_text(text)
    [spec] = [spec for spec in all_exercises() if spec.id == "03.1"]
    assert "not a notebook" in read_answer(course, spec).trouble


def test_a_notebook_that_cannot_be_read_is_told(course):
    (course / CHAPTER / f"{CHAPTER}.ipynb").write_text("{")
    assert "cannot be read" in own_ship(course).notes["TCPServer"]


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
    folder = course / "11_capstone"
    shutil.copytree(PROJECT / "exercises" / "11_capstone", folder)
    notebook = nbformat.read(folder / "11_capstone.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace(
            "conformance(own.ship)", 'conformance(own.ship, ["unix_servers"])'
        ).replace("sea_trials(own.ship,", 'sea_trials(own.ship, ["test_docxmlrpc"],')
    resources = {"metadata": {"path": str(folder)}}
    execute(notebook, resources=resources)
    outputs = {cell.id: str(cell.get("outputs")) for cell in notebook.cells}
    assert f"1 of {len(own_rows())} planks are yours" in outputs["ship"]
    assert "of them in chapters with a plank on loan (02, 04, 05," in outputs["conformance"]
    assert "<iframe srcdoc" in outputs["page"] and "Ahoy from http.server" in outputs["page"]
    assert "| planks of your own | TCPServer |" in outputs["certificate"]
    assert (folder / "certificate.md").exists()
    assert not [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
