"""The chapters, for their authors: refreshed from the library, executed, looked at."""

import re
import sys
from pathlib import Path
from typing import Any

import nbformat

from .. import files, kernels
from ..project import PROJECT
from . import pictures
from .figures import figures_table
from .lint import code_cells, lint, tags
from .source import (
    bare_definitions,
    chapter_definitions,
    differences,
    library_definitions,
    refreshed,
)

NOTEBOOKS = PROJECT / "notebooks"
LIBRARY = PROJECT / "minisocketserver"
_WIDGET = "application/vnd.jupyter.widget-view+json"


def chapters() -> list[Path]:
    """Return the chapters' files, in their order."""
    return sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def library_modules(chapter: Path) -> list[Path]:
    """Return the library's modules that a chapter builds; none where it builds none.

    Of `beyond/`, which several chapters share, these are the modules from which the chapter has a
    plank: it need not build them all, but what it begins it must finish.
    """
    module = LIBRARY / f"{chapter.stem[3:]}.py"
    if module.exists():
        return [module]
    planks = [cell.source for cell in code_cells(read(chapter)) if "plank" in tags(cell)]
    begun = {name.split(".")[0] for name in chapter_definitions(planks)}
    return [
        module
        for module in sorted((LIBRARY / "beyond").glob("[!_]*.py"))
        if begun & {name.split(".")[0] for name in library_definitions(module.read_text("utf-8"))}
    ]


def read(chapter: Path) -> Any:
    """Return the chapter as an nbformat node. Raises OSError or ValueError."""
    return nbformat.read(chapter, as_version=4)  # type: ignore[no-untyped-call]


def write(chapter: Path, notebook: Any) -> None:
    """Replace the chapter's file by this node."""
    text = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    files.write(chapter, f"{text}\n".encode())


def source_differences(chapter: Path) -> list[str]:
    """Return a sentence for each definition in which the chapter and the library differ."""
    chapter_s = chapter_definitions([cell.source for cell in code_cells(read(chapter))])
    return [
        f"{chapter.stem} and {module.name}: {sentence}"
        for module in library_modules(chapter)
        for sentence in differences(library_definitions(module.read_text("utf-8")), chapter_s)
    ]


def refresh(chapter: Path) -> None:
    """Bring the code of the cells tagged `plank` up to the library's, and draw the pictures."""
    notebook = read(chapter)
    library: dict[str, Any] = {}
    for module in library_modules(chapter):
        library |= bare_definitions(module.read_text("utf-8"))
    for cell in code_cells(notebook):
        if library and "plank" in tags(cell):
            cell.source = refreshed(cell.source, library)
    pictures.draw(notebook)
    write(chapter, notebook)


def execute(chapter: Path) -> None:
    """Run the chapter from top to bottom in a new kernel and keep its outputs.

    Raises nbclient's CellExecutionError when a cell fails that is not meant to.
    """
    notebook = read(chapter)
    kernels.execute(notebook, resources={"metadata": {"path": str(NOTEBOOKS)}})
    for cell in code_cells(notebook):
        cell.metadata.pop("execution", None)
        # A stored widget has lost its model: it could only say that it cannot be shown.
        cell.outputs = [out for out in cell.outputs if _WIDGET not in out.get("data", {})]
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    write(chapter, notebook)


def problems(chapter: Path) -> list[str]:
    """Return what the linter and the comparison with the library say."""
    return lint(read(chapter), chapter.stem) + source_differences(chapter)


PLANK = re.compile(r"^\d\d  (\w+) +(yours|on loan)$", re.MULTILINE)
"""A line of a Ship's table, as text."""


def planks(chapter: Path) -> dict[str, str]:
    """Return who owns which plank at the chapter's end, as its last table of a ship says; nothing
    for a chapter that shows no ship."""
    tables = [
        dict(PLANK.findall(output.data.get("text/plain", "")))
        for cell in code_cells(read(chapter))
        for output in cell.outputs
        if "data" in output
    ]
    return next(filter(None, reversed(tables)), {})


def planks_table(chapters: list[Path]) -> list[str]:
    """Return a line for each chapter: how many planks are yours at its end, and the new ones."""
    lines, before = [f"{'chapter':20} yours  on loan  new"], set[str]()
    for chapter in chapters:
        owners = planks(chapter)
        yours = {name for name, owner in owners.items() if owner == "yours"}
        counts = f"{len(yours):5} {len(owners) - len(yours):8}" if owners else f"{'-':>5} {'-':>8}"
        new = ", ".join(name for name in owners if name in yours - before)
        lines.append(f"{chapter.stem:20} {counts}  {new}".rstrip())
        before |= yours
    return lines


def run(command: str, names: list[str]) -> int:
    """Run a command about these chapters, or all; return 1 when the linter finds something."""
    known = {chapter.stem: chapter for chapter in chapters()}
    if unknown := [name for name in names if name not in known]:
        told = f"There is no chapter {unknown[0]}. The chapters are {', '.join(known)}."
        print(told, file=sys.stderr)
        return 2
    chosen = {name: known[name] for name in names or known}
    found: list[str] = []
    match command:
        case "planks":
            found += planks_table(list(chosen.values()))
        case "figures":
            found += figures_table({name: read(path) for name, path in chosen.items()})
        case "lint":
            found += [problem for chapter in chosen.values() for problem in problems(chapter)]
        case "refresh" | "execute":
            for chapter in chosen.values():
                {"refresh": refresh, "execute": execute}[command](chapter)
    print("\n".join(found), end="\n" if found else "")
    return 1 if found and command == "lint" else 0
