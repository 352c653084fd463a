"""Finds what is wrong with a repository, mends it, and takes idse out of it again."""
