"""Put one-line faults into the library and into socketserver: which does the suite notice?"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

from . import MODULES, faults_of, notice


def main():
    parser = argparse.ArgumentParser(prog="python -m tools.library_faults", description=__doc__)
    parser.add_argument("--module", choices=MODULES, help="default: both")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--verbose", action="store_true", help="name the test that noticed each")
    parser.add_argument("words", nargs="*", help="only faults whose name has one of these words")
    options = parser.parse_args()
    modules = [options.module] if options.module else MODULES
    faults = {module: chosen(module, options.words) for module in modules}
    if not any(faults.values()):
        parser.error(f"no fault has {' or '.join(map(repr, options.words))} in its name")
    unnoticed = [report(module, faults[module], options) for module in modules]
    return 1 if any(unnoticed) else 0


def chosen(module, words):
    """Return the faults for a module; where there are words, those with one in their name."""
    return [
        fault
        for fault in faults_of(module)
        if not words or any(word in str(fault) for word in words)
    ]


def report(module, faults, options):
    """Run the faults of one module, print what came of it, return how many were not noticed."""
    fitting = [fault for fault in faults if fault.applies]
    unnoticed = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for fault, line in zip(
            fitting, pool.map(lambda f: notice(f, module), fitting), strict=True
        ):
            if line is None:
                unnoticed.append(fault)
            if line is None or options.verbose:
                print(f"{fault}: {line or 'NOT NOTICED'}", flush=True)
    left_out = len(faults) - len(fitting)
    print(
        f"{module}: {len(fitting) - len(unnoticed)} of {len(fitting)} faults noticed"
        + (f", {left_out} not in this version" if left_out else "")
    )
    return len(unnoticed)


if __name__ == "__main__":
    sys.exit(main())
