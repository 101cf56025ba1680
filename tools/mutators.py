"""Changes of one thing in a syntax tree, such as a statement left out or a condition turned round.

They stand in for the slips of a tired programmer: `solution_faults` puts them into our solutions of
the exercises, `library_faults` into the library, and each asks whether anything notices.
"""

import ast
import copy
from collections import Counter


def line_of(node):
    """Return where a change is, as a fault's name says it."""
    return f"line {node.lineno}"


class Changes(ast.NodeVisitor):
    """Finds (what, changed tree) for each one-line change of a tree.

    `place` says for a node where it is, which is how the name of a change begins.
    """

    def __init__(self, tree, place=line_of):
        self.tree = tree
        self.place = place
        self.found = []

    def change(self, node, what, **fields):
        """Note the tree in which `node` has these fields."""
        old = {name: getattr(node, name) for name in fields}
        for name, value in fields.items():
            setattr(node, name, value)
        self.note(node, what)
        for name, value in old.items():
            setattr(node, name, value)

    def note(self, node, what):
        """Note the tree as it is now."""
        self.found.append((f"{self.place(node)}: {what}", copy.deepcopy(self.tree)))

    def generic_visit(self, node):
        for name, body in ast.iter_fields(node):
            if isinstance(body, list) and body and isinstance(body[0], ast.stmt):
                self.drop_statements(node, name, body)
        super().generic_visit(node)

    def drop_statements(self, node, name, body):
        for number, statement in enumerate(body):
            if isinstance(statement, (ast.Expr, ast.Assign, ast.AugAssign, ast.Return, ast.Raise)):
                if isinstance(getattr(statement, "value", None), ast.Constant):
                    continue  # a docstring, or a constant that `visit_Constant` changes
                old = body[number]
                body[number] = ast.copy_location(ast.Pass(), old)
                self.note(old, f"without {ast.unparse(old).splitlines()[0]!r}")
                body[number] = old

    def visit_If(self, node):
        self.change(node, "condition turned round", test=ast.UnaryOp(ast.Not(), node.test))
        self.generic_visit(node)

    def visit_While(self, node):
        if not isinstance(node.test, ast.Constant):
            self.change(node, "condition turned round", test=ast.UnaryOp(ast.Not(), node.test))
        self.generic_visit(node)

    def visit_Compare(self, node):
        swap = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
        swap |= {ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
        if type(node.ops[0]) in swap:
            other = swap[type(node.ops[0])]()
            self.change(node, f"{type(other).__name__} in a comparison", ops=[other])
        self.generic_visit(node)

    def visit_Constant(self, node):
        value = node.value
        if isinstance(value, bool):
            self.change(node, f"{not value} for {value}", value=not value)
        elif isinstance(value, (int, float)):
            self.change(node, f"{value + 1} for {value}", value=value + 1)
        elif isinstance(value, bytes) and value:
            self.change(node, f"{value[:-1]!r} for {value!r}", value=value[:-1])

    def visit_BinOp(self, node):
        if isinstance(node.op, (ast.Add, ast.Sub)):
            other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            self.change(node, f"{type(other).__name__} in a sum", op=other)
        self.generic_visit(node)


def numbered(changes):
    """Yield (name, text) for each (what, changed tree), and number those of one name."""
    names = Counter()
    for what, tree in changes:
        names[what] += 1
        name = what if names[what] == 1 else f"{what} ({names[what]})"
        yield name, ast.unparse(ast.fix_missing_locations(tree))
