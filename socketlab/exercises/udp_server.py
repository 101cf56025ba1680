"""Checks of chapter 04: UDPServer, a name server, a log server, an echo to fix, predictions."""

import errno
import itertools
import logging
import reprlib
import shutil
import socket
import struct
import subprocess
from contextlib import suppress
from logging.handlers import SysLogHandler
from typing import Any

from minisocketserver import UDPServer

from ..checks.bench import Bench
from ..checks.case import ANY_PORT, PATIENCE, Case, CaseError
from ..checks.core import load
from ..checks.datagrams import ask, handle_waiting, postbox, when_nobody_reads
from ..checks.handlers import DatagramEcho
from ..checks.hooks import ServerMixin
from ..checks.predictions import compare_letter

EXERCISES = load(__file__)
chapter = EXERCISES["04"]

SLIPS = {
    errno.EOPNOTSUPP: "did server_activate call listen()?",
    errno.EINVAL: "did server_activate bind the socket a second time?",
}
"""What the errors of a constructor come from."""


def make(case: Case, server_class: Any, handler: Any = DatagramEcho) -> Any:
    """Return the learner's server, made as every program makes one."""
    try:
        return case.call(server_class, ANY_PORT, handler)
    except CaseError as failure:
        slip = SLIPS.get(getattr(failure.__cause__, "errno", 0))
        if failure.got.endswith("() takes no arguments"):
            slip = "it has no constructor. Does it derive from TCPServer, by @reopen or otherwise?"
        if slip:
            case.fail(f"{failure.got}; {slip}", failure.__cause__)
        raise


@chapter.check("letterbox")
def letterbox(bench: Bench, UDPServer: Any) -> None:
    case = bench.case(
        called='UDPServer(("127.0.0.1", 0), Echo)',
        expected="a datagram socket, bound to a port that the kernel chose, as server_address says",
        why="listen() means 'take calls', and no call will come. A letterbox only needs an "
        "address.",
    )
    server = make(case, UDPServer)
    kind = socket.SocketKind(server.socket.type)
    case.want(
        kind == socket.SOCK_DGRAM,
        f"a socket of the type {kind.name}: socket_type is still that of TCPServer",
    )
    case.want(
        server.server_address == server.socket.getsockname() and server.server_address[1],
        f"server_address is {server.server_address!r}",
    )


@chapter.check("pair")
def pair(bench: Bench, UDPServer: Any) -> None:
    case = bench.case(
        called="get_request(), twice, after two clients have sent a datagram each",
        expected="((data, the server's socket), the client's address), one for each datagram",
        why="Nothing is accepted: to take a datagram is to read it. Bytes alone can't send an "
        "answer, so the handler gets a pair, (data, socket), and the address to answer.",
    )
    server = make(case, UDPServer)
    with postbox() as first, postbox() as second:
        for client, card in ((first, b"first"), (second, b"second")):
            client.sendto(card, server.server_address)
        for client, card in ((first, b"first"), (second, b"second")):
            _want_card(case, server, card, client.getsockname())


def _request(case: Case, server: Any) -> tuple[Any, Any, Any]:
    """Return data, socket and client address of the server's next request."""
    try:
        got = case.call(server.get_request)
    except CaseError as failure:
        if getattr(failure.__cause__, "errno", None) == errno.EOPNOTSUPP:
            case.fail(f"{failure.got}; there is nothing to accept", failure.__cause__)
        raise
    case.want(
        got is not None, "None, not a pair of request and address: does it return on each path?"
    )
    case.want(
        isinstance(got, tuple) and len(got) == 2, f"{got!r}, not a pair of request and address"
    )
    request, client_address = got
    case.want(
        isinstance(request, tuple) and len(request) == 2,
        f"the request {reprlib.repr(request)}, not a pair (data, socket)",
    )
    data, _ = request
    case.want(
        isinstance(data, bytes | bytearray | memoryview), f"the data {data!r}, which isn't bytes"
    )
    return *request, client_address


def _want_card(case: Case, server: Any, card: bytes, sender: Any) -> None:
    data, sock, client_address = _request(case, server)
    case.want(data == card, f"the data {data!r} where {card!r} came in")
    case.want(
        sock is server.socket, f"{sock!r} where the handler looks for the socket to answer with"
    )
    case.want(
        client_address == sender,
        f"the client address {client_address!r}; the client wrote from {sender}",
    )


