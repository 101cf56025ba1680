"""A build task wants the learner's own code, in whatever style; the library's is named."""

import ast
import functools
import inspect
import io
import re
import socketserver
from itertools import product

import pytest

import minisocketserver
from minisocketserver import beyond
from socketlab import CheckFailedError, check, project
from socketlab.checks.core import attempt
from socketlab.checks.ownership import first_borrowed
from socketlab.exercises import all_exercises, find
from socketlab.project import PROJECT

from ..exercises.far import far_check
from ..exercises.helpers import ours

WITH_OWN = [spec for spec in all_exercises() if spec.own]
BUILT = {name: spec for spec in all_exercises() for name in spec.own if name in spec.names}


def library_classes():
    modules = (socketserver, minisocketserver, beyond)
    for name, spec in BUILT.items():
        for module in modules:
            if hasattr(module, name):
                yield pytest.param(
                    spec, name, getattr(module, name), id=f"{module.__name__}.{name}"
                )


@pytest.fixture(params=["near", "far"])
def try_answer(request):
    """Check as in a notebook, and through the grader's link; the other answers are ours."""
    run = check if request.param == "near" else far_check

    def make(spec, name, answer, part=None):
        answers = [getattr(ours(spec.id), one) if one != name else answer for one in spec.names]
        tries = (one.name for one in spec.checks.values() if name in one.names)
        run(spec.id, *answers, part=part or next(tries))

    return make


def empty_subclass(original):
    return type(original.__name__, (original,), {"__doc__": "Mine."})


def inherits_all(original):
    class Between(original):
        def of_my_own(self):
            return "something else"

    return type(original.__name__, (Between,), {"allow_reuse_address": True})


def of_its_functions(original):
    return type(original.__name__, original.__bases__, dict(vars(original)))


def calls_it(original):
    def called(name):
        return eval(f"lambda self, *a, **k: original.{name}(self, *a, **k)", {"original": original})

    names = [name for name in vars(original) if callable(vars(original)[name])]
    return type(original.__name__, (original,), {name: called(name) for name in names})


def run_again(original):
    namespace = dict(vars(inspect.getmodule(original)), __name__="__main__")
    exec(inspect.getsource(original), namespace)
    return namespace[original.__name__]


@pytest.mark.parametrize("spec, name, original", [*library_classes()])
@pytest.mark.parametrize("loan", [lambda original: original, empty_subclass, inherits_all])
def test_the_librarys_class_is_named(try_answer, spec, name, original, loan):
    with pytest.raises(CheckFailedError) as caught:
        try_answer(spec, name, loan(original))
    text = str(caught.value)
    assert f"your {name}" in text
    library = "the standard library's" if original.__module__ == "socketserver" else "minisocketse"
    assert library in text and "a fine one; this exercise is about writing your own" in text
    assert len(text.splitlines()) < 12 and "Traceback" not in text


@pytest.mark.parametrize(
    ("library", "loan"),
    [
        *product([socketserver, minisocketserver], [of_its_functions, calls_it, functools.partial]),
        (socketserver, run_again),  # a learner who built our class may end with the text of ours
    ],
)
@pytest.mark.parametrize("name", ["DatagramRequestHandler"])
def test_so_is_one_in_disguise(try_answer, name, library, loan):
    with pytest.raises(CheckFailedError, match="this exercise is about writing your own"):
        try_answer(BUILT[name], name, loan(getattr(library, name)))


def test_our_own_text_is_an_answer_however_it_is_run():
    for spec in WITH_OWN:
        namespace = vars(ours(spec.id))
        exec(project.answer_cell(PROJECT / "solutions", spec.id), namespace)
        assert not is_borrowed(spec.id, *(namespace[name] for name in spec.names))


def test_half_a_class_is_told_what_is_missing():
    class DatagramRequestHandler(socketserver.DatagramRequestHandler):
        def setup(self):
            self.packet, self.socket = self.request

        def finish(self):
            return super().finish()

    with pytest.raises(CheckFailedError) as caught:
        check("08.2", DatagramRequestHandler)
    assert "finish to the standard library's DatagramRequestHandler" in str(caught.value)
    assert "leaves setup" not in str(caught.value)


_SocketWriter = socketserver._SocketWriter


def test_a_helper_of_the_task_is_to_be_written_too():
    class StreamRequestHandler(socketserver.BaseRequestHandler):
        def setup(self):
            self.wfile = _SocketWriter(self.request)

    asked = {"StreamRequestHandler": ["setup"], "_SocketWriter": ["write"]}
    name, words = first_borrowed({"StreamRequestHandler": StreamRequestHandler}, asked)
    assert (name, words) == ("_SocketWriter", "the standard library's _SocketWriter")


class Derived(socketserver.ThreadingTCPServer):
    def __init__(self, handle):
        super().__init__(("127.0.0.1", 0), lambda request, *_: handle(request))


class Held:
    def __init__(self, handle):
        self.server = minisocketserver.ThreadingTCPServer(
            ("127.0.0.1", 0), lambda request, *_: handle(request)
        )
        self.server_address = self.server.server_address
        self.serve_forever, self.shutdown = self.server.serve_forever, self.server.shutdown


