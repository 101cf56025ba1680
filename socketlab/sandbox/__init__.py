"""A process with limits, out of sight of everything else."""
