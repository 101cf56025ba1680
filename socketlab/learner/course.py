"""The learner's own copy of the course: handed out once, brought up to date with care.

`course/` is ignored by git and belongs to the learner. Notebooks are handed out without outputs,
so that a prediction can be made before the answer is seen, and in the very form in which
JupyterLab saves them, so that opening one changes nothing. A file is replaced by a newer one only
while the learner has written nothing in it; running its cells doesn't count as writing. What they
wrote in a chapter's places moves to the newer version. Where the learner and the project have both
changed anything else in a file, the newer one is put beside it.
"""

import codecs
import hashlib
import json
import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from ..files import write
from ..project import cell_id, cells
from .edition import edition, kernel_metadata

FOLDERS = ("notebooks", "exercises")
"""What the learner gets, in the same places of the project and of `course/`."""

FOR_ASSISTANTS = Path(__file__).with_name("AGENTS.md")
"""What programs that help people write code read first, wherever they find it."""

MANIFEST = ".handed_out.json"
"""Says what each file in `course/` held when it was handed out: what is written in its cells
("wrote"), in those that aren't places to write ("frame"), in each place (its id), and all its
bytes ("file"), as digests."""

Prints = dict[str, str]
Manifest = dict[str, Prints]


def refresh(project: Path, course: Path, first_cell: str = "") -> list[str]:
    """Make `course` from the files of `project`, or bring it up to date.

    With `first_cell`, each notebook begins with this code. Returns a sentence for each thing the
    learner should know: a newer version that was put beside theirs, a new name. A file that the
    learner has deleted comes back. A notebook that the project has dropped stays; any other file
    goes, if it is still as it was handed out. Raises OSError when `course` cannot be written.
    """
    handed_out = _read_manifest(course / MANIFEST)
    before = dict(handed_out)
    names = {name_in_course(name): name for name in _shipped(project)}
    news = [*_rename_exercises(course, names, handed_out)]
    shipped = {name: project / source for name, source in names.items()}
    shipped[FOR_ASSISTANTS.name] = FOR_ASSISTANTS
    kernel = kernel_metadata()
    for name, source in shipped.items():
        number = re.match(r"notebooks/(\d\d)_.*\.ipynb$", name)
        chapter = number[1] if number else ""
        content = edition(source.read_bytes(), kernel, chapter, first_cell)
        beside = _bring(course, name, content, handed_out)
        if beside:
            news.append(f"{name} is yours and stays; its newer version is {beside}.")
    for name in sorted(set(handed_out) - set(shipped)):
        if _base(name) not in shipped:
            _drop(course, name, handed_out)
    if handed_out != before or not (course / MANIFEST).exists():
        write(course / MANIFEST, json.dumps(handed_out, indent=1, sort_keys=True).encode())
    return news


def name_in_course(name: str) -> str:
    """Return the name in `course/` of a file of the project.

    A chapter and its exercises have the same name in the project; here the exercises get one of
    their own, `exercises_03_tcp_server.ipynb`, because a tab in JupyterLab shows nothing else.
    """
    return re.sub(r"^(exercises/([^/]+)/)(\2[^/]*\.ipynb)$", r"\1exercises_\3", name)


def exercise_notebook(exercises: Path, number: str) -> Path | None:
    """Return the notebook in the folder `exercises` with the answers for a chapter's number.

    Of several it's the one under our name for it, if the learner has written in that; then the
    one under the project's name, copied in by hand perhaps; then ours; then any other.
    """
    course = exercises.parent
    handed_out = _read_manifest(course / MANIFEST)

    def rank(path: Path) -> tuple[int, Path]:
        if path.stem == path.parent.name:
            return 1, path
        if path.stem != f"exercises_{path.parent.name}":
            return 3, path
        name = path.relative_to(course).as_posix()
        return (0 if _is_the_learners(course, name, handed_out) else 2), path

    paths = exercises.glob(f"{number}_*/*.ipynb")
    return min((path for path in paths if not is_version_beside(path.name)), key=rank, default=None)


