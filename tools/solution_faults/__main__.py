"""Put one-line faults into our solutions of the exercises: which do the checks notice?"""

import argparse

from socketlab.exercises import UnknownError, all_exercises, find

from . import EXPLAINED, faults_in, more_kinds, unnoticed


def exercise(name):
    """Return an exercise, as an option's type."""
    try:
        return find(name)
    except UnknownError as error:
        raise argparse.ArgumentTypeError(error) from None


def main():
    parser = argparse.ArgumentParser(prog="python -m tools.solution_faults", description=__doc__)
    parser.add_argument("--more", action="store_true", help="more kinds, which take minutes")
    parser.add_argument("exercises", nargs="*", metavar="EXERCISE", type=exercise)
    options = parser.parse_args()
    explained = more_kinds.EXPLAINED if options.more else EXPLAINED
    for spec in options.exercises or all_exercises():
        faults = list((more_kinds.faults_in if options.more else faults_in)(spec))
        missed = unnoticed(faults)
        print(f"{spec.id} {spec.title}: {len(faults) - len(missed)} of {len(faults)} noticed")
        for fault in missed:
            print("   ", fault.name, "--", explained.get((spec.id, fault.name), "?"), flush=True)


if __name__ == "__main__":
    main()
