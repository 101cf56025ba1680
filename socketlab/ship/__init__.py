"""`socketserver` put together from planks: the example, the suites of others, the capstone."""
