"""Submissions: notebooks of students, found in a folder or a zip, and the code in them."""

import ast
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ..checks.core import Exercise

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
        return _named(Submission(student, chapter, read().decode("utf-8")))
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
        notebook = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable("The file is not a notebook: it is not JSON.") from None
    try:
        written = notebook.get("cells") or [
            cell for sheet in notebook.get("worksheets", []) for cell in sheet["cells"]
        ]
        sources = [cell.get("source", cell.get("input", "")) for cell in written if _is_code(cell)]
        texts = ["".join(source) for source in sources]
    except (AttributeError, KeyError, TypeError):
        raise Unreadable("The file is JSON, but not a notebook: it has no cells.") from None
    if (size := sum(map(len, texts))) > MOST_CODE:
        raise Unreadable(f"The notebook has {size / (1 << 20):.1f} MB of code; 1 MB is read.")
    if len(texts) > MOST_CELLS:
        told = f"The notebook has {len(texts)} cells with code; {MOST_CELLS} are read."
        raise Unreadable(told)
    return [_cell(number, source) for number, source in enumerate(texts, 1) if source.strip()]


def _is_code(cell: Any) -> bool:
    return bool(cell["cell_type"] == "code")


def _cell(number: int, source: str) -> Cell:
    source = _without_magic(source)
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        names = frozenset(a or b for a, b in _BINDING.findall(source))
        reason = getattr(error, "msg", str(error)) or "it is too complicated"
        told = f"{type(error).__name__}: {reason}"
        if line := getattr(error, "lineno", None):
            told += f", line {line} of the cell"
        return Cell(number, source, names, frozenset(), False, told)
    return Cell(number, source, _bound(tree), _used(tree), _asks(tree))


def _without_magic(source: str) -> str:
    """Blank out what is IPython's and not Python's, and keep the numbers of the lines."""
    lines = source.split("\n")
    if lines[0].startswith("%%") and lines[0].split()[0] not in ("%%time", "%%capture"):
        return ""
    return "\n".join("" if re.match(r"\s*[%!?]|.*\?$", line) else line for line in lines)


def _bound(tree: ast.Module) -> frozenset[str]:
    """Return the names that the cell's own statements define, not those within functions."""
    names: set[str] = set()
    todo: list[ast.AST] = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        if isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
        todo += ast.iter_child_nodes(node)
    return frozenset(names)


def _used(tree: ast.Module) -> frozenset[str]:
    return frozenset(
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    )


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
    chosen = {c.number: c for c in live if c.binds & mine or (common and not c.binds & foreign)}
    while True:
        used = frozenset().union(*(cell.uses for cell in chosen.values()))
        known = frozenset().union(*(cell.binds for cell in chosen.values()))
        lacking = used - known
        more = {c.number: c for c in live if c.number not in chosen and c.binds & lacking}
        if not more:
            return [chosen[number] for number in sorted(chosen)]
        chosen |= more
