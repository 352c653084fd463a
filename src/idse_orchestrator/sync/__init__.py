"""Ledgers on their way to an Agency and back: the guard, the transport, sync points."""
