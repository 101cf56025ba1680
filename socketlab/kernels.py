"""Notebooks run from top to bottom, each in a kernel of its own."""

import os
import socket
from collections.abc import Mapping
from tempfile import TemporaryDirectory
from typing import Any

from nbclient import NotebookClient
from traitlets.config import Config

from .files import short_tempdir


def on_files(folder: str) -> dict[str, str]:
    """Return the options of a KernelManager whose kernel listens on files in `folder`.

    A kernel's ports are chosen before it takes them, and another program may be quicker. Where
    there are no Unix sockets, it has to listen on ports all the same.
    """
    if not hasattr(socket, "AF_UNIX"):
        return {}
    return {"transport": "ipc", "connection_file": f"{folder}/kernel.json"}


def execute(
    notebook: Any, env: Mapping[str, str] = os.environ, stderr: int | None = None, **options: Any
) -> Any:
    """Run all cells of a notebook, keep their outputs in it, and return it.

    `options` are those of nbclient's NotebookClient, which raises CellExecutionError. The kernel
    has the environment `env`, and `stderr` as `subprocess` takes it.
    """
    options = {"timeout": 60, "kernel_name": "python3", **options}
    with TemporaryDirectory(dir=short_tempdir()) as folder:  # ZeroMQ's paths have a limit, too
        config = Config(KernelManager=on_files(folder))
        client = NotebookClient(notebook, config=config, **options)
        client.execute(env=dict(env), stderr=stderr)
    return notebook
