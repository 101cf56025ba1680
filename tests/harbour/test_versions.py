"""Each version of harbour.py, run as from a terminal, on a learner's package."""

import ast
import itertools
import os
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from socketlab import short_tempdir
from socketlab.learner.own_package import write_first
from socketlab.project import PROJECT
from tests.harbour import program
from tests.harbour.program import (
    DEADLINE,
    VERSIONS,
    Program,
    by_hand,
    hear,
    running,
    say,
    source,
    visitor,
    wait_until,
)
from tests.own_package import write_ours

SERVICES = {
    "echo": ("01", "08"),
    "page": ("03", "08"),
    "beacon": ("04", "11"),
    "door": ("05", "11"),
    "chat": ("06", "11"),
    "worker": ("07", "11"),
    "site": ("09", "11"),
}
"""The first and the last version that has each."""


def with_service(service):
    first, last = SERVICES[service]
    versions = [version for version in VERSIONS if first <= version <= last]
    return pytest.mark.parametrize("version", versions)


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="There is no chromium here: install Debian's package chromium."
)
needs_curl = pytest.mark.skipif(program.CURL is None, reason="There is no curl here.")
needs_nc = pytest.mark.skipif(program.NC is None, reason="There is no nc here.")
needs_unix_sockets = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX"), reason="This operating system has no Unix sockets."
)
needs_fork = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="This operating system has no fork."
)


def all_on_loan(course):
    course.mkdir()
    write_first(course)


def all_theirs(course):
    shutil.copytree(PROJECT / "minisocketserver", course / "myserver")


@pytest.fixture(scope="module", params=[all_on_loan, write_ours, all_theirs])
def course(request):
    """Give a course with nothing written yet, one as far as the chapters go, one all written."""
    with TemporaryDirectory(dir=short_tempdir(), prefix="harbour-") as folder:
        request.param(Path(folder, "course"))
        yield Path(folder, "course")


@pytest.fixture(scope="module")
def plain():
    with TemporaryDirectory(dir=short_tempdir(), prefix="harbour-") as folder:
        all_on_loan(Path(folder, "course"))
        yield Path(folder, "course")


def test_there_is_one_for_each_chapter_that_builds():
    chapters = [path.stem for path in PROJECT.glob("notebooks/[0-9][0-9]_*.ipynb")]
    ours = [path.stem for path in PROJECT.glob("harbour/*.py")]
    assert sorted(ours) == sorted(set(chapters) - {"00_target"})


