"""Names by which both processes know the same thing, and what is made there by name."""

import importlib
import operator
import sys
import types
from typing import Any


def name_of(value: Any) -> str | None:
    """Return the name under which another process can import this object, or None."""
    if isinstance(value, types.ModuleType):
        return value.__name__
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if module is None and isinstance(value, types.BuiltinFunctionType):
        module = "builtins"
    if not isinstance(module, str) or not isinstance(name, str) or module == "__main__":
        return None
    try:
        found = operator.attrgetter(name)(sys.modules[module])
    except (KeyError, AttributeError):
        return None
    return f"{module}:{name}" if found is value else None


def import_named(name: str) -> Any:
    """Import what `name_of` has named."""
    module, _, attributes = name.partition(":")
    found = importlib.import_module(module)
    return operator.attrgetter(attributes)(found) if attributes else found


def make_class(name: str, bases: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
    """Make a class as a class statement would, with bases that may say what they stand for."""
    return types.new_class(name, bases, {}, lambda namespace: namespace.update(attributes))
