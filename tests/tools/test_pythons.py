"""The table of Pythons counts what pytest's report says, and nothing as passed that isn't."""

import sys
import xml.etree.ElementTree as ET

import pytest

from tools.pythons import PythonsError, interpreter, points, read

REPORT = """<testsuites><testsuite>
<testcase classname="a" name="right"/>
<testcase classname="a" name="wrong"><failure message="no&#10;more">...</failure></testcase>
<testcase classname="a" name="left"><error message="a thread"/></testcase>
<testcase classname="a" name="off"><skipped message="no IPv6"/></testcase>
<testcase classname="b" name="off"><skipped message="no IPv6"/></testcase>
</testsuite></testsuites>"""


def test_each_test_counts_once_and_skips_have_reasons():
    outcome = read(ET.fromstring(REPORT))
    assert str(outcome) == "1 / 2 / 2"
    assert outcome.failed == ["a::wrong: no", "a::left: a thread"]
    assert outcome.skipped == {"no IPv6": 2}


def test_a_suite_that_ran_nothing_has_failed():
    assert read(ET.fromstring("<testsuites/>")).failed == ["no test was run"]


def test_the_running_python_is_used_as_it_is():
    assert interpreter(sys.executable) == (sys.version.split()[0], sys.executable)


def test_what_is_no_python_is_named():
    with pytest.raises(PythonsError, match=r"no-such-python can't be run: .* Name another"):
        interpreter("./no-such-python")


def test_a_grader_that_breaks_is_no_full_score(tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho broken >&2; exit 1\n")
    broken.chmod(0o755)
    assert points(str(broken)) == ("none", ["grading ended with broken"])
