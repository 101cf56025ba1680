"""Say in a sentence what an error means for a server, and what to do next."""

import errno
import socket
import sys
from types import TracebackType
from typing import Any

_BY_NUMBER = {
    errno.EADDRINUSE: (
        "Something holds this address already. Ask for port 0 and read server_address; or close "
        "the server that holds it; or, if it was yours a moment ago, set allow_reuse_address = "
        "True on the class, before the server is made."
    ),
    errno.EACCES: (
        "You may not use this address. Ports below 1024 need the administrator's rights: ask for "
        "port 0. A Unix socket needs write permission in its folder."
    ),
    errno.EADDRNOTAVAIL: (
        "This address belongs to another machine. A server listens on an address of its own: "
        '"127.0.0.1" for this machine alone, "" for all its addresses.'
    ),
    errno.ECONNREFUSED: (
        "Nobody listens there. Is the server started, not closed yet, and is this its "
        "server_address?"
    ),
    errno.EBADF: "This socket is closed already. Make a new server; a closed one stays closed.",
    errno.EMFILE: (
        "The program has no descriptor left: too many sockets or files are open. Close what you "
        "no longer need, or restart the kernel."
    ),
}
_BY_TYPE: dict[type[BaseException], str] = {
    socket.gaierror: 'No machine has this name. For your own machine write "127.0.0.1".',
    TimeoutError: (
        "The other side did not answer in time. Does the server run, and does the handler send "
        "something?"
    ),
    OverflowError: "A port is a number from 0 to 65535; 0 lets the system choose.",
}
_BY_WORDS = {
    "address must be tuple": 'The address is one tuple: TCPServer(("127.0.0.1", 0), Handler).',
    "a bytes-like object is required": (
        "Sockets carry bytes, not text: text.encode() on the way out, data.decode() on the way in."
    ),
}


def explain(error: BaseException) -> str | None:
    """Return what `error` means and the next step, or None where we have nothing to add."""
    if isinstance(error, OSError) and error.errno in _BY_NUMBER:
        return _BY_NUMBER[error.errno]
    for kind, sentence in _BY_TYPE.items():
        if isinstance(error, kind):
            return sentence
    for words, sentence in _BY_WORDS.items():
        if isinstance(error, TypeError) and words in str(error):
            return sentence
    return None


def explain_in_notebook() -> None:
    """Let IPython add the sentence below a traceback; elsewhere do nothing."""
    ipython = sys.modules.get("IPython")  # where it runs, somebody has imported it
    shell: Any = ipython and ipython.get_ipython()
    if shell is not None:
        shell.set_custom_exc((OSError, OverflowError, TypeError), _show)


def _show(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    traceback: TracebackType,
    tb_offset: int | None = None,
) -> None:
    sentence = explain(error)
    if sentence is not None and sentence not in getattr(error, "__notes__", ()):
        error.add_note(sentence)
    shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)
