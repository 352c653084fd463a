"""Use cases, one verb a file: each takes a frozen context and returns a value to render."""
