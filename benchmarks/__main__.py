"""Measure the servers side by side (Linux; about seventeen minutes on two cores).

    python -m benchmarks [--quick] [--out FOLDER]

Writes RESULTS.md and growth.svg into the folder, this one unless told otherwise, and then also the
goals into the README. What is measured stands here, how in `measure`, the pages in `report`.
"""

import argparse
import os
import time
from collections import defaultdict
from pathlib import Path

import minisocketserver

from . import measure, report

HERE = Path(__file__).parent
STANDARD = "socketserver.ThreadingTCPServer"
TCP = "minisocketserver.TCPServer"
CLASSES = [name for name in minisocketserver.__all__ if name[:4] in ("TCPS", "UDPS", "Unix")]
CLASSES += [name for name in minisocketserver.__all__ if name.endswith("Server") and "ing" in name]
BOTH = [
    f"{module}.{name}"
    for name in ("TCPServer", "ThreadingTCPServer", "ForkingTCPServer")
    for module in ("socketserver", "minisocketserver")
]
# Each line: ours, what it is held against, the work, clients at once. A class held against itself,
# in two processes, tells how far from 1 chance alone goes.
PAIRS = [
    *((f"minisocketserver.{name}", f"socketserver.{name}", "echo", 10) for name in CLASSES),
    (TCP, "bare", "echo", 100),
    ("pool", STANDARD, "echo", 100),
    ("pre-fork", TCP, "compute", 8),
    ("minisocketserver.UnixStreamServer", TCP, "echo", 10),
    ("minisocketserver.UnixStreamServer", TCP, "bulk", 10),
    ("minisocketserver.UnixDatagramServer", "minisocketserver.UDPServer", "echo", 10),
    *((name, name, "echo", 10) for name in BOTH if name.startswith("socketserver.")),
]
STOPPED = [*BOTH, "pool", "pre-fork", "asyncio", "gevent"]
STREAMS = ["bare", *STOPPED]
DATAGRAMS = ["bare UDP", "socketserver.UDPServer", "minisocketserver.UDPServer"]
DATAGRAMS += ["asyncio UDP", "gevent UDP"]
HOLDING = ["socketserver.ThreadingTCPServer", "minisocketserver.ThreadingTCPServer"]
HOLDING += ["socketserver.ForkingTCPServer", "minisocketserver.ForkingTCPServer"]
HOLDING += ["asyncio", "gevent"]

FULL = {
    "pairs": PAIRS,
    "pair_starts": 15,
    "pair_rounds": 2,
    "seconds": 0.3,
    "rounds": 3,
    "work": [
        *(("echo", clients, STREAMS) for clients in (1, 10, 100, 1000)),
        ("bulk", 10, STREAMS),
        ("sleep", 100, STREAMS),
        ("compute", 8, STREAMS),
        ("echo", 100, DATAGRAMS),
    ],
    "stopped": STOPPED,
    "stops": 5,
    "idle_seconds": 3.0,
    "holding": HOLDING,
    "held": 1000,
    "starved": ["socketserver.TCPServer", TCP, "asyncio", "gevent"],
}
QUICK = {
    "pairs": [
        (TCP, "socketserver.TCPServer", "echo", 2),
        (TCP, "bare", "bulk", 2),
        ("socketserver.TCPServer", "socketserver.TCPServer", "echo", 2),
    ],
    "pair_starts": 2,
    "pair_rounds": 1,
    "seconds": 0.05,
    "rounds": 1,
    "work": [("echo", 1, ["bare", STANDARD, "pool"])],
    "stopped": ["socketserver.TCPServer", TCP],
    "stops": 1,
    "idle_seconds": 0.5,
    "holding": HOLDING[:2],
    "held": 10,
    "starved": [TCP],
}


def run(plan, say):
    """Take all measurements of a plan; see `report` for how they are kept."""
    results = {"pairs": [], "work": [], "load": os.getloadavg()[0], "starts": plan["pair_starts"]}
    rest = results["rest"] = defaultdict(lambda: defaultdict(list))
    for ours, theirs, work, clients in plan["pairs"]:
        say(f"{ours} beside {theirs}, {work}")
        times = plan["seconds"], plan["pair_rounds"], plan["pair_starts"]
        taken = measure.in_turns([ours, theirs], work, clients, *times)
        results["pairs"].append((ours, theirs, work, clients, taken))
    for work, clients, names in plan["work"]:
        say(f"{work}, {clients} clients")
        taken = measure.in_turns(names, work, clients, plan["seconds"], plan["rounds"])
        results["work"].append((work, clients, dict(zip(names, taken, strict=True))))
    say("at rest")
    for name in plan["stopped"] * plan["stops"]:
        rest[name]["shutdown"].append(measure.shutdown_seconds(name))
    wakeups = measure.idle_wakeups(plan["stopped"], plan["idle_seconds"])
    for name, figure in zip(plan["stopped"], wakeups, strict=True):
        rest[name]["wakeups"].append(figure)
    for name in plan["holding"] * plan["rounds"]:
        count = plan["held"] // 10 if "Forking" in name else plan["held"]
        rest[name]["held"].append(measure.held_memory(name, count))
    for name in plan["starved"] * plan["rounds"]:
        seconds = plan["idle_seconds"] / 3
        rest[name]["starved"].append(measure.cpu_without_descriptors(name, seconds))
    return results


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few servers, for a moment")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where to write the pages")
    options = parser.parse_args()
    if options.quick and not options.out:
        parser.error("--quick needs --out: its figures are not worth keeping")
    started = time.monotonic()

    def say(what):
        print(f"{time.monotonic() - started:4.0f} s  {what}", flush=True)

    results = run(QUICK if options.quick else FULL, say)
    say("done")
    page = report.page(results, measure.totals)
    folder = options.out or HERE
    (folder / "RESULTS.md").write_text(page, encoding="utf-8")
    report.plot(results, folder / "growth.svg")
    if not options.out:
        report.quote(page, HERE.parent / "README.md")
    print(page)


if __name__ == "__main__":
    main()
