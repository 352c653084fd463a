"""The kernel: events, commits, replay, merge, reading and writing of ledgers, with or without a work tree."""
