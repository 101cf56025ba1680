"""How fast the library is, next to the standard library."""
