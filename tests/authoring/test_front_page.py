"""The site's front page: a picture and a beginning from real runs, and hours that add up."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from socketlab.authoring.front_page import front_page

ROOT = Path(__file__).parents[2]
FRONT = (ROOT / "pages" / "index.md").read_text("utf-8")

SVG = {
    "image/svg+xml": "<svg/>",
    "text/html": '<div style=""><img alt="Two bars." src="data:,"></div>',
}


def chapter(**outputs: dict[str, str]) -> dict[str, Any]:
    cells: list[dict[str, Any]] = [
        {"id": "title", "cell_type": "markdown", "source": "# One\n\ntext"}
    ]
    for name, data in outputs.items():
        code = {"cell_type": "code", "source": "# not a heading", "outputs": [{"data": data}]}
        cells.append({"id": name, "metadata": {}, **code})
    return {"cells": cells}


def test_a_run_gives_its_picture_without_the_code() -> None:
    page = front_page("# Top\n\n<!-- run one drawn -->\n\nafter", {"one": chapter(drawn=SVG)})
    top, picture, after = [cell["source"] for cell in page["cells"]]
    assert (top, after) == ("# Top", "after")
    assert 'alt="Two bars."' in picture and "heading" not in picture
    assert len({cell["id"] for cell in page["cells"]}) == 3


def test_a_beginning_ends_before_its_cell_and_keeps_code_as_it_is() -> None:
    chapters = {"one": chapter(first=SVG, last=SVG)}
    before = json.dumps(chapters)
    page = front_page("# Top\n<!-- beginning one last -->", chapters)
    assert [cell["source"] for cell in page["cells"]] == [
        "# Top",
        "### One\n\ntext",
        "# not a heading",
        "",
    ]
    assert json.dumps(chapters) == before


@pytest.mark.parametrize(
    ("cell", "data"),
    [
        ("gone", SVG),
        ("drawn", {"text/plain": "no picture"}),
        ("drawn", {**SVG, "text/html": '<img alt="" src="data:,">'}),
    ],
)
def test_a_picture_that_is_gone_or_has_no_words_stops_the_build(
    cell: str, data: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match=cell):
        front_page(f"# Top\n<!-- run one {cell} -->", {"one": chapter(drawn=data)})


HOURS = {
    "a quarter of an hour": 0.25,
    "an hour": 1,
    "an hour and a quarter": 1.25,
    "an hour and a half": 1.5,
    "two hours": 2,
    "two and a half hours": 2.5,
}
LONGEST_FIRST = "|".join(sorted(HOURS, key=len, reverse=True))
TAKES = re.compile(rf"(?:[Aa]llow|takes)(?: about)? ({LONGEST_FIRST})\b")


def hours(notebook: Path) -> float:
    """Return how long a notebook says it takes."""
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    says = TAKES.search("\n".join("".join(cell["source"]) for cell in cells[:3]))
    assert says, f"{notebook.stem} doesn't say how long it takes"
    return HOURS[says[1]]


def test_the_hours_are_those_of_the_chapters() -> None:
    claims = [int(one) for one in re.findall(r"(\d+)\s+hours", FRONT)]
    named = re.search(r"fast lane, chapters\s+([\d, and\n]+)", FRONT)
    assert named
    chapters = {path.stem[:2]: hours(path) for path in (ROOT / "notebooks").glob("*.ipynb")}
    fast = sum(chapters[number] for number in re.findall(r"\d\d", named[1]))
    exercises = sum(
        hours(path)
        for path in (ROOT / "exercises").glob("*/*.ipynb")
        if "capstone" not in path.stem
    )
    for claim, sum_of_parts in zip(claims, [sum(chapters.values()), exercises, fast], strict=True):
        assert abs(claim - sum_of_parts) <= 1


def test_the_fast_lane_is_the_readme_s() -> None:
    lane = "00, 01, 02, 03, 06, 08 and 09"
    assert lane in FRONT and lane in (ROOT / "README.md").read_text("utf-8")
