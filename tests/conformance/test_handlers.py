"""The handlers: made for one request, gone after it."""

import array
import io
import socket
import threading

import pytest

from .helpers import DEADLINE, handler, raising, read_all


def noting(module, calls, base="BaseRequestHandler", **more):
    """Return a handler class that notes its three steps."""
    steps = {
        step: lambda self, step=step: calls.append(step) for step in ("setup", "handle", "finish")
    }
    return type("Handler", (getattr(module, base),), {**steps, **more})


# BaseRequestHandler


def test_the_steps_are_called_in_order(module):
    """Making a handler calls setup, handle and finish, once each."""
    calls = []
    noting(module, calls)("request", "client", "server")
    assert calls == ["setup", "handle", "finish"]


def test_the_attributes_are_there_from_the_beginning(module):
    """request, client_address and server are set before setup runs."""
    seen = []

    def setup(self):
        seen.extend([self.request, self.client_address, self.server])

    noting(module, [], setup=setup)("request", "client", "server")
    assert seen == ["request", "client", "server"]


def test_the_steps_do_nothing_by_default(module):
    """A handler that overrides nothing can be made."""
    plain = module.BaseRequestHandler("request", "client", "server")
    assert (plain.setup(), plain.handle(), plain.finish()) == (None, None, None)


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_finish_also_after_handle_failed(module, error):
    """finish is called even when handle raises, and the error goes on to the server."""
    calls = []
    with pytest.raises(error):
        noting(module, calls, handle=raising(error))("request", "client", "server")
    assert calls == ["setup", "finish"]


def test_no_finish_after_setup_failed(module):
    """What was not set up is not handled, and needs no finish."""
    calls = []
    with pytest.raises(ValueError):
        noting(module, calls, setup=raising(ValueError))("request", "client", "server")
    assert calls == []


def test_an_error_in_finish_is_raised(module):
    """An error in finish is not hidden."""
    with pytest.raises(ValueError):
        noting(module, [], finish=raising(ValueError))("request", "client", "server")


# StreamRequestHandler


@pytest.mark.parametrize(
    ("name", "value"),
    [("rbufsize", -1), ("wbufsize", 0), ("timeout", None), ("disable_nagle_algorithm", False)],
)
def test_stream_defaults(module, name, value):
    """The attributes that a subclass may set have these values by default."""
    assert getattr(module.StreamRequestHandler, name) == value


def test_stream_and_datagram_handlers_are_request_handlers(module):
    """Both ready-made handlers inherit from BaseRequestHandler."""
    assert issubclass(module.StreamRequestHandler, module.BaseRequestHandler)
    assert issubclass(module.DatagramRequestHandler, module.BaseRequestHandler)


@pytest.fixture
def stream(module):
    """Handle a connection with this function; returns the handler."""

    def stream(sock, handle=lambda self: None, **attributes):
        made = handler(module, handle, "StreamRequestHandler", **attributes)
        return made(sock, "client", None)

    return stream


def test_connection_is_the_request(stream, pair):
    """self.connection is another name for the connected socket."""
    assert stream(pair[0]).connection is pair[0]


def test_rfile_reads_lines(stream, pair):
    """rfile reads the stream line by line, however it was sent."""
    lines = []
    pair[1].sendall(b"one\ntw")
    pair[1].sendall(b"o\nrest")
    pair[1].shutdown(socket.SHUT_WR)
    stream(pair[0], lambda self: lines.extend(self.rfile))
    assert lines == [b"one\n", b"two\n", b"rest"]


def test_rfile_is_buffered(stream, pair):
    """By default rfile reads ahead into a buffer of the usual size."""
    pair[1].sendall(b"x" * 4000)
    seen = []
    stream(pair[0], lambda self: seen.append(self.rfile.peek(1)))
    assert seen == [b"x" * 4000]


def test_rbufsize_is_the_size_of_the_buffer(stream, pair):
    """rbufsize sets how many bytes rfile reads ahead."""
    pair[1].sendall(b"x" * 4000)
    seen = []
    stream(pair[0], lambda self: seen.append(self.rfile.peek(1)), rbufsize=64)
    assert seen == [b"x" * 64]


