"""Grading a class: student code in a process of its own, judged from another one."""