class NotesEnds(ServerMixin):
    """Notes which requests are over."""

    ended: tuple[Any, ...] = ()

    def close_request(self, request: Any) -> None:
        self.ended = (*self.ended, request)
        super().close_request(request)


@chapter.check("next card")
def next_card(bench: Bench, UDPServer: Any) -> None:
    case = bench.case(
        called="serve_forever(), for two clients in turn",
        expected="both answered, close_request called for each, and the server's socket still open",
        why="The socket in the request is the server's own, the only one there is. A datagram "
        "leaves nothing to say goodbye to and nothing to close. The two hooks are still called: "
        "programs override them to learn that a request is over.",
    )
    noted = bench.subclass(NotesEnds, UDPServer)
    with case.serving(make(case, noted)) as server:
        for card in (b"first", b"second"):
            with postbox() as client:
                try:
                    got = ask(case, client, card, server.server_address)
                finally:  # the cause, told in place of a client's vain wait
                    _want_open(case, server)
                    _want_no_goodbye(case)
            case.want(got == card, f"{got!r} back for {card!r}")
    case.want(not bench.records.errors, "answers, but each ended with an error")
    ended = server.ended
    case.want(len(ended) == 2, f"two requests, and {len(ended)} calls of close_request")
    wanted = ((b"first", server.socket), (b"second", server.socket))
    case.want(
        ended == wanted,
        f"close_request for {reprlib.repr(ended[0])} and {reprlib.repr(ended[1])}, not for the "
        "requests that are over",
    )


def _want_open(case: Case, server: Any) -> None:
    case.want(
        server.socket.fileno() != -1,
        "the socket in self.request was closed after a card: it is the server's own",
    )


def _want_no_goodbye(case: Case) -> None:
    gone = any(
        isinstance(error, AttributeError)
        and any(f"attribute {name!r}" in str(error) for name in ("shutdown", "close"))
        for error in case.bench.records.errors
    )
    case.want(not gone, "a goodbye to a pair, as if it were a connection")


@chapter.check("cut")
def cut(bench: Bench, UDPServer: Any) -> None:
    case = bench.case(
        called="get_request(), for datagrams of just the size that fits, and longer ones",
        expected="max_packet_size bytes at most, and handle_truncation(client_address) where more "
        "were sent",
        why="The rest of a long datagram never comes: the kernel throws it away without a word. "
        "Only a byte more than the limit shows that there was more.",
    )
    told: list[Any] = []

    class Watchful(UDPServer):  # type: ignore[misc]
        def handle_truncation(self, client_address: Any) -> None:
            told.append(client_address)

    class Small(Watchful):
        max_packet_size = 100

    for watched, sent, size in (
        (Watchful, 8192, 8192),
        (Watchful, 9000, 8192),
        (Small, 100, 100),
        (Small, 101, 100),
    ):
        told.clear()
        server = make(case, watched)
        with postbox() as client:
            client.sendto(bytes(sent), server.server_address)
            got = len(_request(case, server)[0])
            words = f"{sent} bytes sent with a max_packet_size of {size}"
            case.want(got == size, f"{got} bytes for {words}")
            cut = [client.getsockname()] if sent > size else []
            case.want(
                len(told) == len(cut),
                f"calls of handle_truncation: {len(told)}, not {len(cut)}, for {words}",
            )
            case.want(
                told == cut, f"handle_truncation called with {told}; the client wrote from {cut}"
            )


@chapter.check("once")
def once(bench: Bench, pay_in_once: Any) -> None:
    case = bench.case(
        called="pay_in_once, for questions from two clients, some of them asked again",
        expected="each paid in once, and the same answer each time that it is asked",
        why="A client that hears nothing asks again, and the server can't know what was lost, the "
        "question or the answer. Every client begins with number 1.",
    )
    server = letterbox_for(bench, pay_in_once)
    server.purse, server.answers = 0, {}
    with case.serving(server), postbox() as one, postbox() as two:
        for client, question, total, when in (
            (one, b"1 10", 10, "for a new question"),
            (one, b"1 10", 10, "when the same question came again"),
            (two, b"1 5", 15, "when another client asked with the same number"),
            (one, b"2 5", 20, "for a new question of the first client"),
            (one, b"1 10", 10, "when the first question came again, after others"),
        ):
            with case.in_words(f"{{}}, {when}"):
                got = ask(case, client, question, server.server_address)
            answer = f"{total} in the purse".encode()
            case.want(got == answer, f"{got!r} {when}, not {answer!r}")
    errors = bench.records.errors
    is_stub = any(isinstance(error, NotImplementedError) for error in errors)
    case.want(
        not is_stub,
        "the right answers, and each time NotImplementedError after that: is the stub's raise "
        "still below your lines?",
        alone=True,
    )
    case.want(not errors, "the right answers, and then an error")


