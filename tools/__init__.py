"""Programs for authors and reviewers; `python -m tools` lists them."""
