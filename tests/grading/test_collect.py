"""`socketlab collect`: notebooks out of homes in which a student may have laid traps."""

import json
import os
import shutil
import signal
import stat
import sys
import time
from pathlib import Path

import psutil
import pytest

from socketlab.__main__ import main
from socketlab.grading import home_folders
from socketlab.grading.archives import is_printable
from socketlab.grading.submissions import MOST_BYTES, submissions

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot fork")
CHAPTER = "03_tcp_server"
NAME = f"exercises_{CHAPTER}.ipynb"
TEXT = json.dumps({"cells": []})
ROOT_ONLY = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="Only root can become a student."
)
FIRST_USER = 54321


@pytest.fixture
def hub(tmp_path):
    """Return what makes a home with a notebook, and gives it to a user where we are root."""
    owners = {}

    def home(name, chapter=CHAPTER, text=TEXT):
        path = tmp_path / "home" / name
        place = path / "course" / "exercises" / chapter
        place.mkdir(parents=True)
        (place / f"exercises_{chapter}.ipynb").write_text(text)
        owner = owners.setdefault(name, FIRST_USER + len(owners))
        for one in (path, *path.rglob("*")):
            give(one, owner)
        path.chmod(0o700)
        return place

    return home


def give(path, owner):
    if os.geteuid() == 0:
        os.chown(path, owner, owner, follow_symlinks=False)


def owned(path, like):
    """Give a new file or link to the owner of another one."""
    give(path, like.lstat().st_uid)
    return path


def collect(tmp_path, *options, of=CHAPTER):
    chapters = ("--chapter", of) if of else ()
    there = sorted(str(one) for one in (tmp_path / "home").iterdir())
    return main(["collect", *there, *chapters, "--out", str(tmp_path / "submitted"), *options])


def copied(tmp_path):
    """Return what has been collected, by student; and hold it to its modes and owner."""
    found = {}
    for path in [tmp_path / "submitted", *(tmp_path / "submitted").rglob("*")]:
        there = path.lstat()
        is_folder = stat.S_ISDIR(there.st_mode)
        assert is_folder or stat.S_ISREG(there.st_mode), path
        assert stat.S_IMODE(there.st_mode) == (0o700 if is_folder else 0o600), path
        assert there.st_uid == os.geteuid() and (is_folder or there.st_nlink == 1)
        parts = path.relative_to(tmp_path / "submitted").parts
        if len(parts) == 3:
            found.setdefault(parts[0], {})[parts[2]] = path.read_text()
        else:
            assert is_folder
    return found


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_notebooks_are_copied_as_plain_private_files(umask, hub, tmp_path, capfd):
    """Of the chapter that was asked for, or of all; the grader then knows whose they are."""
    ada = hub("ada", text="hers")
    ada.chmod(0o777)
    (ada / NAME).chmod(0o6777)
    hub("bob", text="his")
    before = os.umask(umask)
    try:
        assert collect(tmp_path) == 0
    finally:
        os.umask(before)
    assert copied(tmp_path) == {"ada": {NAME: "hers"}, "bob": {NAME: "his"}}
    said = capfd.readouterr().out
    assert f"ada: {CHAPTER}/{NAME}" in said and "2 notebooks of 2 students" in said
    found = [(one.student, one.chapter, one.text) for one in submissions(tmp_path / "submitted")]
    assert found == [("ada", CHAPTER, "hers"), ("bob", CHAPTER, "his")]
    assert collect(tmp_path, of="") == 1  # of each, nine are missing
    assert "left out: 01_sockets" in capfd.readouterr().out
    assert copied(tmp_path) == {"ada": {NAME: "hers"}, "bob": {NAME: "his"}}


TRAPS = {
    "link": (lambda path: path.symlink_to("/etc/passwd"), "a link, or no file"),
    "pipe": (lambda path: os.mkfifo(path), "a link, or no file"),
    "folder": (lambda path: path.mkdir(), "a link, or no file"),
    "sparse": (lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 1 << 40), "20 MB"),
    "big": (lambda path: path.write_bytes(bytes(MOST_BYTES + 1)), "20 MB"),
    "escape\x1b[31m": (lambda path: path.write_text(TEXT), "can't be shown"),
    "two\nlines": (lambda path: path.write_text(TEXT), "can't be shown"),
    "bytes\udcff": (lambda path: path.write_text(TEXT), "can't be shown"),
}


