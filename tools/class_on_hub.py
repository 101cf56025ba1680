"""Let a class run chapters on one JupyterHub, and print what it costs in memory and time.

    python -m tools.class_on_hub [--learners 4]

The hub is the one that classroom/jupyterhub_config.py sets up, on this machine. Only what a test
needs is changed: free ports, a password for everyone, and a temporary folder for
everything.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import psutil
import requests
import websocket

from socketlab.learner.stubs import BEGIN, complete
from tests.jupyter_server import free_ports

ROOT = Path(__file__).parents[1]
CHAPTERS = ("03_tcp_server", "05_unix_servers", "06_threading_mixin")
DEADLINE = 240.0
"""Seconds for the hub, for a server or for a cell, all learners at once on a busy machine."""
PASSWORD = "only for this test"

SETTINGS = """\
load_subconfig({config!r})
c.JupyterHub.bind_url = "http://127.0.0.1:{ports[0]}"
c.JupyterHub.hub_port = {ports[1]}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{ports[2]}"
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {password!r}
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {home!r}
c.Spawner.environment["TMPDIR"] = {tmp!r}
c.Spawner.args = {arguments!r}
"""


def missing() -> str:
    """Return what is not installed of a hub, in a sentence; nothing if all is there."""
    for command in ("jupyterhub", "configurable-http-proxy"):
        if shutil.which(command, path=_path()) is None:
            return f"There is no {command} here: install the extra hub."
    return ""


def _path() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """Return what `condition` returns as soon as it is true. TimeoutError names `what`."""
    end = time.monotonic() + DEADLINE
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"Waited {DEADLINE:g} seconds for {what}; it never came.")
        time.sleep(0.1)
    return found


class Hub:
    """A running hub; `left` says at its end what it left: processes (killed), temporary files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tmp = folder / "tmp"
        self.log = folder / "log"
        self.left: list[str] = []

    def __enter__(self) -> "Hub":
        self.tmp.mkdir()
        ports = free_ports(3)
        self.url = f"http://127.0.0.1:{ports[0]}"
        settings = SETTINGS.format(
            config=str(ROOT / "classroom" / "jupyterhub_config.py"),
            ports=ports,
            password=PASSWORD,
            home=str(self.folder / "home" / "{username}"),
            tmp=str(self.tmp),
            arguments=["--allow-root"] if os.geteuid() == 0 else [],
        )
        (self.folder / "jupyterhub_config.py").write_text(settings)
        # The settings of whoever runs the tests are not the class's.
        clean = {name: value for name, value in os.environ.items() if "JUPYTER" not in name}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub"],
                cwd=self.folder,
                env=clean | {"PATH": _path(), "HOME": str(self.folder)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            wait_for(self._answers, "the hub")
        except BaseException:
            self.__exit__()
            raise
        return self

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return requests.get(f"{self.url}/hub/api/", timeout=5).ok
        except requests.RequestException:
            return False

    def __exit__(self, *_: object) -> None:
        ours = psutil.Process(self.process.pid).children(recursive=True)
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.left.append("jupyterhub")
            self.process.kill()
            self.process.wait(10)
        _, alive = psutil.wait_procs(ours, timeout=10)
        for process in alive:
            self.left.append(" ".join(process.cmdline()))
            process.kill()
        psutil.wait_procs(alive, timeout=10)
        self.left += [file.name for file in self.tmp.iterdir()]

    def memory(self) -> int:
        """Return the bytes of the hub and its proxy, without the learners' servers."""
        [proxy] = [
            process.pid
            for process in psutil.Process(self.process.pid).children()
            if "configurable-http-proxy" in " ".join(process.cmdline())
        ]
        return memory_of(self.process.pid) + memory_of(proxy)

    def learner(self, name: str) -> "Learner":
        """Return a learner who has logged in with the password."""
        return Learner(self.url, name)


class Learner:
    """Somebody with a browser: logs in, starts a server, runs notebooks."""

    def __init__(self, hub: str, name: str) -> None:
        self.hub, self.name = hub, name
        self.server = f"{hub}/user/{name}"
        with requests.Session() as browser:
            page = browser.get(f"{hub}/hub/login", timeout=DEADLINE)
            xsrf = {"_xsrf": browser.cookies.get("_xsrf", path="/hub/")}
            form = {"username": name, "password": PASSWORD, **xsrf}
            page = browser.post(f"{hub}/hub/login", data=form, params=xsrf, timeout=DEADLINE)
            xsrf = {"_xsrf": browser.cookies.get("_xsrf", path="/hub/")}
            tokens = f"{hub}/hub/api/users/{name}/tokens"
            page = browser.post(tokens, params=xsrf, json={}, timeout=DEADLINE)
            page.raise_for_status()
        self.headers = {"Authorization": f"token {page.json()['token']}"}

    def ask(self, method: str, url: str, **options: Any) -> Any:
        """Return the answer's JSON. requests.HTTPError where it is refused."""
        answer = requests.request(method, url, headers=self.headers, timeout=DEADLINE, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def start_server(self) -> None:
        """Start the learner's server and wait until the hub calls it ready."""
        me = f"{self.hub}/hub/api/users/{self.name}"
        self.ask("POST", f"{me}/server")

        def ready() -> bool:
            state = self.ask("GET", me)
            assert state["server"] or state["pending"], f"The server of {self.name} did not start."
            return bool(state["server"])

        wait_for(ready, f"the server of {self.name}")

    def notebook(self, name: str) -> Any:
        """Return a notebook of the learner's own course."""
        found = self.ask("GET", f"{self.server}/api/contents/{name}")
        return nbformat.from_dict(found["content"])  # type: ignore[no-untyped-call]

    @contextmanager
    def kernel(self, name: str) -> Iterator["Kernel"]:
        """Start a kernel for the notebook `name`, as JupyterLab does."""
        wanted = {"path": name, "name": name, "type": "notebook", "kernel": {"name": "python3"}}
        session = self.ask("POST", f"{self.server}/api/sessions", json=wanted)
        address = f"{self.server}/api/kernels/{session['kernel']['id']}/channels"
        channel = websocket.create_connection(
            address.replace("http", "ws", 1), timeout=DEADLINE, header=self.headers
        )
        try:
            yield Kernel(channel)
        finally:
            channel.close()
            self.ask("DELETE", f"{self.server}/api/sessions/{session['id']}")


class Kernel:
    """The other end of a kernel's websocket."""

    def __init__(self, channel: websocket.WebSocket) -> None:
        self.channel = channel

    def run(self, code: str) -> list[Any]:
        """Return the outputs of a cell, an exception among them. A deadline holds for all."""
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "version": "5.3"}
        request = {
            "header": header | {"username": "", "session": ""},
            "parent_header": {},
            "metadata": {},
            "content": {"code": code, "silent": False, "stop_on_error": False},
            "channel": "shell",
        }
        self.channel.send(json.dumps(request))
        outputs, awaited = [], {"idle", "execute_reply"}
        end = time.monotonic() + DEADLINE
        while awaited:
            self.channel.settimeout(max(0.001, end - time.monotonic()))
            message = json.loads(self.channel.recv())
            if message["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            awaited -= {message["msg_type"], message["content"].get("execution_state")}
            if message["msg_type"] in ("stream", "display_data", "execute_result", "error"):
                outputs.append(nbformat.v4.output_from_msg(message))
        return outputs

    def printed(self, code: str) -> str:
        """Return what a cell prints and shows, its exceptions included."""
        shown = [
            {"text": out.get("data", {}).get("text/plain", ""), **out} for out in self.run(code)
        ]
        return "".join(out.get("evalue", out["text"]) for out in shown)

    def memory(self) -> tuple[int, int]:
        """Return the bytes of the server and of the kernel; what many share, divided by them."""
        kernel, server = self.printed("import os; print(os.getpid(), os.getppid())").split()
        return memory_of(int(server)), memory_of(int(kernel))


def memory_of(pid: int) -> int:
    """Return the bytes of a process: its own pages, and its part of those it shares."""
    return int(psutil.Process(pid).memory_full_info().pss)


def told(outputs: list[Any]) -> dict[str, str]:
    """Return what nbval compares: the text of each stream and of each kind of data."""
    all_of: dict[str, str] = {}
    for output in outputs:
        parts = {output["name"]: output["text"]} if "name" in output else output.get("data", {})
        if output["output_type"] == "error":
            parts = {"ename": output["ename"], "evalue": output["evalue"]}
        for kind, text in parts.items():
            if "widget" not in kind:
                all_of[kind] = all_of.get(kind, "") + (text if isinstance(text, str) else str(text))
    return all_of


@dataclass(frozen=True)
class Run:
    """What came of a chapter that one learner ran; memory in bytes, when its last cell had run."""

    differences: list[str]
    server: int
    kernel: int


SAYS_WHOSE = re.compile(
    r"\b(planks|check|your_ship|class_map|harbour|beside)\(|^ship$", re.MULTILINE
)
"""In a cell that says what is the learner's, which in the committed chapter everything is."""


def run_chapter(learner: Learner, chapter: str, together: threading.Barrier) -> Run:
    """Run a chapter as soon as everybody has it open, and compare it with the committed one."""
    name = f"notebooks/{chapter}.ipynb"
    committed = nbformat.read(ROOT / name, as_version=4)  # type: ignore[no-untyped-call]
    found = []
    try:
        with learner.kernel(name) as kernel:
            given = [
                cell for cell in learner.notebook(name).cells if not cell.id.startswith("predict-")
            ]
            cells = zip(given, committed.cells, strict=True)
            together.wait(DEADLINE)
            for mine, ours in cells:
                if mine.cell_type == "code":
                    source = complete(ours.source) if BEGIN in ours.source else mine.source
                    came, expected = told(kernel.run(source)), told(ours.outputs)
                    free = "nbval-ignore-output" in ours.metadata.get("tags", [])
                    free = free or SAYS_WHOSE.search(source) is not None
                    if came != expected and not (free and "ename" not in came):
                        found.append(f"{learner.name}, cell {ours.id}: {came} for {expected}")
            together.wait(DEADLINE)
            memory = kernel.memory()
            together.wait(DEADLINE)
            return Run(found, *memory)
    except BaseException:
        together.abort()  # nobody waits for one who will not come
        raise


def chapter_together(learners: list[Learner], chapter: str) -> list[Run]:
    """Let all learners run a chapter at the same time."""
    together = threading.Barrier(len(learners))
    with ThreadPoolExecutor(len(learners)) as pool:
        return list(pool.map(lambda one: run_chapter(one, chapter, together), learners))


@contextmanager
def classroom(size: int) -> Iterator[tuple[Hub, list[Learner]]]:
    """Give a hub and so many learners, whose servers have all been started at the same time."""
    # Not pytest's folder: the path of a Unix socket in it would be too long.
    with tempfile.TemporaryDirectory(prefix="hub") as folder, Hub(Path(folder)) as hub:
        try:
            with ThreadPoolExecutor(size) as pool:
                learners = list(pool.map(hub.learner, [f"learner{n + 1}" for n in range(size)]))
                list(pool.map(Learner.start_server, learners))
            yield hub, learners
        except BaseException as error:
            error.add_note(hub.log.read_text()[-5000:])
            raise


def main() -> int:
    """Print what a class costs in memory and in seconds; return 1 where an output differs."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.class_on_hub", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--learners", type=int, default=4)
    size = parser.parse_args().learners
    memory = psutil.virtual_memory().total / 2**30
    print(f"{size} learners on one machine: {os.cpu_count()} cores, {memory:.0f} GB of memory.")
    print("MB: of a learner, the median, when the last cell has run.")
    print(f"{'':20} seconds  MB (server + kernel)  differing cells")
    differing = 0
    begin = time.monotonic()
    with classroom(size) as (hub, learners):
        print(f"{'log in and start':20} {time.monotonic() - begin:7.1f}")
        for chapter in CHAPTERS:
            begin = time.monotonic()
            runs = chapter_together(learners, chapter)
            seconds = time.monotonic() - begin
            server, kernel = (
                statistics.median(getattr(run, part) for run in runs) / 2**20
                for part in ("server", "kernel")
            )
            found = [sentence for run in runs for sentence in run.differences]
            memory_in_words = f"{server + kernel:.0f} ({server:.0f} + {kernel:.0f})"
            print(f"{chapter:20} {seconds:7.1f}  {memory_in_words:20}  {len(found)}")
            print("\n".join(found), end="\n" if found else "")
            differing += len(found)
        print(f"The hub and its proxy: {hub.memory() / 2**20:.0f} MB.")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
