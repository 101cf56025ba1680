"""One-line faults in our solutions, and whether the checks notice them.

Each fault changes one thing in an answer cell: a statement is left out, a condition turned
round, a constant or a comparison changed. EXPLAINED says of those that no check notices why the
answer is still a right one. `more_kinds` makes more kinds of faults.
"""

import ast
import multiprocessing
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from socketlab.checks import core
from socketlab.exercises import find
from socketlab.project import PROJECT, answer_cell, setup_cell

from ..mutators import Changes, numbered

SOLUTIONS = PROJECT / "solutions"
DEADLINE = 20
"""Seconds after which an answer under check counts as stuck, and so as noticed."""

EXPLAINED = {
    ("01.1", "line 5: 65537 for 65536"): "in a loop any size will do",
    ("01.1", "line 14: False for True"): "the thread has ended when relay is back",
    ("01.2", "line 6: 1025 for 1024"): "in a loop any size will do",
    ("02.1", "line 33: 2 for 1"): "there is one byte in the line",
    ("02.2", "line 3: 65537 for 65536"): "the request is shorter than either",
    ("04.1", "line 25: 32769 for 32768"): "a question has no code",
    ("04.1", "line 32: 61 for 60"): "an answer may be kept for any time",
    ("05.1", "line 6: 2 for 1"): "it waits a second longer for a server that does not answer",
    ("05.3", "line 6: 2 for 1"): "it waits a second longer for a server that does not answer",
    ("06.1", "line 12: 1.1 for 0.1"): "a second is prompt enough",
    ("06.2", "line 10: 65537 for 65536"): "any size that holds the request will do",
    ("06.3", "line 10: 101 for 100"): "any size that holds the name will do",
    ("07.1", "line 22: 65537 for 65536"): "in a loop any size will do",
    ("07.2", "line 10: 65537 for 65536"): "any size that holds the request will do",
    ("07.3", "line 22: 101 for 100"): "any size that holds the name will do",
    ("10.1", "line 8: Sub in a sum"): "the backlog is longer than the check's line of clients",
    ("10.1", "line 8: 2 for 1"): "likewise",
    ("11.1", "line 23: Lt in a comparison"): "never equal",
    ("11.1", "line 24: without \"raise TimeoutError('no hello in time')\""): (
        "recv raises it, unless a byte comes at the very end"
    ),
    ("08.1", "line 5: 6 for 5"): "the line was in the exercise, and is not the learner's",
    ("08.1", "line 8: without 'return message'"): "likewise",
}


@dataclass(frozen=True)
class Fault:
    """A change to our solution of an exercise, and the text of the answer with it."""

    exercise: str
    name: str
    source: str


def faults_in(spec):
    """Yield the faults put into our solution of an exercise."""
    changes = Changes(ast.parse(answer_cell(SOLUTIONS, spec.id)))
    changes.visit(changes.tree)
    yield from named(spec, changes.found)


def named(spec, changes):
    """Yield a fault for each (what, changed tree), and number those of one name."""
    for name, source in numbered(changes):
        yield Fault(spec.id, name, source)


def unchanged(spec):
    """Return our solution with nothing changed: a judge who turns it down proves nothing."""
    return Fault(spec.id, "none", answer_cell(SOLUTIONS, spec.id))


def _judge(fault, patience, verdict):
    # In a process of its own: an answer may change what it likes, or never end.
    spec = find(fault.exercise)
    for name, module in list(sys.modules.items()):
        if name.startswith(("socketlab.checks.", "socketlab.exercises.")) and hasattr(
            module, "PATIENCE"
        ):
            module.PATIENCE = patience
    namespace = {"__name__": "__main__"}
    try:
        exec(setup_cell(SOLUTIONS, spec.id), namespace)
        exec(compile(fault.source, "<answer>", "exec"), namespace)
        for part in spec.checks.values():
            if core.attempt(spec, part, (), namespace):
                return verdict.put("CaseError")
    except BaseException as error:
        verdict.put(type(error).__name__)
    else:
        verdict.put("")


def is_noticed(fault, patience=1.0):
    """Tell whether the checks turn the changed solution down."""
    context = multiprocessing.get_context("fork")
    verdict = context.SimpleQueue()
    process = context.Process(target=_judge, args=(fault, patience, verdict), daemon=True)
    process.start()
    process.join(DEADLINE)
    if process.is_alive():
        process.kill()
        process.join()
        return True
    return verdict.empty() or bool(verdict.get())


def unnoticed(faults, jobs=4):
    """Return the faults that no check notices; each gets a second try, with more time to show.

    On a busy machine a fault may need it.
    """
    with ThreadPoolExecutor(jobs) as pool:  # they wait more than they work
        noticed = pool.map(lambda fault: is_noticed(fault) or is_noticed(fault, 2.0), faults)
        return [fault for fault, told in zip(faults, noticed, strict=True) if not told]
