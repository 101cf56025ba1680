"""Every rule of the linter, seen to find the defect that it is for."""

import copy

import nbformat.v4 as v4
import pytest

from socketlab.authoring.lint import RULES, lint
from socketlab.learner.stubs import BEGIN, END
from socketlab.ship.example import EXPECTED

NAME = "42_answers"


def code(source, text="", count=1, tags=(), **output):
    outputs = [v4.new_output("stream", name="stdout", text=text)] if text else []
    if output:
        outputs.append(v4.new_output(**output))
    metadata = {"tags": list(tags)}
    return v4.new_code_cell(source, outputs=outputs, execution_count=count, metadata=metadata)


QUIZ = """**Quiz.** Who?

<details><summary>You</summary>No: <code>me</code>.</details>
<details><summary>Me</summary>

Yes: `me`.

</details>"""

PICTURE = "![A client asks a server](attachment:a.svg)"


@pytest.fixture
def good():
    return v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# 42 Answers: what was the question"),
            v4.new_markdown_cell("## What you will be able to do\n\n- ask"),
            v4.new_markdown_cell(f"{PICTURE}\n\n**What will happen?** Guess."),
            code("print('a')", "a\n"),
            v4.new_markdown_cell("## What to remember\n\n- much"),
            v4.new_markdown_cell("## Exercises\n\nSome."),
            v4.new_markdown_cell("## Next\n\nMore."),
            v4.new_markdown_cell(QUIZ),
            v4.new_markdown_cell(QUIZ),
            code("threaded_client(server)", EXPECTED, 2),
        ]
    )


def test_a_good_chapter_passes(good):
    assert lint(good, NAME) == []


def spoil(notebook, number, **changes):
    cell = notebook.cells[number]
    for name, value in changes.items():
        setattr(cell, name, value)


def stderr(notebook):
    notebook.cells[3].outputs.append(v4.new_output("stream", name="stderr", text="Warning"))


def error(notebook):
    notebook.cells[3].outputs = [
        v4.new_output("error", ename="ValueError", evalue="", traceback=[])
    ]


def long_cells(notebook):
    notebook.cells[3].source = "\n".join(["x = 1"] * 16)


def very_long_cell(notebook):
    few = [copy.deepcopy(notebook.cells[3]) for _ in range(20)]
    notebook.cells[4:4] = few
    notebook.cells[3].source = "\n".join(["x = 1"] * 26)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(cells, 1):
        cell.execution_count = count


def showing(data):
    output = v4.new_output("display_data", data)
    return lambda notebook: spoil(notebook, 3, outputs=[output])


def printing(text):
    return lambda notebook: spoil(notebook, 3, outputs=code("", text).outputs)


def ending(text):
    return lambda notebook: spoil(notebook, -1, outputs=code("", text).outputs)


