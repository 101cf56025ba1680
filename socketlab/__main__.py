"""The `socketlab` command: all its commands, their options, and what each runs.

A command imports what it needs when it runs, so that `socketlab` and `socketlab lab` start fast.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

from .learner import lab
from .machine_load import processors
from .output import SentenceError, take_plainer_signs
from .project import PROJECT, install_command
from .sandbox import LEVELS

JOBS_PER_CPU = 16
"""Programs of students at a time, for each processor: a wrong answer is mostly waited for."""


class UsageError(SentenceError):
    """There is no such command or option; the text says what to do next."""


def main(argv: list[str] | None = None) -> int:
    """Run the command with `argv` (without the program's name); return its exit status."""
    take_plainer_signs(sys.stdout, sys.stderr)
    try:
        options, more = make_parser().parse_known_args(argv)
        if options.run is _open_lab:
            options.jupyterlab = more
        elif more:
            options.parser.error(f"unrecognized arguments: {' '.join(more)}")
        return int(options.run(options))
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        return _sorry(
            f"This command needs {error.name}, which this Python lacks. In the project's folder: "
            f"{install_command('lab')}"
        )


def make_parser() -> "Parser":
    """Return the parser of all commands."""
    parser = Parser(
        prog="socketlab",
        usage="socketlab [COMMAND]",
        description="The bench of minisocketserver. Without a command, it says how far you have "
        "come in the course,\nand what to do next. Each command says more with --help.",
        epilog="Your own copy of the course is the folder course/: change what you like in it.",
    )
    parser.set_defaults(run=lambda _: lab.progress(PROJECT))
    _add_for_learners(parser)
    _add_for_teachers(parser)
    _add_for_authors(parser)
    return parser


def _add_for_learners(parser: "Parser") -> None:
    add = partial(parser.add_command, "For learners")
    add(
        "lab [OPTION ...]",
        _open_lab,
        "open the course in JupyterLab, at chapter 0",
        "Your copy of it, course/, is brought up to date first; what you have written stays. The "
        "options are JupyterLab's own, such as --no-browser or --port 8899: jupyter lab --help "
        "lists them all.",
        allow_abbrev=False,
    )
    course = add(
        "course FOLDER",
        lambda options: lab.hand_out(PROJECT, options.folder, options.colab),
        "make the course in a folder, or bring it up to date (hubs, Colab)",
        "A notebook that has been changed stays as it is; its newer version appears beside it.",
        usage="socketlab course [--colab] FOLDER",
    )
    course.add_argument("folder", type=Path, metavar="FOLDER", help="such as ~/course")
    course.add_argument(
        "--colab",
        action="store_true",
        help="begin each notebook with a cell for Google Colab, and put FOLDER on your Drive",
    )
    add("list", _run_in_course, "list the exercises, and what you have done of them")
    for name, summary, more in (
        (
            "check",
            "run your notebook with an exercise, and the exercise's checks",
            "It runs from top to bottom as it was last saved, in a new kernel. The exit status "
            "is 0 if all checks pass.",
        ),
        ("hint", "show the next hint for an exercise", "The first one says the least."),
        (
            "reset",
            "bring an exercise's stub back; your answer is kept beside it",
            "The answer is then in a cell below the stub.",
        ),
    ):
        # Any number of them, so that too few and too many get a sentence of ours.
        add(f"{name} EXERCISE", _run_on_exercise, summary, more).add_argument(
            "exercises", nargs="*", metavar="EXERCISE", help="such as 03.1; socketlab list has all"
        )
    add("doctor", _run_in_course, "say what this system offers to the course")


def _add_for_teachers(parser: "Parser") -> None:
    add = partial(parser.add_command, "For teachers", usage=None)  # argparse lists the options
    add(
        "handout FILE.zip",
        _hand_out,
        "pack the course without its solutions",
        "What learners need, and git knows, is packed as it is now. No zip is written if one of "
        "our answers is still in it.",
    ).add_argument("file", type=Path, metavar="FILE.zip", help="a new file, such as ../course.zip")

    collect = add(
        "collect HOME ...",
        _collect,
        "collect a class's notebooks from its homes on a hub",
        "They are copied into a folder for: socketlab grade. The exit status is 1 if any "
        "student's work is missing.",
    )
    collect.add_argument(
        "homes",
        type=Path,
        nargs="+",
        metavar="HOME",
        help="a home, with course/exercises/ in it: /home/*",
    )
    collect.add_argument(
        "--chapter", action="append", metavar="NAME", help="such as 03_tcp_server; default: all"
    )
    collect.add_argument(
        "--out", metavar="FOLDER", type=Path, default=Path("submitted"), help="default: submitted/"
    )

    grade = add(
        "grade SUBMISSIONS",
        _grade,
        "grade what a class has handed in",
        "You get tables, and a page for each student. Interrupted, or when more has come in, the "
        "same command goes on there. The exit status is 1 if a notebook could not be graded, 2 "
        "if nothing could.",
    )
    grade.add_argument(
        "submissions",
        type=Path,
        metavar="SUBMISSIONS",
        help="a folder or zip with <student>/<chapter>/<notebook>.ipynb, or one notebook",
    )
    grade.add_argument(
        "--out", metavar="FOLDER", type=Path, default=Path("grades"), help="default: grades/"
    )
    grade.add_argument("--hidden", type=Path, metavar="FILE", help="checks of your own")
    jobs = JOBS_PER_CPU * len(processors())
    grade.add_argument(
        "--jobs",
        type=_number_of_jobs,
        default=jobs,
        help=f"programs of students at a time ({jobs})",
    )
    grade.add_argument("--level", choices=LEVELS, help="accept no other isolation than this")
    grade.add_argument("--executor", metavar="dask://HOST:PORT", help="grade on a Dask cluster")


def _add_for_authors(parser: "Parser") -> None:
    author = parser.add_command(
        "For authors",
        "author COMMAND",
        lambda options: options.parser.refuse("Which command?"),
        "refresh and lint the chapters, make the exercises and the site",
    )
    add = partial(author.add_command, "For authors")
    for name, summary in (
        ("refresh", "bring the chapters' code up to date, draw pictures"),
        ("execute", "run the chapters from top to bottom, and keep what they print"),
        ("lint", "say what a chapter lacks"),
        ("planks", "say whose plank is whose at the end of each chapter"),
        ("figures", "say how long each chapter is, and how often it shows and asks"),
    ):
        add(f"{name} [NAME ...]", _run_on_chapters, summary).add_argument(
            "names", nargs="*", metavar="NAME", help="such as 02_base_server; default: all"
        )
    add("coverage", _fill_coverage, "write the table of what is taught where")
    add("exercises", _make_exercises, "make exercises/ from solutions/")
    add(
        "verify [NAME ...]",
        _verify,
        "prove that our solutions pass, and blank exercises fail",
        "Each check is tried on both, in a kernel.",
    ).add_argument("names", nargs="*", metavar="NAME", help="such as 03_tcp_server; default: all")
    add("site [FOLDER]", _make_site, "make the static pages of the course").add_argument(
        "folder", nargs="?", type=Path, metavar="FOLDER", help="where to; default: site/"
    )


def _open_lab(options: argparse.Namespace) -> int:
    return lab.open_jupyterlab(PROJECT, options.jupyterlab)


def _run_in_course(options: argparse.Namespace) -> int:
    from .learner import terminal

    return terminal.run(options.command)


def _run_on_exercise(options: argparse.Namespace) -> int:
    if len(options.exercises) != 1:
        return _sorry(f"Which exercise? For example: {options.parser.prog} 03.1")
    from .learner import terminal

    return terminal.run(options.command, *options.exercises)


def _hand_out(options: argparse.Namespace) -> int:
    from .grading import handout

    return handout.run(options.file)


def _collect(options: argparse.Namespace) -> int:
    from .grading import collect

    return collect.run(options.homes, options.out, options.chapter)


def _grade(options: argparse.Namespace) -> int:
    if not hasattr(os, "fork"):
        return _sorry("A class is graded on Linux or macOS. On Windows: in WSL.")
    if find_spec("rich") is None:
        return _sorry(f"Grading needs: {install_command('classroom')}")
    from .grading import classroom

    settings = classroom.Settings(options.jobs, options.level, options.executor)
    return classroom.run(options.submissions, options.out, settings, options.hidden)


def _number_of_jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of programs, such as 2")
    return int(text)


def _run_on_chapters(options: argparse.Namespace) -> int:
    from .authoring import chapters

    return chapters.run(options.command, options.names)


def _fill_coverage(_: argparse.Namespace) -> int:
    from .authoring import coverage

    coverage.fill()
    return 0


def _make_exercises(_: argparse.Namespace) -> int:
    from .authoring import exercises

    return exercises.make()


def _verify(options: argparse.Namespace) -> int:
    from .authoring import verify

    return verify.keep(options.names)


def _make_site(options: argparse.Namespace) -> int:
    from .authoring import site

    return site.make(options.folder)


def _sorry(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


class Parser(argparse.ArgumentParser):
    """One that lists its commands under headings, and answers a slip with a sentence."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._commands: argparse._SubParsersAction[Parser] | None = None
        self._listed: dict[str, list[tuple[str, str]]] = {}

    def add_command(
        self, heading: str, words: str, run: "Run", summary: str, more: str = "", **settings: Any
    ) -> "Parser":
        """Add a command that is called by `words`, and listed with the summary."""
        if self._commands is None:
            self._commands = self.add_subparsers(dest="command", prog=self.prog)
        self._listed.setdefault(heading, []).append((f"{self.prog} {words}", summary))
        command = self._commands.add_parser(
            words.split()[0],
            description=f"{summary[0].upper()}{summary[1:]}. {more}".rstrip(),
            **{"usage": f"{self.prog} {words}"} | settings,
        )
        command.set_defaults(run=run, parser=command)
        return command

    def parse_known_args(
        self, args: Iterable[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Parse as argparse does; UsageError for an unknown command, and for any other slip."""
        words = sys.argv[1:] if args is None else list(args)
        if self._commands and words and words[0] not in {*self._commands.choices, "-h", "--help"}:
            self.refuse(f"{self.prog} has no command {words[0]!r}.")
        return super().parse_known_args(words, namespace)

    def refuse(self, sentence: str) -> NoReturn:
        """Raise UsageError with the sentence, and with all that there is instead."""
        raise UsageError(f"{sentence}\n\n{self.format_help().rstrip()}")

    def error(self, message: str) -> NoReturn:
        """Raise UsageError where argparse would print a line of usage, and exit."""
        raise UsageError(f"{self.prog}: {message}\nFor help: {self.prog} --help")

    def format_help(self) -> str:
        """Return the help; of one with commands, a line for each."""
        if not self._listed:
            return super().format_help()
        width = max(len(words) for some in self._listed.values() for words, _ in some)
        parts = [f"usage: {self.usage}", self.description]
        for heading, commands in self._listed.items():
            lines = (f"  {words:{width}}  {summary}" for words, summary in commands)
            parts.append("\n".join([f"{heading}:", *lines]))
        return "\n\n".join(filter(None, [*parts, self.epilog])) + "\n"


Run = Callable[[argparse.Namespace], int]
"""What a command does, with its options; returns the exit status."""


if __name__ == "__main__":
    sys.exit(main())
