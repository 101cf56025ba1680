"""What axe finds wrong with a page, for whoever can't see it, or not well."""

import json
from typing import Any

import pytest

SERIOUS = ("serious", "critical")


def faults(page: Any, part: str | None = None) -> list[str]:
    """Return a line for each serious fault in the page, or in the part with this selector."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(page, context=[part] if part else None).response["violations"]
    return [
        f"{one['id']}: {json.dumps(node['target'])} {node['html'][:120]} "
        f"{node.get('failureSummary', '').splitlines()[-1:]}"
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]
