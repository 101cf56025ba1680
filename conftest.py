"""What all tests have in common with the chapters, whose cells are tests, too."""

from contextlib import suppress
from tempfile import TemporaryDirectory
from typing import Any

from jupyter_client.manager import KernelManager

from socketlab import short_tempdir
from socketlab.kernels import on_files


class OnFiles(KernelManager):
    """Starts a kernel that listens on files, out of the way of all ports."""

    def __init__(self, **options: Any) -> None:
        self._folder = TemporaryDirectory(dir=short_tempdir())
        super().__init__(**on_files(self._folder.name), **options)


with suppress(ModuleNotFoundError):  # a learner who runs pytest in course/ has no nbval
    from nbval import kernel

    kernel.KernelManager = OnFiles
