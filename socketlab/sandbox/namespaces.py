"""The Linux system calls that put a process out of sight and out of power.

From Python 3.12 on some of them are in `os`; for 3.11 all come from the C library, by ctypes.
The manual pages named here are at https://man7.org/linux/man-pages/.
"""

import ctypes
import errno
import os
import signal
import socket
import struct
import sys
import sysconfig
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..project import COURSE_FILES
from .host_limits import NOBODY, STUDENTS

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000

_MS_BIND, _MS_REC, _MS_PRIVATE, _MNT_DETACH = 0x1000, 0x4000, 0x40000, 2
_AT_FDCWD, _AT_RECURSIVE, _SYS_MOUNT_SETATTR = -100, 0x8000, 442
_READ_ONLY, _NO_SETUID = 1, 2
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_KEEPCAPS = 1, 4, 8
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38
CAP_DAC_READ_SEARCH = 1 << 2

_PARTS = ("bin", "sbin", "lib", "lib32", "lib64", "pyvenv.cfg")
_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/usr/share/zoneinfo", "/nix/store")
_ETC = "alternatives group hosts ld.so.cache localtime nsswitch.conf passwd protocols services"
_DEVICES = ("null", "zero", "full", "random", "urandom")
_OLD = "/old"


_REASONS = {
    errno.EPERM: "the system, or the container that we are in, forbids it to this user",
    errno.EACCES: "the system, or the container that we are in, forbids it to this user",
    errno.ENOSPC: "user namespaces are switched off, by user.max_user_namespaces",
    errno.EUSERS: "user namespaces are nested too deep",
    errno.ENOSYS: "the kernel is too old: Linux 5.12 has it",
    errno.EINVAL: "the kernel was built without it, or is too old",
}


def reason(error: OSError) -> str:
    """Say what the system refused, and why it may have."""
    told = f"{error.strerror}{f' ({error.filename})' if error.filename else ''}"
    return f"{told}: {_REASONS[error.errno]}" if error.errno in _REASONS else told


def call(function: str, *arguments: Any) -> int:
    """Call a function of the C library; OSError, which names the function, when it fails."""
    words = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    if (result := getattr(_c_library(), function)(*words)) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")
    return int(result)


@cache
def _c_library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> None:
    """Change a property of this process: prctl(2)."""
    call("prctl", option, value, 0, 0, 0)


def end_with(parent: int) -> None:
    """Have this process killed when its parent dies, where the system can do that."""
    if sys.platform == "linux":
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)  # it is dead already


def enter_network() -> None:
    """Move this process, which must have one thread only, into a network of its own.

    It holds nothing but a loopback interface: network_namespaces(7). Who is not root gets a
    user namespace with it, in which to be allowed that: user_namespaces(7). To be called again
    for another fresh network.
    """
    uid, gid = os.getuid(), os.getgid()
    try:
        call("unshare", CLONE_NEWNET)
    except PermissionError:
        call("unshare", CLONE_NEWUSER | CLONE_NEWNET)
        _map_ids(uid, uid, gid, gid)
    _loopback_up()


def _loopback_up() -> None:  # netdevice(7)
    from fcntl import ioctl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", _IFF_UP))


def _map_ids(uid: int, outer_uid: int, gid: int, outer_gid: int) -> None:
    """Say who this process is in its new user namespace: user_namespaces(7), "ID mappings"."""
    for name, text in (
        ("setgroups", "deny"),  # else nobody but root may write the next one
        ("gid_map", f"{gid} {outer_gid} 1"),
        ("uid_map", f"{uid} {outer_uid} 1"),
    ):
        Path("/proc/self", name).write_text(text, encoding="utf-8")


def isolate(judge: int | None) -> bool:
    """Put this process into the network of process `judge` (or one of its own), and all else apart.

    Children that it forks from now on are in a new pid namespace, where the first is init:
    pid_namespaces(7). Returns `can_change_user()`. Who cannot is now in a user namespace inside
    the judge's: nobody there, and powerless towards the judge.
    """
    _join(judge) if judge else enter_network()
    is_root = can_change_user()
    uid, gid = os.getuid(), os.getgid()
    apart = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS
    call("unshare", apart if is_root else apart | CLONE_NEWUSER)
    if not is_root:
        _map_ids(NOBODY, uid, NOBODY, gid)
    call("sethostname", b"localhost", 9)  # a name that /etc/hosts knows: no look-up goes out
    return is_root


def can_change_user() -> bool:
    """Tell whether this process is root, and NOBODY is somebody in its user namespace."""
    lines = Path("/proc/self/uid_map").read_text(encoding="utf-8").splitlines()
    ranges = [[int(number) for number in line.split()] for line in lines]
    return os.getuid() == 0 and any(first <= NOBODY < first + n for first, _, n in ranges)


def take_user() -> tuple[int, socket.socket | None]:
    """Return a user whom no other student is, and what keeps it so until it is closed.

    Processes of one user may signal each other, and much is counted by user, such as processes
    (getrlimit(2)) and descriptors on their way (unix(7), ETOOMANYREFS). The name that keeps a
    user goes with the process that has taken it, however that ends. NOBODY, when none is free.
    """
    for user in STUDENTS:
        keeps = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            keeps.bind(f"\0socketlab-student-{user}")
        except OSError:
            keeps.close()
        else:
            return user, keeps
    return NOBODY, None


def _join(judge: int) -> None:  # setns(2); who is in a user namespace already may not enter again
    for kind in ("user", "net"):
        path = f"/proc/{judge}/ns/{kind}"
        if not os.path.samefile(path, f"/proc/self/ns/{kind}"):
            namespace = os.open(path, os.O_RDONLY)
            try:
                call("setns", namespace, 0)
            finally:
                os.close(namespace)


