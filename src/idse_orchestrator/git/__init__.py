"""The git program and libgit2: the only doors to them, and what both need."""
