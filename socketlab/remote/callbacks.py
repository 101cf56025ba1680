"""What is seen in the student's process of a function or class of the checker's."""

import functools
import inspect
import types
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from .names import import_named, name_of


def described(value: Any) -> dict[str, Any]:
    """Return what a stand-in must tell of itself, for code that looks: name, signature, bases."""
    if isinstance(value, type):
        bases = [name for one in value.__mro__[1:-1] if (name := name_of(one))]
        return {"name": value.__name__, "module": value.__module__, "bases": bases[:1]}
    if not isinstance(value, types.FunctionType | types.MethodType):
        return {}
    about: dict[str, Any] = {"name": value.__name__, "qualname": value.__qualname__}
    about["module"] = value.__module__
    with suppress(TypeError, ValueError):
        parameters = inspect.signature(value).parameters.values()
        about["parameters"] = [
            (one.name, int(one.kind), one.default is not one.empty, _plain(one.default))
            for one in parameters
        ]
    return about


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str | bytes) else ...


def made_from(about: dict[str, Any], call: Callable[..., Any]) -> Any:
    """Return a function or a class, as `described` tells of it, that calls `call`."""
    if "bases" in about:
        made = {
            "__module__": about["module"],
            "__new__": lambda cls, *args, **kw: call(*args, **kw),
        }
        return type(about["name"], tuple(map(import_named, about["bases"])), made)
    if not about:
        return Callback(call)
    call.__name__, call.__qualname__ = about["name"], about["qualname"]
    call.__module__ = about["module"]
    if "parameters" in about:
        parameters = [
            inspect.Parameter(name, kind, default=default if has_one else inspect.Parameter.empty)
            for name, kind, has_one, default in about["parameters"]
        ]
        vars(call)["__signature__"] = inspect.Signature(parameters)
    return call


class Callback:
    """What may be called, but is no function of the checker's, and no class: such as a partial."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        return self._call(*args, **keywords)

    def __get__(self, instance: Any, owner: Any) -> Any:
        return self if instance is None else functools.partial(self, instance)
