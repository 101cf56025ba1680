"""Where the machine has too little, nobody gets a 0 for it, and nothing waits for ever."""

import contextlib
import csv
import os
import resource
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from socketlab.exercises import all_exercises
from socketlab.grading import budget, judge, trial
from socketlab.grading.clock import NAP, Clock
from socketlab.grading.submissions import Submission
from socketlab.sandbox import LEVELS
from socketlab.sandbox.host_limits import lower
from socketlab.sandbox.sandbox import Sandbox, SandboxError
from tools.sample_class import environment

from ..forks import in_a_fork

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks into Linux's /proc"),
    pytest.mark.timeout(900),
]
PROJECT = Path(__file__).parents[2]
CHAPTER = "01_sockets"
SOLUTION = PROJECT / "solutions" / CHAPTER / f"{CHAPTER}.ipynb"
SECONDS = 120


@pytest.fixture
def handed_in(tmp_path):
    """A class of two, with all right."""
    for student in ("ada", "bob"):
        path = tmp_path / "class" / student / CHAPTER / f"{CHAPTER}.ipynb"
        path.parent.mkdir(parents=True)
        shutil.copy(SOLUTION, path)
    return tmp_path / "class"


def grade(handed_in, before, *options, out=None):
    """Grade in a shell that does something before; return status, scores and what was said."""
    out = out or handed_in.parent / "out"
    words = [sys.executable, "-m", "socketlab", "grade", handed_in, "--out", out, *options]
    run = subprocess.run(
        ["bash", "-c", f'{before}; exec "$0" "$@"', *words],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert "Traceback" not in run.stderr, run.stderr
    return run.returncode, scores(out), " ".join((run.stdout + run.stderr).split())


def scores(out):
    with contextlib.suppress(FileNotFoundError), open(out / "grades.csv", encoding="utf-8") as file:
        return [row["score"] for row in csv.DictReader(file)]
    return []


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("limit", "named"),
    [
        ("-n 32", "allows 32 open files (ulimit -n), and grading needs 512"),
        ("-n 200", "allows 200 open files (ulimit -n)"),
        ("-u 60", "may have 60 processes and threads (ulimit -u)"),
        ("-d 100000", "allows 100000 KB of data (ulimit -d)"),
        ("-v 900000", "allows 900000 KB of address space (ulimit -v)"),
        ("-f 64", "allows 64 KB in a file (ulimit -f)"),
        ("-t 3", "allows 3 seconds of computing time for each process (ulimit -t)"),
    ],
)
def test_a_limit_that_is_too_low_is_named_at_the_start(handed_in, limit, named, level):
    status, scores, said = grade(handed_in, f"ulimit {limit}", "--level", level)
    assert (status, scores) == (2, [])
    assert named in said and "then grade again" in said


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("limit", ["-d 262144", "-t 4", "-u 2000", "-S -n 40", "-v 1200000"])
def test_with_a_low_limit_right_answers_have_all_points(handed_in, limit, level):
    """A lower limit than ours stays; of a soft one, we take what the hard one allows."""
    status, scores, said = grade(handed_in, f"ulimit {limit}", "--level", level)
    if "is not to be had here" in said:
        pytest.skip(said)
    assert (status, scores) == (0, ["26", "26"]), said


def test_a_limit_of_ours_never_raises_one():
    def limits():
        lower("DATA", 1 << 40, 1 << 40)
        lower("NOFILE", 1 << 20, 1 << 20)
        return resource.getrlimit(resource.RLIMIT_DATA), resource.getrlimit(resource.RLIMIT_NOFILE)

    def few():
        resource.setrlimit(resource.RLIMIT_DATA, (1 << 38, 1 << 39))
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200))
        return limits()

    assert in_a_fork(few) == ((1 << 39, 1 << 39), (200, 200))


def grade_in(sandbox, before):
    """Grade the solution in a fork that does something before; return the points, or why not."""

    def work():
        before()
        try:
            return judge.grade(
                Submission("ada", CHAPTER, SOLUTION.read_text("utf-8")), sandbox
            ).points
        except judge.NotJudgedError as why:
            return str(why)

    all_exercises()
    return in_a_fork(work)