names = EXERCISES["04.1"]

A, AAAA, INTERNET = 1, 28, 1
"""Types of addresses, and the class that all have in common (RFC 1035, RFC 3596)."""
IS_ANSWER, WANTS_MORE, NO_SUCH_NAME = 0x8000, 0x0100, 3
HEADER, KIND = struct.Struct("!6H"), struct.Struct("!2H")
EDNS = bytes((0, 0, 41, 4, 208)) + bytes(6)
"""The extra record in which today's resolvers say how long an answer they can take (RFC 6891)."""
NUMBERS = itertools.count(4242)


def _question(name: str, kind: int = A) -> bytes:
    labels = (bytes([len(label)]) + label for label in name.encode().split(b"."))
    return b"".join(labels) + b"\0" + KIND.pack(kind, INTERNET)


def _resolve(
    case: Case, client: socket.socket, server: Any, name: str, kind: int = A, after: str = ""
) -> tuple[int, bytes]:
    """Return the code of an answer, and its record, read as strictly as a resolver reads it."""
    number, question = next(NUMBERS) % 65_536, _question(name, kind)
    query = HEADER.pack(number, WANTS_MORE, 1, 0, 0, 1) + question + EDNS
    got = ask(case, client, query, server.server_address)
    shown = reprlib.repr(got)
    case.want(len(got) >= HEADER.size, f"{shown}, which is shorter than a header")
    its_number, flags, questions, *counts = HEADER.unpack_from(got)
    case.want(not after or its_number == number, f"{shown} came back for {after}")
    case.want(
        its_number == number,
        f"an answer with the number {its_number} to the question {number}: a resolver ignores it",
    )
    case.want(flags & IS_ANSWER, f"the flags {flags:#06x}, as if this were a question, too")
    is_repeated = questions == 1 and got.startswith(question, HEADER.size)
    case.want(is_repeated, f"{shown}, where the question isn't repeated as it came")
    record = got[HEADER.size + len(question) :]
    case.want(
        counts == [bool(record), 0, 0],
        f"a header that counts {counts} records, and {len(record)} bytes behind the question",
    )
    return flags & 15, record


def _want_address(
    case: Case, client: socket.socket, server: Any, name: str, ip: str, after: str = ""
) -> None:
    code, record = _resolve(case, client, server, name, after=after)
    case.want(code == 0, f"the code {code} for {name}, which is there")
    case.want(record, f"no record for {name}")
    owners = (b"\xc0\x0c", _question(name)[: -KIND.size].lower())
    owner = next((one for one in owners if record.lower().startswith(one)), b"")
    case.want(owner, f"the record {record!r}, which begins with another name")
    kind, address = record[len(owner) :][:4], record[len(owner) :][8:]
    case.want(kind == KIND.pack(A, INTERNET), f"a record of the type and class {kind!r}")
    wanted = b"\0\4" + socket.inet_aton(ip)
    case.want(address == wanted, f"{address!r}, where {wanted!r} is the size and {ip}")


