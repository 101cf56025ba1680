"""Folders and files that belong to their owner alone, whatever the umask."""

import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from .collected import printable

_OTHERS = 0o077
_OTHERS_WRITE = 0o022


class NotPrivate(OSError):
    """A folder in which other users could write; `strerror` says which, and what to do."""


def own_folder(path: Path, marks: Iterable[str]) -> None:
    """Make a folder that is yours alone, or take other users' rights away if it's there already.

    One that exists loses them if it's empty or holds one of the files `marks`, which an earlier
    run has left. Any other may be meant for more than this: NotPrivate if other users can write
    there, or if it belongs to one of them; a sentence on stderr if they can read its names.
    OSError if it can't be made.
    """
    with suppress(FileExistsError):
        path.mkdir(parents=True, mode=0o700)
        path.chmod(0o700)
    link, there = path.lstat(), path.stat()
    if not stat.S_ISDIR(there.st_mode):
        raise NotADirectoryError(20, "it isn't a folder")
    if {link.st_uid, there.st_uid} != {os.geteuid()}:
        raise NotPrivate(1, "the folder belongs to another user. Name one of your own")
    if not there.st_mode & _OTHERS:
        return
    shown = printable(str(path))
    if not any(path.iterdir()) or any((path / mark).exists() for mark in marks):
        _narrow(path)
        print(f"Other users could see into {shown}. Now it's yours alone.", file=sys.stderr)
    elif there.st_mode & _OTHERS_WRITE:
        told = "other users can write there. Name a new folder, or give this one: chmod go="
        raise NotPrivate(1, told)
    else:
        told = f"Other users can see which files are in {shown}, but can't read what we write."
        print(told, file=sys.stderr)


def _narrow(folder: Path) -> None:
    """Take other users' rights away from a folder, then from all that is in it."""
    folder.chmod(0o700)
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(place, name)
            mode = path.lstat().st_mode
            if not stat.S_ISLNK(mode) and mode & _OTHERS:
                path.chmod(stat.S_IMODE(mode) & ~_OTHERS)


def write(path: Path, content: bytes, within: Path) -> None:
    """Write a file whole, or leave what was there; it and its folders below `within` are private.

    A link in the place of a folder is not followed: OSError.
    """
    for folder in reversed([one for one in path.parents if within in one.parents]):
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        if not stat.S_ISDIR(folder.lstat().st_mode):
            told = f"{printable(folder.name)!r} is a link, or no folder. Take it away"
            raise NotADirectoryError(20, told)
        folder.chmod(0o700)
    part = path.with_name(".part")  # a torn one is taken away the next time
    part.unlink(missing_ok=True)
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
