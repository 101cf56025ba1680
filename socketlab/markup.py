"""HTML for pages and tables, laid out by the templates in `templates/`.

Notebooks store a table as a single line: the dashes in its template's tags remove the line breaks.
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, **values: object) -> str:
    """Return the HTML that a template makes of these values, with every text in them escaped.

    Raises jinja2's UndefinedError when the template uses a value that isn't there.
    """
    return _environment().get_template(template).render(values)


@cache
def _environment() -> "Environment":
    # Imported here, so that commands without a page or table don't wait a tenth of a second for it.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("socketlab"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
