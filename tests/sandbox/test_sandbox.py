"""Student code can do its own work, and nothing else; and of what it did nothing stays."""

import ctypes
import errno
import gc
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from socketlab.sandbox import LEVELS, landlock, seccomp
from socketlab.sandbox.sandbox import (
    Limits,
    Sandbox,
    SandboxError,
    examined,
)

from ..conformance.helpers import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into Linux's /proc")
PROJECT = Path(__file__).parents[2]
LIMITS = Limits(cpu_seconds=10, seconds=40, disk=8 << 20)
A_SECOND = replace(LIMITS, cpu_seconds=1)
PATIENCE = 50
NO_FUNCTION = (
    "It ended with AttributeError: "
    "module 'tests.sandbox.hostile' has no attribute 'no_such_function'"
)
ANSWERS = next((PROJECT / "solutions").glob("*/*.ipynb"))


@contextmanager
def open_sandbox(level, folder):
    path = sys.path[:]
    sys.path.append(str(folder))  # marks the fork server, and all that it forks, as ours
    try:
        with Sandbox(level, LIMITS, preload=["tests.sandbox.hostile"]) as sandbox:
            yield sandbox
    finally:
        sys.path[:] = path
    until(lambda: not processes_of(folder), PATIENCE)


def processes_of(folder):
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            pass
    return found


def descriptors():
    """Return number and target of each open descriptor of this process."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # that of this look itself
            found.add((link.name, os.readlink(link)))
    return found


def programs_left():
    """Programs that a student has started do not carry the mark."""
    running = psutil.process_iter(["cmdline"])
    return [one.pid for one in running if one.info["cmdline"] == ["sleep", "60.5"]]


@pytest.fixture(scope="module", params=LEVELS)
def level(request):
    return request.param


@pytest.fixture(scope="module")
def shared(level, tmp_path_factory):
    folder = tmp_path_factory.mktemp("forkserver")
    try:
        with open_sandbox(level, folder) as sandbox:
            yield sandbox, folder
    except SandboxError as trouble:
        pytest.skip(str(trouble))


@pytest.fixture
def sandbox(shared):
    """A sandbox, of which every test leaves nothing but the fork server."""
    sandbox, folder = shared

    def held():
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
        return {*mounts.splitlines(), *descriptors()}

    def work():
        return set(Path("/tmp").glob("student-*"))

    gc.collect()  # what other tests have left may hold descriptors
    before, others = held(), work()  # graders at work beside us come and go
    yield sandbox
    until(lambda: len(processes_of(folder)) == 1, PATIENCE)
    until(lambda: held() <= before, PATIENCE)  # what others have left may go meanwhile
    made = work() - others  # some may be of another grader: each of them goes in its time
    until(lambda: not any(path.exists() for path in made), PATIENCE)


@pytest.fixture
def isolated(sandbox):
    if sandbox.level != "namespaces":
        pytest.skip("this level does not protect from it")
    return sandbox


@pytest.fixture
def judge():
    """A process in a network of its own, which does what we ask."""
    program = (
        "import json, socket, sys; from socketlab.sandbox.namespaces import *\n"
        "enter_network(); print('{}', flush=True)\n"
        "def connect(folder, name):\n"
        "  with socket.socket(socket.AF_UNIX) as client:\n"
        "    client.connect(f'{folder}/{name}'); return client.recv(9).decode()\n"
        "for line in sys.stdin: print(json.dumps(eval(line)), flush=True)"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env=environment,
    ) as process:

        def ask(expression):
            process.stdin.write(f"{expression}\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        process.ask = ask
        process.stdout.readline()
        yield process
        process.stdin.close()
        process.wait(PATIENCE)


def start(sandbox, name, question=None, **options):
    student = sandbox.start(f"tests.sandbox.hostile:{name}", **options)
    student.socket.settimeout(PATIENCE)
    if question is not None:
        student.socket.sendall(json.dumps(question).encode() + b"\n")
    return student


def told(student):
    with student.socket.makefile() as lines:
        line = lines.readline()
    assert line, f"{student.wait(PATIENCE)} {student.stderr()}"
    return json.loads(line)


def come_of(sandbox, name, question=None, **options):
    with start(sandbox, name, question, **options) as student:
        return told(student)


def end_of(sandbox, name, **options):
    with start(sandbox, name, **options) as student:
        ending = student.wait(PATIENCE)
        assert ending, f"{name} has not ended"
        return ending


# What it is for.


def test_it_answers_and_its_prints_are_kept(sandbox):
    with start(sandbox, "answer", {"a": ["ü", 1]}) as student:
        assert told(student) == {"question": {"a": ["ü", 1]}}
        ending = student.wait(PATIENCE)
        assert (ending.reason, ending.status, ending.words) == ("ended", 0, "It ended by itself.")
        assert student.stdout() == "hello from the student\n"
        assert student.stderr() == ""
        assert student.usage() == (ending.cpu_seconds, ending.peak_memory)
        assert 0 < ending.cpu_seconds < 1
        assert 5 << 20 < ending.peak_memory < 200 << 20


def test_many_at_once(sandbox):
    students = [start(sandbox, "answer") for _ in range(20)]
    for number, student in enumerate(students):
        student.socket.sendall(b"%d\n" % number)
    for number, student in enumerate(students):
        with student:
            assert told(student) == {"question": number}


def test_the_judge_reaches_its_servers(isolated, judge):
    for _ in range(2):  # the second time in a new network, with the port of the first
        judge.ask("enter_network()")
        with start(isolated, "serve", [4000, "s"], netns_pid=judge.pid) as student:
            assert told(student) == {"port": 4000}
            come = "socket.create_connection(('127.0.0.1', 4000), 5).recv(9).decode()"
            assert judge.ask(come) == "hello"
            assert judge.ask(f"connect({str(student.work)!r}, 's')") == "hello"


def test_we_reach_its_files(sandbox):
    with start(sandbox, "serve", [0, "s"], files={"text": "ü\n"}) as student:
        told(student)
        assert (student.work / "text").read_text(encoding="utf-8") == "ü\n"
        assert sorted(os.listdir(student.work)) == ["s", "text"]
        student.kill()
        until(lambda: not student.work.exists(), PATIENCE)


def test_only_plain_names_for_files(sandbox):
    for name in ("../escape", "/tmp/escape", "a/b", "..", ""):
        with pytest.raises(ValueError, match="no plain file name"):
            sandbox.start("tests.sandbox.hostile:answer", files={name: ""})


# What it must not see.


def test_files_of_others(isolated):
    with start(isolated, "sleep", files={"answer.py": "mine"}) as other:
        told(other)
        here = __file__
        paths = [str(ANSWERS), here, str(PROJECT / "README.md"), "/etc/shadow"]
        paths += [str(other.work / "answer.py"), str(other.work), "/old", f"/old{here}"]
        paths += [f"/proc/{pid}/root/work/answer.py" for pid in range(1, 50)]
        came = come_of(isolated, "read", [*paths, "/etc/hosts"])["came"]
        assert came.pop("/etc/hosts") not in ("FileNotFoundError", "PermissionError")
        assert set(came.values()) <= {"FileNotFoundError", "PermissionError"}, came


def test_the_course_s_files_of_an_installed_package(isolated, tmp_path):
    """A wheel keeps our solutions inside a package that student code must see: it finds none."""
    packages = ("minisocketserver", "socketlab", "tests")
    for name in packages:
        shutil.copytree(
            PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    solutions = tmp_path / "socketlab" / "course_files" / "solutions"
    solutions.mkdir(parents=True)
    (solutions / "answer.py").write_text("ours")
    seen = [str(solutions / "answer.py"), str(solutions), str(tmp_path / "socketlab/project.py")]
    program = (
        "import json, sys; from socketlab.sandbox.sandbox import *\n"
        "with Sandbox('namespaces', Limits(), ['tests.sandbox.hostile']) as sandbox:\n"
        "  student = sandbox.start('tests.sandbox.hostile:read')\n"
        "  student.socket.sendall(sys.argv[1].encode() + b'\\n')\n"
        "  print(student.socket.makefile().readline())\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, json.dumps(seen)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd="/",
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
    )
    came = json.loads(result.stdout or result.stderr)["came"]
    assert came.pop(seen[2]) not in ("FileNotFoundError", "PermissionError")
    assert set(came.values()) == {"FileNotFoundError"}, came


def test_nothing_but_its_own_folders(isolated):
    came = come_of(isolated, "look_around")
    assert set(came["root"]) <= {
        "bin",
        "dev",
        "etc",
        "lib",
        "lib32",
        "lib64",
        "proc",
        "sbin",
        "tmp",
        "usr",
        "work",
        *(Path(path).parts[1] for path in (sys.prefix, sys.base_prefix, *sys.path) if path),
    }
    assert [one for one in came["written"] if not one.startswith(("/tmp", "/work"))] == []
    assert {"/tmp", "/work"} <= set(came["written"])
    for link, seen in came["seen"].items():
        assert seen in ("PermissionError", came["root"]) or link.endswith("cwd"), (link, seen)
        assert "solutions" not in seen
    assert came["pids"] == 2
    assert came["descriptors"] in (["0", "1", "2"], "PermissionError")  # those of its init


def test_descriptors_environment_and_powers(sandbox, monkeypatch):
    monkeypatch.setenv("GRADER_TOKEN", "secret")
    with open_sandbox(sandbox.level, "/nowhere/mark") as fresh:
        came = come_of(fresh, "about_me", files={"a": "b"})
    assert came["descriptors"] == [0, 1, 2, 3]
    assert sorted(came["environment"]) == ["HOME", "LANG", "PATH", "TMPDIR"]
    assert "secret" not in came["environ"]
    assert came["no_new_privileges"] == "1"
    assert came["files"] == {"a": "b"}
    if sandbox.level == "namespaces":
        assert came["ids"] == [65534, 65534, 65534, []] or came["ids"][:3] == [65534] * 3
        assert came["capabilities"] == [0, 0, 0, 0]
        assert came["folder"] == "/work"
    else:
        assert 0 not in came["ids"]


def test_the_network_of_the_system(isolated):
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        abstract.bind(f"\0test-{os.getpid()}")
        abstract.listen()
        came = come_of(isolated, "connect", server.getsockname())["came"]
        assert came == "ConnectionRefusedError"
        came = come_of(isolated, "connect_abstract", f"test-{os.getpid()}")["came"]
        assert came == "ConnectionRefusedError"
        assert come_of(isolated, "connect", ["192.0.2.1", 80])["came"] == "OSError"


# What it must not do.


def test_it_cannot_rise(isolated):
    came = come_of(isolated, "rise")
    assert came["setuid"] == "OSError"  # there is no user 0
    assert came["hostname"] == came["network"] == "PermissionError"
    assert came["user_namespace"] == came["mount"] == came["remount"] == -1
    assert came["subprocess"] == "65534\n"


CALLS = {name: numbers[platform.machine() == "aarch64"] for name, numbers in seccomp._CALLS.items()}
has_seccomp = pytest.mark.skipif(bool(seccomp.why_not()), reason=seccomp.why_not() or "it has")


@pytest.mark.parametrize(
    ("column", "header"),
    [
        (0, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        (1, "/usr/include/asm-generic/unistd.h"),
    ],
    ids=["x86_64", "aarch64"],
)
def test_numbers_of_calls(column, header):
    """They are those of the kernel's own headers, as far as these know them."""
    if not Path(header).exists():
        pytest.skip("no headers here")
    told = re.findall(r"#define __NR_(\w+)\s+(\d+)", Path(header).read_text(encoding="utf-8"))
    known = {name: int(number) for name, number in told}
    ours = {name: numbers[column] for name, numbers in seccomp._CALLS.items()}
    ours |= {name: getattr(seccomp, f"_{name.upper()}")[column] for name in SEEN_INTO}
    assert {name: known.get(name, number) for name, number in ours.items()} == ours


SEEN_INTO = ("socket", "socketpair", "clone", "clone3")


@has_seccomp
def test_calls_that_no_answer_needs(sandbox):
    """Refused by the kernel, as are other sockets than those of the course."""
    clone = {"clone": seccomp._CLONE[platform.machine() == "aarch64"]}
    came = come_of(sandbox, "call_the_kernel", CALLS | clone)
    for family in ("AF_UNIX", "AF_INET", "AF_INET6"):
        assert came["came"].pop(family) is None
    assert set(came["came"].values()) == {"EPERM", "PermissionError"}
    assert came["localhost"] == ["127.0.0.1", 80]


@has_seccomp
def test_keys_of_the_login(level, shared, tmp_path):
    """They are out of reach, and none is left there: keyrings(7)."""
    keyctl, add = (ctypes.c_long(CALLS[name]) for name in ("keyctl", "add_key"))
    call = ctypes.CDLL(None, use_errno=True).syscall
    session, user = -3, -4
    name = f"of-the-teacher-{os.getpid()}"
    for ring in (session, user):
        if call(add, b"user", name.encode(), b"secret", 6, ring) < 0:
            pytest.skip(f"no keys here: {os.strerror(ctypes.get_errno())}")
    try:
        with open_sandbox(level, tmp_path) as sandbox:
            came = come_of(sandbox, "keys", [name, CALLS])
        its_name = came.pop("listed")
        assert came == {"found": [-1, -1], "left": -1}
        assert not its_name or not has_users(sandbox)  # /proc/keys lists those of one's own user
        for ring in (session, user):
            assert call(keyctl, 10, ring, b"user", name.encode(), 0) > 0
            assert call(keyctl, 10, ring, b"user", b"left-behind", 0) < 0
    finally:
        for ring in (session, user):
            call(keyctl, 9, call(keyctl, 10, ring, b"user", name.encode(), 0), ring)


def test_where_calls_are_not_refused_doctor_says_why(monkeypatch):
    assert "that no answer needs: refused" in examined() or seccomp.why_not()
    monkeypatch.setattr(platform, "machine", lambda: "vax")
    assert "not refused: the numbers of system calls are known for x86_64" in examined()


@pytest.mark.parametrize("name", ["kill_parents", "trace"])
def test_the_processes_of_others(isolated, judge, name):
    with start(isolated, name, [judge.pid, os.getpid(), 1], netns_pid=judge.pid) as student:
        came = told(student)
    if name == "trace":
        assert came["attached"] in ([], [1])  # 1 is its own init, which knows nothing
    else:
        assert came["came"][:2] == ["ProcessLookupError"] * 2
    assert judge.ask("1 + 1") == 2
    assert come_of(isolated, "answer", 1) == {"question": 1}


def test_kill_all(isolated, judge):
    ending = end_of(isolated, "kill_all", netns_pid=judge.pid)
    assert ending.reason == "ended"
    assert judge.ask("1 + 1") == 2
    assert come_of(isolated, "answer", 1) == {"question": 1}


def test_each_student_is_another_user(sandbox):
    """So none can end the processes of another one, nor use up what the system counts by user."""
    with start(sandbox, "sleep") as ada, start(sandbox, "sleep") as bob:
        assert told(ada) == told(bob) == {"slept": True}
        users = {one.work.stat().st_uid for one in (ada, bob)}
        assert len(users) == (2 if os.getuid() == 0 else 1)
        if not has_users(sandbox):
            pytest.skip("Without root and namespaces all students are the one user that we are.")
        end_of(sandbox, "kill_all")
        assert ada.wait(0.5) is bob.wait(0.5) is None


def has_users(sandbox):
    """Tell whether processes of two students do not add up, nor reach each other."""
    return sandbox.level == "namespaces" or os.getuid() == 0


@pytest.mark.parametrize("name", ["fork", "fork_with_setsid"])
def test_children_die_with_it(sandbox, shared, name):
    with start(sandbox, name) as student:
        assert told(student) == {"children": 50}
        assert len(processes_of(shared[1])) >= 52
        assert student.kill().reason == "killed"
        until(lambda: len(processes_of(shared[1])) == 1, PATIENCE)


@pytest.mark.parametrize("name", ["leave_daemon", "leave_program"])
def test_daemons_die_with_it(sandbox, name):
    before = programs_left()
    with start(sandbox, name) as student:
        told(student)
        if name == "leave_daemon":
            student.socket.sendall(b"x")
        assert student.wait(PATIENCE).reason == "ended"
        assert programs_left() == before


def test_fork_bomb(sandbox):
    few = Limits(processes=20, cpu_seconds=1)
    with start(sandbox, "fork_bomb", limits=few) as student:
        came = told(student)
        assert came["error"] == "BlockingIOError"
        if has_users(sandbox):
            assert 10 <= came["children"] <= 20
            assert come_of(sandbox, "threads", limits=Limits(processes=105)) == {"started": 100}


def test_many_processes(isolated):
    """More than so many end all; as many do not (test_children_die_with_it has 52)."""
    ending = end_of(isolated, "fork_bomb")
    assert (ending.reason, ending.words) == (
        "children",
        "It started more than 60 processes, and was ended.",
    )


def test_a_hundred_threads(sandbox):
    assert come_of(sandbox, "threads") == {"started": 100}


def test_recursion_in_a_thread(sandbox):
    assert come_of(sandbox, "recurse_in_thread") == {"came": ["RecursionError"]}


def test_memory(sandbox):
    ending = end_of(sandbox, "allocate")
    assert ending.words == "It asked for more memory than the 1024 MB it may use."
    assert ending.peak_memory < 200 << 20


def test_disk(sandbox):
    folders = ["/work", "/tmp"] if sandbox.level == "namespaces" else ["."]
    with start(sandbox, "fill_disk", folders) as student:
        if sandbox.level == "namespaces":
            came = told(student)["came"]
            assert list(came) == folders
            for written, error in came.values():
                assert written <= LIMITS.disk
                assert error == errno.ENOSPC
        else:
            assert (
                student.wait(PATIENCE).words
                == "It wrote more than 8 MB to its folder, and was ended."
            )


def test_no_files_are_left(sandbox):
    """In its own folder, however deep or closed, or in one that all may write to."""
    name = f"left-{os.getpid()}"
    with start(sandbox, "leave_files", name) as student:
        work = student.work
        came = told(student)["came"]
        assert student.wait(PATIENCE)
    until(lambda: not work.exists(), PATIENCE)
    if sandbox.level == "process" and landlock.version():
        assert came["/tmp"] == came["/var/tmp"] == "PermissionError"
    left = [file for one in ("/tmp", "/var/tmp", "/dev/shm") for file in Path(one).glob(f"{name}*")]
    if not has_users(sandbox):  # files there are the user's own, so we leave them alone
        left = [file for file in left if file.parent != Path("/dev/shm")]
        for file in Path("/dev/shm").glob(f"{name}*"):
            shutil.rmtree(file) if file.is_dir() else file.unlink()
    assert left == []


def test_who_wrote_too_much_at_once_had_begun_all_the_same():
    """Its folder is told, however late the look that finds too much in it."""
    preload = ["tests.sandbox.hostile", "tests.sandbox.hostile:look_late"]
    with Sandbox("process", LIMITS, preload=preload) as sandbox:
        for _ in range(5):
            with start(sandbox, "dig_at_once_and_stay") as student:
                assert student.work.name.startswith("student-")
                assert student.wait(PATIENCE).reason == "disk"


def test_files_of_its_user_stay_as_they_are(sandbox, tmp_path):
    """Even at level process, where it sees them; what it needs works."""
    if sandbox.level == "process" and not landlock.version():
        pytest.skip("this system does not protect from it")
    (tmp_path / "mine").write_text("the teacher's", encoding="utf-8")
    for one in (tmp_path, *tmp_path.parents[:-2]):
        one.chmod(0o777)
    (tmp_path / "mine").chmod(0o666)
    came = come_of(sandbox, "change_files", str(tmp_path / "mine"))
    for tried in ("written", "removed"):
        assert came[tried] in ("PermissionError", "FileNotFoundError")
    assert (came["null"], came["lock"]) == (1, True)
    assert (tmp_path / "mine").read_text(encoding="utf-8") == "the teacher's"


def test_processes_of_its_user_get_no_signals(sandbox):
    if sandbox.level == "process" and landlock.version() < 6:
        pytest.skip("this system does not protect from it")
    with subprocess.Popen(["sleep", "60"]) as process:
        came = come_of(sandbox, "kill_parents", [process.pid])
        assert came["came"] in (["PermissionError"], ["ProcessLookupError"])
        assert process.poll() is None
        process.kill()


@pytest.mark.parametrize("folder", [".", "/dev/shm"])
def test_disk_without_names(sandbox, folder):
    """Files that are open and deleted fill it as well."""
    with start(sandbox, "fill_disk_unseen", folder) as student:
        ending = student.wait(PATIENCE)
    if sandbox.level == "namespaces":
        assert "No space left on device" in ending.words
    else:
        assert ending.words == "It wrote more than 8 MB to its folder, and was ended."


def test_one_file(sandbox):
    came = come_of(sandbox, "fill_disk_with_one_file")
    assert came["size"] <= LIMITS.disk
    assert came["error"] in (errno.EFBIG, errno.ENOSPC)


def test_much_is_printed(sandbox):
    with start(sandbox, "print_much") as student:
        assert student.wait(PATIENCE).words == "It ended by itself."
        assert student.stdout() == "x" * LIMITS.output
        assert student.stderr() == "y" * LIMITS.output
        assert os.fstat(student._out.fileno()).st_size == LIMITS.output


def test_endless_loop(sandbox):
    for name in ("loop", "loop_ignoring_signals"):
        ending = end_of(sandbox, name, limits=A_SECOND)
        assert ending.words == "It computed for more than 1 seconds, and was ended."
        assert ending.cpu_seconds < 3


@pytest.mark.parametrize("name", ["chain", "chain_of_threads"])
def test_chains_of_processes_that_no_look_sees(sandbox, name):
    """Each is gone after 4 ms, and the kernel counts its time for nobody."""
    ending = end_of(sandbox, name, limits=A_SECOND)
    assert ending.words == "It computed for more than 1 seconds, and was ended."


def test_orphans_are_not_taken_for_a_fork_bomb(sandbox):
    assert come_of(sandbox, "orphans") == {"done": True}


def test_memory_of_all_processes(sandbox):
    """A process may have a gigabyte, and so may all of them together."""
    ending = end_of(sandbox, "much_memory_of_all")
    assert ending.words == "Its processes took more than the 1024 MB they may use together."


@has_seccomp
def test_memory_that_counts_for_nobody(sandbox):
    came = come_of(sandbox, "memory_that_counts_for_nobody")
    assert came == {"memfd": "PermissionError", "shared": -1, "queue": -1}


def test_endless_wait(sandbox):
    ending = end_of(sandbox, "sleep", limits=Limits(seconds=0.5))
    assert ending.words == "It was not done after 0.5 seconds, and was ended."


@pytest.mark.parametrize(
    "name, status, words",
    [
        ("leave", 7, "It ended with exit status 7."),
        ("stop_by_signal", -signal.SIGTERM, "It was ended by signal 15 (Terminated)."),
        ("crash", -signal.SIGSEGV, "It was ended by signal 11 (Segmentation fault)."),
        ("raise_error", 1, "It ended with ValueError: not like this"),
        ("no_such_function", 1, NO_FUNCTION),
    ],
)
def test_how_it_ended(sandbox, name, status, words):
    ending = end_of(sandbox, name)
    assert (ending.status, ending.words) == (status, words)


# Who ends whom.


def test_wait_has_a_deadline(sandbox):
    with start(sandbox, "sleep") as student:
        assert student.wait(0.05) is None


def test_killed_by_one_thread_while_another_waits(sandbox):
    for _ in range(5):
        with start(sandbox, "sleep") as student, ThreadPoolExecutor(4) as threads:
            endings = [threads.submit(student.wait, PATIENCE) for _ in range(3)]
            endings.append(threads.submit(student.kill))
            assert {ending.result().reason for ending in endings} == {"killed"}


def test_all_ends_with_the_sandbox(sandbox, tmp_path):
    with open_sandbox(sandbox.level, tmp_path) as other:
        student = start(other, "sleep")
        told(student)
    assert student.wait(PATIENCE).reason == "killed"
    student.close()


def test_all_ends_with_the_grader(sandbox, tmp_path):
    program = (
        "import os, sys; from socketlab.sandbox.sandbox import *\n"
        f"sandbox = Sandbox({sandbox.level!r}, Limits(seconds=200), ['tests.sandbox.hostile'])\n"
        "sandbox.__enter__()\n"
        "student = sandbox.start('tests.sandbox.hostile:fork_with_setsid')\n"
        "student.socket.recv(99); os.kill(os.getpid(), 9)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT), str(tmp_path)])}
    subprocess.run([sys.executable, "-c", program], env=environment, timeout=PATIENCE)
    until(lambda: not processes_of(tmp_path), PATIENCE)


def test_all_ends_with_the_supervisor(isolated, shared):
    with start(isolated, "fork_with_setsid") as student:
        told(student)
        os.kill(int(student.work.parts[2]), signal.SIGKILL)
        assert student.wait(PATIENCE).words == "It could not be run: its supervisor was killed."
        until(lambda: len(processes_of(shared[1])) == 1, PATIENCE)


# Levels.


def test_what_doctor_says():
    said = examined()
    assert "namespaces" in said or "process" in said
    print(said)


def test_systems_that_cannot(monkeypatch):
    with pytest.raises(SandboxError, match="There is no level 'none'"):
        Sandbox("none")
    monkeypatch.delattr(os, "fork")
    with pytest.raises(SandboxError, match="Grading needs Linux or macOS"):
        Sandbox()


def test_a_system_without_user_namespaces():
    """In a user namespace that allows no other: the lower level, and the reason."""
    program = "from socketlab.sandbox.sandbox import examined; print(examined())"
    come = subprocess.run(
        [
            "unshare",
            "--user",
            "--map-current-user",
            "sh",
            "-c",
            'echo 0 > /proc/sys/user/max_user_namespaces || exit 77; exec "$0" "$@"',
            sys.executable,
            "-c",
            program,
        ],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        encoding="utf-8",
    )
    if come.returncode in (1, 77) and not come.stdout:
        pytest.skip(come.stderr)
    print(come.stdout, come.stderr)
    assert "process" in come.stdout
