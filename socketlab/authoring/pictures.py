"""The pictures that chapters describe in comments: drawn, and put below their descriptions.

In a Markdown cell, an author writes the lines that `socketlab.notebook.described` explains:

    <!-- picture
    flow
    title The path of a request
    (wait) -> get_request -> (handler)
    -->

`socketlab author refresh` writes the image below it, with its alternative text. It's a line of
HTML, because JupyterLab shows no SVG that is attached to a cell; and wherever the notebook goes,
the picture comes along.
"""

import re
from collections.abc import Iterator
from typing import Any

from ..notebook.described import DescriptionError, picture
from ..notebook.drawing import image

DESCRIPTION = re.compile(
    r"^<!-- picture\n(?P<text>.*?)\n-->\n?(?:\n<div [^>]*><img [^>]*></div>\n?)?",
    re.MULTILINE | re.DOTALL,
)


def draw(notebook: Any) -> None:
    """Draw what the notebook's cells describe. DescriptionError for what isn't understood."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = _drawn(cell["source"])


def _drawn(source: str) -> str:
    if not DESCRIPTION.search(source):
        return source
    return DESCRIPTION.sub(_with_image, source).rstrip("\n")


def _with_image(match: re.Match[str]) -> str:
    drawn = picture(match["text"])
    html = image(drawn.svg, drawn.alt).replace("`", "&#96;")
    return f"<!-- picture\n{match['text']}\n-->\n\n{html}\n"


def out_of_date(cell: Any) -> Iterator[str]:
    """Yield a sentence where a cell's picture isn't what its description says."""
    try:
        if _drawn(cell["source"]) != cell["source"]:
            yield "a picture differs from its description: socketlab author refresh draws it"
    except DescriptionError as error:
        yield str(error)


def without_descriptions(source: str) -> str:
    """Return a Markdown cell's source with its pictures alone."""
    return re.sub(r"^<!-- picture\n.*?\n-->\n*", "", source, flags=re.MULTILINE | re.DOTALL)
