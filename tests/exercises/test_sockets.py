"""Wrong answers to 01.1-01.4 are told what is wrong with them; right ones pass."""

import codecs
import functools
import io
import re
import selectors
import socket
import socketserver
import threading
from contextlib import closing, nullcontext, suppress

import pytest

from socketlab import check

from .helpers import impatient, message


def relay(
    receive="source.recv(65536)",
    send="sendall(data)",
    last="target.shutdown(socket.SHUT_WR)",
    around="suppress(OSError)",
    at_the_end="suppress(OSError)",
    here="pump(one, other)",
    there="target=pump, args=(other, one)",
    wait="back.join()",
    close="one.close(); other.close()",
):
    """Return a relay, with the given parts as the learner wrote them."""
    source = f"""
def pump(source, target):
    with {around}:
        while data := {receive}:
            target.{send}
    with {at_the_end}:
        {last}
def relay(one, other):
    back = threading.Thread({there}, daemon=True)
    back.start()
    {here}
    {wait}
    {close}
"""
    names = {"socket": socket, "threading": threading}
    names |= {"suppress": suppress, "nullcontext": nullcontext}
    exec(source, names)
    return names["relay"]


def takes_turns(one, other):
    with one, other:
        while True:
            for source, target in ((one, other), (other, one)):
                data = source.recv(1024)
                if not data:
                    return
                target.sendall(data)


