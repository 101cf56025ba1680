"""The pictures that chapters describe in comments: drawn, and put below their descriptions.

In a Markdown cell, an author writes the lines that `socketlab.notebook.described` explains:

    <!-- picture
    flow
    title The path of a request
    (wait) -> get_request -> (handler)
    -->

`socketlab author refresh` writes the image below it, its alternative text included, and attaches
the SVG to the cell: every front end shows that, and wherever the notebook goes, the picture comes
along.
"""

import base64
import re
from collections.abc import Iterator
from typing import Any

from ..notebook.described import DescriptionError, picture
from ..notebook.drawing import image
from ..notebook.pictures import Picture

DESCRIPTION = re.compile(
    r"^<!-- picture\n(?P<text>.*?)\n-->\n?(?P<image>\n!\[[^\]]*\]\(attachment:[^)]*\)\n?)?",
    re.MULTILINE | re.DOTALL,
)
IMAGE = re.compile(r"!\[(?P<alt>[^\]]*)\]\(attachment:(?P<name>[^)]*)\)")
_SVG = "image/svg+xml"


def draw(notebook: Any) -> None:
    """Draw what the notebook's cells describe. DescriptionError for what isn't understood."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            _draw(cell)


def _draw(cell: Any) -> None:
    found = list(DESCRIPTION.finditer(cell["source"]))
    attached = {}
    for number, match in reversed(list(enumerate(found, 1))):
        name = f"picture-{number}.svg" if len(found) > 1 else "picture.svg"
        drawn = picture(match["text"])
        attached[name] = {_SVG: _encoded(drawn)}
        below = f"<!-- picture\n{match['text']}\n-->\n\n![{_alt(drawn)}](attachment:{name})\n"
        cell["source"] = cell["source"][: match.start()] + below + cell["source"][match.end() :]
    if found:
        cell["source"] = cell["source"].rstrip("\n")
        cell["attachments"] = dict(sorted(attached.items()))


def _encoded(drawn: Picture) -> str:
    return base64.b64encode(drawn.svg.encode()).decode()


def _alt(drawn: Picture) -> str:
    """Return the alternative text, its signs that Markdown would read as markup escaped."""
    return re.sub(r"([\\_*`<])", r"\\\1", drawn.alt.replace("[", "(").replace("]", ")"))


def out_of_date(cell: Any) -> Iterator[str]:
    """Yield a sentence where a cell's picture isn't what its description says."""
    again = {**cell, "attachments": dict(cell.get("attachments", {}))}
    try:
        _draw(again)
    except DescriptionError as error:
        yield str(error)
        return
    if again["source"] != cell["source"] or again["attachments"] != cell.get("attachments", {}):
        yield "a picture differs from its description: socketlab author refresh draws it"


def as_html(cell: Any) -> str:
    """Return a Markdown cell's source with its attached pictures as HTML, and no descriptions."""
    attachments = cell.get("attachments", {})

    def shown(match: re.Match[str]) -> str:
        svg = base64.b64decode("".join(attachments[match["name"]][_SVG])).decode()
        return image(svg, re.sub(r"\\(.)", r"\1", match["alt"]))

    source = re.sub(r"^<!-- picture\n.*?\n-->\n*", "", "".join(cell["source"]), flags=re.M | re.S)
    return IMAGE.sub(shown, source)
