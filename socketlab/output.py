"""Text for any terminal: plainer signs where its encoding lacks ours."""

import codecs
import sys
from collections.abc import Iterable
from io import TextIOWrapper
from typing import TextIO

_PLAIN = {"✓": "+", "✗": "x", "·": ".", "…": "...", "→": "->", "█": "#", "░": "-"}


class SentenceError(Exception):
    """One whose text is all that a notebook shows of it."""

    def _render_traceback_(self) -> list[str]:
        """Tell IPython what to show in place of its own traceback."""
        return [str(self)]


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


def listed(items: Iterable[str]) -> str:
    """Return items as a sentence lists them: "a, b and c"; of none, "nothing"."""
    *others, last = [*items] or ["nothing"]
    return f"{', '.join(others)} and {last}" if others else last
