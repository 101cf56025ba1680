"""Submissions that would harm a grader, or win points by cheating, and what comes of them."""
