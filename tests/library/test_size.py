"""The library is small enough to be read in an evening."""

import ast
import io
import tokenize
from pathlib import Path

import minisocketserver

MOST = 400
LAYOUT = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE),
    *(tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER),
}


def lines_of_code(source):
    """Count the lines that have code on them: blank ones, comments and docstrings have not."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    code = [one for one in tokens if one.type not in LAYOUT]
    lines = {line for one in code for line in range(one.start[0], one.end[0] + 1)}
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                lines -= set(range(node.lineno, node.end_lineno + 1))
    return len(lines)


def test_lines_are_counted_as_they_should_be():
    assert lines_of_code('"""A docstring."""\n\n# why\nx = (\n    1,  # so\n)\n') == 3


def test_the_library_has_at_most_400_lines_of_code():
    folder = Path(minisocketserver.__file__).parent
    modules = [one for one in folder.glob("*.py") if one.name != "__init__.py"]
    count = sum(lines_of_code(one.read_text(encoding="utf-8")) for one in modules)
    assert 300 < count <= MOST
