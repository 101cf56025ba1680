"""The same actions on our module and on the standard library's give the same events."""
