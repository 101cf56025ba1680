"""The pages: a table of the goals, the tables behind it, and a plot."""

import datetime
import math
import platform
import re
import time

import matplotlib

from socketlab.machine_load import processors

from .measure import quartiles, ratios
from .servers import compute

BEGIN, END = "<!-- goals: written by make bench -->\n", "<!-- goals end -->\n"
STANDARD = "socketserver.ThreadingTCPServer"
CHANCE = 0.005
"""What is less probable than this is no chance. Twelve classes each have theirs."""


def page(results, totals):
    """Return RESULTS.md."""
    loads = sorted({clients for _, clients, _ in results["work"]})
    started = time.process_time()
    compute()
    computing = (time.process_time() - started) * 1000
    return f"""# Measurements

{machine(results["load"])}. {totals["answered"]:,} of {totals["sent"]:,} requests answered,
{totals["wrong"]} answered wrongly, {totals["lost"]} lost.

Made by `make bench`. Clients run in a process of their own, {loads[0]:,} to {loads[-1]:,} at once;
each request over a stream has a connection of its own. The servers of a comparison run at the same
time, and are asked in turn, in short slices. Each ratio is of slices of one round; what is shown is
the median of the rounds, and in brackets their middle half. "Times" is always the left one divided
by the right one. A cost is the processor time of the server and its children.

{BEGIN}{goals(results)}{END}
![Requests a second and the slowest answers, from 1 client to 1,000](growth.svg)

## Side by side

Requests a second, and what a request costs the processor. Over datagrams a request is one
datagram; Unix sockets are also held against TCP and UDP. Each process has luck of its own, so the
servers of a pair are started anew {results["starts"]} times; the last column tells in how many of
these starts the first was slower. How far chance goes is told by the rows of a class and itself,
which is the same class in two processes. The system's `fork` and the end of a process take nearly
all the time of a forking server, so that no code in Python can make much of a difference there.

{pairs_table(results["pairs"], results["starts"])}
## Work

*echo*: 64 bytes, there and back. *bulk*: 1 MiB back, here and there through `wfile`. *sleep*: the
handler sleeps 10 ms. *compute*: it computes, in Python, {computing:.0f} ms. Rates are held against
`{STANDARD}` (datagrams: `socketserver.UDPServer`), costs against the
bare loop. With a \\* the client was busy for more than nine tenths of the time: the server could
do more.

{work_table(results["work"])}
## At rest

`shutdown()`: of an idle server, at some point of its poll. Wake-ups: of a server without clients,
a second. Memory: what one open, silent connection adds to what the server and its children share
with nobody. Out of descriptors: share of a processor that a server uses while a client waits
whom it cannot accept. An empty cell was not measured (`TCPServer` holds one client at a time).

{rest_table(results["rest"])}"""


def machine(load):
    python = f"{platform.python_implementation()} {platform.python_version()}"
    system = f"{len(processors())} cores, {platform.system()}, load before the run {load:.1f}"
    return f"{datetime.date.today()}, {python}, {system}"


def goals(results):
    """The main table: what we set out to reach, and what was measured."""
    pairs = {(ours, theirs, work): taken for ours, theirs, work, _, taken in results["pairs"]}
    tcp = "minisocketserver.TCPServer"
    rows = [slowest_row(pairs, results["starts"])]

    def compare(what, ours, theirs, work, figure, goal):
        if (ours, theirs, work) in pairs:
            us, them = (column(taken, figure) for taken in pairs[ours, theirs, work])
            rows.append(goal_row(what, us, them, figure, goal))

    compare("`TCPServer` and a bare accept loop", tcp, "bare", "echo", "cost", 1.25)
    compare("thread pool and `ThreadingTCPServer` there", "pool", STANDARD, "echo", "rate", 2.0)
    compare("pre-fork and `TCPServer`, computing", "pre-fork", tcp, "compute", "rate", 1.8)
    rest = results["rest"]
    stops = [rest[name]["shutdown"] for name in ("socketserver.TCPServer", tcp)]
    rows.append(goal_row("`shutdown()` there and here", *stops, "shutdown", 100.0))
    unix = "minisocketserver.UnixStreamServer"
    compare("`UnixStreamServer` and `TCPServer`, both here", unix, tcp, "echo", "rate", 1.0)
    head = ["compared", "figure", "first", "second", "times (middle half)", "goal", "reached"]
    return table(head, rows)