@pytest.mark.parametrize("name", TRAPS, ids=ascii)
def test_what_is_no_notebook_is_left_out_with_the_reason(name, hub, tmp_path, capfd):
    """The one beside it is taken, and the status says that something may be missing."""
    hub("ada")
    mallory = hub("mallory")
    make, told = TRAPS[name]
    make(mallory / f"{name}.ipynb")
    owned(mallory / f"{name}.ipynb", mallory)
    assert collect(tmp_path) == 1
    assert copied(tmp_path) == {"ada": {NAME: TEXT}, "mallory": {NAME: TEXT}}
    said = capfd.readouterr()
    assert told in said.out and "Something is missing of: mallory\n" in said.err
    assert all(is_printable(line) for line in (said.out + said.err).splitlines())


def test_what_students_do_not_hand_in_is_named_and_costs_nothing(hub, tmp_path, capfd):
    """Files of theirs, a newer version from the course, what JupyterLab keeps."""
    ada = hub("ada")
    for name in ("notes.txt", f"exercises_{CHAPTER}.new.ipynb", ".hidden.ipynb", "tool"):
        (ada / name).write_text("x")
        owned(ada / name, ada)
    (ada / "tool").chmod(0o6755)
    assert collect(tmp_path) == 0
    assert copied(tmp_path) == {"ada": {NAME: TEXT}}
    said = capfd.readouterr().out
    assert "notes.txt" in said and "a newer version from the course" in said


@pytest.mark.parametrize("above", ["home", "course", "exercises", CHAPTER])
def test_no_link_in_the_place_of_a_folder_is_followed(above, hub, tmp_path, capfd):
    """To another student's work, or to what only root can read."""
    ada, mallory = hub("ada"), hub("mallory")
    levels = {CHAPTER: 0, "exercises": 1, "course": 2, "home": 3}
    link, target = ([place, *place.parents][levels[above]] for place in (mallory, ada))
    shutil.rmtree(link)
    link.symlink_to(target)
    give(link, FIRST_USER + 1)
    assert collect(tmp_path) == 1
    assert copied(tmp_path) == {"ada": {NAME: TEXT}}
    assert "is a link" in capfd.readouterr().out
    ada, mallory = submissions(tmp_path / "submitted")
    assert ada.text == TEXT and "empty" in mallory.trouble
    assert (mallory.student, mallory.chapter) == ("mallory", CHAPTER)


@ROOT_ONLY
def test_a_home_is_read_with_its_student_s_rights(hub, tmp_path, capfd):
    """Root could read what the student can't; nobody hands in a file that another one owns."""
    ada, mallory = hub("ada"), hub("mallory")
    (mallory / NAME).chmod(0)
    os.link(ada / NAME, mallory / "hers.ipynb")
    (tmp_path / "home" / "admin" / "course").mkdir(parents=True)
    assert collect(tmp_path) == 1
    assert copied(tmp_path) == {"ada": {NAME: TEXT}}
    said = capfd.readouterr()
    assert f"{NAME}: Permission denied" in said.out
    assert "hers.ipynb: it belongs to another user" in said.out
    assert "it belongs to root" in said.out
    assert "missing of: admin, mallory" in said.err


@ROOT_ONLY
def test_who_is_not_root_is_told_which_homes_are_closed(hub, tmp_path, capfd, monkeypatch):
    """The others are collected."""
    hub("ada")
    (tmp_path / "home" / "ada").chmod(0o755)
    hub("bob")
    collect(tmp_path)
    capfd.readouterr()
    monkeypatch.chdir(tmp_path / "home")
    out = tmp_path / "home" / "teacher"
    out.mkdir()
    os.chown(out, 65534, 65534)
    pid = os.fork()
    if pid == 0:
        try:
            os.setuid(65534)  # in a folder below ones that this user can't enter
            chosen = ["ada", "bob", "--chapter", CHAPTER, "--out", "teacher/submitted"]
            os._exit(main(["collect", *chosen]))
        finally:
            os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    said = capfd.readouterr().out
    assert f"ada: {CHAPTER}/{NAME}" in said
    assert "bob: nothing\n  left out: 'course' can't be opened: Permission denied" in said
    there = (out / "submitted" / "ada" / CHAPTER / NAME).stat()
    assert (there.st_uid, stat.S_IMODE(there.st_mode)) == (65534, 0o600)


def test_numbers_have_a_limit(hub, tmp_path, capfd):
    """Of notebooks, and of names that are looked at; the usual one is always among them."""
    ada = hub("ada")
    for number in range(home_folders.MOST_FILES + 100):
        (ada / f"a{number}.ipynb").touch()
        owned(ada / f"a{number}.ipynb", ada)
    assert collect(tmp_path) == 1
    [mine] = copied(tmp_path).values()
    assert len(mine) == home_folders.MOST_NOTEBOOKS and NAME in mine
    said = capfd.readouterr().out
    assert "more than 10 notebooks" in said and "more than 1000 files" in said
    assert len(said.splitlines()) < 8


