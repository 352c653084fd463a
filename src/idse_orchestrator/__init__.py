"""IDSE Orchestrator: hold a piece of work to its pipeline, with git as the only memory."""

__version__ = "0.1.0"