def slowest_row(pairs, starts):
    """The drop-in that was the slower one in most starts."""
    rates = {
        pair: [column(figures, "rate") for figures in taken]
        for pair, taken in pairs.items()
        if same_class(*pair[:2])
    }
    lost = {pair: lost_starts(*figures, starts) for pair, figures in rates.items()}
    medians = {pair: ratios(*figures)[1] for pair, figures in rates.items()}
    slowest = max(rates, key=lambda pair: (lost[pair], -medians[pair]))
    what = f"the slowest drop-in, `{slowest[0].split('.')[1]}`, and its counterpart"
    row = goal_row(what, *rates[slowest], "rate", 1.0)
    return [*row[:-1], slowest_verdict(lost[slowest], starts)]


def lost_starts(us, them, starts):
    """In how many of the starts the first was slower than the second."""
    rounds = len(us) // starts
    begins = range(0, starts * rounds, rounds)
    return sum(ratios(us[n : n + rounds], them[n : n + rounds])[1] < 1 for n in begins)


def slowest_verdict(lost, starts):
    told = f"slower in {lost} of {starts} starts"
    if 2 * lost <= starts:
        return f"yes: {told}"
    if tosses(lost, starts) > CHANCE:
        return f"level: {told}, which two alike may be"
    return f"no: {told}"


def tosses(lost, starts):
    """Return how probable it is that one of two that are alike loses so often, or more often."""
    return sum(math.comb(starts, n) for n in range(lost, starts + 1)) / 2**starts


def goal_row(what, us, them, figure, goal):
    title, show = FIGURES[figure]
    low, middle, high = ratios(us, them)
    bound = "at most" if figure == "cost" else "at least"
    reached = middle <= goal if figure == "cost" else middle >= goal
    verdict = "yes" if reached else "within the spread" if low <= goal <= high else "no"
    first, second = (show(quartiles(values)[1]) for values in (us, them))
    return [what, title, first, second, times(us, them), f"{bound} {goal:g}", verdict]


def rate(value):
    return f"{value:,.0f}/s"


def microseconds(value):
    return f"{value * 1e6:,.1f} µs"


def milliseconds(value):
    return f"{value * 1e3:,.2f} ms"


FIGURES = {
    "rate": ("requests", rate),
    "cost": ("cost of a request", microseconds),
    "shutdown": ("time", milliseconds),
}


def pairs_table(pairs, starts):
    rows = []
    for ours, theirs, work, clients, (us, them) in pairs:
        rates = column(us, "rate"), column(them, "rate")
        rows.append(
            [
                f"{label(ours)} and {'itself' if ours == theirs else label(theirs)}",
                f"{work}, {clients}",
                rate(median(us, "rate")),
                rate(median(them, "rate")),
                times(*rates),
                times(column(us, "cost"), column(them, "cost")),
                f"{lost_starts(*rates, starts)} of {starts}",
            ]
        )
    head = ["compared", "work, clients", "first", "second", "times the requests", "times the cost"]
    return table([*head, "slower in"], rows)


def work_table(work):
    rows = []
    for name, clients, taken in work:
        standard = taken.get(STANDARD) or taken["socketserver.UDPServer"]
        bare = next(figures for server, figures in taken.items() if server.startswith("bare"))
        for server, figures in taken.items():
            limited = clients > 1 and median(figures, "client") > 0.9
            rows.append(
                [
                    f"{name}, {clients}",
                    label(server),
                    rate(median(figures, "rate")) + " \\*" * limited,
                    times(column(figures, "rate"), column(standard, "rate")),
                    milliseconds(median(figures, "p50")),
                    milliseconds(median(figures, "p99")),
                    microseconds(median(figures, "cost")),
                    times(column(figures, "cost"), column(bare, "cost")),
                ]
            )
    head = ["work, clients", "server", "requests", "times the threads there", "half within"]
    return table([*head, "99 % within", "cost of a request", "times the bare loop"], rows)