def _want_dig(case: Case, server: Any, name: str, ip: str) -> None:
    """Ask with dig, where there is one; not for a grade, which mustn't depend on that."""
    program = shutil.which("dig")
    if program is None or case.bench.is_elsewhere:
        return
    host, port = server.server_address
    command = [program, f"@{host}", "-p", str(port), "+short", "+tries=1", "+time=2", name, "A"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    said = done.stdout.strip()
    case.want(said == ip, f"{said!r} from dig, where {ip} was wanted")


def _name_server(case: Case, server_class: Any, name: str, ip: str) -> Any:
    return make(case, case.bench.subclass(server_class, name=name, ip=ip), None)


@names.check("address")
def address(bench: Bench, NameServer: Any) -> None:
    case = bench.case(
        called="NameServer, asked for the address of its own name as a resolver asks",
        expected="the number of the question, the flag of an answer, the question as it came, and "
        "one record: type A, class 1, four bytes",
        why="A resolver believes an answer only if it has the number and the question that it sent "
        "itself, and it reads exactly as many records as the header counts.",
    )
    for name, ip in (("harbour.example", "192.0.2.7"), ("mole.harbour.test", "198.51.100.23")):
        server = _name_server(case, NameServer, name, ip)
        with case.serving(server), postbox() as client:
            _want_address(case, client, server, name, ip)
            _want_dig(case, server, name, ip)


@names.check("capitals")
def capitals(bench: Bench, NameServer: Any) -> None:
    case = bench.case(
        called="NameServer, asked for its name in other letters",
        expected="the address, and the question repeated with the very letters that came",
        why="In names, capital and small letters are alike (RFC 4343). Resolvers mix them on "
        "purpose and compare the question that comes back, which makes answers harder to forge.",
    )
    for name, asked in (
        ("harbour.example", "HARBOUR.EXAMPLE"),
        ("harbour.example", "hArBoUr.eXaMpLe"),
        ("Mole.Example", "mole.example"),
    ):
        server = _name_server(case, NameServer, name, "192.0.2.7")
        with case.serving(server), postbox() as client:
            _want_address(case, client, server, asked, "192.0.2.7")


@names.check("others")
def others(bench: Bench, NameServer: Any) -> None:
    case = bench.case(
        called="NameServer, asked for other names, and for an IPv6 address (AAAA) of its own name",
        expected="the code 3 for a name that isn't there, 0 for its own name, and no record",
        why="Code 3, NXDOMAIN, means that the name isn't there at all. Where only the type is "
        "missing, that would be a lie: a resolver may then stop asking for the name's A, too.",
    )
    server = _name_server(case, NameServer, "harbour.example", "192.0.2.7")
    with case.serving(server), postbox() as client:
        for asked in ("other.example", "mole.harbour.example", "harbour.example.com", "example"):
            code, record = _resolve(case, client, server, asked)
            case.want(not record, f"a record for {asked}, which isn't there")
            case.want(code == NO_SUCH_NAME, f"the code {code} for {asked}, which isn't there")
        code, record = _resolve(case, client, server, "harbour.example", AAAA)
        case.want(not record, "a record for AAAA, where there's only an A")
        case.want(code == 0, f"the code {code} for AAAA, although the name is there")


GARBAGE = {
    "an empty datagram": b"",
    "a line of text": b"ahoy, which ship is that?",
    "a header without a question": HEADER.pack(7, WANTS_MORE, 1, 0, 0, 0),
    "a header that counts none of the questions behind it": HEADER.pack(7, WANTS_MORE, 0, 0, 0, 0)
    + _question("harbour.example"),
    "a name that ends in the middle": HEADER.pack(7, WANTS_MORE, 1, 0, 0, 0) + b"\7harb",
    "a question without type and class": HEADER.pack(7, WANTS_MORE, 1, 0, 0, 0)
    + _question("harbour.example")[:-4],
    "the answer of another server": HEADER.pack(7, IS_ANSWER, 1, 0, 0, 0)
    + _question("harbour.example"),
}
"""What a name server also gets; it has no answer to any of it."""


@names.check("garbage")
def garbage(bench: Bench, NameServer: Any) -> None:
    case = bench.case(
        called="NameServer, for what isn't a question, and each time for a question after it",
        expected="nothing for the first, no error, and an answer to the question",
        why="Anyone can send anything to a letterbox. A server that answers garbage helps to flood "
        "others, and two that answer each other's answers never stop.",
    )
    server = _name_server(case, NameServer, "harbour.example", "192.0.2.7")
    with case.serving(server), postbox() as client:
        for what, card in GARBAGE.items():
            client.sendto(card, server.server_address)
            with case.in_words(f"{{}}, after {what}", only="no answer"):
                _want_address(case, client, server, "harbour.example", "192.0.2.7", after=what)
            case.want(not bench.records.errors, f"an error, for {what}")


log = EXERCISES["04.2"]

CARDS = (
    (SysLogHandler.LOG_USER, logging.DEBUG, "debug: all's well"),
    (SysLogHandler.LOG_USER, logging.INFO, "info: all's well"),
    (SysLogHandler.LOG_MAIL, logging.WARNING, "warning: all's well"),
    (SysLogHandler.LOG_LOCAL0, logging.ERROR, "error: all's well"),
    (SysLogHandler.LOG_LOCAL7, logging.CRITICAL, "critical: all's well"),
)


def letterbox_for(bench: Bench, handler: Any) -> Any:
    """Return a server of the bench whose requests are taken one by one, in the check's own time."""
    server: Any = bench.there(UDPServer, ANY_PORT, handler)
    server.timeout = PATIENCE
    server.log = []
    server.handle_error = bench.records.handle_error
    return server


def log_to(case: Case, server: Any, facility: int, level: int, text: str) -> str:
    """Let a logging program send one line, have it served, return what was noted of it."""
    before = len(server.log)
    program = logging.Logger("program")
    sender = SysLogHandler(server.server_address, facility)
    program.addHandler(sender)
    program.log(level, text)
    sender.close()
    case.call(server.handle_request)
    _want_list(case, server)
    number = sender.encodePriority(facility, sender.mapPriority(logging.getLevelName(level)))
    case.want(
        len(server.log) == before + 1,
        f"{len(server.log) - before} lines in server.log for the card '<{number}>{text}\\x00'",
    )
    return str(server.log[-1])


def _want_list(case: Case, server: Any) -> None:
    case.want(
        isinstance(server.log, list),
        f"server.log is {server.log!r} now, and no list: append to the one that's there",
    )


@log.check("severity")
def severity(bench: Bench, LogDesk: Any) -> None:
    case = bench.case(
        called="LogDesk, for cards from logging's SysLogHandler, from programs, mail and others",
        expected="a line such as 'error: all's well' in server.log, for each card",
        why="The number on a card is eight times the facility, which says what kind of program is "
        "speaking, plus the severity. Not every program speaks as 1, a user's.",
    )
    server = letterbox_for(bench, LogDesk)
    for facility, level, line in CARDS:
        got = log_to(case, server, facility, level, "all's well")
        word = line.partition(":")[0]
        case.want(
            got.partition(":")[0] == word,
            f"{got!r} for a card with the severity {word!r}, from the facility {facility}",
        )
    _all_eight(case, server)


SEVERITIES = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")


def _all_eight(case: Case, server: Any) -> None:
    """Want the word for each severity, also for those that Python's logging never sends."""
    with postbox() as client:
        for place, word in enumerate(SEVERITIES):
            for part in (0, 3, 23):
                card = f"<{8 * part + place}>ahoy\0".encode()
                client.sendto(card, server.server_address)
                case.call(server.handle_request)
                _want_list(case, server)
                got = server.log[-1]
                case.want(got == f"{word}: ahoy", f"{got!r} for the card {card!r}")


@log.check("text")
def text(bench: Bench, LogDesk: Any) -> None:
    case = bench.case(
        called="LogDesk, for messages that logging's SysLogHandler sends",
        expected="the severity, a colon, a space, and the message, letter by letter",
        why="The number ends at the first '>'. What follows is the message, in UTF-8, and a zero "
        "byte that isn't part of it.",
    )
    server = letterbox_for(bench, LogDesk)
    for message in ("aground", "wind > 9, <waves> high", "Kurs Süd", " a blank at each end "):
        got = log_to(case, server, SysLogHandler.LOG_USER, logging.ERROR, message)
        case.want(not got.endswith("\0"), f"{got!r}: the zero byte is still there")
        case.want(got == f"error: {message}", f"{got!r} for the message {message!r}")


@log.check("silence")
def silence(bench: Bench, LogDesk: Any) -> None:
    case = bench.case(
        called="LogDesk, for two cards",
        expected="two lines in server.log, no answer, and the server's socket still open",
        why="No program reads an answer to a line of its log. The standard library's "
        "DatagramRequestHandler always replies, with an empty datagram if nothing was written.",
    )
    server = letterbox_for(bench, LogDesk)
    with postbox() as client:
        for _ in range(2):
            client.sendto(b"<11>aground\0", server.server_address)
            case.call(server.handle_request)
            _want_open(case, server)
            _want_list(case, server)
        case.want(len(server.log) == 2, f"{len(server.log)} lines in server.log")
        client.setblocking(False)
        with suppress(BlockingIOError):
            case.fail(f"the answer {client.recv(8192)!r} to a card that asked nothing")


bug = EXERCISES["04.3"]


def echo_desk(bench: Bench, handler: Any) -> Any:
    """Return a server of the bench for the learner's handler."""
    server: Any = bench.there(UDPServer, ANY_PORT, handler)
    server.served = 0
    return server


@bug.check("address")
def answers_the_sender(bench: Bench, EchoHandler: Any) -> None:
    case = bench.case(
        called="EchoHandler, on a UDPServer of the bench, for one client",
        expected="the card back, at the address it came from",
        why="self.request is a pair (data, socket), and the sender's address is client_address. "
        "server_address is the server's own letterbox: a card sent there comes in again.",
    )
    with case.serving(echo_desk(bench, EchoHandler)) as server, postbox() as client:
        got = ask(case, client, b"ahoy", server.server_address)
        case.want(got == b"ahoy", f"{got!r} back for b'ahoy'")


@bug.check("each its own")
def each_its_own(bench: Bench, EchoHandler: Any) -> None:
    case = bench.case(
        called="EchoHandler, for a client, then for another, then for the first again",
        expected="each gets back what it sent itself, and three are counted in server.served",
        why="handle() is called once for each datagram, whichever client sent it. A handler that "
        "reads on takes another client's card, and keeps the server waiting meanwhile.",
    )
    with case.serving(echo_desk(bench, EchoHandler)) as server, postbox() as one, postbox() as two:
        for client, card in ((one, b"one"), (two, b"two"), (one, b"three" * 1000)):
            try:
                got = ask(case, client, card, server.server_address)
            except CaseError as failure:
                one.setblocking(False)
                with suppress(OSError):
                    stray = one.recv(8192)
                    case.fail(f"{stray!r} at the first client, and {failure.got}")
                raise
            case.want(
                got == card,
                f"{len(got)} bytes back for {len(card)}: {reprlib.repr(got)} for "
                f"{reprlib.repr(card)}",
            )
        _want_end(case, server)
        case.want(server.served == 3, f"each its own, and {server.served} in server.served")


def _want_end(case: Case, server: Any) -> None:
    try:
        case.call(server.shutdown)
    except CaseError:
        case.fail(f"an answer, and then no end of handle(){case.bench.whereabouts()}")


@bug.check("open")
def stays_open(bench: Bench, EchoHandler: Any) -> None:
    case = bench.case(
        called="EchoHandler, for one card",
        expected="an answer, no error, and the server's socket still open",
        why="The socket in self.request isn't a connection to the client. It's the server's own, "
        "the only one there is: a handler that closes it has closed the server.",
    )
    with case.serving(echo_desk(bench, EchoHandler)) as server, postbox() as client:
        try:
            ask(case, client, b"ahoy", server.server_address)
            _want_end(case, server)
        finally:
            _want_open(case, server)
    case.want(not bench.records.errors, "an answer, and then an error")


@bug.check("empty")
def empty(bench: Bench, EchoHandler: Any) -> None:
    case = bench.case(
        called="EchoHandler, for an empty datagram",
        expected="an empty datagram back",
        why="b'' means 'the other side has finished' on a connection. A datagram of no bytes is a "
        "datagram like any other (RFC 862: what is received is sent back).",
    )
    with case.serving(echo_desk(bench, EchoHandler)) as server, postbox() as client:
        got = ask(case, client, b"", server.server_address)
        case.want(got == b"", f"{got!r} back for b''")
        _want_end(case, server)
    case.want(server.served == 1, f"an empty card back, and {server.served} in server.served")


predict = EXERCISES["04.4"]


def _compare_whole(case: Case, guess: Any, real: list[int], misread: dict[Any, str]) -> None:
    told = misread.get(tuple(guess), "but a run on this machine saw something else")
    case.want(list(guess) == real, f"{list(guess)}, {told}")


SIZES = (3, 0, 9000, 5)


@predict.prediction(
    "arrived",
    beside=f"a run just now: datagrams of {SIZES} bytes for a UDPServer",
    expected="the sizes that the handler saw in that run, as a list",
    why="A datagram is a message, not a piece of a stream. What's longer than max_packet_size is "
    "cut, and the rest is gone. An empty one is a message too.",
    misread={
        SIZES: "as if a card could be as long as it likes; this letterbox takes 8192 bytes",
        (3, 0, 8192, 808, 5): "as if the rest of the long card came later; that is what a stream "
        "does",
        (3, 8192, 808, 5): "as if the rest came later, as in a stream, and the empty card never",
        (3, 8192, 5): "as if the empty card did not arrive; it is a datagram like any other",
        (3,): "as if the empty card ended it all; that is how a connection ends",
        (3, 0): "as if the long card broke the server; it is only cut",
        (3, 0, 5): "as if the long card were thrown away as a whole; here only its rest is",
        (3, 5): "as if only short cards with something on them arrived",
        (9008,): "as if the cards were joined into one; that is what a stream does",
        (8200,): "as if the cards were joined into one; that is what a stream does",
    },
    compare=_compare_whole,
)
def arrived(case: Case, arrived: Any) -> list[int]:
    case.want(
        isinstance(arrived, (list, tuple)) and all(isinstance(size, int) for size in arrived),
        f"{arrived!r}, not a list of numbers",
    )
    sizes: list[int] = []
    server = letterbox_for(case.bench, lambda request, *_: sizes.append(len(request[0])))
    with postbox() as client:
        for size in SIZES:
            client.sendto(bytes(size), server.server_address)
    handle_waiting(server)
    return sizes


@predict.prediction(
    "purses",
    beside="a run just now: 10 paid in, with two losses, at both servers",
    expected="what was in each purse after the answer had been heard, as a list of two numbers",
    why="A lost question leaves the work undone, a lost answer leaves it done, and to the client "
    "both are silence. Without a number on the card the server does the work again.",
    misread={
        (10, 10): "as if the work were undone when its answer is lost",
        (30, 10): "as if the card that was lost on its way had been paid in, too",
        (20, 20): "as if the second server could not recognise a card; its number tells",
        (30, 30): "as if each card sent were paid in, also those lost and those known",
        (10, 20): "the other way round: it is the number that saves from paying twice",
    },
    compare=_compare_whole,
)
def purses(case: Case, purses: Any) -> list[int]:
    are_two = isinstance(purses, (list, tuple)) and len(purses) == 2
    case.want(are_two, f"{purses!r}, not a list of two")
    return [_paid_in(case.bench, numbered) for numbered in (False, True)]


def _paid_in(bench: Bench, numbered: bool) -> int:
    """Return what is in the purse after three tries through a sea that loses two cards."""
    purse, answers = [0], {}

    def pay_in(request: Any, client_address: Any, server: Any) -> None:
        data, sock = request
        number, amount = data.split()
        key = client_address, number
        if not numbered or key not in answers:
            purse[0] += int(amount)
            answers[key] = str(purse[0]).encode()
        sock.sendto(answers[key], client_address)

    server = letterbox_for(bench, pay_in)
    with postbox() as client, postbox() as sea:
        for lost in ("question", "answer", ""):
            client.sendto(b"1 10", sea.getsockname())
            card, home = sea.recvfrom(8192)
            if lost == "question":
                continue
            sea.sendto(card, server.server_address)
            server.handle_request()
            answer = sea.recv(8192)
            if lost != "answer":
                sea.sendto(answer, home)
        return int(client.recv(8192))


@predict.prediction(
    "queue",
    beside="a run just now: 5,000 datagrams of 1000 bytes, while the server isn't reading",
    expected="the letter of what that run gave",
    why="A socket's queue is limited. When it's full, the kernel throws away what comes next, and "
    "sendto still says that all bytes were sent.",
    misread={
        "A": "as if a queue had no end",
        "B": "as if the sender were made to wait; that is what a stream does",
        "C": "as if the queue had room for so few, but this one has",
        "D": "as if the sender heard of what was lost",
    },
    compare=compare_letter,
)
def queue(bench: Bench) -> str:
    count: list[int] = []
    server = letterbox_for(bench, lambda *_: count.append(1))
    server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 200_000)
    with postbox() as client:
        return when_nobody_reads(client, server, count)
