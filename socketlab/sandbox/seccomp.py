"""Refuse student code the system calls that no answer needs, and that lead out of its process.

A filter sees the number and the arguments of every call before the kernel does anything with it:
seccomp(2). It stays with the process and all that it starts, and needs no privilege. The numbers
are those of asm/unistd.h, which differ from one kind of machine to another.
"""

import ctypes
import errno
import platform
import struct
import sys
from contextlib import suppress

from . import namespaces

_CALLS = {  # name: number on x86_64, and on aarch64
    # other processes, and what they hold
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    # keys of the user's login, and of other submissions
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # memory that counts for nobody, and stays when its maker has gone
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    # calls that a filter does not see, and parts of the kernel that often had faults
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "bpf": (321, 280),
    "fanotify_init": (300, 262),
    # files by other ways than their paths
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # namespaces and mounts
    "unshare": (272, 97),
    "setns": (308, 268),
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "mount": (165, 40),
    "umount2": (166, 39),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
}
_SOCKET, _SOCKETPAIR, _CLONE, _CLONE3 = (41, 198), (53, 199), (56, 220), (435, 435)
_FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, and AF_NETLINK, by which getaddrinfo asks for our addresses.

Others, such as AF_VSOCK, are in no network namespace: vsock(7).
"""
_NEW_NAMESPACES = 0x7E020000
"""All that `clone` may be asked for; what `clone3` is asked for no filter can read."""

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""The column of the numbers, and AUDIT_ARCH, by which the kernel names the same."""
_X32 = 0x40000000
"""From here on, x86_64 has another set of the same calls."""

_JOIN_SESSION_KEYRING = 1
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_KILL, _ALLOW, _ERRNO = 0x80000000, 0x7FFF0000, 0x00050000
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
"""Where these are in struct seccomp_data."""


def why_not() -> str:
    """Return why this system has no such filter; nothing, where it has."""
    if sys.platform != "linux":
        return "only Linux has it"
    if platform.machine() not in _MACHINES:
        return f"the numbers of system calls are known for {' and '.join(_MACHINES)}"
    try:
        namespaces.call("prctl", _PR_SET_SECCOMP, _MODE_FILTER, 0, 0, 0)
    except OSError as error:
        if error.errno == errno.EFAULT:  # it looked for a filter, and we gave it none
            return ""
    return "the kernel was built without it"


def forget_keys() -> None:
    """Leave the keyring of our login, for a new one that is empty: session-keyring(7).

    It goes with the process. Where we can't have one, no process of ours may read a key either:
    the kernel has none, or a container forbids it, or `refuse_calls` does.
    """
    if platform.machine() in _MACHINES:
        column, _ = _MACHINES[platform.machine()]
        with suppress(OSError):
            namespaces.call("syscall", _CALLS["keyctl"][column], _JOIN_SESSION_KEYRING, 0)


def refuse_calls() -> None:
    """Have the kernel refuse those calls to this process, from now on. Where it can't: nothing."""
    if why_not():
        return
    column, architecture = _MACHINES[platform.machine()]
    program = _program(column, architecture)
    held = ctypes.create_string_buffer(program)
    pointer = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(held))
    namespaces.prctl(namespaces.PR_SET_NO_NEW_PRIVS, 1)
    namespaces.call("prctl", _PR_SET_SECCOMP, _MODE_FILTER, pointer, 0, 0)


def _program(column: int, architecture: int) -> bytes:
    """Return the filter. A condition goes on with the next line, or skips so many if it's false."""
    families = [_line(_IF_EQUAL, one, len(_FAMILIES) - n) for n, one in enumerate(_FAMILIES)]
    refused = [one[column] for one in _CALLS.values()]
    lines = [
        _line(_LOAD, _ARCHITECTURE),
        _line(_IF_EQUAL, architecture, 1),
        _line(_RETURN, _KILL),  # calls of a 32-bit program have other numbers
        _line(_LOAD, _NUMBER),
        _line(_IF_AT_LEAST, _X32, 0, 1),
        _refuse(errno.ENOSYS),
        _line(_IF_EQUAL, _CLONE3[column], 0, 1),
        _refuse(errno.ENOSYS),  # the C library uses `clone` then
    ]
    for number in refused:
        lines += [_line(_IF_EQUAL, number, 0, 1), _refuse(errno.EPERM)]
    for number in (_SOCKET[column], _SOCKETPAIR[column]):
        lines.append(_line(_IF_EQUAL, number, 0, len(families) + 3))
        lines += [_line(_LOAD, _FIRST_ARGUMENT), *families]
        lines += [_refuse(errno.EPERM), _line(_RETURN, _ALLOW)]
    lines.append(_line(_IF_EQUAL, _CLONE[column], 0, 3))
    lines += [_line(_LOAD, _FIRST_ARGUMENT), _line(_IF_ANY_BIT, _NEW_NAMESPACES, 0, 1)]
    lines += [_refuse(errno.EPERM), _line(_RETURN, _ALLOW)]
    return b"".join(lines)


def _line(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """Return a line: what to do with a value, and how many to skip: struct sock_filter."""
    return struct.pack("HBBI", code, if_true, if_false, value)


def _refuse(error: int) -> bytes:
    return _line(_RETURN, _ERRNO | error)
