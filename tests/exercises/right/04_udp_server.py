# ruff: noqa
# fmt: off
# Right answers, written from the tasks' text, each as its author would have it.

# %% 04.1 a dictionary for the question, exceptions of its own
HEADER = struct.Struct("!6H")
KIND = struct.Struct("!2H")
RECORD = struct.Struct("!3HIH4s")


class Nonsense(Exception):
    pass


def read_name(query, place):
    labels = []
    while True:
        if place >= len(query):
            raise Nonsense("the name ends too early")
        size = query[place]
        place += 1
        if size == 0:
            return b".".join(labels), place
        if size > 63:
            raise Nonsense("not a length")
        labels.append(query[place : place + size])
        place += size


class NameServer(UDPServer):
    name = "harbour.example"
    ip = "192.0.2.7"

    def finish_request(self, request, client_address):
        query, sock = request
        try:
            question = self.parse(query)
        except Nonsense:
            return
        sock.sendto(self.answer(question), client_address)

    def parse(self, query):
        if len(query) < HEADER.size:
            raise Nonsense("too short for a header")
        number, flags, count, _, _, _ = HEADER.unpack(query[: HEADER.size])
        if flags & 0x8000:
            raise Nonsense("an answer")
        if count != 1:
            raise Nonsense("not one question")
        name, end = read_name(query, HEADER.size)
        if len(query) < end + KIND.size:
            raise Nonsense("no type")
        kind, family = KIND.unpack(query[end : end + KIND.size])
        raw = query[HEADER.size : end + KIND.size]
        return {"number": number, "name": name, "kind": kind, "family": family, "raw": raw}

    def answer(self, question):
        code, records = 0, b""
        if question["name"].lower() != self.name.lower().encode():
            code = 3
        elif question["kind"] == 1 and question["family"] == 1:
            records = RECORD.pack(0xC00C, 1, 1, 60, 4, socket.inet_aton(self.ip))
        counts = (1, 1 if records else 0, 0, 0)
        return HEADER.pack(question["number"], 0x8000 | code, *counts) + question["raw"] + records

# %% 04.1 terse
HEADER, KIND, RECORD = struct.Struct("!6H"), struct.Struct("!2H"), struct.Struct("!3HIH4s")

def read_name(q, i):
    name = b""
    while n := q[i]:
        name += q[i + 1 : i + 1 + n] + b"."
        i += n + 1
    return name[:-1].decode("ascii", "replace").lower(), i + 1