def test_rbufsize_0_reads_nothing_ahead(stream, pair):
    """With rbufsize = 0, what handle does not read stays in the socket."""
    pair[1].sendall(b"one\ntwo\n")
    stream(pair[0], lambda self: self.rfile.readline(), rbufsize=0)
    assert pair[0].recv(100) == b"two\n"


def test_wfile_sends_at_once(stream, pair):
    """By default what is written to wfile is sent before write returns."""
    seen = []

    def handle(self):
        self.wfile.write(b"now")
        seen.append(pair[1].recv(100))

    stream(pair[0], handle)
    assert seen == [b"now"]


def test_wfile_is_a_socket_writer(module, stream, pair):
    """By default wfile is a _SocketWriter, which programs know by its private name."""
    assert type(stream(pair[0]).wfile) is module._SocketWriter


@pytest.mark.parametrize("size", [-1, 1000])
def test_wbufsize_keeps_until_the_end(stream, pair, size):
    """With a buffer, what was written leaves when handle is done."""
    early = []

    def handle(self):
        self.wfile.write(b"later")
        pair[1].setblocking(False)
        try:
            early.append(pair[1].recv(100))
        except BlockingIOError:
            pair[1].settimeout(DEADLINE)

    stream(pair[0], handle, wbufsize=size)
    assert early == []
    assert pair[1].recv(100) == b"later"


def test_wbufsize_is_the_size_of_the_buffer(stream, pair):
    """A full buffer is sent without waiting for the end."""
    seen = []

    def handle(self):
        self.wfile.write(b"x" * 10)
        self.wfile.write(b"y" * 10)
        seen.append(pair[1].recv(100))

    stream(pair[0], handle, wbufsize=16)
    assert seen[0].startswith(b"x" * 10)


def test_wfile_is_sent_even_if_handle_failed(stream, pair):
    """What was written before handle raised is still sent."""

    def handle(self):
        self.wfile.write(b"half")
        raise ValueError

    with pytest.raises(ValueError):
        stream(pair[0], handle, wbufsize=-1)
    assert pair[1].recv(100) == b"half"


def test_finish_closes_both_files(stream, pair):
    """After finish both files are closed."""
    done = stream(pair[0])
    assert done.rfile.closed and done.wfile.closed
    done = stream(pair[0], wbufsize=-1)
    assert done.rfile.closed and done.wfile.closed


def test_finish_leaves_the_connection_open(stream, pair):
    """To close the connection is the server's business."""
    stream(pair[0])
    pair[0].sendall(b"open")
    assert pair[1].recv(100) == b"open"


def test_finish_forgives_files_closed_before(stream, pair):
    """handle may close the files itself."""

    def handle(self):
        self.wfile.close()
        self.rfile.close()

    stream(pair[0], handle)
    stream(pair[0], handle, wbufsize=-1)


def test_finish_forgives_a_failing_flush(stream, pair):
    """When the client left, flushing at the end fails without a word."""

    failures = [ConnectionAbortedError()]

    def flush():
        if failures:
            raise failures.pop()

    def handle(self):
        self.wfile.flush = flush

    stream(pair[0], handle)
    assert failures == []


@pytest.mark.beyond
def test_finish_forgives_a_client_that_left(stream, pair):
    """A buffered answer that cannot be sent any more raises nothing at the end."""

    def handle(self):
        self.wfile.write(b"too late")
        pair[1].close()

    done = stream(pair[0], handle, wbufsize=-1)
    assert done.rfile.closed


@pytest.mark.parametrize("seconds", [0.5, 0, None])
def test_timeout_is_that_of_the_connection(stream, pair, seconds):
    """timeout is the time limit of the connection; None leaves it as it was."""
    pair[0].settimeout(7)
    stream(pair[0], timeout=seconds)
    assert pair[0].gettimeout() == (7 if seconds is None else seconds)


def test_a_silent_client_times_out(stream, pair):
    """With a timeout, a read from a silent client raises TimeoutError."""
    with pytest.raises(TimeoutError):
        stream(pair[0], lambda self: self.rfile.readline(), timeout=0.01)


