"""What all tests have in common with the chapters, whose cells are tests, too."""

from tempfile import TemporaryDirectory
from typing import Any

from jupyter_client.manager import KernelManager
from nbval import kernel

from socketlab import short_tempdir


class OnFiles(KernelManager):
    """Starts a kernel that listens on files.

    The ports of one that listens on ports are chosen before it takes them, and the tests of
    servers beside it may be quicker.
    """

    def __init__(self, **options: Any) -> None:
        self._folder = TemporaryDirectory(dir=short_tempdir())  # ZeroMQ's paths have a limit, too
        file = f"{self._folder.name}/kernel.json"
        super().__init__(transport="ipc", connection_file=file, **options)


kernel.KernelManager = OnFiles
