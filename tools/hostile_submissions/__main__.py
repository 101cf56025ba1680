"""Grade hostile submissions: what each gets, reads, takes and leaves behind.

python -m tools.hostile_submissions [--level LEVEL] [WORD IN A ROW'S NAME ...]
"""

import argparse
import sys
import time

from socketlab.sandbox import LEVELS

from .measure import measure, workers
from .rows import ROWS, full


def main():
    parser = argparse.ArgumentParser(
        prog="python -m tools.hostile_submissions", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--level", choices=LEVELS)
    parser.add_argument("--jobs", type=int, default=1, help="rows at a time")
    parser.add_argument("--all", action="store_true", help="whole messages")
    parser.add_argument("words", nargs="*", help="only rows with one of these in their names")
    options = parser.parse_args()
    rows = [row for row in ROWS if not options.words or any(w in row.name for w in options.words)]
    if not rows:
        parser.error(f"no row has {' or '.join(map(repr, options.words))} in its name")
    begun = time.monotonic()
    with workers(options.jobs) as pool:
        futures = [pool.submit(measure, row.text(), options.level, row.chapter) for row in rows]
        for row, future in zip(rows, futures, strict=True):
            show(row, future.result(), options.all)
    print(f"{len(rows)} rows in {time.monotonic() - begun:.0f} s")


def show(row, came, whole):
    differences = came.differences(row)
    points = f"{sum(came.points.values())} of {sum(full(row.chapter).values())}"
    left = f"left {came.left}  ports {came.ports}"
    figures = f"{came.seconds:5.1f} s  {left}  {came.peak_memory >> 20:4d} MB"
    told = [line.strip() for one in came.told.values() for line in one.splitlines()]
    first = next((line for line in told if line.startswith(("Got:", "Cell"))), "")
    print(
        f"{'FAILS' if differences else 'holds'}  {row.name:38} {points:9} {figures}  {first[:90]}"
    )
    for difference in differences:
        print("    ", difference)
    if whole:
        for exercise, one in came.told.items():
            print("    ", exercise, came.points[exercise], one.replace("\n", "\n         "))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
