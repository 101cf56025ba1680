"""Hostile submissions cost their own points and nothing else: the table, and whole classes."""

import csv
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from unittest.mock import patch

import pytest

from socketlab.grading import budget
from socketlab.grading.submissions import MOST_BYTES
from socketlab.machine_load import Stopwatch
from socketlab.sandbox import seccomp
from socketlab.sandbox.sandbox import examined
from tools.hostile_submissions.measure import measure, workers
from tools.hostile_submissions.rows import (
    ALL,
    BLANK,
    CHAPTER,
    FULL,
    PROJECT,
    RIGHT,
    ROWS,
    Row,
    full,
    row_of,
)

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into Linux's /proc"),
    pytest.mark.timeout(600),
]
ISOLATED = sys.platform == "linux" and examined().startswith("level namespaces")
IS_ROOT = sys.platform == "linux" and os.getuid() == 0
WITHOUT = {"process"} | ({"users"} if IS_ROOT else set())
WITHOUT |= set() if seccomp.why_not() else {"seccomp"}
"""What rows may need, of what there is without namespaces: root gives each student a user."""
HAD = WITHOUT | ({"users", "namespaces"} if ISOLATED else set())
BY_NAME = {row.name: row for row in ROWS}
PATIENCE = 300
MEMORY = 600 << 20
"""Bytes that no row may make the grader take: the judge's own limit, and a little more."""
SECONDS = 60
"""No row may cost more: some wait 10 seconds twice, few more than 5. On a machine that is too busy
a judge gives everything more time, and so does this."""


@pytest.fixture(scope="module")
def measured(request):
    """Since when, and what came of each row, by its name; they are graded two at a time."""
    chosen = [
        item.callspec.params["row"]
        for item in request.session.items
        if getattr(item, "originalname", "") == "test_row"
    ]
    with workers(2) as pool:
        came = {row.name: pool.submit(measure, row.text(), None, row.chapter) for row in chosen}
        yield Stopwatch(), came


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(row, measured):
    """The right points in each exercise, a message, and nothing left."""
    if row.needs not in HAD:
        pytest.skip("this level, or this system, does not protect from it")
    watch, outcomes = measured
    came = outcomes[row.name].result(PATIENCE)
    assert came.differences(row) == []
    assert came.peak_memory < MEMORY
    assert came.seconds < (SECONDS * budget.BUSY_ROUNDS if watch.is_busy() else SECONDS)


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.needs in {"users", "namespaces"} - WITHOUT],
    ids=lambda row: row.name,
)
def test_without_namespaces_it_does_not_hold(row, pool):
    """So these rows can fail. What a bomb takes from others is chance: it has three tries."""
    for _ in range(3):
        came = pool.submit(measure, row.text(), "process", row.chapter).result(PATIENCE)
        assert not came.left
        if came.differences(row):
            return
    pytest.fail("it holds")


@pytest.fixture(scope="module")
def pool():
    with workers(1) as pool:
        yield pool


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        (Row("no points", "", {"03.1": BLANK["03.1"]}), "03.1: 0 points, not 13"),
        (Row("fewer points", "", points={"03.1": 3}), "03.1: 13 points, not 3"),
        (Row("another message", "", BLANK, ALL, {"03.1": "well done"}), "well done"),
    ],
    ids=lambda one: getattr(one, "name", ""),
)
def test_the_table_notices(row, wrong, pool):
    """Each difference that it looks for."""
    [difference] = pool.submit(measure, row.text()).result(PATIENCE).differences(row)
    assert wrong in difference


@pytest.mark.parametrize("kind", ["listening", "bound", "datagrams", "unix"])
def test_the_table_notices_a_port(kind, pool):
    """One that the grader forgets to give back."""
    row = Row("right", "")
    came = pool.submit(measure_and_keep_a_port, row.text(), kind).result(PATIENCE)
    assert came.differences(row) == ["0 processes, 1 ports, 0 descriptors left"]


