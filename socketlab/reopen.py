"""Grow a class over several cells."""

from collections.abc import Callable
from types import CellType, FunctionType
from typing import Any


class _Empty:
    """Shows what every class body defines without being asked."""


_OF_EVERY_CLASS = {*vars(_Empty), "__annotations__", "__annotate__", "__annotate_func__"}


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
            if name not in _OF_EVERY_CLASS:
                for function in _functions(member):
                    _point_super_at(old, function)
                setattr(old, name, member)
        return old

    return move


def _functions(member: Any) -> list[FunctionType]:
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
