"""What becomes of an attempt: its result in git, and the branch that takes it in."""
