"""Slips that beginners make, and what an error in their code says of them."""

import re
import sys
from collections.abc import Iterable, Mapping
from types import FunctionType, ModuleType
from typing import Any


def likely_slip(got: str, classes: Iterable[type], namespace: Mapping[str, Any], text: str) -> str:
    """Return what has probably led to an error, in a sentence, or "".

    `got` is the error as it's told, `classes` are those on trial, and `text` is what the cells of
    the notebook say.
    """
    if got.endswith("() is still blank"):
        return "It has a line with raise NotImplementedError, which ends it. Yours take its place."
    if found := re.search(r"(\w+)\.(\w+)\(\) takes \d+ positional arguments? but \d+ w", got):
        return _without_self(found[1], found[2], classes)
    if found := _UNKNOWN.search(got):
        return _without_owner(found[1], classes, namespace, text)
    found = re.search(r"AttributeError: module '(\w+)' has no attribute", got)
    if found and re.search(rf"\bself\.{found[1]}\b", text):
        return f"{found[1]} alone is the module. The object's own is self.{found[1]}."
    return ""


_UNKNOWN = re.compile(
    r"(?:NameError: name|UnboundLocalError: cannot access local variable) '(\w+)' [^,]*, "
    r"in \w+\(\), line"
)
"""In a function: what a cell itself lacks may be in one above it that has not been run."""


def _without_self(owner: str, method: str, classes: Iterable[type]) -> str:
    for one in classes:
        function = vars(one).get(method)
        if one.__name__ == owner and isinstance(function, FunctionType):
            code = function.__code__
            if "self" not in code.co_varnames[: code.co_argcount]:
                return f"{method} lacks its first parameter, self: the object it's called on."
    return ""


def _without_owner(
    name: str, classes: Iterable[type], namespace: Mapping[str, Any], text: str
) -> str:
    is_module = name in sys.stdlib_module_names  # which a cell above has imported, or forgotten
    used = not is_module and re.search(rf"\bself\.{name}\b", text)
    if any(hasattr(one, "handle") and not hasattr(one, name) for one in classes):
        servers = [one for one in namespace.values() if hasattr(one, "serve_forever")]
        if any(hasattr(one, name) for one in servers):
            return f"Is {name} the server's? A handler reaches that as self.server.{name}."
    if used or any(hasattr(one, name) for one in classes):
        return f"{name} belongs to the object: self.{name} is how its methods reach it."
    for key, value in namespace.items():
        if isinstance(value, ModuleType) and not is_module and hasattr(value, name):
            return f"{name} belongs to the module {key}: write {key}.{name}."
    return ""


def explain(told: str, slips: Mapping[str, str], otherwise: str = "") -> str:
    """Return what `slips` says of an error, by the first of its keys found in what it told.

    A check with slips of its own keeps them in such a table: a part of the error's text, and what
    to say of it.
    """
    return next((words for part, words in slips.items() if part in told), otherwise)
