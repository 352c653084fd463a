"""Adapters: how each program is started, what its output means, and how its end is judged."""