class Bare(socketserver.ThreadingTCPServer):
    pass


@pytest.mark.parametrize("answer", [Derived, Held, Bare])
def test_bare_hands_have_no_server_of_the_librarys(answer):
    """Where the class to write has no name of a library's, all servers there count."""
    asked = {"HandMadeServer": ("__init__",)}
    _, how = first_borrowed({"HandMadeServer": answer}, asked)
    assert re.fullmatch(r"a class that leaves __init__ to .*'s (Threading)?TCPServer", how)


# Right answers, in styles that people have.

POSTCARD = ours("08.2").DatagramRequestHandler


class WithHelpers(POSTCARD):
    """One's own class, under a class of one's own."""

    def finish(self):
        super().finish()


def setup_of_its_own(self):
    self.packet, self.socket = self.request
    self.rfile, self.wfile = io.BytesIO(self.packet), io.BytesIO()


def assigned():
    class DatagramRequestHandler(minisocketserver.BaseRequestHandler):
        always_reply = POSTCARD.always_reply

    DatagramRequestHandler.setup = setup_of_its_own
    DatagramRequestHandler.finish = POSTCARD.finish
    return DatagramRequestHandler


def made_by_type():
    members = {name: value for name, value in vars(POSTCARD).items() if name != "__dict__"}
    members.pop("__weakref__", None)
    members["setup"] = setup_of_its_own
    return type("DatagramRequestHandler", (socketserver.BaseRequestHandler,), members)


def all_its_own_on_the_librarys():
    """Derives from the very class, and has written everything that is asked for."""
    members = {name: vars(POSTCARD)[name] for name in find("08.2").own["DatagramRequestHandler"]}
    members["always_reply"] = POSTCARD.always_reply
    return type("DatagramRequestHandler", (socketserver.DatagramRequestHandler,), members)


def wrapped():
    def loud(method):
        @functools.wraps(method)
        def around(self, *args):
            return method(self, *args)

        return around

    class DatagramRequestHandler(WithHelpers):
        setup = loud(WithHelpers.setup)

    return DatagramRequestHandler


@pytest.mark.parametrize(
    "make", [lambda: WithHelpers, assigned, made_by_type, all_its_own_on_the_librarys, wrapped]
)
def test_own_code_passes_in_any_style(make):
    handler = make()
    check("08.2", handler)
    far_check("08.2", handler)


def test_earlier_planks_may_be_the_librarys():
    from socketlab.checks.ownership import first_borrowed

    for base in (socketserver.BaseServer, minisocketserver.BaseServer, socketserver.TCPServer):

        class UDPServer(base):
            def get_request(self):
                data, client_address = self.socket.recvfrom(8192)
                return (data, self.socket), client_address

        assert not any(first_borrowed({"UDPServer": UDPServer}, {"UDPServer": ("get_request",)}))

    class DatagramRequestHandler(socketserver.BaseRequestHandler):
        setup = ours("08.2").DatagramRequestHandler.setup
        finish = ours("08.2").DatagramRequestHandler.finish

    assert not is_borrowed("08.2", DatagramRequestHandler)


def is_borrowed(exercise, *answered):
    spec = find(exercise)
    return any(first_borrowed(dict(zip(spec.names, answered, strict=True)), spec.own))


@pytest.mark.parametrize(
    "spec", [spec for spec in all_exercises() if spec.own], ids=lambda spec: spec.id
)
def test_what_is_to_be_written_is_what_the_stub_asks_for(spec):
    stub = project.answer_cell(PROJECT / "exercises", spec.id)
    blank = {
        node.name: {one.name for one in ast.walk(node) if is_blank(one)}
        for node in ast.walk(ast.parse(stub))
        if isinstance(node, ast.ClassDef)
    }
    for name, methods in spec.own.items():
        if blank:  # the whole cell may be
            assert set(methods) <= blank[name], name
        assert bool(methods) == bool(blank)


def is_blank(node):
    return isinstance(node, ast.FunctionDef) and "raise NotImplementedError()" in ast.unparse(node)


def test_every_build_task_with_a_class_of_the_librarys_says_what_is_to_be_written():
    for spec in all_exercises():
        if spec.kind == "build":
            known = [n for n in spec.names if hasattr(minisocketserver, n) or hasattr(beyond, n)]
            assert set(known) <= set(spec.own), spec.id


PREDICTIONS = [
    pytest.param(spec, part, id=f"{spec.id} {part.name}")
    for spec in all_exercises()
    if spec.kind == "predict"
    for part in spec.checks.values()
]


@pytest.mark.parametrize("spec, part", PREDICTIONS)
def test_a_prediction_is_asked_for_by_itself(spec, part):
    """Whoever has not written the others yet is told of this one, and of none that is missing."""
    [name] = part.names
    other = attempt(spec, part, (), {one: None for one in spec.names if one != name})
    assert f"there is no {name} yet" in other.got
    wrong = attempt(spec, part, (), {name: "no list"})
    assert wrong.called.startswith(f"{name}, ") and "there is no" not in wrong.got
