"""Graders that run side by side, as the tests' workers do, and those that must run alone."""

import contextlib

import pytest

try:
    import fcntl
except ImportError:  # Windows, where no class can be graded
    fcntl = None


@contextlib.contextmanager
def locked(path, how):
    with open(path, "w", encoding="utf-8") as file:
        fcntl.flock(file, how)
        yield


@pytest.fixture(autouse=True)
def neighbours(request, tmp_path_factory):
    """Let a test marked `alone` wait for all others, and these for it.

    At level `process` all students are one user of the system. So a hostile one may end those of
    any grader on the machine, or take the last process from them.
    """
    if fcntl is None:
        yield
        return
    folder = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):  # each worker has a folder in the common one
        folder = folder.parent
    alone = request.node.get_closest_marker("alone")
    with contextlib.ExitStack() as held:
        with locked(folder / "turnstile.lock", fcntl.LOCK_EX):  # who waits first goes first
            held.enter_context(
                locked(folder / "graders.lock", fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            )
        yield
