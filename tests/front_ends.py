"""A notebook as each front end saves it: what it adds, drops, or keeps in a place of its own.

After files that the front ends have written. What they do to a notebook that others have made is
what matters here, so each begins with one as JupyterLab has saved it.
"""

import json
from typing import Any

Notebook = dict[str, Any]


def _cells(book: Notebook, with_ids: bool) -> list[tuple[int, dict[str, Any], str]]:
    """Return the cells with their numbers and ids, which are taken out if the format has none."""
    ids = [cell["id"] if with_ids else cell.pop("id") for cell in book["cells"]]
    return list(zip(range(len(ids)), book["cells"], ids, strict=True))


def jupyterlab(book: Notebook) -> str:
    """Save as JupyterLab does, which adds a blank cell where one went on past the end."""
    last = {"cell_type": "code", "execution_count": None, "id": "8ec1ba1a", "metadata": {}}
    book["cells"].append({**last, "outputs": [], "source": []})
    return json.dumps(book, indent=1, ensure_ascii=False) + "\n"


def notebook_6(book: Notebook) -> str:
    """Save as the classic Notebook does, whose format has no ids."""
    book["nbformat_minor"] = 4
    for _, cell, _ in _cells(book, with_ids=False):
        cell["metadata"] |= {"collapsed": False, "scrolled": True}
    return json.dumps(book, indent=1, ensure_ascii=False) + "\n"


def vs_code(book: Notebook) -> str:
    """Save as VS Code does: the environment's name, and a language for cells that have one."""
    book["metadata"]["kernelspec"] = {"display_name": ".venv (3.11.7)", "name": "python3"}
    for number, cell, _ in _cells(book, with_ids=True):
        if cell["cell_type"] == "code":
            cell["execution_count"] = number
            cell["metadata"]["vscode"] = {"languageId": "python"}
    return json.dumps(book, indent=1, ensure_ascii=False)


def colab(book: Notebook) -> str:
    """Save as Colab does: ids in the metadata, no other metadata of ours, an empty cell below."""
    book["nbformat_minor"] = 0
    for number, cell, name in _cells(book, with_ids=False):
        cell["metadata"] = {"id": name}
        if cell["cell_type"] == "code":
            cell["execution_count"] = number
            cell["metadata"] |= {
                "outputId": "5c1d",
                "colab": {"base_uri": "https://localhost:8080/"},
            }
    last = {"cell_type": "code", "source": [], "metadata": {"id": "yTn0cKq2"}}
    book["cells"].append({**last, "execution_count": None, "outputs": []})
    book["metadata"] = {
        "colab": {"provenance": [], "toc_visible": True},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
    }
    return json.dumps(book, indent=2, ensure_ascii=False)


def kaggle(book: Notebook) -> str:
    """Save as Kaggle does: everything in one line, each source one text."""
    book["nbformat_minor"] = 4
    book["metadata"]["kaggle"] = {"accelerator": "none", "dataSources": [], "isGpuEnabled": False}
    for _, cell, _ in _cells(book, with_ids=False):
        cell["source"] = "".join(cell["source"])
        ran = {"iopub.status.busy": "2026-11-29T20:00:00.000000Z", "shell.execute_reply": "now"}
        cell["metadata"] = {"trusted": True, "execution": ran}
    return json.dumps(book, separators=(",", ":"), ensure_ascii=True)


def pycharm(book: Notebook) -> str:
    """Save as PyCharm does: times, and an id of its own for each cell."""
    for number, cell, _ in _cells(book, with_ids=True):
        cell["id"] = f"{number:016x}"
        if cell["cell_type"] == "code":
            start = "2026-11-29T20:00:00.000001Z"
            cell["metadata"] |= {
                "ExecuteTime": {"start_time": start},
                "jupyter": {"is_executing": True},
            }
    return json.dumps(book, indent=1, ensure_ascii=False) + "\n"


def deepnote(book: Notebook) -> str:
    """Save as Deepnote does: ids and times in metadata, and a last cell with a link."""
    book["nbformat_minor"] = 0
    for _, cell, name in _cells(book, with_ids=False):
        cell["metadata"] = {"cell_id": name, "deepnote_cell_type": cell["cell_type"]}
    made = {"created_in_deepnote_cell": True, "deepnote_cell_type": "markdown"}
    link = "<a href='https://deepnote.com'>Created in Deepnote</a>"
    book["cells"].append({"cell_type": "markdown", "source": link, "metadata": made})
    book["metadata"] = {"deepnote": {}, "deepnote_execution_queue": []}
    return json.dumps(book, indent=2)


FRONT_ENDS = [jupyterlab, notebook_6, vs_code, colab, kaggle, pycharm, deepnote]
