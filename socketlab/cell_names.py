"""The names that a cell binds and uses, by its syntax tree."""

import ast
from collections.abc import Iterator
from symtable import SymbolTable, symtable

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


def names_used(tree: ast.Module) -> frozenset[str]:
    """Return the names that a cell uses, without those of a function's own variables.

    They come from `symtable`, which wants text: the tree's, as a cell with magics isn't Python.
    """
    try:
        return frozenset(_looked_up(symtable(ast.unparse(tree), "<cell>", "exec")))
    except (SyntaxError, ValueError, RuntimeError, MemoryError):
        # It is too deep, or only its grammar is right; from 3.15 on, a cell that awaits fails, too.
        return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


def _looked_up(table: SymbolTable) -> Iterator[str]:
    """Yield the names that a cell's text looks up among the notebook's names."""
    is_cell = table.get_type() == "module"
    yield from (
        one.get_name()
        for one in table.get_symbols()
        if one.is_referenced() and (is_cell or one.is_global())
    )
    for inner in table.get_children():
        yield from _looked_up(inner)
