"""The projection: what git, the rules and the audit say, as tables that can be made anew."""

PROCESS = f"{__name__}.follower"
"""The module that runs as a process of its own, beside the server."""
