"""Submissions: notebooks of students, found in a folder or a zip, and the code in them."""

import ast
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ..cells import Reader, magic, parse
from ..checks.core import Exercise
from ..notebooks import NotebookError, code_cells, decoded, read

MOST_BYTES = 20 << 20
"""A notebook with more is not read: its outputs, not its code, make it so big."""


MOST_CODE = 1 << 20
"""Letters of code in a notebook; to parse a megabyte takes a hundred."""
MOST_CELLS = 1000


class Unreadable(Exception):
    """A submission that cannot be read; the text says why, to the student and the teacher."""


@dataclass(frozen=True)
class Submission:
    """One notebook of one student, as it was handed in; `trouble` says why it cannot be read."""

    student: str
    chapter: str
    text: str
    trouble: str = ""


def submissions(source: Path, left: list[str] | None = None) -> Iterator[Submission]:
    """Yield the notebooks in a folder or a zip, or the one that `source` is.

    Whose they are, their paths say, as the places say from which notebooks are collected:
    `<student>/<chapter>/<any>.ipynb`, `<student>/<chapter>.ipynb`, `<student>_<chapter>.ipynb`.
    To `left` are added the paths that say it not. Unreadable if `source` is none of these.
    """
    left = [] if left is None else left
    if source.is_dir():
        # rglob goes into no folder that is a link; glob finds it, so that it can be told.
        for path in sorted({*source.rglob("*.ipynb"), *source.glob("*/*/*.ipynb")}):
            whose = _whose(path.relative_to(source).parts, left)
            if whose is None:
                continue
            links = (one.is_symlink() for one in (path, *path.parents[:2]) if one != source)
            if any(links) or not path.is_file():  # a link: to what its author cannot read?
                trouble = f"{path.name!r} is a link, or no file. Hand in the notebook itself."
                yield _named(Submission(*whose, "", trouble))
            else:
                yield _submission(*whose, path.stat().st_size, path.read_bytes)
    elif source.suffix == ".ipynb" and source.is_file():
        parts = source.resolve().parts
        in_its_folder = _CHAPTER.fullmatch(parts[-2])
        whose = _whose(parts[-3:] if in_its_folder else parts[-1:], left)
        yield _submission(
            *whose or (source.stem, source.stem), source.stat().st_size, source.read_bytes
        )
    elif zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
                yield from _zipped(archive, entry, left)
    else:
        raise Unreadable(f"{source} is no folder, zip or notebook. Name what was collected.")


_CHAPTER = re.compile(r"(?:(.*?)[ _-])?(\d\d_[a-z]+(?:_[a-z]+)*).*")


def _whose(parts: tuple[str, ...], left: list[str]) -> tuple[str, str] | None:
    """Return the student and the chapter that a path names; None if it names none."""
    *folders, name = parts
    if any(part.startswith((".", "__MACOSX")) for part in parts) or name.endswith(".new.ipynb"):
        return None  # what JupyterLab, macOS and `make lab` leave beside a notebook
    if len(folders) == 2 or (len(folders) > 2 and _CHAPTER.fullmatch(folders[-1])):
        return folders[-2], folders[-1]
    if named := _CHAPTER.fullmatch(name.removesuffix(".ipynb")):
        return (folders[-1] if folders else named[1] or named[2]), named[2]
    left.append("/".join(parts))
    return None


def _zipped(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: list[str]
) -> Iterator[Submission]:
    # Read, never unpacked: what its names point to does not matter, only what they say.
    path = PurePosixPath(entry.filename)
    if path.suffix != ".ipynb":
        return
    if path.is_absolute() or ".." in path.parts:
        trouble = f"{entry.filename!r} is not <student>/<chapter>/<notebook>.ipynb."
        yield _named(Submission(entry.filename, "", "", trouble))
    elif whose := _whose(path.parts, left):
        yield _submission(*whose, entry.file_size, lambda: archive.read(entry))


def _submission(student: str, chapter: str, size: int, read: Any) -> Submission:
    if size > MOST_BYTES:
        megabytes = f"{size / (1 << 20):.0f} MB"
        trouble = f"The notebook has {megabytes}, {MOST_BYTES >> 20} MB is the most that is read. "
        trouble += "Clear its outputs and hand it in again."
        return _named(Submission(student, chapter, "", trouble))
    try:
        return _named(Submission(student, chapter, decoded(read())))
    except Exception as error:  # a zip can be broken, packed or locked in many ways
        trouble = f"The notebook cannot be read: {str(error).rstrip('.')}."
        return _named(Submission(student, chapter, "", trouble))


def _named(one: Submission) -> Submission:
    """Return it under names that can be those of files, on a page and on a terminal."""
    names = [one.student, one.chapter]
    if all(n.isprintable() and len(n.encode()) < 200 and n == PurePosixPath(n).name for n in names):
        return one
    student, chapter = (re.sub(r"\W+", "_", name).strip("_")[:40] for name in names)
    trouble = one.trouble or f"{one.student!r} or {one.chapter!r} is no name for a folder."
    return Submission(student, chapter, "", trouble)


