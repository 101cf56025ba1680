"""Comparing a chapter with the library, and refreshing it."""

from socketlab.authoring.source import (
    bare_definitions,
    chapter_definitions,
    differences,
    library_definitions,
    refreshed,
)

LIBRARY = '''
LIMIT: int = 3


class Server:
    """What it is."""

    timeout: float | None = None

    def serve(self, seconds: float = 0.5) -> None:
        """Serve."""
        # A reason.
        self.wait(seconds)

    @property
    def flag(self) -> bool:
        return True

    @flag.setter
    def flag(self, value: bool) -> None:
        self.ring()

    def close(self) -> None:
        """Nothing to do."""
'''
CELLS = [
    "LIMIT = 3",
    "%time\nclass Server:\n    timeout = None\n\n    def serve(self):\n        naive()",
    "@reopen(Server)\nclass Server:\n    def serve(self, seconds=0.5):\n        self.wait(seconds)",
    "@reopen(Server)\nclass Server:\n    @property\n    def flag(self):\n        return True\n\n"
    "    @flag.setter\n    def flag(self, value):\n        self.ring()",
    "@reopen(Server)\nclass Server:\n    def close(self):\n        pass",
]


def compare(cells):
    return differences(library_definitions(LIBRARY), chapter_definitions(cells))


def test_annotations_docstrings_and_comments_do_not_count():
    assert compare(CELLS) == []


def test_a_different_body_is_named():
    cells = [*CELLS, "@reopen(Server)\nclass Server:\n    def close(self):\n        return 1"]
    assert compare(cells) == ["Server.close differs"]


def test_a_different_default_is_named():
    cells = [*CELLS, "@reopen(Server)\nclass Server:\n    timeout = 5"]
    assert compare(cells) == ["Server.timeout differs"]


def test_a_setter_is_told_from_its_property():
    cells = [cell.replace("self.ring()", "pass") for cell in CELLS]
    assert compare(cells) == ["Server.flag.setter differs"]


def test_what_is_missing_is_named():
    assert compare(CELLS[:-1]) == ["Server.close is missing in the chapter"]


def test_what_only_the_chapter_has_is_named():
    cells = [*CELLS, "@reopen(Server)\nclass Server:\n    def open(self):\n        pass"]
    assert compare(cells) == ["Server.open is only in the chapter"]


def test_another_base_is_named():
    cells = [cell.replace("class Server:\n    timeout", "class Server(Other):\n    timeout")
             for cell in CELLS]  # fmt: skip
    assert compare(cells) == ["Server differs"]


def test_a_class_begun_anew_forgets_its_methods():
    assert "Server.serve is missing in the chapter" in compare([*CELLS, "class Server:\n    x = 1"])


def test_a_constant_is_compared():
    assert compare([*CELLS, "LIMIT = 4"]) == ["LIMIT differs"]


def test_refreshing_brings_the_library_s_code_without_its_annotations():
    head = "@reopen(Server)\nclass Server:\n"
    cell = f"{head}    def serve(self):\n        old()\n\n    def mine(self): 1"
    assert refreshed(cell, bare_definitions(LIBRARY)) == (
        f"{head}    def serve(self, seconds=0.5):\n"
        "        # A reason.\n        self.wait(seconds)\n\n    def mine(self): 1"
    )


def test_refreshing_fills_a_method_that_had_only_a_docstring():
    assert refreshed("class Server:\n    def close(self): ...\n", bare_definitions(LIBRARY)) == (
        "class Server:\n    def close(self):\n        pass\n"
    )


def test_refreshing_replaces_constants_and_attributes():
    assert refreshed("LIMIT = 9\n", bare_definitions(LIBRARY)) == "LIMIT = 3\n"
    assert refreshed("class Server:\n    timeout = 9\n", bare_definitions(LIBRARY)) == (
        "class Server:\n    timeout = None\n"
    )
