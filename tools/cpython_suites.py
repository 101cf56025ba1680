"""Run CPython's own test suites on our module, and print a table of what came of each."""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

from socketlab.ship.suites import LEFT_OUT, SUITES, is_shipped, run


def main():
    argparse.ArgumentParser(prog="python -m tools.cpython_suites", description=__doc__).parse_args()
    suites = [suite for suite in SUITES if is_shipped(suite)]
    if not suites:
        print("This Python ships no `test` package: nothing to run.")
        return 0
    print(f"CPython {sys.version.split()[0]}'s own suites on minisocketserver\n")
    print("| suite | tests run | skipped | left out | failures | server objects made |")
    print("|---|---:|---:|---:|---:|---:|")
    failed = []
    with ThreadPoolExecutor(len(suites)) as pool:  # they mostly wait
        for o in pool.map(run, suites):
            counts = (o.tests, o.skipped, o.left_out, o.failures, o.servers)
            print(f"| {o.suite} |", " | ".join(map(str, counts)), "|", flush=True)
            if o.failures or not o.servers:
                failed.append(o)
    print("\nLeft out:", *(name for names in LEFT_OUT.values() for name in names))
    for o in failed:
        print(f"\n{o.suite}:\n{o.output}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
