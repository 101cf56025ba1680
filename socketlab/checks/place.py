"""Where an answer lives: in this process or, for the grader, in another one."""

import errno
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..notebook.running import within
from ..remote.link import make_class

_link: Any = None


def there(function: Callable[..., Any], *args: Any) -> Any:
    """Return `function(*args)`, run where the answer lives.

    `function` must be one that a module defines, so that the other process can import it.
    """
    return function(*args) if _link is None else _link.call(function, *args)


def there_within(seconds: float, what: str, function: Callable[..., Any], *args: Any) -> Any:
    """As `there`, but ServerTrouble, naming `what`, when it takes longer than so many seconds.

    Then it goes on, in a thread that nobody waits for.
    """
    if _link is None:
        return within(seconds, lambda: function(*args), what)
    return _link.call_within(seconds, what, function, *args)


def hand_over(sock: socket.socket) -> Any:
    """Return a socket as the answer may have it: moved to where that lives, and no longer here."""
    if _link is None:
        return sock
    with sock:
        return there(_same, sock)


def _same(value: Any) -> Any:
    return value


def subclass(name: str, bases: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
    """Make a class, as `type` does, where the answer lives.

    Functions among the attributes do their work here, whoever calls them.
    """
    return there(make_class, name, bases, attributes)


def seen(path: str) -> str:
    """Return the path by which this process reaches a file of the process with the answer.

    A link there would lead to any file of ours, so there must be none. Only to look at it or to
    connect to it, all the same: the other process may be quick enough to put one there now.
    """
    if _link is None or not _link.root:
        return path
    for part in (Path(path), *Path(path).parents):
        if os.path.islink(f"{_link.root}{part}"):
            raise PermissionError(f"{part} is a link, and links are not followed here")
    return f"{_link.root}{path}"


def beginning(path: str, most: int) -> bytes:
    """Return the first `most` bytes of a file of the process with the answer.

    OSError, without any wait, if it is no plain file: a pipe would have us wait for a writer, and
    a file that is leased for its owner's leave.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    with open(os.open(seen(path), flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no plain file", path)
        return file.read(most)


def is_elsewhere() -> bool:
    """Tell whether answers live in another process."""
    return _link is not None


@contextmanager
def answers_at(link: Any) -> Iterator[None]:
    """Say that answers live at the other end of `link` for the length of a `with` block.

    None stands for this process.
    """
    global _link
    before, _link = _link, link
    try:
        yield
    finally:
        _link = before
