"""What each check is handed: where the answer lives, and what is recorded there."""

import errno
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..notebook.running import within
from ..notebook.tracebacks import whereabouts
from ..remote.link import Checker
from ..remote.messages import LinkBrokenError
from ..remote.names import make_class
from .case import CannotCheckError, Case
from .records import Records, is_disturbed, opened


@dataclass(frozen=True)
class Bench:
    """Where the answer lives: in this process or, for the grader, at the other end of a link.

    `records` has what happens there while a check runs, and `reports` what a server reported:
    its own notes, where it has any.
    """

    link: Checker | None
    records: Records
    reports: Any = None

    @property
    def is_elsewhere(self) -> bool:
        """Whether the answer lives in another process."""
        return self.link is not None

    def case(self, called: str, expected: str, why: str) -> Case:
        """Return a case: one thing to be asked of the answer."""
        return Case(called, expected, why, self)

    def there(self, function: Callable[..., Any], *args: Any) -> Any:
        """Return `function(*args)`, run where the answer lives.

        `function` must be one that a module defines, so that the other process can import it.
        """
        return function(*args) if self.link is None else self.link.call(function, *args)

    def there_within(
        self, seconds: float, what: str, function: Callable[..., Any], *args: Any
    ) -> Any:
        """As `there`, but ServerError, naming `what`, when it takes longer than so many seconds.

        Then it goes on, in a thread that nobody waits for.
        """
        if self.link is None:
            return within(seconds, lambda: function(*args), what)
        return self.link.call_within(seconds, what, function, *args)

    def whereabouts(self) -> str:
        """Tell where the answer's threads stand in the learner's code."""
        return str(self.there(whereabouts, self.records.before))

    def reported(self, told: str = "") -> str:
        """Return what the server reported first, in brackets, if that isn't in `told` already."""
        with suppress(LinkBrokenError):
            error = str((self.reports or self.records).trouble())
            return f" ({error})" if error and error not in told else ""
        return ""

    def at(self, link: Checker) -> "Bench":
        """Return a bench for an answer that lives at the other end of a link."""
        return Bench(link, link.call(Records))

    @contextmanager
    def here(self) -> Iterator["Bench"]:
        """Give a `with` block a bench in this process: nothing in it is the learner's."""
        if self.link is None:
            yield self
            return
        with bench_at(None) as bench:
            yield bench

    def hand_over(self, sock: socket.socket) -> Any:
        """Return a socket as the answer may have it: moved to where that lives."""
        if self.link is None:
            return sock
        with sock:
            return self.there(_same, sock)

    def subclass(self, *bases: Any, **attributes: Any) -> Any:
        """Make a class of these bases where the answer lives; it has the name of the last one.

        Functions among the attributes do their work here, whoever calls them.
        """
        return self.there(subclass, bases, attributes)

    def connect(self, address: Any, timeout: float) -> socket.socket:
        """Return a client's connection to a host and a port, or to the path of a Unix socket."""
        if not isinstance(address, str):
            return socket.create_connection(address, timeout)
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(timeout)
        try:
            client.connect(self.seen(address))
        except OSError:
            client.close()
            raise
        return client

    def seen(self, path: str) -> str:
        """Return the path by which this process reaches a file of the process with the answer.

        A link there would lead to any file of ours, so there must be none. Only to look at it or
        to connect to it, all the same: the other process may be quick enough to put one there now.
        """
        if self.link is None or not self.link.root:
            return path
        for part in (Path(path), *Path(path).parents):
            if os.path.islink(f"{self.link.root}{part}"):
                raise PermissionError(f"{part} is a link, and links are not followed here")
        return f"{self.link.root}{path}"

    def beginning(self, path: str, most: int) -> bytes:
        """Return the first `most` bytes of a file of the process with the answer.

        OSError, without any wait, if it is no plain file: a pipe would have us wait for a writer,
        and a file that is leased for its owner's leave.
        """
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        with open(os.open(self.seen(path), flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "it is no plain file", path)
            return file.read(most)


def _same(value: Any) -> Any:
    return value


def subclass(bases: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
    """Make a class of these bases, with the name of the last one."""
    return make_class(bases[-1].__name__, bases, attributes)


@contextmanager
def bench_at(link: Checker | None) -> Iterator[Bench]:
    """Record what happens where the answer lives; nothing is heard outside, nothing stays.

    CannotCheckError where a thread of an earlier answer computes for ever.
    """
    if link is None and is_disturbed():
        raise CannotCheckError(
            "A thread that an earlier answer has started computes forever, and can't be stopped. "
            "Restart the kernel, run the cells above, then check again."
        )
    bench = Bench(link, opened() if link is None else link.call(opened))
    try:
        yield bench
    finally:
        for name in bench.there(Records.close, bench.records):
            bench.case(
                called=name,
                expected="the standard library's own, untouched",
                why="A client must reach your server over a real connection. Take the replacement "
                "out and restart the kernel.",
            ).fail(f"your code has replaced {name}")
