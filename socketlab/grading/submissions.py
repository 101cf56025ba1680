"""Submissions: notebooks of students, found in a folder or a zip, and whose they are."""

import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ..learner.course import is_version_beside
from ..project import NotebookError, code_cells, decoded, read
from . import archives
from .archives import Collected, File, Parts

MOST_BYTES = 20 << 20
"""A notebook with more is not read: its outputs, not its code, make it so big."""
MOST_CODE = 1 << 20
"""Letters of code in a notebook; to parse a megabyte takes a hundred."""
MOST_CELLS = 1000
_LARGE = 1 << 18
"""Letters of a notebook from which on its outputs are dropped at once."""
_MOST_VALUES = 1 << 20
"""Lists and dicts in a notebook: a megabyte of empty ones takes thirty."""
MOST_IN_ZIP = 100
"""Notebooks in the zip of one student, who has some for each chapter at the most."""


class SubmissionError(Exception):
    """A submission that cannot be read; the text says why, to the student and the teacher."""


@dataclass(frozen=True)
class Submission:
    """One notebook of one student, as it was handed in; `trouble` says why it cannot be read.

    `path` is where it was found, fit to be shown on a terminal.
    """

    student: str
    chapter: str
    text: str
    trouble: str = ""
    path: str = ""


def submissions(source: Path, left: list[str] | None = None) -> Iterator[Submission]:
    """Yield the notebooks in a folder or a zip, or the one that `source` is.

    The path names the student and the chapter, in any of the layouts that collection tools
    produce: `<student>/<chapter>/<any>.ipynb`, `<student>/<chapter>.ipynb`,
    `<student>_<chapter>.ipynb`, or such in a zip for each student. All that lies in a student's
    folder is that student's, whatever its folders are called. What a student has handed in
    that isn't a notebook comes with a `trouble`. Other paths that name no chapter are added to
    `left`. SubmissionError if `source` is none of these.
    """
    left = [] if left is None else left
    if source.is_dir():
        yield from _sorted_out(archives.in_folder(source), left)
    elif source.suffix.lower() == ".ipynb" and source.is_file():
        parts = source.resolve().parts
        in_its_folder = _CHAPTER.fullmatch(parts[-2])
        owner = _owner(parts[-3:] if in_its_folder else parts[-1:])
        owner = owner or Owner(source.stem, source.stem, ())
        file = File(parts[-1:], source.stat().st_size, source.read_bytes)
        yield _submission(owner.student, owner.chapter, file)
    elif zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            yield from _sorted_out(archives.in_zip(archive), left)
    else:
        raise SubmissionError(f"{source} is no folder, zip or notebook. Name what was collected.")


_CHAPTER = re.compile(r"(?:(.*?)[ _-])??(?:exercises[ _-])?(\d\d_[a-z]+(?:_[a-z]+)*).*")
_OURS = ("course", "exercises")
"""Folders of a learner's copy of the course, above those of the chapters."""


class Owner(NamedTuple):
    """The student whose notebook it is, the chapter it belongs to, and the student's folder."""

    student: str
    chapter: str
    folder: Parts


def _owner(parts: Parts) -> Owner | None:
    """Return the owner that a path names, if it names one."""
    *folders, name = parts
    stem = name.partition(".ipynb")[0]
    named, folder = (_CHAPTER.fullmatch(one) for one in (stem, folders[-1] if folders else ""))
    if folder and not folder[1]:
        chapter = folder[2]
        folders.pop()
    elif named:
        chapter = named[2]
    elif len(folders) == 2:
        chapter = folders.pop()
    else:
        return None
    while folders and folders[-1] in _OURS:
        folders.pop()
    student = folders[-1] if folders else (named[1] if named else stem) or chapter
    return Owner(student, chapter, tuple(folders))


