"""The table of what is taught where is true, and has no gap."""

import re

import pytest

from socketlab.authoring import coverage
from socketlab.authoring.chapters import chapters, read
from socketlab.authoring.lint import tags

TEXT = coverage.TABLE.read_text()
OTHER_TAGS = {"plank", "raises-exception", "nbval-ignore-output"}
PLACES = {row[1]: row[0].rsplit("|", 2)[1].strip() for row in coverage.ROW.finditer(TEXT)}


def test_the_table_says_what_the_tags_say():
    assert coverage.filled(TEXT) == TEXT, "run: socketlab author coverage"


@pytest.mark.parametrize("row", coverage.rows(TEXT))
def test_a_row_is_taught(row):
    assert PLACES[row], f"no cell has the tag {row}"


def test_the_table_has_all_the_rows():
    assert {row for row in PLACES if row.startswith("learners-")} == {
        f"learners-{number}" for number in range(1, 26)
    }
    assert len(PLACES) == len(coverage.rows(TEXT)) == 47


@pytest.mark.parametrize("chapter", chapters(), ids=lambda path: path.stem)
def test_a_tag_is_a_row_or_has_another_use(chapter):
    """A misspelt tag would teach nothing."""
    used = set().union(*map(tags, read(chapter).cells))
    assert used - OTHER_TAGS <= set(PLACES)


def test_a_place_is_a_section_that_the_chapter_has():
    for links in PLACES.values():
        for chapter, section in re.findall(r"\]\(([\w/.]+)\), ([^;]+?)(?:;|$)", links):
            source = "\n".join(cell.source for cell in read(coverage.TABLE.parent / chapter).cells)
            assert re.search(rf"^##+ {re.escape(section)}", source, re.MULTILINE), section


def test_filling_restores_what_was_emptied(tmp_path, monkeypatch):
    copy = tmp_path / "COVERAGE.md"
    copy.write_text(coverage.ROW.sub(r"| \1 | \2 |  |", TEXT))
    assert copy.read_text() != TEXT
    monkeypatch.setattr(coverage, "TABLE", copy)
    coverage.fill()
    assert copy.read_text() == TEXT
