"""Grow a class over several cells."""

import inspect
from collections.abc import Callable
from types import CellType, FunctionType
from typing import Any


class _Sampled(type):
    body: set[str]

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> Any:
        sample = super().__new__(mcs, name, bases, namespace)
        sample.body = {*namespace}
        return sample


class _Generic:
    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return ()


class _Sample(_Generic(), metaclass=_Sampled):  # type: ignore[misc]
    _annotated: int

    def _method(self) -> Any:
        self._annotated = 1
        return __class__  # type: ignore[name-defined]


ADDED_TO_BODY = frozenset(name for name in _Sample.body if name.startswith("__"))
"""Names that the running Python puts into a class body by itself: asked of a class that has a
little of everything for which it does. Those of the next Python need no list of ours."""

inspect.get_annotations(_Sample)  # may leave a cache in the class
_NOT_MOVED = ADDED_TO_BODY | {*vars(_Sample), "__annotations__"}


def reopen(old: type) -> Callable[[type], type]:
    """Put what the decorated class body defines into the class `old`, and keep `old`.

        @reopen(BaseServer)
        class BaseServer:
            def shutdown(self): ...

    Servers made before get the new methods too. Raises TypeError when the names differ, because
    private names (`__flag`) belong to the class that they were written in.
    """

    def move(new: type) -> type:
        if new.__name__ != old.__name__:
            raise TypeError(
                f"reopen({old.__name__}) stands above class {new.__name__}: give it the same name."
            )
        for name, member in vars(new).items():
            if name not in _NOT_MOVED:
                for function in functions_of(member):
                    _point_super_at(old, function)
                setattr(old, name, member)
        return old

    return move


def functions_of(member: Any) -> list[FunctionType]:
    """Return the functions in what a class holds under a name: a method, a property's three."""
    parts = [
        member,
        *(getattr(member, part, None) for part in ("fget", "fset", "fdel", "__func__")),
    ]
    return [part for part in parts if isinstance(part, FunctionType)]


def _point_super_at(owner: type, function: FunctionType) -> None:
    """Let `super()` without arguments look from `owner`: it reads the cell `__class__`."""
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    cell = cells.get("__class__")
    if isinstance(cell, CellType):
        cell.cell_contents = owner
