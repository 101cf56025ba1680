"""CPython's own test suites, from the running interpreter's `test` package, on our module.

`python -m tools.cpython_suites` prints a table of them. The runner is the bench's: chapter 09
uses it too.
"""
