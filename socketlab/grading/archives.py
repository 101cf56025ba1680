"""The files in what was collected: a folder, or a zip as any system packs it."""

import os
import re
import unicodedata
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

Parts = tuple[str, ...]


@dataclass(frozen=True)
class File:
    """A file: its path, in parts, its size in bytes, and what reads it; or why it isn't read."""

    parts: Parts
    size: int
    read: Callable[[], bytes]
    trouble: str = ""

    leads_out: bool = False
    """Whether the path leads out of what was collected."""

    @property
    def name(self) -> str:
        return self.parts[-1]


@dataclass
class Collected:
    """Files in the order of their names, and folders, each with what is wrong with it, if so."""

    files: list[File] = field(default_factory=list)
    folders: dict[Parts, str] = field(default_factory=dict)

    def add(self, file: File) -> None:
        """Add a file and the folders that it is in, if these are among what was collected."""
        self.files.append(file)
        for length in range(1, 0 if file.leads_out else len(file.parts)):
            self.folders.setdefault(file.parts[:length], "")

    def under(self, folder: Parts) -> list[File]:
        """Return the files in a folder, and in the folders in it."""
        return [file for file in self.files if file.parts[: len(folder)] == folder]


_LINK = "{!r} is a link, or no file. Hand in the notebook itself."


def in_folder(source: Path) -> Collected:
    """Return what is in a folder. Links are not followed: they may lead to the teacher's files."""
    found = Collected()

    def unreadable(error: OSError) -> None:
        parts = Path(error.filename).relative_to(source).parts
        found.folders[parts] = f"The folder can't be read: {error.strerror}."

    for place, folders, names in os.walk(source, onerror=unreadable):
        parts = Path(place).relative_to(source).parts
        for name in sorted(folders):
            is_wrong = (Path(place) / name).is_symlink() or name.endswith(".ipynb")
            told = _LINK.format(name) if is_wrong else ""
            found.folders[*parts, name] = told
        for name in names:
            path = Path(place) / name
            told, size = "", 0
            if path.is_symlink() or not path.is_file():  # a link: to what its author can't read?
                told = _LINK.format(name)
            else:
                with suppress(OSError):
                    size = path.stat().st_size
            found.add(File((*parts, name), size, partial(_read, path, size), told))
    found.files.sort(key=lambda file: file.parts)
    return found


def _read(path: Path, size: int) -> bytes:
    """Return so much of a file. OSError if a link or a pipe has come in its place since."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with open(os.open(path, flags), "rb") as file:
        return file.read(size)


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Return as much of an entry as it says to have. ValueError where that can't be limited."""
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("it is packed in a way that few programs know. Pack it as .zip usually is")
    with archive.open(entry) as file:
        return file.read(entry.file_size)


def in_zip(archive: zipfile.ZipFile) -> Collected:
    """Return what is in a zip. It's read, never unpacked: what its names point to doesn't matter.

    Names may have backslashes (.NET and old Windows programs write them), and any encoding.
    """
    found = Collected()
    for entry in archive.infolist():
        name = _name(entry).replace("\\", "/")
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if not parts:
            continue
        if entry.is_dir() or name.endswith("/"):
            found.folders.setdefault(parts, "")
            continue
        told = f"{name!r} is not <student>/<chapter>/<notebook>.ipynb."
        leads_out = bool(name.startswith("/") or ".." in parts or re.match("[A-Za-z]:", name))
        read = partial(_unpack, archive, entry)
        found.add(File(parts, entry.file_size, read, told * leads_out, leads_out))
    found.files.sort(key=lambda file: file.parts)
    return found


_UTF8 = 0x800


def _name(entry: zipfile.ZipInfo) -> str:
    """Return an entry's name. Python takes one without the flag of UTF-8 for cp437."""
    if entry.flag_bits & _UTF8:
        return entry.filename
    with suppress(ValueError):
        raw = entry.orig_filename.encode("cp437")
        with suppress(ValueError):
            return raw.decode()
        with suppress(ValueError):
            if _is_japanese(japanese := raw.decode("cp932")):
                return japanese
    return entry.filename


def _is_japanese(name: str) -> bool:
    """Tell whether this is what a name says in cp932, where most bytes of cp437 mean something.

    Then its letters are all Japanese, and none is glued to a Latin one, as ë would be in Zoë.
    """
    wide = "".join(sign for sign in name if not sign.isascii())
    glued = re.search(r"[A-Za-z][^\x00-\x7f]|[^\x00-\x7f][A-Za-z]", name)
    allowed = ("CJK", "HIRAGANA", "KATAKANA", "FULLWIDTH", "IDEOGRAPHIC")
    return not glued and all(unicodedata.name(sign, "").startswith(allowed) for sign in wide)


_SIGNS = {"\u200c", "\u200d"}
"""They join letters in names written in Persian or Sinhala."""


def is_printable(name: str) -> bool:
    """Tell whether a terminal can show a name: letters of any script, spaces of any kind."""
    return all(
        sign.isprintable() or sign in _SIGNS or unicodedata.category(sign) == "Zs" for sign in name
    )


def printable(text: str) -> str:
    """Return a text with a mark for each sign that could steer a terminal."""
    return "".join(sign if is_printable(sign) else "\ufffd" for sign in text)
