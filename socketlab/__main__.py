"""The `socketlab` command."""

import contextlib
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from .learner import progress_log
from .learner.course import refresh
from .learner.route import START, in_words, note_states, route, write_start_page
from .output import take_plainer_signs

ROOT = Path(__file__).parents[1]
FIRST = "notebooks/00_target.ipynb"

USAGE = """\
socketlab, the bench of minisocketserver

  socketlab                 say how far you have come, and what to do next
  socketlab lab [options]   open the course in JupyterLab, at chapter 0; the options are
                            JupyterLab's own, such as --no-browser or --port 8899
  socketlab course FOLDER   make the course in a folder, or bring it up to date (for a hub)
  socketlab list            the exercises, and what you have done of them
  socketlab check 03.1      run your notebook with exercise 03.1, and its checks
  socketlab hint 03.1       the next hint for it
  socketlab reset 03.1      bring its stub back; your answer is kept beside it
  socketlab doctor          what this system offers to the course

For teachers (each says more with --help):

  socketlab handout FILE.zip    pack the course without its solutions
  socketlab collect HOME...     collect a class's notebooks from its homes on a hub
  socketlab grade FOLDER        grade what a class has handed in

For the course's authors: socketlab author --help

Your own copy of the course is the folder course/: change what you like in it."""


def main(argv: list[str] | None = None) -> int:
    """Run the command with `argv` (without the program's name); return its exit status."""
    take_plainer_signs(sys.stdout, sys.stderr)
    match sys.argv[1:] if argv is None else argv:
        case []:
            return progress(ROOT)
        case ["-h" | "--help", *_]:
            print(USAGE)
            return 0
        case ["lab", *options]:
            return lab(options)
        case ["course", folder]:
            return hand_out(ROOT, Path(folder))
        case ["list" | "doctor" as command]:
            return exercises(command)
        case ["check" | "hint" | "reset" as command, exercise]:
            return exercises(command, exercise)
        case ["check" | "hint" | "reset" as command, *_]:
            return _sorry(f"Which exercise? For example: socketlab {command} 03.1")
        case ["grade", *arguments]:
            return grade(arguments)
        case ["collect" | "handout" as command, *arguments]:
            return teaching(command, arguments)
        case ["author", *arguments]:
            return author(arguments)
        case [other, *_]:
            print(f"socketlab has no command {other!r}.\n\n{USAGE}", file=sys.stderr)
            return 2
    return 2


def progress(project: Path) -> int:
    """Say how far the learner has come in `project`, and what to do next."""
    course = _mine(project)
    chapters = route(project / "notebooks", course / "notebooks")
    note_states(chapters, course)
    print(in_words(chapters) if chapters else _no_course(project))
    print("All commands: socketlab --help")
    return 0


def exercises(command: str, exercise: str = "", project: Path = ROOT) -> int:
    """Run one of the commands about exercises; return 1 where something is wrong or missing."""
    try:
        from .learner import api, terminal
    except ModuleNotFoundError as error:
        return _sorry(_lacks(error))
    course = _mine(project)
    if course.is_dir():
        os.chdir(course)  # there the progress is kept
    try:
        match command:
            case "list":
                api.progress()
            case "doctor":
                print(terminal.examined())
            case "hint":
                terminal.hinted(exercise)
            case "reset":
                print(terminal.reset(course, exercise))
            case "check":
                said, passed = terminal.checked(course, exercise)
                print(said)
                return 0 if passed else 1
    except (LookupError, api.UnavailableError) as error:
        return _sorry(str(error.args[0]))
    except ModuleNotFoundError as error:
        return _sorry(_lacks(error))
    return 0


def _lacks(error: ModuleNotFoundError) -> str:
    return (
        f"This command needs {error.name}, which this Python lacks. In the project's folder: "
        f"{sys.executable} -m pip install -e '.[lab]'"
    )


def grade(arguments: list[str]) -> int:
    """Grade a class."""
    if find_spec("rich") is None:
        return _sorry(f"Grading needs: {sys.executable} -m pip install -e '.[classroom]'")
    from .grading import classroom

    return classroom.main(arguments)


def teaching(command: str, arguments: list[str]) -> int:
    """Collect from a hub, or pack what is handed out."""
    try:
        module = import_module(f".grading.{command}", __package__)
    except ModuleNotFoundError as error:
        return _sorry(_lacks(error))
    return int(module.main(arguments))


def author(arguments: list[str]) -> int:
    """Run one of the commands of the course's authors."""
    from .authoring import cli

    try:
        return cli.main(arguments)
    except ModuleNotFoundError as error:
        return _sorry(_lacks(error))


def _no_course(project: Path) -> str:
    return (
        f"There is no {FIRST} in {project}. Clone the project, and install it from its "
        "folder with: python -m pip install -e '.[lab]'"
    )


def lab(options: list[str], project: Path = ROOT) -> int:
    """Refresh `course/` and run JupyterLab in it, with `options` passed on."""
    if find_spec("jupyterlab") is None:
        return _sorry(
            "JupyterLab is not installed for this Python. In the project's folder: "
            f"{sys.executable} -m pip install -e '.[lab]'"
        )
    course = project / "course"
    if failed := hand_out(project, course):
        return failed
    print(f"The route, and how far you have come: notebooks/{START}", flush=True)
    return _jupyterlab(course, options)


def hand_out(project: Path, course: Path) -> int:
    """Make `course` from `project`, or bring it up to date, with its start page."""
    if not (project / FIRST).is_file():
        return _sorry(_no_course(project))
    try:
        # Before a newer version takes the place of a chapter that has run.
        note_states(route(project / "notebooks", course / "notebooks"), course)
        for sentence in refresh(project, course):
            print(sentence, flush=True)
        write_start_page(project, course)
    except OSError as error:
        return _sorry(
            f"Your copy of the course, {course}, can't be brought up to date: {error}. "
            "Give yourself the right to write there, or clone the project into a folder of yours."
        )
    return 0


def _mine(project: Path) -> Path:
    """Return the course one works in: on a hub it is in the home folder, not in the project."""
    return progress_log.course() or project / "course"


def _jupyterlab(course: Path, options: list[str]) -> int:
    from jupyterlab.labapp import LabApp  # type: ignore[import-untyped]

    # Our defaults for this run (no news, no questions); the learner's own settings come first.
    ours = [str(Path(__file__).parent / "jupyter"), os.environ.get("JUPYTER_CONFIG_PATH", "")]
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


if __name__ == "__main__":
    sys.exit(main())