BAD = {
    "no title": (lambda n: spoil(n, 0, source="# Answers"), 'must start with "# 42 "'),
    "no section": (lambda n: spoil(n, 4, source="text"), '"## What to remember" is missing'),
    "sections in disorder": (lambda n: n.cells.insert(1, n.cells.pop(6)), "in this order"),
    "no prediction": (lambda n: spoil(n, 2, source=PICTURE), "What will happen?"),
    "one quiz question": (lambda n: spoil(n, -2, source="**Question.**"), "1 quiz questions"),
    "one choice": (
        lambda n: spoil(n, -2, source=QUIZ.replace("<details>", "", 1)),
        "fewer than two choices: **Quiz.** Who?",
    ),
    "backticks in HTML": (
        lambda n: spoil(n, -2, source=QUIZ.replace(">You<", ">`you`<")),
        "backticks in a line of HTML",
    ),
    "no picture": (lambda n: spoil(n, 2, source="**What will happen?**"), "no picture"),
    "an image without words": (
        lambda n: spoil(n, 2, source=PICTURE + "![ ](attachment:b.svg)"),
        "cell 3 has a picture without alternative text",
    ),
    "an image in HTML without words": (
        lambda n: spoil(n, 2, source=PICTURE + '<img alt="" src="b.png">'),
        "cell 3 has a picture without alternative text",
    ),
    "a plot without words": (
        showing({"image/png": "iVBO", "text/plain": "<Figure size 700x280>"}),
        "code cell 1 shows a picture without alternative text",
    ),
    "a drawing without words": (
        showing({"image/svg+xml": "<svg><title></title></svg>"}),
        "code cell 1 shows a picture without alternative text",
    ),
    "an output in HTML without words": (
        showing({"text/html": '<img src="data:,"><img alt="A server" src="data:,">'}),
        "code cell 1 shows a picture without alternative text",
    ),
    "a frame without a title": (
        showing({"text/html": "<iframe></iframe>"}),
        "code cell 1 shows a picture without alternative text",
    ),
    "a diagram in Mermaid": (
        lambda n: spoil(n, 2, source=n.cells[2].source + "\n```mermaid\na\n```"),
        "a Mermaid diagram",
    ),
    "a picture not drawn": (
        lambda n: spoil(n, 2, source=f"{n.cells[2].source}\n\n<!-- picture\nflow\na -> b\n-->"),
        "cell 3: a picture differs from its description",
    ),
    "a picture that can't be drawn": (
        lambda n: spoil(n, 2, source=f"{n.cells[2].source}\n\n<!-- picture\nflow\na b\n-->"),
        "cell 3: This line of a flow isn't understood: a b",
    ),
    "long cells": (long_cells, "more than one code cell in ten has over 15 lines"),
    "a very long cell": (very_long_cell, "a code cell has 26 lines"),
    "a place without a name": (
        lambda n: spoil(n, 3, source=f"def f():\n    {BEGIN}\n    return 1\n    {END}"),
        "a place needs the id write-42-",
    ),
    "a place without markers": (lambda n: spoil(n, 3, id="write-42-one"), "and both markers"),
    "a place without a check": (
        lambda n: spoil(
            n, 3, id="write-42-one", source=f"def f():\n    {BEGIN}\n    return 1\n    {END}"
        ),
        "the cell below write-42-one must be its check, check-42-one",
    ),
    "not executed": (lambda n: spoil(n, 3, execution_count=None), "not executed in order"),
    "executed in disorder": (lambda n: spoil(n, 3, execution_count=7), "not executed in order"),
    "an error": (error, "code cell 1 raises ValueError"),
    "noise on stderr": (stderr, "code cell 1 writes to stderr"),
    "a port": (printing("('127.0.0.1', 45678)\n"), "prints a port"),
    "a port after a colon": (printing("http://127.0.0.1:45678/\n"), "prints a port"),
    "a path": (printing("/home/me/x\n"), "prints a path"),
    "an address in memory": (printing("<Server at 0x7f00deadbeef>\n"), "an address in memory"),
    "a thread's target": (printing("Thread-7 (serve_forever)\n"), "a thread's number"),
    "a fixed port": (lambda n: spoil(n, 3, source='bind(("127.0.0.1", 8000))'), "fixed port"),
    "output ignored": (
        lambda n: spoil(n, 3, metadata={"tags": ["nbval-ignore-output"]}),
        "asserts nothing",
    ),
    "output ignored by comment": (
        lambda n: spoil(n, 3, source="# NBVAL_IGNORE_OUTPUT\nprint(1)"),
        "asserts nothing",
    ),
    "a skipped cell": (lambda n: spoil(n, 3, metadata={"tags": ["nbval-skip"]}), "is skipped"),
    "an emoji": (lambda n: spoil(n, 1, source=n.cells[1].source + " \U0001f600"), "pictogram"),
    "one thread for two": (ending(EXPECTED.replace("Thread-4", "Thread-3")), "four expected lines"),
    "a line more": (ending(EXPECTED + "\n"), "four expected lines"),
    "no output at the end": (lambda n: spoil(n, -1, outputs=[]), "four expected lines"),
    "text at the end": (lambda n: n.cells.append(v4.new_markdown_cell("end")), "four expected"),
    "the end not compared": (
        lambda n: spoil(n, -1, metadata={"tags": ["nbval-ignore-output"]}),
        "compared strictly",
    ),
}


@pytest.mark.parametrize("defect", BAD)
def test_a_defect_is_found(good, defect):
    damage, message = BAD[defect]
    damage(good)
    assert any(message in problem for problem in lint(good, NAME)), lint(good, NAME)


def test_an_announced_error_passes(good):
    error(good)
    good.cells[3].metadata["tags"] = ["raises-exception"]
    assert lint(good, NAME) == []


def test_an_ignored_output_with_an_assertion_passes(good):
    spoil(good, 3, source="assert plot()", metadata={"tags": ["nbval-ignore-output"]})
    assert lint(good, NAME) == []


def test_every_rule_was_broken_once(good):
    broken = set()
    for damage, _ in BAD.values():
        notebook = copy.deepcopy(good)
        damage(notebook)
        broken |= {rule.__name__ for rule in RULES if list(rule(notebook, NAME))}
    assert broken == {rule.__name__ for rule in RULES}