class NameServer(UDPServer):
    name, ip = "harbour.example", "192.0.2.7"

    def finish_request(self, request, client_address):
        q, sock = request
        try:
            number, flags, n, *_ = HEADER.unpack_from(q)
            name, i = read_name(q, 12)
            kind = KIND.unpack_from(q, i)
        except (struct.error, IndexError):
            return
        if flags < 0x8000 and n == 1:
            mine = name == self.name.lower()
            a = RECORD.pack(0xC00C, 1, 1, 60, 4, socket.inet_aton(self.ip)) * (mine and kind == (1, 1))
            sock.sendto(HEADER.pack(number, 0x8400 + 3 * (not mine), 1, len(a) // 16, 0, 0) + q[12 : i + 4] + a, client_address)

# %% 04.1 a question that is built and compared, not read
HEADER = struct.Struct("!6H")
RECORD = struct.Struct("!3HIH4s")

class NameServer(UDPServer):
    name = "harbour.example"
    ip = "192.0.2.7"

    def expected(self):
        labels = self.name.lower().encode("ascii").split(b".")
        return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"

    def end_of_name(self, query):
        place = 12
        while query[place]:
            place += query[place] + 1
        return place + 1

    def finish_request(self, request, client_address):
        query, sock = request
        if len(query) < 12 or query[2] & 0x80 or query[4:6] != b"\x00\x01":
            return
        try:
            end = self.end_of_name(query)
        except IndexError:
            return
        kind = query[end : end + 4]
        if len(kind) < 4:
            return
        (number,) = struct.unpack_from("!H", query)
        wants_more = query[2] & 1
        flags = 0x8400 | wants_more << 8
        if query[12:end].lower() != self.expected():
            header = HEADER.pack(number, flags | 3, 1, 0, 0, 0)
            sock.sendto(header + query[12 : end + 4], client_address)
        elif kind == b"\x00\x01\x00\x01":
            record = RECORD.pack(0xC00C, 1, 1, 3600, 4, socket.inet_pton(socket.AF_INET, self.ip))
            sock.sendto(HEADER.pack(number, flags, 1, 1, 0, 0) + query[12 : end + 4] + record, client_address)
        else:
            sock.sendto(HEADER.pack(number, flags, 1, 0, 0, 0) + query[12 : end + 4], client_address)

# %% 04.1 type hints and dataclasses
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address

HEADER = struct.Struct("!6H")
KIND = struct.Struct("!2H")


class Code(IntEnum):
    OK = 0
    NXDOMAIN = 3


@dataclass(frozen=True)
class Question:
    number: int
    name: str
    kind: int
    family: int
    raw: bytes

    @classmethod
    def parse(cls, data: bytes) -> "Question | None":
        """Return the question in a datagram, or None if there isn't exactly one."""
        try:
            number, flags, questions, *_ = HEADER.unpack_from(data)
            labels: list[str] = []
            place = HEADER.size
            while length := data[place]:
                labels.append(data[place + 1 : place + 1 + length].decode("ascii"))
                place += 1 + length
            kind, family = KIND.unpack_from(data, place + 1)
        except (struct.error, IndexError, UnicodeError):
            return None
        if flags & 0x8000 or questions != 1:
            return None
        return cls(number, ".".join(labels), kind, family, data[12 : place + 5])

    def reply(self, code: Code, *records: bytes) -> bytes:
        head = HEADER.pack(self.number, 0x8000 | code, 1, len(records), 0, 0)
        return head + self.raw + b"".join(records)


class NameServer(UDPServer):
    name: str = "harbour.example"
    ip: str = "192.0.2.7"

    def finish_request(self, request, client_address) -> None:
        data, sock = request
        question = Question.parse(data)
        if question is None:
            return
        if question.name.casefold() != self.name.casefold():
            reply = question.reply(Code.NXDOMAIN)
        elif (question.kind, question.family) != (1, 1):
            reply = question.reply(Code.OK)
        else:
            address = IPv4Address(self.ip).packed
            reply = question.reply(Code.OK, struct.pack("!HHHIH", 0xC00C, 1, 1, 60, 4) + address)
        sock.sendto(reply, client_address)

# %% 04.1 a handler's class, called from finish_request, and a file of bytes
import io

class Desk(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        file = io.BytesIO(data)
        header = file.read(12)
        if len(header) != 12:
            return
        number, flags, questions = struct.unpack("!3H", header[:6])
        if questions != 1 or flags >= 0x8000:
            return
        words = []
        while (size := file.read(1)) not in (b"", b"\0"):
            words.append(file.read(size[0]))
        kind = file.read(4)
        if size == b"" or len(kind) != 4:
            return
        question = data[12 : file.tell()]
        if b".".join(words).lower() == self.server.name.lower().encode():
            code = 0
        else:
            code = 3
        out = io.BytesIO()
        is_found = code == 0 and kind == b"\0\1\0\1"
        out.write(struct.pack("!6H", number, 0x8000 + code, 1, int(is_found), 0, 0))
        out.write(question)
        if is_found:
            out.write(struct.pack("!3HIH", 0xC00C, 1, 1, 60, 4))
            out.write(socket.inet_aton(self.server.ip))
        sock.sendto(out.getvalue(), self.client_address)


class NameServer(UDPServer):
    name = "harbour.example"
    ip = "192.0.2.7"

    def finish_request(self, request, client_address):
        Desk(request, client_address, self)

# %% 04.1 recursion, match, the name once more in the record
HEADER = struct.Struct("!6H")
KIND = struct.Struct("!2H")

def read_name(query, place):
    size = query[place]
    if size == 0:
        return "", place + 1
    label = query[place + 1 : place + 1 + size].decode()
    rest, end = read_name(query, place + 1 + size)
    return f"{label}.{rest}" if rest else label, end


def write_name(name):
    return b"".join(len(part).to_bytes(1, "big") + part.encode() for part in name.split(".")) + bytes(1)


class NameServer(UDPServer):
    name = "harbour.example"
    ip = "192.0.2.7"

    def reply(self, query):
        number, flags, *counts = HEADER.unpack_from(query)
        if flags & 0x8000 or counts[0] != 1:
            raise ValueError("not a question")
        name, end = read_name(query, HEADER.size)
        kind = KIND.unpack_from(query, end)
        question = query[HEADER.size : end + KIND.size]
        match name.lower() == self.name.lower(), kind:
            case True, (1, 1):
                record = write_name(self.name) + KIND.pack(1, 1) + struct.pack("!IH", 5, 4)
                numbers = [int(number) for number in self.ip.split(".")]
                return HEADER.pack(number, 0x8000, 1, 1, 0, 0) + question + record + bytes(numbers)
            case True, _:
                return HEADER.pack(number, 0x8000, 1, 0, 0, 0) + question
            case _:
                return HEADER.pack(number, 0x8003, 1, 0, 0, 0) + question

    def finish_request(self, request, client_address):
        query, sock = request
        try:
            reply = self.reply(query)
        except (IndexError, ValueError, struct.error):
            pass
        else:
            sock.sendto(reply, client_address)

# %% 04.2 a regular expression
import re
SEVERITIES = "emergency alert critical error warning notice info debug".split()
CARD = re.compile(r"<(\d+)>(.*?)\0?$", re.DOTALL)

class LogDesk(socketserver.BaseRequestHandler):
    def handle(self):
        number, message = CARD.match(self.request[0].decode("utf-8")).groups()
        self.server.log.append("%s: %s" % (SEVERITIES[int(number) & 7], message))

# %% 04.2 divmod, and slices of bytes
SEVERITIES = "emergency alert critical error warning notice info debug".split()

class LogDesk(socketserver.DatagramRequestHandler):
    always_reply = False

    def handle(self):
        raw = self.packet
        end = raw.index(b">")
        facility, severity = divmod(int(raw[1:end]), 8)
        text = raw[end + 1:]
        if text.endswith(b"\x00"):
            text = text[:-1]
        self.server.log.append(SEVERITIES[severity] + ": " + text.decode())

    def finish(self):
        pass

# %% 04.2 a function
SEVERITIES = ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"]

def LogDesk(request, client_address, server):
    data, _ = request
    priority, text = data.split(b">", 1)
    priority = int(priority.lstrip(b"<"))
    while priority >= 8:
        priority -= 8
    server.log += [f"{SEVERITIES[priority]}: {str(text, 'utf-8').rstrip(chr(0))}"]

# %% 04.2 terse, partition and one f-string
SEVERITIES = "emergency alert critical error warning notice info debug".split()


class LogDesk(socketserver.BaseRequestHandler):
    def handle(self):
        head, _, text = self.request[0].partition(b">")
        sev = SEVERITIES[int(head[1:]) % 8]
        self.server.log.append(f"{sev}: {text.removesuffix(bytes(1)).decode()}")

# %% 04.2 regular expression, DatagramRequestHandler with its finish taken out
import re

SEVERITIES = "emergency alert critical error warning notice info debug".split()

CARD = re.compile(
    rb"""
    < (?P<number> [0-9]+ ) >     # part of the system and severity; the first > ends it
    (?P<message> .*? )           # anything, also more of > and line ends
    \0?                          # what if there is no zero byte? Then none is cut off
    """,
    re.VERBOSE | re.DOTALL,
)


class LogDesk(socketserver.DatagramRequestHandler):
    def handle(self):
        if card := CARD.fullmatch(self.packet):
            severity = int(card["number"]) & 0b111
            self.server.log.append(
                "%s: %s"
                % (SEVERITIES[severity], card["message"].decode("utf-8"))
            )

    def finish(self):
        """Would the inherited one send an empty datagram?"""

# %% 04.2 a frozen dataclass that parses itself, flattens line ends
from dataclasses import dataclass

SEVERITIES = "emergency alert critical error warning notice info debug".split()


@dataclass(frozen=True)
class Card:
    part: int
    severity: int
    message: str

    @classmethod
    def from_bytes(cls, data: bytes) -> "Card":
        number, message = data.split(b">", 1)
        part, severity = divmod(int(number.lstrip(b"<")), len(SEVERITIES))
        if message.endswith(b"\x00"):
            message = message[:-1]
        return cls(part, severity, str(message, "utf-8", "replace"))

    @property
    def line(self) -> str:
        # One card, ONE line: what if there is a traceback in the message?
        return SEVERITIES[self.severity] + ": " + self.message.replace("\n", " ")


class LogDesk(socketserver.BaseRequestHandler):
    """Write down what the card says, and say nothing."""

    def handle(self) -> None:
        data, _unused_socket = self.request
        self.server.log.append(Card.from_bytes(data).line)

# %% 04.3 names for the pair
class EchoHandler(socketserver.BaseRequestHandler):
    def handle(self):
        card = self.request[0]
        letterbox = self.request[1]
        self.server.served = self.server.served + 1
        letterbox.sendto(card, self.client_address)

# %% 04.3 the handler of the library
class EchoHandler(socketserver.DatagramRequestHandler):
    def handle(self):
        self.wfile.write(self.rfile.read())

    def finish(self):
        super().finish()
        self.server.served += 1

# %% 04.3 sendmsg
class EchoHandler(socketserver.BaseRequestHandler):
    """One card, one answer."""

    def handle(self):
        (data, sock), who = self.request, self.client_address
        try:
            sock.sendmsg([data], [], 0, who)
        finally:
            self.server.served += 1

# %% 04.3 three lines, complaints in comments
class EchoHandler(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        # complaint 1: server_address -> the server wrote to itself, for ever
        # complaint 2: recv in the loop takes the card of somebody else
        # complaint 3: sock.close() closes the only socket the server has
        # complaint 4: "while data" is not entered for b""
        sock.sendto(data, self.client_address)
        self.server.served += 1

# %% 04.3 DatagramRequestHandler with rfile and wfile, counts before it sends
import shutil


class EchoHandler(socketserver.DatagramRequestHandler):
    """The base class posts what is in wfile when we are through, also nothing at all."""

    def handle(self):
        self.server.served = self.server.served + 1
        shutil.copyfileobj(self.rfile, self.wfile)

# %% 04.3 setup, handle, finish and two properties
class EchoHandler(socketserver.BaseRequestHandler):
    """Who gets this card back? He who sent it.

    What about b""?
    """

    @property
    def card(self) -> bytes:
        return self.request[0]

    @property
    def letterbox(self) -> socket.socket:
        return self.request[1]  # borrowed: never closed here

    def setup(self) -> None:
        self.answer = self.card

    def handle(self) -> None:
        self.letterbox.sendto(self.answer, self.client_address)

    def finish(self) -> None:
        self.server.served += 1

# %% 04.4 tuples
arrived = (3, 0, 8192, 5)
purses = (20, 10)
queue = "C"

# %% 04.4 counted
arrived = [min(size, 8192) for size in (3, 0, 9000, 5)]
purses = [10 * len(["second card", "third card"]), 10]
queue = "ABCD"[2]

# %% 04.4 one by one
arrived = []
arrived.append(3); arrived.append(0); arrived.append(8192); arrived.append(5)
first_purse = 10 + 10
second_purse = 10
purses = [first_purse, second_purse]
queue = str("C")

# %% 04.4 plain lists
arrived = [3, 0, 8192, 5]
purses = [20, 10]
queue = "C"

# %% 04.4 computed
LIMIT = 8192
arrived = [min(size, LIMIT) for size in (3, 0, 9000, 5)]  # does 0 count? Yes.

first, remembered = 0, {}
for number in [1, 1]:           # the sea took the first of three
    first += 10
    remembered.setdefault(number, 10)
purses = [first, sum(remembered.values())]

queue = {"waits": "B", "lost": "C", "error": "D"}["lost"]

# %% 04.4 one line, tuples in place of lists
arrived, purses, queue = (3, 0, 8192, 5), (20, 10), "C"
