"""A chapter's code is the library's code: compare the two, and bring the chapter up to date."""

import ast
from collections.abc import Iterator
from typing import Any

import libcst as cst
from IPython.core.inputtransformer2 import TransformerManager

Definitions = dict[str, str]
"""From "Class.method", "Class.attribute", "Class" (its bases) or "name" to its normal form."""

_TYPING_BASE = "MixInBase"
"""For type checkers, as annotations are: Python gives a mix-in no parent."""


def library_definitions(source: str) -> Definitions:
    """Return what a library module defines. `source` is the module's text."""
    return dict(_define(ast.parse(source).body, {}))


def chapter_definitions(cells: list[str]) -> Definitions:
    """Return what stands at the end of a chapter, given the sources of its code cells.

    A later definition replaces an earlier one; a class decorated with `@reopen` adds to the
    class of the same name, any other starts it anew.
    """
    found: Definitions = {}
    transformer = TransformerManager()  # type: ignore[no-untyped-call]
    for cell in cells:
        plain = transformer.transform_cell(cell)  # magics are no Python
        found.update(_define(ast.parse(plain).body, found))
    return found


def differences(library: Definitions, chapter: Definitions) -> list[str]:
    """Return a sentence for each name that the two do not have alike."""
    classes = {name.split(".")[0] for name in library if "." in name}
    report = []
    for name, form in library.items():
        if name not in chapter:
            report.append(f"{name} is missing in the chapter")
        elif chapter[name] != form:
            report.append(f"{name} differs")
    for name in chapter:
        owner, dot, _ = name.partition(".")
        if dot and owner in classes and name not in library:
            report.append(f"{name} is only in the chapter")
    return report


def _define(body: list[ast.stmt], found: Definitions) -> Iterator[tuple[str, str]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            if not _is_reopened(node):
                for old in [name for name in found if name.startswith(f"{node.name}.")]:
                    del found[old]
                bases = [ast.unparse(base) for base in node.bases]
                yield node.name, ", ".join(base for base in bases if base != _TYPING_BASE)
            for member in node.body:
                yield from ((f"{node.name}.{key}", form) for key, form in _entry(member))
        else:
            yield from _entry(node)


def _entry(node: ast.stmt) -> Iterator[tuple[str, str]]:
    normal = _Normal().visit(node)
    match node:
        case ast.FunctionDef(name=name):
            yield _key(name, [ast.unparse(d) for d in node.decorator_list]), ast.dump(normal)
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            if normal is not None:
                yield name, ast.dump(normal)


def _key(name: str, decorators: list[str]) -> str:
    """Tell a property's setter, which has the same name, from the property."""
    return f"{name}.setter" if f"{name}.setter" in decorators else name


def _is_reopened(node: ast.ClassDef) -> bool:
    return any(ast.unparse(decorator).startswith("reopen(") for decorator in node.decorator_list)


class _Normal(ast.NodeTransformer):
    """Takes docstrings and annotations away."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        node.returns = None
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt | None:
        if node.value is None:
            return None
        return ast.Assign(targets=[node.target], value=node.value)


def bare_definitions(library: str) -> dict[str, Any]:
    """Return what a library module defines as it stands in a chapter: without docstrings and
    annotations. The values are for `refreshed`."""
    wanted = _Collect()
    cst.parse_module(library).visit(wanted)
    return wanted.found


def refreshed(cell: str, library: dict[str, Any]) -> str:
    """Return the cell with each definition that the library also has replaced by the library's.

    `library` comes from `bare_definitions`. What else the cell contains stays.
    """
    return cst.parse_module(cell).visit(_Replace(library)).code


class _Scope(cst.CSTTransformer):
    """Knows the name, as in `Definitions`, of the definition it is at."""

    def __init__(self) -> None:
        self.path: list[str] = []

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self.path.append(node.name.value)

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> Any:
        self.path.pop()
        return updated_node

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return False

    def name(self, node: cst.FunctionDef | cst.SimpleStatementLine) -> str | None:
        if isinstance(node, cst.FunctionDef):
            code = cst.Module([])
            decorators = [code.code_for_node(item.decorator) for item in node.decorators]
            return ".".join([*self.path, _key(node.name.value, decorators)])
        match node.body[0]:
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))]):
                return ".".join([*self.path, name])
            case cst.AnnAssign(target=cst.Name(value=name)):
                return ".".join([*self.path, name])
        return None


class _Collect(_Scope):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, Any] = {}

    def _keep(self, node: Any) -> Any:
        if name := self.name(node):
            self.found[name] = node.visit(_Bare())
        return node

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: Any) -> Any:
        return self._keep(updated_node)

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: Any
    ) -> Any:
        return self._keep(updated_node)


class _Replace(_Scope):
    def __init__(self, wanted: dict[str, Any]) -> None:
        super().__init__()
        self.wanted = wanted

    def _swap(self, node: Any) -> Any:
        new = self.wanted.get(self.name(node) or "")
        if new is None or _is_alike(node, new):  # so comments stay, such as those of a solution
            return node
        return new.with_changes(leading_lines=node.leading_lines)

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: Any) -> Any:
        return self._swap(updated_node)

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: Any
    ) -> Any:
        return self._swap(updated_node)


def _is_alike(node: Any, other: Any) -> bool:
    one, two = (ast.parse(cst.Module([part]).code) for part in (node, other))
    return ast.dump(one) == ast.dump(two)


class _Bare(cst.CSTTransformer):
    """Takes docstrings, annotations and notes to the type checker away."""

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: Any) -> Any:
        node = updated_node.with_changes(
            returns=None,
            params=_on_one_line(updated_node.params),
            whitespace_before_params=cst.SimpleWhitespace(""),
        )
        if original_node.get_docstring() is None:
            return node
        rest = node.body.body[1:] or [cst.SimpleStatementLine([cst.Pass()])]
        comments = [line for line in rest[0].leading_lines if line.comment]
        rest = [rest[0].with_changes(leading_lines=comments), *rest[1:]]
        return node.with_changes(body=node.body.with_changes(body=rest))

    def leave_Param(self, original_node: cst.Param, updated_node: Any) -> Any:
        if original_node.annotation is None:
            return updated_node
        equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
        return updated_node.with_changes(
            annotation=None,
            equal=equal if original_node.default else cst.MaybeSentinel.DEFAULT,
        )

    def leave_AnnAssign(self, original_node: cst.AnnAssign, updated_node: Any) -> Any:
        if updated_node.value is None:
            return cst.RemoveFromParent()
        return cst.Assign([cst.AssignTarget(updated_node.target)], updated_node.value)

    def leave_TrailingWhitespace(
        self, original_node: cst.TrailingWhitespace, updated_node: Any
    ) -> Any:
        comment = original_node.comment
        if comment is None or not comment.value.startswith("# type:"):
            return updated_node
        return updated_node.with_changes(comment=None, whitespace=cst.SimpleWhitespace(""))


def _on_one_line(parameters: Any) -> Any:
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))

    def plain(group: Any) -> list[Any]:
        return [parameter.with_changes(comma=comma) for parameter in group]

    changed = parameters.with_changes(
        params=plain(parameters.params), kwonly_params=plain(parameters.kwonly_params)
    )
    last = "kwonly_params" if changed.kwonly_params else "params"
    group = list(getattr(changed, last))
    if group:
        group[-1] = group[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return changed.with_changes(**{last: group})
