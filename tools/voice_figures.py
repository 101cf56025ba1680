"""How the prose reads, in figures: a line for each chapter, each set of exercises, and all.

    python -m tools.voice_figures [FOLDER ...]

Each folder is a checkout of the project, so that two can be compared; by default it's this project.
The figures say where to look, and no more: a text can have them all right and still read badly.
"""

import argparse
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from socketlab.project import PROJECT, cells

HABITS = {
    "'s/1k": r"\b\w+(?:n't|'(?:re|ll|ve|s|d|m))\b",
    "nob/1k": r"\b(?:no|some|every)body\b|\bnothing\b|\bwhoever\b",
    "tell/1k": r"\b(?:tells?|told)\b",
    "stand/1k": r"\bstands?\b",
}
"""What is counted in 1,000 words. A possessive counts as a contraction."""

SHORT, LONG = 5, 20
"""Words in a sentence that make it short, at most, or long, at least."""


def prose(markdown: str) -> Iterator[str]:
    """Yield the paragraphs and list items of a cell, without headings, tables, code and links."""
    text = re.sub(r"```.*?```|<[^>]+>|\[([^\]]*)\]\([^)]*\)", r" \1", markdown, flags=re.DOTALL)
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )", text):
        if not re.match(r"\s*[#|]", block):
            yield re.sub(r"^\s*(?:[->*]|\d+\.)\s+|[*_`]", "", " ".join(block.split()))


_END = re.compile(r"""(?<=[.!?…:])["')]*\s+(?=["'(A-Z])""")


def sentences(paragraphs: Iterable[str]) -> list[list[str]]:
    """Return the sentences as lists of words."""
    whole = (re.split(_END, one) for one in paragraphs)
    words = (re.findall(r"[\w'.-]*\w", sentence) for some in whole for sentence in some)
    return [sentence for sentence in words if sentence]


def figures(paragraphs: list[str]) -> dict[str, float]:
    """Return the figures of a text by their names in the table."""
    found = sentences(paragraphs)
    lengths = [len(sentence) for sentence in found]
    words = max(sum(lengths), 1)
    text = " ".join(paragraphs)
    starts = sum(sentence[0] in ("And", "But", "So") for sentence in found)
    return {
        "words": words,
        "mean": words / max(len(found), 1),
        "long %": 100 * sum(length >= LONG for length in lengths) / max(len(found), 1),
        "short %": 100 * sum(length <= SHORT for length in lengths) / max(len(found), 1),
        "and %": 100 * starts / max(len(found), 1),
        **{name: 1000 * len(re.findall(one, text, re.I)) / words for name, one in HABITS.items()},
    }


def texts(project: Path) -> dict[str, list[str]]:
    """Return the paragraphs of each chapter and of its exercises, by name, and those of all."""
    found = {}
    for path in sorted([*project.glob("notebooks/*.ipynb"), *project.glob("exercises/*/*.ipynb")]):
        name = path.stem if path.parent.name == "notebooks" else f"{path.stem}, exercises"
        markdown = (cell for cell in cells(path.read_bytes()) if cell["cell_type"] == "markdown")
        found[name] = [block for cell in markdown for block in prose(cell["source"])]
    for kind, wanted in (("all chapters", False), ("all exercises", True)):
        those = [some for name, some in found.items() if name.endswith("exercises") == wanted]
        found[kind] = [block for some in those for block in some]
    return found


def table(project: Path) -> Iterator[str]:
    """Yield a heading and a line for each text."""
    names = list(figures([]))
    yield f"{'':30}" + "".join(f"{name:>10}" for name in names)
    for name, paragraphs in texts(project).items():
        row = figures(paragraphs).values()
        yield f"{name:30}" + "".join(f"{figure:10,.1f}" for figure in row)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.voice_figures", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", default=[PROJECT])
    for folder in parser.parse_args().folders:
        print(*table(folder), "", sep="\n")


if __name__ == "__main__":
    main()
