"""Makes use cases of a vault or a work tree, an actor and settings. Only it and `cli` look around."""