EMPTY = ""
"""Where a folder that student code finds empty is found."""


def visible(packages: Iterable[str]) -> list[tuple[str, str]]:
    """Return what student code needs to see: Python, system libraries, the named packages.

    Each as the path that it is known by, and the path where it is really found, or EMPTY: the
    course's files that a wheel puts into a package, our solutions among them, stay out of sight.

    Never a whole prefix: a virtual environment may have been made in the project's own folder,
    and /usr/src or /usr/share are places where people keep a course.
    """
    prefixes = (sys.prefix, sys.base_prefix, "/usr", "/usr/local")
    paths = {f"{prefix}/{part}" for prefix in prefixes for part in _PARTS}
    paths.update(_SYSTEM, (f"/etc/{name}" for name in _ETC.split()), ("/etc/ssl/certs",))
    paths.update(sysconfig.get_paths()[part] for part in ("stdlib", "platstdlib"))
    paths.update(path for path in sys.path if path.endswith(("site-packages", "dist-packages")))
    specs = filter(None, map(find_spec, packages))
    shown = [folder for spec in specs for folder in spec.submodule_search_locations or ()]
    paths.update(shown)
    paths.update([os.path.realpath(path) for path in paths])
    there = sorted(path for path in paths if os.path.exists(path))  # what holds another comes first
    real = [(path, path if os.path.islink(path) else os.path.realpath(path)) for path in there]
    hidden = {f"{os.path.realpath(folder)}/{COURSE_FILES}" for folder in shown}
    return real + [(path, EMPTY) for path in sorted(hidden) if os.path.isdir(path)]


def change_root(paths: Iterable[tuple[str, str]], disk: int, user: int) -> None:
    """Give this mount namespace a new root with `paths`, read-only, and two scratch folders.

    /work and /tmp hold `disk` bytes each, and are the user's. Nothing else of the system's files
    stays in reach: mount_namespaces(7), pivot_root(2), mount_setattr(2).
    """
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE)
    _mount("tmpfs", "/tmp", "tmpfs", 0, "size=1m,mode=755")
    os.mkdir(f"/tmp{_OLD}")
    call("pivot_root", b"/tmp", f"/tmp{_OLD}".encode())
    os.chdir("/")
    for folder in ("/work", "/tmp", "/proc", "/dev", "/etc"):
        os.mkdir(folder)
    for folder, mode in (("/work", "700"), ("/tmp", "1777")):
        owner = f"uid={user},gid={user}"
        _mount("tmpfs", folder, "tmpfs", 0, f"size={disk},nr_inodes=10k,mode={mode},{owner}")
    for path, source in (*paths, *((f"/dev/{name}",) * 2 for name in _DEVICES)):
        if source == EMPTY:
            _mount("tmpfs", path, "tmpfs", 0, "size=4k,mode=755")
        else:
            _show(path, _OLD + source)
    os.symlink("/tmp", "/dev/shm")
    os.symlink("/proc/self/fd", "/dev/fd")
    _mount("proc", "/proc", "proc", 0)
    if os.path.exists("/proc/keys"):  # of our user, which is in no namespace: their names, at least
        _mount("/dev/null", "/proc/keys", "", _MS_BIND)
    call("umount2", _OLD.encode(), _MNT_DETACH)
    os.rmdir(_OLD)
    _set_attributes("/", _AT_RECURSIVE, _READ_ONLY | _NO_SETUID, 0)
    for folder in ("/work", "/tmp", "/proc"):
        _set_attributes(folder, 0, 0, _READ_ONLY)


def _show(path: str, source: str) -> None:
    if os.path.lexists(path):
        return  # a folder that holds it is shown already
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.islink(source):
        os.symlink(os.readlink(source), path)
        return
    if os.path.isdir(source):
        os.mkdir(path)
    else:
        os.close(os.open(path, os.O_CREAT))
    _mount(source, path, "", _MS_BIND | _MS_REC)


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    try:
        call("mount", source.encode(), target.encode(), kind.encode(), flags, options.encode())
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror} ({kind or 'bind'} at {target})") from None


def _set_attributes(path: str, flags: int, on: int, off: int) -> None:
    attributes = struct.pack("4Q", on, off, 0, 0)
    size = len(attributes)
    call("syscall", _SYS_MOUNT_SETATTR, _AT_FDCWD, path.encode(), flags, attributes, size)


def become_nobody(user: int | None) -> None:
    """Give up every power, for good: capabilities(7), PR_SET_NO_NEW_PRIVS in prctl(2).

    Who is root becomes `user`; another one is nobody already. From here no further user namespace
    can be made, in which one would be powerful again.
    """
    if user is not None:
        change_user(user)
        call("unshare", CLONE_NEWUSER)  # processes are counted by namespace: getrlimit(2)
        _map_ids(NOBODY, user, NOBODY, user)
    Path("/proc/sys/user/max_user_namespaces").write_text("0", encoding="utf-8")
    keep_capabilities(0)


def change_user(user: int) -> None:
    """Stop being root, but for what `keep_capabilities` takes away."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    prctl(PR_SET_DUMPABLE, 1)  # whom the kernel takes for a set-user-ID program has no /proc/self


def keep_capabilities(mask: int) -> None:
    """Keep only the capabilities in `mask`, and never get another: capset(2)."""
    header = struct.pack("Ii", 0x20080522, 0)
    call("capset", header, struct.pack("6I", mask, mask, 0, 0, 0, 0))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