def sends_what_fits(one, other):
    """One loop for both directions, as long as there is room."""
    partner = {one: other, other: one}
    with selectors.DefaultSelector() as selector, one, other:
        for end in partner:
            selector.register(end, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                data = b""
                with suppress(OSError):
                    data = key.fileobj.recv(65536)
                    partner[key.fileobj].sendall(data)
                if not data:
                    selector.unregister(key.fileobj)
                    with suppress(OSError):
                        partner[key.fileobj].shutdown(socket.SHUT_WR)


def ends_only_after_success(one, other):
    def pump(source, target):
        with suppress(OSError):
            while data := source.recv(1024):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    with one, other:
        back = threading.Thread(target=pump, args=(other, one))
        back.start()
        pump(one, other)
        back.join()


ALL_AT_ONCE = 'source.makefile("rb").read()'
BOTH = "source.close(); target.close()"
RELAYS = [
    pytest.param(takes_turns, "both ways", "to wait for its turn?", id="takes turns"),
    pytest.param(
        relay(there="target=pump(other, one)"), "both ways", "nothing of b'ahoy'", id="a call"
    ),
    pytest.param(relay(here="pump(one, one)"), "both ways", "back where it came", id="an echo"),
    pytest.param(relay(wait="pass"), "half-close", "only one of its directions", id="no join"),
    pytest.param(
        relay(here="threading.Thread(target=pump, args=(one, other)).start()", close="", wait=""),
        "both ways",
        "waited for, by join()?",
        id="leaves",
    ),
    pytest.param(
        relay(send="sendall(data.decode().encode())", around="nullcontext()"),
        "both ways",
        "UnicodeDecodeError",
        id="text",
    ),
    pytest.param(relay(ALL_AT_ONCE), "both ways", "nothing of b'ahoy'", id="reads it all"),
    pytest.param(relay(send="send(data)"), "every byte", "sendall that sends?", id="learners-12"),
    pytest.param(sends_what_fits, "every byte", "nothing of b'wait'", id="learners-10"),
    pytest.param(relay(last="pass"), "half-close", "and no end after it", id="no end"),
    pytest.param(
        relay(last=BOTH), "half-close", "only one of its directions has ended", id="closes"
    ),
    pytest.param(
        relay(last="target.shutdown(socket.SHUT_RDWR)"),
        "half-close",
        "only one of its directions has ended",
        id="both directions",
    ),
    pytest.param(relay(close="pass"), "half-close", "a connection still open", id="stays open"),
    pytest.param(relay(around="nullcontext()"), "broken off", "ConnectionResetError", id="no try"),
    pytest.param(ends_only_after_success, "broken off", "no end for its partner", id="in the try"),
    pytest.param(
        relay(at_the_end="nullcontext()"), "broken off", "with an exception", id="gone already"
    ),
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("wrong, part, told", RELAYS)
def test_a_wrong_relay_is_told_its_mistake(wrong, part, told, monkeypatch):
    """The message names this very mistake, and nothing is left running."""
    impatient(monkeypatch)
    before = set(threading.enumerate())
    came = next(line for line in message("01.1", part, wrong).splitlines() if "Got:" in line)
    assert told in came
    for thread in set(threading.enumerate()) - before:
        with suppress(RuntimeError):  # it's about to start, and won't
            thread.join(5)
        assert not thread.is_alive()


def test_a_right_relay_passes(capfd):
    check("01.1", relay())
    printed, errors = capfd.readouterr()
    assert [line[:6] for line in printed.splitlines()] == ["✓ 01.1"] * 4
    assert errors == ""


SPINS = 'while not request.endswith(b"\\r\\n\\r\\n"): request += connection.recv(1024)'
CAREFUL = """
    while not request.endswith(b"\\r\\n\\r\\n"):
        request += connection.recv(1) or b"GET gone\\r\\n\\r\\n"
"""


def web(
    receive=SPINS,
    length="len(body)",
    encode=".encode()",
    empty="\\r\\n\\r\\n",
    close="connection.close()",
    kind="Content-Type: text/plain; charset=utf-8\\r\\n",
    end="\\n",
    send="sendall",
):
    """Return a handler, with the given parts as the learner wrote them."""
    source = f"""
def web(connection):
    request = b""
    {receive}
    path = request.decode().split()[1]
    text = f"Señor, you asked for {{path}}{end}"
    body = text.encode()
    head = f"HTTP/1.0 200 OK\\r\\n{kind}Content-Length: {{{length}}}{empty}"
    connection.{send}((head + text){encode})
    {close}
"""
    names = {}
    exec(source, names)
    return names["web"]


LEAVES = """
    while not request.endswith(b"\\r\\n\\r\\n"):
        data = connection.recv(1024)
        if not data:
            return
        request += data
"""
ONCE = "request = connection.recv(65536)"


@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(web(encode=""), "page", "a bytes-like object is required", id="learners-7"),
        pytest.param(web(close="pass"), "length", "no end within", id="stays open"),
        pytest.param(web(empty="\\r\\n"), "length", "without an empty line", id="no empty line"),
        pytest.param(
            web(length="len(text)"), "length", "which is the length of the text", id="characters"
        ),
        pytest.param(web(ONCE), "pieces", "Is recv called once?", id="learners-3"),
        pytest.param(web(), "pieces", "no end", id="spins"),
        pytest.param(
            web("request += connection.recv(1024)", length="99"),
            "length",
            "99, where 31 bytes follow",
            id="a number",
        ),
        pytest.param(web(CAREFUL, kind=""), "page", "without charset=utf-8", id="no type"),
        pytest.param(
            web(CAREFUL, kind="Content-Type: text/plain\\r\\n"),
            "page",
            "without charset=utf-8",
            id="no charset",
        ),
        pytest.param(
            web(CAREFUL, kind="Content-Type: text/plain; charset=utf-8\\n"),
            "page",
            "ended by \\n alone",
            id="a bare line feed",
        ),
        pytest.param(
            web(CAREFUL, empty="\\n\\n"), "page", "ended by \\n alone", id="all bare line feeds"
        ),
        pytest.param(web(CAREFUL, end=""), "page", "the line break is", id="no line break"),
        pytest.param(web(CAREFUL, end="\\r\\n"), "page", "the line break is", id="another break"),
        pytest.param(
            web(CAREFUL, send="send"), "pieces", "Is send's result looked at?", id="learners-12"
        ),
        pytest.param(web(LEAVES), "pieces", "back, and the connection still open", id="leaves"),
    ],
)
def test_a_wrong_page_is_told_its_mistake(answer, part, told, monkeypatch):
    impatient(monkeypatch)
    came = next(line for line in message("01.2", part, answer).splitlines() if "Got:" in line)
    assert told in came


def with_files(connection):
    """Another way: the connection as a file."""
    with connection, connection.makefile("rwb") as file:
        path = file.readline().split()[1].decode()
        while file.readline().strip():
            print("a header")
        text = f"Señor, you asked for {path}\n".encode()
        file.write(b"HTTP/1.1 200 Fine\r\ncontent-type:text/plain;charset=UTF-8\r\n")
        file.write(b"content-length:%d\r\n\r\n" % len(text))
        file.write(text)


