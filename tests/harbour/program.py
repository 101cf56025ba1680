"""A version of harbour.py at work: started, visited and ended as from a terminal."""

import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress

from socketlab.project import PROJECT

DEADLINE = 60.0
"""Seconds for whatever a test waits for, on a busy machine."""

VERSIONS = sorted(path.stem[:2] for path in PROJECT.glob("harbour/[0-9][0-9]_*.py"))
CURL, NC = shutil.which("curl"), shutil.which("nc")


def source(version):
    [path] = PROJECT.glob(f"harbour/{version}_*.py")
    return path


class Program:
    """The program in a session of its own, and what it has said so far."""

    def __init__(self, course, version, *words):
        shutil.copy(source(version), course / "harbour.py")
        environment = {name: os.environ[name] for name in os.environ if name[:6] != "PYTHON"}
        self.process = subprocess.Popen(
            [sys.executable, "harbour.py", *map(str, words)],
            cwd=course,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )
        self.said, self.log = [], []
        self._readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.said), (self.process.stderr, self.log))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream, lines):
        with stream:
            for line in stream:
                lines.append(line.rstrip("\n"))

    def address(self):
        """Return the address that the program prints once it's open: a port or a path."""
        wait_until(lambda: self.said or self.process.poll() is not None)
        assert self.said, self.log
        assert self.said[0].startswith("The harbour is open: "), self.said
        place = self.said[0].rpartition(" ")[2]
        port = re.search(r":(\d+)/?$", place)
        return int(port[1]) if port else place

    def logged(self, *words):
        """Wait until one line of the log has all these words."""
        wait_until(lambda: any(all(word in line for word in words) for line in [*self.log]))

    def end(self, number=signal.SIGINT):
        """End it as Ctrl-C does, with all that it has started; return its exit status."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        return self.wait()

    def wait(self):
        """Wait until it has ended by itself; return its exit status."""
        status = self.process.wait(DEADLINE)
        for reader in self._readers:
            reader.join(DEADLINE)
        return status

    def kill(self):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(DEADLINE)


@contextmanager
def running(course, version, service, *words, port=0):
    """Run a service; at the end, Ctrl-C must close it in good order."""
    program = Program(course, version, service, "--port", port, *words)
    try:
        program.address()
        yield program
        status = program.end()
        assert status == 0, (status, program.said, program.log)
        assert program.said[-1].startswith("The harbour is closed."), program.said
        assert not any("Traceback" in line for line in program.log), program.log
    finally:
        program.kill()


def wait_until(is_so):
    deadline = time.monotonic() + DEADLINE
    while not is_so():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


@contextmanager
def visitor(address):
    """Give a connection as a file for lines, to a port or, as a path, to a door."""
    if isinstance(address, int):
        connection = socket.create_connection(("127.0.0.1", address), DEADLINE)
    else:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(DEADLINE)
        connection.connect(os.fspath(address))
    with connection, connection.makefile("rwb", buffering=0) as file:
        yield file


def say(file, text):
    file.write(f"{text}\n".encode())


def hear(file):
    return file.readline().decode().rstrip("\n")


def by_hand(command, line):
    """Type a line into a program such as nc; return the first line that comes back."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
    ) as process:
        try:
            process.stdin.write(f"{line}\n".encode())
            came, deadline = b"", time.monotonic() + DEADLINE
            while b"\n" not in came:
                assert time.monotonic() < deadline, f"{command} says nothing"
                if select.select([process.stdout], [], [], 0.1)[0]:
                    piece = process.stdout.read(4096)
                    assert piece, f"{command} has ended"
                    came += piece
            return came.partition(b"\n")[0].decode()
        finally:
            process.kill()


def curl(*words):
    """Return what curl prints; the test is skipped where there's none."""
    run = subprocess.run(
        ["curl", "-sS", "--max-time", str(DEADLINE), *map(str, words)],
        capture_output=True,
        encoding="utf-8",
        timeout=2 * DEADLINE,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout
