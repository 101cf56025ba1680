"""How many one-line faults does the conformance suite notice?

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
from pathlib import Path
from tempfile import TemporaryDirectory

from . import of_minisocketserver, of_socketserver

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
    """`old` is what stands in the file `source`, exactly once; `new` is what the fault makes it."""

    source: Path
    name: str
    old: str
    new: str

    @property
    def topic(self):
        """The suite's file that is most likely to notice: that of the class the fault is in."""
        before = self.source.read_text().partition(self.old)[0]
        classes = [line for line in before.splitlines() if line.lstrip().startswith("class ")]
        name = classes[-1].partition("(")[0] if classes else "BaseServer"
        for part, topic in TOPICS.items():
            if part in name:
                return f"test_{topic}.py"
        return f"test_{self.source.stem}.py"

    @property
    def applies(self):
        return self.source.read_text().count(self.old) == 1

    @property
    def text(self):
        """The file with the fault in it."""
        return self.source.read_text().replace(self.old, self.new)

    def __str__(self):
        return f"{self.source.name}: {self.name}"


def faults_of(module):
    """Return the faults for this module, those that do not apply included."""
    source = Path(importlib.util.find_spec(module).origin)
    if module == "socketserver":
        return [Fault(source, *fault) for fault in of_socketserver.FAULTS]
    return [Fault(source.parent / file, *fault) for file, *fault in of_minisocketserver.FAULTS]


def notice(fault, module):
    """Return the line of the report that noticed the fault, or None if none did."""
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
    if code == 0:
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
