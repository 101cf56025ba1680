"""A student's home, read with the student's own rights and no more.

What lies there is made by the student: links to the files of others, pipes that never end, files
that grow. So a process of its own reads it, which has become the student, follows no link, takes
only files that are the student's, and is given up after a while. It is a fork, as a new Python for
each student would take longer to start than to read.
"""

import base64
import json
import os
import select
import signal
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from ..learner.course import is_version_beside
from ..sandbox.host_limits import NOBODY
from .submissions import MOST_BYTES

PLACE = ("course", "exercises")
"""Where a learner's notebooks are, in the home."""

MOST_NOTEBOOKS = 10
"""So many of a chapter are taken; a learner has one, and perhaps some copies."""
MOST_FILES = 1000
"""So many names in a chapter's folder are looked at."""
MOST_IN_ALL = 100 << 20
"""Bytes of one student's notebooks."""
SECONDS = 60.0
"""The time that a home may take; what hangs is a network's file system, or a trap."""


class HomeError(Exception):
    """A home that can't be read, or not to its end; the text says why."""


@dataclass(frozen=True)
class Found:
    """A notebook in a home, or with `trouble` why there is none under this name.

    Without a name it is about a chapter's folder. `is_work` tells whether the student may miss it.
    """

    chapter: str
    name: str
    trouble: str = ""
    content: bytes = b""
    is_work: bool = True


def read_home(home: Path, chapters: Sequence[str], seconds: float = SECONDS) -> Iterator[Found]:
    """Yield what a home holds of the chapters. HomeError if it can't be read, or takes too long."""
    here, there = os.pipe()
    pid = os.fork()
    if pid == 0:
        _in_child(home, chapters, there, seconds)
    os.close(there)
    try:
        for line in _lines(here, time.monotonic() + seconds):
            fields = json.loads(line)
            if "failed" in fields:
                raise HomeError(fields["failed"])
            if "done" in fields:
                return
            yield Found(**fields | {"content": base64.b64decode(fields["content"])})
        raise HomeError("the process that read it was ended")
    finally:
        os.close(here)
        _end(pid)


def _lines(pipe: int, until: float) -> Iterator[bytes]:
    begun = bytearray()
    while True:
        ready, _, _ = select.select([pipe], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            raise HomeError("reading it took too long. Does something hang there?")
        data = os.read(pipe, 1 << 20)
        if not data:
            return
        begun += data
        if b"\n" in data:
            *whole, begun = begun.split(b"\n")
            yield from map(bytes, whole)


def _end(pid: int) -> None:
    """End the child; what the kernel can't end now, as it waits for a disk, isn't waited for."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 1
    while os.waitpid(pid, os.WNOHANG)[0] == 0 and time.monotonic() < until:
        time.sleep(0.01)


def _in_child(home: Path, chapters: Sequence[str], pipe: int, seconds: float) -> None:
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(int(seconds) + 2)  # should the parent have been killed
        with open(pipe, "w", encoding="utf-8") as out:
            try:
                for found in _read(home, chapters):
                    content = base64.b64encode(found.content).decode()
                    print(json.dumps(asdict(found) | {"content": content}), file=out)
                print(json.dumps({"done": True}), file=out)
            except HomeError as trouble:
                print(json.dumps({"failed": str(trouble)}), file=out)
            except OSError as error:
                print(json.dumps({"failed": _told(error)}), file=out)
    finally:
        os._exit(0)


def _read(home: Path, chapters: Sequence[str]) -> Iterator[Found]:
    if home.is_symlink():
        raise HomeError(f"it is a link, to {os.readlink(home)!r}. Name the folder itself")
    flags = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW
    folder = os.open(home, flags)
    owner = os.fstat(folder).st_uid
    _become(owner)
    for name in PLACE:
        folder = _folder(name, folder)
    left = MOST_IN_ALL
    for chapter in chapters:
        try:
            place = _folder(chapter, folder)
        except HomeError as trouble:
            yield Found(chapter, "", str(trouble))
            continue
        for found in _chapter(chapter, place, owner):
            left -= len(found.content)
            if left < 0:
                told = f"more than {MOST_IN_ALL >> 20} MB in all"
                found = Found(chapter, found.name, told)
            yield found
        os.close(place)


def _become(owner: int) -> None:
    """Give up all rights but those of this user, for good."""
    if os.geteuid() != 0:
        return
    if owner == 0:
        raise HomeError("it belongs to root, who may read everything. Whose is it? See: chown")
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(owner)


def _folder(name: str, within: int) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        return os.open(name, flags, dir_fd=within)
    except FileNotFoundError:
        raise HomeError(f"there is no {name!r}") from None
    except OSError as error:
        with suppress(OSError):
            if stat.S_ISLNK(os.stat(name, dir_fd=within, follow_symlinks=False).st_mode):
                raise HomeError(f"{name!r} is a link, which isn't followed") from None
        raise HomeError(f"{name!r} can't be opened: {_told(error)}") from None


def _chapter(chapter: str, folder: int, owner: int) -> Iterator[Found]:
    usual = f"exercises_{chapter}.ipynb"
    with os.scandir(folder) as entries:
        seen = [entry.name for entry in islice(entries, MOST_FILES + 1)]
    if len(seen) > MOST_FILES:
        told = f"more than {MOST_FILES} files; not all were looked at"
        yield Found(chapter, "", told, is_work=False)
    names = sorted(name for name in seen if name != usual and not name.startswith("."))
    notebooks = [name for name in names if name.endswith(".ipynb") and not is_version_beside(name)]
    if usual in seen or len(seen) > MOST_FILES:  # there, perhaps
        notebooks.insert(0, usual)
    for name in notebooks[:MOST_NOTEBOOKS]:
        try:
            yield Found(chapter, name, content=_file(name, folder, owner))
        except FileNotFoundError:
            if name in seen:
                yield Found(chapter, name, "it has gone")
        except HomeError as trouble:
            yield Found(chapter, name, str(trouble))
        except OSError as error:
            yield Found(chapter, name, _told(error))
    for name in notebooks[MOST_NOTEBOOKS:]:
        yield Found(chapter, name, f"more than {MOST_NOTEBOOKS} notebooks")
    for name in names:
        if is_version_beside(name):
            yield Found(chapter, name, "a newer version from the course", is_work=False)
        elif not name.endswith(".ipynb"):
            yield Found(chapter, name, "no notebook (.ipynb)", is_work=False)


def _file(name: str, folder: int, owner: int) -> bytes:
    """Return what is in a file. HomeError if it's anything else, another user's, or too big."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
    if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        raise HomeError("a link, or no file")
    for _ in range(3):
        with open(os.open(name, flags, dir_fd=folder), "rb") as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise HomeError("a link, or no file")
            if before.st_uid != owner:
                raise HomeError("it belongs to another user")
            if before.st_size > MOST_BYTES:
                raise HomeError(f"it has more than {MOST_BYTES >> 20} MB")
            content = file.read(MOST_BYTES + 1)
            after = os.fstat(file.fileno())
        if (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, len(content)):
            return content
        time.sleep(0.1)
    raise HomeError("it changes while it's read")


def _told(error: OSError) -> str:
    return error.strerror or str(error)
