"""Let a process write to its own folder only, and signal only what it has started: landlock(7).

For where there are no namespaces: this needs no privilege, but Linux 5.13 or newer.
"""

import errno
import os
import struct
from collections.abc import Iterable

from . import namespaces

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446  # on every machine
_ASK_FOR_VERSION, _BENEATH = 1, 1
_WRITE_FILE, _REFER, _TRUNCATE = 1 << 1, 1 << 13, 1 << 14
_REMOVE_FILE, _MAKE_FILE = 1 << 5, 1 << 8
_MAKE_AND_REMOVE = sum(1 << bit for bit in range(4, 13))
_SIGNALS = 2

_DEVICES = ("null", "zero", "full", "tty", "ptmx", "pts")
_SHARED = "/dev/shm"
"""Where multiprocessing has its locks."""


def version() -> int:
    """Return which version the kernel has: 0 for none, 3 for truncate(2), 6 for signals."""
    try:
        return namespaces.call("syscall", _CREATE, 0, 0, _ASK_FOR_VERSION)
    except OSError:
        return 0


def write_only_to(folder: str) -> None:
    """Take from this process, for good, what else it may write to. Where it can't: nothing."""
    has = version()
    if not has:
        return
    files = _WRITE_FILE | (_TRUNCATE if has >= 3 else 0)
    all_of_it = files | _MAKE_AND_REMOVE | (_REFER if has >= 2 else 0)
    handled = (
        struct.pack("QQQ", all_of_it, 0, _SIGNALS) if has >= 6 else struct.pack("Q", all_of_it)
    )
    rules = namespaces.call("syscall", _CREATE, handled, len(handled), 0)
    _allow(rules, (folder,), all_of_it)
    _allow(rules, (_SHARED,), files | _MAKE_FILE | _REMOVE_FILE)
    _allow(rules, (f"/dev/{name}" for name in _DEVICES), files)
    namespaces.prctl(namespaces.PR_SET_NO_NEW_PRIVS, 1)
    namespaces.call("syscall", _RESTRICT, rules, 0)
    os.close(rules)


def _allow(rules: int, paths: Iterable[str], access: int) -> None:
    for path in paths:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError as error:
            if error.errno == errno.ENOENT:
                continue
            raise
        rule = struct.pack("=Qi", access, descriptor)
        namespaces.call("syscall", _ADD_RULE, rules, _BENEATH, rule, 0)
        os.close(descriptor)
