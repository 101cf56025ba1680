"""The learner's own copy of the course: handed out once, brought up to date with care.

`course/` is ignored by git and belongs to the learner. Notebooks are handed out without outputs,
so that a prediction can be made before the answer is seen. A file is replaced by a newer one only
while its cells are still as they were handed out; running them does not count as a change.
Where the learner and the project both changed a file, the newer one is put beside it.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

FOLDERS = ("notebooks", "exercises")
"""What the learner gets, in the same places of the project and of `course/`."""

MANIFEST = ".handed_out.json"
"""Says what each file in `course/` held when it was handed out: its cells, and all its bytes."""


def refresh(project: Path, course: Path) -> list[str]:
    """Make `course` from the files of `project`, or bring it up to date.

    Returns a sentence for each file whose newer version could not take its place. A file that
    the learner has deleted comes back; one that the project has dropped stays. Raises OSError
    when `course` cannot be written.
    """
    handed_out = _read_manifest(course / MANIFEST)
    news = []
    for name in _shipped(project):
        content = _without_outputs((project / name).read_bytes())
        now = {"cells": _cells(content), "file": _digest(content)}
        place = _place(course, name, now, handed_out)
        if place is not None:
            write(course / place, content)
            handed_out[place] = now
            if place != name:
                news.append(f"{name} is yours and stays; its newer version is {place}.")
        handed_out[name] = now
    write(course / MANIFEST, json.dumps(handed_out, indent=1, sort_keys=True).encode())
    return news


def _place(
    course: Path, name: str, now: dict[str, str], handed_out: dict[str, dict[str, str]]
) -> str | None:
    """Return the name under which to hand out the version `now`, None if there is no need."""
    before = handed_out.get(name, {})
    if not (course / name).exists():
        return name
    mine = _cells((course / name).read_bytes())
    if mine == before.get("cells"):
        return name if now["file"] != before.get("file") else None
    if now["cells"] in (mine, before.get("cells")):
        return None
    return _place(course, _beside(name), now, handed_out)


def _beside(name: str) -> str:
    """Return the name of the newer version: `a.ipynb`, `a.new.ipynb`, `a.new.new.ipynb`."""
    path = PurePosixPath(name)
    return str(path.with_suffix(f".new{path.suffix}"))


def _shipped(project: Path) -> Iterator[str]:
    for folder in FOLDERS:
        for path in sorted((project / folder).rglob("*")):
            name = path.relative_to(project)
            if path.is_file() and not any(part[0] in "._" for part in name.parts):
                yield name.as_posix()


def _read_manifest(path: Path) -> dict[str, dict[str, str]]:
    """Return the manifest, or nothing when it is spoilt: then every change is the learner's."""
    try:
        manifest = json.loads(path.read_bytes())
        return {name: dict(prints) for name, prints in manifest.items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return {}


def _without_outputs(content: bytes) -> bytes:
    """Return a notebook as it was before it ran, any other file as it is."""
    try:
        notebook = json.loads(content)
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell |= {"outputs": [], "execution_count": None}
    except (ValueError, TypeError, KeyError):
        return content
    return f"{json.dumps(notebook, indent=1, ensure_ascii=False)}\n".encode()


def _cells(content: bytes) -> str:
    """Return the digest of a notebook's cells without outputs; of all bytes of another file."""
    try:
        cells = [
            (cell["cell_type"], "".join(cell["source"])) for cell in json.loads(content)["cells"]
        ]
    except (ValueError, TypeError, KeyError):
        return _digest(content)
    return _digest(json.dumps(cells).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write(path: Path, content: bytes) -> None:
    """Write all of a file or nothing: an interruption leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(part, 0o644)
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise
