"""What students do to a grader, by mistake or not. Each function is one, and tells what came of it.

They are imported beforehand: a student's process cannot see this file.
"""

import ctypes
import errno
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path


def look_late():
    """Hold up who looks after a student, in the middle of a look: as a busy machine does."""
    from socketlab.sandbox.forkserver import Supervisor

    excess = Supervisor._excess

    def late(supervisor):
        time.sleep(0.1)
        return excess(supervisor)

    Supervisor._excess = late


def tell(out, **facts):
    out.sendall(json.dumps(facts).encode() + b"\n")


def asked(out):
    """Return the test's next line, as data."""
    return json.loads(out.makefile().readline())


def attempt(call):
    """Return what the call returned, or the name of the error it raised."""
    try:
        return call()
    except Exception as error:
        return type(error).__name__


def read(out):
    tell(
        out,
        came={
            path: attempt(lambda p=path: Path(p).read_text(encoding="utf-8")[:9])
            for path in asked(out)
        },
    )


def look_around(out):
    """List folders that can be written to, and everything that the other processes' links show."""
    written = []
    for folder, folders, _ in os.walk("/"):
        if folder.count("/") > 3 or folder.startswith("/proc"):
            folders.clear()
        if attempt(lambda f=folder: Path(f, "mark").touch()) is None:
            written.append(folder)
    links = [
        f"/proc/{pid}/{link}"
        for pid in os.listdir("/proc")
        if pid.isdigit()
        for link in ("root", "cwd")
    ]
    seen = {link: attempt(lambda path=link: sorted(os.listdir(path))) for link in links}
    tell(
        out,
        root=sorted(os.listdir("/")),
        written=written,
        seen=seen,
        pids=len(links) // 2,
        descriptors=attempt(lambda: sorted(os.listdir("/proc/1/fd"))),
    )


def about_me(out):
    status = dict(
        line.split(":\t", 1)
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    )
    tell(
        out,
        descriptors=sorted(map(int, os.listdir("/proc/self/fd")))[:-1],  # the last one reads this
        environment=dict(os.environ),
        environ=Path("/proc/self/environ").read_text(encoding="utf-8"),
        ids=[os.getuid(), os.geteuid(), os.getgid(), os.getgroups()],
        capabilities=[int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Amb")],
        no_new_privileges=status["NoNewPrivs"],
        folder=os.getcwd(),
        files={name: Path(name).read_text(encoding="utf-8") for name in os.listdir()},
        session=os.getsid(0),
    )


def rise(out):
    c_library = ctypes.CDLL(None, use_errno=True)
    tell(
        out,
        setuid=attempt(lambda: os.setuid(0)),
        user_namespace=c_library.unshare(0x10000000),
        mount=c_library.mount(b"none", b"/tmp", b"tmpfs", 0, None),
        remount=c_library.mount(b"none", b"/usr/lib", None, 4096 | 32, None),
        hostname=attempt(lambda: socket.sethostname("mine")),
        network=attempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
        subprocess=attempt(
            lambda: subprocess.run(["id", "-u"], capture_output=True).stdout.decode()
        ),
    )


def fork(out, between=lambda: None):
    children = []
    for _ in range(50):
        child = os.fork()
        if child == 0:
            between()
            time.sleep(60)
            os._exit(0)
        children.append(child)
    tell(out, children=len(children))
    time.sleep(60)


def fork_with_setsid(out):
    fork(out, os.setsid)


def leave_daemon(out):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            tell(out, daemon=True)
            time.sleep(60)
        os._exit(0)
    os.wait()
    out.recv(1)


def leave_program(out):
    subprocess.Popen(["sleep", "60.5"], start_new_session=True)
    tell(out, started=True)


def fork_bomb(out):
    count = 0
    while True:
        try:
            if os.fork() == 0:
                time.sleep(60)
                os._exit(0)
            count += 1
        except OSError as error:
            tell(out, children=count, error=type(error).__name__)
            time.sleep(60)


def threads(out):
    hold = threading.Event()
    started = [threading.Thread(target=hold.wait, daemon=True) for _ in range(100)]
    tell(out, started=attempt(lambda: [one.start() for one in started].count(None)))


def recurse_in_thread(out):
    class Deep:
        def __getattr__(self, name):
            return getattr(self, name + "x")

    came = []
    thread = threading.Thread(target=lambda: came.append(attempt(lambda: Deep().a)))
    thread.start()
    thread.join()
    tell(out, came=came)


def allocate(out):
    tell(out, size=len(bytearray(4 << 30)))


def fill_disk(out):
    came = {}
    for folder in asked(out):
        written = 0
        try:
            for number in range(100):
                with open(f"{folder}/{number}", "wb", 0) as file:
                    written += file.write(bytes(1 << 20))
        except OSError as error:
            came[folder] = [written, error.errno]
    tell(out, came=came)
    time.sleep(60)


def fill_disk_with_one_file(out):
    with open("big", "wb", 0) as file:
        try:
            while True:
                file.write(bytes(1 << 20))
        except OSError as error:
            tell(out, error=error.errno, size=os.path.getsize("big"))


def print_much(out):
    for _ in range(200):
        sys.stdout.write("x" * (1 << 20))
        sys.stderr.write("y" * 10000)


def loop(out):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


def loop_ignoring_signals(out):
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    loop(out)


def sleep(out):
    tell(out, slept=True)
    time.sleep(60)


def kill_all(out):
    tell(out, came=attempt(lambda: os.kill(-1, signal.SIGKILL)))


def kill_parents(out):
    pids = asked(out)
    tell(out, parent=os.getppid(), came=[attempt(lambda p=p: os.kill(p, 9)) for p in pids])


def trace(out):
    c_library = ctypes.CDLL(None, use_errno=True)
    pids = [*range(3, 300), *asked(out)]
    attach = 16
    me = os.getpid()
    tell(
        out, me=me, attached=[p for p in pids if p != me and c_library.ptrace(attach, p, 0, 0) == 0]
    )


def connect(out):
    address = tuple(asked(out))
    tell(out, came=attempt(lambda: socket.create_connection(address, 2).recv(9).decode()))


def connect_abstract(out):
    name = asked(out)
    with socket.socket(socket.AF_UNIX) as client:
        tell(out, came=attempt(lambda: client.connect("\0" + name)))


def serve(out):
    port, path = asked(out)
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as unix:
        tcp.bind(("127.0.0.1", port))
        unix.bind(path)
        os.chmod(path, 0o600)
        tcp.listen()
        unix.listen()
        tell(out, port=tcp.getsockname()[1])
        for listener in (tcp, unix):
            client, _ = listener.accept()
            client.sendall(b"hello")
            client.close()
        time.sleep(60)


def leave(out):
    os._exit(7)


def stop_by_signal(out):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)


def crash(out):
    ctypes.string_at(0)


def raise_error(out):
    raise ValueError("not like this")


def answer(out):
    print("hello from the student")
    tell(out, question=asked(out))


