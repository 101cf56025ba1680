"""Folders and files that belong to their owner alone, whatever the umask."""

import errno
import os
import shlex
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from .archives import printable

_OTHERS = 0o077


class NotPrivateError(OSError):
    """A folder that other users have a hand in; `strerror` says how, and what to do."""


def own_folder(path: Path, marks: Iterable[str]) -> None:
    """Make a folder that is yours alone, or take other users' rights away if it's there already.

    One that exists loses them, which a sentence on stderr says, if it's empty or holds one of the
    files or folders `marks`, which an earlier run has left. Any other may be meant for more than
    this: NotPrivateError if others can read it or write there, or if it belongs to one of them.
    OSError if it can't be made.
    """
    try:
        path.mkdir(parents=True, mode=0o700)
        path.chmod(0o700)
        return
    except FileExistsError:
        link, there = path.lstat(), path.stat()
    if not stat.S_ISDIR(there.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "it isn't a folder")
    if {link.st_uid, there.st_uid} != {os.geteuid()}:
        raise NotPrivateError(
            errno.EPERM, "the folder belongs to another user. Name one of your own"
        )
    if not there.st_mode & _OTHERS:
        return
    if any(path.iterdir()) and not any((path / mark).exists() for mark in marks):
        told = "other users can use that folder. Name a new one, or close it: chmod go="
        raise NotPrivateError(errno.EPERM, f"{told} {shlex.quote(str(path))}")
    _narrow(path)
    is_closed = not path.stat().st_mode & _OTHERS
    now = "Now it's yours alone" if is_closed else "They still can, on this kind of file system"
    print(f"Other users could see into {printable(str(path))}. {now}.", file=sys.stderr)


def _narrow(folder: Path) -> None:
    """Take others' rights away from a folder and all that is in it, and set-user-ID bits."""
    folder.chmod(0o700)
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(place, name)
            mode = path.lstat().st_mode
            if not stat.S_ISLNK(mode) and stat.S_IMODE(mode) & ~0o700:
                path.chmod(stat.S_IMODE(mode) & 0o700)


PART = ".part"
"""The name of a file that is being written; the next run takes a torn one away."""


def folder(path: Path, within: Path) -> None:
    """Make a folder and those above it, below `within`, or make them private.

    A link in the place of a folder isn't followed: OSError.
    """
    for one in (*reversed(path.parents), path):
        if within not in one.parents:
            continue
        with suppress(FileExistsError):
            one.mkdir(mode=0o700)
        if not stat.S_ISDIR(one.lstat().st_mode):
            told = f"{printable(one.name)!r} is a link, or no folder. Take it away"
            raise NotADirectoryError(errno.ENOTDIR, told)
        one.chmod(0o700)


def write(path: Path, content: bytes, within: Path) -> None:
    """Write a file whole, or leave what was there; it and its folders below `within` are private.

    OSError if that can't be done, or if one of the folders is a link.
    """
    folder(path.parent, within)
    part = path.with_name(PART)
    part.unlink(missing_ok=True)
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
