"""How we know: a folder for each room, and what several of them need."""

PROGRAM_SECONDS = 400
"""The time for a program that a test starts. On an idle machine none takes a tenth of it."""
