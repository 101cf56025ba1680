"""The course from a terminal: how far you have come, your copy of it, and JupyterLab."""

import contextlib
import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from ..files import write
from ..project import NAME, install_command, is_installed
from . import progress_log, terms
from .course import refresh
from .route import START, in_words, note_states, route, write_start_page

FIRST = "notebooks/00_target.ipynb"
SETTINGS = Path(__file__).parents[1] / "jupyter"


def course_of(project: Path) -> Path:
    """Return the course one works in: on a hub it is in the home folder, not in the project."""
    return progress_log.course() or _own_course(project)


def _own_course(project: Path) -> Path:
    """Return the folder in which the course is made where no other is named."""
    return Path.cwd() / NAME if is_installed(project) else project / "course"


def progress(project: Path) -> int:
    """Say how far the learner has come in `project`, and what to do next."""
    course = course_of(project)
    chapters = route(project / "notebooks", course / "notebooks")
    note_states(chapters, course)
    print(in_words(chapters) if chapters else _no_course(project))
    print("All commands: socketlab --help")
    return 0


COLAB = """\
# For Colab: install what the notebook needs, and work in your folder on Drive, where it's kept.
%pip install --quiet "minisocketserver[lab]"
from google.colab import drive

drive.mount("/content/drive")
%cd "/content/drive/MyDrive/{folder}/notebooks"
"""


def hand_out(project: Path, course: Path, for_colab: bool = False) -> int:
    """Make `course` from `project`, or bring it up to date, with its start page."""
    if not (project / FIRST).is_file():
        return _sorry(_no_course(project))
    try:
        # Before a newer version takes the place of a chapter that has run.
        note_states(route(project / "notebooks", course / "notebooks"), course)
        first_cell = COLAB.format(folder=course.resolve().name) if for_colab else ""
        for sentence in refresh(project, course, first_cell.strip()):
            print(sentence, flush=True)
        write_start_page(project, course)
        write(course / "notebooks" / terms.NAME, terms.page(project / "notebooks").encode())
    except OSError as error:
        return _sorry(
            f"Your copy of the course, {course}, can't be brought up to date: {error}. "
            "Give yourself the right to write there, or clone the project into a folder of yours."
        )
    return 0


def open_jupyterlab(project: Path, options: list[str], course: Path | None = None) -> int:
    """Refresh `course`, by default the one in a clone, and run JupyterLab there with `options`."""
    if find_spec("jupyterlab") is None:
        return _sorry(
            "JupyterLab isn't installed for this Python. In the project's folder: "
            f"{install_command('lab')}"
        )
    course = course or _own_course(project)
    if failed := hand_out(project, course):
        return failed
    print(f"The route, and how far you have come: notebooks/{START}", flush=True)
    return _run_jupyterlab(course, options)


def _no_course(project: Path) -> str:
    return (
        f"There is no {FIRST} in {project}. Clone the project, and install it from its "
        f"folder with: {install_command('lab')}"
    )


def _run_jupyterlab(course: Path, options: list[str]) -> int:
    from jupyterlab.labapp import LabApp  # type: ignore[import-untyped]

    # Our defaults for this run (no news, no questions); the learner's own settings come first.
    ours = [str(SETTINGS), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, ours))
    arguments = [f"--ServerApp.root_dir={course}", f"--LabApp.default_url=/lab/tree/{FIRST}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--allow-root")  # containers: everything there runs as root
    with _writable_home():
        LabApp.launch_instance(arguments + options)
    return 0


@contextlib.contextmanager
def _writable_home() -> Iterator[None]:
    """Jupyter fails without a home folder to write to; Matplotlib warns in the chapters."""
    home = Path.home()
    if os.access(home, os.W_OK):
        yield
        return
    print(
        f"Nothing can be written to {home}: JupyterLab's settings last until it ends.", flush=True
    )
    with TemporaryDirectory(prefix="home-", ignore_cleanup_errors=True) as folder:
        os.environ["HOME"] = folder
        yield


def _sorry(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1