def _rename_exercises(course: Path, shipped: dict[str, str], handed_out: Manifest) -> Iterator[str]:
    """Give exercises under the project's names the learner's; yield what there is to say."""
    renamed = []
    for name, old in shipped.items():
        if name == old or not (course / old).is_file():
            continue
        if _is_the_learners(course, name, handed_out):
            if _wrote((course / name).read_bytes()) != _wrote((course / old).read_bytes()):
                yield f"{old} stays, but isn't used: your answers are in {name}."
            continue
        for one in (old, *_beside(old, handed_out)):
            new = name_in_course(one)
            if (course / one).is_file() and not _is_the_learners(course, new, handed_out):
                os.replace(course / one, course / new)
                if one in handed_out:
                    handed_out[new] = handed_out.pop(one)
        renamed.append(f"{old} is now {PurePosixPath(name).name}")
    if renamed:
        more = f", and {len(renamed) - 1} more like it" if renamed[1:] else ""
        yield f"Exercises have new names, which no chapter shares: {renamed[0]}{more}."


def _bring(course: Path, name: str, content: bytes, handed_out: Manifest) -> str | None:
    """Bring one file up to date; return the name of the newer version, if it was put beside."""
    path, now = course / name, _prints(content)
    last = handed_out.get(name, {})
    if not path.exists():
        _put(path, name, content, handed_out)
    elif _is_untouched(there := path.read_bytes(), last):
        as_handed_out = _digest(there) == last.get("file")
        if now["wrote"] != last.get("wrote") or (as_handed_out and now["file"] != last.get("file")):
            _put(path, name, content, handed_out)
    elif _wrote(there) == now["wrote"]:
        handed_out[name] = now
    elif now["wrote"] != last.get("wrote"):
        if (moved := _with_places(content, there, last)) is None:
            return _put_beside(course, name, content, handed_out)
        write(path, moved)
        handed_out[name] = now
    _remove_versions_beside(course, name, handed_out)
    return None


def _with_places(content: bytes, there: bytes, last: Prints) -> bytes | None:
    """Return the newer version with what the learner has written in the places.

    None where they have written elsewhere, or what is given in one of these places is new, too.
    """
    from nbformat import v4  # kernels import this module, and need not wait for nbformat

    mine, now = _prints(there), _prints(content)
    edited = [key for key in last if _is_place(key) and mine.get(key) != last[key]]
    if "frame" not in last or mine.get("frame") != last["frame"]:
        return None
    if not edited or any(now.get(key) != last[key] for key in edited):
        return None
    wrote = {cell_id(cell): cell["source"] for cell in cells(there)}
    notebook = v4.reads(content.decode())  # type: ignore[no-untyped-call]
    for cell in notebook.cells:
        if cell.id in edited:
            cell.source = wrote[cell.id]
    return f"{v4.writes(notebook)}\n".encode()  # type: ignore[no-untyped-call]


def _is_place(cell: str) -> bool:
    return cell.startswith(("write-", "predict-"))


def _put(path: Path, name: str, content: bytes, handed_out: Manifest) -> None:
    write(path, content)
    handed_out[name] = _prints(content)


def _put_beside(course: Path, name: str, content: bytes, handed_out: Manifest) -> str | None:
    """Put the newer version beside the learner's, once; return its name if it is there only now."""
    wrote = _prints(content)["wrote"]
    if any(handed_out[other].get("wrote") == wrote for other in _beside(name, handed_out)):
        return None
    place = next(
        place for place in _names_beside(name) if not _is_the_learners(course, place, handed_out)
    )
    _put(course / place, place, content, handed_out)
    _remove_versions_beside(course, name, handed_out, keep=place)
    return place


def _names_beside(name: str) -> Iterator[str]:
    """Yield the names for newer versions: `a.new.ipynb`, `a.2.new.ipynb`, `a.3.new.ipynb`…"""
    path = PurePosixPath(name)
    yield str(path.with_suffix(f".new{path.suffix}"))
    number = 2
    while True:
        yield str(path.with_suffix(f".{number}.new{path.suffix}"))
        number += 1


