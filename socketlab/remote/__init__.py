"""Objects that live in another process."""
