"""What the kernel does while a server serves: states, queues, a backlog, drops, descriptors."""

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..output import listed
from . import kernel_tables
from .drawing import (
    BLUE,
    GREEN,
    IDLE,
    ORANGE,
    PLAIN,
    PURPLE,
    RED,
    SKY,
    YELLOW,
    Drawing,
    Fill,
    label_width,
    text_width,
)
from .kernel_tables import End
from .pictures import Axis, Picture

EVERY = 0.004
"""Seconds from one look at the kernel's tables to the next."""

_COLORS = {
    "LISTEN": IDLE,
    "ESTABLISHED": GREEN,
    "SYN_SENT": PLAIN,
    "SYN_RECV": PLAIN,
    "FIN_WAIT1": YELLOW,
    "FIN_WAIT2": ORANGE,
    "CLOSE_WAIT": RED,
    "LAST_ACK": PURPLE,
    "CLOSING": PURPLE,
    "TIME_WAIT": SKY,
}


@dataclass
class Stretch:
    """How long something stayed the same: from `began` to `ended`, in seconds."""

    what: Any
    began: float
    ended: float


@dataclass
class Lane:
    """One end of a connection, or the server's own socket, over time."""

    states: list[Stretch] = field(default_factory=list)
    unsent: list[Stretch] = field(default_factory=list)
    unread: list[Stretch] = field(default_factory=list)
    dropped: list[Stretch] = field(default_factory=list)
    held: list[Stretch] = field(default_factory=list)
    """Which processes have it in their table of descriptors."""

    @property
    def holders(self) -> list[str]:
        """All processes that have held it at some time, in their order."""
        return list(dict.fromkeys(holder for one in self.held for holder in one.what))


