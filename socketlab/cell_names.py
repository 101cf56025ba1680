"""The names that a cell binds, by its syntax tree."""

import ast
from collections.abc import Iterator

UNSEEN = "*"
"""Stands for names that only a run can show, such as those of `from socket import *`."""


def names_bound(tree: ast.Module) -> frozenset[str]:
    """Return the names that a cell's own statements bind.

    Of what is within functions and classes, these are only the names declared global.
    """
    return frozenset(name for node in _own_nodes(tree) for name in _bound_by(node))


def _own_nodes(tree: ast.Module) -> Iterator[ast.AST]:
    todo: list[ast.AST] = list(tree.body)
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            todo += (inner for inner in ast.walk(node) if isinstance(inner, ast.Global))
        else:
            todo += ast.iter_child_nodes(node)


def _bound_by(node: ast.AST) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Name(id=name, ctx=ast.Store()):
            return [name]
        case ast.alias(name=name):  # that of `import *` is our UNSEEN
            return [(node.asname or name).partition(".")[0]]
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            return [name]
        case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            return [name]
        case ast.Global():
            return node.names
    return []