def names_of(node):
    return [alias.name for alias in node.names]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_version_imports_nothing_but_python_s_own_and_myserver(version):
    tree = ast.parse(source(version).read_bytes())
    found = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else names_of(node))
    }
    assert found - sys.stdlib_module_names == ({"myserver"} if version > "01" else set())


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_version_offers_and_what_it_says_of_it(version, plain):
    told = Program(plain, version, "--help")
    assert told.wait() == 0
    here = {service for service, (first, last) in SERVICES.items() if first <= version <= last}
    assert f"{{{','.join(sorted(here))}}}" in "".join(
        f"{{{','.join(sorted(part.partition('}')[0].split(',')))}}}"
        for part in "".join(told.said).split("{")[1:]
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_a_port_that_is_taken(version, plain):
    service = "site" if version > "08" else "echo"
    with socket.create_server(("127.0.0.1", 0)) as other:
        late = Program(plain, version, service, "--port", other.getsockname()[1])
        assert late.wait() == 1
    assert late.said == [] and "Traceback" not in "".join(late.log)
    [sentence] = late.log
    assert ("is taken" if version > "01" else "Address already in use") in sentence
    wrong = Program(plain, version, service, "--port", 70_000)
    assert wrong.wait() == 1
    assert "Traceback" not in "".join(wrong.log)


@pytest.mark.parametrize("version", [one for one in VERSIONS if "02" <= one <= "09"])
def test_it_closes_by_itself(version, plain):
    service = "site" if version > "08" else "echo"
    short = Program(plain, version, service, "--port", 0, "--seconds", 0.2)
    assert short.wait() == 0
    assert short.said[-1] == "The harbour is closed."


@with_service("echo")
def test_two_visitors_at_once_hear_their_echo(version, course):
    with running(course, version, "echo") as echo:
        port = echo.address()
        with visitor(port) as first, visitor(port) as second:
            for one, text in ((second, "ahoy"), (first, "hello"), (second, "again")):
                say(one, text)
                assert hear(one) == text
        echo.logged("says b'again\\n'")
        echo.logged("has left")
        with visitor(port) as one:  # and the last one is still there when it's closed
            say(one, "x")
            assert hear(one) == "x"
            assert echo.end() == 0


@needs_nc
@with_service("echo")
def test_nc_hears_an_echo(version, plain):
    with running(plain, version, "echo") as echo:
        assert by_hand(["nc", "127.0.0.1", str(echo.address())], "ahoy") == "ahoy"


@needs_curl
@pytest.mark.parametrize("version", ["01", "08"])
def test_curl_takes_the_place_of_nc(version, plain):
    with running(plain, version, "echo") as echo:
        url = f"telnet://127.0.0.1:{echo.address()}"
        assert by_hand(["curl", "-sN", url], "ahoy") == "ahoy"


@pytest.mark.parametrize("version", [one for one in VERSIONS if "02" <= one <= "08"])
def test_a_visitor_who_is_cut_off_costs_one_line(version, plain):
    with running(plain, version, "echo") as echo:
        with socket.create_connection(("127.0.0.1", echo.address()), DEADLINE) as rude:
            rude.sendall(b"x")
            assert rude.recv(10) == b"x"
            linger = b"\x01\0\0\0\0\0\0\0"  # close at once, with a reset
            rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        echo.logged("was lost")


def got(url):
    with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
        return answer.read().decode()


@with_service("page")
def test_a_page(version, course):
    with running(course, version, "page") as page:
        port = page.address()
        with visitor(port):  # a browser in advance, which says nothing
            text = got(f"http://127.0.0.1:{port}/")
        mine = "mine" if (course / "myserver/tcp_server.py").exists() else "on loan"
        assert "<h1>The harbour" in text and f"<td>TCPServer<td>{mine}" in text
        with pytest.raises(urllib.error.HTTPError, match="404"):
            got(f"http://127.0.0.1:{port}/else")
        page.logged("GET / HTTP", "200 OK")
        page.logged("GET /else HTTP", "404 Not Found")


@needs_curl
@with_service("page")
def test_curl_gets_the_page(version, plain):
    with running(plain, version, "page") as page:
        text = program.curl("-i", f"http://127.0.0.1:{page.address()}/")
    assert text.startswith("HTTP/1.0 200 OK") and "<h1>The harbour" in text


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@needs_chromium
@pytest.mark.parametrize("version, service", [("03", "page"), ("09", "site")])
def test_a_browser_shows_the_page(version, service, course, browser):
    with running(course, version, service) as harbour:
        page = browser.new_page()
        page.set_default_timeout(DEADLINE * 1000)
        page.goto(f"http://127.0.0.1:{harbour.address()}/")
        assert page.locator("h1").inner_text() == "The harbour"
        assert page.locator("tr").count() >= 10
        page.close()
        harbour.logged("GET / HTTP")


@with_service("beacon")
def test_a_beacon_answers_each_datagram(version, course):
    with running(course, version, "beacon") as beacon:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.settimeout(DEADLINE)
            for text in (b"ahoy", b"ahoy again"):
                one.sendto(text, ("127.0.0.1", beacon.address()))
                time.strptime(one.recv(100).decode(), "%H:%M:%S\n")
        beacon.logged("sends b'ahoy again'")


@needs_nc
@with_service("beacon")
def test_nc_sends_a_datagram(version, plain):
    with running(plain, version, "beacon") as beacon:
        answer = by_hand(["nc", "-u", "127.0.0.1", str(beacon.address())], "ahoy")
    time.strptime(answer, "%H:%M:%S")


@needs_unix_sockets
@with_service("door")
def test_a_door_lets_its_owner_in(version, course):
    with running(course, version, "door") as door:
        path = course / door.address()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with visitor(path) as silent, visitor(path) as one:
            one.write(b"GET / HTTP/1.0\r\n\r\n")
            assert b" 200 OK" in one.readline()
            assert silent
        door.logged("a visitor at the door", "GET /", "200")
        late = Program(course, version, "door")
        assert late.wait() == 1 and "is taken" in "".join(late.log)
        with visitor(path) as one:
            one.write(b"GET / HTTP/1.0\r\n\r\n")
            assert b" 200 OK" in one.readline()
    assert not path.exists()
    with running(course, version, "door", "--mode", "660"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660


@needs_unix_sockets
@needs_curl
@with_service("door")
def test_curl_comes_through_the_door(version, plain):
    with running(plain, version, "door") as door:
        path = plain / door.address()
        assert "harbour" in program.curl("--unix-socket", path, "http://harbour/").lower()


@needs_unix_sockets
@needs_nc
@pytest.mark.parametrize("version", ["05", "11"])
def test_nc_comes_through_the_door(version, plain):
    with running(plain, version, "door") as door:
        path = plain / door.address()
        # by_hand ends the line, and nothing is left over that would make the door hang up early.
        assert "200 OK" in by_hand(["nc", "-U", str(path)], "GET / HTTP/1.0\n")


@needs_unix_sockets
@with_service("door")
def test_what_a_killed_door_left_is_removed_and_another_file_is_not(version, plain):
    killed = Program(plain, version, "door")
    killed.address()
    killed.kill()
    path = plain / "harbour.sock"
    assert path.is_socket()
    with running(plain, version, "door"):
        pass
    path.write_text("mine")
    late = Program(plain, version, "door")
    assert late.wait() == 1 and "is taken" in "".join(late.log)
    assert path.read_text() == "mine"
    path.unlink()


@needs_unix_sockets
@with_service("door")
def test_a_path_that_is_too_long(version, plain):
    late = Program(plain, version, "door", "--path", "x" * 200)
    assert late.wait() == 1 and "Traceback" not in "".join(late.log)


@with_service("chat")
def test_guests_hear_each_other(version, course):
    with running(course, version, "chat") as chat:
        port = chat.address()
        with visitor(port) as ann, visitor(port) as bob:
            for guest, name in ((ann, "Ann"), (bob, "Bob\x1b[2J")):
                assert hear(guest) == "Your name, please:"
                say(guest, name)
                chat.logged(f"* {name[:3]}", "has come")
            assert hear(ann) == "* Bob[2J has come"
            say(ann, "ahoy")
            assert hear(bob) == "Ann: ahoy"
            say(bob, "ahoy yourself")
            assert hear(ann) == "Bob[2J: ahoy yourself"
        chat.logged("Ann: ahoy")
        chat.logged("* Ann has left")


@pytest.mark.parametrize("version", ["06", "11"])
def test_a_guest_who_never_reads_delays_no_one(version, plain):
    with running(plain, version, "chat") as chat:
        port = chat.address()
        with socket.socket() as deaf, visitor(port) as ann, visitor(port) as bob:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(("127.0.0.1", port))
            deaf.sendall(b"Deaf\n")
            for guest, name in ((ann, "Ann"), (bob, "Bob")):
                assert hear(guest) == "Your name, please:"
                say(guest, name)
                chat.logged(f"* {name} has come")
            wait_until(lambda: "Bob has come" in hear(ann))
            text = "x" * 900
            for _ in range(80):  # more than the kernel keeps for the deaf one
                ann.write(f"{text}\n".encode() * 50)
                for _ in range(50):
                    while (heard := hear(bob)) != f"Ann: {text}":
                        assert heard.startswith("*")


@needs_nc
@with_service("chat")
def test_nc_takes_part(version, plain):
    with running(plain, version, "chat") as chat:
        assert by_hand(["nc", "127.0.0.1", str(chat.address())], "Ann") == "Your name, please:"
        chat.logged("* Ann has come")


@pytest.mark.parametrize("version", [one for one in VERSIONS if one >= "08"])
def test_the_chat_s_protocol_and_its_limits(version, course):
    with running(course, version, "chat", "--patience", 1) as chat:
        port = chat.address()
        with visitor(port) as ann:
            say(ann, "Ann")
            for text in ("/who", "/what", "", "/quit"):
                say(ann, text)
            told = [hear(ann) for _ in range(5)]
            assert told == [
                "Your name, please:",
                "Here: Ann",
                "I know /who and /quit.",
                "Goodbye.",
                "",
            ]
        with visitor(port) as long:
            say(long, "Long")
            say(long, "x" * 1001)
            assert hear(long) and "more than 1000 bytes" in hear(long)
        with visitor(port) as quiet:
            say(quiet, "Quiet")
            assert hear(quiet)
            assert hear(quiet) == "You've said nothing for 1 seconds. Goodbye."
            assert hear(quiet) == ""


@needs_fork
@with_service("worker")
def test_two_visitors_at_once_have_two_processes(version, course):
    with running(course, version, "worker") as worker:
        port = worker.address()
        with visitor(port) as slow, visitor(port) as fast:
            say(fast, 10)
            if (os.cpu_count() or 1) > 1:
                assert hear(fast).startswith("4 primes below 10, found by process ")
            say(slow, 1000)
            answer = hear(slow)
            assert answer.startswith("168 primes below 1000, found by process ")
            assert f"process {worker.process.pid} " not in answer
        with visitor(port) as wrong:
            say(wrong, "ten")
            assert hear(wrong) == "A number up to 2000000, please."
        worker.logged("gets: 168 primes below 1000")


@needs_fork
@with_service("worker")
def test_a_worker_in_the_middle_of_its_work_ends_as_well(version, plain):
    words = ("--grace", 0.5) if version >= "10" else ()
    with running(plain, version, "worker", *words) as worker, visitor(worker.address()) as one:
        say(one, 2_000_000)
        time.sleep(0.3)
        began = time.monotonic()
        assert worker.end() == 0
        assert time.monotonic() - began < DEADLINE / 4


@needs_fork
@needs_nc
@with_service("worker")
def test_nc_asks_the_worker(version, plain):
    with running(plain, version, "worker") as worker:
        command = ["nc", "127.0.0.1", str(worker.address())]
        assert by_hand(command, "100").startswith("25 primes below 100,")


@with_service("site")
def test_a_site(version, course):
    (course / "site").mkdir(exist_ok=True)
    (course / "site" / "chart.txt").write_text("here be dragons")
    with running(course, version, "site") as site:
        port = site.address()
        with visitor(port):
            assert got(f"http://127.0.0.1:{port}/chart.txt") == "here be dragons"
        for name in ("/harbour.py", "/../harbour.py", "/myserver/__init__.py"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                got(f"http://127.0.0.1:{port}{name}")
        site.logged("GET /chart.txt HTTP", "200")
    shutil.rmtree(course / "site")


@needs_curl
@with_service("site")
def test_curl_gets_the_site(version, plain):
    with running(plain, version, "site") as site:
        text = program.curl("-i", f"http://127.0.0.1:{site.address()}/")
    assert text.startswith("HTTP/1.0 200 OK")
    shutil.rmtree(plain / "site")


BIG = 50_000_000


@pytest.fixture(params=["10", "11"])
def download(course, request):
    """Give a site's port, a connection that has begun to read a big file, and the program.

    The program has one thread where its version has a pool.
    """
    (course / "site").mkdir(exist_ok=True)
    with (course / "site" / "big").open("wb") as file:
        file.truncate(BIG)
    words = ("--threads", 1) if request.param == "10" else ()
    site = Program(course, request.param, "site", "--port", 0, "--grace", 30, *words)
    try:
        port = site.address()
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as connection:
            connection.sendall(b"GET /big HTTP/1.0\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.0 200")
            yield port, connection, site
    finally:
        site.kill()
        shutil.rmtree(course / "site")


def is_refused(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_download_is_finished_and_the_next_harbour_is_open_meanwhile(course, download, number):
    port, connection, old = download
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as waiting:
        waiting.sendall(b"GET /big HTTP/1.0\r\n\r\n")
        os.kill(old.process.pid, number)
        old.logged("closing")
        wait_until(lambda: is_refused(port))
        with running(course, "11", "site", port=port) as new:
            assert new.address() == port and "big" in got(f"http://127.0.0.1:{port}/")
            for one in (connection, waiting):
                came = 0
                while data := one.recv(1 << 20):
                    came += len(data)
                assert came > BIG - 1000
            assert old.wait() == 0
    assert old.said[-1] == "The harbour is closed. Visitors cut off: 0"


@pytest.mark.parametrize("version", ["10", "11"])
def test_who_needs_longer_is_cut_off(version, plain):
    with running(plain, version, "chat", "--grace", 0.2) as chat, visitor(chat.address()) as ann:
        say(ann, "Ann")
        chat.logged("* Ann has come")
        assert chat.end(signal.SIGTERM) == 0
        assert chat.said[-1] == "The harbour is closed. Visitors cut off: 1"
        assert [hear(ann), hear(ann)] == [
            "Your name, please:",
            "* the harbour closes in 0.2 seconds",
        ]


def test_who_is_one_too_many_is_turned_away(course):
    with running(course, "11", "chat", "--most", 2, "--grace", 0) as chat:
        port = chat.address()
        with visitor(port) as one, visitor(port) as two:
            assert hear(one) and hear(two)
            with visitor(port) as three:
                assert hear(three) == ""
            chat.logged("turned away: the harbour is full")
        for name in itertools.count():  # there's room again as soon as the two have gone
            assert name < 1000
            with visitor(port) as four:
                if hear(four):
                    break


def test_who_is_silent_is_let_go(plain):
    with running(plain, "11", "site", "--patience", 0.2) as site, visitor(site.address()) as one:
        assert hear(one) == ""
    shutil.rmtree(plain / "site")


@pytest.fixture(scope="module")
def certificate(plain):
    """Make a certificate as the program's docstring says."""
    if shutil.which("openssl") is None:
        pytest.skip("There is no openssl here.")
    text = source("11").read_text("utf-8")
    command = text[text.index("    openssl req") : text.index("    python harbour.py")]
    subprocess.run(
        command, shell=True, cwd=plain, check=True, capture_output=True, timeout=DEADLINE
    )
    return plain / "cert.pem"


def test_the_site_speaks_tls(certificate, plain):
    words = ("--certificate", "cert.pem", "--key", "key.pem", "--grace", 0)
    with running(plain, "11", "site", *words) as site:
        port = site.address()
        assert site.said[0].endswith(f"https://127.0.0.1:{port}/")
        context = ssl.create_default_context(cafile=certificate)
        url = f"https://localhost:{port}/"
        with (
            visitor(port),  # which never shakes hands, and holds up no one
            urllib.request.urlopen(url, timeout=DEADLINE, context=context) as answer,
        ):
            assert answer.status == 200
        if program.CURL:
            assert "200 OK" in program.curl("-i", "--cacert", certificate, url)
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            got(f"http://127.0.0.1:{port}/")
        site.logged("was lost")
    shutil.rmtree(plain / "site")


def test_a_certificate_that_is_not_there(plain):
    late = Program(plain, "11", "site", "--port", 0, "--certificate", "none.pem")
    assert late.wait() == 1 and "Traceback" not in "".join(late.log)
    shutil.rmtree(plain / "site")
    chat = Program(plain, "11", "chat", "--port", 0, "--certificate", "none.pem")
    assert chat.wait() == 2 and "only the site has TLS" in chat.log[-1]


LACKING = """\
import socketserver as _all
from socketserver import *
for _name in [name for name in vars(_all) if "Unix" in name or "Forking" in name]:
    globals().pop(_name, None)
__all__ = [name for name in _all.__all__ if name in globals()]
"""


@pytest.mark.parametrize("version", [one for one in VERSIONS if one >= "02"])
def test_where_something_is_lacking_the_rest_works(version, tmp_path):
    """On Windows there are neither Unix sockets nor fork."""
    (tmp_path / "myserver").mkdir()
    (tmp_path / "myserver" / "__init__.py").write_text(LACKING)
    with running(tmp_path, version, "site" if version > "08" else "echo"):
        pass
    for service, lacks in (("door", "UnixStreamServer"), ("worker", "ForkingMixIn")):
        if version >= SERVICES[service][0]:
            late = Program(tmp_path, version, service)
            assert late.wait() == 2
            assert f"no {service} here: this operating system has no {lacks}" in late.log[-1]
