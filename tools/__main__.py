"""List the programs in this folder, each with the first line of its docstring."""

import ast
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent


def programs() -> Iterator[tuple[str, str]]:
    """Yield the name of each program, and what it does in a sentence."""
    for path in sorted([*HERE.glob("[!_]*.py"), *HERE.glob("*/__main__.py")]):
        text = path.read_text("utf-8")
        if '__name__ == "__main__"' in text:
            name = path.stem if path.parent == HERE else path.parent.name
            yield name, (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def main() -> None:
    print('Run one with `make tools RUN="NAME OPTIONS"`, or `python -m tools.NAME OPTIONS`:\n')
    for name, sentence in programs():
        print(f"{name:20} {sentence}")


if __name__ == "__main__":
    main()
