"""Whose code an answer is: the learner's own, or that of the class it is to replace."""

import functools
import inspect
import socketserver
from collections.abc import Collection, Iterator, Mapping
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import minisocketserver
from minisocketserver import beyond

from ..output import listed

_PYTHON = "the standard library"
_LIBRARIES = {
    _PYTHON: (socketserver,),
    "minisocketserver": (minisocketserver, beyond),
}

_CLASSES = {
    library: {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__.startswith(modules[0].__name__)
    }
    for library, modules in _LIBRARIES.items()
}
"""The classes as they are before any answer runs."""
_WHOSE = {one: f"{library}'s" for library, classes in _CLASSES.items() for one in classes.values()}
_SERVERS = (socketserver.BaseServer, minisocketserver.BaseServer)


def first_borrowed(
    answers: Mapping[str, Any], asked: Mapping[str, Collection[str]]
) -> tuple[str, str]:
    """Return the first name whose answer is the library's, and in words how; or two empty texts.

    `asked` has the methods to write by class, as `Exercise.own`. A class in it that is no answer
    itself is looked for where the answers' methods would find it.
    """
    for name, methods in sorted(asked.items(), key=lambda one: one[0] not in answers):
        found = [answers[name]] if name in answers else _helpers(answers.values(), name)
        for one in found:
            if words := borrowed(one, name, methods):
                return name, words
    return "", ""


def _helpers(answers: Collection[Any], name: str) -> list[Any]:
    """Return what the answers' methods know by this name."""
    held = [
        _function(value)
        for answer in answers
        for owner in getattr(answer, "__mro__", ())
        for value in vars(owner).values()
    ]
    users = [one for one in held if one is not None and name in one.__code__.co_names]
    return [one.__globals__[name] for one in users if name in one.__globals__]


def borrowed(answer: Any, name: str, methods: Collection[str]) -> str:
    """Return, in words, what an answer has from the library's class called `name`, or nothing.

    `methods` are those that the task asks for. An answer may derive from other classes of the
    library, and even from this one if all these methods are its own. A class without methods to
    write, such as a server with another address family, may not derive from it.
    """
    originals = _originals(name)
    answer = _unwrapped(answer)
    for original, whose in originals.items():
        if answer is original:
            return f"{whose} {original.__name__}"
    if not isinstance(answer, type):
        calls = isinstance(answer, FunctionType) and _calls(answer, "__init__", originals)
        return f"a function that makes {calls}" if calls else ""
    heirs = [whose for original, whose in originals.items() if original in answer.__mro__]
    if not methods and heirs:
        return f"a class that derives from {heirs[0]} {name}"
    found = {method: _origin(answer, method, originals) for method in methods}
    found = {method: whose for method, whose in found.items() if whose}
    if found:
        return f"a class that leaves {listed(found)} to {next(iter(found.values()))}"
    theirs = _CLASSES[_PYTHON].get(name)  # of ours, one's own may become a copy, word for word
    is_copy = theirs is not None and _is_copy(answer, methods, theirs)
    return f"a copy of {_PYTHON}'s {name}, made by a program" if is_copy else ""


def _originals(name: str) -> dict[type, str]:
    """Return the classes called `name`, or all servers if there is none, each with whose it is."""
    alike = {one: whose for one, whose in _WHOSE.items() if one.__name__ == name}
    return alike or {one: whose for one, whose in _WHOSE.items() if issubclass(one, _SERVERS)}


def _unwrapped(answer: Any) -> Any:
    while isinstance(answer, functools.partial):
        answer = answer.func
    return answer


def _origin(answer: type, method: str, originals: Mapping[type, str]) -> str:
    """Return whose code a method is, or only calls, if it is that of an original."""
    owners = [one for one in answer.__mro__ if method in vars(one)]
    if not owners:
        return ""
    function = _function(vars(owners[0])[method])
    if function is None:
        return _titled(owners[0], originals) if owners[0] in originals else ""
    if whose := _code_of(function, method, originals):
        return whose
    if "super" in _names(function.__code__) and method in _names(function.__code__):
        above = [_function(vars(one)[method]) for one in owners[1:2]]
        if above and above[0] is not None and (whose := _code_of(above[0], method, originals)):
            return whose
    return _calls(function, method, originals)


def _code_of(function: FunctionType, method: str, originals: Mapping[type, str]) -> str:
    for original in originals:
        theirs = _function(vars(original).get(method))
        if theirs is not None and _place(theirs.__code__) == _place(function.__code__):
            return _titled(original, originals)
    return ""


def _place(code: CodeType) -> tuple[str, int, str]:
    return code.co_filename, code.co_firstlineno, code.co_name


def _calls(function: FunctionType, method: str, originals: Mapping[type, str]) -> str:
    """Return the original whose method of this name a function calls by the class's name."""
    names = _names(function.__code__)
    if method not in names and method != "__init__":
        return ""
    known = [function.__globals__.get(name) for name in names]
    modules = {one.__name__ for one in known if isinstance(one, ModuleType)} | names
    for original in originals:
        by_module = original.__name__ in names and original.__module__.split(".")[0] in modules
        if by_module or any(one is original for one in known):
            return _titled(original, originals)
    return ""


def _names(code: CodeType) -> set[str]:
    inner = [_names(one) for one in code.co_consts if isinstance(one, CodeType)]
    return {*code.co_names, *code.co_freevars}.union(*inner)


def _function(value: Any) -> FunctionType | None:
    """Return the Python function in what a class holds under a name."""
    if isinstance(value, staticmethod | classmethod | MethodType):
        value = value.__func__
    if isinstance(value, functools.partialmethod | functools.partial):
        value = value.func
    if isinstance(value, property):
        value = value.fget
    if isinstance(value, FunctionType):
        value = inspect.unwrap(value)
    return value if isinstance(value, FunctionType) else None


def _is_copy(answer: type, methods: Collection[str], original: type) -> bool:
    """Tell whether all of it came from text given to `exec`, and is that of the original."""
    pairs = [
        (_function(vars(answer).get(method)), _function(vars(original).get(method)))
        for method in methods
    ]
    return (
        bool(pairs)
        and answer.__doc__ == original.__doc__
        and all(
            mine is not None
            and theirs is not None
            and mine.__code__.co_filename == "<string>"
            and list(_text(mine.__code__)) == list(_text(theirs.__code__))
            for mine, theirs in pairs
        )
    )


def _text(code: CodeType) -> Iterator[Any]:
    """Yield what two functions share that have the same text, wherever their lines are."""
    yield from (code.co_names, code.co_varnames)
    for one in code.co_consts:
        yield list(_text(one)) if isinstance(one, CodeType) else one


def _titled(original: type, originals: Mapping[type, str]) -> str:
    return f"{originals[original]} {original.__name__}"
