"""A process with limits, out of sight of everything else."""

LEVELS = {
    "namespaces": "A submission sees neither your files, nor your processes, nor your network; "
    "what it starts dies with it; CPU, memory, processes, disk, output and time are limited.",
    "process": "A submission runs with limits on CPU, memory, processes, files, output and time, "
    "and what it starts is ended with it. It can read the files that its user can read, and reach "
    "the network. With Linux 6.12 it can neither write to other folders nor signal processes of "
    "its user, with 5.13 not write. So grade on a machine that holds nothing else.",
}
"""What each level of isolation protects from, the stronger one first."""
