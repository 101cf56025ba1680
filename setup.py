"""What pyproject.toml can't say: the course travels in the wheel, inside socketlab.

With SOLUTIONS=0 in the environment our solutions of the exercises stay out.
"""

import os
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
COURSE = ["exercises", "harbour", "notebooks", "requirements.lock", "solutions"]
SUITE = ["tests/__init__.py", "tests/conftest.py", "tests/conformance"]  # the capstone runs it


class BuildWithCourse(build_py):
    """Build the packages, and put the course's files into socketlab/course_files/."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:  # the clone has them
            return
        target = Path(self.build_lib, "socketlab", "course_files")
        shutil.rmtree(target, ignore_errors=True)  # of an earlier build
        for name in [*COURSE, *SUITE]:
            if name == "solutions" and os.environ.get("SOLUTIONS") == "0":
                continue
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, target / name, ignore=NOT_OURS)
            else:
                shutil.copyfile(ROOT / name, target / name)


NOT_OURS = shutil.ignore_patterns("__pycache__", ".*", "*.pyc")

setup(cmdclass={"build_py": BuildWithCourse})
