"""How many one-line faults does the conformance suite notice?

Those in our library are made from its syntax trees (`mutants`); a few that only a text can say, and
all in the standard library's module, are lists.

    python -m tools.library_faults [--module minisocketserver|socketserver] [--jobs 2] [WORD ...]

Each fault goes into a copy of the module, under another name, and the suite judges the copy.
A test that fails or hangs has noticed it.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from . import mutants, of_minisocketserver, of_socketserver

ROOT = Path(__file__).parents[2]
SUITE = ROOT / "tests" / "conformance"
COPY = "faulty_socketserver"
MODULES = ("minisocketserver", "socketserver")

TOPICS = {
    "Handler": "handlers",
    "Writer": "handlers",
    "ForkingMixIn": "forking_mixin",
    "Thread": "threading_mixin",
    "Unix": "unix_servers",
    "UDPServer": "udp_server",
    "BaseServer": "base_server",
    "TCPServer": "tcp_server",
}

SECONDS_A_TEST = 8
SECONDS_A_RUN = 120

# Ends without waiting for the threads or children that a fault may have left behind.
PYTEST = "import os, pytest, sys; code = pytest.main(); sys.stdout.flush(); os._exit(code)"


@dataclass(frozen=True)
class Fault:
    """A change to the file `source`, in the class `where`; `text` is the file with the fault in it.

    There is no text where a fault doesn't apply: this Python's module reads differently.
    """

    source: Path
    name: str
    where: str
    text: str

    @property
    def topic(self):
        """The suite's file that is most likely to notice: that of the class the fault is in."""
        for part, topic in TOPICS.items():
            if part in self.where:
                return f"test_{topic}.py"
        return f"test_{self.source.stem}.py"

    @property
    def applies(self):
        return bool(self.text)

    def __str__(self):
        return f"{self.source.name}: {self.name}"


def by_hand(source, name, old, new):
    """Return the fault in which `old`, which is in the file exactly once, is `new`."""
    text = source.read_text()
    classes = [line for line in text.partition(old)[0].splitlines() if "class " in line[:10]]
    where = classes[-1].partition("(")[0] if classes else "BaseServer"
    return Fault(source, name, where, text.replace(old, new) if text.count(old) == 1 else "")


@cache
def faults_of(module):
    """Return the faults for this module, those that do not apply included."""
    source = Path(importlib.util.find_spec(module).origin)
    if module == "socketserver":
        return [by_hand(source, *fault) for fault in of_socketserver.FAULTS]
    made = [
        Fault(path, name, name.partition(".")[0], text)
        for path in sorted(source.parent.glob("*.py"))
        for name, text in mutants.mutants(path.read_text())
        if f"{path.name}: {name}" not in mutants.EQUIVALENT
    ]
    listed = of_minisocketserver.FAULTS
    return [*made, *(by_hand(source.parent / file, *rest) for file, *rest in listed)]


def notice(fault, module):
    """Return the line of the report that noticed the fault, or None if none did.

    On a busy machine a test may fail by itself: a distant one must notice the fault twice.
    """
    line = _notice(fault, module)
    return _notice(fault, module) if line and fault.topic not in line else line


def _notice(fault, module):
    with TemporaryDirectory() as folder:
        _copy(fault, module, Path(folder))
        command = [sys.executable, "-c", PYTEST, "-x", "-q", "--no-header", "--tb=no"]
        command += ["-p", "no:cacheprovider", "-p", "pytest_timeout", f"--timeout={SECONDS_A_TEST}"]
        command += [f"--rootdir={ROOT}", f"--basetemp={folder}/tmp", f"--socketserver={COPY}"]
        command += ["-m", "not beyond"] if module == "socketserver" else []
        command += map(str, _most_telling_first(fault))
        # Other people's plugins take longer to load than most faults take to be noticed.
        quick = {"PYTHONPATH": os.pathsep.join([folder, str(ROOT)])}
        quick |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        code, output = _run(command, {**os.environ, **quick})
    if code == 0 and " passed" in output:  # a fault may also end pytest itself, and say nothing
        return None
    lines = [line for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return lines[0] if lines else f"pytest ended with {code}: {output[-300:]}"


def _copy(fault, module, folder):
    if module == "socketserver":
        (folder / f"{COPY}.py").write_text(fault.text)
    else:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(fault.source.parent, folder / COPY, ignore=ignore)
        (folder / COPY / fault.source.name).write_text(fault.text)


def _most_telling_first(fault):
    """The test files, the one of the fault's topic first."""
    topic = fault.topic
    return sorted(SUITE.glob("test_*.py"), key=lambda file: (file.name != topic, file.name))


def _run(command, environment):
    """Run a command in a session of its own, and end all of it; returns code and output."""
    with TemporaryDirectory() as folder, open(f"{folder}/output", "w+", encoding="utf-8") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(SECONDS_A_RUN)
        except subprocess.TimeoutExpired:
            code = "a timeout"
        finally:
            os.killpg(process.pid, signal.SIGKILL) if _has_members(process.pid) else None
            process.wait()
        output.seek(0)
        return code, output.read()


def _has_members(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
