"""CPython's own test suites, from the running interpreter's `test` package, on our module.

`python -m tests.cpython` runs them all and prints a table. The runner is the bench's: chapter 09
uses it too.
"""
