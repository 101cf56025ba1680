"""What a teacher sees while a class is graded, and at the end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from .archives import printable
from .grade import Grade


@contextmanager
def shown(count: int, todo: int) -> Iterator[Callable[[Grade], None]]:
    """Show a bar, on stderr; yields what moves it on."""
    # A thread that refreshes it by itself would be in the way of forks.
    with Progress(console=Console(stderr=True), auto_refresh=False) as progress:
        task = progress.add_task("Grading", total=count, completed=count - todo)
        yield lambda grade: progress.update(
            task, advance=1, description=escape(grade.student[:20]), refresh=True
        )


def summarise(grades: list[Grade], folder: Path) -> None:
    """Print a table of the chapters, and those who could not be graded."""
    table = Table("chapter", "graded", "full", "median", "lowest", "of")
    for chapter, some in groupby(sorted(grades, key=lambda g: g.chapter), lambda g: g.chapter):
        graded = [grade for grade in some if not grade.trouble]
        points = sorted(grade.points for grade in graded)
        if points:
            most = graded[0].max_points
            full = sum(grade.points == grade.max_points for grade in graded)
            median = points[len(points) // 2]
            cells = (len(points), full, median, points[0], most)
            table.add_row(chapter, *map(str, cells))
    Console().print(table)
    for grade in grades:
        if grade.trouble:
            whose = f"{grade.student} {grade.chapter}".rstrip()
            print(printable(f"Not graded: {whose}. {grade.trouble}"))
    place = printable(str(folder))
    print(f"Grades: {place}/grades.csv; a page for each student: {place}/feedback")
