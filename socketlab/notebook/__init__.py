"""Run servers in a notebook, see what they did, understand what went wrong."""
