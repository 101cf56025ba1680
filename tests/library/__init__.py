"""The library under load and faults, and its parts beyond the standard library."""
