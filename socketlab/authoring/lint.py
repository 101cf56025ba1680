"""What a chapter must look like, one rule a function; each names the defect that it prevents."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from ..learner.stubs import BEGIN, complete
from ..ship.example import EXPECTED
from .pictures import out_of_date

SECTIONS = ["What you will be able to do", "What to remember", "Exercises", "Next"]
LONG, LONGEST = 15, 25
"""Lines of a code cell: one in ten may exceed the first, none the second."""
_IMAGES = {"image/png", "image/jpeg", "image/gif", "image/svg+xml"}


def lint(notebook: Any, name: str) -> list[str]:
    """Return a sentence for each rule that the chapter breaks.

    `notebook` is an nbformat node, `name` the chapter's file name without its suffix.
    """
    return [f"{name}: {problem}" for rule in RULES for problem in rule(notebook, name)]


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def markdown(notebook: Any) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def tags(cell: Any) -> set[str]:
    return set(cell.metadata.get("tags", []))


def streams(cell: Any, name: str) -> str:
    return "".join(o.text for o in cell.outputs if o.output_type == "stream" and o.name == name)


def texts(cell: Any) -> str:
    """Return everything a cell puts out that is text."""
    plain = [
        text
        for output in cell.outputs
        if output.output_type in {"display_data", "execute_result"}
        for mime, text in output.data.items()
        if mime.startswith("text/")
    ]
    return "\n".join([streams(cell, "stdout"), *plain])


def pictures(notebook: Any) -> int:
    """Count the outputs and the parts of the text that are drawn."""
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    drawn = [output for output in outputs if _IMAGES & set(output.get("data", {}))]
    return len(drawn) + len(re.findall(r"!\[[^\]]*\]\(|<img ", markdown(notebook)))


def quizzes(notebook: Any) -> list[str]:
    return [
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "markdown" and re.search(r"^\*\*Quiz\.\*\*", cell.source, re.MULTILINE)
    ]


def has_a_title(notebook: Any, name: str) -> Iterator[str]:
    """A reader must see at once which chapter this is."""
    if not notebook.cells[0].source.startswith(f"# {name[:2]} "):
        yield f'the first cell must start with "# {name[:2]} "'


def has_its_sections(notebook: Any, name: str) -> Iterator[str]:
    """Chapters are read side by side: each has the same parts, in the same order."""
    headings = re.findall(r"^## (.+)$", markdown(notebook), re.MULTILINE)
    places = [headings.index(section) if section in headings else None for section in SECTIONS]
    for section, place in zip(SECTIONS, places, strict=True):
        if place is None:
            yield f'the section "## {section}" is missing'
    present = [place for place in places if place is not None]
    if present != sorted(present):
        yield f"the sections must come in this order: {', '.join(SECTIONS)}"


def asks_before_it_tells(notebook: Any, name: str) -> Iterator[str]:
    """Without a prediction there is no surprise."""
    if "What will happen?" not in markdown(notebook):
        yield 'no "What will happen?" before a surprise'


def asks_back(notebook: Any, name: str) -> Iterator[str]:
    """What a reader only believes to have understood shows in an answer."""
    questions = quizzes(notebook)
    if len(questions) < 2:
        yield f"{len(questions)} quiz questions; at least two"
    for question in questions:
        if question.count("<details>") < 2:
            yield f"a quiz question with fewer than two choices: {question.splitlines()[0]}"


def shows_no_markup(notebook: Any, name: str) -> Iterator[str]:
    """Markdown in a line of HTML is shown as it is, with its backticks."""
    for line in markdown(notebook).splitlines():
        if line.startswith("<") and "`" in line:
            yield f"backticks in a line of HTML, where <code> is needed: {line}"


def has_a_picture(notebook: Any, name: str) -> Iterator[str]:
    """Where people would rather look than read."""
    if not pictures(notebook):
        yield "no picture"


def has_pictures_as_described(notebook: Any, name: str) -> Iterator[str]:
    """What's drawn once and described anew shows yesterday's idea."""
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "markdown":
            yield from (f"cell {number}: {problem}" for problem in out_of_date(cell))


def shows_pictures_everywhere(notebook: Any, name: str) -> Iterator[str]:
    """Several front ends show a Mermaid diagram as text, or not at all."""
    kinds = [kind for cell in code_cells(notebook) for out in cell.outputs
             for kind in out.get("data", {})]  # fmt: skip
    if "```mermaid" in markdown(notebook) or "text/vnd.mermaid" in kinds:
        yield "a Mermaid diagram, which isn't drawn everywhere; describe it in a comment instead"


def tells_what_pictures_show(notebook: Any, name: str) -> Iterator[str]:
    """Whoever can't see a picture must miss nothing."""
    for number, cell in enumerate(code_cells(notebook), 1):
        for output in cell.outputs:
            data = output.get("data", {})
            html = "".join(data.get("text/html", ""))
            is_told = "<img" in html or _says_what_it_shows(data.get("image/svg+xml", ""))
            if (_IMAGES & set(data) and not is_told) or not _is_each_told(html):
                yield f"code cell {number} shows a picture without alternative text"
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "markdown":
            is_empty = re.search(r"!\[\s*\]\s*[(\[]", cell.source)
            if is_empty or not _is_each_told(cell.source):
                yield f"cell {number} has a picture without alternative text"


def _says_what_it_shows(svg: Any) -> bool:
    """Whether an SVG has words, and says that they are what it's about."""
    return bool(
        re.search(r"<svg[^>]*\baria-label", "".join(svg))
        and re.search(r"<(title|desc)[^>]*>\s*[^<\s]", "".join(svg))
    )


