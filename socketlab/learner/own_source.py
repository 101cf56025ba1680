"""What a learner has written in the cells of a chapter, as one module's text."""

import ast
import builtins
import re
from dataclasses import dataclass, field

from ..cell_names import names_bound, names_used
from ..cells import Reader
from ..ship.planks import PLANKS
from .own_package import parts_of
from .stubs import STUB


def module_text(names: tuple[str, ...], cells: list[str]) -> str:
    """Return a module that defines the names as the cells do, in the order in which they ran.

    A class that grows over several cells, by `@reopen`, is put together. With the names come the
    imports, functions, classes and values that they use.
    """
    written = _Written()
    for cell in cells:
        written.add(cell)
    parts = written.parts(names)
    imports = sorted({text for is_import, text in parts if is_import})
    pythons = [text for text in imports if not text.startswith(_PLANK)]
    pythons.sort(key=lambda text: text.startswith("from "))
    planks = ", ".join(text.removeprefix(_PLANK) for text in imports if text not in pythons)
    head = ["\n".join(pythons), planks and f"{_PLANK}{planks}"]
    others = [text for is_import, text in parts if not is_import]
    return "\n\n\n".join(filter(None, ["\n\n".join(filter(None, head)), *others])) + "\n"


_PLANK = "from . import "
_METHOD = re.compile(r"^\s*(?:async )?def ", re.MULTILINE)


@dataclass
class _Class:
    """A class so far: its first lines, and its members' texts by name."""

    head: str
    is_documented: bool
    members: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """Return the class: what is said of it, its values, its methods."""
        texts = list(self.members.values()) or ["    pass"]
        methods = [text for text in texts if _METHOD.search(text)]
        values = [text for text in texts if text not in methods]
        if self.is_documented and values[1:]:
            values[0] += "\n"
        between = "\n\n" if values else "\n"
        head = "\n".join([self.head, *values])
        return f"{head}{between}" + "\n\n".join(methods) if methods else head


class _Written:
    """What the cells have defined so far, by name."""

    def __init__(self) -> None:
        self.classes: dict[str, _Class] = {}
        self.texts: dict[str, str] = {}
        self.imports: dict[str, str] = {}

    def add(self, cell: str) -> None:
        """Read one more cell; one that isn't Python defines nothing."""
        try:
            text, tree = _parsed(cell)
        except (SyntaxError, ValueError, RuntimeError, MemoryError):
            return
        lines = text.splitlines()
        for node in tree.body:
            match node:
                case ast.ClassDef():
                    self._add_class(node, lines)
                case ast.Import(names=names):
                    self.imports |= {
                        one.asname or one.name.partition(".")[0]: f"import {_alias(one)}"
                        for one in names
                    }
                case ast.ImportFrom(names=names):
                    source = "." * node.level + (node.module or "")
                    self.imports |= {
                        one.asname or one.name: f"from {source} import {_alias(one)}"
                        for one in names
                    }
                case ast.FunctionDef(name=name):
                    self.texts[name] = _lines(node, lines)
                case ast.Assign() | ast.AnnAssign():
                    for name in names_bound(ast.Module([node], [])):
                        self.texts[name] = _lines(node, lines)

    def _add_class(self, node: ast.ClassDef, lines: list[str]) -> None:
        is_more = any(ast.unparse(one).startswith("reopen(") for one in node.decorator_list)
        if node.body[0].lineno == node.lineno:  # class Both(First, Second): pass
            text = ast.unparse(node)
            lines = text.splitlines()
            node = ast.parse(text).body[0]  # type: ignore[assignment]
        first, start = _first_line(node.body[0]), _first_line(node) - 1
        before = first - 1
        while not lines[before - 1].strip() or lines[before - 1].lstrip().startswith("#"):
            before -= 1  # what stands above a member is the member's
        if not (is_more and node.name in self.classes):
            is_documented = ast.get_docstring(node) is not None
            self.classes[node.name] = _Class("\n".join(lines[start:before]), is_documented)
        members = self.classes[node.name].members
        for member in node.body:
            assert member.end_lineno is not None
            text = _without_stubs(lines[before : member.end_lineno])
            before = member.end_lineno
            if not isinstance(member, ast.Pass):
                members[_key(member)] = text

    def parts(self, names: tuple[str, ...]) -> list[tuple[bool, str]]:
        """Return the statements that define these names, and what they use, first what is used.

        Of each, whether it is an import, and its text.
        """
        found: dict[str, tuple[bool, str]] = {}
        todo = set[str]()

        def need(name: str) -> None:
            if name in found or name in todo or hasattr(builtins, name):
                return
            todo.add(name)
            if (name in PLANKS or name in parts_of()) and name not in names:
                found[name] = True, f"{_PLANK}{name}"
            elif name in self.classes or name in self.texts:
                text = self.classes[name].text() if name in self.classes else self.texts[name]
                for used in sorted(names_used(ast.parse(text)) - {name}):
                    need(used)
                found[name] = False, text
            elif name in self.imports:
                found[name] = True, self.imports[name]

        for name in names:
            need(name)
        return list(dict.fromkeys(found.values()))


def _parsed(cell: str) -> tuple[str, ast.Module]:
    try:
        return cell, ast.parse(cell)
    except SyntaxError:
        text = Reader().transform_cell(cell)
        return text, ast.parse(text)


def _alias(one: ast.alias) -> str:
    return f"{one.name} as {one.asname}" if one.asname else one.name


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(one.lineno for one in decorators)])


def _lines(node: ast.stmt, lines: list[str]) -> str:
    return _without_stubs(lines[_first_line(node) - 1 : node.end_lineno])


def _without_stubs(lines: list[str]) -> str:
    """Return the lines as one text, without what says where to write."""
    kept = [line for line in lines if not line.strip().startswith((STUB, "### "))]
    while kept and not kept[0].strip():
        del kept[0]
    return "\n".join(kept)


def _key(member: ast.stmt) -> str:
    """Return what a member of a class is called; a property's setter is another member."""
    match member:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            decorators = [ast.unparse(one) for one in member.decorator_list]
            return f"{name}.setter" if f"{name}.setter" in decorators else name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return ast.unparse(member)