def chain(out, compute=lambda end: [None for _ in iter(lambda: time.monotonic() < end, False)]):
    """Start four chains of processes that live 4 ms each, and whose times nobody asks for."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    tell(out, started=True)
    for _ in range(4):
        if os.fork() == 0:
            while True:
                compute(time.monotonic() + 0.004)
                if os.fork():
                    os._exit(0)
    time.sleep(60)


def chain_of_threads(out):
    """The same, where the first thread of each waits for another one, which computes."""

    def compute(end):
        busy = threading.Thread(
            target=lambda: [0 for _ in iter(lambda: time.monotonic() < end, False)]
        )
        busy.start()
        busy.join()

    chain(out, compute)


def orphans(out):
    """Leave a hundred orphans, one after the other, as daemons are made."""
    for _ in range(100):
        if os.fork() == 0:
            if os.fork() == 0:
                time.sleep(0.01)
            os._exit(0)
        os.wait()
    time.sleep(0.1)
    tell(out, done=True)


def much_memory_of_all(out):
    """Take far less than a process may, twelve times."""
    tell(out, started=True)
    for _ in range(12):
        if os.fork() == 0:
            kept = bytearray(os.urandom(1 << 20)) * 250
            time.sleep(60)
            del kept
    time.sleep(60)


def memory_that_counts_for_nobody(out):
    c_library = ctypes.CDLL(None, use_errno=True)
    tell(
        out,
        memfd=attempt(lambda: os.memfd_create("mine")),
        shared=c_library.shmget(0, 1 << 20, 0o1600),
        queue=c_library.msgget(0, 0o1600),
    )


def keys(out):
    """Ask for a key of the user's login, and leave one there."""
    description, number = asked(out)
    call = ctypes.CDLL(None, use_errno=True).syscall
    user, session = -4, -3
    found = [
        call(ctypes.c_long(number["keyctl"]), 10, ring, b"user", description.encode(), 0)
        for ring in (session, user)
    ]
    left = call(ctypes.c_long(number["add_key"]), b"user", b"left-behind", b"x", 1, session)
    listed = attempt(lambda: Path("/proc/keys").read_text(encoding="utf-8"))
    tell(out, found=found, left=left, listed=description in listed)


def call_the_kernel(out):
    """Make calls that no answer needs; tell by which error each is refused."""
    c_library = ctypes.CDLL(None, use_errno=True)
    came = {}
    for name, number in asked(out).items():
        status = c_library.syscall(ctypes.c_long(number), 0x10000011, 0, 0, 0, 0, 0)
        came[name] = errno.errorcode[ctypes.get_errno()] if status < 0 else "done"
    for family in ("AF_VSOCK", "AF_ALG", "AF_PACKET", "AF_TIPC"):
        came[family] = attempt(lambda f=family: socket.socket(getattr(socket, f)).close())
    for family in ("AF_UNIX", "AF_INET", "AF_INET6"):
        came[family] = attempt(lambda f=family: socket.socket(getattr(socket, f)).close())
    tell(out, came=came, localhost=socket.getaddrinfo("localhost", 80, socket.AF_INET)[0][4])


def leave_files(out):
    """Write wherever anybody may, under this name; close a folder, and dig a very deep one."""
    name = asked(out)
    came = {}
    for folder in ("/tmp", "/var/tmp", "/dev/shm"):
        came[folder] = attempt(lambda f=folder: Path(f, name).write_bytes(bytes(1 << 20)))
        attempt(lambda f=folder: Path(f, f"{name}-folder", "in", "it").mkdir(parents=True))
    os.mkdir("closed")
    Path("closed", "file").write_bytes(bytes(1 << 20))
    os.chmod("closed", 0)
    tell(out, came=came)
    dig(out)


def dig(out, depth=2000):
    """Make folders in folders, deeper than Python can go."""
    for _ in range(depth):
        os.mkdir("deeper")
        os.chdir("deeper")
    Path("file").write_bytes(bytes(1 << 20))


def dig_at_once_and_stay(out):
    """Have too many folders in folders long before a look comes, however late that is."""
    dig(out, 200)
    time.sleep(60)


def change_files(out):
    """Reach for files that are not its own."""
    path = asked(out)
    tell(
        out,
        written=attempt(lambda: Path(path).write_text("mine", encoding="utf-8")),
        removed=attempt(lambda: os.unlink(path)),
        null=attempt(lambda: Path("/dev/null").write_text("x", encoding="utf-8")),
        lock=attempt(lambda: multiprocessing.get_context("fork").Lock().acquire()),
    )


def fill_disk_unseen(out):
    """Keep files that have no name any more, in its own folder or where multiprocessing is."""
    folder, kept = asked(out), []
    for number in range(40):
        path = f"{folder}/gone-{os.getpid()}-{number}"
        kept.append(os.open(path, os.O_CREAT | os.O_RDWR))
        os.unlink(path)
        os.write(kept[-1], bytes(1 << 20))
    time.sleep(60)
