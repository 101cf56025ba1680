"""A proxy: what is done to it is done to an object in the student's process."""

import builtins
import functools
import operator
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from ..notebook.reopen_class import ADDED_TO_BODY
from .names import import_named, make_class

if TYPE_CHECKING:
    from .link import Checker


class _ProxyClass(type):
    """`class Server(proxy, Mixin)` ends here: the class is made where the proxy's object lives."""

    def __new__(mcs, name: str, bases: tuple[Any, ...], namespace: dict[str, Any]) -> Any:
        written = namespace.get("__orig_bases__", ())
        link = next((base._link for base in written if isinstance(base, Proxy)), None)
        if link is None:
            return super().__new__(mcs, name, bases, namespace)
        if "__classcell__" in namespace:
            raise TypeError(f"{name} uses super() or __class__, which only works where it lives")
        kept = {k: v for k, v in namespace.items() if k not in ADDED_TO_BODY}
        return link.call(make_class, name, written, kept)


class Proxy(metaclass=_ProxyClass):
    """An object of the student's process."""

    __slots__ = ("__weakref__", "_link", "_number", "_types")

    def __init__(self, link: "Checker", number: int, types: tuple[str, ...]) -> None:
        object.__setattr__(self, "_link", link)
        object.__setattr__(self, "_number", number)
        object.__setattr__(self, "_types", types)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (Proxy,) if next(b for b in bases if isinstance(b, Proxy)) is self else ()

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """The nearest class of the standard library that its class comes from, for isinstance."""
        return _nearest(self._types)

    def __getattr__(self, name: str) -> Any:
        return self._link.call(getattr, self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._link.call(setattr, self, name, value)

    def __delattr__(self, name: str) -> None:
        self._link.call(delattr, self, name)

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        return self._link.call(self, *args, **keywords)

    def __repr__(self) -> str:
        return str(self._link.call(repr, self))

    def __str__(self) -> str:
        return str(self._link.call(str, self))

    def __bool__(self) -> bool:
        return bool(self._link.call(bool, self))

    def __len__(self) -> int:
        return int(self._link.call(len, self))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._link.call(tuple, self))

    def __next__(self) -> Any:
        return self._link.call(next, self)

    def __contains__(self, item: Any) -> bool:
        return bool(self._link.call(operator.contains, self, item))

    def __getitem__(self, key: Any) -> Any:
        return self._link.call(operator.getitem, self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._link.call(operator.setitem, self, key, value)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        kind = _CONTAINERS.get(self._types[0])
        if kind is not None:  # compared here: over there a student's code might do it
            return bool(isinstance(other, kind) and kind(self) == kind(other))
        is_equal = bool(self._link.call(operator.eq, self, other))
        if not is_equal or type(other) not in _PLAIN:
            return is_equal
        with suppress(TypeError, ValueError):  # it says so itself: what is it as a plain value?
            return bool(self._link.call(type(other), self) == other)
        return False

    def __hash__(self) -> int:
        return hash(self._number)

    def __enter__(self) -> Any:
        return self._link.call(_enter, self)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> Any:
        return self._link.call(_exit, self, None if kind is None else kind.__name__)


_TOLD_APART = {"builtins", "socket", "_socket", "socketserver", "threading", "_thread", "io"}
_TOLD_APART |= {"_io", "queue", "_queue", "ssl", "minisocketserver", "pathlib", "collections"}


@functools.lru_cache
def _nearest(types: tuple[str, ...]) -> Any:
    for name in types:
        if name.partition(":")[0] in _TOLD_APART:
            with suppress(AttributeError, ImportError):
                return import_named(name)
    return object


_PLAIN = {bool, int, float, str, bytes, tuple, type(None)}


_CONTAINERS: dict[str, Any] = {"builtins:list": list, "builtins:set": set, "builtins:dict": dict}


@functools.lru_cache
def proxy_type(name: str) -> type[Proxy]:
    return cast(type[Proxy], type.__new__(_ProxyClass, name, (Proxy,), {"__slots__": ()}))


def _enter(manager: Any) -> Any:
    return type(manager).__enter__(manager)


def _exit(manager: Any, name: str | None) -> Any:
    kind = getattr(builtins, name or "", None) if name else None
    return type(manager).__exit__(manager, kind, kind() if kind else None, None)
