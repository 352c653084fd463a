"""Ledgers: what a commit of one holds, and the state that its events make."""