@pytest.mark.parametrize("wanted", [False, True])
def test_disable_nagle_algorithm(stream, closing, wanted):
    """disable_nagle_algorithm sets TCP_NODELAY on the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closing(socket.create_connection(listener.getsockname()))
        ours = closing(listener.accept()[0])
    stream(ours, disable_nagle_algorithm=wanted)
    assert bool(ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) is wanted


# _SocketWriter


@pytest.mark.parametrize(
    "data", [b"", b"abc", bytearray(b"abc"), memoryview(b"abc"), array.array("I", [1, 2, 3])]
)
def test_socket_writer_counts_bytes(module, pair, data):
    """write takes anything made of bytes, and returns their number, not that of the items."""
    assert module._SocketWriter(pair[0]).write(data) == len(bytes(data))
    pair[0].close()
    assert read_all(pair[1]) == bytes(data)


def test_socket_writer_sends_everything(module, pair):
    """write returns when all has been sent, however much it is."""
    data = b"x" * 3_000_000
    sizes = []

    def write():
        sizes.append(module._SocketWriter(pair[0]).write(data))
        pair[0].shutdown(socket.SHUT_WR)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    assert len(read_all(pair[1])) == len(data)
    writer.join(DEADLINE)
    assert sizes == [len(data)]


def test_socket_writer_is_a_file_to_write(module, pair):
    """It is a binary file that can be written and cannot be read."""
    writer = module._SocketWriter(pair[0])
    assert isinstance(writer, io.BufferedIOBase)
    assert writer.writable() is True
    assert not writer.readable()
    assert writer.fileno() == pair[0].fileno()


def test_socket_writer_leaves_the_socket_open(module, pair):
    """Closing the file does not close the socket."""
    module._SocketWriter(pair[0]).close()
    assert pair[0].fileno() != -1


def test_print_to_wfile(stream, pair):
    """wfile can be wrapped for text, as programs do."""

    def handle(self):
        text = io.TextIOWrapper(self.wfile, "utf-8", newline="\n")
        print("Grüße", file=text, flush=True)
        text.detach()

    stream(pair[0], handle)
    assert pair[1].recv(100).decode() == "Grüße\n"


# DatagramRequestHandler


@pytest.fixture
def datagram(module, closing):
    """Handle a datagram with this function; returns the handler and the client's socket."""

    def datagram(handle=lambda self: None, data=b"question", **attributes):
        client, ours = (closing(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(2))
        client.bind(("127.0.0.1", 0))
        client.settimeout(DEADLINE)
        made = handler(module, handle, "DatagramRequestHandler", **attributes)
        return made((data, ours), client.getsockname(), None), client

    return datagram


def test_packet_and_socket(datagram):
    """packet and socket are the two halves of the request."""
    made, _ = datagram()
    assert (made.packet, made.socket) == made.request


def test_rfile_holds_the_datagram(datagram):
    """rfile reads what the datagram holds."""
    seen = []
    datagram(lambda self: seen.extend(self.rfile), data=b"one\ntwo")
    assert seen == [b"one\n", b"two"]


def test_wfile_becomes_one_answer(datagram):
    """All that was written goes back as one datagram when handle is done."""

    def handle(self):
        self.wfile.write(b"one ")
        self.wfile.write(b"answer")

    _, client = datagram(handle)
    assert client.recv(100) == b"one answer"
    client.setblocking(False)
    with pytest.raises(BlockingIOError):
        client.recv(100)


def test_nothing_written_is_an_empty_answer(datagram):
    """By default even nothing is sent back, as an empty datagram."""
    _, client = datagram()
    assert client.recv(100) == b""


@pytest.mark.beyond
def test_always_reply_is_the_default(module):
    """always_reply is on unless a handler turns it off."""
    assert module.DatagramRequestHandler.always_reply is True


@pytest.mark.beyond
def test_nothing_written_can_mean_nothing_sent(datagram):
    """With always_reply = False, nothing written means nothing sent."""
    _, client = datagram(always_reply=False)
    client.setblocking(False)
    with pytest.raises(BlockingIOError):
        client.recv(100)


@pytest.mark.beyond
def test_what_was_written_is_sent_all_the_same(datagram):
    """always_reply = False does not hold back an answer."""
    _, client = datagram(lambda self: self.wfile.write(b"answer"), always_reply=False)
    assert client.recv(100) == b"answer"
