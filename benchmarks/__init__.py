"""How fast the library is, next to the standard library and to what a user would pick instead."""
