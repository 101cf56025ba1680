"""The engine of the checks: what is asked of an answer, and what came. It knows no exercise."""
