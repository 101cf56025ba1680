"""What trying an answer may take: seconds on the clock, seconds of computing, memory."""

CELLS_SECONDS = 5.0
"""What all cells may take together before the one that runs is stopped."""
LATER_CELL_SECONDS = 0.5
"""What each cell may take that runs after that."""
CELLS_END_SECONDS = 7.0
"""After so many the process is ended whose cells go on all the same."""
assert CELLS_SECONDS + LATER_CELL_SECONDS < CELLS_END_SECONDS

SLOW_SECONDS = 1.0
"""A check that takes longer probably hangs; then those after it are made beside it."""
CHECK_SECONDS = 10.0
"""The time for one check, in which its own deadlines have long passed."""
BUSY_ROUNDS = 3
"""On a machine that is too busy all may take so many times as long."""
TRIES = 3
"""How often a check is made that failed while the machine was too busy."""
LAST_WORDS_SECONDS = 1.0
"""In these it becomes known how a process has ended whose link is broken."""

PROCESS_CPU = 2
"""Seconds that a student's process may compute before the kernel ends it; whole ones."""
CELLS_CPU = 1.5
"""What the cells may compute, so that those after the one that takes too long still run."""
CHECKS_CPU, EACH_CHECK_CPU = 0.4, 0.1
"""What the checks may make an answer compute, all together and each. Most take a hundredth."""
TOGETHER_CPU = 0.4
"""What the cells may compute, and the answers to the checks, where all are tried together."""
assert max(CELLS_CPU, TOGETHER_CPU) < PROCESS_CPU

JUDGE_MEMORY = 512 << 20
"""Bytes for the judge, whatever it is sent. It takes a tenth of them."""
JUDGE_CPU = 5
"""Seconds that the judge may compute, whatever it is sent. It takes a tenth of one."""


def most_seconds(count: int) -> float:
    """Return what a trial of so many checks, or exercises, takes on a machine that is too busy."""
    return BUSY_ROUNDS * (CELLS_END_SECONDS + CHECK_SECONDS * count)