def _sorted_out(found: Collected, left: list[str]) -> Iterator[Submission]:
    students: dict[Parts, set[str]] = {}
    layout = _layout(found)
    for file in found.files:
        if file.leads_out:
            yield _named(Submission("/".join(file.parts), "", "", file.trouble))
        elif _is_notebook(file.parts):
            if named := _owner(file.parts):
                owner = layout.owner(file, named)
                students.setdefault(owner.folder, set()).add(owner.chapter)
                yield _submission(owner.student, owner.chapter, file)
            else:
                left.append(archives.printable("/".join(file.parts)))
        elif layout.is_zip_of_a_student(file):
            students.setdefault(file.parts, set())
            yield from _from_zip(file)
    yield from _without_notebook(found, students)


@dataclass(frozen=True)
class _Layout:
    """How a class has been collected.

    `flat` are folders that hold several students' notebooks or zips, each with its student's
    name. `level` is how many names of a path it takes to say whose it is: what lies deeper is in
    a student's folder, and that student's.
    """

    flat: set[Parts]
    level: int

    def owner(self, file: File, named: Owner) -> Owner:
        """Return the owner of a notebook in this layout, given the one that its own path names."""
        folder = named.folder
        if len(folder) > self.level:
            return named._replace(student=folder[self.level - 1], folder=folder[: self.level])
        if folder in self.flat and file.parts[:-1] == folder and 0 < len(folder) < self.level:
            student = _prefix(file) or named.student
            return named._replace(student=student, folder=(*folder, student))
        return named

    def is_zip_of_a_student(self, file: File) -> bool:
        return file.parts[:-1] in self.flat and _is_zip(file) and len(file.parts) <= self.level


def _layout(found: Collected) -> _Layout:
    notebooks = [
        (file, owner)
        for file in found.files
        if _is_notebook(file.parts) and not file.leads_out and (owner := _owner(file.parts))
    ]
    flat = _flat_folders(found, notebooks)
    levels = [
        len(owner.folder) + (owner.folder in flat and file.parts[:-1] == owner.folder)
        for file, owner in notebooks
        if owner.folder
    ]
    levels += [len(file.parts) for file in found.files if file.parts[:-1] in flat and _is_zip(file)]
    return _Layout(flat, min(levels, default=1))


def _flat_folders(found: Collected, notebooks: list[tuple[File, Owner]]) -> set[Parts]:
    """Return the folders with notebooks of several students, or with a zip for each student."""
    prefixes: dict[tuple[Parts, str], list[str]] = {}
    for file, owner in notebooks:
        prefixes.setdefault((file.parts[:-1], owner.chapter), []).append(_prefix(file))
    flat = {
        folder
        for (folder, _), those in prefixes.items()
        if folder and all(those) and len(set(those)) > 1
    }
    beside: dict[Parts, list[bool]] = {}
    for file in found.files:
        beside.setdefault(file.parts[:-1], []).append(_is_zip(file))
    packed = {folder for folder, zips in beside.items() if all(zips) and len(zips) > 1}
    with_zips = {folder for folder, zips in beside.items() if folder and any(zips)}
    if with_zips - packed:  # so these folders are students, and two zips are one student's, too
        packed = set()
    return flat | packed | {()}


def _is_zip(file: File) -> bool:
    return file.name.lower().endswith(".zip") and not file.leads_out


def _prefix(file: File) -> str:
    """Return what stands before the chapter in a file's name."""
    named = _CHAPTER.fullmatch(file.name.removesuffix(".ipynb"))
    return (named and named[1]) or ""


def _is_notebook(parts: Parts) -> bool:
    is_chapter = ("course", "notebooks") in pairwise(parts)  # for reading, not an exercise
    is_hidden = any(part.startswith((".", "__MACOSX")) for part in parts)
    name = parts[-1]
    return name.endswith(".ipynb") and not (is_chapter or is_hidden or is_version_beside(name))


