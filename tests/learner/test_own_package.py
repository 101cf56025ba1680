"""The learner's own package, as chapters use it."""

import sys

import pytest

from socketlab import fresh
from socketlab.learner.own_package import NAME, own


@pytest.fixture(autouse=True)
def no_package_stays():
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[name]


def test_a_class_of_one_s_own_works_in_another_python(tmp_path):
    """A chapter's experiment in a new Python needs it, and no path there leads to the course."""
    (tmp_path / NAME).mkdir()
    text = "class TCPServer:\n    def answer(self):\n        return 42\n"
    (tmp_path / NAME / "tcp_server.py").write_text(text)
    mine = own(tmp_path).classes["TCPServer"]
    assert mine.__module__ == f"{NAME}.tcp_server"
    assert fresh(mine().answer) == 42
