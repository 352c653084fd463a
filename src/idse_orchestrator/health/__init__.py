"""What can be wrong with a repository, what mends it, and what idse has put into it."""
