"""The index of terms: the words that chapters set in bold, each with the sentence around it.

Bold is for terms, once, where an experiment has shown what the word means; stress is italic.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..project import cells

NAME = "TERMS.md"

_BOLD = re.compile(r"\*\*([^*]+)\*\*")
_SIGNPOST = re.compile(r"[.?:]$|^(what will happen|your turn)$", re.IGNORECASE)
"""What is bold and no term: the words that a question, a task or a note begins with."""
_END_OF_SENTENCE = re.compile(r"""(?<=[.!?])[")']*\s+(?=["'(]?[A-Z*`])""")


class Term(NamedTuple):
    """A word, the sentence that introduces it, and the file name and title of the chapter."""

    word: str
    sentence: str
    chapter: str
    title: str


def terms(notebooks: Path) -> list[Term]:
    """Return the terms of the chapters in a folder, in alphabetical order, each once."""
    first: dict[str, Term] = {}
    for path in sorted(notebooks.glob("[0-9][0-9]_*.ipynb")):
        texts = [
            one["source"] for one in cells(path.read_bytes()) if one["cell_type"] == "markdown"
        ]
        title = "".join(texts[:1]).partition("\n")[0].lstrip("# ")
        for word, sentence in _bold_words(texts):
            first.setdefault(word.lower(), Term(word, sentence, path.name, title))
    return [first[key] for key in sorted(first)]


def _bold_words(texts: list[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        text = _BOLD.sub(lambda bold: "" if _SIGNPOST.search(bold[1]) else bold[0], text)
        for block in re.split(r"\n\s*\n|\n(?=\s*[-*|])", text):
            line = re.sub(r"^([-*>|]|\d+\.)\s+", "", " ".join(block.split()))
            for sentence in _END_OF_SENTENCE.split(line):
                yield from ((word, sentence) for word in _BOLD.findall(sentence))


def page(notebooks: Path, beside: str = "") -> str:
    """Return the index as Markdown, with links to the chapters in the folder `beside`."""
    lines = ["# Terms", "", "Each with the sentence that introduces it, and the chapter.", ""]
    for term in terms(notebooks):
        sentence = re.sub(r"\]\((?=\d\d_)", f"]({beside}", _BOLD.sub(r"\1", term.sentence))
        lines.append(f"- **{term.word}**: {sentence} [{term.title}]({beside}{term.chapter})")
    return "\n".join(lines) + "\n"
