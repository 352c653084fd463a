"""The Agency as a git remote: transport, what comes in, what may go out, sync points."""
