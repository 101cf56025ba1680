"""Say in a sentence what an error means for a server, and what to do next.

What an error means depends on the call that raised it: a `PermissionError` of `open` is about a
file. So we look at the call itself, in the innermost frame of the traceback, not at the words.
"""

import ast
import builtins
import errno
import io
import itertools
import linecache
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any


@dataclass(frozen=True)
class _Call:
    """A call of a socket's: the method's or function's name, its arguments, and the socket."""

    name: str
    arguments: tuple[Any, ...]
    sock: socket.socket | None = None

    @property
    def is_unix(self) -> bool:
        return self.family == getattr(socket, "AF_UNIX", None)

    @property
    def family(self) -> int | None:
        return self.sock.family if self.sock else None

    @property
    def address(self) -> Any:
        """The address among the arguments, as far as we know them."""
        if self.name in ("bind", "connect", "connect_ex", "sendto"):
            return self.arguments[-1] if self.arguments else None
        return self.arguments[:2]

    @property
    def host(self) -> str:
        host = self.address[0] if isinstance(self.address, tuple) and self.address else ""
        return host if isinstance(host, str) else ""

    @property
    def port(self) -> Any:
        is_pair = isinstance(self.address, tuple) and len(self.address) > 1
        return self.address[1] if is_pair else None


_WITH_ADDRESS = {"bind", "connect", "connect_ex", "sendto"}
_NAMES_ONLY = _WITH_ADDRESS | {"accept", "listen", "sendall", "recvfrom"}
"""Methods that hardly anything else than a socket has."""

_NO_DESCRIPTORS = (
    "The program has no descriptor left: too many sockets or files are open. Close what you no "
    "longer need, or restart the kernel."
)
_CLOSED = "This socket is closed already. Make a new server; a closed one stays closed."
_REFUSED = (
    "Nobody listens there. Is the server started, not closed yet, and is this its server_address?"
)
_IN_USE = (
    "Something holds this address already. Ask for port 0 and read server_address; or close the "
    "server that holds it; or, if it was yours a moment ago, set allow_reuse_address = True on the "
    "class, before the server is made."
)
_PATH_IN_USE = (
    "A file has this name already, perhaps the socket of a server that has gone. Remove it with "
    "os.unlink(path), or take another name."
)
_NOT_OURS = (
    "This address belongs to another machine. A server listens on an address of its own: "
    '"127.0.0.1" for this machine alone, "" for all its addresses.'
)
_NO_IPV6 = 'This machine has no such address: IPv6 is switched off here. Take "127.0.0.1".'
_LOW_PORT = (
    "You may not use this address. Ports below 1024 need the administrator's rights: ask for "
    "port 0."
)
_UNIX_FOLDER = "You may not use this address. A Unix socket needs write permission in its folder."
_UNIX_FILE = "You may not connect there. That needs write permission on the socket's file."
_BROADCAST = (
    "This address reaches many machines at once, which a socket must be allowed to first: "
    "sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)."
)
_NO_ANSWER = (
    "The other side did not answer in time. Does the server run, and does the handler send "
    "something?"
)
_NO_CLIENT = "No client came in time. Is there one, and does it know this server_address?"
_PORT = "A port is a number from 0 to 65535; 0 lets the system choose."
_ONE_TUPLE = 'The address is one tuple: TCPServer(("127.0.0.1", 0), Handler).'
_PATH = 'The address of a Unix socket is one path, such as "/tmp/my.sock", not a host and a port.'
_BYTES = "Sockets carry bytes, not text: text.encode() on the way out, data.decode() on the way in."
_NAME = 'No machine has this name. For your own machine write "127.0.0.1".'
_NO_RESOLVER = (
    "Nothing answered the question for this name: is there a network? For your own machine write "
    '"127.0.0.1".'
)
_IPV6_ON_IPV4 = (
    "This is an address of IPv6, and the socket speaks IPv4. Set address_family = socket.AF_INET6 "
    'on the class, before the server is made, or take "127.0.0.1".'
)
_IPV4_ON_IPV6 = (
    "This is an address of IPv4, and the socket speaks IPv6. Leave address_family as it was, "
    'socket.AF_INET, or take "::1".'
)
_PORT_IN_HOST = 'The host has the port in it. They are two items of one tuple: ("127.0.0.1", 8000).'


def explain(error: BaseException) -> str | None:
    """Return what `error` means and the next step, or None where we have nothing to add."""
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return _NO_DESCRIPTORS
    call = _call_of(error)
    if call is None and isinstance(error, socket.gaierror):  # which nothing else raises
        call = _Call("getaddrinfo", ())
    if call is None:
        return None
    if isinstance(error, socket.gaierror):
        return _of_a_name(error, call)
    if isinstance(error, TimeoutError):
        return _NO_CLIENT if call.name == "accept" else _NO_ANSWER
    if isinstance(error, OSError):
        return _of_a_refusal(error.errno, call)
    if isinstance(error, OverflowError):
        is_port = isinstance(call.port, int) and not 0 <= call.port <= 65535
        return _PORT if is_port else None
    return _of_a_type(call) if isinstance(error, TypeError) else None


