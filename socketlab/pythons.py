"""Other Pythons, started so that nothing of the surroundings leaks into them.

Imported before anything else of ours: what follows is then safe from the files in the folder in
which `python -m socketlab` is run. So it needs few modules itself.
"""

import codecs
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO

_PLAIN = {"✓": "+", "✗": "x", "·": ".", "…": "...", "→": "->", "█": "#", "░": "-"}


def search_path(path: Iterable[str]) -> list[str]:
    """Return the path with the current folder behind the standard library, as in a kernel.

    There a learner's own socketserver.py or random.py hides nothing, and a module of their own
    is still found.
    """
    here = {""}
    with suppress(OSError):  # the folder has been deleted
        here.add(os.getcwd())
    entries = list(path)
    others = [entry for entry in entries if entry not in here]
    packages = (n for n, entry in enumerate(others) if entry.endswith("-packages"))
    place = next(packages, len(others))
    return [*others[:place], *[entry for entry in entries if entry in here][:1], *others[place:]]


def command(*arguments: str) -> list[str]:
    """Return the words that start a new Python; the current folder is not on its path (-P)."""
    return [sys.executable, "-P", "-X", "utf8", *arguments]


def program(code: str) -> list[str]:
    """Return the words that start a new Python on `code`, which finds the modules that we find."""
    return command("-c", f"import sys; sys.path[:] = {search_path(sys.path)!r}; {code}")


def environment() -> dict[str, str]:
    """Return our environment, but with output in UTF-8 whatever the locale and user say."""
    return os.environ | {"PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8"}


def show(text: str, stream: TextIO) -> None:
    """Write the text, with plainer signs where the stream's encoding lacks ours."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "plainer").decode(encoding))
    stream.flush()


def say(text: str) -> None:
    """Print the text, as `show` does."""
    show(f"{text}\n", sys.stdout)


def take_plainer_signs(*streams: TextIO) -> None:
    """Let what is printed to the streams have plainer signs where their encoding lacks ours."""
    for stream in streams:
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="plainer")


def _plainer(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    signs = error.object[error.start : error.end]
    return "".join(_PLAIN.get(sign, "?") for sign in signs), error.end


codecs.register_error("plainer", _plainer)

if sys.argv[:1] == ["-m"]:  # `python -m socketlab` looks into the current folder first
    sys.path[:] = search_path(sys.path)
