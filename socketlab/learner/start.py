"""The `minisocketserver` command: from nothing to the first chapter.

`minisocketserver` alone is a library that needs nothing but Python, so a tool such as uvx fetches
it in a moment. What the course needs besides (JupyterLab and more, some 400 MB) is installed once,
in the versions of our lock, into an environment in the learner's own folder. It stays there when
the tool clears its cache, and editors find it.
"""

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import Distribution, distribution, version
from importlib.util import find_spec
from pathlib import Path

from ..files import write
from ..output import SentenceError, take_plainer_signs
from ..project import NAME, PROJECT, install_command
from . import lab
from .course import MANIFEST

ENVIRONMENT = ".venv"
USAGE = f"""usage: {NAME} [FOLDER] [OPTION ...]

Make the course in FOLDER (default: ./{NAME}), or bring it up to date, and open it in JupyterLab,
at chapter 0. What you have written there stays. The options are JupyterLab's own, such as
--no-browser or --port 8899.

To check, to grade, and for all the rest: {{python}} -m socketlab --help"""


class StartError(SentenceError):
    """The course can't be made or opened here; the text says why, and what to do."""


def main(argv: list[str] | None = None) -> int:
    """Run the command with `argv` (without the program's name); return its exit status."""
    take_plainer_signs(sys.stdout, sys.stderr)
    options = list(sys.argv[1:] if argv is None else argv)
    if options[:1] in (["-h"], ["--help"]):
        print(USAGE.format(python=sys.executable))
        return 0
    if options[:1] == ["--version"]:
        print(NAME, version(NAME))
        return 0
    folder = Path(NAME if not options or options[0].startswith("-") else options.pop(0))
    try:
        _refuse_foreign(folder)
        if find_spec("jupyterlab") is not None:
            return lab.open_jupyterlab(PROJECT, options, folder.resolve())
        return _run(_environment(folder.resolve()), folder, options)
    except StartError as error:
        print(error, file=sys.stderr)
        return 1


def _refuse_foreign(folder: Path) -> None:
    """Raise StartError for a folder with anything else in it than a course, a clone of ours say."""
    try:
        there = {path.name for path in folder.iterdir()} if folder.exists() else set()
    except OSError as error:
        raise StartError(f"{folder} can't be used: {error.strerror}.") from None
    if MANIFEST not in there and there - {ENVIRONMENT}:
        raise StartError(
            f"{folder.resolve()} has other files in it, and none of the course's. Name another "
            f"folder, a new one for example: {NAME} my-course"
        )


def _environment(folder: Path) -> Path:
    """Return the Python of the environment in `folder`; make it, or renew it for a new version."""
    home = folder / ENVIRONMENT
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ours, stamp = distribution(NAME), home / "installed.txt"
    requirement = _requirement(ours)
    wanted = f"{requirement}\n{ours.read_text('RECORD')}"  # two builds may have one version
    if not python.exists() or not stamp.exists() or stamp.read_text("utf-8") != wanted:
        print(f"Installing the course's tools into {home}: a minute or so, once.", flush=True)
        stamp.unlink(missing_ok=True)
        for command in _commands(home, python, requirement):
            _install(command)
        write(stamp, wanted.encode())
    return python


def _requirement(ours: Distribution) -> str:
    """Return what to install, as pip names it.

    A wheel from a file or an address is installed from there again, any other from the index.
    """
    origin = ours.read_text("direct_url.json")
    where = f"@ {json.loads(origin)['url']}" if origin else f"=={ours.version}"
    return f"{NAME}[lab] {where}"


def _commands(home: Path, python: Path, requirement: str) -> list[list[str]]:
    """Return the commands that make the environment: with uv where it's at hand, else with pip."""
    lock = ["--constraint", str(PROJECT / "requirements.lock")]
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv:
        ours = ["--reinstall-package", NAME]
        return [
            [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(home)],
            [uv, "pip", "install", "--quiet", "--python", str(python), *lock, *ours, requirement],
        ]
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *lock]
    return [
        [sys.executable, "-m", "venv", str(home)],
        [*pip, requirement],
        [*pip, "--no-deps", "--force-reinstall", requirement],  # a build of the same version
    ]


def _install(command: list[str]) -> None:
    try:
        status = subprocess.run(command).returncode
    except OSError as error:
        raise StartError(f"{command[0]} can't be run: {error.strerror}.") from None
    if status:
        raise StartError(
            "The course's tools could not be installed; what went wrong is said above. You need a "
            f"connection to the package index and some 500 MB. By hand: {install_command('lab')}"
        )


def _run(python: Path, folder: Path, options: list[str]) -> int:
    """Run this same command in the environment, which has JupyterLab."""
    command = [str(python), "-m", __name__, str(folder), *options]
    if find_spec("jupyterlab") is None and Path(sys.prefix) == python.parents[1]:
        raise StartError(f"{python.parents[1]} is incomplete. Delete that folder, and try again.")
    if os.name == "nt":  # exec there returns to the shell at once
        try:
            return subprocess.run(command).returncode
        except KeyboardInterrupt:
            return 0
    sys.stdout.flush()
    os.execv(python, command)


if __name__ == "__main__":
    sys.exit(main())