def few_files(count):
    """Let this process, and its forks, have so many more files than it has."""
    most = len(os.listdir("/proc/self/fd")) + count
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@pytest.fixture(scope="module", params=LEVELS)
def sandbox(request):
    try:
        with Sandbox(request.param, preload=trial.PRELOAD) as sandbox:
            yield sandbox
    except SandboxError as trouble:
        pytest.skip(str(trouble))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 8, 14, 30, 66, 90])
def test_a_judge_short_of_files_says_so_or_gives_all_points(sandbox, count):
    came = grade_in(sandbox, lambda: few_files(count))
    assert came == 26 or "files" in str(came), came


def test_a_judge_short_of_processes_says_so(sandbox):
    """Root may have any number, so this is an ordinary user's."""
    if os.getuid() == 0:
        pytest.skip("root may have any number of processes")

    def none_left():
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))

    assert "no process to judge in" in grade_in(sandbox, none_left)


def test_a_judge_in_a_large_process_has_room_of_its_own(sandbox):
    """Such as a worker of Dask's, or of these tests, that has done much else."""
    large = []
    assert grade_in(sandbox, lambda: large.append(bytearray(budget.JUDGE_MEMORY))) == 26


def test_where_the_sandbox_has_gone_nobody_is_judged():
    with Sandbox(preload=trial.PRELOAD) as sandbox:
        assert grade_in(sandbox, lambda: None) == 26
        sandbox._forkserver.kill()
        sandbox._forkserver.wait(SECONDS)
        assert "The sandbox has stopped" in grade_in(sandbox, lambda: None)


def test_without_room_for_files_of_its_own_nobody_is_judged(sandbox, tmp_path):
    """A full or closed TMPDIR: where a judge keeps what the student prints."""

    def closed():
        import tempfile

        tempfile.tempdir = str(tmp_path / "none")

    assert "needs more" in grade_in(sandbox, closed)


def test_alarms_ring_without_files():
    """The clock opens nothing any more, once it goes."""

    def rings():
        clock = Clock()
        few_files(0)
        clock.start()
        rung = threading.Event()
        with clock.alarm(3 * NAP, rung.set, rounds=1):
            return rung.wait(10)

    assert in_a_fork(rings)


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root may mount")
@pytest.mark.parametrize("size", ["8k", "20k"])
def test_a_full_disk_is_told(handed_in, tmp_path, size):
    """The journal's, or that of the tables: what is not written is no grade."""
    out = tmp_path / "small"
    out.mkdir()
    mount = f"mount -t tmpfs -o size={size} none {out}"
    words = ["unshare", "--mount", "bash", "-c"]
    run = subprocess.run(
        [
            *words,
            f'{mount} && "$0" "$@"; echo status $?; cat {out}/grades.csv',
            *[sys.executable, "-m", "socketlab", "grade", handed_in, "--out", out],
        ],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    if "unshare" in run.stderr or "mount:" in run.stderr:
        pytest.skip(run.stderr)
    assert "status 2" in run.stdout and "Traceback" not in run.stderr
    assert f"Grades cannot be written to {out}: No space left on device." in run.stderr


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root may mount")
@pytest.mark.parametrize("level", LEVELS)
def test_a_full_tmp_is_told(handed_in, tmp_path, level):
    fill = "mount -t tmpfs -o size=40k none {0} && head -c 100000 /dev/zero > {0}/full 2>/dev/null"
    words = ["unshare", "--mount", "bash", "-c"]
    out = handed_in.parent / "out"
    folders = [one for one in ("/tmp", "/var/tmp") if not PROJECT.is_relative_to(one)]
    full = "; ".join(map(fill.format, folders))
    keep = f"mkdir -p /mnt/kept && mount --bind {handed_in.parent} /mnt/kept"
    program = [sys.executable, "-m", "socketlab", "grade", "/mnt/kept/class"]
    run = subprocess.run(
        [
            *words,
            f'{keep}; {full}; cd /; "$0" "$@"; echo status $?',
            *[*program, "--out", "/mnt/kept/out", "--level", level],
        ],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    if "unshare" in run.stderr or "mount:" in run.stderr:
        pytest.skip(run.stderr)
    assert "Traceback" not in run.stderr
    told = run.stdout + run.stderr
    assert ("status 0" in told and scores(out) == ["26", "26"]) or (
        ("status 1" in told or "status 2" in told) and not any(scores(out))
    ), told