_VERSION = re.compile(r"(\.\d+)?(\.new)+(?=\.\w+$)")


def is_version_beside(name: str) -> bool:
    """Tell whether a file's name is one under which we put a newer version."""
    return _VERSION.search(name) is not None


def _base(name: str) -> str:
    """Return the name of the file that a newer version was put beside."""
    return _VERSION.sub("", name)


def _beside(name: str, handed_out: Manifest) -> list[str]:
    return [other for other in handed_out if other != name and _base(other) == name]


def _remove_versions_beside(
    course: Path, name: str, handed_out: Manifest, keep: str | None = None
) -> None:
    """Remove the newer versions that nobody needs any longer, and nobody has written in."""
    for other in _beside(name, handed_out):
        path = course / other
        if other != keep and not _is_the_learners(course, other, handed_out):
            path.unlink(missing_ok=True)
        if not path.exists():
            del handed_out[other]


def _drop(course: Path, name: str, handed_out: Manifest) -> None:
    """Remove what the project no longer ships; never a notebook, nor what the learner changed."""
    path, last = course / name, handed_out[name]
    if (
        path.is_file()
        and path.suffix != ".ipynb"
        and _digest(path.read_bytes()) == last.get("file")
    ):
        path.unlink()
    if not path.exists():
        del handed_out[name]


def _shipped(project: Path) -> Iterator[str]:
    for folder in FOLDERS:
        for path in sorted((project / folder).rglob("*")):
            name = path.relative_to(project)
            if path.is_file() and not any(part[0] in "._" for part in name.parts):
                yield name.as_posix()


def _read_manifest(path: Path) -> Manifest:
    """Return the manifest, or nothing when it is spoilt: then every change is the learner's."""
    try:
        manifest = json.loads(path.read_bytes())
        return {name: dict(prints) for name, prints in manifest.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _prints(content: bytes) -> Prints:
    try:
        there = cells(content)
    except ValueError:
        return {"wrote": _wrote(content), "file": _digest(content)}
    prints = {"wrote": _in_cells(there), "file": _digest(content)}
    places = {cell_id(cell): cell["source"] for cell in there if _is_place(cell_id(cell))}
    if places:
        prints |= {name: _digest(_as_saved(source).encode()) for name, source in places.items()}
        prints["frame"] = _in_cells(there, without=places)
    return prints


def _is_the_learners(course: Path, name: str, handed_out: Manifest) -> bool:
    """Tell whether there is such a file and the learner has written in it."""
    path = course / name
    return path.exists() and not _is_untouched(path.read_bytes(), handed_out.get(name, {}))


def _is_untouched(content: bytes, last: Prints) -> bool:
    """Tell whether the learner has written nothing since the file was handed out."""
    if "wrote" in last:
        return _wrote(content) == last["wrote"]
    return _wrote(content, strip=False) == last.get("cells")  # by an earlier version of ours


def _wrote(content: bytes, strip: bool = True) -> str:
    """Return the digest of what is written in a notebook's cells; of the text of another file."""
    try:
        return _in_cells(cells(content), strip)
    except ValueError:
        return _digest(content.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n"))


def _in_cells(
    there: list[dict[str, Any]], strip: bool = True, without: Collection[str] = ()
) -> str:
    """Return the digest of what is written in cells, leaving out those whose ids are in `without`.

    Cells with nothing in them don't count, nor do outputs, metadata, ids, line ends and, unless
    `strip` is false, white space at the end of a cell: front ends change these by themselves.
    """
    written = [
        (cell["cell_type"], _as_saved(cell["source"], strip))
        for cell in there
        if cell["source"].strip() and cell_id(cell) not in without
    ]
    return _digest(json.dumps(written).encode())


def _as_saved(source: str, strip: bool = True) -> str:
    source = source.replace("\r\n", "\n")
    return source.rstrip() if strip else source


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
