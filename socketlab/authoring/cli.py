"""`socketlab author`: what the authors of the course run."""

import argparse
from pathlib import Path

CHAPTERS = {
    "refresh": "put the library's code into the chapters' cells",
    "execute": "run the chapters from top to bottom, and keep what they print",
    "lint": "say what a chapter lacks",
    "planks": "say whose plank is whose at the end of each chapter",
    "figures": "say how long each chapter is, and how often it shows and asks",
}
"""Commands about chapters, all of them or some."""


def main(arguments: list[str]) -> int:
    """Run the command; return its exit status: 1 where something is wrong."""
    options = _parser().parse_args(arguments)
    if options.command in CHAPTERS:
        from . import chapters

        return chapters.run(options.command, options.names)
    if options.command == "coverage":
        from . import coverage

        coverage.fill()
        return 0
    if options.command == "exercises":
        from . import exercises

        return exercises.make()
    if options.command == "verify":
        from . import verify

        return verify.keep(options.names)
    from . import site

    return site.make(options.folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="socketlab author", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, told in CHAPTERS.items():
        one = commands.add_parser(name, help=told, description=told)
        one.add_argument("names", nargs="*", metavar="NAME", help="02_base_server; default: all")
    commands.add_parser("coverage", help="write the table of what is taught where")
    commands.add_parser("exercises", help="make exercises/ from solutions/")
    told = "try whether our solution passes each check, and the blank exercise fails each"
    one = commands.add_parser("verify", help=told, description=told)
    one.add_argument("names", nargs="*", metavar="NAME", help="03_tcp_server; default: all")
    one = commands.add_parser("site", help="make the static pages")
    one.add_argument("folder", nargs="?", type=Path, help="where to; default: site/")
    return parser
