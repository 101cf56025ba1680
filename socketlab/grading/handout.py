"""`socketlab handout`: the course in a zip for learners, without its solutions."""

import ast
import io
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from .. import project
from ..project import cell_id, cells
from .archives import printable

TAKEN = (
    *("README.md", "CHANGELOG.md", "LICENSE", ".gitignore", "Makefile", "start"),
    *("pyproject.toml", "requirements.lock", "environment.yml"),
    "harbour/[0-9][0-9]_*.py",
    *("notebooks/[0-9][0-9]_*.ipynb", "exercises/[0-9][0-9]_*/[0-9][0-9]_*.ipynb"),
    *("minisocketserver/*.py", "minisocketserver/*/*.py", "minisocketserver/py.typed"),
    *("socketlab/*.py", "socketlab/*/*.py", "socketlab/*/*/*.py", "socketlab/py.typed"),
    *(
        "socketlab/*/*.txt",
        "socketlab/*/*.toml",
        "socketlab/jupyter/*.json",
        "socketlab/jupyter/*/*.json",
        "socketlab/templates/*.html",
        "socketlab/learner/*.md",
    ),
    *(
        "images/*.png",
        "pages/*.py",
        "pages/*.md",
        "pages/*.toml",
        "pages/_static/*.css",
        "pages/_static/*.js",
    ),
    # What chapter 09 and the capstone run.
    *("tests/__init__.py", "tests/conftest.py", "tests/conformance/*.py"),
    "classroom/jupyterhub_config.py",
)
"""Patterns for all that a learner needs, and no more."""


class HandoutError(Exception):
    """The course can't be handed out like this; the text says why, and what to do."""


@dataclass
class Handout:
    """The files of a hand-out by their names, and names that were left out, by the reason."""

    files: dict[str, Path] = field(default_factory=dict)
    left: dict[str, list[str]] = field(default_factory=dict)

    def leave(self, name: str, why: str) -> None:
        self.left.setdefault(why, []).append(name)


def run(target: Path) -> int:
    """Write the zip, and say what is in it; return the exit status: 0 when it is written."""
    try:
        handout = choose(project.PROJECT)
        content = pack(handout)
        _look_for_answers(content, project.PROJECT / "solutions")
        with open(target, "xb") as file:
            file.write(content)
    except FileExistsError:
        print(f"{printable(str(target))} is there already, and stays as it is.", file=sys.stderr)
        return 1
    except OSError as error:
        told = f"{printable(str(error.filename or target))}: {error.strerror}."
        print(f"Nothing was handed out. {told}", file=sys.stderr)
        return 1
    except HandoutError as trouble:
        print(printable(f"Nothing was handed out. {trouble}"), file=sys.stderr)
        return 1
    for why, names in handout.left.items():
        print(printable(f"Left out, {why}: {', '.join(names)}"))
    megabytes = len(content) / (1 << 20)
    print(
        f"{printable(str(target))}: {len(handout.files)} files, {megabytes:.1f} MB, no solutions."
    )
    return 0


def choose(project: Path) -> Handout:
    """Return the files of `project` that learners need, as they are now.

    In a clone these are files that git knows, so that none of the teacher's own is among them.
    HandoutError if git can't be asked, or if a file is missing.
    """
    if not (project / "solutions").is_dir():
        raise HandoutError("There is no solutions/ here: this is a hand-out already.")
    handout = Handout()
    known = _known_to_git(project)
    names = sorted(_files(project) if known is None else known)
    for name in filter(_is_taken, names):
        path = project / name
        if path.is_symlink() or not path.is_file():
            raise HandoutError(f"{name} is missing, or a link.")
        if _holds_hidden_checks(path):
            handout.leave(name, "as hidden checks are in it")
        else:
            handout.files[name] = path
    if known is not None:
        for name in sorted(set(filter(_is_taken, _files(project))) - known):
            handout.leave(name, "as git doesn't know it (git add)")
    for name in sorted({PurePosixPath(name).parts[0] for name in names if not _is_taken(name)}):
        is_in_part = any(one.startswith(f"{name}/") for one in handout.files)
        handout.leave(name + " (in part)" * is_in_part, "as learners don't need it")
    return handout


def _is_taken(name: str) -> bool:
    path = PurePosixPath(name)
    is_copy = name.startswith("exercises/") and path.stem != path.parent.name
    known = any(fnmatchcase(name, one) and one.count("/") == name.count("/") for one in TAKEN)
    return known and not is_copy


