"""`harbour("03")`: a chapter's program in the learner's course, and what to type in a terminal."""

import ast
import shutil
import signal
import socketserver
import subprocess
import sys

import pytest

import socketlab.learner.harbour as room
from socketlab import harbour
from socketlab.learner import progress_log
from socketlab.learner.course import refresh
from socketlab.project import PROJECT
from tests.harbour.program import Program

ELSEWHERE = ("JUPYTERHUB_SERVICE_PREFIX", "CODESPACE_NAME")


def ours(number):
    [path] = PROJECT.glob(f"harbour/{number}_*.py")
    return path.read_text("utf-8")


@pytest.fixture(autouse=True)
def here(monkeypatch):
    for name in ELSEWHERE:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A course in which nothing is written yet, and in whose notebooks one works."""
    refresh(PROJECT, tmp_path / "course")
    monkeypatch.chdir(tmp_path / "course" / "notebooks")
    return tmp_path / "course"


@pytest.fixture
def said(capsys):
    """Call harbour; return the first line of what it prints, and all that follows."""

    def call(number):
        harbour(number)
        first, _, rest = capsys.readouterr().out.partition("\n")
        return first, rest

    return call


def how_to(number):
    return f"{ast.get_docstring(ast.parse(ours(number)))}\n"


def test_outside_a_course_it_only_says_what_to_type(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for path in sorted(PROJECT.glob("harbour/*.py")):
        harbour(path.name[:2])
        told = capsys.readouterr().out
        assert told == how_to(path.name[:2])
        assert "    python harbour.py " in told and str(PROJECT) not in told
    assert not [*tmp_path.iterdir()]


def test_each_version_says_what_it_offers():
    """The command in the docstring is one that the version has."""
    for path in PROJECT.glob("harbour/*.py"):
        tree = ast.parse(path.read_bytes())
        [command] = [
            line.split() for line in ast.get_docstring(tree).splitlines() if "  python" in line
        ]
        strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        assert command[2] in strings
        assert {word for word in command if word[:2] == "--"} <= strings


def test_the_first_time_it_brings_a_package_along_and_runs(folder, said):
    first, rest = said("03")
    assert first == "harbour.py is in your course now, beside the folder notebooks."
    assert rest == how_to("03")
    assert (folder / "harbour.py").read_text("utf-8") == ours("03")
    assert "TCPServer  # on loan" in (folder / "myserver" / "__init__.py").read_text("utf-8")
    program = Program(folder, "03", "page", "--port", 0)
    try:
        assert program.address()
        assert program.end(signal.SIGINT) == 0
    finally:
        program.kill()


def test_a_package_that_is_there_stays(folder, said):
    (folder / "myserver").mkdir()
    (folder / "myserver" / "__init__.py").write_text("mine = True\n")
    said("02")
    assert (folder / "myserver" / "__init__.py").read_text() == "mine = True\n"


def test_it_grows_and_never_goes_back(folder, said):
    said("01")
    assert said("03")[0] == "harbour.py in your course is chapter 03's now."
    first, rest = said("02")
    assert first == "harbour.py stays as it is: you have chapter 03's, which is a later one."
    assert rest == how_to("02")
    assert (folder / "harbour.py").read_text("utf-8") == ours("03")
    before = (folder / "harbour.py").stat()
    said("03")
    assert (folder / "harbour.py").stat() == before


def test_what_the_learner_has_changed_stays(folder, said):
    said("03")
    mine = ours("03").replace("The harbour</h1>", "My harbour</h1>")
    (folder / "harbour.py").write_text(mine, "utf-8")
    assert said("04")[0] == (
        "harbour.py is yours and stays; chapter 04's is beside it, as harbour_04.py."
    )
    assert (folder / "harbour.py").read_text("utf-8") == mine
    assert (folder / "harbour_04.py").read_text("utf-8") == ours("04")
    assert said("04")[0].endswith("as harbour_04.py.")
    assert said("03")[0] == (
        "harbour.py is yours and stays. You've had a later one already, chapter 04's."
    )
    assert not (folder / "harbour_03.py").exists()
    (folder / "harbour_04.py").write_text("mine, too", "utf-8")
    assert "you've written in both" in said("04")[0]
    assert (folder / "harbour_04.py").read_text("utf-8") == "mine, too"


def test_a_version_that_was_taken_over_grows_again(folder, said):
    said("03")
    (folder / "harbour.py").write_text("mine")
    said("04")
    (folder / "harbour_04.py").replace(folder / "harbour.py")
    said("05")
    assert (folder / "harbour.py").read_text("utf-8") == ours("05")


def test_line_ends_are_no_change(folder, said):
    said("03")
    (folder / "harbour.py").write_bytes(ours("03").replace("\n", "\r\n").encode())
    said("04")
    assert (folder / "harbour.py").read_text("utf-8") == ours("04")


def test_a_version_that_we_have_changed_is_still_known_as_ours(folder, said, tmp_path, monkeypatch):
    """A learner gets the project's newer versions; what they had from us isn't theirs."""
    older = tmp_path / "older"
    older.mkdir()
    (older / "03_tcp_server.py").write_text("'''As it was.'''\n")
    monkeypatch.setattr(room, "FOLDER", older)
    said("03")
    assert (folder / "harbour.py").read_text() == "'''As it was.'''\n"
    monkeypatch.setattr(room, "FOLDER", PROJECT / "harbour")
    said("03")
    assert (folder / "harbour.py").read_text("utf-8") == ours("03")


def test_the_learner_s_copy_is_brought_up_to_date_and_the_program_stays(folder, said):
    said("03")
    refresh(PROJECT, folder)
    assert (folder / "harbour.py").read_text("utf-8") == ours("03")
    assert any(event.startswith("harbour ") for _, event in progress_log.events(folder))


def test_where_it_cannot_be_written_a_sentence_says_so(folder, said, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(room, "write", full)
    first, rest = said("03")
    assert first == "harbour.py can't be written (No space left on device)."
    assert rest == how_to("03")


def test_a_chapter_without_one(folder):
    with pytest.raises(room.NoHarbourError, match=r"Chapter '00' has no harbour.py.* 01, 02, 03"):
        harbour("00")


@pytest.mark.parametrize("number, port", [("03", 8080), ("10", 8080), ("11", 8443)])
def test_a_browser_on_another_machine(number, port, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CODESPACE_NAME", "calm-sea")
    assert f"at https://calm-sea-{port}.app.github.dev/" in "".join(said(number))
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ann/")
    told = "".join(said(number))
    assert f" /user/ann/proxy/{port}/, on the hub's address" in told
    assert ("Leave out --certificate" in told) is (number == "11")
    assert "/user/ann/" not in "".join(said("06"))


def test_what_another_operating_system_lacks(said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delattr(socketserver, "UnixStreamServer")
    monkeypatch.delattr(socketserver, "ForkingMixIn")
    assert "no Unix sockets: the door can't be opened here." in said("05")[1]
    assert "cannot fork. The worker can't be opened here." in said("07")[1]
    monkeypatch.setattr(sys, "platform", "win32")
    assert "when the next visitor comes" in said("01")[1]


def test_in_a_copy_that_is_handed_out_the_versions_are_there(tmp_path):
    """They are files of the project, beside the package; a wheel alone hasn't got them."""
    shutil.copytree(PROJECT / "socketlab", tmp_path / "socketlab")
    shutil.copytree(PROJECT / "minisocketserver", tmp_path / "minisocketserver")
    code = "from socketlab import harbour; harbour('03')"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert "is the project's folder complete?" in run.stderr
