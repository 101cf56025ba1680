"""A class on one JupyterHub: everybody at once, and nobody in anybody's way."""

import stat
import statistics
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from socketlab.learner.lab import hand_out
from tools.class_on_hub import (
    CHAPTERS,
    ROOT,
    Hub,
    Learner,
    chapter_together,
    classroom,
    missing,
)

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.timeout(900),
]

Classroom = tuple[Hub, list[Learner]]


@pytest.fixture(scope="module")
def four() -> Iterator[Classroom]:
    """Four learners with servers; afterwards no process is left, and no temporary file."""
    with classroom(4) as (hub, learners):
        yield hub, learners
    assert hub.left == []


def contents(course: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(course)): path.read_bytes()
        for path in course.rglob("*")
        if path.is_file()
    }


def test_each_learner_gets_the_course_that_make_lab_gives(four: Classroom, tmp_path: Path) -> None:
    hub, learners = four
    assert hand_out(ROOT, tmp_path / "course") == 0
    for learner in learners:
        course = hub.folder / "home" / learner.name / "course"
        assert contents(course) == contents(tmp_path / "course")
        assert stat.filemode(course.stat().st_mode) == "drwx------"


def test_who_opens_the_hub_lands_at_the_route(four: Classroom) -> None:
    _, [learner, *_] = four
    page = requests.get(f"{learner.server}/", headers=learner.headers, timeout=60)
    assert urllib.parse.urlsplit(page.url).path == "/user/learner1/lab/tree/notebooks/START.md"
    start = learner.ask("GET", f"{learner.server}/api/contents/notebooks/START.md")
    assert start["content"].startswith("# The route")


def test_a_server_opens_to_its_own_learner_only(four: Classroom) -> None:
    _, [one, other, *_] = four
    with pytest.raises(requests.HTTPError, match="403"):
        one.ask("GET", f"{other.server}/api/contents/")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_run_by_all_at_once_says_what_it_says_alone(
    four: Classroom, chapter: str
) -> None:
    _, learners = four
    runs = chapter_together(learners, chapter)
    assert [run.differences for run in runs] == [[]] * len(learners)
    # Measured: 220 MB. Twice that would be news for whoever plans a class's machine.
    assert statistics.median(run.server + run.kernel for run in runs) < 440 * 2**20


NEIGHBOUR = """
import threading
from minisocketserver import BaseRequestHandler, TCPServer

visitors = []

class Echo(BaseRequestHandler):
    def handle(self):
        visitors.append(self.client_address)
        self.request.sendall(self.request.recv(1024))

server = TCPServer(("127.0.0.1", 0), Echo)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1])
"""

ANSWERS = {
    "tells": "super().server_bind(); self.server_address = ('127.0.0.1', {port})",
    "binds": "self.server_address = ('127.0.0.1', {port}); super().server_bind()",
    "is right": "super().server_bind()",
}
"""What an answer does with the port of a neighbour's server, which would give the right answers."""

CHECK = """
from socketlab import check, project
from socketlab.project import cell_id, cells

path = project.PROJECT / "solutions" / "03_tcp_server" / "03_tcp_server.ipynb"
for cell in cells(path.read_bytes()):
    if cell_id(cell) in ("setup", "answer-03-1"):
        exec(compile(cell["source"], "<our solution>", "exec"))

class ActivatedServer(ActivatedServer):
    def server_bind(self):
        {bind}

check("03.1", ActivatedServer, part="address")
"""


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_check_never_talks_to_a_neighbour_s_server(four: Classroom, answer: str) -> None:
    _, [one, other, *_] = four
    name = "exercises/03_tcp_server/exercises_03_tcp_server.ipynb"
    with one.kernel(name) as mine, other.kernel(name) as neighbour:
        port = int(neighbour.printed(NEIGHBOUR))
        said = mine.printed(CHECK.format(bind=ANSWERS[answer].format(port=port)))
        assert ("✓ 03.1 address" in said) == (answer == "is right"), said
        assert neighbour.printed("print(len(visitors))") == "0\n"
