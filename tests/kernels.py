"""Notebooks run in kernels of their own, as the tests need them."""

import os
from tempfile import TemporaryDirectory

from nbclient import NotebookClient
from traitlets.config import Config

from socketlab import short_tempdir


def execute(notebook, env=os.environ, **options):
    """Run all cells of a notebook; `options` are those of nbclient's NotebookClient.

    The kernel listens on files: a kernel's ports are chosen before it takes them, and the tests
    of servers beside it may be quicker.
    """
    with TemporaryDirectory(dir=short_tempdir()) as folder:  # ZeroMQ's paths have a limit, too
        manager = {"transport": "ipc", "connection_file": f"{folder}/kernel.json"}
        config = Config(KernelManager=manager)
        options = {"timeout": 60, "kernel_name": "python3", **options}
        NotebookClient(notebook, config=config, **options).execute(env=env)
    return notebook
