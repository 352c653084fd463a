"""Ledgers in a plain folder, for places where git is not allowed: files that a person can read."""