def _is_each_told(html: str) -> bool:
    """Whether each image and frame in a piece of HTML has words that aren't empty."""
    images = re.findall(r"<img\b[^>]*>", html)
    frames = re.findall(r"<iframe\b[^>]*>", html)
    return all(re.search(r"""\balt=(["'])\s*[^"'\s]""", one) for one in images) and all(
        re.search(r"""\btitle=(["'])\s*[^"'\s]""", one) for one in frames
    )


def has_short_cells(notebook: Any, name: str) -> Iterator[str]:
    """A cell that does not fit the eye is skipped by it."""
    lengths = [len(complete(cell.source).splitlines()) for cell in code_cells(notebook)]
    if sum(length > LONG for length in lengths) > len(lengths) / 10:
        yield f"more than one code cell in ten has over {LONG} lines"
    if max(lengths, default=0) > LONGEST:
        yield f"a code cell has {max(lengths)} lines; {LONGEST} at the most"


def has_a_check_below_each_place(notebook: Any, name: str) -> Iterator[str]:
    """What one has written must be tried at once, and what the learner gets must be blank."""
    cells = notebook.cells
    for cell, below in pairwise(cells):
        has_markers = BEGIN in cell.source
        if cell.cell_type != "code" or not (has_markers or cell.id.startswith("write-")):
            continue
        place = cell.id.removeprefix("write-")
        if not (has_markers and cell.id.startswith(f"write-{name[:2]}-")):
            yield f"a place needs the id write-{name[:2]}-… and both markers: {cell.id}"
        elif below.id != f"check-{place}" or not below.source.startswith(f'check("{name[:2]}"'):
            yield f"the cell below {cell.id} must be its check, check-{place}"


def was_executed(notebook: Any, name: str) -> Iterator[str]:
    """Outputs come from a run, top to bottom, never from the keyboard."""
    cells = [cell for cell in code_cells(notebook) if cell.source.strip()]
    if [cell.execution_count for cell in cells] != list(range(1, len(cells) + 1)):
        yield "the cells were not executed in order; execute the chapter again"


def fails_only_on_purpose(notebook: Any, name: str) -> Iterator[str]:
    """An error or a warning that nobody announced looks like the reader's mistake."""
    for number, cell in enumerate(code_cells(notebook), 1):
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if errors and "raises-exception" not in tags(cell):
            yield f"code cell {number} raises {errors[0].ename}; tag it raises-exception if meant"
        if streams(cell, "stderr"):
            yield f"code cell {number} writes to stderr"


VOLATILE = {
    "a port": r"(?:127\.0\.0\.1|localhost|0\.0\.0\.0)'?(?:, |:)[1-9]\d{3,4}\b",
    "a path": r"(?:/home/|/root/|/tmp/|/usr/|/work/|/Users/|[A-Z]:\\)",
    "an address in memory": r"\bat 0x[0-9a-f]{6,}",
    "a thread's number and target": r"Thread-\d+ \(",
}


def tells_no_machine(notebook: Any, name: str) -> Iterator[str]:
    """What differs from machine to machine fails on the next one."""
    for number, cell in enumerate(code_cells(notebook), 1):
        if "harbour(" in cell.source:  # it says what to type, which is the same everywhere
            continue
        for what, pattern in VOLATILE.items():
            if found := re.search(pattern, texts(cell)):
                yield f"code cell {number} prints {what}: {found.group()}"


def binds_port_zero(notebook: Any, name: str) -> Iterator[str]:
    """A fixed port is taken on somebody's machine."""
    for number, cell in enumerate(code_cells(notebook), 1):
        if re.search(r"""\(\s*["'][\w.]*["'],\s*[1-9]\d*\s*\)""", cell.source):
            yield f"code cell {number} names a fixed port"


def ignores_nothing_unasserted(notebook: Any, name: str) -> Iterator[str]:
    """A cell whose output is not compared must check its claim itself."""
    for number, cell in enumerate(code_cells(notebook), 1):
        marks = tags(cell) | set(re.findall(r"NBVAL_\w+", cell.source))
        if {"nbval-skip", "NBVAL_SKIP"} & marks:
            yield f"code cell {number} is skipped"
        ignored = {"nbval-ignore-output", "NBVAL_IGNORE_OUTPUT"} & marks
        if ignored and not re.search(r"^\s*assert ", cell.source, re.MULTILINE):
            yield f"code cell {number} has its output ignored and asserts nothing"


def has_no_emoji(notebook: Any, name: str) -> Iterator[str]:
    """Plain prose."""
    if found := re.search("[\U0001f000-\U0001ffff\u2600-\u27bf]", markdown(notebook)):
        yield f"a pictogram: {found.group()}"


def ends_with_the_four_lines(notebook: Any, name: str) -> Iterator[str]:
    """The one idea of the course: the same example prints the same lines on every ship."""
    last = notebook.cells[-1]
    if last.cell_type != "code" or streams(last, "stdout") != EXPECTED or len(last.outputs) != 1:
        yield "the last cell must print exactly the four expected lines"
    if {"nbval-ignore-output", "nbval-skip"} & tags(last) or "NBVAL" in last.source:
        yield "the last cell must be compared strictly"


RULES: list[Callable[[Any, str], Iterator[str]]] = [
    has_a_title,
    has_its_sections,
    asks_before_it_tells,
    asks_back,
    shows_no_markup,
    has_a_picture,
    has_pictures_as_described,
    shows_pictures_everywhere,
    tells_what_pictures_show,
    has_short_cells,
    has_a_check_below_each_place,
    was_executed,
    fails_only_on_purpose,
    tells_no_machine,
    binds_port_zero,
    ignores_nothing_unasserted,
    has_no_emoji,
    ends_with_the_four_lines,
]