def receive_head(connection):
    """Return the lines of a request, or none if the client has gone."""
    head = bytearray()
    for piece in iter(lambda: connection.recv(7), b""):
        head.extend(piece)
        if b"\r\n\r\n" in head:
            return head.decode("latin-1").split("\r\n")
    return []


def in_two_functions(connection):
    lines = receive_head(connection)
    if lines:
        _, path, *_ = lines[0].split(" ")
        body = bytes(f"Señor, you asked for {path}\n", "utf-8")
        head = [
            "HTTP/1.0 200 OK",
            "Content-Type: text/plain; charset=utf-8",
            f"Content-Length: {len(body)}",
        ]
        for line in [*head, ""]:
            connection.sendall(f"{line}\r\n".encode("ascii"))
        connection.sendall(body)
    connection.close()


class WebPage:
    """A callable object, with a template of its own."""

    head = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n"

    def __call__(self, connection):
        with closing(connection):
            seen = b""
            while True:
                more = connection.recv(100)
                seen += more
                if not more:
                    return
                if seen.find(b"\r\n\r\n") != -1:
                    break
            text = "".join(
                ["Señor, you asked for ", re.match(r"\S+ (\S+)", seen.decode())[1], "\n"]
            )
            out = io.BytesIO()
            out.write(self.head % len(text.encode("utf-8")))
            out.write(b"\r\n" + text.encode("utf-8"))
            left = memoryview(out.getvalue())
            while left:
                left = left[connection.send(left) :]


class RequestHandler(socketserver.StreamRequestHandler):
    def handle(self):
        path = self.rfile.readline().decode().partition(" ")[2].partition(" ")[0]
        for line in self.rfile:
            if line == b"\r\n":
                text = f"Señor, you asked for {path}\n".encode()
                self.wfile.write(b"HTTP/1.0 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\n")
                self.wfile.write(b"CONTENT-LENGTH: " + str(len(text)).encode() + b"\r\n\r\n" + text)
                return


def by_a_library_class(connection):
    """Let the standard library receive and send."""
    with connection:
        RequestHandler(connection, None, None)


def raises_when_the_client_has_gone(connection):
    try:
        request = ""
        while "\r\n\r\n" not in request:
            data = connection.recv(1024)
            if data == b"":
                raise ConnectionError("gone")
            request += data.decode("utf-8")
        _, path, _ = request.splitlines()[0].split()
        text = f"Señor, you asked for {path}\n"
        size = len(text.encode())
        answer = f"""\
HTTP/1.0 200 OK
Content-Type: text/plain; charset=utf-8
Content-Length: {size}

""".replace("\n", "\r\n")
        connection.sendall((answer + text).encode("utf8"))
    except ConnectionError:
        pass
    finally:
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()


@pytest.mark.parametrize(
    "answer",
    [
        web(CAREFUL),
        with_files,
        in_two_functions,
        WebPage(),
        by_a_library_class,
        raises_when_the_client_has_gone,
        functools.partial(in_two_functions),
    ],
)
def test_a_right_page_passes(answer):
    check("01.2", answer)


def shout(
    read="line = read_line(connection)",
    until="if not line: break",
    answer="line.decode().upper().encode()",
    send="sendall",
    close="connection.close()",
):
    """Return a handler, with the given parts as the learner wrote them."""
    source = f"""
def read_line(connection):
    line = b""
    while not line.endswith(b"\\n") and (byte := connection.recv(1)):
        line += byte
    return line
def shout(connection):
    while True:
        {read}
        {until}
        connection.{send}({answer})
    {close}
"""
    names = {}
    exec(source, names)
    return names["shout"]


def as_found(connection):
    data = connection.recv(1024)
    connection.send(data.decode().upper())


def once(connection):
    with connection:
        data = connection.recv(65536)
        connection.sendall(data.decode().upper().encode())


PIECE = "line = connection.recv(1024)"


