"""A browser on a machine other than the program's finds its page through the learner's Jupyter."""

import os
import re
import sys
import urllib.request

import pytest

from socketlab.learner.harbour import harbour
from socketlab.learner.own_package import write_first
from tests.browser.lab import copy_of_the_project
from tests.jupyter_server import jupyter_server

from .program import running


def page(address, token=""):
    """Return the text of a page, for one who is logged in with this token."""
    request = urllib.request.Request(address, headers={"Authorization": f"token {token}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


@pytest.fixture
def hub(tmp_path):
    """A learner's server as on a hub, below a folder of its own: its address, and what it needs."""
    project, runtime = copy_of_the_project(tmp_path), tmp_path / "runtime"
    runtime.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(project), "JUPYTER_RUNTIME_DIR": str(runtime)}
    command = [sys.executable, "-m", "socketlab", "lab", "--ServerApp.base_url=/user/ann/"]
    with jupyter_server(command, runtime, environment, project) as told:
        yield told


def test_the_link_on_a_hub_leads_to_the_page(hub, tmp_path, monkeypatch, capsys):
    """`harbour` names an address of the hub's, and the hub's Jupyter passes visitors on."""
    course = tmp_path / "mine"
    course.mkdir()
    write_first(course)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ann/")
    harbour("03")
    [link] = re.findall(r"the page is at (\S+/),", capsys.readouterr().out)
    with running(course, "03", "page") as program:
        port = str(program.address())
        address = f"http://127.0.0.1:{hub['port']}{link.replace('8080', port)}"
        ours = page(f"http://127.0.0.1:{port}/")
        assert page(address, hub["token"]) == ours
        assert page(address) != ours  # anyone else is asked to log in