def _known_to_git(project: Path) -> set[str] | None:
    """Return the files of a clone that git knows; None if this is no clone."""
    environment = {name: text for name, text in os.environ.items() if name[:4] != "GIT_"}
    try:
        command = ["git", "-C", str(project), "ls-files", "-z"]
        run = subprocess.run(command, capture_output=True, env=environment, timeout=60)
        names = {os.fsdecode(name) for name in run.stdout.split(b"\0") if name}
        said = run.stderr.decode(errors="replace").strip()
    except (OSError, subprocess.TimeoutExpired) as error:
        names, said = set(), f"git: {error}"
    if "pyproject.toml" in names:
        return names
    if (project / ".git").exists():
        told = "Git doesn't say which files are the course's own."
        raise HandoutError(f"{told} {' '.join(said.split())}".rstrip())
    return None


def _files(project: Path) -> Iterator[str]:
    """Yield the files in the project, apart from what is hidden or made by programs."""
    for place, folders, names in os.walk(project):
        at_top = Path(place) == project
        folders[:] = [
            name
            for name in folders
            if not name.startswith((".", "__pycache__")) and not name.endswith(".egg-info")
            if not (at_top and name in ("course", "site", "build"))
        ]
        for name in names:
            if not name.startswith(".") or (at_top and name in TAKEN):
                yield Path(place, name).relative_to(project).as_posix()


def _holds_hidden_checks(path: Path) -> bool:
    source = path.read_bytes()
    if path.suffix != ".py" or b"hidden_check" not in source:
        return False
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return any(
        isinstance(node, ast.Call)
        and "hidden_check" in (getattr(node.func, "id", ""), getattr(node.func, "attr", ""))
        for node in ast.walk(tree)
    )


def pack(handout: Handout) -> bytes:
    """Return a zip of the files, in a folder `minisocketserver`."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in handout.files.items():
            entry = zipfile.ZipInfo(f"minisocketserver/{name}")  # all from 1980, as only git knows
            entry.external_attr = (0o100755 if name == "start" else 0o100644) << 16
            data = path.read_bytes()
            if name == "README.md":
                data = _without_dead_links(data.decode(), handout.files).encode()
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return content.getvalue()


def _without_dead_links(text: str, names: Container[str]) -> str:
    """Return a page at the top of the project without its links to what is not handed out."""

    def keep(link: re.Match[str]) -> str:
        words, target = link.groups()
        return link[0] if "://" in target or target in names else words

    return _LINK.sub(keep, text)


_LINK = re.compile(r"!?\[([^]]*)\]\(([^)\s]+)\)")


SHOWN = ("minisocketserver/minisocketserver/", "minisocketserver/notebooks/")
"""The library and the chapters show methods that an exercise asks for, to be built again."""

LONG = 4
"""A part of an answer with fewer lines may be in any program."""

_MARKED = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)


def _look_for_answers(content: bytes, solutions: Path) -> None:
    """Read the zip as a learner would. HandoutError if an answer of ours is in it, line by line."""
    known = list(_answers(solutions))
    if not known:
        raise HandoutError(f"{solutions} holds no answers to look for.")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            text = f"\n{_code(_text(entry.filename, archive.read(entry)))}\n"
            for number, whole, parts in known:
                some = [] if entry.filename.startswith(SHOWN) else parts
                if any(f"\n{code}\n" in text for code in (whole, *some)):
                    raise HandoutError(
                        f"Our answer to {number} is in {entry.filename}. If you have changed it "
                        "in solutions/: socketlab author exercises"
                    )


def _answers(solutions: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the number of each exercise, the code of our answer, and that of its longer parts."""
    for path in sorted(solutions.glob("*/*.ipynb")):
        for cell in cells(path.read_bytes()):
            name = cell_id(cell)
            if name.startswith("answer-"):
                parts = map(_code, _MARKED.findall(cell["source"]))
                longer = [part for part in parts if part.count("\n") >= LONG - 1]
                number = name.removeprefix("answer-").replace("-", ".")
                yield number, _code(cell["source"]), longer


def _text(name: str, content: bytes) -> str:
    """Return the text of a file; of a notebook, what stands in its cells and outputs."""
    if not name.endswith(".ipynb"):
        return content.decode(errors="replace")
    texts = []
    for cell in cells(content):
        texts.append(cell["source"])
        for output in cell.get("outputs", ()):
            texts.append("".join(output.get("text", "")))
    return "\n".join(texts)


def _code(text: str) -> str:
    """Return the lines of some code without indentation, comments and blank lines."""
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("#"))
