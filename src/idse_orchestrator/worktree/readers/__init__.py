"""Sources of documents that need a work tree: the folder, the index, and how they differ."""