def test_the_bytes_of_one_student_have_a_limit(hub, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(home_folders, "MOST_IN_ALL", 3 * len(TEXT))
    ada = hub("ada")
    for number in range(5):
        (ada / f"x{number}.ipynb").write_text(TEXT)
        owned(ada / f"x{number}.ipynb", ada)
    hub("bob")
    assert collect(tmp_path) == 1
    assert {name: len(some) for name, some in copied(tmp_path).items()} == {"ada": 3, "bob": 1}
    assert "MB in all" in capfd.readouterr().out


def hangs(*_):
    time.sleep(60)


def stops(*_):
    os.kill(os.getpid(), signal.SIGSTOP)


def dies(*_):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("trap", [hangs, stops, dies])
def test_a_home_that_hangs_holds_nobody_up(trap, hub, tmp_path, capfd, monkeypatch):
    """A file system may; and a student can stop and end processes that have become theirs."""
    places = hub("ada"), hub("mallory")
    assert collect(tmp_path) == 0
    (places[0] / NAME).write_text("new")
    read, theirs = home_folders._file, places[1].stat().st_ino

    def trapped(name, folder, owner):
        return (trap if os.fstat(folder).st_ino == theirs else read)(name, folder, owner)

    monkeypatch.setattr(home_folders, "_file", trapped)
    monkeypatch.setattr(home_folders.read_home, "__defaults__", (1.0,))
    began = time.monotonic()
    assert collect(tmp_path) == 1
    assert time.monotonic() - began < 15
    assert copied(tmp_path) == {"ada": {NAME: "new"}, "mallory": {NAME: TEXT}}
    assert "what was collected before stays" in capfd.readouterr().out


def test_a_file_that_changes_meanwhile_is_not_taken_half(hub, tmp_path, capfd, monkeypatch):
    """It's read again, and left out if it never comes to rest."""
    ada = hub("ada")
    fstat, times = os.fstat, [2]

    def and_then_it_grows(number):
        there = fstat(number)
        if stat.S_ISREG(there.st_mode) and times[0]:
            times[0] -= 1
            os.write(growing.fileno(), b" ")
        return there

    growing = open(ada / NAME, "a")  # noqa: SIM115 (the student's process inherits it)
    monkeypatch.setattr(os, "fstat", and_then_it_grows)
    assert collect(tmp_path) == 0
    assert copied(tmp_path) == {"ada": {NAME: TEXT + "  "}}
    times[0] = 100
    assert collect(tmp_path) == 1
    assert "it changes while it's read" in capfd.readouterr().out
    assert copied(tmp_path) == {}


def test_a_second_run_leaves_what_there_is_now(hub, tmp_path, capfd):
    """No notebook that has gone, no torn file; and what isn't a notebook of this chapter stays."""
    ada = hub("ada")
    (ada / "copy.ipynb").write_text("copy")
    owned(ada / "copy.ipynb", ada)
    assert collect(tmp_path) == 0
    mine = tmp_path / "submitted" / "ada" / CHAPTER
    (mine / ".part").write_text("torn")
    (mine / "remark.txt").write_text("the teacher's")
    (mine / "remark.txt").chmod(0o600)
    (ada / "copy.ipynb").unlink()
    (ada / NAME).write_text("better")
    assert collect(tmp_path) == 0
    assert copied(tmp_path) == {"ada": {NAME: "better", "remark.txt": "the teacher's"}}
    assert "no longer there, so taken away here: 03_tcp_server/copy.ipynb" in (
        capfd.readouterr().out
    )


def test_a_link_that_an_earlier_way_of_collecting_left_is_not_written_through(hub, tmp_path, capfd):
    """`tar` did leave such links."""
    hub("ada")
    (tmp_path / "submitted" / "ada").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "submitted" / "ada" / CHAPTER).symlink_to(tmp_path / "elsewhere")
    assert collect(tmp_path) == 2
    assert "is a link, or no folder" in capfd.readouterr().err
    assert not list((tmp_path / "elsewhere").iterdir())
    (tmp_path / "submitted" / "ada" / CHAPTER).unlink()
    (tmp_path / "submitted" / "ada" / CHAPTER).mkdir()
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "submitted" / "ada" / CHAPTER / NAME).symlink_to(tmp_path / "mine")
    assert collect(tmp_path) == 0
    assert (tmp_path / "mine").read_text() == "mine" and copied(tmp_path) == {"ada": {NAME: TEXT}}