def _from_zip(file: File) -> Iterator[Submission]:
    """Yield what is in the zip of one student, whose name is the zip's."""
    stem = file.name[: -len(".zip")]
    named = _CHAPTER.fullmatch(stem)
    student, chapter = (named[1] or stem, named[2]) if named else (stem, "")
    try:
        if file.trouble or file.size > MOST_BYTES:
            raise ValueError(file.trouble or f"it has more than {MOST_BYTES >> 20} MB")
        with zipfile.ZipFile(io.BytesIO(file.read())) as archive:
            found = archives.in_zip(archive)
            inner = [one for one in found.files if _is_notebook(one.parts) and not one.leads_out]
            if len(inner) > MOST_IN_ZIP:
                raise ValueError(f"it has {len(inner)} notebooks, {MOST_IN_ZIP} are read")
            for one in inner:
                owner = _owner(("", *one.parts))
                yield _submission(student, owner.chapter if owner else chapter, one)
        if not inner:
            told = f"There is no notebook (.ipynb) in {file.name!r}."
            yield _named(Submission(student, chapter, "", told))
    except Exception as error:  # a zip can be broken, packed or locked in many ways
        told = f"{file.name!r} can't be unpacked: {str(error).rstrip('.')}."
        yield _named(Submission(student, chapter, "", told))


def _without_notebook(found: Collected, students: dict[Parts, set[str]]) -> Iterator[Submission]:
    """Yield a trouble for each student from whom nothing can be graded, and why.

    The same for a chapter, if something lies where its notebook should.
    """
    homes = {folder[:-1] for folder in students if folder} or {()}
    above = {folder[:length] for folder in students for length in range(len(folder))}
    for folder in sorted(found.folders):
        if folder[:-1] not in homes or folder in above:
            continue
        files = [file for file in found.under(folder) if not _is_junk(file.parts[len(folder) :])]
        inner = {one: told for one, told in found.folders.items() if one[: len(folder)] == folder}
        trouble = next(filter(None, inner.values()), "")
        if folder in students:
            yield from _lost(folder, files, trouble, students[folder])
        elif not _is_junk(folder[-1:], files) and (
            students or trouble or any(map(_looks_like_one, files))
        ):
            paths = [*(file.parts for file in files), *((*one, ".ipynb") for one in inner)]
            chapter = next((owner.chapter for path in paths if (owner := _owner(path))), "")
            reason = trouble or _reason(folder[-1], files)
            yield _named(Submission(folder[-1], chapter, "", reason))
    if students.get(()):
        for file in found.files:
            if len(file.parts) == 1 and _looks_like_one(file) and (owner := _owner(file.parts)):
                yield _named(Submission(owner.student, owner.chapter, "", _reason("", [file])))


def _lost(
    folder: Parts, files: list[File], trouble: str, handed_in: set[str]
) -> Iterator[Submission]:
    """Yield a trouble for each chapter of which a student has handed in what is no notebook."""
    if trouble:
        yield _named(Submission(folder[-1], "", "", trouble))
    lost = {
        owner.chapter: file
        for file in files
        if _looks_like_one(file)
        and (owner := _owner(file.parts))
        and owner.folder[: len(folder)] == folder
    }
    for chapter in sorted(set(lost) - handed_in):
        yield _named(Submission(folder[-1], chapter, "", _reason("", [lost[chapter]])))


_PACKED = (".zip", ".rar", ".7z", ".tar", ".gz", ".tgz")
_PRINTED = (".pdf", ".html", ".htm", ".docx", ".odt", ".py", ".txt", ".json")


def _looks_like_one(file: File) -> bool:
    """Tell whether a file that is no notebook may be what a student wanted to hand in."""
    name = file.name.lower()
    is_meant = ".ipynb" in name or name.endswith((*_PACKED, *_PRINTED))
    return is_meant and not _is_notebook(file.parts)