class XRay:
    """What was seen of a server's sockets: draw it, or ask for the figures.

    In place of a server, a socket will do, one that listens or is bound.

    A lane is named "listener", "server 1" and "client 1" for the two ends of the first connection,
    and so on; of a server for datagrams there's only the lane "socket".
    """

    def __init__(self, server: Any, log: Any, every: float, deadline: float) -> None:
        self._log = log
        self._every, self._deadline = every, deadline
        self._numbers: dict[str, int] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._began = time.perf_counter()
        self._drops: list[int] = []
        self._ours: set[int] = set()
        self.lanes: dict[str, Lane] = {}
        self.backlog = 0
        """The most clients that waited to be accepted at any time."""
        self.room = 0
        """For how many the backlog has room; 0 where that isn't known."""
        self.descriptors: list[int] = []
        """How many descriptors this process had open, at each look."""
        self.can_look = sys.platform.startswith("linux") and kernel_tables.NET.is_dir()
        self._socket = server if isinstance(server, socket.socket) else server.socket
        address = getattr(server, "server_address", None) or self._socket.getsockname()
        self._path = address if isinstance(address, str) else ""
        self._port = address[1] if isinstance(address, tuple) else 0
        self._is_stream = self._socket.type == socket.SOCK_STREAM

    # Looking.

    def __enter__(self) -> "XRay":
        if self.can_look:
            self._began = time.perf_counter()
            self._look()
            self._thread = threading.Thread(target=self._watch, name="xray", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(self._deadline)
            self._look()

    def __getstate__(self) -> dict[str, Any]:
        """Let what was seen be sent home from another process, without what looked at it."""
        return self.__dict__ | {"_socket": None, "_stop": None, "_thread": None}

    def wait_until(self, holds: Callable[[], bool], seconds: float = 8.0) -> None:
        """Wait until `holds()` is true of what has been seen.

        Raises TimeoutError, with all that was seen, after so many seconds. Returns at once where
        nothing can be seen.
        """
        until = time.perf_counter() + seconds
        while self.can_look and not holds():
            if time.perf_counter() > until:
                raise TimeoutError(f"It wasn't seen within {seconds:g} seconds. Seen:\n{self!r}")
            time.sleep(self._every)

    def _watch(self) -> None:
        until = time.perf_counter() + self._deadline
        while not self._stop.wait(self._every) and time.perf_counter() < until:
            self._look()

    def _look(self) -> None:
        now = time.perf_counter() - self._began
        held = kernel_tables.descriptors()
        self.descriptors.append(len(held))
        holders = self._holders(held)
        seen: set[str] = set()
        for end in self._ends(held):
            name = self._name(end)
            seen.add(name)
            lane = self.lanes.setdefault(name, Lane())
            _extend(lane.states, end.state, now)
            is_listener = end.state == "LISTEN"
            _extend(lane.unsent, 0 if is_listener else end.unsent, now)
            _extend(lane.unread, end.unread, now)
            _extend(lane.held, tuple(holders.get(end.number, ())), now)
            if is_listener:
                self.backlog = max(self.backlog, end.unread)
            if name == "socket":
                self._drops.append(end.dropped)
                _extend(lane.dropped, self.dropped, now)
        if known := kernel_tables.backlog(self._socket):
            self.backlog, self.room = max(self.backlog, known[0]), known[1]
        for name, lane in self.lanes.items():
            if name not in seen and lane.states[-1].what:
                _extend(lane.states, "", now)
                _extend(lane.unsent, 0, now)
                _extend(lane.unread, 0, now)
                _extend(lane.held, (), now)

    def _ends(self, held: dict[int, int]) -> Iterator[End]:
        if self._path:
            numbers = {number: descriptor for descriptor, number in held.items() if number}
            for end in kernel_tables.unix_sockets(self._path):
                unsent, unread = 0, 0
                if end.number in numbers and end.state != "LISTEN":
                    unsent, unread = kernel_tables.queued(numbers[end.number])
                yield End("unix", end.local, "", end.state, unsent, unread, end.number)
        elif self._port:
            kind = "tcp" if self._is_stream else "udp"
            for end in kernel_tables.internet_sockets(kind, self._port):
                if end.port == self._port or (self._is_stream and end.remote_port == self._port):
                    yield end

    def _holders(self, held: dict[int, int]) -> dict[int, list[str]]:
        """Return which processes hold each socket: this one, and the children it has forked."""
        found: dict[int, list[str]] = {}
        for number in filter(None, held.values()):
            found.setdefault(number, []).append("this process")
        for child in kernel_tables.children():
            self._numbers.setdefault(f"child {child}", len(self._of("child")) + 1)
            name = f"child {self._numbers[f'child {child}']}"
            for number in filter(None, kernel_tables.descriptors(child).values()):
                found.setdefault(number, []).append(name)
        return found

    def _of(self, kind: str) -> list[str]:
        return [name for name in self._numbers if name.startswith(kind)]

    def _name(self, end: End) -> str:
        if end.state == "LISTEN":
            return "listener"
        if not self._is_stream:
            return "socket"
        if self._path:
            peer = f"peer {end.number}"
            return f"server {self._numbers.setdefault(peer, len(self._of('peer')) + 1)}"
        is_server = end.port == self._port
        peer = f"peer {end.remote if is_server else end.local}"
        number = self._numbers.setdefault(peer, len(self._of("peer")) + 1)
        return f"{'server' if is_server else 'client'} {number}"

    # What was seen.

    def states(self, lane: str) -> list[str]:
        """Return the states of a lane in their order; none for a lane that was never there."""
        known = self.lanes.get(lane, Lane())
        return [stretch.what for stretch in known.states if stretch.what]

    def unsent(self, lane: str) -> int:
        """Return the most bytes of a lane that were sent and not acknowledged at any time."""
        return _most(self.lanes.get(lane, Lane()).unsent)

    def unread(self, lane: str) -> int:
        """Return the most bytes of a lane that had come and weren't read at any time."""
        return _most(self.lanes.get(lane, Lane()).unread)

    def holders(self, lane: str) -> list[tuple[str, ...]]:
        """Return which processes held a lane's socket, in the order in which that changed."""
        known = self.lanes.get(lane, Lane())
        return [stretch.what for stretch in known.held if stretch.what]

    @property
    def dropped(self) -> int:
        """The datagrams that the kernel threw away because the socket's buffer was full."""
        return self._drops[-1] - self._drops[0] if self._drops else 0

    def __repr__(self) -> str:
        if not self.can_look:
            return (
                "Only Linux shows its tables of sockets to every program, so there's no x-ray here."
            )
        return "\n".join(self._told())

    def _told(self) -> Iterator[str]:
        for name, lane in self._sorted():
            states = [
                f"{one.what} from {one.began * 1000:.0f} to {one.ended * 1000:.0f} ms"
                for one in lane.states
                if one.what
            ]
            told = [", then ".join(states), *self._amounts(name, lane)]
            yield f"{name}: {'; '.join(told)}"
        if self.descriptors:
            yield (
                f"descriptors of this process: {self.descriptors[0]} at first, "
                f"{max(self.descriptors)} at most, {self.descriptors[-1]} in the end"
            )

    def _amounts(self, name: str, lane: Lane) -> Iterator[str]:
        if name == "listener":
            room = f" of {self.room}" if self.room else ""
            yield f"at most {self.backlog}{room} in the backlog"
        else:
            if self.unsent(name):
                yield f"at most {_counted(self.unsent(name))} unsent"
            if self.unread(name):
                yield f"at most {_counted(self.unread(name))} unread"
        if name == "socket":
            yield f"{self.dropped} datagram{'s' * (self.dropped != 1)} dropped"
        if any(holder.startswith("child") for holder in lane.holders):
            yield f"held by {', then by '.join(map(listed, self.holders(name)))}"

    def _sorted(self) -> list[tuple[str, Lane]]:
        """Return the listener first, then the two ends of each connection side by side."""

        def place(item: tuple[str, Lane]) -> tuple[int, str]:
            kind, _, number = item[0].partition(" ")
            return (int(number or 0), kind)

        return sorted([*self.lanes.items()], key=place)

    # Drawing.

    def picture(self) -> Picture:
        """Return the drawing: a row for each thread, if a log is known, and for each lane."""
        text = repr(self)
        alt = " ".join(f"{line}." for line in text.splitlines())
        if self._log is not None:
            alt = f"{self._log.timeline().alt} {alt}"
        return Picture(self._drawn(), text, "The kernel's side", alt)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return self.picture()._repr_mimebundle_() if self.can_look else {"text/plain": repr(self)}

    def _drawn(self) -> Drawing:
        sheet = Drawing()
        timeline = self._log.timeline() if self._log is not None else None
        lanes = self._sorted()
        seconds = max((lane.states[-1].ended for _, lane in lanes), default=0.0)
        names = [*(timeline.workers if timeline else ()), *(name for name, _ in lanes)]
        left = max(map(label_width, names), default=60.0) + 12
        axis = Axis(seconds * 1000)
        rows: list[tuple[float, str, Lane | None]] = []
        y = 0.0
        for worker in timeline.workers if timeline else ():
            rows.append((y, worker, None))
            y += 30
        for name, lane in lanes:
            rows.append((y, name, lane))
            y += 30 + 26 * len([*_queues(lane)])
        axis.grid(sheet, left, -4, y + 4)
        for top, name, lane_ in rows:
            sheet.label(left - 12, top + 15, name, "end")
            if lane_ is not None:
                self._lane(sheet, axis, left, top, lane_)
        if timeline:
            timeline.draw(sheet, axis, left, shift=timeline.start - self._began)
        axis.labels(sheet, left, y + 16, "milliseconds")
        used = {one.what for _, lane in lanes for one in lane.states if one.what}
        _legend(sheet, left, y + 74, [state for state in _COLORS if state in used])
        return sheet

    def _lane(self, sheet: Drawing, axis: Axis, left: float, top: float, lane: Lane) -> None:
        for one in lane.states:
            if one.what:
                fill = _COLORS.get(one.what, BLUE)
                x, end = (left + axis.at(1000 * t) for t in (one.began, one.ended))
                sheet.rectangle(x, top + 4, max(end - x, 2), 22, fill, 2)
                if end - x > text_width(one.what):
                    sheet.text((x + end) / 2, top + 15, one.what, fill.ink)
        for number, (what, stretches, fill) in enumerate(_queues(lane)):
            low, most = top + 50 + 26 * number, _most(stretches)
            for one in stretches:
                if one.what:
                    x, end = (left + axis.at(1000 * t) for t in (one.began, one.ended))
                    height = max(20 * one.what / most, 2)
                    sheet.rectangle(x, low - height, max(end - x, 1), height, fill, 0)
            amount = _counted(most) if what in {"unsent", "unread"} else str(most)
            sheet.label(left + axis.WIDTH + 8, low - 10, f"{amount} {what}")


def _legend(sheet: Drawing, x: float, y: float, states: list[str]) -> None:
    """Say which colour is which state: in a short stretch there's no room for its name."""
    for state in states:
        sheet.rectangle(x, y - 9, 18, 18, _COLORS[state])
        sheet.label(x + 24, y, state)
        x += 36 + label_width(state)


def _queues(lane: Lane) -> Iterator[tuple[str, list[Stretch], Fill]]:
    is_listener = any(one.what == "LISTEN" for one in lane.states)
    if _most(lane.unsent):
        yield "unsent", lane.unsent, BLUE
    if _most(lane.unread):
        yield "in the backlog" if is_listener else "unread", lane.unread, ORANGE
    if _most(lane.dropped):
        yield "dropped", lane.dropped, RED
    if any(holder.startswith("child") for holder in lane.holders):
        counts = [Stretch(len(one.what), one.began, one.ended) for one in lane.held]
        yield "processes hold it", counts, PURPLE


def _extend(stretches: list[Stretch], what: Any, now: float) -> None:
    """Note that something is so now: the last stretch goes on, or a new one begins.

    The tables change while they are read, so that a socket may be missing from one look.
    """
    if len(stretches) > 1 and not stretches[-1].what and stretches[-2].what == what:
        stretches.pop()
    if stretches:
        stretches[-1].ended = now
    if not stretches or stretches[-1].what != what:
        stretches.append(Stretch(what, now, now))


def _counted(count: int) -> str:
    return f"{count:,} byte{'s' * (count != 1)}"


def _most(stretches: list[Stretch]) -> int:
    return max((int(one.what) for one in stretches), default=0)


def xray(server: Any, log: Any = None, every: float = EVERY, deadline: float = 30.0) -> XRay:
    """Watch a server's sockets inside a `with` block, from the kernel's side.

        with record(server) as log, xray(server, log) as picture, running(server):
            ...
        picture

    Every `every` seconds, for at most `deadline`, it looks at the tables that Linux shows to each
    program: the state of both ends of every connection, the bytes that wait in their buffers, the
    backlog, the datagrams dropped and the descriptors held. What is over sooner isn't seen. With a
    `log` of `record`, the threads are drawn above, on the same axis. Elsewhere than on Linux
    nothing is seen, and the picture is a sentence that says so.
    """
    return XRay(server, log, every, deadline)
