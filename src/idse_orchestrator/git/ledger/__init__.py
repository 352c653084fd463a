"""Ledgers: one lock, one door for writing, one for reading, and their history."""
