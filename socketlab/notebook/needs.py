"""Say in a sentence what the system lacks, and stop the notebook, or go on where it can."""

import ast

from ..output import SentenceError


class NotHereError(SentenceError):
    """What the rest of the notebook needs is missing."""


def needs(what: str, there: bool, but: str | None = None) -> None:
    """Raise NotHereError unless `there`: no cell below is run then, and the reader knows why.

    `but` names a variable. With it nothing is raised: of the cells below, those that mention the
    variable run, and each of the others says what is missing.
    """
    if there:
        return
    missing = (
        f"This system has no {what}, so the cells below cannot run here. "
        "Read on: the text says what they do elsewhere."
    )
    if but is None:
        raise NotHereError(missing)
    from IPython import get_ipython

    print(missing)
    get_ipython().ast_transformers.append(_AllBut(but, what))


class _AllBut:
    """Puts a sentence in the place of a cell that does not mention the variable."""

    def __init__(self, variable: str, what: str) -> None:
        self.variable = variable
        self.sentence = f"This system has no {what}: this cell is passed over."

    def visit(self, cell: ast.Module) -> ast.Module:
        names = {node.id for node in ast.walk(cell) if isinstance(node, ast.Name)}
        return cell if self.variable in names else ast.parse(f"print({self.sentence!r})")