@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(as_found, "bytes", "a bytes-like object is required", id="learners-7"),
        pytest.param(once, "second line", "is there no loop?", id="learners-8"),
        pytest.param(shout(PIECE), "pieces", "decoded before the whole line", id="learners-3"),
        pytest.param(
            shout(PIECE, answer="line.upper()"), "pieces", "before the line break", id="no decode"
        ),
        pytest.param(shout(send="send"), "long line", "Is send's result", id="learners-12"),
        pytest.param(shout(until=""), "goodbye", "although recv gives b''", id="spins"),
        pytest.param(shout(close="pass"), "goodbye", "still open", id="stays open"),
    ],
)
def test_a_bug_left_in_is_named(answer, part, told, monkeypatch):
    impatient(monkeypatch)
    came = next(line for line in message("01.3", part, answer).splitlines() if "Got:" in line)
    assert told in came


def shout_by_file(connection):
    with connection, connection.makefile(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            connection.sendall(line.upper().encode())


def shout_by_hand(connection):
    rest = b""
    while data := connection.recv(4096):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            answer = line.decode().upper().encode() + b"\n"
            while answer:
                answer = answer[connection.send(answer) :]
    connection.close()


def lines_of(connection):
    """Yield the lines as they come."""
    buffer = bytearray()
    while (piece := connection.recv(100)) != b"":
        buffer += piece
        while (end := buffer.find(b"\n")) >= 0:
            yield bytes(buffer[: end + 1])
            del buffer[: end + 1]


def shout_by_generator(connection):
    try:
        for line in lines_of(connection):
            connection.sendall(bytes(str(line, "utf-8").upper(), "utf-8"))
    finally:
        connection.close()


class Shouter(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.decode().upper().encode())


def shout_by_class(connection):
    with connection:
        Shouter(connection, ("", 0), None)


def shout_by_codec(connection):
    """Decode piece by piece, by a decoder that keeps half an ñ."""
    decoder, text = codecs.getincrementaldecoder("utf-8")(), ""
    while data := connection.recv(512):
        text += decoder.decode(data)
        *whole, text = text.splitlines(keepends=True) or [""]
        if text.endswith("\n"):
            whole, text = [*whole, text], ""
        for line in whole:
            connection.sendall(line.upper().encode())
    connection.shutdown(socket.SHUT_WR)
    connection.close()


SHOUTS = [
    shout(),
    shout_by_file,
    shout_by_hand,
    shout_by_generator,
    shout_by_class,
    shout_by_codec,
    functools.partial(shout_by_hand),
]


@pytest.mark.parametrize("answer", SHOUTS)
def test_a_mended_handler_passes(answer):
    check("01.3", answer)


def forecast(
    stream=(b"one t", b"wo three"),
    datagrams=(b"one ", b"two "),
    end=(b"bye", b"", b""),
    second=(True, True, False, True),
    calls=(1, 3),
):
    return stream, datagrams, end, second, calls


@pytest.mark.parametrize(
    "answer, part, told",
    [
        pytest.param(
            forecast([b"one ", b"two "]), "stream", "One recv isn't one send", id="learners-3"
        ),
        pytest.param(forecast(["one t", "wo three"]), "stream", "of type str", id="learners-7"),
        pytest.param(
            forecast(datagrams=[b"one two ", b""]), "datagrams", "don't grow together", id="grow"
        ),
        pytest.param(forecast(end=[b"bye", b"", None]), "the end", "of type NoneType", id="waits"),
        pytest.param(forecast(end=[b"bye", b"bye", b""]), "the end", "has finished", id="again"),
        pytest.param(
            forecast(second=[True, True, True, True]),
            "second client",
            "synchronous server",
            id="learners-10",
        ),
        pytest.param(
            forecast(second=[False, True, False, True]), "second client", "queue", id="learners-18"
        ),
        pytest.param(forecast(calls=[3, 3]), "calls", "not once for each message", id="learners-8"),
        pytest.param(forecast(calls=1), "calls", "not a list", id="a number"),
    ],
)
def test_a_wrong_forecast_is_told_why(answer, part, told):
    came = next(line for line in message("01.4", part, *answer).splitlines() if "Got:" in line)
    assert told in came


def test_a_right_forecast_passes():
    check("01.4", *forecast())