def measure_and_keep_a_port(text, kind):
    kept = []

    def wait4(*args, wait4=os.wait4):
        kept.append(bound(kind))
        return wait4(*args)

    with patch("os.wait4", wait4):
        came = measure(text)
    kept[0].close()
    return came


def bound(kind):
    made = socket.socket(
        socket.AF_UNIX if kind == "unix" else socket.AF_INET,
        socket.SOCK_DGRAM if kind == "datagrams" else socket.SOCK_STREAM,
    )
    made.bind("" if kind == "unix" else ("127.0.0.1", 0))
    if kind == "listening":
        made.listen()
    return made


@pytest.mark.parametrize(("seconds", "things"), [(1, 0), (60, 1)], ids=["another row's", "its own"])
def test_the_table_notices_a_file_that_stays(seconds, things, pool):
    """One that another row takes away meanwhile is no fault of this one's."""
    came = pool.submit(measure_beside_a_file, Row("right", "").text(), seconds).result(PATIENCE)
    assert came.things == things


def measure_beside_a_file(text, seconds):
    file = Path(f"/tmp/mallory-{os.getpid()}")
    timer = threading.Timer(seconds, file.unlink)

    def wait4(*args, wait4=os.wait4):
        file.touch()
        timer.start()
        return wait4(*args)

    with patch("os.wait4", wait4):
        came = measure(text)
    timer.cancel()
    file.unlink(missing_ok=True)
    return came


def test_a_try_that_computes_too_long_does_not_hide_what_the_first_one_found(pool):
    """On a busy machine, where a check is made again."""
    row = row_of(
        "04_udp_server",
        "wrong at first, then without an end",
        "what was found at first is told",
        "04.3",
        "        sock.sendto(data, self.client_address)",
        "        sock.sendto(b'x' * 100, self.client_address)\n"
        "        while hasattr(EchoHandler, 'again'): pass\n"
        "        EchoHandler.again = True",
    )
    came = pool.submit(measure_as_if_busy, row.text(), row.chapter).result(PATIENCE)
    assert "back for b'ahoy'" in came.told["04.3"]


def measure_as_if_busy(text, chapter):
    with patch("socketlab.grading.clock.LATE", -1):
        return measure(text, None, chapter)


# Whole classes, by the command.


# A program that this process starts inherits our own peak of memory, so a small one is in between.
MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[2:])
_, status, used = os.wait4(process.pid, 0)
with open(sys.argv[1], "w") as file:
    print(used.ru_maxrss, file=file)
