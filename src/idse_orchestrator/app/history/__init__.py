"""Use cases that look back: log, show and diff."""
