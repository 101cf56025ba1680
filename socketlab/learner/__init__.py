"""The learner's own copy of the course, what was done in it, and the commands about exercises."""
