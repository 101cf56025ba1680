"""The program that grows with the chapters, as a learner runs it in a terminal."""