def test_what_was_collected_with_too_many_rights_loses_them(hub, tmp_path, capfd):
    """Even a set-user-ID bit, which `tar` has kept for root."""
    hub("ada")
    (tmp_path / "submitted" / "ada" / "tools").mkdir(parents=True)
    tool = tmp_path / "submitted" / "ada" / "tools" / "tool"
    tool.write_text("#!/bin/sh")
    tool.chmod(0o6755)
    (tmp_path / "submitted").chmod(0o755)
    assert collect(tmp_path) == 0
    assert stat.S_IMODE(tool.stat().st_mode) == 0o700
    assert "Now it's yours alone" in capfd.readouterr().err


def test_a_folder_open_to_others_is_closed_or_refused(hub, tmp_path, capfd):
    """One of an earlier collection, or empty, is closed; another may be meant for others."""
    hub("ada")
    out = tmp_path / "submitted"
    out.mkdir()
    for mode in (0o777, 0o755):
        out.chmod(mode)
        assert collect(tmp_path) == 0
        assert copied(tmp_path) == {"ada": {NAME: TEXT}}
    shutil.rmtree(out)
    (out / "theirs").mkdir(parents=True)
    for mode in (0o777, 0o755):
        out.chmod(mode)
        assert collect(tmp_path) == 2
        assert "other users can use that folder" in capfd.readouterr().err
        assert [one.name for one in out.iterdir()] == ["theirs"]


@pytest.mark.parametrize("out", ["home", "home/ada", "home/ada/course/mine", "."])
def test_homes_are_not_collected_into_themselves(out, hub, tmp_path, capfd):
    """It would take others' rights away from all that is there."""
    hub("ada")
    (tmp_path / "home").chmod(0o755)
    assert collect(tmp_path, "--out", str(tmp_path / out)) == 2
    assert "Collect into another folder" in capfd.readouterr().err
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o755


def test_a_chapter_or_a_home_that_is_not_there_is_told(hub, tmp_path, capfd):
    hub("ada")
    assert collect(tmp_path, of="../ada") == 2
    assert "'../ada' is no chapter with exercises. There are: 01_sockets" in capfd.readouterr().err
    for path in ("bob", "zoe/course"):
        (tmp_path / "home" / path).mkdir(parents=True)
        give((tmp_path / "home" / path), FIRST_USER)
        give((tmp_path / "home" / path.partition("/")[0]), FIRST_USER)
    (tmp_path / "home" / "\x1b[2J").mkdir()
    assert collect(tmp_path) == 1
    said = capfd.readouterr()
    assert "bob: nothing\n  left out: there is no 'course'" in said.out
    assert "there is no 'exercises'" in said.out and "its name can't be" in said.out
    assert "missing of: �[2J, bob, zoe" in said.err
    assert main(["collect", str(tmp_path / "none"), "--out", str(tmp_path / "other")]) == 1
    assert "none: nothing\n  left out: No such file" in capfd.readouterr().out


def test_two_homes_with_one_name_are_not_mixed(hub, tmp_path, capfd):
    hub("ada", text="hers")
    shutil.copytree(tmp_path / "home", tmp_path / "more")
    (tmp_path / "more" / "ada" / "course" / "exercises" / CHAPTER / NAME).write_text("another's")
    both = [str(tmp_path / place / "ada") for place in ("home", "more")]
    out = str(tmp_path / "submitted")
    assert main(["collect", *both, "--chapter", CHAPTER, "--out", out]) == 1
    assert copied(tmp_path) == {"ada": {NAME: "hers"}}
    assert "there was another home with this name before it" in capfd.readouterr().out


def test_a_full_disk_leaves_the_old_notebook(hub, tmp_path, capfd, monkeypatch):
    ada = hub("ada")
    assert collect(tmp_path) == 0
    (ada / NAME).write_text("better")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert collect(tmp_path) == 2
    assert "No space left on device" in capfd.readouterr().err
    assert copied(tmp_path) == {"ada": {NAME: TEXT}}


def test_reading_leaves_no_process_and_no_descriptor(hub, tmp_path):
    hub("ada")
    hub("bob")
    descriptors = Path("/proc/self/fd") if Path("/proc/self/fd").exists() else Path("/dev/fd")
    before = len(list(descriptors.iterdir())), psutil.Process().children()
    assert collect(tmp_path) == 0
    assert (len(list(descriptors.iterdir())), psutil.Process().children()) == before
