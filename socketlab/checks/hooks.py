"""Mix-ins for servers on trial, which may note what hooks are called."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:  # what comes behind a mix-in, for those who check the types
    from minisocketserver import TCPServer

    ServerMixin = TCPServer
else:
    ServerMixin = object

Mixin = TypeVar("Mixin", bound=type)


def notes_calls(*hooks: str) -> Callable[[Mixin], Mixin]:
    """Let a mix-in pass its `note` the name and the arguments of each call of these hooks."""

    def add(mixin: Mixin) -> Mixin:
        for name in hooks:
            setattr(mixin, name, _noting(mixin, name))
        return mixin

    return add


def _noting(mixin: type, name: str) -> Callable[..., Any]:
    def hook(self: Any, *args: Any) -> Any:
        self.note(name, args)
        return getattr(super(mixin, self), name)(*args)

    return hook