@dataclass(frozen=True)
class Cell:
    """A code cell, and what stands in it; `syntax_error` in words, where it is no Python."""

    number: int
    source: str
    binds: frozenset[str]
    uses: frozenset[str]
    asks: bool
    syntax_error: str = ""


_QUESTIONS = {"check", "hint", "solution", "reset", "progress"}
_BINDING = re.compile(r"^[ \t]*(?:class|def)\s+(\w+)|^(\w+)\s*=", re.MULTILINE)


def cells_of(text: str) -> list[Cell]:
    """Return the code cells of a notebook, in their order. Unreadable if it is not one."""
    try:
        texts = [cell["source"] for cell in code_cells(read(text))]
    except NotebookError as error:
        raise Unreadable(str(error)) from None
    if (size := sum(map(len, texts))) > MOST_CODE:
        raise Unreadable(f"The notebook has {size / (1 << 20):.1f} MB of code; 1 MB is read.")
    if len(texts) > MOST_CELLS:
        told = f"The notebook has {len(texts)} cells with code; {MOST_CELLS} are read."
        raise Unreadable(told)
    reader = Reader()
    return [_cell(number, text, reader) for number, text in enumerate(texts, 1) if text.strip()]


def _cell(number: int, source: str, reader: Reader) -> Cell:
    try:
        tree = parse(source, reader)
    except (SyntaxError, ValueError, RuntimeError, MemoryError) as error:
        names = frozenset(a or b for a, b in _BINDING.findall(source))
        reason = getattr(error, "msg", str(error)) or "it is too complicated"
        told = f"{type(error).__name__}: {reason}"
        if line := getattr(error, "lineno", None):
            told += f", line {line} of the cell"
        return Cell(number, source, names, frozenset(), False, told)
    return Cell(number, source, _bound(tree), _used(tree), _asks(tree))


UNSEEN = "*"
"""Stands among the names that a cell binds for those that only its run can tell."""
_WRITE_NAMES = {"exec", "globals", "locals", "user_ns", "__main__"}


def _bound(tree: ast.Module) -> frozenset[str]:
    """Return the names that the cell's own statements define, and the files that they write.

    Of what is within functions, only what they declare global.
    """
    names: set[str] = set()
    todo: list[ast.AST] = list(tree.body)
    while todo:
        node = todo.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
                continue
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.alias(name=name):  # that of `import *` is our UNSEEN
                names.add((node.asname or name).partition(".")[0])
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                names.add(name)
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                names.add(name)
        todo += ast.iter_child_nodes(node)
    for node in ast.walk(tree):
        match node:
            case ast.Global():
                names.update(node.names)
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                names.update({UNSEEN} if name in _WRITE_NAMES else ())
            case ast.Call():
                names.update(_written(*magic(node)))
    return frozenset(names)


def _written(name: str, *texts: str) -> set[str]:
    """Return what a magic writes: the name of its file, or names that only its run can tell."""
    if name in ("writefile", "file") and texts:
        return {PurePosixPath(texts[0]).name}
    return {UNSEEN} if name in ("run", "store", "load_ext", "pylab", "macro") else set()


def _used(tree: ast.Module) -> frozenset[str]:
    """Return the names that a cell uses, and the files that it may import or run."""
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                names.add(name)
            case ast.Import():
                names.update(f"{one.name.partition('.')[0]}.py" for one in node.names)
            case ast.ImportFrom(module=str(module)):
                names.add(f"{module.partition('.')[0]}.py")
            case ast.Call() if texts := magic(node)[1:]:
                words = re.findall(r"[\w.]+", " ".join(texts))
                names.update(words, (word.partition(".")[0] for word in words))
    return frozenset(names)


def _asks(tree: ast.Module) -> bool:
    """Tell whether the cell does no more than ask for a check or a hint."""
    calls = [node.value for node in tree.body if isinstance(node, ast.Expr)]
    asked = any(
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in _QUESTIONS
        for call in calls
    )
    rest = (node for node in tree.body if not isinstance(node, ast.Expr))
    return asked and all(isinstance(node, ast.Import | ast.ImportFrom) for node in rest)


def cells_for(
    exercise: Exercise, others: list[Exercise], cells: list[Cell], common: bool = True
) -> list[Cell]:
    """Return the cells of an exercise: its own, the common ones if asked for, and what these use.

    A cell belongs to the exercises whose names it defines, wherever it stands and whatever its
    metadata say. Cells of other exercises are left out, so that an error there costs nothing here.
    """
    mine = set(exercise.names)
    foreign = {name for other in others if other is not exercise for name in other.names} - mine
    live = [cell for cell in cells if not cell.asks]
    mine.add(UNSEEN)
    chosen = {c.number: c for c in live if c.binds & mine or (common and not c.binds & foreign)}
    while True:
        used = frozenset().union(*(cell.uses for cell in chosen.values()))
        known = frozenset().union(*(cell.binds for cell in chosen.values()))
        lacking = used - known
        more = {c.number: c for c in live if c.number not in chosen and c.binds & lacking}
        if not more:
            return [chosen[number] for number in sorted(chosen)]
        chosen |= more
