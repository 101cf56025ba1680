"""Run one suite of the `test` package in this process and write what came of it as JSON.

    python run_suite.py test_logging REPORT [NAME OF A TEST TO LEAVE OUT ...]

A small runner of our own, because unittest's command can select tests but not leave one out.
"""

import faulthandler
import json
import sys
import unittest
from collections.abc import Iterator
from pathlib import Path


def tests_in(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from tests_in(item)
        else:
            yield item


def main(name: str, report: str, *left_out: str) -> None:
    tests = list(tests_in(unittest.defaultTestLoader.loadTestsFromName(f"test.{name}")))
    kept = [test for test in tests if test.id() not in left_out]
    result = unittest.TextTestRunner().run(unittest.TestSuite(kept))
    outcome = {
        "tests": result.testsRun,
        "skipped": len(result.skipped),
        "failures": len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses),
        "left_out": len(tests) - len(kept),
    }
    Path(report).write_text(json.dumps(outcome), encoding="utf-8")


if __name__ == "__main__":
    faulthandler.enable()  # who ends a suite that hangs is told where it stands
    main(*sys.argv[1:])
