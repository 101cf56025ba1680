"""The program that grows with the chapters: `course/harbour.py`, to be run in a terminal.

Each chapter has its version, in the project's folder `harbour/`. A version's docstring says what to
type, and that is what a learner is shown.
"""

import ast
import hashlib
import os
import re
import socketserver
import sys
from collections.abc import Iterator
from pathlib import Path

from ..files import write
from ..output import SentenceError, say
from ..project import PROJECT
from . import own_package, progress_log

NAME = "harbour.py"
FOLDER = PROJECT / "harbour"

LACKING = {
    "05": ("UnixStreamServer", "This system has no Unix sockets: the door can't be opened here."),
    "07": ("ForkingMixIn", "This system cannot fork. The worker can't be opened here."),
}
"""What a chapter's service needs, and what to say where the operating system doesn't have it."""


class NoHarbourError(SentenceError, LookupError):
    """There's no version of the program for a chapter; the text says which there are."""


def harbour(chapter: str) -> None:
    """Put the program of the chapter "03" into the course, and say how to run and visit it.

    What the learner has changed stays, with our version beside it, and a later version of ours
    isn't replaced by an earlier one. Outside a course nothing is written. NoHarbourError for a
    chapter that has no version.
    """
    text = _version(chapter)
    course = progress_log.course()
    if course is not None:
        try:
            say(_put(course, chapter, text))
        except OSError as error:
            say(f"{NAME} can't be written ({error.strerror or error}).")
    for paragraph in _how_to(chapter, text):
        say(paragraph)


def _version(chapter: str) -> str:
    """Return the text of a chapter's version."""
    versions = {path.name[:2]: path for path in sorted(FOLDER.glob("[0-9][0-9]_*.py"))}
    if chapter not in versions:
        there = ", ".join(versions) or "none: is the project's folder complete?"
        raise NoHarbourError(f"Chapter {chapter!r} has no {NAME}. Those that have one: {there}")
    return versions[chapter].read_text(encoding="utf-8")


def _put(course: Path, chapter: str, text: str) -> str:
    """Write a version into the course, unless that would cost the learner something.

    Returns a sentence that says what has happened. Raises OSError.
    """
    if not (course / own_package.NAME / "__init__.py").exists():
        own_package.write_first(course)
    path = course / NAME
    if not path.exists():
        _write(path, chapter, text)
        return f"{NAME} is in your course now, beside the folder notebooks."
    last = _chapter_of(path, course)
    if last is None:  # the learner has written in it
        return _put_beside(course, chapter, text)
    if last > chapter:
        return f"{NAME} stays as it is: you have chapter {last}'s, which is a later one."
    _write(path, chapter, text)
    return f"{NAME} in your course is chapter {chapter}'s now."


def _put_beside(course: Path, chapter: str, text: str) -> str:
    later = [last for _, last in _given(course) if last > chapter]
    if later:
        return f"{NAME} is yours and stays. You've had a later one already, chapter {max(later)}'s."
    path = course / f"harbour_{chapter}.py"
    if path.exists() and _chapter_of(path, course) is None:
        return f"{NAME} is yours and stays, and so does {path.name}: you've written in both."
    _write(path, chapter, text)
    return f"{NAME} is yours and stays; chapter {chapter}'s is beside it, as {path.name}."


def _write(path: Path, chapter: str, text: str) -> None:
    if not path.exists() or _digest(path.read_bytes()) != _digest(text.encode()):
        write(path, text.encode())
    progress_log.note(chapter, f"harbour {_digest(text.encode())}", path.parent)


def _chapter_of(path: Path, course: Path) -> str | None:
    """Return whose chapter's version a file is; None if the learner has changed it.

    A version that we have changed since then is one as well: what was given out has been noted.
    """
    there = _digest(path.read_bytes())
    ours = [(_digest(one.read_bytes()), one.name[:2]) for one in FOLDER.glob("[0-9][0-9]_*.py")]
    return dict([*_given(course), *ours]).get(there)


def _given(course: Path) -> Iterator[tuple[str, str]]:
    """Yield the digest of each version that the course has been given, and its chapter."""
    for chapter, event in progress_log.events(course):
        word, _, digest = event.partition(" ")
        if word == "harbour":
            yield digest, chapter


def _digest(content: bytes) -> str:
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()[:16]


def _how_to(chapter: str, text: str) -> Iterator[str]:
    """Yield what to type in a terminal, and how to visit, in paragraphs."""
    yield ast.get_docstring(ast.parse(text)) or ""
    plank, sentence = LACKING.get(chapter, ("BaseServer", ""))
    if not hasattr(socketserver, plank):
        yield f"\n{sentence}"
    if chapter == "01" and sys.platform == "win32":
        yield "\nOn Windows this version notices Ctrl-C when the next visitor comes. 02 is better."
    page = re.search(r"(https?)://[\w.]+:(\d+)/", text)
    place = page and _from_elsewhere(page[2])
    if page and place:
        yield f"\nYour browser isn't on this machine. For it, the page is at {place}"
        if page[1] == "https":
            yield "Leave out --certificate and --key then: the way to your browser has its own TLS."


def _from_elsewhere(port: str) -> str:
    """Return where a browser on another machine finds a port of this one; "" if it's on this."""
    if prefix := os.environ.get("JUPYTERHUB_SERVICE_PREFIX"):
        return f"{prefix}proxy/{port}/, on the hub's address."
    if name := os.environ.get("CODESPACE_NAME"):
        domain = os.environ.get("GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN", "app.github.dev")
        return f"https://{name}-{port}.{domain}/"
    return ""