def _of_a_name(error: socket.gaierror, call: _Call) -> str | None:
    is_ipv6 = _is_address(call.host, socket.AF_INET6)
    if is_ipv6 and call.family == socket.AF_INET:
        return _IPV6_ON_IPV4
    if _is_address(call.host, socket.AF_INET) and call.family == socket.AF_INET6:
        return _IPV4_ON_IPV6
    if isinstance(call.port, str) and not call.port.isdecimal():
        return _PORT
    if re.search(r":\d+$", call.host) and not is_ipv6:
        return _PORT_IN_HOST
    if error.errno == socket.EAI_AGAIN:
        return _NO_RESOLVER
    return _NAME if error.errno in _UNKNOWN else None


_UNKNOWN = {getattr(socket, f"EAI_{name}", None) for name in ("NONAME", "NODATA")}


def _is_address(host: str, family: int) -> bool:
    with suppress(OSError, ValueError):
        return bool(socket.inet_pton(family, host.partition("%")[0]))
    return False


def _of_a_refusal(number: int | None, call: _Call) -> str | None:
    if number == errno.EADDRINUSE and call.name in ("bind", "listen"):
        return _PATH_IN_USE if call.is_unix else _IN_USE
    if number == errno.EADDRNOTAVAIL and call.name in _WITH_ADDRESS:
        if _is_address(call.host, socket.AF_INET6) and call.host == "::1":
            return _NO_IPV6
        return _NOT_OURS if call.name == "bind" else None
    if number == errno.EACCES and call.is_unix:
        return _UNIX_FOLDER if call.name == "bind" else _UNIX_FILE
    if number == errno.EACCES and call.name == "bind":
        return _LOW_PORT
    if number == errno.EACCES and call.sock and call.sock.type == socket.SOCK_DGRAM:
        return _BROADCAST
    if number == errno.EBADF and call.sock and call.sock.fileno() < 0:
        return _CLOSED
    return _REFUSED if number == errno.ECONNREFUSED else None


def _of_a_type(call: _Call) -> str | None:
    if call.name in ("send", "sendall", "sendto", "write"):
        return _BYTES if call.arguments and isinstance(call.arguments[0], str) else None
    if call.name in _WITH_ADDRESS and call.is_unix:
        return _PATH if isinstance(call.address, tuple) else None
    if call.name in _WITH_ADDRESS:
        is_two = call.name != "sendto" and len(call.arguments) > 1
        return _ONE_TUPLE if is_two or isinstance(call.address, str) else None
    return None


# The call that raised it.


def _call_of(error: BaseException) -> _Call | None:
    """Return the call of a socket's that raised the error, or None if it was something else."""
    trace = error.__traceback__
    if trace is None:
        return None
    while trace.tb_next is not None:
        trace = trace.tb_next
    frame = trace.tb_frame
    node = _node(trace)
    if node is not None:
        return _of_a_socket(node, frame)
    if frame.f_code.co_filename == socket.__file__:  # it raises some itself
        return _Call(frame.f_code.co_name, ())
    return None


def _node(trace: TracebackType) -> ast.Call | None:
    """Return the call at which a frame stands."""
    code = trace.tb_frame.f_code
    position = next(itertools.islice(code.co_positions(), trace.tb_lasti // 2, None), None)
    if position is None or position[1] is None or position[3] is None:
        return None
    lines = linecache.getlines(code.co_filename, trace.tb_frame.f_globals)
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError:  # a cell with magics, or another version of the file
        return None
    ends = (position[1], position[3])
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (node.end_lineno, node.end_col_offset) == ends:
            return node
    return None


def _of_a_socket(node: ast.Call, frame: FrameType) -> _Call | None:
    arguments = tuple(_arguments(node, frame))
    try:
        function = _value(node.func, frame)
    except LookupError:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        return _Call(name, arguments) if name in _NAMES_ONLY else None
    name = getattr(function, "__name__", "").lstrip("_")  # accept calls _accept
    owner = getattr(function, "__self__", None)
    if isinstance(owner, socket.socket):
        return _Call(name, arguments, owner)
    if isinstance(getattr(owner, "raw", None), socket.SocketIO) and isinstance(owner, io.IOBase):
        return _Call(name, arguments)
    is_ours = "_ssl" in (type(owner).__module__, getattr(owner, "__name__", ""))
    is_ours |= getattr(function, "__module__", "") in ("socket", "_socket")
    return _Call(name, arguments) if is_ours else None


def _arguments(node: ast.Call, frame: FrameType) -> Iterator[Any]:
    for one in node.args:
        try:
            if isinstance(one, ast.Starred):
                yield from _value(one.value, frame)
            else:
                yield _value(one, frame)
        except LookupError:
            yield ...


def _value(node: ast.expr, frame: FrameType) -> Any:
    """Return what an expression stands for, without running anything; LookupError if unknown."""
    match node:
        case ast.Constant():
            return node.value
        case ast.JoinedStr():
            return ""
        case ast.Tuple():
            return tuple(_value(one, frame) for one in node.elts)
        case ast.Name():
            for names in (frame.f_locals, frame.f_globals, vars(builtins)):
                if node.id in names:
                    return names[node.id]
        case ast.Attribute(value=ast.Call(func=ast.Name(id="super"))):
            first = frame.f_code.co_varnames[0]
            return _attribute(frame.f_locals[first], node.attr)
        case ast.Attribute():
            return _attribute(_value(node.value, frame), node.attr)
    raise LookupError(ast.dump(node))


def _attribute(value: Any, name: str) -> Any:
    if name.startswith("__"):  # a private name, which the compiler has made longer
        kept = getattr(value, "__dict__", {})
        name = next((one for one in kept if one.endswith(name) and one != name), name)
    try:
        return getattr(value, name)
    except Exception as error:
        raise LookupError(name) from error


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
