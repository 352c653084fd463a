"""Push and pull: what goes where, in which order, and what came of it."""
