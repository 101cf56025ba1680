"""Grade our own solutions, as `socketlab grade` does: do they get all points?

python -m tools.solution_points [--json]
"""

import argparse
import json
import sys

from socketlab.authoring.exercises import chapters
from socketlab.grading import judge, trial
from socketlab.grading.submissions import Submission
from socketlab.project import PROJECT
from socketlab.sandbox.sandbox import Sandbox


def grade_solutions() -> tuple[int, int, list[str]]:
    """Return the points they get, those that there are, and a message for each check missed."""
    won, most, missed = 0, 0, []
    with Sandbox(preload=trial.PRELOAD) as sandbox:
        for chapter in chapters():
            text = (PROJECT / "solutions" / chapter / f"{chapter}.ipynb").read_text("utf-8")
            grade = judge.grade(Submission("ada", chapter, text), sandbox)
            won += sum(result.points for result in grade.results)
            most += grade.max_points
            missed += [r.message for r in grade.results if r.points != r.max_points]
            missed += [grade.trouble] * bool(grade.trouble)
    return won, most, missed


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.solution_points", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--json", action="store_true", help="for other programs")
    as_json = parser.parse_args().json
    won, most, missed = grade_solutions()
    if as_json:
        print(json.dumps([won, most, missed]))
        return 0
    print(f"{won} of {most}", *missed, sep="\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
