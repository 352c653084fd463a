"""Builds the application from its parts: the only floor that knows all adapters."""