sys.exit(os.waitstatus_to_exitcode(status))
"""


class Graded:
    """What `socketlab grade` made of a class."""

    def __init__(self, source, folder, *options):
        out = folder / "out"
        memory = Path(f"{folder}-memory")
        command = [sys.executable, "-c", MEASURE, str(memory)]
        command += [sys.executable, "-m", "socketlab", "grade", str(source), "--out", str(out)]
        environment = {**os.environ, "PYTHONPATH": f"{PROJECT}:{folder}/mark", "COLUMNS": "200"}
        begun = time.monotonic()
        with subprocess.Popen(
            [*command, "--jobs", "16", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            env=environment,
        ) as process:
            self.printed = process.stdout.read()
        self.status = process.returncode
        self.seconds = time.monotonic() - begun
        self.peak_memory = int(memory.read_text()) * 1024
        assert (out / "grades.csv").exists(), self.printed
        with open(out / "grades.csv", encoding="utf-8", newline="") as file:
            self.scores = {row["student_id"]: row["score"] for row in csv.DictReader(file)}
        lines = (out / "journal.jsonl").read_text().splitlines()
        self.journal = [json.loads(line) for line in lines]
        self.pages = {page.stem: page.read_text() for page in (out / "feedback").iterdir()}
        assert not left(f"{folder}/mark")
        assert "Traceback" not in self.printed


def left(mark):
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "cmdline").read_bytes():
                found.append(process.name)
        except OSError:
            pass
    return found


def hand_in(folder, student, **answers):
    """Hand in a right notebook but for `answers`, such as a_03_1; return its path."""
    answers = {name[2:].replace("_", "."): source for name, source in answers.items()}
    return hand_in_row(folder, student, Row(student, "", answers))


def hand_in_row(folder, student, row):
    """Hand in what a row stands for; return its path."""
    path = folder / student / row.chapter / f"{row.chapter}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(row.text())
    return path


@pytest.mark.skipif(not ISOLATED, reason="this level does not protect from it")
def test_a_class_in_a_folder(tmp_path):
    """One submission does not see, change or stop another one, nor the gradebook."""
    collected, out = tmp_path / "class", tmp_path / "out"
    right = hand_in(collected, "ada")
    hand_in(collected, "reads", a_03_1=READ_OTHER.format(str(right)) + BLANK["03.1"])
    hand_in(collected, "writes", a_03_1=WRITE.format(str(out)) + BLANK["03.1"])
    hand_in(collected, "loops", a_03_1=RIGHT["03.1"] + "\nwhile True: pass")
    hand_in(collected, "prints", a_03_1=RIGHT["03.1"] + '\nprint("x" * (200 << 20))')
    hand_in(collected, "odd", a_03_1=r'raise ValueError("\ud800\x00")')
    hand_in(collected, "[red]<i>")
    hand_in(collected, "no-json").write_text("{")
    with open(hand_in(collected, "huge"), "wb") as file:
        file.truncate(100 << 20)
    for student, make in (
        ("link", lambda path: path.symlink_to(right)),
        ("nowhere", lambda path: path.symlink_to("/nowhere")),
        ("pipe", os.mkfifo),
        ("folder", os.mkdir),
    ):
        path = hand_in(collected, student)
        path.unlink()
        make(path)
    (collected / "linked").symlink_to(collected / "ada")
    graded = Graded(collected, tmp_path)
    full = str(sum(FULL.values()))
    rest = str(sum(FULL.values()) - FULL["03.1"])
    assert graded.scores == {
        "ada": full,
        "reads": rest,
        "writes": rest,
        "loops": full,
        "prints": full,
        "odd": rest,
        "[red]<i>": full,
        **dict.fromkeys(["no-json", "huge", "link", "linked", "nowhere", "pipe", "folder"], ""),
    }
    assert graded.status == 1
    assert len(graded.journal) == len(graded.scores)
    assert "FileNotFoundError" in graded.pages["reads"]
    assert "FileNotFoundError" in graded.pages["writes"]
    assert "it is not JSON" in graded.pages["no-json"]
    assert "The notebook has 100 MB, 20 MB is the most" in graded.pages["huge"]
    for student in ("link", "linked", "nowhere", "pipe", "folder"):
        assert "is a link, or no file" in graded.pages[student]
    assert graded.peak_memory < 300 << 20


@pytest.mark.skipif(not ISOLATED, reason="this level does not see what a process starts")
def test_fork_bombs_in_a_class(tmp_path):
    """They are over so soon that the right answers beside them are in time."""
    bomb = BY_NAME["a child that forks on and on"]
    right = Row("right", "", chapter=bomb.chapter)
    for number in range(4):
        hand_in_row(tmp_path / "class", f"bomb-{number}", bomb)
        hand_in_row(tmp_path / "class", f"right-{number}", right)
    graded = Graded(tmp_path / "class", tmp_path)
    most = sum(full(bomb.chapter).values())
    rest = most - full(bomb.chapter)["07.1"]
    for student, score in graded.scores.items():
        assert score == str(rest if student.startswith("bomb") else most), student


@pytest.mark.skipif(not ISOLATED, reason="this level does not protect from all of them")
def test_an_attacker_of_every_kind_in_one_class(tmp_path):
    """Among forty honest students: each has the points of the own answers, whoever is beside."""
    chapters = sorted(one.name for one in (PROJECT / "solutions").iterdir() if full(one.name))
    rows = [Row("honest", "", chapter=chapter) for chapter in chapters * 4]
    rows += [row for row in ROWS if row.needs in HAD]
    random.Random(12).shuffle(rows)
    for number, row in enumerate(rows):
        hand_in_row(tmp_path / "class", f"{number:03}", row)
    graded = Graded(tmp_path / "class", tmp_path)
    wrong = {}
    for number, row in enumerate(rows):
        points = str(sum((full(row.chapter) | row.points).values()))
        score = graded.scores[f"{number:03}"] or "0"  # what cannot be read has no score
        if score != points:
            wrong[f"{number:03} {row.name}"] = f"{score}, not {points}"
    assert wrong == {}


READ_OTHER = """
import json
with open({!r}) as file:
    exec("".join(next(c["source"] for c in json.load(file)["cells"] if c["id"] == "answer-03-1")))
