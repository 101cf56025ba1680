"""Answers alike: disguised copies are listed, what two people wrote by themselves is not."""

import ast
import csv
import inspect
import json
import random
import re
import textwrap

import pytest

from minisocketserver import beyond
from socketlab import project
from socketlab.exercises import find
from socketlab.grading import similarity
from socketlab.grading.submissions import Submission
from tests.exercises import right
from tests.exercises import test_base_server as chapter_02
from tests.exercises import test_handlers as chapter_08
from tests.exercises import test_pool_and_drain as chapter_10
from tests.exercises import test_udp_server as chapter_04

BOUNDED = right.answers()["06.1"]
FROM_THE_TASK = BOUNDED["a count and a Condition, in the method of chapter 02"]
OTHER_WAY = BOUNDED["waits in process_request, and looks at a flag"]

RIGHT = {
    "02.1": [chapter_02.WithAQueue, chapter_02.FromTheText],
    "04.1": [chapter_04.ByIndex, chapter_04.FromScratch],
    "06.1": [FROM_THE_TASK, OTHER_WAY, BOUNDED["a pool with a queue"]],
    "07.1": [*right.answers()["07.1"].values()],
    "08.3": [chapter_08.Mailbox, chapter_08.ByHand],
    "10.2": [beyond.ThreadPoolMixIn, chapter_10.FromTheText, chapter_10.PoliteExecutor],
}
"""Right answers that were written without a look at each other, and one exercise for each."""
LONG = [
    chapter_02.WithAQueue,
    chapter_04.FromScratch,
    FROM_THE_TASK,
    chapter_10.FromTheText,
]
CHAPTERS = {
    "02": "02_base_server",
    "04": "04_udp_server",
    "06": "06_threading_mixin",
}
CHAPTERS |= {"07": "07_forking_mixin", "08": "08_handlers", "10": "10_pool_and_drain"}


def source_of(answer, exercise):
    """Return the text of a class and of its relatives in the tests, under the exercise's name.

    A text is returned as it is.
    """
    if isinstance(answer, str):
        return answer
    classes = [one for one in answer.__mro__[::-1] if one.__module__.startswith("tests.")]
    text = "\n".join(textwrap.dedent(inspect.getsource(one)) for one in classes or [answer])
    return re.sub(rf"\b{answer.__name__}\b", find(exercise).names[0], text)


def handed_in(student, exercise, text):
    cells = [{"cell_type": "code", "source": one} for one in ("import threading", text)]
    return Submission(student, CHAPTERS[exercise[:2]], json.dumps({"cells": cells}))


OTHER = {"self": "me", "request": "boat", "client_address": "whence", "RequestHandlerClass": "crew"}
OTHER |= {"jobs": "waiting", "news": "bell", "threads": "hands", "work": "toil", "living": "alive"}


class Disguise(ast.NodeTransformer):
    """Other names, methods in another order, a line of one's own in each method."""

    def visit_Name(self, node):
        node.id = OTHER.get(node.id, node.id)
        return node

    def visit_arg(self, node):
        node.arg = OTHER.get(node.arg, node.arg)
        return node

    def visit_Attribute(self, node):
        self.generic_visit(node)
        node.attr = OTHER.get(node.attr, node.attr)
        return node

    def visit_FunctionDef(self, node):
        self.generic_visit(node)
        node.name = OTHER.get(node.name, node.name)
        node.body.insert(0, ast.parse(f"print('{node.name} was called', 1 + 2)").body[0])
        return node

    def visit_ClassDef(self, node):
        self.generic_visit(node)
        random.Random(1).shuffle(node.body)
        return node


@pytest.mark.parametrize("exercise", RIGHT)
def test_independent_right_answers_are_not_listed(exercise):
    """Though they do the same, and two of them are a class of two."""
    texts = {source_of(one, exercise) for one in RIGHT[exercise]}
    assert len(texts) == len(RIGHT[exercise])
    assert (
        similarity.pairs([handed_in(f"s{n}", exercise, one) for n, one in enumerate(texts)]) == []
    )


@pytest.mark.parametrize("original", LONG)
def test_a_disguised_copy_is_listed(original):
    """Whatever its names, order, layout and comments are; with the two students' names."""
    exercise = next(number for number, answers in RIGHT.items() if original in answers)
    text = source_of(original, exercise)
    copy = "# all my own work\n" + ast.unparse(Disguise().visit(ast.parse(text)))
    others = [source_of(one, exercise) for one in RIGHT[exercise] if one is not original]
    everybody = [text, copy, *others]
    [pair] = similarity.pairs(
        [handed_in(f"s{n}", exercise, one) for n, one in enumerate(everybody)]
    )
    assert (pair.exercise, pair.students) == (exercise, ("s0", "s1"))
    assert pair.shared == pair.own >= similarity.ENOUGH
    assert f"{pair.shared} of {pair.own} statements" in pair.reason()
    assert "\n" not in pair.example


def test_what_the_class_has_in_common_is_no_sign():
    """An answer that many in the class have come to is the way that one comes to."""
    text = FROM_THE_TASK
    other = OTHER_WAY
    many = [handed_in(f"a{n}", "06.1", text) for n in range(4)]
    assert similarity.pairs([*many, *(handed_in(f"b{n}", "06.1", other) for n in range(4))]) == []
    assert len(similarity.pairs([*many[:2], handed_in("b", "06.1", other)])) == 1


def test_what_the_course_shows_is_no_sign():
    """The blank exercise, and our solution, which comes with the last check."""
    text = project.answer_cell(project.PROJECT / "solutions", "07.1")
    assert similarity.pairs([handed_in(name, "07.1", text) for name in ("ada", "bob")]) == []


def test_what_cannot_be_read_is_passed_over():
    """No notebook, no Python, nesting without end."""
    bad = [
        "class BoundedThreadingMixIn(:",
        "BoundedThreadingMixIn = " + "(" * 300,
        "BoundedThreadingMixIn = " + "-" * 9999,
    ]
    texts = [*bad, *bad]
    strange = [Submission(f"x{n}", "06_threading_mixin", text) for n, text in enumerate(("", "{"))]
    answers = [handed_in(f"s{n}", "06.1", text) for n, text in enumerate(texts)]
    assert (
        similarity.pairs([*strange, *answers, Submission("y", "nonsense", '{"cells": []}')]) == []
    )


def test_what_is_too_deep_to_be_shown_is_a_pair_all_the_same():
    sums = [f"z{n} = {' + '.join('w' * (450 + n))}" for n in range(similarity.ENOUGH)]
    solution = project.answer_cell(project.PROJECT / "solutions", "07.1")
    text = "\n".join([solution, "w = 1", *sums])
    [pair] = similarity.pairs([handed_in(name, "07.1", text) for name in ("ada", "bob")])
    assert "too deep to be shown" in pair.reason()


def test_the_table_says_why(tmp_path):
    """A line for each pair, the most alike first."""
    text = FROM_THE_TASK
    found = similarity.pairs([handed_in(name, "06.1", text) for name in ("ada", "bob")])
    similarity.write(found, tmp_path)
    header, row = csv.reader((tmp_path / "alike.csv").open())
    assert header == ["chapter", "exercise", "student", "student", "how alike", "what is alike"]
    assert row[:5] == ["06_threading_mixin", "06.1", "ada", "bob", "100%"]
    assert "neither in the task nor in our solution" in row[5]
