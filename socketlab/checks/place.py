"""Where an answer lives: in this process or, for the grader, in another one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_link: Any = None


def there(function: Callable[..., Any], *args: Any) -> Any:
    """Return `function(*args)`, run where the answer lives.

    `function` must be one that a module defines, so that the other process can import it.
    """
    return function(*args) if _link is None else _link.call(function, *args)


@contextmanager
def answers_at(link: Any) -> Iterator[None]:
    """Say that answers live at the other end of `link` for the length of a `with` block."""
    global _link
    _link = link
    try:
        yield
    finally:
        _link = None