"""
WRITE = """
for name in ("grades.csv", "journal.jsonl", "feedback/writes.html", "results.json"):
    with open({!r} + "/" + name, "a") as file:
        file.write("mine")
"""


def test_a_class_in_a_zip(tmp_path):
    """What cannot be read, or leads elsewhere, is told; the others are graded."""
    right = Row("right", "").text()
    source = tmp_path / "class.zip"
    with zipfile.ZipFile(source, "w") as archive:
        for student in ("ada", "../../mallory", "/etc/eve", "n" * 300, "broken", "locked"):
            archive.writestr(f"{student}/{CHAPTER}/{CHAPTER}.ipynb", right)
    spoil(source, "broken", "locked")
    graded = Graded(source, tmp_path)
    assert graded.status == 1
    assert graded.scores.pop("ada") == str(sum(FULL.values()))
    assert len(graded.scores) == 5 and set(graded.scores.values()) == {""}
    told = graded.printed
    for student in ("../../mallory", "/etc/eve"):
        assert f"'{student}/{CHAPTER}/{CHAPTER}.ipynb' is not <student>/<chapter>/" in told
    assert "is no name for a folder" in told
    assert "The notebook cannot be read: Bad CRC-32 for file 'broken" in told
    assert "is encrypted" in told
    assert sorted(one.name for one in tmp_path.iterdir()) == ["class.zip", "out"]
    assert not list(tmp_path.parent.glob("mallory*"))


@pytest.mark.parametrize("how", ["holes in files", "zeros in a zip", "outputs in a zip"])
def test_a_class_of_huge_notebooks(tmp_path, how):
    """They are read one at a time, and only their code is kept."""
    right, blank = Row("right", "").text(), json.dumps({"cells": []})
    huge = {"zeros in a zip": "\0" * MOST_BYTES, "outputs in a zip": blank + " " * (15 << 20)}
    source = tmp_path / ("class" if how == "holes in files" else "class.zip")
    if source.suffix:
        with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"ada/{CHAPTER}/{CHAPTER}.ipynb", right)
            for number in range(20):
                archive.writestr(f"eve-{number}/{CHAPTER}/{CHAPTER}.ipynb", huge[how])
    else:
        hand_in(source, "ada")
        for number in range(20):
            os.truncate(hand_in(source, f"eve-{number}"), 0)
            os.truncate(source / f"eve-{number}" / CHAPTER / f"{CHAPTER}.ipynb", MOST_BYTES)
    graded = Graded(source, tmp_path)
    assert graded.scores.pop("ada") == str(sum(FULL.values()))
    assert set(graded.scores.values()) == ({"0"} if how == "outputs in a zip" else {""})
    assert graded.peak_memory < 300 << 20
    assert graded.seconds < 60


def spoil(source, broken, locked):
    """Change a letter in one entry, and set the bit of another that says: encrypted."""
    data = bytearray(source.read_bytes())
    data[data.index(b"cells", data.index(broken.encode()))] = ord("X")
    name = locked.encode()
    for signature, place, bit in (
        (b"PK\3\4", data.index(name), 6),
        (b"PK\1\2", data.rindex(name), 8),
    ):
        data[data.rindex(signature, 0, place) + bit] |= 1
    source.write_bytes(data)
