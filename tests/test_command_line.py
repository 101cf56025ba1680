"""The `socketlab` command: what it lists, what it does with a slip, and what it starts with."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from socketlab.__main__ import main, make_parser
from socketlab.learner import lab

ROOT = Path(__file__).parents[1]
COMMANDS = {
    "For learners": ["lab", "course", "list", "check", "hint", "reset", "doctor"],
    "For teachers": ["handout", "collect", "grade"],
    "For authors": ["author"],
}
OF_AUTHORS = ["refresh", "execute", "lint", "planks", "figures"]
OF_AUTHORS += ["coverage", "exercises", "verify", "site"]


def python(*words):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, *words]
    return subprocess.run(
        command, env=environment, capture_output=True, encoding="utf-8", cwd="/", timeout=60
    )


def listed(text):
    """Return the commands that a help lists, by heading."""
    parts = re.findall(r"^(For .+):\n((?:  .+\n)+)", text, re.M)
    return {
        heading: re.findall(r"^  socketlab (?:author (?=[a-z]))?(\w+)", lines, re.M)
        for heading, lines in parts
    }


def test_help_is_the_usage():
    said = python("-m", "socketlab", "--help")
    assert (said.returncode, said.stdout) == (0, make_parser().format_help())


def test_help_lists_each_command_under_the_heading_of_those_who_need_it(capsys):
    assert listed(make_parser().format_help()) == COMMANDS
    assert main(["author"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("Which command?")
    assert listed(said) == {"For authors": OF_AUTHORS}
    assert max(map(len, [*said.splitlines(), *make_parser().format_help().splitlines()])) <= 100


@pytest.mark.parametrize(
    "words", [[one] for some in COMMANDS.values() for one in some] + [["author", "verify"]]
)
def test_each_command_says_more(words, capsys):
    with pytest.raises(SystemExit) as end:
        main([*words, "--help"])
    assert end.value.code in (0, None)
    assert capsys.readouterr().out.startswith(f"usage: socketlab {' '.join(words)}")


def test_an_unknown_command_is_named(capsys):
    assert main(["sail"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("socketlab has no command 'sail'.")
    assert "\n  socketlab check EXERCISE " in said.err
    assert main(["author", "sail"]) == 2
    assert capsys.readouterr().err.startswith("socketlab author has no command 'sail'.")


@pytest.mark.parametrize(
    "words, told",
    [
        (["course"], "socketlab course: the following arguments are required: FOLDER"),
        (["list", "03.1"], "socketlab list: unrecognized arguments: 03.1"),
        (["grade", "class", "--fast"], "socketlab grade: unrecognized arguments: --fast"),
        (["grade", "class", "--level", "none"], "socketlab grade: argument --level: invalid"),
    ],
)
def test_a_slip_is_named_and_where_to_look(words, told, capsys):
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(told) and f"For help: socketlab {words[0]} --help" in said.err


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--no-browser", "--port", "8899"],
        ["--port=8899", "notebook.ipynb", "-y", "--h", "--help-all", "--LabApp.a=b c", "--", "d"],
    ],
)
def test_all_options_of_jupyterlab_are_passed_on(options, monkeypatch):
    passed = []
    monkeypatch.setattr(
        lab, "open_jupyterlab", lambda project, options: passed.extend(options) or 0
    )
    assert main(["lab", *options]) == 0
    assert passed == options


def test_what_only_some_commands_need_is_imported_by_them():
    program = "import sys; from socketlab.__main__ import main; main([]); print(*sys.modules)"
    said = python("-c", program)
    assert said.returncode == 0, said.stderr
    modules = said.stdout.splitlines()[-1].split()
    for package in ("socketlab.grading", "socketlab.authoring", "nbformat", "jupyterlab", "rich"):
        assert package not in modules


def test_a_missing_package_is_named_with_what_to_do(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "sphinx.cmd.build", None)
    assert main(["author", "site", str(tmp_path / "site")]) == 1
    said = capsys.readouterr().err
    assert "needs sphinx.cmd.build, which this Python lacks" in said
    assert "-m pip install -e '.[lab]'" in said