def rest_table(rest):
    standard = rest["socketserver.TCPServer"]["shutdown"], rest[STANDARD]["held"]
    rows = [[label(name), *rest_cells(figures, *standard)] for name, figures in rest.items()]
    head = ["server", "`shutdown()`", "times quicker than `socketserver.TCPServer`"]
    head += ["wake-ups", "memory for a connection", "times the threads there"]
    return table([*head, "out of descriptors"], rows)


def rest_cells(figures, stops, held):
    shown = {
        "shutdown": milliseconds,
        "wakeups": lambda value: f"{value:.1f}/s",
        "held": lambda value: f"{value / 1000:,.1f} kB",
        "starved": lambda value: f"{value:.1%}",
    }
    cells = {name: "" for name in shown}
    for name, values in figures.items():
        cells[name] = shown[name](quartiles(values)[1]) if values else ""
    quicker = times(stops, figures["shutdown"]) if cells["shutdown"] else ""
    more = times(figures["held"], held) if cells["held"] else ""
    return [cells["shutdown"], quicker, cells["wakeups"], cells["held"], more, cells["starved"]]


def table(head, rows):
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def same_class(ours, theirs):
    """Tell whether this is a drop-in of ours and its counterpart."""
    return theirs == f"socketserver.{ours.removeprefix('minisocketserver.')}"


def label(name):
    return f"`{name}`" if "." in name else name


def column(figures, name):
    return [figure[name] for figure in figures]


def median(figures, name):
    return quartiles(column(figures, name))[1]


def times(ours, theirs):
    """Say how many times theirs ours is: the median of the rounds, and their middle half."""
    low, middle, high = (f"{n:,.0f}" if n >= 100 else f"{n:.3g}" for n in ratios(ours, theirs))
    return f"{middle} ({low} to {high})"


def plot(results, file):
    """Draw how the echo grows with the clients: requests a second, and the slowest answers."""
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "the same file for the same figures"
    from matplotlib import pyplot  # after the choice of the way to draw

    echoes = [
        (n, taken) for work, n, taken in results["work"] if work == "echo" and STANDARD in taken
    ]
    figure, panels = pyplot.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    titles = {"rate": "requests a second", "p99": "99 of 100 answered within (seconds)"}
    for panel, (name, title) in zip(panels, titles.items(), strict=True):
        for server in echoes[0][1]:
            points = [quartiles(column(taken[server], name)) for _, taken in echoes]
            draw(panel, server, [n for n, _ in echoes], points)
        panel.set(xscale="log", yscale="log", xlabel="clients at once", title=title)
        clients = [n for n, _ in echoes]
        panel.set_xticks(clients, [f"{n:,}" for n in clients])
        panel.grid(alpha=0.3)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right", fontsize=9)
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)


def draw(panel, server, clients, points):
    """One server's line, and its middle half as a shade. Ours are drawn whole, others dashed."""
    family = server.split(".")[-1]
    ours = server.startswith("minisocketserver.") or family in ("pool", "pre-fork")
    low, middle, high = zip(*points, strict=True)
    style = {"color": COLOURS[family], "linestyle": "-" if ours else "--"}
    panel.plot(clients, middle, label=server, marker=".", **style)
    panel.fill_between(clients, low, high, color=COLOURS[family], alpha=0.15, linewidth=0)


FAMILIES = ["TCPServer", "ThreadingTCPServer", "ForkingTCPServer", "pool", "pre-fork", "asyncio"]
FAMILIES += ["gevent", "bare"]
COLOURS = {family: f"C{number}" for number, family in enumerate(FAMILIES)}


def quote(text, file):
    """Copy the goals of RESULTS.md into the README, and the first line, which says when."""
    between = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    goals = between.search(text)[0]
    date = text.split("\n\n")[1].split(". ")[0]
    said = goals.replace(BEGIN, f"{BEGIN}Measured {date}.\n\n")
    file.write_text(between.sub(lambda _: said, file.read_text("utf-8")), encoding="utf-8")
