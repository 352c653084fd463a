"""The runner: works off the tasks of a session, with git as the only queue."""