def _reason(folder: str, files: list[File]) -> str:
    """Return why there is no notebook in a folder with these files."""
    if folder.startswith("."):
        return f"The folder's name, {folder!r}, begins with a dot, which hides it. Rename it."
    if not files:
        return "The folder is empty."
    file = min(files, key=lambda one: (".ipynb" not in one.name.lower(), one.parts))
    name, lower = file.name, file.name.lower()
    if is_version_beside(name):
        return f"{name!r} is a newer version from the course, not the notebook worked in."
    if name.endswith(".ipynb"):
        return f"The path of {name!r} names no chapter, such as 03_tcp_server, or is hidden."
    if lower.endswith(".ipynb"):
        return f"{name!r} does not end in .ipynb. Rename it."
    if ".ipynb" in lower and not lower.endswith(_PACKED):
        return f"{name!r} was not saved as a notebook. Rename it, so that it ends in .ipynb."
    if lower.endswith(_PACKED):
        return f"{name!r} is packed. Unpack it here."
    return f"There is no notebook (.ipynb), only {name!r}."


def _is_junk(parts: Parts, files: Iterable[File] = ()) -> bool:
    """Tell whether JupyterLab, macOS and others have left this, and no student wrote in it."""
    if "__MACOSX" in parts or ".ipynb_checkpoints" in parts or parts[-1].startswith("._"):
        return True
    return parts[-1].startswith(".") and not any(file.name.endswith(".ipynb") for file in files)


def _submission(student: str, chapter: str, file: File) -> Submission:
    path = archives.printable("/".join(file.parts))
    if file.trouble:
        return _named(Submission(student, chapter, "", file.trouble, path))
    if file.size > MOST_BYTES:
        megabytes = f"{file.size / (1 << 20):.0f} MB"
        trouble = f"The notebook has {megabytes}, {MOST_BYTES >> 20} MB is the most that is read. "
        trouble += "Clear its outputs and hand it in again."
        return _named(Submission(student, chapter, "", trouble, path))
    try:
        return _named(Submission(student, chapter, _slim(decoded(file.read())), "", path))
    except Exception as error:  # a zip can be broken, packed or locked in many ways
        trouble = f"The notebook cannot be read: {str(error).rstrip('.')}."
        return _named(Submission(student, chapter, "", trouble, path))


def _slim(text: str) -> str:
    """Return a large notebook with its code alone, as all of a class are in memory at once.

    SubmissionError, which says why, where it isn't a notebook or has too much.
    """
    if len(text) <= _LARGE:
        return text
    if text.count("[") + text.count("{") > _MOST_VALUES:
        raise SubmissionError("it has a million lists. Clear its outputs and hand it in again")
    kept = [{"cell_type": "code", "source": source} for source in code_in(text)]
    return json.dumps({"cells": kept})


def code_in(text: str) -> list[str]:
    """Return the code of a notebook, cell by cell.

    SubmissionError, which says why, where it isn't a notebook or has too much.
    """
    try:
        sources = [cell["source"] for cell in code_cells(read(text))]
    except NotebookError as error:
        raise SubmissionError(str(error)) from None
    if (size := sum(map(len, sources))) > MOST_CODE:
        raise SubmissionError(f"The notebook has {size / (1 << 20):.1f} MB of code; 1 MB is read.")
    if len(sources) > MOST_CELLS:
        told = f"The notebook has {len(sources)} cells with code; {MOST_CELLS} are read."
        raise SubmissionError(told)
    return sources


def _named(one: Submission) -> Submission:
    """Return it under names that can be those of files, on a page and on a terminal."""
    one = replace(one, trouble=archives.printable(one.trouble))
    names = [one.student, one.chapter]
    if all(
        archives.is_printable(name)
        and len(name.encode()) < 200
        and name == PurePosixPath(name).name
        for name in names
    ):
        return one
    student, chapter = (re.sub(r"\W+", "_", name).strip("_")[:40] for name in names)
    trouble = one.trouble or f"{one.student!r} or {one.chapter!r} is no name for a folder."
    return Submission(student, chapter, "", trouble, one.path)
