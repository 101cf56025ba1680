"""The kernel's own tables of sockets and descriptors, as Linux shows them to any process."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

NET = Path("/proc/net")

# include/net/tcp_states.h
_TCP = {
    1: "ESTABLISHED",
    2: "SYN_SENT",
    3: "SYN_RECV",
    4: "FIN_WAIT1",
    5: "FIN_WAIT2",
    6: "TIME_WAIT",
    7: "CLOSED",
    8: "CLOSE_WAIT",
    9: "LAST_ACK",
    10: "LISTEN",
    11: "CLOSING",
    12: "SYN_RECV",
}
_UNIX = {1: "unconnected", 2: "connecting", 3: "connected", 4: "disconnecting"}
_ACCEPTS = 1 << 16
"""A flag of Unix sockets that listen."""


@dataclass(frozen=True)
class End:
    """One end of a connection, or a socket that listens or is bound, as the kernel sees it.

    `unsent` are the bytes that its program has sent and the other kernel hasn't acknowledged yet,
    `unread` those that have come and that no `recv` has taken. For one that listens, `unread`
    counts the clients in its backlog. `number` is that of the socket, 0 once no program holds it.
    """

    kind: str
    local: str
    remote: str
    state: str
    unsent: int = 0
    unread: int = 0
    number: int = 0
    dropped: int = 0

    @property
    def port(self) -> int:
        return int(self.local.rpartition(":")[2])

    @property
    def remote_port(self) -> int:
        return int(self.remote.rpartition(":")[2])


def internet_sockets(kind: str, port: int) -> Iterator[End]:
    """Yield the sockets that have a port at either end, over IPv4 and IPv6, in our namespace.

    `kind` is "tcp" or "udp". The table also holds each connection that's remembered in TIME_WAIT, a
    hundred thousand perhaps, so rows without the port are passed over before they're taken apart.
    """
    mark = f":{port:04X} "
    for version in ("", "6"):
        with suppress(OSError):
            lines = (NET / f"{kind}{version}").read_text().splitlines()
            for fields in (line.split() for line in lines[1:] if mark in line):
                unsent, unread = (int(one, 16) for one in fields[4].split(":"))
                state = int(fields[3], 16)
                yield End(
                    kind,
                    _address(fields[1]),
                    _address(fields[2]),
                    _TCP.get(state, "") if kind == "tcp" else _of_udp(state),
                    unsent,
                    unread,
                    int(fields[9]),
                    int(fields[12]) if kind == "udp" else 0,
                )


def _of_udp(state: int) -> str:
    return "connected" if _TCP.get(state) == "ESTABLISHED" else "bound"


def _address(text: str) -> str:
    """Return a host and a port: the table has them in hex, the host in words of this machine."""
    host, port = text.split(":")
    words = b"".join(struct.pack("=I", int(host[n : n + 8], 16)) for n in range(0, len(host), 8))
    family = socket.AF_INET if len(words) == 4 else socket.AF_INET6
    return f"{socket.inet_ntop(family, words)}:{int(port, 16)}"


def unix_sockets(path: str) -> Iterator[End]:
    """Yield the Unix sockets of this name: those that listen there or have been accepted there."""
    shown = f"@{path[1:]}" if path.startswith("\0") else path  # one without a file
    with suppress(OSError):
        for line in (NET / "unix").read_text("utf-8", "surrogateescape").splitlines()[1:]:
            fields = line.split(maxsplit=7)
            if len(fields) == 8 and fields[7] == shown:
                state = _UNIX.get(int(fields[5], 16), "")
                if int(fields[3], 16) & _ACCEPTS:
                    state = "LISTEN"
                elif int(fields[4], 16) == socket.SOCK_DGRAM:
                    state = "bound"
                yield End("unix", path, "", state, number=int(fields[6]))


def backlog(listener: socket.socket) -> tuple[int, int] | None:
    """Return how many clients wait in a listener's backlog, and for how many it has room.

    None for one that isn't TCP, that doesn't listen, or is closed.
    """
    with suppress(OSError, AttributeError, struct.error):
        info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        if _TCP.get(info[0]) == "LISTEN":
            waiting, room = struct.unpack_from("=II", info, 24)
            return waiting, room
    return None


def queued(descriptor: int) -> tuple[int, int]:
    """Return the bytes not sent yet and not read yet of a socket of ours; zeros if it's closed."""
    import fcntl
    import termios

    counts = []
    for question in (termios.TIOCOUTQ, termios.FIONREAD):  # on a socket: SIOCOUTQ and SIOCINQ
        answer = bytearray(4)
        with suppress(OSError):
            fcntl.ioctl(descriptor, question, answer)
        counts.append(struct.unpack("=i", answer)[0])
    return counts[0], counts[1]


def descriptors(process: int | str = "self") -> dict[int, int]:
    """Return the descriptors of a process: the number of the socket behind each, 0 for a file."""
    found = {}
    with suppress(OSError):
        folder = f"/proc/{process}/fd"
        for name in os.listdir(folder):
            with suppress(OSError):  # closed meanwhile, such as the one that lists the folder
                target = os.readlink(f"{folder}/{name}")
                is_socket = target.startswith("socket:[")
                found[int(name)] = int(target[8:-1]) if is_socket else 0
    return found


def children() -> list[int]:
    """Return the processes that this one has forked and that still run."""
    found = set()
    for thread in Path("/proc/self/task").iterdir():
        with suppress(OSError):
            found |= {int(one) for one in (thread / "children").read_text().split()}
    return sorted(found)
