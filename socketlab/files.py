"""Files: written whole or not at all, and a folder whose paths fit a Unix socket."""

import errno
import os
import tempfile
from pathlib import Path


def short_tempdir() -> str:
    """Return the folder for temporary files, or another where a Unix socket's path fits.

    That has at most 108 bytes (104 on macOS), and TMPDIR may be longer. OSError if there is none.
    """
    for folder in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        if len(os.fsencode(folder)) <= _SHORT and os.access(folder, os.W_OK | os.X_OK):
            return folder
    raise OSError(errno.ENAMETOOLONG, "every folder for temporary files has a long path")


_SHORT = 60
"""Bytes that leave room for a folder and a socket's name."""


def write(path: Path, content: bytes) -> None:
    """Write all of a file or nothing: an interruption leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    except OSError as error:
        error.filename = str(path)  # a message names the file that was asked for
        raise
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(part, 0o644)
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise
